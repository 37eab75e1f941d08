//! Credentials of living connections that are replaced, over HTTP: who may, what is answered, and what has changed then.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "tests may fail loudly, and so may what they are made of"
)]

mod callback;
mod http;
mod polls;
mod requests;

use std::time::Duration;

use actix_signalr::{
    AuthorizeData, ClaimsPrincipal, HttpConnectionOptions, Hub, HubCallerContext, HubDescriptor, HubOptions,
    HubResult, HubRoutes, SignalR, SignalRBuilder, claim_types,
};

use crate::http::{Server, Told};

/// Says who calls, and tells of each refresh.
struct WhoHub;

impl WhoHub {
    async fn role(&self, ctx: HubCallerContext) -> HubResult<String> {
        Ok(role(&ctx))
    }

    async fn user_id(&self, ctx: HubCallerContext) -> HubResult<Option<String>> {
        Ok(ctx.user_id().map(str::to_owned))
    }
}

fn role(ctx: &HubCallerContext) -> String {
    ctx.user().find_first(claim_types::ROLE).unwrap_or("none").to_owned()
}

impl Hub for WhoHub {
    fn describe(hub: &mut HubDescriptor<Self>) {
        hub.method("Role", Self::role);
        hub.method("UserId", Self::user_id);
        hub.method("Admin", Self::role).authorize(AuthorizeData::roles("admin"));
    }

    async fn on_authentication_refreshed(&self, ctx: HubCallerContext) -> HubResult {
        Ok(ctx.clients().caller().send("Refreshed", (role(&ctx),)).await?)
    }
}

/// A server whose users are known by their mail address, or else by their subject.
fn builder() -> SignalRBuilder {
    SignalR::builder().authentication(Told).user_id_provider(|user: &ClaimsPrincipal| {
        let id = user.find_first(claim_types::EMAIL).or(user.find_first(claim_types::NAME_IDENTIFIER));
        id.map(str::to_owned)
    })
}

/// Its routes: `/hub` for users, `/open` for everybody, `/off` without refreshes, `/short` with a maximum of a minute.
fn start() -> Server {
    let refreshing = || HttpConnectionOptions::default().enable_authentication_refresh(true);
    let for_users = || refreshing().authorize(AuthorizeData::authenticated());
    let routes = HubRoutes::new(WhoHub)
        .route("/hub", for_users())
        .route("/open", refreshing())
        .route("/off", HttpConnectionOptions::default().authorize(AuthorizeData::authenticated()))
        .route("/short", for_users().maximum_authentication_expiration(Duration::from_secs(60)));
    Server::start(builder().hub_routes(routes).build().unwrap())
}

/// A server whose one route asks the application.
fn start_asking(options: HttpConnectionOptions, patience: Duration) -> Server {
    let options = options.enable_authentication_refresh(true);
    let hub = HubOptions::default().authorization_timeout(patience);
    let routes = HubRoutes::new(WhoHub).options(hub).route("/hub", options);
    Server::start(builder().hub_routes(routes).build().unwrap())
}
