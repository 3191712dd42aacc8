//! Uploads by members: what may be announced, where it is stored, and whether the file matches its announcement.
//!
//! A file stays under `uploads/` until confirmed, where it expires automatically; a verified file is stored under
//! `profiles/`. Signing URLs and decoding pictures are other capabilities; the first bytes are checked here.

use std::future::Future;

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    KeptFile, ProfileId,
    violation::{Code, Findings, Violation},
};
use comptoir::outcome::ServiceError;

/// Time limit for an announced file to arrive and be confirmed.
pub const EXPIRES_AFTER: SignedDuration = SignedDuration::from_mins(15);
/// Validity of a signed URL for reading a stored file.
pub const READABLE_FOR: SignedDuration = SignedDuration::from_mins(5);

const MEGABYTE: u64 = 1024 * 1024;

/// The purpose of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Kind {
    /// The picture.
    Avatar,
    /// The curriculum vitae.
    Cv,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Avatar, Self::Cv];

    /// The name in the API: `AVATAR`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Avatar => "AVATAR",
            Self::Cv => "CV",
        }
    }

    /// The folder of such files.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Avatar => "avatar",
            Self::Cv => "cv",
        }
    }

    /// The accepted types.
    pub fn types(self) -> &'static [&'static str] {
        match self {
            Self::Avatar => &["image/png", "image/jpeg", "image/webp"],
            Self::Cv => &["application/pdf"],
        }
    }

    /// Largest size in bytes.
    pub fn largest(self) -> u64 {
        match self {
            Self::Avatar => 2 * MEGABYTE,
            Self::Cv => 10 * MEGABYTE,
        }
    }
}

/// A file that was announced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Upload {
    /// Its random id.
    pub id: String,
    /// Its profile.
    pub profile: ProfileId,
    /// Its purpose.
    pub kind: Kind,
    /// The announced type.
    pub content_type: String,
    /// The announced size, bytes.
    pub size: u64,
    /// The announced SHA-256, base64 of 32 bytes.
    pub sha256: String,
    /// When it expires.
    pub expires_at: Timestamp,
}

impl Upload {
    /// The upload key: `uploads/<profile>/avatar/<random>`.
    pub fn key(&self) -> String {
        format!("uploads/{}/{}/{}", self.profile, self.kind.folder(), self.id)
    }

    /// The key after verification: `profiles/<profile>/avatar/<random>`.
    pub fn kept_key(&self) -> String {
        format!("{}{}/{}", kept_under(&self.profile), self.kind.folder(), self.id)
    }
}

/// Key prefix of all stored files of a profile.
pub fn kept_under(profile: &ProfileId) -> String {
    format!("profiles/{profile}/")
}

/// Key prefix of all unconfirmed files of a profile.
pub fn arriving_under(profile: &ProfileId) -> String {
    format!("uploads/{profile}/")
}

/// Validates the announcement of a file.
///
/// # Errors
/// Its type, its size and its checksum, each if invalid.
pub fn announce(
    profile: &ProfileId,
    kind: Kind,
    (content_type, size, sha256): (&str, i64, &str),
    id: &str,
    now: Timestamp,
) -> Result<Upload, Vec<Violation>> {
    let mut findings = Findings::default();
    if !kind.types().contains(&content_type) {
        findings.add_with(Code::TypeNotAllowed, "contentType", content_type, kind.types().join(", "));
    }
    let allowed = u64::try_from(size).ok().filter(|size| (1..=kind.largest()).contains(size));
    if allowed.is_none() {
        findings.add_with(Code::SizeNotAllowed, "size", &size.to_string(), kind.largest());
    }
    if STANDARD.decode(sha256).map(|bytes| bytes.len()) != Ok(32) {
        findings.add(Code::ChecksumMalformed, "sha256", sha256);
    }
    match allowed {
        Some(size) if findings.0.is_empty() => Ok(Upload {
            id: id.to_owned(),
            profile: profile.clone(),
            kind,
            content_type: content_type.to_owned(),
            size,
            sha256: sha256.to_owned(),
            expires_at: now.saturating_add(EXPIRES_AFTER).unwrap_or(now),
        }),
        _ => Err(findings.0),
    }
}

/// Whether the file matches its announcement: its size, its checksum, and the type detected from its first bytes.
///
/// # Errors
/// What differs, or that it is too late.
pub fn confirm(upload: &Upload, bytes: &[u8], now: Timestamp) -> Result<(), Violation> {
    let differs = |what: &str| Err(Violation::new(Code::UploadDiffers, "id", &upload.id).with(what));
    if now >= upload.expires_at {
        return Err(Violation::new(Code::UploadExpired, "id", &upload.id));
    }
    if bytes.len() as u64 != upload.size {
        return differs("size");
    }
    if checksum(bytes) != upload.sha256 {
        return differs("sha256");
    }
    if told_type(bytes) != Some(upload.content_type.as_str()) {
        return differs("contentType");
    }
    Ok(())
}

/// SHA-256 in base64, as S3 expects it in `x-amz-checksum-sha256`.
pub fn checksum(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    STANDARD.encode(Sha256::digest(bytes))
}

/// The accepted type detected from the first bytes (PNG, section 5.2; JPEG, annex B; RFC 9649; ISO 32000-1, section
/// 7.5.2).
pub fn told_type(bytes: &[u8]) -> Option<&'static str> {
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        Some("image/png")
    } else if bytes.starts_with(b"\xff\xd8\xff") {
        Some("image/jpeg")
    } else if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        Some("image/webp")
    } else if bytes.starts_with(b"%PDF-") {
        Some("application/pdf")
    } else {
        None
    }
}

