//! `cargo sam-local`: runs the webhook of `template.yaml` in Lambda's own container, by `sam local invoke`, with the
//! events of `tests/events` and one signed now.
//!
//! SAM starts the container and passes it the event. The function's calls to AWS are answered by a small stand-in that
//! the container reaches; without one the function would wait for SSM and answer 500.

mod stand_in;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use comptoir::stripe::signature;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::aws::REGION;
use crate::bundle::{prepare, template};
use crate::lock::cannot_write;
use crate::progress::Progress;
use crate::{environment, paths, process};
pub use stand_in::StandIn;

const FUNCTION: &str = "PaymentWebhookFunction";

/// The signing secret of the files in `tests/events`.
const SECRET: &str = "whsec_only_for_tests_events";
/// A secret that the function does not have.
const OTHER_SECRET: &str = "whsec_of_somebody_else";

/// The SAM CLI, as the checks have it.
const SAM: &str = include_str!("../../../../.ci/requirements.txt");

/// Its builder for Rust, which is large, and needed only where nothing is built yet.
const BUILDERS: &str = include_str!("builders.txt");

/// What to invoke, and how.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct SamLocal {
    /// Another event than the three: a file as in tests/events
    #[arg(long)]
    pub event: Option<PathBuf>,
    /// An image to run it in instead of AWS's own, which is then not pulled
    #[arg(long)]
    pub image: Option<String>,
    /// An executable that is built already, for this machine's processor and the image's libraries
    #[arg(long)]
    pub binary: Option<PathBuf>,
    /// Where the engine listens, if not where DOCKER_HOST or Docker's default say
    #[arg(long)]
    pub engine: Option<String>,
}

/// An event and its expected answer.
#[derive(Debug, Clone)]
pub struct Promise {
    /// A description.
    pub name: String,
    /// The event as API Gateway would send it.
    pub event: Value,
    /// Status and reason, or status and result: `400 signature_stale`.
    pub answer: String,
}

/// Invokes the function with each event and prints its answers.
///
/// # Errors
/// One sentence that says what is missing, or which expectation failed.
pub async fn run(wish: &SamLocal) -> anyhow::Result<()> {
    let given = wish.event.as_deref().map(read).transpose()?;
    let setup = prepare_all(wish).await?;
    // Signed once everything stands: a first build takes longer than a signature is good for.
    let promises = match given {
        Some(promise) => vec![promise],
        None => promises()?,
    };
    for promise in promises {
        let answer = invoke(&setup, &promise.event).await?;
        crate::print(format!("{:<8} {}", promise.name, said(&answer)));
        ensure!(said(&answer) == promise.answer, "{} was to answer {}", promise.name, promise.answer);
    }
    Ok(())
}

/// The stale event; the forged one, whose time lies far ahead so that its answer never changes; and the stale one signed again,
/// with another secret and with the right one.
///
/// # Errors
/// When a file of `tests/events` cannot be read.
pub fn promises() -> anyhow::Result<Vec<Promise>> {
    let folder = paths::repository().join("tests").join("events");
    let stale = read(&folder.join("payment-webhook.stale.json"))?;
    let forged = read(&folder.join("payment-webhook.forged.json"))?;
    let other = signed_now(&stale.event, "other", OTHER_SECRET, "400 signature_mismatch")?;
    let fresh = signed_now(&stale.event, "fresh", SECRET, "200 recorded")?;
    Ok(vec![stale, forged, other, fresh])
}

fn signed_now(event: &Value, name: &str, secret: &str, answer: &str) -> anyhow::Result<Promise> {
    let mut event = event.clone();
    let body = event.get("body").and_then(Value::as_str).context("the event has no body")?;
    let signed = signature::sign(body.as_bytes(), secret, crate::clock::now());
    *event.pointer_mut("/headers/stripe-signature").context("the event has no signature")? = json!(signed);
    Ok(Promise { name: name.to_owned(), event, answer: answer.to_owned() })
}

fn read(file: &Path) -> anyhow::Result<Promise> {
    let text = fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let event: Value = serde_json::from_slice(&text).with_context(|| format!("{} is not JSON", file.display()))?;
    let answer = event.pointer("/stageVariables/expected_answer").and_then(Value::as_str).unwrap_or_default();
    let stem = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let name = stem.rsplit('.').next().unwrap_or_default().to_owned();
    Ok(Promise { name, answer: answer.to_owned(), event })
}

/// The status and the reason, or the result where there is none.
pub fn said(answer: &Value) -> String {
    let status = answer.get("statusCode").and_then(Value::as_u64).unwrap_or_default();
    let body = answer.get("body").and_then(Value::as_str).unwrap_or_default();
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let word = |name: &str| body.get(name).and_then(Value::as_str);
    format!("{status} {}", word("reason").or_else(|| word("result")).unwrap_or_default())
}

