//! The stand-in for AWS speaks to the functions and the runner alone: whoever reaches its port from elsewhere, a page
//! in a browser first of all, reads nothing there and starts nothing.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use comptoir_tests::Shop;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;

/// A request that works: the state of the stack.
const STACKS: &str = "Action=DescribeStacks&Version=2010-05-15&StackName=comptoir-dev";
const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";
const CREATE: &str = "/2015-03-31/functions";

/// One caller of the stand-in.
struct Caller {
    http: Client,
    at: String,
    key: String,
}

impl Caller {
    fn of(shop: &Shop) -> Self {
        let at = &shop.bundle.endpoints;
        Self { http: Client::new(), at: at.aws_endpoint_url.clone(), key: at.aws_access_key_id.clone() }
    }

    fn without_key(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.at))
    }

    fn with(&self, key: &str, service: &str, method: Method, path: &str) -> RequestBuilder {
        let scope = format!("{key}/20260101/eu-west-3/{service}/aws4_request");
        let claim = format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=00");
        self.without_key(method, path).header("authorization", claim)
    }

    fn signed(&self, service: &str, method: Method, path: &str) -> RequestBuilder {
        self.with(&self.key, service, method, path)
    }

    /// A request that works.
    fn right(&self) -> RequestBuilder {
        self.signed("cloudformation", Method::POST, "/").header("content-type", FORM).body(STACKS)
    }

    fn target(&self, target: &str) -> RequestBuilder {
        self.signed("dynamodb", Method::POST, "/").header("x-amz-target", target).body("{}")
    }

    /// The port it listens on.
    fn port(&self) -> u16 {
        self.at.rsplit(':').next().unwrap().parse().unwrap()
    }
}

/// It answers 403, says why, and no page of another origin may read even that.
async fn refused(what: &str, request: RequestBuilder, why: &str) -> Result<()> {
    let answer = request.send().await?;
    let (status, cors) = (answer.status(), answer.headers().contains_key("access-control-allow-origin"));
    let text = answer.text().await?;
    ensure!(status == 403 && !cors && text.contains(why), "{what}: {status}, readable elsewhere: {cors}, {text}");
    Ok(())
}

async fn answered(what: &str, request: RequestBuilder) -> Result<()> {
    let status = request.send().await?.status();
    ensure!(status.is_success(), "{what}: {status}");
    Ok(())
}

#[tokio::test]
async fn nobody_but_the_bundle_is_answered() -> Result<()> {
    let shop = Shop::open("guard").await?;
    let caller = Caller::of(&shop);
    answered("what the runner asks", caller.right()).await?;
    strangers(&caller).await?;
    pages(&caller).await?;
    unlisted(&caller).await?;
    signed_addresses(&shop, &caller).await?;
    let key = shop.bundle.programs().key("ProfilePublisherRole").unwrap().id.clone();
    let program = caller.with(&key, "cloudformation", Method::POST, "/").header("content-type", FORM).body(STACKS);
    answered("a function with a role of its own", program).await?;
    // Nothing was made, and it listens nowhere else.
    let made = shop.bundle.aws().get("lambda", "/2015-03-31/functions/Evil/configuration").await;
    ensure!(made.is_err(), "{made:?}");
    ensure!(listening(caller.port())? == BTreeSet::from([caller.port()]), "{:?}", listening(caller.port())?);
    shop.bundle.stop().await;
    Ok(())
}

/// No key, another, or a piece of the right one.
async fn strangers(caller: &Caller) -> Result<()> {
    let create = r#"{"FunctionName":"Evil"}"#;
    let why = "no signature";
    refused("CreateFunction", caller.without_key(Method::POST, CREATE).body(create), why).await?;
    refused("the settings", caller.without_key(Method::POST, "/_ministack/config").body("{}"), why).await?;
    refused("its health", caller.without_key(Method::GET, "/_ministack/health"), why).await?;
    refused("a bearer", caller.without_key(Method::GET, "/").bearer_auth(&caller.key), why).await?;
    let short = caller.key.get(..caller.key.len() - 1).unwrap();
    for key in ["test", "LOCAL", "000000000000", short] {
        let request = caller.with(key, "cloudformation", Method::POST, "/").header("content-type", FORM).body(STACKS);
        refused(key, request, "not that of this run").await?;
    }
    Ok(())
}

/// With the key, but from a page, or under a name that leads here by trickery.
async fn pages(caller: &Caller) -> Result<()> {
    for origin in ["http://evil.example", "null", &caller.at] {
        refused(origin, caller.right().header("origin", origin), "web pages").await?;
    }
    refused("a preflight", caller.signed("s3", Method::OPTIONS, "/").header("origin", "null"), "web pages").await?;
    for host in ["evil.example", "evil.example:80", "127.0.0.1", "127.0.0.1:1", "127.0.0.1.nip.io"] {
        refused(host, caller.right().header("host", host), "by that name").await?;
    }
    Ok(())
}

