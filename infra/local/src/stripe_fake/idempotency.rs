//! Stripe's memory of keys: the same request gets the same answer, whatever it was, for a day.

use std::collections::HashMap;

use serde_json::Value;

use super::refusal::Refusal;

/// How long an answer is kept, in seconds.
const KEPT: i64 = 86_400;

/// The longest key.
const LONGEST: usize = 255;

/// The answers by key.
#[derive(Debug, Default)]
pub struct Keys(HashMap<String, Kept>);

#[derive(Debug)]
struct Kept {
    /// Method, path and parameters.
    asked: String,
    at: i64,
    /// None while the first request is being answered.
    answer: Option<(u16, Value)>,
}

/// What is known of a key.
#[derive(Debug, PartialEq)]
pub enum Known {
    /// Nothing: the request is to be answered, and [`Keys::end`] called.
    New,
    /// The answer to the same request.
    Answer(u16, Value),
}

impl Keys {
    /// A request with a key comes in.
    ///
    /// # Errors
    /// When the key was used with other parameters, or its first request is still being answered.
    pub fn begin(&mut self, key: &str, asked: &str, now: i64) -> Result<Known, Refusal> {
        if key.len() > LONGEST {
            return Err(Refusal::parameter(
                "",
                "idempotency_key_too_long",
                "Idempotency keys are at most 255 characters.",
            ));
        }
        self.0.retain(|_, kept| kept.answer.is_none() || now - kept.at < KEPT);
        match self.0.get(key) {
            Some(kept) if kept.asked != asked => Err(Refusal::other_parameters(key)),
            Some(Kept { answer: Some((status, answer)), .. }) => Ok(Known::Answer(*status, answer.clone())),
            Some(_) => Err(Refusal::in_flight(key)),
            None => {
                self.0.insert(key.to_owned(), Kept { asked: asked.to_owned(), at: now, answer: None });
                Ok(Known::New)
            }
        }
    }

    /// The request was answered; with `None` nothing was tried, and the key is free again.
    pub fn end(&mut self, key: &str, answer: Option<(u16, Value)>) {
        match answer {
            None => drop(self.0.remove(key)),
            Some(answer) => {
                if let Some(kept) = self.0.get_mut(key) {
                    kept.answer = Some(answer);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_key_answers_the_same_request_for_a_day() {
        let mut keys = Keys::default();
        assert_eq!(keys.begin("k", "POST a", 0).unwrap(), Known::New);
        assert_eq!(keys.begin("k", "POST a", 0).unwrap_err().error["code"], "idempotency_key_in_use");
        keys.end("k", Some((500, json!({"error": 1}))));
        assert_eq!(keys.begin("k", "POST a", KEPT - 1).unwrap(), Known::Answer(500, json!({"error": 1})));
        let other = keys.begin("k", "POST b", 1).unwrap_err();
        assert_eq!((other.status, &other.error["type"]), (400, &json!("idempotency_error")));
        assert_eq!(keys.begin("k", "POST b", KEPT).unwrap(), Known::New);
    }

    #[test]
    fn what_was_not_tried_is_not_kept() {
        let mut keys = Keys::default();
        assert_eq!(keys.begin("k", "POST a", 0).unwrap(), Known::New);
        keys.end("k", None);
        assert_eq!(keys.begin("k", "POST b", 0).unwrap(), Known::New);
        assert!(keys.begin(&"k".repeat(256), "", 0).is_err());
    }
}
