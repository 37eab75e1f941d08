//! Connections, users and groups as plain maps.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use slab::Slab;

use crate::{
    ConnectionId,
    registry::{Target, Topic},
};

/// Which connections a target means. `C` is whatever a connection is reached by.
#[derive(Debug)]
pub(crate) struct Index<C> {
    connections: Slab<Entry<C>>,
    by_id: HashMap<ConnectionId, usize>,
    by_user: HashMap<Arc<str>, HashSet<usize>>,
    by_group: HashMap<Arc<str>, HashSet<usize>>,
}

#[derive(Debug)]
struct Entry<C> {
    id: ConnectionId,
    user_id: Option<Arc<str>>,
    groups: Vec<Arc<str>>,
    client: C,
}

impl<C> Default for Index<C> {
    fn default() -> Self {
        Self {
            connections: Slab::new(),
            by_id: HashMap::new(),
            by_user: HashMap::new(),
            by_group: HashMap::new(),
        }
    }
}

impl<C> Index<C> {
    /// Adds a connection, instead of one of the same id.
    pub(crate) fn insert(&mut self, id: ConnectionId, user_id: Option<Arc<str>>, client: C) {
        self.remove(&id, |_| ());
        let entry = Entry { id: id.clone(), user_id: user_id.clone(), groups: Vec::new(), client };
        let key = self.connections.insert(entry);
        self.by_id.insert(id, key);
        if let Some(user_id) = user_id {
            self.by_user.entry(user_id).or_default().insert(key);
        }
    }

    /// Removes a connection from everywhere, and calls `gone` with what nobody is left for; without effect if it is not
    /// there.
    pub(crate) fn remove(&mut self, id: &str, mut gone: impl FnMut(Topic)) {
        let Some(key) = self.by_id.remove(id) else { return };
        let Some(entry) = self.connections.try_remove(key) else { return };
        gone(Topic::Connection(entry.id));
        for group in entry.groups {
            if remove_from(&mut self.by_group, &group, key) {
                gone(Topic::Group(group));
            }
        }
        if let Some(user_id) = entry.user_id
            && remove_from(&mut self.by_user, &user_id, key)
        {
            gone(Topic::User(user_id));
        }
        // A wave of connections must not keep its memory for good.
        if self.by_id.len() * 4 < self.by_id.capacity() {
            self.by_id.shrink_to(self.by_id.len() * 2);
            if self.connections.is_empty() {
                self.connections.shrink_to_fit();
            }
        }
    }

    /// Adds a connection to a group; says whether the connection is here.
    pub(crate) fn join(&mut self, id: &str, group: &Arc<str>) -> bool {
        let Some((key, entry)) = self.entry(id) else { return false };
        if !entry.groups.contains(group) {
            entry.groups.push(group.clone());
            self.by_group.entry(group.clone()).or_default().insert(key);
        }
        true
    }

    /// Removes a connection from a group; says whether the connection is here.
    pub(crate) fn leave(&mut self, id: &str, group: &Arc<str>) -> bool {
        let Some((key, entry)) = self.entry(id) else { return false };
        if let Some(at) = entry.groups.iter().position(|member_of| member_of == group) {
            entry.groups.swap_remove(at);
            remove_from(&mut self.by_group, group, key);
        }
        true
    }

    /// Calls `act` for each connection a target means.
    pub(crate) fn select(&self, target: &Target, mut act: impl FnMut(&C)) {
        self.select_members(target, |client, _| act(client));
    }

    /// The same, with the groups of each.
    pub(crate) fn select_members(&self, target: &Target, mut act: impl FnMut(&C, &[Arc<str>])) {
        let mut act = |entry: &Entry<C>| act(&entry.client, &entry.groups);
        let mut members = |members: Option<&HashSet<usize>>, except: &[ConnectionId]| {
            for entry in members.into_iter().flatten().filter_map(|key| self.connections.get(*key)) {
                if !except.contains(&entry.id) {
                    act(entry);
                }
            }
        };
        match target {
            Target::Group(group) => members(self.by_group.get(group), &[]),
            Target::GroupExcept(group, except) => members(self.by_group.get(group), except),
            Target::Groups(groups) => groups.iter().for_each(|group| members(self.by_group.get(group), &[])),
            Target::User(user) => members(self.by_user.get(user), &[]),
            Target::Users(users) => distinct(users).for_each(|user| members(self.by_user.get(user), &[])),
            Target::All => self.connections.iter().for_each(|(_, entry)| act(entry)),
            Target::AllExcept(except) => {
                let kept = |entry: &&Entry<C>| !except.contains(&entry.id);
                self.connections.iter().map(|(_, entry)| entry).filter(kept).for_each(act);
            }
            Target::Connection(id) => self.found(id).into_iter().for_each(act),
            Target::Connections(ids) => distinct(ids).filter_map(|id| self.found(id)).for_each(act),
        }
    }

