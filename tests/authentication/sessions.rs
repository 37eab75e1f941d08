//! Sessions on the server: row K2, and the end of what is revoked.

use actix_signalr::{
    ClaimsIdentity, CookieAuthentication, CookieError, HttpConnectionOptions, InMemorySessionStore, KeyRing,
    SessionKey, SessionStore, SessionStoreError, SessionTicket, SignInProperties, SignalR, claim_types,
};
use actix_web::{
    HttpResponse,
    http::header::{COOKIE, SET_COOKIE},
    test::{TestRequest, call_service},
};
use futures::{
    FutureExt,
    future::{LocalBoxFuture, join, pending, ready},
};

use crate::{
    cookies::cookie_of,
    polling::{HANDSHAKE, answer, serve},
    server::{WHO, routes},
};

fn server(cookies: &CookieAuthentication) -> SignalR {
    let options = HttpConnectionOptions::default();
    SignalR::builder().authentication(cookies.clone()).hub_routes(routes(options)).build().unwrap()
}

fn keys() -> KeyRing {
    KeyRing::new([3; 32])
}

fn negotiate(cookie: &str) -> TestRequest {
    let uri = "/members/negotiate?negotiateVersion=1";
    TestRequest::post().uri(uri).insert_header((COOKIE, cookie.to_owned()))
}

fn ann() -> ClaimsIdentity {
    ClaimsIdentity::new("Password").claim(claim_types::NAME_IDENTIFIER, "ann")
}

#[actix_web::test]
async fn k02_a_copy_of_a_cookie_is_worth_nothing_after_the_sign_out() {
    let sessions = InMemorySessionStore::new();
    let cookies = CookieAuthentication::new(keys()).session_store(sessions.clone());
    let app = serve(&server(&cookies), |_| {}).await;
    let cookie = cookie_of(&cookies, "ann").await;
    assert_eq!(answer(&app, negotiate(&cookie)).await.0, 200);
    assert_eq!(sessions.len(), 1);
    let http = TestRequest::post().insert_header((COOKIE, cookie.clone())).to_http_request();
    let _ = cookies.sign_out(&http).await.unwrap();
    assert!(sessions.is_empty());
    assert_eq!(answer(&app, negotiate(&cookie)).await.0, 401);
}

#[actix_web::test]
async fn a_cookie_of_a_session_holds_no_claims_and_is_good_with_the_store_alone() {
    let sessions = InMemorySessionStore::new();
    let with_store = CookieAuthentication::new(keys()).session_store(sessions);
    let without = CookieAuthentication::new(keys());
    let much = ann().claim("much", "x".repeat(30_000));
    let mut response = HttpResponse::Ok().finish();
    let http = TestRequest::get().to_http_request();
    let signed_in = with_store.sign_in(&http, much, &SignInProperties::new()).await;
    signed_in.unwrap().add_to(&mut response);
    let set: Vec<_> = response.headers().get_all(SET_COOKIE).collect();
    assert!(set.len() == 1 && set[0].len() < 300);
    for (scheme, cookie) in
        [(&with_store, cookie_of(&without, "ann").await), (&without, cookie_of(&with_store, "ann").await)]
    {
        let app = serve(&server(scheme), |_| {}).await;
        assert_eq!(answer(&app, negotiate(&cookie)).await.0, 401);
    }
}

#[actix_web::test]
async fn each_sign_in_begins_a_session_of_its_own_and_ends_the_one_before() {
    let sessions = InMemorySessionStore::new();
    let cookies = CookieAuthentication::new(keys()).session_store(sessions.clone());
    let app = serve(&server(&cookies), |_| {}).await;
    let before = cookie_of(&cookies, "ann").await;
    let http = TestRequest::post().insert_header((COOKIE, before.clone())).to_http_request();
    let _ = cookies.sign_in(&http, ann(), &SignInProperties::new()).await.unwrap();
    assert_eq!(sessions.len(), 1);
    assert_eq!(answer(&app, negotiate(&before)).await.0, 401);
}

