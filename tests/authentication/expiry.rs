//! Credentials that expire: rows C8 and C9. Tokens here last for two seconds, and the clock skew is none unless said.
//! The same over WebSockets is in the conformance suite, `authentication/expiry-*`.

use std::time::Duration;

use actix_signalr::{HttpConnectionOptions, SignalR};
use actix_web::{
    body::to_bytes,
    test::{TestRequest, call_service},
};

use crate::{
    polling::{HANDSHAKE, answer, open, receive, send, serve},
    server::{WHO, bearer, events, now, routes, token, token_of},
};

const GOODBYE: &str = r#"{"type":7,"allowReconnect":true}"#;

fn server(closes: bool, skew: Duration) -> SignalR {
    let options = HttpConnectionOptions::default().close_on_authentication_expiration(closes);
    SignalR::builder().authentication(bearer().clock_skew(skew)).hub_routes(routes(options)).build().unwrap()
}

fn brief() -> String {
    token("ann", now() + Duration::from_secs(2), None)
}

/// Waits for the answer to an expired token.
async fn until_refused(
    app: &impl actix_web::dev::Service<
        actix_http::Request,
        Response = actix_web::dev::ServiceResponse<impl actix_web::body::MessageBody>,
        Error = actix_web::Error,
    >,
    token: &str,
) {
    let negotiate = format!("/members/negotiate?access_token={token}");
    let refused = async {
        while answer(app, TestRequest::post().uri(&negotiate)).await.0 != 401 {
            actix_web::rt::time::sleep(Duration::from_millis(50)).await;
        }
    };
    actix_web::rt::time::timeout(Duration::from_secs(10), refused).await.unwrap();
}

#[actix_web::test]
async fn c08_an_expired_token_fails_the_next_poll_and_leaves_the_connection() {
    let app = serve(&server(false, Duration::ZERO), |_| {}).await;
    let brief = brief();
    let (uri, _) = open(&app, "/members", &format!("access_token={brief}")).await;
    send(&app, &uri, &[HANDSHAKE]).await;
    assert_eq!(receive(&app, &uri, 1).await, ["{}"]);
    until_refused(&app, &brief).await;
    assert_eq!(answer(&app, TestRequest::get().uri(&uri)).await.0, 401);
    assert_eq!(answer(&app, TestRequest::post().uri(&uri)).await.0, 401);
    let uri = uri.replace(&brief, &token_of("ann"));
    send(&app, &uri, &[WHO]).await;
    assert_eq!(receive(&app, &uri, 1).await, [r#"{"type":3,"invocationId":"1","result":"ann"}"#]);
}

#[actix_web::test]
async fn c08_a_connection_ends_with_its_token_where_that_is_wanted() {
    let app = serve(&server(true, Duration::ZERO), |_| {}).await;
    let (uri, _) = open(&app, "/members", &format!("access_token={}", brief())).await;
    send(&app, &uri, &[HANDSHAKE]).await;
    assert_eq!(receive(&app, &uri, 1).await, ["{}"]);
    // The poll waits until there is something: the goodbye.
    assert_eq!(receive(&app, &uri, 1).await, [GOODBYE]);
}

#[actix_web::test]
async fn c08_a_stream_of_events_ends_with_its_token_where_that_is_wanted() {
    let app = serve(&server(true, Duration::ZERO), |_| {}).await;
    let brief = brief();
    let negotiate =
        TestRequest::post().uri(&format!("/members/negotiate?negotiateVersion=1&access_token={brief}"));
    let negotiated: serde_json::Value = serde_json::from_str(&answer(&app, negotiate).await.1).unwrap();
    let uri = format!("/members?id={}&access_token={brief}", negotiated["connectionToken"].as_str().unwrap());
    let stream = call_service(&app, events(&uri).to_request()).await;
    send(&app, &uri, &[HANDSHAKE]).await;
    // The body is whole when the server has ended it.
    let text = to_bytes(stream.into_body()).await.unwrap_or_default();
    assert!(String::from_utf8_lossy(&text).contains(GOODBYE));
}

#[actix_web::test]
async fn c09_a_token_past_its_time_but_within_the_skew_is_let_in_and_sent_away() {
    let app = serve(&server(true, Duration::from_secs(300)), |_| {}).await;
    let late = token("ann", now() - Duration::from_secs(10), None);
    for _ in 0..2 {
        let (uri, _) = open(&app, "/members", &format!("access_token={late}")).await;
        send(&app, &uri, &[HANDSHAKE]).await;
        let heard = receive(&app, &uri, 2).await;
        assert_eq!(heard.last().map(String::as_str), Some(GOODBYE));
        assert!(receive(&app, &uri, 1).await.is_empty(), "the connection is over");
    }
}
