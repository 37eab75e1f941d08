//! What no log line may show: tokens, arguments, queries.

use std::time::{SystemTime, UNIX_EPOCH};

use actix_signalr::{
    HttpConnectionOptions, Hub, HubCallerContext, HubDescriptor, HubError, HubOptions, HubResult, HubRoutes,
    JwtBearer, SignalR,
};
use actix_signalr_actors::AuthorizeData;
use actix_web::test::TestRequest;
use futures::StreamExt;
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::json;

use crate::{
    capture::Capture,
    polling::{HANDSHAKE, answer, open, receive, send, serve},
};

struct DiscreetHub;

impl DiscreetHub {
    async fn echo(&self, _ctx: HubCallerContext, text: String) -> HubResult<String> {
        Ok(text)
    }

    /// Tells its caller what he has sent.
    async fn fail(&self, _ctx: HubCallerContext, text: String) -> HubResult {
        Err(HubError::new(format!("'{text}' is not known")))
    }

    async fn fail_inside(&self, _ctx: HubCallerContext, text: String) -> HubResult<i32> {
        Ok(text.parse()?)
    }

    async fn ask(&self, ctx: HubCallerContext) -> HubResult<i32> {
        ctx.clients().caller().invoke("HowMany", ()).await
    }

    async fn upload(
        &self,
        _ctx: HubCallerContext,
        mut numbers: actix_signalr::ClientStream<i32>,
    ) -> HubResult<i32> {
        let mut sum = 0;
        while let Some(number) = numbers.next().await {
            sum += number?;
        }
        Ok(sum)
    }
}

impl Hub for DiscreetHub {
    fn describe(hub: &mut HubDescriptor<Self>) {
        hub.authorize(AuthorizeData::authenticated());
        hub.method("Echo", Self::echo);
        hub.method("Fail", Self::fail);
        hub.method("FailInside", Self::fail_inside);
        hub.method("Ask", Self::ask);
        hub.method("Upload", Self::upload);
        hub.method("Guarded", Self::echo).authorize(AuthorizeData::roles("admin"));
    }

    async fn on_connected(&self, ctx: HubCallerContext) -> HubResult {
        match ctx.request().query("unwanted") {
            Some(why) => Err(HubError::new(format!("'{why}' is not wanted"))),
            None => Ok(()),
        }
    }

    async fn on_disconnected(&self, ctx: HubCallerContext, error: Option<HubError>) -> HubResult {
        Err(error.unwrap_or_else(|| HubError::new(ctx.request().query("access_token").unwrap_or_default())))
    }
}

const KEY: &[u8] = b"a key that is used by nothing but this very test";

fn token(key: &[u8]) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let claims = json!({ "sub": "ann", "iss": "issuer", "aud": "audience", "exp": now + 600 });
    encode(&Header::default(), &claims, &EncodingKey::from_secret(key)).unwrap()
}

/// Whatever a client can say wrongly or rightly, with something in it that is nobody's business.
const CALLS: [&str; 9] = [
    r#"{"type":1,"invocationId":"1","target":"Echo","arguments":["SECRET-echo"]}"#,
    r#"{"type":1,"invocationId":"2","target":"Fail","arguments":["SECRET-fail"]}"#,
    r#"{"type":1,"invocationId":"3","target":"FailInside","arguments":["SECRET-inside"]}"#,
    r#"{"type":1,"invocationId":"4","target":"Echo","arguments":[{"SECRET":"SECRET-type"}]}"#,
    r#"{"type":1,"invocationId":"5","target":"Echo","arguments":["SECRET-one","SECRET-more"]}"#,
    r#"{"type":1,"invocationId":"6","target":"Nothing","arguments":["SECRET-unknown"]}"#,
    r#"{"type":1,"invocationId":"7","target":"Guarded","arguments":["SECRET-guarded"]}"#,
    r#"{"type":4,"invocationId":"8","target":"Echo","arguments":["SECRET-stream"]}"#,
    r#"{"type":1,"headers":{"authorization":"SECRET-header"},"invocationId":"9","target":"Ask","arguments":[]}"#,
];

