//! Starts a bundle in phases: preparation, the stand-in for AWS, the stack, the functions, the front and
//! the streams.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use anyhow::{Context, bail};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, watch};

use super::deploy::{self, Deployed};
use super::ministack::Ministack;
use super::{Bundle, Functions, Options, build, graphql, prepare, resources};
use crate::app_fake::{self, AppFake};
use crate::aws::Aws;
use crate::clock::BundleClock;
use crate::endpoints::Endpoints;
use crate::event_bus::{Bus, Rule};
use crate::faults::Faults;
use crate::front::books::Books;
use crate::front::http_api::{HttpApi, Route};
use crate::front::moved::Moved;
use crate::front::{self, Front};
use crate::graphql::programs::Programs;
use crate::lambda::host::Host;
use crate::lambda::pool::{Function, Settings};
use crate::lock::{self, Lock, cannot_write};
use crate::mail::Mailbox;
use crate::minute;
use crate::private;
use crate::runtime::AbortOnDrop;
use crate::schedule::Schedule;
use crate::secrets;
use crate::ses::{self, Ses};
use crate::settings::{self, Document};
use crate::sign_in_mails::SignInMails;
use crate::slack_fake::SlackFake;
use crate::stream::Flow;
use crate::stream::filter::Filter;
use crate::stream::pump::Pump;
use crate::stripe_fake::{StripeFake, Webhook};
use crate::wire::Wire;

/// Processes of a function behind the HTTP API or the GraphQL API; one behind a stream reads a shard at a time, as on
/// Lambda.
const HTTP_CONCURRENCY: usize = 8;

/// Processes of a function behind the event bus, which delivers concurrently: enough for two events of a mail to race.
const BUS_CONCURRENCY: usize = 2;

/// Reads of an endpoint that Stripe answers in a second (docs.stripe.com/rate-limits).
const STRIPE_READS: usize = 25;

/// Reads of the webhook, a second and at once, where Stripe's limits do not hold.
const ANY_READS: &str = "1000000";

/// Every function by its package name.
type Fleet = BTreeMap<String, Arc<Function>>;

