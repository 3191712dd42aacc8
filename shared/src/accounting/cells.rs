//! File formats for the accountant: amounts, rates, texts, and the file itself. Every cell of every file is written here.
//!
//! A semicolon between cells and a comma in numbers are what Excel and LibreOffice expect under French settings: a
//! double click opens the file in columns, and amounts are numbers. Excel reads a file as UTF-8 only if it begins with
//! a byte order mark.
//!
//! Texts are strangers'. A spreadsheet runs a cell that begins with = + - @ as a formula (owasp.org, "CSV Injection"), and
//! where a cell begins depends on the separator that the reader takes: an apostrophe stands before such a sign wherever a
//! comma, a semicolon, a tab or a bar would make it the first of a cell.

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

/// A cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cell {
    /// Text of anybody.
    Text(String),
    /// A number of ours, which may begin with a minus.
    Number(String),
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl Cell {
    /// A number with a decimal comma, with all its decimals.
    pub(super) fn number(value: Decimal) -> Self {
        Self::Number(number(value))
    }

    /// Cents as euros: `-49,00`.
    pub(super) fn cents(value: i64) -> Self {
        Self::number(Decimal::new(value, 2))
    }

    /// Nothing.
    pub(super) fn empty() -> Self {
        Self::Text(String::new())
    }
}

/// How a table is written.
#[derive(Debug, Clone, Copy)]
enum Form {
    Spreadsheet,
    Flat,
}

/// A table that is written row by row.
#[derive(Debug)]
pub(super) struct Table<W: Write> {
    writer: Writer<W>,
    form: Form,
}

impl<W: Write> Table<W> {
    /// A table for a spreadsheet.
    pub(super) fn spreadsheet(mut sink: W, header: &[&str]) -> Result<Self, Unwritable> {
        let mut builder = WriterBuilder::new();
        builder.delimiter(b';').terminator(Terminator::CRLF);
        sink.write_all("\u{feff}".as_bytes())?;
        Self::begin(&builder, sink, header, Form::Spreadsheet)
    }

    /// A flat file: tabs between fields, one line per record, no quotes.
    pub(super) fn flat(sink: W, header: &[&str]) -> Result<Self, Unwritable> {
        let mut builder = WriterBuilder::new();
        builder.delimiter(b'\t').terminator(Terminator::CRLF).quote_style(QuoteStyle::Never);
        Self::begin(&builder, sink, header, Form::Flat)
    }

    fn begin(builder: &WriterBuilder, sink: W, header: &[&str], form: Form) -> Result<Self, Unwritable> {
        let mut writer = builder.from_writer(sink);
        writer.write_record(header)?;
        Ok(Self { writer, form })
    }

    /// Writes a row.
    pub(super) fn row(&mut self, cells: &[Cell]) -> Result<(), Unwritable> {
        for cell in cells {
            match (cell, self.form) {
                (Cell::Number(number), _) => self.writer.write_field(number)?,
                (Cell::Text(value), Form::Spreadsheet) => self.writer.write_field(text(value))?,
                (Cell::Text(value), Form::Flat) => self.writer.write_field(field(value))?,
            }
        }
        Ok(self.writer.write_record(None::<&[u8]>)?)
    }

    /// Ends the table.
    pub(super) fn finish(self) -> Result<W, Unwritable> {
        self.writer.into_inner().map_err(|error| Unwritable(error.to_string()))
    }
}

/// A number with a decimal comma, with all its decimals.
pub(super) fn number(value: Decimal) -> String {
    value.to_string().replace('.', ",")
}

/// What begins a formula, and the same signs in full width, which some spreadsheets take for them.
const FORMULA: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];

/// Text as a cell of a spreadsheet: no formula, whichever separator the reader takes and whether or not it knows quotes.
/// Control characters are removed, except line breaks.
fn text(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    // Where a cell may begin of which only spaces and quotation marks have come.
    let mut begun = Some(0);
    for c in value.chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }) {
        if let Some(at) = begun
            && FORMULA.contains(&c)
        {
            text.insert(at, '\'');
        }
        text.push(c);
        begun = match c {
            ',' | ';' | '|' | '\n' => Some(text.len()),
            c if c == '"' || c.is_whitespace() => begun,
            _ => None,
        };
    }
    text
}

/// Text as a field of a flat file: on one line. A straight quotation mark would open a quoted cell in readers that know them,
/// which ends somewhere below: a closing one stands for it.
pub(super) fn field(value: &str) -> String {
    let plain: String = value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    text(&plain.split_whitespace().collect::<Vec<_>>().join(" ").replace('"', "”"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_a_comma_and_their_sign() {
        let cents = |cents| Cell::cents(cents);
        assert_eq!([cents(4900), cents(-5), cents(0)], ["49,00", "-0,05", "0,00"].map(|n| Cell::Number(n.to_owned())));
        assert_eq!(number("5.5".parse().unwrap()), "5,5");
    }

    #[test]
    fn no_text_is_taken_for_a_formula() {
        for (given, expected) in [
            ("=1+1", "'=1+1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "' =1"),
            ("\r@x", "' @x"),
            ("  -1", "'  -1"),
            ("＝1+1", "'＝1+1"),
            ("Zoé,=1", "Zoé,'=1"),
            ("Zoé\n=1", "Zoé\n'=1"),
            ("Zoé ; +1|@2, -3", "Zoé ;' +1|'@2,' -3"),
            ("Zoé,\" =1\"", "Zoé,'\" =1\""),
            ("a|\"\"=1", "a|'\"\"=1"),
            ("Zoé - Lefèvre", "Zoé - Lefèvre"),
            ("a\u{0}b", "a b"),
        ] {
            assert_eq!(text(given), expected);
        }
        assert_eq!(field("Zoé\n\tLefèvre"), "Zoé Lefèvre");
        assert_eq!((field("\"=1\""), field(" -1+2")), ("”=1”".to_owned(), "'-1+2".to_owned()));
    }

    #[test]
    fn a_cell_may_hold_separators_quotes_and_line_breaks() {
        let mut table = Table::spreadsheet(Vec::new(), &["one", "two"]).unwrap();
        table.row(&["a;b".into(), "say \"x\"\ny".into()]).unwrap();
        let bytes = table.finish().unwrap();
        assert_eq!(String::from_utf8(bytes).unwrap(), "\u{feff}one;two\r\n\"a;b\";\"say \"\"x\"\"\ny\"\r\n");
    }
}
