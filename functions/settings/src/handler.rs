//! Carries out a command about the settings, and answers in words that an owner understands.

use comptoir::{
    clock::Clock,
    outcome::ServiceError,
    seller::{InvalidSettings, Settings, SettingsDocument},
    settings::{
        SettingsReader, SettingsWriter, StoredSettings,
        change::{Change, NotSaved, Saved, save},
    },
};
use comptoir_plans::{
    catalogue::{Catalogue, PlansDocument},
    stored,
};
use serde::Deserialize;
use serde_json::{Value, json};

/// A command. A misspelt key is an error: it must not save something else than was meant.
#[derive(Debug, Deserialize)]
#[serde(tag = "command", rename_all = "lowercase", deny_unknown_fields)]
enum Command {
    /// Answers the newest version, or the one that is named.
    Show {
        version: Option<u64>,
        #[serde(default)]
        name: Name,
    },
    /// Says what is wrong with a document, and saves nothing.
    Check {
        document: Value,
        #[serde(default)]
        name: Name,
    },
    /// Saves a document as the next version: made from `version`, or in place of whatever stands; for sales of the past
    /// that have no document, too, if `past`.
    Save {
        document: Value,
        version: Option<u64>,
        by: Option<String>,
        #[serde(default)]
        past: bool,
        #[serde(default)]
        name: Name,
    },
}

/// Which document is meant.
#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Name {
    /// Who sells, and how.
    #[default]
    Seller,
    /// What is sold by subscription.
    Plans,
}

/// The most characters that name who saves.
const LONGEST_NAME: usize = 64;

/// What a command needs.
#[derive(Debug)]
pub struct Desk<S, C> {
    /// Who sells, and how.
    pub store: S,
    /// What is sold by subscription.
    pub plans: S,
    /// The clock.
    pub clock: C,
}

impl<S: SettingsReader + SettingsWriter, C: Clock> Desk<S, C> {
    /// Carries out a command.
    ///
    /// # Errors
    /// When the store fails; the same command may be given again.
    pub async fn handle(&self, event: Value, request_id: &str) -> Result<Value, ServiceError> {
        let command: Command = match serde_json::from_value(event) {
            Ok(command) => command,
            Err(error) => {
                let message =
                    format!("{error}; write {{\"command\":\"show\"}}, \"check\" or \"save\" with a \"document\"");
                return Ok(json!({"error": "bad_command", "message": message}));
            }
        };
        match command {
            Command::Show { version: None, name } => Ok(shown(self.named(name).newest().await?)),
            Command::Show { version: Some(version), name } => Ok(shown(self.named(name).version(version).await?)),
            Command::Check { document, name } => {
                let checked = match name {
                    Name::Seller => checked(&document).map(drop),
                    Name::Plans => checked_plans(&document).map(drop),
                };
                Ok(checked.map_or_else(|invalid| errors(&invalid), |()| json!({"errors": []})))
            }
            Command::Save { document, version, by, past, name } => {
                let by = by.unwrap_or_else(|| "owner".to_owned()).chars().take(LONGEST_NAME).collect();
                let saved = match name {
                    Name::Seller => self.save(&document, (version, by, past)).await,
                    Name::Plans => self.save_plans(&document, (version, by)).await,
                };
                answer(saved, request_id)
            }
        }
    }

    fn named(&self, name: Name) -> &S {
        match name {
            Name::Seller => &self.store,
            Name::Plans => &self.plans,
        }
    }

    async fn save(&self, document: &Value, (seen, by, past): (Option<u64>, String, bool)) -> Result<Saved, NotSaved> {
        let document = checked(document)?;
        save(&self.store, Change { document, seen, by, past }, self.clock.now()).await
    }

    async fn save_plans(&self, document: &Value, seen_by: (Option<u64>, String)) -> Result<Saved, NotSaved> {
        stored::save(&self.plans, &checked_plans(document)?, seen_by, self.clock.now()).await
    }
}

fn answer(saved: Result<Saved, NotSaved>, request_id: &str) -> Result<Value, ServiceError> {
    match saved {
        Ok(Saved { version, changed }) => {
            tracing::info!(request_id, version, changed, "settings saved");
            Ok(json!({"version": version, "changed": changed}))
        }
        Err(NotSaved::Invalid(invalid)) => Ok(errors(&invalid)),
        Err(conflict @ NotSaved::Conflict(version)) => {
            Ok(json!({"error": "settings_changed", "message": conflict.to_string(), "version": version}))
        }
        Err(NotSaved::Store(error)) => Err(error),
    }
}

fn checked_plans(document: &Value) -> Result<PlansDocument, InvalidSettings> {
    let document = PlansDocument::from_json(&document.to_string())?;
    Catalogue::of(&document)?;
    Ok(document)
}

fn checked(document: &Value) -> Result<SettingsDocument, InvalidSettings> {
    let document = SettingsDocument::from_json(&document.to_string())?;
    Settings::of(&document)?;
    Ok(document)
}

