//! The stores of profiles in memory, as honest as the real ones: conditions hold, and any call can be made to fail before it
//! takes effect or after it did. For tests; nothing here is linked into a function.

mod directory;
mod files;

pub use directory::Members;
pub use files::InMemoryFiles;
