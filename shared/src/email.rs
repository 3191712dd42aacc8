//! E-mail addresses in the form that SES accepts.
//!
//! SES does not support SMTPUTF8 (Amazon SES API v2 reference, "Destination"): the part before the `@` must be ASCII,
//! and a non-ASCII domain is written in Punycode (RFC 3492). Hidden characters are refused, as in
//! members' addresses: Punycode drops some of them, and the mail would go to another address than the one that is read. An
//! address without such a form is never passed to SES.

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

use crate::text::{LONGEST_EMAIL, looks_like_email};

/// Why SES does not accept an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unmailable {
    /// It is not an e-mail address.
    #[error("it is not an e-mail address")]
    Malformed,
    /// The part before the `@` has non-ASCII characters.
    #[error("before the @ stand characters other than ASCII, which SES does not take")]
    LocalPart,
    /// The domain is not a valid host name (RFC 5891, RFC 1123 section 2.1).
    #[error("the part after the @ is not a domain name")]
    Domain,
}

impl Unmailable {
    /// The stable reason code under which a mail to such an address is parked.
    pub fn word(self) -> &'static str {
        match self {
            Self::Malformed => "recipient_malformed",
            Self::LocalPart => "recipient_not_ascii",
            Self::Domain => "recipient_domain_invalid",
        }
    }
}

/// The address with its domain in ASCII and lower case, and its local part unchanged.
///
/// # Errors
/// Why SES would refuse it.
pub fn mailable(address: &str) -> Result<String, Unmailable> {
    let address = address.trim();
    if !looks_like_email(address) {
        return Err(Unmailable::Malformed);
    }
    let (local, domain) = address.rsplit_once('@').ok_or(Unmailable::Malformed)?;
    if !local.is_ascii() {
        return Err(Unmailable::LocalPart);
    }
    let names = Uts46::new();
    let domain = names.to_ascii(domain.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast, DnsLength::Verify);
    let domain = domain.map_err(|_| Unmailable::Domain)?;
    // A numeric top-level name is an IPv4 address, never a domain (RFC 3696, section 2).
    if domain.rsplit('.').next().is_some_and(|top| top.bytes().all(|byte| byte.is_ascii_digit())) {
        return Err(Unmailable::Domain);
    }
    let written = format!("{local}@{domain}");
    if written.len() > LONGEST_EMAIL { Err(Unmailable::Malformed) } else { Ok(written) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_written_in_ascii() {
        for (written, mailed) in [
            ("zoe@müller.example", "zoe@xn--mller-kva.example"),
            ("zoe@MÜLLER.example", "zoe@xn--mller-kva.example"),
            ("a@例え.テスト", "a@xn--r8jz45g.xn--zckzah"),
            ("a@пример.испытание", "a@xn--e1afmkfd.xn--80akhbyknj4f"),
            ("a@مثال.إختبار", "a@xn--mgbh0fb.xn--kgbechtv"),
            ("a@faß.de", "a@xn--fa-hia.de"),
            ("a@xn--mller-kva.example", "a@xn--mller-kva.example"),
            (" Zoe.Lefevre+x@Example.ORG ", "Zoe.Lefevre+x@example.org"),
            ("o'neil@mail.example.co.uk", "o'neil@mail.example.co.uk"),
        ] {
            assert_eq!(mailable(written).as_deref(), Ok(mailed), "{written}");
        }
    }

    #[test]
    fn what_ses_refuses_is_named() {
        for (bad, why) in [
            ("jésus@example.org", Unmailable::LocalPart),
            ("山田@example.jp", Unmailable::LocalPart),
            ("jésus@müller.example", Unmailable::LocalPart),
            ("a@my_host.example", Unmailable::Domain),
            ("a@exa mple.org", Unmailable::Malformed),
            ("a@xn--a.example", Unmailable::Domain),
            (&format!("a@{}.org", "b".repeat(64)), Unmailable::Domain),
            (&format!("{}@b.org", "a".repeat(65)), Unmailable::Malformed),
            ("a..b@example.org", Unmailable::Malformed),
            (".a@example.org", Unmailable::Malformed),
            ("a.@example.org", Unmailable::Malformed),
            ("a@b", Unmailable::Malformed),
            ("a@exam\u{200b}ple.org", Unmailable::Malformed),
            ("a@exam\u{ad}ple.org", Unmailable::Malformed),
            ("a\u{202e}@example.org", Unmailable::Malformed),
            ("a@example.org\u{feff}", Unmailable::Malformed),
            ("a@1.2.3.4", Unmailable::Domain),
            ("a@b.fr\r\nBcc: c@d.fr", Unmailable::Malformed),
            ("Zoé <a@b.fr>", Unmailable::Malformed),
            ("", Unmailable::Malformed),
        ] {
            assert_eq!(mailable(bad), Err(why), "{bad}");
        }
    }
}
