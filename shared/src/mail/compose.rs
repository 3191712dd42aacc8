//! Composes subject, HTML and text of a mail from its values.
//!
//! The templates in `infra/templates/mail` are compiled in, three files for each subject: wording in `invoice.toml`,
//! layout in `invoice.mjml` and `invoice.txt`. MJML is converted to HTML once; values are inserted per mail, escaped
//! for HTML, none can add a line to the subject, and what strangers wrote makes no link. When and by whom a mail is sent is not
//! decided here.

use std::collections::{BTreeMap, HashMap};

use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, context, value::Serde};
use mrml::prelude::render::RenderOptions;
use serde::Serialize;

use super::{
    Bill, Consequence, Content, DeclarationMail, DeclarationOutcome, DunningMail, InvoiceMail, Mail, NoticeEvent,
    NoticeMail, RecoveryMail, RenewalMail, TrialMail,
    outbox::{AttachedFile, OutgoingEmail},
};
use crate::{
    mail::{DigestLine, DigestMail},
    text::{
        clean::clean,
        unlinked::{greeted, unlinked},
    },
};

const LANGUAGES: [&str; 2] = ["fr", "en"];

/// The three template files of one kind of mail.
#[derive(Clone, Copy)]
struct Source<'a> {
    /// `invoice`.
    name: &'static str,
    words: &'a str,
    mjml: &'a str,
    text: &'a str,
}

macro_rules! source {
    ($name:literal) => {
        Source {
            name: $name,
            words: include_str!(concat!("../../../infra/templates/mail/", $name, ".toml")),
            mjml: include_str!(concat!("../../../infra/templates/mail/", $name, ".mjml")),
            text: include_str!(concat!("../../../infra/templates/mail/", $name, ".txt")),
        }
    };
}

const INVOICE: Source<'static> = source!("invoice");
const NOTICE: Source<'static> = source!("notice");
const DIGEST: Source<'static> = source!("digest");
const RECOVERY: Source<'static> = source!("recovery");
const DECLARATION: Source<'static> = source!("declaration");
const DUNNING: Source<'static> = source!("dunning");
const RENEWAL: Source<'static> = source!("renewal");
const TRIAL: Source<'static> = source!("trial");

/// A mail as the recipient gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Composed {
    /// One line.
    pub subject: String,
    /// The HTML part.
    pub html: String,
    /// The text part.
    pub text: String,
}

impl Composed {
    /// The mail to send: these words, with the envelope of `mail`, to the recipient `to`.
    pub fn letter(self, mail: &Mail, to: String, enclosure: Option<AttachedFile>) -> OutgoingEmail {
        OutgoingEmail {
            id: mail.id.clone(),
            from: mail.sender(),
            to,
            reply_to: mail.answers(),
            subject: self.subject,
            html: self.html,
            text: self.text,
            enclosure,
        }
    }
}

