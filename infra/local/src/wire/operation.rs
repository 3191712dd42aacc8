//! The operation name of a request to AWS, and each service's throttling error.

use axum::body::Body;
use axum::http::{HeaderMap, Method, Response, StatusCode};
use axum::response::IntoResponse;
use serde_json::{Value, json};

/// The operation of a request, such as `TransactWriteItems`, from a header of the JSON services, or the method and
/// path of the others.
pub fn of(service: &str, method: &Method, path: &str, headers: &HeaderMap) -> String {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    if let Some((_, operation)) = target.and_then(|target| target.rsplit_once('.')) {
        return operation.to_owned();
    }
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    match (service, method.as_str()) {
        ("ses", "POST") if path.ends_with("/outbound-emails") => "SendEmail".to_owned(),
        ("ses", "GET") if path.ends_with("/account") => "GetAccount".to_owned(),
        ("aws", "GET") if query.contains("list-type=2") => "ListObjectsV2".to_owned(),
        ("aws", "GET") if is_keys(path) => "GetPublicKeys".to_owned(),
        ("aws", "GET") => "GetObject".to_owned(),
        ("aws", "HEAD") => "HeadObject".to_owned(),
        ("aws", "PUT") => "PutObject".to_owned(),
        ("aws", "DELETE") => "DeleteObject".to_owned(),
        (_, method) => format!("{method} {path}"),
    }
}

/// Whether a path is that of a user pool's public keys, which everybody may read.
pub fn is_keys(path: &str) -> bool {
    path.ends_with("/.well-known/jwks.json")
}

/// The throttling error, in the words of the service.
pub fn throttled(service: &str, operation: &str) -> Response<Body> {
    if service == "ses" {
        let error = [("x-amzn-errortype", "TooManyRequestsException")];
        return (
            StatusCode::TOO_MANY_REQUESTS,
            error,
            json!({"message": "Maximum sending rate exceeded."}).to_string(),
        )
            .into_response();
    }
    if operation.ends_with("Object") {
        let error = "<?xml version=\"1.0\"?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>";
        return (StatusCode::SERVICE_UNAVAILABLE, [("content-type", "application/xml")], error).into_response();
    }
    dynamodb_error(
        &json!({"__type": "com.amazonaws.dynamodb.v20120810#ThrottlingException", "message": "Rate exceeded"}),
    )
}

/// The transaction conflict error, in DynamoDB's words.
pub fn conflicting(operation: &str) -> Response<Body> {
    let api = "com.amazonaws.dynamodb.v20120810";
    if operation == "TransactWriteItems" {
        let reasons = json!([{"Code": "None"}, {"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"}]);
        let kind = format!("{api}#TransactionCanceledException");
        return dynamodb_error(
            &json!({"__type": kind, "Message": "Transaction cancelled", "CancellationReasons": reasons}),
        );
    }
    let kind = format!("{api}#TransactionConflictException");
    dynamodb_error(&json!({"__type": kind, "message": "Transaction is ongoing for the item"}))
}

fn dynamodb_error(error: &Value) -> Response<Body> {
    (StatusCode::BAD_REQUEST, [("content-type", "application/x-amz-json-1.0")], error.to_string()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_called_by_their_operation() {
        let mut headers = HeaderMap::new();
        let named = |path: &str, headers: &HeaderMap| of("aws", &Method::PUT, path, headers);
        assert_eq!(named("/bucket/invoices/a.pdf?x-id=PutObject", &headers), "PutObject");
        assert_eq!(of("aws", &Method::GET, "/bucket?list-type=2&prefix=books%2F", &headers), "ListObjectsV2");
        assert_eq!(of("aws", &Method::GET, "/bucket/books/a.json?x-id=GetObject", &headers), "GetObject");
        assert_eq!(of("ses", &Method::POST, "/v2/email/outbound-emails", &headers), "SendEmail");
        assert_eq!(of("aws", &Method::GET, "/eu-west-3_a/.well-known/jwks.json", &headers), "GetPublicKeys");
        headers.insert("x-amz-target", "DynamoDB_20120810.UpdateItem".parse().unwrap());
        assert_eq!(named("/", &headers), "UpdateItem");
    }
}
