//! Negotiation: `POST {hub}/negotiate`, versions 0 and 1.

use actix_signalr_actors::{ConnectionId, ConnectionToken, transport::TransportKind};
use actix_web::HttpResponse;
use serde::Serialize;

/// What a client asks for.
///
/// # Errors
/// The text of the answer, where the version is none or too low.
pub(crate) fn version(requested: Option<&str>, minimum: i32) -> Result<i32, String> {
    let requested: i32 = match requested {
        None => 0,
        // As lenient as the original: blanks around it, a sign before it, zero bytes behind it.
        Some(text) => text
            .trim_end_matches('\0')
            .trim_matches(|c: char| matches!(c, ' ' | '\t'..='\r'))
            .parse()
            .map_err(|_| "The client requested a non-integer protocol version.".to_owned())?,
    };
    if requested < minimum {
        return Err(format!(
            "The client requested version '{requested}', but the server does not support this version."
        ));
    }
    Ok(requested.min(HIGHEST_VERSION))
}

/// Whether a client asks for a connection that it may resume. Anything but a yes is a no, and no error.
pub(crate) fn wants_stateful_reconnect(requested: Option<&str>) -> bool {
    let is_blank = |c: char| c.is_whitespace() || c == '\0';
    requested.is_some_and(|text| text.trim_matches(is_blank).eq_ignore_ascii_case("true"))
}

/// The answer: 200 whatever it says, as clients expect.
pub(crate) fn accepted(
    version: i32,
    is_stateful: bool,
    id: &ConnectionId,
    token: &ConnectionToken,
    token_lifetime_seconds: Option<u32>,
    transports: &[TransportKind],
) -> HttpResponse {
    answer(&Accepted {
        use_stateful_reconnect: is_stateful.then_some(true),
        negotiate_version: version,
        connection_id: id,
        connection_token: (version > 0).then(|| token.expose()),
        token_lifetime_seconds,
        available_transports: transports.iter().copied().map(Transport::of).collect(),
    })
}

/// The answer that there is no connection, and why.
pub(crate) fn refused(error: &str) -> HttpResponse {
    answer(&Refused { error })
}

fn answer(body: &impl Serialize) -> HttpResponse {
    // Plain data can always be written.
    let body = serde_json::to_string(body).unwrap_or_default();
    HttpResponse::Ok().content_type("application/json").body(body)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Accepted<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    use_stateful_reconnect: Option<bool>,
    negotiate_version: i32,
    connection_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    connection_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_lifetime_seconds: Option<u32>,
    available_transports: Vec<Transport>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Transport {
    transport: &'static str,
    transfer_formats: &'static [&'static str],
}

impl Transport {
    const fn of(transport: TransportKind) -> Self {
        let transfer_formats: &[&str] = match transport {
            TransportKind::ServerSentEvents => &["Text"],
            _ => &["Text", "Binary"],
        };
        Self { transport: transport.name(), transfer_formats }
    }
}

#[derive(Serialize)]
struct Refused<'a> {
    error: &'a str,
}

const HIGHEST_VERSION: i32 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_yes_asks_for_stateful_reconnect() {
        for yes in ["true", "TRUE", " True\t", "true\0"] {
            assert!(wants_stateful_reconnect(Some(yes)), "{yes:?}");
        }
        for no in [None, Some(""), Some("false"), Some("1"), Some("yes"), Some("true,true"), Some("t rue")] {
            assert!(!wants_stateful_reconnect(no), "{no:?}");
        }
    }

    #[test]
    fn versions_are_read_as_leniently_as_the_original_does() {
        for (text, expected) in [
            (None, Some(0)),
            (Some("0"), Some(0)),
            (Some("1"), Some(1)),
            (Some("99"), Some(1)),
            (Some(" 1\t"), Some(1)),
            (Some("+1"), Some(1)),
            (Some("01"), Some(1)),
            (Some("1\0\0"), Some(1)),
            (Some("1 \0"), Some(1)),
            (Some("\0 1"), None),
            (Some(""), None),
            (Some("1.0"), None),
            (Some("0,1"), None),
            (Some("99999999999"), None),
            (Some("-1"), None),
        ] {
            assert_eq!(version(text, 0).ok(), expected, "{text:?}");
        }
        assert_eq!(
            version(None, 1).unwrap_err(),
            "The client requested version '0', but the server does not support this version."
        );
    }
}
