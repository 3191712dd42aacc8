//! Stripe's webhook signature: HMAC-SHA256 over `{timestamp}.{raw body}` (docs.stripe.com/webhooks, "Verify manually").
//!
//! The raw bytes are verified before anything is parsed. Every `v1` is compared with every secret, because Stripe signs
//! with both secrets during a rotation; comparisons take constant time.

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::Sha256;

use crate::outcome::Reason;

/// Tolerance between a signature's timestamp and our clock, in seconds, either way.
pub const TOLERANCE_SECONDS: i64 = 300;

/// Longest header that is read, in bytes. A real one with two secrets has about 200.
const LONGEST_HEADER: usize = 4096;

/// Why a request is not from Stripe, or too old.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Forged {
    /// No header at all.
    #[error("the Stripe-Signature header is missing")]
    Missing,
    /// No `t`, no `v1`, or malformed values.
    #[error("the Stripe-Signature header is not of the form t=...,v1=...")]
    Malformed,
    /// Older than the tolerance.
    #[error("the signature is older than {TOLERANCE_SECONDS} seconds; check the clock, or send the event again")]
    Stale,
    /// Newer than the tolerance.
    #[error("the signature lies more than {TOLERANCE_SECONDS} seconds in the future; check the clock")]
    Future,
    /// No signature matches any secret: another endpoint's secret, or a modified body.
    #[error("no signature fits the body; check that the webhook secret is this endpoint's")]
    Mismatch,
}

impl Forged {
    /// The reason's code and sentence.
    pub fn reason(self) -> Reason {
        let word = match self {
            Self::Missing => "signature_missing",
            Self::Malformed => "signature_malformed",
            Self::Stale => "signature_stale",
            Self::Future => "signature_future",
            Self::Mismatch => "signature_mismatch",
        };
        Reason::new(word, self.to_string())
    }
}

/// Checks that `body` was signed with one of `secrets`, within the tolerance around `now`.
///
/// # Errors
/// Says which check failed, never what was expected.
pub fn verify(header: Option<&str>, body: &[u8], secrets: &[String], now: Timestamp) -> Result<(), Forged> {
    let header = header.ok_or(Forged::Missing)?;
    let (time, signatures) = parse(header).ok_or(Forged::Malformed)?;
    let mut genuine = false;
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        for signature in &signatures {
            genuine |= mac(secret, time, body).is_some_and(|mac| mac.verify_slice(signature).is_ok());
        }
    }
    if !genuine {
        return Err(Forged::Mismatch);
    }
    let seconds: i64 = time.parse().map_err(|_| Forged::Malformed)?;
    match now.as_second().saturating_sub(seconds) {
        age if age > TOLERANCE_SECONDS => Err(Forged::Stale),
        age if age < -TOLERANCE_SECONDS => Err(Forged::Future),
        _ => Ok(()),
    }
}

/// The header that Stripe would send for `body` at `now`, for the bundle on one machine and for replays.
pub fn sign(body: &[u8], secret: &str, now: Timestamp) -> String {
    let time = now.as_second().to_string();
    let signature = mac(secret, &time, body).map(|mac| hex::encode(mac.finalize().into_bytes()));
    format!("t={time},v1={}", signature.unwrap_or_default())
}

fn mac(secret: &str, time: &str, body: &[u8]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).ok()?;
    mac.update(time.as_bytes());
    mac.update(b".");
    mac.update(body);
    Some(mac)
}

/// The timestamp as written, because it is part of the signed payload, and every decodable `v1`.
fn parse(header: &str) -> Option<(&str, Vec<Vec<u8>>)> {
    if header.len() > LONGEST_HEADER {
        return None;
    }
    let mut time = None;
    let mut signatures = Vec::new();
    for (key, value) in header.split(',').filter_map(|part| part.trim().split_once('=')) {
        match key {
            "t" if time.is_none() => time = Some(value),
            "v1" => signatures.extend(hex::decode(value)),
            _ => {}
        }
    }
    let time = time.filter(|time| !time.is_empty() && time.len() <= 19 && time.bytes().all(|b| b.is_ascii_digit()))?;
    (!signatures.is_empty()).then_some((time, signatures))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_test";
    const BODY: &[u8] = br#"{"id":"evt_1"}"#;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn check(header: &str, body: &[u8], now: i64) -> Result<(), Forged> {
        verify(Some(header), body, &["whsec_old".into(), SECRET.into()], at(now))
    }

    /// Computed with `printf '1700000000.{"id":"evt_1"}' | openssl dgst -sha256 -hmac whsec_test`.
    const KNOWN: &str = "c89214b5b5da833daed6f0b8c5bb6bd58cea9022bd80ccc78230f3942d632925";

    #[test]
    fn a_vector_computed_elsewhere_holds() {
        assert_eq!(sign(BODY, SECRET, at(1_700_000_000)), format!("t=1700000000,v1={KNOWN}"));
        assert_eq!(check(&format!("t=1700000000,v1={KNOWN}"), BODY, 1_700_000_000), Ok(()));
        // printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac whsec_test
        let another = "t=1700000000,v1=38877139021993b830af32feea6e18a8da83eb2f6e49ee50bd9e4cf4ca4d3789";
        assert_eq!(sign(br#"{"a":1}"#, SECRET, at(1_700_000_000)), another);
    }

    #[test]
    fn any_v1_may_fit_any_secret_and_other_schemes_are_passed_over() {
        let wrong = "00".repeat(32);
        let header = format!("t=1700000000, v0={wrong},v1={wrong},v1=zz,v1={KNOWN}");
        assert_eq!(check(&header, BODY, 1_700_000_010), Ok(()));
    }

    #[test]
    fn the_tolerance_ends_after_300_seconds_either_way() {
        let header = format!("t=1700000000,v1={KNOWN}");
        assert_eq!(check(&header, BODY, 1_700_000_300), Ok(()));
        assert_eq!(check(&header, BODY, 1_700_000_301), Err(Forged::Stale));
        assert_eq!(check(&header, BODY, 1_699_999_700), Ok(()));
        assert_eq!(check(&header, BODY, 1_699_999_699), Err(Forged::Future));
    }

    #[test]
    fn forgeries_are_told_apart() {
        let header = format!("t=1700000000,v1={KNOWN}");
        let now = at(1_700_000_000);
        assert_eq!(verify(None, BODY, &[SECRET.into()], now), Err(Forged::Missing));
        assert_eq!(verify(Some(&header), BODY, &[], now), Err(Forged::Mismatch));
        assert_eq!(verify(Some(&header), BODY, &[String::new()], now), Err(Forged::Mismatch));
        assert_eq!(check(&header, br#"{"id":"evt_2"}"#, 1_700_000_000), Err(Forged::Mismatch));
        assert_eq!(check(&header.replace("t=1700000000", "t=1700000001"), BODY, 1_700_000_000), Err(Forged::Mismatch));
        let long = "v1=".repeat(5000);
        for header in ["", "v1=", "t=1", "t=,v1=00", "t=-5,v1=00", "t=12345678901234567890,v1=00", "nonsense", &long] {
            assert_eq!(check(header, BODY, 1_700_000_000), Err(Forged::Malformed), "{header:.40}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_header_panics_and_only_the_signed_body_passes(header in ".{0,200}", body: Vec<u8>) {
            proptest::prop_assert!(check(&header, &body, 1_700_000_000).is_err());
            proptest::prop_assert!(check(&sign(&body, SECRET, at(1_700_000_000)), &body, 1_700_000_000).is_ok());
        }
    }
}
