//! A log of requests that tells no tokens.

use actix_web::{HttpRequest, middleware::Logger, web::Query};

/// A log of all requests, as `actix_web::middleware::Logger` writes it, without the secrets in their queries: access tokens,
/// connection tokens, one-time tickets, and ways back (`ReturnUrl`), which may hold either.
///
/// Browsers give WebSockets and event sources their token in the query (`access_token`), and the default format of `Logger`
/// writes queries down. This one has the same fields but for the referrer, which may be such an address as well.
///
/// ```
/// use actix_signalr::access_log;
/// use actix_web::App;
///
/// let app = App::new().wrap(access_log());
/// ```
#[must_use]
pub fn access_log() -> Logger {
    Logger::new(FORMAT).custom_request_replace("request", |request| request_line(request.request()))
}

/// The first line of a request, as [`access_log`] writes it: for formats of your own.
///
/// ```
/// use actix_signalr::request_line;
/// use actix_web::test::TestRequest;
///
/// let request = TestRequest::get().uri("/chat?id=x&access_token=y&v=1").to_http_request();
/// assert_eq!(request_line(&request), "GET /chat?id=...&access_token=...&v=1 HTTP/1.1");
/// ```
#[must_use]
pub fn request_line(request: &HttpRequest) -> String {
    let mut line = format!("{} {}", request.method(), request.path());
    let query = request.query_string();
    if !query.is_empty() {
        let told: Vec<_> = query.split('&').map(told).collect();
        line = format!("{line}?{}", told.join("&"));
    }
    format!("{line} {:?}", request.version())
}

/// A parameter, without its value if that may be a secret.
fn told(pair: &str) -> String {
    // As a reader of the query would see it: decoded, and in any case.
    let read = Query::<Vec<(String, String)>>::from_query(pair).ok();
    let name = read.and_then(|read| read.into_inner().into_iter().next()).map(|(name, _)| name);
    let is_harmless = name.is_some_and(|name| !SECRET.iter().any(|secret| name.eq_ignore_ascii_case(secret)));
    match pair.split_once('=') {
        Some((written, _)) if !is_harmless => format!("{written}=..."),
        Some(_) | None => pair.to_owned(),
    }
}

const SECRET: [&str; 4] = ["access_token", "id", "ticket", "ReturnUrl"];

const FORMAT: &str = r#"%a "%{request}xi" %s %b "%{User-Agent}i" %T"#;

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn q08_a_secret_is_left_out_however_its_name_is_written() {
        let line = |query: &str| {
            let line = request_line(&TestRequest::with_uri(&format!("/chat?{query}")).to_http_request());
            line.strip_prefix("GET /chat?").unwrap().strip_suffix(" HTTP/1.1").unwrap().to_owned()
        };
        for query in [
            "access_token=secret",
            "Access_Token=secret",
            "access%5ftoken=secret",
            "acc%65ss_token=secret=secret",
            "id=secret",
            "ReturnUrl=%2Fchat%3Faccess_token%3Dsecret",
            "returnurl=secret",
            "ticket=secret",
            "a=1&access_token=secret&b=2&ACCESS_TOKEN=secret",
        ] {
            assert!(!line(query).contains("secret"), "{query}: {}", line(query));
        }
        assert_eq!(line("a=1&b&=c&negotiateVersion=1"), "a=1&b&=c&negotiateVersion=1");
        assert_eq!(line("access_token"), "access_token");
    }
}
