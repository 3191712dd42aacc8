//! Deploys `template.yaml` on the stand-in, then sets and checks what the stand-in silently ignores.

use std::collections::BTreeMap;

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};

use super::resources::{self, Function};
use super::{Options, template};
use crate::aws::cloudformation::Stack;
use crate::aws::{Aws, xml};
use crate::graphql::grants::{self, Grant};
use crate::graphql::resolvers::{self, Limits, Sources};
use crate::wire::Roles;

/// Where the template and the functions' code are; the runner runs the functions, so the code is an empty archive.
const CODE_BUCKET: &str = "comptoir-local-code";
const CODE_KEY: &str = "nothing.zip";
const TEMPLATE_KEY: &str = "template.json";
const EMPTY_ZIP: &[u8] = b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

/// The address of the app as an owner would give it; the stand-in is called instead.
const APP: &str = "https://app.example.org/webhooks";

/// The deployed stack.
#[derive(Debug)]
pub struct Deployed {
    /// The functions as the template describes them.
    pub functions: Vec<Function>,
    /// Physical ids by logical id.
    pub physical: BTreeMap<String, String>,
    /// The resolver of each field of the GraphQL API.
    pub sources: Sources,
    /// The query limits of the API.
    pub limits: Limits,
    /// What functions may request from it themselves, by logical id.
    pub grants: BTreeMap<String, Grant>,
    /// What the roles of functions allow.
    pub roles: Roles,
    /// Logical id of the function that the user pool calls for confirmed accounts.
    pub confirmed: Option<String>,
}

/// What CloudFormation made of a function.
#[derive(Debug)]
pub struct Configured {
    /// Its physical name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Its environment, every reference resolved.
    pub variables: Vec<(String, String)>,
}

impl Deployed {
    /// The physical id of a resource.
    ///
    /// # Errors
    /// When the template has no such resource, or the stand-in did not make it.
    pub fn id(&self, logical: &str) -> anyhow::Result<String> {
        self.physical.get(logical).cloned().with_context(|| {
            format!("template.yaml has no {logical}, or it was not created; restore it and run the command again")
        })
    }
}

/// A value of the template with every reference resolved.
///
/// # Errors
/// As [`Deployed::id`].
pub fn resolve(deployed: &Deployed, value: &Value) -> anyhow::Result<Value> {
    Ok(match value {
        Value::Object(object) => match object.get("Ref").and_then(Value::as_str) {
            Some(logical) => Value::String(deployed.id(logical)?),
            None => {
                let fields = object.iter().map(|(name, value)| Ok((name.clone(), resolve(deployed, value)?)));
                Value::Object(fields.collect::<anyhow::Result<_>>()?)
            }
        },
        Value::Array(list) => {
            Value::Array(list.iter().map(|value| resolve(deployed, value)).collect::<anyhow::Result<_>>()?)
        }
        other => other.clone(),
    })
}

/// Creates or updates the stack and sets what the stand-in ignored.
///
/// # Errors
/// When the template does not deploy, or a setting does not take effect.
pub async fn deploy(aws: &Aws, options: &Options) -> anyhow::Result<Deployed> {
    let (file, stage, progress) = (&options.template, options.stage.as_str(), options.progress);
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("{} cannot be read; restore it from git", file.display()))?;
    let template = template::read(&text)?;
    let mut functions = resources::functions(&template)?;
    let sources = resolvers::sources(&template)?;
    let confirmed = resources::confirmation_trigger(&template);
    let grants = grants::read(&template)?;
    let programs = options.profile_programs.as_str();
    // The stand-in's alarms go nowhere; prod must name a recipient all the same.
    let alerts = if stage == "prod" { "owner@example.org" } else { "" };
    let source = options.stripe_event_source.as_str();
    let parameters = [
        ("Stage", stage),
        ("StripeMode", "test"),
        ("ProfilePrograms", programs),
        ("AlertEmail", alerts),
        ("StripeEventSource", source),
        ("AppWebhookUrl", if options.tells_the_app { APP } else { "" }),
    ];
    resources::add_rules(&template, &parameters, &mut functions)?;
    // The stand-in checks neither; CloudFormation would reject the deployment.
    let missing = resources::missing_parameters(&template, &parameters);
    ensure!(missing.is_empty(), "template.yaml has parameters without a value: {}", missing.join(", "));
    let broken = resources::broken_rules(&template, &parameters);
    ensure!(broken.is_empty(), "template.yaml refuses its parameters: {}", broken.join("; "));
    progress.say(format!("deploying template.yaml ({stage}) ..."));
    aws.create_bucket(CODE_BUCKET).await?;
    aws.put(&format!("{CODE_BUCKET}/{CODE_KEY}"), EMPTY_ZIP.to_vec()).await?;
    let deployable = resources::deployable(&template, (CODE_BUCKET, CODE_KEY)).to_string();
    let stored = format!("{CODE_BUCKET}/{TEMPLATE_KEY}");
    aws.put(&stored, deployable.into_bytes()).await?;
    let name = format!("comptoir-{stage}");
    aws.deploy(&Stack { name: &name, template: &stored, parameters: &parameters }).await?;
    let physical = aws.resources(&name).await?;
    let packages = functions.iter().map(|spec| (spec.logical.clone(), spec.package.clone())).collect();
    let deployed = Deployed {
        roles: Roles::read(&template, &packages, &physical),
        functions,
        physical,
        sources,
        limits: resolvers::limits(&template),
        grants,
        confirmed,
    };
    close_gaps(aws, &deployed, &template, &parameters)
        .await
        .context("the stand-in for AWS does not keep to the template")?;
    Ok(deployed)
}

