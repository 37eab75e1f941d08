//! Tokens: minted at `/token`, accepted by the bearer scheme.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use actix_signalr::JwtBearer;
use actix_web::{HttpRequest, HttpResponse, Responder, web::Query};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, crypto::sign};
use serde::Serialize;
use serde_json::{Value, json};

const ISSUER: &str = "reference-issuer";
const AUDIENCE: &str = "reference-audience";
const SECRET: &[u8] = b"reference-secret-reference-secret-reference-secret";

/// Reads a token from the query below `/hubs` alone.
pub(crate) fn bearer() -> JwtBearer {
    JwtBearer::hs256(SECRET)
        .issuer(ISSUER)
        .audience(AUDIENCE)
        .clock_skew(Duration::from_secs(1))
        .query_token_under("/hubs")
}

/// Whether the query has a token, even an empty one.
pub(crate) fn has_query_token(request: &HttpRequest) -> bool {
    let parsed = Query::<Vec<(String, String)>>::from_query(request.query_string());
    parsed.is_ok_and(|Query(pairs)| pairs.iter().any(|(name, _)| name.eq_ignore_ascii_case("access_token")))
}

/// `?sub=&name=&email=&role=&bench=&exp=SECONDS&iss=&aud=`
pub(crate) async fn mint(request: HttpRequest) -> impl Responder {
    let Ok(Query(query)) = Query::<Vec<(String, String)>>::from_query(request.query_string()) else {
        return HttpResponse::BadRequest().finish();
    };
    let find = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    let roles: Vec<_> = query.iter().filter(|(key, _)| key == "role").map(|(_, role)| role.clone()).collect();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let lifetime: f64 = find("exp").and_then(|text| text.parse().ok()).unwrap_or(3600.0);
    let claims = Claims {
        sub: find("sub"),
        name: find("name"),
        email: find("email"),
        bench: find("bench"),
        role: match roles.as_slice() {
            [] => Value::Null,
            [role] => json!(role),
            roles => json!(roles),
        },
        nbf: (now - 5.0) as i64,
        exp: (now + lifetime) as i64,
        iss: find("iss").unwrap_or_else(|| ISSUER.to_owned()),
        aud: find("aud").unwrap_or_else(|| AUDIENCE.to_owned()),
    };
    let Ok(claims) = serde_json::to_string(&claims) else {
        return HttpResponse::InternalServerError().finish();
    };
    let message = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#),
        URL_SAFE_NO_PAD.encode(claims)
    );
    match sign(message.as_bytes(), &EncodingKey::from_secret(SECRET), Algorithm::HS256) {
        Ok(signature) => HttpResponse::Ok()
            .content_type("text/plain; charset=utf-8")
            .body(format!("{message}.{signature}")),
        Err(_) => HttpResponse::InternalServerError().finish(),
    }
}

/// In the order of the contract.
#[derive(Serialize)]
struct Claims {
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bench: Option<String>,
    #[serde(skip_serializing_if = "Value::is_null")]
    role: Value,
    nbf: i64,
    exp: i64,
    iss: String,
    aud: String,
}
