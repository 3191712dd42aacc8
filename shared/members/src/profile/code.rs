//! The kinds of violations.

use serde::Serialize;

/// The kind of a violation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// An unknown field.
    UnknownField,
    /// A value of another type.
    WrongType,
    /// A required field is missing or emptied.
    Required,
    /// The input as a whole is larger than `Violation::detail` bytes.
    InputTooLarge,
    /// The input is nested deeper than `Violation::detail` levels.
    InputTooDeep,
    /// Fewer characters than `Violation::detail`.
    TooShort,
    /// More characters than `Violation::detail`.
    TooLong,
    /// More entries than `Violation::detail`.
    TooMany,
    /// A number outside `Violation::detail`.
    OutOfRange,
    /// None of the words in `Violation::detail`.
    NotOneOf,
    /// A control character, or a line break where there is one line.
    ControlCharacter,
    /// A character that changes the direction of the following text.
    DirectionCharacter,
    /// An invisible character that is not needed there.
    InvisibleCharacter,
    /// More marks on one letter than any language has.
    StackedMarks,
    /// A name without a letter, or with signs that names do not have.
    NameMalformed,
    /// Not letters, digits and single `-` or `_` between them.
    HandleMalformed,
    /// A reserved word.
    HandleReserved,
    /// Letters of several scripts, or of none that people write with today.
    HandleMixedScripts,
    /// Taken, or it looks like a taken one.
    HandleTaken,
    /// Not an address that mail can be sent to.
    EmailMalformed,
    /// An address whose part before the `@` is not ASCII: SES cannot send to it.
    EmailNotAscii,
    /// Not the verified address that the profile's owner signs in with.
    EmailNotVerified,
    /// Another profile has this address.
    EmailTaken,
    /// Not a telephone number of the country.
    PhoneMalformed,
    /// Not a web address.
    UrlMalformed,
    /// A scheme other than https.
    UrlNotHttps,
    /// A user or a password in the URL.
    UrlUserinfo,
    /// A port.
    UrlPort,
    /// A host that is not public: known to one network or one machine only.
    UrlPrivateHost,
    /// A host that imitates another by similar letters.
    UrlMixedScripts,
    /// A host that does not match the link's kind.
    UrlKindMismatch,
    /// One skill twice, with different years or levels.
    SkillDuplicate,
    /// No country of ISO 3166-1.
    CountryUnknown,
    /// No language tag of BCP 47.
    LanguageUnknown,
    /// Not an ISO 8601 date.
    DateMalformed,
    /// A date is required with this status, or not allowed with another.
    DateMisplaced,
    /// A file type that is not accepted.
    TypeNotAllowed,
    /// No bytes, or more than `Violation::detail`.
    SizeNotAllowed,
    /// Not the base64 of a SHA-256.
    ChecksumMalformed,
    /// No such upload, or not the caller's.
    UploadUnknown,
    /// The upload was confirmed too late.
    UploadExpired,
    /// The announced file was not uploaded yet.
    UploadMissing,
    /// The file does not match its announcement.
    UploadDiffers,
    /// As many announced files as may be, until `Violation::detail`.
    UploadsOpen,
    /// As many confirmations in the last hour as may be, until `Violation::detail`.
    UploadsConfirmed,
    /// As many exports in the last hour as may be, until `Violation::detail`.
    ExportsTaken,
    /// A CV that no page can be read of.
    CvUnreadable,
    /// A CV with a password, or restrictions, which are encryption too.
    CvEncrypted,
    /// A CV with JavaScript, or an action that runs by itself.
    CvScript,
    /// A CV with a link that leads elsewhere than to the web, a mailbox, a telephone or a page of its own.
    CvLink,
    /// A CV with another file inside.
    CvEmbeddedFile,
    /// A CV with sound, film or 3D.
    CvMedia,
    /// A CV with a form that is a program, or that sends what is written into it.
    CvForm,
    /// A CV with more objects than the reader takes.
    CvTooComplex,
    /// A cursor of another search, or malformed.
    CursorForeign,
}

impl Code {
    /// The stable code, for clients to branch on: `handle_reserved`.
    pub fn word(self) -> String {
        serde_json::to_value(self).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
    }
}
