//! The result of a check.

use std::fmt;

/// The state of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// As it should be.
    Ok,
    /// The owner has something to do.
    Todo,
    /// A third party has something to do: AWS reviews, DNS spreads.
    Wait,
    /// It does not work.
    Fail,
    /// The check could not run; never treated as success.
    NotChecked,
}

impl State {
    /// As printed.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Todo => "to do",
            Self::Wait => "wait",
            Self::Fail => "problem",
            Self::NotChecked => "not checked",
        }
    }
}

/// One line of the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The check's key; the same for every front end.
    pub key: &'static str,
    /// Its state.
    pub state: State,
    /// The observation, without any secret.
    pub detail: String,
    /// What to do, unless the check passed.
    pub fix: Option<String>,
}

impl Finding {
    /// A passed check.
    pub fn ok(key: &'static str, detail: impl Into<String>) -> Self {
        Self { key, state: State::Ok, detail: detail.into(), fix: None }
    }

    /// A failed check.
    pub fn not(key: &'static str, state: State, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { key, state, detail: detail.into(), fix: Some(fix.into()) }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<12}{:<16}{}", self.state.word(), self.key, self.detail)?;
        match &self.fix {
            Some(fix) => write!(f, "\n{:<28}-> {fix}", ""),
            None => Ok(()),
        }
    }
}

/// Whether the stack is ready, as far as the checks could run.
pub fn ready(findings: &[Finding]) -> bool {
    findings.iter().all(|finding| matches!(finding.state, State::Ok | State::NotChecked))
}
