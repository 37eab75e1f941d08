//! A hub with six clients, spread over its workers.

use actix_signalr_actors::{
    Hub, HubCallerContext, HubContext, HubDescriptor, SendError,
    testing::{TestClient, TestHub, user},
};

/// Six clients of three users: ann, bob and cid, and then the same again; neighbours are on different workers.
pub(crate) struct Town {
    hub: TestHub<Square>,
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
    }
}

impl Town {
    pub(crate) async fn of(workers: usize) -> Self {
        let hub = TestHub::builder(Square).workers(workers).start();
        let mut clients = Vec::new();
        // Not as many as there are workers in a row, so that the connections of a user are on different ones.
        for (at, name) in ["ann", "bob", "cid", "ann", "bob", "cid"].into_iter().enumerate() {
            let client = hub.client(user(name)).on_worker(at + at / 3).connect().await;
            // It is in the registry when it has been answered.
            let _ = client.invoke::<()>("Count", (0,)).await;
            clients.push(client);
        }
        Self { hub, clients }
    }

    pub(crate) fn context(&self) -> HubContext<Square> {
        self.hub.context()
    }

    pub(crate) fn id(&self, at: usize) -> &str {
        self.clients[at].connection_id()
    }

    /// How often each client has heard something since the last time: nothing is on its way any more when a message
    /// that was sent last has come.
    pub(crate) async fn heard(&self) -> Vec<usize> {
        self.context().clients().all().send("Last", ()).await.expect("everybody can be reached");
        let mut heard = Vec::new();
        for client in &self.clients {
            client.receive::<()>("Last").await;
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
            self.context().groups().add(self.id(*at), name).await.expect("the workers are there");
        }
    }
}
