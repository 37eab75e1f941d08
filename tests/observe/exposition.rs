//! The counts as Prometheus reads them.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use actix_signalr::SignalR;
use actix_web::test::{TestRequest, call_service, read_body};

use crate::{
    counts::CountedHub,
    polling::{HANDSHAKE, answer, open, receive, send, serve},
};

/// A line with a value, read by the rules of the format.
#[derive(Debug)]
struct Sample {
    name: String,
    labels: Vec<(String, String)>,
    value: f64,
}

impl Sample {
    fn read(line: &str) -> Self {
        let (series, value) = line.rsplit_once(' ').expect("a value behind a blank");
        let (name, labels) = match series.split_once('{') {
            None => (series, Vec::new()),
            Some((name, labels)) => {
                let labels = labels.strip_suffix('}').expect("labels end in a brace");
                let label = |label: &str| {
                    let (name, value) = label.split_once('=').expect("a label has a value");
                    let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
                    (name.to_owned(), value.expect("the value is quoted").to_owned())
                };
                // None of the values here has a comma.
                (name, labels.split(',').map(label).collect())
            }
        };
        let value = value.parse().expect("a number");
        Self { name: name.to_owned(), labels, value }
    }

    fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|(label, _)| label == name).map(|(_, value)| &**value)
    }
}

fn is_name(text: &str) -> bool {
    let is_first = |c: char| c.is_ascii_alphabetic() || c == '_';
    text.starts_with(is_first) && text.chars().all(|c| is_first(c) || c.is_ascii_digit())
}

/// Checks the format and hands back the samples.
fn check(text: &str) -> Vec<Sample> {
    let mut types = BTreeMap::new();
    let mut series = BTreeSet::new();
    let mut samples = Vec::new();
    let mut family = String::new();
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, _) = help.split_once(' ').expect("a text behind the name");
            name.clone_into(&mut family);
            continue;
        }
        if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').expect("a type behind the name");
            assert_eq!(name, family, "help and type are together");
            assert!(types.insert(name.to_owned(), kind.to_owned()).is_none(), "{name} is one family");
            continue;
        }
        let sample = Sample::read(line);
        let kind = &types[&family];
        let suffixes: &[&str] = if kind == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
        let suffix = sample.name.strip_prefix(&*family).expect("a family is in one piece");
        assert!(suffixes.contains(&suffix), "{line}");
        assert_eq!(kind == "counter", family.ends_with("_total"), "{line}");
        assert_eq!(suffix == "_bucket", sample.label("le").is_some(), "{line}");
        assert!(is_name(&sample.name) && sample.labels.iter().all(|(name, _)| is_name(name)), "{line}");
        assert!(series.insert(line.rsplit_once(' ').unwrap().0.to_owned()), "{line} is there twice");
        samples.push(sample);
    }
    samples
}

fn find<'a>(samples: &'a [Sample], name: &str, label: Option<&str>) -> &'a Sample {
    let has_label =
        |sample: &Sample| label.is_none_or(|label| sample.labels.iter().any(|(_, of)| of == label));
    samples.iter().find(|sample| sample.name == name && has_label(sample)).expect(name)
}

#[actix_web::test]
async fn the_route_answers_in_the_format_of_prometheus() {
    let signalr = SignalR::builder().hub("/hub", CountedHub).build().unwrap();
    let app = serve(&signalr, signalr.metrics_route("/metrics")).await;
    let (uri, token) = open(&app, "/hub", "").await;
    let call = r#"{"type":1,"invocationId":"1","target":"Echo","arguments":["a"]}"#;
    send(&app, &uri, &[HANDSHAKE, call]).await;
    receive(&app, &uri, 2).await;

    let response = call_service(&app, TestRequest::get().uri("/metrics").to_request()).await;
    let content_type = response.headers().get("content-type").unwrap().to_str().unwrap().to_owned();
    assert_eq!(content_type, "text/plain; version=0.0.4; charset=utf-8");
    let text = String::from_utf8(read_body(response).await.to_vec()).unwrap();
    assert!(text.ends_with('\n'));
    let samples = check(&text);
    let active = find(&samples, "signalr_server_active_connections", Some("long_polling"));
    assert_eq!(active.value, 1.0);
    assert_eq!(find(&samples, "signalr_server_invocations_total", Some("completed")).value, 1.0);
    assert_eq!(find(&samples, "signalr_server_slow_clients_total", None).value, 0.0);
    assert!(!text.contains(&token));

    assert_eq!(answer(&app, TestRequest::post().uri("/metrics")).await.0, 405);
}

#[actix_web::test]
async fn buckets_add_up_and_the_last_one_has_them_all() {
    let signalr = SignalR::builder().hub("/hub", CountedHub).build().unwrap();
    let app = serve(&signalr, signalr.metrics_route("/metrics")).await;
    let (uri, _) = open(&app, "/hub", "").await;
    answer(&app, TestRequest::delete().uri(&uri)).await;
    // The end of a connection takes its actors some turns.
    let mut samples = Vec::new();
    for _ in 0..10_000 {
        samples = check(&answer(&app, TestRequest::get().uri("/metrics")).await.1);
        if find(&samples, "signalr_server_active_connections", Some("long_polling")).value == 0.0 {
            break;
        }
        actix_web::rt::time::sleep(Duration::from_micros(100)).await;
    }
    let name = "signalr_server_connection_duration_seconds";
    let is_ended = |sample: &&Sample| {
        sample.label("signalr_connection_status") == Some("normal_closure")
            && sample.label("signalr_transport") == Some("long_polling")
    };
    let of = |suffix: &str| {
        let name = format!("{name}{suffix}");
        samples.iter().filter(is_ended).filter(move |sample| sample.name == name).collect::<Vec<_>>()
    };
    let buckets = of("_bucket");
    let bounds: Vec<_> = buckets.iter().filter_map(|bucket| bucket.label("le")).collect();
    let expected = "0.01 0.02 0.05 0.1 0.2 0.5 1 2 5 10 30 60 120 300 +Inf";
    assert_eq!(bounds.join(" "), expected);
    assert!(buckets.is_sorted_by(|before, after| before.value <= after.value));
    assert_eq!((buckets[14].value, of("_count")[0].value), (1.0, 1.0));
    assert!(of("_sum")[0].value >= 0.0);
}

#[actix_web::test]
async fn the_number_of_series_does_not_grow_with_what_clients_do() {
    let signalr = SignalR::builder().hub("/hub", CountedHub).build().unwrap();
    let app = serve(&signalr, signalr.metrics_route("/metrics")).await;
    let before = check(&answer(&app, TestRequest::get().uri("/metrics")).await.1);
    let (uri, _) = open(&app, "/hub", "x=y").await;
    let call = r#"{"type":1,"invocationId":"1","target":"Unheard","arguments":["a"]}"#;
    send(&app, &uri, &[HANDSHAKE, call]).await;
    receive(&app, &uri, 2).await;
    let after = check(&answer(&app, TestRequest::get().uri("/metrics")).await.1);
    let labels = |samples: &[Sample]| samples.iter().map(|sample| sample.labels.clone()).collect::<Vec<_>>();
    assert_eq!(labels(&before), labels(&after));
}
