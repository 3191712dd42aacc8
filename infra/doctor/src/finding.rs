//! What a check came to.

use std::fmt;

/// How it stands with one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// As it should be.
    Ok,
    /// The owner has something to do.
    Todo,
    /// Somebody else is at work: AWS reviews, DNS spreads.
    Wait,
    /// It does not work.
    Fail,
    /// Nobody could look; that is never good news.
    NotChecked,
}

impl State {
    /// As it is printed.
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
    /// Which check; the same for every front.
    pub key: &'static str,
    /// How it stands.
    pub state: State,
    /// What was seen, without any secret.
    pub detail: String,
    /// What to do, unless all is well.
    pub fix: Option<String>,
}

impl Finding {
    /// All is well.
    pub fn ok(key: &'static str, detail: impl Into<String>) -> Self {
        Self { key, state: State::Ok, detail: detail.into(), fix: None }
    }

    /// It is not.
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

/// Whether the stack is ready, as far as anybody could look.
pub fn ready(findings: &[Finding]) -> bool {
    findings.iter().all(|finding| matches!(finding.state, State::Ok | State::NotChecked))
}