/// Starts everything, on the process's own runtime.
pub(super) async fn start(options: Options) -> anyhow::Result<Bundle> {
    let progress = options.progress;
    let lock = claim(&options.dir)?;
    // First, because it is the likeliest to fail and fails fastest.
    let listener = listen(options.port).await?;
    let base = format!("http://{}", listener.local_addr()?);
    if !options.keep {
        clear(&options.dir)?;
    }
    private::folder(&options.dir).with_context(|| cannot_write(&options.dir))?;
    let python = prepare::prepare(progress).await?;
    let binaries = match &options.functions {
        Functions::Build => {
            progress.say("building the functions ...");
            build::build(progress).await?
        }
        Functions::Prebuilt(binaries) => binaries.clone(),
    };
    progress.say("starting the stand-in for AWS ...");
    let key = secrets::random("LOCAL");
    let sign_in_mails = Arc::new(SignInMails::default());
    let (post, posting) = sign_in_mails.listen().await?;
    let ministack = Ministack::start(python, &options, &key, post).await?;
    let aws = Aws::new(ministack.endpoint(), key);
    let deployed = deploy::deploy(&aws, &options).await?;
    progress.say("starting the functions ...");
    let host = Arc::new(Host::start().await?);
    let wire = match options.wire {
        true => Some(Wire::start(aws.clone(), format!("{base}/_ses")).await?),
        false => None,
    };
    let programs = graphql::programs(&deployed, &options.profile_programs, &aws.key);
    let clock = Arc::new(BundleClock::default());
    let world = World { aws: &aws, wire: wire.as_ref(), base: &base, programs: &programs, clock: &clock };
    let (functions, secrets_prefix) = functions(&options, &world, &deployed, &binaries, &host).await?;
    if let Some(wire) = &wire {
        wire.connect(functions.clone(), deployed.roles.clone());
    }
    let stripe_webhook_secret = secrets::webhook_secret(&aws, &secrets_prefix).await?;
    let api_key = secrets::site_key(&aws, &secrets_prefix).await?;
    let webhooks_out_secret = secrets::app_secret(&aws, &secrets_prefix).await?;
    secrets::store_api_key(&aws, &secrets_prefix, options.stripe_api_key.as_deref()).await?;
    secrets::store_slack_webhook(&aws, &secrets_prefix, options.slack_webhook.as_deref()).await?;
    let front = front(&options, (&aws, &base), &deployed, &functions, (programs, clock), sign_in_mails).await?;
    let front = Arc::new(front);
    let mut tasks = vec![front::serve(listener, front.clone())?, posting];
    warm(&functions).await?;
    save_settings(&options, &functions).await?;
    let (flow, seen) = watch::channel(Flow { running: true, restarts: 0, losses: 0 });
    for spec in &deployed.functions {
        if let (Some(input), Some(function)) = (&spec.minutely, functions.get(&spec.package)) {
            let minute = minute::run(function.clone(), input.clone().into(), front.api.early.clone());
            tasks.push(AbortOnDrop(tokio::spawn(minute)));
        }
    }
    for pump in pumps(&options, &aws, &deployed, &functions, &seen)? {
        tasks.push(AbortOnDrop(tokio::spawn(pump.run())));
    }
    let stripe_webhook_url = format!("{base}/webhooks/stripe");
    let webhook = Webhook { url: stripe_webhook_url.clone(), secret: stripe_webhook_secret.clone() };
    tasks.push(AbortOnDrop(tokio::spawn(front.stripe.clone().deliver(webhook))));
    tasks.push(AbortOnDrop(tokio::spawn(front.stripe.clone().live())));
    let endpoints = Endpoints {
        stripe_webhook_url,
        stripe_webhook_secret,
        clock_url: format!("{base}/_local/clock"),
        stripe_api_url: format!("{base}/_stripe"),
        billing_api_url: base.clone(),
        api_key,
        public_url: base.clone(),
        home_url: format!("{base}/"),
        mailbox_url: format!("{base}/_local/mailbox"),
        archive_url: format!("{base}/_local/archive"),
        parked_url: format!("{base}/_local/parked"),
        graphql_url: format!("{base}/graphql"),
        token_url: format!("{base}/_local/token"),
        aws_endpoint_url: aws.endpoint.clone(),
        aws_access_key_id: aws.key.clone(),
        webhooks_out_url: format!("{base}/_app/webhooks"),
        webhooks_out_secret,
        stage: options.stage.clone(),
    };
    let announced = options.endpoints.clone().unwrap_or_else(|| options.dir.join("endpoints.json"));
    endpoints.write(&announced)?;
    let ministack = Arc::new(Mutex::new(ministack));
    let (dir, keep, event_source) = (options.dir, options.keep, options.stripe_event_source);
    Ok(Bundle {
        endpoints,
        dir,
        functions,
        front,
        aws,
        wire,
        ministack,
        flow,
        secrets_prefix,
        event_source,
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

/// A bundle without `keep` starts empty.
fn clear(dir: &Path) -> anyhow::Result<()> {
    if dir.exists() {
        fs::remove_dir_all(dir).with_context(|| cannot_write(dir))?;
    }
    Ok(())
}

async fn functions(
    options: &Options,
    world: &World<'_>,
    deployed: &Deployed,
    binaries: &build::Binaries,
    host: &Arc<Host>,
) -> anyhow::Result<(Fleet, String)> {
    let mut functions = BTreeMap::new();
    let mut secrets_prefix = None;
    for spec in &deployed.functions {
        let configured = deploy::configuration(world.aws, &deployed.id(&spec.logical)?).await?;
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
        variables.extend(surroundings(options, world, &spec.package));
        if let Some(key) = deployed.grants.get(&spec.logical).and_then(|grant| world.programs.key(&grant.role)) {
            variables.push(("AWS_ACCESS_KEY_ID".to_owned(), key.id.clone()));
            variables.push(("AWS_SECRET_ACCESS_KEY".to_owned(), key.secret.clone()));
        }
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
            concurrency: match spec {
                _ if !spec.routes.is_empty() || graphql::answers_fields(deployed, &spec.logical) => HTTP_CONCURRENCY,
                _ if !spec.rules.is_empty() => BUS_CONCURRENCY,
                _ => spec.streams.len().max(1),
            },
            logs: options.dir.join("logs"),
            clock: world.clock.clone(),
        };
        functions.insert(spec.package.clone(), Arc::new(Function::new(settings, host.clone())));
    }
    Ok((functions, secrets_prefix.context("no function of template.yaml has SECRETS_PREFIX; the webhook needs it")?))
}

/// The addresses of everything that functions call.
struct World<'a> {
    aws: &'a Aws,
    wire: Option<&'a Wire>,
    base: &'a str,
    programs: &'a Programs,
    clock: &'a Arc<BundleClock>,
}

/// The environment variables of a function.
fn surroundings(options: &Options, world: &World<'_>, function: &str) -> Vec<(String, String)> {
    let base = world.base;
    let (aws, ses) = match world.wire {
        Some(wire) => (wire.address(function, "aws"), wire.address(function, "ses")),
        None => (world.aws.endpoint.clone(), format!("{base}/_ses")),
    };
    let region = crate::aws::REGION;
    let asking = ["STRIPE_READS_A_SECOND", "STRIPE_READS_AT_ONCE"].map(|name| (name, ANY_READS.to_owned()));
    let asking = asking.into_iter().filter(|_| !options.limits_of_stripe);
    let own = [
        ("AWS_REGION", region.to_owned()),
        ("AWS_DEFAULT_REGION", region.to_owned()),
        ("AWS_ACCESS_KEY_ID", world.aws.key.clone()),
        ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
        ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ("AWS_ENDPOINT_URL", aws),
        ("AWS_ENDPOINT_URL_SESV2", ses),
        ("STRIPE_API_URL", format!("{base}/_stripe")),
        ("PUBLIC_URL", base.to_owned()),
        ("PROFILE_API_URL", format!("{base}/graphql")),
        ("SLACK_API_URL", format!("{base}/_slack")),
        ("APP_LOCAL_URL", format!("{base}{}", app_fake::DOOR)),
        ("RUST_BACKTRACE", "0".to_owned()),
    ];
    own.into_iter().chain(asking).map(|(name, value)| (name.to_owned(), value)).collect()
}

async fn front(
    options: &Options,
    (aws, base): (&Aws, &str),
    deployed: &Deployed,
    functions: &Fleet,
    (programs, clock): (Programs, Arc<BundleClock>),
    sign_in_mails: Arc<SignInMails>,
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
        [deployed.id("OutboxTable")?, deployed.id("NoticesTable")?, deployed.id("AccessTable")?],
        deployed.id("ArchiveBucket")?,
        queue,
    );
    let by_hand = deployed.functions.iter().filter(|spec| spec.by_hand);
    let by_hand = by_hand.filter_map(|spec| Some((spec.package.clone(), functions.get(&spec.package)?.clone())));
    let mailbox = Arc::new(Mailbox::open(options.dir.join("mail"))?);
    let early = minute::Early::default();
    Ok(Front {
        api: HttpApi { routes, early: early.clone() },
        ses: Arc::new(Ses {
            mailbox,
            faults: Faults::default(),
            bus: bus(deployed, functions, early)?,
            daily: AtomicUsize::new(ses::DAILY),
            clock: clock.clone(),
        }),
        stripe: Arc::new(StripeFake::new(
            options.limits_of_stripe.then_some(STRIPE_READS),
            clock.clone(),
            format!("{base}/_stripe"),
        )),
        slack: Arc::new(SlackFake::new(clock.clone())),
        app: Arc::new(AppFake::new(clock.clone())),
        sign_in_mails,
        graphql: Arc::new(graphql::api(aws, deployed, functions, (programs, clock.clone())).await?),
        books,
        by_hand: by_hand.collect(),
        stage: options.stage.clone(),
        moved: Moved::new(clock, scheduled(deployed, functions)?),
    })
}

