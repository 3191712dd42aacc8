//! Members who call the function of the profile API directly, with the events that AppSync's resolvers build.

use anyhow::{Context, Result, bail, ensure};
use comptoir_members::testing::profiles::signed_in;
use serde_json::{Value, json};

use crate::Shop;

/// The function's package.
pub const FUNCTION: &str = "profile-mutation-validator";

/// A minimal picture: one pixel, as PNG.
pub const PIXEL: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/// A CV of one page: `entries` stand in its catalog, as something that a CV must not hold.
pub fn cv(entries: &str) -> Vec<u8> {
    let page = "3 0 obj\n<</Type/Page /Parent 2 0 R /MediaBox[0 0 99 99]>>\nendobj";
    let pages = "2 0 obj\n<</Type/Pages /Kids[3 0 R] /Count 1>>\nendobj";
    let info = "4 0 obj\n<</Author(a stranger)>>\nendobj";
    let trailer = "trailer\n<</Root 1 0 R /Info 4 0 R /Size 5>>\nstartxref\n0\n%%EOF";
    format!("%PDF-1.7\n1 0 obj\n<</Type/Catalog /Pages 2 0 R {entries}>>\nendobj\n{pages}\n{page}\n{info}\n{trailer}")
        .into_bytes()
}

/// The identity of a member, as AppSync passes it after verifying the token.
pub fn member(sub: &str, groups: &[&str]) -> Value {
    json!({
        "sub": sub, "username": sub, "groups": groups, "sourceIp": ["192.0.2.7"], "defaultAuthStrategy": "ALLOW",
        "issuer": "https://cognito-idp.eu-west-3.amazonaws.com/eu-west-3_example",
        "claims": { "sub": sub, "cognito:groups": groups, "token_use": "access" },
    })
}

/// A freelancer.
pub fn freelancer(sub: &str) -> Value {
    member(sub, &["freelancer"])
}

/// The arguments that create a profile with this handle.
pub fn creation(handle: &str) -> Value {
    json!({ "input": {
        "handle": handle, "firstName": "Zoé", "lastName": "Lefèvre", "email": format!("{handle}@example.org"),
        "phone": "06 12 34 56 78", "skills": [{ "name": "Rust", "level": "EXPERT", "years": 8 }],
    } })
}

impl Shop {
    /// Invokes the function with one event; returns its answer.
    ///
    /// # Errors
    /// When the invocation fails.
    pub async fn wake(&self, event: &Value) -> Result<Value> {
        let function = self.bundle.function(FUNCTION).context("the bundle has no such function")?;
        match function.invoke(event.to_string().into()).await {
            Ok(answer) => Ok(serde_json::from_slice(&answer)?),
            Err(failure) => bail!("{failure}"),
        }
    }

    /// Requests a field of the API; returns `{"data"}` or `{"error"}`.
    ///
    /// # Errors
    /// When the invocation fails.
    pub async fn field(&self, identity: &Value, name: &str, arguments: Value) -> Result<Value> {
        let event = json!({
            "info": { "fieldName": name }, "identity": signed_in(identity, &arguments), "arguments": arguments,
            "request": { "headers": { "accept-language": "en" } },
        });
        self.wake(&event).await
    }

    /// Requests a field of the API and expects its value.
    ///
    /// # Errors
    /// When it is an error instead.
    pub async fn value(&self, identity: &Value, name: &str, arguments: Value) -> Result<Value> {
        let answer = self.field(identity, name, arguments).await?;
        ensure!(answer.get("error").is_none(), "{name}: {answer}");
        answer.get("data").cloned().context("an answer is data or an error")
    }

    /// Requests a field of the API and expects an error of this type; returns its details.
    ///
    /// # Errors
    /// When it is something else.
    pub async fn refusal(&self, identity: &Value, name: &str, arguments: Value, error_type: &str) -> Result<Value> {
        let answer = self.field(identity, name, arguments).await?;
        let told = answer.pointer("/error/errorType").and_then(Value::as_str);
        ensure!(told == Some(error_type), "{name}: {answer}");
        ensure!(answer.pointer("/error/message").and_then(Value::as_str).is_some_and(|text| !text.is_empty()));
        Ok(answer.pointer("/error/errorInfo").cloned().unwrap_or_default())
    }

    /// Uploads bytes to the address from `requestUpload`, with its headers; returns the status.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn bring(&self, target: &Value, bytes: Vec<u8>) -> Result<u16> {
        let mut put = self.http.put(target.get("url").and_then(Value::as_str).context("an upload has its address")?);
        for header in target.get("headers").and_then(Value::as_array).into_iter().flatten() {
            let part = |name: &str| header.get(name).and_then(Value::as_str).unwrap_or_default();
            // A client counts the bytes itself.
            if !part("name").eq_ignore_ascii_case("content-length") {
                put = put.header(part("name"), part("value"));
            }
        }
        Ok(put.body(bytes).send().await?.status().as_u16())
    }
}
