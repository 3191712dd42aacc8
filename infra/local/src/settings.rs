//! `cargo settings`: checks the owner's file, saves it as the settings of the running bundle, and shows what stands.
//!
//! The file is `infra/seller.toml`, or `infra/plans.toml` with `--plans`; the settings are what the functions read. Saving invokes the function that does it
//! on AWS.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail, ensure};
use clap::Subcommand;
use comptoir::seller::{Seller, Settings, SettingsDocument};
use comptoir_plans::catalogue::{Catalogue, PlansDocument};
use serde_json::{Value, json};

use crate::{client::BundleClient, paths};

/// The function.
pub const FUNCTION: &str = "settings";

/// What to do with the settings.
#[derive(Clone, Debug, Subcommand)]
pub enum Wish {
    /// Checks the file and says what to mend
    Check(File),
    /// Saves the file as the next version of the running bundle's settings
    Import {
        /// The file
        #[command(flatten)]
        file: File,
        /// Save only if this version stands, so that nobody else's change is lost
        #[arg(long)]
        version: Option<u64>,
        /// The change holds for sales of the past too that have no document yet
        #[arg(long)]
        past: bool,
    },
    /// Prints the settings of the running bundle as JSON, which `import --file` takes back
    Export {
        /// The plans, in place of the seller
        #[arg(long)]
        plans: bool,
        /// A version of the history; the newest if not given
        #[arg(long)]
        version: Option<u64>,
    },
    /// Says in which fields the file and the settings of the running bundle differ
    Diff(File),
    /// Prints what the function on AWS is invoked with, as the stack's output SaveSettings does
    Payload {
        /// The file
        #[command(flatten)]
        file: File,
        /// The change holds for sales of the past too that have no document yet
        #[arg(long)]
        past: bool,
    },
}

/// A file of settings.
#[derive(Clone, Debug, clap::Args)]
pub struct File {
    /// TOML, or JSON if its name ends in .json; infra/seller.toml, or infra/plans.toml, if not given
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// What is sold by subscription, in place of who sells
    #[arg(long)]
    plans: bool,
}

impl File {
    fn path(&self) -> PathBuf {
        self.file.clone().unwrap_or_else(|| self.document().file())
    }

    fn document(&self) -> Document {
        Document::of(self.plans)
    }
}

/// A document of the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Document {
    /// Who sells, and how.
    Seller,
    /// What is sold by subscription.
    Plans,
}

impl Document {
    fn of(plans: bool) -> Self {
        if plans { Self::Plans } else { Self::Seller }
    }

    /// Its name in commands to the function.
    pub fn name(self) -> &'static str {
        match self {
            Self::Seller => "seller",
            Self::Plans => "plans",
        }
    }

    /// Its file in the project.
    pub fn file(self) -> PathBuf {
        match self {
            Self::Seller => paths::seller(),
            Self::Plans => paths::plans(),
        }
    }

    /// The command that shows how it differs from its file.
    pub fn diff(self) -> &'static str {
        match self {
            Self::Seller => "cargo settings diff",
            Self::Plans => "cargo settings diff --plans",
        }
    }

    /// Reads and checks a file.
    ///
    /// # Errors
    /// Every problem at once, each with its field, its value and the correction.
    pub fn read(self, file: &Path) -> anyhow::Result<Value> {
        match self {
            Self::Seller => Ok(serde_json::to_value(document(file)?)?),
            Self::Plans => {
                let (text, json) = text(file)?;
                let read = if json { PlansDocument::from_json(&text) } else { PlansDocument::from_toml(&text) };
                let read = read.and_then(|plans| Catalogue::of(&plans).map(|_| plans));
                Ok(serde_json::to_value(read.map_err(|problems| anyhow::anyhow!("{}: {problems}", file.display()))?)?)
            }
        }
    }

    /// The command that saves a file, whatever stands; for sales of the past that have no document, too, if `past`.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn command(self, file: &Path, past: bool) -> anyhow::Result<Value> {
        Ok(json!({"command": "save", "name": self.name(), "document": self.read(file)?, "past": past}))
    }
}

