//! The record of a customer who owes something: the episode that is open, and what was done in it.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::steps::{Does, Step};

/// A customer's episodes, of which the last may be open.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Episode {
    /// How many there were, the open one included.
    pub number: u32,
    /// Since when it is open; none while nothing is owed.
    pub opened_at: Option<Timestamp>,
    /// The unpaid invoices at which the last step of it was taken; 0 before the first.
    pub step: u32,
    /// What the steps taken have done, the hardest of it.
    pub in_force: Option<Does>,
    /// The subscriptions that owe, or owed since it was opened.
    pub subscriptions: BTreeSet<String>,
}

impl Episode {
    /// Its name in the ids of mails.
    pub fn name(&self, customer: &str) -> String {
        format!("{customer}-{}", self.number)
    }

    /// Opens another one, if none is open.
    pub fn open(&mut self, now: Timestamp) {
        if self.opened_at.is_none() {
            *self = Self { number: self.number.saturating_add(1), opened_at: Some(now), ..Self::default() };
        }
    }

    /// Takes a step.
    pub fn take(&mut self, step: Step) {
        self.step = self.step.max(step.unpaid);
        self.in_force = self.in_force.max(Some(step.does));
    }

    /// Closes it.
    pub fn close(&mut self) {
        *self = Self { number: self.number, ..Self::default() };
    }
}
