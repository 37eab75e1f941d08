//! One instance of an application for all that a worker is asked.

use std::{cell::OnceCell, fmt, rc::Rc};

use actix_service::ServiceFactory;
use futures::{
    FutureExt, TryFutureExt,
    future::{LocalBoxFuture, Shared},
};

/// Makes an application the first time that it is asked for, and hands out the same one from then on: the HTTP layer asks for
/// plain requests, and once more for those that turn into something else.
pub(super) struct SharedApp<S: ServiceFactory<R>, R>(Rc<Inner<S, R>>);

struct Inner<S: ServiceFactory<R>, R> {
    factory: S,
    made: OnceCell<Made<S::Service>>,
}

/// The application, when it is there.
type Made<S> = Shared<LocalBoxFuture<'static, Result<Rc<S>, ()>>>;

impl<S: ServiceFactory<R>, R> SharedApp<S, R> {
    pub(super) fn new(factory: S) -> Self {
        Self(Rc::new(Inner { factory, made: OnceCell::new() }))
    }
}

impl<S: ServiceFactory<R>, R> Clone for SharedApp<S, R> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<S, R> ServiceFactory<R> for SharedApp<S, R>
where
    S: ServiceFactory<R, Config = ()>,
    S::InitError: fmt::Debug,
    S::Future: 'static,
    S::Service: 'static,
    R: 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Config = ();
    type Service = Rc<S::Service>;
    type InitError = ();
    type Future = Made<S::Service>;

    fn new_service(&self, (): ()) -> Self::Future {
        let Inner { factory, made } = &*self.0;
        let make = || {
            let making = factory.new_service(()).map_ok(Rc::new);
            making
                .map_err(|err| tracing::error!(error = ?err, "application not started"))
                .boxed_local()
                .shared()
        };
        made.get_or_init(make).clone()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use actix_service::{Service, fn_factory, fn_service};

    use super::*;

    #[actix_web::test]
    async fn it_is_made_once() {
        let made = Rc::new(Cell::new(0));
        let counted = made.clone();
        let factory = fn_factory(move || {
            counted.set(counted.get() + 1);
            let number = counted.get();
            async move { Ok::<_, ()>(fn_service(move |(): ()| async move { Ok::<_, ()>(number) })) }
        });
        let shared = SharedApp::new(factory);
        let other = shared.clone();
        let (one, other) = (shared.new_service(()), other.new_service(()));
        assert_eq!(other.await.unwrap().call(()).await, Ok(1));
        assert_eq!(one.await.unwrap().call(()).await, Ok(1));
        assert_eq!(made.get(), 1);
    }

    #[actix_web::test]
    async fn what_cannot_be_made_is_not_there_for_anybody() {
        let factory = fn_factory(|| async { Err::<actix_service::boxed::BoxService<(), (), ()>, _>("no") });
        let shared = SharedApp::new(factory);
        assert!(shared.new_service(()).await.is_err());
        assert!(shared.new_service(()).await.is_err());
    }
}
