//! DynamoDB streams to functions, as Lambda's event source mappings do it.
//!
//! The stand-in's own mappings count a failed record as done, so they are switched off and the records are pumped here.

pub mod filter;
pub mod give_up;
pub mod pump;
pub mod reread;
pub mod retry;

/// What all pumps of a bundle have to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow {
    /// False while the streams shall stand still.
    pub running: bool,
    /// How often the stand-in for AWS was started again: its streams start empty each time.
    pub restarts: u64,
}
