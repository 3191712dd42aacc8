//! The record of a declaration: what was declared, which contract it is about, and what became of it.

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use super::statement::Statement;

/// What became of a declaration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It was declared.
    #[default]
    Declared,
    /// It takes effect later: at the end of the period of the day wished for, or when the person could have objected.
    Waiting,
    /// It is withdrawn from: what was begun is finished, whoever objects from now on.
    TakingBack,
    /// The contract ends with what is paid.
    Ends {
        /// When.
        at: Timestamp,
    },
    /// The contract was over, or had no paid period to wait for.
    Over {
        /// Since when.
        at: Timestamp,
    },
    /// The contract is withdrawn from, and its payments are refunded.
    Withdrawn,
    /// Withdrawn from too late.
    TooLate {
        /// The last day on which it would have been in time.
        last_day: Date,
    },
    /// No contract was found: a person has to look for it.
    Unmatched,
    /// Whose contract it is said that they did not declare it: the contract goes on.
    Revoked,
}

impl State {
    /// Whether nothing is left to do.
    pub fn is_settled(&self) -> bool {
        !matches!(self, Self::Declared | Self::Waiting | Self::TakingBack)
    }

    /// Whether it can still be revoked by whose contract it is: nothing that cannot be undone has happened.
    pub fn is_revocable(&self) -> bool {
        matches!(self, Self::Declared | Self::Waiting | Self::Ends { .. })
    }
}

/// A declaration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Declaration {
    /// What was declared.
    pub statement: Statement,
    /// What became of it.
    #[serde(default)]
    pub state: State,
    /// The contract, `sub_...`, once it was found.
    #[serde(default)]
    pub subscription: Option<String>,
    /// When its receipt was acknowledged by mail.
    #[serde(default)]
    pub acknowledged_at: Option<Timestamp>,
    /// When whose contract it is said that they did not declare it.
    #[serde(default)]
    pub revoked_at: Option<Timestamp>,
    /// A secret in the mail: who has it reads the mails of whose contract it is.
    pub secret: String,
}

impl Declaration {
    /// One that was just declared.
    pub fn new(statement: Statement, secret: String) -> Self {
        Self { statement, state: State::Declared, subscription: None, acknowledged_at: None, revoked_at: None, secret }
    }
}
