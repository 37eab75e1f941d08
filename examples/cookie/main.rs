//! Cookies: an application with accounts, and a chat whose hub knows who has signed in.
//!
//! `cargo run --example cookie`, then open <http://127.0.0.1:8080> in two browsers, register twice and write to one another. The
//! accounts are in memory; another address and the name of a SQLite file may follow: `-- 127.0.0.1:8080 accounts.sqlite`.
//!
//! - `hub.rs`: what the page calls, and what it hears
//! - `accounts.rs`: an actor with a SQLite database: who is registered, and what is claimed of him
//! - `passwords.rs`: what the database has in place of passwords
//! - `pages.rs`: registering, signing in and out, the page itself
//!
//! The browser sends the cookie along by itself: with the page's requests and with the WebSocket of Microsoft's client alike.

mod accounts;
mod hub;
mod pages;
mod passwords;

use std::{env, io, path::PathBuf};

use actix_signalr::{
    CookieAuthentication, EmailUserIdProvider, HttpServerExt, InMemorySessionStore, KeyRing, SignalR,
    write_renewed_cookies,
};
use actix_web::{App, HttpServer, middleware::from_fn, web::Data};
use tracing_subscriber::EnvFilter;

use crate::{accounts::Accounts, hub::ChatHub};

#[actix_web::main]
async fn main() -> io::Result<()> {
    tracing_subscriber::fmt().with_env_filter(EnvFilter::from_default_env()).with_writer(io::stderr).init();
    let mut arguments = env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let accounts = Accounts::start(arguments.next().map(PathBuf::from)).map_err(io::Error::other)?;
    // A server that is to know its users after a restart reads its keys from where it keeps its secrets, and keeps its
    // sessions in a store that lasts.
    let sessions = InMemorySessionStore::new();
    let cookies = CookieAuthentication::new(KeyRing::random().map_err(io::Error::other)?)
        .login_path("/Account/Login")
        .session_store(sessions.clone());
    let signalr = SignalR::builder()
        .authentication(cookies.clone())
        // Only because registering makes sure that an address belongs to one account alone.
        .user_id_provider(EmailUserIdProvider)
        .hub("/chat", ChatHub)
        .build()?;
    let hubs = signalr.clone();
    let server = HttpServer::new(move || {
        App::new()
            .wrap(from_fn(write_renewed_cookies))
            .wrap(from_fn(pages::refuse_other_sites))
            .app_data(Data::new(accounts.clone()))
            .app_data(Data::new(cookies.clone()))
            .app_data(Data::new(sessions.clone()))
            .app_data(Data::new(hubs.clone()))
            .configure(hubs.routes())
            .configure(pages::routes)
    })
    .for_hubs()
    .disable_signals()
    .shutdown_timeout(1)
    .bind(address)?;
    for address in server.addrs() {
        println!("listening on http://{address}");
    }
    signalr.run(server.run()).await
}