/// With the key, but nothing that the bundle asks.
async fn unlisted(caller: &Caller) -> Result<()> {
    let (get, post, put) = (Method::GET, Method::POST, Method::PUT);
    let why = "not in infra/local";
    for (service, method, path) in [
        ("lambda", post.clone(), CREATE),
        ("lambda", post.clone(), "/2015-03-31/functions/x/invocations"),
        ("lambda", get.clone(), "/2015-03-31/functions//configuration"),
        ("glue", post.clone(), "/"),
        ("monitoring", post.clone(), "/_ministack/config"),
        ("lambda", post, "/_ministack/reset"),
    ] {
        refused(path, caller.signed(service, method, path), why).await?;
    }
    for target in ["AWSGlue.CreateJob", "AmazonSSM.DeleteParameter", "DynamoDB_20120810.DeleteTable"] {
        refused(target, caller.target(target), why).await?;
    }
    // Another service must not hide behind S3, behind a target, or behind a form.
    let hidden = caller.signed("s3", put, CREATE);
    refused("functions as a bucket", hidden, "own buckets").await?;
    let hidden = caller.signed("dynamodb", Method::POST, CREATE).header("x-amz-target", "DynamoDB_20120810.GetItem");
    refused("functions behind a target", hidden, "POST to /").await?;
    let form = caller.signed("cloudformation", Method::POST, "/").header("content-type", FORM);
    refused("two actions", form.body(format!("Action=CreateRole&{STACKS}")), why).await?;
    let form = caller.signed("iam", Method::POST, "/").header("content-type", FORM);
    refused("another service's form", form.body("Action=DescribeStacks"), why).await
}

/// A signed address is for one object of the bundle's.
async fn signed_addresses(shop: &Shop, caller: &Caller) -> Result<()> {
    let made = shop.bundle.aws().resources("comptoir-dev").await?;
    let bucket = made.get("ArchiveBucket").context("there is an archive")?;
    shop.bundle.aws().put(&format!("{bucket}/guard.txt"), b"kept".to_vec()).await?;
    let address = |service: &str, path: &str| {
        let scope = format!("{}%2F20260101%2Feu-west-3%2F{service}%2Faws4_request", caller.key);
        caller.without_key(Method::GET, &format!("{path}?x-id=GetObject&X-Amz-Credential={scope}"))
    };
    answered("an object", address("s3", &format!("/{bucket}/guard.txt"))).await?;
    refused("a list of objects", address("s3", &format!("/{bucket}")), "one object").await?;
    refused("settings", address("s3", "/_ministack/config"), "own buckets").await?;
    refused("a function", address("lambda", "/2015-03-31/functions/x/configuration"), "only S3").await?;
    let from_page = address("s3", &format!("/{bucket}/guard.txt")).header("origin", "http://127.0.0.1:1");
    refused("an object for a page", from_page, "web pages").await
}

/// The ports on which the process behind `port` listens.
fn listening(port: u16) -> Result<BTreeSet<u16>> {
    let table = std::fs::read_to_string("/proc/net/tcp")? + &std::fs::read_to_string("/proc/net/tcp6")?;
    let sockets: Vec<(u16, String)> = table.lines().filter_map(listener).collect();
    let Some((_, own)) = sockets.iter().find(|(listens, _)| *listens == port) else { return Ok(BTreeSet::new()) };
    let processes = std::fs::read_dir("/proc")?.filter_map(|entry| Some(entry.ok()?.path().join("fd")));
    let opened = |folder: std::path::PathBuf| -> BTreeSet<String> {
        let files = std::fs::read_dir(folder).into_iter().flatten().filter_map(|file| Some(file.ok()?.path()));
        files.filter_map(|file| Some(std::fs::read_link(file).ok()?.display().to_string())).collect()
    };
    let all = processes.map(opened).filter(|opened| opened.contains(own));
    Ok(all
        .flat_map(|opened| {
            sockets.iter().filter(move |(_, socket)| opened.contains(socket)).cloned().collect::<Vec<_>>()
        })
        .map(|(port, _)| port)
        .collect())
}

/// Port and name of a listening socket, of a line of /proc/net/tcp.
fn listener(line: &str) -> Option<(u16, String)> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let port = u16::from_str_radix(fields.get(1)?.rsplit(':').next()?, 16).ok()?;
    (*fields.get(3)? == "0A").then_some((port, format!("socket:[{}]", fields.get(9)?)))
}

#[tokio::test]
async fn every_start_has_a_key_of_its_own() -> Result<()> {
    let key = async |name: &str| {
        let shop = Shop::open(name).await?;
        let file = std::fs::read(shop.bundle.dir.join("endpoints.json"))?;
        let told: Value = serde_json::from_slice(&file)?;
        shop.bundle.stop().await;
        anyhow::Ok(told["aws_access_key_id"].as_str().unwrap_or_default().to_owned())
    };
    let (first, second) = (key("guard-key").await?, key("guard-key").await?);
    ensure!(first != second && first.len() >= 32, "{first} and {second}");
    Ok(())
}