/// Everything an invocation needs.
#[derive(Debug)]
pub struct Setup {
    sam: PathBuf,
    folder: PathBuf,
    image: Option<String>,
    engine: Option<String>,
    _stand_in: StandIn,
}

/// Looks for an engine, prepares SAM, builds the function and starts the stand-in.
///
/// # Errors
/// One sentence that says what is missing.
pub async fn prepare_all(wish: &SamLocal) -> anyhow::Result<Setup> {
    let gateway = gateway(wish.engine.as_deref()).await.context(
        "no container engine answers: start Docker and run the command again, or run `cargo demo`, which needs none",
    )?;
    let builders = if wish.binary.is_some() { "" } else { BUILDERS };
    let python = prepare::environment("the SAM CLI", &format!("{SAM}{builders}"), Progress::Print).await?;
    let sam = python.with_file_name("sam");
    let folder = paths::local().join("sam");
    let code = folder.join("code");
    fs::create_dir_all(&code).with_context(|| cannot_write(&code))?;
    let binary = match &wish.binary {
        Some(binary) => binary.clone(),
        None => build(&sam).await?,
    };
    // A copy, because SAM mounts this folder into the container.
    fs::copy(&binary, code.join("bootstrap")).with_context(|| format!("{} cannot be copied", binary.display()))?;
    let stand_in = StandIn::start(&gateway.listen, SECRET).await?;
    let endpoint = format!("http://{}:{}", gateway.seen_as, stand_in.port());
    let text = fs::read_to_string(paths::template()).context("template.yaml cannot be read")?;
    let edited = edited(&template::read(&text)?, &code, &endpoint)?.to_string();
    fs::write(folder.join("template.json"), edited).with_context(|| cannot_write(&folder))?;
    let (image, engine) = (wish.image.clone(), wish.engine.clone());
    Ok(Setup { sam, folder, image, engine, _stand_in: stand_in })
}

/// The address of this machine as seen from a container.
struct Gateway {
    listen: String,
    seen_as: String,
}

/// On Linux the host's end of the default bridge, unreachable from outside the machine; elsewhere the engine runs in
/// a virtual machine, from which a host name leads to this one.
async fn gateway(engine: Option<&str>) -> anyhow::Result<Gateway> {
    let format = "{{(index .IPAM.Config 0).Gateway}}";
    let mut docker = Command::new("docker");
    docker.args(["network", "inspect", "bridge", "--format", format]).stdin(Stdio::null());
    docker.envs(engine.map(|engine| ("DOCKER_HOST", engine)));
    let answer = tokio::time::timeout(Duration::from_secs(20), docker.output()).await??;
    ensure!(answer.status.success(), "docker does not answer");
    let address = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
    Ok(match cfg!(target_os = "linux") && !address.is_empty() {
        true => Gateway { listen: address.clone(), seen_as: address },
        false => Gateway { listen: "127.0.0.1".to_owned(), seen_as: "host.docker.internal".to_owned() },
    })
}

/// The same as `sam build` makes: optimised, against the libraries of Lambda's image.
async fn build(sam: &Path) -> anyhow::Result<PathBuf> {
    crate::print_aside("sam build (the first takes minutes) ...");
    let root = paths::repository();
    let out = paths::local().join("sam").join("build");
    let mut command = Command::new(sam);
    command.args(["build", FUNCTION, "--parameter-overrides", &overrides(), "--build-dir"]).arg(&out);
    command.current_dir(&root).stdin(Stdio::null()).env("SAM_CLI_TELEMETRY", "0");
    if let (Some(tools), Some(path)) = (sam.parent(), environment::path()) {
        // cargo-lambda and its linker are in the same folder.
        let both = std::env::join_paths(std::iter::once(tools.to_owned()).chain(std::env::split_paths(&path)))?;
        command.env("PATH", both);
    }
    let status = command.status().await.context("the SAM CLI does not start")?;
    ensure!(status.success(), "sam build failed; correct what it says and run the command again");
    Ok(out.join(FUNCTION).join("bootstrap"))
}

fn overrides() -> String {
    format!("Stage=dev StripeMode=test Architecture={}", architecture())
}

/// Lambda's name for this machine's processor.
fn architecture() -> &'static str {
    if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" }
}

/// The template with this code for the function, and with the stand-in's address for AWS.
fn edited(template: &Value, code: &Path, endpoint: &str) -> anyhow::Result<Value> {
    let mut template = template.clone();
    let function = template.pointer_mut(&format!("/Resources/{FUNCTION}"));
    let function = function.and_then(Value::as_object_mut).context("template.yaml has no payment webhook")?;
    function.remove("Metadata");
    let properties = function.get_mut("Properties").and_then(Value::as_object_mut).context("it has no Properties")?;
    properties.insert("CodeUri".to_owned(), json!(code));
    let variables = properties.get_mut("Environment").and_then(|environment| environment.get_mut("Variables"));
    let variables = variables.and_then(Value::as_object_mut).context("the webhook has no variables")?;
    variables.insert("AWS_ENDPOINT_URL".to_owned(), json!(endpoint));
    Ok(template)
}

