//! Reads the accountant's files with every separator, with and without quotes: rows and amounts must be the same, and no cell a
//! formula, for any name of a customer.

use csv::{ReaderBuilder, StringRecord};
use rust_decimal::Decimal;

use crate::accounting::Ledger;

/// What spreadsheets and importers take for a separator.
const SEPARATORS: [u8; 4] = [b',', b';', b'\t', b'|'];

const DEBIT: usize = 11;
const CREDIT: usize = 12;

/// The files of a month hold.
///
/// # Panics
/// When one does not, with what a reader would find in it.
pub fn hold(ledger: &Ledger) {
    for file in &ledger.files {
        let text = String::from_utf8_lossy(&file.bytes);
        let text = text.trim_start_matches('\u{feff}');
        for (separator, quoting) in SEPARATORS.into_iter().flat_map(|separator| [(separator, true), (separator, false)])
        {
            for cell in rows(text, separator, quoting).iter().flatten() {
                assert!(!is_formula(cell), "{} read with {:?}: {cell:?}", file.key, char::from(separator));
            }
        }
    }
    let [register, journal, _] = &ledger.files;
    let text = |bytes| String::from_utf8_lossy(bytes);
    let register = text(&register.bytes);
    assert!(rows(&register, b';', true).iter().all(|row| row.len() == 22), "{register}");
    let journal = text(&journal.bytes);
    let (with, without) = (rows(&journal, b'\t', true), rows(&journal, b'\t', false));
    assert_eq!(with, without, "a quotation mark opens a cell of the journal");
    let sum =
        |column: usize| without.iter().skip(1).map(|row| amount(row.get(column).unwrap_or_default())).sum::<Decimal>();
    assert_eq!(sum(DEBIT), sum(CREDIT), "{journal}");
    assert!(without.iter().all(|row| row.len() == 18), "{journal}");
}

fn rows(text: &str, separator: u8, quoting: bool) -> Vec<StringRecord> {
    let mut reader = ReaderBuilder::new();
    reader.delimiter(separator).quoting(quoting).flexible(true).has_headers(false);
    // The text is UTF-8, so that every row can be read.
    reader.from_reader(text.as_bytes()).records().filter_map(Result::ok).collect()
}

/// Whether a spreadsheet would run it. Our own amounts are numbers to it.
fn is_formula(cell: &str) -> bool {
    let begins = cell.trim_start_matches(|c: char| c == '"' || c.is_whitespace());
    let number = cell.strip_prefix('-').is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit() || c == ','));
    begins.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']) && !number
}

fn amount(text: &str) -> Decimal {
    text.replace(',', ".").parse().unwrap_or_default()
}
