//! Attacks on cookies, and what they meet: rows K1 to K7 of the specification, section 13.4.

use std::time::{Duration, SystemTime};

use actix_signalr_actors::{ClaimsIdentity, ClaimsPrincipal, claim_types};
use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{COOKIE, HOST, LOCATION, SET_COOKIE},
    },
    test::TestRequest,
};

use crate::authentication::{
    AuthenticateResult, AuthenticationRequest, AuthenticationScheme, Denial,
    cookie::{
        CookieAuthentication, CookieError, CookieHeaders, KeyRing, PrincipalCheck, SameSite, SecurePolicy,
        SignInProperties, write_pending,
    },
};

const NAME: &str = ".AspNetCore.Cookies";
const DAY: Duration = Duration::from_secs(24 * 3600);

fn scheme() -> CookieAuthentication {
    CookieAuthentication::new(KeyRing::new([1; 32])).login_path("/login").expires_after(DAY)
}

fn start() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)
}

fn ann() -> ClaimsPrincipal {
    ClaimsIdentity::new("Password").claim(claim_types::NAME_IDENTIFIER, "ann").into()
}

fn with_claims(bytes: usize) -> ClaimsPrincipal {
    ClaimsIdentity::new("Password").claim("much", "x".repeat(bytes)).into()
}

fn get(path: &str) -> HttpRequest {
    TestRequest::get().uri(path).to_http_request()
}

/// A request with the cookies given.
fn with_cookies(cookies: &[(String, String)]) -> HttpRequest {
    let text: Vec<_> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    TestRequest::get().uri("/page").insert_header((COOKIE, text.join("; "))).to_http_request()
}

/// The cookies a response sets, whole.
fn set_cookies(headers: CookieHeaders) -> Vec<String> {
    let mut response = HttpResponse::Ok().finish();
    headers.add_to(&mut response);
    cookies_of(&response)
}

fn cookies_of(response: &HttpResponse) -> Vec<String> {
    response.headers().get_all(SET_COOKIE).map(|value| value.to_str().unwrap().to_owned()).collect()
}

/// What a browser sends back.
fn kept(set: &[String]) -> Vec<(String, String)> {
    let pair = |cookie: &String| {
        let (name, rest) = cookie.split_once('=').unwrap();
        (name.to_owned(), rest.split(';').next().unwrap().to_owned())
    };
    set.iter().map(pair).collect()
}

async fn signed_in(
    scheme: &CookieAuthentication,
    who: ClaimsPrincipal,
    how: &SignInProperties,
) -> Vec<(String, String)> {
    kept(&set_cookies(scheme.sign_in_at(&get("/login"), who, how, start()).await.unwrap()))
}

async fn user_of(
    scheme: &CookieAuthentication,
    cookies: &[(String, String)],
    now: SystemTime,
) -> Option<String> {
    let result = scheme.authenticate_at(&with_cookies(cookies), now).await;
    let user = result.ticket()?.principal().clone();
    user.find_first(claim_types::NAME_IDENTIFIER).or(user.find_first("much")).map(str::to_owned)
}

#[actix_web::test]
async fn k03_who_signs_in_is_known_until_the_cookie_expires() {
    let cookies = signed_in(&scheme(), ann(), &SignInProperties::new()).await;
    assert_eq!(user_of(&scheme(), &cookies, start()).await.as_deref(), Some("ann"));
    assert_eq!(user_of(&scheme(), &cookies, start() + DAY).await.as_deref(), Some("ann"));
    assert_eq!(user_of(&scheme(), &cookies, start() + DAY + Duration::from_secs(1)).await, None);
    assert!(matches!(scheme().authenticate_at(&get("/page"), start()).await, AuthenticateResult::NoResult));
}

#[actix_web::test]
async fn k01_a_cookie_that_was_tampered_with_is_nobodys() {
    let cookies = signed_in(&scheme(), ann(), &SignInProperties::new()).await;
    let value = &cookies[0].1;
    let mut bad = vec![String::new(), "A".to_owned(), "chunks-1".to_owned(), "chunks-99999999999".to_owned()];
    bad.extend((0..value.len()).step_by(7).map(|at| value[..at].to_owned()));
    bad.extend((0..value.len()).map(|at| {
        let other = if &value[at..=at] == "A" { "Q" } else { "A" };
        format!("{}{other}{}", &value[..at], &value[at + 1..])
    }));
    for value in bad {
        let result =
            scheme().authenticate_at(&with_cookies(&[(NAME.to_owned(), value.clone())]), start()).await;
        assert!(result.failure().is_some(), "{value}");
    }
}

