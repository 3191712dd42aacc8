//! Configuration from environment variables, read once at init; an error names the variable and what sets it.

/// A missing or invalid variable. A function that cannot start reports it in its first log line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("environment variable {name} {problem}; template.yaml sets it, so deploy the stack again")]
pub struct InvalidVariable {
    name: &'static str,
    problem: String,
}

/// The value of `name`.
///
/// # Errors
/// When it is unset or empty.
pub fn required(name: &'static str) -> Result<String, InvalidVariable> {
    optional(name).ok_or_else(|| InvalidVariable { name, problem: "is not set".to_owned() })
}

/// The value of `name`, if it is set and not empty.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub fn optional(name: &'static str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The whole number in `name`.
///
/// # Errors
/// When it is unset or not a whole number.
pub fn number(name: &'static str) -> Result<u32, InvalidVariable> {
    let value = required(name)?;
    value.parse().map_err(|_| InvalidVariable { name, problem: format!("is `{value}`, not a whole number") })
}

/// One of two words in `name`: `true` for `yes`, `false` for `no`.
///
/// # Errors
/// When it is unset or any other word.
pub fn either(name: &'static str, yes: &str, no: &str) -> Result<bool, InvalidVariable> {
    match required(name)? {
        value if value == yes => Ok(true),
        value if value == no => Ok(false),
        value => Err(InvalidVariable { name, problem: format!("is `{value}`, neither {yes} nor {no}") }),
    }
}
