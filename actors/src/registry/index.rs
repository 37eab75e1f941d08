//! Connections, users and groups as plain maps.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use slab::Slab;

use crate::{
    ConnectionId,
    give_back::{GiveBack, is_too_large},
    registry::{Target, Topic},
};

/// Which connections a target means. `C` is whatever a connection is reached by.
#[derive(Debug)]
pub(crate) struct Index<C> {
    connections: Slab<Entry<C>>,
    by_id: HashMap<ConnectionId, usize>,
    by_user: Names,
    by_group: Names,
}

/// The connections of each name. Each knows its place in the list, so that it can leave without being looked for, and the list is
/// gone through without hashing.
type Names = HashMap<Arc<str>, Vec<usize>>;

#[derive(Debug)]
struct Entry<C> {
    id: ConnectionId,
    user: Option<Membership>,
    groups: Vec<Membership>,
    client: C,
}

/// That a connection is in a group, or of a user.
#[derive(Debug)]
pub(crate) struct Membership {
    pub(crate) name: Arc<str>,
    /// Its place among those of the name.
    place: usize,
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
        let key = self.connections.vacant_key();
        let user = user_id.map(|name| Membership::add(&mut self.by_user, name, key));
        self.connections.insert(Entry { id: id.clone(), user, groups: Vec::new(), client });
        self.by_id.insert(id, key);
    }

    /// Removes a connection from everywhere, and calls `gone` with what nobody is left for; without effect if it is not
    /// there.
    pub(crate) fn remove(&mut self, id: &str, mut gone: impl FnMut(Topic)) {
        let Some(key) = self.by_id.remove(id) else { return };
        let Some(entry) = self.connections.try_remove(key) else { return };
        gone(Topic::Connection(entry.id));
        for group in entry.groups {
            if self.leave_group(&group) {
                gone(Topic::Group(group.name));
            }
        }
        if let Some(user) = entry.user
            && self.leave_user(&user)
        {
            gone(Topic::User(user.name));
        }
        // A wave of connections must not keep its memory for good.
        self.by_id.give_back();
        if is_too_large(self.connections.len(), self.connections.capacity()) {
            self.close_up();
        }
    }

    /// Moves the connections that are left together: one of them may have come last, and keep the places of all others.
    fn close_up(&mut self) {
        let few = Slab::with_capacity(self.connections.len() * 2);
        for (_, entry) in std::mem::replace(&mut self.connections, few) {
            let key = self.connections.vacant_key();
            if let Some(known) = self.by_id.get_mut(&entry.id) {
                *known = key;
            }
            if let Some(user) = &entry.user {
                user.moves(&mut self.by_user, key);
            }
            for group in &entry.groups {
                group.moves(&mut self.by_group, key);
            }
            self.connections.insert(entry);
        }
    }

    /// Adds a connection to a group; says whether the connection is here.
    pub(crate) fn join(&mut self, id: &str, group: &Arc<str>) -> bool {
        let Some(key) = self.by_id.get(id) else { return false };
        let Some(entry) = self.connections.get_mut(*key) else { return false };
        if entry.groups.iter().all(|membership| membership.name != *group) {
            entry.groups.push(Membership::add(&mut self.by_group, group.clone(), *key));
        }
        true
    }

    /// Removes a connection from a group; says whether the connection is here.
    pub(crate) fn leave(&mut self, id: &str, group: &Arc<str>) -> bool {
        let Some(key) = self.by_id.get(id) else { return false };
        let Some(entry) = self.connections.get_mut(*key) else { return false };
        if let Some(at) = entry.groups.iter().position(|membership| membership.name == *group) {
            let membership = entry.groups.swap_remove(at);
            self.leave_group(&membership);
        }
        true
    }

    /// Calls `act` for each connection a target means.
    pub(crate) fn select(&self, target: &Target, mut act: impl FnMut(&C)) {
        self.select_members(target, |client, _| act(client));
    }

    /// The same, with the groups of each.
    pub(crate) fn select_members(&self, target: &Target, mut act: impl FnMut(&C, &[Membership])) {
        let mut act = |entry: &Entry<C>| act(&entry.client, &entry.groups);
        let mut members = |members: Option<&Vec<usize>>, except: &[ConnectionId]| {
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

    /// Says whether it was the last of the group.
    fn leave_group(&mut self, membership: &Membership) -> bool {
        let Left { moved, is_last } = membership.remove(&mut self.by_group);
        if let Some(entry) = moved.and_then(|key| self.connections.get_mut(key))
            && let Some(group) = entry.groups.iter_mut().find(|group| group.name == membership.name)
        {
            group.place = membership.place;
        }
        is_last
    }

    /// Says whether it was the last of the user.
    fn leave_user(&mut self, membership: &Membership) -> bool {
        let Left { moved, is_last } = membership.remove(&mut self.by_user);
        if let Some(entry) = moved.and_then(|key| self.connections.get_mut(key))
            && let Some(user) = &mut entry.user
        {
            user.place = membership.place;
        }
        is_last
    }
}

/// What has become of a list that a connection has left.
struct Left {
    /// Who has taken its place.
    moved: Option<usize>,
    /// It was the last, and the list is gone.
    is_last: bool,
}

impl Membership {
    fn add(names: &mut Names, name: Arc<str>, key: usize) -> Self {
        let members = names.entry(name.clone()).or_default();
        members.push(key);
        Self { name, place: members.len() - 1 }
    }

    fn remove(&self, names: &mut Names) -> Left {
        let members = names.get_mut(&self.name).filter(|members| self.place < members.len());
        let Some(members) = members else { return Left { moved: None, is_last: false } };
        members.swap_remove(self.place);
        // As with the connections: what was a large group must not stay one.
        members.give_back();
        let left = Left { moved: members.get(self.place).copied(), is_last: members.is_empty() };
        if left.is_last {
            names.remove(&self.name);
            names.give_back();
        }
        left
    }

    /// Its connection has another key.
    fn moves(&self, names: &mut Names, key: usize) {
        if let Some(place) = names.get_mut(&self.name).and_then(|members| members.get_mut(self.place)) {
            *place = key;
        }
    }
}

/// Each name of a list once, in order.
fn distinct<T: Eq + std::hash::Hash>(names: &[T]) -> impl Iterator<Item = &T> {
    let mut seen = HashSet::with_capacity(names.len());
    names.iter().filter(move |name| seen.insert(*name))
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

    fn meant<'a>(index: &Index<&'a str>, target: &Target) -> Vec<&'a str> {
        let mut found = Vec::new();
        index.select(target, |client| found.push(*client));
        found.sort_unstable();
        found
    }

    #[test]
    fn who_came_last_keeps_the_place_of_nobody_else() {
        let mut index = Index::default();
        let ids: Vec<String> = (0..1000).map(|i| i.to_string()).collect();
        for id in &ids {
            index.insert(id.as_str().into(), Some("ann".into()), id.clone());
            assert!(index.join(id, &"red".into()));
        }
        let (gone, left) = ids.split_at(990);
        gone.iter().for_each(|id| index.remove(id, |_| ()));
        assert!(index.connections.capacity() < 100, "{}", index.connections.capacity());
        let met = |target| {
            let mut met = Vec::new();
            index.select(&target, |id| met.push(id.clone()));
            met.sort();
            met
        };
        for target in [Target::All, Target::Group("red".into()), Target::User("ann".into())] {
            assert_eq!(met(target), left);
        }
        assert_eq!(met(Target::Connection(left[3].as_str().into())), left[3..4]);
        left.iter().for_each(|id| assert!(index.leave(id, &"red".into())));
        assert!(!index.has_group("red"));
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
    fn in_whatever_order_some_leave_the_others_stay() {
        let names: Vec<String> = (0..40).map(|number| number.to_string()).collect();
        let (group, target) = ("g".into(), Target::Group("g".into()));
        let mut index = Index::default();
        for name in &names {
            index.insert(name.as_str().into(), Some("ann".into()), name.as_str());
            index.join(name, &group);
            index.join(name, &name.as_str().into());
        }
        let mut left: Vec<&str> = names.iter().map(String::as_str).collect();
        for step in [7, 0, 31, 3, 1, 0, 20, 11, 2] {
            let leaver = left.remove(step);
            if step % 2 == 0 {
                assert!(index.leave(leaver, &group));
            } else {
                index.remove(leaver, |_| ());
            }
            let mut expected = left.clone();
            expected.sort_unstable();
            assert_eq!(meant(&index, &target), expected);
        }
        let of_user = left.len() + 4;
        assert_eq!(meant(&index, &Target::User("ann".into())).len(), of_user);
        let mut gone = Vec::new();
        for name in &names {
            index.remove(name, |topic| gone.push(topic));
        }
        assert!(index.by_group.is_empty() && index.by_user.is_empty());
        let last: Vec<&Topic> = gone.iter().filter(|topic| **topic == Topic::Group("g".into())).collect();
        assert_eq!(last.len(), 1, "it is said once that nobody is left");
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

    #[test]
    fn a_wave_of_connections_leaves_no_memory_behind() {
        let mut index = Index::default();
        let id = |number: usize| ConnectionId::from(number.to_string());
        for number in 0..1000 {
            index.insert(id(number), Some(format!("user {number}").into()), ());
            assert!(index.join(&id(number), &"all".into()) && index.join(&id(number), &"some".into()));
        }
        for number in 1..1000 {
            assert!(index.leave(&id(number), &"some".into()));
            index.remove(&id(number), |_| ());
        }
        let members = index.by_group.values().map(Vec::capacity).max().unwrap();
        let tables =
            [index.connections.capacity(), index.by_id.capacity(), index.by_user.capacity(), members];
        assert!(tables.iter().all(|capacity| *capacity < 20), "{tables:?}");
    }
}
