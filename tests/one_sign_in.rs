//! One sign-in for pages, an API and hubs: several schemes in one application, over real connections.

#![allow(clippy::unwrap_used, reason = "tests may fail loudly")]

mod raw_http;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use actix_signalr::{
    AuthenticationRequest, AuthorizeData, ClaimsIdentity, CookieAuthentication, HttpConnectionOptions,
    HttpServerExt, Hub, HubDescriptor, HubRoutes, JwtBearer, KeyRing, Policy, PolicyScheme, RequestUser,
    SchemeError, SchemeOperation, Schemes, SignInProperties, SignalR, SignalRBuilder, SignedIn, claim_types,
    write_renewed_cookies,
};
use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    middleware::from_fn,
    web::{self, Data, Form, ServiceConfig},
};
use jsonwebtoken::{EncodingKey, Header};
use serde::Deserialize;
use serde_json::json;

use crate::raw_http::{Answer, Client, Server};

struct Members;

impl Hub for Members {
    fn describe(_: &mut HubDescriptor<Self>) {}
}

const KEY: &[u8] = b"a secret of thirty-two bytes ...";

fn token(name: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let claims = json!({"sub": name, "unique_name": name, "iss": "me", "aud": "you", "exp": now + 60});
    jsonwebtoken::encode(&Header::default(), &claims, &EncodingKey::from_secret(KEY)).unwrap()
}

/// Cookies for people, tokens for programs; which of them is asked depends on the request.
fn builder() -> SignalRBuilder {
    let smart = PolicyScheme::new("Smart").select(|request| {
        if request.http().headers().contains_key("authorization") { "Bearer" } else { "Cookies" }
    });
    let both = |schemes: [&str; 2]| Policy::new().require_authenticated_user().schemes(schemes);
    SignalR::builder()
        .authentication(CookieAuthentication::new(KeyRing::random().unwrap()).login_path("/login"))
        .authentication(JwtBearer::hs256(KEY).issuer("me").audience("you"))
        .authentication(smart)
        .default_scheme("Smart")
        .policy("cookies, then tokens", both(["Cookies", "Bearer"]))
        .policy("tokens, then cookies", both(["Bearer", "Cookies"]))
}

fn start(builder: impl FnOnce() -> SignalRBuilder + Send + 'static) -> Server {
    Server::start(move || {
        let options = HttpConnectionOptions::default().authorize(AuthorizeData::authenticated());
        let open = HttpConnectionOptions::default();
        let routes = HubRoutes::new(Members).route("/members", options).route("/open", open);
        let signalr = builder().hub_routes(routes).build().unwrap();
        let server = HttpServer::new(move || {
            let guarded = |demand| signalr.require_authorization(demand).unwrap();
            let policy = |name: &'static str| guarded(AuthorizeData::policy(name));
            App::new()
                .configure(signalr.routes())
                .configure(pages)
                .service(web::resource("/api").wrap(guarded(AuthorizeData::authenticated())).to(name_of))
                .service(web::resource("/a").wrap(policy("cookies, then tokens")).to(name_of))
                .service(web::resource("/b").wrap(policy("tokens, then cookies")).to(name_of))
                .wrap(from_fn(write_renewed_cookies))
        });
        let server = server.for_hubs().workers(1).disable_signals().bind(("127.0.0.1", 0)).unwrap();
        (server.addrs()[0], server.run())
    })
}

fn pages(config: &mut ServiceConfig) {
    config
        .route("/", web::get().to(name_of))
        .route("/inbox", web::get().to(async |user: SignedIn| user.name().unwrap_or("(no name)").to_owned()))
        .route("/login", web::post().to(log_in))
        .route("/logout", web::post().to(log_out));
}

async fn name_of(user: RequestUser) -> String {
    user.name().unwrap_or("nobody").to_owned()
}

#[derive(Deserialize)]
struct Login {
    name: String,
}

