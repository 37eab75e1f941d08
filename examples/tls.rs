//! TLS by rustls: WebSockets over HTTP/1.1, Server-Sent Events and long polling over HTTP/2.
//!
//! `cargo run --example tls --features rustls-0_23 -- 127.0.0.1:8443 certificate.pem` makes a certificate for this run, and writes
//! it there for clients that are to trust it. In Node:
//!
//! ```js
//! import { HubConnectionBuilder } from "@microsoft/signalr"; // run with NODE_EXTRA_CA_CERTS=certificate.pem
//! const connection = new HubConnectionBuilder().withUrl("https://127.0.0.1:8443/hub").build();
//! await connection.start();
//! console.log(await connection.invoke("Transport")); // WebSockets
//! ```
//!
//! Which version of HTTP a client gets is agreed on within TLS; browsers ask for HTTP/1.1 where they want a WebSocket.

use std::{io, sync::Arc};

use actix_signalr::{HttpServerExt, HubCallerContext, HubResult, SignalR, hub};
use actix_web::{App, HttpServer};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};

struct SecureHub;

#[hub]
impl SecureHub {
    /// By which transport the caller is connected.
    async fn transport(&self, ctx: HubCallerContext) -> HubResult<&'static str> {
        Ok(ctx.request().transport().name())
    }
}

/// A certificate of its own, as text, and a configuration that shows it. Yours come from a certificate authority.
fn certificate() -> io::Result<(String, ServerConfig)> {
    let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).map_err(io::Error::other)?;
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .map_err(io::Error::other)?;
    Ok((cert.pem(), config))
}

#[actix_web::main]
async fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:8443".to_owned());
    let (pem, config) = certificate()?;
    if let Some(path) = arguments.next() {
        std::fs::write(path, pem)?;
    }
    let signalr = SignalR::builder().hub("/hub", SecureHub).build()?;
    let routes = signalr.clone();
    let server = HttpServer::new(move || App::new().configure(routes.routes()))
        .for_hubs()
        .disable_signals()
        .bind_rustls_0_23(&address, config)?;
    println!("listening on https://{address}");
    signalr.run(server.run()).await
}
