//! The whole bundle on one machine: started in phases, each in its own module, and stopped without leaving anything behind.
//!
//! Several bundles run side by side in one process, each on its own ports and in its own directory.

pub mod build;
mod deploy;
mod ministack;
mod options;
mod prepare;
pub mod resources;
mod secrets;
mod template;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, watch};

use crate::aws::Aws;
use crate::endpoints::Endpoints;
use crate::faults::Faults;
use crate::front::books::Books;
use crate::front::http_api::{HttpApi, Route};
use crate::front::{self, Front};
use crate::lambda::host::Host;
use crate::lambda::pool::{Function, Settings};
use crate::lock::{self, Lock, cannot_write};
use crate::mail::Mailbox;
use crate::paths;
use crate::runtime::{self, AbortOnDrop};
use crate::ses::Ses;
use crate::stream::pump::Pump;
use crate::stripe_fake::StripeFake;
use deploy::Deployed;
use ministack::Ministack;
pub use options::{Functions, Options};

/// Processes of a function behind the HTTP API; one behind a stream reads a shard at a time, as on Lambda.
const HTTP_CONCURRENCY: usize = 8;

/// A running bundle. Dropping it ends everything it started.
#[derive(Debug)]
pub struct Bundle {
    /// Where it is.
    pub endpoints: Endpoints,
    /// Its directory: logs, mails, state.
    pub dir: PathBuf,
    functions: BTreeMap<String, Arc<Function>>,
    front: Arc<Front>,
    aws: Aws,
    ministack: Arc<Mutex<Ministack>>,
    streams: watch::Sender<bool>,
    secrets_prefix: String,
    announced: PathBuf,
    keep: bool,
    tasks: Vec<AbortOnDrop<()>>,
    _lock: Lock,
}

impl Bundle {
    /// Prepares, builds, deploys and starts everything; returns when the first payment can come.
    ///
    /// # Errors
    /// One sentence that says what to do; nothing is left running.
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        runtime::run(start(options)).await
    }

    /// Ends everything; the state is saved where the bundle keeps it.
    pub async fn stop(mut self) {
        fs::remove_file(&self.announced).ok();
        self.tasks.clear();
        for function in self.functions.values() {
            function.kill();
        }
        if self.keep {
            self.ministack.lock().await.stop().await;
        }
    }

    /// Where the functions have written things down.
    pub fn books(&self) -> &Books {
        &self.front.books
    }

    /// The stand-in for AWS, for calls of a test's own.
    pub fn aws(&self) -> &Aws {
        &self.aws
    }

    /// The captured mails.
    pub fn mailbox(&self) -> &Mailbox {
        &self.front.ses.mailbox
    }

    /// What goes wrong with SES.
    pub fn ses_faults(&self) -> &Faults {
        &self.front.ses.faults
    }

    /// The stand-in for Stripe, and what goes wrong with it.
    pub fn stripe(&self) -> &StripeFake {
        &self.front.stripe
    }

    /// A function by its package name.
    pub fn function(&self, package: &str) -> Option<&Arc<Function>> {
        self.functions.get(package)
    }

    /// Lets the streams stand still, so that records pile up.
    pub fn pause_streams(&self) {
        self.streams.send_replace(false);
    }

    /// Lets the streams flow again.
    pub fn resume_streams(&self) {
        self.streams.send_replace(true);
    }

    /// Replaces the webhook secrets that the functions read: one or several, separated by spaces.
    ///
    /// # Errors
    /// When the stand-in does not answer.
    pub async fn set_webhook_secrets(&self, secrets: &str) -> anyhow::Result<()> {
        secrets::put(&self.aws, &format!("{}/stripe-webhook-secrets", self.secrets_prefix), secrets).await
    }

    /// Takes AWS away: DynamoDB, S3 and SSM no longer answer. Their state is saved.
    pub async fn stop_aws(&self) {
        self.ministack.lock().await.stop().await;
    }

    /// Brings AWS back with the state it had.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn resume_aws(&self) -> anyhow::Result<()> {
        let ministack = self.ministack.clone();
        runtime::run(async move { ministack.lock().await.resume().await }).await
    }
}