async fn log_in(
    http: HttpRequest,
    schemes: Data<Schemes>,
    Form(Login { name }): Form<Login>,
) -> actix_web::Result<HttpResponse> {
    let user = ClaimsIdentity::new("Page").claim(claim_types::NAME, name);
    let mut response = HttpResponse::Ok().finish();
    let request = AuthenticationRequest::new(&http);
    schemes.sign_in(&request, user, &SignInProperties::new()).await?.add_to(&mut response);
    Ok(response)
}

async fn log_out(http: HttpRequest, schemes: Data<Schemes>) -> actix_web::Result<HttpResponse> {
    let mut response = HttpResponse::Ok().finish();
    schemes.sign_out(&AuthenticationRequest::new(&http)).await?.add_to(&mut response);
    Ok(response)
}

/// Signs in on the page; the cookie.
fn sign_in(client: &mut Client, name: &str) -> String {
    let answer = client.ask("POST", "/login", &[], &format!("name={name}"));
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.all("set-cookie")[0].split(';').next().unwrap().to_owned()
}

fn get(client: &mut Client, path: &str, headers: &[(&str, &str)]) -> Answer {
    client.ask("GET", path, headers, "")
}

#[test]
fn one_sign_in_serves_pages_an_api_and_hubs() {
    let server = start(builder);
    let mut client = server.connect();
    let cookie = sign_in(&mut client, "ann");
    let bearer = format!("Bearer {}", token("ann"));
    for credentials in [[("Cookie", cookie.as_str())], [("Authorization", bearer.as_str())]] {
        for path in ["/", "/inbox", "/api", "/a", "/b"] {
            let answer = get(&mut client, path, &credentials);
            assert_eq!((answer.status, answer.body.as_str()), (200, "ann"), "{path}");
        }
        let negotiated = client.ask("POST", "/members/negotiate", &credentials, "");
        assert_eq!(negotiated.status, 200);
    }
    let signed_out = client.ask("POST", "/logout", &[("Cookie", &cookie)], "");
    assert!(signed_out.all("set-cookie")[0].contains("expires=Thu, 01 Jan 1970"), "{signed_out:?}");
}

