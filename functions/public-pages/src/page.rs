//! Pages: HTML that loads nothing, runs nothing, and may stand in no frame.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use comptoir::{seller::Seller, text::clean::clean};
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, context, value::Serde};
use serde::Serialize;
use sha2::{Digest, Sha256};

const HTML: &str = include_str!("../../../infra/templates/pages/page.html");
const STYLE: &str = include_str!("../../../infra/templates/pages/style.css");
const WORDS: &str = include_str!("../../../infra/templates/pages/words.toml");

/// What a page shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum View {
    /// The form.
    Form,
    /// What was typed, to be checked before it is declared.
    Check,
    /// That it is declared.
    Done,
    /// Whether the contract is to go on.
    Revoke,
    /// That it goes on.
    Revoked,
    /// A link that is none of ours, or too old.
    Unknown,
    /// Too many declarations were taken today.
    TooMany,
    /// It does not work at the moment.
    Failed,
}

/// The values of a page.
#[derive(Debug, Clone, Serialize)]
pub struct Shown {
    /// What it shows.
    pub view: View,
    /// Whether a contract is withdrawn from; else it is to end.
    pub withdrawal: bool,
    /// Whether it is in French.
    pub french: bool,
    /// The fields of the form by name.
    pub fields: BTreeMap<&'static str, String>,
    /// What is wrong with which field: name and code.
    pub wrong: Vec<(&'static str, &'static str)>,
    /// When it was declared, as it is read.
    pub at: String,
    /// The declaration's id and secret, on the page that revokes it.
    pub revoke: Option<(String, String)>,
}

