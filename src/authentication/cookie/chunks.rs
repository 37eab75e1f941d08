//! One value in one or several cookies: browsers keep about 4 KB in each.

use actix_web::http::header::{COOKIE, HeaderMap};

/// Everything behind the value of a cookie, such as `; path=/; httponly`.
pub(super) struct Attributes(pub(super) String);

/// The cookies that hold a value; `None` if it is too long for as many as we use.
pub(super) fn split(name: &str, value: &str, attributes: &Attributes) -> Option<Vec<String>> {
    let Attributes(attributes) = attributes;
    let around = name.len() + attributes.len() + "=".len();
    if around + value.len() <= COOKIE_SIZE {
        return Some(vec![format!("{name}={value}{attributes}")]);
    }
    // Room for `C` and a number.
    let size = COOKIE_SIZE.checked_sub(around + 3).filter(|size| *size > 0)?;
    let parts: Vec<&str> = (0..value.len())
        .step_by(size)
        .map(|start| value.get(start..(start + size).min(value.len())))
        .collect::<Option<_>>()?;
    if parts.len() > MAXIMUM_CHUNKS {
        return None;
    }
    let mut cookies = vec![format!("{name}={PREFIX}{}{attributes}", parts.len())];
    cookies.extend(
        parts.iter().enumerate().map(|(i, part)| format!("{name}{CHUNK}{}={part}{attributes}", i + 1)),
    );
    Some(cookies)
}

/// What a request's cookies hold under a name.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    Nothing,
    /// A part is missing, or there are more than we use.
    Incomplete,
    Value(String),
}

/// Puts a value together from the cookies of a request.
pub(super) fn find(headers: &HeaderMap, name: &str) -> Found {
    let Some(first) = cookie(headers, name) else { return Found::Nothing };
    let Some(number) = first.strip_prefix(PREFIX) else { return Found::Value(first.to_owned()) };
    let number = number.parse().ok().filter(|number| (1..=MAXIMUM_CHUNKS).contains(number));
    let parts = number.and_then(|number| {
        (1..=number).map(|i| cookie(headers, &format!("{name}{CHUNK}{i}"))).collect::<Option<String>>()
    });
    parts.map_or(Found::Incomplete, Found::Value)
}

/// The names of the cookies a request has under a name: itself, and its parts.
pub(super) fn names(headers: &HeaderMap, name: &str) -> Vec<String> {
    let parts = (1..=MAXIMUM_CHUNKS).map(|i| format!("{name}{CHUNK}{i}"));
    parts.filter(|part| cookie(headers, part).is_some()).collect()
}

/// The first cookie of a name.
fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let texts = headers.get_all(COOKIE).filter_map(|value| value.to_str().ok());
    texts
        .flat_map(|text| text.split(';'))
        .filter_map(|pair| pair.split_once('='))
        .find_map(|(found, value)| (found.trim() == name).then_some(value.trim()))
}

/// Less than the 4096 bytes that every browser keeps.
const COOKIE_SIZE: usize = 4050;

/// About 28 KB: more makes requests that servers refuse.
const MAXIMUM_CHUNKS: usize = 7;

/// The value of the first cookie says how many others there are.
const PREFIX: &str = "chunks-";
const CHUNK: &str = "C";
