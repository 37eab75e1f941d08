//! Tokens among the subprotocols of a WebSocket.

use actix_signalr::{HttpConnectionOptions, SignalR};
use actix_web::{
    http::header::SEC_WEBSOCKET_PROTOCOL,
    test::{TestRequest, call_service},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{
    polling::serve,
    server::{builder, routes, token_of, web_socket, with_token},
};

fn server() -> SignalR {
    builder().hub_routes(routes(HttpConnectionOptions::default().subprotocol_token(true))).build().unwrap()
}

fn offer(token: &str) -> String {
    format!("signalr, signalr.bearer.{}", URL_SAFE_NO_PAD.encode(token))
}

fn offering(path: &str, offer: &str) -> TestRequest {
    web_socket(path).insert_header((SEC_WEBSOCKET_PROTOCOL, offer.to_owned()))
}

macro_rules! answered {
    ($app:expr, $request:expr) => {{
        let response = call_service($app, $request.to_request()).await;
        let selected = response.headers().get(SEC_WEBSOCKET_PROTOCOL);
        (response.status().as_u16(), selected.map(|value| value.to_str().unwrap().to_owned()))
    }};
}

#[actix_web::test]
async fn a_token_among_the_subprotocols_is_a_token_and_is_not_echoed() {
    let app = serve(&server(), |_| {}).await;
    let good = offer(&token_of("ann"));
    assert_eq!(answered!(&app, offering("/members", &good)), (101, Some("signalr".to_owned())));
    for bad in
        ["signalr", "signalr, signalr.bearer.", "signalr, signalr.bearer.YQ", "x", &format!("{good}, {good}")]
    {
        assert_eq!(answered!(&app, offering("/members", bad)).0, 401, "{bad}");
    }
    assert_eq!(answered!(&app, offering("/open", "signalr")), (101, Some("signalr".to_owned())));
    assert_eq!(answered!(&app, offering("/open", "json")), (101, None));
}

#[actix_web::test]
async fn two_tokens_of_one_request_are_none() {
    let app = serve(&server(), |_| {}).await;
    let request = with_token(offering("/members", &offer(&token_of("ann"))), &token_of("ann"));
    assert_eq!(answered!(&app, request).0, 401);
}

#[actix_web::test]
async fn without_the_option_subprotocols_mean_nothing() {
    let app = serve(&crate::server::server(), |_| {}).await;
    let good = offer(&token_of("ann"));
    assert_eq!(answered!(&app, offering("/members", &good)).0, 401);
    assert_eq!(answered!(&app, offering("/open", &good)), (101, None));
}
