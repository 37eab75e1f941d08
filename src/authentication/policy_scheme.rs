//! A scheme that lets others do its work.

use std::{borrow::Cow, fmt};

use futures::future::LocalBoxFuture;

use crate::authentication::{
    AuthenticateResult, AuthenticationFailure, AuthenticationRequest, AuthenticationScheme,
    ConfigurationError, SchemeOperation,
};

/// A scheme that lets others do its work, and chooses which by the request.
///
/// ```
/// use actix_signalr::PolicyScheme;
///
/// let smart = PolicyScheme::new("Smart").select(|request| {
///     if request.http().headers().contains_key("authorization") { "Bearer" } else { "Cookies" }
/// });
/// ```
pub struct PolicyScheme {
    name: String,
    by_operation: Vec<(SchemeOperation, String)>,
    selector: Option<Box<Selector>>,
}

type Selector = dyn Fn(&AuthenticationRequest<'_>) -> Cow<'static, str> + Send + Sync;

impl PolicyScheme {
    /// A scheme of that name, still without a target.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), by_operation: Vec::new(), selector: None }
    }

    /// Chooses the scheme by the request.
    #[must_use]
    pub fn select<S: Into<Cow<'static, str>>>(
        mut self,
        selector: impl Fn(&AuthenticationRequest<'_>) -> S + Send + Sync + 'static,
    ) -> Self {
        self.selector = Some(Box::new(move |request| selector(request).into()));
        self
    }

    /// Lets one scheme do this operation for every request, whatever [`select`](Self::select) says.
    #[must_use]
    pub fn forward(mut self, operation: SchemeOperation, scheme: impl Into<String>) -> Self {
        self.by_operation.retain(|(known, _)| *known != operation);
        self.by_operation.push((operation, scheme.into()));
        self
    }
}

impl AuthenticationScheme for PolicyScheme {
    fn name(&self) -> &str {
        &self.name
    }

    /// Comes here only without a target, or with itself as one.
    fn authenticate<'a>(
        &'a self,
        _request: &'a AuthenticationRequest<'a>,
    ) -> LocalBoxFuture<'a, AuthenticateResult> {
        let failure = AuthenticationFailure::new("the policy scheme names no scheme to forward to");
        Box::pin(std::future::ready(AuthenticateResult::Failure(failure)))
    }

    fn forward_to(
        &self,
        request: &AuthenticationRequest<'_>,
        operation: SchemeOperation,
    ) -> Option<Cow<'_, str>> {
        let fixed = self.by_operation.iter().find(|(known, _)| *known == operation);
        match (fixed, &self.selector) {
            (Some((_, scheme)), _) => Some(Cow::Borrowed(scheme)),
            (None, Some(selector)) => Some(selector(request)),
            (None, None) => None,
        }
    }

    fn validate(&self) -> Result<(), ConfigurationError> {
        if self.selector.is_some() || !self.by_operation.is_empty() {
            return Ok(());
        }
        Err(ConfigurationError::InvalidOption {
            scheme: self.name.clone(),
            option: "select",
            reason: "has not been called, so there is nothing to forward to",
        })
    }
}

impl fmt::Debug for PolicyScheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PolicyScheme")
            .field("name", &self.name)
            .field("by_operation", &self.by_operation)
            .finish_non_exhaustive()
    }
}
