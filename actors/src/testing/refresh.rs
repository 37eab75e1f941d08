//! Credentials that a client in memory replaces.

use std::{sync::Arc, time::Duration};

use actix::clock::Instant;

use crate::{
    ClaimsPrincipal, Examine, Refresh, Standing, same_user,
    testing::{RefreshError, TestClient},
};

impl TestClient {
    /// Replaces its credentials by others that do not expire, as authentication refresh does it. When it returns, calls that
    /// follow are made as this user; the hub's `on_authentication_refreshed` may still have to wait for its turn.
    ///
    /// ```
    /// # use actix_signalr_actors::{
    /// #     AuthorizeData, ClaimsIdentity, ClaimsPrincipal, Hub, HubCallerContext, HubDescriptor, HubResult, claim_types,
    /// #     testing::{RefreshError, TestHub, user},
    /// # };
    /// # struct Door;
    /// # impl Door {
    /// #     async fn open(&self, _ctx: HubCallerContext) -> HubResult {
    /// #         Ok(())
    /// #     }
    /// # }
    /// # impl Hub for Door {
    /// #     fn describe(hub: &mut HubDescriptor<Self>) {
    /// #         hub.method("Open", Self::open).authorize(AuthorizeData::roles("Porter"));
    /// #     }
    /// # }
    /// # actix_rt::System::new().block_on(async {
    /// let hub = TestHub::start(Door);
    /// let ann = hub.connect(user("ann")).await;
    /// assert!(ann.invoke::<()>("Open", ()).await.is_err());
    ///
    /// let identity = ClaimsIdentity::new("Test").claim(claim_types::NAME_IDENTIFIER, "ann");
    /// ann.refresh(identity.claim(claim_types::ROLE, "Porter")).await.unwrap();
    /// assert!(ann.invoke::<()>("Open", ()).await.is_ok());
    ///
    /// assert_eq!(ann.refresh(user("bob")).await, Err(RefreshError::UserChanged));
    /// # });
    /// ```
    ///
    /// # Errors
    /// When they are those of another user, or the connection is over.
    pub async fn refresh(&self, user: impl Into<ClaimsPrincipal>) -> Result<(), RefreshError> {
        self.replace(Arc::new(user.into()), None).await
    }

    /// Replaces its credentials by others that are good for a time: when they expire the connection ends, and the client may
    /// come back.
    ///
    /// # Errors
    /// When they are those of another user, or the connection is over.
    pub async fn refresh_for(
        &self,
        user: impl Into<ClaimsPrincipal>,
        time: Duration,
    ) -> Result<(), RefreshError> {
        self.replace(Arc::new(user.into()), Instant::now().checked_add(time)).await
    }

    async fn replace(
        &self,
        user: Arc<ClaimsPrincipal>,
        expires_at: Option<Instant>,
    ) -> Result<(), RefreshError> {
        match self.connection.send(Examine(user.clone())).await.unwrap_or(Standing::Over) {
            Standing::SameUser => {}
            Standing::Early if same_user(&self.user.lock(), &user) => {}
            Standing::Early | Standing::OtherUser => return Err(RefreshError::UserChanged),
            Standing::Over => return Err(RefreshError::Ended),
        }
        *self.user.lock() = user.clone();
        self.connection.do_send(Refresh { user, expires_at });
        Ok(())
    }
}
