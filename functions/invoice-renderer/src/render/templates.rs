//! The template files: built in, or read from a folder that an owner is editing.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use comptoir::{archive::sha256, invoice::print::Words};

use super::error::InvalidTemplates;

/// The words of invoices, beside the template that lays them out.
const WORDS: &str = "words.toml";

/// Files by name, `fonts/Inter-Regular.otf`. Mail templates are not among them.
#[derive(Debug, Clone)]
pub struct Templates {
    files: BTreeMap<String, Cow<'static, [u8]>>,
}

const EMBEDDED: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/templates.rs"));

impl Templates {
    /// The content of `infra/templates` when this binary was built.
    pub fn embedded() -> Self {
        Self { files: EMBEDDED.iter().map(|(name, bytes)| ((*name).to_owned(), Cow::Borrowed(*bytes))).collect() }
    }

    /// The current content of `folder` and its `fonts`.
    ///
    /// # Errors
    /// The folder, or a file in it, cannot be read.
    pub fn read(folder: &Path) -> Result<Self, InvalidTemplates> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |error| InvalidTemplates::Io { path, error }
        };
        let mut files = BTreeMap::new();
        for prefix in ["", "fonts/"] {
            let folder = folder.join(prefix);
            for entry in fs::read_dir(&folder).map_err(failed(&folder))? {
                let path = entry.map_err(failed(&folder))?.path();
                if let (true, Some(name)) = (path.is_file(), path.file_name()) {
                    let bytes = fs::read(&path).map_err(failed(&path))?;
                    files.insert(format!("{prefix}{}", name.to_string_lossy()), Cow::Owned(bytes));
                }
            }
        }
        Ok(Self { files })
    }

    /// The words among the files.
    ///
    /// # Errors
    /// They are missing, not text, or wrong; with the location and the fix.
    pub fn words(&self) -> Result<Words, InvalidTemplates> {
        self.require(WORDS)?;
        let bytes = self.files.get(WORDS).map(Cow::as_ref).unwrap_or_default();
        let text = std::str::from_utf8(bytes).map_err(|_| InvalidTemplates::NotText(WORDS.to_owned()))?;
        Ok(Words::from_toml(text)?)
    }

    /// Reports a missing file.
    pub(super) fn require(&self, name: &str) -> Result<(), InvalidTemplates> {
        if self.files.contains_key(name) { Ok(()) } else { Err(InvalidTemplates::missing(name, &self.names())) }
    }

    /// The names of all files.
    pub(super) fn names(&self) -> BTreeSet<String> {
        self.files.keys().cloned().collect()
    }

    /// The hash of all files but the fonts, which count by their names: they are a hundred times as large as the rest.
    pub(super) fn hash(&self) -> String {
        let mut all = Vec::new();
        for (name, bytes) in &self.files {
            all.extend_from_slice(name.as_bytes());
            if !name.starts_with("fonts/") {
                all.extend_from_slice(bytes);
            }
        }
        sha256(&all)
    }

    pub(super) fn into_files(self) -> impl Iterator<Item = (String, Cow<'static, [u8]>)> {
        self.files.into_iter()
    }

    #[cfg(test)]
    pub(super) fn with(mut self, name: &str, text: &str) -> Self {
        self.files.insert(name.to_owned(), Cow::Owned(text.as_bytes().to_vec()));
        self
    }
}
