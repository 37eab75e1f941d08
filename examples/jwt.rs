//! Bearer tokens: `/login` gives one, the hub asks for it.
//!
//! `cargo run --example jwt`, then in Node:
//!
//! ```js
//! import { HubConnectionBuilder } from "@microsoft/signalr";
//! const url = "http://127.0.0.1:8080";
//! const login = () => fetch(`${url}/login?name=ann`).then((response) => response.text());
//! const connection = new HubConnectionBuilder().withUrl(`${url}/whoami`, { accessTokenFactory: login }).build();
//! await connection.start(); // without the token: 401
//! console.log(await connection.invoke("WhoAmI")); // ann
//! ```
//!
//! The client calls the factory before each of its HTTP requests, so it always has a fresh token.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use actix_signalr::{HttpServerExt, HubCallerContext, HubResult, JwtBearer, SignalR, hub};
use actix_web::{
    App, HttpServer, Responder,
    error::ErrorInternalServerError,
    get,
    web::{Query, ServiceConfig},
};
use jsonwebtoken::{EncodingKey, Header};
use serde::{Deserialize, Serialize};

struct WhoAmIHub;

/// `#[authorize]` on the block: nobody connects without a valid token.
#[hub]
#[authorize]
impl WhoAmIHub {
    async fn who_am_i(&self, ctx: HubCallerContext) -> HubResult<String> {
        Ok(ctx.user().name().unwrap_or_default().to_owned())
    }
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let signalr = SignalR::builder()
        // Browsers cannot give a WebSocket a header, so the token is also read from the query's `access_token`.
        .authentication(JwtBearer::hs256(KEY).issuer(ISSUER).audience(AUDIENCE))
        .hub("/whoami", WhoAmIHub)
        .build()?;
    HttpServer::new(move || App::new().configure(signalr.routes()).configure(login_routes))
        .for_hubs()
        .bind(("127.0.0.1", 8080))?
        .run()
        .await
}

fn login_routes(config: &mut ServiceConfig) {
    config.service(login);
}

#[derive(Deserialize)]
struct Login {
    name: String,
}

/// Gives everybody a token for any name, good for five minutes. A real application asks for a password first.
#[get("/login")]
async fn login(Query(Login { name }): Query<Login>) -> actix_web::Result<impl Responder> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(ErrorInternalServerError)?;
    let exp = (now + Duration::from_secs(300)).as_secs();
    let claims = Claims { sub: &name, unique_name: &name, iss: ISSUER, aud: AUDIENCE, exp };
    let token = jsonwebtoken::encode(&Header::default(), &claims, &EncodingKey::from_secret(KEY));
    token.map_err(ErrorInternalServerError)
}

#[derive(Serialize)]
struct Claims<'a> {
    /// Becomes the name identifier, which is the default user id.
    sub: &'a str,
    /// Becomes the name.
    unique_name: &'a str,
    iss: &'a str,
    aud: &'a str,
    /// Seconds since 1970.
    exp: u64,
}

const ISSUER: &str = "https://login.example.com";
const AUDIENCE: &str = "whoami";

/// For trying out only: a real one is random, and comes from outside of the program.
const KEY: &[u8] = b"at least thirty-two bytes of secret";
