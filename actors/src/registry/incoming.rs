//! What comes over the channels of a hub, and to which workers it goes.

use std::sync::{Arc, Weak, atomic::Ordering};

use bytes::Bytes;

use crate::{
    backplane::{Loss, Receiver},
    protocol::{ControlMessage, Envelope, GroupCommand, ProtocolSet, ReturnedAnswer, read_ack},
    registry::{
        Control, Member, Question, Reply, Target, client_results::told_to_asker, inbox::Incoming,
        interests::Topic, remote_asker::RemoteAsker,
    },
};

/// A channel, by what it is for.
#[derive(Debug)]
pub(super) enum Channel {
    All,
    Topic(Topic),
    Groups,
    Acks,
    Answers,
    Control,
}

impl Channel {
    /// What the log calls it. Its name may be that of a user.
    const fn kind(&self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Topic(Topic::Connection(_)) => "connection",
            Self::Topic(Topic::User(_)) => "user",
            Self::Topic(Topic::Group(_)) => "group",
            Self::Groups => "groups",
            Self::Acks => "acks",
            Self::Answers => "answers",
            Self::Control => "control",
        }
    }
}

/// Hands on what comes over one channel. It keeps no hub alive.
#[derive(Debug)]
pub(super) struct ChannelReceiver {
    member: Weak<Member>,
    channel: Channel,
}

impl ChannelReceiver {
    pub(super) const fn new(member: Weak<Member>, channel: Channel) -> Self {
        Self { member, channel }
    }
}

impl Receiver for ChannelReceiver {
    fn receive(&self, payload: Bytes) {
        let Some(member) = self.member.upgrade() else { return };
        let read = match &self.channel {
            Channel::All => member.envelope(&payload).map(|envelope| member.deliver_to_all(envelope)),
            Channel::Topic(topic) => {
                member.envelope(&payload).map(|envelope| member.deliver(topic, envelope))
            }
            Channel::Groups => GroupCommand::read(&payload).map(|command| member.follow(command)),
            Channel::Acks => read_ack(&payload).map(|command| member.acknowledged(command)),
            Channel::Answers => {
                ReturnedAnswer::read(&payload, member.naming).map(|answer| member.answered(answer))
            }
            Channel::Control => ControlMessage::read(&payload).map(|message| member.obey(&message)),
        };
        if read.is_none() {
            member.backplane.counts().lost(Loss::Unreadable);
            // Who writes such things may write many.
            if !member.has_had_unreadable.swap(true, Ordering::Relaxed) {
                tracing::warn!(
                    channel = self.channel.kind(),
                    "a message of another server cannot be read; more of them are counted alone"
                );
            }
        }
    }
}

impl Member {
    /// A message in the protocols that clients here speak, as far as it can be had.
    fn envelope(&self, payload: &Bytes) -> Option<Envelope> {
        let mut envelope = Envelope::read(payload)?;
        let spoken = ProtocolSet::from_bits(self.protocols.load(Ordering::Acquire));
        envelope.message = envelope.message.with_missing(spoken, self.naming);
        Some(envelope)
    }

    fn deliver_to_all(&self, envelope: Envelope) {
        let target = match envelope.except {
            except if except.is_empty() => Target::All,
            except => Target::AllExcept(except),
        };
        let target = Arc::new(target);
        for inbox in self.inboxes.read().values() {
            inbox.put(Incoming::Message(target.clone(), envelope.message.clone()));
        }
    }

    fn deliver(self: &Arc<Self>, topic: &Topic, envelope: Envelope) {
        let Envelope { except, message, asked_by } = envelope;
        let target = match topic {
            Topic::Connection(id) => {
                if let Some(asked_by) = asked_by {
                    let open = self.questions.open_as(asked_by.invocation_id.clone(), id);
                    let invocation_id = asked_by.invocation_id.clone();
                    let asker = RemoteAsker::new(self.clone(), asked_by, open);
                    let reply = Reply::Elsewhere(Box::new(asker));
                    let question = Question { id: invocation_id, message, reply };
                    // Dropped where the connection has just gone, and answered by that.
                    return self.put_first(topic, Incoming::Question(id.clone(), question));
                }
                Target::Connection(id.clone())
            }
            Topic::User(id) => Target::User(id.clone()),
            Topic::Group(name) if except.is_empty() => Target::Group(name.clone()),
            Topic::Group(name) => Target::GroupExcept(name.clone(), except),
        };
        let target = Arc::new(target);
        let (interests, inboxes) = (self.interests.lock(), self.inboxes.read());
        for inbox in interests.workers(topic).iter().filter_map(|worker| inboxes.get(worker)) {
            inbox.put(Incoming::Message(target.clone(), message.clone()));
        }
    }

    /// Hands something to the worker that has a connection.
    fn put_first(&self, topic: &Topic, incoming: Incoming) {
        let worker = self.interests.lock().workers(topic).first().copied();
        let inbox = worker.and_then(|worker| self.inboxes.read().get(&worker).cloned());
        if let Some(inbox) = inbox {
            inbox.put(incoming);
        }
    }

    /// Another server asks for a change of groups; those who do not have the connection keep silent.
    fn follow(&self, command: GroupCommand) {
        let topic = Topic::Connection(command.connection_id.clone());
        self.put_first(&topic, Incoming::Group(command));
    }

    fn acknowledged(&self, command: i32) {
        if let Some(waiting) = self.unacknowledged.lock().remove(&command) {
            let _ = waiting.send(());
        }
    }

    fn answered(&self, ReturnedAnswer { invocation_id, outcome }: ReturnedAnswer) {
        if let Some(waiting) = self.asked.lock().remove(&invocation_id) {
            let _ = waiting.send(told_to_asker(outcome));
        }
    }

    fn obey(&self, message: &ControlMessage) {
        let Some(control) = Control::from_message(message) else { return };
        match control {
            Control::Order(order) => self.take_order(&order),
            Control::Done(done) => self.order_done(&done),
            Control::Disconnect(_) => {
                for inbox in self.inboxes.read().values() {
                    inbox.put(Incoming::Control(control.clone()));
                }
            }
        }
    }
}
