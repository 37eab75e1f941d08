//! Somebody who has signed in on a page, at the routes of a hub.

use std::sync::Arc;

use actix_signalr::{
    AuthorizeData, ClaimsIdentity, CookieAuthentication, HttpConnectionOptions, Hub, HubDescriptor,
    HubRoutes, KeyRing, PrincipalCheck, SignInProperties, SignalR, claim_types,
};
use actix_web::{
    App,
    http::{
        StatusCode,
        header::{COOKIE, LOCATION, SET_COOKIE},
    },
    test::{TestRequest, call_service, init_service},
};

struct Members;

impl Hub for Members {
    fn describe(_: &mut HubDescriptor<Self>) {}
}

fn server(cookies: &CookieAuthentication) -> SignalR {
    let options = HttpConnectionOptions::default().authorize(AuthorizeData::default());
    let routes = HubRoutes::new(Members).route("/members", options);
    SignalR::builder().authentication(cookies.clone()).hub_routes(routes).build().unwrap()
}

/// The `Cookie` header of somebody who has signed in.
pub(crate) async fn cookie_of(cookies: &CookieAuthentication, name: &str) -> String {
    let identity = ClaimsIdentity::new("Password").claim(claim_types::NAME_IDENTIFIER, name);
    let mut response = actix_web::HttpResponse::Ok().finish();
    let http = TestRequest::get().to_http_request();
    cookies.sign_in(&http, identity, &SignInProperties::new()).await.unwrap().add_to(&mut response);
    let set = response.headers().get(SET_COOKIE).unwrap().to_str().unwrap().to_owned();
    set.split(';').next().unwrap().to_owned()
}

#[actix_web::test]
async fn a_hub_lets_in_who_has_signed_in_and_sends_nobody_anywhere() {
    let cookies = CookieAuthentication::new(KeyRing::random().unwrap()).login_path("/login");
    let app = init_service(App::new().configure(server(&cookies).routes())).await;
    let negotiate = || TestRequest::post().uri("/members/negotiate?negotiateVersion=1");

    let refused = call_service(&app, negotiate().to_request()).await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    let there = refused.headers().get(LOCATION).unwrap().to_str().unwrap();
    assert!(there.ends_with("/login?ReturnUrl=%2Fmembers%2Fnegotiate%3FnegotiateVersion%3D1"), "{there}");

    let cookie = cookie_of(&cookies, "ann").await;
    let taken = call_service(&app, negotiate().insert_header((COOKIE, cookie)).to_request()).await;
    assert_eq!(taken.status(), StatusCode::OK);
    assert!(taken.headers().get(SET_COOKIE).is_none(), "a fresh cookie is not renewed");
}

#[actix_web::test]
async fn a_renewed_cookie_is_in_the_answer_of_the_hub() {
    let cookies = CookieAuthentication::new(KeyRing::random().unwrap()).validate_principal(|_| async {
        let renamed = ClaimsIdentity::new("Password").claim(claim_types::NAME_IDENTIFIER, "anna");
        PrincipalCheck::Replace(Arc::new(renamed.into()))
    });
    let app = init_service(App::new().configure(server(&cookies).routes())).await;
    let cookie = cookie_of(&cookies, "ann").await;
    for request in [TestRequest::post().uri("/members/negotiate"), TestRequest::get().uri("/members?id=none")]
    {
        let request = request.insert_header((COOKIE, cookie.clone())).to_request();
        let response = call_service(&app, request).await;
        let set = response.headers().get(SET_COOKIE).unwrap().to_str().unwrap();
        assert!(set.starts_with(".AspNetCore.Cookies=") && !set.starts_with(&cookie), "{set}");
    }
}
