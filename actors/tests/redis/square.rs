//! Servers with a hub, on one Redis.

use std::{sync::Arc, time::Duration};

use actix_rt::time::{sleep, timeout};
use actix_signalr_actors::{
    Hub, HubCallerContext, HubContext, HubDescriptor, HubOptions, HubResult, SendError,
    backplane::{Backplane, BackplaneCounts, Loss, Receiver, RedisBackplane, RedisBackplaneBuilder},
    testing::{TestClient, TestHub, user},
};
use bytes::Bytes;

/// Who is subscribed, and does not mind what comes.
pub(crate) struct Nobody;

impl Receiver for Nobody {
    fn receive(&self, _: Bytes) {}
}

/// The hub.
pub(crate) struct Square;

impl Square {
    async fn say(&self, ctx: HubCallerContext, text: String) -> Result<(), SendError> {
        ctx.clients().all().send("Heard", (text,)).await
    }

    async fn join(&self, ctx: HubCallerContext, group: String) -> Result<(), SendError> {
        ctx.groups().add(ctx.connection_id(), group).await
    }

    async fn leave(&self, ctx: HubCallerContext, group: String) -> Result<(), SendError> {
        ctx.groups().remove(ctx.connection_id(), group).await
    }

    async fn say_to(&self, ctx: HubCallerContext, group: String, text: String) -> Result<(), SendError> {
        ctx.clients().group(group).send("Heard", (text,)).await
    }

    async fn ask(&self, ctx: HubCallerContext, id: String) -> HubResult<String> {
        ctx.clients().client(id).invoke("WhoAreYou", ()).await
    }

    async fn echo(&self, _ctx: HubCallerContext, text: String) -> HubResult<String> {
        Ok(text)
    }
}

impl Hub for Square {
    fn describe(hub: &mut HubDescriptor<Self>) {
        hub.method("Say", Self::say);
        hub.method("Join", Self::join);
        hub.method("Leave", Self::leave);
        hub.method("SayTo", Self::say_to);
        hub.method("Ask", Self::ask);
        hub.method("Echo", Self::echo);
    }
}

/// One server, and its backplane.
pub(crate) struct Server {
    hub: TestHub<Square>,
    backplane: Arc<RedisBackplane>,
}

impl Server {
    pub(crate) fn start(url: &str) -> Self {
        Self::with(RedisBackplane::builder(url))
    }

    pub(crate) fn with(builder: RedisBackplaneBuilder) -> Self {
        Self::named(builder, "Town.Square")
    }

    pub(crate) fn named(builder: RedisBackplaneBuilder, name: &'static str) -> Self {
        Self::on(Arc::new(builder.build().expect("it is a URL")), name)
    }

    /// One that shares its backplane with others, which have other names.
    pub(crate) fn on(backplane: Arc<RedisBackplane>, name: &'static str) -> Self {
        let options = HubOptions::default().backplane_hub_name(name);
        let hub = TestHub::builder(Square).options(options).workers(1).backplane(backplane.clone()).start();
        Self { hub, backplane }
    }

    /// Connects somebody; he is reached from everywhere when this returns, if Redis is there.
    pub(crate) async fn connect(&self, name: &str) -> TestClient {
        let client = self.hub.connect(user(name)).await;
        assert_eq!(client.invoke("Echo", ("ready",)).await, Ok("ready".to_owned()));
        client
    }

    pub(crate) fn context(&self) -> HubContext<Square> {
        self.hub.context()
    }

    pub(crate) fn counts(&self) -> &BackplaneCounts {
        self.backplane.counts()
    }

    /// How many messages are lost that were sent here.
    pub(crate) fn lost(&self) -> u64 {
        [Loss::Unsent, Loss::Overflow, Loss::Unconfirmed, Loss::Refused]
            .into_iter()
            .map(|loss| self.counts().losses(loss))
            .sum()
    }

    pub(crate) async fn linked(&self) {
        until("there is a link", || self.counts().is_connected()).await;
    }

    pub(crate) async fn cut(&self) {
        until("there is no link", || !self.counts().is_connected()).await;
    }
}

/// Waits until something is so.
pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let waiting = async {
        while !is_so() {
            sleep(Duration::from_millis(2)).await;
        }
    };
    assert!(timeout(LIMIT, waiting).await.is_ok(), "{what}");
}

/// Ample: a machine may be busy with other tests.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);
