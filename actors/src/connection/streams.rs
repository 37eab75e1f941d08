//! What is open between a connection and its hub besides plain calls: uploads, and calls that can be cancelled.

use std::{collections::HashMap, sync::Arc};

use bytestring::ByteString;
use tokio_util::sync::CancellationToken;

use crate::{
    HubError,
    hub::{Pushed, Upload},
    protocol::{Argument, CompletionResult},
};

/// Uploads and cancellable calls of a connection, by the ids that the client gave them. Most connections never have any.
#[derive(Debug, Default)]
pub(super) struct Streams(Option<Box<Open>>);

#[derive(Debug, Default)]
struct Open {
    uploads: HashMap<ByteString, Arc<Upload>>,
    calls: HashMap<ByteString, CancellationToken>,
}

impl Streams {
    /// The first id that another upload has already, or that stands twice in the list.
    pub(super) fn upload_in_use<'a>(&self, ids: &'a [ByteString]) -> Option<&'a ByteString> {
        let is_open = |id: &ByteString| self.upload(id).is_some_and(|upload| !upload.is_given_up());
        ids.iter().enumerate().find(|(at, id)| is_open(id) || ids[..*at].contains(id)).map(|(_, id)| id)
    }

    pub(super) fn begin_uploads(&mut self, ids: Vec<ByteString>, uploads: Vec<Arc<Upload>>) {
        // A client need not end what no method takes any more.
        let open = self.0.get_or_insert_default();
        open.uploads.retain(|_, upload| !upload.is_given_up());
        open.uploads.extend(ids.into_iter().zip(uploads));
    }

    pub(super) fn is_call(&self, id: &str) -> bool {
        self.call(id).is_some()
    }

    pub(super) fn begin_call(&mut self, id: ByteString, token: CancellationToken) {
        self.0.get_or_insert_default().calls.insert(id, token);
    }

    pub(super) fn end_calls(&mut self, ids: Vec<ByteString>) {
        let Some(open) = &mut self.0 else { return };
        for id in ids {
            open.calls.remove(&id);
        }
    }

    /// The client wants no more of a call; an unknown one is no error.
    pub(super) fn cancel(&self, id: &str) {
        if let Some(token) = self.call(id) {
            token.cancel();
        }
    }

    /// Hands an item to its upload; hands it back where there is no room. Items of unknown uploads are dropped.
    pub(super) fn push(&mut self, stream_id: &str, item: Argument) -> Option<Argument> {
        let open = self.0.as_mut()?;
        match open.uploads.get(stream_id)?.push(item) {
            Pushed::Taken => None,
            Pushed::Full(item) => Some(item),
            Pushed::GivenUp => {
                open.uploads.remove(stream_id);
                None
            }
        }
    }

    /// Ends an upload; hands the completion back where it is of none.
    pub(super) fn end_upload(&mut self, id: &str, outcome: CompletionResult) -> Option<CompletionResult> {
        let upload = self.0.as_mut().and_then(|open| open.uploads.remove(id));
        let Some(upload) = upload else { return Some(outcome) };
        upload.end(match outcome {
            CompletionResult::Error(error) => Some(HubError::new(error.to_string())),
            // A result of an upload means nothing.
            CompletionResult::Value(_) | CompletionResult::Nothing => None,
        });
        None
    }

    /// The connection is over.
    pub(super) fn close(&mut self) {
        let Some(open) = self.0.take() else { return };
        for (_, upload) in open.uploads {
            let text = "The underlying connection was closed.";
            upload.end(Some(HubError::internal("OperationCanceledException", text)));
        }
    }

    fn upload(&self, id: &str) -> Option<&Arc<Upload>> {
        self.0.as_ref()?.uploads.get(id)
    }

    fn call(&self, id: &str) -> Option<&CancellationToken> {
        self.0.as_ref()?.calls.get(id)
    }
}
