//! Who sends a request, for handlers of an application's own routes.

use std::{future::ready, ops::Deref, sync::Arc};

use actix_signalr_actors::ClaimsPrincipal;
use actix_web::{
    Error, FromRequest, HttpMessage, HttpRequest,
    dev::Payload,
    error::{ErrorInternalServerError, InternalError},
    web::Data,
};
use futures::future::LocalBoxFuture;

use crate::authentication::{AuthenticateResult, AuthenticationRequest, AuthenticationTicket, Schemes};

/// Who sends a request, by the default scheme; perhaps nobody known.
///
/// Behind [`require_authorization`](crate::SignalR::require_authorization) it is whom that has let in. It finds the schemes in the
/// application's data, where [`SignalR::routes`](crate::SignalR::routes) puts them.
///
/// ```
/// use actix_signalr::{RequestUser, SignedIn};
///
/// async fn page(user: RequestUser) -> String {
///     format!("Hello, {}!", user.name().unwrap_or("stranger"))
/// }
///
/// /// Whoever is not known is challenged: sent to the login page, say.
/// async fn inbox(user: SignedIn) -> String {
///     format!("The messages of {}", user.name().unwrap_or_default())
/// }
/// ```
#[derive(Clone, Debug)]
pub struct RequestUser(pub Arc<ClaimsPrincipal>);

/// Who sends a request, if it is somebody known; whoever is not is challenged. Otherwise as [`RequestUser`].
#[derive(Clone, Debug)]
pub struct SignedIn(pub Arc<ClaimsPrincipal>);

impl Deref for RequestUser {
    type Target = ClaimsPrincipal;

    fn deref(&self) -> &ClaimsPrincipal {
        &self.0
    }
}

impl Deref for SignedIn {
    type Target = ClaimsPrincipal;

    fn deref(&self) -> &ClaimsPrincipal {
        &self.0
    }
}

impl FromRequest for RequestUser {
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self, Error>>;

    fn from_request(http: &HttpRequest, _: &mut Payload) -> Self::Future {
        if let Some(user) = let_in(http) {
            return Box::pin(ready(Ok(Self(user))));
        }
        let http = http.clone();
        Box::pin(async move {
            let (_, _, user) = authenticate(&http).await?;
            Ok(Self(user))
        })
    }
}

impl FromRequest for SignedIn {
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self, Error>>;

    fn from_request(http: &HttpRequest, _: &mut Payload) -> Self::Future {
        if let Some(user) = let_in(http).filter(|user| user.is_authenticated()) {
            return Box::pin(ready(Ok(Self(user))));
        }
        let http = http.clone();
        Box::pin(async move {
            let (schemes, result, user) = authenticate(&http).await?;
            if user.is_authenticated() {
                return Ok(Self(user));
            }
            let denial = schemes.challenge(&AuthenticationRequest::new(&http), &result)?;
            Err(InternalError::from_response("nobody has signed in", denial.into_response()).into())
        })
    }
}

/// Whom a middleware before the handler has let in.
fn let_in(http: &HttpRequest) -> Option<Arc<ClaimsPrincipal>> {
    http.extensions().get::<Arc<ClaimsPrincipal>>().cloned()
}

/// What the default scheme makes of a request, and who that is: nobody, where a revocation keeps him out.
async fn authenticate(
    http: &HttpRequest,
) -> Result<(Data<Schemes>, AuthenticateResult, Arc<ClaimsPrincipal>), Error> {
    let schemes = http.app_data::<Data<Schemes>>().cloned();
    let schemes = schemes.ok_or_else(|| ErrorInternalServerError("the application's data has no schemes"))?;
    let result = schemes.authenticate(&AuthenticationRequest::new(http)).await?;
    let user = result.ticket().map(AuthenticationTicket::principal);
    let user = user.filter(|user| !schemes.keep_out(user)).cloned().unwrap_or_default();
    Ok((schemes, result, user))
}
