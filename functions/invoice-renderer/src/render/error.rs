//! Template errors, worded so that the owner can fix them.

use std::{collections::BTreeSet, io, path::PathBuf};

use comptoir::invoice::print::InvalidWords;

/// Templates that cannot be used at all; found before any invoice is claimed.
#[derive(Debug, thiserror::Error)]
pub enum InvalidTemplates {
    /// A file is missing.
    #[error("{missing} is not in the templates folder, which has {present}; put it there or name one of these")]
    Missing {
        /// As named by the settings or the renderer.
        missing: String,
        /// The existing files.
        present: String,
    },
    /// A template is not text.
    #[error("{0} is not UTF-8 text; save it as UTF-8")]
    NotText(String),
    /// The words are wrong.
    #[error(transparent)]
    Words(#[from] InvalidWords),
    /// A file in `fonts/` is not a font.
    #[error("{0} is not a font; keep only .otf and .ttf files of whole fonts in fonts/")]
    NotFont(String),
    /// No font at all.
    #[error("fonts/ has no .otf or .ttf file; put at least one there")]
    NoFonts,
    /// A name that cannot be a path.
    #[error("{0} cannot be a file name in a template; rename the file")]
    Name(String),
    /// The folder cannot be read.
    #[error("cannot read the templates in {path}: {error}")]
    Io {
        /// The folder.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The engine has no such kind of PDF; its version changed.
    #[error("the engine cannot write PDF/A-3b: {0}")]
    Standard(String),
}

impl InvalidTemplates {
    /// `missing` is not among the files of this folder; fonts have one of their own.
    pub(super) fn missing(missing: &str, files: &BTreeSet<String>) -> Self {
        let present: Vec<&str> = files.iter().map(String::as_str).filter(|name| !name.contains('/')).collect();
        Self::Missing { missing: missing.to_owned(), present: present.join(", ") }
    }
}

/// A page that could not be rendered to a PDF.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// A mistake in a template, or a file it asked for that it may not read.
    #[error("{file} line {line}: {message}")]
    Template {
        /// In the templates folder.
        file: String,
        /// Counted from 1.
        line: usize,
        /// The engine's message, with its hints.
        message: String,
    },
    /// The page was laid out but is no valid PDF/A-3b.
    #[error("the invoice cannot be written as PDF/A-3b: {0}; undo the last change of invoice.typ")]
    Export(String),
    /// The PDF lacks the shape that the Factur-X metadata is written into; the engine's version changed.
    #[error("the invoice cannot be declared as Factur-X: {0}; install a released version")]
    Metadata(&'static str),
    /// The page's date is invalid.
    #[error("{year}-{month}-{day} is not a date")]
    Date {
        /// As on the page.
        year: i16,
        /// As on the page.
        month: i8,
        /// As on the page.
        day: i8,
    },
    /// The page could not be passed to the template.
    #[error("the page cannot be written as JSON: {0}")]
    Data(String),
    /// An unexpected failure of the engine.
    #[error(
        "the engine panicked on this invoice; undo the last change of invoice.typ, or report it with the log above"
    )]
    Engine,
}
