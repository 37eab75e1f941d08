//! The pages: registering, signing in and out, and the chat for those who have.

use actix::{Addr, MailboxError};
use actix_signalr::{
    AuthenticationRequest, ClaimsIdentity, CookieAuthentication, InMemorySessionStore, SignInProperties,
    SignalR, claim_types,
};
use actix_web::{
    Error, HttpRequest, HttpResponse,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    error::{ErrorForbidden, ErrorServiceUnavailable},
    get,
    http::{Method, header::LOCATION},
    middleware::Next,
    post,
    web::{Data, Form, FormConfig, ServiceConfig},
};
use serde::Deserialize;

use crate::accounts::{Accounts, LogIn, Register};

pub(crate) fn routes(config: &mut ServiceConfig) {
    config.app_data(FormConfig::default().limit(4096));
    config.service(home).service(client).service(login_page).service(log_in).service(register_page);
    config.service(register).service(log_out).service(log_out_everywhere);
}

/// Forms are from pages of this server. Other sites' would come without the cookie, but a sign-in needs none: it could make
/// somebody chat in another one's name. Browsers say where a request is from.
pub(crate) async fn refuse_other_sites<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let site = request.headers().get("sec-fetch-site").map(|site| site.as_bytes());
    let is_own = site.is_none_or(|site| [&b"same-origin"[..], b"none"].contains(&site));
    if request.method() == Method::POST && !is_own {
        return Err(ErrorForbidden("this form is from another site"));
    }
    next.call(request).await
}

/// Only for those who have signed in; others are sent to the login page, which sends them back.
#[get("/")]
async fn home(http: HttpRequest, signalr: Data<SignalR>) -> actix_web::Result<HttpResponse> {
    let (request, schemes) = (AuthenticationRequest::new(&http), signalr.schemes());
    let result = schemes.authenticate(&request).await?;
    let Some(ticket) = result.ticket() else {
        return Ok(schemes.challenge(&request, &result)?.into_response());
    };
    let name = escape(ticket.principal().name().unwrap_or_default());
    Ok(html(include_str!("chat.html").replace("{name}", &name)))
}

/// Microsoft's client, as the chat example carries it.
#[get("/signalr.js")]
async fn client() -> HttpResponse {
    HttpResponse::Ok().content_type("text/javascript").body(include_str!("../chat/vendor/signalr.min.js"))
}

#[get("/Account/Login")]
async fn login_page(http: HttpRequest) -> HttpResponse {
    html(form("Sign in", "", "", &http))
}

#[derive(Deserialize)]
struct Login {
    email: String,
    password: String,
}

#[post("/Account/Login")]
async fn log_in(
    http: HttpRequest,
    accounts: Data<Addr<Accounts>>,
    cookies: Data<CookieAuthentication>,
    Form(Login { email, password }): Form<Login>,
) -> actix_web::Result<HttpResponse> {
    match accounts.send(LogIn { email, password }).await.map_err(busy)? {
        Some(identity) => signed_in(&http, &cookies, identity).await,
        None => Ok(html(form("Sign in", "", "Invalid login attempt.", &http))),
    }
}

#[get("/Account/Register")]
async fn register_page(http: HttpRequest) -> HttpResponse {
    html(form("Register", CONFIRMATION, "", &http))
}

#[derive(Deserialize)]
struct Registration {
    email: String,
    password: String,
    confirmation: String,
}

/// A real application sends a letter first: an address that nobody has verified is no user id.
#[post("/Account/Register")]
async fn register(
    http: HttpRequest,
    accounts: Data<Addr<Accounts>>,
    cookies: Data<CookieAuthentication>,
    Form(Registration { email, password, confirmation }): Form<Registration>,
) -> actix_web::Result<HttpResponse> {
    let registered = match complaint(&email, &password, &confirmation) {
        Some(complaint) => Err(complaint.to_owned()),
        None => accounts.send(Register { email, password }).await.map_err(busy)?,
    };
    match registered {
        Ok(identity) => signed_in(&http, &cookies, identity).await,
        Err(complaint) => Ok(html(form("Register", CONFIRMATION, &complaint, &http))),
    }
}

/// By POST: other sites cannot sign somebody out with a link.
#[post("/Account/Logout")]
async fn log_out(http: HttpRequest, cookies: Data<CookieAuthentication>) -> actix_web::Result<HttpResponse> {
    let mut response = to("/Account/Login");
    cookies.sign_out(&http).await?.add_to(&mut response);
    Ok(response)
}

/// Ends the sessions in all browsers, and the connections that were made with them.
#[post("/Account/LogoutEverywhere")]
async fn log_out_everywhere(
    http: HttpRequest,
    signalr: Data<SignalR>,
    sessions: Data<InMemorySessionStore>,
    cookies: Data<CookieAuthentication>,
) -> actix_web::Result<HttpResponse> {
    let result = signalr.schemes().authenticate(&AuthenticationRequest::new(&http)).await?;
    if let Some(id) =
        result.ticket().and_then(|ticket| ticket.principal().find_first(claim_types::NAME_IDENTIFIER))
    {
        sessions.revoke_user(id);
    }
    let mut response = to("/Account/Login");
    cookies.sign_out(&http).await?.add_to(&mut response);
    Ok(response)
}

/// Signs somebody in and sends him where he wanted to go.
async fn signed_in(
    http: &HttpRequest,
    cookies: &CookieAuthentication,
    identity: ClaimsIdentity,
) -> actix_web::Result<HttpResponse> {
    // None but a path of this server: a link to the login page could name any other place.
    let mut response = to(&cookies.return_url(http).unwrap_or_else(|| "/".to_owned()));
    cookies.sign_in(http, identity, &SignInProperties::new()).await?.add_to(&mut response);
    Ok(response)
}

/// What is wrong with what was typed, in the words of ASP.NET Core Identity.
fn complaint(email: &str, password: &str, confirmation: &str) -> Option<&'static str> {
    let is_email = email.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'))
        && email.len() <= 254
        && email.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_email {
        return Some("The Email field is not a valid e-mail address.");
    }
    if !(6..=100).contains(&password.chars().count()) {
        return Some("The Password must be at least 6 and at max 100 characters long.");
    }
    (password != confirmation).then_some("The password and confirmation password do not match.")
}

fn busy(_: MailboxError) -> Error {
    ErrorServiceUnavailable("the accounts cannot be reached")
}

fn to(place: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((LOCATION, place)).finish()
}

fn html(page: String) -> HttpResponse {
    HttpResponse::Ok().content_type("text/html; charset=utf-8").body(page)
}

/// Without an address the form goes to where the page is, with the way back in the query.
fn form(title: &str, more: &str, complaint: &str, http: &HttpRequest) -> String {
    let query = match http.query_string() {
        "" => String::new(),
        query => format!("?{}", escape(query)),
    };
    include_str!("form.html")
        .replace("{title}", title)
        .replace("{more}", more)
        .replace("{complaint}", &escape(complaint))
        .replace("{query}", &query)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

const CONFIRMATION: &str = r#"<label>Confirm password
    <input name="confirmation" type="password" autocomplete="new-password" required></label>"#;