impl Shown {
    /// A page of this view without values.
    pub fn new(view: View, withdrawal: bool, french: bool) -> Self {
        Self { view, withdrawal, french, fields: BTreeMap::new(), wrong: Vec::new(), at: String::new(), revoke: None }
    }
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Page {
    /// The status.
    pub status_code: u16,
    /// What browsers are allowed to do with it.
    pub headers: BTreeMap<&'static str, String>,
    /// The HTML.
    pub body: String,
}

/// A template that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BadTemplate {
    /// The wording file is malformed.
    #[error("infra/templates/pages/words.toml: {0}")]
    Words(#[from] toml::de::Error),
    /// A placeholder is misspelt or a `{% %}` is not closed.
    #[error("infra/templates/pages: {0:#}")]
    Template(#[from] minijinja::Error),
}

type Words = BTreeMap<String, BTreeMap<String, String>>;

/// Writes pages with one set of templates.
#[derive(Debug)]
pub struct Pages {
    templates: Environment<'static>,
    words: Words,
}

impl Pages {
    /// Reads the built-in templates.
    ///
    /// # Errors
    /// Names the file and the error.
    pub fn new() -> Result<Self, BadTemplate> {
        let mut templates = Environment::new();
        templates.set_undefined_behavior(UndefinedBehavior::Strict);
        templates.set_auto_escape_callback(
            |name| {
                if name.ends_with(".html") { AutoEscape::Html } else { AutoEscape::None }
            },
        );
        templates.add_template("page.html", HTML)?;
        Ok(Self { templates, words: toml::from_str(WORDS)? })
    }

    /// A page of the seller's.
    ///
    /// # Errors
    /// A template lacks a value.
    pub fn page(&self, status_code: u16, shown: &Shown, seller: Option<&Seller>) -> Result<Page, BadTemplate> {
        let accent = seller.map_or("#1f3a5f", |seller| seller.look.accent.as_str());
        let style = STYLE.replace("ACCENT", accent);
        let words = self.words.get(if shown.french { "fr" } else { "en" });
        let line = |text: &str| clean(text).into_owned();
        let values = context! {
            style => Value::from_safe_string(style.clone()),
            words => Serde(words),
            seller_name => seller.map(|seller| line(&seller.party.name)).unwrap_or_default(),
            contact => seller.map(|seller| line(&seller.party.email)).unwrap_or_default(),
            address => seller.map(|seller| line(&address(seller))).unwrap_or_default(),
            ..Value::from(Serde(shown))
        };
        let body = self.templates.get_template("page.html")?.render(values)?;
        let hash = STANDARD.encode(Sha256::digest(style));
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{hash}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        );
        let headers = [
            ("content-type", "text/html; charset=utf-8".to_owned()),
            ("cache-control", "no-store".to_owned()),
            ("content-security-policy", policy),
            ("referrer-policy", "no-referrer".to_owned()),
            ("x-content-type-options", "nosniff".to_owned()),
            ("x-robots-tag", "noindex".to_owned()),
            ("strict-transport-security", "max-age=31536000".to_owned()),
        ];
        Ok(Page { status_code, headers: BTreeMap::from(headers), body })
    }
}

/// The seller's postal address on one line.
fn address(seller: &Seller) -> String {
    let party = &seller.party;
    let town = format!("{} {}", party.postal_code, party.city);
    let parts = [Some(party.name.as_str()), Some(&party.line1), party.line2.as_deref(), Some(town.trim())];
    parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use comptoir::testing::FRANCHISE_TOML;

    use super::*;

    const VIEWS: [View; 8] =
        [View::Form, View::Check, View::Done, View::Revoke, View::Revoked, View::Unknown, View::TooMany, View::Failed];

    fn shown(view: View, withdrawal: bool, french: bool) -> Shown {
        let evil = "<b onclick=alert(1)>{{ seller_name }}\"'".to_owned();
        let fields = ["name", "email", "reference", "wished", "reason"].map(|field| (field, evil.clone()));
        Shown {
            fields: BTreeMap::from(fields),
            wrong: vec![
                ("name", "no_name"),
                ("email", "no_address"),
                ("wished", "no_day"),
                ("wished", "day_out_of_range"),
                ("reason", "too_long"),
            ],
            revoke: Some(("0123".to_owned(), "abc".to_owned())),
            ..Shown::new(view, withdrawal, french)
        }
    }

    #[test]
    fn every_page_is_written_in_both_languages_and_no_value_becomes_markup() {
        let (pages, seller) = (Pages::new().unwrap(), Seller::from_toml(FRANCHISE_TOML).unwrap());
        for view in VIEWS {
            for (withdrawal, french) in [(false, false), (false, true), (true, false), (true, true)] {
                for seller in [None, Some(&seller)] {
                    let page = pages.page(200, &shown(view, withdrawal, french), seller).unwrap();
                    assert!(!page.body.contains("<b onclick") && !page.body.contains("alert(1)>{"), "{view:?}");
                    assert!(!page.body.contains("http") && !page.body.contains("<script"), "{view:?} loads nothing");
                    assert!(page.body.contains(if french { "lang=\"fr\"" } else { "lang=\"en\"" }));
                }
            }
        }
    }

    #[test]
    fn the_buttons_say_what_the_law_wants_them_to_say() {
        let pages = Pages::new().unwrap();
        let body = |view, withdrawal| pages.page(200, &shown(view, withdrawal, true), None).unwrap().body;
        assert!(body(View::Form, false).contains("Résilier votre contrat"), "C. consom. D215-1");
        assert!(body(View::Check, false).contains("Notifier la résiliation"), "C. consom. D215-3");
        assert!(body(View::Form, true).contains("Renoncer au contrat ici"), "C. consom. D221-5");
        assert!(body(View::Check, true).contains("Confirmer la rétractation"), "C. consom. D221-5");
    }

    #[test]
    fn a_page_allows_its_own_style_and_nothing_else() {
        let page = Pages::new().unwrap().page(200, &shown(View::Form, false, true), None).unwrap();
        let style = page.body.split("<style>").nth(1).unwrap().split("</style>").next().unwrap();
        let policy = &page.headers["content-security-policy"];
        assert!(policy.contains(&format!("'sha256-{}'", STANDARD.encode(Sha256::digest(style)))), "{policy}");
        assert!(!policy.contains("unsafe"));
    }
}
