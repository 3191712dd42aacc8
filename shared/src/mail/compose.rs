//! From the values of an invoice's mail to its subject, HTML and text.
//!
//! The templates lie in `infra/templates/mail` and are built in: words in `words.toml`, looks in `invoice.mjml` and
//! `invoice.txt`. MJML becomes HTML once; values are put in per mail, escaped for HTML, and none of them can add a line
//! to the subject. When a mail is sent, and by whom, is not decided here.

use std::collections::{BTreeMap, HashMap};

use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, context, value::Serde};
use mrml::prelude::render::RenderOptions;

use super::InvoiceMail;

const WORDS: &str = include_str!("../../../infra/templates/mail/words.toml");
const MJML: &str = include_str!("../../../infra/templates/mail/invoice.mjml");
const TEXT: &str = include_str!("../../../infra/templates/mail/invoice.txt");

const HTML_NAME: &str = "invoice.html";
const TEXT_NAME: &str = "invoice.txt";
const LANGUAGES: [&str; 2] = ["fr", "en"];

/// A mail as its reader gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Composed {
    /// One line.
    pub subject: String,
    /// The HTML part.
    pub html: String,
    /// The text part.
    pub text: String,
}

/// A mail that could not be composed: the templates are at fault, not the customer.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    /// The wording file is malformed.
    #[error("infra/templates/mail/words.toml: {0}")]
    Words(#[from] toml::de::Error),
    /// A language, or one of its sentences, is missing.
    #[error("infra/templates/mail/words.toml lacks {0}; add it")]
    Lacks(String),
    /// The layout is not MJML.
    #[error("infra/templates/mail/invoice.mjml: {0}")]
    Mjml(String),
    /// A value is misspelt or a `{% %}` is not closed. The place is in the mail as generated.
    #[error("infra/templates/mail: {0:#}; compare the names between {{{{ }}}} with those listed in words.toml")]
    Template(#[from] minijinja::Error),
}

/// Composes mails with one set of templates.
#[derive(Debug)]
pub struct Composer {
    templates: Environment<'static>,
    words: BTreeMap<String, Vec<String>>,
}

impl Composer {
    /// Reads the built-in templates and tries them in every language, so that a mistake in them shows at start.
    ///
    /// # Errors
    /// Names the file and the mistake.
    pub fn new() -> Result<Self, ComposeError> {
        Self::with(WORDS, MJML, TEXT)
    }

    fn with(words: &str, mjml: &str, text: &str) -> Result<Self, ComposeError> {
        let mut templates = Environment::new();
        templates.set_undefined_behavior(UndefinedBehavior::Strict);
        templates.set_auto_escape_callback(|name| if name == HTML_NAME { AutoEscape::Html } else { AutoEscape::None });
        templates.add_template_owned(HTML_NAME, html(mjml)?)?;
        templates.add_template_owned(TEXT_NAME, text.to_owned())?;
        let mut names = BTreeMap::new();
        let words: BTreeMap<String, BTreeMap<String, String>> = toml::from_str(words)?;
        for (language, sentences) in words {
            for (name, sentence) in &sentences {
                templates.add_template_owned(format!("{language}.{name}"), sentence.clone())?;
            }
            names.insert(language, sentences.into_keys().collect());
        }
        let composer = Self { templates, words: names };
        for language in LANGUAGES {
            composer.invoice(&sample(language))?;
        }
        Ok(composer)
    }

    /// The mail that brings an invoice, in its own language.
    ///
    /// # Errors
    /// A template failed on this mail although it had worked on the sample.
    pub fn invoice(&self, mail: &InvoiceMail) -> Result<Composed, ComposeError> {
        let mail = on_one_line(mail);
        let language = if mail.language == "fr" { "fr" } else { "en" };
        let mail = Value::from(Serde(mail));
        let sentences = self.words.get(language).ok_or_else(|| ComposeError::Lacks(format!("[{language}]")))?;
        let mut words = BTreeMap::new();
        for name in sentences {
            words.insert(name.as_str(), self.templates.get_template(&format!("{language}.{name}"))?.render(&mail)?);
        }
        let subject = words.get("subject").map(|subject| one_line(subject));
        let subject = subject.ok_or_else(|| ComposeError::Lacks(format!("{language}.subject")))?;
        let values = context! { subject => subject.clone(), words, ..mail };
        Ok(Composed {
            html: self.templates.get_template(HTML_NAME)?.render(&values)?,
            text: self.templates.get_template(TEXT_NAME)?.render(&values)?,
            subject,
        })
    }
}

/// MJML as HTML that loads nothing from anywhere.
fn html(mjml: &str) -> Result<String, ComposeError> {
    let parsed = mrml::parse(mjml).map_err(|error| ComposeError::Mjml(error.to_string()))?;
    let options = RenderOptions { disable_comments: true, fonts: HashMap::new(), ..RenderOptions::default() };
    parsed.element.render(&options).map_err(|error| ComposeError::Mjml(error.to_string()))
}

fn on_one_line(mail: &InvoiceMail) -> InvoiceMail {
    InvoiceMail {
        language: mail.language.clone(),
        seller_name: one_line(&mail.seller_name),
        contact: one_line(&mail.contact),
        accent: one_line(&mail.accent),
        customer_name: one_line(&mail.customer_name),
        title: one_line(&mail.title),
        number: one_line(&mail.number),
        total: one_line(&mail.total),
        issued_on: one_line(&mail.issued_on),
        lines: mail.lines.iter().map(|(what, amount)| (one_line(what), one_line(amount))).collect(),
        more_lines: mail.more_lines,
    }
}

/// `text` without line breaks and other controls, nor signs that change the direction of what follows: a value may not
/// begin a header of its own, nor dress up as another.
fn one_line(text: &str) -> String {
    let unruly = |c: char| {
        c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.split(unruly).map(str::trim).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// A mail that shows every part of the templates.
fn sample(language: &str) -> InvoiceMail {
    InvoiceMail {
        language: language.to_owned(),
        seller_name: "Atelier Exemple".to_owned(),
        contact: "contact@example.org".to_owned(),
        accent: "#1f3a5f".to_owned(),
        customer_name: "Camille Spécimen".to_owned(),
        title: "Facture".to_owned(),
        number: "2026-11-0042".to_owned(),
        total: "49,00\u{a0}€".to_owned(),
        issued_on: "21\u{a0}novembre\u{a0}2026".to_owned(),
        lines: vec![("Formation en ligne".to_owned(), "49,00\u{a0}€".to_owned())],
        more_lines: 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn composed(change: impl Fn(&mut InvoiceMail)) -> Composed {
        let mut mail = sample("fr");
        change(&mut mail);
        Composer::new().unwrap().invoice(&mail).unwrap()
    }

    #[test]
    fn both_languages_say_what_is_attached() {
        let french = composed(|_| ());
        assert_eq!(french.subject, "Facture 2026-11-0042 – Atelier Exemple");
        assert!(french.text.starts_with("Bonjour Camille Spécimen,\n\nMerci de votre confiance."), "{}", french.text);
        assert!(french.text.contains("votre facture 2026-11-0042 du 21\u{a0}novembre\u{a0}2026"), "{}", french.text);
        assert!(french.text.contains("  Total – 49,00\u{a0}€\n"), "{}", french.text);
        assert!(french.html.contains("lang=\"fr\""), "{}", french.html);
        let english = composed(|mail| {
            mail.language = "en".into();
            mail.title = "Credit note".into();
            mail.total = "€49.00".into();
        });
        assert_eq!(english.subject, "Credit note 2026-11-0042 – Atelier Exemple");
        assert!(english.text.contains("Your credit note 2026-11-0042 of"), "{}", english.text);
        assert!(english.html.contains("Hello Camille Spécimen,") && english.html.contains("€49.00"));
    }

    #[test]
    fn an_unknown_language_reads_english() {
        assert!(composed(|mail| mail.language = "de".into()).text.starts_with("Hello "));
    }

    #[test]
    fn the_lines_left_out_are_counted() {
        assert!(composed(|_| ()).text.contains("et 2 autres lignes"));
        assert!(composed(|mail| mail.more_lines = 1).text.contains("et une autre ligne"));
        let none = composed(|mail| mail.more_lines = 0);
        assert!(!none.text.contains("autre") && !none.html.contains("autres lignes"), "{}", none.text);
    }

    #[test]
    fn names_are_text_in_html_and_as_they_are_in_text() {
        let mail = composed(|mail| {
            mail.customer_name = "<script>alert(1)</script> & {{ total }}".into();
            mail.lines = vec![("<img src=x onerror=y>".into(), "1\u{a0}€".into())];
            mail.contact = "\"><b>@example.org".into();
        });
        for raw in ["<script", "<img src=x", "<b>"] {
            assert!(!mail.html.contains(raw), "{raw}");
        }
        assert!(mail.html.contains("&lt;script&gt;") && mail.html.contains("{{ total }}"));
        assert!(mail.text.contains("Bonjour <script>alert(1)</script> & {{ total }},"));
    }

    #[test]
    fn no_value_begins_a_header_of_its_own() {
        let mail = composed(|mail| {
            mail.seller_name = "Atelier\r\nBcc: x@example.org\u{2028}\u{202e}Y\0".into();
            mail.number = "1\n\n2".into();
        });
        assert_eq!(mail.subject, "Facture 1 2 – Atelier Bcc: x@example.org Y");
    }

    #[test]
    fn the_html_is_small_and_loads_nothing() {
        let html = composed(|_| ()).html;
        assert!(html.len() < 30_000, "{}", html.len());
        let links: Vec<&str> = html.split("http").skip(1).filter_map(|rest| rest.split(['"', ' ']).next()).collect();
        assert!(links.iter().all(|link| link.contains("w3.org") || *link == "-equiv="), "{links:?}");
    }

    #[test]
    fn a_mistake_in_a_template_shows_at_start() {
        let error = |words: &str, mjml: &str, text: &str| Composer::with(words, mjml, text).unwrap_err().to_string();
        let wrong = error(WORDS, MJML, "{{ custommer_name }}");
        assert!(wrong.contains("undefined value") && wrong.contains("invoice.txt"), "{wrong}");
        let wrong = error(WORDS, &MJML.replace("words.intro", "words.inttro"), TEXT);
        assert!(wrong.contains("undefined value") && wrong.contains("invoice.html"), "{wrong}");
        let wrong = error(&WORDS.replace("issued_on", "issued"), MJML, TEXT);
        assert!(wrong.contains("undefined value") && wrong.contains("fr.intro"), "{wrong}");
        assert!(error(WORDS, "<mjml><mj-body>", TEXT).contains("invoice.mjml"));
        assert!(error("[fr", MJML, TEXT).contains("words.toml"));
        assert!(error(&WORDS.replace("[en]", "[de]"), MJML, TEXT).contains("lacks [en]"));
    }
}
