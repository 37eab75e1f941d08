//! Attacks on connections: rows C of the specification, section 13.3. C8 and C9 are in `expiry.rs`, C12 in `origins.rs`.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use actix_http::Request;
use actix_signalr::{AuthorizeData, HttpConnectionOptions, HubRoutes, Policy};
use actix_web::{
    App, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{Service, ServiceRequest, ServiceResponse},
    http::Method,
    middleware::{Next, from_fn},
    test::{TestRequest, call_service, init_service},
};
use serde_json::Value;

use crate::{
    polling::{HANDSHAKE, answer, open, receive, send, serve},
    server::{Members, WHO, builder, events, now, server, token, token_of, web_socket, with_token},
};

const CHANGED: &str = "The user associated with this connection changed.";

/// Negotiates as somebody: the id and the token of the connection.
async fn negotiate<B: MessageBody>(
    app: &impl Service<Request, Response = ServiceResponse<B>, Error = actix_web::Error>,
    path: &str,
    version: u8,
    bearer: &str,
) -> (String, String) {
    let request = TestRequest::post().uri(&format!("{path}/negotiate?negotiateVersion={version}"));
    let (status, text) = answer(app, with_token(request, bearer)).await;
    assert_eq!(status, 200, "{text}");
    let answered: Value = serde_json::from_str(&text).unwrap();
    let id = answered["connectionId"].as_str().unwrap().to_owned();
    let token = answered["connectionToken"].as_str().unwrap_or(&id).to_owned();
    (id, token)
}

#[actix_web::test]
async fn c01_anothers_connection_token_opens_nothing() {
    let app = serve(&server(), |_| {}).await;
    let (ann, bob) = (token_of("ann"), token_of("bob"));
    let (_, token) = negotiate(&app, "/members", 1, &ann).await;
    let uri = format!("/members?id={token}");
    for request in [web_socket(&uri), events(&uri), TestRequest::get().uri(&uri)] {
        assert_eq!(answer(&app, with_token(request, &bob)).await, (403, CHANGED.to_owned()));
    }
    let opened = answer(&app, with_token(TestRequest::get().uri(&uri), &ann)).await;
    assert_eq!(opened.0, 200, "the attempts have not used it up");
    let poll = answer(&app, with_token(TestRequest::get().uri(&uri), &bob)).await;
    assert_eq!(poll, (403, CHANGED.to_owned()));
}

