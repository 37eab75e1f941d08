//! What is taken away, asked for by every way there is: polls, sends, sockets that resume, routes that are no hubs.

use std::{pin::pin, sync::atomic::AtomicBool, sync::atomic::Ordering, time::Duration};

use actix_http::Request;
use actix_signalr::{
    AuthorizeData, ClaimsPrincipal, ConnectionSelector, CookieAuthentication, HttpConnectionOptions,
    HubRoutes, InMemorySessionStore, KeyRing, Policy, RequestUser, SignalR, SignedIn, claim_types,
};
use actix_web::{
    body::MessageBody,
    dev::{Service, ServiceResponse},
    http::header::{CONTENT_LENGTH, COOKIE},
    rt::time::timeout,
    test::{TestRequest, call_service},
    web::{self, ServiceConfig},
};
use futures::future::{join, poll_fn};

use crate::{
    cookies::cookie_of,
    polling::{HANDSHAKE, answer, open, receive, send, serve},
    server::{Members, WHO, builder, events, routes, server, token_of, web_socket, with_token},
};

/// As long as something may take that is bound to happen.
const LIMIT: Duration = Duration::from_secs(10);

const HOUR: Duration = Duration::from_secs(3600);

async fn revoke(signalr: &SignalR, who: &ConnectionSelector) -> usize {
    signalr.users().unwrap().revoke(who, HOUR).await.unwrap()
}

/// Three routes that are no hubs: behind the middleware, and with each extractor.
fn pages(signalr: &SignalR) -> impl FnOnce(&mut ServiceConfig) + use<> {
    let guard = signalr.require_authorization(AuthorizeData::authenticated()).unwrap();
    move |config| {
        config.service(web::resource("/guarded").wrap(guard).to(async || "in"));
        config.route("/inbox", web::get().to(async |_: SignedIn| "in"));
        config.route(
            "/page",
            web::get().to(async |user: RequestUser| {
                user.find_first(claim_types::NAME_IDENTIFIER).unwrap_or("stranger").to_owned()
            }),
        );
    }
}

/// What the three of them say to a token.
async fn said<B: MessageBody>(
    app: &impl Service<Request, Response = ServiceResponse<B>, Error = actix_web::Error>,
    token: &str,
) -> (u16, u16, String) {
    let get = |uri: &str| with_token(TestRequest::get().uri(uri), token);
    let page = answer(app, get("/page")).await.1;
    (answer(app, get("/guarded")).await.0, answer(app, get("/inbox")).await.0, page)
}

#[actix_web::test]
async fn who_is_revoked_is_refused_by_routes_that_are_no_hubs_from_that_moment_on() {
    let signalr = server();
    let app = serve(&signalr, pages(&signalr)).await;
    let (ann, bob) = (token_of("ann"), token_of("bob"));
    let in_as = |name: &str| (200, 200, name.to_owned());
    assert_eq!(said(&app, &ann).await, in_as("ann"));
    for selector in [
        ConnectionSelector::user("ann"),
        ConnectionSelector::claim(claim_types::NAME_IDENTIFIER, "ann"),
        ConnectionSelector::matching(|user| user.has_claim(claim_types::NAME_IDENTIFIER, "ann")),
    ] {
        revoke(&signalr, &selector).await;
        assert_eq!(said(&app, &ann).await, (401, 401, "stranger".to_owned()), "{selector:?}");
        assert_eq!(said(&app, &bob).await, in_as("bob"), "{selector:?}");
        signalr.users().unwrap().reinstate(&selector).await.unwrap();
    }
}

#[actix_web::test]
async fn once_somebody_is_revoked_a_user_id_provider_that_panics_lets_nobody_in() {
    static PANICS: AtomicBool = AtomicBool::new(false);
    let signalr = builder()
        .user_id_provider(|user: &ClaimsPrincipal| {
            assert!(!PANICS.load(Ordering::SeqCst), "a bug of the application");
            user.find_first(claim_types::NAME_IDENTIFIER).map(str::to_owned)
        })
        .hub_routes(routes(HttpConnectionOptions::default()))
        .build()
        .unwrap();
    let app = serve(&signalr, pages(&signalr)).await;
    revoke(&signalr, &ConnectionSelector::user("ann")).await;
    let bob = token_of("bob");
    assert_eq!(said(&app, &bob).await.0, 200);
    PANICS.store(true, Ordering::SeqCst);
    assert_eq!(said(&app, &bob).await, (401, 401, "stranger".to_owned()));
}

