//! A chat with rooms, direct messages and bans.
//!
//! `cargo run --example chat`, then open http://127.0.0.1:8080 in two windows and be two people.
//! `RUST_LOG=actix_signalr=debug` before it shows what the server sees.
//!
//! - `hub.rs`: what the page calls, and what it hears; begin there
//! - `people.rs`: who is here, who is in which room, who is banned
//! - `policy.rs`: who may ban
//! - `login.rs`, `tokens.rs`: a sign-in without passwords, and the tokens it gives

#[path = "../allocator/mod.rs"]
mod allocator;
mod arguments;
mod hub;
mod login;
mod people;
mod policy;
mod tokens;

use std::{env, io, net::SocketAddr, process::ExitCode};

use actix_signalr::{HttpServerExt, NameUserIdProvider, Policy, SignalR};
use actix_web::{
    App, HttpResponse, HttpServer,
    web::{self, ServiceConfig},
};
use tracing_subscriber::EnvFilter;

use crate::{hub::ChatHub, policy::DomainRestricted, tokens::Tokens};

#[actix_web::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt().with_env_filter(EnvFilter::from_default_env()).with_writer(io::stderr).init();
    let address = match arguments::address(env::args().skip(1)) {
        Ok(address) => address,
        Err(err) => {
            eprintln!("chat: {err}\n{}", arguments::USAGE);
            return ExitCode::from(2);
        }
    };
    if let Err(err) = serve(address).await {
        eprintln!("chat: cannot serve at {address}: {err}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Serves the page, the sign-in and the hub until the process is told to end.
async fn serve(address: SocketAddr) -> io::Result<()> {
    let tokens = Tokens::from_environment()?;
    let signalr = SignalR::builder()
        .authentication(tokens.scheme())
        .policy("DomainRestricted", Policy::new().require(DomainRestricted { domain: "@example.com" }))
        // A direct message is addressed to a name, so the name is the user id.
        .user_id_provider(NameUserIdProvider)
        .hub("/chat", ChatHub::default())
        .build()?;

    let tokens = web::Data::new(tokens);
    let hubs = signalr.clone();
    let server = HttpServer::new(move || {
        allocator::give_back();
        App::new().configure(hubs.routes()).app_data(tokens.clone()).configure(login::routes).configure(pages)
    })
    .for_hubs()
    // The server is ended by `signalr.run`, which tells clients first.
    .disable_signals()
    .shutdown_timeout(1)
    .bind(address)?;
    for address in server.addrs() {
        println!("listening on http://{address}");
    }
    signalr.run(server.run()).await
}

/// The page and what it loads, built into the program.
fn pages(config: &mut ServiceConfig) {
    const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
    for (path, content_type, text) in [
        ("/", "text/html; charset=utf-8", include_str!("index.html")),
        ("/chat.css", "text/css; charset=utf-8", include_str!("chat.css")),
        ("/chat.js", JAVASCRIPT, include_str!("chat.js")),
        ("/signalr.js", JAVASCRIPT, include_str!("vendor/signalr.min.js")),
    ] {
        let page = move || async move { HttpResponse::Ok().content_type(content_type).body(text) };
        config.route(path, web::get().to(page));
    }
}
