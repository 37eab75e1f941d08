//! The schemes of a server, by name.

use std::{borrow::Cow, sync::Arc};

use actix_signalr_actors::ClaimsPrincipal;
use actix_web::http::StatusCode;

use crate::authentication::{
    AuthenticateResult, AuthenticationFailure, AuthenticationRequest, AuthenticationScheme,
    ClaimsTransformation, ConfigurationError, CookieHeaders, Denial, Event, KeptOut, SchemeError,
    SchemeOperation, SignInProperties, event::caught, outcomes::Outcomes,
};

/// The schemes of a server, by name, and the one that is meant when none is named.
///
/// A clone is cheap and is the same list until one of the two changes.
#[derive(Clone, Debug, Default)]
pub struct Schemes {
    schemes: Vec<Arc<dyn AuthenticationScheme>>,
    default: Option<String>,
    defaults: Vec<(SchemeOperation, String)>,
    transformation: Event<ClaimsTransformation>,
    kept_out: Option<KeptOut>,
}

impl Schemes {
    /// No scheme: every request is anonymous.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a scheme.
    ///
    /// # Errors
    ///
    /// There is one of that name, or the scheme's configuration is not usable.
    pub fn add(&mut self, scheme: Arc<dyn AuthenticationScheme>) -> Result<(), ConfigurationError> {
        if self.find(scheme.name()).is_some() {
            return Err(ConfigurationError::DuplicateScheme { scheme: scheme.name().to_owned() });
        }
        scheme.validate()?;
        self.schemes.push(scheme);
        Ok(())
    }

    /// Which scheme is meant when none is named; needed as soon as there are several.
    ///
    /// # Errors
    ///
    /// No scheme of that name has been added.
    pub fn set_default(&mut self, scheme: &str) -> Result<(), ConfigurationError> {
        if self.find(scheme).is_none() {
            return Err(ConfigurationError::UnknownScheme { scheme: scheme.to_owned() });
        }
        self.default = Some(scheme.to_owned());
        Ok(())
    }

    /// Which scheme is meant for one operation when none is named, in place of the default one.
    ///
    /// # Errors
    ///
    /// No scheme of that name has been added.
    pub fn set_default_for(
        &mut self,
        operation: SchemeOperation,
        scheme: &str,
    ) -> Result<(), ConfigurationError> {
        if self.find(scheme).is_none() {
            return Err(ConfigurationError::UnknownScheme { scheme: scheme.to_owned() });
        }
        self.defaults.retain(|(known, _)| *known != operation);
        self.defaults.push((operation, scheme.to_owned()));
        Ok(())
    }

    /// Runs this code for everybody whom a scheme has authenticated, once for a request and scheme: it may add claims.
    pub fn set_claims_transformation(
        &mut self,
        code: impl AsyncFn(&mut ClaimsTransformation) + Send + Sync + 'static,
    ) {
        self.transformation = Event::new(code);
    }

    /// Says whom the server keeps out.
    pub(crate) fn set_kept_out(&mut self, kept_out: KeptOut) {
        self.kept_out = Some(kept_out);
    }

    /// Whether a revocation keeps somebody out, whatever his credentials say.
    pub(crate) fn keep_out(&self, user: &ClaimsPrincipal) -> bool {
        self.kept_out.as_ref().is_some_and(|kept_out| kept_out.holds(user))
    }

