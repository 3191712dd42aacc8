//! The suppression list: addresses that get no routine mails, kept as hashes, so that it is not a list of customers.

use crate::{archive::sha256, email::mailable};

/// The hash of an address. It answers "is this one on the list" without revealing the list at sight; anyone who knows
/// an address can still test it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AddressHash(String);

impl AddressHash {
    /// The hash of `address`, which may be `Name <address>`, in any case, and with its domain in any script: SES
    /// reports an address as it was sent to, in ASCII.
    pub fn of(address: &str) -> Self {
        let bare = address.rsplit_once('<').map_or(address, |(_, rest)| rest.split('>').next().unwrap_or(rest));
        let bare = mailable(bare).unwrap_or_else(|_| bare.trim().to_owned());
        Self(sha256(bare.to_lowercase().as_bytes()))
    }

    /// In hexadecimal.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why an address is suppressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// A mail bounced permanently.
    Bounce,
    /// The recipient reported a mail as spam.
    Complaint,
}

impl Cause {
    /// Its code.
    pub fn word(self) -> &'static str {
        match self {
            Self::Bounce => "bounce",
            Self::Complaint => "complaint",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_has_one_hash_however_it_is_written() {
        let hash = AddressHash::of("zoe@example.org");
        for same in ["Zoe@Example.ORG", " zoe@example.org\n", "Zoé Lefèvre <zoe@example.org>", "<ZOE@example.org>"] {
            assert_eq!(AddressHash::of(same), hash, "{same}");
        }
        assert_eq!(AddressHash::of("zoe@müller.example"), AddressHash::of("Zoe@xn--mller-kva.example"));
        assert_ne!(AddressHash::of("zoe+1@example.org"), hash);
        assert!(hash.as_str().len() == 64 && !hash.as_str().contains('@'));
    }
}