fn shown(stored: Option<StoredSettings>) -> Value {
    let Some(stored) = stored else {
        return json!({"error": "not_found", "message": "no such version of the settings is saved"});
    };
    let document = serde_json::from_str(&stored.document).unwrap_or(Value::Null);
    json!({
        "version": stored.version, "saved_at": stored.saved_at, "saved_by": stored.saved_by, "document": document,
    })
}

/// Every mistake at once, each with its field, a code and the correction.
fn errors(invalid: &InvalidSettings) -> Value {
    let errors = invalid.0.iter().map(
        |problem| json!({"field": problem.field, "code": "invalid", "message": problem.fix, "value": problem.value}),
    );
    json!({"errors": errors.collect::<Vec<_>>()})
}

#[cfg(test)]
mod tests {
    use super::*;
    use comptoir::{clock::FixedClock, memory::InMemoryStore, testing::FRANCHISE_TOML};

    fn desk() -> Desk<InMemoryStore, FixedClock> {
        let (store, plans) = (InMemoryStore::default(), InMemoryStore::default());
        Desk { store, plans, clock: FixedClock("2026-11-21T10:00:00Z".parse().unwrap()) }
    }

    fn document(toml: &str) -> Value {
        serde_json::to_value(SettingsDocument::from_toml(toml).unwrap()).unwrap()
    }

    async fn answer(desk: &Desk<InMemoryStore, FixedClock>, command: Value) -> Value {
        desk.handle(command, "r").await.unwrap()
    }

    #[tokio::test]
    async fn what_is_saved_is_shown() {
        let desk = desk();
        assert_eq!(answer(&desk, json!({"command": "show"})).await["error"], "not_found");
        let first = json!({"command": "save", "document": document(FRANCHISE_TOML)});
        assert_eq!(answer(&desk, first.clone()).await, json!({"version": 1, "changed": true}));
        assert_eq!(answer(&desk, first).await, json!({"version": 1, "changed": false}));
        let moved = document(&FRANCHISE_TOML.replace("Montpellier", "Nantes"));
        let next = json!({"command": "save", "document": moved, "version": 1, "by": "claire"});
        assert_eq!(answer(&desk, next).await, json!({"version": 2, "changed": true}));
        let shown = answer(&desk, json!({"command": "show"})).await;
        assert_eq!((&shown["version"], &shown["saved_by"]), (&json!(2), &json!("claire")));
        assert_eq!(shown["document"]["seller"][0]["city"], "Nantes");
        assert_eq!(answer(&desk, json!({"command": "show", "version": 1})).await["saved_by"], "owner");
        let stale = document(&FRANCHISE_TOML.replace("Montpellier", "Brest"));
        let stale = answer(&desk, json!({"command": "save", "document": stale, "version": 1})).await;
        assert_eq!((&stale["error"], &stale["version"]), (&json!("settings_changed"), &json!(2)));
    }

    #[tokio::test]
    async fn every_mistake_is_named_and_nothing_is_saved() {
        let desk = desk();
        let mut wrong = document(FRANCHISE_TOML);
        wrong["vat"][0]["regime"] = json!("none");
        wrong["mail"]["origin"] = json!("x");
        for command in ["check", "save"] {
            let answered = answer(&desk, json!({"command": command, "document": wrong})).await;
            assert_eq!(answered["errors"][0]["field"], "mail.origin", "{answered}");
        }
        wrong["mail"].as_object_mut().unwrap().remove("origin");
        let answered = answer(&desk, json!({"command": "save", "document": wrong})).await;
        assert_eq!(answered["errors"][0]["field"], "vat.regime");
        assert_eq!(
            answer(&desk, json!({"command": "check", "document": document(FRANCHISE_TOML)})).await,
            json!({"errors": []})
        );
        for bad in
            [json!({"command": "delete"}), json!({}), json!({"command": "save"}), json!({"command": "show", "x": 1})]
        {
            assert_eq!(answer(&desk, bad.clone()).await["error"], "bad_command", "{bad}");
        }
        assert_eq!(answer(&desk, json!({"command": "show"})).await["error"], "not_found");
    }

    #[tokio::test]
    async fn plans_are_a_document_of_their_own() {
        let desk = desk();
        let plans = PlansDocument::from_toml(include_str!("../../../infra/plans.toml")).unwrap();
        let mut plans = serde_json::to_value(plans).unwrap();
        let command = |plans: &Value| json!({"command": "save", "name": "plans", "document": plans});
        assert_eq!(answer(&desk, command(&plans)).await, json!({"version": 1, "changed": true}));
        assert_eq!(answer(&desk, command(&plans)).await, json!({"version": 1, "changed": false}));
        let shown = answer(&desk, json!({"command": "show", "name": "plans"})).await;
        assert_eq!(shown["document"]["plan"][0]["key"], "solo");
        assert_eq!(answer(&desk, json!({"command": "show"})).await["error"], "not_found", "the seller's is another");
        plans["plan"][0]["prices"] = json!([]);
        let check = json!({"command": "check", "name": "plans", "document": plans});
        assert_eq!(answer(&desk, check).await["errors"][0]["field"], "plan[0].prices");
    }
}
