//! Signing somebody in and out: the headers of the answer, and the session in the store.

use std::{sync::Arc, time::SystemTime};

use actix_signalr_actors::ClaimsPrincipal;
use actix_web::HttpRequest;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::authentication::{
    cookie::{
        CookieAuthentication, CookieError, CookieHeaders, CookieSignedIn, CookieSigningIn, CookieSigningOut,
        SessionKey, SessionTicket, SignInProperties, Ticket,
        chunks::{self, Attributes},
        cookie_form::last_time,
        reading::Contents,
        response_headers::supersede,
    },
    event::caught,
};

impl CookieAuthentication {
    /// The headers that sign somebody in.
    ///
    /// With a [session store](Self::session_store) this begins a session of a new key, when all else has succeeded; the one that
    /// the request's cookie names, if any, is over.
    ///
    /// # Errors
    /// The principal is not authenticated, has too many claims, the cookie cannot be encrypted, or the store fails.
    pub async fn sign_in(
        &self,
        http: &HttpRequest,
        principal: impl Into<ClaimsPrincipal>,
        properties: &SignInProperties,
    ) -> Result<CookieHeaders, CookieError> {
        self.sign_in_at(http, principal.into(), properties, SystemTime::now()).await
    }

    /// The headers that sign somebody out: his browser forgets the cookie, and the [session store](Self::session_store) the
    /// session.
    ///
    /// # Errors
    /// The store fails: a copy of the cookie may still be good. There is nothing else to go wrong.
    pub async fn sign_out(&self, http: &HttpRequest) -> Result<CookieHeaders, CookieError> {
        supersede(http, &self.name);
        if self.events.on_signing_out.is_set() {
            let mut context = CookieSigningOut::new(http.clone());
            // Reported where it is caught, and no reason to keep somebody who wants to go.
            let _ = caught(&self.name, self.events.on_signing_out.raise(&mut context)).await;
        }
        self.end_session(http).await?;
        let name = self.form.name_for(&self.name);
        let Attributes(attributes) = self.form.deletion(http);
        let names = std::iter::once(name.clone()).chain(chunks::names(http.headers(), &name));
        // The configuration has been checked, so that there is nothing in it that a header cannot hold.
        Ok(CookieHeaders::new(names.map(|name| format!("{name}={attributes}"))).unwrap_or_default())
    }

    pub(super) async fn sign_in_at(
        &self,
        http: &HttpRequest,
        principal: ClaimsPrincipal,
        properties: &SignInProperties,
        now: SystemTime,
    ) -> Result<CookieHeaders, CookieError> {
        // A time out of reach is one that nobody lives to see.
        let expires_at =
            properties.expires_at.or_else(|| now.checked_add(self.lifetime)).unwrap_or_else(last_time);
        let (principal, expires_at) = self.signing_in(http, Arc::new(principal), expires_at).await?;
        if !principal.is_authenticated() {
            return Err(CookieError::NotAuthenticated);
        }
        let ticket = Ticket {
            principal,
            issued_at: now,
            expires_at,
            is_persistent: properties.is_persistent,
            allow_refresh: !properties.forbid_refresh,
        };
        // A new key for each sign-in: one that somebody knew before must not become another user's.
        let key = self.session_store.as_ref().map(|_| SessionKey::random()).transpose()?;
        let headers = self.headers_of(http, &ticket, key.as_ref())?;
        self.signed_in(http, &ticket.principal).await?;
        // Behind all that can fail or be given up: nobody would have the cookie of what is in the store.
        if let (Some(store), Some(key)) = (&self.session_store, key) {
            self.end_session(http).await?;
            let stored = store.store(&key, &SessionTicket(ticket)).await;
            stored.map_err(|err| self.store_failed(&err))?;
        }
        supersede(http, &self.name);
        Ok(headers)
    }

    /// Who is signed in and until when, after the application has had its say.
    async fn signing_in(
        &self,
        http: &HttpRequest,
        principal: Arc<ClaimsPrincipal>,
        expires_at: SystemTime,
    ) -> Result<(Arc<ClaimsPrincipal>, SystemTime), CookieError> {
        let event = &self.events.on_signing_in;
        // Nobody is not even shown to it.
        if !event.is_set() || !principal.is_authenticated() {
            return Ok((principal, expires_at));
        }
        let mut context = CookieSigningIn::new(http.clone(), principal, expires_at);
        caught(&self.name, event.raise(&mut context)).await.ok_or(CookieError::Event)?;
        Ok(context.into_parts())
    }

    async fn signed_in(
        &self,
        http: &HttpRequest,
        principal: &Arc<ClaimsPrincipal>,
    ) -> Result<(), CookieError> {
        let event = &self.events.on_signed_in;
        if !event.is_set() {
            return Ok(());
        }
        let mut context = CookieSignedIn::new(http.clone(), principal.clone());
        caught(&self.name, event.raise(&mut context)).await.ok_or(CookieError::Event)
    }

    async fn end_session(&self, http: &HttpRequest) -> Result<(), CookieError> {
        if let Some(store) = &self.session_store
            && let Ok(Some(Contents::Session(key))) = self.contents(http)
        {
            store.remove(&key).await.map_err(|err| self.store_failed(&err))?;
        }
        Ok(())
    }

    /// The cookie of a ticket, or of the session that has it.
    pub(super) fn headers_of(
        &self,
        http: &HttpRequest,
        ticket: &Ticket,
        session: Option<&SessionKey>,
    ) -> Result<CookieHeaders, CookieError> {
        let sealed = match session {
            Some(key) => self.keys.protect(&self.session_purpose(), key.as_bytes())?,
            None => self.keys.protect(&self.name, &ticket.to_bytes())?,
        };
        let value = URL_SAFE_NO_PAD.encode(sealed);
        let name = self.form.name_for(&self.name);
        let attributes = self.form.attributes(http, ticket.is_persistent.then_some(ticket.expires_at));
        let mut cookies = chunks::split(&name, &value, &attributes).ok_or(CookieError::TooLarge)?;
        // Parts of a longer one before it are of no use any more.
        let Attributes(deleted) = self.form.deletion(http);
        let kept = cookies.len().saturating_sub(1);
        let left_over = chunks::names(http.headers(), &name).into_iter().skip(kept);
        cookies.extend(left_over.map(|part| format!("{part}={deleted}")));
        CookieHeaders::new(cookies).ok_or(CookieError::Encryption)
    }
}
