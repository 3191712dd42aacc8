//! The signature header, against a reference implementation of the definitions (RFC 2104, docs.stripe.com/webhooks).

use comptoir::stripe::signature::{self, SignatureHeader, TOLERANCE_SECONDS};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

/// The end of the year 9999; Stripe's times are never negative.
const LATEST: u64 = 253_402_207_200;
/// Longer headers are not tested.
const LONGEST_HEADER: usize = 4096;
/// A header with more is refused.
const MOST_SIGNATURES: usize = 8;
/// One digit in this many of a header is changed.
const STEP: usize = 9;

/// Lines: our time, the seconds that Stripe's clock is ahead, secrets, the header, and the rest is the body. In the
/// header `@` stands for Stripe's time and `$` for the valid signature, which no mutation would find.
pub fn header(data: &[u8]) {
    let mut lines = data.splitn(5, |byte| *byte == b'\n').map(|line| String::from_utf8_lossy(line).into_owned());
    let mut line = || lines.next().unwrap_or_default();
    let now = i64::try_from(line().parse::<u64>().unwrap_or_default().min(LATEST)).unwrap();
    let ahead = i64::from(line().parse::<i16>().unwrap_or_default());
    let secrets: Vec<String> = line().split(',').map(str::to_owned).collect();
    let header = line();
    let body = data.splitn(5, |byte| *byte == b'\n').nth(4).unwrap_or_default();
    let signed_at = now.saturating_add(ahead).clamp(0, LATEST.cast_signed());
    let ours = Timestamp::from_second(now).unwrap();

    let time = signed_at.to_string();
    let header = header.replace('@', &time).replace('$', &hex::encode(hmac(&secrets[0], &time, body)));
    let accepted = signature::verify(Some(&header), body, &secrets, ours).is_ok();
    assert_eq!(accepted, reference(&header, body, &secrets, now), "the reference disagrees about {header:?}");
    once_for_each_secret(&header, body, &secrets, ours);

    if secrets[0].is_empty() {
        return;
    }
    let genuine = signature::sign(body, &secrets[0], Timestamp::from_second(signed_at).unwrap());
    let ours_only = &secrets[..1];
    let fresh = signed_at.abs_diff(now) <= TOLERANCE_SECONDS.unsigned_abs();
    assert_eq!(signature::verify(Some(&genuine), body, ours_only, ours).is_ok(), fresh, "{signed_at} at {now}");
    changed(&genuine, body, &secrets[0], ours);
}

/// Whatever the header holds, the body is read once for each secret, and not at all for one that is refused by its form or time.
fn once_for_each_secret(header: &str, body: &[u8], secrets: &[String], now: Timestamp) {
    let Ok(read) = SignatureHeader::read(Some(header), now) else { return };
    let mut macs = 0;
    let answer = read.verify_by(secrets, |secret, time| {
        macs += 1;
        hmac(secret, time, body).try_into().ok()
    });
    assert_eq!(macs, secrets.iter().filter(|secret| !secret.is_empty()).count(), "{header:?}");
    assert_eq!(answer, signature::verify(Some(header), body, secrets, now), "{header:?}");
}

/// Changing a byte of the body, a digit of the header, or the secret must invalidate the signature.
fn changed(genuine: &str, body: &[u8], secret: &str, now: Timestamp) {
    let refused = |header: &str, body: &[u8], secret: &str| {
        let answer = signature::verify(Some(header), body, &[secret.to_owned()], now);
        assert!(answer.is_err(), "accepted {header:?} although changed");
    };
    for place in [0, body.len() / 2, body.len().saturating_sub(1)] {
        let mut other = body.to_vec();
        match other.get_mut(place) {
            Some(byte) => *byte ^= 1,
            None => other.push(b' '),
        }
        refused(genuine, &other, secret);
    }
    let digits: Vec<char> = genuine.chars().collect();
    // A sample for each input; inputs differ in the sample.
    let numbers = (0..digits.len()).filter(|place| digits[*place].is_ascii_digit());
    for place in numbers.skip(body.len() % STEP).step_by(STEP) {
        // A changed digit of the scheme makes another scheme; every other digit, another time or signature.
        let mut other = digits.clone();
        other[place] = if digits[place] == '9' { '8' } else { '9' };
        refused(&other.iter().collect::<String>(), body, secret);
    }
    refused(genuine, body, &format!("{secret}x"));
}

fn reference(header: &str, body: &[u8], secrets: &[String], now: i64) -> bool {
    if header.len() > LONGEST_HEADER {
        return false;
    }
    let pairs: Vec<(&str, &str)> = header.split(',').filter_map(|part| part.trim().split_once('=')).collect();
    let Some((_, time)) = pairs.iter().find(|(key, _)| *key == "t") else { return false };
    if time.len() > 19 || time.is_empty() || time.chars().any(|c| !c.is_ascii_digit()) {
        return false;
    }
    let Ok(seconds) = time.parse::<i64>() else { return false };
    let signatures: Vec<&str> = pairs.iter().filter(|(key, _)| *key == "v1").map(|(_, value)| *value).collect();
    let hexadecimal = |value: &&str| value.len() == 64 && value.chars().all(|c| c.is_ascii_hexdigit());
    if signatures.len() > MOST_SIGNATURES || !signatures.iter().all(hexadecimal) {
        return false;
    }
    let signed = |secret: &String| {
        let expected = hex::encode(hmac(secret, time, body));
        signatures.iter().any(|signature| signature.eq_ignore_ascii_case(&expected))
    };
    secrets.iter().filter(|secret| !secret.is_empty()).any(signed)
        && seconds.abs_diff(now) <= TOLERANCE_SECONDS.unsigned_abs()
}

/// HMAC-SHA256 over `{time}.{body}` as RFC 2104 defines it.
fn hmac(secret: &str, time: &str, body: &[u8]) -> Vec<u8> {
    let mut key = if secret.len() > 64 { Sha256::digest(secret).to_vec() } else { secret.as_bytes().to_vec() };
    key.resize(64, 0);
    let padded = |pad: u8| key.iter().map(|byte| byte ^ pad).collect::<Vec<u8>>();
    let inner = Sha256::new().chain_update(padded(0x36)).chain_update(time).chain_update(".").chain_update(body);
    let outer = Sha256::new().chain_update(padded(0x5c)).chain_update(inner.finalize());
    outer.finalize().to_vec()
}
