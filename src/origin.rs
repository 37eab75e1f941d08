//! Whether a page may open a WebSocket: browsers ask nobody, and say where the page is from.

use std::fmt;

use actix_web::{
    HttpRequest,
    http::header::{HOST, ORIGIN},
};

/// The origins that pages may come from, beside the server's own.
#[derive(Clone, Default)]
pub(crate) enum AllowedOrigins {
    /// Nothing has been said: the server's own, where browsers send credentials by themselves; else all.
    #[default]
    Unsaid,
    /// All.
    Any,
    /// These, and the server's own.
    These(Vec<Origin>),
}

/// Where a page is from, in one of the ways of writing it: lower case, with a port.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    scheme: String,
    host: String,
    port: u16,
}

impl AllowedOrigins {
    /// What has been named for a route. The first that is no origin is the error.
    pub(crate) fn parse<S: AsRef<str>>(origins: impl IntoIterator<Item = S>) -> Result<Self, String> {
        let mut these = Vec::new();
        for origin in origins {
            match origin.as_ref() {
                ANY => return Ok(Self::Any),
                origin => these.push(Origin::parse(origin).ok_or(origin)?),
            }
        }
        Ok(if these.is_empty() { Self::Unsaid } else { Self::These(these) })
    }

    /// Whether the page that sends the request may open a WebSocket. `by_itself`: whether its browser has sent the
    /// credentials without being asked. What is no browser names no origin, and is let through.
    pub(crate) fn permits(&self, http: &HttpRequest, by_itself: bool) -> bool {
        let mut origins = http.headers().get_all(ORIGIN);
        let Some(origin) = origins.next() else { return true };
        let these: &[Origin] = match self {
            Self::Any => return true,
            Self::Unsaid if !by_itself => return true,
            Self::Unsaid => &[],
            Self::These(these) => these,
        };
        let origin = origin.to_str().ok().filter(|_| origins.next().is_none()).and_then(Origin::parse);
        origin.is_some_and(|origin| these.contains(&origin) || origin.is_of_server(http))
    }
}

impl Origin {
    /// Reads `scheme://host` or `scheme://host:port`; `null` is none.
    fn parse(text: &str) -> Option<Self> {
        let (scheme, authority) = text.split_once("://")?;
        let scheme = scheme.to_ascii_lowercase();
        let is_scheme = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
        if scheme.is_empty() || !scheme.bytes().all(is_scheme) {
            return None;
        }
        let (host, port) = split_authority(authority, default_port(&scheme))?;
        Some(Self { scheme, host, port })
    }

    /// Whether it is the server that the request names in `Host`.
    ///
    /// Behind a proxy that ends TLS the server sees none of it, so a page from `https` is taken for its own as well; one from
    /// `http` is not, where the server itself speaks TLS.
    fn is_of_server(&self, http: &HttpRequest) -> bool {
        let host = http.headers().get(HOST).and_then(|host| host.to_str().ok());
        host.is_some_and(|host| self.is_of(host, http.app_config().secure()))
    }

    fn is_of(&self, host: &str, speaks_tls: bool) -> bool {
        let is_possible = match &*self.scheme {
            "https" => true,
            "http" => !speaks_tls,
            _ => false,
        };
        let server = split_authority(host, default_port(&self.scheme));
        is_possible && server.is_some_and(|(host, port)| host == self.host && port == self.port)
    }
}

impl fmt::Debug for AllowedOrigins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsaid => f.write_str("unsaid"),
            Self::Any => f.write_str("any"),
            Self::These(these) => f.debug_list().entries(these).finish(),
        }
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}", self.scheme, self.host, self.port)
    }
}

/// The host in lower case and the port of `host` or `host:port`.
fn split_authority(authority: &str, default_port: u16) -> Option<(String, u16)> {
    let (host, port) = match authority.rsplit_once(':') {
        // The colons of an IPv6 address are in brackets.
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
        _ => (authority, default_port),
    };
    let may_be = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
    let is_host = !host.is_empty() && host.len() <= MAXIMUM_HOST && host.bytes().all(may_be);
    is_host.then(|| (host.to_ascii_lowercase(), port))
}

