//! Stripe's webhook signature: HMAC-SHA256 over `{timestamp}.{raw body}` (docs.stripe.com/webhooks, "Verify manually").
//!
//! The raw bytes are verified before anything is parsed, and a stranger decides how much work that is: the header's form and
//! time are checked first, and then the body is read once for each secret, whatever the header holds. Stripe signs with both
//! secrets during a rotation, so every `v1` is compared with every secret; comparisons take constant time.

use hmac::{Hmac, KeyInit, Mac, digest::CtOutput};
use jiff::Timestamp;
use sha2::Sha256;

use crate::outcome::Reason;

/// Tolerance between a signature's timestamp and our clock, in seconds, either way.
pub const TOLERANCE_SECONDS: i64 = 300;

/// Longest header that is read, in bytes. A real one with two secrets has about 200.
const LONGEST_HEADER: usize = 4096;

/// Most `v1` in a header. Stripe sends one for each secret in force, of which an endpoint has two during a rotation.
const MOST_SIGNATURES: usize = 8;

/// Bytes of a signature: an HMAC-SHA256.
const SIGNATURE_BYTES: usize = 32;

/// Why a request is not from Stripe, or too old.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Forged {
    /// No header at all.
    #[error("the Stripe-Signature header is missing")]
    Missing,
    /// No `t`, no `v1`, more than eight `v1`, or a value of another form: `v1` is 32 bytes in hex.
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

/// A signature; two are compared in constant time.
type Signature = CtOutput<Hmac<Sha256>>;

/// A header of the right form, whose time is within the tolerance. Nothing of it is proven until [`verify`](Self::verify).
#[derive(Debug)]
pub struct SignatureHeader<'a> {
    /// As written, because it is part of the signed payload.
    time: &'a str,
    signatures: Vec<Signature>,
}

impl<'a> SignatureHeader<'a> {
    /// Reads the header, and compares its time with `now`.
    ///
    /// # Errors
    /// When it is missing, malformed, too old or too new.
    pub fn read(header: Option<&'a str>, now: Timestamp) -> Result<Self, Forged> {
        let (time, signatures) = parse(header.ok_or(Forged::Missing)?).ok_or(Forged::Malformed)?;
        let seconds: i64 = time.parse().map_err(|_| Forged::Malformed)?;
        match now.as_second().saturating_sub(seconds) {
            age if age > TOLERANCE_SECONDS => Err(Forged::Stale),
            age if age < -TOLERANCE_SECONDS => Err(Forged::Future),
            _ => Ok(Self { time, signatures }),
        }
    }

    /// Checks that `body` was signed with one of `secrets`. Reads the body once for each of them.
    ///
    /// # Errors
    /// [`Forged::Mismatch`] if it was not.
    pub fn verify(&self, body: &[u8], secrets: &[String]) -> Result<(), Forged> {
        self.verify_by(secrets, |secret, time| mac(secret, time, body))
    }

    /// The same with the secrets in force, after it failed with those that were `known`: a secret that was tried is not tried
    /// again.
    ///
    /// # Errors
    /// [`Forged::Mismatch`] if it was not signed with a new one either.
    pub fn verify_renewed(&self, body: &[u8], known: &[String], renewed: &[String]) -> Result<(), Forged> {
        self.verify(body, &unknown(known, renewed))
    }

    /// The same by another MAC of the body, given a secret and the time as written. It is asked once for each secret, so that
    /// a caller may count the work.
    ///
    /// # Errors
    /// [`Forged::Mismatch`] if none is among the header's.
    pub fn verify_by(
        &self,
        secrets: &[String],
        mut mac: impl FnMut(&str, &str) -> Option<[u8; SIGNATURE_BYTES]>,
    ) -> Result<(), Forged> {
        let mut genuine = false;
        for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
            let Some(expected) = mac(secret, self.time) else { continue };
            let expected = Signature::new(expected.into());
            genuine = self.signatures.iter().fold(genuine, |genuine, signature| genuine | (*signature == expected));
        }
        if genuine { Ok(()) } else { Err(Forged::Mismatch) }
    }
}

fn unknown(known: &[String], renewed: &[String]) -> Vec<String> {
    renewed.iter().filter(|secret| !known.contains(secret)).cloned().collect()
}

/// Checks that `body` was signed with one of `secrets`, within the tolerance around `now`.
///
/// # Errors
/// Says which check failed, never what was expected.
pub fn verify(header: Option<&str>, body: &[u8], secrets: &[String], now: Timestamp) -> Result<(), Forged> {
    SignatureHeader::read(header, now)?.verify(body, secrets)
}