#[test]
fn whoever_is_not_known_is_challenged_by_the_scheme_that_was_asked() {
    let server = start(builder);
    let mut client = server.connect();
    assert_eq!(get(&mut client, "/", &[]).body, "nobody");
    for path in ["/inbox", "/api"] {
        let person = get(&mut client, path, &[]);
        let there = format!("http://here/login?ReturnUrl=%2F{}", &path[1..]);
        assert_eq!((person.status, person.all("location")), (302, vec![there.as_str()]));
        let program = get(&mut client, path, &[("Authorization", "Bearer x")]);
        assert_eq!(
            (program.status, program.all("www-authenticate")),
            (401, vec![r#"Bearer error="invalid_token""#])
        );
    }
    assert_eq!(client.ask("POST", "/members/negotiate", &[], "").status, 401);
}

#[test]
fn several_schemes_of_a_policy_are_all_asked_and_all_challenge() {
    let server = start(builder);
    let mut client = server.connect();
    let (cookie, bearer) = (sign_in(&mut client, "ann"), format!("Bearer {}", token("bob")));
    let both = [("Cookie", cookie.as_str()), ("Authorization", bearer.as_str())];
    assert_eq!(get(&mut client, "/a", &both).body, "bob", "the identity of the later scheme comes first");
    assert_eq!(get(&mut client, "/b", &both).body, "ann");

    let cookies_first = get(&mut client, "/a", &[]);
    assert_eq!((cookies_first.status, cookies_first.all("www-authenticate")), (401, vec!["Bearer"]));
    assert_eq!(cookies_first.all("location").len(), 1, "left over from the first");
    let tokens_first = get(&mut client, "/b", &[]);
    assert_eq!((tokens_first.status, tokens_first.all("www-authenticate")), (302, vec!["Bearer"]));
}

#[test]
fn operations_may_have_defaults_of_their_own() {
    let server = start(|| {
        builder().default_scheme("Cookies").default_scheme_for(SchemeOperation::Challenge, "Bearer")
    });
    let mut client = server.connect();
    let answer = get(&mut client, "/inbox", &[]);
    assert_eq!((answer.status, answer.all("www-authenticate")), (401, vec!["Bearer"]));
    let cookie = sign_in(&mut client, "ann");
    assert_eq!(get(&mut client, "/inbox", &[("Cookie", &cookie)]).body, "ann");
    assert!(builder().default_scheme_for(SchemeOperation::SignIn, "Nobody").build().is_err());
}

#[actix_web::test]
async fn what_is_to_sign_in_has_to_be_able_to() {
    let http = actix_web::test::TestRequest::get().to_http_request();
    let request = AuthenticationRequest::new(&http);
    let signalr = builder().default_scheme_for(SchemeOperation::SignIn, "Bearer").build().unwrap();
    let ann = ClaimsIdentity::new("Page").claim(claim_types::NAME, "ann");
    let err = signalr.schemes().sign_in(&request, ann.clone(), &SignInProperties::new()).await.unwrap_err();
    assert_eq!(err, SchemeError::CannotSignIn { scheme: "Bearer".to_owned() });
    assert!(signalr.schemes().sign_out(&request).await.is_err(), "what signs out is what signs in");
    assert!(signalr.schemes().sign_out_with("Smart", &request).await.is_ok());
    let stranger = ClaimsIdentity::unauthenticated();
    let how = SignInProperties::new();
    let signed_in = signalr.schemes().sign_in_with("Cookies", &request, stranger, &how).await;
    assert!(signed_in.is_err());
}

#[test]
fn a20_claims_are_added_once_to_everybody_who_is_known() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    let server = start(move || {
        builder().claims_transformation(async move |context| {
            counted.fetch_add(1, Relaxed);
            let named = context.principal().identities()[0].clone();
            let name = format!("{} via {}", context.principal().name().unwrap_or_default(), context.scheme());
            let renamed = ClaimsIdentity::new("Renamed").claim(claim_types::NAME, name);
            context.set_principal(actix_signalr::ClaimsPrincipal::from_identities([renamed, named]));
        })
    });
    let mut client = server.connect();
    let cookie = sign_in(&mut client, "ann");
    // The middleware asks, and so does the extractor.
    let answer = get(&mut client, "/api", &[("Cookie", &cookie)]);
    assert_eq!(answer.body, "ann via Cookies");
    assert_eq!(asked.load(Relaxed), 1);
    assert_eq!(get(&mut client, "/", &[]).body, "nobody", "nobody is not transformed");
    assert_eq!(asked.load(Relaxed), 1);
}

#[test]
fn a_transformation_that_panics_lets_nobody_in() {
    let server = start(|| builder().claims_transformation(async |_| panic!("a bug of the application")));
    let mut client = server.connect();
    let bearer = format!("Bearer {}", token("ann"));
    assert_eq!(get(&mut client, "/api", &[("Authorization", &bearer)]).status, 401);
}

#[test]
fn t20_a_bad_token_on_an_open_hub_is_that_of_nobody() {
    let server = start(builder);
    let mut client = server.connect();
    for path in ["/open/negotiate", "/open/negotiate?access_token=bad"] {
        let answer = client.ask("POST", path, &[("Authorization", "Bearer bad")], "");
        assert_eq!((answer.status, answer.all("www-authenticate").len()), (200, 0));
    }
    let answer = client.ask("POST", "/members/negotiate", &[("Authorization", "Bearer bad")], "");
    assert_eq!((answer.status, answer.body.as_str()), (401, ""));
    assert_eq!(answer.all("www-authenticate"), [r#"Bearer error="invalid_token""#]);
}
