//! Who is here, who is in which room, and who is banned.
//!
//! A person may have several windows open, and each is a connection of its own. Others hear of the person: of the first
//! window that comes and of the last one that goes.

use std::collections::{BTreeSet, HashMap, HashSet};

use actix_signalr::{HubCallerContext, HubError, HubResult};

/// Nothing in here waits, so the hub keeps it behind a plain lock.
#[derive(Default)]
pub(crate) struct People {
    /// The windows of each person who is here.
    windows: HashMap<String, Vec<HubCallerContext>>,
    /// The windows in each room, by connection id, and whose they are. A room without any does not exist.
    rooms: HashMap<String, HashMap<String, String>>,
    banned: HashSet<String>,
}

impl People {
    /// A window comes; says whether it is the person's first.
    pub(crate) fn come(&mut self, name: &str, window: HubCallerContext) -> HubResult<bool> {
        if self.banned.contains(name) {
            return Err(HubError::new("you are banned"));
        }
        let windows = self.windows.entry(name.to_owned()).or_default();
        windows.push(window);
        Ok(windows.len() == 1)
    }

    /// A window goes; says whether it was the person's last. A window that was refused never came.
    pub(crate) fn go(&mut self, name: &str, connection_id: &str) -> bool {
        let Some(windows) = self.windows.get_mut(name) else { return false };
        windows.retain(|window| window.connection_id() != connection_id);
        let is_last = windows.is_empty();
        if is_last {
            self.windows.remove(name);
        }
        is_last
    }

    /// Bans a person; hands out the windows to close.
    pub(crate) fn ban(&mut self, name: &str) -> HubResult<Vec<HubCallerContext>> {
        let windows = self.windows.get(name).ok_or_else(nobody)?;
        if self.banned.len() >= MOST_BANNED {
            return Err(HubError::new("the list of the banned is full"));
        }
        self.banned.insert(name.to_owned());
        Ok(windows.clone())
    }

    /// A window joins a room; says whether it is the person's first there.
    pub(crate) fn join(&mut self, room: &str, name: &str, connection_id: &str) -> HubResult<bool> {
        let is_open = |windows: &Vec<HubCallerContext>| {
            windows.iter().any(|window| window.connection_id() == connection_id)
        };
        // A call may be late: a window that has gone already would never be taken out of the room again.
        if !self.windows.get(name).is_some_and(is_open) {
            return Err(HubError::new("the connection is over"));
        }
        let joined = self.rooms.values().filter(|members| members.contains_key(connection_id)).count();
        if joined >= MOST_ROOMS_JOINED && !self.is_member(room, connection_id) {
            return Err(HubError::new("you are in too many rooms; leave one first"));
        }
        if self.rooms.len() >= MOST_ROOMS && !self.rooms.contains_key(room) {
            return Err(HubError::new("there are too many rooms"));
        }
        let members = self.rooms.entry(room.to_owned()).or_default();
        let is_first = !members.values().any(|member| member == name);
        members.insert(connection_id.to_owned(), name.to_owned());
        Ok(is_first)
    }

    /// A window leaves a room; says whether the person has left it with that.
    pub(crate) fn leave(&mut self, room: &str, connection_id: &str) -> bool {
        let Some(members) = self.rooms.get_mut(room) else { return false };
        let Some(name) = members.remove(connection_id) else { return false };
        let has_left = !members.values().any(|member| *member == name);
        if members.is_empty() {
            self.rooms.remove(room);
        }
        has_left
    }

    /// The rooms a window is in.
    pub(crate) fn rooms_of(&self, connection_id: &str) -> Vec<String> {
        let rooms = self.rooms.iter().filter(|(_, members)| members.contains_key(connection_id));
        rooms.map(|(room, _)| room.clone()).collect()
    }

    /// Whether a window is in a room.
    pub(crate) fn is_member(&self, room: &str, connection_id: &str) -> bool {
        self.rooms.get(room).is_some_and(|members| members.contains_key(connection_id))
    }

    /// The names of those in a room.
    pub(crate) fn members(&self, room: &str) -> BTreeSet<String> {
        self.rooms.get(room).into_iter().flat_map(HashMap::values).cloned().collect()
    }

    /// The names of those who are here.
    pub(crate) fn names(&self) -> BTreeSet<String> {
        self.windows.keys().cloned().collect()
    }

    /// Only for those who are here.
    pub(crate) fn expect_here(&self, name: &str) -> HubResult {
        if self.windows.contains_key(name) { Ok(()) } else { Err(nobody()) }
    }
}

fn nobody() -> HubError {
    HubError::new("nobody of that name is here")
}

/// Whatever people can fill has an end.
const MOST_BANNED: usize = 10_000;
const MOST_ROOMS: usize = 1_000;
const MOST_ROOMS_JOINED: usize = 20;
