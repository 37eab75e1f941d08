//! What an application may do at the points where it has its say, and what comes of its mistakes.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use actix_signalr_actors::{ClaimsIdentity, claim_types};
use actix_web::{
    http::header::{HeaderName, HeaderValue},
    rt::task::yield_now,
};

use super::{query::user_of, *};

fn user_with_header(scheme: &JwtBearer) -> Option<String> {
    user_of(scheme, None, "", true)
}

fn denial_after(scheme: &JwtBearer, result: &AuthenticateResult) -> Denial {
    let http = TestRequest::get().to_http_request();
    let mut denial = Denial::new(actix_web::http::StatusCode::OK);
    scheme.challenge(&AuthenticationRequest::new(&http), result, &mut denial);
    denial
}

#[test]
fn a_token_found_by_the_application_wins() {
    let found = token(&claims_with(&json!({"sub": "cookie"})));
    let scheme = hs256().on_message_received(async move |context| {
        if context.request().http().query_string().contains("cookie") {
            context.set_token(found.clone());
        }
    });
    let user = |query: &str| user_of(&scheme, Some("/chat"), query, true);
    assert_eq!(user("access_token=JWT&cookie").as_deref(), Some("cookie"));
    assert_eq!(user("access_token=JWT").as_deref(), Some("query"));

    let empty = hs256().on_message_received(async |context| context.set_token(""));
    assert_eq!(user_with_header(&empty).as_deref(), Some("header"));
}

#[test]
fn an_event_that_was_set_before_can_be_wrapped() {
    let first = token(&claims_with(&json!({"sub": "first"})));
    let second = token(&claims_with(&json!({"sub": "second"})));
    let made_ready = hs256().on_message_received(async move |context| {
        if context.request().hub_path().is_none() {
            context.set_token(first.clone());
        }
    });

    let original = made_ready.events().on_message_received.clone();
    let scheme = made_ready.on_message_received(async move |context| {
        original.raise(context).await;
        if context.token().is_none() {
            context.set_token(second.clone());
        }
    });

    assert_eq!(user_of(&scheme, None, "", true).as_deref(), Some("first"));
    assert_eq!(user_of(&scheme, Some("/chat"), "", true).as_deref(), Some("second"));
}

#[test]
fn the_application_may_decide_before_a_token_is_looked_for() {
    for result in
        [AuthenticateResult::NoResult, AuthenticateResult::Failure(AuthenticationFailure::new("not today"))]
    {
        let decided = result.clone();
        let scheme = hs256().on_message_received(async move |context| context.set_result(decided.clone()));
        assert_eq!(user_with_header(&scheme), None, "{result:?}");
    }
}

