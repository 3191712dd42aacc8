//! The options of a bundle.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::build::Binaries;
use crate::paths;
use crate::progress::Progress;
use crate::secrets;

/// Where the functions come from.
#[derive(Clone, Debug, Default)]
pub enum Functions {
    /// Build them, once per process.
    #[default]
    Build,
    /// These executables, by package.
    Prebuilt(Binaries),
}

/// How to start a bundle.
#[derive(Clone, Debug)]
pub struct Options {
    /// The front's port; a free one when `None`.
    pub port: Option<u16>,
    /// The bundle's own directory; emptied at the start unless `keep`.
    pub dir: PathBuf,
    /// Whether state is kept: tables, archive, secrets, mails, stream positions.
    pub keep: bool,
    /// `dev` or `prod`.
    pub stage: String,
    /// Where the functions come from.
    pub functions: Functions,
    /// Further environment variables by function (package name); they win over the template's.
    pub variables: BTreeMap<String, BTreeMap<String, String>>,
    /// The file that is saved as the first settings; none are saved when `None`.
    pub seller_file: Option<PathBuf>,
    /// The file that is saved as the first plans; none are sold when `None`.
    pub plans_file: Option<PathBuf>,
    /// The template.
    pub template: PathBuf,
    /// The template's parameter ProfilePrograms.
    pub profile_programs: String,
    /// The template's parameter StripeEventSource.
    pub stripe_event_source: String,
    /// The key for Stripe's API; none is stored when `None`.
    pub stripe_api_key: Option<String>,
    /// The address of the team's Slack webhook; none is stored when `None`.
    pub slack_webhook: Option<String>,
    /// Whether the seller's app is told what happens.
    pub tells_the_app: bool,
    /// Where the bundle writes its endpoints; `<dir>/endpoints.json` when `None`.
    pub endpoints: Option<PathBuf>,
    /// Further addresses that lead to the stand-in for AWS, such as `localhost:4443` of a front that speaks TLS.
    pub aws_also_at: Vec<String>,
    /// Whether the functions reach AWS over a [`crate::wire::Wire`], where calls are counted and faults injected.
    pub wire: bool,
    /// Whether the limits of Stripe hold: its 25 reads a second, and what the template lets the webhook ask.
    pub limits_of_stripe: bool,
    /// Who receives progress messages.
    pub progress: Progress,
}

impl Options {
    /// A bundle in `dir` on free ports that keeps no state, prints nothing, asks Stripe without limits and tells no app, as for tests.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            port: None,
            dir: dir.into(),
            keep: false,
            stage: "dev".to_owned(),
            functions: Functions::Build,
            variables: BTreeMap::new(),
            seller_file: Some(paths::seller()),
            plans_file: Some(paths::plans()),
            template: paths::template(),
            profile_programs: String::new(),
            stripe_event_source: String::new(),
            stripe_api_key: Some(secrets::random("sk_test_")),
            slack_webhook: Some(secrets::slack_webhook()),
            tells_the_app: false,
            endpoints: None,
            aws_also_at: Vec::new(),
            wire: false,
            limits_of_stripe: false,
            progress: Progress::Silent,
        }
    }
}
