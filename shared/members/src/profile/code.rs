//! The kinds of mistakes that a member can make.

use serde::Serialize;

/// What kind of mistake it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// A field that the input does not have.
    UnknownField,
    /// A value of another type.
    WrongType,
    /// A field that must be given, or may not be emptied.
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
    /// A character that turns the direction of what follows.
    DirectionCharacter,
    /// A character that nobody sees, where nothing needs it.
    InvisibleCharacter,
    /// More marks on one letter than any language has.
    StackedMarks,
    /// A name without a letter, or with signs that names do not have.
    NameMalformed,
    /// Not letters, digits and single `-` or `_` between them.
    HandleMalformed,
    /// A word that the house keeps.
    HandleReserved,
    /// Letters of several scripts, or of none that people write with today.
    HandleMixedScripts,
    /// Somebody has it, or one that looks the same.
    HandleTaken,
    /// Not an address that mail can be sent to.
    EmailMalformed,
    /// An address whose part before the `@` is not ASCII: SES cannot send to it.
    EmailNotAscii,
    /// Not the address that the owner of the profile signs in with, verified.
    EmailNotVerified,
    /// Another profile has it.
    EmailTaken,
    /// Not a telephone number of the country.
    PhoneMalformed,
    /// Not a web address.
    UrlMalformed,
    /// A scheme other than https.
    UrlNotHttps,
    /// A user or a password in the address.
    UrlUserinfo,
    /// A port.
    UrlPort,
    /// An address that only one network, or one machine, knows.
    UrlPrivateHost,
    /// A host that imitates another by its letters.
    UrlMixedScripts,
    /// A host that is not the one of the link's kind.
    UrlKindMismatch,
    /// One skill twice, with different years or levels.
    SkillDuplicate,
    /// No country of ISO 3166-1.
    CountryUnknown,
    /// No language tag of BCP 47.
    LanguageUnknown,
    /// Not a day as ISO 8601 writes it.
    DateMalformed,
    /// A day is needed beside this status, or goes with no other.
    DateMisplaced,
    /// A type that may not be uploaded.
    TypeNotAllowed,
    /// No bytes, or more than `Violation::detail`.
    SizeNotAllowed,
    /// Not the base64 of a SHA-256.
    ChecksumMalformed,
    /// No such upload, or not the caller's.
    UploadUnknown,
    /// The upload was confirmed too late.
    UploadExpired,
    /// Nothing came yet of what was announced.
    UploadMissing,
    /// What came is not what was announced.
    UploadDiffers,
    /// A cursor of another search, or none at all.
    CursorForeign,
}

impl Code {
    /// The stable word, fit for a client to branch on: `handle_reserved`.
    pub fn word(self) -> String {
        serde_json::to_value(self).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
    }
}
