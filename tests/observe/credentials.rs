//! What no log line may show of any scheme: tokens wherever they are, cookies, sessions, tickets, keys.

use std::time::{SystemTime, UNIX_EPOCH};

use actix_http::Request;
use actix_signalr::{
    AuthorizeData, ClaimsIdentity, CookieAuthentication, HttpConnectionOptions, Hub, HubDescriptor,
    HubRoutes, InMemorySessionStore, JwtBearer, KeyRing, NegotiateAuthentication, NegotiateError,
    NegotiateExchange, NegotiateProcessor, NegotiateStep, PolicyScheme, SignInProperties, SignalR,
    claim_types,
};
use actix_web::{
    HttpResponse,
    body::MessageBody,
    dev::{Service, ServiceResponse},
    http::header::{AUTHORIZATION, COOKIE, SEC_WEBSOCKET_PROTOCOL, SET_COOKIE},
    test::TestRequest,
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use futures::future::LocalBoxFuture;
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::json;

use crate::{
    capture::Capture,
    polling::{answer, serve},
};

struct Members;

impl Hub for Members {
    fn describe(_: &mut HubDescriptor<Self>) {}
}

/// Refuses everybody, and says in its own words whom.
struct Refusing;

impl NegotiateProcessor for Refusing {
    fn begin(&self) -> Box<dyn NegotiateExchange> {
        Box::new(Self)
    }
}

impl NegotiateExchange for Refusing {
    fn accept(self: Box<Self>, _: Vec<u8>) -> LocalBoxFuture<'static, Result<NegotiateStep, NegotiateError>> {
        Box::pin(async { Err(NegotiateError::Refused("it is nobody".to_owned())) })
    }
}

const KEY: &[u8] = b"a key that signs tokens in nothing but this test";
const COOKIE_KEY: [u8; 32] = *b"a key of cookies in this test...";

fn token(key: &[u8]) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let claims = json!({ "sub": "ann", "iss": "issuer", "aud": "audience", "exp": now + 600 });
    encode(&Header::default(), &claims, &EncodingKey::from_secret(key)).unwrap()
}

/// The value of the cookie of somebody who signs in.
async fn cookie_of(cookies: &CookieAuthentication) -> String {
    let ann = ClaimsIdentity::new("Password").claim(claim_types::NAME_IDENTIFIER, "ann");
    let mut response = HttpResponse::Ok().finish();
    let http = TestRequest::post().to_http_request();
    cookies.sign_in(&http, ann, &SignInProperties::new()).await.unwrap().add_to(&mut response);
    let set = response.headers().get(SET_COOKIE).unwrap().to_str().unwrap().to_owned();
    set.split_once('=').unwrap().1.split(';').next().unwrap().to_owned()
}

fn server(cookies: &CookieAuthentication) -> SignalR {
    let by_header = PolicyScheme::new("Smart").select(|request| {
        let header = request.http().headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        match header {
            Some(value) if value.starts_with("Negotiate ") => "Negotiate",
            _ if request.http().headers().contains_key(COOKIE) => "Cookies",
            _ => "Bearer",
        }
    });
    let options = HttpConnectionOptions::default()
        .authorize(AuthorizeData::authenticated())
        .one_time_tickets(true)
        .subprotocol_token(true);
    SignalR::builder()
        .authentication(JwtBearer::hs256(KEY).issuer("issuer").audience("audience"))
        .authentication(cookies.clone())
        .authentication(NegotiateAuthentication::new(Refusing))
        .authentication(by_header)
        .default_scheme("Smart")
        .hub_routes(HubRoutes::new(Members).route("/hub", options))
        .build()
        .unwrap()
}

async fn status<B: MessageBody>(
    app: &impl Service<Request, Response = ServiceResponse<B>, Error = actix_web::Error>,
    request: TestRequest,
) -> u16 {
    answer(app, request).await.0
}

fn web_socket(uri: &str) -> TestRequest {
    let headers = [("connection", "Upgrade"), ("upgrade", "websocket"), ("sec-websocket-version", "13")];
    let request = headers.into_iter().fold(TestRequest::get().uri(uri), TestRequest::insert_header);
    request.insert_header(("sec-websocket-key", "AAAAAAAAAAAAAAAAAAAAAA=="))
}

#[actix_web::test]
async fn no_log_line_shows_a_credential_of_any_scheme() {
    let capture = Capture::begin();
    let mut secrets = vec![
        String::from_utf8(KEY.to_vec()).unwrap(),
        String::from_utf8(COOKIE_KEY.to_vec()).unwrap(),
        format!("{COOKIE_KEY:?}"),
    ];
    let plain = CookieAuthentication::new(KeyRing::new(COOKIE_KEY));
    let with_store = plain.clone().session_store(InMemorySessionStore::new());
    for cookies in [&plain, &with_store] {
        let app = serve(&server(cookies), |_| {}).await;
        let negotiate = || TestRequest::post().uri("/hub/negotiate?negotiateVersion=1");

        let cookie = cookie_of(cookies).await;
        let tampered = cookie.chars().rev().collect::<String>();
        for (value, expected) in [(&cookie, 200), (&tampered, 401)] {
            let header = format!(".AspNetCore.Cookies={value}");
            assert_eq!(status(&app, negotiate().insert_header((COOKIE, header))).await, expected);
        }
        secrets.extend([cookie, tampered]);

        for (token, expected, upgraded) in [(token(KEY), 200, 101), (token(&[b'x'; 48]), 401, 401)] {
            let bearer = negotiate().insert_header((AUTHORIZATION, format!("Bearer {token}")));
            assert_eq!(status(&app, bearer).await, expected);
            let encoded = URL_SAFE_NO_PAD.encode(&token);
            let offered = web_socket("/hub")
                .insert_header((SEC_WEBSOCKET_PROTOCOL, format!("signalr, signalr.bearer.{encoded}")));
            assert_eq!(status(&app, offered).await, upgraded);
            secrets.extend(token.split('.').map(str::to_owned));
            secrets.push(encoded);
        }

        let ask = TestRequest::post()
            .uri("/hub/ticket")
            .insert_header((AUTHORIZATION, format!("Bearer {}", token(KEY))));
        let answered: serde_json::Value = serde_json::from_str(&answer(&app, ask).await.1).unwrap();
        let ticket = answered["ticket"].as_str().unwrap().to_owned();
        for expected in [101, 401] {
            assert_eq!(status(&app, web_socket(&format!("/hub?ticket={ticket}"))).await, expected);
        }
        secrets.push(ticket);

        let exchanged = STANDARD.encode("SECRET words of an exchange");
        let negotiating = negotiate().insert_header((AUTHORIZATION, format!("Negotiate {exchanged}")));
        assert_eq!(status(&app, negotiating).await, 401);
        secrets.extend([exchanged, "SECRET".to_owned()]);
    }

    let seen = capture.seen();
    assert!(seen.events_of("credentials refused").len() >= 6, "{}", seen.text);
    for secret in secrets {
        assert!(!seen.text.contains(&secret), "'{secret}' is in\n{}", seen.text);
    }
}
