//! Bearer tokens of a page, in no address: as a subprotocol of the WebSocket, or traded for a ticket that is good once.
//!
//! `cargo run --example browser_token`, then open <http://127.0.0.1:8080>. A page cannot give a WebSocket headers; Microsoft's
//! client writes the token into the query therefore, and from there it comes into the logs of servers and proxies.

use std::{
    env, io,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use actix_signalr::{
    HttpConnectionOptions, HttpServerExt, HubCallerContext, HubResult, HubRoutes, JwtBearer, SignalR, hub,
};
use actix_web::{
    App, HttpResponse, HttpServer, Responder,
    error::ErrorInternalServerError,
    web::{self, Query, ServiceConfig},
};
use jsonwebtoken::{EncodingKey, Header};
use serde::Deserialize;
use serde_json::json;

struct WhoAmIHub;

#[hub]
#[authorize]
impl WhoAmIHub {
    async fn who_am_i(&self, ctx: HubCallerContext) -> HubResult<String> {
        Ok(ctx.user().name().unwrap_or_default().to_owned())
    }

    /// What of the request would be in a log of addresses.
    async fn query(&self, ctx: HubCallerContext) -> HubResult<[Option<String>; 2]> {
        Ok(["access_token", "ticket"].map(|name| ctx.request().query(name)))
    }
}

#[actix_web::main]
async fn main() -> io::Result<()> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let options = HttpConnectionOptions::default().subprotocol_token(true).one_time_tickets(true);
    let signalr = SignalR::builder()
        // Where a token in the query means nothing, none gets into a log by mistake.
        .authentication(JwtBearer::hs256(KEY).issuer(ISSUER).audience(AUDIENCE).without_query_token())
        .hub_routes(HubRoutes::new(WhoAmIHub).route("/whoami", options))
        .build()?;
    let server = HttpServer::new(move || App::new().configure(signalr.routes()).configure(pages))
        .for_hubs()
        .shutdown_timeout(1)
        .bind(address)?;
    for address in server.addrs() {
        println!("listening on http://{address}");
    }
    server.run().await
}

fn pages(config: &mut ServiceConfig) {
    config.route("/login", web::get().to(login));
    config.route("/", web::get().to(async || HttpResponse::Ok().content_type("text/html").body(PAGE)));
    config.route("/signalr.js", web::get().to(async || HttpResponse::Ok().body(CLIENT)));
}

#[derive(Deserialize)]
struct Login {
    name: String,
}

/// Gives everybody a token for any name, good for five minutes. A real application asks for a password first.
async fn login(Query(Login { name }): Query<Login>) -> actix_web::Result<impl Responder> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(ErrorInternalServerError)?;
    let exp = (now + Duration::from_secs(300)).as_secs();
    let claims = json!({ "sub": name, "unique_name": name, "iss": ISSUER, "aud": AUDIENCE, "exp": exp });
    let token = jsonwebtoken::encode(&Header::default(), &claims, &EncodingKey::from_secret(KEY));
    token.map_err(ErrorInternalServerError)
}

const ISSUER: &str = "https://login.example.com";
const AUDIENCE: &str = "whoami";

/// For trying out only: a real one is random, and comes from outside of the program.
const KEY: &[u8] = b"at least thirty-two bytes of secret";

const CLIENT: &str = include_str!("chat/vendor/signalr.min.js");

const PAGE: &str = r#"<!doctype html><meta charset="utf-8"><title>Tokens in no address</title>
<p>As a subprotocol, negotiated: <b id="negotiated">...</b></p>
<p>As a subprotocol, without negotiation: <b id="skipped">...</b></p>
<p>With a ticket: <b id="ticket">...</b></p>
<script src="/signalr.js"></script>
<script>
  const login = () => fetch("/login?name=ann").then((response) => response.text());

  // The token goes into a subprotocol: five lines.
  const base64url = (text) => btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  class QuietWebSocket extends WebSocket {
    constructor(url) {
      const address = new URL(url), token = address.searchParams.get("access_token");
      address.searchParams.delete("access_token");
      super(address, token ? ["signalr", "signalr.bearer." + base64url(token)] : []);
    }
  }

  // Or the client is given tickets in place of tokens, a new one for each connection.
  class TicketWebSocket extends WebSocket {
    constructor(url) {
      super(url.replace("access_token=", "ticket="));
    }
  }
  async function ticket() {
    const headers = { authorization: `Bearer ${await login()}` };
    const response = await fetch("/whoami/ticket", { method: "POST", headers });
    return (await response.json()).ticket;
  }

  async function show(id, options) {
    const transport = signalR.HttpTransportType.WebSockets;
    const connection = new signalR.HubConnectionBuilder().withUrl("/whoami", { transport, ...options }).build();
    try {
      await connection.start();
      const [token, ticket] = await connection.invoke("Query");
      const address = token ? "the token" : ticket ? "a used ticket" : "nothing";
      document.getElementById(id).textContent = `${await connection.invoke("WhoAmI")}, ${address} in the address`;
    } catch (err) {
      document.getElementById(id).textContent = String(err);
    }
  }
  show("negotiated", { accessTokenFactory: login, WebSocket: QuietWebSocket });
  show("skipped", { accessTokenFactory: login, WebSocket: QuietWebSocket, skipNegotiation: true });
  show("ticket", { accessTokenFactory: ticket, WebSocket: TicketWebSocket, skipNegotiation: true });
</script>
"#;
