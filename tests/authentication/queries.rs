//! Tokens in queries: rows Q of the specification, section 13.2.

use actix_signalr::{
    AuthenticationRequest, AuthorizeData, CookieAuthentication, HttpConnectionOptions, HubRoutes, KeyRing,
    SignalR,
};
use actix_web::{
    HttpRequest, HttpResponse,
    http::header::LOCATION,
    test::{TestRequest, call_service},
    web::{self, Data, ServiceConfig},
};

use crate::{
    polling::{HANDSHAKE, answer, open, receive, send, serve},
    server::{Members, WHO, bearer, server, token_of, with_token},
};

/// A route of the application itself, for users alone: what it is answered tells who somebody is.
async fn admin(http: HttpRequest, signalr: Data<SignalR>) -> actix_web::Result<HttpResponse> {
    let (request, schemes) = (AuthenticationRequest::new(&http), signalr.schemes());
    let result = schemes.authenticate(&request).await?;
    match result.ticket() {
        Some(ticket) => {
            let user =
                ticket.principal().claims().find(|claim| claim.claim_type().ends_with("nameidentifier"));
            Ok(HttpResponse::Ok().body(user.map(|claim| claim.value().to_owned()).unwrap_or_default()))
        }
        None => Ok(schemes.challenge(&request, &result)?.into_response()),
    }
}

fn with_admin(signalr: &SignalR) -> impl FnOnce(&mut ServiceConfig) + use<> {
    let signalr = Data::new(signalr.clone());
    move |config| {
        config.app_data(signalr);
        for path in ["/admin", "/hubs/admin", "/hubs"] {
            config.route(path, web::get().to(admin));
        }
    }
}

/// Reads tokens in queries below `/hubs` alone.
fn below_hubs(paths: &[&str]) -> SignalR {
    let options = HttpConnectionOptions::default().authorize(AuthorizeData::default());
    let routes =
        paths.iter().fold(HubRoutes::new(Members), |routes, path| routes.route(*path, options.clone()));
    SignalR::builder().authentication(bearer().query_token_under("/hubs")).hub_routes(routes).build().unwrap()
}

fn negotiate(path: &str, token: &str) -> TestRequest {
    TestRequest::post().uri(&format!("{path}/negotiate?access_token={token}"))
}

#[actix_web::test]
async fn q01_a_query_token_means_nothing_where_no_hub_is() {
    let signalr = below_hubs(&["/hubs/chat"]);
    let app = serve(&signalr, with_admin(&signalr)).await;
    let ann = token_of("ann");
    for path in ["/admin", "/hubs/admin", "/hubs"] {
        let request = TestRequest::get().uri(&format!("{path}?access_token={ann}"));
        assert_eq!(answer(&app, request).await.0, 401, "{path}");
        let request = with_token(TestRequest::get().uri(path), &ann);
        assert_eq!(answer(&app, request).await, (200, "ann".to_owned()), "{path}");
    }
}

#[actix_web::test]
async fn q02_what_only_looks_like_the_prefix_is_not_below_it() {
    let paths = ["/hubsevil", "/hubs-evil/x", "/x/hubs/chat", "/hubs.", "/hub"];
    let app = serve(&below_hubs(&paths), |_| {}).await;
    for path in paths {
        assert_eq!(answer(&app, negotiate(path, &token_of("ann"))).await.0, 401, "{path}");
        let request = with_token(TestRequest::post().uri(&format!("{path}/negotiate")), &token_of("ann"));
        assert_eq!(answer(&app, request).await.0, 200, "{path}");
    }
}

#[actix_web::test]
async fn q03_the_prefix_itself_and_all_below_it_count_in_any_case() {
    let app = serve(&below_hubs(&["/hubs", "/hubs/chat"]), |_| {}).await;
    let ann = token_of("ann");
    for path in ["/hubs", "/HUBS", "/hubs/chat", "/Hubs/CHAT"] {
        assert_eq!(answer(&app, negotiate(path, &ann)).await.0, 200, "{path}");
    }
    for path in ["/hubs/", "/HUBS/chat", "/hubs/chat/"] {
        let request = TestRequest::get().uri(&format!("{path}?access_token={ann}&id=x"));
        assert_eq!(answer(&app, request).await.0, 404, "{path}: somebody who may, at an unknown connection");
    }
}

#[actix_web::test]
async fn q04_however_a_path_is_spelled_a_token_for_hubs_opens_nothing_else() {
    let signalr = below_hubs(&["/hubs/chat"]);
    let app = serve(&signalr, with_admin(&signalr)).await;
    let ann = token_of("ann");
    for path in [
        "/hubs/../admin",
        "/hubs/chat/../../admin",
        "/hubs/%2e%2e/admin",
        "/hubs%2Fchat",
        "/hubs/chat%2F..%2F..%2Fadmin",
        "/hubs%2F..%2Fadmin",
        "//hubs/chat",
        "/hubs//chat",
        "/hubs;x/chat",
        "/hubs/chat;x",
        "/hubs/chat%00",
        "/admin%2F..%2Fhubs%2Fchat",
        "/admin",
    ] {
        let (status, text) =
            answer(&app, TestRequest::get().uri(&format!("{path}?access_token={ann}"))).await;
        assert!(matches!(status, 401 | 404) && !text.contains("ann"), "{path}: {status} {text}");
    }
}