async fn start(options: Options) -> anyhow::Result<Bundle> {
    let progress = options.progress;
    let lock = claim(&options.dir)?;
    // First of all, because it is the likeliest to fail and the quickest to say so.
    let listener = listen(options.port).await?;
    let base = format!("http://{}", listener.local_addr()?);
    if !options.keep {
        clear(&options.dir)?;
    }
    let python = prepare::prepare(progress).await?;
    let binaries = match &options.functions {
        Functions::Build => {
            progress.say("building the functions ...");
            build::build(progress).await?
        }
        Functions::Prebuilt(binaries) => binaries.clone(),
    };
    progress.say("starting the stand-in for AWS ...");
    let ministack = Ministack::start(python, &options.dir).await?;
    let aws = Aws::new(ministack.endpoint());
    let deployed = deploy::deploy(&aws, &options.template, &options.stage, progress).await?;
    progress.say("starting the functions ...");
    let host = Arc::new(Host::start().await?);
    let (functions, secrets_prefix) = functions(&options, &aws, &deployed, &binaries, &host, &base).await?;
    let stripe_webhook_secret = secrets::webhook_secret(&aws, &secrets_prefix).await?;
    secrets::store_api_key(&aws, &secrets_prefix, options.stripe_api_key.as_deref()).await?;
    let front = Arc::new(front(&options, &aws, &deployed, &functions)?);
    let mut tasks = vec![front::serve(listener, front.clone())];
    warm(&functions).await?;
    let (streams, running) = watch::channel(true);
    for pump in pumps(&options, &aws, &deployed, &functions, &running)? {
        tasks.push(AbortOnDrop(tokio::spawn(pump.run())));
    }
    let endpoints = Endpoints {
        stripe_webhook_url: format!("{base}/webhooks/stripe"),
        stripe_webhook_secret,
        stripe_api_url: format!("{base}/_stripe"),
        home_url: format!("{base}/"),
        mailbox_url: format!("{base}/_local/mailbox"),
        archive_url: format!("{base}/_local/archive"),
        parked_url: format!("{base}/_local/parked"),
        graphql_url: None,
        aws_endpoint_url: aws.endpoint.clone(),
        stage: options.stage.clone(),
    };
    let announced = options.endpoints.clone().unwrap_or_else(|| options.dir.join("endpoints.json"));
    endpoints.write(&announced)?;
    let ministack = Arc::new(Mutex::new(ministack));
    let (dir, keep) = (options.dir, options.keep);
    Ok(Bundle {
        endpoints,
        dir,
        functions,
        front,
        aws,
        ministack,
        streams,
        secrets_prefix,
        announced,
        keep,
        tasks,
        _lock: lock,
    })
}

fn claim(dir: &Path) -> anyhow::Result<Lock> {
    let lock = lock::try_hold(&dir.with_extension("lock"))?;
    lock.with_context(|| format!("another bundle is running in {}: stop it first", dir.display()))
}

async fn listen(port: Option<u16>) -> anyhow::Result<TcpListener> {
    let taken = || match port {
        Some(port) => format!("port {port} is taken: stop what uses it, or choose another with `--port`"),
        None => "no free port on 127.0.0.1; end some programs and run the command again".to_owned(),
    };
    TcpListener::bind(("127.0.0.1", port.unwrap_or(0))).await.with_context(taken)
}

/// A bundle that keeps nothing starts from nothing.
fn clear(dir: &Path) -> anyhow::Result<()> {
    if dir.exists() {
        fs::remove_dir_all(dir).with_context(|| cannot_write(dir))?;
    }
    fs::create_dir_all(dir).with_context(|| cannot_write(dir))
}

