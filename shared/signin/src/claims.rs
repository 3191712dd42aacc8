//! What the claims of a token must hold, once its signature is the pool's: a function of the claims and the time.

use jiff::Timestamp;
use serde::Deserialize;

/// The user pool whose members may ask, and the client that they sign in with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    /// The issuer that the pool's tokens name: `https://cognito-idp.eu-west-3.amazonaws.com/eu-west-3_Ab12`.
    pub issuer: String,
    /// The client.
    pub client: String,
}

/// The claims that are read. A claim of another type than Cognito's makes no token of the pool's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Claims {
    /// The issuer.
    pub iss: Option<String>,
    /// Whose it is.
    pub sub: Option<String>,
    /// `id`, `access` or `refresh`.
    pub token_use: Option<String>,
    /// The client, in an ID token.
    pub aud: Option<String>,
    /// The client, in an access token.
    pub client_id: Option<String>,
    /// When it ends, in seconds.
    pub exp: Option<i64>,
    /// When it begins, in seconds; Cognito writes none.
    pub nbf: Option<i64>,
    /// The user name, in an access token.
    pub username: Option<String>,
    /// The user name, in an ID token.
    #[serde(rename = "cognito:username")]
    pub cognito_username: Option<String>,
}

/// Whose a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bearer {
    /// The account's permanent id.
    pub sub: String,
    /// The name by which the pool knows the account.
    pub username: String,
}

/// Whose token has these claims; `None` unless it is one of this pool and client, for asking, and of now.
pub fn judge(claims: Claims, pool: &Pool, now: Timestamp) -> Option<Bearer> {
    let (client, username) = match claims.token_use.as_deref()? {
        "id" => (claims.aud, claims.cognito_username),
        "access" => (claims.client_id, claims.username),
        // A refresh token is good at the pool alone.
        _ => return None,
    };
    let ours = claims.iss? == pool.issuer && client? == pool.client;
    let now = now.as_second();
    let in_time = claims.exp? > now && claims.nbf.is_none_or(|begins| begins <= now);
    let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
    let (sub, username) = (filled(claims.sub)?, filled(username)?);
    (ours && in_time).then_some(Bearer { sub, username })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn judged(change: Value) -> Option<Bearer> {
        let mut claims = json!({
            "iss": "https://cognito-idp.eu-west-3.amazonaws.com/eu-west-3_pool", "sub": "s1", "token_use": "access",
            "client_id": "client", "exp": 1_001, "username": "u1",
        });
        claims.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let pool = Pool {
            issuer: "https://cognito-idp.eu-west-3.amazonaws.com/eu-west-3_pool".to_owned(),
            client: "client".to_owned(),
        };
        judge(serde_json::from_value(claims).ok()?, &pool, Timestamp::from_second(1_000).unwrap())
    }

    #[test]
    fn a_token_is_of_this_pool_and_client_and_of_now() {
        let zoe = Some(Bearer { sub: "s1".to_owned(), username: "u1".to_owned() });
        assert_eq!(judged(json!({})), zoe);
        let id =
            json!({"token_use": "id", "aud": "client", "client_id": null, "cognito:username": "u1", "username": null});
        assert_eq!(judged(id), zoe);
        assert_eq!(judged(json!({"nbf": 1_000})), zoe);
        for wrong in [
            json!({"iss": "https://cognito-idp.eu-west-3.amazonaws.com/eu-west-3_other"}),
            json!({"iss": "https://cognito-idp.eu-west-3.amazonaws.com/eu-west-3_pool/"}),
            json!({"iss": null}),
            json!({"client_id": "another"}),
            json!({"client_id": null}),
            json!({"token_use": "id"}),
            json!({"token_use": "id", "aud": "another", "cognito:username": "u1"}),
            json!({"token_use": "id", "aud": ["client", "another"], "cognito:username": "u1"}),
            json!({"token_use": "refresh"}),
            json!({"token_use": null}),
            json!({"exp": 1_000}),
            json!({"exp": null}),
            json!({"exp": "1001"}),
            json!({"exp": 1_001.5}),
            json!({"nbf": 1_001}),
            json!({"sub": ""}),
            json!({"sub": null}),
            json!({"username": ""}),
            json!({"username": null}),
        ] {
            assert_eq!(judged(wrong.clone()), None, "{wrong}");
        }
    }
}
