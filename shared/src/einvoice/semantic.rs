//! An invoice of ours in the terms of EN 16931, as French platforms want them filled in.
//!
//! Everything was decided when the invoice was drafted; here it only finds its place. Numbers in comments are the
//! standard's business terms.

use en16931::{
    Date, DocumentKind, DocumentReference, Identifier, Invoice as Model, InvoiceAmount, InvoiceLine, InvoiceNote,
    Percentage, Quantity, UnitPriceAmount,
    invoice::{
        Code, Delivery, DocumentTotals, LineAllowanceCharge, LineVat, Party, PaymentInstructions, PostalAddress,
        PrecedingInvoice, PriceDetails, VatBreakdown,
    },
};
use rust_decimal::Decimal;

use crate::{
    invoice::{Draft, Invoice, Kind, Line, TaxRow},
    sale::Address,
    seller::Supply,
    text::{self, filled},
    vat::{Vat, VatCategory},
};

/// The profile "EN 16931" of Factur-X (BT-24).
const PROFILE: &str = "urn:cen.eu:en16931:2017";

/// SIREN as a legal registration (ISO 6523).
const SIREN: &str = "0002";

/// SIREN as an electronic address within France (EAS).
const FRENCH_ADDRESS: &str = "0225";

/// An e-mail address as an electronic address (EAS).
const EMAIL_ADDRESS: &str = "EM";

/// "One", the unit of whatever is counted (UN/ECE Recommendation 20).
const ONE: &str = "C62";

/// Paid through an online payment service (UNTDID 4461).
const ONLINE_PAYMENT: &str = "68";

/// The model of an invoice.
pub(super) fn model(invoice: &Invoice) -> Model {
    let draft = &invoice.draft;
    let paid_on = date(draft.supplied_on);
    let mut model = Model::default();
    model.kind = match draft.kind {
        Kind::Invoice => DocumentKind::Invoice,
        Kind::CreditNote => DocumentKind::CreditNote,
    };
    model.specification_id = Some(PROFILE.to_owned());
    model.business_process = Some(process(draft.supply).to_owned());
    model.number = Some(invoice.number.0.clone());
    model.issue_date = date(invoice.issued_on);
    model.type_code = Some(Code::new(draft.kind.code()));
    model.currency = Some(Code::new(draft.currency.code()));
    model.vat_accounting_currency = draft.in_euros.as_ref().map(|_| Code::new("EUR"));
    // Paid before it was issued: the day it was due is the day it was paid (BR-FR-CO-09).
    model.due_date = paid_on;
    model.sales_order_reference = draft.reference.clone().map(DocumentReference::new);
    model.notes = draft.mentions.iter().map(note).collect();
    model.preceding_invoices = draft
        .corrects
        .iter()
        .map(|original| PrecedingInvoice {
            reference: DocumentReference::new(original.number.0.clone()),
            issue_date: date(original.issued_on),
        })
        .collect();
    model.seller = seller(draft);
    model.buyer = buyer(draft);
    model.delivery = Some(delivery(draft));
    model.payment = Some(PaymentInstructions {
        means_code: Some(Code::new(ONLINE_PAYMENT)),
        means_text: Some(draft.paid_through.clone()),
        ..PaymentInstructions::default()
    });
    model.vat_breakdown = draft.taxes.iter().map(|row| breakdown(row, draft)).collect();
    model.lines = (1..).zip(&draft.lines).map(|(number, line)| invoice_line(number, line, draft)).collect();
    model.totals = totals(draft);
    model
}

/// BT-23: already paid, goods, services or both.
fn process(supply: Supply) -> &'static str {
    match supply {
        Supply::Goods => "B2",
        Supply::Services | Supply::Digital => "S2",
        Supply::Both => "M2",
    }
}

fn date(day: jiff::civil::Date) -> Option<Date> {
    Date::new(i32::from(day.year()), u8::try_from(day.month()).ok()?, u8::try_from(day.day()).ok()?).ok()
}

fn note(mention: &crate::invoice::Mention) -> InvoiceNote {
    let note = InvoiceNote::new(mention.text.clone());
    match &mention.code {
        Some(code) => note.with_subject(code.clone()),
        None => note,
    }
}

fn amount(minor: i64, draft: &Draft) -> InvoiceAmount {
    InvoiceAmount::from_decimal_exact(draft.money(minor).decimal()).unwrap_or(InvoiceAmount::MAX)
}

/// Whether a VAT number may stand here: not where nothing is in the scope of VAT (BR-O-02).
fn numbers_stand(draft: &Draft) -> bool {
    draft.taxes.iter().all(|row| row.vat.category != VatCategory::O)
}

fn seller(draft: &Draft) -> Party {
    let seller = &draft.seller;
    let mut party = Party::default();
    party.name = Some(xml(&seller.name));
    party.legal_registration = Some(Identifier::schemed(seller.siren.clone(), SIREN));
    party.electronic_address = Some(Identifier::schemed(seller.siren.clone(), FRENCH_ADDRESS));
    party.additional_legal_information = Some(xml(&legal_form(draft)));
    if numbers_stand(draft) {
        party.vat_identifier.clone_from(&seller.vat_number);
        // Whoever has no VAT number is known to the tax office by the SIREN (BR-E-02, BT-32).
        party.tax_registration = seller.vat_number.is_none().then(|| seller.siren.clone());
    }
    party.address.line1 = Some(xml(&seller.line1));
    party.address.line2 = seller.line2.as_deref().map(xml);
    party.address.post_code = Some(xml(&seller.postal_code));
    party.address.city = Some(xml(&seller.city));
    party.address.country = Some(Code::new(seller.country.clone()));
    party
}

