//! Async functions as hub methods: any number of arguments up to twelve, typed by their own types.

use std::{marker::PhantomData, sync::Arc};

use futures::future::LocalBoxFuture;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    HubCallerContext, HubError, ProtocolError,
    authorization::BoundArguments,
    protocol::{ArgumentReader, Arguments, HubProtocol, Payload},
};

/// An argument a client can give: any owned value that serde reads.
///
/// `Kind` keeps the ways apart in which an argument comes; it is always inferred.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of a hub method",
    label = "not an argument a client can give",
    note = "an argument implements `serde::Deserialize`, is `Send` and owned: `String`, not `&str`"
)]
pub trait HubArgument<Kind>: Sized + Send + 'static {
    /// Takes the value from what the client sent; `None` where the client sent too few.
    ///
    /// # Errors
    /// When what the client sent is no such value.
    fn take(reader: &mut ArgumentReader<'_>) -> Result<Option<Self>, ProtocolError>;
}

/// Marks an argument that serde reads.
#[derive(Debug)]
pub enum ViaSerde {}

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned + Send + 'static> HubArgument<ViaSerde> for T {
    fn take(reader: &mut ArgumentReader<'_>) -> Result<Option<Self>, ProtocolError> {
        reader.next()
    }
}

/// What a hub method may return.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the result of a hub method",
    label = "not a result a hub method can have",
    note = "a result is `Result<T, E>` with a `T` that implements `serde::Serialize` and an `E` that converts into `HubError`; `HubResult<T>` is one"
)]
pub trait HubReturn: 'static {
    /// Encodes the value for the caller.
    ///
    /// # Errors
    /// The error of the method, or that the value cannot be written.
    fn into_payload(self, protocol: HubProtocol) -> Result<Payload, HubError>;
}

#[diagnostic::do_not_recommend]
impl<T: Serialize + 'static, E: Into<HubError> + 'static> HubReturn for Result<T, E> {
    fn into_payload(self, protocol: HubProtocol) -> Result<Payload, HubError> {
        let value = self.map_err(Into::into)?;
        Ok(protocol.encode_payload(&value)?)
    }
}

/// An async function that clients can call: `async fn(&self, HubCallerContext, A, B, ..) -> Result<T, E>`.
///
/// Implemented for all such functions; `Marker` keeps their shapes apart and is always inferred.
#[diagnostic::on_unimplemented(
    message = "this function cannot be a hub method",
    note = "a hub method is `async fn(&self, ctx: HubCallerContext, ..up to twelve owned arguments) -> Result<T, E>`"
)]
pub trait HubMethod<H, Marker>: Clone + Send + Sync + 'static {
    /// Its arguments, as a tuple.
    #[doc(hidden)]
    type Arguments: 'static;

    #[doc(hidden)]
    fn bind(arguments: &Arguments) -> Result<BoundArguments, ProtocolError>;

    #[doc(hidden)]
    fn call(
        self,
        hub: Arc<H>,
        ctx: HubCallerContext,
        arguments: Self::Arguments,
        protocol: HubProtocol,
    ) -> LocalBoxFuture<'static, Result<Payload, HubError>>;
}

macro_rules! hub_method {
    ($len:literal $($name:ident $kind:ident $value:ident)*) => {
        #[diagnostic::do_not_recommend]
        impl<H, F, R, $($name, $kind),*> HubMethod<H, (R, $(($name, $kind)),*)> for F
        where
            H: Send + Sync + 'static,
            F: AsyncFn(&H, HubCallerContext, $($name),*) -> R + Clone + Send + Sync + 'static,
            R: HubReturn,
            $($name: HubArgument<$kind>, $kind: 'static),*
        {
            type Arguments = ($($name,)*);

            #[allow(unused_mut, unused_variables, unused_assignments, reason = "without arguments there is nothing to take")]
            fn bind(arguments: &Arguments) -> Result<BoundArguments, ProtocolError> {
                let mut reader = arguments.reader();
                reader.expect($len)?;
                $(let $value = $name::take(&mut reader)?;)*
                let tuple: Option<($($name,)*)> = (|| Some(($($value?,)*)))();
                reader.finish($len)?;
                let tuple = tuple.ok_or_else(|| ProtocolError::invalid_data("Error binding arguments."))?;
                Ok(BoundArguments::new(tuple))
            }

            fn call(
                self,
                hub: Arc<H>,
                ctx: HubCallerContext,
                ($($value,)*): Self::Arguments,
                protocol: HubProtocol,
            ) -> LocalBoxFuture<'static, Result<Payload, HubError>> {
                Box::pin(async move { self(&hub, ctx, $($value),*).await.into_payload(protocol) })
            }
        }
    };
}

hub_method!(0);
hub_method!(1 A KA a);
hub_method!(2 A KA a B KB b);
hub_method!(3 A KA a B KB b C KC c);
hub_method!(4 A KA a B KB b C KC c D KD d);
hub_method!(5 A KA a B KB b C KC c D KD d E KE e1);
hub_method!(6 A KA a B KB b C KC c D KD d E KE e1 G KG g);
hub_method!(7 A KA a B KB b C KC c D KD d E KE e1 G KG g I KI i);
hub_method!(8 A KA a B KB b C KC c D KD d E KE e1 G KG g I KI i J KJ j);
hub_method!(9 A KA a B KB b C KC c D KD d E KE e1 G KG g I KI i J KJ j K KK k);
hub_method!(10 A KA a B KB b C KC c D KD d E KE e1 G KG g I KI i J KJ j K KK k L KL l);
hub_method!(11 A KA a B KB b C KC c D KD d E KE e1 G KG g I KI i J KJ j K KK k L KL l M KM m);
hub_method!(12 A KA a B KB b C KC c D KD d E KE e1 G KG g I KI i J KJ j K KK k L KL l M KM m N KN n);

/// Reads the arguments of one method.
pub(crate) type BindFn = fn(&Arguments) -> Result<BoundArguments, ProtocolError>;

/// A method of a hub, its shape forgotten.
pub(crate) trait AnyMethod<H>: Send + Sync {
    fn call(
        &self,
        hub: Arc<H>,
        ctx: HubCallerContext,
        arguments: BoundArguments,
        protocol: HubProtocol,
    ) -> LocalBoxFuture<'static, Result<Payload, HubError>>;
}

/// Forgets the shape of a method.
pub(crate) fn erase<H: 'static, Marker: 'static, M: HubMethod<H, Marker>>(
    method: M,
) -> (BindFn, Box<dyn AnyMethod<H>>) {
    (M::bind, Box::new(Erased::<M, Marker>(method, PhantomData)))
}

struct Erased<M, Marker>(M, PhantomData<fn() -> Marker>);

impl<H: 'static, Marker: 'static, M: HubMethod<H, Marker>> AnyMethod<H> for Erased<M, Marker> {
    fn call(
        &self,
        hub: Arc<H>,
        ctx: HubCallerContext,
        arguments: BoundArguments,
        protocol: HubProtocol,
    ) -> LocalBoxFuture<'static, Result<Payload, HubError>> {
        match arguments.take::<M::Arguments>() {
            Some(arguments) => self.0.clone().call(hub, ctx, arguments, protocol),
            // They were bound by this very method.
            None => Box::pin(async {
                Err(HubError::internal("InvalidOperationException", "arguments of another method"))
            }),
        }
    }
}
