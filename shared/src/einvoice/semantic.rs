//! Maps an invoice to the terms of EN 16931, as French platforms require.
//!
//! Everything was decided when the invoice was drafted; this is only a mapping. Numbers in comments are the standard's
//! business terms.

use en16931::{
    Date, DocumentKind, DocumentReference, Identifier, Invoice as Model, InvoiceAmount, InvoiceLine, InvoiceNote,
    Percentage, Quantity, UnitPriceAmount,
    invoice::{
        Code, Delivery, DocumentAllowanceCharge, DocumentTotals, LineAllowanceCharge, LineVat, Party,
        PaymentInstructions, PostalAddress, PrecedingInvoice, PriceDetails, VatBreakdown,
    },
};
use rust_decimal::Decimal;

use crate::{
    invoice::{Draft, Invoice, Kind, Line, TaxRow},
    numbering::InvoiceNumber,
    sale::Address,
    text::{self, filled},
    vat::{Vat, VatCategory, regime::Supply},
};

/// The profile "EN 16931" of Factur-X (BT-24).
const PROFILE: &str = "urn:cen.eu:en16931:2017";

/// SIREN as a legal registration (ISO 6523).
const SIREN: &str = "0002";

/// SIREN as an electronic address within France (EAS).
const FRENCH_ADDRESS: &str = "0225";

/// An e-mail address as an electronic address (EAS).
const EMAIL_ADDRESS: &str = "EM";

/// "One", the unit of every quantity (UN/ECE Recommendation 20).
const ONE: &str = "C62";

/// Paid through an online payment service (UNTDID 4461).
const ONLINE_PAYMENT: &str = "68";

/// Clearing between the parties (UNTDID 4461): a balance, or a payment outside Stripe.
const CLEARING: &str = "97";

/// The e-invoice's note when it names the seller's country for a buyer whose country is unknown.
const NO_COUNTRY: &str = "Pays de l’acheteur non communiqué : BT-55 reprend celui du vendeur";

/// The model of an invoice.
pub(super) fn model(invoice: &Invoice) -> Model {
    model_of(&invoice.draft, &invoice.number, invoice.issued_on)
}