#[test]
fn the_application_has_the_last_word_and_its_reason_stays_here() {
    let scheme = hs256().on_token_validated(async |context| {
        if context.principal().has_claim(claim_types::NAME_IDENTIFIER, "header") {
            context.fail("he was dismissed");
        }
    });
    assert_eq!(user_of(&scheme, Some("/chat"), "access_token=JWT", true).as_deref(), Some("query"));
    assert_eq!(user_with_header(&scheme), None);

    let http = TestRequest::get().insert_header((AUTHORIZATION, format!("Bearer {}", token(&claims()))));
    let http = http.to_http_request();
    let dismiss = hs256().on_token_validated(async |context| context.fail("he was dismissed"));
    let result = dismiss.result_at(&AuthenticationRequest::new(&http), now());
    assert_eq!(result.failure().unwrap().reason(), "he was dismissed");
    assert_eq!(challenge_after(&dismiss, &result), r#"Bearer error="invalid_token""#);
}

#[test]
fn the_application_may_let_somebody_in_as_somebody_else() {
    let scheme = hs256().on_token_validated(async |context| {
        let id = context.principal().find_first(claim_types::NAME_IDENTIFIER).unwrap_or_default().to_owned();
        context.set_principal(
            ClaimsIdentity::new("Test").claim(claim_types::NAME_IDENTIFIER, format!("{id} in disguise")),
        );
    });
    assert_eq!(user_with_header(&scheme).as_deref(), Some("header in disguise"));

    let unseen = hs256().on_token_validated(async |context| context.no_result());
    assert_eq!(user_with_header(&unseen), None);
}

#[test]
fn a_failure_may_be_replaced_and_is_told_once() {
    let told = Arc::new(AtomicUsize::new(0));
    let counted = told.clone();
    let scheme = hs256().on_authentication_failed(async move |context| {
        counted.fetch_add(1, Relaxed);
        assert_eq!(context.failure().description(), NO_KEY);
        context.set_result(AuthenticateResult::NoResult);
    });
    let forged = sign_raw(
        r#"{"alg":"HS256"}"#,
        &claims().to_string(),
        &EncodingKey::from_secret(&[8; 32]),
        Algorithm::HS256,
    );
    let http = TestRequest::get().insert_header((AUTHORIZATION, format!("Bearer {forged}")));
    let result = scheme.result_at(&AuthenticationRequest::new(&http.to_http_request()), now());
    assert!(matches!(result, AuthenticateResult::NoResult));
    assert_eq!(user_with_header(&scheme).as_deref(), Some("header"));
    assert_eq!(told.load(Relaxed), 1);
}

#[actix_web::test]
async fn events_may_wait() {
    let scheme = hs256().on_message_received(async |_| yield_now().await);
    let http = TestRequest::get().insert_header((AUTHORIZATION, format!("Bearer {}", token(&claims()))));
    let http = http.to_http_request();
    let result = scheme.authenticate_at(&AuthenticationRequest::new(&http), now()).await;
    assert!(result.ticket().is_some());
}

#[test]
fn a_challenge_may_be_changed_or_written_by_the_application() {
    let none = AuthenticateResult::NoResult;
    let changed = hs256().on_challenge(|context| {
        context.set_error("login_required".to_owned());
        context.set_error_description("sign in \"first\"".to_owned());
        context.set_error_uri("https://example.com/help".to_owned());
    });
    let text = r#"Bearer error="login_required", error_description="sign in ?first?", error_uri="https://example.com/help""#;
    assert_eq!(challenge_after(&changed, &none), text);

    let handled = hs256().on_challenge(|context| {
        let denial = context.denial_mut();
        denial.insert_header(HeaderName::from_static("x-own"), HeaderValue::from_static("1"));
        denial.set_body(HeaderValue::from_static("text/plain"), "who are you?");
        context.handled();
    });
    let denial = denial_after(&handled, &none);
    assert_eq!(denial.status(), 401);
    assert!(denial.headers().contains_key("x-own") && !denial.headers().contains_key("www-authenticate"));
}

#[test]
fn a_refusal_may_have_a_body() {
    let scheme = hs256().on_forbidden(|context| {
        context.denial_mut().set_body(HeaderValue::from_static("application/json"), "{}");
    });
    let http = TestRequest::get().to_http_request();
    let mut denial = Denial::new(actix_web::http::StatusCode::OK);
    scheme.forbid(&AuthenticationRequest::new(&http), &mut denial);
    assert_eq!(denial.status(), 403);
    assert_eq!(denial.headers().get("content-type").unwrap(), "application/json");
}

#[test]
fn t24_an_event_that_panics_is_never_a_success() {
    for scheme in [
        hs256().on_message_received(async |_| panic!("a bug of the application")),
        hs256().on_token_validated(async |_| panic!("a bug of the application")),
    ] {
        let http = TestRequest::get().insert_header((AUTHORIZATION, format!("Bearer {}", token(&claims()))));
        let result = scheme.result_at(&AuthenticationRequest::new(&http.to_http_request()), now());
        assert_eq!(result.failure().unwrap().description(), None);
    }
    let failed = hs256().on_authentication_failed(async |_| panic!("a bug of the application"));
    let http = TestRequest::get().insert_header((AUTHORIZATION, "Bearer x"));
    let result = failed.result_at(&AuthenticationRequest::new(&http.to_http_request()), now());
    assert!(result.failure().is_some());

    let challenged = hs256().on_challenge(|_| panic!("a bug of the application"));
    assert_eq!(challenge_after(&challenged, &AuthenticateResult::NoResult), "Bearer");
    let forbidden = hs256().on_forbidden(|_| panic!("a bug of the application"));
    let http = TestRequest::get().to_http_request();
    let mut denial = Denial::new(actix_web::http::StatusCode::OK);
    forbidden.forbid(&AuthenticationRequest::new(&http), &mut denial);
    assert_eq!(denial.status(), 403);
}
