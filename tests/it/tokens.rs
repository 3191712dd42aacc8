//! Tokens of the bundle's user pool, as it makes them and as somebody forges them: the emulator's keys lie in its folder.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

use anyhow::{Context, Result};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use comptoir_local::{clock, graphql::members::SignedIn};
use comptoir_tests::Shop;
use ring::{rand::SystemRandom, rsa, signature};
use serde_json::{Value, json};

/// The claims of a token, or its header.
pub fn part(token: &str, index: usize) -> Result<Value> {
    let part = token.split('.').nth(index).context("the token has fewer parts")?;
    Ok(serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part)?)?)
}

/// A token of these parts, with this signature.
pub fn token(header: &Value, claims: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", encode(header), encode(claims));
    let signature = sign(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// The key with which the emulator signs a pool's access tokens.
pub fn key(shop: &Shop, pool: &str) -> Result<rsa::KeyPair> {
    let path = shop.bundle.dir.join(format!("aws/state/cognito-pool-keys/{pool}-access.pem"));
    let pem = std::fs::read_to_string(&path).with_context(|| format!("no key in {}", path.display()))?;
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let der = STANDARD.decode(body)?;
    let key = rsa::KeyPair::from_pkcs8(&der).or_else(|_| rsa::KeyPair::from_der(&der));
    key.map_err(|wrong| anyhow::anyhow!("the key of {pool} is not read: {wrong}"))
}

pub fn rs256(key: &rsa::KeyPair, message: &[u8]) -> Vec<u8> {
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&signature::RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).unwrap();
    signature
}

/// Another user pool of the same emulator, with a valid key that is not our pool's.
pub async fn another_pool(shop: &Shop) -> Result<String> {
    let aws = shop.bundle.aws();
    let operation = |name: &str| format!("AWSCognitoIdentityProviderService.{name}");
    let made = aws.json("cognito-idp", &operation("CreateUserPool"), &json!({"PoolName": "another"})).await?;
    let pool = made["UserPool"]["Id"].as_str().context("no pool")?.to_owned();
    // The emulator makes the key on the first request for it.
    aws.get("cognito-idp", &format!("/{pool}/.well-known/jwks.json")).await?;
    Ok(pool)
}

/// The identity that AppSync makes of a token of the bundle's own pool.
pub fn identity(signed_in: &SignedIn) -> Result<Value> {
    let claims = URL_SAFE_NO_PAD.decode(signed_in.id_token.split('.').nth(1).unwrap())?;
    let claims: Value = serde_json::from_slice(&claims)?;
    Ok(json!({
        "sub": claims["sub"], "username": claims["cognito:username"], "issuer": claims["iss"],
        "groups": claims["cognito:groups"], "claims": claims,
    }))
}

/// What is wrong with a token, and the token.
pub type Forged = Vec<(&'static str, String)>;

/// Tokens that are not good, made from a good access token; and one that is, signed here, to show that the others fail for their
/// reason.
pub async fn forged(shop: &Shop, good: &str) -> Result<(Forged, String)> {
    let (header, claims) = (part(good, 0)?, part(good, 1)?);
    let pool = claims["iss"].as_str().context("no issuer")?.rsplit('/').next().unwrap_or_default().to_owned();
    let (ours, theirs) = (key(shop, &pool)?, key(shop, &another_pool(shop).await?)?);
    let with = |change: Value| {
        let mut claims = claims.clone();
        claims.as_object_mut().unwrap().extend(change.as_object().cloned().unwrap());
        claims
    };
    let signed = |change: Value| token(&header, &with(change), |message| rs256(&ours, message));
    let now = clock::now().as_second();
    let unsigned = |algorithm: &str| token(&json!({"alg": algorithm, "kid": header["kid"]}), &claims, |_| Vec::new());
    let own: Vec<&str> = good.split('.').collect();
    let somebody = URL_SAFE_NO_PAD.encode(with(json!({"username": "somebody"})).to_string());
    let unknown = json!({"alg": "RS256", "kid": "unknown"});
    let confused = |secret: &[u8]| {
        let header = json!({"alg": "HS256", "kid": header["kid"]});
        let secret = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret);
        token(&header, &claims, |message| ring::hmac::sign(&secret, message).as_ref().to_vec())
    };
    let public = ring::rsa::PublicKeyComponents::<Vec<u8>>::from(ours.public());
    let forged = vec![
        ("unsigned", unsigned("none")),
        ("RS256 without a signature", unsigned("RS256")),
        ("a shared secret", unsigned("HS256")),
        ("the public key as a shared secret", confused(&public.n)),
        ("another pool's key under our key's name", token(&header, &claims, |message| rs256(&theirs, message))),
        ("a key of no name", token(&json!({"alg": "RS256"}), &claims, |message| rs256(&ours, message))),
        ("a key of an unknown name", token(&unknown, &claims, |message| rs256(&theirs, message))),
        ("claims changed under a true signature", format!("{}.{somebody}.{}", own[0], own[2])),
        ("expired", signed(json!({"exp": now - 1}))),
        ("no expiry", signed(json!({"exp": null}))),
        ("not yet", signed(json!({"nbf": now + 3600}))),
        ("another issuer", signed(json!({"iss": "https://cognito-idp.eu-west-3.amazonaws.com/eu-west-3_stranger"}))),
        ("another client", signed(json!({"client_id": "another"}))),
        ("an ID token for another client", signed(json!({"token_use": "id", "aud": "another"}))),
        ("a refresh token", signed(json!({"token_use": "refresh"}))),
        ("of nobody", signed(json!({"sub": ""}))),
        ("of somebody under another's name", signed(json!({"sub": "somebody"}))),
        ("of a name that nobody has", signed(json!({"username": "somebody"}))),
    ];
    Ok((forged, signed(json!({"exp": now + 60}))))
}
