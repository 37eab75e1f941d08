//! Hubs written with `#[hub]`, served by the real actors.

#![deny(warnings)]

// The default path, `::actix_signalr`, leads here.
extern crate self as actix_signalr;

#[allow(unused_imports, unreachable_pub)]
#[doc(hidden)]
pub use {actix_signalr_actors::*, actix_signalr_macros::*};

use std::fmt;

use actix_signalr_actors::testing::{TestClient, TestHub, anonymous, user};
use futures::{StreamExt, stream};

#[derive(Default)]
struct ChatHub {
    name: String,
}

/// An error of the application's own.
#[derive(Debug)]
struct TooLong;

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("too long")
    }
}

impl std::error::Error for TooLong {}

#[hub]
#[authorize]
#[authorize("Staff", schemes = "Bearer")]
impl ChatHub {
    const LIMIT: usize = 3;

    async fn send_message(&self, _ctx: HubCallerContext, text: String) -> Result<usize, TooLong> {
        match text.len() > Self::LIMIT {
            true => Err(TooLong),
            false => Ok(text.len()),
        }
    }

    /// Documented, visible, renamed.
    #[hub_method(name = "exclude")]
    #[authorize("DomainRestricted")]
    #[authorize(roles = "Admin, Owner", policy = "Awake")]
    #[allow_anonymous]
    pub(crate) async fn ban_user(&self, _ctx: HubCallerContext, _user: String, days: u32) -> HubResult<u32> {
        Ok(days)
    }

    #[allow(clippy::needless_arbitrary_self_type)]
    async fn r#type(self: &Self, _: HubCallerContext) -> HubStream<u32> {
        HubStream::of(stream::iter(0..2))
    }

    async fn two_ways(
        &self,
        _ctx: HubCallerContext,
        mut items: ClientStream<String>,
        cancel: CancellationToken,
    ) -> HubResult<HubStream<u32>> {
        while let Some(item) = items.next().await {
            item?;
        }
        Ok(HubStream::of(stream::iter(0..2).take_until(cancel.cancelled_owned())))
    }

    #[deprecated]
    async fn old(&self, _ctx: HubCallerContext) -> HubResult {
        Ok(())
    }

    #[cfg(any())]
    async fn never(&self, _ctx: HubCallerContext, _what: NoSuchType) -> HubResult {
        Ok(())
    }

    async fn slogan(&self, _ctx: HubCallerContext) -> HubResult<&'static str> {
        Ok("hello")
    }

    async fn unnamed(&self, _ctx: HubCallerContext) -> HubResult<impl serde::Serialize + use<>> {
        Ok(self.name.clone())
    }

    #[allow(clippy::too_many_arguments)]
    async fn twelve(
        &self,
        _ctx: HubCallerContext,
        _a1: u32,
        _a2: u32,
        _a3: u32,
        _a4: u32,
        _a5: u32,
        _a6: u32,
        _a7: u32,
        _a8: u32,
        _a9: u32,
        _a10: u32,
        _a11: u32,
        a12: Vec<Vec<String>>,
    ) -> HubResult<usize> {
        Ok(a12.len())
    }

    async fn on_connected(&self, ctx: HubCallerContext) -> Result<(), SendError> {
        ctx.clients().caller().send("Welcome", (&self.name,)).await
    }

    async fn on_disconnected(&self, ctx: HubCallerContext, error: Option<HubError>) -> HubResult {
        ctx.clients().all().send("Left", (error.map(|err| err.to_string()),)).await?;
        Ok(())
    }

    async fn on_authentication_refreshed(&self, ctx: HubCallerContext) -> Result<(), SendError> {
        ctx.clients().caller().send("Refreshed", (&self.name,)).await
    }
}

