//! What is written into a response when somebody signs in or out, or when his cookie is renewed.

use actix_web::{
    HttpMessage, HttpRequest, HttpResponse,
    http::header::{CACHE_CONTROL, EXPIRES, HeaderMap, HeaderName, HeaderValue, PRAGMA, SET_COOKIE},
};

/// The headers of a response that sets or deletes cookies.
#[derive(Clone, Debug, Default)]
#[must_use = "nobody is signed in or out until the headers are in a response"]
pub struct CookieHeaders {
    cookies: Vec<HeaderValue>,
}

impl CookieHeaders {
    /// `None` if a cookie has characters that no header has.
    pub(super) fn new(cookies: impl IntoIterator<Item = String>) -> Option<Self> {
        let mut values = Vec::new();
        for cookie in cookies {
            let mut value = HeaderValue::try_from(cookie).ok()?;
            value.set_sensitive(true);
            values.push(value);
        }
        Some(Self { cookies: values })
    }

    /// Writes them into a response, which is not to be cached then.
    pub fn add_to<B>(self, response: &mut HttpResponse<B>) {
        self.write(response.headers_mut());
    }

    fn write(self, headers: &mut HeaderMap) {
        for cookie in self.cookies {
            headers.append(SET_COOKIE, cookie);
        }
        for (name, value) in NOT_TO_BE_KEPT {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
}

/// What the schemes want to be in the response, in the request's extensions.
#[derive(Default)]
struct Pending(Vec<(String, Option<CookieHeaders>)>);

/// Wants a renewed cookie to be written, unless the scheme has signed somebody in or out.
pub(super) fn renew(http: &HttpRequest, scheme: &str, headers: CookieHeaders) {
    change(http, |Pending(pending)| match pending.iter_mut().find(|(known, _)| known == scheme) {
        Some((_, None)) => {}
        Some((_, before)) => *before = Some(headers),
        None => pending.push((scheme.to_owned(), Some(headers))),
    });
}

/// Wants nothing to be renewed any more: somebody signs in or out.
pub(super) fn supersede(http: &HttpRequest, scheme: &str) {
    change(http, |Pending(pending)| {
        pending.retain(|(known, _)| known != scheme);
        pending.push((scheme.to_owned(), None));
    });
}

fn change(http: &HttpRequest, change: impl FnOnce(&mut Pending)) {
    let mut extensions = http.extensions_mut();
    if extensions.get::<Pending>().is_none() {
        extensions.insert(Pending::default());
    }
    if let Some(pending) = extensions.get_mut::<Pending>() {
        change(pending);
    }
}

/// Writes what is renewed into a response, once.
pub(in crate::authentication) fn write_pending<B>(http: &HttpRequest, response: &mut HttpResponse<B>) {
    let mut extensions = http.extensions_mut();
    let Some(Pending(pending)) = extensions.get_mut::<Pending>() else { return };
    for headers in pending.iter_mut().filter_map(|(_, headers)| headers.take()) {
        headers.add_to(response);
    }
}

const NOT_TO_BE_KEPT: [(HeaderName, &str); 3] =
    [(CACHE_CONTROL, "no-cache,no-store"), (PRAGMA, "no-cache"), (EXPIRES, "Thu, 01 Jan 1970 00:00:00 GMT")];