/// The header that Stripe would send for `body` at `now`, for the bundle on one machine and for replays.
pub fn sign(body: &[u8], secret: &str, now: Timestamp) -> String {
    let time = now.as_second().to_string();
    let signature = mac(secret, &time, body).map(hex::encode);
    format!("t={time},v1={}", signature.unwrap_or_default())
}

fn mac(secret: &str, time: &str, body: &[u8]) -> Option<[u8; SIGNATURE_BYTES]> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).ok()?;
    mac.update(time.as_bytes());
    mac.update(b".");
    mac.update(body);
    Some(mac.finalize().into_bytes().into())
}

/// The timestamp as written, and every `v1`.
fn parse(header: &str) -> Option<(&str, Vec<Signature>)> {
    if header.len() > LONGEST_HEADER {
        return None;
    }
    let mut time = None;
    let mut signatures = Vec::new();
    for (key, value) in header.split(',').filter_map(|part| part.trim().split_once('=')) {
        match key {
            "t" if time.is_none() => time = Some(value),
            "v1" if signatures.len() == MOST_SIGNATURES => return None,
            "v1" => {
                let mut signature = [0; SIGNATURE_BYTES];
                hex::decode_to_slice(value, &mut signature).ok()?;
                signatures.push(Signature::new(signature.into()));
            }
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
        let header = format!("t=1700000000, v0=zz,v1={wrong},v1={},v1={KNOWN}", KNOWN.to_uppercase());
        assert_eq!(check(&header, BODY, 1_700_000_010), Ok(()));
    }

    /// Hostile headers, and how many MACs of the body with two secrets each may cost.
    #[test]
    fn a_stranger_does_not_choose_how_often_the_body_is_read() {
        let zeros = format!("v1={}", "00".repeat(32));
        let wrong = zeros.as_str();
        let with = |values: &[&str]| format!("t=1700000000,{}", values.join(","));
        for (header, macs, answer) in [
            (with(&[wrong]), 2, Forged::Mismatch),
            (with(&[wrong; 8]), 2, Forged::Mismatch),
            (with(&[wrong; 9]), 0, Forged::Malformed),
            (with(&[wrong, "v1="]), 0, Forged::Malformed),
            (with(&["v1="; 64]), 0, Forged::Malformed),
            (with(&["v1="; 1020]), 0, Forged::Malformed),
            (with(&[wrong, "v1=zz"]), 0, Forged::Malformed),
            (with(&["v1=00"]), 0, Forged::Malformed),
            (with(&[&format!("{wrong}00")]), 0, Forged::Malformed),
            (with(&[&format!("{wrong} ")]), 2, Forged::Mismatch),
            (with(&["v0=00"]), 0, Forged::Malformed),
            (format!("t=1699999699,{wrong}"), 0, Forged::Stale),
            (format!("t=1700000301,{wrong}"), 0, Forged::Future),
            (format!("t=9999999999999999999,{wrong}"), 0, Forged::Malformed),
            (format!("t=now,{wrong}"), 0, Forged::Malformed),
            (String::new(), 0, Forged::Malformed),
        ] {
            assert_eq!(counted(&header, &["whsec_old", SECRET, ""], &[]), (macs, Err(answer)), "{header:.80}");
        }
        assert_eq!(counted(&with(&[&format!("v1={KNOWN}")]), &[SECRET, "whsec_old"], &[]), (2, Ok(())));
    }

    #[test]
    fn a_second_look_is_for_new_secrets_alone() {
        let header = format!("t=1700000000,v1={KNOWN}");
        let mismatch = Err(Forged::Mismatch);
        assert_eq!(counted(&header, &["whsec_a", "whsec_b"], &["whsec_b", "whsec_a"]), (2, mismatch));
        assert_eq!(counted(&header, &["whsec_a", "whsec_b"], &["whsec_b", "whsec_c"]), (3, mismatch));
        assert_eq!(counted(&header, &["whsec_a"], &["whsec_a", SECRET]), (2, Ok(())));
        assert_eq!(counted(&header, &["whsec_a"], &[]), (1, mismatch));
    }

    /// How many MACs of the body it takes, with the secrets known and, after a mismatch, with the renewed ones.
    fn counted(header: &str, known: &[&str], renewed: &[&str]) -> (usize, Result<(), Forged>) {
        let owned = |secrets: &[&str]| secrets.iter().map(|secret| (*secret).to_owned()).collect::<Vec<_>>();
        let (known, renewed) = (owned(known), owned(renewed));
        let mut count = 0;
        let answer = SignatureHeader::read(Some(header), at(1_700_000_000)).and_then(|header| {
            let mut look = |secrets: &[String]| {
                header.verify_by(secrets, |secret, time| {
                    count += 1;
                    mac(secret, time, BODY)
                })
            };
            look(&known).or_else(|_| look(&unknown(&known, &renewed)))
        });
        (count, answer)
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
