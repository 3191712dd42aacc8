//! Tools that a test needs and the project does not include: a browser, Node, a container engine, external validators.

/// Says that a test did not run because a tool is missing. `REQUIRE_TOOLS=1` makes this a failure.
///
/// # Panics
/// When `REQUIRE_TOOLS` is 1.
#[expect(clippy::disallowed_methods, reason = "whoever runs the tests says which tools are there")]
#[expect(clippy::print_stderr, reason = "what a test skips is seen beside its name")]
pub fn skipped(why: &str) {
    eprintln!("SKIPPED: {why}");
    assert!(std::env::var("REQUIRE_TOOLS").as_deref() != Ok("1"), "REQUIRE_TOOLS=1, and this was skipped: {why}");
}

/// The value of a variable that names a tool.
#[expect(clippy::disallowed_methods, reason = "whoever runs the tests names the tools")]
pub fn named(variable: &str) -> Option<String> {
    std::env::var(variable).ok().filter(|value| !value.trim().is_empty())
}
