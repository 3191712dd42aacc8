//! Conditional updates of one record: by a version that may act on it, and what a failed condition means.

use aws_sdk_dynamodb::{
    operation::update_item::{UpdateItemError, UpdateItemOutput, builders::UpdateItemFluentBuilder},
    types::ReturnValuesOnConditionCheckFailure,
};

use super::item::{Item, number, ours, trouble};
use comptoir::{outcome::ServiceError, record::VERSION};

/// A record that this version may act on; `:ours` is [`VERSION`].
pub const OURS: &str = "(attribute_not_exists(needs) OR needs <= :ours)";

/// What a conditional update came to.
#[derive(Debug)]
pub enum Updated {
    /// It took effect.
    Done,
    /// Its condition failed; the record as it stands, if there is one.
    Refused(Option<Item>),
}

/// Sends a conditional update, unless the record needs a newer version.
///
/// # Errors
/// Held: a newer version has to process the record. And when the table does not answer.
pub async fn update(what: &'static str, update: UpdateItemFluentBuilder) -> Result<Updated, ServiceError> {
    let own = update.get_condition_expression().clone();
    let condition = own.map_or_else(|| OURS.to_owned(), |own| format!("({own}) AND {OURS}"));
    let update = update
        .condition_expression(condition)
        .expression_attribute_values(":ours", number(VERSION))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    // Boxed, because the combined state of all steps in one future exceeds the compiler's default limit.
    let error = match Box::pin(update.send()).await {
        Ok(UpdateItemOutput { .. }) => return Ok(Updated::Done),
        Err(error) => error,
    };
    match error.as_service_error() {
        Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
            Ok(Updated::Refused(failed.item.clone().map(|item| ours(item, what)).transpose()?))
        }
        _ => Err(trouble(what, &error)),
    }
}

/// The same where a failed condition means that nothing is left to do. Returns whether it took effect.
///
/// # Errors
/// As [`update`].
pub async fn settle(what: &'static str, update: UpdateItemFluentBuilder) -> Result<bool, ServiceError> {
    Ok(matches!(self::update(what, update).await?, Updated::Done))
}
