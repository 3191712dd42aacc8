//! The sign-in of members, as functions see it: whose a token is ([`token`], by the rules of [`claims`]), and the accounts of the
//! user pool ([`accounts`]).
//!
//! A few operations are all that is asked of Cognito ([`cognito`]); its client in the SDK is larger than DynamoDB's and S3's
//! together. Requests are signed in [`signed`], which AppSync's are as well.

pub mod accounts;
pub mod claims;
pub mod cognito;
pub mod signed;
pub mod token;
