//! What a `#[hub]` block becomes, told to a stand-in of the runtime.

#![deny(warnings)]

// The default path, `::actix_signalr`, leads here.
extern crate self as actix_signalr;

#[allow(dead_code, missing_debug_implementations, missing_docs, unreachable_pub)]
#[allow(clippy::needless_pass_by_value, clippy::unwrap_used)]
mod stand_in;

#[allow(unused_imports, unreachable_pub)]
pub use stand_in::*;

use std::{
    pin::pin,
    task::{Context, Poll, Waker},
};

#[derive(Default)]
struct ChatHub {
    name: String,
}

#[hub]
#[authorize]
#[authorize("Staff", schemes = "Bearer")]
impl ChatHub {
    const LIMIT: usize = 3;

    async fn send_message(&self, _ctx: HubCallerContext, text: String) -> Result<(), SendError> {
        match text.len() > Self::LIMIT {
            true => Err(SendError),
            false => Ok(()),
        }
    }

    /// Documented, visible, renamed.
    #[hub_method(name = "exclude")]
    #[authorize("DomainRestricted")]
    #[authorize(roles = "Admin, Owner", policy = "Awake")]
    #[allow_anonymous]
    pub(crate) async fn ban_user(&self, _ctx: HubCallerContext, _user: String, _days: u32) -> HubResult<u32> {
        Ok(1)
    }

    #[allow(clippy::needless_arbitrary_self_type)]
    async fn r#type(self: &Self, _: HubCallerContext) -> HubStream<u32> {
        HubStream(Vec::new())
    }

    #[deprecated]
    async fn upload(&self, _ctx: HubCallerContext, mut items: ClientStream<String>) -> HubResult {
        items.0.clear();
        Ok(())
    }

    #[cfg(any())]
    async fn never(&self, _ctx: HubCallerContext, _what: NoSuchType) -> HubResult {
        Ok(())
    }

    async fn slogan(&self, _ctx: HubCallerContext) -> HubResult<&'static str> {
        Ok("hello")
    }

    async fn unnamed(&self, _ctx: HubCallerContext) -> HubResult<impl Sized + use<>> {
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
        _a12: Vec<Vec<String>>,
    ) -> HubResult {
        Ok(())
    }

    async fn on_connected(&self, _ctx: HubCallerContext) -> HubResult {
        Err(HubError(format!("{} connects", self.name)))
    }

    async fn on_disconnected(&self, _ctx: HubCallerContext, error: Option<HubError>) -> HubResult {
        error.map_or(Ok(()), Err)
    }
}

#[test]
fn the_runtime_is_told_everything_in_source_order() {
    assert_eq!(
        HubDescriptor::<ChatHub>::lines(),
        [
            "hub: authenticated",
            "hub: policy Staff with schemes Bearer",
            "SendMessage = send_message",
            "exclude = ban_user, policy DomainRestricted, policy Awake with roles Admin, Owner, anonymous",
            "Type = type",
            "Upload = upload",
            "Slogan = slogan",
            "Unnamed = unnamed",
            "Twelve = twelve",
        ]
    );
}

#[test]
fn connecting_and_disconnecting_reach_the_block() {
    let hub = ChatHub { name: "ann".to_owned() };
    let refused = now(Hub::on_connected(&hub, HubCallerContext));
    assert_eq!(refused, Err(HubError("ann connects".to_owned())));
    let error = HubError("gone".to_owned());
    assert_eq!(
        now(Hub::on_disconnected(&hub, HubCallerContext, Some(error))),
        Err(HubError("gone".to_owned()))
    );
}

#[test]
fn methods_can_still_be_called_directly() {
    let hub = ChatHub::default();
    assert!(now(hub.send_message(HubCallerContext, "hi".to_owned())).is_ok());
    assert!(now(hub.send_message(HubCallerContext, "hello".to_owned())).is_err());
}

mod elsewhere {
    use super::stand_in as runtime;

    pub(super) trait Store: Send + Sync + 'static {
        type Key;
    }

    impl Store for () {
        type Key = u32;
    }

    pub(super) struct StoreHub<S, const N: usize>(pub(super) S);

    /// Another path to the runtime, parameters of its own, attributes by their path, nothing imported.
    #[runtime::hub(crate = "super::stand_in")]
    #[super::stand_in::allow_anonymous]
    impl<S, const N: usize> StoreHub<S, N>
    where
        S: Store,
        S::Key: runtime::HubArgument<runtime::Value>,
    {
        async fn put(&self, _ctx: runtime::HubCallerContext, _key: S::Key) -> runtime::HubResult<usize> {
            let _ = &self.0;
            Ok(N)
        }
    }
}

#[test]
fn a_hub_may_have_type_parameters_and_the_runtime_another_path() {
    assert_eq!(HubDescriptor::<elsewhere::StoreHub<(), 3>>::lines(), ["hub: anonymous", "Put = put"]);
    let hub = elsewhere::StoreHub::<(), 3>(());
    assert!(now(Hub::on_connected(&hub, HubCallerContext)).is_ok());
}

struct SilentHub;

#[hub]
impl SilentHub {}

#[test]
fn a_hub_may_have_no_methods() {
    assert!(HubDescriptor::<SilentHub>::lines().is_empty());
    let _ = SilentHub;
}

macro_rules! declare {
    ($hub:ident, $method:ident, $argument:ty) => {
        struct $hub;

        #[hub]
        impl $hub {
            async fn $method(&self, _ctx: HubCallerContext, _argument: $argument) -> HubResult {
                Ok(())
            }

            async fn on_connected(&self, _ctx: HubCallerContext) -> HubResult {
                Ok(())
            }
        }
    };
}

declare!(Declared, inside_a_macro, Vec<u32>);
declare!(Other, again, String);

#[test]
fn a_block_may_come_from_another_macro() {
    assert_eq!(HubDescriptor::<Declared>::lines(), ["InsideAMacro = inside_a_macro"]);
    assert_eq!(HubDescriptor::<Other>::lines(), ["Again = again"]);
    let _ = (Declared, Other);
}

/// The output of a future that has nothing to wait for.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("the future waits"),
    }
}
