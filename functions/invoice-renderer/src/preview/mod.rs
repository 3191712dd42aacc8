//! Previews documents without issuing any: the owner's seller file, words and template applied to a sample or a
//! recorded Stripe event.
//!
//! `watch` detects changed files. The command itself is `examples/preview/main.rs`.

mod event;
pub mod watch;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use comptoir::{
    billing::unfit::CannotInvoice,
    einvoice::{self, Unwritable},
    invoice::{Invoice, print},
    outcome::Reason,
    seller::{InvalidSettings, Seller},
};
use jiff::{Timestamp, civil::Date};

use crate::render::{InvalidTemplates, RenderError, Renderer, Templates, specimen};

/// What to show, and from which files.
#[derive(Debug, Clone)]
pub struct Preview {
    /// The seller file.
    pub seller: PathBuf,
    /// The folder of templates.
    pub templates: PathBuf,
    /// A Stripe event to show instead of the samples.
    pub event: Option<PathBuf>,
    /// The output path of the PDF; the sample credit note is written beside it.
    pub out: PathBuf,
}

/// Why there is no new preview. The last good file stays.
#[derive(Debug, thiserror::Error)]
pub enum Unseen {
    /// A file cannot be read or written.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The seller file is wrong.
    #[error(transparent)]
    Seller(#[from] InvalidSettings),
    /// The templates, their fonts or their words are wrong.
    #[error(transparent)]
    Templates(#[from] InvalidTemplates),
    /// The template has a mistake.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// The event is not a sale that can be shown.
    #[error("{path} is no sale to show: {}", reason.message)]
    Event {
        /// The event's file.
        path: PathBuf,
        /// Why.
        reason: Reason,
    },
    /// The electronic twin cannot be written.
    #[error(transparent)]
    Twin(#[from] Unwritable),
    /// The sale cannot be invoiced.
    #[error("this sale would wait instead of becoming an invoice: {}", .0.reason().message)]
    CannotInvoice(#[from] CannotInvoice),
}

impl Preview {
    /// Renders everything as of `now`, and returns what was written.
    ///
    /// # Errors
    /// What to fix, with its file and line if known. Nothing is written then.
    pub fn show(&self, now: Timestamp) -> Result<Vec<PathBuf>, Unseen> {
        let text = fs::read_to_string(&self.seller).map_err(at(&self.seller))?;
        let seller = Seller::from_toml(&text)?;
        let today = now.to_zoned(seller.time_zone.clone()).date();
        let templates = Templates::read(&self.templates)?;
        let words = templates.words()?;
        let press = Renderer::new(templates)?;
        press.require(&seller.look)?;
        let mut written = Vec::new();
        for (path, invoice) in self.documents(&seller, today)? {
            let page = print::page(&invoice, &seller.look, &words);
            written.push((path, press.render(&page, &einvoice::factur_x(&invoice)?)?));
        }
        for (path, pdf) in &written {
            replace(path, pdf).map_err(at(path))?;
        }
        Ok(written.into_iter().map(|(path, _)| path).collect())
    }

    fn documents(&self, seller: &Seller, today: Date) -> Result<Vec<(PathBuf, Invoice)>, Unseen> {
        let Some(path) = &self.event else {
            let credit_note = self.out.with_file_name("avoir.pdf");
            let invoice = specimen::at_start(seller, today)?.invoice;
            let credited = specimen::credit_note(&invoice, seller, today)?;
            return Ok(vec![(self.out.clone(), invoice), (credit_note, credited)]);
        };
        let body = fs::read(path).map_err(at(path))?;
        let sale = event::sale(&body).map_err(|reason| Unseen::Event { path: path.clone(), reason })?;
        Ok(vec![(self.out.clone(), specimen::of(&sale, seller, today)?)])
    }
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> Unseen {
    let path = path.to_owned();
    move |error| Unseen::Io { path, error }
}

/// Writes a temporary file and renames it, so that a viewer never reads half of one.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let fresh = path.with_extension("pdf.new");
    fs::write(&fresh, bytes)?;
    fs::rename(&fresh, path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use comptoir::testing::STANDARD_TOML;

    const NOW: Timestamp = Timestamp::constant(1_795_257_000, 0);

    /// A separate copy of the templates for a test to break.
    fn preview(name: &str) -> Preview {
        let root = std::env::temp_dir().join(format!("comptoir-preview-{}-{name}", std::process::id()));
        let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/templates");
        let templates = root.join("templates");
        fs::create_dir_all(templates.join("fonts")).unwrap();
        for folder in ["", "fonts"] {
            for entry in fs::read_dir(ours.join(folder)).unwrap() {
                let from = entry.unwrap().path();
                if from.is_file() {
                    fs::copy(&from, templates.join(folder).join(from.file_name().unwrap())).unwrap();
                }
            }
        }
        let seller = root.join("seller.toml");
        fs::write(&seller, STANDARD_TOML).unwrap();
        Preview { seller, templates, event: None, out: root.join("out/invoice.pdf") }
    }

    #[test]
    fn both_samples_are_written_and_a_mistake_leaves_the_last_good_ones() {
        let preview = preview("samples");
        let written = preview.show(NOW).unwrap();
        assert_eq!(written, [preview.out.clone(), preview.out.with_file_name("avoir.pdf")]);
        let good = fs::read(&preview.out).unwrap();
        assert!(good.starts_with(b"%PDF"));
        let change = |file: &str, text: &str| {
            let path = preview.templates.join(file);
            let before = fs::read(&path).unwrap();
            fs::write(&path, text).unwrap();
            let error = preview.show(NOW).unwrap_err().to_string();
            fs::write(&path, before).unwrap();
            error
        };
        assert!(change("invoice.typ", "\n#nothing").starts_with("invoice.typ line 2: "));
        assert!(change("words.toml", "[fr]\n").starts_with("infra/templates/words.toml line "));
        assert_eq!(fs::read(&preview.out).unwrap(), good);
        fs::remove_dir_all(preview.templates.parent().unwrap()).unwrap();
    }

    #[test]
    fn an_event_is_shown_instead() {
        let mut preview = preview("event");
        let event = preview.templates.with_file_name("event.json");
        preview.event = Some(event.clone());
        let body = |lines: &str| {
            format!(
                r#"{{"id":"evt_1","type":"checkout.session.completed","created":1795257000,"data":{{"object":{{"id":"cs_1",
                "mode":"payment","payment_status":"paid","amount_total":4900,"currency":"eur",
                "customer_details":{{"name":"Zoé","address":{{"country":"FR"}}}}{lines}}}}}}}"#
            )
        };
        for lines in
            ["", r#","line_items":{"data":[{"id":"li_1","description":"Stage","quantity":1,"amount_total":4900}]}"#]
        {
            fs::write(&event, body(lines)).unwrap();
            assert_eq!(preview.show(NOW).unwrap(), [preview.out.clone()]);
        }
        fs::write(&event, body("").replace("completed", "expired")).unwrap();
        let error = preview.show(NOW).unwrap_err().to_string();
        assert!(error.contains("event.json is no sale to show: ") && error.contains("expired"), "{error}");
        fs::remove_dir_all(preview.templates.parent().unwrap()).unwrap();
    }
}
