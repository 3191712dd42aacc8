//! The log of what others asked, and the faults ordered for some of it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Calls that are remembered: enough for any test, and bounded.
const MOST: usize = 100_000;

/// One call.
#[derive(Clone, Debug, Serialize)]
pub struct Call {
    /// Its place, from 1.
    pub n: usize,
    /// When, RFC 3339.
    pub at: String,
    /// `GET`, `POST` or `DELETE`.
    pub method: String,
    /// Such as `/v1/invoices/in_1/pay`.
    pub path: String,
    /// The header `Idempotency-Key`.
    pub idempotency_key: Option<String>,
    /// The parameters, of the body or of the query.
    pub form: Value,
    /// The status of the answer, also of one that was lost; none where nothing was answered or done.
    pub status: Option<u16>,
    /// Whether the answer was one that was kept under the key.
    pub replayed: bool,
    /// The fault that was ordered for it.
    pub fault: Option<Kind>,
}

/// A fault of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It takes effect, and the answer never arrives.
    LoseAnswer,
    /// The connection breaks before anything happens; nothing is kept under the key.
    FailBefore,
    /// Nothing happens, the answer is 500, and it is kept under the key.
    #[serde(rename = "500_stored")]
    Stored500,
    /// Nothing happens, the answer is 429.
    RateLimit,
    /// It is answered late.
    Slow,
}

/// An ordered fault. A misspelt key is an error.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// Of which method; of any if not given.
    pub method: Option<String>,
    /// The beginning of the path, with or without `/v1`.
    #[serde(default)]
    pub path_prefix: String,
    /// What goes wrong.
    pub kind: Kind,
    /// How often.
    #[serde(default = "once")]
    pub times: usize,
    /// How late, for `slow`.
    #[serde(default)]
    pub milliseconds: u64,
}

fn once() -> usize {
    1
}

/// Calls and orders.
#[derive(Debug, Default)]
pub struct Log {
    calls: Vec<Call>,
    orders: Vec<Order>,
}

impl Log {
    /// Orders a fault.
    pub fn order(&mut self, order: Order) {
        self.orders.push(order);
    }

    /// Cancels what is ordered and did not happen.
    pub fn clear(&mut self) {
        self.orders.clear();
    }

    /// The fault of this call.
    pub fn fault(&mut self, method: &str, path: &str) -> Option<Order> {
        let fits = |order: &Order| {
            let prefix = order.path_prefix.trim_start_matches('/');
            let prefix = prefix.strip_prefix("v1/").unwrap_or(prefix);
            order.times > 0
                && order.method.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
                && (prefix == "v1" || path.starts_with(prefix))
        };
        let order = self.orders.iter_mut().find(|order| fits(order))?;
        order.times -= 1;
        let found = order.clone();
        self.orders.retain(|order| order.times > 0);
        Some(found)
    }

    /// Remembers a call.
    pub fn add(&mut self, call: Call) {
        if self.calls.len() < MOST {
            self.calls.push(Call { n: self.calls.len() + 1, ..call });
        }
    }

    /// The calls, in order.
    pub fn all(&self) -> Vec<Call> {
        self.calls.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_happens_as_often_as_ordered_where_it_fits() {
        let mut log = Log::default();
        log.order(
            serde_json::from_str(r#"{"method":"POST","path_prefix":"/v1/invoices","kind":"500_stored","times":2}"#)
                .unwrap(),
        );
        log.order(serde_json::from_str(r#"{"path_prefix":"/v1/customers/cus_1","kind":"lose_answer"}"#).unwrap());
        assert!(log.fault("GET", "invoices/in_1").is_none() && log.fault("POST", "customers").is_none());
        assert_eq!(log.fault("GET", "customers/cus_1").unwrap().kind, Kind::LoseAnswer);
        assert!(log.fault("GET", "customers/cus_1").is_none());
        assert_eq!(log.fault("POST", "invoices/in_1/pay").unwrap().kind, Kind::Stored500);
        assert!(log.fault("POST", "invoices").is_some() && log.fault("POST", "invoices").is_none());
        assert!(serde_json::from_str::<Order>(r#"{"kind":"lose_answer","time":1}"#).is_err());
    }
}
