//! Who may connect, and who may ask for the rest of an application: what only requests show. Numbers are those of the table
//! of pitfalls; the rest of it is beside the runtime.

#![allow(clippy::unwrap_used, reason = "tests may fail loudly")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use actix_signalr::{
    AuthenticateResult, AuthenticationRequest, AuthenticationScheme, AuthenticationTicket, Authorization,
    AuthorizeData, BuildError, ClaimsIdentity, ClaimsPrincipal, ConnectionSelector, CookieAuthentication,
    HttpConnectionOptions, Hub, HubCallerContext, HubDescriptor, HubOptions, HubResult, HubRoutes, JwtBearer,
    KeyRing, Policy, PrincipalCheck, SignInProperties, SignalR, SignalRBuilder, claim_types,
};
use actix_web::{
    App, HttpResponse,
    body::MessageBody,
    dev::{Service, ServiceResponse},
    http::header::{COOKIE, SET_COOKIE},
    test::{TestRequest, call_service, init_service, read_body},
    web,
};
use futures::future::LocalBoxFuture;
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};

struct Club;

impl Club {
    async fn echo(&self, _ctx: HubCallerContext, text: String) -> HubResult<String> {
        Ok(text)
    }
}

impl Hub for Club {
    fn describe(hub: &mut HubDescriptor<Self>) {
        hub.method("Echo", Self::echo);
    }
}

const KEY: &[u8] = b"a key that is used by nothing but this very test";

fn token(mut claims: Value) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    claims["exp"] = json!(now + 600);
    encode(&Header::default(), &claims, &EncodingKey::from_secret(KEY)).unwrap()
}

fn bearer() -> JwtBearer {
    JwtBearer::hs256(KEY).without_issuer_check().without_audience_check()
}

/// A server whose hub demands something at `/club`.
fn club(builder: SignalRBuilder, demand: AuthorizeData) -> SignalR {
    let routes = HubRoutes::new(Club).route("/club", HttpConnectionOptions::default());
    builder.hub_routes(routes.require_authorization(demand)).build().unwrap()
}

async fn status<S, B>(app: &S, request: TestRequest) -> u16
where
    S: Service<actix_http::Request, Response = ServiceResponse<B>, Error = actix_web::Error>,
    B: MessageBody,
{
    call_service(app, request.to_request()).await.status().as_u16()
}

fn negotiate() -> TestRequest {
    TestRequest::post().uri("/club/negotiate?negotiateVersion=1")
}

fn with_token(request: TestRequest, claims: Value) -> TestRequest {
    request.insert_header(("Authorization", format!("Bearer {}", token(claims))))
}

/// Knows everybody by a header of its own name.
struct Named(&'static str);

impl AuthenticationScheme for Named {
    fn name(&self) -> &str {
        self.0
    }

    fn authenticate<'a>(
        &'a self,
        request: &'a AuthenticationRequest<'a>,
    ) -> LocalBoxFuture<'a, AuthenticateResult> {
        Box::pin(async move {
            let Some(name) = request.http().headers().get(self.0) else {
                return AuthenticateResult::NoResult;
            };
            let name = name.to_str().unwrap();
            let identity = ClaimsIdentity::new(self.0)
                .claim(claim_types::NAME, name)
                .claim(claim_types::ROLE, format!("{name} of {}", self.0));
            AuthenticateResult::Success(AuthenticationTicket::new(Arc::new(identity.into()), self.0))
        })
    }
}

#[actix_web::test]
async fn a01_both_short_names_are_roles_unless_they_are_not_mapped() {
    let admins = || AuthorizeData::roles("Admin");
    let mapped = club(SignalR::builder().authentication(bearer()), admins());
    let plain = club(SignalR::builder().authentication(bearer().map_inbound_claims(false)), admins());
    let mapped = init_service(App::new().configure(mapped.routes())).await;
    let plain = init_service(App::new().configure(plain.routes())).await;
    for (claims, is_admin) in [
        (json!({ "sub": "ann", "role": "Admin" }), true),
        (json!({ "sub": "ann", "roles": ["x", "Admin"] }), true),
        (json!({ "sub": "ann", "role": "a,Admin" }), false),
        (json!({ "sub": "ann", "role": "admin" }), false),
    ] {
        let expected = if is_admin { 200 } else { 403 };
        assert_eq!(status(&mapped, with_token(negotiate(), claims.clone())).await, expected, "{claims}");
        assert_eq!(status(&plain, with_token(negotiate(), claims)).await, 403);
    }
}

