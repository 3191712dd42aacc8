//! Renders a sheet to a PDF/A-3b whose bytes depend on the sheet only.

use comptoir::invoice::print::Page;
use typst::{
    World, WorldExt,
    diag::{SourceDiagnostic, Warned},
    foundations::{Datetime, Smart},
};
use typst_layout::PagedDocument;
use typst_pdf::{PdfOptions, Timestamp};

use super::{error::RenderError, world::InvoiceView};

/// Lays the sheet out and writes it.
pub fn print(sheet: &InvoiceView<'_>, page: &Page) -> Result<Vec<u8>, RenderError> {
    let options = options(sheet, page)?;
    let Warned { output, .. } = typst::compile::<PagedDocument>(sheet);
    let document = output.map_err(|errors| errors.first().map_or(RenderError::Engine, |first| place(sheet, first)))?;
    typst_pdf::pdf(&document, &options).map_err(|errors| {
        RenderError::Export(errors.first().map_or_else(String::new, |first| first.message.to_string()))
    })
}

/// Date and identifier come from the page, so that neither clock nor randomness affects the file.
fn options(sheet: &InvoiceView<'_>, page: &Page) -> Result<PdfOptions, RenderError> {
    let (year, month, day) = page.date;
    let midnight = u8::try_from(month)
        .ok()
        .zip(u8::try_from(day).ok())
        .and_then(|(month, day)| Datetime::from_ymd_hms(year.into(), month, day, 0, 0, 0))
        .ok_or(RenderError::Date { year, month, day })?;
    Ok(PdfOptions {
        ident: Smart::Custom(format!("{}/{}/{}", page.seller, page.title, page.number)),
        creator: Smart::Custom(Some("Comptoir".to_owned())),
        timestamp: Some(Timestamp::new_utc(midnight)),
        standards: sheet.press.standards.clone(),
        ..PdfOptions::default()
    })
}

/// File and line, for the template's editor.
fn place(sheet: &InvoiceView<'_>, error: &SourceDiagnostic) -> RenderError {
    let id = error.span.id().unwrap_or_else(|| sheet.main());
    let start = sheet.range(error.span).map(|range| range.start);
    let source = sheet.source(id).ok();
    let line = source.zip(start).and_then(|(source, start)| source.lines().byte_to_line(start)).unwrap_or_default();
    let hints = error.hints.iter().map(|hint| format!(" ({})", hint.v));
    RenderError::Template {
        file: id.vpath().get_without_slash().to_owned(),
        line: line + 1,
        message: std::iter::once(error.message.to_string()).chain(hints).collect(),
    }
}
