//! The trace a message belongs to, as its sender says: W3C Trace Context.

/// Makes a span the child of what a message's sender was doing.
pub type SetTraceParent = fn(&tracing::Span, &TraceContext);

/// Where in a trace a message was sent. The text is checked: it is of the form that the specification gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceContext {
    traceparent: String,
    tracestate: Option<String>,
}

impl TraceContext {
    /// Reads the two fields; `None` where the first is not of its form. A second one that is not, or is too long to be
    /// passed on, is left out.
    ///
    /// ```
    /// use actix_signalr_actors::TraceContext;
    ///
    /// let text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    /// let trace = TraceContext::parse(text, None).unwrap();
    /// assert_eq!(trace.field("traceparent"), Some(text));
    /// ```
    #[must_use]
    pub fn parse(traceparent: &str, tracestate: Option<&str>) -> Option<Self> {
        if !is_traceparent(traceparent) {
            return None;
        }
        let is_good = |text: &&str| {
            let is_printable = |byte: &u8| matches!(byte, b' '..=b'~');
            !text.is_empty() && text.len() <= LONGEST_STATE && text.as_bytes().iter().all(is_printable)
        };
        let tracestate = tracestate.filter(is_good).map(str::to_owned);
        Some(Self { traceparent: traceparent.to_owned(), tracestate })
    }

    /// Takes them from whatever has fields: the headers of a message.
    pub(crate) fn find(field: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let traceparent = field(TRACEPARENT)?;
        Self::parse(&traceparent, field(TRACESTATE).as_deref())
    }

    /// A field by its name, `traceparent` or `tracestate`: what a propagator asks for.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        match name {
            TRACEPARENT => Some(&self.traceparent),
            TRACESTATE => self.tracestate.as_deref(),
            _ => None,
        }
    }
}

/// `version-trace-parent-flags` in hexadecimal digits; later versions may have more behind it.
fn is_traceparent(text: &str) -> bool {
    let mut parts = text.splitn(5, '-');
    let mut digits = |count: usize, forbidden: Option<u8>| {
        parts.next().is_some_and(|part| {
            part.len() == count
                && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
                && forbidden.is_none_or(|forbidden| part.bytes().any(|byte| byte != forbidden))
        })
    };
    let is_good =
        digits(2, Some(b'f')) && digits(32, Some(b'0')) && digits(16, Some(b'0')) && digits(2, None);
    is_good && text.len() <= LONGEST_PARENT && (!text.starts_with("00-") || text.len() == LENGTH_OF_VERSION_0)
}

const TRACEPARENT: &str = "traceparent";
const TRACESTATE: &str = "tracestate";
const LENGTH_OF_VERSION_0: usize = 55;

/// So that what a later version adds is no way to fill the memory.
const LONGEST_PARENT: usize = 256;

/// What everybody has to pass on at the least.
const LONGEST_STATE: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn only_what_has_the_form_is_taken() {
        for (text, is_good) in [
            (PARENT, true),
            ("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more", true),
            ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more", false),
            ("ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", false),
            ("00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", false),
            ("00-00000000000000000000000000000000-b7ad6b7169203331-01", false),
            ("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", false),
            ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331", false),
            ("00-0af7651916cd43dd8448eb211c80319-cb7ad6b7169203331-01", false),
            ("", false),
        ] {
            assert_eq!(TraceContext::parse(text, None).is_some(), is_good, "{text}");
        }
    }

    #[test]
    fn a_bad_state_is_left_out() {
        let state = |text: &str| {
            let trace = TraceContext::parse(PARENT, Some(text)).unwrap();
            trace.field("tracestate").map(str::to_owned)
        };
        assert_eq!(state("vendor=1").as_deref(), Some("vendor=1"));
        assert_eq!(state("vendor=\n1"), None);
        assert_eq!(state(&"x".repeat(513)), None);
        assert_eq!(TraceContext::parse(PARENT, None).unwrap().field("other"), None);
    }
}
