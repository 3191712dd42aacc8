//! Assembles the stand-in for AppSync: the schema, the user pool and the functions of the deployed stack.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use anyhow::Context;

use super::deploy::Deployed;
use crate::aws::Aws;
use crate::clock::BundleClock;
use crate::faults::Faults;
use crate::graphql::answers::Behind;
use crate::graphql::grants::Grant;
use crate::graphql::live::Hub;
use crate::graphql::members::Members;
use crate::graphql::programs::Programs;
use crate::graphql::resolvers::Source;
use crate::graphql::token::Pool;
use crate::graphql::{Api, schema};
use crate::lambda::pool::Function;
use crate::paths;

/// Whether a function is behind a field of the API.
pub(super) fn answers_fields(deployed: &Deployed, logical: &str) -> bool {
    deployed
        .sources
        .values()
        .any(|source| matches!(source, Source::Function { logical: behind, .. } if behind == logical))
}

/// A key for each role that may call the API: those of the template's functions, and of the programs in
/// ProfilePrograms. Each begins with the run's `key`, so that the stand-in for AWS takes it too.
pub(super) fn programs(deployed: &Deployed, profile_programs: &str, key: &str) -> Programs {
    let named = profile_programs.split_whitespace().filter_map(Grant::named);
    Programs::new(deployed.grants.values().cloned().chain(named), key)
}

/// The API of this stack.
///
/// # Errors
/// When the schema is not valid, or the user pool does not allow sign-in.
pub(super) async fn api(
    aws: &Aws,
    deployed: &Deployed,
    functions: &BTreeMap<String, Arc<Function>>,
    (programs, clock): (Programs, Arc<BundleClock>),
) -> anyhow::Result<Api> {
    let file = paths::schema();
    let text =
        fs::read_to_string(&file).with_context(|| format!("{} cannot be read; restore it from git", file.display()))?;
    let logical = deployed.functions.iter();
    let functions: BTreeMap<String, Arc<Function>> =
        logical.filter_map(|spec| Some((spec.logical.clone(), functions.get(&spec.package)?.clone()))).collect();
    let (pool, client) = (deployed.id("MembersPool")?, deployed.id("MembersClient")?);
    let confirmed = deployed.confirmed.as_ref().and_then(|logical| functions.get(logical).cloned());
    Ok(Api {
        schema: schema::read(&text)?,
        clock,
        limits: deployed.limits,
        pool: Pool::new(aws.clone(), &pool, &client),
        members: Members::new(aws.clone(), pool, client, confirmed).await?,
        programs,
        faults: Faults::default(),
        behind: Behind { sources: deployed.sources.clone(), functions, hub: Hub::default() },
    })
}
