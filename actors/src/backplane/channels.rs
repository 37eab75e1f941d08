//! The names of the channels of a hub: those of the Redis backplane of ASP.NET Core, and one of our own.

use uuid::Uuid;

use crate::ConnectionId;

/// The channels of one hub on one server. Names go in as they are: not escaped, and compared with case.
#[derive(Clone, Debug)]
pub(crate) struct Channels {
    hub: String,
    server: String,
}

impl Channels {
    /// The channels of a hub, by the name all servers know it under; this server has a name that is its own.
    pub(crate) fn new(hub: &str) -> Self {
        let host = std::env::var("HOSTNAME").unwrap_or_else(|_| "server".to_owned());
        Self { hub: hub.to_owned(), server: format!("{host}_{}", Uuid::new_v4().simple()) }
    }

    /// The name of this server, for this hub.
    pub(crate) fn server(&self) -> &str {
        &self.server
    }

    fn name(&self, kind: &str, of: &str) -> String {
        [&self.hub, kind, of].concat()
    }

    /// To every connection.
    pub(crate) fn all(&self) -> String {
        self.name(":all", "")
    }

    /// To one connection.
    pub(crate) fn connection(&self, id: &ConnectionId) -> String {
        self.name(":connection:", id.as_str())
    }

    /// To the members of a group.
    pub(crate) fn group(&self, name: &str) -> String {
        self.name(":group:", name)
    }

    /// To the connections of a user.
    pub(crate) fn user(&self, id: &str) -> String {
        self.name(":user:", id)
    }

    /// To every server: a connection is to be added to a group, or removed.
    pub(crate) fn groups(&self) -> String {
        self.name(":internal:groups", "")
    }

    /// To a server: a group command of its has been followed.
    pub(crate) fn acks(&self, server: &str) -> String {
        self.name(":internal:ack:", server)
    }

    /// To this server: a client has answered.
    pub(crate) fn answers(&self) -> String {
        self.name(":internal:return:", &self.server)
    }

    /// To every server of this crate, what the original has no word for. Its servers do not subscribe to it.
    pub(crate) fn control(&self) -> String {
        self.name(":x:control", "")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_original() {
        let channels = Channels::new("Chat.ChatHub");
        assert_eq!(channels.all(), "Chat.ChatHub:all");
        assert_eq!(channels.connection(&"c".into()), "Chat.ChatHub:connection:c");
        assert_eq!(channels.group("a:*"), "Chat.ChatHub:group:a:*");
        assert_eq!(channels.group(""), "Chat.ChatHub:group:");
        assert_eq!(channels.user("é"), "Chat.ChatHub:user:é");
        assert_eq!(channels.groups(), "Chat.ChatHub:internal:groups");
        assert_eq!(channels.acks("S"), "Chat.ChatHub:internal:ack:S");
        assert_eq!(channels.answers(), format!("Chat.ChatHub:internal:return:{}", channels.server()));
    }

    #[test]
    fn each_server_has_a_name_of_its_own() {
        let (a, b) = (Channels::new("H"), Channels::new("H"));
        assert_ne!(a.server(), b.server());
        let (_, unique) = a.server().rsplit_once('_').unwrap();
        assert!(unique.len() == 32 && unique.bytes().all(|byte| byte.is_ascii_hexdigit()));
    }
}