#[actix_web::test]
async fn c02_nobody_sends_or_ends_by_anothers_connection_token() {
    let app = serve(&server(), |_| {}).await;
    let (ann, bob) = (token_of("ann"), token_of("bob"));
    let (uri, _) = open(&app, "/members", &format!("access_token={ann}")).await;
    send(&app, &uri, &[HANDSHAKE]).await;
    assert_eq!(receive(&app, &uri, 1).await, ["{}"]);
    let as_bob = uri.replace(&ann, &bob);
    let post = TestRequest::post().uri(&as_bob).set_payload(format!("{WHO}\u{1e}"));
    assert_eq!(answer(&app, post).await, (403, CHANGED.to_owned()));
    assert_eq!(answer(&app, TestRequest::delete().uri(&as_bob)).await, (403, CHANGED.to_owned()));
    send(&app, &uri, &[WHO]).await;
    assert_eq!(receive(&app, &uri, 1).await, [r#"{"type":3,"invocationId":"1","result":"ann"}"#]);
}

#[actix_web::test]
async fn c03_the_public_id_is_no_token() {
    let app = serve(&server(), |_| {}).await;
    let (ann, bob) = (token_of("ann"), token_of("bob"));
    let (id, token) = negotiate(&app, "/members", 1, &ann).await;
    assert_ne!(id, token);
    let uri = format!("/members?id={id}");
    for bearer in [&ann, &bob] {
        assert_eq!(answer(&app, with_token(TestRequest::get().uri(&uri), bearer)).await.0, 404);
    }
    // Without a secret of its own, in version 0, a connection is still its user's alone.
    let (id, token) = negotiate(&app, "/members", 0, &ann).await;
    assert_eq!(id, token);
    let uri = format!("/members?id={id}");
    assert_eq!(answer(&app, with_token(TestRequest::get().uri(&uri), &bob)).await.0, 403);
}

#[actix_web::test]
async fn c04_a_connection_token_is_good_at_the_hub_that_gave_it_alone() {
    let app = serve(&server(), |_| {}).await;
    let ann = token_of("ann");
    for (given, used) in [("/open", "/members"), ("/members", "/others"), ("/members", "/open")] {
        let (_, token) = negotiate(&app, given, 1, &ann).await;
        let uri = format!("{used}?id={token}");
        let requests = [
            web_socket(&uri),
            events(&uri),
            TestRequest::get().uri(&uri),
            TestRequest::post().uri(&uri),
            TestRequest::delete().uri(&uri),
        ];
        for request in requests {
            assert_eq!(answer(&app, with_token(request, &ann)).await.0, 404, "{given} at {used}");
        }
    }
}

#[actix_web::test]
async fn c05_who_has_negotiated_as_one_does_not_connect_as_another() {
    let app = serve(&server(), |_| {}).await;
    let ann = token_of("ann");
    let (_, token) = negotiate(&app, "/open", 1, &ann).await;
    let uri = format!("/open?id={token}");
    assert_eq!(answer(&app, with_token(TestRequest::get().uri(&uri), &token_of("bob"))).await.0, 403);
    assert_eq!(answer(&app, TestRequest::get().uri(&uri)).await.0, 403, "nor as nobody");
    assert_eq!(answer(&app, with_token(TestRequest::get().uri(&uri), &ann)).await.0, 200);
}

#[actix_web::test]
async fn c06_a_web_socket_without_negotiation_is_authorized_before_it_is_one() {
    let app = serve(&server(), |_| {}).await;
    let refused = answer(&app, web_socket("/members")).await;
    assert_eq!(refused, (401, String::new()));
    let request = with_token(web_socket("/members"), &token_of("ann")).to_request();
    assert_eq!(call_service(&app, request).await.status(), 101);
}

#[actix_web::test]
async fn c07_negotiation_and_every_verb_of_the_hub_are_protected_together() {
    let app = serve(&server(), |_| {}).await;
    for uri in
        ["/members", "/members/", "/MEMBERS", "/members?id=x", "/members/negotiate", "/Members/Negotiate/"]
    {
        for method in [Method::GET, Method::POST, Method::DELETE, Method::PUT, Method::OPTIONS, Method::HEAD]
        {
            let request = TestRequest::default().method(method.clone()).uri(uri);
            assert_eq!(answer(&app, request).await.0, 401, "{method} {uri}");
        }
    }
}

#[actix_web::test]
async fn c10_a_lost_right_is_noticed_by_requests_and_not_by_calls() {
    let is_closed = Arc::new(AtomicBool::new(false));
    let closed = is_closed.clone();
    let policy = Policy::new().require_user(move |_| !closed.load(Ordering::SeqCst));
    let options = HttpConnectionOptions::default().authorize(AuthorizeData::policy("WhileOpen"));
    let signalr = builder()
        .policy("WhileOpen", policy)
        .hub_routes(HubRoutes::new(Members).route("/members", options))
        .build()
        .unwrap();
    let app = serve(&signalr, |_| {}).await;
    let (as_king, as_subject) = (token("ann", now() * 2, Some("king")), token("ann", now() * 2, None));
    let (uri, _) = open(&app, "/members", &format!("access_token={as_king}")).await;
    send(&app, &uri, &[HANDSHAKE]).await;
    assert_eq!(receive(&app, &uri, 1).await, ["{}"]);
    // The claims are those of the token that opened the connection, whatever later ones say.
    let uri = uri.replace(&as_king, &as_subject);
    send(&app, &uri, &[r#"{"type":1,"invocationId":"1","target":"Rule","arguments":[]}"#]).await;
    assert_eq!(receive(&app, &uri, 1).await, [r#"{"type":3,"invocationId":"1","result":true}"#]);
    // What the hub itself demands is asked for by each request.
    is_closed.store(true, Ordering::SeqCst);
    for request in [TestRequest::get(), TestRequest::post(), TestRequest::delete()] {
        assert_eq!(answer(&app, request.uri(&uri)).await.0, 403);
    }
}

#[actix_web::test]
async fn c11_connection_tokens_are_128_random_bits_and_a_guess_tells_nothing() {
    let app = serve(&server(), |_| {}).await;
    let ann = token_of("ann");
    let mut seen = HashSet::new();
    for _ in 0..100 {
        let (_, token) = negotiate(&app, "/members", 1, &ann).await;
        assert!(token.len() == 22 && seen.insert(token), "16 bytes in base64url, each time others");
    }
    let token = seen.into_iter().next().unwrap();
    let (near, longer) = (format!("{}-", &token[..21]), format!("{token}A"));
    for guess in [&*near, &*longer, &token[..21], "A", "%00", &token.to_uppercase()] {
        let request = with_token(TestRequest::get().uri(&format!("/members?id={guess}")), &ann);
        assert_eq!(answer(&app, request).await, (404, "No Connection with that ID".to_owned()), "{guess}");
    }
}

/// What a CORS middleware does with a preflight, and nothing else.
async fn cors(request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse, actix_web::Error> {
    if request.method() == Method::OPTIONS && request.headers().contains_key("access-control-request-method")
    {
        let mut allowed = HttpResponse::NoContent();
        allowed.insert_header(("access-control-allow-origin", "https://app.example"));
        return Ok(request.into_response(allowed.finish()));
    }
    next.call(request).await
}

#[actix_web::test]
async fn c13_a_preflight_to_a_protected_hub_is_answered_without_credentials() {
    let app = init_service(App::new().wrap(from_fn(cors)).configure(server().routes())).await;
    for uri in ["/members", "/members/negotiate"] {
        let preflight = TestRequest::default()
            .method(Method::OPTIONS)
            .uri(uri)
            .insert_header(("origin", "https://app.example"))
            .insert_header(("access-control-request-method", "POST"));
        assert_eq!(answer(&app, preflight).await.0, 204);
        assert_eq!(answer(&app, TestRequest::post().uri(uri)).await.0, 401, "what follows is another matter");
    }
}