#[actix_web::test]
async fn a03_the_first_of_two_identifiers_in_a_token_is_the_users() {
    let first = |expected: &'static str| {
        Policy::new()
            .require_user(move |user| user.find_first(claim_types::NAME_IDENTIFIER) == Some(expected))
    };
    let builder = SignalR::builder().authentication(bearer()).policy("Ann", first("ann"));
    let app = init_service(App::new().configure(club(builder, AuthorizeData::policy("Ann")).routes())).await;
    let signed = |claims: &str| {
        let encode = |part: &[u8]| {
            use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
            URL_SAFE_NO_PAD.encode(part)
        };
        // Written by hand, since the order is what this is about.
        let message = format!("{}.{}", encode(br#"{"alg":"HS256"}"#), encode(claims.as_bytes()));
        let key = EncodingKey::from_secret(KEY);
        let signature =
            jsonwebtoken::crypto::sign(message.as_bytes(), &key, jsonwebtoken::Algorithm::HS256).unwrap();
        negotiate().insert_header(("Authorization", format!("Bearer {message}.{signature}")))
    };
    let sub_first = r#"{"sub":"ann","nameid":"eve","exp":9999999999}"#;
    assert_eq!(status(&app, signed(sub_first)).await, 200);
    // As in the original: who lets others choose claims of his tokens has lost anyway.
    let sub_last = r#"{"nameid":"eve","sub":"ann","exp":9999999999}"#;
    assert_eq!(status(&app, signed(sub_last)).await, 403);
}

#[actix_web::test]
async fn a04_of_two_schemes_the_later_is_the_primary_one_and_the_roles_of_both_count() {
    let policy = Policy::new()
        .schemes(["one", "two"])
        .require_role(["ann of one"])
        .require_role(["bob of two"])
        .require_user(|user| user.name() == Some("bob"));
    let builder = SignalR::builder()
        .authentication(Named("one"))
        .authentication(Named("two"))
        .default_scheme("one")
        .policy("Both", policy);
    let app = init_service(App::new().configure(club(builder, AuthorizeData::policy("Both")).routes())).await;
    let both = negotiate().insert_header(("one", "ann")).insert_header(("two", "bob"));
    assert_eq!(status(&app, both).await, 200);
    let turned = negotiate().insert_header(("one", "bob")).insert_header(("two", "ann"));
    assert_eq!(status(&app, turned).await, 403);
    assert_eq!(status(&app, negotiate().insert_header(("one", "ann"))).await, 403);
    assert_eq!(status(&app, negotiate()).await, 401);
}

#[actix_web::test]
async fn a07_a_handler_that_panics_or_hangs_at_a_hub_is_a_denial_and_no_error_of_the_server() {
    for policy in [
        Policy::new().require_assertion(|_| panic!("a bug of the application")),
        Policy::new().require_async_assertion(async |_: &_| std::future::pending().await),
    ] {
        let options = HubOptions::default().authorization_timeout(Duration::from_millis(20));
        let builder =
            SignalR::builder().authentication(bearer()).hub_options(options).policy("Broken", policy);
        let app =
            init_service(App::new().configure(club(builder, AuthorizeData::policy("Broken")).routes())).await;
        assert_eq!(status(&app, with_token(negotiate(), json!({ "sub": "ann" }))).await, 403);
        assert_eq!(status(&app, negotiate()).await, 401);
    }
}

#[actix_web::test]
async fn a20_the_principal_of_a_request_is_looked_at_once() {
    let asked = Arc::<AtomicUsize>::default();
    let counted = asked.clone();
    let cookies = CookieAuthentication::new(KeyRing::random().unwrap()).validate_principal(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        async {
            let admin = ClaimsIdentity::new("Password")
                .claim(claim_types::NAME_IDENTIFIER, "ann")
                .claim(claim_types::ROLE, "Admin");
            PrincipalCheck::Replace(Arc::new(admin.into()))
        }
    });
    let signalr = club(SignalR::builder().authentication(cookies.clone()), AuthorizeData::roles("Admin"));
    let app = init_service(App::new().configure(signalr.routes())).await;
    let mut response = HttpResponse::Ok().finish();
    let plain = ClaimsIdentity::new("Password").claim(claim_types::NAME_IDENTIFIER, "ann");
    let http = TestRequest::get().to_http_request();
    cookies.sign_in(&http, plain, &SignInProperties::new()).await.unwrap().add_to(&mut response);
    let cookie = response.headers().get(SET_COOKIE).unwrap().to_str().unwrap().split(';').next().unwrap();
    assert_eq!(status(&app, negotiate().insert_header((COOKIE, cookie))).await, 200, "the role was added");
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[actix_web::test]
async fn a21_with_a_fallback_a_path_that_nobody_serves_is_a_challenge() {
    let members = Policy::new().require_role(["Member"]);
    let build =
        |builder: SignalRBuilder| builder.authentication(bearer()).hub("/club", Club).build().unwrap();
    let closed = build(SignalR::builder().fallback_policy(members));
    let closed =
        init_service(App::new().route("/open", web::get().to(HttpResponse::Ok)).configure(closed.routes()))
            .await;
    let open = build(SignalR::builder());
    let open = init_service(App::new().configure(open.routes())).await;
    let member = || json!({ "sub": "ann", "role": "Member" });
    let lost = || TestRequest::get().uri("/nothing/here");
    assert_eq!(status(&closed, lost()).await, 401);
    assert_eq!(status(&closed, with_token(lost(), json!({ "sub": "ann" }))).await, 403);
    assert_eq!(status(&closed, with_token(lost(), member())).await, 404);
    assert_eq!(status(&closed, TestRequest::get().uri("/open")).await, 200, "a route is its own business");
    assert_eq!(status(&closed, negotiate()).await, 401);
    assert_eq!(status(&closed, with_token(negotiate(), member())).await, 200);
    assert_eq!(status(&open, lost()).await, 404);
    assert_eq!(status(&open, negotiate()).await, 200);
}

#[actix_web::test]
async fn a22_a_guarded_hub_without_a_way_to_know_anybody_is_not_built() {
    let routes = || HubRoutes::new(Club).route("/club", HttpConnectionOptions::default());
    let guarded = routes().require_authorization(AuthorizeData::authenticated());
    let found = SignalR::builder().hub_routes(guarded).build().unwrap_err();
    assert!(matches!(found, BuildError::NoAuthentication { .. }), "{found}");
    let fallback = Policy::new().require_authenticated_user();
    let found = SignalR::builder().fallback_policy(fallback).build().unwrap_err();
    assert!(matches!(found, BuildError::NoAuthentication { .. }), "{found}");
    let unknown = Policy::new().require_authenticated_user().schemes(["Other"]);
    let found = SignalR::builder().authentication(bearer()).fallback_policy(unknown).build().unwrap_err();
    assert!(matches!(found, BuildError::UnknownScheme { .. }), "{found}");
    let found = SignalR::builder().policy("Nothing", Policy::new()).build().unwrap_err();
    assert_eq!(found.to_string(), "the authorization policy 'Nothing' requires nothing");
}

#[actix_web::test]
async fn routes_that_are_no_hubs_demand_the_same() {
    let signalr = club(SignalR::builder().authentication(bearer()), AuthorizeData::authenticated());
    assert!(signalr.require_authorization(AuthorizeData::policy("Missing")).is_err());
    let admins = signalr.require_authorization(AuthorizeData::roles("Admin")).unwrap();
    let who = |user: web::ReqData<Arc<ClaimsPrincipal>>| async move {
        user.find_first(claim_types::NAME_IDENTIFIER).unwrap_or_default().to_owned()
    };
    let may = |authorization: web::Data<Authorization>| async move {
        let nobody = Arc::<ClaimsPrincipal>::default();
        format!("{}", authorization.authorize(&nobody, (), "Missing").await.is_err())
    };
    let app = init_service(
        App::new()
            .configure(signalr.routes())
            .service(web::resource("/who").wrap(admins).to(who))
            .route("/may", web::get().to(may)),
    )
    .await;
    let request = || TestRequest::get().uri("/who");
    let challenged = call_service(&app, request().to_request()).await;
    assert_eq!(challenged.status().as_u16(), 401);
    assert!(challenged.headers().contains_key("www-authenticate"));
    assert_eq!(status(&app, with_token(request(), json!({ "sub": "ann" }))).await, 403);
    let admin = with_token(request(), json!({ "sub": "ann", "role": "Admin" }));
    let answer = call_service(&app, admin.to_request()).await;
    assert_eq!(read_body(answer).await, "ann");
    let answer = call_service(&app, TestRequest::get().uri("/may").to_request()).await;
    assert_eq!(read_body(answer).await, "true", "what is asked for by handlers is there");
}

#[actix_web::test]
async fn a_revoked_token_is_refused_before_it_has_a_connection_and_on_every_hub() {
    let routes = HubRoutes::new(Club)
        .route("/club", HttpConnectionOptions::default().authorize(AuthorizeData::authenticated()))
        .route("/open", HttpConnectionOptions::default());
    let signalr = SignalR::builder().authentication(bearer()).hub_routes(routes).build().unwrap();
    let app = init_service(App::new().configure(signalr.routes())).await;
    let users = signalr.users().unwrap();
    let hour = Duration::from_secs(3600);
    let of = |jti: &str| json!({ "sub": "ann", "jti": jti });
    let open = || TestRequest::post().uri("/open/negotiate?negotiateVersion=1");
    let id_of = |body: &[u8]| {
        let answer: Value = serde_json::from_slice(body).unwrap();
        answer["connectionToken"].as_str().unwrap().to_owned()
    };

    // Negotiated, and not yet opened.
    let negotiated = call_service(&app, with_token(negotiate(), of("1")).to_request()).await;
    let token = id_of(&read_body(negotiated).await);
    assert_eq!(users.revoke(&ConnectionSelector::claim("jti", "1"), hour).await, Ok(0));
    let poll = TestRequest::get().uri(&format!("/club?id={token}"));
    let refused = call_service(&app, with_token(poll, of("1")).to_request()).await;
    assert_eq!(refused.status().as_u16(), 401);
    assert!(refused.headers().contains_key("www-authenticate"), "another token may do");

    assert_eq!(status(&app, with_token(negotiate(), of("1"))).await, 401);
    assert_eq!(status(&app, with_token(open(), of("1"))).await, 401, "nor as a stranger on an open hub");
    assert_eq!(status(&app, open()).await, 200);
    assert_eq!(status(&app, with_token(negotiate(), of("2"))).await, 200);
    users.revoke(&ConnectionSelector::user("ann"), hour).await.unwrap();
    assert_eq!(status(&app, with_token(negotiate(), of("2"))).await, 401);
    users.reinstate(&ConnectionSelector::user("ann")).await.unwrap();
    assert_eq!(status(&app, with_token(negotiate(), of("2"))).await, 200);
}

/// Open to everybody, and known by the second scheme where it says something.
struct Lounge;

impl Lounge {
    async fn who(&self, ctx: HubCallerContext) -> HubResult<String> {
        Ok(ctx.user().name().unwrap_or("nobody").to_owned())
    }
}

impl Hub for Lounge {
    fn describe(hub: &mut HubDescriptor<Self>) {
        hub.authorize(AuthorizeData::authenticated().with_schemes("second"));
        hub.allow_anonymous();
        hub.method("Who", Self::who);
    }
}

#[actix_web::test]
async fn who_is_let_in_anonymously_is_known_by_the_schemes_that_the_hub_demands() {
    let signalr = SignalR::builder()
        .authentication(Named("first"))
        .authentication(Named("second"))
        .default_scheme("first")
        .hub("/club", Lounge)
        .build()
        .unwrap();
    let app = init_service(App::new().configure(signalr.routes())).await;
    for (headers, name) in [
        (&[("first", "ann")][..], "nobody"),
        (&[("second", "bob")][..], "bob"),
        (&[("first", "ann"), ("second", "bob")][..], "bob"),
        (&[][..], "nobody"),
    ] {
        let with = |request: TestRequest| {
            headers.iter().fold(request, |request, header| request.insert_header(*header))
        };
        let body = read_body(call_service(&app, with(negotiate()).to_request()).await).await;
        let negotiated: Value = serde_json::from_slice(&body).unwrap();
        let uri = format!("/club?id={}", negotiated["connectionToken"].as_str().unwrap());
        assert_eq!(status(&app, with(TestRequest::get().uri(&uri))).await, 200);
        let records = "{\"protocol\":\"json\",\"version\":1}\u{1e}{\"type\":1,\"invocationId\":\"1\",\"target\":\"Who\",\"arguments\":[]}\u{1e}";
        assert_eq!(status(&app, with(TestRequest::post().uri(&uri).set_payload(records))).await, 200);
        let mut heard = String::new();
        while !heard.contains("result") {
            let polled = call_service(&app, with(TestRequest::get().uri(&uri)).to_request()).await;
            assert_eq!(polled.status(), 200);
            heard += &String::from_utf8_lossy(&read_body(polled).await);
        }
        assert!(heard.contains(&format!("\"result\":\"{name}\"")), "{headers:?}: {heard}");
    }
}
