//! Where in a request a bearer token is. Specification of authentication, 3.1 and 3.6.

use std::borrow::Cow;

use actix_web::{
    http::header::{AUTHORIZATION, HeaderMap},
    web::Query,
};

/// The token in `Authorization: Bearer <token>`; the name of the scheme in any case.
///
/// Several such headers make one token that no key fits.
pub(super) fn from_headers(headers: &HeaderMap) -> Option<String> {
    let values = headers.get_all(AUTHORIZATION).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let joined = join(values)?;
    let (scheme, rest) = joined.split_at_checked(BEARER.len())?;
    let token = rest.trim();
    (scheme.eq_ignore_ascii_case(BEARER) && !token.is_empty()).then(|| token.to_owned())
}

/// The decoded value of the query's `access_token`; the name of the parameter in any case.
///
/// Several make one token that no key fits; an empty one is none.
pub(super) fn from_query(query: &str) -> Option<String> {
    let Query(parameters) = Query::<Vec<(String, String)>>::from_query(query).ok()?;
    let is_token = |(name, _): &(String, String)| name.eq_ignore_ascii_case(QUERY_PARAMETER);
    join(parameters.into_iter().filter(is_token).map(|(_, value)| Cow::Owned(value)))
}

/// Whether a path is the prefix or below it, segment by segment and in any case.
/// A slash at the end of the prefix makes no difference.
pub(super) fn is_under(path: &str, prefix: &str) -> bool {
    let prefix = prefix.trim_end_matches('/');
    path.split_at_checked(prefix.len()).is_some_and(|(start, rest)| {
        start.eq_ignore_ascii_case(prefix) && (rest.is_empty() || rest.starts_with('/'))
    })
}

/// The non-empty values, with commas between them.
fn join<'a>(values: impl Iterator<Item = Cow<'a, str>>) -> Option<String> {
    values
        .filter(|value| !value.is_empty())
        .map(Cow::into_owned)
        .reduce(|joined, value| format!("{joined},{value}"))
}

/// The blank is part of it: `Bearerx` is another scheme.
const BEARER: &str = "Bearer ";

/// For browsers, which cannot give a WebSocket or an event source a header.
const QUERY_PARAMETER: &str = "access_token";

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn in_headers(values: &[&str]) -> Option<String> {
        let mut request = TestRequest::get();
        for value in values {
            request = request.append_header((AUTHORIZATION, *value));
        }
        from_headers(request.to_http_request().headers())
    }

    #[test]
    fn the_header_is_read_in_any_case_and_needs_a_token() {
        let table: [(&[&str], Option<&str>); 10] = [
            (&["Bearer x"], Some("x")),
            (&["bearer x"], Some("x")),
            (&["BEARER   x  "], Some("x")),
            (&["Bearer"], None),
            (&["Bearer "], None),
            (&["Bearerx"], None),
            (&["Basic x"], None),
            (&[], None),
            (&["Bearer x", "Bearer y"], Some("x,Bearer y")),
            (&["Basic x", "Bearer y"], None),
        ];
        for (values, token) in table {
            assert_eq!(in_headers(values).as_deref(), token, "{values:?}");
        }
    }

    #[test]
    fn a_header_that_is_no_text_does_no_harm() {
        let value = actix_web::http::header::HeaderValue::from_bytes(b"B\xe9arer\xff\xff x").unwrap();
        let request = TestRequest::get().append_header((AUTHORIZATION, value)).to_http_request();
        assert_eq!(from_headers(request.headers()), None);
    }

    #[test]
    fn the_query_is_decoded_and_its_names_are_read_in_any_case() {
        let table = [
            ("access_token=x", Some("x")),
            ("id=1&Access_Token=x&v=2", Some("x")),
            ("access%5ftoken=x", Some("x")),
            ("access_token=a%2Eb+c", Some("a.b c")),
            ("access_token=%00", Some("\0")),
            ("access_token=%zz", Some("%zz")),
            ("access_token=%ff", Some("\u{fffd}")),
            ("access_token=x&access_token=y", Some("x,y")),
            ("access_token=&access_token=y", Some("y")),
            ("access_token=", None),
            ("access_token", None),
            ("xaccess_token=x", None),
            ("", None),
        ];
        for (query, token) in table {
            assert_eq!(from_query(query).as_deref(), token, "{query}");
        }
    }

    #[test]
    fn a_prefix_ends_where_a_segment_ends() {
        for path in ["/hubs", "/hubs/", "/hubs/chat", "/HUBS/chat"] {
            assert!(is_under(path, "/hubs") && is_under(path, "/hubs/"), "{path}");
        }
        for path in ["/hubsevil", "/hubs-evil/x", "/x/hubs/chat", "/hubs.", "/hub", "", "/hübs"] {
            assert!(!is_under(path, "/hubs"), "{path}");
        }
        assert!(is_under("/chat", "/") && is_under("/chat", ""));
    }
}
