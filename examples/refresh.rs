//! Renewing credentials: tokens that are good for a quarter of a minute, and a connection that outlives them.
//!
//! `cargo run --example refresh`, then open http://127.0.0.1:8080. Another address goes behind `--`:
//! `cargo run --example refresh -- 127.0.0.1:9000`.
//!
//! Let the page renew its token, and the connection stays, with the rights of the newest token; do not, and the server ends it
//! when the token has expired. The .NET client 11 renews by itself. The JavaScript client 10 has nothing for it, so the page
//! sends the request; it has the connection's token from negotiation, which goes through an HTTP client of the page's own.

use std::{
    env, io,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use actix_signalr::{
    HttpConnectionOptions, HttpServerExt, HubCallerContext, HubResult, HubRoutes, JwtBearer, SendError,
    SignalR, hub,
};
use actix_web::{
    App, HttpResponse, HttpServer, Responder,
    error::ErrorInternalServerError,
    get,
    web::{self, Query},
};
use jsonwebtoken::{EncodingKey, Header};
use serde::{Deserialize, Serialize};

struct Stage;

#[hub]
#[authorize]
impl Stage {
    /// A call is authorized with the token that counts when it begins.
    #[authorize(roles = "Moderators")]
    async fn mute(&self, _ctx: HubCallerContext, name: String) -> HubResult<String> {
        Ok(format!("{name} is muted"))
    }

    /// Nothing of the connection has changed but who its client is allowed to be.
    async fn on_authentication_refreshed(&self, ctx: HubCallerContext) -> Result<(), SendError> {
        ctx.clients().caller().send("Renewed", (ctx.user().is_in_role("Moderators"),)).await
    }
}

#[actix_web::main]
async fn main() -> io::Result<()> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let options = HttpConnectionOptions::default()
        .enable_authentication_refresh(true)
        .close_on_authentication_expiration(true)
        // One more say, behind the check that it is the same user.
        .on_authentication_refresh(async |refresh| Ok(!refresh.new_user().is_in_role("Suspended")));
    let signalr = SignalR::builder()
        .authentication(JwtBearer::hs256(KEY).issuer(ISSUER).audience(AUDIENCE).clock_skew(Duration::ZERO))
        .hub_routes(HubRoutes::new(Stage).route("/stage", options))
        .build()?;
    let server = HttpServer::new(move || {
        App::new()
            .configure(signalr.routes())
            .service(token)
            .route("/", web::get().to(async || HttpResponse::Ok().content_type("text/html").body(PAGE)))
            .route("/signalr.js", web::get().to(async || HttpResponse::Ok().body(CLIENT)))
    })
    .for_hubs()
    .shutdown_timeout(1)
    .bind(address)?;
    for address in server.addrs() {
        println!("listening on http://{address}");
    }
    server.run().await
}

#[derive(Deserialize)]
struct Wanted {
    role: String,
}

/// Gives everybody a token for any role. A real application asks for a password, or for a longer-lived secret, first.
#[get("/token")]
async fn token(Query(Wanted { role }): Query<Wanted>) -> actix_web::Result<impl Responder> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(ErrorInternalServerError)?;
    let exp = (now + GOOD_FOR).as_secs();
    let claims = Claims { sub: "ann", role: &role, iss: ISSUER, aud: AUDIENCE, exp };
    let token = jsonwebtoken::encode(&Header::default(), &claims, &EncodingKey::from_secret(KEY));
    token.map_err(ErrorInternalServerError)
}

#[derive(Serialize)]
struct Claims<'a> {
    /// Becomes the name identifier: whoever renews has to be the same.
    sub: &'a str,
    role: &'a str,
    iss: &'a str,
    aud: &'a str,
    /// Seconds since 1970.
    exp: u64,
}

/// How long a token is good.
const GOOD_FOR: Duration = Duration::from_secs(15);

const ISSUER: &str = "https://login.example.com";
const AUDIENCE: &str = "stage";

/// For trying out only: a real one is random, and comes from outside of the program.
const KEY: &[u8] = b"at least thirty-two bytes of secret";

/// The official client.
const CLIENT: &str = include_str!("chat/vendor/signalr.min.js");

const PAGE: &str = r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Renewing credentials</title>
<link rel="icon" href="data:,">
<style>
  body { font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto; padding: 0 1rem }
  output { display: block; min-height: 1.5em }
</style>

<h1>Renewing credentials</h1>
<p>Connection <code id="connection">...</code>: <b id="state">connecting</b>, its token good for <b id="left">...</b> s.</p>
<p><label>The next token says that I am
  <select id="role"><option>Guests</option><option>Moderators</option><option>Suspended</option></select></label>
  <button id="renew">Renew now</button>
  <label><input type="checkbox" id="auto" checked> Renew when half of the time is over</label></p>
<output id="renewed"></output>
<p><button id="mute">Mute Bob</button></p>
<output id="outcome"></output>

<script src="signalr.js"></script>
<script type="module">
  const $ = (id) => document.getElementById(id);
  const newToken = () => fetch(`token?role=${$('role').value}`).then((answer) => answer.text());
  let accessToken = await newToken();
  let connectionToken;
  let lifetime = 0;
  let renewedAt = 0;

  /** What the server says of the lifetime, at negotiation and whenever the token is renewed. */
  function isGoodFor(seconds) {
    [lifetime, renewedAt] = [seconds, Date.now()];
  }

  // The client keeps the token of its connection to itself, but negotiation goes through here.
  class Http extends signalR.DefaultHttpClient {
    async send(request) {
      const response = await super.send(request);
      if (request.url.includes('/negotiate') && response.statusCode === 200) {
        const negotiated = JSON.parse(response.content);
        connectionToken = negotiated.connectionToken;
        isGoodFor(negotiated.tokenLifetimeSeconds);
      }
      return response;
    }
  }

  const connection = new signalR.HubConnectionBuilder()
    .withUrl('stage', { accessTokenFactory: () => accessToken, httpClient: new Http(signalR.NullLogger.instance) })
    .build();
  connection.on('Renewed', (isModerator) => { $('renewed').textContent = `Renewed: ${isModerator ? 'a moderator' : 'no moderator'}`; });
  connection.onclose(() => { $('state').textContent = 'ended by the server'; });

  async function renew() {
    const token = await newToken();
    const headers = { Authorization: `Bearer ${token}`, 'X-SignalR-Connection-Token': connectionToken };
    const answer = await fetch('stage/refresh', { method: 'POST', headers });
    const { tokenLifetimeSeconds, error } = answer.headers.get('content-type')?.includes('json') ? await answer.json() : {};
    if (!answer.ok) {
      $('renewed').textContent = `Refused: ${error ?? answer.status}`;
      return;
    }
    accessToken = token; // for the requests that follow, where the transport has any
    isGoodFor(tokenLifetimeSeconds);
  }

  setInterval(() => {
    const left = lifetime - (Date.now() - renewedAt) / 1000;
    $('left').textContent = Math.max(0, Math.ceil(left));
    if ($('auto').checked && connection.state === 'Connected' && left < lifetime / 2) {
      renewedAt = Date.now(); // not again while it is on its way
      renew();
    }
  }, 250);

  $('renew').onclick = renew;
  $('mute').onclick = async () => {
    try {
      $('outcome').textContent = await connection.invoke('Mute', 'Bob');
    } catch (err) {
      $('outcome').textContent = err.message;
    }
  };

  await connection.start();
  [$('connection').textContent, $('state').textContent] = [connection.connectionId, 'connected'];
</script>
"#;