/// A signed URL for uploading one file, as a client uses it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Target {
    /// The URL to PUT the bytes to.
    pub url: String,
    /// Headers that the signature binds: type, size, checksum.
    pub headers: Vec<Header>,
}

/// A header of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Header {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// Stores files.
pub trait Files: Send + Sync {
    /// A URL that accepts exactly the announced file, until it expires.
    fn presign(&self, upload: &Upload, now: Timestamp) -> impl Future<Output = Result<Target, ServiceError>> + Send;

    /// A URL for reading a stored file of this kind, valid for [`READABLE_FOR`]. A CV is downloaded, a picture shown.
    fn signed(
        &self,
        key: &str,
        kind: Kind,
        now: Timestamp,
    ) -> impl Future<Output = Result<String, ServiceError>> + Send;

    /// The bytes of a file; `None` if missing. A file larger than `largest` is truncated one byte after it.
    fn read(&self, key: &str, largest: u64) -> impl Future<Output = Result<Option<Vec<u8>>, ServiceError>> + Send;

    /// Stores bytes, overwriting existing ones.
    fn keep(
        &self,
        key: &str,
        content_type: &str,
        bytes: &[u8],
    ) -> impl Future<Output = Result<(), ServiceError>> + Send;

    /// Removes a file; idempotent.
    fn remove(&self, key: &str) -> impl Future<Output = Result<(), ServiceError>> + Send;

    /// Removes every file with this key prefix.
    fn remove_all(&self, prefix: &str) -> impl Future<Output = Result<(), ServiceError>> + Send;
}

/// A file prepared for storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// The bytes to store, without metadata of the camera, the place or the author.
    pub bytes: Vec<u8>,
    /// Their type.
    pub content_type: String,
    /// The thumbnail of a picture.
    pub thumbnail: Option<Vec<u8>>,
}

/// Prepares files for storage: pictures and CVs lose their metadata, pictures get a thumbnail.
pub trait Prepare: Send + Sync {
    /// The file as stored.
    ///
    /// # Errors
    /// Why it is refused: [`Code::UploadDiffers`] if it cannot be decoded as its declared type.
    fn prepare(&self, kind: Kind, content_type: &str, bytes: Vec<u8>) -> Result<Prepared, Code>;
}

/// What is stored of a prepared file, under which keys.
pub fn kept(upload: &Upload, prepared: &Prepared) -> KeptFile {
    KeptFile {
        key: upload.kept_key(),
        content_type: prepared.content_type.clone(),
        size: prepared.bytes.len() as u64,
        thumbnail: prepared.thumbnail.as_ref().map(|_| format!("{}-thumbnail", upload.kept_key())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-21T10:00:00Z".parse().unwrap()
    }

    fn announced(bytes: &[u8], content_type: &str) -> Upload {
        let told = (content_type, i64::try_from(bytes.len()).unwrap(), checksum(bytes));
        announce(&ProfileId("p1".into()), Kind::Avatar, (told.0, told.1, &told.2), "r1", now()).unwrap()
    }

    #[test]
    fn only_what_may_be_brought_is_announced() {
        let sum = checksum(b"x");
        let codes = |kind, told| {
            let judged = announce(&ProfileId("p1".into()), kind, told, "r1", now());
            judged.map_err(|wrong| wrong.iter().map(|one| one.code).collect::<Vec<_>>())
        };
        assert!(codes(Kind::Avatar, ("image/webp", 2 * 1024 * 1024, &sum)).is_ok());
        assert!(codes(Kind::Cv, ("application/pdf", 1, &sum)).is_ok());
        let all = vec![Code::TypeNotAllowed, Code::SizeNotAllowed, Code::ChecksumMalformed];
        for told in [("image/svg+xml", 2 * 1024 * 1024 + 1, "x"), ("IMAGE/PNG", 0, "eA=="), ("application/pdf", -1, "")]
        {
            assert_eq!(codes(Kind::Avatar, told).err(), Some(all.clone()), "{told:?}");
        }
    }

    #[test]
    fn what_lies_about_itself_is_seen() {
        let png = b"\x89PNG\r\n\x1a\nrest";
        let upload = announced(png, "image/png");
        assert_eq!(upload.key(), "uploads/p1/avatar/r1");
        assert_eq!(confirm(&upload, png, now()), Ok(()));
        let wrong =
            |upload: &Upload, bytes: &[u8], at| confirm(upload, bytes, at).map_err(|wrong| (wrong.code, wrong.detail));
        let differs = |what: &str| Err((Code::UploadDiffers, what.to_owned()));
        assert_eq!(wrong(&upload, b"\x89PNG", now()), differs("size"));
        assert_eq!(wrong(&upload, b"\x89PNG\r\n\x1a\nREST", now()), differs("sha256"));
        assert_eq!(wrong(&announced(b"<svg onload=x>", "image/png"), b"<svg onload=x>", now()), differs("contentType"));
        assert_eq!(wrong(&announced(png, "image/jpeg"), png, now()), differs("contentType"));
        assert_eq!(wrong(&upload, png, upload.expires_at).map_err(|wrong| wrong.0), Err(Code::UploadExpired));
    }
}
