use std::sync::atomic::{AtomicUsize, Ordering};

use base64::engine::general_purpose::STANDARD;
use ring::{rand::SystemRandom, rsa::KeyPair, signature::RSA_PKCS1_SHA256};
use serde_json::{Value, json};

use super::*;

/// Private keys made for these tests, and of no use elsewhere.
const POOL: &str = include_str!("pool.der.txt");
const OTHER: &str = include_str!("other.der.txt");

const ISSUER: &str = "https://cognito-idp.eu-west-3.amazonaws.com/eu-west-3_pool";

fn pair(text: &str) -> KeyPair {
    KeyPair::from_der(&STANDARD.decode(text.replace('\n', "")).unwrap()).unwrap()
}

fn jwk(kid: &str, text: &str) -> Value {
    let public = ring::rsa::PublicKeyComponents::<Vec<u8>>::from(pair(text).public());
    let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    json!({"kid": kid, "kty": "RSA", "alg": "RS256", "use": "sig", "n": part(&public.n), "e": part(&public.e)})
}

/// Keys that count how often they are fetched.
struct Counted {
    fetched: AtomicUsize,
    fails: std::sync::Mutex<bool>,
    set: std::sync::Mutex<Value>,
}

impl Keys for &Counted {
    async fn fetch(&self) -> Result<Vec<u8>, ServiceError> {
        self.fetched.fetch_add(1, Ordering::SeqCst);
        match *self.fails.lock().unwrap() {
            true => Err(ServiceError::transient(WHAT, "down")),
            false => Ok(self.set.lock().unwrap().to_string().into_bytes()),
        }
    }
}

fn counted() -> Counted {
    let set = std::sync::Mutex::new(json!({"keys": [jwk("k1", POOL)]}));
    Counted { fetched: AtomicUsize::new(0), fails: std::sync::Mutex::new(false), set }
}

fn tokens(keys: &Counted) -> Tokens<&Counted> {
    Tokens::new(Pool { issuer: ISSUER.to_owned(), client: "client".to_owned() }, keys)
}

fn now() -> Timestamp {
    "2026-11-27T10:00:00Z".parse().unwrap()
}

fn claims() -> Value {
    json!({
        "iss": ISSUER, "sub": "s1", "token_use": "access", "client_id": "client", "username": "s1",
        "exp": now().as_second() + 3600,
    })
}

fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}

/// A token whose signature is right.
fn signed(header: &Value, claims: &Value, key: &str) -> String {
    let message = unsigned(header, claims);
    let key = pair(key);
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature).unwrap();
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn header() -> Value {
    json!({"alg": "RS256", "kid": "k1"})
}

#[tokio::test]
async fn a_token_of_the_pool_says_whose_it_is() {
    let keys = counted();
    let tokens = tokens(&keys);
    let token = signed(&header(), &claims(), POOL);
    assert!(is_one(&token));
    let zoe = Bearer { sub: "s1".to_owned(), username: "s1".to_owned() };
    for _ in 0..3 {
        assert_eq!(tokens.bearer(&token, now()).await, Ok(Some(zoe.clone())));
    }
    assert_eq!(keys.fetched.load(Ordering::SeqCst), 1, "keys are kept");
}

