//! Tickets that stand for a token once.

use actix_signalr::{HttpConnectionOptions, SignalR};
use actix_web::test::{TestRequest, call_service};
use serde_json::Value;

use crate::{
    polling::{answer, serve},
    server::{builder, events, routes, token_of, web_socket, with_token},
};

fn server() -> SignalR {
    builder().hub_routes(routes(HttpConnectionOptions::default().one_time_tickets(true))).build().unwrap()
}

macro_rules! ticket {
    ($app:expr, $path:expr, $user:expr) => {{
        let request = with_token(TestRequest::post().uri(&format!("{}/ticket", $path)), &token_of($user));
        let response = call_service($app, request.to_request()).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers().get("cache-control").unwrap(), "no-store");
        let body = actix_web::test::read_body(response).await;
        let answered: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(answered["expiresIn"], 30);
        answered["ticket"].as_str().unwrap().to_owned()
    }};
}

macro_rules! status {
    ($app:expr, $request:expr) => {
        call_service($app, $request.to_request()).await.status().as_u16()
    };
}

#[actix_web::test]
async fn a_ticket_opens_one_connection_as_its_user() {
    let app = serve(&server(), |_| {}).await;
    let ticket = ticket!(&app, "/members", "ann");
    let uri = format!("/members?ticket={ticket}");
    assert_eq!(status!(&app, web_socket(&uri)), 101);
    assert_eq!(status!(&app, web_socket(&uri)), 401, "it has been redeemed");
    assert_eq!(status!(&app, web_socket(&format!("/open?ticket={ticket}"))), 401);
}

#[actix_web::test]
async fn a_ticket_is_that_of_the_user_who_has_negotiated() {
    let app = serve(&server(), |_| {}).await;
    let negotiate =
        with_token(TestRequest::post().uri("/members/negotiate?negotiateVersion=1"), &token_of("ann"));
    let negotiated: Value = serde_json::from_str(&answer(&app, negotiate).await.1).unwrap();
    let uri = format!("/members?id={}", negotiated["connectionToken"].as_str().unwrap());
    let of_bob = ticket!(&app, "/members", "bob");
    assert_eq!(status!(&app, events(&format!("{uri}&ticket={of_bob}"))), 403);
    let of_ann = ticket!(&app, "/members", "ann");
    assert_eq!(status!(&app, events(&format!("{uri}&ticket={of_ann}"))), 200);
}

#[actix_web::test]
async fn a_ticket_is_good_at_its_own_hub_alone_and_a_bad_one_is_nobody() {
    let app = serve(&server(), |_| {}).await;
    let ticket = ticket!(&app, "/members", "ann");
    for path in ["/others", "/open"] {
        assert_eq!(status!(&app, web_socket(&format!("{path}?ticket={ticket}"))), 401, "{path}");
    }
    for bad in ["x", "%00", &format!("{ticket}&ticket={ticket}")] {
        assert_eq!(status!(&app, web_socket(&format!("/open?ticket={bad}"))), 401, "{bad}");
    }
    assert_eq!(status!(&app, web_socket("/open?ticket=")), 101, "an empty one is none");
    let post = TestRequest::post().uri(&format!("/members/negotiate?ticket={ticket}"));
    assert_eq!(status!(&app, post), 401, "only what connects shows one");
    assert_eq!(status!(&app, web_socket(&format!("/members?ticket={ticket}"))), 101);
}

#[actix_web::test]
async fn only_users_get_tickets_and_only_where_there_are_any() {
    let app = serve(&server(), |_| {}).await;
    for path in ["/members/ticket", "/open/ticket"] {
        assert_eq!(status!(&app, TestRequest::post().uri(path)), 401, "{path}");
        let get = with_token(TestRequest::get().uri(path), &token_of("ann"));
        assert_eq!(status!(&app, get), 405, "{path}");
    }
    let without = serve(&crate::server::server(), |_| {}).await;
    let post = with_token(TestRequest::post().uri("/members/ticket"), &token_of("ann"));
    assert_eq!(status!(&without, post), 404);
    assert_eq!(status!(&without, web_socket("/open?ticket=x")), 101, "there it means nothing");
}
