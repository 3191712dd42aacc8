//! What SES rejects before it accepts a mail, with its own messages where they are known.
//!
//! Sources: Amazon SES API v2 reference ("Destination", "MessageHeader", "MessageTag", "Attachment", "Content");
//! Amazon SES Developer Guide, "Service quotas in Amazon SES". SES's messages about addresses, seen in many reports of
//! its users, are those of JavaMail, whose rules for a mailbox these are.

use super::{NameValue, SendEmail, Simple, Text};

/// Recipients of one message, in total.
const RECIPIENTS: usize = 50;
/// Bytes of a message, with its attachments in base64.
const LARGEST: usize = 40 * 1024 * 1024;
/// Characters of an address.
const LONGEST_ADDRESS: usize = 320;
/// Characters that a local part may not hold unless it is quoted (RFC 5322, `specials`).
const SPECIALS: &str = "()<>,;:\\\"[]@";
/// Characters of a header's name, of its value, and of both.
const HEADER: (usize, usize, usize) = (126, 995, 996);
/// Characters of a tag's name or value.
const LONGEST_TAG: usize = 256;
/// Characters of a file's name.
const LONGEST_FILE_NAME: usize = 255;

/// Whether SES would accept this.
///
/// # Errors
/// The error message if it would not.
pub(super) fn check(request: &SendEmail) -> Result<(), String> {
    let to =
        request.destination.iter().flat_map(|to| [&to.to_addresses, &to.cc_addresses, &to.bcc_addresses]).flatten();
    let to: Vec<&String> = to.collect();
    if request.content.simple.is_some() && to.is_empty() {
        return Err("Missing required header 'To'.".to_owned());
    }
    if to.len() > RECIPIENTS {
        return Err("Recipient count exceeds 50.".to_owned());
    }
    let addresses = request.from_email_address.iter().chain(to).chain(&request.reply_to_addresses);
    addresses.into_iter().try_for_each(|one| address(one))?;
    request.email_tags.iter().try_for_each(tag)?;
    request.content.simple.as_ref().map_or(Ok(()), simple)
}

/// An address, bare or as `Name <address>`.
fn address(value: &str) -> Result<(), String> {
    if value.chars().any(char::is_control) {
        return Err("Illegal address: it holds a control character".to_owned());
    }
    if value.len() > LONGEST_ADDRESS {
        return Err(format!("Address length is more than {LONGEST_ADDRESS} characters long"));
    }
    let bare = match value.rsplit_once('<') {
        Some((name, rest)) => {
            if !name.is_ascii() {
                return Err("The name before an address is not ASCII: write it in encoded words (RFC 2047)".to_owned());
            }
            rest.strip_suffix('>').ok_or("Missing '>'")?
        }
        None => value,
    };
    mailbox(bare).map_err(str::to_owned)
}

fn mailbox(bare: &str) -> Result<(), &'static str> {
    let (local, domain) = bare.rsplit_once('@').ok_or("Missing final '@domain'")?;
    match local {
        "" => return Err("Missing local name"),
        _ if local.chars().any(|c| c <= ' ' || c >= '\u{7f}') => {
            return Err("Local address contains control or whitespace");
        }
        _ if local.starts_with('.') => return Err("Local address starts with dot"),
        _ if local.ends_with('.') => return Err("Local address ends with dot"),
        _ if local.contains("..") => return Err("Local address contains dot-dot"),
        _ if local.contains(|c| SPECIALS.contains(c)) => return Err("Local address contains illegal character"),
        _ => {}
    }
    match domain {
        "" => Err("Missing domain"),
        _ if domain.starts_with('.') => Err("Domain starts with dot"),
        _ if domain.chars().any(|c| c <= ' ' || c >= '\u{7f}') => Err("Domain contains control or whitespace"),
        _ if domain.contains(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '.')) => {
            Err("Domain contains illegal character")
        }
        _ if domain.contains("..") => Err("Domain contains dot-dot"),
        _ if domain.ends_with('.') => Err("Domain ends with dot"),
        _ => Ok(()),
    }
}

fn tag(tag: &NameValue) -> Result<(), String> {
    let plain = |text: &str, more: &str| {
        let known = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-' || more.contains(c);
        (1..=LONGEST_TAG).contains(&text.len()) && text.chars().all(known)
    };
    if plain(&tag.name, "") && plain(&tag.value, ".@") { Ok(()) } else { Err("Invalid message tag".to_owned()) }
}

fn simple(simple: &Simple) -> Result<(), String> {
    if simple.subject.data.contains(['\r', '\n']) {
        return Err("The subject holds a line break".to_owned());
    }
    for text in [&simple.subject, &simple.body.text, &simple.body.html] {
        readable(text)?;
    }
    simple.headers.iter().try_for_each(header)?;
    for file in &simple.attachments {
        let name = &file.file_name;
        if name.is_empty() || name.chars().count() > LONGEST_FILE_NAME || name.chars().any(char::is_control) {
            return Err("Invalid attachment file name".to_owned());
        }
    }
    let files: usize = simple.attachments.iter().map(|file| file.raw_content.len()).sum();
    let texts = simple.subject.data.len() + simple.body.text.data.len() + simple.body.html.data.len();
    if files + texts > LARGEST { Err("Message length exceeds 40 MB".to_owned()) } else { Ok(()) }
}

