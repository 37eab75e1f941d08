//! Who a user is: the mail address in the token, instead of the name identifier.
//!
//! `cargo run --example user_id` prints a token for ann and one for bob. Then, in Node:
//!
//! ```js
//! import { HubConnectionBuilder } from "@microsoft/signalr";
//! const connect = (accessTokenFactory) =>
//!   new HubConnectionBuilder().withUrl("http://127.0.0.1:8080/letters", { accessTokenFactory }).build();
//! const ann = connect(() => "the token of ann"), bob = connect(() => "the token of bob");
//! bob.on("Letter", (from, text) => console.log(`${from}: ${text}`)); // ann@example.com: hello
//! await Promise.all([ann.start(), bob.start()]);
//! await ann.invoke("Write", "bob@example.com", "hello");
//! ```
//!
//! All connections with bob's address receive it. An address that two users may have would be a leak: whoever gives the
//! tokens must have checked it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use actix_signalr::{
    EmailUserIdProvider, HttpServerExt, HubCallerContext, HubResult, JwtBearer, SignalR, hub,
};
use actix_web::{App, HttpServer};
use jsonwebtoken::{EncodingKey, Header};
use serde_json::json;

struct LetterHub;

#[hub]
#[authorize]
impl LetterHub {
    async fn write(&self, ctx: HubCallerContext, to: String, text: String) -> HubResult {
        Ok(ctx.clients().user(to).send("Letter", (ctx.user_id(), text)).await?)
    }
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let signalr = SignalR::builder()
        .authentication(JwtBearer::hs256(KEY).issuer(ISSUER).audience(AUDIENCE))
        // Asked once for each connection, when it begins. Others implement `UserIdProvider`, or are a closure.
        .user_id_provider(EmailUserIdProvider)
        .hub("/letters", LetterHub)
        .build()?;
    for (subject, email) in [("1", "ann@example.com"), ("2", "bob@example.com")] {
        println!("{email}: {}", token(subject, email).map_err(std::io::Error::other)?);
    }
    HttpServer::new(move || App::new().configure(signalr.routes()))
        .for_hubs()
        .bind(("127.0.0.1", 8080))?
        .run()
        .await
}

/// A token that is good for an hour.
fn token(subject: &str, email: &str) -> jsonwebtoken::errors::Result<String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let exp = (now + Duration::from_secs(3600)).as_secs();
    let claims = json!({ "sub": subject, "email": email, "iss": ISSUER, "aud": AUDIENCE, "exp": exp });
    jsonwebtoken::encode(&Header::default(), &claims, &EncodingKey::from_secret(KEY))
}

const ISSUER: &str = "https://login.example.com";
const AUDIENCE: &str = "letters";

/// For trying out only: a real one is random, and comes from outside of the program.
const KEY: &[u8] = b"at least thirty-two bytes of secret";
