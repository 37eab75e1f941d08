//! Async functions as hub methods: any number of arguments up to twelve, typed by their own types.

use std::{fmt, marker::PhantomData, sync::Arc};

use futures::{StreamExt, future::LocalBoxFuture, stream::LocalBoxStream};
use serde::{Serialize, de::DeserializeOwned};
use tokio_util::sync::CancellationToken;

use crate::{
    HubCallerContext, HubError, ProtocolError,
    authorization::{ArgumentKind, BoundArguments},
    hub::{ClientStream, HubStream, Upload},
    protocol::{ArgumentReader, Arguments, Payload, PayloadFormat},
};

/// An argument of a hub method: any owned value that serde reads, a [`ClientStream`], or a [`CancellationToken`].
///
/// `Kind` keeps the ways apart in which an argument comes; it is always inferred.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of a hub method",
    label = "not an argument a client can give",
    note = "an argument implements `serde::Deserialize`, is `Send` and owned: `String`, not `&str`"
)]
pub trait HubArgument<Kind>: Sized + Send + 'static {
    /// Where it comes from.
    #[doc(hidden)]
    const KIND: ArgumentKind;

    /// Takes the value from what the client sent; `None` where the client sent too few.
    ///
    /// # Errors
    /// When what the client sent is no such value.
    #[doc(hidden)]
    fn take(source: &mut ArgumentSource<'_>) -> Result<Option<Self>, ProtocolError>;
}

/// What the arguments of one call are taken from.
#[derive(Debug)]
pub struct ArgumentSource<'a> {
    reader: ArgumentReader<'a>,
    uploads: std::vec::IntoIter<Arc<Upload>>,
    cancel: Option<&'a CancellationToken>,
}

impl<'a> ArgumentSource<'a> {
    pub(crate) fn new(
        arguments: &'a Arguments,
        uploads: Vec<Arc<Upload>>,
        cancel: Option<&'a CancellationToken>,
    ) -> Self {
        Self { reader: arguments.reader(), uploads: uploads.into_iter(), cancel }
    }
}

/// Marks an argument that serde reads.
#[derive(Debug)]
pub enum ViaSerde {}

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned + Send + 'static> HubArgument<ViaSerde> for T {
    const KIND: ArgumentKind = ArgumentKind::Value;

    fn take(source: &mut ArgumentSource<'_>) -> Result<Option<Self>, ProtocolError> {
        source.reader.next()
    }
}

/// Marks an argument that the client streams.
#[derive(Debug)]
pub enum ViaStream {}

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned + 'static> HubArgument<ViaStream> for ClientStream<T> {
    const KIND: ArgumentKind = ArgumentKind::Stream;

    fn take(source: &mut ArgumentSource<'_>) -> Result<Option<Self>, ProtocolError> {
        Ok(source.uploads.next().map(Self::new))
    }
}

/// Marks the argument that says when the client wants no more.
#[derive(Debug)]
pub enum ViaToken {}

#[diagnostic::do_not_recommend]
impl HubArgument<ViaToken> for CancellationToken {
    const KIND: ArgumentKind = ArgumentKind::Token;

    fn take(source: &mut ArgumentSource<'_>) -> Result<Option<Self>, ProtocolError> {
        Ok(Some(source.cancel.cloned().unwrap_or_default()))
    }
}

/// What a hub method may return: `Result<T, E>` for one answer, [`HubStream<T>`] or `Result<HubStream<T>, E>` for a stream
/// of them.
///
/// `Kind` keeps them apart; it is always inferred.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the result of a hub method",
    label = "not a result a hub method can have",
    note = "a result is `Result<T, E>` with a `T` that implements `serde::Serialize` and an `E` that converts into `HubError`, or `HubStream<T>`; `HubResult<T>` is one"
)]
pub trait HubReturn<Kind>: 'static {
    /// Whether it is a stream.
    #[doc(hidden)]
    const STREAMS: bool;

    /// Encodes the answer for the caller.
    ///
    /// # Errors
    /// The error of the method, or that the value cannot be written.
    #[doc(hidden)]
    fn into_answer(self, format: PayloadFormat) -> Result<Answer, HubError>;
}

/// What a method answers with, encoded.
pub enum Answer {
    /// One value.
    Value(Payload),
    /// Values as they come.
    Stream(LocalBoxStream<'static, Result<Payload, HubError>>),
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if matches!(self, Self::Value(_)) { "Value" } else { "Stream" })
    }
}

#[diagnostic::do_not_recommend]
impl<T: Serialize + 'static, E: Into<HubError> + 'static> HubReturn<ViaSerde> for Result<T, E> {
    const STREAMS: bool = false;

    fn into_answer(self, format: PayloadFormat) -> Result<Answer, HubError> {
        let value = self.map_err(Into::into)?;
        Ok(Answer::Value(format.encode(&value)?))
    }
}

#[diagnostic::do_not_recommend]
impl<T: Serialize + 'static> HubReturn<ViaStream> for HubStream<T> {
    const STREAMS: bool = true;

    fn into_answer(self, format: PayloadFormat) -> Result<Answer, HubError> {
        let encode = move |item: Result<T, HubError>| Ok(format.encode(&item?)?);
        Ok(Answer::Stream(self.map(encode).boxed_local()))
    }
}

#[diagnostic::do_not_recommend]
impl<T: Serialize + 'static, E: Into<HubError> + 'static> HubReturn<ViaStream> for Result<HubStream<T>, E> {
    const STREAMS: bool = true;