/// What CloudFormation made of a function.
///
/// # Errors
/// When the stand-in does not know it.
pub async fn configuration(aws: &Aws, physical: &str) -> anyhow::Result<Configured> {
    let configuration = aws.get("lambda", &format!("/2015-03-31/functions/{physical}/configuration")).await?;
    let text = |name: &str| configuration.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let variables = configuration.pointer("/Environment/Variables").and_then(Value::as_object).into_iter().flatten();
    Ok(Configured {
        name: text("FunctionName"),
        arn: text("FunctionArn"),
        variables: variables
            .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
            .collect(),
    })
}

async fn close_gaps(
    aws: &Aws,
    deployed: &Deployed,
    template: &Value,
    parameters: &[(&str, &str)],
) -> anyhow::Result<()> {
    for (table, attribute) in resources::expiring_tables(template) {
        expire(aws, &deployed.id(&table)?, &attribute).await?;
    }
    for table in resources::streamed_tables(template) {
        check_stream(aws, &deployed.id(&table)?).await?;
    }
    for (bucket, lock) in resources::locked_buckets(template, parameters) {
        lock_bucket(aws, &deployed.id(&bucket)?, &lock).await?;
    }
    switch_mappings_off(aws, deployed).await
}

/// The stand-in ignores TimeToLiveSpecification.
async fn expire(aws: &Aws, table: &str, attribute: &str) -> anyhow::Result<()> {
    let read = || async {
        let answer = aws.dynamodb("DescribeTimeToLive", &json!({"TableName": table})).await?;
        let status = answer
            .pointer("/TimeToLiveDescription/TimeToLiveStatus")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        anyhow::Ok(status)
    };
    if read().await? != "ENABLED" {
        let specification =
            json!({"TableName": table, "TimeToLiveSpecification": {"Enabled": true, "AttributeName": attribute}});
        aws.dynamodb("UpdateTimeToLive", &specification).await?;
    }
    let status = read().await?;
    ensure!(matches!(status.as_str(), "ENABLED" | "ENABLING"), "{table} does not expire its items (TTL is {status})");
    Ok(())
}

async fn check_stream(aws: &Aws, table: &str) -> anyhow::Result<()> {
    let answer = aws.dynamodb("DescribeTable", &json!({"TableName": table})).await?;
    let view =
        answer.pointer("/Table/StreamSpecification/StreamViewType").and_then(Value::as_str).unwrap_or("no stream");
    ensure!(view == "NEW_AND_OLD_IMAGES", "{table} has {view}, but functions compare new and old images");
    Ok(())
}

/// The stand-in ignores ObjectLockConfiguration.
async fn lock_bucket(aws: &Aws, bucket: &str, lock: &Value) -> anyhow::Result<()> {
    let versioning = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    aws.put(&format!("{bucket}?versioning"), versioning.into()).await?;
    let part = |pointer: &str| {
        lock.pointer(pointer).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    };
    let mode = part("/Rule/DefaultRetention/Mode").context("the archive's lock has no mode")?;
    let period = match (part("/Rule/DefaultRetention/Years"), part("/Rule/DefaultRetention/Days")) {
        (Some(years), None) => format!("<Years>{years}</Years>"),
        (None, Some(days)) => format!("<Days>{days}</Days>"),
        _ => bail!("the archive's lock must say either Years or Days"),
    };
    let rule = format!("<Rule><DefaultRetention><Mode>{mode}</Mode>{period}</DefaultRetention></Rule>");
    let body = format!(
        "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>{rule}</ObjectLockConfiguration>"
    );
    aws.put(&format!("{bucket}?object-lock"), body.into()).await?;
    let versioned = aws.get_text(&format!("{bucket}?versioning")).await?;
    ensure!(
        xml::all(&xml::parse(&versioned)?, "Status").any(|node| node.text() == Some("Enabled")),
        "{bucket} is not versioned"
    );
    let locked = aws.get_text(&format!("{bucket}?object-lock")).await?;
    ensure!(
        xml::all(&xml::parse(&locked)?, "Mode").any(|node| node.text() == Some(&mode)),
        "{bucket} is not locked in {mode} mode"
    );
    Ok(())
}

/// The stand-in's own mappings would deliver each record a second time, and count a failed one as done. It also ignores
/// the template's setting that switches them off.
async fn switch_mappings_off(aws: &Aws, deployed: &Deployed) -> anyhow::Result<()> {
    const PATH: &str = "/2015-03-31/event-source-mappings/";
    let list = || async {
        anyhow::Ok(
            aws.get("lambda", PATH)
                .await?
                .get("EventSourceMappings")
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default(),
        )
    };
    let mappings = list().await?;
    let expected: usize = deployed.functions.iter().map(|function| function.streams.len()).sum();
    ensure!(mappings.len() == expected, "it made {} stream mappings of {expected}", mappings.len());
    for id in mappings.iter().filter_map(|mapping| mapping.get("UUID").and_then(Value::as_str)) {
        aws.put_lambda(&format!("{PATH}{id}"), &json!({"Enabled": false})).await?;
    }
    let awake =
        list().await?.into_iter().find(|mapping| mapping.get("State").and_then(Value::as_str) != Some("Disabled"));
    ensure!(awake.is_none(), "a stream mapping is not switched off: {}", awake.unwrap_or_default());
    Ok(())
}
