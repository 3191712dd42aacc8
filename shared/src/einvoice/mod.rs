//! The e-invoice: EN 16931 as embedded in Factur-X, and its validation.
//!
//! The semantic model, its rules and its CII form come from the crates `en16931` and `en16931-formats`. Here: the
//! mapping of our invoices to that model (`semantic`), and French rules beyond the standard (`french`).

mod french;
mod semantic;

use std::fmt;

use en16931::profiles::EN16931;
use en16931_formats::Syntax;
use jiff::civil::Date;

use crate::{
    invoice::{Draft, Invoice},
    numbering::{InvoiceNumber, LONGEST},
};

/// A rule that an invoice would break, by its published name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// `BR-CO-15`, `BR-FR-10`.
    pub rule: String,
    /// What it requires, and where it is broken.
    pub text: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.rule, self.text)
    }
}

/// An issued invoice that cannot be written as CII; [`check`] prevents this.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the electronic invoice cannot be written: {0}")]
pub struct Unwritable(String);

/// Validates a draft that would be issued on `day`, before a number is allocated.
///
/// # Errors
/// Every rule that it would break.
pub fn check(draft: &Draft, day: Date) -> Result<(), Vec<Broken>> {
    // The longest possible number is used, because the real one is not allocated yet.
    let model = semantic::model_of(draft, &InvoiceNumber("9".repeat(LONGEST)), day);
    let report = EN16931.validate(&model);
    let core = report
        .fatal()
        .map(|finding| Broken { rule: finding.rule.clone(), text: format!("{} at {}", finding.message, finding.path) });
    let broken: Vec<Broken> = core.chain(french::broken(&model, draft)).collect();
    if broken.is_empty() { Ok(()) } else { Err(broken) }
}

/// The invoice as CII, the `factur-x.xml` of its PDF. Deterministic: same invoice, same bytes.
///
/// # Errors
/// When its number or date is missing, or the syntax cannot represent a value.
pub fn factur_x(invoice: &Invoice) -> Result<String, Unwritable> {
    let written = en16931_formats::write_unchecked(&semantic::model(invoice), Syntax::Cii);
    let written = written.map_err(|unwritable| Unwritable(format!("{:?}", unwritable.entries)))?;
    match written.entries.first() {
        None => Ok(written.xml),
        Some(lost) => Err(Unwritable(format!("{} at {}", lost.message, lost.path))),
    }
}

#[cfg(test)]
mod tests;
