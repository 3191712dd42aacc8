//! Where a customer may be sent after paying: the seller's own site, and nowhere else.

use url::Url;

/// Longest address that is taken, in bytes.
const LONGEST: usize = 2048;

/// A site: scheme, host and port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(url::Origin);

impl Origin {
    /// An origin as it is written: `https://example.org`. On this machine alone: `http://localhost:*`.
    pub fn read(text: &str) -> Option<Self> {
        let address = Url::parse(text).ok()?;
        let bare = address.path() == "/" && address.query().is_none() && address.fragment().is_none();
        let plain = address.username().is_empty() && address.password().is_none();
        (bare && plain && address.scheme() == "https" && !text.ends_with('/')).then(|| Self(address.origin()))
    }
}

impl Origin {
    /// Its host as people read it.
    pub fn host(&self) -> String {
        let written = self.0.unicode_serialization();
        written.strip_prefix("https://").unwrap_or(&written).to_owned()
    }
}

/// Whether `address` lies on one of the sites; in development also on this machine, at any port.
pub fn is_on(address: &str, sites: &[Origin], development: bool) -> bool {
    if address.len() > LONGEST || address.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
        return false;
    }
    let Ok(parsed) = Url::parse(address) else { return false };
    // Stripe is given the text as it is, with its placeholder, and takes no other spelling than this.
    if !address.starts_with(&format!("{}://", parsed.scheme())) {
        return false;
    }
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return false;
    }
    let here = parsed.scheme() == "http" && matches!(parsed.host_str(), Some("localhost" | "127.0.0.1"));
    (development && here) || sites.iter().any(|site| site.0 == parsed.origin())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_sellers_own_site_is_returned_to() {
        let sites = [Origin::read("https://example.org").unwrap()];
        for good in [
            "https://example.org/merci?session={CHECKOUT_SESSION_ID}",
            "https://EXAMPLE.org:443/",
            "https://example.org",
        ] {
            assert!(is_on(good, &sites, false), "{good}");
        }
        for bad in [
            "https://example.org.evil.example/",
            "https://example.org@evil.example/",
            "https://user@example.org/",
            "https://example.org:8443/",
            "http://example.org/",
            "//example.org/",
            "/merci",
            "javascript:alert(1)",
            "https://evil.example/https://example.org/",
            "https://example.org\\@evil.example/",
            "https://evil.example\\.example.org",
            "https://example.org/\n",
            "https://xn--exmple-cua.org/",
            "https:example.org/x",
            "https:/example.org/x",
            "HTTPS://example.org/",
            " https://example.org/",
            "http://localhost:3000/",
            "",
        ] {
            assert!(!is_on(bad, &sites, false), "{bad}");
        }
        assert!(!is_on(&format!("https://example.org/{}", "x".repeat(3000)), &sites, false));
    }

    #[test]
    fn this_machine_is_a_site_in_development_alone() {
        for here in ["http://localhost:3000/ok", "http://127.0.0.1:8/"] {
            assert!(is_on(here, &[], true) && !is_on(here, &[], false), "{here}");
        }
        assert!(!is_on("http://localhost.evil.example/", &[], true));
        assert!(!is_on("https://localhost/", &[], true), "nothing on this machine has a certificate");
    }

    #[test]
    fn an_origin_is_written_without_a_path() {
        for bad in [
            "https://example.org/",
            "https://example.org/x",
            "http://example.org",
            "example.org",
            "https://a@b.org",
            "https://",
        ] {
            assert!(Origin::read(bad).is_none(), "{bad}");
        }
    }
}
