//! Bearer tokens among the subprotocols of a WebSocket: the only header of it that a page can write.

use actix_web::{
    HttpRequest,
    dev::ServiceRequest,
    http::{
        Method,
        header::{AUTHORIZATION, HeaderMap, HeaderValue, SEC_WEBSOCKET_PROTOCOL},
    },
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// Turns a token among the offered subprotocols into the `Authorization` header that every other client would have sent, and
/// takes it out of the offer. So all schemes find it where they look, and nobody behind this sees it elsewhere.
pub(crate) fn unwrap_token(request: &mut ServiceRequest) {
    if *request.method() == Method::GET {
        unwrap_in(request.headers_mut());
    }
}

fn unwrap_in(headers: &mut HeaderMap) {
    let offered: Vec<String> = offers(headers).map(str::to_owned).collect();
    let (tokens, others): (Vec<&str>, Vec<&str>) =
        offered.iter().map(String::as_str).partition(|offer| offer.starts_with(TOKEN_PREFIX));
    if tokens.is_empty() {
        return;
    }
    headers.remove(SEC_WEBSOCKET_PROTOCOL);
    if let Ok(rest) = HeaderValue::try_from(others.join(", ")) {
        headers.insert(SEC_WEBSOCKET_PROTOCOL, rest);
    }
    for token in tokens {
        // Beside a header that is there already: two make one token that no key fits.
        headers.append(AUTHORIZATION, bearer(&token[TOKEN_PREFIX.len()..]));
    }
}

/// The header of a token. One that is not encoded rightly stays as it is, and is refused as a token.
fn bearer(encoded: &str) -> HeaderValue {
    let decoded = URL_SAFE_NO_PAD.decode(encoded).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let header = |token: &str| HeaderValue::try_from(format!("Bearer {token}")).ok();
    let value = decoded.as_deref().and_then(header).or_else(|| header(encoded));
    let mut value = value.unwrap_or_else(|| HeaderValue::from_static("Bearer ?"));
    value.set_sensitive(true);
    value
}

/// The subprotocol to answer with: the plain one, if it is offered. Browsers give up a WebSocket that was offered some and
/// was answered none. The one with the token is never answered: it would be in the logs of answers then.
pub(crate) fn selected(http: &HttpRequest) -> Option<HeaderValue> {
    offers(http.headers()).any(|offer| offer == PLAIN).then(|| HeaderValue::from_static(PLAIN))
}

fn offers(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = headers.get_all(SEC_WEBSOCKET_PROTOCOL).filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim).filter(|offer| !offer.is_empty())
}

/// What is answered; it says nothing but that the server knows the other.
const PLAIN: &str = "signalr";

/// Followed by the token in base64url, without padding.
const TOKEN_PREFIX: &str = "signalr.bearer.";

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    /// What becomes of the offers: the header of tokens, and the offers that are left.
    fn unwrapped(offers: &[&str]) -> (Vec<String>, Vec<String>) {
        let request = offers.iter().fold(TestRequest::get(), |request, offer| {
            request.append_header((SEC_WEBSOCKET_PROTOCOL, *offer))
        });
        let mut request = request.to_srv_request();
        unwrap_token(&mut request);
        let all = |name| {
            let values = request.headers().get_all(name);
            values.map(|value| value.to_str().unwrap().to_owned()).collect()
        };
        (all(AUTHORIZATION), all(SEC_WEBSOCKET_PROTOCOL))
    }

    #[test]
    fn a_token_becomes_the_header_and_leaves_the_offer() {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let table: [(&[&str], &[&str], &[&str]); 8] = [
            (&["signalr, signalr.bearer.YS5iLmM"], &["Bearer a.b.c"], &["signalr"]),
            (&["signalr", "signalr.bearer.YS5iLmM", "x"], &["Bearer a.b.c"], &["signalr, x"]),
            (&["signalr.bearer.YQ,signalr.bearer.Yg"], &["Bearer a", "Bearer b"], &[""]),
            (&["signalr.bearer.!!"], &["Bearer !!"], &[""]),
            (&["signalr.bearer.DQo"], &["Bearer DQo"], &[""]),
            (&["signalr.bearer._w"], &["Bearer _w"], &[""]),
            (&["signalr, x"], &[], &["signalr, x"]),
            (&[], &[], &[]),
        ];
        for (offers, authorization, left) in table {
            assert_eq!(unwrapped(offers), (owned(authorization), owned(left)), "{offers:?}");
        }
    }

    #[test]
    fn the_plain_one_alone_is_answered() {
        let answered = |offers: &'static str| {
            let request = TestRequest::get().insert_header((SEC_WEBSOCKET_PROTOCOL, offers));
            selected(&request.to_http_request())
        };
        assert_eq!(answered("signalr.bearer.YQ, signalr").unwrap(), "signalr");
        assert_eq!(answered("signalr.bearer.YQ, json"), None);
    }

    #[test]
    fn what_is_no_get_is_left_alone() {
        let request = TestRequest::post().insert_header((SEC_WEBSOCKET_PROTOCOL, "signalr.bearer.YQ"));
        let mut request = request.to_srv_request();
        unwrap_token(&mut request);
        assert!(!request.headers().contains_key(AUTHORIZATION));
    }
}
