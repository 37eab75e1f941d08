//! `POST {hub}/refresh`, and the other ways in which credentials of a living connection are replaced: who is asked, and what
//! is answered. Section 3 of authentication refresh.

use std::{
    borrow::Cow,
    panic::AssertUnwindSafe,
    time::{Instant, SystemTime},
};

use actix_signalr_actors::{Examine, HubError, Standing};
use actix_web::{HttpRequest, HttpResponse, http::header::HeaderMap};
use futures::FutureExt;

use crate::{
    authentication::has_windows_identity,
    connections::Known,
    credentials::Credentials,
    error::{ConnectError, RefreshError},
    refresh_callback::AuthenticationRefreshContext,
    server::WorkerEndpoint,
};

/// Answers a request to refresh, from somebody who may.
pub(crate) async fn respond(at: &WorkerEndpoint, http: &HttpRequest, shown: Credentials) -> HttpResponse {
    match refresh(at, http, &shown).await {
        Ok(()) => accepted(&shown),
        Err(err) => {
            tracing::debug!(path = at.endpoint.path(), reason = err.code(), "authentication refresh refused");
            err.response()
        }
    }
}

/// Puts the credentials in force, unless those in force expire later: that they are not needed is no refusal.
///
/// Either way the client is told how long those are good that it has shown. It goes on with them, so it has to renew them in
/// time.
async fn refresh(at: &WorkerEndpoint, http: &HttpRequest, shown: &Credentials) -> Result<(), RefreshError> {
    let connections = &at.endpoint.connections;
    let token = connection_token(http.headers()).ok_or(RefreshError::MissingConnectionToken)?;
    let known = connections.known(&token, Instant::now())?;
    let users = [&known.in_force.credentials.user, &shown.user];
    if users.into_iter().any(|user| has_windows_identity(user)) {
        return Err(RefreshError::WindowsIdentityNotSupported);
    }
    if shown.expire_before(&known.in_force.credentials) {
        return if known.in_force.is_same_user(shown) { Ok(()) } else { Err(RefreshError::UserChanged) };
    }
    let refusal = match ask(at, http, &known, shown).await {
        Say::Yes => {
            connections.publish(&token, shown);
            return Ok(());
        }
        Say::OtherUser => RefreshError::UserChanged,
        Say::No => RefreshError::PermissionChangeRejected,
        Say::Nothing => RefreshError::Failed,
        Say::Over => RefreshError::ConnectionNotFound,
    };
    // Others that were decided meanwhile may have made it needless.
    match connections.known(&token, Instant::now()) {
        Ok(now) if shown.expire_before(&now.in_force.credentials) => Ok(()),
        _ => Err(refusal),
    }
}

/// Whether a poll or another socket may go on that has shown fresher credentials, which are in force then.
///
/// # Errors
/// Why it is refused. A client that the application does not take any more loses its connection: `end` ends it.
pub(crate) async fn by_another_request(
    at: &WorkerEndpoint,
    http: &HttpRequest,
    token: &str,
    known: &Known,
    shown: &Credentials,
    end: impl FnOnce(),
) -> Result<(), ConnectError> {
    let connections = &at.endpoint.connections;
    match ask(at, http, known, shown).await {
        Say::Yes => {
            connections.publish_fresher(token, shown);
            Ok(())
        }
        Say::OtherUser => Err(ConnectError::UserChanged),
        Say::Nothing => Err(ConnectError::RefreshFailed),
        Say::No => {
            tracing::debug!(connection_id = &*known.id, "connection ended, its new credentials are refused");
            connections.forget(token);
            end();
            Err(ConnectError::PermissionChangeRejected)
        }
        Say::Over => Err(ConnectError::Gone),
    }
}

/// What those who are asked say to new credentials.
enum Say {
    Yes,
    /// They are those of another user.
    OtherUser,
    /// The application refuses them.
    No,
    /// The application fails to say anything: they are not taken.
    Nothing,
    /// There is nobody to be asked.
    Over,
}

/// Asks the connection whether it is the same user, then the application.
async fn ask(at: &WorkerEndpoint, http: &HttpRequest, known: &Known, shown: &Credentials) -> Say {
    let standing = match &known.connection {
        None => Standing::Early,
        Some(connection) => connection.send(Examine(shown.user.clone())).await.unwrap_or(Standing::Over),
    };
    match standing {
        Standing::SameUser => {}
        Standing::Early if known.in_force.is_same_user(shown) => {}
        Standing::Early | Standing::OtherUser => return Say::OtherUser,
        Standing::Over => return Say::Over,
    }
    let Some(callback) = &at.endpoint.options.on_authentication_refresh else { return Say::Yes };
    let context = AuthenticationRefreshContext {
        http: http.clone(),
        connection_id: known.id.to_string(),
        previous_user: known.in_force.credentials.user.clone(),
        new_user: shown.user.clone(),
        new_expiration: shown.expires_at(),
    };
    let said = AssertUnwindSafe(async { callback.ask(context).await }).catch_unwind();
    let connection_id = &*known.id;
    match actix_rt::time::timeout(at.runtime.authorization_timeout(), said).await {
        Ok(Ok(Ok(true))) => Say::Yes,
        Ok(Ok(Ok(false))) => Say::No,
        Ok(Ok(Err(err))) => {
            failed(connection_id, &err);
            Say::Nothing
        }
        Ok(Err(_)) => {
            tracing::error!(connection_id, "on_authentication_refresh panicked");
            Say::Nothing
        }
        Err(_) => {
            tracing::warn!(connection_id, "on_authentication_refresh took too long");
            Say::Nothing
        }
    }
}

/// Without what the error says: it may repeat what the client has shown.
fn failed(connection_id: &str, err: &HubError) {
    tracing::warn!(connection_id, error.type = err.name(), "on_authentication_refresh failed");
}

/// The token of the connection. Several are joined, which is one that no connection has.
fn connection_token(headers: &HeaderMap) -> Option<String> {
    let values = headers.get_all(TOKEN_HEADER).map(|value| String::from_utf8_lossy(value.as_bytes()));
    values
        .filter(|value| !value.is_empty())
        .map(Cow::into_owned)
        .reduce(|joined, value| joined + "," + &value)
}

/// Says how long credentials are good.
fn accepted(shown: &Credentials) -> HttpResponse {
    let body = match shown.lifetime_seconds(SystemTime::now()) {
        Some(seconds) => format!(r#"{{"tokenLifetimeSeconds":{seconds}}}"#),
        None => "{}".to_owned(),
    };
    HttpResponse::Ok().content_type("application/json").body(body)
}

const TOKEN_HEADER: &str = "x-signalr-connection-token";
