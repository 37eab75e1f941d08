//! What it costs to ask whether the caller of a method may: processor time of a call, against the same without a demand.
//!
//! The ways take turns, round by round, so that what else the machine does meets them alike.

#[allow(unreachable_pub, reason = "shared by benches")]
mod support;

use std::{rc::Rc, sync::Arc, time::Duration};

use actix_signalr_actors::{
    AuthorizeData, ConnectionId, DefaultUserIdProvider, Hub, HubCallerContext, HubDescriptor, HubOptions,
    HubResult, HubServer, Policies, Policy, claim_types,
};
use bytes::Bytes;

use crate::support::{Client, Counter};

struct Echo;

impl Echo {
    async fn echo(&self, _ctx: HubCallerContext, text: String) -> HubResult<String> {
        Ok(text)
    }
}

impl Hub for Echo {
    fn describe(hub: &mut HubDescriptor<Self>) {
        hub.method("Open", Self::echo);
        hub.method("Three", Self::echo).authorize(AuthorizeData::policy("Three"));
        hub.method("Asked", Self::echo).authorize(AuthorizeData::policy("Asked"));
    }
}

/// A way to call: its name, the method, and whether decisions are kept.
const WAYS: [(&str, &str, bool); 4] = [
    ("no demand", "Open", true),
    ("three built-in requirements, kept", "Three", true),
    ("three built-in requirements, asked each time", "Three", false),
    ("a function of the call", "Asked", true),
];

fn main() {
    actix_rt::System::new().block_on(async {
        for in_flight in [1, 16] {
            compare(in_flight).await;
        }
    });
}

async fn compare(in_flight: usize) {
    let counter = Rc::new(Counter::default());
    let mut ways = Vec::new();
    for (_, method, keep) in WAYS {
        let call = format!(
            "{{\"type\":1,\"invocationId\":\"17\",\"target\":\"{method}\",\"arguments\":[\"hello\"]}}\x1e"
        );
        ways.push((connect(keep, &counter).await, Bytes::from(call.repeat(in_flight)), Duration::ZERO));
    }
    let reads = CALLS_IN_A_ROUND / in_flight;
    // By turns, so that the moods of the machine meet all of them; added up, since some systems count in steps of milliseconds.
    for _ in 0..ROUNDS {
        for (client, read, time) in &mut ways {
            let before = processor_time();
            for _ in 0..reads {
                client.send(read.clone());
                counter.take(in_flight).await;
            }
            *time += processor_time() - before;
        }
    }
    let first = ways[0].2;
    for ((name, ..), (_, _, time)) in WAYS.iter().zip(&ways) {
        let ratio = time.as_secs_f64() / first.as_secs_f64();
        let call = *time / (ROUNDS * CALLS_IN_A_ROUND) as u32;
        println!("{in_flight:>2} in flight, {name}: {call:?} a call, {ratio:.2} times");
    }
}

async fn connect(keep: bool, counter: &Rc<Counter>) -> Client {
    let mut policies = Policies::default();
    let three = Policy::new()
        .require_authenticated_user()
        .require_claim(claim_types::NAME_IDENTIFIER)
        .require_user_name("ann");
    policies.insert("Three", three);
    policies.insert("Asked", Policy::new().require_assertion(|context| context.hub_invocation().is_some()));
    let options = HubOptions::default().keep_decisions(keep);
    let server = HubServer::new(Echo, options, &policies, Arc::new(DefaultUserIdProvider));
    let Ok(server) = server else { panic!("the hub can be served") };
    Client::connect("ann", ConnectionId::random(), &server.start(), counter).await
}

/// How long this thread has run, where the system says so; else how long it has been there.
fn processor_time() -> Duration {
    let said = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let ran = said.and_then(|said| said.split(' ').next()?.parse().ok());
    ran.map_or_else(|| STARTED.with(|started| started.elapsed()), Duration::from_nanos)
}

thread_local! {
    static STARTED: std::time::Instant = std::time::Instant::now();
}

const ROUNDS: usize = 101;

const CALLS_IN_A_ROUND: usize = 1600;
