//! DynamoDB streams to functions, as Lambda's event source mappings do it.
//!
//! The stand-in's own mappings count a failed record as done, so they are switched off and the records are pumped here.

pub mod filter;
pub mod give_up;
pub mod pump;
pub mod retry;
