//! The operations of the GraphQL API: from AppSync's event to its response.
//!
//! Each loads, lets the domain decide, commits, and presents the result; `reads` and `writes` hold one function an
//! operation, `uploads` those of files, `leave` the erasure after a deletion, `arguments` parses arguments.

mod arguments;
pub mod leave;
mod reads;
mod uploads;
mod writes;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};

pub use writes::{Newcomer, welcome};

use super::{
    Field, KeptFile, Language, Profile, ProfileId,
    access::{self, Caller, Denied, Operation, Programs},
    account::Accounts,
    change::Refused,
    directory::Directory,
    recent::{Recent, RecentKey},
    upload::{Files, Kind, Prepare},
    violation::Violation,
};
use comptoir::outcome::ServiceError;

/// The event of a direct Lambda resolver, as far as it matters here.
#[derive(Debug, Clone)]
pub struct Request {
    /// `info.fieldName`.
    pub field: String,
    /// `arguments`.
    pub arguments: Value,
    /// `identity`; null under an API key.
    pub identity: Value,
    /// The AWS account that the function runs in: a role of the same name in another one is somebody else's.
    pub account: String,
    /// From `request.headers["accept-language"]`, by [`Language::accepted`].
    pub language: Language,
    /// The time.
    pub now: Timestamp,
}

/// The dependencies of the operations.
pub struct Desk<'a, D, F, P, A> {
    /// The directory.
    pub directory: &'a D,
    /// The file store.
    pub files: &'a F,
    /// The accounts at the sign-in.
    pub accounts: &'a A,
    /// Prepares files for storage.
    pub prepare: &'a P,
    /// Programs that may call the API.
    pub programs: &'a Programs,
    /// Generates random names: at least 128 bits, of letters, digits, `-` and `_`.
    pub random: &'a (dyn Fn() -> String + Sync),
}

/// The kind of an error: AppSync's `errorType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub enum ErrorType {
    /// Invalid input; all violations are listed.
    Invalid,
    /// Conflict: the response has the current profile and the fields.
    Conflict,
    /// Access denied.
    Denied,
    /// There is no such profile.
    NotFound,
    /// The caller has a profile already.
    Exists,
    /// Too many requests of this kind; `retryAt` in the response says when the next is taken.
    TooMany,
    /// A service failed temporarily; the same request may be retried.
    Unavailable,
    /// There is no such operation.
    Unknown,
}

impl ErrorType {
    /// The word in `errorType`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Invalid => "Invalid",
            Self::Conflict => "Conflict",
            Self::Denied => "Denied",
            Self::NotFound => "NotFound",
            Self::Exists => "Exists",
            Self::TooMany => "TooMany",
            Self::Unavailable => "Unavailable",
            Self::Unknown => "Unknown",
        }
    }

    fn sentence(self, language: Language) -> &'static str {
        let (french, english) = match self {
            Self::Invalid => ("La demande contient des erreurs.", "The request has mistakes."),
            Self::Conflict => (
                "Quelqu’un a modifié les mêmes champs entre-temps\u{a0}; relisez-les et recommencez.",
                "Somebody changed the same fields meanwhile; read them again and retry.",
            ),
            Self::Denied => ("Vous n’y êtes pas autorisé.", "You are not allowed to do this."),
            Self::NotFound => ("Ce profil n’existe pas.", "There is no such profile."),
            Self::Exists => ("Vous avez déjà un profil\u{a0}; modifiez-le.", "You have a profile already; update it."),
            Self::TooMany => (
                "Vous avez fait trop de modifications en peu de temps\u{a0}; réessayez plus tard.",
                "You made too many changes in a short time; try again later.",
            ),
            Self::Unavailable => (
                "Le service ne répond pas pour l’instant\u{a0}; réessayez.",
                "The service does not answer for now; try again.",
            ),
            Self::Unknown => ("Cette opération n’existe pas.", "There is no such operation."),
        };
        match language {
            Language::Fr => french,
            Language::En => english,
        }
    }
}

/// An error response.
#[derive(Debug, Clone, PartialEq)]
pub struct ApiError {
    /// Its kind.
    pub error_type: ErrorType,
    /// One sentence in the caller's language.
    pub message: String,
    /// AppSync passes this on as `errorInfo`: `{violations: [{code, path, value, message}]}`, or for a conflict
    /// `{current, fields}`.
    pub info: Value,
    /// For the log only: what failed. Contains nothing that members wrote.
    pub detail: Option<String>,
}

/// Why an operation fails, before it is worded.
#[derive(Debug)]
enum Failure {
    Invalid(Vec<Violation>),
    Refused(Refused),
    Denied,
    NotFound,
    Exists(ProfileId),
    TooMany { until: Timestamp },
    Unavailable(ServiceError),
    Unknown,
}

impl From<Denied> for Failure {
    fn from(_: Denied) -> Self {
        Self::Denied
    }
}

