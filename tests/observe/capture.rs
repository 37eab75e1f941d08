//! A subscriber that keeps what this thread traces.

use std::{
    collections::BTreeMap,
    fmt::{self, Write},
    sync::{Arc, Mutex},
};

use tracing::{
    Event, Id, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Record},
    subscriber::DefaultGuard,
};
use tracing_subscriber::{
    Layer, Registry,
    filter::filter_fn,
    layer::{Context, SubscriberExt},
    registry::LookupSpan,
};

/// Spans and events of this crate, at every level, until it is dropped.
pub(crate) struct Capture {
    seen: Arc<Mutex<Seen>>,
    _guard: DefaultGuard,
}

/// What has been traced, in its order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) spans: Vec<Span>,
    pub(crate) events: Vec<Traced>,
    /// All of it as text, fields and names.
    pub(crate) text: String,
}

#[derive(Clone, Debug)]
pub(crate) struct Span {
    id: u64,
    pub(crate) name: &'static str,
    pub(crate) fields: BTreeMap<String, String>,
    pub(crate) has_parent: bool,
    /// The names of the spans it follows from.
    pub(crate) follows: Vec<&'static str>,
    pub(crate) is_closed: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Traced {
    /// The name of the span it happened in.
    pub(crate) span: Option<&'static str>,
    pub(crate) level: tracing::Level,
    pub(crate) fields: BTreeMap<String, String>,
}

impl Capture {
    pub(crate) fn begin() -> Self {
        Self::of(|_| true)
    }

    /// Without spans, as for who wants a log and nothing more.
    pub(crate) fn of_events() -> Self {
        Self::of(|metadata| metadata.is_event())
    }

    fn of(filter: fn(&Metadata<'_>) -> bool) -> Self {
        let seen = Arc::<Mutex<Seen>>::default();
        let subscriber = Registry::default().with(filter_fn(filter)).with(Keeper(seen.clone()));
        Self { seen, _guard: tracing::subscriber::set_default(subscriber) }
    }

    pub(crate) fn seen(&self) -> Seen {
        self.seen.lock().unwrap().clone()
    }
}

impl Seen {
    /// The spans of a name that ends like this.
    pub(crate) fn spans_of(&self, name: &str) -> Vec<&Span> {
        self.spans.iter().filter(|span| span.name.ends_with(name)).collect()
    }

    /// The events with a text.
    pub(crate) fn events_of(&self, message: &str) -> Vec<&Traced> {
        self.events.iter().filter(|event| event.fields["message"] == message).collect()
    }
}

struct Keeper(Arc<Mutex<Seen>>);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Keeper {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let metadata = attributes.metadata();
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let mut seen = self.0.lock().unwrap();
        let _ = writeln!(seen.text, "{} {:?}", metadata.name(), fields.0);
        seen.spans.push(Span {
            id: id.into_u64(),
            name: metadata.name(),
            fields: fields.0,
            has_parent: context.span(id).is_some_and(|span| span.parent().is_some()),
            follows: Vec::new(),
            is_closed: false,
        });
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        values.record(&mut fields);
        let mut seen = self.0.lock().unwrap();
        let _ = writeln!(seen.text, "{:?}", fields.0);
        if let Some(span) = seen.spans.iter_mut().rev().find(|span| span.id == id.into_u64()) {
            span.fields.extend(fields.0);
        }
    }

    fn on_follows_from(&self, id: &Id, follows: &Id, context: Context<'_, S>) {
        let Some(name) = context.span(follows).map(|span| span.metadata().name()) else { return };
        let mut seen = self.0.lock().unwrap();
        if let Some(span) = seen.spans.iter_mut().rev().find(|span| span.id == id.into_u64()) {
            span.follows.push(name);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if !event.metadata().target().starts_with("actix_signalr") && event.metadata().target() != "observe" {
            return;
        }
        let mut fields = Fields::default();
        event.record(&mut fields);
        let span = context.event_span(event).map(|span| span.name());
        let mut seen = self.0.lock().unwrap();
        let _ = writeln!(seen.text, "{} {:?}", event.metadata().level(), fields.0);
        seen.events.push(Traced { span, level: *event.metadata().level(), fields: fields.0 });
    }

    fn on_close(&self, id: Id, _: Context<'_, S>) {
        let mut seen = self.0.lock().unwrap();
        if let Some(span) = seen.spans.iter_mut().rev().find(|span| span.id == id.into_u64()) {
            span.is_closed = true;
        }
    }
}

#[derive(Default)]
struct Fields(BTreeMap<String, String>);

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }
}
