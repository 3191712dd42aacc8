//! Telling the person what is being prepared, built and started. Tests stay silent.

/// Who hears about progress.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Progress {
    /// Lines on standard error.
    Print,
    /// Nobody.
    #[default]
    Silent,
}

impl Progress {
    /// Says what happens now.
    pub fn say(self, line: impl AsRef<str>) {
        if self == Self::Print {
            crate::print_aside(format!("  {}", line.as_ref()));
        }
    }
}
