//! Which messages of a client have been received, by the ids both sides count.

use crate::ProtocolError;

/// Counts the messages of a client that may send some again. Ids begin at 1.
#[derive(Debug)]
pub(super) struct ReceiveCounter {
    /// The id of the next message.
    next: i64,
    /// The highest id there has been.
    highest: i64,
    /// What the client has been told.
    acknowledged: i64,
}

impl ReceiveCounter {
    pub(super) const fn new() -> Self {
        Self { next: 1, highest: 0, acknowledged: 0 }
    }

    /// Counts a message; says whether it is new, and not one that is sent again.
    pub(super) const fn count(&mut self) -> bool {
        let id = self.next;
        self.next = id.saturating_add(1);
        let is_new = id > self.highest;
        if is_new {
            self.highest = id;
        }
        is_new
    }

    /// The client goes on with a message it has given this id. It may have gone back further before, and been cut off: what
    /// counts is what has ever come.
    ///
    /// # Errors
    /// When messages before it have not come.
    pub(super) fn go_on_with(&mut self, id: i64) -> Result<(), ProtocolError> {
        if id > self.highest.saturating_add(1) {
            let text = "Sequence ID greater than amount of messages we've received.";
            return Err(ProtocolError::named("InvalidOperationException", text));
        }
        self.next = id;
        Ok(())
    }

    /// Whether the client has not been told of all.
    pub(super) const fn is_owing(&self) -> bool {
        self.highest > self.acknowledged
    }

    /// The client may not have heard what it was told.
    pub(super) const fn owe_again(&mut self) {
        self.acknowledged = 0;
    }

    /// What the client is to be told.
    pub(super) fn take_acknowledgement(&mut self) -> Option<i64> {
        let id = self.is_owing().then_some(self.highest)?;
        self.acknowledged = id;
        Some(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(counter: &mut ReceiveCounter, messages: usize) -> Vec<bool> {
        (0..messages).map(|_| counter.count()).collect()
    }

    #[test]
    fn messages_sent_again_are_known_and_new_ones_are_new() {
        let mut counter = ReceiveCounter::new();
        assert_eq!(counted(&mut counter, 3), [true; 3]);
        counter.go_on_with(2).unwrap();
        assert_eq!(counted(&mut counter, 4), [false, false, true, true]);
        counter.go_on_with(6).unwrap();
        assert!(counter.count());
    }

    #[test]
    fn a_client_that_leaves_messages_out_is_wrong() {
        let mut counter = ReceiveCounter::new();
        counter.go_on_with(1).unwrap();
        let err = counter.go_on_with(2).unwrap_err();
        assert_eq!(err.to_string(), "Sequence ID greater than amount of messages we've received.");
        assert!(counter.count());
        counter.go_on_with(2).unwrap();
        assert!(counter.go_on_with(3).is_err());
    }

    #[test]
    fn ids_below_the_first_are_taken_and_what_follows_is_a_repeat() {
        let mut counter = ReceiveCounter::new();
        counter.count();
        for id in [0, -5, i64::MIN] {
            counter.go_on_with(id).unwrap();
            assert!(!counter.count(), "{id}");
        }
    }

    #[test]
    fn a_client_that_was_cut_off_while_it_sent_again_may_leave_out_what_had_come_before() {
        let mut counter = ReceiveCounter::new();
        counted(&mut counter, 9);
        counter.go_on_with(3).unwrap();
        assert_eq!(counted(&mut counter, 2), [false; 2]);
        counter.go_on_with(10).unwrap();
        assert!(counter.count());
        assert!(counter.go_on_with(12).is_err());
    }

    #[test]
    fn what_has_been_received_is_acknowledged_once() {
        let mut counter = ReceiveCounter::new();
        assert_eq!(counter.take_acknowledgement(), None);
        counted(&mut counter, 3);
        assert_eq!((counter.is_owing(), counter.take_acknowledgement()), (true, Some(3)));
        assert_eq!((counter.is_owing(), counter.take_acknowledgement()), (false, None));
        counter.go_on_with(2).unwrap();
        counted(&mut counter, 2);
        assert_eq!(counter.take_acknowledgement(), None, "they are repeats");
        counter.count();
        assert_eq!(counter.take_acknowledgement(), Some(4));
        counter.owe_again();
        assert_eq!((counter.take_acknowledgement(), counter.take_acknowledgement()), (Some(4), None));
    }
}
