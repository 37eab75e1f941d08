//! Demands that nobody can meet, or that mean something else where they stand: errors of `build`, each with a text that says
//! what to change, and none of them left to the first call.

#![allow(clippy::unwrap_used, reason = "tests may fail loudly")]

use actix_signalr::{
    AuthorizationContext, AuthorizeData, CookieAuthentication, GroupDemands, HttpConnectionOptions, Hub,
    HubCallerContext, HubDescriptor, HubInvocation, HubResult, HubRoutes, KeyRing, Outcome, Policy,
    Requirement, ResourceHandler, SignalR, SignalRBuilder, hub,
};

struct Plain;

impl Plain {
    async fn echo(&self, _ctx: HubCallerContext, text: String) -> HubResult<String> {
        Ok(text)
    }
}

impl Hub for Plain {
    fn describe(hub: &mut HubDescriptor<Self>) {
        hub.method("Echo", Self::echo);
    }
}

struct Administrators;

#[hub]
#[authorize]
impl Administrators {
    #[authorize("Administrators")]
    async fn ban(&self, _ctx: HubCallerContext) -> HubResult {
        Ok(())
    }
}

struct OpenByScheme;

#[hub]
#[authorize(schemes = "Nowhere")]
#[allow_anonymous]
impl OpenByScheme {}

/// Of calls alone.
struct NotEcho;

impl Requirement for NotEcho {}

impl ResourceHandler<Self, HubInvocation> for NotEcho {
    async fn handle(&self, _: &AuthorizationContext, _: &Self, call: &HubInvocation) -> Outcome {
        if call.method == "Echo" { Outcome::Abstain } else { Outcome::Succeed }
    }
}

fn builder() -> SignalRBuilder {
    SignalR::builder()
        .authentication(CookieAuthentication::new(KeyRing::new([3; 32])))
        .policy("NotEcho", Policy::new().require_on(NotEcho))
        .policy("Known", Policy::new().require_authenticated_user())
}

fn error(builder: SignalRBuilder) -> String {
    builder.build().err().map(|err| err.to_string()).unwrap_or_default()
}

fn demanding(demand: AuthorizeData) -> SignalRBuilder {
    let routes = HubRoutes::new(Plain).route("/plain", HttpConnectionOptions::default());
    builder().hub_routes(routes.require_authorization(demand))
}

#[test]
fn every_misuse_is_found_when_the_server_is_built() {
    let on_route = |demand| {
        let options = HttpConnectionOptions::default().authorize(demand);
        builder().hub_routes(HubRoutes::new(Plain).route("/plain", options))
    };
    let groups = |demand| {
        let routes = HubRoutes::new(Plain).route("/plain", HttpConnectionOptions::default());
        builder().hub_routes(routes.groups(GroupDemands::new().groups_with_prefix("x/", demand)))
    };
    let unknown = "the authorization policy 'Nobody' is not defined";
    let other = "is one of resources of the type actix_signalr_actors";
    for (misuse, expected) in [
        (error(demanding(AuthorizeData::policy("Nobody"))), unknown),
        (error(on_route(AuthorizeData::policy("Nobody"))), unknown),
        (error(groups(AuthorizeData::policy("Nobody"))), unknown),
        (
            error(builder().hub("/admin", Administrators)),
            "the authorization policy 'Administrators' is not defined",
        ),
        (error(demanding(AuthorizeData::policy(" "))), "the authorization policy ' ' is not defined"),
        (error(demanding(AuthorizeData::roles(""))), "roles are demanded, but none is named"),
        (error(demanding(AuthorizeData::roles(" , "))), "roles are demanded, but none is named"),
        (
            error(builder().policy("Empty", Policy::new())),
            "the authorization policy 'Empty' requires nothing",
        ),
        (
            error(builder().policy("Roles", Policy::new().require_role([""; 0]))),
            "roles are demanded, but none is named",
        ),
        (
            error(demanding(AuthorizeData::authenticated()).default_policy(Policy::new())),
            "'default' requires nothing",
        ),
        (error(builder().fallback_policy(Policy::new())), "'fallback' requires nothing"),
        (error(demanding(AuthorizeData::policy("NotEcho"))), other),
        (error(on_route(AuthorizeData::policy("NotEcho"))), other),
        (error(groups(AuthorizeData::policy("NotEcho"))), other),
        (
            error(demanding(AuthorizeData::authenticated().with_schemes("Bearer"))),
            "demands the authentication scheme 'Bearer', which does not exist",
        ),
        (
            error(
                builder().policy("S", Policy::new().require_user_name("a").schemes(["cookies"])).hub_routes(
                    HubRoutes::new(Plain).route(
                        "/plain",
                        HttpConnectionOptions::default().authorize(AuthorizeData::policy("S")),
                    ),
                ),
            ),
            "demands the authentication scheme 'cookies', which does not exist",
        ),
        (
            error(builder().hub("/open", OpenByScheme)),
            "demands the authentication scheme 'Nowhere', which does not exist",
        ),
        (
            error(
                SignalR::builder()
                    .policy("Administrators", Policy::new().require_role(["A"]))
                    .hub("/admin", Administrators),
            ),
            "is only for some, but the server has no authentication scheme",
        ),
        (error(builder().default_scheme("Bearer")), "Bearer"),
    ] {
        assert!(misuse.contains(expected), "'{misuse}' is not '{expected}'");
    }
    assert!(demanding(AuthorizeData::policy("known")).build().is_ok());
}

#[test]
fn a_route_that_is_no_hub_finds_the_same_misuse_when_it_is_guarded() {
    let signalr = builder().build().unwrap();
    let error =
        |demand| signalr.require_authorization(demand).err().map(|err| err.to_string()).unwrap_or_default();
    for (demand, expected) in [
        (AuthorizeData::policy("Nobody"), "the authorization policy 'Nobody' is not defined"),
        (AuthorizeData::roles(","), "roles are demanded, but none is named"),
        (AuthorizeData::policy("NotEcho"), "never holds here"),
        (
            AuthorizeData::authenticated().with_schemes("Bearer"),
            "demands the authentication scheme 'Bearer', which does not exist",
        ),
    ] {
        let misuse = error(demand);
        assert!(misuse.contains(expected), "'{misuse}' is not '{expected}'");
    }
    let nobody = SignalR::builder().build().unwrap();
    let refused =
        nobody.require_authorization(AuthorizeData::authenticated()).err().map(|err| err.to_string());
    assert!(refused.is_some_and(|text| text.contains("no authentication scheme")));
}
