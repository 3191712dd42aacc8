//! How a mistake in the seller file is told: the field, the value and the fix, all mistakes at once.

use std::fmt;

/// One thing to mend in the seller file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// `section.key`, or the line of a file that is not TOML.
    pub field: String,
    /// What stands there now.
    pub value: String,
    /// What to write instead.
    pub fix: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.value.is_empty() {
            write!(f, "{}: {}", self.field, self.fix)
        } else {
            write!(f, "{} = \"{}\": {}", self.field, self.value, self.fix)
        }
    }
}

/// A seller file that cannot be used, with everything that is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct InvalidSeller(pub Vec<Problem>);

impl fmt::Display for InvalidSeller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the seller file (infra/seller.toml) needs mending")?;
        self.0.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}
