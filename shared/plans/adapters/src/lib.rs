//! Plans, access and tokens on AWS and Stripe: the Access table on DynamoDB, and what is asked of Stripe.

pub mod billing;
mod collecting;
mod declarations;
mod ending;
mod episodes;
mod joins;
pub mod recoveries;
mod renewals;
mod requests;
pub mod table;
pub mod wakes;
mod wishes;
