//! Profile stores in memory, faithful to the real ones: conditions hold, and a fault plan can fail any call before or
//! after it takes effect. For tests; never linked into a function.

mod accounts;
mod directory;
mod files;

pub use accounts::InMemoryAccounts;
pub use directory::Members;
pub use files::InMemoryFiles;
