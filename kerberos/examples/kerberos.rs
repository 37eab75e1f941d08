//! Kerberos: a hub that knows who somebody in the domain is, without a login page.
//!
//! With a keytab that has the key of `HTTP/<this host>@<REALM>`:
//!
//! `KRB5_KTNAME=server.keytab cargo run -p actix-signalr-kerberos --example kerberos`
//!
//! Then, as somebody who has a ticket (`kinit ann`): `curl --negotiate -u : http://<this host>:8080/me`. A .NET client sets
//! `UseDefaultCredentials`; browsers have to be told which servers they may identify their users to.

use std::{env, io};

use actix_signalr::{
    HttpServerExt, HubCallerContext, HubResult, NameUserIdProvider, NegotiateAuthentication,
    NegotiateConnection, SignalR, SignedIn, hub, keep_socket, write_renewed_cookies,
};
use actix_signalr_kerberos::Kerberos;
use actix_web::{App, HttpServer, get, middleware::from_fn};

struct WhoAmIHub;

#[hub]
#[authorize]
impl WhoAmIHub {
    async fn who_am_i(&self, ctx: HubCallerContext) -> HubResult<String> {
        Ok(ctx.user_id().unwrap_or_default().to_owned())
    }
}

/// The same for a page.
#[get("/me")]
async fn me(user: SignedIn) -> String {
    user.name().unwrap_or_default().to_owned()
}

#[actix_web::main]
async fn main() -> io::Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(io::stderr)
        .init();
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let signalr = SignalR::builder()
        .authentication(NegotiateAuthentication::new(Kerberos::new()?))
        // A Kerberos user has a name and no identifier.
        .user_id_provider(NameUserIdProvider)
        .hub("/whoami", WhoAmIHub)
        .build()?;
    // The middleware is for the page: it writes down what the server identifies itself with.
    let app = move || App::new().wrap(from_fn(write_renewed_cookies)).configure(signalr.routes()).service(me);
    let server = HttpServer::new(app).for_hubs().on_connect(|io, data| {
        keep_socket(io, data);
        NegotiateConnection::begin(io, data);
    });
    let server = server.bind(address)?;
    for address in server.addrs() {
        println!("listening on http://{address}");
    }
    server.run().await
}
