//! Links to a member's other pages. https only, on public hosts, and each on a host of its kind.
//!
//! URLs are parsed by the `url` crate as browsers do (the WHATWG's URL standard), and stored as it writes them. What a
//! browser silently repairs (tabs, backslashes, missing slashes) is rejected, since readers saw another URL.

use serde::{Deserialize, Serialize};
use unicode_security::{MixedScript, confusable_detection::skeleton};
use url::{Host, Url};

use super::{
    text,
    violation::{Code, Violation},
};

/// Most links.
pub const MOST: usize = 20;
/// Most bytes of one URL.
pub const LONGEST: usize = 2048;

/// Names that no public host has (RFC 2606, 6761, 6762, 7686, 8375, 9476, and those that routers use).
const PRIVATE: [&str; 16] = [
    "localhost",
    "localdomain",
    "local",
    "internal",
    "intranet",
    "private",
    "lan",
    "home",
    "corp",
    "home.arpa",
    "arpa",
    "test",
    "invalid",
    "example",
    "onion",
    "alt",
];

/// The kind of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "each is a place by its own name")]
pub enum LinkKind {
    Website,
    Linkedin,
    Github,
    Gitlab,
    Malt,
    Behance,
    Dribbble,
    Instagram,
    Youtube,
    X,
}

impl LinkKind {
    /// Every kind.
    pub const ALL: [Self; 10] = [
        Self::Website,
        Self::Linkedin,
        Self::Github,
        Self::Gitlab,
        Self::Malt,
        Self::Behance,
        Self::Dribbble,
        Self::Instagram,
        Self::Youtube,
        Self::X,
    ];

    /// The name in the API: `LINKEDIN`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Website => "WEBSITE",
            Self::Linkedin => "LINKEDIN",
            Self::Github => "GITHUB",
            Self::Gitlab => "GITLAB",
            Self::Malt => "MALT",
            Self::Behance => "BEHANCE",
            Self::Dribbble => "DRIBBBLE",
            Self::Instagram => "INSTAGRAM",
            Self::Youtube => "YOUTUBE",
            Self::X => "X",
        }
    }

    /// The hosts of this kind, each with its subdomains; empty if any host is allowed.
    fn hosts(self) -> &'static [&'static str] {
        match self {
            Self::Website => &[],
            Self::Linkedin => &["linkedin.com"],
            Self::Github => &["github.com", "github.io"],
            Self::Gitlab => &["gitlab.com", "gitlab.io"],
            Self::Malt => &["malt.fr", "malt.com"],
            Self::Behance => &["behance.net"],
            Self::Dribbble => &["dribbble.com"],
            Self::Instagram => &["instagram.com"],
            Self::Youtube => &["youtube.com", "youtu.be"],
            Self::X => &["x.com", "twitter.com"],
        }
    }
}

/// A link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The kind.
    pub kind: LinkKind,
    /// The URL, as `url` writes it.
    pub url: String,
}

/// The URL in normal form, valid for a link of this kind.
///
/// # Errors
/// The first violation.
pub fn read(value: &str, kind: LinkKind, path: &str) -> Result<String, Violation> {
    let wrong = |code| Violation::new(code, path, value);
    let written = value.trim();
    if written.is_empty() {
        return Err(wrong(Code::Required));
    }
    if written.len() > LONGEST {
        return Err(wrong(Code::TooLong).with(LONGEST));
    }
    if let Some(code) = text::unfit(written, false) {
        return Err(wrong(code));
    }
    let (scheme, rest) = written.split_once(':').ok_or_else(|| wrong(Code::UrlMalformed))?;
    if !scheme.eq_ignore_ascii_case("https") {
        return Err(wrong(Code::UrlNotHttps));
    }
    if !rest.starts_with("//")
        || rest.starts_with("///")
        || rest.contains(['\\', ' '])
        || rest.contains(char::is_whitespace)
    {
        return Err(wrong(Code::UrlMalformed));
    }
    let url = Url::parse(written).map_err(|_| wrong(Code::UrlMalformed))?;
    let authority = rest.trim_start_matches('/').split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err(wrong(Code::UrlUserinfo));
    }
    if url.port().is_some() {
        return Err(wrong(Code::UrlPort));
    }
    let Some(Host::Domain(host)) = url.host() else { return Err(wrong(Code::UrlPrivateHost)) };
    if !is_public(host) {
        return Err(wrong(Code::UrlPrivateHost));
    }
    if imitates(host) {
        return Err(wrong(Code::UrlMixedScripts));
    }
    let hosts = kind.hosts();
    if !hosts.is_empty() && !hosts.iter().any(|known| is_or_below(host, known)) {
        return Err(wrong(Code::UrlKindMismatch).with(hosts.join(", ")));
    }
    // The limit applies to the stored form: percent-encoding triples non-ASCII bytes.
    let kept = url.to_string();
    if kept.len() > LONGEST { Err(wrong(Code::TooLong).with(LONGEST)) } else { Ok(kept) }
}