#[actix_web::test]
async fn no_log_line_shows_a_token_an_argument_or_a_query() {
    let capture = Capture::begin();
    let bearer = JwtBearer::hs256(KEY).issuer("issuer").audience("audience").query_token_under("/");
    // Details are for clients; logs have none the more.
    let signalr = SignalR::builder()
        .authentication(bearer)
        .hub_options(HubOptions::default().detailed_errors(true))
        .hub_routes(HubRoutes::new(DiscreetHub).route(
            "/hub",
            HttpConnectionOptions::default().enable_authentication_refresh(true).on_authentication_refresh(
                async |refresh| match refresh.http().headers().get("unwanted") {
                    Some(why) => Err(HubError::new(why.to_str()?.to_owned())),
                    None => Ok(true),
                },
            ),
        ))
        .build()
        .unwrap();
    let app = serve(&signalr, |_| {}).await;

    let forged = token(&[b'x'; 48]);
    let negotiate = format!("/hub/negotiate?negotiateVersion=1&access_token={forged}&code=SECRET-query");
    assert_eq!(answer(&app, TestRequest::post().uri(&negotiate)).await.0, 401);
    let in_header = TestRequest::post()
        .uri("/hub/negotiate")
        .insert_header(("Authorization", format!("Bearer {forged}")));
    assert_eq!(answer(&app, in_header).await.0, 401);

    let good = token(KEY);
    let query = format!("access_token={good}&code=SECRET-query");
    let (uri, connection_token) = open(&app, "/hub", &query).await;
    send(&app, &uri, &[HANDSHAKE]).await;
    assert_eq!(receive(&app, &uri, 1).await, ["{}"]);
    send(&app, &uri, &CALLS).await;
    // An answer to each but the last, which is a question.
    let answers = receive(&app, &uri, 9).await;
    let question = answers.iter().find(|record| record.contains("HowMany")).expect("the client is asked");
    let question: serde_json::Value = serde_json::from_str(question).unwrap();
    let id = question["invocationId"].as_str().unwrap();
    send(&app, &uri, &[&format!(r#"{{"type":3,"invocationId":"{id}","result":"SECRET-result"}}"#)]).await;
    assert!(receive(&app, &uri, 1).await[0].contains(r#""invocationId":"9","error""#));
    let upload = [
        r#"{"type":1,"invocationId":"10","target":"Upload","arguments":[],"streamIds":["s"]}"#,
        r#"{"type":2,"invocationId":"s","item":"SECRET-item"}"#,
    ];
    send(&app, &uri, &upload).await;
    assert!(receive(&app, &uri, 1).await[0].contains(r#""invocationId":"10","error""#));
    send(&app, &uri, &[r#"{"type":1,"headers":{"SECRET-broken":1},"target":"Echo","arguments":[]}"#]).await;
    receive(&app, &uri, 2).await;

    // Credentials that are renewed, those that are refused, and what the application says to some.
    let (uri, refreshed_token) = open(&app, "/hub", &query).await;
    send(&app, &uri, &[HANDSHAKE]).await;
    let refresh = |token: &str, unwanted: &'static str| {
        let request = TestRequest::post().uri("/hub/refresh").insert_header(("Unwanted", unwanted));
        let request = request.insert_header(("X-SignalR-Connection-Token", &*refreshed_token));
        request.insert_header(("Authorization", format!("Bearer {token}")))
    };
    assert_eq!(answer(&app, refresh(&forged, "")).await.0, 401);
    assert_eq!(answer(&app, refresh(&good, "SECRET-callback")).await.0, 500);
    let mut wanted = refresh(&good, "").to_request();
    wanted.headers_mut().remove("unwanted");
    assert_eq!(actix_web::test::call_service(&app, wanted).await.status(), 200);

    // What is no handshake is told to the client where details are on.
    let (uri, _) = open(&app, "/hub", &query).await;
    send(&app, &uri, &[r#"{"type":1,"target":"Echo","arguments":["SECRET-handshake"]}"#]).await;
    assert!(receive(&app, &uri, 1).await[0].contains("SECRET-handshake"));
    let (uri, _) = open(&app, "/hub", &format!("{query}&unwanted=SECRET-unwanted")).await;
    send(&app, &uri, &[HANDSHAKE]).await;
    assert!(receive(&app, &uri, 2).await[1].contains("SECRET-unwanted"));

    let seen = capture.seen();
    for message in [
        "credentials refused",
        "authorization",
        "connection opened",
        "connection over",
        "a hub method failed",
        "call refused",
        "message not understood",
        "on_disconnected failed",
        "handshake refused",
        "connection refused by its hub",
        "authentication refreshed",
        "authentication refresh refused",
        "on_authentication_refresh failed",
    ] {
        assert!(!seen.events_of(message).is_empty(), "'{message}' is not in\n{}", seen.text);
    }
    assert_eq!(seen.events_of("a hub method failed").len(), 4);
    assert_eq!(seen.spans_of("InvocationIn").len(), 5);
    for secret in ["SECRET", &*forged, &*good, &*connection_token, &*refreshed_token, "negotiateVersion"] {
        assert!(!seen.text.contains(secret), "'{secret}' is in\n{}", seen.text);
    }
    // Nor parts of a token: its claims and its signature.
    for part in forged.split('.').chain(good.split('.')) {
        assert!(!seen.text.contains(part), "'{part}' is in\n{}", seen.text);
    }
}