/// The schedules of the template, each with its function. That of a minute is one of them where the clock is moved.
fn scheduled(deployed: &Deployed, functions: &Fleet) -> anyhow::Result<Vec<(Schedule, Arc<Function>)>> {
    let mut scheduled = Vec::new();
    for spec in &deployed.functions {
        let minutely = spec.minutely.iter().map(|input| Schedule {
            expression: resources::EACH_MINUTE.to_owned(),
            zone: "UTC".to_owned(),
            input: input.clone(),
        });
        for schedule in spec.schedules.iter().cloned().chain(minutely) {
            let function = functions.get(&spec.package).cloned().context("a schedule leads to no function")?;
            scheduled.push((schedule, function));
        }
    }
    Ok(scheduled)
}

fn bus(deployed: &Deployed, functions: &Fleet, early: minute::Early) -> anyhow::Result<Bus> {
    let mut rules = Vec::new();
    for spec in &deployed.functions {
        for rule in &spec.rules {
            let function = functions.get(&spec.package).cloned().context("a rule leads to no function")?;
            let pattern = Filter::read(&deploy::resolve(deployed, &rule.pattern)?)?;
            rules.push(Rule { bus: rule.bus.clone(), pattern, function });
        }
    }
    Ok(Bus::new(rules, early))
}

