//! The signature of a message: HMAC-SHA256 over `{id}.{timestamp}.{body}` (standardwebhooks.com, "Signature scheme").
//!
//! Signed with the HMAC that Stripe's signatures are verified with: the specification's own crate would bring a second HMAC,
//! a second base64 and a second calendar for the same twenty lines.

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD},
};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::outcome::Reason;

/// How every secret begins.
const PREFIX: &str = "whsec_";

/// Bytes of a key, as the specification wants them.
const SHORTEST: usize = 24;
const LONGEST: usize = 64;

/// Most secrets at once: two during a rotation.
const MOST: usize = 4;

/// Base64, with padding or without.
const ANY_PADDING: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The keys that sign, the newest first.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKeys(Vec<Vec<u8>>);

impl std::fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKeys({})", self.0.len())
    }
}

impl SigningKeys {
    /// Reads what is stored: one secret, or several with space between them during a rotation.
    ///
    /// # Errors
    /// What to store instead; never what is stored.
    pub fn read(stored: &str) -> Result<Self, Reason> {
        let keys: Option<Vec<Vec<u8>>> = stored.split_whitespace().map(key).collect();
        match keys {
            Some(keys) if (1..=MOST).contains(&keys.len()) => Ok(Self(keys)),
            _ => Err(Reason::new(
                "app_secret_malformed",
                "what is stored as app-webhook-secrets is not whsec_ followed by the base64 of 24 to 64 bytes (several with a \
                 space between them); store one that is, then replay what was parked",
            )),
        }
    }

    /// The header `webhook-signature`: one signature a key.
    pub fn sign(&self, id: &str, seconds: i64, body: &str) -> String {
        let signatures = self.0.iter().filter_map(|key| {
            let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
            mac.update(format!("{id}.{seconds}.{body}").as_bytes());
            Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
        });
        signatures.collect::<Vec<_>>().join(" ")
    }
}

fn key(secret: &str) -> Option<Vec<u8>> {
    let key = ANY_PADDING.decode(secret.strip_prefix(PREFIX)?).ok()?;
    (SHORTEST..=LONGEST).contains(&key.len()).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vector of the specification's own libraries (github.com/standard-webhooks/standard-webhooks, `libraries`).
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    #[test]
    fn a_signature_is_the_one_that_the_specification_publishes() {
        let signed = |keys: &str| {
            SigningKeys::read(keys).unwrap().sign(
                "msg_p5jXN8AQM9LWM0D4loKWxJek",
                1_614_265_330,
                r#"{"test": 2432232314}"#,
            )
        };
        let expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(signed(SECRET), expected);
        let other = format!("whsec_{}", STANDARD.encode([7; 32]));
        let both = signed(&format!("{other} {SECRET}\n"));
        let [first, second] = both.split(' ').collect::<Vec<_>>().try_into().unwrap();
        assert_eq!((first, second), (signed(&other).as_str(), expected), "both sign during a rotation");
    }

    #[test]
    fn only_secrets_of_the_specification_are_used_and_none_is_told() {
        for bad in [
            "",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsec_",
            "whsec_dG9vIHNob3J0",
            "whsec_not base64!",
            "whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            &format!("{SECRET} secret"),
            &[SECRET; 5].join(" "),
            &format!("whsec_{}", STANDARD.encode([7; 65])),
        ] {
            let reason = SigningKeys::read(bad).unwrap_err();
            assert_eq!(reason.code, "app_secret_malformed", "{bad}");
            assert!(!reason.message.contains("LaLaSw") && !reason.message.contains("secret\""), "{}", reason.message);
        }
        assert!(SigningKeys::read(&format!("whsec_{}", STANDARD.encode([7; 25]).trim_end_matches('='))).is_ok());
        assert_eq!(format!("{:?}", SigningKeys::read(SECRET).unwrap()), "SigningKeys(1)");
    }
}
