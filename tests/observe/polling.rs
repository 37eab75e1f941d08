//! A client that polls a server in memory, through all that belongs to HTTP.

use actix_http::Request;
use actix_signalr::SignalR;
use actix_web::{
    App,
    body::MessageBody,
    dev::{Service, ServiceResponse},
    test::{TestRequest, call_service, init_service, read_body},
    web::ServiceConfig,
};

/// An application with a server's routes and, perhaps, more.
pub(crate) async fn serve<M: FnOnce(&mut ServiceConfig)>(
    signalr: &SignalR,
    more: M,
) -> impl Service<Request, Response = ServiceResponse, Error = actix_web::Error> + use<M> {
    init_service(App::new().configure(signalr.routes()).configure(more)).await
}

/// The status and the text that a request is answered with.
pub(crate) async fn answer<B: MessageBody>(
    app: &impl Service<Request, Response = ServiceResponse<B>, Error = actix_web::Error>,
    request: TestRequest,
) -> (u16, String) {
    let response = call_service(app, request.to_request()).await;
    let status = response.status().as_u16();
    (status, String::from_utf8_lossy(&read_body(response).await).into_owned())
}

/// Negotiates and polls for the first time; where the connection is from then on, and its token.
pub(crate) async fn open<B: MessageBody>(
    app: &impl Service<Request, Response = ServiceResponse<B>, Error = actix_web::Error>,
    path: &str,
    query: &str,
) -> (String, String) {
    let negotiate = TestRequest::post().uri(&format!("{path}/negotiate?negotiateVersion=1&{query}"));
    let (status, text) = answer(app, negotiate).await;
    assert_eq!(status, 200, "{text}");
    let negotiated: serde_json::Value = serde_json::from_str(&text).unwrap();
    let token = negotiated["connectionToken"].as_str().unwrap().to_owned();
    let uri = format!("{path}?id={token}&{query}");
    assert_eq!(answer(app, TestRequest::get().uri(&uri)).await.0, 200);
    (uri, token)
}

/// Sends records, each with its separator added.
pub(crate) async fn send<B: MessageBody>(
    app: &impl Service<Request, Response = ServiceResponse<B>, Error = actix_web::Error>,
    uri: &str,
    records: &[&str],
) {
    let body: String = records.iter().map(|record| format!("{record}\u{1e}")).collect();
    let (status, text) = answer(app, TestRequest::post().uri(uri).set_payload(body)).await;
    assert_eq!(status, 200, "{text}");
}

/// Polls until so many records have come, or the connection is over.
pub(crate) async fn receive<B: MessageBody>(
    app: &impl Service<Request, Response = ServiceResponse<B>, Error = actix_web::Error>,
    uri: &str,
    count: usize,
) -> Vec<String> {
    let mut records = Vec::new();
    while records.len() < count {
        let (status, text) = answer(app, TestRequest::get().uri(uri)).await;
        if status == 204 {
            break;
        }
        records.extend(text.split_terminator('\u{1e}').map(str::to_owned));
    }
    records
}

pub(crate) const HANDSHAKE: &str = r#"{"protocol":"json","version":1}"#;