fn default_port(scheme: &str) -> u16 {
    match scheme {
        "http" => 80,
        "https" => 443,
        // Of a browser's extension, say: it has none.
        _ => 0,
    }
}

/// In the list of the application: all origins.
const ANY: &str = "*";

/// Names are not longer.
const MAXIMUM_HOST: usize = 255;

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn request(host: &str, origins: &[&str]) -> HttpRequest {
        let request = TestRequest::get().insert_header((HOST, host));
        origins
            .iter()
            .fold(request, |request, origin| request.append_header((ORIGIN, *origin)))
            .to_http_request()
    }

    fn permits(allowed: &AllowedOrigins, origin: &str) -> bool {
        allowed.permits(&request("good.example", &[origin]), true)
    }

    #[test]
    fn c12_a_page_of_another_origin_is_kept_out() {
        let own = AllowedOrigins::Unsaid;
        for (origin, is_permitted) in [
            ("http://good.example", true),
            ("http://good.example:80", true),
            ("https://good.example", true),
            ("HTTP://GOOD.example", true),
            ("http://good.example:8080", false),
            ("http://good.example:443", false),
            ("http://foreign.example", false),
            ("http://good.example.evil", false),
            ("http://evil.good.example", false),
            ("http://good.example@evil", false),
            ("http://good.example/", false),
            ("ftp://good.example", false),
            ("chrome-extension://good.example", false),
            ("null", false),
            ("", false),
            ("good.example", false),
            ("://good.example", false),
        ] {
            assert_eq!(permits(&own, origin), is_permitted, "{origin}");
        }
        assert!(own.permits(&request("good.example", &[]), true), "what is no browser names none");
        assert!(
            !own.permits(&request("good.example", &["http://good.example", "http://good.example"]), true)
        );
        assert!(!own.permits(&request("", &["http://"]), true));
        assert!(own.permits(&request("[::1]:8080", &["http://[::1]:8080"]), true));
        assert!(own.permits(&request("[::1]", &["http://[::1]"]), true));
    }

    #[test]
    fn c12_listed_origins_are_let_in_in_any_case_beside_the_servers_own() {
        let listed = AllowedOrigins::parse(["https://App.example", "http://dev.example:3000"]).unwrap();
        for by_itself in [true, false] {
            let permits = |origin| listed.permits(&request("good.example", &[origin]), by_itself);
            for origin in ["https://app.example", "https://APP.example:443", "http://dev.example:3000"] {
                assert!(permits(origin), "{origin}");
            }
            assert!(permits("http://good.example"));
            for origin in ["http://app.example", "http://dev.example", "https://foreign.example", "null"] {
                assert!(!permits(origin), "{origin}");
            }
        }
    }

    #[test]
    fn without_a_list_only_what_browsers_send_by_themselves_is_guarded() {
        let foreign = request("good.example", &["http://foreign.example"]);
        assert!(AllowedOrigins::Unsaid.permits(&foreign, false));
        assert!(AllowedOrigins::parse(["http://a", "*"]).unwrap().permits(&foreign, true));
        assert!(AllowedOrigins::parse::<&str>([]).unwrap().permits(&foreign, false));
    }

    #[test]
    fn c12_a_page_without_tls_is_not_of_a_server_with_it() {
        let page = |origin: &str| Origin::parse(origin).unwrap();
        assert!(page("https://good.example").is_of("good.example", true));
        assert!(page("https://good.example").is_of("good.example:443", true));
        assert!(!page("http://good.example").is_of("good.example", true));
        assert!(page("https://good.example").is_of("good.example", false), "a proxy may have ended TLS");
    }

    #[test]
    fn what_is_no_origin_is_not_taken() {
        for bad in ["example.org", "https://example.org/", "https://", "https://a:b", "https://a b", "null"] {
            assert_eq!(AllowedOrigins::parse([bad]).unwrap_err(), bad);
        }
    }
}
