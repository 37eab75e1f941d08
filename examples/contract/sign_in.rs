//! Signing in and out with a cookie.

use std::time::{Duration, SystemTime};

use actix_signalr::{ClaimsIdentity, CookieAuthentication, SignInProperties, claim_types};
use actix_web::{
    HttpRequest, HttpResponse,
    error::ErrorInternalServerError,
    web::{Data, Query},
};

/// `?sub=&name=&email=&role=&exp=SECONDS`
pub(crate) async fn sign_in(
    request: HttpRequest,
    cookies: Data<CookieAuthentication>,
) -> actix_web::Result<HttpResponse> {
    let Query(query) = Query::<Vec<(String, String)>>::from_query(request.query_string())?;
    let mut identity = ClaimsIdentity::new("Cookies");
    for (parameter, kind) in CLAIMS {
        for (_, value) in query.iter().filter(|(name, _)| name == parameter) {
            identity = identity.claim(kind, value);
        }
    }
    let seconds = query.iter().find(|(name, _)| name == "exp").map(|(_, value)| value.parse::<f64>());
    let seconds = seconds.transpose().map_err(ErrorInternalServerError)?;
    let mut properties = SignInProperties::new();
    if let Some(time) = seconds.and_then(after) {
        properties = properties.expires_at(time);
    }
    let mut response = HttpResponse::Ok().content_type(TEXT).body("in");
    cookies.sign_in(&request, identity, &properties).await?.add_to(&mut response);
    Ok(response)
}

pub(crate) async fn sign_out(
    request: HttpRequest,
    cookies: Data<CookieAuthentication>,
) -> actix_web::Result<HttpResponse> {
    let mut response = HttpResponse::Ok().content_type(TEXT).body("out");
    cookies.sign_out(&request).await?.add_to(&mut response);
    Ok(response)
}

/// The time in so many seconds, or so many ago.
fn after(seconds: f64) -> Option<SystemTime> {
    let span = Duration::try_from_secs_f64(seconds.abs()).ok()?;
    if seconds < 0.0 { SystemTime::now().checked_sub(span) } else { SystemTime::now().checked_add(span) }
}

const CLAIMS: [(&str, &str); 4] = [
    ("sub", claim_types::NAME_IDENTIFIER),
    ("name", claim_types::NAME),
    ("email", claim_types::EMAIL),
    ("role", claim_types::ROLE),
];

const TEXT: &str = "text/plain; charset=utf-8";
