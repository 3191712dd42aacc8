//! Public corpora of hard addresses and URLs; every deviation from their expected result, with its reason.
//!
//! The e-mail addresses are those of the isemail test set 3.05 (M. Rushton and D. Sayers), in our own table: its result
//! in a word, ours, and why they differ. The URLs are cases of the WHATWG's URL tests, with our result. Data:
//! `emails.txt`, `urls.txt`.

use crate::profile::{email, links, links::LinkKind};

/// Lines of a table: columns between bars, `\` escapes; a line that starts with `#` is a comment.
fn rows(table: &str) -> impl Iterator<Item = Vec<String>> {
    let lines = table.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.split('|').map(unescaped).collect())
}

/// `\n`, `\r`, `\t`, `\s` for a space at an end, `\\`, `\p` for a bar, `\u{200b}`; `{n*a}` for a repeated letter.
fn unescaped(cell: &str) -> String {
    let mut text = String::new();
    let mut chars = cell.trim().chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            text.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => text.push('\n'),
            Some('r') => text.push('\r'),
            Some('t') => text.push('\t'),
            Some('s') => text.push(' '),
            Some('p') => text.push('|'),
            Some('u') => {
                let code: String = chars.by_ref().skip(1).take_while(|c| *c != '}').collect();
                text.push(char::from_u32(u32::from_str_radix(&code, 16).unwrap()).unwrap());
            }
            Some(other) => text.push(other),
            None => {}
        }
    }
    text
}

#[test]
fn the_corpus_of_addresses_is_judged_as_the_table_says() {
    let (mut seen, mut deviations, mut wrong) = (0, 0, Vec::new());
    for row in rows(include_str!("emails.txt")) {
        let [theirs, ours, address, reason] = row.as_slice() else { panic!("{row:?}") };
        if email::read(address, "email").is_ok() != (ours == "yes") {
            wrong.push(format!("{address:?} is not {ours}"));
        }
        let deviates = (theirs == "valid" || theirs == "dns") != (ours == "yes");
        assert_eq!(deviates, !reason.is_empty(), "{address:?}: a deviation has its reason, and only a deviation");
        seen += 1;
        deviations += usize::from(deviates);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!((seen, deviations), (164, 26));
}

#[test]
fn the_corpus_of_urls_is_judged_as_the_table_says() {
    let (mut seen, mut wrong) = (0, Vec::new());
    for row in rows(include_str!("urls.txt")) {
        let [theirs, ours, url] = row.as_slice() else { panic!("{row:?}") };
        let read = url::Url::parse(url);
        let judged = links::read(url, LinkKind::Website, "url");
        let word = judged.as_ref().map_or_else(|wrong| wrong.code.word(), |_| "yes".to_owned());
        if read.is_ok() != (theirs == "valid") || word != *ours {
            wrong.push(format!("{url:?} is {read:?} and {word}"));
        }
        if let Ok(kept) = judged {
            assert_eq!(links::read(&kept, LinkKind::Website, "url").as_deref(), Ok(kept.as_str()));
        }
        seen += 1;
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(seen > 100, "{seen}");
}
