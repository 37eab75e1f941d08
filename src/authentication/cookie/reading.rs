//! Reading the cookie of a request: who it says somebody is, and whether that still holds.

use std::time::SystemTime;

use actix_signalr_actors::CancellationToken;
use actix_web::HttpRequest;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::authentication::{
    AuthenticateResult, AuthenticationFailure, AuthenticationTicket,
    cookie::{
        CookieAuthentication, CookieError, PrincipalCheck, SessionKey, SessionStoreError, SessionTicket,
        Ticket,
        chunks::{self, Found},
        response_headers::renew,
    },
};

/// What a cookie holds.
pub(super) enum Contents {
    Ticket(Ticket),
    /// The ticket is in the store.
    Session(SessionKey),
}

/// A ticket that somebody shows, in his cookie or by the key of his session.
struct Shown {
    ticket: Ticket,
    session: Option<SessionKey>,
    revocation: Option<CancellationToken>,
}

impl CookieAuthentication {
    pub(super) async fn authenticate_at(&self, http: &HttpRequest, now: SystemTime) -> AuthenticateResult {
        match self.shown(http, now).await {
            Ok(Some(shown)) => match self.accept(http, shown, now).await {
                Ok(ticket) => AuthenticateResult::Success(ticket),
                Err(reason) => AuthenticateResult::Failure(AuthenticationFailure::new(reason)),
            },
            Ok(None) => AuthenticateResult::NoResult,
            Err(reason) => AuthenticateResult::Failure(AuthenticationFailure::new(reason)),
        }
    }

    /// What the request's cookie holds, if it has one.
    pub(super) fn contents(&self, http: &HttpRequest) -> Result<Option<Contents>, &'static str> {
        let value = match chunks::find(http.headers(), &self.form.name_for(&self.name)) {
            Found::Nothing => return Ok(None),
            Found::Incomplete => return Err("a part of the cookie is missing"),
            Found::Value(value) => value,
        };
        self.read(&value).map(Some).ok_or("the cookie cannot be read")
    }

    /// Whether cookies hold tickets or keys is a matter of this server, never of the cookie.
    fn read(&self, value: &str) -> Option<Contents> {
        let sealed = URL_SAFE_NO_PAD.decode(value).ok()?;
        if self.session_store.is_some() {
            let key = self.keys.unprotect(&self.session_purpose(), &sealed)?;
            SessionKey::from_slice(&key).map(Contents::Session)
        } else {
            Ticket::from_bytes(&self.keys.unprotect(&self.name, &sealed)?).map(Contents::Ticket)
        }
    }

    /// The ticket that the request shows, if it has not expired.
    async fn shown(&self, http: &HttpRequest, now: SystemTime) -> Result<Option<Shown>, &'static str> {
        let shown = match self.contents(http)? {
            None => return Ok(None),
            Some(Contents::Ticket(ticket)) => Shown { ticket, session: None, revocation: None },
            Some(Contents::Session(key)) => self.look_up(key).await?,
        };
        if shown.ticket.expires_at >= now {
            return Ok(Some(shown));
        }
        if let (Some(store), Some(key)) = (&self.session_store, &shown.session) {
            store.remove(key).await.map_err(|err| self.unavailable(&err))?;
        }
        Err("the cookie has expired")
    }

    async fn look_up(&self, key: SessionKey) -> Result<Shown, &'static str> {
        let store = self.session_store.as_ref().ok_or("there is no session store")?;
        // Before the ticket: what is revoked from here on is noticed.
        let revocation = store.revocation(&key);
        let found = store.retrieve(&key).await.map_err(|err| self.unavailable(&err))?;
        let SessionTicket(ticket) = found.ok_or("the session is over")?;
        Ok(Shown { ticket, session: Some(key), revocation })
    }

    /// Asks the application, and renews what is to be renewed.
    async fn accept(
        &self,
        http: &HttpRequest,
        Shown { ticket, session, revocation }: Shown,
        now: SystemTime,
    ) -> Result<AuthenticationTicket, &'static str> {
        let mut renewed = ticket.renewed(now).filter(|_| self.sliding_expiration);
        let mut accepted = self.accepted(renewed.as_ref().unwrap_or(&ticket));
        if let Some(check) = &self.validate_principal {
            let principal = match check(accepted.clone()).await {
                PrincipalCheck::Keep => None,
                PrincipalCheck::Reject => return Err("the principal was rejected"),
                PrincipalCheck::Renew => Some(ticket.principal.clone()),
                PrincipalCheck::Replace(principal) => Some(principal),
            };
            if let Some(principal) = principal {
                let replaced = Ticket { principal, ..ticket.starting_at(now) };
                accepted = self.accepted(&replaced);
                renewed = Some(replaced);
            }
        }
        if let Some(ticket) = renewed {
            self.renew(http, ticket, session.as_ref()).await?;
        }
        Ok(accepted.with_revocation(revocation))
    }

    async fn renew(
        &self,
        http: &HttpRequest,
        ticket: Ticket,
        session: Option<&SessionKey>,
    ) -> Result<(), &'static str> {
        if let (Some(store), Some(key)) = (&self.session_store, session) {
            let is_there = store.renew(key, &SessionTicket(ticket.clone())).await;
            if !is_there.map_err(|err| self.unavailable(&err))? {
                return Err("the session is over");
            }
        }
        match self.headers_of(http, &ticket, session) {
            Ok(headers) => renew(http, &self.name, headers),
            Err(err) => tracing::warn!(scheme = %self.name, error = %err, "cookie not renewed"),
        }
        Ok(())
    }

    fn accepted(&self, ticket: &Ticket) -> AuthenticationTicket {
        AuthenticationTicket::new(ticket.principal.clone(), self.name.clone())
            .with_issued_at(ticket.issued_at)
            .with_expires_at(ticket.expires_at)
    }

    /// What the key of a session is encrypted for: it is no ticket.
    pub(super) fn session_purpose(&self) -> String {
        format!("{}\0session", self.name)
    }

    pub(super) fn store_failed(&self, err: &SessionStoreError) -> CookieError {
        self.unavailable(err);
        if err.is_full() { CookieError::TooManySessions } else { CookieError::Store }
    }

    fn unavailable(&self, err: &SessionStoreError) -> &'static str {
        tracing::error!(scheme = %self.name, error = %err, "no session can be looked up or kept");
        "the session store has failed"
    }
}