/// BT-33: legal form, capital, registration.
fn legal_form(draft: &Draft) -> String {
    let seller = &draft.seller;
    let capital = seller.capital.as_ref().map(|capital| format!("au capital de {capital}"));
    let parts = [Some(seller.legal_form.clone()), capital, seller.registration.clone()];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn buyer(draft: &Draft) -> Party {
    let buyer = &draft.buyer;
    let customer = &buyer.customer;
    let mut party = Party::default();
    party.name = Some(xml(&buyer.name));
    party.legal_registration = buyer.siren.clone().map(|siren| Identifier::schemed(siren, SIREN));
    let email = filled(customer.email.as_deref()).filter(|email| text::looks_like_email(email));
    party.electronic_address = match (&buyer.siren, email) {
        (Some(siren), _) => Some(Identifier::schemed(siren.clone(), FRENCH_ADDRESS)),
        (None, Some(email)) => Some(Identifier::schemed(xml(&email), EMAIL_ADDRESS)),
        (None, None) => None,
    };
    party.vat_identifier = buyer.vat_number.clone().filter(|_| numbers_stand(draft));
    party.address = postal(customer.address.as_ref(), &buyer.country);
    party
}

fn postal(address: Option<&Address>, country: &str) -> PostalAddress {
    let part = |part: Option<&String>| filled(part.map(String::as_str)).map(|part| xml(&part));
    let mut postal = PostalAddress::default();
    postal.line1 = part(address.and_then(|address| address.line1.as_ref()));
    postal.line2 = part(address.and_then(|address| address.line2.as_ref()));
    postal.post_code = part(address.and_then(|address| address.postal_code.as_ref()));
    postal.city = part(address.and_then(|address| address.city.as_ref()));
    postal.subdivision = part(address.and_then(|address| address.state.as_ref()));
    postal.country = Some(Code::new(country.to_owned()));
    postal
}

/// The day of supply, and where goods went: an address of its own, or for goods that left untaxed for another member
/// state the buyer's (BR-IC-12).
fn delivery(draft: &Draft) -> Delivery {
    let mut delivery = Delivery::default();
    delivery.date = date(draft.supplied_on);
    match &draft.delivery {
        Some(sent) => {
            let country = filled(sent.address.country.as_deref()).unwrap_or_else(|| draft.buyer.country.clone());
            delivery.party_name = filled(sent.name.as_deref()).map(|name| xml(&name));
            delivery.address = Some(postal(Some(&sent.address), &country.to_uppercase()));
        }
        None if draft.taxes.iter().any(|row| row.vat.category == VatCategory::K) => {
            delivery.address = Some(postal(draft.buyer.customer.address.as_ref(), &draft.buyer.country));
        }
        None => {}
    }
    delivery
}

/// What is outside the scope of VAT states no rate (BR-O-05).
fn rate(vat: Vat) -> Option<Percentage> {
    let mut rate = vat.rate;
    rate.rescale(2);
    (vat.category != VatCategory::O).then(|| Percentage::new(rate))
}

fn line_vat(vat: Vat) -> LineVat {
    LineVat { category: Code::new(vat.category.code()), rate: rate(vat) }
}

fn breakdown(row: &TaxRow, draft: &Draft) -> VatBreakdown {
    VatBreakdown {
        taxable_amount: amount(row.base, draft),
        tax_amount: amount(row.tax, draft),
        category: Code::new(row.vat.category.code()),
        rate: rate(row.vat),
        exemption_reason: row.exemption.as_ref().map(|exemption| exemption.text.clone()),
        exemption_reason_code: row.exemption.as_ref().map(|exemption| Code::new(exemption.code.clone())),
    }
}

fn invoice_line(number: usize, line: &Line, draft: &Draft) -> InvoiceLine {
    let price = PriceDetails { net_price: UnitPriceAmount::new(line.unit_net), ..PriceDetails::default() };
    let vat = line_vat(line.vat);
    let mut written = InvoiceLine::new(
        number.to_string(),
        String::new(),
        Quantity::new(Decimal::from(line.quantity)),
        ONE,
        amount(line.net, draft),
        vat.category.as_str().to_owned(),
        vat.rate,
    )
    .with_price(price);
    written.item.name = filled(Some(&line.description)).map(|name| xml(&name));
    if line.discount > 0 {
        written.allowances.push(LineAllowanceCharge {
            amount: amount(line.discount, draft),
            base_amount: None,
            percentage: None,
            reason: Some("Remise".to_owned()),
            // UNTDID 5189: discount.
            reason_code: Some(Code::new("95")),
        });
    }
    written
}

fn totals(draft: &Draft) -> DocumentTotals {
    let sums = &draft.totals;
    DocumentTotals {
        line_total: amount(sums.net, draft),
        allowance_total: None,
        charge_total: None,
        taxable_total: amount(sums.net, draft),
        vat_total: Some(amount(sums.tax, draft)),
        vat_total_accounting: draft.in_euros.as_ref().map(|euros| InvoiceAmount::from_minor_units(euros.tax)),
        gross_total: amount(sums.gross, draft),
        paid: Some(amount(sums.paid, draft)),
        rounding: None,
        due: amount(sums.due, draft),
    }
}

/// The exact text, but for the characters that XML 1.0 has no way to carry: those are replaced by U+FFFD.
fn xml(text: &str) -> String {
    let unwritable = |c: char| c < ' ' && !matches!(c, '\t' | '\n' | '\r') || matches!(c, '\u{fffe}' | '\u{ffff}');
    text.chars().map(|c| if unwritable(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}
