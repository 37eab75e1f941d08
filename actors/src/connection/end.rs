//! How a connection ends.

use crate::{HubError, ProtocolError};

/// What the hub and the client are told in the end.
#[derive(Debug, Default)]
pub(super) struct End {
    /// What the hub is told.
    pub(super) error: Option<HubError>,
    /// What the client is told.
    pub(super) told: Option<String>,
    pub(super) allow_reconnect: bool,
    /// The client has gone, or does not read: there is nobody to tell.
    pub(super) is_gone: bool,
}

impl End {
    /// The client has said that it goes, and why if it is not just over.
    pub(super) fn by_client(error: Option<&str>) -> Self {
        Self { error: error.map(|text| HubError::new(text.to_owned())), ..Self::default() }
    }

    /// Something the client did, or did not do; it may come back.
    pub(super) fn failed(err: ProtocolError, detailed: bool) -> Self {
        let error = HubError::from(err);
        let told = error.told_to_client(CLOSED, detailed);
        Self { error: Some(error), told: Some(told), allow_reconnect: true, is_gone: false }
    }

    /// The hub does not take the client.
    pub(super) fn refused(err: &HubError, detailed: bool) -> Self {
        Self { told: Some(err.told_to_client(CLOSED, detailed)), ..Self::default() }
    }

    /// The client is not there any more, or does not read.
    pub(super) fn gone(error: Option<HubError>) -> Self {
        Self { error, is_gone: true, ..Self::default() }
    }
}

/// What a close message says, before the details.
const CLOSED: &str = "Connection closed with an error.";