impl From<ServiceError> for Failure {
    fn from(failure: ServiceError) -> Self {
        Self::Unavailable(failure)
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<Vec<Violation>> for Failure {
    fn from(violations: Vec<Violation>) -> Self {
        Self::Invalid(violations)
    }
}

impl From<Violation> for Failure {
    fn from(violation: Violation) -> Self {
        Self::Invalid(vec![violation])
    }
}

/// Answers one request: the value of the field, as GraphQL resolves it.
///
/// # Errors
/// The error for the client.
pub async fn answer<D: Directory, F: Files, P: Prepare, A: Accounts>(
    request: &Request,
    desk: &Desk<'_, D, F, P, A>,
) -> Result<Value, ApiError> {
    let caller = Caller::read(&request.identity, desk.programs, &request.account);
    let answered = match (&caller, Operation::named(&request.field)) {
        (_, None) => Err(Failure::Unknown),
        (Err(Denied), _) => Err(Failure::Denied),
        (Ok(caller), Some(operation)) => Task { request, desk, caller, operation }.run().await,
    };
    answered.map_err(|failure| told(failure, caller.ok().as_ref(), request.language))
}

/// One request of an authenticated caller.
struct Task<'a, D, F, P, A> {
    request: &'a Request,
    desk: &'a Desk<'a, D, F, P, A>,
    caller: &'a Caller,
    operation: Operation,
}

impl<D: Directory, F: Files, P: Prepare, A: Accounts> Task<'_, D, F, P, A> {
    async fn run(&self) -> Result<Value, Failure> {
        match self.operation {
            Operation::CreateProfile => self.create().await,
            Operation::UpdateProfile => self.update().await,
            Operation::DeleteProfile => self.delete().await,
            Operation::RequestUpload => self.request_upload().await,
            Operation::ConfirmUpload => self.confirm_upload().await,
            Operation::Me => self.me().await,
            Operation::Profile => self.profile().await,
            Operation::ProfileByHandle => self.profile_by_handle().await,
            Operation::SearchProfiles => self.search().await,
            Operation::ProfileHistory => self.history().await,
            Operation::ExportMyData => self.export().await,
        }
    }

    /// Whether the caller may do this to a profile of `owner`.
    fn allowed(&self, owner: Option<&str>) -> Result<(), Failure> {
        Ok(access::may(self.caller, self.operation, owner)?)
    }

    /// Counts something that this member may do so many times.
    async fn count(
        &self,
        sub: &str,
        counted: impl Fn(&Recent, Timestamp) -> Result<Recent, Violation>,
    ) -> Result<(), Failure> {
        let key = RecentKey::of(sub);
        let now = self.request.now;
        // Each conflict means that another request was counted, so that this ends at a limit.
        loop {
            let recent = counted(&self.desk.directory.recent(&key).await?, now)?;
            if self.desk.directory.note(&key, &recent, now).await? {
                return Ok(());
            }
        }
    }

    /// The profile as the caller sees it, with its files as signed URLs.
    async fn present(&self, profile: &Profile) -> Result<Value, Failure> {
        let mut view = access::view(self.caller, profile);
        let visible = access::visible(self.caller, &profile.owner);
        let files = [(Field::Avatar, Kind::Avatar, &profile.avatar), (Field::Cv, Kind::Cv, &profile.cv)];
        for (field, kind, file) in files {
            if let Some(file) = file.as_ref().filter(|_| visible.contains(&field)) {
                view.insert(field.name().to_owned(), self.file(kind, file).await?);
            }
        }
        Ok(Value::Object(view))
    }

    async fn file(&self, kind: Kind, file: &KeptFile) -> Result<Value, Failure> {
        let url = self.desk.files.signed(&file.key, kind, self.request.now).await?;
        let thumbnail = match &file.thumbnail {
            Some(key) => Some(self.desk.files.signed(key, kind, self.request.now).await?),
            None => None,
        };
        Ok(json!({ "contentType": file.content_type, "size": file.size, "url": url, "thumbnailUrl": thumbnail }))
    }
}

/// A failure in the caller's language.
fn told(failure: Failure, caller: Option<&Caller>, language: Language) -> ApiError {
    let error = |error_type: ErrorType, info, detail| ApiError {
        error_type,
        message: error_type.sentence(language).to_owned(),
        info,
        detail,
    };
    match failure {
        Failure::Invalid(violations) => {
            let listed: Vec<Value> = violations
                .iter()
                .map(|one| {
                    json!({ "code": one.code, "path": one.path, "value": one.value, "message": one.message(language) })
                })
                .collect();
            let mut error = error(ErrorType::Invalid, json!({ "violations": listed }), None);
            // Clients that show only the message still say what is wrong.
            if let Some(first) = violations.first() {
                error.message = first.message(language);
            }
            error
        }
        Failure::Refused(refused) => {
            let (current, fields) = match refused {
                Refused::Conflict { current, fields } => (current, fields),
                Refused::Future { current } => (current, vec![Field::Version]),
            };
            let mut view = caller.map_or_else(Map::new, |caller| access::view(caller, &current));
            // File keys are shown as signed URLs only, and an error has none.
            view.remove(Field::Avatar.name());
            view.remove(Field::Cv.name());
            error(ErrorType::Conflict, json!({ "current": view, "fields": fields }), None)
        }
        Failure::Denied => error(ErrorType::Denied, Value::Null, None),
        Failure::NotFound => error(ErrorType::NotFound, Value::Null, None),
        Failure::Exists(id) => error(ErrorType::Exists, json!({ "id": id }), None),
        Failure::TooMany { until } => error(ErrorType::TooMany, json!({ "retryAt": until.to_string() }), None),
        Failure::Unavailable(failure) => error(ErrorType::Unavailable, Value::Null, Some(failure.to_string())),
        Failure::Unknown => error(ErrorType::Unknown, Value::Null, None),
    }
}