#[actix_web::test]
async fn q05_a_token_is_read_at_every_path_a_hub_is_mapped_at_unless_that_is_narrowed() {
    let app = serve(&server(), |_| {}).await;
    assert_eq!(answer(&app, negotiate("/members", &token_of("ann"))).await.0, 200);
    let app = serve(&below_hubs(&["/chatHub"]), |_| {}).await;
    assert_eq!(answer(&app, negotiate("/chatHub", &token_of("ann"))).await.0, 401);
}

#[actix_web::test]
async fn q06_of_two_tokens_the_querys_counts_at_hubs_and_the_headers_elsewhere() {
    let signalr = below_hubs(&["/hubs/chat"]);
    let app = serve(&signalr, with_admin(&signalr)).await;
    let (ann, bob) = (token_of("ann"), token_of("bob"));
    let both = |request: TestRequest| with_token(request, &bob);
    let (uri, _) = open(&app, "/hubs/chat", &format!("access_token={ann}")).await;
    let records = format!("{HANDSHAKE}\u{1e}{WHO}\u{1e}");
    assert_eq!(answer(&app, both(TestRequest::post().uri(&uri)).set_payload(records)).await.0, 200);
    assert_eq!(receive(&app, &uri, 2).await[1], r#"{"type":3,"invocationId":"1","result":"ann"}"#);
    let elsewhere = both(TestRequest::get().uri(&format!("/admin?access_token={ann}")));
    assert_eq!(answer(&app, elsewhere).await, (200, "bob".to_owned()));
}

#[actix_web::test]
async fn q07_a_repeated_token_is_none_an_empty_one_is_absent_and_odd_ones_do_no_harm() {
    let app = serve(&server(), |_| {}).await;
    let ann = token_of("ann");
    for bad in [
        format!("{ann}&access_token={ann}"),
        "a+b".to_owned(),
        "%00".to_owned(),
        "%ff".to_owned(),
        "%".to_owned(),
    ] {
        assert_eq!(answer(&app, negotiate("/members", &bad)).await.0, 401, "{bad}");
    }
    for bad in ["%00", "%ff", "a+b"] {
        assert_eq!(answer(&app, negotiate("/open", bad)).await.0, 200, "an open hub takes it for nobody");
    }
    let empty = with_token(negotiate("/members", ""), &ann);
    assert_eq!(answer(&app, empty).await.0, 200);
    let (uri, _) = open(&app, "/members", &format!("Access_Token={ann}")).await;
    send(&app, &uri, &[HANDSHAKE]).await;
}

#[actix_web::test]
async fn q08_a_refused_token_is_in_no_answer() {
    let cookies = CookieAuthentication::new(KeyRing::random().unwrap());
    let by_cookie = SignalR::builder()
        .authentication(cookies)
        .hub_routes(crate::server::routes(HttpConnectionOptions::default()))
        .build()
        .unwrap();
    let secret = format!("{}x", token_of("ann"));
    for signalr in [server(), by_cookie] {
        let app = serve(&signalr, |_| {}).await;
        for request in [
            negotiate("/members", &secret),
            TestRequest::get().uri(&format!("/members?id={secret}&access_token={secret}")),
            TestRequest::get().uri(&format!("/open?id={secret}&access_token={secret}")),
            TestRequest::put().uri(&format!("/open?access_token={secret}")),
        ] {
            let response = call_service(&app, request.to_request()).await;
            assert!(response.status().is_client_error());
            let headers: Vec<_> = response.headers().iter().filter(|(name, _)| *name != LOCATION).collect();
            assert!(!format!("{headers:?}").contains(&secret));
            let location = response.headers().get(LOCATION).map(|value| value.to_str().unwrap().to_owned());
            // The way back repeats the query, but for the token.
            assert!(!location.unwrap_or_default().contains(&format!("access_token%3D{secret}")));
            let body = actix_web::test::read_body(response).await;
            assert!(!String::from_utf8_lossy(&body).contains(&secret));
        }
    }
}

#[actix_web::test]
async fn q09_who_knows_cookies_alone_reads_no_token() {
    let cookies = CookieAuthentication::new(KeyRing::random().unwrap());
    let options = HttpConnectionOptions::default();
    let signalr = SignalR::builder()
        .authentication(cookies)
        .hub_routes(crate::server::routes(options))
        .build()
        .unwrap();
    let app = serve(&signalr, |_| {}).await;
    assert_eq!(answer(&app, negotiate("/members", &token_of("ann"))).await.0, 401);
}
