//! What is kept with a TCP connection while an exchange goes on.

use std::{any::Any, cell::RefCell, fmt};

use actix_web::{HttpRequest, dev::Extensions};

use crate::authentication::negotiate::{NegotiateExchange, NegotiateUser};

/// What is kept with a TCP connection: an exchange that goes on, or who has identified himself.
///
/// Kerberos usually needs one token, and nothing to be kept. For exchanges that take several, and to keep who somebody is, give
/// the HTTP server [`NegotiateConnection::begin`]:
///
/// ```no_run
/// use actix_signalr::NegotiateConnection;
/// use actix_web::{App, HttpServer};
///
/// let server = HttpServer::new(App::new).on_connect(NegotiateConnection::begin);
/// ```
#[derive(Default)]
pub struct NegotiateConnection {
    state: RefCell<State>,
}

#[derive(Default)]
enum State {
    #[default]
    Nothing,
    GoesOn(Box<dyn NegotiateExchange>),
    Known(NegotiateUser),
}

impl NegotiateConnection {
    /// Begins to keep things with a connection; for `HttpServer::on_connect`.
    pub fn begin(_connection: &dyn Any, data: &mut Extensions) {
        data.insert(Self::default());
    }

    pub(super) fn of(http: &HttpRequest) -> Option<&Self> {
        http.conn_data::<Self>()
    }

    /// The exchange that goes on, which does so no longer. Whoever was known is known no longer, either.
    pub(super) fn take_exchange(&self) -> Option<Box<dyn NegotiateExchange>> {
        match self.state.take() {
            State::GoesOn(exchange) => Some(exchange),
            State::Nothing | State::Known(_) => None,
        }
    }

    pub(super) fn goes_on(&self) -> bool {
        matches!(*self.state.borrow(), State::GoesOn(_))
    }

    pub(super) fn keep_exchange(&self, exchange: Box<dyn NegotiateExchange>) {
        self.state.replace(State::GoesOn(exchange));
    }

    pub(super) fn keep_user(&self, user: NegotiateUser) {
        self.state.replace(State::Known(user));
    }

    pub(super) fn user(&self) -> Option<NegotiateUser> {
        match &*self.state.borrow() {
            State::Known(user) => Some(user.clone()),
            State::Nothing | State::GoesOn(_) => None,
        }
    }
}

impl fmt::Debug for NegotiateConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NegotiateConnection").finish_non_exhaustive()
    }
}
