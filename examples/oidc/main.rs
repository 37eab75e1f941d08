//! OpenID Connect: a hub for whoever has a token of an identity provider.
//!
//! The server knows nothing but the provider's address; keys and issuer come from its document, and new keys as soon as a token
//! is signed with one. `npm ci --prefix examples/oidc && cargo run --example oidc --features openid-connect` starts a provider at
//! port 3000 beside it, then in Node:
//!
//! ```js
//! import { HubConnectionBuilder } from "@microsoft/signalr";
//! import { machineToken } from "./examples/oidc/provider.mjs";
//! const accessTokenFactory = () => machineToken("http://127.0.0.1:3000");
//! const connection = new HubConnectionBuilder().withUrl("http://127.0.0.1:8080/whoami", { accessTokenFactory }).build();
//! await connection.start(); // without the token: 401
//! console.log(await connection.invoke("WhoAmI")); // machine
//! ```
//!
//! With your own provider: `cargo run --example oidc --features openid-connect -- 127.0.0.1:8080 https://login.example.com`.

use std::{env, io, process::Command};

use actix_signalr::{Authority, HttpServerExt, HubCallerContext, HubResult, JwtBearer, SignalR, hub};
use actix_web::{App, HttpServer};

struct WhoAmIHub;

#[hub]
#[authorize]
impl WhoAmIHub {
    async fn who_am_i(&self, ctx: HubCallerContext) -> HubResult<String> {
        Ok(ctx.user_id().unwrap_or_default().to_owned())
    }
}

#[actix_web::main]
async fn main() -> io::Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(io::stderr)
        .init();
    let mut arguments = env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let (authority, provider) = match arguments.next() {
        Some(authority) => (authority, None),
        None => {
            let script = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/oidc/provider.mjs");
            ("http://127.0.0.1:3000".to_owned(), Some(Command::new("node").args([script, "3000"]).spawn()?))
        }
    };
    // What goes over the loopback address needs no HTTPS.
    let is_here = authority.starts_with("http://127.0.0.1:");
    let authority = Authority::new(authority).require_https_metadata(!is_here);
    let signalr = SignalR::builder()
        .authentication(JwtBearer::with_authority(authority).audience("chat").valid_types(["at+jwt"]))
        .hub("/whoami", WhoAmIHub)
        .build()?;
    let server = HttpServer::new(move || App::new().configure(signalr.routes())).for_hubs().bind(address)?;
    for address in server.addrs() {
        println!("listening on http://{address}");
    }
    server.run().await?;
    if let Some(mut provider) = provider {
        provider.kill()?;
        provider.wait()?;
    }
    Ok(())
}
