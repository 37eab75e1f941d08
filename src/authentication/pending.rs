//! What the schemes want to be in the answer of a request.

use actix_web::{
    Error, HttpRequest, HttpResponse,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    middleware::Next,
};

use crate::authentication::{cookie, negotiate};

/// Writes what the schemes want to be in the answer of a request: renewed cookies, the last token of an exchange.
pub(crate) fn write_pending<B>(http: &HttpRequest, response: &mut HttpResponse<B>) {
    cookie::write_pending(http, response);
    negotiate::write_final_token(http, response);
}

/// Middleware that writes renewed cookies, and the server's token of `Negotiate`, into the answers of the application's own
/// routes, whose handlers have asked the schemes who somebody is. Routes of hubs do so by themselves, as do those behind
/// [`require_authorization`](crate::SignalR::require_authorization).
///
/// ```
/// use actix_signalr::write_renewed_cookies;
/// use actix_web::{App, middleware::from_fn};
///
/// let app = App::new().wrap(from_fn(write_renewed_cookies));
/// ```
///
/// # Errors
/// Those of the handler.
pub async fn write_renewed_cookies<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let mut response = next.call(request).await?;
    let http = response.request().clone();
    write_pending(&http, response.response_mut());
    Ok(response)
}
