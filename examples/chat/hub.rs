//! The hub: what the page calls, and what it hears.

use std::{
    collections::BTreeSet,
    time::{SystemTime, UNIX_EPOCH},
};

use actix_signalr::{HubCallerContext, HubError, HubResult, hub};
use parking_lot::Mutex;
use serde::Serialize;

use crate::people::People;

/// One hub for all connections, on all threads.
#[derive(Default)]
pub(crate) struct ChatHub {
    people: Mutex<People>,
}

/// Whatever stands in this block can be called by those who have signed in.
#[hub]
#[authorize]
impl ChatHub {
    /// Says something in a room. Everybody is in the lobby; elsewhere one has to have joined.
    async fn send_message(&self, ctx: HubCallerContext, room: String, text: String) -> HubResult {
        let (room, from) = (room_name(&room)?, name(&ctx)?);
        check_text(&text)?;
        let listeners = if room == LOBBY {
            ctx.clients().all()
        } else if self.people.lock().is_member(&room, ctx.connection_id()) {
            ctx.clients().group(&room)
        } else {
            return Err(HubError::new("join the room first"));
        };
        listeners.send("ReceiveMessage", (Message { room: &room, from, text: &text, at: now() },)).await?;
        Ok(())
    }

    /// Says something to one person, in all windows of both.
    async fn send_direct(&self, ctx: HubCallerContext, user: String, text: String) -> HubResult {
        let from = name(&ctx)?;
        check_text(&text)?;
        self.people.lock().expect_here(&user)?;
        let message = Direct { from, to: &user, text: &text, at: now() };
        ctx.clients().users([from, &user]).send("ReceiveDirect", (message,)).await?;
        Ok(())
    }

    /// Joins a room, which need not exist before; answers who is in it.
    async fn join_room(&self, ctx: HubCallerContext, room: String) -> HubResult<Room> {
        let (room, name) = (room_name(&room)?, name(&ctx)?);
        if room == LOBBY {
            return Ok(Room { room, members: self.people.lock().names() });
        }
        let is_first = self.people.lock().join(&room, name, ctx.connection_id())?;
        ctx.groups().add(ctx.connection_id(), &room).await?;
        if is_first {
            let joined = RoomChange { room: &room, name };
            ctx.clients().others_in_group(&room).send("RoomJoined", (joined,)).await?;
        }
        let members = self.people.lock().members(&room);
        Ok(Room { room, members })
    }

    /// Leaves a room. Leaving one that one is not in changes nothing.
    async fn leave_room(&self, ctx: HubCallerContext, room: String) -> HubResult {
        let room = room_name(&room)?;
        if room == LOBBY {
            return Err(HubError::new("nobody leaves the lobby"));
        }
        ctx.groups().remove(ctx.connection_id(), &room).await?;
        self.leave(&ctx, &room).await
    }

    /// Puts a person out, and keeps that name out for as long as the server runs.
    #[authorize("DomainRestricted")]
    async fn ban_user(&self, ctx: HubCallerContext, user: String) -> HubResult {
        let by = name(&ctx)?;
        if user == by {
            return Err(HubError::new("you cannot ban yourself"));
        }
        let windows = self.people.lock().ban(&user)?;
        ctx.clients().all().send("Banned", (Banned { user: &user, by },)).await?;
        for window in windows {
            window.abort();
        }
        Ok(())
    }

    /// The names of all who are here.
    async fn who_is_here(&self, _ctx: HubCallerContext) -> HubResult<BTreeSet<String>> {
        Ok(self.people.lock().names())
    }

    /// Not called by clients: runs when one has connected. An error refuses the connection.
    async fn on_connected(&self, ctx: HubCallerContext) -> HubResult {
        let name = name(&ctx)?;
        let is_first = self.people.lock().come(name, ctx.clone())?;
        if is_first {
            ctx.clients().others().send("Joined", (name,)).await?;
        }
        Ok(())
    }

    /// Not called by clients: runs when one has gone, for whatever reason.
    async fn on_disconnected(&self, ctx: HubCallerContext, _error: Option<HubError>) -> HubResult {
        let name = name(&ctx)?;
        let rooms = self.people.lock().rooms_of(ctx.connection_id());
        for room in rooms {
            self.leave(&ctx, &room).await?;
        }
        let is_last = self.people.lock().go(name, ctx.connection_id());
        if is_last {
            ctx.clients().others().send("Left", (name,)).await?;
        }
        Ok(())
    }
}

/// What stands here cannot be called by clients.
impl ChatHub {
    /// A window is no longer in a room: those who are hear of it, if it was the person's last there.
    async fn leave(&self, ctx: &HubCallerContext, room: &str) -> HubResult {
        let name = name(ctx)?;
        let has_left = self.people.lock().leave(room, ctx.connection_id());
        if has_left {
            ctx.clients().others_in_group(room).send("RoomLeft", (RoomChange { room, name },)).await?;
        }
        Ok(())
    }
}

/// Heard as `ReceiveMessage`.
#[derive(Serialize)]
struct Message<'a> {
    room: &'a str,
    from: &'a str,
    text: &'a str,
    /// Milliseconds since 1970.
    at: u64,
}

/// Heard as `ReceiveDirect`.
#[derive(Serialize)]
struct Direct<'a> {
    from: &'a str,
    to: &'a str,
    text: &'a str,
    /// Milliseconds since 1970.
    at: u64,
}

/// Heard as `RoomJoined` and `RoomLeft`.
#[derive(Serialize)]
struct RoomChange<'a> {
    room: &'a str,
    name: &'a str,
}

/// Heard as `Banned`.
#[derive(Serialize)]
struct Banned<'a> {
    user: &'a str,
    by: &'a str,
}

/// What `JoinRoom` answers.
#[derive(Serialize)]
struct Room {
    room: String,
    members: BTreeSet<String>,
}

/// The caller's full name, which is the user id here.
fn name(ctx: &HubCallerContext) -> HubResult<&str> {
    ctx.user_id().ok_or_else(|| HubError::new("the token names nobody"))
}

/// A room's name in lower case, so that Garden and garden are one room.
fn room_name(room: &str) -> HubResult<String> {
    let room = room.trim().to_lowercase();
    let is_usual = |c: char| c.is_alphanumeric() || ".-_".contains(c);
    if !(1..=LONGEST_ROOM_NAME).contains(&room.chars().count()) || !room.chars().all(is_usual) {
        return Err(HubError::new("a room's name is 1 to 40 letters, digits, dots, dashes or underscores"));
    }
    Ok(room)
}

fn check_text(text: &str) -> HubResult {
    if text.trim().is_empty() {
        return Err(HubError::new("say something"));
    }
    if text.chars().count() > LONGEST_TEXT {
        return Err(HubError::new("that is too long: a message has up to 2000 characters"));
    }
    Ok(())
}

fn now() -> u64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX)
}

const LOBBY: &str = "lobby";
const LONGEST_TEXT: usize = 2000;
const LONGEST_ROOM_NAME: usize = 40;
