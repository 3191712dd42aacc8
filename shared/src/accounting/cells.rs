//! File formats for the accountant: amounts, rates, texts, and the file itself.
//!
//! A semicolon between cells and a comma in numbers are what Excel and LibreOffice expect under French settings: a
//! double click opens the file in columns, and amounts are numbers. Excel reads a file as UTF-8 only if it begins with
//! a byte order mark.

use std::io::{self, Write};

use csv::{QuoteStyle, Terminator, Writer, WriterBuilder};
use rust_decimal::Decimal;

/// A file could not be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a file of the ledger cannot be written: {0}; give the function more ephemeral storage (template.yaml), and export the \
     month again"
)]
pub struct Unwritable(String);

impl From<io::Error> for Unwritable {
    fn from(error: io::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<csv::Error> for Unwritable {
    fn from(error: csv::Error) -> Self {
        Self(error.to_string())
    }
}

/// A table that is written row by row.
#[derive(Debug)]
pub(super) struct Table<W: Write>(Writer<W>);

impl<W: Write> Table<W> {
    /// A table for a spreadsheet.
    pub(super) fn spreadsheet(mut sink: W, header: &[&str]) -> Result<Self, Unwritable> {
        let mut builder = WriterBuilder::new();
        builder.delimiter(b';').terminator(Terminator::CRLF);
        sink.write_all("\u{feff}".as_bytes())?;
        Self::begin(&builder, sink, header)
    }

    /// A flat file: tabs between fields, one line per record, no quotes. Its fields come from [`field`].
    pub(super) fn flat(sink: W, header: &[&str]) -> Result<Self, Unwritable> {
        let mut builder = WriterBuilder::new();
        builder.delimiter(b'\t').terminator(Terminator::CRLF).quote_style(QuoteStyle::Never);
        Self::begin(&builder, sink, header)
    }

    fn begin(builder: &WriterBuilder, sink: W, header: &[&str]) -> Result<Self, Unwritable> {
        let mut writer = builder.from_writer(sink);
        writer.write_record(header)?;
        Ok(Self(writer))
    }

    /// Writes a row.
    pub(super) fn row(&mut self, cells: &[String]) -> Result<(), Unwritable> {
        Ok(self.0.write_record(cells)?)
    }

    /// Ends the table.
    pub(super) fn finish(self) -> Result<W, Unwritable> {
        self.0.into_inner().map_err(|error| Unwritable(error.to_string()))
    }
}

/// A number with a decimal comma, with all its decimals.
pub(super) fn number(value: Decimal) -> String {
    value.to_string().replace('.', ",")
}

/// Cents as euros: `-49,00`.
pub(super) fn cents(value: i64) -> String {
    number(Decimal::new(value, 2))
}

/// Untrusted text. A spreadsheet runs text that begins with = + - @ as a formula; a leading apostrophe makes it text
/// (owasp.org, "CSV Injection"). Control characters are removed, except line breaks.
pub(super) fn text(value: &str) -> String {
    let plain: String = value.chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect();
    let formula = plain.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']);
    if formula { format!("'{plain}") } else { plain }
}

/// Untrusted text as a field of a flat file: on one line, and without the apostrophe, because no spreadsheet opens it and
/// the names in it must be those of the documents.
pub(super) fn field(value: &str) -> String {
    let plain: String = value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_a_comma_and_their_sign() {
        assert_eq!((cents(4900), cents(-5), cents(0)), ("49,00".to_owned(), "-0,05".to_owned(), "0,00".to_owned()));
        assert_eq!(number("5.5".parse().unwrap()), "5,5");
    }

    #[test]
    fn no_text_is_taken_for_a_formula() {
        for (given, expected) in [
            ("=1+1", "'=1+1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "' =1"),
            ("  -1", "'  -1"),
            ("Zoé - Lefèvre", "Zoé - Lefèvre"),
            ("a\u{0}b", "a b"),
        ] {
            assert_eq!(text(given), expected);
        }
        assert_eq!((field("Zoé\n\tLefèvre"), field("-1+2")), ("Zoé Lefèvre".to_owned(), "-1+2".to_owned()));
    }

    #[test]
    fn a_cell_may_hold_separators_quotes_and_line_breaks() {
        let mut table = Table::spreadsheet(Vec::new(), &["one", "two"]).unwrap();
        table.row(&["a;b".to_owned(), "say \"x\"\ny".to_owned()]).unwrap();
        let bytes = table.finish().unwrap();
        assert_eq!(String::from_utf8(bytes).unwrap(), "\u{feff}one;two\r\n\"a;b\";\"say \"\"x\"\"\ny\"\r\n");
    }
}