    /// The names, in the order in which they were added.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.schemes.iter().map(|scheme| scheme.name())
    }

    /// The scheme that is meant when none is named: the one that was set, else the only one.
    #[must_use]
    pub fn default_scheme(&self) -> Option<&str> {
        match (&self.default, self.schemes.as_slice()) {
            (Some(name), _) => Some(name),
            (None, [only]) => Some(only.name()),
            (None, _) => None,
        }
    }

    /// The scheme that is meant for an operation when none is named. What forbids is what challenges, what signs out is what
    /// signs in, unless something else was set.
    #[must_use]
    pub fn default_for(&self, operation: SchemeOperation) -> Option<&str> {
        let set = self.defaults.iter().find(|(known, _)| *known == operation).map(|(_, name)| name.as_str());
        set.or_else(|| match operation {
            SchemeOperation::Forbid => self.default_for(SchemeOperation::Challenge),
            SchemeOperation::SignOut => self.default_for(SchemeOperation::SignIn),
            SchemeOperation::Authenticate | SchemeOperation::Challenge | SchemeOperation::SignIn => {
                self.default_scheme()
            }
        })
    }

    /// Who sent the request, by the default scheme. Without one, nobody has been authenticated.
    ///
    /// # Errors
    ///
    /// A scheme forwards to one that does not exist, or in a circle.
    pub async fn authenticate(
        &self,
        request: &AuthenticationRequest<'_>,
    ) -> Result<AuthenticateResult, SchemeError> {
        match self.default_for(SchemeOperation::Authenticate) {
            Some(scheme) => self.authenticate_with(scheme, request).await,
            None => Ok(AuthenticateResult::NoResult),
        }
    }

    /// Who sent the request, by the scheme named. It is asked once for a request, and what it answered holds.
    ///
    /// # Errors
    ///
    /// There is no such scheme, or it forwards to one that does not exist, or in a circle.
    pub async fn authenticate_with(
        &self,
        scheme: &str,
        request: &AuthenticationRequest<'_>,
    ) -> Result<AuthenticateResult, SchemeError> {
        let scheme = self.resolve(scheme, request, SchemeOperation::Authenticate)?;
        if let Some(known) = Outcomes::find(request, scheme) {
            return Ok(known);
        }
        let result = self.transformed(scheme.authenticate(request).await).await;
        if let AuthenticateResult::Failure(failure) = &result {
            tracing::debug!(scheme = scheme.name(), reason = failure.reason(), "credentials refused");
        }
        Outcomes::keep(request, scheme, &result);
        Ok(result)
    }

    async fn transformed(&self, result: AuthenticateResult) -> AuthenticateResult {
        let AuthenticateResult::Success(ticket) = result else { return result };
        if !self.transformation.is_set() {
            return AuthenticateResult::Success(ticket);
        }
        let mut context = ClaimsTransformation::new(&ticket);
        let ran = caught(ticket.scheme(), self.transformation.raise(&mut context)).await;
        match ran {
            Some(()) => AuthenticateResult::Success(ticket.with_principal(context.into_principal())),
            None => AuthenticateResult::Failure(AuthenticationFailure::new("the transformation panicked")),
        }
    }

    /// Asks the sender to identify himself, by the default scheme. `result` is what
    /// [`authenticate`](Self::authenticate) answered for this request.
    ///
    /// # Errors
    ///
    /// There is no default scheme, or it forwards to one that does not exist, or in a circle.
    pub fn challenge(
        &self,
        request: &AuthenticationRequest<'_>,
        result: &AuthenticateResult,
    ) -> Result<Denial, SchemeError> {
        let mut denial = Denial::new(StatusCode::UNAUTHORIZED);
        let scheme = self.required_default(SchemeOperation::Challenge)?;
        self.challenge_with(scheme, request, result, &mut denial)?;
        Ok(denial)
    }

    /// Adds to a denial what the scheme named asks of the sender. `result` is what that scheme
    /// answered for this request.
    ///
    /// # Errors
    ///
    /// There is no such scheme, or it forwards to one that does not exist, or in a circle.
    pub fn challenge_with(
        &self,
        scheme: &str,
        request: &AuthenticationRequest<'_>,
        result: &AuthenticateResult,
        denial: &mut Denial,
    ) -> Result<(), SchemeError> {
        let scheme = self.resolve(scheme, request, SchemeOperation::Challenge)?;
        scheme.challenge(request, result, denial);
        Ok(())
    }

    /// Tells a known sender that he may not, by the default scheme.
    ///
    /// # Errors
    ///
    /// There is no default scheme, or it forwards to one that does not exist, or in a circle.
    pub fn forbid(&self, request: &AuthenticationRequest<'_>) -> Result<Denial, SchemeError> {
        let mut denial = Denial::new(StatusCode::FORBIDDEN);
        let scheme = self.required_default(SchemeOperation::Forbid)?;
        self.forbid_with(scheme, request, &mut denial)?;
        Ok(denial)
    }

    /// Adds to a denial what the scheme named tells a known sender.
    ///
    /// # Errors
    ///
    /// There is no such scheme, or it forwards to one that does not exist, or in a circle.
    pub fn forbid_with(
        &self,
        scheme: &str,
        request: &AuthenticationRequest<'_>,
        denial: &mut Denial,
    ) -> Result<(), SchemeError> {
        let scheme = self.resolve(scheme, request, SchemeOperation::Forbid)?;
        scheme.forbid(request, denial);
        Ok(())
    }

    /// Which of the schemes named, or else the default one, has no way to know browsers at the hub of a path.
    pub(crate) fn missing_browsers_at(&self, hub_path: &str, named: &[String]) -> Option<&str> {
        let default = self.default_for(SchemeOperation::Authenticate).filter(|_| named.is_empty());
        let mut asked = named.iter().map(String::as_str).chain(default).filter_map(|name| self.find(name));
        asked.find(|scheme| scheme.misses_browsers_at(hub_path)).map(AuthenticationScheme::name)
    }

    /// Whether browsers send the credentials of the scheme by themselves.
    pub(crate) fn is_sent_by_itself(&self, scheme: &str) -> bool {
        self.find(scheme).is_some_and(|scheme| scheme.is_sent_by_itself())
    }

    /// The headers that sign somebody in, by the default scheme for it.
    ///
    /// # Errors
    ///
    /// There is no such scheme, it signs nobody in, or not this principal.
    pub async fn sign_in(
        &self,
        request: &AuthenticationRequest<'_>,
        principal: impl Into<ClaimsPrincipal>,
        properties: &SignInProperties,
    ) -> Result<CookieHeaders, SchemeError> {
        let scheme = self.required_default(SchemeOperation::SignIn)?;
        self.sign_in_with(scheme, request, principal, properties).await
    }

    /// The headers that sign somebody in, by the scheme named.
    ///
    /// # Errors
    ///
    /// There is no such scheme, it signs nobody in, or not this principal.
    pub async fn sign_in_with(
        &self,
        scheme: &str,
        request: &AuthenticationRequest<'_>,
        principal: impl Into<ClaimsPrincipal>,
        properties: &SignInProperties,
    ) -> Result<CookieHeaders, SchemeError> {
        let scheme = self.resolve(scheme, request, SchemeOperation::SignIn)?;
        scheme.sign_in(request, principal.into(), properties).await
    }

    /// The headers that sign somebody out, by the default scheme for it.
    ///
    /// # Errors
    ///
    /// There is no such scheme, or it signs nobody out.
    pub async fn sign_out(&self, request: &AuthenticationRequest<'_>) -> Result<CookieHeaders, SchemeError> {
        self.sign_out_with(self.required_default(SchemeOperation::SignOut)?, request).await
    }

    /// The headers that sign somebody out, by the scheme named.
    ///
    /// # Errors
    ///
    /// There is no such scheme, or it signs nobody out.
    pub async fn sign_out_with(
        &self,
        scheme: &str,
        request: &AuthenticationRequest<'_>,
    ) -> Result<CookieHeaders, SchemeError> {
        self.resolve(scheme, request, SchemeOperation::SignOut)?.sign_out(request).await
    }

    /// The scheme that does the operation in the end.
    fn resolve(
        &self,
        name: &str,
        request: &AuthenticationRequest<'_>,
        operation: SchemeOperation,
    ) -> Result<&dyn AuthenticationScheme, SchemeError> {
        let mut current = self.require(name)?;
        // A way through all schemes without an end has passed one of them twice.
        for _ in 0..self.schemes.len() {
            match current.forward_to(request, operation) {
                Some(target) if target != current.name() => current = self.require(&target)?,
                Some(_) | None => return Ok(current),
            }
        }
        Err(SchemeError::ForwardsInCircle { scheme: name.to_owned() })
    }

    fn require(&self, name: &str) -> Result<&dyn AuthenticationScheme, SchemeError> {
        self.find(name).ok_or_else(|| SchemeError::Unknown {
            scheme: name.to_owned(),
            known: self.names().map(str::to_owned).collect(),
        })
    }

    fn required_default(&self, operation: SchemeOperation) -> Result<&str, SchemeError> {
        let operation_name = || Cow::Borrowed(operation.name());
        self.default_for(operation).ok_or_else(|| SchemeError::NoDefault { operation: operation_name() })
    }

    fn find(&self, name: &str) -> Option<&dyn AuthenticationScheme> {
        self.schemes.iter().find(|scheme| scheme.name() == name).map(AsRef::as_ref)
    }
}

