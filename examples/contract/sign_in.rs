//! Signing in and out with a cookie.

use std::time::{Duration, SystemTime};

use actix_signalr::{ClaimsIdentity, CookieAuthentication, SignInProperties, claim_types};
use actix_web::{
    HttpRequest, HttpResponse,
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
    let seconds = query.iter().find(|(name, _)| name == "exp").and_then(|(_, value)| value.parse().ok());
    let mut properties = SignInProperties::new();
    let time = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    if let Some(time) = time.and_then(|time| SystemTime::now().checked_add(time)) {
        properties = properties.expires_at(time);
    }
    let mut response = HttpResponse::Ok().content_type(TEXT).body("in");
    cookies.sign_in(&request, identity, &properties)?.add_to(&mut response);
    Ok(response)
}

pub(crate) async fn sign_out(request: HttpRequest, cookies: Data<CookieAuthentication>) -> HttpResponse {
    let mut response = HttpResponse::Ok().content_type(TEXT).body("out");
    cookies.sign_out(&request).add_to(&mut response);
    response
}

const CLAIMS: [(&str, &str); 4] = [
    ("sub", claim_types::NAME_IDENTIFIER),
    ("name", claim_types::NAME),
    ("email", claim_types::EMAIL),
    ("role", claim_types::ROLE),
];

const TEXT: &str = "text/plain; charset=utf-8";
