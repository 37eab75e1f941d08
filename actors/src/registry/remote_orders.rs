//! Orders that go to other servers, and those that come from there.

use std::{
    pin::pin,
    sync::{
        Arc, Weak,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures::{
    StreamExt,
    channel::mpsc,
    future::{Either, select},
};

use crate::registry::{
    Carried, Control, Incoming, Member, Order,
    member::Forgotten,
    order::{ORDER_TIMEOUT, OrderDone, RemoteOrder},
};

impl Member {
    /// Has other servers carry out an order, and waits until each of them says that it has.
    pub(super) async fn order(&self, order: &Order) -> Carried {
        let id = self.next_order();
        let Some(remote) = order.to_remote(self.channels.server(), id) else { return Carried::default() };
        let (sender, mut done) = mpsc::unbounded();
        self.orders.lock().insert(id, sender);
        let _forgotten = Forgotten(&self.orders, id);
        let message = Control::Order(remote).to_message();
        let mut ended = 0;
        let channel = self.channels.control();
        let published = self.backplane.publish(&channel, message.write()).await;
        let Ok(mut servers) = published else { return Carried { ended, is_incomplete: true } };
        if let Some(counted) = self.backplane.subscribers(&channel) {
            let Ok(all) = counted.await else { return Carried { ended, is_incomplete: true } };
            servers = all;
        }
        let all = async {
            for _ in 0..servers {
                ended += done.next().await.unwrap_or(0);
            }
        };
        let is_incomplete = match select(pin!(all), self.backplane.sleep(ORDER_TIMEOUT)).await {
            Either::Left(_) => false,
            Either::Right(_) => true,
        };
        Carried { ended, is_incomplete }
    }

    /// Another server gives an order: every worker gets it.
    pub(super) fn take_order(&self, remote: &RemoteOrder) {
        let order = Arc::new(remote.order());
        let inboxes = self.inboxes.read();
        let receipt = Arc::new(Receipt {
            member: self.this(),
            server: remote.server.clone(),
            id: remote.id,
            waits_for: AtomicUsize::new(inboxes.len()),
            ended: AtomicUsize::new(0),
        });
        for inbox in inboxes.values() {
            inbox.put(Incoming::Order(order.clone(), receipt.clone()));
        }
    }

    /// Another server has carried out an order, of this one or of a third.
    pub(super) fn order_done(&self, done: &OrderDone) {
        if done.server == self.channels.server()
            && let Some(waiting) = self.orders.lock().get(&done.id)
        {
            let _ = waiting.unbounded_send(done.ended);
        }
    }
}

/// Says to the server that gave an order that it has been carried out, when all workers have; if one has not, who waits
/// finds out by waiting.
#[derive(Debug)]
pub(crate) struct Receipt {
    member: Weak<Member>,
    server: String,
    id: u64,
    waits_for: AtomicUsize,
    ended: AtomicUsize,
}

impl Receipt {
    /// A worker has carried it out.
    pub(super) fn done(&self, carried: Carried) {
        self.ended.fetch_add(carried.ended, Ordering::SeqCst);
        if !carried.is_incomplete {
            self.waits_for.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        let Some(member) = self.member.upgrade().filter(|_| *self.waits_for.get_mut() == 0) else { return };
        let ended = *self.ended.get_mut();
        let done = OrderDone { server: std::mem::take(&mut self.server), id: self.id, ended };
        drop(member.control(&Control::Done(done).to_message()));
    }
}
