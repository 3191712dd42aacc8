//! Member profiles on AWS: the directory on DynamoDB, files on S3, and publishing to subscribers through AppSync.

#[cfg(feature = "cognito")]
pub mod accounts;
#[cfg(feature = "dynamodb")]
pub mod directory;
#[cfg(feature = "s3")]
pub mod files;
#[cfg(feature = "appsync")]
pub mod subscribers;

#[cfg(any(feature = "appsync", feature = "cognito"))]
pub use comptoir_signin::signed::NotOnAws;
