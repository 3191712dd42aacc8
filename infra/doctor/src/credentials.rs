//! The AWS credentials: the variables of the environment, or else what the AWS CLI finds for the profile (files,
//! single sign-on, roles, the machine's own), which supports more sources than this program could.

use anyhow::{Context, ensure};
use aws_credential_types::Credentials;
use comptoir::config;
use serde_json::Value;
use tokio::process::Command;

/// Credentials.
///
/// # Errors
/// One sentence that says how to get some.
pub async fn find() -> anyhow::Result<Credentials> {
    if let (Some(id), Some(secret)) = (config::optional("AWS_ACCESS_KEY_ID"), config::optional("AWS_SECRET_ACCESS_KEY"))
    {
        return Ok(Credentials::new(id, secret, config::optional("AWS_SESSION_TOKEN"), None, "environment"));
    }
    const HOW: &str = "no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN), or \
                       install version 2 of the AWS CLI and sign in with it (AWS_PROFILE names the profile)";
    // The CLI reads AWS_PROFILE, like its other variables, from the inherited environment.
    let export = ["configure", "export-credentials", "--format", "process"];
    let asked = Command::new("aws").args(export).output().await.context(HOW)?;
    ensure!(asked.status.success(), HOW);
    read(&asked.stdout).context(HOW)
}

fn read(answer: &[u8]) -> Option<Credentials> {
    let answer: Value = serde_json::from_slice(answer).ok()?;
    let text = |name: &str| answer.get(name).and_then(Value::as_str).map(str::to_owned);
    Some(Credentials::new(text("AccessKeyId")?, text("SecretAccessKey")?, text("SessionToken"), None, "aws-cli"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_cli_exports_is_read() {
        let found = read(br#"{"Version":1,"AccessKeyId":"A","SecretAccessKey":"S","SessionToken":"T"}"#).unwrap();
        assert_eq!((found.access_key_id(), found.session_token()), ("A", Some("T")));
        assert!(read(b"{}").is_none() && read(b"").is_none());
    }
}
