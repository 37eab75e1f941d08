//! What a connection does when somebody takes rights away, or asks whether they still hold.

use std::sync::Arc;

use actix::{fut::wrap_future, prelude::*};
use futures::channel::oneshot;

use crate::{
    AuthorizationContext, GroupName,
    authorization::{Authorize, Policy},
    connection::{ConnectionActor, actor::Stage, end::End, hub_runtime::HubRuntime},
    context::Connection,
    registry::{Act, Command, JoinGroup, LeaveGroup, Order},
    revocation::ConnectionSelector,
};

impl ConnectionActor {
    /// Carries out an order, if this connection is meant.
    pub(super) fn obey(&mut self, command: Command, ctx: &mut Context<Self>) {
        let Command { order, groups, ended } = command;
        let connection = &self.connection;
        let user_id = connection.user_id().map(|id| &**id);
        if !order.selector.means(connection.id(), user_id, &connection.user()) {
            return;
        }
        match &order.act {
            Act::End | Act::Revoke(_) => self.end_for(ended, ctx),
            Act::EndIfOlder(than) if connection.age() < *than => self.end_for(ended, ctx),
            // It began at the same time and looked for older ones before this one could be found there.
            Act::EndIfOlder(than) if *than < connection.age() => {
                self.end_older(ConnectionSelector::connection(&than.id));
            }
            Act::EndIfOlder(_) | Act::Reinstate => {}
            Act::Reauthorize => self.reauthorize(groups, ended, ctx),
            Act::RecheckGroups => self.recheck(groups, ended, ctx),
        }
    }

    /// Ends without asking the client to come back; who has ordered it hears when it is over.
    fn end_for(&mut self, ended: oneshot::Sender<()>, ctx: &mut Context<Self>) {
        tracing::debug!(connection_id = &**self.connection.id(), "connection ended by order");
        self.farewells.push(ended);
        self.end(End::default(), ctx);
    }

    fn reauthorize(&mut self, groups: Vec<Arc<str>>, ended: oneshot::Sender<()>, ctx: &mut Context<Self>) {
        if let Stage::Connecting(source) | Stage::Open(source) = &self.stage {
            source.decisions.clear();
        }
        let (runtime, connection) = (self.runtime.clone(), self.connection.clone());
        let policy = self.policy.clone();
        let asked = wrap_future::<_, Self>(async move {
            match policy {
                Some(policy) => {
                    let request = connection.request();
                    let context = AuthorizationContext::for_request(connection.user(), request);
                    ask(&runtime, policy, context).await
                }
                None => true,
            }
        });
        ctx.spawn(asked.map(|may_stay, this, ctx| {
            if may_stay { this.recheck(groups, ended, ctx) } else { this.end_for(ended, ctx) }
        }));
    }

    /// Leaves those of the guarded groups whose demand is not met any more; who has ordered it hears by the end of `waiting`.
    fn recheck(&self, groups: Vec<Arc<str>>, waiting: oneshot::Sender<()>, ctx: &mut Context<Self>) {
        if groups.is_empty() {
            return;
        }
        let (runtime, connection) = (self.runtime.clone(), self.connection.clone());
        ctx.spawn(wrap_future(async move {
            for group in groups {
                if !may_join(&runtime, &connection, &group).await
                    && let Some(registry) = runtime.registry.local()
                {
                    tracing::debug!(connection_id = &**connection.id(), "left a guarded group");
                    let left = registry.send(LeaveGroup(connection.id().clone(), group)).await;
                    if let Ok(Some(standing)) = left {
                        standing.stands().await;
                    }
                }
            }
            drop(waiting);
        }));
    }

    /// Joins a guarded group, if the user meets its demands; says whether he does.
    pub(super) fn join_guarded(
        &self,
        group: Arc<str>,
        joined: oneshot::Sender<bool>,
        ctx: &mut Context<Self>,
    ) {
        if matches!(self.stage, Stage::Handshake | Stage::Ending) {
            return;
        }
        let (runtime, connection) = (self.runtime.clone(), self.connection.clone());
        ctx.spawn(wrap_future(async move {
            let may = may_join(&runtime, &connection, &group).await;
            if may && let Some(registry) = runtime.registry.local() {
                let joined = registry.send(JoinGroup(connection.id().clone(), group)).await;
                if let Ok(Some(standing)) = joined {
                    standing.stands().await;
                }
            }
            // Who has asked may be gone.
            let _ = joined.send(may);
        }));
    }

    /// The principal has been replaced: what it may be in is looked at again.
    pub(super) fn principal_replaced(&self) {
        if self.runtime.groups.iter().next().is_none() {
            return;
        }
        let selector = ConnectionSelector::connection(self.connection.id());
        let order = Arc::new(Order { selector, act: Act::RecheckGroups });
        let registry = self.runtime.registry.clone();
        actix_rt::spawn(async move {
            registry.carry_here(order).await;
        });
    }

    /// Ends the older connections of the same user.
    pub(super) fn end_older_of_user(&self) {
        if let Some(user_id) = self.connection.user_id() {
            self.end_older(ConnectionSelector::user(user_id));
        }
    }

    fn end_older(&self, selector: ConnectionSelector) {
        let act = Act::EndIfOlder(self.connection.age());
        let order = Arc::new(Order { selector, act });
        let registry = self.runtime.registry.clone();
        actix_rt::spawn(async move {
            if registry.carry(order).await.is_incomplete {
                tracing::warn!("older connections of a user may not have ended");
            }
        });
    }

    /// Whether a revocation keeps the client out.
    pub(super) fn is_revoked(&self) -> bool {
        let connection = &self.connection;
        let user_id = connection.user_id().map(|id| &**id);
        let revocations = self.runtime.registry.revocations();
        revocations.hold(Some(connection.id()), user_id, &connection.user(), std::time::Instant::now())
    }
}

async fn may_join(runtime: &HubRuntime, connection: &Connection, group: &Arc<str>) -> bool {
    for policy in runtime.groups.of(group) {
        let context = AuthorizationContext::for_resource(connection.user(), GroupName::new(group.clone()));
        if !ask(runtime, policy, context).await {
            return false;
        }
    }
    true
}

/// Whether a policy holds. An authorization actor that is gone lets nobody do anything.
async fn ask(runtime: &HubRuntime, policy: Arc<Policy>, context: AuthorizationContext) -> bool {
    let decision = runtime.authorization.send(Authorize { policy, context }).await;
    decision.is_ok_and(|decision| decision.is_allowed())
}