/// The model of a draft with this number and date.
pub(super) fn model_of(draft: &Draft, number: &InvoiceNumber, issued_on: jiff::civil::Date) -> Model {
    let paid_on = date(draft.supplied_on);
    let mut model = Model::default();
    model.kind = match draft.kind {
        Kind::Invoice => DocumentKind::Invoice,
        Kind::CreditNote => DocumentKind::CreditNote,
    };
    model.specification_id = Some(PROFILE.to_owned());
    model.business_process = Some(process(draft.supply).to_owned());
    model.number = Some(number.0.clone());
    model.issue_date = date(issued_on);
    model.type_code = Some(Code::new(draft.kind.code()));
    model.currency = Some(Code::new(draft.currency.code()));
    model.vat_accounting_currency = draft.in_euros.as_ref().map(|_| Code::new("EUR"));
    // Paid before it was issued: the due date is the day of payment (BR-FR-CO-09).
    model.due_date = paid_on;
    // BT-13 is the buyer's number, BT-14 the seller's.
    let order = draft.purchase_order.as_deref();
    model.purchase_order_reference = order.map(|order| DocumentReference::new(xml(order)));
    model.sales_order_reference = draft.reference.as_deref().map(|reference| DocumentReference::new(xml(reference)));
    model.notes = draft.mentions.iter().map(note).collect();
    if draft.buyer.country.is_none() {
        model.notes.push(InvoiceNote::new(NO_COUNTRY.to_owned()));
    }
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
    let (means, through) = match draft.paid_through.as_str() {
        "" => (CLEARING, None),
        through => (ONLINE_PAYMENT, Some(through.to_owned())),
    };
    model.payment = Some(PaymentInstructions {
        means_code: Some(Code::new(means)),
        means_text: through,
        ..PaymentInstructions::default()
    });
    model.charges = draft.taxes.iter().filter_map(|row| charge(row, draft, 1)).collect();
    model.allowances = draft.taxes.iter().filter_map(|row| charge(row, draft, -1)).collect();
    model.vat_breakdown = breakdowns(draft);
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

/// Whether VAT numbers are allowed: not if nothing is in the scope of VAT (BR-O-02).
fn numbers_stand(draft: &Draft) -> bool {
    draft.taxes.iter().all(|row| row.vat.category != VatCategory::O)
}

fn seller(draft: &Draft) -> Party {
    let seller = &draft.seller;
    let stand = numbers_stand(draft);
    Party {
        name: Some(xml(&seller.name)),
        legal_registration: Some(Identifier::schemed(seller.siren.clone(), SIREN)),
        electronic_address: Some(Identifier::schemed(seller.siren.clone(), FRENCH_ADDRESS)),
        additional_legal_information: Some(xml(&legal_form(draft))),
        vat_identifier: seller.vat_number.clone().filter(|_| stand),
        // A seller without a VAT number is identified to the tax office by the SIREN (BR-E-02, BT-32).
        tax_registration: (stand && seller.vat_number.is_none()).then(|| seller.siren.clone()),
        address: PostalAddress {
            line1: filled(Some(&seller.line1)).map(|line| xml(&line)),
            line2: seller.line2.as_deref().map(xml),
            post_code: filled(Some(&seller.postal_code)).map(|code| xml(&code)),
            city: filled(Some(&seller.city)).map(|city| xml(&city)),
            country: filled(Some(&seller.country)).map(Code::new),
            ..PostalAddress::default()
        },
        ..Party::default()
    }
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
    let email = filled(customer.email.as_deref()).filter(|email| text::looks_like_email(email));
    Party {
        name: Some(xml(&buyer.name)),
        legal_registration: buyer.siren.clone().map(|siren| Identifier::schemed(siren, SIREN)),
        electronic_address: match (&buyer.siren, email) {
            (Some(siren), _) => Some(Identifier::schemed(siren.clone(), FRENCH_ADDRESS)),
            (None, Some(email)) => Some(Identifier::schemed(xml(&email), EMAIL_ADDRESS)),
            (None, None) => None,
        },
        vat_identifier: buyer.vat_number.clone().filter(|_| numbers_stand(draft)),
        address: postal(customer.address.as_ref(), buyer_country(draft)),
        ..Party::default()
    }
}

/// BT-55, which every invoice must carry (BR-11). If the buyer's country is unknown it is the seller's, whose law the
/// sale was taxed by, and [`NO_COUNTRY`] says so.
fn buyer_country(draft: &Draft) -> &str {
    draft.buyer.country.as_deref().unwrap_or(&draft.seller.country)
}

fn postal(address: Option<&Address>, country: &str) -> PostalAddress {
    let part = |part: fn(&Address) -> Option<&String>| {
        filled(address.and_then(part).map(String::as_str)).map(|part| xml(&part))
    };
    PostalAddress {
        line1: part(|address| address.line1.as_ref()),
        line2: part(|address| address.line2.as_ref()),
        post_code: part(|address| address.postal_code.as_ref()),
        city: part(|address| address.city.as_ref()),
        subdivision: part(|address| address.state.as_ref()),
        country: Some(Code::new(country.to_owned())),
        ..PostalAddress::default()
    }
}

/// The day of supply, and the delivery address: its own, or for goods supplied untaxed to another member state the
/// buyer's (BR-IC-12).
fn delivery(draft: &Draft) -> Delivery {
    let untaxed_in_the_union = draft.taxes.iter().any(|row| row.vat.category == VatCategory::K);
    let (party_name, address) = match &draft.delivery {
        Some(sent) => {
            let country = filled(sent.address.country.as_deref());
            let country = country.unwrap_or_else(|| buyer_country(draft).to_owned());
            let name = filled(sent.name.as_deref()).map(|name| xml(&name));
            (name, Some(postal(Some(&sent.address), &country.to_uppercase())))
        }
        None if untaxed_in_the_union => {
            (None, Some(postal(draft.buyer.customer.address.as_ref(), buyer_country(draft))))
        }
        None => (None, None),
    };
    Delivery { party_name, address, date: date(draft.supplied_on), ..Delivery::default() }
}

/// A row outside the scope of VAT has no rate (BR-O-05); the rate of a tax that is not VAT is not a VAT rate.
fn rate(vat: Vat) -> Option<Percentage> {
    let mut rate = if vat.beyond_vat().is_some() { Decimal::ZERO } else { vat.rate };
    rate.rescale(2);
    (vat.category != VatCategory::O).then(|| Percentage::new(rate))
}

fn line_vat(vat: Vat) -> LineVat {
    LineVat { category: Code::new(vat.category.code()), rate: rate(vat) }
}

/// BG-23, one per category and rate: a tax that is not VAT is a charge, with the same category as its row.
fn breakdowns(draft: &Draft) -> Vec<VatBreakdown> {
    let mut rows: Vec<TaxRow> = Vec::new();
    for row in &draft.taxes {
        let row = match row.vat.beyond_vat() {
            None => row.clone(),
            Some(_) => TaxRow { vat: Vat::without(row.vat.category), base: row.base + row.tax, tax: 0, ..row.clone() },
        };
        let key = |row: &TaxRow| (row.vat.category, row.vat.rate.normalize());
        match rows.iter_mut().find(|known| key(known) == key(&row)) {
            None => rows.push(row),
            Some(known) => {
                known.base += row.base;
                known.tax += row.tax;
            }
        }
    }
    rows.iter().map(|row| breakdown(row, draft)).collect()
}

/// BG-21, "charges and taxes other than VAT": a non-EU tax, named with rate and country. With a `sign` of -1 it is the
/// allowance (BG-20) for such a tax that was refunded.
fn charge(row: &TaxRow, draft: &Draft, sign: i64) -> Option<DocumentAllowanceCharge> {
    let tax = row.vat.beyond_vat()?;
    let owed = row.tax.checked_mul(sign).filter(|owed| *owed > 0)?;
    Some(DocumentAllowanceCharge {
        amount: amount(owed, draft),
        base_amount: None,
        percentage: None,
        vat: line_vat(row.vat),
        reason: Some(format!(
            "{} {} % ({})",
            tax.kind.name(draft.language == "fr"),
            row.vat.rate.normalize(),
            tax.country
        )),
        reason_code: None,
    })
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
    let mut price = PriceDetails { net_price: UnitPriceAmount::new(line.unit_net), ..PriceDetails::default() };
    if line.per != 1 {
        price.base_quantity = Some(Quantity::new(line.per.into()));
        price.base_quantity_code = Some(Code::new(ONE));
    }
    let vat = line_vat(line.vat);
    let mut written = InvoiceLine::new(
        number.to_string(),
        String::new(),
        Quantity::new(line.quantity),
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
    let beyond = |sign: i64| {
        let owed = draft.taxes.iter().filter(|row| row.vat.beyond_vat().is_some()).map(|row| row.tax * sign);
        owed.filter(|owed| *owed > 0).sum::<i64>()
    };
    let (charges, allowances) = (beyond(1), beyond(-1));
    DocumentTotals {
        line_total: amount(sums.net, draft),
        allowance_total: (allowances != 0).then(|| amount(allowances, draft)),
        charge_total: (charges != 0).then(|| amount(charges, draft)),
        taxable_total: amount(sums.net + charges - allowances, draft),
        vat_total: Some(amount(sums.tax - charges + allowances, draft)),
        vat_total_accounting: draft.in_euros.as_ref().map(|euros| InvoiceAmount::from_minor_units(euros.tax)),
        gross_total: amount(sums.gross, draft),
        paid: Some(amount(sums.paid, draft)),
        rounding: None,
        due: amount(sums.due, draft),
    }
}

/// The exact text, except characters that XML 1.0 cannot represent: they are replaced by U+FFFD.
fn xml(text: &str) -> String {
    let unwritable = |c: char| c < ' ' && !matches!(c, '\t' | '\n' | '\r') || matches!(c, '\u{fffe}' | '\u{ffff}');
    text.chars().map(|c| if unwritable(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}