#[cfg(test)]
mod tests {
    use actix_signalr_actors::ClaimsIdentity;
    use actix_web::{ResponseError, test::TestRequest};
    use futures::future::LocalBoxFuture;

    use super::*;
    use crate::authentication::{AuthenticationTicket, JwtBearer, PolicyScheme};

    /// Lets everybody in under its own name.
    struct Open(&'static str);

    impl AuthenticationScheme for Open {
        fn name(&self) -> &str {
            self.0
        }

        fn authenticate<'a>(
            &'a self,
            _request: &'a AuthenticationRequest<'a>,
        ) -> LocalBoxFuture<'a, AuthenticateResult> {
            let principal = Arc::new(ClaimsIdentity::new(self.0).into());
            Box::pin(std::future::ready(AuthenticateResult::Success(AuthenticationTicket::new(
                principal, self.0,
            ))))
        }
    }

    fn schemes<const N: usize>(list: [Arc<dyn AuthenticationScheme>; N]) -> Schemes {
        let mut schemes = Schemes::new();
        for scheme in list {
            schemes.add(scheme).unwrap();
        }
        schemes
    }

    async fn scheme_that_answers(schemes: &Schemes, request: TestRequest) -> Option<String> {
        let http = request.to_http_request();
        let result = schemes.authenticate(&AuthenticationRequest::new(&http)).await.unwrap();
        result.ticket().map(|ticket| ticket.scheme().to_owned())
    }

    #[test]
    fn a_name_is_given_once_and_compared_with_case() {
        let mut schemes = schemes([Arc::new(Open("A"))]);
        schemes.add(Arc::new(Open("a"))).unwrap();

        let err = schemes.add(Arc::new(Open("A"))).unwrap_err();

        assert_eq!(err.to_string(), "Scheme already exists: A");
    }

    #[test]
    fn a_scheme_that_cannot_work_is_not_added() {
        let mut schemes = Schemes::new();
        assert!(schemes.add(Arc::new(JwtBearer::hs256(b"short"))).is_err());
        assert!(schemes.add(Arc::new(PolicyScheme::new("Smart"))).is_err());
        assert_eq!(schemes.names().count(), 0);
    }

    #[actix_web::test]
    async fn the_only_scheme_is_the_default_and_of_several_none() {
        let one = schemes([Arc::new(Open("A"))]);
        assert_eq!(scheme_that_answers(&one, TestRequest::get()).await.as_deref(), Some("A"));

        let mut two = schemes([Arc::new(Open("A")), Arc::new(Open("B"))]);
        assert_eq!(scheme_that_answers(&two, TestRequest::get()).await, None);
        let http = TestRequest::get().to_http_request();
        let request = AuthenticationRequest::new(&http);
        assert!(two.challenge(&request, &AuthenticateResult::NoResult).is_err());
        assert!(two.forbid(&request).is_err());

        two.set_default("B").unwrap();
        assert_eq!(scheme_that_answers(&two, TestRequest::get()).await.as_deref(), Some("B"));
        assert!(two.set_default("C").is_err());
    }

    #[actix_web::test]
    async fn a_policy_scheme_forwards_by_the_request() {
        let smart = PolicyScheme::new("Smart")
            .select(|request| if request.http().headers().contains_key("x-a") { "A" } else { "B" });
        let mut schemes = schemes([Arc::new(Open("A")), Arc::new(Open("B")), Arc::new(smart)]);
        schemes.set_default("Smart").unwrap();

        let with = TestRequest::get().insert_header(("x-a", "1"));
        assert_eq!(scheme_that_answers(&schemes, with).await.as_deref(), Some("A"));
        assert_eq!(scheme_that_answers(&schemes, TestRequest::get()).await.as_deref(), Some("B"));
    }

    #[actix_web::test]
    async fn a_setting_for_one_operation_wins_over_the_selector() {
        let smart = PolicyScheme::new("Smart").select(|_| "A").forward(SchemeOperation::Challenge, "Nobody");
        let mut schemes = schemes([Arc::new(Open("A")), Arc::new(smart)]);
        schemes.set_default("Smart").unwrap();
        let http = TestRequest::get().to_http_request();
        let request = AuthenticationRequest::new(&http);

        let result = schemes.authenticate(&request).await.unwrap();
        assert_eq!(result.ticket().map(AuthenticationTicket::scheme), Some("A"));
        let err = schemes.challenge(&request, &result).unwrap_err();
        assert_eq!(err.to_string(), "there is no authentication scheme 'Nobody'; there are: A, Smart");
        assert_eq!(err.error_response().status(), StatusCode::INTERNAL_SERVER_ERROR);
    }

    #[actix_web::test]
    async fn forwarding_to_itself_ends_and_in_a_circle_is_an_error() {
        let http = TestRequest::get().to_http_request();
        let request = AuthenticationRequest::new(&http);

        let own = schemes([Arc::new(PolicyScheme::new("Smart").select(|_| "Smart"))]);
        assert!(own.authenticate(&request).await.unwrap().failure().is_some());

        let a = PolicyScheme::new("A").select(|_| "B");
        let b = PolicyScheme::new("B").select(|_| "A");
        let circle = schemes([Arc::new(a), Arc::new(b)]);
        let err = circle.authenticate_with("A", &request).await.unwrap_err();
        assert_eq!(err, SchemeError::ForwardsInCircle { scheme: "A".to_owned() });
    }

    #[test]
    fn schemes_without_an_answer_of_their_own_are_bare() {
        let schemes = schemes([Arc::new(Open("A"))]);
        let http = TestRequest::get().to_http_request();
        let request = AuthenticationRequest::new(&http);

        let challenge = schemes.challenge(&request, &AuthenticateResult::NoResult).unwrap();
        assert_eq!(challenge.status(), StatusCode::UNAUTHORIZED);
        assert!(challenge.headers().is_empty());
        let forbidden = schemes.forbid(&request).unwrap().into_response();
        assert_eq!(forbidden.status(), StatusCode::FORBIDDEN);
    }

    #[test]
    fn several_schemes_add_their_headers_to_one_denial() {
        let bearer = |name: &str| JwtBearer::hs256(&[7; 32]).scheme_name(name).without_issuer_check();
        let schemes = schemes([
            Arc::new(bearer("One").without_audience_check().realm("one")),
            Arc::new(bearer("Two").without_audience_check().realm("two")),
        ]);
        let http = TestRequest::get().to_http_request();
        let request = AuthenticationRequest::new(&http);

        let mut denial = Denial::new(StatusCode::UNAUTHORIZED);
        for name in ["One", "Two"] {
            schemes.challenge_with(name, &request, &AuthenticateResult::NoResult, &mut denial).unwrap();
        }

        let response = denial.into_response();
        let sent: Vec<_> = response.headers().get_all("www-authenticate").collect();
        assert_eq!(sent, [r#"Bearer realm="one""#, r#"Bearer realm="two""#]);
    }
}
