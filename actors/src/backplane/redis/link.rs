//! The link to Redis: made, probed, and made anew.

use std::{
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::{
    future::{Either, join_all, select, try_join_all},
    pin_mut,
};
use redis::{ErrorKind, RedisError, RedisResult, ServerErrorKind, Value};
use tokio::{
    task::yield_now,
    time::{Instant, Sleep, sleep},
};

use crate::{
    BackplaneError,
    backplane::{
        Loss,
        redis::{
            Shared,
            node::Node,
            outbox::{Publication, Round},
            routes::Change,
            topology::{Layout, subscribers_everywhere},
            under_way::UnderWay,
        },
    },
};

/// Keeps a link for as long as the backplane is wanted.
pub(super) async fn run(shared: &Arc<Shared>) {
    let mut pause = FIRST_PAUSE;
    let mut is_known_to_be_down = false;
    while !shared.outbox.lock().is_closed() {
        let broken = match beside(Link::make(shared), shared.expire()).await {
            Ok(mut link) => {
                shared.counts_some_alone.store(!link.is_counted(), Ordering::Relaxed);
                shared.counts.connected();
                tracing::info!("linked to Redis");
                is_known_to_be_down = false;
                let stands_since = Instant::now();
                let lookout = shared.look_out(link.layout.clone(), link.is_broken.clone(), link.is_counted());
                let Err(broken) = beside(link.serve(), lookout).await else { return };
                // One that breaks as soon as it is made is not made anew as often as can be.
                if stands_since.elapsed() >= LONGEST_PAUSE {
                    pause = FIRST_PAUSE;
                }
                broken
            }
            Err(err) => err,
        };
        shared.down();
        if !std::mem::replace(&mut is_known_to_be_down, true) {
            tracing::warn!(error = %broken, "no link to Redis; messages between servers are lost until there is one");
        }
        let paused = async {
            sleep(pause).await;
            Ok(())
        };
        // It has no way to fail.
        let _ = beside(paused, shared.expire()).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Does something, and something else meanwhile that has no end.
async fn beside<T>(
    task: impl Future<Output = RedisResult<T>>,
    meanwhile: impl Future<Output = Never>,
) -> RedisResult<T> {
    pin_mut!(task, meanwhile);
    match select(task, meanwhile).await {
        Either::Left((done, _)) => done,
        Either::Right((never, _)) => match never {},
    }
}

/// Channels to be subscribed to, and those to be ended.
#[derive(Default)]
struct Changes {
    new: Vec<Arc<str>>,
    old: Vec<Arc<str>>,
}

/// What Redis refuses of one kind, so that the log has one line of it and not one for each: until there was none between two
/// probes.
#[derive(Default)]
struct Refusals {
    are_told: bool,
    are_recent: bool,
}

impl Refusals {
    /// Something is refused; says whether it is the first.
    const fn is_first(&mut self) -> bool {
        self.are_recent = true;
        !std::mem::replace(&mut self.are_told, true)
    }

    /// A probe: says whether something has come since the last one. If not, what comes next is the first.
    const fn probed(&mut self) -> bool {
        self.are_told = std::mem::replace(&mut self.are_recent, false);
        self.are_told
    }
}

/// A link that stands: to one server, or to all masters of a cluster. If one of those goes, the link is broken, as the cluster
/// changes then.
struct Link<'a> {
    shared: &'a Arc<Shared>,
    layout: Layout,
    nodes: Vec<Node>,
    /// Kept among the timers of the thread: one that is put there anew, and is the next, takes a system call.
    next_probe: Pin<Box<Sleep>>,
    /// Whether an other end is known to be gone, or not to be the right one any more.
    is_broken: Arc<AtomicBool>,
    /// It may not refuse them for ever: a long script makes it refuse everything for a while.
    refused_channels: Refusals,
    refused_messages: Refusals,
}

impl<'a> Link<'a> {
    /// Connects, and subscribes to all that is wanted.
    async fn make(shared: &'a Arc<Shared>) -> RedisResult<Self> {
        let options = &shared.options;
        let layout = options.topology.layout(&options.server, &options.connection()).await?;
        let is_broken = Arc::new(AtomicBool::new(false));
        let servers = layout.servers.iter().map(|address| options.server.clone().set_addr(address.clone()));
        let nodes = try_join_all(servers.map(|server| Node::connect(shared, server, &is_broken))).await?;
        let next_probe = Box::pin(sleep(options.probe_interval));
        let mut link = Self {
            shared,
            layout,
            nodes,
            next_probe,
            is_broken,
            refused_channels: Refusals::default(),
            refused_messages: Refusals::default(),
        };
        link.expect_masters()?;
        // What changes from here on is in the outbox.
        shared.outbox.lock().up();
        let wanted = shared.routes.lock().begin_all();
        link.subscribe(wanted).await?;
        Ok(link)
    }

    /// One round after another, until the link breaks, or is wanted no more.
    async fn serve(&mut self) -> RedisResult<()> {
        loop {
            let (round, is_closed) = {
                let mut outbox = self.shared.outbox.lock();
                (outbox.take(), outbox.is_closed())
            };
            if !round.is_empty() {
                self.round(round).await?;
                if self.shared.options.shares_worker {
                    // Who has his answer may have more to send, which goes out with what has come meanwhile.
                    yield_now().await;
                }
            } else if is_closed {
                return Ok(());
            } else {
                self.wait().await?;
            }
            if self.is_broken.load(Ordering::Acquire) {
                return Err(RedisError::from(std::io::Error::other(
                    "the server is gone, or another has its place",
                )));
            }
            if Instant::now() >= self.next_probe.deadline() {
                self.probe().await?;
            }
        }
    }

    /// Waits until there is something to do, or it is time for a probe. What comes in meanwhile is handed on.
    async fn wait(&mut self) -> RedisResult<()> {
        let listening = async {
            match &mut self.nodes[..] {
                [node] => node.listen().await,
                _ => futures::future::pending().await,
            }
        };
        let wake = pin!(self.shared.wake.notified());
        match select(select(wake, self.next_probe.as_mut()), pin!(listening)).await {
            Either::Left(_) => Ok(()),
            Either::Right((broken, _)) => Err(broken),
        }
    }

    /// Does all of a round: what begins to be wanted before messages, as who waits for one may be waiting for the other; what is
    /// wanted no more behind them, as an answer of a client that goes is to be there before it is seen to have gone.
    async fn round(&mut self, round: Round) -> RedisResult<()> {
        let Round { publications, changed, changing, flushing } = round;
        let mut publications = UnderWay::new(self.shared, publications);
        let Changes { new, old } = self.changes(changed);
        self.subscribe(new).await?;
        // Who waits for a beginning alone does not wait for the messages.
        let leaving = if old.is_empty() {
            drop(changing);
            Vec::new()
        } else {
            changing
        };
        if !publications.publications().is_empty() {
            self.publish(publications).await?;
        }
        self.unsubscribe(old).await?;
        drop((leaving, flushing));
        Ok(())
    }

    /// What of channels that may have changed has to. One decision for all of them, as what is new is subscribed to before what is
    /// old is ended; who comes and goes meanwhile is in the outbox again.
    fn changes(&self, changed: Vec<Arc<str>>) -> Changes {
        let mut changes = Changes::default();
        let mut routes = self.shared.routes.lock();
        for channel in changed {
            match routes.begin(&channel) {
                Some(Change::Subscribe) => changes.new.push(channel),
                Some(Change::Unsubscribe) => changes.old.push(channel),
                None => {}
            }
        }
        changes
    }

    /// Ends subscriptions. One that Redis does not end goes on until the next probe.
    async fn unsubscribe(&mut self, channels: Vec<Arc<str>>) -> RedisResult<()> {
        if channels.is_empty() {
            return Ok(());
        }
        let by_node = self.by_node(channels, |channel| channel);
        let ended = self.nodes.iter_mut().zip(&by_node).map(|(node, channels)| node.unsubscribe(channels));
        let answers = try_join_all(ended).await?;
        let mut routes = self.shared.routes.lock();
        for (channel, answer) in by_node.iter().flatten().zip(answers.into_iter().flatten()) {
            match answer.extract_error() {
                Err(refused) if !is_for_another(&refused) => {
                    if self.refused_channels.is_first() {
                        tracing::warn!(error = %refused, "Redis refuses the end of a subscription, and perhaps more; they are tried again");
                    }
                    routes.subscribed(channel);
                }
                _ => routes.unsubscribed(channel),
            }
        }
        Ok(())
    }

    /// Subscribes to channels. One that Redis refuses is left out until the next probe, unless it is another server's.
    async fn subscribe(&mut self, channels: Vec<Arc<str>>) -> RedisResult<()> {
        if channels.is_empty() {
            return Ok(());
        }
        let by_node = self.by_node(channels, |channel| channel);
        let asked = self.nodes.iter_mut().zip(&by_node).map(|(node, channels)| node.subscribe(channels));
        let answers = try_join_all(asked).await?;
        let mut routes = self.shared.routes.lock();
        for (channel, answer) in by_node.iter().flatten().zip(answers.into_iter().flatten()) {
            match answer.extract_error() {
                Ok(_) => routes.subscribed(channel),
                Err(moved) if is_for_another(&moved) => return Err(moved),
                Err(refused) => {
                    if self.refused_channels.is_first() {
                        tracing::warn!(error = %refused, "Redis refuses a subscription, and perhaps more; they are tried again");
                    }
                    routes.unsubscribed(channel);
                }
            }
        }
        Ok(())
    }

    /// Publishes messages in their order, on each server those of its channels; who has sent them is told how many took them.
    async fn publish(&mut self, mut publications: UnderWay<'a>) -> RedisResult<()> {
        {
            let mut routes = self.shared.routes.lock();
            for Publication { channel, payload, comes_back, .. } in publications.publications() {
                *comes_back = routes.publish(self.layout.slots.server_of(channel), channel, payload);
            }
        }
        if let [node] = &mut self.nodes[..] {
            let answers = node.publish(publications.go_out()).await?;
            return self.published(publications.take(), answers);
        }
        let by_node = self.by_node(publications.take(), |publication| &publication.channel);
        let mut by_node: Vec<_> =
            by_node.into_iter().map(|publications| UnderWay::new(self.shared, publications)).collect();
        let asked = self.nodes.iter_mut().zip(&mut by_node).map(|(node, publications)| async {
            match publications.go_out() {
                [] => Ok(Vec::new()),
                publications => node.publish(publications).await,
            }
        });
        let answers = join_all(asked).await;
        let mut outcome = Ok(());
        for (publications, answers) in by_node.into_iter().zip(answers) {
            let published = answers.and_then(|answers| self.published(publications.take(), answers));
            outcome = published.and(outcome);
        }
        outcome
    }

    /// Says to each sender what has become of his message.
    fn published(&mut self, publications: Vec<Publication>, answers: Vec<Value>) -> RedisResult<()> {
        self.shared.routes.lock().answered();
        let is_counted = self.is_counted();
        let (mut for_another, mut moved) = (Vec::new(), Ok(()));
        for (publication, answer) in publications.into_iter().zip(answers) {
            match answer {
                Value::Int(receivers) => {
                    let receivers = usize::try_from(receivers).unwrap_or(0);
                    // We are none of those who are meant.
                    let others = receivers.saturating_sub(usize::from(publication.comes_back));
                    // Its sender may wait no more.
                    let _ = publication.reply.send(Ok(if is_counted { others } else { others.max(1) }));
                }
                answer => match answer.extract_error() {
                    Err(err) if is_for_another(&err) => {
                        for_another.push(publication);
                        moved = Err(err);
                    }
                    Err(refused) => {
                        let reason = refused.to_string();
                        if self.refused_messages.is_first() {
                            tracing::warn!(reason, "Redis refuses a message, and perhaps more");
                        }
                        self.shared.lose(publication, Loss::Refused, BackplaneError::Refused(reason));
                    }
                    Ok(_) => self.shared.lose(publication, Loss::Unconfirmed, BackplaneError::Unconfirmed),
                },
            }
        }
        // They have not gone out, and go to whom they belong when the link is made anew.
        self.shared.outbox.lock().put_back(for_another);
        moved
    }

    /// Whether Redis knows of all subscribers to a channel: a server of a cluster knows of its own alone, where channels are not
    /// those of shards.
    fn is_counted(&self) -> bool {
        self.shared.options.topology.is_sharded() || self.nodes.iter().all(|node| !node.kind.is_of_cluster)
    }

    /// Finds out whether the link still stands, asks again for what was refused, and looks for channels that nobody listens to any
    /// more.
    async fn probe(&mut self) -> RedisResult<()> {
        self.next_probe.as_mut().reset(Instant::now() + self.shared.options.probe_interval);
        try_join_all(self.nodes.iter_mut().map(Node::greet)).await?;
        self.expect_masters()?;
        self.refused_messages.probed();
        if self.refused_channels.probed() {
            let unsettled = self.shared.routes.lock().unsettled();
            let Changes { new, old } = self.changes(unsettled);
            self.subscribe(new).await?;
            self.unsubscribe(old).await?;
        }
        let watched = self.shared.outbox.lock().watched();
        if watched.is_empty() || !self.is_counted() {
            return Ok(());
        }
        let by_node = self.by_node(watched, |channel| channel);
        for (node, channels) in self.nodes.iter_mut().zip(by_node) {
            let subscribers = node.subscribers(&channels).await?;
            self.shared.abandon(&channels, &subscribers);
        }
        Ok(())
    }

    /// Where somebody decides who the master is, only he will do.
    fn expect_masters(&self) -> RedisResult<()> {
        let is_replica = self.nodes.iter().any(|node| node.kind.is_replica);
        if self.shared.options.topology.wants_masters() && is_replica {
            return Err(RedisError::from(std::io::Error::other("the server is a replica")));
        }
        Ok(())
    }

    /// What belongs to which server, in the order of the servers.
    fn by_node<T>(&self, things: Vec<T>, channel: impl Fn(&T) -> &Arc<str>) -> Vec<Vec<T>> {
        if self.nodes.len() == 1 {
            return vec![things];
        }
        let mut by_node: Vec<Vec<T>> = self.nodes.iter().map(|_| Vec::new()).collect();
        for thing in things {
            by_node[self.layout.slots.server_of(channel(&thing))].push(thing);
        }
        by_node
    }
}

/// Whether Redis has not done what it was asked to, as another server is to be asked, or this one later.
fn is_for_another(err: &RedisError) -> bool {
    use ServerErrorKind::{Ask, ClusterDown, MasterDown, Moved, TryAgain};
    matches!(err.kind(), ErrorKind::Server(Moved | Ask | TryAgain | ClusterDown | MasterDown))
}

impl Shared {
    /// Gives up what has waited for too long, again and again.
    async fn expire(&self) -> Never {
        loop {
            let expired = self.outbox.lock().take_expired(Instant::now());
            for publication in expired {
                self.lose(publication, Loss::Unsent, BackplaneError::Unreachable);
            }
            if self.outbox.lock().is_closed() {
                futures::future::pending::<()>().await;
            }
            sleep(EXPIRED_EVERY).await;
        }
    }

    /// Looks again and again whether the servers are still those that are linked to: one that has been cut off from those who
    /// decide does not know that it is no master any more. Where the link's server does not know of all subscribers, it is also
    /// looked for channels that nobody listens to any more.
    async fn look_out(&self, layout: Layout, is_broken: Arc<AtomicBool>, is_counted: bool) -> Never {
        let options = &self.options;
        if !options.topology.changes() && is_counted {
            futures::future::pending::<()>().await;
        }
        loop {
            sleep(options.probe_interval).await;
            // Who cannot be asked says nothing against the link.
            if options.topology.changes()
                && let Ok(now) = options.topology.layout(&options.server, &options.connection()).await
                && now != layout
            {
                is_broken.store(true, Ordering::Release);
                self.wake.notify_one();
            }
            let watched = self.outbox.lock().watched();
            if !is_counted && !watched.is_empty() {
                let counted = subscribers_everywhere(&options.server, &options.connection(), &watched).await;
                if let Ok(subscribers) = counted {
                    self.abandon(&watched, &subscribers);
                }
            }
        }
    }

    /// The link broke before Redis had answered for these.
    pub(super) fn lose_all(&self, publications: Vec<Publication>) {
        for publication in publications {
            self.lose(publication, Loss::Unconfirmed, BackplaneError::Unconfirmed);
        }
    }

    /// Tells who waits for channels that have no subscriber any more.
    fn abandon(&self, channels: &[Arc<str>], subscribers: &[usize]) {
        let mut outbox = self.outbox.lock();
        let abandoned = channels.iter().zip(subscribers).filter(|(_, subscribers)| **subscribers == 0);
        abandoned.for_each(|(channel, _)| outbox.abandon(channel));
    }
}

/// What never comes to be.
enum Never {}

/// Between two attempts to make a link, at first; twice as long after each.
const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// So that all goes on soon after Redis is back.
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// How often it is looked for messages that have waited for too long.
const EXPIRED_EVERY: Duration = Duration::from_millis(50);
