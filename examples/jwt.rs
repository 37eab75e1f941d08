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
//!
//! The key that signs the tokens is that of the environment's `JWT_KEY`, of 32 bytes or more, or one that is made up at the start
//! and gone with the program. Another address goes behind `--`: `cargo run --example jwt -- 127.0.0.1:9000`.

use std::{
    env, io,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use actix_signalr::{HttpServerExt, HubCallerContext, HubResult, JwtBearer, SignalR, hub};
use actix_web::{
    App, HttpServer, Responder,
    error::ErrorInternalServerError,
    get,
    web::{Data, Query},
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
async fn main() -> io::Result<()> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let key = key()?;
    let signalr = SignalR::builder()
        // Browsers cannot give a WebSocket a header, so the token is also read from the query's `access_token`.
        .authentication(JwtBearer::hs256(&key).issuer(ISSUER).audience(AUDIENCE))
        .hub("/whoami", WhoAmIHub)
        .build()?;
    let signing = Data::new(EncodingKey::from_secret(&key));
    let app = move || App::new().app_data(signing.clone()).configure(signalr.routes()).service(login);
    let server = HttpServer::new(app).for_hubs().bind(address)?;
    for address in server.addrs() {
        println!("listening on http://{address}");
    }
    server.run().await
}

/// Whoever knows it makes tokens for anybody: so it is in no source, and long enough that nobody guesses it.
fn key() -> io::Result<Vec<u8>> {
    if let Ok(key) = env::var("JWT_KEY") {
        return Ok(key.into_bytes());
    }
    let mut key = vec![0; 32];
    getrandom::fill(&mut key).map_err(io::Error::other)?;
    Ok(key)
}

#[derive(Deserialize)]
struct Login {
    name: String,
}

/// Gives everybody a token for any name, good for five minutes. A real application asks for a password first.
#[get("/login")]
async fn login(
    Query(Login { name }): Query<Login>,
    key: Data<EncodingKey>,
) -> actix_web::Result<impl Responder> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(ErrorInternalServerError)?;
    let exp = (now + Duration::from_secs(300)).as_secs();
    let claims = Claims { sub: &name, unique_name: &name, iss: ISSUER, aud: AUDIENCE, exp };
    let token = jsonwebtoken::encode(&Header::default(), &claims, &key);
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