/// A chat with all of its policies, and somebody who meets all of them but those that are left out.
async fn chat(without: &str) -> (TestHub<ChatHub>, TestClient) {
    let has = |claim: &str| Policy::new().require_claim(claim.to_owned());
    let policies = ["Staff", "DomainRestricted", "Awake"].map(|name| (name, has(name)));
    let hub = TestHub::with_policies(ChatHub { name: "ann's".to_owned() }, policies);
    let mut identity = ClaimsIdentity::new("Test");
    for claim in ["Staff", "DomainRestricted", "Awake"] {
        if claim != without {
            identity = identity.claim(claim, "yes");
        }
    }
    if without != "Owner" {
        identity = identity.claim(claim_types::ROLE, "Owner");
    }
    let client = hub.connect(identity).await;
    (hub, client)
}

#[actix::test]
async fn methods_are_called_by_their_names_on_the_wire() {
    let (_hub, ann) = chat("").await;
    assert_eq!(ann.invoke("SendMessage", ("hi",)).await, Ok(2));
    assert_eq!(ann.invoke("exclude", ("bob", 7)).await, Ok(7));
    assert_eq!(ann.invoke("Slogan", ()).await, Ok("hello".to_owned()));
    assert_eq!(ann.invoke("Unnamed", ()).await, Ok("ann's".to_owned()));
    assert_eq!(ann.invoke("Old", ()).await, Ok(()));
    let twelve = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, [["a"], ["b"]]);
    assert_eq!(ann.invoke("Twelve", twelve).await, Ok(2));
    for missing in
        ["BanUser", "Never", "OnConnected", "OnDisconnected", "OnAuthenticationRefreshed", "on_connected"]
    {
        let refused = ann.invoke::<()>(missing, ()).await.unwrap_err().to_string();
        assert!(refused.ends_with("Method does not exist."), "{missing}: {refused}");
    }
}

#[actix::test]
async fn the_hook_of_credentials_that_are_renewed_is_the_hubs() {
    let (hub, _) = chat("").await;
    let renewed = ["Staff", "DomainRestricted", "Awake"]
        .into_iter()
        .fold(ClaimsIdentity::new("Test").claim(claim_types::NAME_IDENTIFIER, "ann"), |identity, claim| {
            identity.claim(claim, "yes")
        });
    let ann = hub.connect(renewed.clone()).await;
    ann.refresh(renewed).await.unwrap();
    assert_eq!(ann.receive::<(String,)>("Refreshed").await.0, "ann's");
}

#[actix::test]
async fn an_error_of_any_kind_is_an_error_of_the_call() {
    let (_hub, ann) = chat("").await;
    let refused = ann.invoke::<usize>("SendMessage", ("hello",)).await.unwrap_err();
    assert_eq!(refused.to_string(), "An unexpected error occurred invoking 'SendMessage' on the server.");
}