#[actix_web::test]
async fn a_sign_in_that_fails_begins_no_session_and_ends_none() {
    let sessions = InMemorySessionStore::new();
    let cookies = CookieAuthentication::new(keys()).session_store(sessions.clone());
    let app = serve(&server(&cookies), |_| {}).await;
    let before = cookie_of(&cookies, "ann").await;
    let http = TestRequest::post().insert_header((COOKIE, before.clone())).to_http_request();
    let cases = [
        (
            cookies.clone().on_signed_in(async |_| panic!("a bug of the application")),
            Some(CookieError::Event),
        ),
        (cookies.clone().cookie_path(format!("/{}", "x".repeat(5_000))), Some(CookieError::TooLarge)),
        // Whoever asks does not wait for it.
        (cookies.clone().on_signed_in(async |_| pending().await), None),
    ];
    for (scheme, expected) in cases {
        let failed = scheme.sign_in(&http, ann(), &SignInProperties::new()).now_or_never();
        assert_eq!(failed.map(Result::unwrap_err), expected);
        assert_eq!(sessions.len(), 1, "{expected:?}");
        assert_eq!(answer(&app, negotiate(&before)).await.0, 200, "{expected:?}");
    }
}

#[actix_web::test]
async fn who_is_revoked_is_put_out_of_what_is_open() {
    let sessions = InMemorySessionStore::new();
    let cookies = CookieAuthentication::new(keys()).session_store(sessions.clone());
    let app = serve(&server(&cookies), |_| {}).await;
    let (ann, bob) = (cookie_of(&cookies, "ann").await, cookie_of(&cookies, "bob").await);
    let mut uris = Vec::new();
    for cookie in [&ann, &bob] {
        let negotiated: serde_json::Value =
            serde_json::from_str(&answer(&app, negotiate(cookie)).await.1).unwrap();
        let uri = format!("/members?id={}", negotiated["connectionToken"].as_str().unwrap());
        let with = |request: TestRequest| request.uri(&uri).insert_header((COOKIE, cookie.clone()));
        assert_eq!(answer(&app, with(TestRequest::get())).await.0, 200);
        let records = format!("{HANDSHAKE}\u{1e}{WHO}\u{1e}");
        assert_eq!(answer(&app, with(TestRequest::post()).set_payload(records)).await.0, 200);
        let mut heard = String::new();
        while !heard.contains("\"result\"") {
            heard += &answer(&app, with(TestRequest::get())).await.1;
        }
        uris.push(uri);
    }
    // The poll is held until there is something for its client.
    let held = TestRequest::get().uri(&uris[0]).insert_header((COOKIE, ann.clone()));
    let revoke = async { sessions.revoke_user("ann") };
    let ((status, text), revoked) = join(answer(&app, held), revoke).await;
    assert_eq!((status, revoked), (200, 1));
    assert_eq!(text, "{\"type\":7,\"allowReconnect\":true}\u{1e}");
    assert_eq!(answer(&app, negotiate(&ann)).await.0, 401);
    let post =
        TestRequest::post().uri(&uris[1]).insert_header((COOKIE, bob)).set_payload(format!("{WHO}\u{1e}"));
    assert_eq!(answer(&app, post).await.0, 200, "others stay");
}

/// Nothing can be kept, nothing can be found.
struct Broken;

