//! From the printed page of an invoice and its electronic twin to the bytes of a Factur-X file, a PDF/A-3b.
//!
//! A [`Renderer`] is built once and renders many pages; the bytes depend on page, twin and templates alone. What a page
//! says is decided in `comptoir::invoice::print`, what its twin says in `comptoir::einvoice`; how it looks, in
//! `infra/templates/invoice.typ`. Here: which files a template may read (`world`), which characters can be printed
//! (`fonts`, `legible`), how a page becomes a file (`pdf`), and how the file says that it is Factur-X (`metadata`).

mod error;
mod fonts;
mod legible;
mod metadata;
mod pdf;
pub mod specimen;
mod templates;
mod world;

#[cfg(test)]
mod tests;

use std::panic::{AssertUnwindSafe, catch_unwind};

use comptoir::{invoice::print::Page, seller::Look};

pub use error::{InvalidTemplates, RenderError};
use legible::Faith;
pub use templates::Templates;
use world::{Press, Sheet};

/// Renders pages with one set of templates.
pub struct Renderer {
    press: Press,
}

impl Renderer {
    /// Reads fonts and templates, once.
    ///
    /// # Errors
    /// A template or font is missing or unreadable, or the logo that `look` names is not among the files. A mistake
    /// inside the template shows when a page is rendered: [`specimen::page`] is made for that.
    pub fn new(templates: Templates, look: &Look) -> Result<Self, InvalidTemplates> {
        if let Some(logo) = &look.logo {
            templates.require(logo)?;
        }
        Ok(Self { press: Press::new(templates)? })
    }

    /// The PDF of `page` with its electronic `twin`: the same bytes every time, in every process.
    ///
    /// Characters that no font has are printed as a visible replacement. Should a template use less than the fonts
    /// offer, and so still meet one it cannot print, everything but the characters common to all fonts is replaced.
    ///
    /// # Errors
    /// A mistake in the template, with its place.
    pub fn render(&self, page: &Page, twin: &str) -> Result<Vec<u8>, RenderError> {
        match self.attempt(page, twin, Faith::Exact) {
            Err(RenderError::Export(_)) => self.attempt(page, twin, Faith::Plain),
            result => result,
        }
    }

    fn attempt(&self, page: &Page, twin: &str, faith: Faith) -> Result<Vec<u8>, RenderError> {
        let _forget = Forget;
        let sheet = Sheet::new(&self.press, legible::json(page, &self.press.fonts, faith)?, twin);
        let pdf = catch_unwind(AssertUnwindSafe(|| pdf::print(&sheet, page))).unwrap_or(Err(RenderError::Engine))?;
        metadata::declare(&pdf).map_err(RenderError::Metadata)
    }
}

/// Empties the engine's cache when it goes, on the way of errors too: a kept invoice is a megabyte.
struct Forget;

impl Drop for Forget {
    fn drop(&mut self) {
        typst::comemo::evict(0);
    }
}