fn is_or_below(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

/// Whether this host is publicly resolvable.
fn is_public(host: &str) -> bool {
    let labels: Vec<&str> = host.split('.').collect();
    let one = |label: &&str| (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-');
    let plain = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'));
    host.len() <= 253
        && labels.len() > 1
        && labels.iter().all(one)
        && plain
        && !PRIVATE.iter().any(|name| is_or_below(host, name))
}

/// Whether a label of the host mixes scripts, or imitates Latin letters with another script.
fn imitates(host: &str) -> bool {
    let (shown, result) = idna::domain_to_unicode(host);
    result.is_err()
        || shown
            .split('.')
            .filter(|label| !label.is_ascii())
            .any(|label| !label.is_single_script() || skeleton(label).all(|c| c.is_ascii()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_kept_as_browsers_write_them() {
        for (kind, written, kept) in [
            (LinkKind::Website, "https://Example.org", "https://example.org/"),
            (LinkKind::Website, "HTTPS://bücher.com/à?b=c#d", "https://xn--bcher-kva.com/%C3%A0?b=c#d"),
            (LinkKind::Website, "https://example.org:443/a/../b", "https://example.org/b"),
            (LinkKind::Linkedin, "https://fr.linkedin.com/in/zoe", "https://fr.linkedin.com/in/zoe"),
            (LinkKind::Github, " https://github.com/zoe ", "https://github.com/zoe"),
        ] {
            assert_eq!(read(written, kind, "url").as_deref(), Ok(kept), "{written}");
        }
    }

    #[test]
    fn links_that_lead_astray_are_refused() {
        for (written, code) in [
            ("", Code::Required),
            ("example.org", Code::UrlMalformed),
            ("http://example.org", Code::UrlNotHttps),
            ("javascript:alert(1)", Code::UrlNotHttps),
            ("data:text/html,x", Code::UrlNotHttps),
            ("java\nscript:alert(1)", Code::ControlCharacter),
            ("https:example.org", Code::UrlMalformed),
            ("https:\\\\example.org", Code::UrlMalformed),
            ("https://example.org\\@evil.com", Code::UrlMalformed),
            ("https://zoe:pw@example.org", Code::UrlUserinfo),
            ("https://@example.org", Code::UrlUserinfo),
            ("https://example.org:8443", Code::UrlPort),
            ("https://127.0.0.1", Code::UrlPrivateHost),
            ("https://0x7f.1", Code::UrlPrivateHost),
            ("https://2130706433/", Code::UrlPrivateHost),
            ("https://[::1]/", Code::UrlPrivateHost),
            ("https://localhost", Code::UrlPrivateHost),
            ("https://a.localhost.", Code::UrlPrivateHost),
            ("https://printer.local", Code::UrlPrivateHost),
            ("https://metadata.google.internal", Code::UrlPrivateHost),
            ("https://intranet", Code::UrlPrivateHost),
            ("https://раypal.com", Code::UrlMixedScripts),
            ("https://xn--80ak6aa92e.com", Code::UrlMixedScripts),
        ] {
            assert_eq!(read(written, LinkKind::Website, "url").map_err(|wrong| wrong.code), Err(code), "{written}");
        }
        for astray in
            ["https://linkedin.com.evil.org/in/zoe", "https://notlinkedin.com/", "https://example.org/linkedin.com"]
        {
            let judged = read(astray, LinkKind::Linkedin, "url").map_err(|wrong| wrong.code);
            assert_eq!(judged, Err(Code::UrlKindMismatch), "{astray}");
        }
        let long = format!("https://example.org/{}", "é".repeat(500));
        assert_eq!(read(&long, LinkKind::Website, "url").map_err(|wrong| wrong.code), Err(Code::TooLong));
    }
}
