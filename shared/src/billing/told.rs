//! What the seller's app is told of a document, once it is archived.

use jiff::Timestamp;
use serde_json::json;

use crate::{
    app::{AppMessage, Topic},
    archive::Document,
    invoice::{Invoice, Kind},
};

/// The message about a document; a number is given once, and so is its message.
pub(super) fn issued(invoice: &Invoice, document: &Document, now: Timestamp) -> AppMessage {
    let draft = &invoice.draft;
    let (topic, corrects) = match draft.kind {
        Kind::Invoice => (Topic::InvoiceIssued, None),
        Kind::CreditNote => (Topic::CreditNoteIssued, draft.corrects.as_ref()),
    };
    let buyer = &draft.buyer.customer;
    let data = json!({
        "number": invoice.number.0, "issued_on": invoice.issued_on.to_string(), "test": draft.test,
        "sale": draft.sale.0, "refund": corrects.map(|corrects| &corrects.refund.0),
        "corrects": corrects.map(|corrects| &corrects.number.0),
        "customer": buyer.id, "email": buyer.email, "reference": draft.reference,
        "currency": draft.currency.code(), "net": draft.totals.net, "tax": draft.totals.tax, "gross": draft.totals.gross,
        "document": {"key": document.key, "sha256": document.sha256, "size": document.size},
    });
    AppMessage::new(topic, &[&invoice.number.0], now, &data)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use serde_json::Value;

    use super::*;
    use crate::{
        billing::draft::draft,
        numbering::InvoiceNumber,
        seller::Seller,
        testing::{FRANCHISE_TOML, sale},
    };

    #[test]
    fn an_invoice_is_told_with_its_sums_in_minor_units() {
        let seller = Seller::from_toml(FRANCHISE_TOML).unwrap();
        let issued_on = date(2026, 11, 21);
        let draft = draft(&sale(), &seller, issued_on).unwrap();
        let gross = draft.totals.gross;
        let invoice = Invoice::new(InvoiceNumber("2026-11-0042".to_owned()), issued_on, draft);
        let message = issued(&invoice, &Document::of("invoices/x.pdf", b"x"), Timestamp::UNIX_EPOCH);
        assert_eq!((message.id.as_str(), message.topic.as_str()), ("invoice-issued-2026-11-0042", "invoice.issued"));
        let body: Value = serde_json::from_str(&message.body).unwrap();
        assert_eq!(body["data"]["gross"], gross);
        assert_eq!(body["data"]["corrects"], Value::Null);
    }
}
