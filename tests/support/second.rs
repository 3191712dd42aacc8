//! A second implementation of DynamoDB: dynoxide, whose authors compare its answers with the service's
//! (github.com/nubo-db/dynamodb-conformance). For the choice, see `tests/it/limits.rs`.

use std::{process::Stdio, time::Duration};

use anyhow::{Context, Result, bail};
use aws_sdk_dynamodb::{Client, config::Credentials};
use comptoir::testing::tools;
use comptoir_local::{aws::Aws, bundle::template, paths};
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    process::{Child, Command},
};

/// The variable that names the program.
const PROGRAM: &str = "DYNOXIDE";

/// Attributes of the template's tables that `CreateTable` accepts too.
const KEPT: [&str; 4] = ["BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes"];

/// The running program, with the tables of the template under their logical names.
#[derive(Debug)]
pub struct Second {
    /// For the runner's own calls.
    pub aws: Aws,
    _program: Child,
}

impl Second {
    /// Starts it; `None`, with a message, when it is not installed.
    ///
    /// # Errors
    /// When it is installed and does not start.
    pub async fn start() -> Result<Option<Self>> {
        let Some(program) = tools::named(PROGRAM) else {
            tools::skipped(
                "set DYNOXIDE to the program (`cargo install dynoxide-rs --no-default-features --features cli,http-server,native-sqlite`)",
            );
            return Ok(None);
        };
        let port = TcpListener::bind(("127.0.0.1", 0)).await?.local_addr()?.port();
        let running = Command::new(&program)
            .args(["--port", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("{program} does not start"))?;
        let second = Self { aws: Aws::new(format!("http://127.0.0.1:{port}"), "test".to_owned()), _program: running };
        second.answers().await?;
        let template = template::read(&std::fs::read_to_string(paths::template())?)?;
        for (name, resource) in template.get("Resources").and_then(Value::as_object).into_iter().flatten() {
            if resource.get("Type").is_some_and(|kind| kind == "AWS::DynamoDB::Table") {
                let mut table = json!({ "TableName": name });
                for kept in KEPT {
                    if let (Some(value), Some(fields)) =
                        (resource.pointer(&format!("/Properties/{kept}")), table.as_object_mut())
                    {
                        fields.insert(kept.to_owned(), value.clone());
                    }
                }
                second.aws.dynamodb("CreateTable", &table).await?;
            }
        }
        Ok(Some(second))
    }

    async fn answers(&self) -> Result<()> {
        for _ in 0..600 {
            if self.aws.dynamodb("ListTables", &json!({})).await.is_ok() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        bail!("the second implementation of DynamoDB never answered")
    }

    /// A client with the settings of a function.
    pub fn client(&self) -> Client {
        let credentials = Credentials::new("test", "test", None, None, "test");
        let settings = comptoir_aws::settings(comptoir_local::aws::REGION, credentials);
        Client::new(&settings.endpoint_url(self.aws.endpoint.clone()).build())
    }
}