#[actix_web::test]
async fn who_is_revoked_polls_sends_and_ends_no_more() {
    let signalr = server();
    let app = serve(&signalr, |_| {}).await;
    let (ann, bob) = (token_of("ann"), token_of("bob"));
    let mut uris = Vec::new();
    for token in [&ann, &bob] {
        let (uri, _) = open(&app, "/members", &format!("access_token={token}")).await;
        send(&app, &uri, &[HANDSHAKE]).await;
        assert_eq!(receive(&app, &uri, 1).await, ["{}"]);
        uris.push(uri);
    }
    let [of_ann, of_bob] = &uris[..] else { panic!("two have connected") };
    let poll = TestRequest::get().uri(of_ann);
    let selector = ConnectionSelector::user("ann");
    let ((status, last), ended) = join(answer(&app, poll), revoke(&signalr, &selector)).await;
    assert_eq!((status, &*last, ended), (200, "{\"type\":7}\u{1e}", 1), "the poll that was held is answered");
    let post = || TestRequest::post().uri(of_ann).set_payload(format!("{WHO}\u{1e}"));
    for request in [TestRequest::get().uri(of_ann), post(), TestRequest::delete().uri(of_ann)] {
        assert_eq!(answer(&app, request).await.0, 401);
    }
    let negotiate = TestRequest::post().uri("/members/negotiate?negotiateVersion=1");
    assert_eq!(answer(&app, with_token(negotiate, &ann)).await.0, 401);
    send(&app, of_bob, &[WHO]).await;
    assert_eq!(receive(&app, of_bob, 1).await, [r#"{"type":3,"invocationId":"1","result":"bob"}"#]);

    // The connection is over, not hidden: nor does it come back with the right.
    signalr.users().unwrap().reinstate(&selector).await.unwrap();
    let gone = |status| status == 204 || status == 404;
    assert!(gone(answer(&app, TestRequest::get().uri(of_ann)).await.0), "the end may be told first");
    assert_eq!(answer(&app, TestRequest::get().uri(of_ann)).await.0, 404);
}

/// A text as a browser sends it in one frame.
fn frame(text: &str) -> Vec<u8> {
    let mut frame = vec![0x81, 0x80 | u8::try_from(text.len()).unwrap(), 0, 0, 0, 0];
    frame.extend_from_slice(text.as_bytes());
    frame
}

#[actix_web::test]
async fn who_is_revoked_resumes_nothing() {
    let options = HttpConnectionOptions::default().allow_stateful_reconnects(true);
    let signalr = builder().hub_routes(routes(options)).build().unwrap();
    let app = serve(&signalr, |_| {}).await;
    let token = token_of("ann");
    let negotiate = "/members/negotiate?negotiateVersion=1&useStatefulReconnect=true";
    let (_, text) = answer(&app, with_token(TestRequest::post().uri(negotiate), &token)).await;
    let negotiated: serde_json::Value = serde_json::from_str(&text).unwrap();
    let uri = format!("/members?id={}", negotiated["connectionToken"].as_str().unwrap());
    // A socket that brings a handshake and ends: the connection stays, and waits for another.
    let socket = |payload: Vec<u8>| {
        let mut request = with_token(web_socket(&uri), &token).set_payload(payload).to_request();
        // What follows a request to upgrade is no body.
        request.headers_mut().remove(CONTENT_LENGTH);
        request
    };
    let opened = call_service(&app, socket(frame("{\"protocol\":\"json\",\"version\":2}\u{1e}"))).await;
    assert_eq!(opened.status(), 101);
    let mut body = pin!(opened.into_body());
    while let Some(Ok(_)) = poll_fn(|cx| body.as_mut().poll_next(cx)).await {}
    let resumed = call_service(&app, socket(Vec::new())).await;
    assert_eq!(resumed.status(), 101, "as long as he may");
    drop(resumed);

    assert_eq!(revoke(&signalr, &ConnectionSelector::user("ann")).await, 1);
    assert_eq!(call_service(&app, socket(Vec::new())).await.status(), 401);
    signalr.users().unwrap().reinstate(&ConnectionSelector::user("ann")).await.unwrap();
    assert_eq!(call_service(&app, socket(Vec::new())).await.status(), 404, "there is nothing to resume");
}

#[actix_web::test]
async fn each_of_several_credentials_ends_the_connection_when_it_is_revoked() {
    for revoked in ["First", "Second"] {
        let (first, second) = (InMemorySessionStore::new(), InMemorySessionStore::new());
        let scheme = |name: &str, sessions: &InMemorySessionStore| {
            CookieAuthentication::new(KeyRing::new([3; 32])).scheme_name(name).session_store(sessions.clone())
        };
        let (one, two) = (scheme("First", &first), scheme("Second", &second));
        let both = Policy::new().require_authenticated_user().schemes(["First", "Second"]);
        let options = HttpConnectionOptions::default().authorize(AuthorizeData::policy("Both"));
        let signalr = SignalR::builder()
            .authentication(one.clone())
            .authentication(two.clone())
            .policy("Both", both)
            .hub_routes(HubRoutes::new(Members).route("/members", options))
            .build()
            .unwrap();
        let app = serve(&signalr, |_| {}).await;
        let cookie = format!("{}; {}", cookie_of(&one, "ann").await, cookie_of(&two, "ann").await);
        // A stream of events: no later request shows the credentials again.
        let with = |request: TestRequest| request.insert_header((COOKIE, cookie.clone()));
        let negotiate = TestRequest::post().uri("/members/negotiate?negotiateVersion=1");
        let negotiated: serde_json::Value =
            serde_json::from_str(&answer(&app, with(negotiate)).await.1).unwrap();
        let uri = format!("/members?id={}", negotiated["connectionToken"].as_str().unwrap());
        let opened = call_service(&app, with(events(&uri)).to_request()).await;
        let mut stream = pin!(opened.into_body());
        let handshake = TestRequest::post().uri(&uri).set_payload(format!("{HANDSHAKE}\u{1e}"));
        assert_eq!(answer(&app, with(handshake)).await.0, 200);
        let mut heard = String::new();
        while !heard.contains("{}") {
            let chunk = poll_fn(|cx| stream.as_mut().poll_next(cx)).await;
            heard += &String::from_utf8_lossy(&chunk.unwrap().unwrap());
        }
        let ended = if revoked == "First" { first.revoke_user("ann") } else { second.revoke_user("ann") };
        assert_eq!(ended, 1);
        let rest = async {
            while let Some(chunk) = poll_fn(|cx| stream.as_mut().poll_next(cx)).await {
                heard += &String::from_utf8_lossy(&chunk.unwrap());
            }
        };
        timeout(LIMIT, rest).await.expect("the stream ends");
        assert!(heard.contains(AWAY.trim_end_matches('\u{1e}')), "{revoked}: {heard}");
    }
}

#[actix_web::test]
async fn credentials_that_a_refresh_has_brought_end_the_connection_when_they_are_revoked() {
    let sessions = InMemorySessionStore::new();
    let cookies = CookieAuthentication::new(KeyRing::new([3; 32])).session_store(sessions.clone());
    let options = HttpConnectionOptions::default().enable_authentication_refresh(true);
    let signalr =
        SignalR::builder().authentication(cookies.clone()).hub_routes(routes(options)).build().unwrap();
    let app = serve(&signalr, |_| {}).await;
    let (before, after) = (cookie_of(&cookies, "ann").await, cookie_of(&cookies, "ann").await);
    let uri = open_by_cookie(&app, &before).await;
    let refresh = TestRequest::post()
        .uri("/members/refresh")
        .insert_header((COOKIE, after.clone()))
        .insert_header(("X-SignalR-Connection-Token", uri.split_once('=').unwrap().1.to_owned()));
    assert_eq!(answer(&app, refresh).await.0, 200);
    let poll = TestRequest::get().uri(&uri).insert_header((COOKIE, before));
    let sign_out = async {
        let http = TestRequest::post().insert_header((COOKIE, after)).to_http_request();
        let _ = cookies.sign_out(&http).await.unwrap();
    };
    let ((_, last), ()) = join(answer(&app, poll), sign_out).await;
    assert_eq!((&*last, sessions.len()), (AWAY, 1), "the session it began with still lasts");
}

/// Negotiates, polls and shakes hands as somebody who has signed in; where the connection is.
async fn open_by_cookie<B: MessageBody>(
    app: &impl Service<Request, Response = ServiceResponse<B>, Error = actix_web::Error>,
    cookie: &str,
) -> String {
    let with = |request: TestRequest| request.insert_header((COOKIE, cookie.to_owned()));
    let negotiate = TestRequest::post().uri("/members/negotiate?negotiateVersion=1");
    let (_, text) = answer(app, with(negotiate)).await;
    let negotiated: serde_json::Value = serde_json::from_str(&text).unwrap();
    let uri = format!("/members?id={}", negotiated["connectionToken"].as_str().unwrap());
    assert_eq!(answer(app, with(TestRequest::get().uri(&uri))).await.0, 200);
    let handshake = TestRequest::post().uri(&uri).set_payload(format!("{HANDSHAKE}\u{1e}"));
    assert_eq!(answer(app, with(handshake)).await.0, 200);
    assert_eq!(answer(app, with(TestRequest::get().uri(&uri))).await.1, "{}\u{1e}");
    uri
}

/// What a client is told that may come back with other credentials.
const AWAY: &str = "{\"type\":7,\"allowReconnect\":true}\u{1e}";