#[actix::test]
async fn streams_go_both_ways() {
    let (_hub, ann) = chat("").await;
    assert_eq!(ann.receive::<(String,)>("Welcome").await.0, "ann's");
    ann.send_record(r#"{"type":4,"invocationId":"1","target":"Type","arguments":[]}"#).await;
    let items = [r#"{"type":2,"invocationId":"1","item":0}"#, r#"{"type":2,"invocationId":"1","item":1}"#];
    for item in items.into_iter().chain([r#"{"type":3,"invocationId":"1"}"#]) {
        assert_eq!(ann.next_record().await.as_deref(), Some(item));
    }
    let two_ways = r#"{"type":4,"invocationId":"2","target":"TwoWays","arguments":[],"streamIds":["s"]}"#;
    ann.send_record(two_ways).await;
    ann.send_record(r#"{"type":2,"invocationId":"s","item":"a"}"#).await;
    ann.send_record(r#"{"type":3,"invocationId":"s"}"#).await;
    assert_eq!(ann.next_record().await.as_deref(), Some(r#"{"type":2,"invocationId":"2","item":0}"#));
}

#[actix::test]
async fn everything_a_method_asks_for_has_to_be_met() {
    for missing in ["DomainRestricted", "Awake", "Owner"] {
        let (_hub, bob) = chat(missing).await;
        let refused = bob.invoke::<u32>("exclude", ("ann", 1)).await.unwrap_err().to_string();
        assert_eq!(refused, "Failed to invoke 'exclude' because user is unauthorized", "without {missing}");
        assert_eq!(bob.invoke("SendMessage", ("hi",)).await, Ok(2));
    }
}

#[actix::test]
async fn what_the_block_asks_for_is_asked_when_connecting() {
    let (hub, _ann) = chat("").await;
    assert!(hub.try_connect(anonymous()).await.is_err());
    assert!(hub.try_connect(user("bob")).await.is_err());
}

#[actix::test]
async fn connecting_and_disconnecting_reach_the_block() {
    let (hub, ann) = chat("").await;
    assert_eq!(ann.receive::<(String,)>("Welcome").await.0, "ann's");
    let bob = hub.connect(ClaimsIdentity::new("Test").claim("Staff", "yes")).await;
    bob.close().await;
    assert_eq!(ann.receive::<(Option<String>,)>("Left").await.0, None);
}

#[actix::test]
async fn an_error_when_connecting_refuses_the_connection() {
    struct ClosedHub;

    #[hub]
    impl ClosedHub {
        async fn on_connected(&self, _ctx: HubCallerContext) -> Result<(), TooLong> {
            Err(TooLong)
        }
    }

    let bob = TestHub::start(ClosedHub).connect(anonymous()).await;
    let error = bob.disconnected().await.error.unwrap();
    assert!(error.starts_with("Connection closed with an error."), "{error}");
}

mod elsewhere {
    pub(super) mod runtime {
        pub(crate) use super::super::*;
    }

    pub(super) trait Store: Send + Sync + 'static {
        type Key;
    }

    impl Store for () {
        type Key = u32;
    }

    pub(super) struct StoreHub<S, const N: usize>(pub(super) S);

    /// Another path to the runtime, parameters of its own, attributes by their path, nothing imported.
    #[runtime::hub(crate = "runtime")]
    #[runtime::allow_anonymous]
    impl<S, const N: usize> StoreHub<S, N>
    where
        S: Store,
        S::Key: serde::de::DeserializeOwned + Send + 'static,
    {
        async fn put(&self, _ctx: runtime::HubCallerContext, _key: S::Key) -> runtime::HubResult<usize> {
            let _ = &self.0;
            Ok(N)
        }
    }
}

#[actix::test]
async fn a_hub_may_have_type_parameters_and_the_runtime_another_path() {
    let bob = TestHub::start(elsewhere::StoreHub::<(), 3>(())).connect(anonymous()).await;
    assert_eq!(bob.invoke("Put", (1,)).await, Ok(3));
    assert!(bob.invoke::<usize>("Put", ("one",)).await.is_err());
}

#[actix::test]
async fn a_hub_may_have_no_methods() {
    struct SilentHub;

    #[hub]
    impl SilentHub {}

    let bob = TestHub::start(SilentHub).connect(anonymous()).await;
    assert_eq!(bob.close().await.error, None);
}

macro_rules! declare {
    ($hub:ident, $method:ident, $argument:ty) => {
        struct $hub;

        #[hub]
        impl $hub {
            async fn $method(&self, _ctx: HubCallerContext, argument: $argument) -> HubResult<usize> {
                Ok(argument.len())
            }

            async fn on_connected(&self, _ctx: HubCallerContext) -> HubResult {
                Ok(())
            }
        }
    };
}

declare!(Declared, inside_a_macro, Vec<u32>);
declare!(Other, again, String);

#[actix::test]
async fn a_block_may_come_from_another_macro() {
    let bob = TestHub::start(Declared).connect(anonymous()).await;
    assert_eq!(bob.invoke("InsideAMacro", ([1, 2],)).await, Ok(2));
    let bob = TestHub::start(Other).connect(anonymous()).await;
    assert_eq!(bob.invoke("Again", ("abc",)).await, Ok(3));
}
