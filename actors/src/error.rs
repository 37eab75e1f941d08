//! Errors of hub methods and of sends, and what a client is told of them.

use std::{borrow::Cow, error::Error, fmt};

/// What a hub method returns: a value for the caller, or an error.
pub type HubResult<T = ()> = Result<T, HubError>;

/// Why a hub method failed.
///
/// [`HubError::new`] is for the client to read: its text is sent to the caller, as that of a
/// `HubException` is. Any other error, arriving through `?`, stays on the server: the caller sees
/// a fixed sentence, unless [`detailed_errors`](crate::HubOptions::detailed_errors) is on.
///
/// Like `anyhow::Error` it does not implement [`Error`] itself, so that every error converts
/// into it.
///
/// ```
/// use actix_signalr_actors::{HubError, HubResult};
///
/// fn parse(text: &str) -> HubResult<i32> {
///     if text.is_empty() {
///         return Err(HubError::new("say a number")); // the client reads this
///     }
///     Ok(text.parse()?) // and not this
/// }
/// # assert!(parse("").is_err() && parse("x").is_err());
/// ```
pub struct HubError(Kind);

enum Kind {
    ForClient(Cow<'static, str>),
    Internal { name: &'static str, source: Box<dyn Error + Send + Sync> },
}

impl HubError {
    /// The name under which a client sees an error that is meant for it.
    const CLIENT_NAME: &'static str = "HubException";

    /// An error whose text the client is meant to read.
    pub fn new(message: impl Into<Cow<'static, str>>) -> Self {
        Self(Kind::ForClient(message.into()))
    }

    /// An error that stays on the server, under the name that detailed errors show for it.
    pub fn internal(name: &'static str, message: impl Into<String>) -> Self {
        Self(Kind::Internal { name, source: message.into().into() })
    }

    /// Whether the client is meant to read it.
    #[must_use]
    pub const fn is_for_client(&self) -> bool {
        matches!(self.0, Kind::ForClient(_))
    }

    /// Its name, as detailed errors show it. One of few: names of types, and of errors of the original.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match &self.0 {
            Kind::ForClient(_) => Self::CLIENT_NAME,
            Kind::Internal { name, .. } => name,
        }
    }

    /// What a log may say of it: an error of the server, but nothing a client has sent or is told.
    pub(crate) fn log_text(&self) -> Option<&(dyn Error + Send + Sync)> {
        match &self.0 {
            Kind::Internal { source, .. } if !source.is::<ProtocolError>() => Some(source.as_ref()),
            Kind::Internal { .. } | Kind::ForClient(_) => None,
        }
    }

    /// The text of the error alone.
    #[must_use]
    pub fn message(&self) -> Cow<'_, str> {
        match &self.0 {
            Kind::ForClient(message) => Cow::Borrowed(message),
            Kind::Internal { source, .. } => Cow::Owned(source.to_string()),
        }
    }

    /// The sentence the client gets: `base` alone, or with the error behind it where it is meant
    /// for the client or `detailed` is on. Specification of the protocol, error texts.
    #[must_use]
    pub(crate) fn told_to_client(&self, base: &str, detailed: bool) -> String {
        match &self.0 {
            Kind::ForClient(message) => format!("{base} {}: {message}", Self::CLIENT_NAME),
            Kind::Internal { name, source } if detailed => format!("{base} {name}: {source}"),
            Kind::Internal { .. } => base.to_owned(),
        }
    }
}

impl<E: Error + Send + Sync + 'static> From<E> for HubError {
    fn from(err: E) -> Self {
        let source: Box<dyn Error + Send + Sync> = Box::new(err);
        let name = source.downcast_ref::<ProtocolError>().map(|err| err.name);
        Self(Kind::Internal { name: name.unwrap_or_else(short_type_name::<E>), source })
    }
}

impl fmt::Display for HubError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message())
    }
}

impl fmt::Debug for HubError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::ForClient(message) => f.debug_tuple("HubError").field(message).finish(),
            Kind::Internal { source, .. } => f.debug_tuple("HubError").field(source).finish(),
        }
    }
}

