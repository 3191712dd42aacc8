//! Classifies a failed send: was the mail certainly not accepted, and is a retry worthwhile.
//!
//! Only two things prove that a mail was not accepted: nothing of it was sent, or SES says so. SES itself warns that a
//! request answered with 5xx may have been accepted and be sent twice if repeated (Amazon SES Developer Guide, "API
//! error codes": "to reduce the likelihood of generating duplicates"); a client error (4xx) was not accepted.

use aws_sdk_sesv2::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
    operation::send_email::SendEmailError,
};

use comptoir::{mail::outbox::SendResult, outcome::Reason};
use comptoir_edge::https::never_connected;

/// Codes that say that SES did not process the mail this time: its rate or the account's was exceeded (Amazon SES
/// Developer Guide, "Errors related to the sending quotas"), the signature aged while the function was frozen, or
/// credentials are about to be renewed (Amazon SES API v2 reference, "Common errors").
const NOT_NOW: [&str; 16] = [
    "BandwidthLimitExceeded",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidSignatureException",
    "LimitExceededException",
    "RequestExpired",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "RequestTimeTooSkewed",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequests",
    "TooManyRequestsException",
    "UnrecognizedClientException",
];

/// Words that SES has for an exceeded quota, whatever the code (Amazon SES Developer Guide, "Errors related to the sending
/// quotas").
const EXCEEDED: [&str; 2] = ["daily message quota exceeded", "maximum sending rate exceeded"];

/// The outcome for a mail whose request failed.
pub(super) fn verdict(error: &SdkError<SendEmailError, HttpResponse>) -> SendResult {
    match error {
        SdkError::ServiceError(service) => {
            let error = service.err();
            answered(service.raw().status().as_u16(), error.code(), error.message())
        }
        // Nothing was sent, and a retry would build the same mail the same way.
        SdkError::ConstructionFailure(_) => SendResult::Permanent(Reason::new(
            "mail_incomplete",
            "no request to SES can be made of this mail; look at its record",
        )),
        SdkError::DispatchFailure(failure) if failure.as_connector_error().is_some_and(|e| never_connected(e)) => {
            SendResult::Transient("no connection to the mail service".to_owned())
        }
        // Timeout, broken connection or broken response: SES may have the mail.
        _ => SendResult::Ambiguous("the mail service's answer was lost".to_owned()),
    }
}

fn answered(status: u16, code: Option<&str>, message: Option<&str>) -> SendResult {
    let code = code.unwrap_or("unnamed error");
    let message = message.unwrap_or_default().to_ascii_lowercase();
    let exceeded = EXCEEDED.iter().any(|words| message.contains(words));
    match status {
        _ if status == 429 || NOT_NOW.contains(&code) || (status < 500 && exceeded) => {
            SendResult::Transient(code.to_owned())
        }
        // SES timed out waiting for the rest of the request.
        408 => SendResult::Transient(code.to_owned()),
        300..=499 => SendResult::Permanent(refused(status, code)),
        // An unreadable success, or SES or a gateway in front of it failed half-way.
        _ => SendResult::Ambiguous(format!("the mail service answered {status} {code}")),
    }
}

fn refused(status: u16, code: &str) -> Reason {
    let fix = match code {
        "MailFromDomainNotVerifiedException" => "verify the sender's domain in SES, then replay",
        "MessageRejected" => {
            "verify mail.from in SES, or leave the SES sandbox if the recipient is not verified, then replay"
        }
        "AccountSuspendedException" | "SendingPausedException" => {
            "SES stopped sending for this account; resolve it in the SES console, then replay"
        }
        "NotFoundException" => "the SES configuration set is missing; deploy the stack again, then replay",
        "AccessDeniedException" | "AccessDenied" | "NotAuthorized" => {
            "the function's role may not send from mail.from; deploy the stack again, then replay"
        }
        _ => "see the SES console for the cause, then replay",
    };
    Reason::new("mail_refused", format!("{status} {code}: {fix}"))
}
