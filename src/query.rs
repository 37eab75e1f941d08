//! The query of a request: names without case, repeated values joined.

use actix_web::{HttpRequest, web::Query};

/// The parameters of a query, decoded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parameters(Vec<(String, String)>);

impl Parameters {
    pub(crate) fn of(request: &HttpRequest) -> Self {
        let parsed = Query::<Vec<(String, String)>>::from_query(request.query_string());
        Self(parsed.map(Query::into_inner).unwrap_or_default())
    }

    /// The value of a parameter; given several times, those that are not empty, joined by `,`.
    pub(crate) fn find(&self, name: &str) -> Option<String> {
        let named = self.0.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
        let mut values = named.map(|(_, value)| value.as_str());
        let first = values.next()?;
        let others: Vec<_> = values.collect();
        if others.is_empty() {
            return Some(first.to_owned());
        }
        let filled = others.into_iter().filter(|value| !value.is_empty());
        let joined = filled.fold(first.to_owned(), |joined, value| {
            let comma = if joined.is_empty() { "" } else { "," };
            joined + comma + value
        });
        // Said several times, nothing is still something, and no token or number.
        Some(if joined.is_empty() { ",".to_owned() } else { joined })
    }

    pub(crate) fn into_pairs(self) -> Vec<(String, String)> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_parameter_is_found_in_any_case_and_its_values_are_joined() {
        for (query, expected) in [
            ("", None),
            ("other=1", None),
            ("id", Some("")),
            ("id=", Some("")),
            ("id=a", Some("a")),
            ("ID=a", Some("a")),
            ("%69d=%61", Some("a")),
            ("id=a+b", Some("a b")),
            ("id=a&id=a", Some("a,a")),
            ("id=a&Id=b&x=c", Some("a,b")),
            ("id=&id=a", Some("a")),
            ("id=a&id=", Some("a")),
            ("id=&id=", Some(",")),
            ("id=&id=&id=a", Some("a")),
            ("id=a&id=&id=b", Some("a,b")),
        ] {
            let request = TestRequest::with_uri(&format!("/hub?{query}")).to_http_request();
            assert_eq!(Parameters::of(&request).find("id").as_deref(), expected, "{query}");
        }
    }
}
