//! The GraphQL API as an independent client sees it: Python's `gql`, which supports AppSync.

use std::{
    process::Stdio,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context, Result, ensure};
use comptoir_local::graphql::members::SignedIn;
use comptoir_local::{Endpoints, bundle::prepare, progress::Progress};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader},
    process::{Child, Command},
};

const CLIENT: &str = include_str!("../gql/client.py");
const LISTENER: &str = include_str!("../gql/listen.py");
const REQUIREMENTS: &str = include_str!("../gql/requirements.txt");

/// The start of each program that uses the client.
async fn begin(script: &str) -> Result<Child> {
    let python = prepare::environment("a GraphQL client", REQUIREMENTS, Progress::Silent).await?;
    let mut client = Command::new(python);
    client.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    client.kill_on_drop(true).spawn().context("the GraphQL client does not start")
}

/// One request.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Question {
    /// The caller's ID token or access token.
    pub token: String,
    /// The document.
    pub query: String,
    /// The values of its variables.
    pub variables: Value,
    /// The language of the answer.
    pub language: String,
    /// Whether the client first reads the schema from the API and validates the document against it.
    pub check: bool,
}

/// A caller, by token.
pub fn asked_by(member: &SignedIn, query: &str, variables: Value) -> Question {
    Question {
        token: member.access_token.clone(),
        query: query.to_owned(),
        variables,
        language: "en".to_owned(),
        check: false,
    }
}

/// The result of each request, in order: `data` and `errors`; or `status`, where the API answered something else; or
/// `refused_by_client`, where the client did not send it.
///
/// # Errors
/// When the client does not run.
pub async fn ask(endpoints: &Endpoints, questions: &[Question]) -> Result<Vec<Value>> {
    let input = json!({"url": endpoints.graphql_url, "questions": questions}).to_string();
    let mut client = begin(CLIENT).await?;
    let mut stdin = client.stdin.take().context("the GraphQL client takes no questions")?;
    stdin.write_all(input.as_bytes()).await?;
    drop(stdin);
    let output = client.wait_with_output().await?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// A subscriber, by token; its output carries `name`.
pub fn subscriber(name: &str, member: &SignedIn, query: &str, variables: Value) -> Value {
    json!({"name": name, "token": member.access_token, "query": query, "variables": variables})
}

/// Running subscribers, until dropped.
#[derive(Debug)]
pub struct Listeners {
    said: Arc<Mutex<Vec<Value>>>,
    _client: Child,
}

impl Listeners {
    /// Starts these subscribers.
    ///
    /// # Errors
    /// When the client does not run.
    pub async fn begin(endpoints: &Endpoints, subscribers: &[Value]) -> Result<Self> {
        let url = endpoints.graphql_url.replacen("http", "ws", 1);
        let mut client = begin(LISTENER).await?;
        let mut stdin = client.stdin.take().context("the GraphQL client takes no subscribers")?;
        stdin.write_all(format!("{}\n", json!({"url": url, "subscribers": subscribers})).as_bytes()).await?;
        drop(stdin);
        let stdout = client.stdout.take().context("the GraphQL client says nothing")?;
        let stderr = client.stderr.take().context("the GraphQL client says nothing")?;
        let said = Arc::new(Mutex::new(Vec::new()));
        for (stream, prefix) in
            [(Box::new(stdout) as Box<dyn AsyncRead + Send + Unpin>, ""), (Box::new(stderr), "stderr")]
        {
            let said = said.clone();
            tokio::spawn(async move {
                let mut lines = BufReader::new(stream).lines();
                while let Ok(Some(line)) = lines.next_line().await {
                    let line = serde_json::from_str(&line).unwrap_or_else(|_| json!({"who": prefix, "line": line}));
                    said.lock().unwrap_or_else(PoisonError::into_inner).push(line);
                }
            });
        }
        Ok(Self { said, _client: client })
    }

    /// All output so far.
    pub fn all(&self) -> Vec<Value> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The output of one subscriber under this key: `data`, `error`, `ready`, `message`.
    pub fn said(&self, name: &str, what: &str) -> Vec<Value> {
        let of_one = self.all().into_iter().filter(|line| line.get("who").is_some_and(|who| who == name));
        of_one.filter_map(|mut line| line.get_mut(what).map(Value::take)).collect()
    }
}

/// Signs in a member who is in these groups from now on.
///
/// # Errors
/// The bundle's refusal.
pub async fn sign_in(endpoints: &Endpoints, email: &str, groups: &[&str]) -> Result<SignedIn> {
    let body = json!({"email": email, "groups": groups});
    let answer = reqwest::Client::new().post(&endpoints.token_url).json(&body).send().await?;
    ensure!(answer.status().is_success(), "{email}: {}", answer.text().await?);
    Ok(answer.json().await?)
}
