//! What a cookie looks like: its name, and what it says to the browser beside its value.

use std::time::{Duration, SystemTime};

use actix_web::{HttpRequest, http::header::HttpDate};

use crate::authentication::cookie::{SameSite, SecurePolicy, chunks::Attributes, redirect};

/// The name of a cookie and its attributes, but for the times of one ticket.
#[derive(Clone, Debug)]
pub(super) struct CookieForm {
    /// `None`: the one that belongs to the scheme.
    pub(super) name: Option<String>,
    pub(super) path: String,
    pub(super) domain: Option<String>,
    pub(super) same_site: SameSite,
    pub(super) secure: SecurePolicy,
    pub(super) http_only: bool,
    pub(super) max_age: Option<Duration>,
}

impl Default for CookieForm {
    fn default() -> Self {
        Self {
            name: None,
            path: "/".to_owned(),
            domain: None,
            same_site: SameSite::default(),
            secure: SecurePolicy::default(),
            http_only: true,
            max_age: None,
        }
    }
}

impl CookieForm {
    /// The name of the cookie, for a scheme.
    pub(super) fn name_for(&self, scheme: &str) -> String {
        let default = || format!("{NAME_PREFIX}{}", redirect::escape(scheme));
        self.name.clone().unwrap_or_else(default)
    }

    /// Of a cookie that holds something.
    pub(super) fn attributes(&self, http: &HttpRequest, expires: Option<SystemTime>) -> Attributes {
        self.with_times(http, expires, self.max_age)
    }

    /// Of a cookie that is to be forgotten.
    pub(super) fn deletion(&self, http: &HttpRequest) -> Attributes {
        self.with_times(http, Some(SystemTime::UNIX_EPOCH), None)
    }

    fn with_times(
        &self,
        http: &HttpRequest,
        expires: Option<SystemTime>,
        max_age: Option<Duration>,
    ) -> Attributes {
        let mut text = String::new();
        if let Some(time) = expires {
            let time = time.clamp(SystemTime::UNIX_EPOCH, last_time());
            text.push_str(&format!("; expires={}", HttpDate::from(time)));
        }
        if let Some(max_age) = max_age {
            text.push_str(&format!("; max-age={}", max_age.as_secs()));
        }
        if let Some(domain) = &self.domain {
            text.push_str(&format!("; domain={domain}"));
        }
        text.push_str(&format!("; path={}", self.path));
        let is_secure = match self.secure {
            SecurePolicy::Always => true,
            SecurePolicy::SameAsRequest => self.same_site == SameSite::None || redirect::is_secure(http),
            SecurePolicy::Never => false,
        };
        if is_secure {
            text.push_str("; secure");
        }
        text.push_str(match self.same_site {
            SameSite::Strict => "; samesite=strict",
            SameSite::Lax => "; samesite=lax",
            SameSite::None => "; samesite=none",
            SameSite::Unspecified => "",
        });
        if self.http_only {
            text.push_str("; httponly");
        }
        Attributes(text)
    }

    /// The option that cannot be, and why.
    pub(super) fn validate(&self, scheme: &str) -> Result<(), (&'static str, &'static str)> {
        let name = self.name_for(scheme);
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || name.len() > MAXIMUM_NAME || !name.bytes().all(is_name) {
            return Err(("cookie_name", "must be up to 255 characters that a cookie's name may have"));
        }
        let is_plain = |text: &str| {
            text.len() <= MAXIMUM_NAME && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b';')
        };
        if !self.path.starts_with('/') || !is_plain(&self.path) {
            return Err(("cookie_path", "must begin with a slash and be printable ASCII without `;`"));
        }
        let is_domain = |domain: &String| {
            let may_be = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
            !domain.is_empty() && domain.len() <= MAXIMUM_NAME && domain.bytes().all(may_be)
        };
        if !self.domain.as_ref().is_none_or(is_domain) {
            return Err(("cookie_domain", "must be the name of a domain"));
        }
        if self.same_site == SameSite::None && self.secure == SecurePolicy::Never {
            return Err(("secure", "must not be `Never` where `same_site` is `None`: no browser keeps that"));
        }
        // Browsers drop cookies with these prefixes that do not keep their promise.
        let lower = name.to_ascii_lowercase();
        let is_secure = self.secure == SecurePolicy::Always;
        if lower.starts_with("__host-") && !(is_secure && self.path == "/" && self.domain.is_none()) {
            return Err(("cookie_name", "with `__Host-` needs `Always` secure, the path `/` and no domain"));
        }
        if lower.starts_with("__secure-") && !is_secure {
            return Err(("cookie_name", "with `__Secure-` needs `Always` secure"));
        }
        Ok(())
    }
}

/// The end of the year 9999: no date of HTTP is later.
pub(super) fn last_time() -> SystemTime {
    let last = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(253_402_300_799));
    last.unwrap_or(SystemTime::UNIX_EPOCH)
}

const NAME_PREFIX: &str = ".AspNetCore.";

/// So that there is room for a value.
const MAXIMUM_NAME: usize = 255;