/// What a client that asked for details sees as the name of the error.
fn short_type_name<E>() -> &'static str {
    short_name(std::any::type_name::<E>())
}

/// `a::b::C<d::E>` as `C`.
pub(crate) fn short_name(name: &'static str) -> &'static str {
    let name = name.split('<').next().unwrap_or(name);
    name.rsplit("::").next().unwrap_or(name)
}

/// Why a message was not sent.
///
/// That a client has gone, or that nobody is there to receive, is no error.
#[derive(Debug)]
#[non_exhaustive]
pub enum SendError {
    /// The arguments cannot be written in the client's protocol. Nobody received anything.
    Serialize(Box<dyn Error + Send + Sync>),
    /// A name that has to be given was empty: of a group in a list of groups.
    EmptyName,
    /// The group is only for those who meet a policy, and the connection's user does not.
    NotAuthorized,
    /// The worker that was to deliver it has ended.
    Closed,
    /// Other servers did not get it, or it is not known whether they did. The clients of this one have it.
    Backplane(BackplaneError),
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Serialize(err) => write!(f, "the arguments cannot be serialised: {err}"),
            Self::EmptyName => f.write_str("a group needs a name"),
            Self::NotAuthorized => f.write_str("the connection may not join the group"),
            Self::Closed => f.write_str("the worker that serves the connection has ended"),
            Self::Backplane(err) => write!(f, "other servers were not reached: {err}"),
        }
    }
}

impl Error for SendError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Serialize(err) => Some(err.as_ref()),
            Self::Backplane(err) => Some(err),
            Self::EmptyName | Self::NotAuthorized | Self::Closed => None,
        }
    }
}

/// Why other servers were not reached.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BackplaneError {
    /// They were out of reach for longer than a message waits.
    Unreachable,
    /// Too much waits for them already.
    Full,
    /// It was sent, and the link broke before anybody said that it has arrived. It may have.
    Unconfirmed,
    /// The carrier refused it, for this reason.
    Refused(String),
    /// No server has said that it has done what it was asked for: most likely none has the connection.
    Unacknowledged,
}

impl fmt::Display for BackplaneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable => f.write_str("the backplane is out of reach"),
            Self::Full => f.write_str("too much waits for the backplane already"),
            Self::Unconfirmed => f.write_str("the link to the backplane broke; it may have arrived"),
            Self::Refused(reason) => write!(f, "the backplane refused it: {reason}"),
            Self::Unacknowledged => f.write_str("no server has the connection, or its answer is lost"),
        }
    }
}

impl Error for BackplaneError {}

/// What a client sent that it must not send, or what it cannot be sent.
///
/// `name` and the text are what a client that asked for details sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProtocolError {
    name: &'static str,
    message: Cow<'static, str>,
}

impl ProtocolError {
    /// A message that breaks the protocol's rules.
    pub fn invalid_data(message: impl Into<Cow<'static, str>>) -> Self {
        Self { name: "InvalidDataException", message: message.into() }
    }

    /// The name of the failure: one of few.
    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    /// A failure known by another name.
    pub fn named(name: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self { name, message: message.into() }
    }
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for ProtocolError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_reads_what_is_meant_for_it_and_nothing_else() {
        let told = |err: HubError, detailed| err.told_to_client("It failed.", detailed);

        assert_eq!(told(HubError::new("bad"), false), "It failed. HubException: bad");
        assert_eq!(told(std::fmt::Error.into(), false), "It failed.");
        assert_eq!(told(HubError::internal("IoError", "disk"), true), "It failed. IoError: disk");
    }

    #[test]
    fn an_error_is_shown_by_its_short_name() {
        assert_eq!(short_type_name::<Option<std::fmt::Error>>(), "Option");
        let told = HubError::from(std::fmt::Error).told_to_client("x", true);
        assert!(told.starts_with("x Error: "), "{told}");
    }
}
