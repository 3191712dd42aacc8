//! The ports of a bundle are for programs of this machine and for its own pages: a page of another origin, in a real
//! browser too, reads nothing there and changes nothing.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use axum::Router;
use axum::extract::State;
use axum::response::Html;
use axum::routing::{get, post};
use comptoir_tests::Shop;
use comptoir_tests::browser::Browser;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// A page that asks every port in every way that a page has.
const SCAN: &str = include_str!("origins.html");

const MAIL: &str = "/_ses/v2/email/outbound-emails";

/// What strangers could have changed, and what could have been started.
async fn state(shop: &Shop) -> Result<Value> {
    let functions = ["invoice-renderer", "mail-sender", "payment-webhook", "profile-mutation-validator", "sweep"];
    let invocations: BTreeMap<&str, u64> =
        functions.iter().filter_map(|name| Some((*name, shop.bundle.function(name)?.invocations()))).collect();
    let evil = shop.bundle.aws().get("lambda", "/2015-03-31/functions/evil/configuration").await;
    Ok(json!({
        "mails": shop.bundle.mailbox().count(),
        "slack": shop.bundle.slack().all().len(),
        "stripe": shop.bundle.stripe().reads(),
        "invocations": invocations,
        "evil": evil.is_ok(),
    }))
}

/// `127.0.0.1:PORT/KEY` of the runtime API, which the functions alone are told.
fn runtime(shop: &Shop) -> Result<String> {
    let function = shop.bundle.function("payment-webhook").context("there is a webhook")?;
    let pid = function.pids().first().copied().context("it runs")?;
    let environment = std::fs::read_to_string(format!("/proc/{pid}/environ"))?;
    let told = environment.split('\0').find_map(|one| one.strip_prefix("AWS_LAMBDA_RUNTIME_API=http://"));
    Ok(told.context("it is told")?.split('/').take(2).collect::<Vec<_>>().join("/"))
}

async fn answers(what: &str, request: RequestBuilder, status: u16) -> Result<()> {
    let answer = request.send().await?;
    let got = answer.status().as_u16();
    let text = answer.text().await?;
    ensure!(got == status, "{what}: {got} instead of {status}, {text}");
    Ok(())
}