#[tokio::test]
async fn whatever_is_wrong_with_a_token_it_is_nobodys() {
    let keys = counted();
    let tokens = tokens(&keys);
    let with = |name: &str, value: Value| {
        let mut claims = claims();
        claims[name] = value;
        signed(&header(), &claims, POOL)
    };
    let public = jwk("k1", POOL);
    let hmac = |secret: &[u8]| {
        let message = unsigned(&json!({"alg": "HS256", "kid": "k1"}), &claims());
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret);
        let mac = ring::hmac::sign(&key, message.as_bytes());
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(mac.as_ref()))
    };
    let good = signed(&header(), &claims(), POOL);
    let (message, signature) = good.rsplit_once('.').unwrap();
    let other = signed(&header(), &json!({"sub": "s2"}), POOL);
    let swapped = format!("{message}.{}", other.rsplit_once('.').unwrap().1);
    let mut flipped = URL_SAFE_NO_PAD.decode(signature).unwrap();
    flipped[9] ^= 1;
    let second = now().as_second();
    let of_key = |header: Value| signed(&header, &claims(), OTHER);
    let cases = [
        ("none", format!("{}.", unsigned(&json!({"alg": "none", "kid": "k1"}), &claims()))),
        ("None", format!("{}.", unsigned(&json!({"alg": "None", "kid": "k1"}), &claims()))),
        ("an algorithm of its own word", signed(&json!({"alg": "RS512", "kid": "k1"}), &claims(), POOL)),
        ("HS256 with the modulus", hmac(&URL_SAFE_NO_PAD.decode(public["n"].as_str().unwrap()).unwrap())),
        ("HS256 with the key as it is published", hmac(public.to_string().as_bytes())),
        ("another pool's key", of_key(header())),
        ("a key that it brings", of_key(json!({"alg": "RS256", "kid": "k1", "jwk": jwk("k1", OTHER)}))),
        ("a key that lies elsewhere", of_key(json!({"alg": "RS256", "kid": "k1", "jku": "https://evil.example/k"}))),
        ("no key", signed(&json!({"alg": "RS256"}), &claims(), POOL)),
        ("an unknown key", signed(&json!({"alg": "RS256", "kid": "k9"}), &claims(), POOL)),
        ("another issuer", with("iss", json!("https://cognito-idp.eu-west-3.amazonaws.com/eu-west-3_other"))),
        ("another client", with("client_id", json!("another"))),
        ("a refresh token", with("token_use", json!("refresh"))),
        ("expired", with("exp", json!(second))),
        ("not yet", with("nbf", json!(second + 1))),
        ("without an end", with("exp", Value::Null)),
        ("without a person", with("sub", Value::Null)),
        ("other claims under the signature", swapped),
        ("a changed signature", format!("{message}.{}", URL_SAFE_NO_PAD.encode(&flipped))),
        ("no signature", format!("{message}.")),
        ("a long one", format!("{good}{}", "A".repeat(9_000))),
        ("no token", "site_key".to_owned()),
        ("nothing", String::new()),
    ];
    for (what, token) in cases {
        assert_eq!(tokens.bearer(&token, now()).await, Ok(None), "{what}");
    }
    assert_eq!(keys.fetched.load(Ordering::SeqCst), 1);
}

/// The work that strangers can order does not grow with how often they ask.
#[tokio::test]
async fn a_thousand_unknown_keys_are_one_look_a_minute() {
    let keys = counted();
    let tokens = tokens(&keys);
    for n in 0..1_000 {
        let forged = format!("{}.AAAA", unsigned(&json!({"alg": "RS256", "kid": format!("k{n}x")}), &claims()));
        assert_eq!(tokens.bearer(&forged, now()).await, Ok(None));
    }
    assert_eq!(keys.fetched.load(Ordering::SeqCst), 1);
    // A key that the pool has since is found a minute later.
    *keys.set.lock().unwrap() = json!({"keys": [jwk("k1", POOL), jwk("k2", OTHER)]});
    let renewed = signed(&json!({"alg": "RS256", "kid": "k2"}), &claims(), OTHER);
    assert_eq!(tokens.bearer(&renewed, now()).await, Ok(None));
    let later = now() + PATIENCE;
    assert!(tokens.bearer(&renewed, later).await.unwrap().is_some());
    assert_eq!(keys.fetched.load(Ordering::SeqCst), 2);
    // One that was withdrawn is good for an hour at most.
    *keys.set.lock().unwrap() = json!({"keys": [jwk("k2", OTHER)]});
    let mut old = claims();
    old["exp"] = json!(now().as_second() + 86_400);
    let old = signed(&header(), &old, POOL);
    assert!(tokens.bearer(&old, later + SignedDuration::from_mins(59)).await.unwrap().is_some());
    assert_eq!(tokens.bearer(&old, later + SignedDuration::from_mins(61)).await, Ok(None));
}

#[tokio::test]
async fn a_pool_that_does_not_answer_is_no_refusal() {
    let keys = counted();
    let tokens = tokens(&keys);
    let token = signed(&header(), &claims(), POOL);
    *keys.fails.lock().unwrap() = true;
    for _ in 0..9 {
        assert!(tokens.bearer(&token, now()).await.is_err(), "not known is not wrong");
    }
    assert_eq!(keys.fetched.load(Ordering::SeqCst), 1, "nor asked each time");
    *keys.fails.lock().unwrap() = false;
    let later = now() + IMPATIENCE;
    assert!(tokens.bearer(&token, later).await.unwrap().is_some());
    *keys.fails.lock().unwrap() = true;
    let much_later = later + SignedDuration::from_mins(62);
    let mut long = claims();
    long["exp"] = json!(now().as_second() + 86_400);
    assert!(tokens.bearer(&signed(&header(), &long, POOL), much_later).await.unwrap().is_some(), "known keys serve");
}

#[test]
fn a_key_of_ours_is_never_taken_for_a_token() {
    for key in ["site_abc", "a.b.c", "site.key.x", "", "..", "e30.e30", "W10.e30.e30"] {
        assert!(!is_one(key), "{key}");
    }
    assert!(is_one("e30.e30.e30"));
}
