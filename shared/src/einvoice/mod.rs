//! The electronic twin of an invoice: EN 16931 as Factur-X carries it, and whether the rules accept it.
//!
//! The semantic model, its rules and its CII form come from the crates `en16931` and `en16931-formats`. Here: how an
//! invoice of ours becomes one (`semantic`), and what France asks beyond the standard (`french`).

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
    /// What it wants, and where it is not so.
    pub text: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.rule, self.text)
    }
}

/// An issued invoice that cannot be written as CII; [`check`] lets none pass.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the electronic invoice cannot be written: {0}")]
pub struct Unwritable(String);

/// Holds a draft that would be issued on `day` against the rules, before it costs a number.
///
/// # Errors
/// Every rule that it would break.
pub fn check(draft: &Draft, day: Date) -> Result<(), Vec<Broken>> {
    // The longest number there may be stands for the one that is not claimed yet.
    let model = semantic::model_of(draft, &InvoiceNumber("9".repeat(LONGEST)), day);
    let report = EN16931.validate(&model);
    let core = report
        .fatal()
        .map(|finding| Broken { rule: finding.rule.clone(), text: format!("{} at {}", finding.message, finding.path) });
    let broken: Vec<Broken> = core.chain(french::broken(&model, draft)).collect();
    if broken.is_empty() { Ok(()) } else { Err(broken) }
}

/// The invoice as CII, the `factur-x.xml` of its PDF. A function of the snapshot: same invoice, same bytes.
///
/// # Errors
/// When its number or date is missing, or the syntax cannot carry something of it.
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
