//! Every kind of sale is accepted; with one fact broken, it is refused before it costs a number.

use jiff::civil::date;

use super::*;
use crate::{
    invoice::draft::draft,
    testing::matrix::{Case, matrix},
};

const DAY: Date = date(2026, 11, 21);

fn invoice(case: &Case) -> Invoice {
    let draft = draft(&case.sale, &case.seller, DAY).unwrap_or_else(|unfit| panic!("{}: {unfit}", case.name));
    Invoice { number: InvoiceNumber("2026-11-0042".into()), issued_on: DAY, draft }
}

#[test]
fn every_kind_of_sale_is_accepted_and_written() {
    let cases = matrix();
    assert!(cases.len() >= 40, "{} cases", cases.len());
    for case in &cases {
        let invoice = invoice(case);
        let xml = factur_x(&invoice).unwrap_or_else(|error| panic!("{}: {error}", case.name));
        assert_eq!(xml, factur_x(&invoice).unwrap(), "{}", case.name);
        let read = en16931_formats::read(xml.as_bytes()).unwrap();
        assert_eq!(read.entries, [], "{}", case.name);
        assert_eq!(
            read.invoice.totals.gross_total.into_decimal(),
            invoice.draft.money(invoice.draft.totals.gross).decimal()
        );
    }
}
