//! Reading and writing records of the JSON hub protocol.

use std::{hint::black_box, time::Duration};

use actix_signalr_actors::protocol::{HubMessage, HubProtocol, ProtocolSet, SerializedMessage};
use bytes::{Bytes, BytesMut};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

fn invocation(text: &str) -> Bytes {
    let head = r#"{"type":1,"invocationId":"17","target":"SendMessage","arguments":["#;
    Bytes::from(format!("{head}\"{text}\",42]}}"))
}

fn parse(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("protocol/parse");
    let (short, long) = ("x".repeat(20), "x".repeat(1000));
    for (name, record) in [
        ("ping", Bytes::from_static(b"{\"type\":6}")),
        ("invocation of 100 bytes", invocation(&short)),
        ("invocation of 1 kB", invocation(&long)),
    ] {
        group.throughput(Throughput::Bytes(record.len() as u64));
        group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
            bencher.iter(|| HubProtocol::Json.parse(black_box(&record)));
        });
    }
    group.finish();
}

fn bind(criterion: &mut Criterion) {
    let Ok(HubMessage::Invocation(call)) = HubProtocol::Json.parse(&invocation("hello")) else {
        panic!("that is an invocation");
    };
    criterion.bench_function("protocol/bind two arguments", |bencher| {
        bencher.iter(|| {
            let mut reader = black_box(&call.arguments).reader();
            let text = reader.next::<String>();
            let number = reader.next::<u32>();
            (text, number, reader.finish(2))
        });
    });
}

fn write(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("protocol/write");
    let (short, long) = ("x".repeat(20), "x".repeat(1000));
    for (name, text) in [("20 bytes", &short), ("1 kB", &long)] {
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_with_input(BenchmarkId::new("invocation", name), text, |bencher, text| {
            bencher.iter(|| {
                SerializedMessage::invocation("ReceiveMessage", &("ann", black_box(text)), ProtocolSet::ALL)
            });
        });
        group.bench_with_input(BenchmarkId::new("completion", name), text, |bencher, text| {
            let mut out = BytesMut::with_capacity(4096);
            bencher.iter(|| {
                out.clear();
                if let Ok(result) = HubProtocol::Json.encode_payload(black_box(text)) {
                    HubProtocol::Json.write_result("17", &result, &mut out);
                }
                out.len()
            });
        });
    }
    group.finish();
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
    targets = parse, bind, write
}
criterion_main!(benches);
