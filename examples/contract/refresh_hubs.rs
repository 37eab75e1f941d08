//! What a refresh of credentials changes, and what it does not.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use actix_signalr::{
    AuthenticationRefreshContext, ClaimsPrincipal, HubCallerContext, HubError, HubResult, HubStream,
    claim_types, hub,
};
use actix_web::rt::time::sleep;
use futures::stream;

/// The callback of one route: what the new principal's roles ask for.
#[derive(Clone, Default)]
pub(crate) struct Callback(Arc<Mutex<HashMap<String, (u32, String)>>>);

impl Callback {
    pub(crate) async fn run(self, refresh: AuthenticationRefreshContext) -> HubResult<bool> {
        let left = refresh.new_expiration().map(|at| at.duration_since(SystemTime::now()));
        let left = match left.map(|left| left.map(|left| left.as_secs())) {
            None => "none",
            Some(Err(_)) => "past",
            Some(Ok(0..60)) => "<60s",
            Some(Ok(60..1000)) => "<1000s",
            Some(Ok(_)) => ">=1000s",
        };
        let (http, new) = (refresh.http(), refresh.new_user());
        let seen = format!(
            "{} {}; {} -> {}; expires {left}; request user {}",
            http.method(),
            http.path(),
            show(refresh.previous_user()),
            show(new),
            show(new)
        );
        {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let entry = all.entry(refresh.connection_id().to_owned()).or_default();
            *entry = (entry.0 + 1, seen);
        }
        if new.is_in_role("CallbackSlow") {
            sleep(Duration::from_millis(800)).await;
        }
        if new.is_in_role("CallbackThrows") {
            return Err(HubError::internal("InvalidOperationException", "thrown in the callback"));
        }
        Ok(!new.is_in_role("Rejected"))
    }

    /// How often it ran for a connection, and what it saw last.
    fn seen(&self, connection_id: &str) -> String {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(connection_id).map_or_else(|| "never".to_owned(), |(count, seen)| format!("{count} {seen}"))
    }
}

fn show(user: &ClaimsPrincipal) -> String {
    format!("{}:{}", user.find_first(claim_types::NAME_IDENTIFIER).unwrap_or("-"), roles_of(user))
}

fn roles_of(user: &ClaimsPrincipal) -> String {
    let mut roles: Vec<_> = user.find_all(claim_types::ROLE).collect();
    roles.sort_unstable();
    format!("[{}]", roles.join(","))
}

/// What the hook has seen, kept with the connection.
#[derive(Clone, Default)]
struct Hooks {
    count: u32,
    last: String,
}

async fn refreshed(ctx: HubCallerContext) -> HubResult {
    let roles = roles_of(ctx.user());
    let count = ctx.items().get::<Hooks>().map_or(1, |hooks| hooks.count + 1);
    let last = format!("{roles} {}", ctx.user_id().unwrap_or("null"));
    ctx.items().insert(Hooks { count, last });
    if ctx.user().is_in_role("HookSlow") {
        sleep(Duration::from_millis(800)).await;
    }
    if ctx.user().is_in_role("HookThrows") {
        return Err(HubError::internal("InvalidOperationException", "thrown in the hook"));
    }
    if ctx.user().is_in_role("HookAborts") {
        ctx.abort();
    }
    if ctx.user().is_in_role("HookAsks") {
        let caller = ctx.clients().caller();
        let answer = caller.invoke::<String, _>("Question", ("q",)).await;
        let answer = answer.unwrap_or_else(|err| format!("InvalidOperationException: {}", err.message()));
        caller.send("Answered", (answer,)).await?;
    }
    Ok(ctx.clients().caller().send("Refreshed", (count, roles)).await?)
}

/// The same hub for different people.
macro_rules! refresh_hub {
    ($(#[$demand:meta])* $hub:ident) => {
        #[derive(Clone, Default)]
        pub(crate) struct $hub(pub(crate) Callback);

        #[hub]
        $(#[$demand])*
        impl $hub {
            async fn echo(&self, _ctx: HubCallerContext, message: Option<String>) -> HubResult<Option<String>> {
                Ok(message)
            }

            async fn roles(&self, ctx: HubCallerContext) -> HubResult<String> {
                Ok(roles_of(ctx.user()))
            }

            async fn claims(&self, ctx: HubCallerContext) -> HubResult<Vec<String>> {
                let shown = |claim: &actix_signalr::Claim| format!("{}={}", claim.claim_type(), claim.value());
                let mut claims: Vec<_> = ctx.user().claims().map(shown).collect();
                claims.sort_unstable();
                Ok(claims)
            }

            async fn user_identifier(&self, ctx: HubCallerContext) -> HubResult<Option<String>> {
                Ok(ctx.user_id().map(str::to_owned))
            }

            async fn is_authenticated(&self, ctx: HubCallerContext) -> HubResult<bool> {
                Ok(ctx.user().is_authenticated())
            }

            async fn connection_id(&self, ctx: HubCallerContext) -> HubResult<String> {
                Ok(ctx.connection_id().to_owned())
            }

            #[authorize(roles = "Administrators")]
            async fn admin(&self, _ctx: HubCallerContext) -> HubResult<&'static str> {
                Ok("admin")
            }

            #[authorize(roles = "Administrators")]
            async fn admin_stream(&self, _ctx: HubCallerContext, n: i32) -> HubStream<i32> {
                HubStream::of(stream::iter(0..n))
            }

            /// Roles before and after a wait.
            async fn slow(&self, ctx: HubCallerContext, ms: u64) -> HubResult<String> {
                let before = roles_of(ctx.user());
                sleep(Duration::from_millis(ms)).await;
                Ok(format!("{before} {}", roles_of(ctx.user())))
            }

            async fn watch(&self, ctx: HubCallerContext, n: u32, delay_ms: u64) -> HubStream<String> {
                HubStream::of(stream::unfold(0, move |at| {
                    let ctx = ctx.clone();
                    async move {
                        if at >= n {
                            return None;
                        }
                        sleep(Duration::from_millis(delay_ms)).await;
                        Some((roles_of(ctx.user()), at + 1))
                    }
                }))
            }

            /// How often the hook ran, and what it saw last.
            async fn hook(&self, ctx: HubCallerContext) -> HubResult<String> {
                let hooks = ctx.items().get::<Hooks>();
                Ok(hooks.map_or_else(|| "0 never".to_owned(), |hooks| format!("{} {}", hooks.count, hooks.last)))
            }

            async fn callback(&self, ctx: HubCallerContext) -> HubResult<String> {
                Ok(self.0.seen(ctx.connection_id()))
            }

            async fn join_group(&self, ctx: HubCallerContext, group: String) -> HubResult {
                Ok(ctx.groups().add(ctx.connection_id(), group).await?)
            }

            async fn send_group(&self, ctx: HubCallerContext, group: String, message: String) -> HubResult {
                Ok(ctx.clients().group(group).send("Message", (message,)).await?)
            }

            async fn send_user(&self, ctx: HubCallerContext, user: String, message: String) -> HubResult {
                Ok(ctx.clients().user(user).send("Message", (message,)).await?)
            }

            async fn abort(&self, ctx: HubCallerContext) -> HubResult {
                ctx.abort();
                Ok(())
            }

            async fn on_authentication_refreshed(&self, ctx: HubCallerContext) -> HubResult {
                refreshed(ctx).await
            }
        }
    };
}

refresh_hub!(
    #[authorize]
    RefreshHub
);
refresh_hub!(
    #[authorize("HasEmail")]
    RefreshPolicyHub
);
refresh_hub!(AnonymousRefreshHub);
