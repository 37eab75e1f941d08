//! Messages that the link has taken.

use crate::backplane::redis::{Shared, outbox::Publication};

/// Messages that are taken and not answered. Where they are dropped, with the link or its runtime, they go back to those that
/// wait, or, once they may have gone out, their senders are told that nobody knows.
pub(super) struct UnderWay<'a> {
    shared: &'a Shared,
    publications: Vec<Publication>,
    is_out: bool,
}

impl<'a> UnderWay<'a> {
    pub(super) const fn new(shared: &'a Shared, publications: Vec<Publication>) -> Self {
        Self { shared, publications, is_out: false }
    }

    pub(super) fn publications(&mut self) -> &mut [Publication] {
        &mut self.publications
    }

    /// From here on they may arrive.
    pub(super) fn go_out(&mut self) -> &[Publication] {
        self.is_out = true;
        &self.publications
    }

    /// Somebody else knows what becomes of them.
    pub(super) fn take(mut self) -> Vec<Publication> {
        std::mem::take(&mut self.publications)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let publications = std::mem::take(&mut self.publications);
        if self.is_out {
            self.shared.lose_all(publications);
        } else {
            self.shared.outbox.lock().put_back(publications);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::channel::oneshot;
    use tokio::time::Instant;

    use super::*;
    use crate::{
        BackplaneError,
        backplane::{Backplane, Loss, RedisBackplane},
    };

    #[test]
    fn what_is_dropped_before_it_went_out_waits_again_and_what_went_out_is_uncertain() {
        let backplane = RedisBackplane::builder("redis://127.0.0.1:1").share_worker(true).build().unwrap();
        let shared = &backplane.shared;
        let (reply, mut answer) = oneshot::channel();
        let deadline = Instant::now() + Duration::from_secs(5);
        let publication = Publication::new("c".into(), "p".into(), deadline, reply);

        drop(UnderWay::new(shared, vec![publication]));
        let mut waiting = UnderWay::new(shared, shared.outbox.lock().take().publications);
        assert_eq!(waiting.publications().len(), 1);
        assert_eq!(answer.try_recv(), Ok(None));

        assert_eq!(waiting.go_out().len(), 1);
        drop(waiting);
        assert_eq!(answer.try_recv(), Ok(Some(Err(BackplaneError::Unconfirmed))));
        assert_eq!(backplane.counts().losses(Loss::Unconfirmed), 1);
        assert!(shared.outbox.lock().take().is_empty());
    }

    #[test]
    fn what_is_answered_is_nobodys_loss() {
        let backplane = RedisBackplane::builder("redis://127.0.0.1:1").share_worker(true).build().unwrap();
        let (reply, mut answer) = oneshot::channel();
        let deadline = Instant::now();
        let publication = Publication::new("c".into(), "p".into(), deadline, reply);
        let mut under_way = UnderWay::new(&backplane.shared, vec![publication]);
        under_way.go_out();
        let taken = under_way.take();
        assert_eq!((taken.len(), answer.try_recv()), (1, Ok(None)));
        assert_eq!(backplane.counts().losses(Loss::Unconfirmed), 0);
    }
}
