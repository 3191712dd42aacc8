//! What child processes inherit of the user's environment: as little as possible, and nothing of AWS.

#![expect(
    clippy::disallowed_methods,
    reason = "the runner is a tool, not a function: it has no configuration to read through"
)]

use std::ffi::OsString;
use std::path::PathBuf;

/// The variables needed to run a program.
const KEPT: [&str; 5] = ["PATH", "HOME", "LANG", "LD_LIBRARY_PATH", "LLVM_PROFILE_FILE"];

/// The variables a child may see.
pub fn inherited() -> Vec<(String, OsString)> {
    KEPT.iter().filter_map(|name| Some(((*name).to_owned(), std::env::var_os(name)?))).collect()
}

/// Where programs are looked for.
pub fn path() -> Option<OsString> {
    std::env::var_os("PATH")
}

/// Where the user's container engine is, for the one child that uses it.
pub fn engine() -> Vec<(&'static str, OsString)> {
    ["DOCKER_HOST", "DOCKER_CONFIG", "DOCKER_CONTEXT"]
        .into_iter()
        .filter_map(|name| Some((name, std::env::var_os(name)?)))
        .collect()
}

/// The cargo to build with: the one that runs this program, if any.
pub fn cargo() -> PathBuf {
    std::env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from)
}

/// Variables that cargo sets for *this* program. A nested cargo must not see them: build scripts that watch them would
/// run again, and half of the dependencies with them.
pub fn told_by_cargo() -> Vec<OsString> {
    let ours = [
        "CARGO_MANIFEST",
        "CARGO_PKG_",
        "CARGO_BIN_",
        "CARGO_CRATE_NAME",
        "CARGO_PRIMARY_PACKAGE",
        "CARGO_TARGET_TMPDIR",
        "OUT_DIR",
    ];
    std::env::vars_os()
        .map(|(name, _)| name)
        .filter(|name| ours.iter().any(|prefix| name.to_string_lossy().starts_with(prefix)))
        .collect()
}
