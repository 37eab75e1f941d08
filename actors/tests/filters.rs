//! Filters stand around calls and hooks, in their order, and behind authorization.

use std::sync::Arc;

use actix_signalr_actors::{
    AuthorizeData, Hub, HubAnswer, HubCallerContext, HubDescriptor, HubError, HubFilter, HubInvocation,
    HubResult, NextCall, NextHook, Policy,
    testing::{TestHub, user},
};
use parking_lot::Mutex;

type Log = Arc<Mutex<Vec<String>>>;

struct Noted {
    log: Log,
    name: &'static str,
}

impl HubFilter for Noted {
    async fn invoke_method(&self, mut call: HubInvocation, next: NextCall<'_>) -> HubResult<HubAnswer> {
        self.log.lock().push(format!("{} before {}", self.name, call.method));
        match call.arguments.at_mut::<String>(0) {
            Some(text) if text == "short" => return next.answer(&format!("{}'s own", self.name)),
            Some(text) if text == "veto" => return Err(HubError::new("not here")),
            Some(text) => text.push_str(self.name),
            None => {}
        }
        let answer = next.run(call).await;
        self.log.lock().push(format!(
            "{} after, {}",
            self.name,
            if answer.is_ok() { "well" } else { "failed" }
        ));
        answer
    }

    async fn on_connected(&self, ctx: HubCallerContext, next: NextHook<'_>) -> HubResult {
        self.log.lock().push(format!("{} connected", self.name));
        if ctx.user().name() == Some("bob") {
            return Err(HubError::new("no bobs"));
        }
        next.run(ctx, None).await
    }

    async fn on_disconnected(
        &self,
        ctx: HubCallerContext,
        error: Option<HubError>,
        next: NextHook<'_>,
    ) -> HubResult {
        self.log.lock().push(format!("{} disconnected", self.name));
        next.run(ctx, error).await
    }
}

struct Echo {
    log: Log,
}

impl Echo {
    async fn echo(&self, _ctx: HubCallerContext, text: String) -> HubResult<String> {
        self.log.lock().push(format!("echo {text}"));
        Ok(text)
    }
}

impl Hub for Echo {
    fn describe(hub: &mut HubDescriptor<Self>) {
        hub.method("Echo", Self::echo);
        hub.method("Guarded", Self::echo).authorize(AuthorizeData::policy("Nobody"));
    }

    async fn on_disconnected(&self, _ctx: HubCallerContext, _error: Option<HubError>) -> HubResult {
        self.log.lock().push("hub disconnected".to_owned());
        Ok(())
    }
}

fn hub() -> (TestHub<Echo>, Log) {
    let log = Log::default();
    let filter = |name| Noted { log: log.clone(), name };
    let hub = TestHub::builder(Echo { log: log.clone() })
        .policy("Nobody", Policy::new().require_user(|_| false))
        .filter(filter("a"))
        .filter(filter("b"))
        .start();
    (hub, log)
}

fn taken(log: &Log) -> Vec<String> {
    std::mem::take(&mut *log.lock())
}

#[actix::test]
async fn the_first_filter_is_outermost_and_arguments_can_be_changed() {
    let (hub, log) = hub();
    let ann = hub.connect(user("ann")).await;

    assert_eq!(ann.invoke("Echo", ("x",)).await, Ok("xab".to_owned()));

    let expected = [
        "a connected",
        "b connected",
        "a before Echo",
        "b before Echo",
        "echo xab",
        "b after, well",
        "a after, well",
    ];
    assert_eq!(taken(&log), expected);
}

#[actix::test]
async fn a_filter_may_answer_or_fail_in_the_methods_place() {
    let (hub, log) = hub();
    let ann = hub.connect(user("ann")).await;

    assert_eq!(ann.invoke("Echo", ("short",)).await, Ok("a's own".to_owned()));
    let refused = ann.invoke::<String>("Echo", ("veto",)).await.unwrap_err().to_string();

    assert_eq!(refused, "An unexpected error occurred invoking 'Echo' on the server. HubException: not here");
    assert!(!taken(&log).iter().any(|line| line.starts_with("echo")));
}

#[actix::test]
async fn a_denied_call_reaches_no_filter() {
    let (hub, log) = hub();
    let ann = hub.connect(user("ann")).await;
    taken(&log);

    let refused = ann.invoke::<String>("Guarded", ("x",)).await.unwrap_err().to_string();

    assert_eq!(refused, "Failed to invoke 'Guarded' because user is unauthorized");
    assert_eq!(taken(&log), Vec::<String>::new());
}

#[actix::test]
async fn a_filter_may_refuse_a_connection_and_hears_of_its_end() {
    let (hub, log) = hub();
    let bob = hub.connect(user("bob")).await;
    let closed = bob.disconnected().await;
    assert_eq!(closed.error.as_deref(), Some("Connection closed with an error. HubException: no bobs"));
    assert_eq!(taken(&log), ["a connected"]);

    let ann = hub.connect(user("ann")).await;
    ann.invoke::<String>("Echo", ("x",)).await.unwrap();
    taken(&log);
    ann.close().await;
    // The hub has heard of it when the connection has left.
    while hub.context().connection_count().await > 0 {}
    assert_eq!(taken(&log), ["a disconnected", "b disconnected", "hub disconnected"]);
}
