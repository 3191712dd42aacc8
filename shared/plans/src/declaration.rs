//! What a consumer declares without an account: that a contract is to end (C. consom. L215-1-1), or that it is withdrawn from
//! (L221-21). A declaration is kept before anything is asked of Stripe, and acknowledged by mail to the address on file.

pub mod decide;
pub mod letter;
#[cfg(any(test, feature = "testing"))]
pub mod memory;
pub mod record;
pub mod statement;
pub mod store;
#[cfg(test)]
mod tests;
pub mod work;
