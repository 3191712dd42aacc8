//! The query of a list.

use reqwest::Url;

/// Names and values, decoded.
#[derive(Clone, Debug, Default)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads a query as it stands in an address.
    pub fn read(query: &str) -> Self {
        let url = Url::parse(&format!("http://query/?{query}"));
        Self(
            url.iter()
                .flat_map(Url::query_pairs)
                .map(|(name, value)| (name.into_owned(), value.into_owned()))
                .collect(),
        )
    }

    /// The first value of a name.
    pub fn one(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(given, _)| is_named(given, name)).map(|(_, value)| value.as_str())
    }

    /// Every value of a name, also written `name[]` or `name[0]`.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> + use<'a> {
        self.0.iter().filter(move |(given, _)| is_named(given, name)).map(|(_, value)| value.as_str())
    }

    /// The first value as a whole number.
    pub fn number(&self, name: &str) -> Option<i64> {
        self.one(name)?.parse().ok()
    }
}

/// Whether a name in a query is this one, perhaps of a list.
fn is_named(given: &str, name: &str) -> bool {
    let place = given.strip_prefix(name).and_then(|rest| rest.strip_prefix('[')?.strip_suffix(']'));
    given == name || place.is_some_and(|place| place.bytes().all(|byte| byte.is_ascii_digit()))
}
