//! Progress messages about preparing, building and starting. Tests print none.

/// Who receives progress messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Progress {
    /// Lines on standard error.
    Print,
    /// No one.
    #[default]
    Silent,
}

impl Progress {
    /// Reports the current step.
    pub fn say(self, line: impl AsRef<str>) {
        if self == Self::Print {
            crate::print_aside(format!("  {}", line.as_ref()));
        }
    }
}
