// The part of the runtime the attributes speak to, shaped like it, and noting what it is told.
// Plain comments: this file is also included where module docs may not stand.

#[allow(unused_imports)]
pub use actix_signalr_macros::{allow_anonymous, authorize, hub, hub_method};

/// A connection as a hub method sees it.
pub struct HubCallerContext;

/// An error clients may read.
#[derive(Debug, PartialEq)]
pub struct HubError(pub String);

/// An error that becomes a `HubError`.
#[derive(Debug)]
pub struct SendError;

/// What hub methods return.
pub type HubResult<T = ()> = Result<T, HubError>;

/// Items on their way to the client.
pub struct HubStream<T>(pub Vec<T>);

/// Items on their way from the client.
pub struct ClientStream<T>(pub Vec<T>);

impl From<SendError> for HubError {
    fn from(_: SendError) -> Self {
        Self("not sent".to_owned())
    }
}

pub trait Hub: Send + Sync + Sized + 'static {
    fn describe(hub: &mut HubDescriptor<Self>);

    fn on_connected(&self, _ctx: HubCallerContext) -> impl Future<Output = HubResult> {
        async { Ok(()) }
    }

    fn on_disconnected(
        &self,
        _ctx: HubCallerContext,
        _error: Option<HubError>,
    ) -> impl Future<Output = HubResult> {
        async { Ok(()) }
    }
}

/// What a hub says of itself, one line per call.
pub struct HubDescriptor<H> {
    lines: Vec<String>,
    hub: std::marker::PhantomData<H>,
}

pub struct MethodDescriptor<'a>(&'a mut String);

impl<H: Hub> HubDescriptor<H> {
    pub fn lines() -> Vec<String> {
        let mut descriptor = Self { lines: Vec::new(), hub: std::marker::PhantomData };
        H::describe(&mut descriptor);
        descriptor.lines
    }

    pub fn authorize(&mut self, data: AuthorizeData) -> &mut Self {
        self.lines.push(format!("hub: {}", data.0));
        self
    }

    pub fn allow_anonymous(&mut self) -> &mut Self {
        self.lines.push("hub: anonymous".to_owned());
        self
    }

    pub fn method<F, M>(&mut self, name: &str, _method: F) -> MethodDescriptor<'_>
    where
        F: HubMethod<H, M>,
    {
        let function = std::any::type_name::<F>();
        let function = function.rsplit("::").next().unwrap_or(function);
        self.lines.push(format!("{name} = {function}"));
        MethodDescriptor(self.lines.last_mut().unwrap())
    }
}

impl MethodDescriptor<'_> {
    pub fn authorize(self, data: AuthorizeData) -> Self {
        self.0.push_str(&format!(", {}", data.0));
        self
    }

    pub fn allow_anonymous(self) -> Self {
        self.0.push_str(", anonymous");
        self
    }
}

/// What `#[authorize]` asks for, as text.
pub struct AuthorizeData(String);

impl AuthorizeData {
    pub fn authenticated() -> Self {
        Self("authenticated".to_owned())
    }

    pub fn policy(name: &str) -> Self {
        Self(format!("policy {name}"))
    }

    pub fn roles(roles: &str) -> Self {
        Self(format!("roles {roles}"))
    }

    pub fn with_roles(self, roles: &str) -> Self {
        Self(format!("{} with roles {roles}", self.0))
    }

    pub fn with_schemes(self, schemes: &str) -> Self {
        Self(format!("{} with schemes {schemes}", self.0))
    }
}

/// What a method can take; `M` keeps values and streams apart.
#[diagnostic::on_unimplemented(message = "`{Self}` cannot be an argument", label = "not readable")]
pub trait HubArgument<M> {}

pub enum Value {}
pub enum Stream {}

impl HubArgument<Value> for String {}
impl HubArgument<Value> for u32 {}
impl<T> HubArgument<Value> for Vec<T> {}
impl<T> HubArgument<Stream> for ClientStream<T> {}

/// What a method can return.
#[diagnostic::on_unimplemented(message = "`{Self}` cannot be a result", label = "not writable")]
pub trait HubReturn<Kind> {}

impl<T, E: Into<HubError>> HubReturn<Value> for Result<T, E> {}
impl<T> HubReturn<Stream> for HubStream<T> {}

/// Async functions of up to 12 arguments.
pub trait HubMethod<H, M> {}

macro_rules! hub_method_impls {
    ($($argument:ident $marker:ident)*) => {
        impl<H, F, R, K, $($argument, $marker,)*> HubMethod<H, (R, K, $($argument, $marker,)*)> for F
        where
            F: AsyncFn(&H, HubCallerContext, $($argument),*) -> R,
            R: HubReturn<K>,
            $($argument: HubArgument<$marker>,)*
        {
        }
        hub_method_impls!(@shorter $($argument $marker)*);
    };
    (@shorter) => {};
    (@shorter $first:ident $its:ident $($argument:ident $marker:ident)*) => {
        hub_method_impls!($($argument $marker)*);
    };
}

hub_method_impls!(A1 M1 A2 M2 A3 M3 A4 M4 A5 M5 A6 M6 A7 M7 A8 M8 A9 M9 A10 M10 A11 M11 A12 M12);

#[doc(hidden)]
pub mod __private {
    use super::{HubArgument, HubReturn};

    pub fn assert_argument<T: HubArgument<M>, M>() {}
    pub fn assert_result<R: HubReturn<Kind>, Kind>() {}
}