/// One process of each function, started concurrently.
async fn warm(functions: &Fleet) -> anyhow::Result<()> {
    let mut starting = tokio::task::JoinSet::new();
    for function in functions.values() {
        let function = function.clone();
        starting.spawn(async move { function.warm().await });
    }
    while let Some(started) = starting.join_next().await {
        started.context("starting a function was interrupted; run the command again")??;
    }
    Ok(())
}

/// Saves the seller's file and the plans as the first version of the settings. Settings of an earlier start are kept.
async fn save_settings(options: &Options, functions: &Fleet) -> anyhow::Result<()> {
    for (document, file) in [(Document::Seller, &options.seller_file), (Document::Plans, &options.plans_file)] {
        if let Some(file) = file {
            save_first(document, file, options, functions).await?;
        }
    }
    Ok(())
}

async fn save_first(document: Document, file: &Path, options: &Options, functions: &Fleet) -> anyhow::Result<()> {
    let function = functions.get(settings::FUNCTION).context("template.yaml has no function for the settings")?;
    let invoke = async |command: &Value| -> anyhow::Result<Value> {
        let answer = function.invoke(command.to_string().into()).await;
        let answer = answer.map_err(|failure| anyhow::anyhow!("the settings cannot be saved: {failure}"))?;
        Ok(serde_json::from_slice(&answer)?)
    };
    let stands = invoke(&json!({"command": "show", "name": document.name()})).await?;
    if let Some(stands) = stands.get("document") {
        if *stands != document.read(file)? {
            let (named, diff) = (document.file(), document.diff());
            options.progress.say(format!("the settings differ from {}: see `{diff}`", named.display()));
        }
        return Ok(());
    }
    settings::saved(&invoke(&document.command(file, false)?).await?).map(drop)
}

fn pumps(
    options: &Options,
    aws: &Aws,
    deployed: &Deployed,
    functions: &Fleet,
    flow: &watch::Receiver<Flow>,
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
                flow: flow.clone(),
                restart: 0,
                losses: 0,
            });
        }
    }
    Ok(pumps)
}
