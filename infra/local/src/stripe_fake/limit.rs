//! Stripe's limit of reads: so many a second for each endpoint (docs.stripe.com/rate-limits).

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);

/// The limit, and what was asked so far.
#[derive(Debug, Default)]
pub struct Limit {
    per_second: Option<usize>,
    endpoints: BTreeMap<String, Reads>,
}

#[derive(Debug, Default)]
struct Reads {
    all: u64,
    granted: VecDeque<Instant>,
}

impl Limit {
    /// So many reads a second of each endpoint; any number if `None`.
    pub fn new(per_second: Option<usize>) -> Self {
        Self { per_second, endpoints: BTreeMap::new() }
    }

    /// Counts a read; returns whether it is within the limit.
    pub fn read(&mut self, path: &str, now: Instant) -> bool {
        let reads = self.endpoints.entry(endpoint(path)).or_default();
        reads.all += 1;
        let Some(limit) = self.per_second else { return true };
        while reads.granted.front().is_some_and(|at| now.duration_since(*at) >= SECOND) {
            reads.granted.pop_front();
        }
        let within = reads.granted.len() < limit;
        if within {
            reads.granted.push_back(now);
        }
        within
    }

    /// How often each endpoint was asked.
    pub fn reads(&self) -> BTreeMap<String, u64> {
        self.endpoints.iter().map(|(endpoint, reads)| (endpoint.clone(), reads.all)).collect()
    }
}

/// A path without the id in it: `checkout/sessions/{id}/line_items`.
fn endpoint(path: &str) -> String {
    let id = if path.starts_with("checkout/") { 2 } else { 1 };
    let parts = path.split('/').enumerate().map(|(place, part)| if place == id { "{id}" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_endpoint_has_a_second_of_its_own() {
        let mut limit = Limit::new(Some(2));
        let start = Instant::now();
        let lines = |n: u32| format!("checkout/sessions/cs_{n}/line_items");
        assert!(limit.read(&lines(1), start) && limit.read(&lines(2), start) && !limit.read(&lines(3), start));
        assert!(limit.read("checkout/sessions", start) && limit.read("tax_rates/txr_1", start));
        assert!(!limit.read(&lines(3), start + SECOND / 2) && limit.read(&lines(3), start + SECOND));
        assert_eq!(limit.reads().get("checkout/sessions/{id}/line_items"), Some(&5));
        assert_eq!(limit.reads().get("tax_rates/{id}"), Some(&1));
        assert!((0..100).all(|_| Limit::new(None).read("refunds", start)));
    }
}
