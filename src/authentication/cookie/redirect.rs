//! Where somebody is sent to sign in, and where he is sent back to.

use actix_web::{HttpRequest, http::header::HOST, web::Query};

/// The address of a page of this server, with the way back to what was asked for.
///
/// It is absolute, as ASP.NET Core's, if the request names a host that can be one and that is allowed; else it begins with
/// the path, which browsers take for the same host. Tokens in the query are not repeated in it.
pub(super) fn location(http: &HttpRequest, path: &str, allowed_hosts: &[String]) -> String {
    let host = http.headers().get(HOST).and_then(|host| host.to_str().ok()).filter(|host| is_host(host));
    let is_allowed = |host: &&str| {
        allowed_hosts.is_empty() || allowed_hosts.iter().any(|allowed| allowed.eq_ignore_ascii_case(host))
    };
    let base = host.filter(is_allowed).map(|host| format!("{}://{host}", scheme(http))).unwrap_or_default();
    format!("{base}{path}?{RETURN_PARAMETER}={}", escape_but(&path_and_query(http), b"!$()*,;@"))
}

/// Where the query says to go back to, if that is on this server.
pub(super) fn return_url(http: &HttpRequest) -> Option<String> {
    let Query(parameters) = Query::<Vec<(String, String)>>::from_query(http.query_string()).ok()?;
    let mut found = parameters.into_iter().filter(|(name, _)| name.eq_ignore_ascii_case(RETURN_PARAMETER));
    match (found.next(), found.next()) {
        (Some((_, url)), None) if is_local(&url) => Some(url),
        _ => None,
    }
}

/// Whether a browser takes it for a path of the same host. It reads `\` as `/` and passes over control characters.
pub(super) fn is_local(url: &str) -> bool {
    url.starts_with('/') && !url[1..].starts_with(['/', '\\']) && !url.chars().any(char::is_control)
}

/// Percent-encodes all but what is never special in an address.
pub(super) fn escape(text: &str) -> String {
    escape_but(text, b"")
}

/// The same, but for some characters more that are not special where the text goes.
fn escape_but(text: &str, plain: &[u8]) -> String {
    let mut escaped = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) || plain.contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push('%');
            for digit in [byte >> 4, byte & 15] {
                escaped.extend(char::from_digit(digit.into(), 16).map(|digit| digit.to_ascii_uppercase()));
            }
        }
    }
    escaped
}

/// Over TLS or not, as this server sees it; what a proxy says is not looked at.
pub(super) fn is_secure(http: &HttpRequest) -> bool {
    http.app_config().secure()
}

fn scheme(http: &HttpRequest) -> &'static str {
    if is_secure(http) { "https" } else { "http" }
}

fn path_and_query(http: &HttpRequest) -> String {
    let is_token = |pair: &&str| {
        let Ok(Query(parsed)) = Query::<Vec<(String, String)>>::from_query(pair) else { return true };
        parsed.iter().any(|(name, _)| name.eq_ignore_ascii_case("access_token"))
    };
    let kept: Vec<_> = http.query_string().split('&').filter(|pair| !is_token(pair)).collect();
    let query = kept.join("&");
    if query.is_empty() { http.uri().path().to_owned() } else { format!("{}?{query}", http.uri().path()) }
}

/// A name or an address, perhaps with a port.
fn is_host(host: &str) -> bool {
    let may_be = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
    let port = host.rsplit_once(':').map_or("", |(_, port)| if port.ends_with(']') { "" } else { port });
    !host.is_empty()
        && host.len() <= 255
        && host.bytes().all(may_be)
        && port.bytes().all(|byte| byte.is_ascii_digit())
}

/// As ASP.NET Core calls it.
const RETURN_PARAMETER: &str = "ReturnUrl";