fn text(file: &Path) -> anyhow::Result<(String, bool)> {
    let text =
        fs::read_to_string(file).with_context(|| format!("{} cannot be read; restore it from git", file.display()))?;
    Ok((text, file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"))))
}

/// Carries out a wish.
///
/// # Errors
/// One sentence that says what to do.
pub async fn run(wish: &Wish, client: impl FnOnce() -> anyhow::Result<BundleClient>) -> anyhow::Result<()> {
    match wish {
        Wish::Check(file) => {
            file.document().read(&file.path())?;
            crate::print(format!("{} can be saved.", file.path().display()));
        }
        Wish::Import { file, version, past } => {
            let mut command = file.document().command(&file.path(), *past)?;
            if let (Some(version), Some(command)) = (version, command.as_object_mut()) {
                command.insert("version".to_owned(), json!(version));
            }
            let (version, changed) = saved(&client()?.invoke(FUNCTION, &command).await?)?;
            crate::print(if changed {
                format!("Saved as version {version}.")
            } else {
                format!("Version {version} stands and says the same.")
            });
        }
        Wish::Export { plans, version } => {
            let document = shown(&client()?, Document::of(*plans), *version).await?;
            crate::print(serde_json::to_string_pretty(&document)?);
        }
        Wish::Diff(file) => {
            let (of, file) = (file.document(), file.document().read(&file.path())?);
            let stored = shown(&client()?, of, None).await?;
            let mut differences = Vec::new();
            differ("", &stored, &file, &mut differences);
            ensure!(differences.is_empty(), "the file differs from the settings:\n  {}", differences.join("\n  "));
            crate::print("The file and the settings say the same.");
        }
        Wish::Payload { file, past } => {
            crate::print(file.document().command(&file.path(), *past)?.to_string());
        }
    }
    Ok(())
}

/// Reads and checks a file.
///
/// # Errors
/// Every problem at once, each with its field, its value and the correction.
pub fn document(file: &Path) -> anyhow::Result<SettingsDocument> {
    let (text, json) = text(file)?;
    let read = if json { SettingsDocument::from_json(&text) } else { SettingsDocument::from_toml(&text) };
    let document = read.and_then(|document| Settings::of(&document).map(|_| document.whole()));
    document.map_err(|problems| anyhow::anyhow!("{}: {problems}", file.display()))
}

/// The newest facts of the settings of a bundle.
///
/// # Errors
/// When none are saved, or the bundle does not answer.
pub async fn seller(client: &BundleClient) -> anyhow::Result<Seller> {
    let document = shown(client, Document::Seller, None).await?;
    let document = SettingsDocument::stored(&document.to_string()).and_then(|document| Settings::of(&document));
    let settings = document.map_err(|problems| anyhow::anyhow!("{problems}"))?;
    Ok(settings.of_day(settings.day_of(client.now().await?)))
}

/// The version that was saved, and whether it differs from the one before.
///
/// # Errors
/// Why it was not saved.
pub fn saved(answer: &Value) -> anyhow::Result<(u64, bool)> {
    if let Some(version) = answer.get("version").and_then(Value::as_u64)
        && answer.get("error").is_none()
    {
        return Ok((version, answer.get("changed").and_then(Value::as_bool).unwrap_or_default()));
    }
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let errors = answer.get("errors").and_then(Value::as_array).into_iter().flatten();
    let errors: Vec<String> = errors.map(|one| format!("{}: {}", text(one, "field"), text(one, "message"))).collect();
    match errors.is_empty() {
        true => bail!("the settings were not saved: {}", text(answer, "message")),
        false => bail!("the settings were not saved:\n  {}", errors.join("\n  ")),
    }
}

async fn shown(client: &BundleClient, document: Document, version: Option<u64>) -> anyhow::Result<Value> {
    let command = json!({"command": "show", "name": document.name(), "version": version});
    let answer = client.invoke(FUNCTION, &command).await?;
    match answer.get("document") {
        Some(document) => Ok(document.clone()),
        None => {
            let message = answer.get("message").and_then(Value::as_str).unwrap_or_default();
            bail!("{message}; save the file with `cargo settings import`")
        }
    }
}

/// The fields in which two documents differ, as `vat[1].rate: "20" in the settings, "10" in the file`.
fn differ(field: &str, stored: &Value, file: &Value, differences: &mut Vec<String>) {
    match (stored, file) {
        (Value::Object(one), Value::Object(two)) => {
            let names: std::collections::BTreeSet<&String> = one.keys().chain(two.keys()).collect();
            for name in names {
                let below = if field.is_empty() { name.clone() } else { format!("{field}.{name}") };
                let of = |map: &serde_json::Map<String, Value>| map.get(name).cloned().unwrap_or_default();
                differ(&below, &of(one), &of(two), differences);
            }
        }
        (Value::Array(one), Value::Array(two)) => {
            for place in 0..one.len().max(two.len()) {
                let of = |list: &[Value]| list.get(place).cloned().unwrap_or_default();
                differ(&format!("{field}[{place}]"), &of(one), &of(two), differences);
            }
        }
        (one, two) if one != two => {
            let said = |value: &Value| if value.is_null() { "nothing".to_owned() } else { value.to_string() };
            differences.push(format!("{field}: {} in the settings, {} in the file", said(one), said(two)));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_file_can_be_saved_and_differs_from_nothing() {
        let shipped = serde_json::to_value(document(&paths::seller()).unwrap()).unwrap();
        let mut differences = Vec::new();
        differ("", &shipped, &shipped, &mut differences);
        assert_eq!(differences, Vec::<String>::new());
        let mut other = shipped.clone();
        other["vat"][0]["regime"] = json!("standard");
        other["mail"]["team"] = json!("equipe@example.org");
        differ("", &shipped, &other, &mut differences);
        assert_eq!(
            differences,
            [
                "mail.team: nothing in the settings, \"equipe@example.org\" in the file",
                "vat[0].regime: \"franchise\" in the settings, \"standard\" in the file",
            ]
        );
    }

    #[test]
    fn what_was_not_saved_says_why() {
        let refused = json!({"errors": [{"field": "vat", "message": "leave it"}]});
        assert_eq!(saved(&refused).unwrap_err().to_string(), "the settings were not saved:\n  vat: leave it");
        let conflict = json!({"error": "settings_changed", "version": 3, "message": "version 3 was saved"});
        assert!(saved(&conflict).unwrap_err().to_string().ends_with("version 3 was saved"));
        assert_eq!(saved(&json!({"version": 2, "changed": true})).unwrap(), (2, true));
    }
}
