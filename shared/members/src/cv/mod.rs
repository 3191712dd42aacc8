//! Reads a CV as a PDF (ISO 32000-1), and writes it anew with what its pages show and nothing else.
//!
//! A CV is shown to colleagues and customers, so that what runs, opens something else or carries another file is refused
//! by name, and what tells of its author's machine is left behind. The file that is stored is written from what was read:
//! revisions that were replaced, bytes between objects and objects that no page leads to are not in it.
//!
//! `bounds` holds what a hostile file may cost, `sweep` what is refused and what is dropped, `photo` the metadata of
//! photos. Reading is lopdf's: it knows object streams, cross-reference streams and damaged files.

mod bounds;
mod photo;
mod sweep;
#[cfg(test)]
mod tests;

use std::{
    borrow::Cow,
    panic::{AssertUnwindSafe, catch_unwind},
};

use lopdf::{Dictionary, Document, Error, LoadOptions, Object, xref::XrefType};

use crate::profile::violation::Code;

/// Why a CV is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Refusal {
    /// It is no PDF, or so damaged that no page is found.
    Unreadable,
    /// A password, or restrictions on printing or copying, which are encryption too.
    Encrypted,
    /// JavaScript, or an action that runs by itself.
    Script,
    /// A link that starts a program or opens another file, or has a scheme that is not of the web, mail or telephone.
    Link,
    /// Another file inside.
    EmbeddedFile,
    /// Sound, film or 3D.
    Media,
    /// A form of Adobe LiveCycle (XFA), or one that sends what is written into it.
    Form,
    /// More objects than a CV has, or streams that unpack to very much.
    TooComplex,
}

impl Refusal {
    /// What the API calls it.
    pub fn code(self) -> Code {
        match self {
            Self::Unreadable => Code::CvUnreadable,
            Self::Encrypted => Code::CvEncrypted,
            Self::Script => Code::CvScript,
            Self::Link => Code::CvLink,
            Self::EmbeddedFile => Code::CvEmbeddedFile,
            Self::Media => Code::CvMedia,
            Self::Form => Code::CvForm,
            Self::TooComplex => Code::CvTooComplex,
        }
    }
}

/// The CV as it may be stored and shown.
///
/// # Errors
/// Why it is refused.
pub fn cleaned(bytes: &[u8]) -> Result<Vec<u8>, Refusal> {
    // A file crafted to break the reader is an unreadable file, not a failure of the function.
    catch_unwind(AssertUnwindSafe(|| rewritten(bytes))).unwrap_or(Err(Refusal::Unreadable))
}

fn rewritten(bytes: &[u8]) -> Result<Vec<u8>, Refusal> {
    // What stands before the header is no part of the file (appendix H.3), and there may be little of it.
    let start = bytes.windows(5).take(1024).position(|five| five == b"%PDF-").ok_or(Refusal::Unreadable)?;
    let bytes = bytes.get(start..).unwrap_or_default();
    let read = read(bytes)?;
    if read.trailer.has(b"Encrypt") || read.was_encrypted() {
        return Err(Refusal::Encrypted);
    }
    has_page(&read)?;
    let Ok(root) = read.trailer.get(b"Root").and_then(Object::as_reference) else { return Err(Refusal::Unreadable) };
    sweep::opens_quietly(&read)?;
    let version = read.version.clone();
    let mut kept = Document::with_version(version);
    // Which readers of any age know, whatever version the file says it has.
    kept.reference_table.cross_reference_type = XrefType::CrossReferenceTable;
    kept.objects = sweep::reachable(read.objects, root)?;
    kept.max_id = kept.objects.keys().next_back().map_or(0, |(number, _)| *number);
    let mut trailer = Dictionary::new();
    trailer.set("Root", Object::Reference(sweep::FIRST));
    kept.trailer = trailer;
    let mut written = Vec::new();
    kept.save_to(&mut written).map_err(|_| Refusal::Unreadable)?;
    // Of a file that says strange things about itself, the writer may leave out what matters.
    has_page(&self::read(&written)?)?;
    Ok(written)
}

fn has_page(read: &Document) -> Result<(), Refusal> {
    let found = read.page_iter().any(|page| read.get_dictionary(page).is_ok());
    if found { Ok(()) } else { Err(Refusal::Unreadable) }
}

/// Reads every object once, where it stands.
///
/// The cross-reference table is not asked: it may name one object a million times, or hide one. Without `startxref` the
/// reader looks for the objects themselves, as readers do with damaged files.
fn read(bytes: &[u8]) -> Result<Document, Refusal> {
    let budget = bounds::within(bytes)?;
    let options = LoadOptions {
        filter: Some(bounds::admitted),
        max_decompressed_size: Some(bounds::MOST_UNPACKED),
        ..LoadOptions::default()
    };
    let read = budget.spend(|| Document::load_mem_with_options(&without_table(bytes), options))?;
    read.map_err(|error| match error {
        Error::Decompress(_) => Refusal::TooComplex,
        Error::InvalidPassword | Error::Decryption(_) | Error::UnsupportedSecurityHandler(_) => Refusal::Encrypted,
        _ => Refusal::Unreadable,
    })
}

fn without_table(bytes: &[u8]) -> Cow<'_, [u8]> {
    const POINTER: &[u8] = b"startxref";
    let mut bytes = Cow::Borrowed(bytes);
    let mut from = 0;
    while let Some(place) = bounds::find(&bytes, POINTER, from) {
        from = place.saturating_add(POINTER.len());
        if let Some(word) = bytes.to_mut().get_mut(place..from) {
            word.fill(b' ');
        }
    }
    bytes
}
