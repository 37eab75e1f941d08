//! `POST /login`: gives everybody a token for any name. A real application asks for a password first.

use actix_web::{
    HttpResponse,
    error::InternalError,
    web::{self, Data, Json, JsonConfig, ServiceConfig},
};
use serde::Deserialize;
use serde_json::json;

use crate::tokens::Tokens;

/// Adds the route.
pub(crate) fn routes(config: &mut ServiceConfig) {
    let json = JsonConfig::default().limit(1024).error_handler(|err, _| {
        let response = refused("the sign-in takes a name and a domain, as JSON");
        InternalError::from_response(err, response).into()
    });
    config.service(web::resource("/login").app_data(json).route(web::post().to(login)));
}

#[derive(Deserialize)]
struct Login {
    name: String,
    domain: String,
}

async fn login(tokens: Data<Tokens>, Json(login): Json<Login>) -> HttpResponse {
    let name = match full_name(&login) {
        Ok(name) => name,
        Err(reason) => return refused(reason),
    };
    match tokens.issue(&name) {
        Ok(token) => HttpResponse::Ok().json(json!({ "token": token, "name": name })),
        Err(_) => refused("no token could be made"),
    }
}

/// `ann@example.com`, by which everybody else knows her.
fn full_name(Login { name, domain }: &Login) -> Result<String, &'static str> {
    let is_usual = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
    if !(1..=LONGEST_NAME).contains(&name.len()) || !name.chars().all(is_usual) {
        return Err("a name is 1 to 24 letters, digits, dots, dashes or underscores");
    }
    if !DOMAINS.contains(&domain.as_str()) {
        return Err("the domain is example.com or visitor.org");
    }
    Ok(format!("{name}@{domain}"))
}

fn refused(reason: &str) -> HttpResponse {
    HttpResponse::BadRequest().json(json!({ "error": reason }))
}

const DOMAINS: [&str; 2] = ["example.com", "visitor.org"];
const LONGEST_NAME: usize = 24;
