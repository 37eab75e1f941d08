//! The application's say when a client wants to replace its credentials.

use std::{fmt, future::Future, sync::Arc, time::SystemTime};

use actix_signalr_actors::{ClaimsPrincipal, HubResult};
use actix_web::HttpRequest;
use futures::future::LocalBoxFuture;

/// Credentials that are to take the place of a connection's; those of the same user, or nobody would be asked.
///
/// For [`HttpConnectionOptions::on_authentication_refresh`](crate::HttpConnectionOptions::on_authentication_refresh).
pub struct AuthenticationRefreshContext {
    pub(crate) http: HttpRequest,
    pub(crate) connection_id: String,
    pub(crate) previous_user: Arc<ClaimsPrincipal>,
    pub(crate) new_user: Arc<ClaimsPrincipal>,
    pub(crate) new_expiration: Option<SystemTime>,
}

impl AuthenticationRefreshContext {
    /// The request that brings them: one to refresh, a poll, or one that resumes the connection.
    #[must_use]
    pub const fn http(&self) -> &HttpRequest {
        &self.http
    }

    /// The public id of the connection.
    #[must_use]
    pub fn connection_id(&self) -> &str {
        &self.connection_id
    }

    /// Who the client is now; before it has connected, who has negotiated.
    #[must_use]
    pub fn previous_user(&self) -> &ClaimsPrincipal {
        &self.previous_user
    }

    /// Who the client is to be.
    #[must_use]
    pub fn new_user(&self) -> &ClaimsPrincipal {
        &self.new_user
    }

    /// When the new credentials expire, or sooner where the route allows no more; `None` is never.
    #[must_use]
    pub const fn new_expiration(&self) -> Option<SystemTime> {
        self.new_expiration
    }
}

impl fmt::Debug for AuthenticationRefreshContext {
    /// Without the request, which holds the credentials, and without the claims.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthenticationRefreshContext")
            .field("connection_id", &self.connection_id)
            .field("new_expiration", &self.new_expiration)
            .finish_non_exhaustive()
    }
}

/// What an application says to new credentials.
#[derive(Clone)]
pub(crate) struct RefreshCallback(Arc<Callback>);

type Callback =
    dyn Fn(AuthenticationRefreshContext) -> LocalBoxFuture<'static, HubResult<bool>> + Send + Sync;

impl RefreshCallback {
    pub(crate) fn new<F>(callback: impl Fn(AuthenticationRefreshContext) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = HubResult<bool>> + 'static,
    {
        Self(Arc::new(move |context| Box::pin(callback(context))))
    }

    pub(crate) fn ask(
        &self,
        context: AuthenticationRefreshContext,
    ) -> LocalBoxFuture<'static, HubResult<bool>> {
        (self.0)(context)
    }
}

impl fmt::Debug for RefreshCallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefreshCallback")
    }
}
