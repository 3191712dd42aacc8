//! Classifies a failed S3 call: whether the same call may succeed later (Amazon S3 API reference, "Error responses").

use std::time::Duration;

use aws_sdk_s3::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
};

use comptoir::{outcome::ServiceError, timing::OPERATION_SECONDS};

/// Reads an object and its body within one operation timeout: the client's own timeout ends where the body begins.
///
/// # Errors
/// The read's error; transient on timeout.
pub async fn in_one_operation<T>(
    what: &'static str,
    read: impl Future<Output = Result<T, ServiceError>>,
) -> Result<T, ServiceError> {
    let read = tokio::time::timeout(Duration::from_secs(OPERATION_SECONDS), read).await;
    read.unwrap_or_else(|_| Err(ServiceError::transient(what, "no answer in time")))
}

/// 4xx codes that are worth a retry: the request came too slowly or broken, another writer uses the same key, a clock
/// is off, or credentials are about to be renewed.
const TRANSIENT: [&str; 13] = [
    "BadDigest",
    "ConditionalRequestConflict",
    "ExpiredToken",
    "IncompleteBody",
    "OperationAborted",
    "RequestLimitExceeded",
    "RequestTimeTooSkewed",
    "RequestTimeout",
    "SlowDown",
    "TemporaryRedirect",
    "ThrottlingException",
    "TooManyRequestsException",
    "XAmzContentChecksumMismatch",
];

/// A failed call in one line: its error code, never the request.
pub fn trouble<E>(what: &'static str, error: &SdkError<E, HttpResponse>) -> ServiceError
where
    E: ProvideErrorMetadata,
{
    match error {
        SdkError::ServiceError(service) => refusal(what, service.err().code(), service.raw().status().as_u16()),
        SdkError::TimeoutError(_) => ServiceError::transient(what, "no answer in time"),
        SdkError::DispatchFailure(_) => ServiceError::transient(what, "the connection failed"),
        SdkError::ResponseError(_) => ServiceError::transient(what, "the answer broke off"),
        _ => ServiceError::permanent(what, "request_invalid", "the request could not be made"),
    }
}

/// The same for a response's code and status; one object of a batch response has no status.
pub fn refusal(what: &'static str, code: Option<&str>, status: u16) -> ServiceError {
    let code = code.unwrap_or("unnamed error");
    // A success that cannot be read is a response that was cut off in transit.
    if status < 300 || status == 429 || status >= 500 || TRANSIENT.contains(&code) {
        return ServiceError::transient(what, code);
    }
    let (word, fix) = match code {
        "AccessDenied" | "AllAccessDisabled" | "InvalidAccessKeyId" | "SignatureDoesNotMatch" | "InvalidToken" => (
            "access_denied",
            "the function's role or the bucket's policy forbids it; deploy the stack again, then replay",
        ),
        "NoSuchBucket" | "PermanentRedirect" => {
            ("bucket_missing", "there is no such bucket in this region; deploy the stack again, then replay")
        }
        "InvalidObjectState" => ("object_archived", "the object lies in a storage class that must be restored first"),
        "EntityTooLarge" => ("too_large", "the object is larger than S3 takes"),
        kms if kms.starts_with("KMS.") => (
            "key_unusable",
            "the key that encrypts the bucket is disabled, deleted or denied; see it in KMS, then replay",
        ),
        _ => ("storage_refused", "see S3's documentation for the code, mend the cause, then replay"),
    };
    ServiceError::permanent(what, word, format!("{code}; {fix}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_s3_refuses_for_good_is_told_from_what_it_refuses_for_now() {
        for (code, status) in [
            (Some("SlowDown"), 503),
            (Some("InternalError"), 500),
            (Some("ServiceUnavailable"), 503),
            (Some("RequestTimeout"), 400),
            (Some("ExpiredToken"), 400),
            (Some("RequestTimeTooSkewed"), 403),
            (Some("ConditionalRequestConflict"), 409),
            (Some("OperationAborted"), 409),
            (Some("TemporaryRedirect"), 307),
            (None, 429),
            (None, 502),
            (None, 200),
        ] {
            assert!(!refusal("the archive", code, status).is_permanent(), "{code:?} {status}");
        }
        for (code, status, word) in [
            (Some("AccessDenied"), 403, "access_denied"),
            (Some("InvalidAccessKeyId"), 403, "access_denied"),
            (Some("NoSuchBucket"), 404, "bucket_missing"),
            (Some("PermanentRedirect"), 301, "bucket_missing"),
            (Some("InvalidObjectState"), 403, "object_archived"),
            (Some("KMS.DisabledException"), 400, "key_unusable"),
            (Some("EntityTooLarge"), 400, "too_large"),
            (Some("InvalidRequest"), 400, "storage_refused"),
            (Some("SomethingNew"), 400, "storage_refused"),
            (None, 403, "storage_refused"),
        ] {
            let reason = refusal("the archive", code, status).reason();
            assert_eq!(reason.code, word, "{code:?} {status}");
            assert!(reason.message.starts_with("the archive refused: "), "{}", reason.message);
        }
    }
}
