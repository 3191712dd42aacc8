//! AppSync on one machine: GraphQL over HTTP against `infra/schema.graphql`, in front of the functions.
//!
//! The stand-in for AWS has an AppSync of its own, which neither verifies tokens nor minds directives. Here both are done as
//! AppSync does them: [`token`] says who asks, [`identity`] what they may ask for, [`run`] executes, [`answers`] invokes what
//! the template's [`resolvers`] name, [`live`] tells subscribers. [`programs`] are who sign with IAM, for what [`grants`] say. [`members`] is the way to a token: it signs members in at the emulator's Cognito.

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

use crate::faults::Faults;

/// Everything behind `graphql_url`.
#[derive(Debug)]
pub struct Api {
    /// What can be asked.
    pub schema: Valid<Schema>,
    /// How much of it at once.
    pub limits: Limits,
    /// Whose tokens are taken.
    pub pool: Pool,
    /// Whose signatures are taken.
    pub programs: Programs,
    /// What goes wrong with requests that programs sign.
    pub faults: Faults,
    /// Who answers.
    pub behind: Behind,
    /// Who may be signed in.
    pub members: Members,
}

/// The routes of the API.
pub fn router<S: Clone + Send + Sync + 'static>(api: Arc<Api>) -> Router<S> {
    Router::new()
        .route("/_local/token", post(http::token))
        .route("/graphql", post(http::graphql).options(http::preflight).get(connect))
        // Where clients of AppSync look for it below a domain of one's own.
        .route("/graphql/realtime", get(connect))
        .with_state(api)
}
