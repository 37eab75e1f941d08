//! Tokens: minted at `/token`, accepted by the bearer scheme.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use actix_signalr::JwtBearer;
use actix_web::{HttpRequest, HttpResponse, Responder, web::Query};
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Map, Value, json};

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
    let mut claims = Map::new();
    for name in ["sub", "name", "email", "bench"] {
        if let Some(value) = find(name) {
            claims.insert(name.to_owned(), Value::String(value));
        }
    }
    let roles: Vec<_> = query.iter().filter(|(key, _)| key == "role").map(|(_, role)| role.clone()).collect();
    match roles.as_slice() {
        [] => {}
        [role] => drop(claims.insert("role".to_owned(), json!(role))),
        roles => drop(claims.insert("role".to_owned(), json!(roles))),
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let lifetime: f64 = find("exp").and_then(|text| text.parse().ok()).unwrap_or(3600.0);
    claims.insert("nbf".to_owned(), json!((now - 5.0) as i64));
    claims.insert("exp".to_owned(), json!((now + lifetime) as i64));
    claims.insert("iss".to_owned(), json!(find("iss").unwrap_or_else(|| ISSUER.to_owned())));
    claims.insert("aud".to_owned(), json!(find("aud").unwrap_or_else(|| AUDIENCE.to_owned())));
    match encode(&Header::default(), &claims, &EncodingKey::from_secret(SECRET)) {
        Ok(token) => HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(token),
        Err(_) => HttpResponse::InternalServerError().finish(),
    }
}
