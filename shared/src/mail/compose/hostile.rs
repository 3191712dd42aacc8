//! What strangers call themselves in the mails that we sign: in every template and language, with each field hostile, there is no
//! link but ours, and nothing that a reader does not see.

use std::collections::BTreeSet;

use super::*;
use crate::{
    mail::FIELDS,
    text::{hidden::hidden_at, unlinked::LONGEST_GREETED},
};

const HOSTILE: [&str; 12] = [
    "Your payment failed, sign in at https://evil.example/login now",
    "www.evil.example",
    "evil.example",
    "EVIL．EXAMPLE",
    "http://1.2.3.4/x",
    "h2://evil.example",
    "mailto:a@evil.example?subject=x",
    "a@evil.example",
    "evil.\u{200b}example and e\u{2060}vil\u{200d}.exa\u{ad}mple",
    "ht\u{feff}tps:/\u{200b}/evil.exam\u{200e}ple",
    "<a href=\"https://evil.example\">x</a> [x](https://evil.example)",
    "\u{202e}elpmaxe.live\u{202c}\u{e0068}\r\nBcc: a@evil.example",
];

/// What mail clients make links of, seen with generous eyes: schemes, and letters on both sides of a dot.
fn links(text: &str) -> BTreeSet<String> {
    let dotted = |word: &str| {
        let chars: Vec<char> = word.chars().collect();
        let dot = |c: char| matches!(c, '.' | '．' | '。' | '｡');
        chars.windows(3).any(|part| matches!(part, [a, b, c] if dot(*b) && a.is_alphanumeric() && c.is_alphabetic()))
    };
    let schemes = ["mailto:", "tel:", "javascript:"];
    let links = |word: &&str| {
        let word = word.to_lowercase();
        let opens = |scheme: &&str| word.split_once(scheme).is_some_and(|(_, rest)| !rest.is_empty());
        dotted(&word) || word.contains("://") || word.contains("www.") || schemes.iter().any(opens)
    };
    text.split_whitespace().filter(links).map(str::to_owned).collect()
}

/// Every mail in which each text of a stranger is `name`.
fn mails(name: &str) -> Vec<Composed> {
    let composer = Composer::new().unwrap();
    let mut mails = Vec::new();
    for language in LANGUAGES {
        let mut invoice = sample(language);
        invoice.customer_name = name.to_owned();
        invoice.lines = vec![(name.to_owned(), "49,00".to_owned())];
        mails.push(Content::Invoice(invoice));
        for event in NoticeEvent::ALL {
            let mut notice = NoticeMail::sample(language, event);
            (notice.name, notice.profile) = (name.to_owned(), name.to_owned());
            mails.push(Content::Notice(notice));
        }
        let mut digest = DigestMail::sample(language);
        for line in &mut digest.lines {
            (line.name, line.profile) = (name.to_owned(), "camille".to_owned());
        }
        mails.push(Content::Digest(digest.clone()));
        digest.lines.truncate(1);
        digest.lines[0].profile = name.to_owned();
        mails.push(Content::Digest(digest));
    }
    mails.iter().map(|content| composer.compose(content).unwrap()).collect()
}

#[test]
fn no_mail_links_to_anything_but_ours() {
    let ours = mails("Camille");
    for name in HOSTILE {
        for (mail, ours) in mails(name).iter().zip(&ours) {
            for (text, ours) in [(&mail.subject, &ours.subject), (&mail.text, &ours.text), (&mail.html, &ours.html)] {
                assert_eq!(links(text), links(ours), "{name:?} in {text:.600}");
            }
            assert_eq!(mail.subject.lines().count(), 1, "{name:?}");
        }
    }
}

#[test]
fn no_mail_hides_anything() {
    for name in HOSTILE {
        for mail in mails(name) {
            for text in [&mail.subject, &mail.text, &mail.html] {
                let chars: Vec<char> = text.chars().collect();
                let hides = |at: &usize| !matches!(chars[*at], '\n' | '\t' | '\r') && hidden_at(&chars, *at).is_some();
                assert_eq!((0..chars.len()).find(hides), None, "{name:?} in {text:.600}");
            }
        }
    }
}

#[test]
fn a_greeting_is_short_and_the_fields_are_ours() {
    let long = "Camille ".repeat(1000);
    for mail in mails(&long) {
        assert!(mail.subject.chars().count() < 150, "{}", mail.subject);
        let greeting = mail.text.lines().next().unwrap();
        assert!(greeting.chars().count() < 60 + 60 + FIELDS.join(", ").len() * 2, "{greeting}");
    }
    let invoice = Composer::new().unwrap().invoice(&InvoiceMail { customer_name: long, ..sample("en") }).unwrap();
    let greeting = invoice.text.lines().next().map(|line| line.chars().count());
    assert_eq!(greeting, Some("Hello ,".len() + LONGEST_GREETED));
}
