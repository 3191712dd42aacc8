//! Verifies user pool tokens as AppSync does: signature, issuer, expiry, use, and client.

use std::sync::{Mutex, Once, PoisonError};

use jiff::Timestamp;
use jsonwebtoken::crypto::{CryptoProvider, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::signature::{Error as SignatureError, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind, Validation, decode, decode_header};
use serde_json::{Map, Value};

use super::identity::Member;
use super::told::Told;
use crate::aws::Aws;

/// The user pool whose tokens are accepted.
#[derive(Debug)]
pub struct Pool {
    /// The issuer: the pool's address.
    pub issuer: String,
    /// The client that members sign in with.
    pub client: String,
    aws: Aws,
    /// The path of its public keys.
    keys_path: String,
    keys: Mutex<Option<JwkSet>>,
}

impl Pool {
    /// The pool of this id, at the stand-in for AWS.
    pub fn new(aws: Aws, id: &str, client: &str) -> Self {
        use_ring();
        Self {
            issuer: format!("https://cognito-idp.{}.amazonaws.com/{id}", crate::aws::REGION),
            client: client.to_owned(),
            aws,
            keys_path: format!("/{id}/.well-known/jwks.json"),
            keys: Mutex::default(),
        }
    }

    /// The bearer of this `Authorization` header.
    ///
    /// # Errors
    /// Why the token is rejected, in AppSync's words.
    pub async fn member(&self, authorization: Option<&str>, now: Timestamp) -> Result<Member, Told> {
        let given = authorization.map(str::trim).filter(|given| !given.is_empty());
        let given = given.ok_or_else(|| refused("Valid authorization header not provided."))?;
        let token = given.strip_prefix("Bearer ").unwrap_or(given).trim();
        let header = decode_header(token).map_err(|_| refused("Unable to parse JWT token."))?;
        // The header is the sender's own claim: neither "none" nor a shared secret is accepted.
        if header.alg != Algorithm::RS256 {
            return Err(refused("Unable to parse JWT token."));
        }
        let kid = header.kid.unwrap_or_default();
        let key = self.key(&kid).await.ok_or_else(|| refused("Unable to verify JWT token signature."))?;
        let claims = decode::<Map<String, Value>>(token, &key, &signature_alone())
            .map_err(|_| refused("Unable to verify JWT token signature."))?
            .claims;
        self.judge(&claims, now)?;
        Ok(Member { claims })
    }

    /// What else the claims of a token signed by the pool must hold.
    fn judge(&self, claims: &Map<String, Value>, now: Timestamp) -> Result<(), Told> {
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        let right =
            |right: bool| if right { Ok(()) } else { Err(refused("You are not authorized to make this call.")) };
        right(text("iss") == Some(&self.issuer))?;
        let client = match text("token_use") {
            Some("id") => text("aud"),
            Some("access") => text("client_id"),
            // A refresh token is valid at the pool only.
            _ => None,
        };
        right(client == Some(&self.client) && text("sub").is_some_and(|sub| !sub.is_empty()))?;
        let until = claims.get("exp").and_then(Value::as_i64).unwrap_or_default();
        if until <= now.as_second() { Err(refused("Token has expired.")) } else { Ok(()) }
    }

    /// The key with this id; an unknown one may be new, so keys are fetched again.
    async fn key(&self, kid: &str) -> Option<DecodingKey> {
        if let Some(key) = self.known(kid) {
            return Some(key);
        }
        let answer = self.aws.get("cognito-idp", &self.keys_path).await.ok()?;
        let keys: JwkSet = serde_json::from_value(answer).ok()?;
        *self.keys.lock().unwrap_or_else(PoisonError::into_inner) = Some(keys);
        self.known(kid)
    }

    fn known(&self, kid: &str) -> Option<DecodingKey> {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        DecodingKey::from_jwk(keys.as_ref()?.find(kid)?).ok()
    }
}

fn refused(message: &str) -> Told {
    Told::new("UnauthorizedException", message)
}

/// Claims are checked here, against a clock that tests can set.
fn signature_alone() -> Validation {
    let mut validation = Validation::new(Algorithm::RS256);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation
}

/// The one algorithm of user pools, on the cryptography library the workspace has already.
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
mod tests {
    use serde_json::json;

    use super::*;

    fn pool() -> Pool {
        Pool::new(Aws::new("http://127.0.0.1:1".to_owned(), "key".to_owned()), "eu-west-3_pool", "client")
    }

    #[test]
    fn claims_are_those_of_this_pool_and_client_and_of_now() {
        let pool = pool();
        let now = Timestamp::from_second(1_000).unwrap();
        let claims = |change: Value| {
            let mut claims = json!({
                "iss": "https://cognito-idp.eu-west-3.amazonaws.com/eu-west-3_pool",
                "sub": "zoe", "token_use": "access", "client_id": "client", "exp": 1_001,
            });
            let fields = claims.as_object_mut().unwrap();
            fields.extend(change.as_object().cloned().unwrap());
            fields.clone()
        };
        let judged = |change: Value| pool.judge(&claims(change), now).map_err(|told| told.message);
        assert_eq!(judged(json!({})), Ok(()));
        assert_eq!(judged(json!({"token_use": "id", "aud": "client"})), Ok(()));
        assert_eq!(judged(json!({"exp": 1_000})), Err("Token has expired.".to_owned()));
        assert_eq!(judged(json!({"exp": null})), Err("Token has expired.".to_owned()));
        for change in [
            json!({"iss": "https://cognito-idp.eu-west-3.amazonaws.com/eu-west-3_other"}),
            json!({"client_id": "another"}),
            json!({"token_use": "id"}),
            json!({"token_use": "id", "aud": "another"}),
            json!({"token_use": "refresh"}),
            json!({"token_use": null}),
            json!({"sub": ""}),
        ] {
            assert!(judged(change.clone()).is_err(), "{change}");
        }
    }

    #[tokio::test]
    async fn what_is_no_token_is_refused_before_any_key_is_looked_for() {
        let pool = pool();
        // {"alg":"none"}.{"sub":"zoe"}. and {"alg":"HS256"}...
        for (given, message) in [
            (None, "Valid authorization header not provided."),
            (Some("  "), "Valid authorization header not provided."),
            (Some("Bearer nonsense"), "Unable to parse JWT token."),
            (Some("eyJhbGciOiJub25lIn0.eyJzdWIiOiJ6b2UifQ."), "Unable to parse JWT token."),
            (Some("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ6b2UifQ.AAAA"), "Unable to parse JWT token."),
        ] {
            let told = pool.member(given, Timestamp::UNIX_EPOCH).await.unwrap_err();
            assert_eq!((told.error_type.as_str(), told.message.as_str()), ("UnauthorizedException", message));
        }
    }
}
