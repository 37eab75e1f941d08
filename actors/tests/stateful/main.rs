//! Connections that outlive their transports.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "tests may fail loudly, and so may what they are made of"
)]

mod client;
mod cuts;
mod rules;
mod time;

use std::sync::Arc;

use actix_signalr_actors::{
    DefaultUserIdProvider, Hub, HubCallerContext, HubDescriptor, HubError, HubOptions, HubResult, HubRuntime,
    HubServer, HubStream, Policies, SendError,
};
use futures::{StreamExt, stream};
use parking_lot::Mutex;

/// Remembers what it was told, in its order.
#[derive(Clone, Default)]
struct Diary(Arc<Mutex<Vec<String>>>);

impl Diary {
    fn note(&self, text: impl Into<String>) {
        self.0.lock().push(text.into());
    }

    fn read(&self) -> Vec<String> {
        self.0.lock().clone()
    }
}

struct Parrot {
    diary: Diary,
}

impl Parrot {
    async fn echo(&self, _ctx: HubCallerContext, text: String) -> HubResult<String> {
        self.diary.note(&text);
        Ok(text)
    }

    async fn say(&self, ctx: HubCallerContext, text: String) -> Result<(), SendError> {
        self.diary.note(&text);
        ctx.clients().caller().send("Said", (text,)).await
    }

    async fn count(&self, _ctx: HubCallerContext, to: u32, width: usize) -> HubStream<String> {
        HubStream::of(stream::iter(0..to).map(move |number| format!("{number:0>width$}")))
    }

    async fn path(&self, ctx: HubCallerContext) -> HubResult<String> {
        Ok(ctx.request().path().to_owned())
    }

    async fn abort(&self, ctx: HubCallerContext) -> HubResult {
        ctx.abort();
        Ok(())
    }
}

impl Hub for Parrot {
    fn describe(hub: &mut HubDescriptor<Self>) {
        hub.method("Echo", Self::echo);
        hub.method("Say", Self::say);
        hub.method("Count", Self::count);
        hub.method("Path", Self::path);
        hub.method("Abort", Self::abort);
    }

    async fn on_connected(&self, _ctx: HubCallerContext) -> HubResult {
        self.diary.note("connected");
        Ok(())
    }

    async fn on_disconnected(&self, _ctx: HubCallerContext, error: Option<HubError>) -> HubResult {
        self.diary
            .note(error.map_or_else(|| "disconnected".to_owned(), |err| format!("disconnected: {err}")));
        Ok(())
    }
}

fn start(options: HubOptions) -> (Arc<HubRuntime>, Diary) {
    let diary = Diary::default();
    let hub = Parrot { diary: diary.clone() };
    let server = HubServer::new(hub, options, &Policies::default(), Arc::new(DefaultUserIdProvider)).unwrap();
    (server.start(), diary)
}
