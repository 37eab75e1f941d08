//! A policy with a requirement that is its own handler: it looks at who calls, and at which method.
//!
//! `cargo run --example policy`, then in Node:
//!
//! ```js
//! import { HubConnectionBuilder } from "@microsoft/signalr";
//! const options = { headers: { "x-user": "ann@example.com" } };
//! const connection = new HubConnectionBuilder().withUrl("http://127.0.0.1:8080/chat", options).build();
//! await connection.start();
//! console.log(await connection.invoke("ViewUserHistory", "bob")); // the history of bob
//! ```
//!
//! `bob@elsewhere.org` may only send messages, and `asdf42@example.com` all but ban. A call that is not allowed fails with
//! `Failed to invoke 'BanUser' because user is unauthorized`; the connection stays. Without the header: 401.

use std::sync::Arc;

use actix_signalr::{
    AuthenticateResult, AuthenticationRequest, AuthenticationScheme, AuthenticationTicket,
    AuthorizationContext, AuthorizationHandler, ClaimsIdentity, HttpServerExt, HubCallerContext, HubResult,
    Outcome, Policy, Requirement, SignalR, claim_types, hub,
};
use actix_web::{App, HttpServer};
use futures::future::LocalBoxFuture;

struct ChatHub;

#[hub]
#[authorize]
impl ChatHub {
    async fn send_message(&self, ctx: HubCallerContext, message: String) -> HubResult {
        Ok(ctx.clients().all().send("ReceiveMessage", (ctx.user().name(), message)).await?)
    }

    #[authorize("DomainRestricted")]
    async fn ban_user(&self, _ctx: HubCallerContext, name: String) -> HubResult<String> {
        Ok(format!("{name} is banned"))
    }

    #[authorize("DomainRestricted")]
    async fn view_user_history(&self, _ctx: HubCallerContext, name: String) -> HubResult<String> {
        Ok(format!("the history of {name}"))
    }
}

/// Only people of one mail domain; one of them may not ban.
struct DomainRestricted {
    /// With its `@`, so that `ann@notexample.com` does not end in it.
    domain: &'static str,
}

impl Requirement for DomainRestricted {}

impl AuthorizationHandler<Self> for DomainRestricted {
    async fn handle(&self, context: &AuthorizationContext, requirement: &Self) -> Outcome {
        // No call where the hub itself is asked for: this requirement says nothing of that, which is a no.
        let (Some(name), Some(call)) = (context.user().name(), context.hub_invocation()) else {
            return Outcome::Abstain;
        };
        if name.ends_with(requirement.domain) && is_allowed_to(name, &call.method) {
            Outcome::Succeed
        } else {
            Outcome::Abstain
        }
    }
}

fn is_allowed_to(name: &str, method: &str) -> bool {
    !(name == "asdf42@example.com" && method == "BanUser")
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let signalr = SignalR::builder()
        .authentication(UserHeader)
        .policy("DomainRestricted", Policy::new().require(DomainRestricted { domain: "@example.com" }))
        .hub("/chat", ChatHub)
        .build()?;
    HttpServer::new(move || App::new().configure(signalr.routes()))
        .for_hubs()
        .bind(("127.0.0.1", 8080))?
        .run()
        .await
}

/// Believes whoever says who he is, so that this example is about authorization alone. `jwt.rs` does it rightly.
struct UserHeader;

impl AuthenticationScheme for UserHeader {
    fn name(&self) -> &str {
        "UserHeader"
    }

    fn authenticate<'a>(
        &'a self,
        request: &'a AuthenticationRequest<'a>,
    ) -> LocalBoxFuture<'a, AuthenticateResult> {
        Box::pin(async move {
            let header = request.http().headers().get("x-user");
            let Some(user) = header.and_then(|value| value.to_str().ok()) else {
                return AuthenticateResult::NoResult;
            };
            let identity = ClaimsIdentity::new("UserHeader")
                .claim(claim_types::NAME_IDENTIFIER, user)
                .claim(claim_types::NAME, user);
            AuthenticateResult::Success(AuthenticationTicket::new(Arc::new(identity.into()), self.name()))
        })
    }
}