#[actix_web::test]
async fn k01_a_cookie_is_good_for_its_scheme_and_its_keys_alone() {
    let cookies = signed_in(&scheme(), ann(), &SignInProperties::new()).await;
    let other_scheme = scheme().scheme_name("Other").cookie_name(NAME);
    assert_eq!(user_of(&other_scheme, &cookies, start()).await, None);
    let other_application = CookieAuthentication::new(KeyRing::new([2; 32]));
    assert_eq!(user_of(&other_application, &cookies, start()).await, None);
}

#[actix_web::test]
async fn k01_a_large_ticket_is_put_together_from_all_its_parts() {
    let cookies = signed_in(&scheme(), with_claims(9_000), &SignInProperties::new()).await;
    assert_eq!(cookies[0], (NAME.to_owned(), "chunks-4".to_owned()));
    assert_eq!(user_of(&scheme(), &cookies, start()).await.map(|much| much.len()), Some(9_000));
    for missing in 1..cookies.len() {
        let mut some = cookies.clone();
        some.remove(missing);
        let result = scheme().authenticate_at(&with_cookies(&some), start()).await;
        assert!(result.failure().is_some(), "without {missing}");
    }
    let set = set_cookies(
        scheme().sign_in_at(&get("/"), with_claims(9_000), &SignInProperties::new(), start()).await.unwrap(),
    );
    assert!(set.iter().all(|cookie| cookie.len() <= 4050));
}

#[actix_web::test]
async fn parts_of_a_longer_cookie_are_deleted_with_it_and_by_a_shorter_one() {
    let long = signed_in(&scheme(), with_claims(9_000), &SignInProperties::new()).await;
    let deleted = set_cookies(scheme().sign_out(&with_cookies(&long)).await.unwrap());
    assert_eq!(deleted.len(), 5);
    assert!(deleted.iter().all(|cookie| cookie.contains("=; expires=Thu, 01 Jan 1970 00:00:00 GMT; path=/")));
    let how = SignInProperties::new();
    let short = set_cookies(scheme().sign_in_at(&with_cookies(&long), ann(), &how, start()).await.unwrap());
    assert_eq!(short.iter().filter(|cookie| cookie.contains("=; expires=")).count(), 4);
}

#[actix_web::test]
async fn what_no_browser_would_keep_is_refused() {
    for (who, error) in [
        (with_claims(60_000), CookieError::TooLarge),
        (ClaimsPrincipal::anonymous(), CookieError::NotAuthenticated),
    ] {
        let refused = scheme().sign_in_at(&get("/"), who, &SignInProperties::new(), start()).await;
        assert_eq!(refused.unwrap_err(), error);
    }
}

#[actix_web::test]
async fn k02_a_cookie_that_was_signed_out_is_refused_by_the_check() {
    let cookies = signed_in(&scheme(), ann(), &SignInProperties::new()).await;
    assert!(user_of(&scheme(), &cookies, start()).await.is_some());
    let strict = scheme().validate_principal(|ticket| async move {
        assert_eq!(ticket.scheme(), "Cookies");
        PrincipalCheck::Reject
    });
    assert_eq!(user_of(&strict, &cookies, start()).await, None);
}

#[actix_web::test]
async fn k04_a_cookie_is_renewed_past_half_of_its_time() {
    let cookies = signed_in(&scheme(), ann(), &SignInProperties::new()).await;
    let renewed = |scheme: CookieAuthentication, cookies: Vec<(String, String)>, percent: u32| async move {
        let http = with_cookies(&cookies);
        let now = start() + DAY * percent / 100;
        assert!(scheme.authenticate_at(&http, now).await.ticket().is_some());
        let mut response = HttpResponse::Ok().finish();
        write_pending(&http, &mut response);
        let set = cookies_of(&response);
        write_pending(&http, &mut response);
        assert_eq!(cookies_of(&response), set, "it is written once");
        kept(&set)
    };
    assert_eq!(renewed(scheme(), cookies.clone(), 49).await, []);
    let new = renewed(scheme(), cookies.clone(), 51).await;
    assert_eq!(user_of(&scheme(), &new, start() + DAY * 150 / 100).await.as_deref(), Some("ann"));
    assert_eq!(user_of(&scheme(), &new, start() + DAY * 152 / 100).await, None);
    assert_eq!(renewed(scheme().sliding_expiration(false), cookies, 51).await, []);
    let fixed = signed_in(&scheme(), ann(), &SignInProperties::new().allow_refresh(false)).await;
    assert_eq!(renewed(scheme(), fixed, 51).await, []);
}

