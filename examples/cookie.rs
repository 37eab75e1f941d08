//! Cookies: a login page, and a hub that knows who has signed in there.
//!
//! `cargo run --example cookie`, then open <http://127.0.0.1:8080> in a browser: it is sent to the login page, and from
//! there back. The page opens a WebSocket by itself, and the browser sends the cookie along; so does Microsoft's client.

use actix_signalr::{
    AuthenticationRequest, ClaimsIdentity, CookieAuthentication, HttpServerExt, HubCallerContext, HubResult,
    KeyRing, SignInProperties, SignalR, claim_types, hub, write_renewed_cookies,
};
use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer, get,
    http::header::LOCATION,
    middleware::from_fn,
    post,
    web::{Data, Form, ServiceConfig},
};
use serde::Deserialize;

struct WhoAmIHub;

/// `#[authorize]` on the block: nobody connects without having signed in. Whoever has not is answered 401, and the
/// address of the login page.
#[hub]
#[authorize]
impl WhoAmIHub {
    async fn who_am_i(&self, ctx: HubCallerContext) -> HubResult<String> {
        Ok(ctx.user().name().unwrap_or_default().to_owned())
    }
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    // A server that is to know its users after a restart reads its keys from where it keeps its secrets.
    let keys = KeyRing::random().map_err(std::io::Error::other)?;
    let cookies = CookieAuthentication::new(keys).login_path("/login");
    let signalr = SignalR::builder().authentication(cookies.clone()).hub("/whoami", WhoAmIHub).build()?;
    HttpServer::new(move || {
        App::new()
            .wrap(from_fn(write_renewed_cookies))
            .app_data(Data::new(cookies.clone()))
            .app_data(Data::new(signalr.clone()))
            .configure(signalr.routes())
            .configure(pages)
    })
    .for_hubs()
    .bind(("127.0.0.1", 8080))?
    .run()
    .await
}

fn pages(config: &mut ServiceConfig) {
    config.service(home).service(login_page).service(log_in).service(log_out);
}

/// Only for those who have signed in.
#[get("/")]
async fn home(http: HttpRequest, signalr: Data<SignalR>) -> actix_web::Result<HttpResponse> {
    let (request, schemes) = (AuthenticationRequest::new(&http), signalr.schemes());
    let result = schemes.authenticate(&request).await?;
    if result.ticket().is_none() {
        return Ok(schemes.challenge(&request, &result)?.into_response());
    }
    Ok(html(HOME))
}

#[get("/login")]
async fn login_page() -> HttpResponse {
    html(LOGIN)
}

#[derive(Deserialize)]
struct Login {
    name: String,
}

/// A real one asks for a password.
#[post("/login")]
async fn log_in(
    http: HttpRequest,
    cookies: Data<CookieAuthentication>,
    login: Form<Login>,
) -> actix_web::Result<HttpResponse> {
    let Form(Login { name }) = login;
    let user = ClaimsIdentity::new("LoginPage")
        .claim(claim_types::NAME_IDENTIFIER, name.clone())
        .claim(claim_types::NAME, name);
    // None but a path of this server: a link to the login page could name any other place.
    let back = cookies.return_url(&http).unwrap_or_else(|| "/".to_owned());
    let mut response = HttpResponse::SeeOther().insert_header((LOCATION, back)).finish();
    cookies.sign_in(&http, user, &SignInProperties::new())?.add_to(&mut response);
    Ok(response)
}

/// By POST: other sites cannot sign somebody out with a link, as they do not get the cookie along.
#[post("/logout")]
async fn log_out(http: HttpRequest, cookies: Data<CookieAuthentication>) -> HttpResponse {
    let mut response = HttpResponse::SeeOther().insert_header((LOCATION, "/login")).finish();
    cookies.sign_out(&http).add_to(&mut response);
    response
}

fn html(page: &'static str) -> HttpResponse {
    HttpResponse::Ok().content_type("text/html; charset=utf-8").body(page)
}

/// Without an address the form goes to where the page is, with the way back in the query.
const LOGIN: &str = r#"<!doctype html><title>Sign in</title>
<form method="post"><label>Name <input name="name" required autofocus></label> <button>Sign in</button></form>
"#;

const HOME: &str = r#"<!doctype html><title>Who am I</title>
<p>The hub says that you are <b id="name">...</b></p>
<form method="post" action="/logout"><button>Sign out</button></form>
<script>
  const socket = new WebSocket(`ws://${location.host}/whoami`);
  const send = (message) => socket.send(JSON.stringify(message) + "\x1e");
  socket.onopen = () => {
    send({ protocol: "json", version: 1 });
    send({ type: 1, invocationId: "1", target: "WhoAmI", arguments: [] });
  };
  socket.onmessage = ({ data }) => {
    for (const record of data.split("\x1e").filter(Boolean)) {
      const { type, result } = JSON.parse(record);
      if (type === 3) document.getElementById("name").textContent = result;
    }
  };
</script>
"#;
