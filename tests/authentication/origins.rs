//! Pages of other origins that open WebSockets: rows C12 and K8.

use actix_signalr::{
    BuildError, CookieAuthentication, HttpConnectionOptions, KeyRing, PolicyScheme, SignalR,
};
use actix_web::{
    http::header::{COOKIE, HOST, ORIGIN},
    test::{TestRequest, call_service},
};

use crate::{
    cookies::cookie_of,
    polling::{answer, serve},
    server::{bearer, builder, routes, token_of, web_socket, with_token},
};

/// Knows people by cookies and programs by tokens.
fn server(cookies: &CookieAuthentication, origins: &[&str]) -> SignalR {
    let either = PolicyScheme::new("Either")
        .select(|request| if request.http().headers().contains_key(COOKIE) { "Cookies" } else { "Bearer" });
    let options = HttpConnectionOptions::default().allowed_origins(origins.iter().copied());
    SignalR::builder()
        .authentication(either)
        .authentication(cookies.clone())
        .authentication(bearer())
        .default_scheme("Either")
        .hub_routes(routes(options))
        .build()
        .unwrap()
}

/// The status of an upgrade from a page of that origin.
async fn opened(signalr: &SignalR, request: TestRequest, origin: Option<&str>) -> u16 {
    let app = serve(signalr, |_| {}).await;
    let request = request.insert_header((HOST, "chat.example"));
    let request = match origin {
        None => request,
        Some(origin) => request.insert_header((ORIGIN, origin)),
    };
    call_service(&app, request.to_request()).await.status().as_u16()
}

#[actix_web::test]
async fn c12_a_cookie_opens_a_web_socket_from_pages_of_its_own_server_alone() {
    let cookies = CookieAuthentication::new(KeyRing::random().unwrap());
    let signalr = server(&cookies, &[]);
    let cookie = cookie_of(&cookies, "ann").await;
    for path in ["/members", "/open"] {
        let with_cookie = || web_socket(path).insert_header((COOKIE, cookie.clone()));
        for (origin, status) in [
            (Some("http://chat.example"), 101),
            (Some("https://CHAT.example"), 101),
            (None, 101),
            (Some("http://foreign.example"), 403),
            (Some("http://chat.example.evil"), 403),
            (Some("http://chat.example:8080"), 403),
            (Some("null"), 403),
        ] {
            assert_eq!(opened(&signalr, with_cookie(), origin).await, status, "{origin:?} at {path}");
        }
    }
}

#[actix_web::test]
async fn k08_a_foreign_page_with_the_cookie_does_not_get_through_whatever_same_site_says() {
    let cookies =
        CookieAuthentication::new(KeyRing::random().unwrap()).same_site(actix_signalr::SameSite::None);
    let signalr = server(&cookies, &[]);
    let request = web_socket("/members").insert_header((COOKIE, cookie_of(&cookies, "ann").await));
    assert_eq!(opened(&signalr, request, Some("https://evil.example")).await, 403);
}

#[actix_web::test]
async fn c12_who_shows_a_token_or_nothing_may_come_from_everywhere_until_origins_are_named() {
    let cookies = CookieAuthentication::new(KeyRing::random().unwrap());
    let foreign = Some("http://foreign.example");
    let with_bearer = || with_token(web_socket("/members"), &token_of("ann"));
    let signalr = server(&cookies, &[]);
    assert_eq!(opened(&signalr, with_bearer(), foreign).await, 101);
    assert_eq!(opened(&signalr, web_socket("/open"), foreign).await, 101);

    let listed = server(&cookies, &["https://app.example"]);
    for (origin, status) in
        [(foreign, 403), (Some("https://APP.example"), 101), (Some("http://chat.example"), 101), (None, 101)]
    {
        assert_eq!(opened(&listed, with_bearer(), origin).await, status, "{origin:?}");
        assert_eq!(opened(&listed, web_socket("/open"), origin).await, status, "{origin:?}");
    }
    let any = server(&cookies, &["*"]);
    let cookie = cookie_of(&cookies, "ann").await;
    assert_eq!(opened(&any, web_socket("/members").insert_header((COOKIE, cookie)), foreign).await, 101);
}

#[actix_web::test]
async fn c12_who_may_not_connect_is_told_so_before_his_origin_is_looked_at() {
    let cookies = CookieAuthentication::new(KeyRing::random().unwrap());
    let signalr = server(&cookies, &["https://app.example"]);
    assert_eq!(opened(&signalr, web_socket("/members"), Some("http://foreign.example")).await, 401);
    let app = serve(&signalr, |_| {}).await;
    let poll = TestRequest::post().uri("/open/negotiate").insert_header((ORIGIN, "http://foreign.example"));
    assert_eq!(answer(&app, poll).await.0, 200, "other requests are for CORS to judge");
}

#[test]
fn what_is_no_origin_is_refused_when_the_server_is_built() {
    for bad in ["app.example", "https://app.example/", "null"] {
        let options = HttpConnectionOptions::default().allowed_origins([bad]);
        let built = builder().hub_routes(routes(options)).build();
        assert!(matches!(built, Err(BuildError::InvalidOrigin { origin }) if origin == bad));
    }
}