#[tokio::test]
async fn the_front_and_the_runtime_know_who_asks() -> Result<()> {
    let shop = Shop::open_with("origins", |options| options.wire = true).await?;
    let http = Client::new();
    let home = shop.bundle.endpoints.home_url.trim_end_matches('/').to_owned();
    let host = home.strip_prefix("http://").unwrap().to_owned();
    let port = host.rsplit(':').next().unwrap();
    let before = state(&shop).await?;
    for path in ["/", "/_local/state", "/_local/mailbox", "/_local/archive", "/graphql", "/webhooks/stripe"] {
        for other in ["evil.example", &format!("evil.example:{port}"), "127.0.0.1"] {
            answers(path, http.get(format!("{home}{path}")).header("host", other), 403).await?;
        }
    }
    answers("localhost", http.get(format!("{home}/")).header("host", format!("localhost:{port}")), 200).await?;
    let ask = |method: Method, path: &str| http.request(method, format!("{home}{path}"));
    let signed_in = json!({"email": "eve@example.org", "groups": ["admin"]}).to_string();
    for (path, body) in [
        (MAIL, "{}"),
        ("/_slack/services/T/B/x", r#"{"text":"evil"}"#),
        ("/_local/functions/sweep", "{}"),
        ("/_local/faults/slack", r#"{"fault":"fail"}"#),
        ("/_local/token", &signed_in),
    ] {
        for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
            answers(path, ask(Method::POST, path).header("content-type", kind).body(body.to_owned()), 415).await?;
        }
        let page = ask(Method::POST, path).header("content-type", "application/json").body(body.to_owned());
        answers(path, page.header("origin", "http://127.0.0.1:1"), 403).await?;
    }
    answers("Stripe", ask(Method::PUT, "/_stripe/_fake/v1/x").body("{}").header("content-type", "text/plain"), 415)
        .await?;
    answers("a frame", ask(Method::GET, "/_local/state").header("sec-fetch-site", "same-site"), 403).await?;
    answers("its own page", ask(Method::GET, "/_local/state").header("sec-fetch-site", "same-origin"), 200).await?;
    runtime_knows(&shop, &http).await?;
    let wire = shop.bundle.wire().unwrap().base.clone();
    answers("the wire", http.get(format!("{wire}/f/aws/")).header("host", "evil.example"), 403).await?;
    ensure!(state(&shop).await? == before, "{} became {}", before, state(&shop).await?);
    shop.bundle.stop().await;
    Ok(())
}

async fn runtime_knows(shop: &Shop, http: &Client) -> Result<()> {
    let runtime = runtime(shop)?;
    let (address, key) = runtime.split_once('/').context("it has a key")?;
    ensure!(key.len() == 32, "the key is {} letters", key.len());
    let own = "payment-webhook/0/2018-06-01/runtime";
    for key in ["", "/wrong"] {
        answers("without the key", http.get(format!("http://{address}{key}/{own}/invocation/next")), 404).await?;
        answers("without the key", http.post(format!("http://{address}{key}/{own}/init/error")), 404).await?;
    }
    let error = |path: &str| http.post(format!("http://{runtime}/{path}/init/error")).body("{}");
    answers("another name", error(own).header("host", "evil.example"), 403).await?;
    answers("a page", error(own).header("origin", "null"), 403).await?;
    answers("plain text", error(own).header("content-type", "text/plain"), 415).await?;
    answers("a slot that is not there", error("nothing/7/2018-06-01/runtime"), 410).await
}

/// Everything below a folder that somebody else of this machine may open.
fn open_to_others(path: &Path, found: &mut Vec<String>) -> Result<()> {
    let mode = std::fs::metadata(path)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        found.push(format!("{} {mode:o}", path.display()));
    }
    if path.is_dir() {
        for entry in std::fs::read_dir(path)? {
            open_to_others(&entry?.path(), found)?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn what_a_bundle_keeps_is_its_users_alone() -> Result<()> {
    let shop = Shop::open("origins-files").await?;
    let sale = shop.sell().await?;
    shop.delivered(&sale).await?;
    let mut found = Vec::new();
    let dir = &shop.bundle.dir;
    for private in [dir.join("mail"), dir.join("endpoints.json")] {
        open_to_others(&private, &mut found)?;
    }
    ensure!(found.is_empty(), "{found:?}");
    ensure!(std::fs::read_dir(dir.join("mail"))?.count() >= 2, "there is a mail");
    // Nobody else opens the folder, so tables, documents and logs are as private.
    ensure!(std::fs::metadata(dir)?.permissions().mode() & 0o777 == 0o700, "{}", dir.display());
    shop.bundle.stop().await;
    Ok(())
}

#[tokio::test]
async fn the_pages_keep_to_their_policy_and_work() -> Result<()> {
    let Some(browser) = Browser::find("origins-pages").await else { return Ok(()) };
    let shop = Shop::open("origins-pages").await?;
    let sale = shop.sell().await?;
    let number = shop.delivered(&sale).await?.document;
    let number = number.rsplit('/').next().unwrap().trim_end_matches(".pdf").to_owned();
    let home = &shop.bundle.endpoints.home_url;
    for (path, word) in
        [("", number.as_str()), ("#mail=last", "srcdoc="), ("_local/graphql", "Everything wrong at once")]
    {
        let answer = reqwest::get(format!("{home}{path}")).await?;
        let policy = answer.headers()["content-security-policy"].to_str()?.to_owned();
        ensure!(policy.contains("default-src 'none'") && !policy.contains("script-src 'unsafe"), "{policy}");
        let page = browser.open(&format!("{home}{path}")).await?;
        ensure!(page.html.contains(word), "{path} does not show {word}: {}", page.html);
        ensure!(page.console.is_empty(), "{path}: {:?}", page.console);
    }
    // What a policy refuses is seen in the console.
    let policed = "<meta http-equiv=Content-Security-Policy content=\"script-src 'none'\"><script>1</script>";
    let (at, _server) = serve(Router::new().route("/", get(move || async move { Html(policed) }))).await?;
    let page = browser.open(&at).await?;
    ensure!(page.console.iter().any(|line| line.contains("Content Security Policy")), "{page:?}");
    shop.bundle.stop().await;
    Ok(())
}

/// A server on a port of its own, until it is dropped.
async fn serve(router: Router) -> Result<(String, comptoir_local::runtime::AbortOnDrop<()>)> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let at = format!("http://{}/", listener.local_addr()?);
    let server = tokio::spawn(async move {
        axum::serve(listener, router).await.ok();
    });
    Ok((at, comptoir_local::runtime::AbortOnDrop(server)))
}

type Reported = Arc<Mutex<Option<Value>>>;

/// The page of another origin; what it could do is reported to its own server.
async fn other_origin(ports: &[String]) -> Result<(String, Reported, comptoir_local::runtime::AbortOnDrop<()>)> {
    let reported = Reported::default();
    let page = SCAN.replace("[/* ports */]", &json!(ports).to_string());
    let router = Router::new()
        .route("/", get(move || async move { Html(page) }))
        .route(
            "/report",
            post(|State(reported): State<Reported>, body: String| async move {
                *reported.lock().unwrap() = serde_json::from_str(&body).ok();
            }),
        )
        .with_state(reported.clone());
    let (at, server) = serve(router).await?;
    Ok((at, reported, server))
}

async fn scanned(browser: &Browser, ports: &[String]) -> Result<Value> {
    let (at, reported, _server) = other_origin(ports).await?;
    let _open = browser.stay(&at)?;
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(120) {
        if let Some(report) = reported.lock().unwrap().take() {
            return Ok(report);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    anyhow::bail!("the page never reported")
}

#[tokio::test]
async fn a_page_of_another_origin_reads_nothing_and_starts_nothing() -> Result<()> {
    let Some(browser) = Browser::find("origins-scan").await else { return Ok(()) };
    let shop = Shop::open_with("origins-scan", |options| options.wire = true).await?;
    let sale = shop.sell().await?;
    shop.delivered(&sale).await?;
    let at = &shop.bundle.endpoints;
    let runtime = runtime(&shop)?;
    let wire = &shop.bundle.wire().unwrap().base;
    let port = |address: &str| {
        address.trim_start_matches("http://").split('/').next().unwrap().rsplit(':').next().unwrap().to_owned()
    };
    let ports = [&at.home_url, &at.aws_endpoint_url, &runtime, wire].map(|address| port(address));
    let before = state(&shop).await?;
    let report = scanned(&browser, &ports).await?;
    let asked = report["asked"].as_u64().unwrap_or_default();
    ensure!(asked > 200, "the page asked {asked} times: {report}");
    // The API of members answers pages of any origin, as AppSync does, and each without a token alike.
    let read: Vec<&Value> = report["read"].as_array().unwrap().iter().filter(|one| one["path"] != "/graphql").collect();
    ensure!(read.is_empty(), "{read:?}");
    for one in report["read"].as_array().unwrap() {
        ensure!(one["status"] == 401, "{one}");
    }
    ensure!(state(&shop).await? == before, "{before} became {}", state(&shop).await?);
    // A server that lets everybody in is read: the page can.
    let open = Router::new().fallback(|| async { ([("access-control-allow-origin", "*")], "everything") });
    let (open, _server) = serve(open).await?;
    let report = scanned(&browser, &[port(&open)]).await?;
    ensure!(!report["read"].as_array().unwrap().is_empty(), "{report}");
    shop.bundle.stop().await;
    Ok(())
}
