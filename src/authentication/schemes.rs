//! The schemes of a server, by name.

use std::{borrow::Cow, error::Error, fmt, sync::Arc};

use actix_web::{HttpResponse, ResponseError, http::StatusCode};

use crate::authentication::{
    AuthenticateResult, AuthenticationRequest, AuthenticationScheme, ConfigurationError, Denial,
    SchemeOperation,
};

/// The schemes of a server, by name, and the one that is meant when none is named.
///
/// A clone is cheap and is the same list until one of the two changes.
#[derive(Clone, Debug, Default)]
pub struct Schemes {
    schemes: Vec<Arc<dyn AuthenticationScheme>>,
    default: Option<String>,
}

impl Schemes {
    /// No scheme: every request is anonymous.
    #[must_use]
    pub const fn new() -> Self {
        Self { schemes: Vec::new(), default: None }
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

    /// Who sent the request, by the default scheme. Without one, nobody has been authenticated.
    ///
    /// # Errors
    ///
    /// A scheme forwards to one that does not exist, or in a circle.
    pub async fn authenticate(
        &self,
        request: &AuthenticationRequest<'_>,
    ) -> Result<AuthenticateResult, SchemeError> {
        match self.default_scheme() {
            Some(scheme) => self.authenticate_with(scheme, request).await,
            None => Ok(AuthenticateResult::NoResult),
        }
    }

    /// Who sent the request, by the scheme named.
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
        let result = scheme.authenticate(request).await;
        if let AuthenticateResult::Failure(failure) = &result {
            tracing::debug!(scheme = scheme.name(), reason = failure.reason(), "credentials refused");
        }
        Ok(result)
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
        let scheme = self.required_default("challenge")?;
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
        let scheme = self.required_default("forbid")?;
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

    fn required_default(&self, operation: &'static str) -> Result<&str, SchemeError> {
        self.default_scheme().ok_or(SchemeError::NoDefault { operation: Cow::Borrowed(operation) })
    }

    fn find(&self, name: &str) -> Option<&dyn AuthenticationScheme> {
        self.schemes.iter().find(|scheme| scheme.name() == name).map(AsRef::as_ref)
    }
}

/// Why no scheme could be asked: a mistake of the application, which a client meets as 500.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SchemeError {
    /// There is no scheme of that name.
    Unknown {
        /// The name.
        scheme: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// No scheme was named, and none is the default.
    NoDefault {
        /// What was to be done.
        operation: Cow<'static, str>,
    },
    /// A scheme forwards, over others perhaps, to itself.
    ForwardsInCircle {
        /// The name.
        scheme: String,
    },
}

impl fmt::Display for SchemeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { scheme, known } if known.is_empty() => {
                write!(f, "there is no authentication scheme '{scheme}', nor any other")
            }
            Self::Unknown { scheme, known } => {
                write!(f, "there is no authentication scheme '{scheme}'; there are: {}", known.join(", "))
            }
            Self::NoDefault { operation } => {
                write!(f, "no authentication scheme was named to {operation}, and none is the default")
            }
            Self::ForwardsInCircle { scheme } => {
                write!(f, "the authentication scheme '{scheme}' forwards in a circle")
            }
        }
    }
}

impl Error for SchemeError {}

impl ResponseError for SchemeError {
    /// Nothing of it is for the client.
    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

#[cfg(test)]
mod tests {
    use actix_signalr_actors::ClaimsIdentity;
    use actix_web::test::TestRequest;
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
