//! Credentials that a client replaces on a living connection: whether it is the same user, and what changes then.
//!
//! Receives [`Examine`], a question, and [`Refresh`], which it applies at once: what has not begun is made as the new user
//! and authorized anew, and the hub is owed its hook.

use std::sync::Arc;

use actix::{clock::Instant, prelude::*};

use crate::{
    ClaimsPrincipal,
    authorization::Step,
    connection::{
        ConnectionActor,
        actor::{Held, Stage},
        end::End,
    },
    protocol::HubMessage,
    same_user::same_content_or_key,
};

/// Asks whether a principal may take the place of the connection's own.
#[derive(Debug, Message)]
#[rtype(result = "Standing")]
pub struct Examine(pub Arc<ClaimsPrincipal>);

/// What a principal is to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, MessageResponse)]
pub enum Standing {
    /// The client has not sent its handshake: the hub does not know its user yet.
    Early,
    /// To the hub it is the same user.
    SameUser,
    /// To the hub it is another user.
    OtherUser,
    /// The connection is over.
    Over,
}

impl Handler<Examine> for ConnectionActor {
    type Result = Standing;

    fn handle(&mut self, Examine(user): Examine, _: &mut Self::Context) -> Standing {
        match self.stage {
            Stage::Handshake => Standing::Early,
            Stage::Connecting(_) | Stage::Open(_) if self.is_same_user(&user) => Standing::SameUser,
            Stage::Connecting(_) | Stage::Open(_) => Standing::OtherUser,
            Stage::Ending => Standing::Over,
        }
    }
}

/// The client has replaced its credentials, and whoever decides that has accepted them.
///
/// Later calls, and those that have not begun, are made as this user. One that is another user to the hub, as it may be that
/// has been examined before the handshake, ends the connection.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Refresh {
    /// Who the client is from now on.
    pub user: Arc<ClaimsPrincipal>,
    /// When the connection is to be ended because the credentials have expired; `None` is never.
    pub expires_at: Option<Instant>,
}

impl Handler<Refresh> for ConnectionActor {
    type Result = ();

    fn handle(&mut self, Refresh { user, expires_at }: Refresh, ctx: &mut Self::Context) {
        let connection_id = &**self.connection.id();
        match self.stage {
            Stage::Ending => return,
            Stage::Connecting(_) | Stage::Open(_) if !self.is_same_user(&user) => {
                tracing::debug!(connection_id, "the refreshed user is another one");
                return self.end(End::default(), ctx);
            }
            // Whoever connects is told of as he is then.
            Stage::Handshake => {}
            Stage::Connecting(_) | Stage::Open(_) => self.owed_hooks.add(),
        }
        tracing::debug!(connection_id, "authentication refreshed");
        self.connection.refresh(user.clone());
        self.user = user;
        let held = self.held.iter_mut().filter_map(|held| match held {
            Held::Step(step) => Some(step),
            Held::Message(_) | Held::End(_) => None,
        });
        held.chain(self.invocations.batch_mut()).for_each(|step| step.refresh(&self.user));
        if self.is_revoked() {
            return self.end(End::default(), ctx);
        }
        self.principal_replaced();
        self.expire(expires_at, ctx);
        self.read(ctx);
    }
}

impl ConnectionActor {
    /// Calls that had not begun when the client replaced its credentials are back, to be sent down again.
    pub(super) fn take_back(&mut self, returned: Vec<Step>) {
        for mut step in returned.into_iter().rev() {
            step.refresh(&self.user);
            self.held.push_front(Held::Step(step));
        }
    }

    /// Puts a hook that the hub is owed where its turn has come.
    pub(super) fn put_hook_in_front(&mut self) {
        let is_call = |held: &Held| matches!(held, Held::Step(_) | Held::Message(HubMessage::Invocation(_)));
        if self.owed_hooks.take(self.held.front().is_some_and(is_call), self.invocations.has_started_all()) {
            self.held.push_front(Held::Step(Step::Refreshed));
        }
    }

    /// Whether a principal is the user that the hub knows: by its user id, which never changes; without one, by who it is.
    fn is_same_user(&self, user: &ClaimsPrincipal) -> bool {
        if user.is_authenticated() != self.user.is_authenticated() {
            return false;
        }
        match (self.user_id_of(user), self.connection.user_id()) {
            (Ok(Some(id)), Some(known)) => *id == **known,
            (Ok(None), None) => same_content_or_key(&self.user, user),
            (Ok(_) | Err(_), _) => false,
        }
    }
}
