//! A hub that pages of one other origin may use, over all transports.
//!
//! `cargo run --example cors -- 127.0.0.1:8080 http://127.0.0.1:5173`: where it listens, and the origin of the pages. In a page
//! from there, with `signalr.js` of `@microsoft/signalr`:
//!
//! ```js
//! const connection = new signalR.HubConnectionBuilder().withUrl("http://127.0.0.1:8080/hub").build();
//! await connection.start();
//! console.log(await connection.invoke("Origin")); // http://127.0.0.1:5173
//! ```
//!
//! CORS covers what browsers ask by requests. WebSockets it does not: for them the route itself names the origin.

use actix_cors::Cors;
use actix_signalr::{
    HttpConnectionOptions, HttpServerExt, HubCallerContext, HubResult, HubRoutes, SignalR, hub,
};
use actix_web::{App, HttpServer, http::header};

struct OriginHub;

#[hub]
impl OriginHub {
    /// From where the page is that calls.
    async fn origin(&self, ctx: HubCallerContext) -> HubResult<Option<String>> {
        Ok(ctx.request().header("origin"))
    }

    /// By which transport it is connected.
    async fn transport(&self, ctx: HubCallerContext) -> HubResult<&'static str> {
        Ok(ctx.request().transport().name())
    }
}

/// What the JavaScript client does from another origin, and nothing else.
fn cors(origin: &str) -> Cors {
    Cors::default()
        .allowed_origin(origin)
        .allowed_methods(["GET", "POST", "DELETE"])
        .allowed_headers([header::AUTHORIZATION, header::CONTENT_TYPE])
        .allowed_headers(["x-requested-with", "x-signalr-user-agent"])
        // The client sends credentials unless told otherwise, cookies or not.
        .supports_credentials()
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let origin = arguments.next().unwrap_or_else(|| "http://127.0.0.1:5173".to_owned());
    let route = HttpConnectionOptions::default().allowed_origins([origin.clone()]);
    let signalr = SignalR::builder().hub_routes(HubRoutes::new(OriginHub).route("/hub", route)).build()?;
    let routes = signalr.clone();
    let server = HttpServer::new(move || App::new().wrap(cors(&origin)).configure(routes.routes()))
        .for_hubs()
        .disable_signals()
        .bind(&address)?;
    println!("listening on http://{address}");
    signalr.run(server.run()).await
}