    fn into_answer(self, format: PayloadFormat) -> Result<Answer, HubError> {
        self.map_err(Into::into)?.into_answer(format)
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
    const KINDS: &'static [ArgumentKind];

    #[doc(hidden)]
    const STREAMS: bool;

    #[doc(hidden)]
    fn bind(source: ArgumentSource<'_>) -> Result<BoundArguments, ProtocolError>;

    #[doc(hidden)]
    fn call(
        self,
        hub: Arc<H>,
        ctx: HubCallerContext,
        arguments: Self::Arguments,
        format: PayloadFormat,
    ) -> LocalBoxFuture<'static, Result<Answer, HubError>>;
}

macro_rules! hub_method {
    ($($name:ident $kind:ident $value:ident)*) => {
        #[diagnostic::do_not_recommend]
        impl<H, F, R, KR, $($name, $kind),*> HubMethod<H, (R, KR, $(($name, $kind)),*)> for F
        where
            H: Send + Sync + 'static,
            F: AsyncFn(&H, HubCallerContext, $($name),*) -> R + Clone + Send + Sync + 'static,
            R: HubReturn<KR>,
            $($name: HubArgument<$kind>, $kind: 'static),*
        {
            type Arguments = ($($name,)*);

            const KINDS: &'static [ArgumentKind] = &[$(<$name as HubArgument<$kind>>::KIND),*];

            const STREAMS: bool = <R as HubReturn<KR>>::STREAMS;

            #[allow(unused_mut, unused_variables, reason = "without arguments there is nothing to take")]
            fn bind(mut source: ArgumentSource<'_>) -> Result<BoundArguments, ProtocolError> {
                let values = Self::KINDS.iter().filter(|kind| **kind == ArgumentKind::Value).count();
                source.reader.expect(values)?;
                $(let $value = <$name as HubArgument<$kind>>::take(&mut source)?;)*
                source.reader.finish(values)?;
                let too_few = || ProtocolError::invalid_data("Error binding arguments.");
                let tuple = ($($value.ok_or_else(too_few)?,)*);
                Ok(BoundArguments::new(tuple, Self::KINDS))
            }

            fn call(
                self,
                hub: Arc<H>,
                ctx: HubCallerContext,
                ($($value,)*): Self::Arguments,
                format: PayloadFormat,
            ) -> LocalBoxFuture<'static, Result<Answer, HubError>> {
                Box::pin(async move { self(&hub, ctx, $($value),*).await.into_answer(format) })
            }
        }
    };
}

hub_method!();
hub_method!(A KA a);
hub_method!(A KA a B KB b);
hub_method!(A KA a B KB b C KC c);
hub_method!(A KA a B KB b C KC c D KD d);
hub_method!(A KA a B KB b C KC c D KD d E KE e1);
hub_method!(A KA a B KB b C KC c D KD d E KE e1 G KG g);
hub_method!(A KA a B KB b C KC c D KD d E KE e1 G KG g I KI i);
hub_method!(A KA a B KB b C KC c D KD d E KE e1 G KG g I KI i J KJ j);
hub_method!(A KA a B KB b C KC c D KD d E KE e1 G KG g I KI i J KJ j K KK k);
hub_method!(A KA a B KB b C KC c D KD d E KE e1 G KG g I KI i J KJ j K KK k L KL l);
hub_method!(A KA a B KB b C KC c D KD d E KE e1 G KG g I KI i J KJ j K KK k L KL l M KM m);
hub_method!(A KA a B KB b C KC c D KD d E KE e1 G KG g I KI i J KJ j K KK k L KL l M KM m N KN n);

/// Reads the arguments of one method.
pub(crate) type BindFn = fn(ArgumentSource<'_>) -> Result<BoundArguments, ProtocolError>;

/// What is known of a method's shape.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) bind: BindFn,
    pub(crate) kinds: &'static [ArgumentKind],
    pub(crate) streams: bool,
}

impl Shape {
    /// How many streams the client has to upload.
    pub(crate) fn uploads(&self) -> usize {
        self.kinds.iter().filter(|kind| **kind == ArgumentKind::Stream).count()
    }

    /// Whether its calls wait for those before them.
    pub(crate) fn takes_turn(&self) -> bool {
        !self.streams && self.uploads() == 0
    }

    /// Whether it is told by a token when the client wants no more.
    pub(crate) fn takes_token(&self) -> bool {
        self.kinds.contains(&ArgumentKind::Token)
    }
}

/// A method of a hub, its shape forgotten.
pub(crate) trait AnyMethod<H>: Send + Sync {
    fn call(
        &self,
        hub: Arc<H>,
        ctx: HubCallerContext,
        arguments: BoundArguments,
        format: PayloadFormat,
    ) -> LocalBoxFuture<'static, Result<Answer, HubError>>;
}

/// Forgets the shape of a method, but for what is known of it.
pub(crate) fn erase<H: 'static, Marker: 'static, M: HubMethod<H, Marker>>(
    method: M,
) -> (Shape, Box<dyn AnyMethod<H>>) {
    let shape = Shape { bind: M::bind, kinds: M::KINDS, streams: M::STREAMS };
    (shape, Box::new(Erased::<M, Marker>(method, PhantomData)))
}

struct Erased<M, Marker>(M, PhantomData<fn() -> Marker>);

impl<H: 'static, Marker: 'static, M: HubMethod<H, Marker>> AnyMethod<H> for Erased<M, Marker> {
    fn call(
        &self,
        hub: Arc<H>,
        ctx: HubCallerContext,
        arguments: BoundArguments,
        format: PayloadFormat,
    ) -> LocalBoxFuture<'static, Result<Answer, HubError>> {
        match arguments.take::<M::Arguments>() {
            Some(arguments) => self.0.clone().call(hub, ctx, arguments, format),
            // They were bound by this very method.
            None => Box::pin(async {
                Err(HubError::internal("InvalidOperationException", "arguments of another method"))
            }),
        }
    }
}