#[actix_web::test]
async fn k04_who_signs_out_is_not_signed_in_again_by_a_renewal() {
    let cookies = signed_in(&scheme(), ann(), &SignInProperties::new()).await;
    for signs_out_first in [true, false] {
        let http = with_cookies(&cookies);
        if signs_out_first {
            let _ = scheme().sign_out(&http).await.unwrap();
        }
        scheme().authenticate_at(&http, start() + DAY * 3 / 4).await;
        if !signs_out_first {
            let _ = scheme().sign_out(&http).await.unwrap();
        }
        let mut response = HttpResponse::Ok().finish();
        write_pending(&http, &mut response);
        assert_eq!(cookies_of(&response), Vec::<String>::new());
    }
}

#[test]
fn k05_only_a_path_of_this_server_is_a_way_back() {
    let way_back = |url: &str| scheme().return_url(&get(&format!("/login?{url}")));
    assert_eq!(way_back("ReturnUrl=%2Fpage%3Fa%3D1").as_deref(), Some("/page?a=1"));
    assert_eq!(way_back("returnurl=/").as_deref(), Some("/"));
    for bad in [
        "%2F%2Fevil",
        "/%5Cevil",
        "http://evil",
        "https:evil",
        "evil",
        "",
        "/%0D%0AX:1",
        "/%09/evil",
        "%09//evil",
        "%5C%5Cevil",
        "/a&ReturnUrl=/b",
    ] {
        assert_eq!(way_back(&format!("ReturnUrl={bad}")), None, "{bad}");
    }
    assert_eq!(way_back("a=1"), None);
}

fn denied(http: &HttpRequest, hub: bool, scheme: &CookieAuthentication) -> (StatusCode, String) {
    let request =
        if hub { AuthenticationRequest::for_hub(http, "/chat") } else { AuthenticationRequest::new(http) };
    let mut denial = Denial::new(StatusCode::UNAUTHORIZED);
    scheme.challenge(&request, &AuthenticateResult::NoResult, &mut denial);
    (denial.status(), denial.headers().get(LOCATION).unwrap().to_str().unwrap().to_owned())
}

#[test]
fn k06_people_are_redirected_and_programs_are_told() {
    let there = "http://localhost:8080/login?ReturnUrl=%2Fpage%3Fa%3D1".to_owned();
    let page =
        || TestRequest::get().uri("/page?a=1&Access_Token=secret").insert_header((HOST, "localhost:8080"));
    let http = page().to_http_request();
    assert_eq!(denied(&http, false, &scheme()), (StatusCode::FOUND, there.clone()));
    assert_eq!(denied(&http, true, &scheme()), (StatusCode::UNAUTHORIZED, there.clone()));
    let scripted = page().insert_header(("x-requested-with", "XMLHttpRequest")).to_http_request();
    assert_eq!(denied(&scripted, false, &scheme()), (StatusCode::UNAUTHORIZED, there));
    let by_query = get("/page?X-Requested-With=XMLHttpRequest");
    assert_eq!(denied(&by_query, false, &scheme()).0, StatusCode::UNAUTHORIZED);

    let mut denial = Denial::new(StatusCode::FORBIDDEN);
    scheme().forbid(&AuthenticationRequest::new(&http), &mut denial);
    assert_eq!(denial.status(), StatusCode::FOUND);
    assert!(denial.headers().get(LOCATION).unwrap().to_str().unwrap().contains("/Account/AccessDenied?"));
}

#[test]
fn k07_a_forged_host_gets_into_no_redirect() {
    let to = |host: &str, scheme: &CookieAuthentication| {
        denied(&TestRequest::get().uri("/p").insert_header((HOST, host)).to_http_request(), false, scheme).1
    };
    let here = "/login?ReturnUrl=%2Fp".to_owned();
    for bad in ["evil/x?", "a@evil", "evil#", "e vil", "", "evil\\"] {
        assert_eq!(to(bad, &scheme()), here, "{bad}");
    }
    let strict = scheme().allowed_hosts(["chat.example.org"]);
    assert_eq!(to("evil.example.org", &strict), here);
    assert_eq!(to("Chat.example.org", &strict), format!("http://Chat.example.org{here}"));
    let forwarded =
        TestRequest::get().uri("/p").insert_header(("x-forwarded-host", "evil")).to_http_request();
    assert!(!denied(&forwarded, false, &scheme()).1.contains("evil"));
}

