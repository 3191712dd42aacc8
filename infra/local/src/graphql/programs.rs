//! Programs that sign with IAM: their known keys, and the verification of their requests.
//!
//! Each has a key of this bundle. A signature (Signature Version 4, IAM User Guide) is recomputed over the request with
//! the secret of the key that it names, and must be equal.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use jiff::Timestamp;

use super::grants::Grant;
use super::identity::Identity;
use super::told::Told;
use crate::aws::REGION;
use crate::secrets;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const SERVICE: &str = "appsync";
const DATED: &str = "%Y%m%dT%H%M%SZ";

/// How far a signature's date may be from now.
const SKEW: Duration = Duration::from_secs(300);

/// A key of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its key id.
    pub id: String,
    /// Its secret.
    pub secret: String,
}

/// The known programs.
#[derive(Debug, Default)]
pub struct Programs(Vec<(Key, Grant)>);

/// A request that is signed, or claims to be.
#[derive(Clone, Debug)]
pub struct Signed<'a> {
    /// `POST`.
    pub method: &'a str,
    /// Path and query, as received.
    pub path: &'a str,
    /// Names in lower case.
    pub headers: &'a BTreeMap<String, String>,
    /// The body.
    pub body: &'a [u8],
}

impl Key {
    /// The headers of a request, with the signature headers added.
    ///
    /// # Errors
    /// When the request cannot be sent.
    pub fn sign(&self, request: &Signed<'_>, at: Timestamp) -> anyhow::Result<BTreeMap<String, String>> {
        let mut headers = request.headers.clone();
        headers.insert("x-amz-date".to_owned(), at.strftime(DATED).to_string());
        let names: Vec<&str> = headers.keys().map(String::as_str).collect();
        let signature = signature(self, &Signed { headers: &headers, ..request.clone() }, &names, at)?;
        let (scope, names) = (scope(at), names.join(";"));
        let claim = format!("{ALGORITHM} Credential={}/{scope}, SignedHeaders={names}, Signature={signature}", self.id);
        headers.insert("authorization".to_owned(), claim);
        Ok(headers)
    }
}

/// The scope of a signature of this day.
fn scope(at: Timestamp) -> String {
    format!("{}/{REGION}/{SERVICE}/aws4_request", at.strftime("%Y%m%d"))
}

impl Programs {
    /// A key for each role, whose id begins with `prefix`.
    pub fn new(grants: impl IntoIterator<Item = Grant>, prefix: &str) -> Self {
        let one = |grant: Grant| (Key { id: secrets::random(prefix), secret: secrets::random("") }, grant);
        Self(grants.into_iter().map(one).collect())
    }

    /// The key of a role.
    pub fn key(&self, role: &str) -> Option<&Key> {
        self.0.iter().find(|(_, grant)| grant.role == role).map(|(key, _)| key)
    }

    /// Whether this `Authorization` header claims a signature.
    pub fn claims(authorization: Option<&String>) -> bool {
        authorization.is_some_and(|claim| claim.trim_start().starts_with(ALGORITHM))
    }

    /// The program that signed a request.
    ///
    /// # Errors
    /// Why the signature is rejected, in AWS's words.
    pub fn signer(&self, request: &Signed<'_>, now: Timestamp) -> Result<Identity, Told> {
        let authorization = request.headers.get("authorization").map(String::as_str).unwrap_or_default();
        let claim = Claim::read(authorization).ok_or_else(incomplete)?;
        let known = self.0.iter().find(|(key, _)| key.id == claim.key);
        let (key, grant) = known.ok_or_else(|| {
            refused("UnrecognizedClientException", "The security token included in the request is invalid.")
        })?;
        let signed = |name: &str| claim.headers.contains(&name);
        if !signed("host") || !signed("x-amz-date") {
            return Err(incomplete());
        }
        let date = request.headers.get("x-amz-date").ok_or_else(incomplete)?;
        let at =
            jiff::fmt::strtime::parse(DATED, date).and_then(|parsed| parsed.to_datetime()).map_err(|_| incomplete())?;
        let at = at.to_zoned(jiff::tz::TimeZone::UTC).map_err(|_| incomplete())?.timestamp();
        if now.duration_since(at).unsigned_abs() > SKEW {
            return Err(refused("InvalidSignatureException", "Signature expired, or dated in the future."));
        }
        let scope = scope(at);
        if claim.scope != scope {
            let message = format!("Credential should be scoped to {scope}.");
            return Err(refused("InvalidSignatureException", &message));
        }
        let mismatch = || {
            let message = "The request signature we calculated does not match the signature you provided.";
            refused("InvalidSignatureException", message)
        };
        let expected = signature(key, request, &claim.headers, at).map_err(|_| mismatch())?;
        // Both have the fixed length of a signature; the tag compares them in constant time.
        let same = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, key.secret.as_bytes());
        let tag = ring::hmac::sign(&same, expected.as_bytes());
        ring::hmac::verify(&same, claim.signature.as_bytes(), tag.as_ref()).map_err(|_| mismatch())?;
        Ok(Identity::Program { role: grant.role.clone(), may: grant.may.clone() })
    }
}

