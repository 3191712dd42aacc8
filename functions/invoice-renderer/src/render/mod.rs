//! From the printed page of an invoice and its electronic twin to the bytes of a Factur-X file, a PDF/A-3b.
//!
//! A [`Renderer`] is built once and renders many pages; the bytes depend on page, twin and templates alone. What a page
//! says is decided in `comptoir::invoice::print`, what its twin says in `comptoir::einvoice`; how it looks, in
//! `infra/templates/invoice.typ`. Here: which files a template may read (`world`), which characters can be printed
//! (`fonts`, `legible`), which forms of Chinese characters (`region`), PDF output (`pdf`), Factur-X (`metadata`).

mod error;
mod fonts;
mod legible;
mod metadata;
mod pdf;
mod region;
pub mod specimen;
mod templates;
mod world;

#[cfg(test)]
mod golden;
#[cfg(test)]
mod judge;
#[cfg(test)]
mod reading;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::OnceLock,
};

use comptoir::{archive::sha256, invoice::print::Page, seller::Look};

pub use error::{InvalidTemplates, RenderError};
use legible::GlyphPolicy;
pub use legible::Unprintable;
pub use templates::Templates;
use world::{InvoiceView, RenderEngine};

/// Renders pages with one set of templates.
pub struct Renderer {
    press: RenderEngine,
    /// The names of the files that a template may use, and the hash of all but the fonts.
    files: BTreeSet<String>,
    templates: String,
    /// With fonts of further scripts; made when a document first needs one of them.
    wide: OnceLock<RenderEngine>,
}

/// A document, and which of its text it does not show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Printed {
    /// The file.
    pub pdf: Vec<u8>,
    /// Characters that no font has.
    pub unprintable: Unprintable,
}

impl Renderer {
    /// Reads fonts and templates, once.
    ///
    /// # Errors
    /// A template or font is missing or unreadable. A mistake inside the template shows when a page is rendered:
    /// [`Renderer::prove`] does that.
    pub fn new(templates: Templates) -> Result<Self, InvalidTemplates> {
        let (files, hash) = (templates.names(), templates.hash());
        Ok(Self { press: RenderEngine::new(templates)?, files, templates: hash, wide: OnceLock::new() })
    }

    /// Checks that the logo of a look is among the files.
    ///
    /// # Errors
    /// It is not; names the files that are.
    pub fn require(&self, look: &Look) -> Result<(), InvalidTemplates> {
        match &look.logo {
            Some(logo) if !self.files.contains(logo) => Err(InvalidTemplates::missing(logo, &self.files)),
            _ => Ok(()),
        }
    }

    /// The hash of everything but the page that decides how a document of this look is printed.
    pub fn look(&self, look: &Look) -> String {
        sha256(format!("{} {} {}", self.templates, look.accent, look.logo.as_deref().unwrap_or_default()).as_bytes())
    }

    /// The PDF of `page` with its electronic `twin`: the same bytes every time, in every process.
    ///
    /// Characters that no font has are printed as a visible replacement. If a template uses fewer fonts than available
    /// and still meets one it cannot print, everything but the characters common to all fonts is replaced.
    ///
    /// # Errors
    /// A mistake in the template, with its location.
    pub fn render(&self, page: &Page, twin: &str) -> Result<Vec<u8>, RenderError> {
        self.print(page, twin).map(|printed| printed.pdf)
    }

    /// The same, with the page's text that the PDF does not show.
    ///
    /// # Errors
    /// A mistake in the template, with its location.
    pub fn print(&self, page: &Page, twin: &str) -> Result<Printed, RenderError> {
        let (json, missing) = legible::json(page, &self.press.fonts, GlyphPolicy::Exact)?;
        let exact = if missing.characters == 0 {
            Self::attempt(&self.press, page, twin, json, missing)
        } else {
            let wide = self.wide.get_or_init(|| self.press.wide());
            let (json, missing) = legible::json(page, &wide.fonts, GlyphPolicy::Exact)?;
            Self::attempt(wide, page, twin, json, missing)
        };
        match exact {
            Err(RenderError::Export(_)) => {
                let (json, missing) = legible::json(page, &self.press.fonts, GlyphPolicy::Plain)?;
                Self::attempt(&self.press, page, twin, json, missing)
            }
            result => result,
        }
    }

    fn attempt(
        press: &RenderEngine,
        page: &Page,
        twin: &str,
        json: Vec<u8>,
        unprintable: Unprintable,
    ) -> Result<Printed, RenderError> {
        let _forget = Forget;
        let sheet = InvoiceView::new(press, json, twin);
        let pdf = catch_unwind(AssertUnwindSafe(|| pdf::print(&sheet, page))).unwrap_or(Err(RenderError::Engine))?;
        Ok(Printed { pdf: metadata::declare(&pdf).map_err(RenderError::Metadata)?, unprintable })
    }
}

/// Clears the engine's cache on drop, on error paths too: a cached invoice takes a megabyte.
struct Forget;

impl Drop for Forget {
    fn drop(&mut self) {
        typst::comemo::evict(0);
    }
}
