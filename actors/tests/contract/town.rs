//! A hub with six clients, spread over its workers and servers.

use std::sync::Arc;

use actix_signalr_actors::{
    Hub, HubCallerContext, HubContext, HubDescriptor, HubResult, SendError,
    backplane::Backplane,
    testing::{TestClient, TestHub, user},
};

/// Six clients of three users: ann, bob and cid, and then the same again; neighbours are on different servers, or workers.
pub(crate) struct Town {
    servers: Vec<TestHub<Square>>,
    /// Whether there may be others.
    pub(crate) has_backplane: bool,
    pub(crate) clients: Vec<TestClient>,
}

/// The hub of the town.
pub(crate) struct Square;

impl Square {
    async fn call_others(&self, ctx: HubCallerContext) -> Result<(), SendError> {
        ctx.clients().others().send("Heard", ("others",)).await
    }

    async fn call_group(&self, ctx: HubCallerContext, group: String) -> Result<(), SendError> {
        ctx.clients().others_in_group(group).send("Heard", ("group",)).await
    }

    async fn add(&self, ctx: HubCallerContext, id: String, group: String) -> Result<(), SendError> {
        ctx.groups().add(id, group).await
    }

    async fn remove(&self, ctx: HubCallerContext, id: String, group: String) -> Result<(), SendError> {
        ctx.groups().remove(id, group).await
    }

    async fn count(&self, ctx: HubCallerContext, last: u32) -> Result<(), SendError> {
        for number in 0..last {
            ctx.clients().all().send("Number", (number,)).await?;
        }
        Ok(())
    }

    async fn ask(&self, ctx: HubCallerContext, id: String) -> HubResult<String> {
        ctx.clients().client(id).invoke("WhoAreYou", ()).await
    }

    /// To everybody, by every kind of target in turn.
    async fn count_by_all_ways(&self, ctx: HubCallerContext, ids: Vec<String>, last: u32) -> HubResult {
        let clients = ctx.clients();
        for number in (0..last).step_by(5) {
            clients.all().send("Number", (number,)).await?;
            for id in &ids {
                clients.client(id).send("Number", (number + 1,)).await?;
            }
            clients.group("everybody").send("Number", (number + 2,)).await?;
            clients.users(["ann", "bob", "cid"]).send("Number", (number + 3,)).await?;
            clients.all_except(["nobody"]).send("Number", (number + 4,)).await?;
        }
        Ok(())
    }

    async fn count_for_me(&self, ctx: HubCallerContext, last: u32) -> Result<(), SendError> {
        for number in 0..last {
            ctx.clients().caller().send("Number", (number,)).await?;
        }
        Ok(())
    }
}

impl Hub for Square {
    fn describe(hub: &mut HubDescriptor<Self>) {
        hub.method("CallOthers", Self::call_others);
        hub.method("CallGroup", Self::call_group);
        hub.method("Add", Self::add);
        hub.method("Remove", Self::remove);
        hub.method("Count", Self::count);
        hub.method("CountForMe", Self::count_for_me);
        hub.method("Ask", Self::ask);
        hub.method("CountByAllWays", Self::count_by_all_ways);
    }
}

impl Town {
    /// One server without a backplane.
    pub(crate) async fn of(workers: usize) -> Self {
        Self::with(vec![TestHub::builder(Square).workers(workers).start()], false).await
    }

    /// As many servers as there are backplanes.
    pub(crate) async fn on(backplanes: impl IntoIterator<Item = Arc<dyn Backplane>>, workers: usize) -> Self {
        let server = |backplane| TestHub::builder(Square).workers(workers).backplane(backplane).start();
        Self::with(backplanes.into_iter().map(server).collect(), true).await
    }

    async fn with(servers: Vec<TestHub<Square>>, has_backplane: bool) -> Self {
        let mut clients = Vec::new();
        // Not as many as there are places in a row, so that the connections of a user are at different ones.
        for (at, name) in ["ann", "bob", "cid", "ann", "bob", "cid"].into_iter().enumerate() {
            let place = at + at / 3;
            let server = &servers[place % servers.len()];
            let client = server.client(user(name)).on_worker(place / servers.len()).connect().await;
            // It is in the registry when it has been answered.
            let _ = client.invoke::<()>("Count", (0,)).await;
            clients.push(client);
        }
        Self { servers, has_backplane, clients }
    }

    pub(crate) fn context(&self) -> HubContext<Square> {
        self.servers[0].context()
    }

    pub(crate) async fn connection_count(&self) -> usize {
        let mut count = 0;
        for server in &self.servers {
            count += server.context().connection_count().await;
        }
        count
    }

    pub(crate) fn id(&self, at: usize) -> &str {
        self.clients[at].connection_id()
    }

    /// How often each client has heard something since the last time: nothing is on its way any more when a message
    /// that was sent last has come.
    pub(crate) async fn heard(&self) -> Vec<usize> {
        for server in &self.servers {
            assert!(server.context().clients().all().send("Last", ()).await.is_ok());
        }
        let mut heard = Vec::new();
        for client in &self.clients {
            // One sender's messages keep their order, and say nothing of another's.
            for _ in &self.servers {
                client.receive::<()>("Last").await;
            }
            let mut count = 0;
            while client.has_received("Heard") {
                client.receive::<(String,)>("Heard").await;
                count += 1;
            }
            heard.push(count);
        }
        heard
    }

    /// Puts clients into a group, from outside.
    pub(crate) async fn group(&self, name: &str, members: &[usize]) {
        for at in members {
            assert!(self.context().groups().add(self.id(*at), name).await.is_ok());
        }
    }
}
