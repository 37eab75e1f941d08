//! A hub whose counts Prometheus can read, and whose calls show up as spans.
//!
//! ```text
//! RUST_LOG=actix_signalr=debug cargo run --example metrics --features metrics
//! curl http://127.0.0.1:9090/metrics
//! ```
//!
//! To send the spans to a collector, add a layer of `tracing-opentelemetry` to the subscriber and set the parent where the
//! comment says.

use actix_signalr::{
    HttpServerExt, HubCallerContext, HubOptions, HubResult, MetricData, SignalR, TraceContext, hub,
};
use actix_web::{App, HttpServer};
use tracing_subscriber::{EnvFilter, fmt::format::FmtSpan};

#[derive(Default)]
struct EchoHub;

#[hub]
impl EchoHub {
    async fn echo(&self, _ctx: HubCallerContext, text: String) -> HubResult<String> {
        Ok(text)
    }
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::from_default_env())
        // A line when a call is over, with the time it took.
        .with_span_events(FmtSpan::CLOSE)
        .init();
    let signalr = SignalR::builder()
        .hub_options(HubOptions::default().trace_parent(set_parent))
        .hub("/echo", EchoHub)
        .build()?;

    let inside = signalr.clone();
    let metrics = HttpServer::new(move || App::new().configure(inside.metrics_route("/metrics")))
        .workers(1)
        .bind(("127.0.0.1", 9090))?
        .run();
    let counts = signalr.clone();
    let hubs = HttpServer::new(move || App::new().configure(signalr.routes()))
        .for_hubs()
        .bind(("127.0.0.1", 8080))?
        .run();
    futures::future::try_join(hubs, metrics).await?;

    // Without Prometheus, the numbers are here.
    for instrument in counts.metrics().instruments() {
        if let MetricData::Counter(points) = instrument.data {
            for point in points {
                println!("{} {:?} {}", instrument.name, point.tags, point.value);
            }
        }
    }
    Ok(())
}

/// Called where the headers of a call say to which trace it belongs.
fn set_parent(span: &tracing::Span, trace: &TraceContext) {
    // With `tracing-opentelemetry`: extract a context by a propagator that asks `trace.field(name)`, and then
    // `span.set_parent(context)`.
    tracing::info!(parent: span, traceparent = trace.field("traceparent"), "called within a trace");
}
