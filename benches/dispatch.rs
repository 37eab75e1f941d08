//! A call from its bytes to the bytes of its answer, through all actors and no network.

#[allow(unreachable_pub, reason = "shared by benches")]
mod support;

use std::{
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use actix_signalr_actors::{
    AuthorizeData, ConnectionId, DefaultUserIdProvider, Hub, HubCallerContext, HubDescriptor, HubOptions,
    HubResult, HubServer, Policies, Policy, SendError,
};
use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

use crate::support::{Client, Counter};

struct Echo;

impl Echo {
    async fn echo(&self, _ctx: HubCallerContext, text: String) -> HubResult<String> {
        Ok(text)
    }

    async fn tell_me(&self, ctx: HubCallerContext, text: String) -> Result<(), SendError> {
        ctx.clients().caller().send("Told", (text,)).await
    }
}

impl Hub for Echo {
    fn describe(hub: &mut HubDescriptor<Self>) {
        hub.method("Echo", Self::echo);
        hub.method("ForUsers", Self::echo).authorize(AuthorizeData::authenticated());
        hub.method("Asked", Self::echo).authorize(AuthorizeData::policy("Asked"));
        hub.method("TellMe", Self::tell_me);
    }
}

/// Calls together in one read, and how many records come back for each.
fn calls(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("dispatch");
    for (method, answers) in [("Echo", 1), ("ForUsers", 1), ("Asked", 1), ("TellMe", 2)] {
        for in_flight in [1, 16] {
            group.throughput(Throughput::Elements(in_flight));
            let id = BenchmarkId::new(method, format!("{in_flight} in flight"));
            group.bench_function(id, |bencher| {
                bencher.iter_custom(|iterations| measure(method, in_flight, answers, iterations));
            });
        }
    }
    group.finish();
}

fn measure(method: &str, in_flight: u64, answers: usize, iterations: u64) -> Duration {
    let call = format!(
        "{{\"type\":1,\"invocationId\":\"17\",\"target\":\"{method}\",\"arguments\":[\"hello\"]}}\x1e"
    );
    let read = Bytes::from(call.repeat(in_flight as usize));
    let records = in_flight as usize * answers;
    actix_rt::System::new().block_on(async {
        let mut policies = Policies::default();
        policies
            .insert("Asked", Policy::new().require_assertion(|context| context.hub_invocation().is_some()));
        let server = HubServer::new(Echo, HubOptions::default(), &policies, Arc::new(DefaultUserIdProvider));
        let Ok(server) = server else { panic!("the hub can be served") };
        let runtime = server.start();
        let counter = Rc::new(Counter::default());
        let client = Client::connect("ann", ConnectionId::random(), &runtime, &counter).await;
        let start = Instant::now();
        for _ in 0..iterations {
            client.send(read.clone());
            counter.take(records).await;
        }
        start.elapsed()
    })
}

fn config() -> Criterion {
    Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
}

criterion_group! {
    name = benches;
    config = config();
    targets = calls
}
criterion_main!(benches);
