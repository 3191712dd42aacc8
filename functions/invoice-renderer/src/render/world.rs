//! What a template can read: the templates folder, the fonts, and the page as `/invoice.json`. It has no access to
//! disk, network or clock. The electronic twin is attached outside the template, so that no edit of it can leave it
//! out.

use std::{collections::HashMap, sync::Arc};

use typst::{
    Library, LibraryExt, World,
    diag::{FileError, FileResult},
    foundations::{Bytes, Datetime, Duration},
    syntax::{FileId, RootedPath, Source, VirtualPath, VirtualRoot},
    text::{Font, FontBook},
    utils::LazyHash,
};
use typst_pdf::{PdfStandard, PdfStandards};

use super::{error::InvalidTemplates, fonts::Fonts, templates::Templates};

const INVOICE: &str = "invoice.typ";
const DATA: &str = "invoice.json";

/// The file name that Factur-X requires (Factur-X 1.09, 6.2).
const TWIN: &str = "factur-x.xml";

/// The compiled source: the owner's template, and the twin attached as an alternative of the same invoice.
const MAIN: &str = "factur-x.typ";
const MAIN_TEXT: &str = r#"#include "invoice.typ"
#pdf.attach("factur-x.xml", relationship: "alternative", mime-type: "text/xml", description: "Factur-X")
"#;

/// The same with fonts of further scripts: Chinese characters in the forms of the buyer's country (`region.rs`),
/// whatever the document's language.
const WIDE_TEXT: &str = r##"#let forms = json("invoice.json").forms
#show regex("[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Bopomofo}\u{3000}-\u{303f}\u{ff00}-\u{ffef}]+"): set text(
  lang: forms.lang,
  region: forms.region,
)
"##;

/// Everything shared by all pages.
pub struct RenderEngine {
    /// The fonts.
    pub fonts: Fonts,
    /// What the PDF must conform to.
    pub standards: PdfStandards,
    library: Arc<LazyHash<Library>>,
    book: LazyHash<FontBook>,
    main: FileId,
    data: FileId,
    twin: FileId,
    sources: HashMap<FileId, Source>,
    files: HashMap<FileId, Bytes>,
}

impl RenderEngine {
    /// Sorts the files into templates, fonts and images.
    pub fn new(templates: Templates) -> Result<Self, InvalidTemplates> {
        templates.require(INVOICE)?;
        let (mut sources, mut files, mut fonts) = (HashMap::new(), HashMap::new(), Vec::new());
        for (name, bytes) in templates.into_files() {
            let id = id(&name)?;
            let bytes = Bytes::new(bytes);
            if name.ends_with(".otf") || name.ends_with(".ttf") {
                fonts.push((name, bytes));
                continue;
            }
            if name.ends_with(".typ") {
                let text = bytes.as_str().map_err(|_| InvalidTemplates::NotText(name))?.to_owned();
                sources.insert(id, Source::new(id, text));
            }
            files.insert(id, bytes);
        }
        let main = id(MAIN)?;
        sources.insert(main, Source::new(main, MAIN_TEXT.to_owned()));
        let fonts = Fonts::new(fonts)?;
        let standards = PdfStandards::new(&[PdfStandard::A_3b])
            .map_err(|error| InvalidTemplates::Standard(error.message().to_string()))?;
        Ok(Self {
            book: LazyHash::new(FontBook::from_fonts(fonts.all())),
            fonts,
            standards,
            library: Arc::new(LazyHash::new(Library::builder().build())),
            main,
            data: id(DATA)?,
            twin: id(TWIN)?,
            sources,
            files,
        })
    }

    /// The same press with fonts of further scripts.
    pub fn wide(&self) -> Self {
        let fonts = self.fonts.with_scripts();
        let mut sources = self.sources.clone();
        sources.insert(self.main, Source::new(self.main, format!("{WIDE_TEXT}{MAIN_TEXT}")));
        Self {
            book: LazyHash::new(FontBook::from_fonts(fonts.all())),
            fonts,
            standards: self.standards.clone(),
            library: self.library.clone(),
            main: self.main,
            data: self.data,
            twin: self.twin,
            sources,
            files: self.files.clone(),
        }
    }
}

/// Ids are interned for ever and there are 65,535: only files of the templates folder get one, never an invoice.
fn id(name: &str) -> Result<FileId, InvalidTemplates> {
    let path = VirtualPath::new(name).map_err(|_| InvalidTemplates::Name(name.to_owned()))?;
    Ok(FileId::new(RootedPath::new(VirtualRoot::Project, path)))
}

/// One page to render.
pub struct InvoiceView<'a> {
    /// The shared press.
    pub press: &'a RenderEngine,
    data: Bytes,
    twin: Bytes,
}

impl<'a> InvoiceView<'a> {
    /// Adds the page's JSON and its electronic twin.
    pub fn new(press: &'a RenderEngine, json: Vec<u8>, twin: &str) -> Self {
        Self { press, data: Bytes::new(json), twin: Bytes::from_string(twin.to_owned()) }
    }
}

impl World for InvoiceView<'_> {
    fn library(&self) -> &LazyHash<Library> {
        &self.press.library
    }

    fn book(&self) -> &LazyHash<FontBook> {
        &self.press.book
    }

    fn main(&self) -> FileId {
        self.press.main
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        self.press.sources.get(&id).cloned().ok_or_else(|| missing(id))
    }

    fn file(&self, id: FileId) -> FileResult<Bytes> {
        if id == self.press.data {
            return Ok(self.data.clone());
        }
        if id == self.press.twin {
            return Ok(self.twin.clone());
        }
        self.press.files.get(&id).cloned().ok_or_else(|| missing(id))
    }

    fn font(&self, index: usize) -> Option<Font> {
        self.press.fonts.all().get(index).cloned()
    }

    fn today(&self, _: Option<Duration>) -> Option<Datetime> {
        None
    }
}

fn missing(id: FileId) -> FileError {
    FileError::NotFound(id.vpath().get_without_slash().into())
}