/// Without a character set text is 7-bit ASCII; other characters would arrive as question marks.
fn readable(text: &Text) -> Result<(), String> {
    if text.charset.is_none() && !text.data.is_ascii() {
        return Err("Text is not ASCII and names no Charset".to_owned());
    }
    Ok(())
}

fn header(header: &NameValue) -> Result<(), String> {
    let (name, value) = (&header.name, &header.value);
    let named = !name.is_empty() && name.chars().all(|c| c.is_ascii_graphic() && c != ':');
    let valued = value.chars().all(|c| c.is_ascii_graphic() || c == ' ');
    let short = name.len() <= HEADER.0 && value.len() <= HEADER.1 && name.len() + value.len() <= HEADER.2;
    if named && valued && short { Ok(()) } else { Err("Invalid message header".to_owned()) }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn mail() -> Value {
        let text = |data: &str| json!({"Data": data, "Charset": "UTF-8"});
        json!({
            "FromEmailAddress": "=?UTF-8?B?UsOpdW5pZXM=?= <a@example.org>",
            "Destination": {"ToAddresses": ["zoe@example.org"]},
            "ReplyToAddresses": ["b@example.org"],
            "EmailTags": [{"Name": "mail", "Value": "aW52b2ljZS8x"}],
            "Content": {"Simple": {
                "Subject": text("Facture n° 1"), "Body": {"Text": text("Bonjour é"), "Html": text("<p>é</p>")},
                "Headers": [{"Name": "X-Comptoir-Mail-Id", "Value": "invoice/1"}],
                "Attachments": [{"FileName": "1.pdf", "RawContent": "JVBERg=="}],
            }},
        })
    }

    /// The answer for the mail with one value changed.
    fn said(pointer: &str, value: Value) -> String {
        let mut mail = mail();
        *mail.pointer_mut(pointer).unwrap() = value;
        check(&serde_json::from_value(mail).unwrap()).err().unwrap_or_default()
    }

    #[test]
    fn an_ordinary_mail_is_taken() {
        assert_eq!(said("/Destination/ToAddresses/0", json!("Zoe <o'neil+x@xn--mller-kva.example>")), "");
    }

    #[test]
    fn addresses_are_refused_as_ses_does() {
        for (address, says) in [
            ("jésus@example.org", "Local address contains control or whitespace"),
            ("a b@example.org", "Local address contains control or whitespace"),
            ("zoe@müller.example", "Domain contains control or whitespace"),
            ("zoe@exa mple.org", "Domain contains control or whitespace"),
            ("zoe@my_host.org", "Domain contains illegal character"),
            ("zoe@example..org", "Domain contains dot-dot"),
            ("zoe@.example.org", "Domain starts with dot"),
            ("zoe@example.org.", "Domain ends with dot"),
            ("zoe..a@example.org", "Local address contains dot-dot"),
            (".zoe@example.org", "Local address starts with dot"),
            ("zoe.@example.org", "Local address ends with dot"),
            ("zoe", "Missing final '@domain'"),
            ("zoe@", "Missing domain"),
            ("@example.org", "Missing local name"),
            ("a@b@example.org", "Local address contains illegal character"),
            ("Zoé <zoe@example.org>", "The name before an address is not ASCII"),
            ("zoe@example.org\r\nBcc: x@example.org", "Illegal address"),
        ] {
            for place in ["/Destination/ToAddresses/0", "/ReplyToAddresses/0", "/FromEmailAddress"] {
                let said = said(place, json!(address));
                assert!(said.starts_with(says), "{place} {address}: {said}");
            }
        }
        let long = format!("{}@example.org", "a".repeat(320));
        assert!(said("/FromEmailAddress", json!(long)).contains("more than 320"));
        assert!(said("/Destination/ToAddresses", json!([])).contains("Missing"));
        assert!(said("/Destination/ToAddresses", json!(vec!["a@example.org"; 51])).contains("exceeds 50"));
    }

    #[test]
    fn headers_tags_files_and_sizes_are_refused_as_ses_does() {
        let simple = "/Content/Simple";
        assert!(said(&format!("{simple}/Subject/Data"), json!("a\r\nBcc: x@example.org")).contains("line break"));
        assert!(said(&format!("{simple}/Subject"), json!({"Data": "é"})).contains("Charset"));
        for (name, value) in
            [("X Y", "a"), ("X:", "a"), ("", "a"), ("X", "é"), ("X", "a\r\nY: b"), ("X", &"a".repeat(996))]
        {
            let said = said(&format!("{simple}/Headers/0"), json!({"Name": name, "Value": value}));
            assert_eq!(said, "Invalid message header", "{name} {value}");
        }
        for value in ["a/b", "", "é", &"a".repeat(257)] {
            assert_eq!(said("/EmailTags/0/Value", json!(value)), "Invalid message tag", "{value}");
        }
        assert!(said(&format!("{simple}/Attachments/0/FileName"), json!("a\nb.pdf")).contains("file name"));
        assert!(said(&format!("{simple}/Attachments/0/RawContent"), json!("A".repeat(LARGEST))).contains("40 MB"));
    }
}
