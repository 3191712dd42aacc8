//! AppSync on one machine: GraphQL over HTTP against `infra/schema.graphql`, in front of the functions.
//!
//! The AWS stand-in's own AppSync neither verifies tokens nor applies directives. Here both work as in AppSync:
//! [`token`] authenticates, [`identity`] authorises, [`run`] executes, [`answers`] invokes the functions named by
//! [`resolvers`], [`live`] serves subscriptions. [`programs`] sign with IAM and have [`grants`]. [`members`] issues
//! tokens.

pub mod answers;
pub mod grants;
pub mod http;
pub mod identity;
pub mod live;
pub mod members;
pub mod programs;
pub mod resolvers;
pub mod run;
pub mod schema;
mod selection;
pub mod token;
pub mod told;

use std::sync::Arc;

use apollo_compiler::Schema;
use apollo_compiler::validation::Valid;
use axum::Router;
use axum::routing::{get, post};

use answers::Behind;
use live::socket::connect;
use members::Members;
use programs::Programs;
use resolvers::Limits;
use token::Pool;

use crate::clock::BundleClock;
use crate::faults::Faults;

/// Everything behind `graphql_url`.
#[derive(Debug)]
pub struct Api {
    /// The schema.
    pub schema: Valid<Schema>,
    /// The query limits.
    pub limits: Limits,
    /// The user pool whose tokens are accepted.
    pub pool: Pool,
    /// The programs whose signatures are accepted.
    pub programs: Programs,
    /// The fault plan for requests that programs sign.
    pub faults: Faults,
    /// The resolvers.
    pub behind: Behind,
    /// The members who may be signed in.
    pub members: Members,
    /// The bundle's clock.
    pub clock: Arc<BundleClock>,
}

/// The routes of the API.
pub fn router<S: Clone + Send + Sync + 'static>(api: Arc<Api>) -> Router<S> {
    Router::new()
        .route("/_local/token", post(http::token))
        .route("/graphql", post(http::graphql).options(http::preflight).get(connect))
        // The path that AppSync clients use below a custom domain.
        .route("/graphql/realtime", get(connect))
        .with_state(api)
}
