//! Paths in the checkout. The modules that write there own the contents.

use std::path::PathBuf;

/// The root of the checkout this program was built from.
pub fn repository() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).map_or_else(|| here.clone(), PathBuf::from)
}

/// `target/local` of the checkout, whatever target directory cargo itself uses: other tools look for `endpoints.json` here.
pub fn local() -> PathBuf {
    repository().join("target").join("local")
}

/// Where `cargo ledger` puts the files of a month.
pub fn ledger(month: &str) -> PathBuf {
    repository().join("target").join("ledger").join(month)
}

/// The file that holds the running bundle's endpoints.
pub fn endpoints() -> PathBuf {
    local().join("endpoints.json")
}

/// The template that describes every resource.
pub fn template() -> PathBuf {
    repository().join("template.yaml")
}

/// The schema of the GraphQL API.
pub fn schema() -> PathBuf {
    repository().join("infra").join("schema.graphql")
}

/// What is sold by subscription.
pub fn plans() -> PathBuf {
    repository().join("infra").join("plans.toml")
}

/// The seller's own file.
pub fn seller() -> PathBuf {
    repository().join("infra").join("seller.toml")
}