#[actix_web::test]
async fn a_cookie_says_for_whom_it_is() {
    let cookie = async |scheme: CookieAuthentication, how: SignInProperties| {
        let set = set_cookies(scheme.sign_in_at(&get("/"), ann(), &how, start()).await.unwrap());
        set[0].split_once("; ").unwrap().1.to_owned()
    };
    let how = SignInProperties::new;
    assert_eq!(cookie(scheme(), how()).await, "path=/; samesite=lax; httponly");
    let kept = cookie(scheme(), how().persistent(true)).await;
    assert_eq!(kept, "expires=Wed, 15 Nov 2023 22:13:20 GMT; path=/; samesite=lax; httponly");
    let secure = scheme().secure(SecurePolicy::Always).same_site(SameSite::Strict);
    assert_eq!(cookie(secure, how()).await, "path=/; secure; samesite=strict; httponly");
    let none = scheme().same_site(SameSite::None);
    assert_eq!(cookie(none, how()).await, "path=/; secure; samesite=none; httponly");
    let plain = scheme().secure(SecurePolicy::Never).same_site(SameSite::Unspecified).http_only(false);
    assert_eq!(cookie(plain, how()).await, "path=/");
    let narrow = scheme().cookie_path("/app").cookie_domain("example.org").max_age(DAY);
    let expected = "max-age=86400; domain=example.org; path=/app; samesite=lax; httponly";
    assert_eq!(cookie(narrow.clone(), how()).await, expected);
    let forgotten = set_cookies(narrow.sign_out(&get("/")).await.unwrap());
    let expected =
        "expires=Thu, 01 Jan 1970 00:00:00 GMT; domain=example.org; path=/app; samesite=lax; httponly";
    assert_eq!(forgotten[0].split_once("; ").unwrap().1, expected);
}

#[actix_web::test]
async fn a_cookie_may_be_for_ever() {
    let for_ever = || scheme().expires_after(Duration::MAX);
    let far = start() + DAY * 365 * 20_000;
    for how in [SignInProperties::new(), SignInProperties::new().expires_at(far)] {
        let how = how.persistent(true);
        let headers = for_ever().sign_in_at(&get("/"), ann(), &how, start()).await.unwrap();
        let set = set_cookies(headers);
        assert!(set[0].contains("; expires=Fri, 31 Dec 9999 23:59:59 GMT;"), "{set:?}");
        assert!(user_of(&for_ever(), &kept(&set), start() + DAY * 3_650).await.is_some());
    }
    let past = SignInProperties::new().persistent(true).expires_at(SystemTime::UNIX_EPOCH - DAY);
    let cookies = signed_in(&scheme(), ann(), &past).await;
    assert_eq!(user_of(&scheme(), &cookies, start()).await, None);
}

#[test]
fn what_cannot_work_is_refused_when_the_server_is_built() {
    assert!(scheme().validate().is_ok());
    assert!(scheme().scheme_name("Ännlich; x").validate().is_ok(), "it is escaped");
    assert!(scheme().cookie_name("__Host-x").secure(SecurePolicy::Always).validate().is_ok());
    for bad in [
        scheme().cookie_name("a b"),
        scheme().cookie_name(""),
        scheme().login_path("//evil"),
        scheme().login_path("login"),
        scheme().access_denied_path("/x\r\n"),
        scheme().expires_after(Duration::ZERO),
        scheme().cookie_path("app"),
        scheme().cookie_path("/app; domain=evil"),
        scheme().cookie_domain("example.org; x"),
        scheme().cookie_domain(""),
        scheme().same_site(SameSite::None).secure(SecurePolicy::Never),
        scheme().cookie_name("__Host-x"),
        scheme().cookie_name("__Host-x").secure(SecurePolicy::Always).cookie_domain("example.org"),
        scheme().cookie_name("__secure-x"),
    ] {
        assert!(bad.validate().is_err(), "{bad:?}");
    }
}