/// The signature by this key over these headers of a request.
fn signature(key: &Key, request: &Signed<'_>, names: &[&str], at: Timestamp) -> anyhow::Result<String> {
    let identity = Credentials::new(&key.id, &key.secret, None, None, "local").into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(REGION)
        .name(SERVICE)
        .time(SystemTime::from(at))
        .settings(SigningSettings::default())
        .build()?;
    let header = |name| Some((name, request.headers.get(name)?.as_str()));
    let headers: Option<Vec<(&str, &str)>> = names.iter().copied().map(header).collect();
    let headers = headers.context("a header that is signed did not come")?;
    // The signer adds the date itself, as the caller's signer did.
    let headers = headers.into_iter().filter(|(name, _)| *name != "x-amz-date");
    let host = request.headers.get("host").context("no host")?;
    let url = format!("http://{host}{}", request.path);
    let request = SignableRequest::new(request.method, url, headers, SignableBody::Bytes(request.body))?;
    Ok(sign(request, &params.into())?.into_parts().1)
}

/// Parses `Authorization`: `AWS4-HMAC-SHA256 Credential=<key>/<scope>, SignedHeaders=<a;b>, Signature=<hex>`.
struct Claim<'a> {
    key: &'a str,
    scope: &'a str,
    headers: Vec<&'a str>,
    signature: &'a str,
}

impl<'a> Claim<'a> {
    fn read(authorization: &'a str) -> Option<Self> {
        let parts = authorization.trim().strip_prefix(ALGORITHM)?;
        let part = |name: &str| parts.split(',').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='));
        let (key, scope) = part("Credential")?.split_once('/')?;
        let headers = part("SignedHeaders")?.split(';').collect();
        Some(Self { key, scope, headers, signature: part("Signature")? })
    }
}

fn incomplete() -> Told {
    refused("IncompleteSignatureException", "Authorization is no complete Signature Version 4.")
}

fn refused(kind: &str, message: &str) -> Told {
    Told::new(kind, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_795_257_000, 0);
    const BODY: &[u8] = b"{\"query\":\"{ me { id } }\"}";

    fn programs() -> Programs {
        let grant = Grant { role: "Publisher".to_owned(), may: vec!["types/Mutation/fields/publish".to_owned()] };
        Programs::new([grant], "LOCAL")
    }

    /// The headers of a request that this key signs.
    fn headers(key: &Key, at: Timestamp) -> BTreeMap<String, String> {
        let text = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let headers = BTreeMap::from([text("host", "127.0.0.1:4100"), text("content-type", "application/json")]);
        key.sign(&signed(&headers, BODY), at).unwrap()
    }

    fn signed<'a>(headers: &'a BTreeMap<String, String>, body: &'a [u8]) -> Signed<'a> {
        Signed { method: "POST", path: "/graphql", headers, body }
    }

    #[test]
    fn who_signs_with_a_known_key_is_its_role() {
        let programs = programs();
        let key = programs.key("Publisher").unwrap().clone();
        let right = headers(&key, NOW);
        let Ok(Identity::Program { role, may }) = programs.signer(&signed(&right, BODY), NOW) else {
            panic!("refused")
        };
        assert_eq!((role.as_str(), may.len()), ("Publisher", 1));
        let later = NOW + jiff::SignedDuration::from_secs(299);
        assert!(programs.signer(&signed(&right, BODY), later).is_ok());
    }

    #[test]
    fn what_is_not_signed_by_its_key_is_refused() {
        let programs = programs();
        let key = programs.key("Publisher").unwrap().clone();
        let right = headers(&key, NOW);
        let refused = |headers: &BTreeMap<String, String>, body: &[u8], now| {
            programs.signer(&signed(headers, body), now).unwrap_err().error_type
        };
        let with = |name: &str, value: &str| {
            let mut headers = right.clone();
            headers.insert(name.to_owned(), value.to_owned());
            headers
        };
        let claim = right["authorization"].clone();
        let invalid = "InvalidSignatureException";
        assert_eq!(refused(&right, b"{\"query\":\"{ me }\"}", NOW), invalid);
        assert_eq!(refused(&with("content-type", "text/plain"), BODY, NOW), invalid);
        assert_eq!(refused(&with("host", "elsewhere"), BODY, NOW), invalid);
        assert_eq!(refused(&right, BODY, NOW + jiff::SignedDuration::from_secs(301)), invalid);
        assert_eq!(refused(&right, BODY, NOW - jiff::SignedDuration::from_secs(301)), invalid);
        let another = Key { secret: "another".to_owned(), ..key.clone() };
        assert_eq!(refused(&headers(&another, NOW), BODY, NOW), invalid);
        let another = Key { id: "another".to_owned(), ..key };
        assert_eq!(refused(&headers(&another, NOW), BODY, NOW), "UnrecognizedClientException");
        for (from, to) in [(REGION, "us-east-1"), ("appsync", "s3"), ("20261121", "20261120")] {
            assert_eq!(refused(&with("authorization", &claim.replace(from, to)), BODY, NOW), invalid, "{from}");
        }
        let incomplete = "IncompleteSignatureException";
        assert_eq!(refused(&with("x-amz-date", "yesterday"), BODY, NOW), incomplete);
        for (from, to) in
            [("host;", ""), (";x-amz-date", ""), ("Signature=", "S="), ("Credential=", "C="), (ALGORITHM, "")]
        {
            assert_eq!(refused(&with("authorization", &claim.replace(from, to)), BODY, NOW), incomplete, "{from}");
        }
        let empty = claim.split("Signature=").next().unwrap().to_owned() + "Signature=";
        assert_eq!(refused(&with("authorization", &empty), BODY, NOW), invalid);
        assert!(Programs::default().signer(&signed(&right, BODY), NOW).is_err());
    }
}
