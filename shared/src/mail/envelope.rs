//! The envelope of a mail: sender, recipient, or why there is none. Every address has the form that SES accepts.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{Content, Mail};
use crate::{
    email::{Unmailable, mailable},
    outcome::Reason,
};

/// Bytes of text in one encoded word: 60 characters of base64, 72 with the delimiters.
const LONGEST_WORD: usize = 45;

impl Mail {
    /// The sender as a header shows it, `"Name" <address>`: no character of the name can end it early, and the domain
    /// is in ASCII. A name that is not ASCII is written in encoded words, as SES requires (RFC 2047, section 2: at most
    /// 75 characters each).
    pub fn sender(&self) -> String {
        let from = in_ascii(&self.from);
        let name: String = self.from_name.chars().filter(|c| !c.is_control() && !"\"\\<>".contains(*c)).collect();
        if name.is_ascii() {
            return format!("\"{name}\" <{from}>");
        }
        let mut words = vec![String::new()];
        for c in name.chars() {
            if words.last().is_none_or(|word| word.len() + c.len_utf8() > LONGEST_WORD) {
                words.push(String::new());
            }
            if let Some(word) = words.last_mut() {
                word.push(c);
            }
        }
        let encoded: Vec<String> = words.iter().map(|word| format!("=?UTF-8?B?{}?=", STANDARD.encode(word))).collect();
        format!("{} <{from}>", encoded.join(" "))
    }

    /// The reply-to address, with the domain in ASCII.
    pub fn answers(&self) -> Option<String> {
        self.reply_to.as_deref().map(in_ascii)
    }

    /// The recipient in SES's form.
    ///
    /// # Errors
    /// Why the mail cannot be sent to anyone: the mail is parked with this reason before it is tried.
    pub fn recipient(&self) -> Result<String, Reason> {
        let to = self.to.as_deref().map(str::trim).filter(|to| !to.is_empty());
        let billed = matches!(self.content, Content::Invoice(_));
        let Some(to) = to else {
            let text = if billed {
                "customer.email is missing, so the invoice was issued but not mailed; send it by hand from the archive"
            } else {
                "a notice has nobody to go to; remove it"
            };
            return Err(Reason::new("recipient_missing", text));
        };
        mailable(to).map_err(|why| if billed { not_billed_to(why) } else { not_told(why) })
    }

    /// Why the mail cannot be sent to anyone, if it cannot.
    pub fn undeliverable(&self) -> Option<Reason> {
        self.recipient().err()
    }
}

/// An address of the seller's with its domain in ASCII. The seller file is checked for that when it is read.
fn in_ascii(address: &str) -> String {
    mailable(address).unwrap_or_else(|_| address.to_owned())
}

/// Why an invoice is not mailed. The address is the customer's own, in Stripe; the reason does not repeat it.
fn not_billed_to(why: Unmailable) -> Reason {
    let fix = match why {
        Unmailable::LocalPart => "ask the customer for another address, and send the invoice by hand from the archive",
        Unmailable::Malformed | Unmailable::Domain => {
            "correct it in Stripe and send the invoice by hand from the archive"
        }
    };
    Reason::new(why.word(), format!("customer.email cannot be mailed to: {why}; {fix}"))
}

fn not_told(why: Unmailable) -> Reason {
    let text = format!(
        "a notice's address cannot be mailed to: {why}; correct it in the profile, or mail.team in seller.toml, and remove \
         the notice"
    );
    Reason::new(why.word(), text)
}

#[cfg(test)]
mod tests {
    use crate::mail::tests::mail;

    #[test]
    fn a_sender_stays_one_header_of_ascii() {
        assert_eq!(
            mail("Atelier \"X\" <a@b.fr>\r\nBcc: c@d.fr").sender(),
            "\"Atelier X a@b.frBcc: c@d.fr\" <facturation@example.org>"
        );
        assert_eq!(mail("Réunies").sender(), "=?UTF-8?B?UsOpdW5pZXM=?= <facturation@example.org>");
        let long = mail(&"é".repeat(60)).sender();
        assert!(long.is_ascii() && long.split(' ').all(|word| word.len() <= 75), "{long}");
    }

    #[test]
    fn a_mail_to_nobody_says_so() {
        let mut mail = mail("Atelier");
        assert!(mail.recipient().is_ok());
        for (to, word) in [
            (None, "recipient_missing"),
            (Some(" "), "recipient_missing"),
            (Some("not an address"), "recipient_malformed"),
            (Some("jésus@example.org"), "recipient_not_ascii"),
            (Some("a@my_host.example"), "recipient_domain_invalid"),
        ] {
            mail.to = to.map(str::to_owned);
            let reason = mail.recipient().unwrap_err();
            assert_eq!(reason.code, word, "{to:?}");
            assert!(
                reason.message.contains("by hand from the archive") && !reason.message.contains("jésus"),
                "{}",
                reason.message
            );
        }
    }

    #[test]
    fn every_address_of_a_mail_leaves_in_ascii() {
        let mut mail = mail("Müller");
        mail.to = Some("Zoe@müller.example".into());
        mail.from = "rechnung@müller.example".into();
        assert_eq!(mail.recipient().as_deref(), Ok("Zoe@xn--mller-kva.example"));
        assert_eq!(mail.sender(), "=?UTF-8?B?TcO8bGxlcg==?= <rechnung@xn--mller-kva.example>");
        mail.reply_to = Some("hallo@müller.example".into());
        assert_eq!(mail.answers().as_deref(), Some("hallo@xn--mller-kva.example"));
    }
}
