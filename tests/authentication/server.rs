//! A server with two hubs for users and an open one, and tokens and requests for it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use actix_signalr::{
    AuthorizeData, HttpConnectionOptions, Hub, HubCallerContext, HubDescriptor, HubResult, HubRoutes,
    JwtBearer, SignalR, SignalRBuilder,
};
use actix_web::{http::header::AUTHORIZATION, test::TestRequest};
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::json;

/// Says who calls.
pub(crate) struct Members;

impl Members {
    async fn who(&self, ctx: HubCallerContext) -> HubResult<String> {
        Ok(ctx.user_id().unwrap_or("nobody").to_owned())
    }

    async fn rule(&self, ctx: HubCallerContext) -> HubResult<bool> {
        Ok(ctx.user().is_in_role("king"))
    }
}

impl Hub for Members {
    fn describe(hub: &mut HubDescriptor<Self>) {
        hub.method("Who", Self::who);
        hub.method("Rule", Self::rule).authorize(AuthorizeData::roles("king"));
    }
}

/// For users, at `/members` and at `/others`; at `/open` for everybody.
pub(crate) fn routes(options: HttpConnectionOptions) -> HubRoutes<Members> {
    let members = options.clone().authorize(AuthorizeData::default());
    HubRoutes::new(Members)
        .route("/members", members.clone())
        .route("/others", members)
        .route("/open", options)
}

pub(crate) fn builder() -> SignalRBuilder {
    SignalR::builder().authentication(bearer())
}

pub(crate) fn server() -> SignalR {
    builder().hub_routes(routes(HttpConnectionOptions::default())).build().unwrap()
}

pub(crate) fn bearer() -> JwtBearer {
    JwtBearer::hs256(KEY).issuer("issuer").audience("audience")
}

/// A token that is good for ten minutes.
pub(crate) fn token_of(user: &str) -> String {
    token(user, now() + Duration::from_secs(600), None)
}

pub(crate) fn token(user: &str, expires: Duration, role: Option<&str>) -> String {
    let mut claims = json!({ "sub": user, "iss": "issuer", "aud": "audience", "exp": expires.as_secs() });
    if let Some(role) = role {
        claims["role"] = role.into();
    }
    encode(&Header::default(), &claims, &EncodingKey::from_secret(KEY)).unwrap()
}

/// Since 1970.
pub(crate) fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap()
}

pub(crate) fn with_token(request: TestRequest, token: &str) -> TestRequest {
    request.insert_header((AUTHORIZATION, format!("Bearer {token}")))
}

/// The request of a WebSocket.
pub(crate) fn web_socket(uri: &str) -> TestRequest {
    TestRequest::get()
        .uri(uri)
        .insert_header(("connection", "Upgrade"))
        .insert_header(("upgrade", "websocket"))
        .insert_header(("sec-websocket-version", "13"))
        .insert_header(("sec-websocket-key", "AAAAAAAAAAAAAAAAAAAAAA=="))
}

pub(crate) fn events(uri: &str) -> TestRequest {
    TestRequest::get().uri(uri).insert_header(("accept", "text/event-stream"))
}

pub(crate) const WHO: &str = r#"{"type":1,"invocationId":"1","target":"Who","arguments":[]}"#;

const KEY: &[u8] = b"a key that is used by nothing but this very test";