impl SessionStore for Broken {
    fn store<'a>(
        &'a self,
        _: &'a SessionKey,
        _: &'a SessionTicket,
    ) -> LocalBoxFuture<'a, Result<(), SessionStoreError>> {
        Box::pin(ready(Err(SessionStoreError::other("no disk"))))
    }

    fn retrieve<'a>(
        &'a self,
        _: &'a SessionKey,
    ) -> LocalBoxFuture<'a, Result<Option<SessionTicket>, SessionStoreError>> {
        Box::pin(ready(Err(SessionStoreError::other("no disk"))))
    }

    fn renew<'a>(
        &'a self,
        _: &'a SessionKey,
        _: &'a SessionTicket,
    ) -> LocalBoxFuture<'a, Result<bool, SessionStoreError>> {
        Box::pin(ready(Ok(true)))
    }

    fn remove<'a>(&'a self, _: &'a SessionKey) -> LocalBoxFuture<'a, Result<(), SessionStoreError>> {
        Box::pin(ready(Err(SessionStoreError::other("no disk"))))
    }
}

#[actix_web::test]
async fn a_store_that_fails_lets_nobody_in() {
    let good = CookieAuthentication::new(keys()).session_store(InMemorySessionStore::new());
    let cookie = cookie_of(&good, "ann").await;
    let broken = CookieAuthentication::new(keys()).session_store(Broken);
    let app = serve(&server(&broken), |_| {}).await;
    assert_eq!(answer(&app, negotiate(&cookie)).await.0, 401);
    let http = TestRequest::post().to_http_request();
    let refused = broken.sign_in(&http, ann(), &SignInProperties::new()).await;
    assert_eq!(refused.unwrap_err(), CookieError::Store);
    let http = TestRequest::post().insert_header((COOKIE, cookie)).to_http_request();
    assert_eq!(broken.sign_out(&http).await.unwrap_err(), CookieError::Store);
    let full = CookieAuthentication::new(keys()).session_store(InMemorySessionStore::new().capacity(0));
    let refused = full.sign_in(&TestRequest::post().to_http_request(), ann(), &SignInProperties::new()).await;
    assert_eq!(refused.unwrap_err(), CookieError::TooManySessions);
}

#[actix_web::test]
async fn what_a_store_writes_it_reads_again() {
    let kept = std::sync::Arc::new(std::sync::Mutex::new(None));
    let cookies = CookieAuthentication::new(keys()).session_store(OnDisk(kept.clone()));
    let app = serve(&server(&cookies), |_| {}).await;
    let cookie = cookie_of(&cookies, "ann").await;
    assert_eq!(answer(&app, negotiate(&cookie)).await.0, 200);
    *kept.lock().unwrap() = Some(b"{}".to_vec());
    assert_eq!(answer(&app, negotiate(&cookie)).await.0, 401, "what is no ticket is none");
    let request = call_service(&app, negotiate(&cookie).to_request()).await;
    assert!(request.headers().get(SET_COOKIE).is_none());
}

/// Keeps one session, as bytes.
struct OnDisk(std::sync::Arc<std::sync::Mutex<Option<Vec<u8>>>>);

impl SessionStore for OnDisk {
    fn store<'a>(
        &'a self,
        _: &'a SessionKey,
        ticket: &'a SessionTicket,
    ) -> LocalBoxFuture<'a, Result<(), SessionStoreError>> {
        *self.0.lock().unwrap() = Some(ticket.to_bytes());
        Box::pin(ready(Ok(())))
    }

    fn retrieve<'a>(
        &'a self,
        _: &'a SessionKey,
    ) -> LocalBoxFuture<'a, Result<Option<SessionTicket>, SessionStoreError>> {
        let found = self.0.lock().unwrap().as_deref().and_then(SessionTicket::from_bytes);
        Box::pin(ready(Ok(found)))
    }

    fn renew<'a>(
        &'a self,
        key: &'a SessionKey,
        ticket: &'a SessionTicket,
    ) -> LocalBoxFuture<'a, Result<bool, SessionStoreError>> {
        Box::pin(async { self.store(key, ticket).await.map(|()| true) })
    }

    fn remove<'a>(&'a self, _: &'a SessionKey) -> LocalBoxFuture<'a, Result<(), SessionStoreError>> {
        *self.0.lock().unwrap() = None;
        Box::pin(ready(Ok(())))
    }
}
