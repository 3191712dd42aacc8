//! Sessions with their first lines, from a list: one answer of Stripe for a hundred sales, where each would be asked for
//! alone.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::object::{Event, LineItem, List, Session};

/// Sessions below which each is asked for alone.
const WORTH_A_LIST: usize = 3;

/// Wanted sessions for which one more page may be asked: a page should bring some of them, or each is asked for alone.
const WORTH_A_PAGE: usize = 5;

/// A session of a list.
#[derive(Debug, Clone, Deserialize)]
pub struct ListedSession {
    /// The session as it is now.
    #[serde(flatten)]
    pub session: Session,
    /// Its first lines.
    line_items: Option<List<LineItem>>,
}

impl ListedSession {
    /// The session, and its lines if the list has all of them, with their taxes.
    pub fn into_parts(self) -> (Session, Option<Vec<LineItem>>) {
        let untaxed = |item: &LineItem| item.amount_tax != 0 && item.taxes.is_none();
        let whole = self.line_items.filter(|lines| !lines.has_more && !lines.data.iter().any(untaxed));
        (self.session, whole.map(|lines| lines.data))
    }
}

/// The sessions that a number of events are about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WantedSessions {
    /// Those that no page has brought yet.
    missing: BTreeSet<String>,
    /// When the first and the last of them were made, in seconds.
    made: Option<(i64, i64)>,
    /// How many there are.
    all: usize,
}

impl WantedSessions {
    /// Adds the session of an event, if it is about one that was paid.
    pub fn add(&mut self, event: &Event<'_>) {
        #[derive(Deserialize)]
        struct Made {
            id: String,
            created: i64,
            payment_status: Option<String>,
        }
        if !event.kind.starts_with("checkout.session.") {
            return;
        }
        let Ok(made) = serde_json::from_str::<Made>(event.data.object.get()) else { return };
        if made.payment_status.as_deref() == Some("unpaid") {
            return;
        }
        let (first, last) = self.made.unwrap_or((made.created, made.created));
        self.made = Some((first.min(made.created), last.max(made.created)));
        self.all += usize::from(self.missing.insert(made.id));
    }

    /// From when to when the sessions to list were made; `None` if they are too few for a list.
    pub fn window(&self) -> Option<(i64, i64)> {
        self.made.filter(|_| self.missing.len() >= WORTH_A_LIST)
    }

    /// Takes a session of a page; whether it is one of them, and the first of this id.
    pub fn take(&mut self, id: &str) -> bool {
        self.missing.remove(id)
    }

    /// Whether another page is worth asking for, after so many.
    pub fn goes_on(&self, pages: usize) -> bool {
        !self.missing.is_empty() && pages < (self.all / WORTH_A_PAGE).max(WORTH_A_LIST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stripe::classify;

    fn wanted(events: &[(&str, &str)]) -> WantedSessions {
        let mut wanted = WantedSessions::default();
        for (kind, object) in events {
            let body = format!(r#"{{"id":"evt_1","type":"{kind}","data":{{"object":{object}}}}}"#);
            wanted.add(&classify::read(body.as_bytes()).unwrap());
        }
        wanted
    }

    #[test]
    fn a_list_is_asked_for_where_it_saves_reads_and_ends_where_it_does_not() {
        const DONE: &str = "checkout.session.completed";
        let one = (DONE, r#"{"id":"cs_1","created":30}"#);
        let two = ("checkout.session.async_payment_succeeded", r#"{"id":"cs_2","created":10}"#);
        let three = (DONE, r#"{"id":"cs_3","created":20,"payment_status":"paid"}"#);
        let unpaid = (DONE, r#"{"id":"cs_4","created":5,"payment_status":"unpaid"}"#);
        let others = [("invoice.paid", r#"{"id":"in_1","created":1}"#), (DONE, r#"{"id":"cs_5"}"#), (DONE, "7")];
        assert_eq!(wanted(&[one, two, unpaid]).window(), None);
        assert_eq!(wanted(&[one, one, two, others[0], others[1], others[2]]).window(), None);
        let mut all = wanted(&[one, two, three, unpaid]);
        assert_eq!(all.window(), Some((10, 30)));
        assert!(all.take("cs_1") && !all.take("cs_1") && !all.take("cs_9"));
        assert!(all.goes_on(2) && !all.goes_on(3), "each is asked for alone rather than more pages");
        assert!(all.take("cs_2") && all.take("cs_3") && !all.goes_on(1), "all are there");
    }

    #[test]
    fn lines_of_a_list_are_taken_if_they_are_all_there_with_their_taxes() {
        let lines = |json: &str| {
            let session = format!(r#"{{"id":"cs_1","amount_total":1{json}}}"#);
            let (session, lines) = serde_json::from_str::<ListedSession>(&session).unwrap().into_parts();
            assert_eq!((session.id.as_str(), session.amount_total), ("cs_1", Some(1)));
            lines.map(|lines| lines.len())
        };
        assert_eq!(lines(""), None);
        assert_eq!(
            lines(r#","line_items":{"data":[{"amount_total":1},{"amount_total":2}],"has_more":false}"#),
            Some(2)
        );
        assert_eq!(lines(r#","line_items":{"data":[{"amount_total":1}],"has_more":true}"#), None);
        assert_eq!(lines(r#","line_items":{"data":[{"amount_total":1,"amount_tax":1}]}"#), None);
        assert_eq!(lines(r#","line_items":{"data":[{"amount_total":1,"amount_tax":1,"taxes":[]}]}"#), Some(1));
    }
}
