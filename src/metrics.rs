//! What a server counts, over HTTP: the text format of Prometheus, version 0.0.4.

use std::{
    borrow::Cow,
    fmt::{Display, Write},
};

use actix_signalr_actors::metrics::{Data, Instrument, Metrics, Point};
use actix_web::{
    HttpResponse,
    web::{self, ServiceConfig},
};

use crate::server::SignalR;

impl SignalR {
    /// What to give to `App::configure`: a route with all counts, for Prometheus to read.
    ///
    /// Whoever reaches the route may read it. There is nothing of users in it, but how much a server has to do may be nobody's
    /// business: serve it on an address of its own, as here, or in a scope with a guard.
    ///
    /// ```no_run
    /// # use actix_signalr::SignalR;
    /// # use actix_web::{App, HttpServer};
    /// # async fn run(signalr: SignalR) -> std::io::Result<()> {
    /// let metrics = signalr.clone();
    /// let hubs = HttpServer::new(move || App::new().configure(signalr.routes()))
    ///     .bind(("0.0.0.0", 8080))?
    ///     .run();
    /// let inside = HttpServer::new(move || App::new().configure(metrics.metrics_route("/metrics")))
    ///     .workers(1)
    ///     .bind(("127.0.0.1", 9090))?
    ///     .run();
    /// futures::future::try_join(hubs, inside).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn metrics_route(&self, path: &str) -> impl FnOnce(&mut ServiceConfig) + use<> {
        let (server, path) = (self.clone(), path.to_owned());
        move |config| {
            let read = move || {
                let text = exposition(server.metrics());
                async move { HttpResponse::Ok().content_type(CONTENT_TYPE).body(text) }
            };
            config.service(web::resource(path).route(web::get().to(read)));
        }
    }
}

/// All instruments, one after another.
fn exposition(metrics: &Metrics) -> String {
    let mut out = String::with_capacity(16 * 1024);
    for instrument in metrics.instruments() {
        // Writing to a text cannot fail.
        let _ = write_instrument(&instrument, &mut out);
    }
    out
}

fn write_instrument(instrument: &Instrument, out: &mut String) -> std::fmt::Result {
    let mut name = name(instrument.name);
    if instrument.unit == "s" {
        name.push_str("_seconds");
    }
    let kind = match instrument.data {
        Data::Counter(_) => {
            name.push_str("_total");
            "counter"
        }
        Data::UpDownCounter(_) => "gauge",
        Data::Histogram(_) => "histogram",
        _ => return Ok(()),
    };
    writeln!(out, "# HELP {name} {}", instrument.description.replace('\\', r"\\").replace('\n', r"\n"))?;
    writeln!(out, "# TYPE {name} {kind}")?;
    match &instrument.data {
        Data::Counter(points) => write_points(&name, points, out),
        Data::UpDownCounter(points) => write_points(&name, points, out),
        Data::Histogram(points) => points.iter().try_for_each(|point| {
            let Point { tags, value, .. } = point;
            for (bound, count) in &value.buckets {
                write_sample(&name, "_bucket", tags, Some(&bound.to_string()), count, out)?;
            }
            write_sample(&name, "_bucket", tags, Some("+Inf"), &value.count, out)?;
            write_sample(&name, "_sum", tags, None, &value.sum, out)?;
            write_sample(&name, "_count", tags, None, &value.count, out)
        }),
        _ => Ok(()),
    }
}

fn write_points<T: Display>(name: &str, points: &[Point<T>], out: &mut String) -> std::fmt::Result {
    points.iter().try_for_each(|point| write_sample(name, "", &point.tags, None, &point.value, out))
}

/// One line. `bound` is the upper bound of a bucket.
fn write_sample(
    metric: &str,
    suffix: &str,
    tags: &[(&'static str, Cow<'static, str>)],
    bound: Option<&str>,
    value: &impl Display,
    out: &mut String,
) -> std::fmt::Result {
    write!(out, "{metric}{suffix}")?;
    let labels = tags.iter().map(|(tag, value)| (name(tag), &**value));
    let labels = labels.chain(bound.map(|bound| ("le".to_owned(), bound)));
    let mut before = '{';
    for (label, value) in labels {
        let value = value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n");
        write!(out, "{before}{label}=\"{value}\"")?;
        before = ',';
    }
    if before == ',' {
        out.push('}');
    }
    writeln!(out, " {value}")
}

/// A name of OpenTelemetry as one of Prometheus.
fn name(name: &str) -> String {
    name.replace(|c: char| !c.is_ascii_alphanumeric(), "_")
}

const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use actix_signalr_actors::{metrics::ConnectionRefusal, transport::TransportKind};

    use super::*;

    #[test]
    fn counts_are_written_under_the_names_of_prometheus() {
        let metrics = Arc::new(Metrics::default());
        metrics.refused(ConnectionRefusal::UserChanged);
        drop(metrics.connected(TransportKind::WebSockets));
        let _active = metrics.connected(TransportKind::LongPolling);
        let text = exposition(&metrics);
        for line in [
            "# HELP signalr_server_connection_duration_seconds The duration of connections on the server.",
            "# TYPE signalr_server_connection_duration_seconds histogram",
            r#"signalr_server_connection_duration_seconds_bucket{signalr_connection_status="normal_closure",signalr_transport="web_sockets",le="0.01"} 1"#,
            r#"signalr_server_connection_duration_seconds_bucket{signalr_connection_status="normal_closure",signalr_transport="web_sockets",le="300"} 1"#,
            r#"signalr_server_connection_duration_seconds_bucket{signalr_connection_status="timeout",signalr_transport="web_sockets",le="+Inf"} 0"#,
            r#"signalr_server_connection_duration_seconds_count{signalr_connection_status="normal_closure",signalr_transport="web_sockets"} 1"#,
            "# TYPE signalr_server_active_connections gauge",
            r#"signalr_server_active_connections{signalr_transport="long_polling"} 1"#,
            r#"signalr_server_active_connections{signalr_transport="web_sockets"} 0"#,
            "# TYPE signalr_server_connections_refused_total counter",
            r#"signalr_server_connections_refused_total{signalr_connection_refusal="user_changed"} 1"#,
            r#"signalr_server_invocations_total{signalr_invocation_outcome="completed"} 0"#,
            "signalr_server_slow_clients_total 0",
        ] {
            assert!(text.lines().any(|written| written == line), "{line}\nis not in\n{text}");
        }
        assert!(text.ends_with('\n'), "the last line ends, too");
    }

    #[test]
    fn labels_are_escaped() {
        let mut out = String::new();
        write_sample("a", "", &[("b.c", "x\"\\\ny".into())], None, &1, &mut out).unwrap();
        assert_eq!(out, "a{b_c=\"x\\\"\\\\\\ny\"} 1\n");
    }
}
