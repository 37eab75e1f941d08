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

    /// The value of a parameter; given several times, the values joined by `,`.
    pub(crate) fn find(&self, name: &str) -> Option<String> {
        let named = self.0.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.clone()).reduce(|joined, value| joined + "," + &value)
    }

    pub(crate) fn into_pairs(self) -> Vec<(String, String)> {
        self.0
    }
}
