//! Plans, access and tokens on AWS and Stripe: the Access table on DynamoDB, and what is asked of Stripe.

pub mod billing;
mod collecting;
mod joins;
pub mod recoveries;
mod requests;
pub mod table;
pub mod wakes;
mod wishes;
