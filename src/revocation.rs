//! The end of connections whose credentials are revoked.

use actix::Addr;
use actix_rt::time::Instant;
use actix_signalr_actors::{CancellationToken, ConnectionActor, Expires};
use futures::future::{select, select_all};

/// Credentials that can be revoked, of a connection that is about to begin.
pub(crate) struct Revocation {
    revoked: Vec<CancellationToken>,
    /// Cancelled when the connection is over by itself.
    over: CancellationToken,
}

impl Revocation {
    /// Credentials that are good until one of the tokens is cancelled; `None` where there is none to wait for.
    pub(crate) fn by(revoked: &[CancellationToken]) -> Option<Self> {
        (!revoked.is_empty()).then(|| Self { revoked: revoked.to_vec(), over: CancellationToken::new() })
    }

    /// What the connection keeps, so that nobody waits for its credentials when it is over.
    pub(crate) fn kept_by_connection(&self) -> Watched {
        Watched(self.over.clone())
    }

    /// Ends the connection when its credentials are revoked, as if they had expired: its client is told that it may come
    /// back, which takes new ones. A task of its own, for such connections alone.
    pub(crate) fn watch(self, connection: Addr<ConnectionActor>) {
        actix_rt::spawn(async move {
            let revoked = select_all(self.revoked.iter().map(|token| Box::pin(token.cancelled())));
            select(Box::pin(self.over.cancelled()), revoked).await;
            if !self.over.is_cancelled() {
                connection.do_send(Expires(Some(Instant::now())));
            }
        });
    }
}

/// Kept for as long as credentials are watched.
#[derive(Debug)]
pub(crate) struct Watched(CancellationToken);

impl Drop for Watched {
    fn drop(&mut self) {
        self.0.cancel();
    }
}
