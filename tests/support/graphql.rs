//! The GraphQL API as a client sees it that is not ours: Python's `gql`, which knows AppSync.

use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use comptoir_local::graphql::members::SignedIn;
use comptoir_local::{Endpoints, bundle::prepare, progress::Progress};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, process::Command};

const CLIENT: &str = include_str!("../gql/client.py");
const REQUIREMENTS: &str = include_str!("../gql/requirements.txt");

/// One question.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Question {
    /// Of whom: an ID token or an access token.
    pub token: String,
    /// The document.
    pub query: String,
    /// The values of its variables.
    pub variables: Value,
    /// Answered in which language.
    pub language: String,
    /// Whether the client reads the schema from the API first and holds the question against it.
    pub check: bool,
}

/// Somebody who asks, by their token.
pub fn asked_by(member: &SignedIn, query: &str, variables: Value) -> Question {
    Question {
        token: member.access_token.clone(),
        query: query.to_owned(),
        variables,
        language: "en".to_owned(),
        check: false,
    }
}

/// What came of each question, in order: `data` and `errors`; or `status`, where the API answered something else; or
/// `refused_by_client`, where the question was not even sent.
///
/// # Errors
/// When the client does not run.
pub async fn ask(endpoints: &Endpoints, questions: &[Question]) -> Result<Vec<Value>> {
    let python = prepare::environment("a GraphQL client", REQUIREMENTS, Progress::Silent).await?;
    let input = json!({"url": endpoints.graphql_url, "questions": questions}).to_string();
    let mut client = Command::new(python);
    client.args(["-c", CLIENT]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut client = client.kill_on_drop(true).spawn().context("the GraphQL client does not start")?;
    let mut stdin = client.stdin.take().context("the GraphQL client takes no questions")?;
    stdin.write_all(input.as_bytes()).await?;
    drop(stdin);
    let output = client.wait_with_output().await?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Signs a member in who is in these groups from now on.
///
/// # Errors
/// What the bundle refuses.
pub async fn sign_in(endpoints: &Endpoints, email: &str, groups: &[&str]) -> Result<SignedIn> {
    let body = json!({"email": email, "groups": groups});
    let answer = reqwest::Client::new().post(&endpoints.token_url).json(&body).send().await?;
    ensure!(answer.status().is_success(), "{email}: {}", answer.text().await?);
    Ok(answer.json().await?)
}