    /// Whether a group has members.
    pub(crate) fn has_group(&self, group: &str) -> bool {
        self.by_group.contains_key(group)
    }

    /// How many connections there are.
    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    fn found(&self, id: &str) -> Option<&Entry<C>> {
        self.connections.get(*self.by_id.get(id)?)
    }

    fn entry(&mut self, id: &str) -> Option<(usize, &mut Entry<C>)> {
        let key = *self.by_id.get(id)?;
        Some((key, self.connections.get_mut(key)?))
    }
}

/// Each name of a list once, in order.
fn distinct<T: Eq + std::hash::Hash>(names: &[T]) -> impl Iterator<Item = &T> {
    let mut seen = HashSet::with_capacity(names.len());
    names.iter().filter(move |name| seen.insert(*name))
}

/// Says whether it was the last of a name.
fn remove_from(map: &mut HashMap<Arc<str>, HashSet<usize>>, name: &Arc<str>, key: usize) -> bool {
    let Some(members) = map.get_mut(name) else { return false };
    members.remove(&key);
    let is_last = members.is_empty();
    if is_last {
        map.remove(name);
    }
    is_last
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Connections a, b, c; a and b are one user; a is in red and blue, c in red.
    fn index() -> Index<&'static str> {
        let mut index = Index::default();
        for (id, user) in [("a", Some("ann")), ("b", Some("ann")), ("c", None)] {
            index.insert(id.into(), user.map(Into::into), id);
        }
        for (id, group) in [("a", "red"), ("a", "blue"), ("c", "red"), ("c", "red")] {
            assert!(index.join(id, &group.into()));
        }
        index
    }

    fn meant(index: &Index<&'static str>, target: &Target) -> Vec<&'static str> {
        let mut found = Vec::new();
        index.select(target, |client| found.push(*client));
        found.sort_unstable();
        found
    }

    #[test]
    fn each_target_means_its_connections() {
        let index = index();
        for (target, expected) in [
            (Target::All, vec!["a", "b", "c"]),
            (Target::AllExcept(vec!["b".into(), "x".into()]), vec!["a", "c"]),
            (Target::Connection("b".into()), vec!["b"]),
            (Target::Connection("x".into()), vec![]),
            (Target::Connections(vec!["b".into(), "b".into(), "x".into(), "a".into()]), vec!["a", "b"]),
            (Target::Group("red".into()), vec!["a", "c"]),
            (Target::Group("RED".into()), vec![]),
            (Target::Groups(vec!["red".into(), "blue".into()]), vec!["a", "a", "c"]),
            (Target::GroupExcept("red".into(), vec!["a".into()]), vec!["c"]),
            (Target::User("ann".into()), vec!["a", "b"]),
            (Target::User("".into()), vec![]),
            (Target::Users(vec!["ann".into(), "ann".into()]), vec!["a", "b"]),
        ] {
            assert_eq!(meant(&index, &target), expected, "{target:?}");
        }
    }

    #[test]
    fn who_leaves_is_gone_and_empty_groups_vanish() {
        let mut index = index();
        assert!(index.leave("a", &"red".into()));
        assert_eq!(meant(&index, &Target::Group("red".into())), ["c"]);
        let mut gone = Vec::new();
        for id in ["c", "c", "a"] {
            index.remove(id, |topic| gone.push(topic));
        }
        let group = |name: &str| Topic::Group(name.into());
        let connection = |id: &str| Topic::Connection(id.into());
        assert_eq!(
            gone,
            [connection("c"), group("red"), connection("a"), group("blue")],
            "ann is there still"
        );
        assert_eq!(meant(&index, &Target::All), ["b"]);
        assert!(index.by_group.is_empty());
        assert!(!index.join("c", &"red".into()));
        assert!(!index.leave("c", &"red".into()));
        assert_eq!(index.len(), 1);
    }
}
