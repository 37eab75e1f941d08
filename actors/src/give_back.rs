//! Tables that give memory back when little is left in them.

use std::{
    collections::{HashMap, VecDeque},
    hash::{BuildHasher, Hash},
};

/// A table that grows with a wave of clients, and must not stay as large when they are gone.
#[doc(hidden)]
pub trait GiveBack {
    /// Gives back memory where there is room for more than four times of what is there; then there is room for twice as much. So
    /// whoever calls it each time that something is taken out pays for a move of what is left only after many times. Where nothing
    /// is left of many, nothing is kept: a small table, made anew when a wave went by, would hold a page of its own.
    fn give_back(&mut self);
}

impl<T> GiveBack for Vec<T> {
    fn give_back(&mut self) {
        if is_too_large(self.len(), self.capacity()) {
            self.shrink_to(self.len() * 2);
        }
    }
}

impl<T> GiveBack for VecDeque<T> {
    fn give_back(&mut self) {
        if is_too_large(self.len(), self.capacity()) {
            self.shrink_to(self.len() * 2);
        }
    }
}

impl<K: Eq + Hash, V, S: BuildHasher> GiveBack for HashMap<K, V, S> {
    fn give_back(&mut self) {
        if is_too_large(self.len(), self.capacity()) {
            self.shrink_to(self.len() * 2);
        }
    }
}

/// Whether a table has far more room than it needs.
pub(crate) const fn is_too_large(len: usize, capacity: usize) -> bool {
    len * 4 < capacity && (len == 0 || capacity > FEW)
}

/// Not worth a move.
const FEW: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_large_is_not_for_good() {
        let mut list: Vec<_> = (0..10_000).collect();
        let mut queue: VecDeque<_> = (0..10_000).collect();
        let mut map: HashMap<_, _> = (0..10_000).map(|i| (i, ())).collect();
        for left in (0..10_000).rev() {
            list.pop();
            list.give_back();
            queue.pop_front();
            queue.give_back();
            map.remove(&left);
            map.give_back();
            for capacity in [list.capacity(), queue.capacity(), map.capacity()] {
                assert!(capacity <= if left == 0 { 0 } else { (left * 4).max(FEW) }, "{capacity} for {left}");
            }
        }
    }

    #[test]
    fn few_keep_their_place_until_there_is_none() {
        let mut list = Vec::with_capacity(FEW);
        list.push(1);
        list.give_back();
        assert!(list.capacity() >= FEW);
        list.clear();
        list.give_back();
        assert_eq!(list.capacity(), 0);
    }
}