/// A mail that could not be composed: the cause is the templates, not the customer.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    /// The wording file is malformed.
    #[error("infra/templates/mail/{0}.toml: {1}")]
    Words(&'static str, toml::de::Error),
    /// A language, or one of its strings, is missing.
    #[error("infra/templates/mail/{0}.toml lacks {1}; add it")]
    Lacks(&'static str, String),
    /// The layout is not MJML.
    #[error("infra/templates/mail/{0}.mjml: {1}")]
    Mjml(&'static str, String),
    /// A placeholder is misspelt or a `{% %}` is not closed. The position is in the generated mail.
    #[error(
        "infra/templates/mail: {0:#}; compare the names between {{{{ }}}} with those listed in the .toml beside it"
    )]
    Template(#[from] minijinja::Error),
}

/// Composes mails with one set of templates.
#[derive(Debug)]
pub struct Composer {
    templates: Environment<'static>,
    /// The strings by source and language, `invoice.fr`.
    words: BTreeMap<String, Vec<String>>,
}

impl Composer {
    /// Reads the built-in templates and renders them in every language, so that an error in them shows at start.
    ///
    /// # Errors
    /// Names the file and the error.
    pub fn new() -> Result<Self, ComposeError> {
        Self::with(INVOICE)
    }

    /// The same for mails that deliver documents alone: each other layout is converted at start, which takes longer than the start
    /// itself.
    ///
    /// # Errors
    /// Names the file and the error.
    pub fn of_documents() -> Result<Self, ComposeError> {
        Self::reading(INVOICE)
    }

    fn reading(invoice: Source<'_>) -> Result<Self, ComposeError> {
        let mut templates = Environment::new();
        templates.set_undefined_behavior(UndefinedBehavior::Strict);
        templates.set_auto_escape_callback(
            |name| {
                if name.ends_with(".html") { AutoEscape::Html } else { AutoEscape::None }
            },
        );
        let mut composer = Self { templates, words: BTreeMap::new() };
        composer.read(invoice)?;
        for language in LANGUAGES {
            composer.invoice(&sample(language))?;
        }
        Ok(composer)
    }

    fn with(invoice: Source<'_>) -> Result<Self, ComposeError> {
        let mut composer = Self::reading(invoice)?;
        for source in [NOTICE, DIGEST, RECOVERY, DECLARATION, DUNNING, TRIAL, RENEWAL] {
            composer.read(source)?;
        }
        for language in LANGUAGES {
            for event in NoticeEvent::ALL {
                composer.notice(&NoticeMail::sample(language, event))?;
            }
            composer.digest(&DigestMail::sample(language))?;
            for confirm in [false, true] {
                composer.recovery(&RecoveryMail::sample(language, confirm))?;
                composer.trial(&TrialMail::sample(language, confirm))?;
            }
            for consequence in Consequence::ALL {
                composer.dunning(&DunningMail::sample(language, consequence))?;
            }
            composer.renewal(&RenewalMail::sample(language))?;
            for outcome in DeclarationOutcome::ALL {
                composer.declaration(&DeclarationMail::sample(language, outcome))?;
            }
        }
        Ok(composer)
    }

    fn read(&mut self, source: Source<'_>) -> Result<(), ComposeError> {
        let name = source.name;
        self.templates.add_template_owned(format!("{name}.html"), html(name, source.mjml)?)?;
        self.templates.add_template_owned(format!("{name}.txt"), source.text.to_owned())?;
        let words: BTreeMap<String, BTreeMap<String, String>> =
            toml::from_str(source.words).map_err(|error| ComposeError::Words(name, error))?;
        for (language, sentences) in words {
            for (word, sentence) in &sentences {
                self.templates.add_template_owned(format!("{name}.{language}.{word}"), sentence.clone())?;
            }
            self.words.insert(format!("{name}.{language}"), sentences.into_keys().collect());
        }
        Ok(())
    }

    /// A mail in its own language.
    ///
    /// # Errors
    /// A template failed on this mail although it had rendered the samples.
    pub fn compose(&self, content: &Content) -> Result<Composed, ComposeError> {
        match content {
            Content::Invoice(mail) => self.invoice(mail),
            Content::Notice(mail) => self.notice(mail),
            Content::Digest(mail) => self.digest(mail),
            Content::Recovery(mail) => self.recovery(mail),
            Content::Declaration(mail) => self.declaration(mail),
            Content::Dunning(mail) => self.dunning(mail),
            Content::Trial(mail) => self.trial(mail),
            Content::Renewal(mail) => self.renewal(mail),
        }
    }

    fn invoice(&self, mail: &InvoiceMail) -> Result<Composed, ComposeError> {
        self.composed(INVOICE.name, &mail.language, on_one_line(mail))
    }

    fn notice(&self, mail: &NoticeMail) -> Result<Composed, ComposeError> {
        let changes = mail.changes.iter().map(|field| one_line(field)).collect();
        let clean = NoticeMail {
            seller_name: one_line(&mail.seller_name),
            contact: one_line(&mail.contact),
            accent: one_line(&mail.accent),
            name: greeted(&mail.name),
            profile: greeted(&mail.profile),
            changes,
            ..mail.clone()
        };
        self.composed(NOTICE.name, &mail.language, clean)
    }

    fn recovery(&self, mail: &RecoveryMail) -> Result<Composed, ComposeError> {
        let clean = RecoveryMail {
            seller_name: one_line(&mail.seller_name),
            contact: one_line(&mail.contact),
            accent: one_line(&mail.accent),
            name: greeted(&mail.name),
            amount: one_line(&mail.amount),
            link: one_line(&mail.link),
            ..mail.clone()
        };
        self.composed(RECOVERY.name, &mail.language, clean)
    }

    fn declaration(&self, mail: &DeclarationMail) -> Result<Composed, ComposeError> {
        let clean = DeclarationMail {
            seller_name: one_line(&mail.seller_name),
            contact: one_line(&mail.contact),
            accent: one_line(&mail.accent),
            name: greeted(&mail.name),
            declared_by: mail.declared_by.as_deref().map(greeted),
            reference: mail.reference.as_deref().map(greeted),
            link: mail.link.as_deref().map(one_line),
            ..mail.clone()
        };
        self.composed(DECLARATION.name, &mail.language, clean)
    }

    fn dunning(&self, mail: &DunningMail) -> Result<Composed, ComposeError> {
        let bill =
            |bill: &Bill| Bill { day: one_line(&bill.day), amount: one_line(&bill.amount), link: one_line(&bill.link) };
        let clean = DunningMail {
            seller_name: one_line(&mail.seller_name),
            contact: one_line(&mail.contact),
            accent: one_line(&mail.accent),
            name: greeted(&mail.name),
            bills: mail.bills.iter().map(bill).collect(),
            total: mail.total.as_deref().map(one_line),
            ..mail.clone()
        };
        self.composed(DUNNING.name, &mail.language, clean)
    }

    fn trial(&self, mail: &TrialMail) -> Result<Composed, ComposeError> {
        let clean = TrialMail {
            seller_name: one_line(&mail.seller_name),
            contact: one_line(&mail.contact),
            accent: one_line(&mail.accent),
            name: greeted(&mail.name),
            plan: unlinked(&one_line(&mail.plan)),
            ends_on: one_line(&mail.ends_on),
            price: mail.price.as_deref().map(one_line),
            site: one_line(&mail.site),
            ..mail.clone()
        };
        self.composed(TRIAL.name, &mail.language, clean)
    }

    fn renewal(&self, mail: &RenewalMail) -> Result<Composed, ComposeError> {
        let clean = RenewalMail {
            seller_name: one_line(&mail.seller_name),
            contact: one_line(&mail.contact),
            accent: one_line(&mail.accent),
            name: greeted(&mail.name),
            plan: unlinked(&one_line(&mail.plan)),
            link: one_line(&mail.link),
            ..mail.clone()
        };
        self.composed(RENEWAL.name, &mail.language, clean)
    }

    /// A digest for the team, as a mail and, as its text alone, for the team room.
    ///
    /// # Errors
    /// As [`Composer::compose`].
    pub fn digest(&self, mail: &DigestMail) -> Result<Composed, ComposeError> {
        let clean = |line: &DigestLine| DigestLine {
            event: line.event,
            name: greeted(&line.name),
            profile: greeted(&line.profile),
            changes: line.changes.iter().map(|field| one_line(field)).collect(),
        };
        let lines: Vec<DigestLine> = mail.lines.iter().map(clean).collect();
        let values = context! { language => mail.language.clone(), accent => one_line(&mail.accent),
        seller_name => one_line(&mail.seller_name), lines => Serde(lines) };
        self.composed(DIGEST.name, &mail.language, values)
    }

    fn composed(&self, source: &'static str, language: &str, mail: impl Serialize) -> Result<Composed, ComposeError> {
        let language = if language == "fr" { "fr" } else { "en" };
        let mail = Value::from(Serde(mail));
        let spoken = format!("{source}.{language}");
        let sentences = self.words.get(&spoken).ok_or_else(|| ComposeError::Lacks(source, format!("[{language}]")))?;
        let mut words = BTreeMap::new();
        for name in sentences {
            words.insert(name.as_str(), self.templates.get_template(&format!("{spoken}.{name}"))?.render(&mail)?);
        }
        let subject = words.get("subject").map(|subject| one_line(subject));
        let subject = subject.ok_or_else(|| ComposeError::Lacks(source, format!("{language}.subject")))?;
        let values = context! { subject => subject.clone(), words, ..mail };
        Ok(Composed {
            html: self.templates.get_template(&format!("{source}.html"))?.render(&values)?,
            text: self.templates.get_template(&format!("{source}.txt"))?.render(&values)?,
            subject,
        })
    }
}

/// Converts MJML to HTML that loads nothing from the network.
fn html(name: &'static str, mjml: &str) -> Result<String, ComposeError> {
    let parsed = mrml::parse(mjml).map_err(|error| ComposeError::Mjml(name, error.to_string()))?;
    let options = RenderOptions { disable_comments: true, fonts: HashMap::new(), ..RenderOptions::default() };
    parsed.element.render(&options).map_err(|error| ComposeError::Mjml(name, error.to_string()))
}

fn on_one_line(mail: &InvoiceMail) -> InvoiceMail {
    InvoiceMail {
        language: mail.language.clone(),
        seller_name: one_line(&mail.seller_name),
        contact: one_line(&mail.contact),
        accent: one_line(&mail.accent),
        customer_name: greeted(&mail.customer_name),
        title: one_line(&mail.title),
        number: one_line(&mail.number),
        total: one_line(&mail.total),
        issued_on: one_line(&mail.issued_on),
        lines: mail.lines.iter().map(|(what, amount)| (unlinked(&one_line(what)), one_line(amount))).collect(),
        more_lines: mail.more_lines,
    }
}

/// `text` on one line, without hidden characters: a value must not inject a header, nor imitate another one.
fn one_line(text: &str) -> String {
    clean(text).into_owned()
}

/// A mail that uses every part of the templates.
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
mod hostile;

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
    fn a_notice_says_to_whom_and_what() {
        let notice = |language, event| Composer::new().unwrap().notice(&NoticeMail::sample(language, event)).unwrap();
        let member = notice("fr", NoticeEvent::Changed);
        assert_eq!(member.subject, "Votre profil a été modifié – Atelier Exemple");
        assert!(member.text.contains("  - téléphone\n") && member.html.contains("téléphone"), "{}", member.text);
        assert!(member.text.contains("Ce n’était pas vous\u{a0}? Écrivez-nous sans attendre à contact@example.org."));
        let gone = notice("en", NoticeEvent::Deleted);
        assert!(gone.text.contains("Your invoices stay archived"), "{}", gone.text);
    }

    #[test]
    fn an_unpaid_invoice_has_one_link_that_no_value_can_leave() {
        let mut mail = RecoveryMail::sample("en", false);
        mail.link = "https://invoice.stripe.com/i/1?a=1&b=\"><script>".to_owned();
        mail.name = "<b>www.evil.example</b>".to_owned();
        let composed = Composer::new().unwrap().recovery(&mail).unwrap();
        assert!(!composed.html.contains("<script>") && !composed.html.contains("<b>"), "{}", composed.html);
        assert_eq!(composed.html.matches("https:&#x2f;&#x2f;invoice.stripe.com").count(), 1, "{}", composed.html);
        assert!(!composed.text.contains("www.evil.example"), "{}", composed.text);
        let confirm = Composer::new().unwrap().recovery(&RecoveryMail::sample("fr", true)).unwrap();
        assert_eq!(confirm.subject, "Votre banque vous demande de confirmer un paiement – Atelier Exemple");
        let link = "https://invoice.stripe.com/i/acct_1/live_1";
        assert!(
            confirm.text.contains(link) && confirm.html.contains(&format!("href=\"{}\"", link.replace('/', "&#x2f;")))
        );
    }

    #[test]
    fn a_digest_has_a_line_for_each_profile() {
        let mut digest = DigestMail::sample("fr");
        let composed = |digest: &DigestMail| Composer::new().unwrap().digest(digest).unwrap();
        let many = composed(&digest);
        assert_eq!(many.subject, "3 profils ont changé – Atelier Exemple");
        assert!(many.text.contains("- Camille Spécimen (camille)\u{a0}: créé – identifiant, prénom"), "{}", many.text);
        assert!(many.html.contains("Camille Spécimen (camille)"), "{}", many.html);
        digest.lines.truncate(1);
        digest.lines[0].name = "<!channel>\nBcc: x".to_owned();
        let one = composed(&digest);
        assert_eq!(one.subject, "<!channel> Bcc: x\u{a0}: profil créé – Atelier Exemple");
        assert!(!one.html.contains("<!channel>"), "{}", one.html);
        digest.language = "en".to_owned();
        assert_eq!(composed(&digest).subject, "<!channel> Bcc: x: profile created – Atelier Exemple");
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
        let Source { words: good_words, mjml: good_mjml, text: good_text, .. } = INVOICE;
        let error = |words: &str, mjml: &str, text: &str| {
            Composer::with(Source { name: "invoice", words, mjml, text }).unwrap_err().to_string()
        };
        let wrong = error(good_words, good_mjml, "{{ custommer_name }}");
        assert!(wrong.contains("undefined value") && wrong.contains("invoice.txt"), "{wrong}");
        let wrong = error(good_words, &good_mjml.replace("words.intro", "words.inttro"), good_text);
        assert!(wrong.contains("undefined value") && wrong.contains("invoice.html"), "{wrong}");
        let wrong = error(&good_words.replace("issued_on", "issued"), good_mjml, good_text);
        assert!(wrong.contains("undefined value") && wrong.contains("fr.intro"), "{wrong}");
        assert!(error(good_words, "<mjml><mj-body>", good_text).contains("invoice.mjml"));
        assert!(error("[fr", good_mjml, good_text).contains("invoice.toml"));
        assert!(error(&good_words.replace("[en]", "[de]"), good_mjml, good_text).contains("lacks [en]"));
    }

    /// Each mail in each language, in files that a person reviews (`tests/golden`).
    #[test]
    fn mails_say_what_was_reviewed() {
        let composer = Composer::new().unwrap();
        for language in LANGUAGES {
            let notices = NoticeEvent::ALL.map(|event| {
                (format!("notice-{event:?}").to_lowercase(), Content::Notice(NoticeMail::sample(language, event)))
            });
            let others = [
                ("invoice".to_owned(), Content::Invoice(sample(language))),
                ("digest".to_owned(), Content::Digest(DigestMail::sample(language))),
                ("recovery-unpaid".to_owned(), Content::Recovery(RecoveryMail::sample(language, false))),
                ("recovery-confirm".to_owned(), Content::Recovery(RecoveryMail::sample(language, true))),
                ("renewal".to_owned(), Content::Renewal(RenewalMail::sample(language))),
                ("trial-charged".to_owned(), Content::Trial(TrialMail::sample(language, true))),
                ("trial-without-method".to_owned(), Content::Trial(TrialMail::sample(language, false))),
            ];
            let steps = Consequence::ALL.map(|consequence| {
                let name = format!("dunning-{consequence:?}").to_lowercase();
                (name, Content::Dunning(DunningMail::sample(language, consequence)))
            });
            let declared = DeclarationOutcome::ALL.map(|outcome| {
                let name = format!("declaration-{outcome:?}").to_lowercase();
                (name, Content::Declaration(DeclarationMail::sample(language, outcome)))
            });
            for (name, content) in notices.into_iter().chain(others).chain(steps).chain(declared) {
                let mail = composer.compose(&content).unwrap();
                insta::with_settings!({
                    snapshot_path => concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/golden"),
                    prepend_module_to_snapshot => false,
                    omit_expression => true,
                }, {
                    insta::assert_snapshot!(format!("mail-{name}.{language}"), format!("{}\n\n{}", mail.subject, mail.text));
                });
            }
        }
    }
}
