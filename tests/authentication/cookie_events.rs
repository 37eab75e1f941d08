//! What an application has its say in when somebody signs in or out with a cookie, or is sent to a page.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use actix_signalr::{
    ClaimsIdentity, ClaimsPrincipal, CookieAuthentication, CookieError, CookiePage, HttpConnectionOptions,
    KeyRing, RequestUser, SignInProperties, SignalR, SignedIn,
};
use actix_web::{
    http::{
        StatusCode,
        header::{COOKIE, LOCATION},
    },
    test::{TestRequest, call_service},
    web,
};

use crate::{
    cookies::cookie_of,
    polling::{answer, serve},
    server::routes,
};

fn cookies() -> CookieAuthentication {
    CookieAuthentication::new(KeyRing::new([3; 32])).login_path("/login")
}

fn server(cookies: &CookieAuthentication) -> SignalR {
    let options = HttpConnectionOptions::default();
    SignalR::builder().authentication(cookies.clone()).hub_routes(routes(options)).build().unwrap()
}

#[actix_web::test]
async fn events_see_who_signs_in_and_out_in_their_order_and_may_add_to_him() {
    let seen = Arc::<Mutex<Vec<String>>>::default();
    let note = |what: &'static str| {
        let seen = seen.clone();
        move |user: Option<&ClaimsPrincipal>| {
            let door = user.and_then(|user| user.find_first("door")).unwrap_or("no door").to_owned();
            seen.lock().unwrap().push(format!("{what}: {door}"));
        }
    };
    let (signing_in, signed_in, signing_out) = (note("signing in"), note("signed in"), note("signing out"));
    let scheme = cookies()
        .on_signing_in(async move |event| {
            signing_in(Some(event.principal()));
            let door = ClaimsIdentity::new("Door").claim("door", "front");
            let identities = event.principal().identities().iter().cloned().chain([door]);
            event.set_principal(ClaimsPrincipal::from_identities(identities));
        })
        .on_signed_in(async move |event| signed_in(Some(event.principal())))
        .on_signing_out(async move |_| signing_out(None));
    let app = serve(&server(&scheme), |config| {
        config.route(
            "/door",
            web::get().to(async |user: RequestUser| user.find_first("door").map(str::to_owned)),
        );
    })
    .await;
    let cookie = cookie_of(&scheme, "ann").await;
    let door = TestRequest::get().uri("/door").insert_header((COOKIE, cookie));
    assert_eq!(answer(&app, door).await, (200, "front".to_owned()));
    let _ = scheme.sign_out(&TestRequest::post().to_http_request()).await.unwrap();
    assert_eq!(*seen.lock().unwrap(), ["signing in: no door", "signed in: front", "signing out: no door"]);
}

#[actix_web::test]
async fn an_event_may_let_a_ticket_expire_and_takes_nobody_in_who_is_nobody() {
    let expired = cookies().on_signing_in(async |event| {
        assert!(event.expires_at() > SystemTime::now());
        event.set_expires_at(SystemTime::now() - Duration::from_secs(1));
    });
    let app = serve(&server(&expired), |_| {}).await;
    let cookie = cookie_of(&expired, "ann").await;
    let negotiate = TestRequest::post().uri("/members/negotiate").insert_header((COOKIE, cookie));
    assert_eq!(answer(&app, negotiate).await.0, 401);

    let nobody = cookies().on_signing_in(async |event| event.set_principal(ClaimsPrincipal::anonymous()));
    let http = TestRequest::post().to_http_request();
    let ann = || ClaimsIdentity::new("Password").claim("sub", "ann");
    let refused = nobody.sign_in(&http, ann(), &SignInProperties::new()).await;
    assert_eq!(refused.unwrap_err(), CookieError::NotAuthenticated);
    for broken in [
        cookies().on_signing_in(async |_| panic!("a bug of the application")),
        cookies().on_signed_in(async |_| panic!("a bug of the application")),
    ] {
        let refused = broken.sign_in(&http, ann(), &SignInProperties::new()).await;
        assert_eq!(refused.unwrap_err(), CookieError::Event);
    }
    let broken = cookies().on_signing_out(async |_| panic!("a bug of the application"));
    assert!(broken.sign_out(&http).await.is_ok(), "who wants to go is let go");
}

#[actix_web::test]
async fn an_event_may_write_another_answer_in_place_of_a_redirect() {
    static PANICS: AtomicUsize = AtomicUsize::new(0);
    let scheme = cookies().on_redirect(|redirect| {
        assert_eq!(redirect.page(), CookiePage::Login);
        match redirect.request().http().path() {
            "/api" => redirect.denial_mut().set_status(StatusCode::UNAUTHORIZED),
            "/bug" => {
                PANICS.fetch_add(1, Ordering::SeqCst);
                panic!("a bug of the application")
            }
            _ => {}
        }
    });
    let app = serve(&server(&scheme), |config| {
        for path in ["/api", "/page", "/bug"] {
            config.route(path, web::get().to(async |_: SignedIn| "in"));
        }
    })
    .await;
    for (path, status) in [("/api", 401), ("/page", 302), ("/bug", 302)] {
        let answered = call_service(&app, TestRequest::get().uri(path).to_request()).await;
        assert_eq!(answered.status(), status, "{path}");
        assert!(answered.headers().get(LOCATION).unwrap().to_str().unwrap().contains("/login?ReturnUrl"));
    }
    assert_eq!(PANICS.load(Ordering::SeqCst), 1);
}
