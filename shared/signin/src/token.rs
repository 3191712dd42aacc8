//! Whose a token is: the signature of the pool, then the claims.
//!
//! What a stranger can order is bounded: without a key of the pool's nothing is computed, and its keys are fetched once a minute
//! at most, whatever ids tokens name.

use std::{future::Future, sync::Once};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use comptoir::{clock::Clock, outcome::ServiceError};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{
    Algorithm, DecodingKey, DecodingKeyKind, Validation,
    crypto::{CryptoProvider, JwtVerifier, KeyUtils},
    decode, decode_header,
    errors::{Error, ErrorKind},
    jwk::JwkSet,
    signature::{Error as SignatureError, Verifier},
};
use tokio::sync::Mutex;

use crate::{
    claims::{Bearer, Claims, Pool, judge},
    cognito::{Cognito, WHAT},
};

/// Longest token that is looked at, in bytes: one with many groups has some 2,000.
const LONGEST: usize = 8 * 1024;

/// How long keys are kept: one that was withdrawn is good for nothing afterwards.
const KEPT: SignedDuration = SignedDuration::from_hours(1);

/// Least time between two looks at the keys.
const PATIENCE: SignedDuration = SignedDuration::from_mins(1);

/// Least time between two looks while none is known: a member waits for it.
const IMPATIENCE: SignedDuration = SignedDuration::from_secs(5);

/// Where the pool's public keys are.
pub trait Keys: Send + Sync {
    /// A set of keys, as JSON.
    fn fetch(&self) -> impl Future<Output = Result<Vec<u8>, ServiceError>> + Send;
}

/// The keys of a pool of Cognito's.
#[derive(Debug)]
pub struct PoolKeys<C> {
    /// Cognito.
    pub cognito: Cognito<C>,
    /// The pool's id.
    pub pool: String,
}

impl<C: Clock> Keys for PoolKeys<C> {
    async fn fetch(&self) -> Result<Vec<u8>, ServiceError> {
        self.cognito.keys(&self.pool).await
    }
}

#[derive(Debug, Default)]
struct Kept {
    set: Option<JwkSet>,
    fetched_at: Option<Timestamp>,
    tried_at: Option<Timestamp>,
}

/// Tokens of one pool.
#[derive(Debug)]
pub struct Tokens<K> {
    pool: Pool,
    keys: K,
    kept: Mutex<Kept>,
}

/// Whether a text has the form of a token: three parts of base64, of which the first is a JSON object. No key of ours has.
pub fn is_one(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    let [header, _, _] = parts.as_slice() else { return false };
    let header = URL_SAFE_NO_PAD.decode(header).ok();
    header.is_some_and(|header| serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(&header).is_ok())
}

impl<K: Keys> Tokens<K> {
    /// Tokens of this pool.
    pub fn new(pool: Pool, keys: K) -> Self {
        use_ring();
        Self { pool, keys, kept: Mutex::default() }
    }

    /// Whose this token is; `None`, for whatever reason, if it is not good.
    ///
    /// # Errors
    /// Transient: the pool's keys cannot be read.
    pub async fn bearer(&self, token: &str, now: Timestamp) -> Result<Option<Bearer>, ServiceError> {
        if token.len() > LONGEST {
            return Ok(None);
        }
        let Ok(header) = decode_header(token) else { return Ok(None) };
        // The header is the sender's own word: a pool signs with RS256, and nothing else is looked at.
        let (Algorithm::RS256, Some(kid)) = (header.alg, header.kid) else { return Ok(None) };
        let Some(key) = self.key(&kid, now).await? else { return Ok(None) };
        let claims = decode::<Claims>(token, &key, &signature_alone()).ok();
        Ok(claims.and_then(|decoded| judge(decoded.claims, &self.pool, now)))
    }

    /// The key with this id.
    async fn key(&self, kid: &str, now: Timestamp) -> Result<Option<DecodingKey>, ServiceError> {
        let mut kept = self.kept.lock().await;
        let since = |at: Option<Timestamp>| at.map_or(SignedDuration::MAX, |at| now.duration_since(at).abs());
        let known = kept.set.as_ref().is_some_and(|set| set.find(kid).is_some());
        let patience = if kept.set.is_some() { PATIENCE } else { IMPATIENCE };
        let stale = since(kept.fetched_at) > KEPT;
        if (!known || stale) && since(kept.tried_at) >= patience {
            kept.tried_at = Some(now);
            match self.keys.fetch().await.and_then(|body| read(&body)) {
                Ok(set) => {
                    kept.set = Some(set);
                    kept.fetched_at = Some(now);
                }
                // The known ones serve while the pool does not answer.
                Err(_) if known => {}
                Err(error) => return Err(error),
            }
        }
        let Some(set) = &kept.set else {
            return Err(ServiceError::transient(WHAT, "its keys could not be read a moment ago"));
        };
        Ok(set.find(kid).and_then(|key| DecodingKey::from_jwk(key).ok()))
    }
}

fn read(body: &[u8]) -> Result<JwkSet, ServiceError> {
    serde_json::from_slice(body).map_err(|_| ServiceError::transient(WHAT, "its keys are no set of keys"))
}

/// Claims are judged apart, by a clock that tests can set.
fn signature_alone() -> Validation {
    let mut validation = Validation::new(Algorithm::RS256);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation
}

/// The one algorithm of user pools, on the cryptography that TLS links already.
struct Rs256(DecodingKey);

impl Verifier<Vec<u8>> for Rs256 {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), SignatureError> {
        let DecodingKeyKind::RsaModulusExponent { n, e } = self.0.kind() else { return Err(SignatureError::new()) };
        ring::signature::RsaPublicKeyComponents { n, e }
            .verify(&ring::signature::RSA_PKCS1_2048_8192_SHA256, message, signature)
            .map_err(|_| SignatureError::new())
    }
}

impl JwtVerifier for Rs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::RS256
    }
}

fn use_ring() {
    static PROVIDER: CryptoProvider = CryptoProvider {
        signer_factory: |_, _| Err(unknown_algorithm()),
        verifier_factory: |algorithm, key| match algorithm {
            Algorithm::RS256 => Ok(Box::new(Rs256(key.clone()))),
            _ => Err(unknown_algorithm()),
        },
        key_utils: KeyUtils::new_unimplemented(),
    };
    static ONCE: Once = Once::new();
    // If another caller in this process was first, it installed the same.
    ONCE.call_once(|| PROVIDER.install_default().map_or((), drop));
}

fn unknown_algorithm() -> Error {
    ErrorKind::InvalidAlgorithm.into()
}

#[cfg(test)]
mod tests;
