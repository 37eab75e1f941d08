//! What is open between a connection and its hub besides plain calls: uploads, and calls that can be cancelled.

use std::{collections::HashMap, sync::Arc};

use bytestring::ByteString;
use tokio_util::sync::CancellationToken;

use crate::{
    HubError,
    hub::{Pushed, Upload},
    protocol::{Argument, CompletionOutcome},
};

/// Uploads and cancellable calls of a connection, by the ids that the client gave them.
#[derive(Debug, Default)]
pub(super) struct Streams {
    uploads: HashMap<ByteString, Arc<Upload>>,
    calls: HashMap<ByteString, CancellationToken>,
}

impl Streams {
    /// The first id that another upload has already, or that stands twice in the list.
    pub(super) fn upload_in_use<'a>(&self, ids: &'a [ByteString]) -> Option<&'a ByteString> {
        let is_open = |id: &ByteString| self.uploads.get(id).is_some_and(|upload| !upload.is_given_up());
        ids.iter().enumerate().find(|(at, id)| is_open(id) || ids[..*at].contains(id)).map(|(_, id)| id)
    }

    pub(super) fn begin_uploads(&mut self, ids: Vec<ByteString>, uploads: Vec<Arc<Upload>>) {
        // A client need not end what no method takes any more.
        self.uploads.retain(|_, upload| !upload.is_given_up());
        self.uploads.extend(ids.into_iter().zip(uploads));
    }

    pub(super) fn is_call(&self, id: &str) -> bool {
        self.calls.contains_key(id)
    }

    pub(super) fn begin_call(&mut self, id: ByteString, token: CancellationToken) {
        self.calls.insert(id, token);
    }

    pub(super) fn end_calls(&mut self, ids: Vec<ByteString>) {
        for id in ids {
            self.calls.remove(&id);
        }
    }

    /// The client wants no more of a call; an unknown one is no error.
    pub(super) fn cancel(&self, id: &str) {
        if let Some(token) = self.calls.get(id) {
            token.cancel();
        }
    }

    /// Hands an item to its upload; hands it back where there is no room. Items of unknown uploads are dropped.
    pub(super) fn push(&mut self, stream_id: &str, item: Argument) -> Option<Argument> {
        match self.uploads.get(stream_id)?.push(item) {
            Pushed::Taken => None,
            Pushed::Full(item) => Some(item),
            Pushed::GivenUp => {
                self.uploads.remove(stream_id);
                None
            }
        }
    }

    /// Ends an upload; hands the completion back where it is of none.
    pub(super) fn end_upload(&mut self, id: &str, outcome: CompletionOutcome) -> Option<CompletionOutcome> {
        let Some(upload) = self.uploads.remove(id) else { return Some(outcome) };
        upload.end(match outcome {
            CompletionOutcome::Error(error) => Some(HubError::new(error.to_string())),
            // A result of an upload means nothing.
            CompletionOutcome::Result(_) | CompletionOutcome::Nothing => None,
        });
        None
    }

    /// The connection is over.
    pub(super) fn close(&mut self) {
        for (_, upload) in self.uploads.drain() {
            let text = "The underlying connection was closed.";
            upload.end(Some(HubError::internal("OperationCanceledException", text)));
        }
        self.calls.clear();
    }
}
