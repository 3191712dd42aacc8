//! Creates the stack and reads its result.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use reqwest::Method;

use super::{Aws, read, xml};

/// Longer than any deploy seen (about two seconds).
const PATIENCE: Duration = Duration::from_secs(120);

/// What to create.
#[derive(Debug)]
pub struct Stack<'a> {
    /// Its name.
    pub name: &'a str,
    /// Where the template is, as JSON: bucket and key. An inline template may have 50 KB only.
    pub template: &'a str,
    /// Its parameters.
    pub parameters: &'a [(&'a str, &'a str)],
}

impl Aws {
    /// The state of a stack, such as `CREATE_COMPLETE`, or `None` when there is none.
    ///
    /// # Errors
    /// When the stand-in cannot be reached.
    pub async fn stack_status(&self, name: &str) -> anyhow::Result<Option<String>> {
        let Ok(text) = self.query("DescribeStacks", &[("StackName".to_owned(), name.to_owned())]).await else {
            return Ok(None);
        };
        Ok(xml::all(&xml::parse(&text)?, "StackStatus").next().and_then(|node| node.text()).map(str::to_owned))
    }

    /// Creates the stack, or brings an existing one up to date, and waits for it.
    ///
    /// # Errors
    /// With the reasons of the resources that failed.
    pub async fn deploy(&self, stack: &Stack<'_>) -> anyhow::Result<()> {
        let action = if self.stack_status(stack.name).await?.is_some() { "UpdateStack" } else { "CreateStack" };
        match self.query(action, &form(&self.endpoint, stack)).await {
            Ok(_) => self.wait_for(stack.name).await,
            Err(error) if error.to_string().contains("No updates are to be performed") => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The physical id of each logical id.
    ///
    /// # Errors
    /// When the stand-in cannot be reached or answers nonsense.
    pub async fn resources(&self, stack: &str) -> anyhow::Result<BTreeMap<String, String>> {
        let text = self.query("DescribeStackResources", &[("StackName".to_owned(), stack.to_owned())]).await?;
        let document = xml::parse(&text)?;
        let pairs = xml::all(&document, "member")
            .filter_map(|node| Some((xml::child(node, "LogicalResourceId")?, xml::child(node, "PhysicalResourceId")?)));
        Ok(pairs.collect())
    }

    /// The stack's outputs, by name.
    ///
    /// # Errors
    /// When the stand-in cannot be reached or answers nonsense.
    pub async fn stack_outputs(&self, stack: &str) -> anyhow::Result<BTreeMap<String, String>> {
        let text = self.query("DescribeStacks", &[("StackName".to_owned(), stack.to_owned())]).await?;
        let document = xml::parse(&text)?;
        let outputs = xml::all(&document, "member");
        Ok(outputs
            .filter_map(|node| Some((xml::child(node, "OutputKey")?, xml::child(node, "OutputValue")?)))
            .collect())
    }

    async fn wait_for(&self, stack: &str) -> anyhow::Result<()> {
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            match self.stack_status(stack).await?.as_deref() {
                Some("CREATE_COMPLETE" | "UPDATE_COMPLETE") => return Ok(()),
                Some(status) if status.contains("ROLLBACK") || status.contains("FAILED") => {
                    let reasons = self.failures(stack).await.unwrap_or_default();
                    bail!(
                        "template.yaml does not deploy ({status}): {reasons}; correct the template and run the command again"
                    );
                }
                _ => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
        bail!("template.yaml was not deployed within {} seconds; run the command again", PATIENCE.as_secs())
    }

    async fn failures(&self, stack: &str) -> anyhow::Result<String> {
        let text = self.query("DescribeStackEvents", &[("StackName".to_owned(), stack.to_owned())]).await?;
        let document = xml::parse(&text)?;
        let failed = xml::all(&document, "member")
            .filter(|node| xml::child(*node, "ResourceStatus").is_some_and(|status| status.ends_with("FAILED")));
        let reasons: Vec<String> = failed
            .filter_map(|node| {
                Some(format!(
                    "{}: {}",
                    xml::child(node, "LogicalResourceId")?,
                    xml::child(node, "ResourceStatusReason")?
                ))
            })
            .collect();
        Ok(reasons.join("; "))
    }

    async fn query(&self, action: &str, parameters: &[(String, String)]) -> anyhow::Result<String> {
        let mut all = vec![("Action".to_owned(), action.to_owned()), ("Version".to_owned(), "2010-05-15".to_owned())];
        all.extend_from_slice(parameters);
        let mut body = reqwest::Url::parse("http://form/").context("an internal address is wrong")?;
        body.query_pairs_mut().extend_pairs(all);
        let request = self
            .request(Method::POST, "/", "cloudformation")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body.query().unwrap_or_default().to_owned());
        read(request.send().await, action).await
    }
}

fn form(endpoint: &str, stack: &Stack<'_>) -> Vec<(String, String)> {
    let template = format!("{endpoint}/{}", stack.template);
    let mut form = vec![("StackName".to_owned(), stack.name.to_owned()), ("TemplateURL".to_owned(), template)];
    for (index, capability) in ["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"].iter().enumerate() {
        form.push((format!("Capabilities.member.{}", index + 1), (*capability).to_owned()));
    }
    for (index, (key, value)) in stack.parameters.iter().enumerate() {
        form.push((format!("Parameters.member.{}.ParameterKey", index + 1), (*key).to_owned()));
        form.push((format!("Parameters.member.{}.ParameterValue", index + 1), (*value).to_owned()));
    }
    form
}
