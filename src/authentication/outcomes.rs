//! What the schemes have made of a request, so that each is asked once.

use actix_web::HttpMessage;

use crate::authentication::{AuthenticateResult, AuthenticationRequest, AuthenticationScheme};

/// What the schemes have made of a request, in the request's extensions.
#[derive(Default)]
pub(super) struct Outcomes(Vec<Outcome>);

struct Outcome {
    /// Where the scheme lies in memory: several servers may have schemes of one name.
    scheme: *const (),
    /// What a scheme reads of a request depends on where routing has sent it.
    hub_path: Option<Box<str>>,
    result: AuthenticateResult,
}

impl Outcomes {
    pub(super) fn find(
        request: &AuthenticationRequest<'_>,
        scheme: &dyn AuthenticationScheme,
    ) -> Option<AuthenticateResult> {
        let extensions = request.http().extensions();
        let same = |known: &&Outcome| {
            known.scheme == address(scheme) && known.hub_path.as_deref() == request.hub_path()
        };
        extensions.get::<Self>()?.0.iter().find(same).map(|known| known.result.clone())
    }

    pub(super) fn keep(
        request: &AuthenticationRequest<'_>,
        scheme: &dyn AuthenticationScheme,
        result: &AuthenticateResult,
    ) {
        let mut extensions = request.http().extensions_mut();
        if extensions.get::<Self>().is_none() {
            extensions.insert(Self::default());
        }
        if let Some(Self(outcomes)) = extensions.get_mut::<Self>() {
            let hub_path = request.hub_path().map(Into::into);
            outcomes.push(Outcome { scheme: address(scheme), hub_path, result: result.clone() });
        }
    }
}

fn address(scheme: &dyn AuthenticationScheme) -> *const () {
    std::ptr::from_ref(scheme).cast()
}
