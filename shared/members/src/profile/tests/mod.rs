//! Tests of profiles as a whole: the API over a directory in memory, with arbitrary input.

mod access;
mod api;
mod corpora;
mod counted;
mod forgotten;
mod merge;
mod properties;
mod schema;
mod storms;

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    access::Programs,
    language::Language,
    service::{ApiError, Desk, Request, answer},
    upload::{Kind, Prepare, Prepared},
    violation::Code,
};
use crate::{
    memory::{InMemoryAccounts, InMemoryFiles, Members},
    testing::profiles::signed_in,
};
use comptoir::memory::FaultPlan;

/// Stores bytes unchanged, the first four as thumbnail; bytes that say `broken` are unreadable.
pub(super) struct Scissors;

impl Prepare for Scissors {
    fn prepare(&self, kind: Kind, content_type: &str, bytes: Vec<u8>) -> Result<Prepared, Code> {
        let broken = bytes.windows(6).any(|part| part == b"broken");
        let thumbnail = (kind == Kind::Avatar).then(|| bytes[..4].to_vec());
        if broken {
            Err(Code::UploadDiffers)
        } else {
            Ok(Prepared { bytes, content_type: content_type.to_owned(), thumbnail })
        }
    }
}

/// The dependencies of the API, in memory.
pub(super) struct House {
    pub members: Members,
    pub shelf: InMemoryFiles,
    pub accounts: InMemoryAccounts,
    pub faults: Arc<FaultPlan>,
    pub programs: Programs,
    names: AtomicUsize,
}

/// The start time of the tests.
pub(super) fn start() -> Timestamp {
    "2026-11-21T10:00:00Z".parse().unwrap()
}

/// The identity that AppSync passes for a member.
pub(super) fn member(sub: &str, groups: &[&str]) -> Value {
    json!({ "sub": sub, "groups": groups, "claims": { "sub": sub, "cognito:groups": groups }, "issuer": "https://cognito", "username": sub })
}

pub(super) fn freelancer(sub: &str) -> Value {
    member(sub, &["freelancer"])
}

impl House {
    pub(super) fn under(faults: FaultPlan) -> Self {
        let faults = Arc::new(faults);
        Self {
            members: Members::new(Arc::clone(&faults)),
            shelf: InMemoryFiles::new(Arc::clone(&faults)),
            accounts: InMemoryAccounts::new(Arc::clone(&faults)),
            faults,
            programs: Programs::new(),
            names: AtomicUsize::new(0),
        }
    }

    pub(super) async fn ask_at(
        &self,
        now: Timestamp,
        who: &Value,
        field: &str,
        arguments: Value,
    ) -> Result<Value, ApiError> {
        let random = || format!("r{}", self.names.fetch_add(1, Ordering::Relaxed));
        let desk = Desk {
            directory: &self.members,
            files: &self.shelf,
            accounts: &self.accounts,
            prepare: &Scissors,
            programs: &self.programs,
            random: &random,
        };
        let identity = signed_in(who, &arguments);
        let account = "123456789012".to_owned();
        let request = Request { field: field.to_owned(), arguments, identity, account, language: Language::En, now };
        answer(&request, &desk).await
    }

    pub(super) async fn ask(&self, who: &Value, field: &str, arguments: Value) -> Result<Value, ApiError> {
        self.ask_at(start(), who, field, arguments).await
    }

    /// Retries until it gets a response, as a client does whose responses are lost.
    pub(super) async fn insist(&self, who: &Value, field: &str, arguments: Value) -> Result<Value, ApiError> {
        loop {
            match self.ask(who, field, arguments.clone()).await {
                Err(error) if error.error_type == super::service::ErrorType::Unavailable => {}
                answered => return answered,
            }
        }
    }
}

/// The input of a profile with this handle.
pub(super) fn input(handle: &str) -> Value {
    json!({ "input": {
        "handle": handle, "firstName": "Zoé", "lastName": "Lefèvre", "email": format!("{handle}@Example.org"),
        "phone": "06 12 34 56 78", "headline": "Rust, surtout", "skills": [{ "name": "Rust", "level": "EXPERT", "years": 8 }],
        "links": [{ "kind": "GITHUB", "url": "https://github.com/zoe" }], "location": { "city": "Montpellier", "country": "fr" },
        "availability": { "status": "FROM", "from": "2027-01-04" }, "languages": ["fr", "en-gb"],
    } })
}

/// The codes and paths of a request's violations.
pub(super) fn mistakes(error: &ApiError) -> Vec<(String, String)> {
    let listed = error.info["violations"].as_array().unwrap();
    let told = |one: &Value, field: &str| one[field].as_str().unwrap().to_owned();
    listed.iter().map(|one| (told(one, "code"), told(one, "path"))).collect()
}
