//! The actor of a hub on one worker, and the only place that knows the user's hub type.
//!
//! Receives [`Invoke`] and runs its calls, [`Lifecycle`] and answers when its hook has run. Sends [`Completed`] to
//! connections. What need not wait is done within the message; the rest runs beside the actor, which never waits.

use std::sync::Arc;

use actix::prelude::*;
use futures::{FutureExt, future::LocalBoxFuture};

use crate::{
    HubCallerContext, HubError, HubResult,
    authorization::Invoke,
    hub::{DescribedMethod, Hub, HubFilters, Run, hook, span},
};

/// The hub itself is shared by all workers; this is one worker's door to it.
pub(crate) struct HubActor<H> {
    hub: Arc<H>,
    methods: Arc<[DescribedMethod<H>]>,
    filters: HubFilters,
}

impl<H: Hub> HubActor<H> {
    /// Starts the actor on this thread.
    pub(crate) fn start(hub: Arc<H>, methods: Arc<[DescribedMethod<H>]>, filters: HubFilters) -> HubAddr {
        let addr = Actor::start(Self { hub, methods, filters });
        HubAddr { invoke: Arc::new(addr.clone().recipient()), lifecycle: addr.recipient() }
    }
}

impl<H: Hub> Actor for HubActor<H> {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX_CAPACITY);
    }
}

impl<H: Hub> Handler<Invoke> for HubActor<H> {
    type Result = ();

    fn handle(&mut self, invoke: Invoke, _: &mut Self::Context) {
        let mut run = Run::new(self.hub.clone(), self.methods.clone(), invoke);
        // Most calls need not wait; those that do go on beside the actor.
        if (&mut run).now_or_never().is_none() {
            actix_rt::spawn(run);
        }
    }
}

/// A connection begins or is over; answered when the hub's hook has run.
#[derive(Debug, Message)]
#[rtype(result = "HubResult")]
pub(crate) enum Lifecycle {
    Connected(HubCallerContext),
    Disconnected(HubCallerContext, Option<HubError>),
}

impl<H: Hub> Handler<Lifecycle> for HubActor<H> {
    type Result = ResponseFuture<HubResult>;

    fn handle(&mut self, event: Lifecycle, _: &mut Self::Context) -> Self::Result {
        let (hub, filters) = (self.hub.clone(), self.filters.clone());
        let span = match &event {
            Lifecycle::Connected(_) => span::connected::<H>(),
            Lifecycle::Disconnected(..) => span::disconnected::<H>(),
        };
        let hook: LocalBoxFuture<'static, HubResult> = Box::pin(async move {
            match event {
                Lifecycle::Connected(ctx) => {
                    let hook = |ctx, _| -> LocalBoxFuture<'static, HubResult> {
                        let hub = hub.clone();
                        Box::pin(async move { hub.on_connected(ctx).await })
                    };
                    filters.connected(ctx, &hook).await
                }
                Lifecycle::Disconnected(ctx, err) => {
                    let hook = |ctx, err| -> LocalBoxFuture<'static, HubResult> {
                        let hub = hub.clone();
                        Box::pin(async move { hub.on_disconnected(ctx, err).await })
                    };
                    filters.disconnected(ctx, err, &hook).await
                }
            }
        });
        hook::run(span, hook)
    }
}

/// How a hub is reached without knowing its type.
#[derive(Clone, Debug)]
pub(crate) struct HubAddr {
    pub(crate) invoke: Arc<Recipient<Invoke>>,
    pub(crate) lifecycle: Recipient<Lifecycle>,
}

/// Calls are bounded by the connections they come from, so this only keeps connecting clients waiting.
const MAILBOX_CAPACITY: usize = 1024;