/// Invokes the function once and reads its answer: SAM exits with 0 even without one.
///
/// # Errors
/// When SAM returns no answer, with its last output.
pub async fn invoke(setup: &Setup, event: &Value) -> anyhow::Result<Value> {
    let file = setup.folder.join("event.json");
    fs::write(&file, event.to_string()).with_context(|| cannot_write(&file))?;
    let mut command = Command::new(&setup.sam);
    // Without AWS keys: with them SAM would call AWS for some seconds.
    command.env_clear().envs(environment::inherited()).envs(environment::engine()).env("SAM_CLI_TELEMETRY", "0");
    command.envs(setup.engine.as_ref().map(|engine| ("DOCKER_HOST", engine)));
    command.args(["local", "invoke", FUNCTION, "--region", REGION, "--parameter-overrides", &overrides()]);
    command.arg("--template").arg(setup.folder.join("template.json")).arg("--event").arg(&file);
    if let Some(image) = &setup.image {
        command.args(["--skip-pull-image", "--invoke-image", image]);
    }
    let said = setup.folder.join("invoke.log");
    let log = fs::File::create(&said).with_context(|| cannot_write(&said))?;
    command.current_dir(&setup.folder).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
    let (child, _, out) = process::spawn_piped(&mut command).context("the SAM CLI does not start")?;
    let mut text = String::new();
    if let Some(mut out) = out {
        tokio::io::AsyncReadExt::read_to_string(&mut out, &mut text).await.context("the answer broke off")?;
    }
    child.wait().await;
    match text.lines().rev().find_map(|line| serde_json::from_str::<Value>(line.trim()).ok()) {
        Some(answer) if answer.get("statusCode").is_some() => Ok(answer),
        _ => bail!(
            "sam local invoke brought no answer: {}",
            fs::read_to_string(&said).unwrap_or_default().lines().rev().take(6).collect::<Vec<_>>().join(" | ")
        ),
    }
}

/// Whether an engine answers, at the default address or the given one.
pub async fn engine_answers(engine: Option<&str>) -> bool {
    gateway(engine).await.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_events_promise_what_they_are_named_for() {
        let promises = promises().unwrap();
        let told: Vec<(&str, &str)> =
            promises.iter().map(|promise| (promise.name.as_str(), promise.answer.as_str())).collect();
        let expected = [
            ("stale", "400 signature_stale"),
            ("forged", "400 signature_future"),
            ("other", "400 signature_mismatch"),
            ("fresh", "200 recorded"),
        ];
        assert_eq!(told, expected);
    }

    /// The containers take minutes and an engine; this compares the same events with the same rule in a moment.
    #[test]
    fn the_signatures_are_what_the_events_promise() {
        for promise in promises().unwrap() {
            let text = |pointer: &str| promise.event.pointer(pointer).and_then(Value::as_str).unwrap();
            let verified = signature::verify(
                Some(text("/headers/stripe-signature")),
                text("/body").as_bytes(),
                &[SECRET.to_owned()],
                crate::clock::now(),
            );
            let said =
                verified.map_or_else(|forged| format!("400 {}", forged.reason().code), |()| "200 recorded".to_owned());
            assert_eq!(said, promise.answer, "{}", promise.name);
        }
    }

    #[test]
    fn an_answer_is_told_by_its_reason_or_its_result() {
        let answer = |body: &str| said(&json!({"statusCode": 200, "body": body}));
        assert_eq!(answer(r#"{"result":"recorded"}"#), "200 recorded");
        assert_eq!(answer(r#"{"result":"rejected","reason":"signature_stale"}"#), "200 signature_stale");
        assert_eq!(said(&Value::Null), "0 ");
    }

    #[test]
    fn the_template_is_changed_for_this_function_alone() {
        let template = template::read(include_str!("../../../../template.yaml")).unwrap();
        let edited = edited(&template, Path::new("/code"), "http://172.17.0.1:9").unwrap();
        let of = |name: &str, pointer: &str| edited.pointer(&format!("/Resources/{name}/Properties{pointer}")).cloned();
        assert_eq!(of(FUNCTION, "/CodeUri"), Some(json!("/code")));
        assert_eq!(of(FUNCTION, "/Environment/Variables/AWS_ENDPOINT_URL"), Some(json!("http://172.17.0.1:9")));
        assert_eq!(of("MailSenderFunction", "/CodeUri"), Some(json!("functions/mail-sender/")));
    }
}