async fn functions(
    options: &Options,
    aws: &Aws,
    deployed: &Deployed,
    binaries: &build::Binaries,
    host: &Arc<Host>,
    base: &str,
) -> anyhow::Result<(BTreeMap<String, Arc<Function>>, String)> {
    let mut functions = BTreeMap::new();
    let mut secrets_prefix = None;
    for spec in &deployed.functions {
        let configured = deploy::configuration(aws, &deployed.id(&spec.logical)?).await?;
        let resolved = configured.variables.iter().find(|(name, _)| name == "SECRETS_PREFIX");
        secrets_prefix = secrets_prefix.or_else(|| resolved.map(|(_, value)| value.clone()));
        let Some(binary) = binaries.get(&spec.package) else {
            bail!(
                "template.yaml names the function {}, but no package builds it: add functions/{}",
                spec.package,
                spec.package
            );
        };
        let mut variables = configured.variables;
        variables.extend(surroundings(options, aws, base));
        variables.extend(
            options
                .variables
                .get(&spec.package)
                .into_iter()
                .flatten()
                .map(|(name, value)| (name.clone(), value.clone())),
        );
        let settings = Settings {
            package: spec.package.clone(),
            name: configured.name,
            arn: configured.arn,
            binary: binary.clone(),
            variables,
            timeout: spec.timeout,
            memory: spec.memory,
            concurrency: if spec.routes.is_empty() { spec.streams.len().max(1) } else { HTTP_CONCURRENCY },
            logs: options.dir.join("logs"),
        };
        functions.insert(spec.package.clone(), Arc::new(Function::new(settings, host.clone())));
    }
    Ok((functions, secrets_prefix.context("no function of template.yaml has SECRETS_PREFIX; the webhook needs it")?))
}

/// What AWS and the world look like from inside a function.
fn surroundings(options: &Options, aws: &Aws, base: &str) -> Vec<(String, String)> {
    let region = crate::aws::REGION;
    let seller = options.seller_file.clone().unwrap_or_else(paths::seller);
    [
        ("AWS_REGION", region.to_owned()),
        ("AWS_DEFAULT_REGION", region.to_owned()),
        ("AWS_ACCESS_KEY_ID", "test".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
        ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ("AWS_ENDPOINT_URL", aws.endpoint.clone()),
        ("AWS_ENDPOINT_URL_SESV2", format!("{base}/_ses")),
        ("STRIPE_API_URL", format!("{base}/_stripe")),
        ("SELLER_FILE", seller.display().to_string()),
        ("RUST_BACKTRACE", "0".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}

fn front(
    options: &Options,
    aws: &Aws,
    deployed: &Deployed,
    functions: &BTreeMap<String, Arc<Function>>,
) -> anyhow::Result<Front> {
    let mut routes = Vec::new();
    for spec in &deployed.functions {
        for (method, path) in &spec.routes {
            let function = functions.get(&spec.package).cloned().context("a route leads to no function")?;
            routes.push(Route { method: method.clone(), path: path.clone(), function });
        }
    }
    let queue = deployed.physical.get("OnFailureQueue").cloned();
    let books = Books::new(
        aws.clone(),
        deployed.id("BillingTable")?,
        deployed.id("OutboxTable")?,
        deployed.id("ArchiveBucket")?,
        queue,
    );
    let mailbox = Arc::new(Mailbox::open(options.dir.join("mail"))?);
    Ok(Front {
        api: HttpApi { routes },
        ses: Arc::new(Ses { mailbox, faults: Faults::default() }),
        stripe: Arc::new(StripeFake::default()),
        books,
        stage: options.stage.clone(),
    })
}

/// One process of each function, at the same time.
async fn warm(functions: &BTreeMap<String, Arc<Function>>) -> anyhow::Result<()> {
    let mut starting = tokio::task::JoinSet::new();
    for function in functions.values().cloned() {
        starting.spawn(async move { function.warm().await });
    }
    while let Some(started) = starting.join_next().await {
        started.context("starting a function was interrupted; run the command again")??;
    }
    Ok(())
}

fn pumps(
    options: &Options,
    aws: &Aws,
    deployed: &Deployed,
    functions: &BTreeMap<String, Arc<Function>>,
    running: &watch::Receiver<bool>,
) -> anyhow::Result<Vec<Pump>> {
    let folder = options.dir.join("streams");
    fs::create_dir_all(&folder).with_context(|| cannot_write(&folder))?;
    let mut pumps = Vec::new();
    for spec in &deployed.functions {
        for source in &spec.streams {
            pumps.push(Pump {
                aws: aws.clone(),
                function: functions.get(&spec.package).cloned().context("a stream leads to no function")?,
                source: source.clone(),
                table: deployed.id(&source.table)?,
                on_failure: source.on_failure.as_deref().map(|queue| deployed.id(queue)).transpose()?,
                checkpoint: folder.join(format!("{}-{}.json", spec.package, source.name)),
                running: running.clone(),
            });
        }
    }
    Ok(pumps)
}
