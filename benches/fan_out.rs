//! One message to many connections of one worker.

#[allow(unreachable_pub, reason = "shared by benches")]
mod support;

use std::{
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use actix_signalr_actors::{
    ConnectionId, DefaultUserIdProvider, Hub, HubContext, HubDescriptor, HubOptions, HubServer, Policies,
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

use crate::support::{Client, Counter};

const CONNECTIONS: usize = 1000;

struct News;

impl Hub for News {
    fn describe(_: &mut HubDescriptor<Self>) {}
}

/// Until the last connection has given the message to its transport.
fn to_all(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("fan_out");
    group.throughput(Throughput::Elements(CONNECTIONS as u64));
    for (name, length) in [("1000 connections, 20 bytes", 20), ("1000 connections, 1 kB", 1000)] {
        let text = "x".repeat(length);
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|iterations| measure(&text, iterations));
        });
    }
    group.finish();
}

fn measure(text: &str, iterations: u64) -> Duration {
    actix_rt::System::new().block_on(async {
        let options = HubOptions::default();
        let server = HubServer::new(News, options, &Policies::default(), Arc::new(DefaultUserIdProvider));
        let Ok(server) = server else { panic!("the hub can be served") };
        let runtime = server.start();
        let counter = Rc::new(Counter::default());
        let mut clients = Vec::with_capacity(CONNECTIONS);
        for _ in 0..CONNECTIONS {
            clients.push(Client::connect("ann", ConnectionId::random(), &runtime, &counter).await);
        }
        let context: HubContext<News> = server.context();
        let start = Instant::now();
        for _ in 0..iterations {
            let sent = context.clients().all().send("News", (text,)).await;
            assert!(sent.is_ok());
            counter.take(CONNECTIONS).await;
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
    targets = to_all
}
criterion_main!(benches);
