//! What hubs demand of those who connect, demanded of those who ask for other routes of an application.

use std::{fmt, rc::Rc, sync::Arc};

use actix_signalr_actors::{AuthorizeData, Policy};
use actix_web::{
    Error, HttpMessage,
    body::{BoxBody, EitherBody},
    dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready},
};
use futures::future::{LocalBoxFuture, Ready, ready};

use crate::{
    authentication::write_pending,
    authorize::Admitted,
    error::{BuildError, check_schemes},
    routes::admit_by,
    server::SignalR,
};

impl SignalR {
    /// A middleware that lets only those pass who meet a demand, by the schemes and policies of this server. Others are
    /// challenged or forbidden, as by a hub; so are those whom a
    /// [revocation](actix_signalr_actors::Users::revoke) keeps out, from that moment on. Handlers have the principal as `web::ReqData<Arc<ClaimsPrincipal>>`.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use actix_signalr::{AuthorizeData, ClaimsPrincipal, JwtBearer, SignalR};
    /// use actix_web::{App, web};
    ///
    /// async fn who(user: web::ReqData<Arc<ClaimsPrincipal>>) -> String {
    ///     user.to_string()
    /// }
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let key = [7; 32];
    /// let signalr = SignalR::builder()
    ///     .authentication(JwtBearer::hs256(&key).issuer("me").audience("you"))
    ///     .build()?;
    /// let members = signalr.require_authorization(AuthorizeData::authenticated())?;
    /// let app = App::new().service(web::resource("/who").wrap(members).to(who));
    /// # drop(app);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When the demand cannot be met by anybody: a policy or a scheme that does not exist, say.
    pub fn require_authorization(&self, demand: AuthorizeData) -> Result<RequireAuthorization, BuildError> {
        let policy = self.authorization().demand(demand)?;
        check_schemes(self.schemes(), ROUTE, policy.authentication_schemes())?;
        Ok(RequireAuthorization { server: self.clone(), policy })
    }
}

/// What is named in an error about a route that is no hub.
const ROUTE: &str = "(route)";

/// A middleware that lets only those pass who meet a demand; see [`SignalR::require_authorization`].
#[derive(Clone)]
pub struct RequireAuthorization {
    server: SignalR,
    policy: Arc<Policy>,
}

impl fmt::Debug for RequireAuthorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequireAuthorization").field("policy", &self.policy).finish_non_exhaustive()
    }
}

impl<S, B> Transform<S, ServiceRequest> for RequireAuthorization
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
{
    type Response = ServiceResponse<EitherBody<B, BoxBody>>;
    type Error = Error;
    type Transform = Guarded<S>;
    type InitError = ();
    type Future = Ready<Result<Guarded<S>, ()>>;

    fn new_transform(&self, inside: S) -> Self::Future {
        ready(Ok(Guarded { inside: Rc::new(inside), guard: self.clone() }))
    }
}

/// A route behind the middleware.
pub struct Guarded<S> {
    inside: Rc<S>,
    guard: RequireAuthorization,
}

impl<S> fmt::Debug for Guarded<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guarded").field("guard", &self.guard).finish_non_exhaustive()
    }
}

impl<S, B> Service<ServiceRequest> for Guarded<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
{
    type Response = ServiceResponse<EitherBody<B, BoxBody>>;
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self::Response, Error>>;

    forward_ready!(inside);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let (inside, guard) = (self.inside.clone(), self.guard.clone());
        Box::pin(async move {
            match admit_by(&guard.server, request.request(), &guard.policy).await {
                Ok(Admitted { user, .. }) => {
                    request.extensions_mut().insert(user);
                    let mut response = inside.call(request).await?;
                    let http = response.request().clone();
                    write_pending(&http, response.response_mut());
                    Ok(response.map_into_left_body())
                }
                Err(denial) => Ok(request.into_response(denial).map_into_right_body()),
            }
        })
    }
}
