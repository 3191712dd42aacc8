//! The properties of every document, whatever its sale: consistent sums, a page, its electronic twin, and a snapshot
//! that can be read back.

use std::sync::LazyLock;

use comptoir::{
    archive::Document,
    billing::{credit::credit, draft::draft, ledger::Credited},
    einvoice,
    invoice::{
        Draft, Invoice,
        print::{self, Page, Words},
    },
    mail::{Mail, compose::Composer},
    money::Money,
    numbering::InvoiceNumber,
    refund::Refund,
    sale::Sale,
    seller::Seller,
    testing::{matrix::matrix, words},
};
use jiff::{Timestamp, civil::Date, civil::date};
use rust_decimal::RoundingStrategy::MidpointAwayFromZero;

use crate::stands;

/// The issue date of everything.
pub const DAY: Date = date(2026, 11, 21);

static WORDS: LazyLock<Words> = LazyLock::new(words);
static COMPOSER: LazyLock<Composer> = LazyLock::new(|| Composer::new().unwrap());
static SELLERS: LazyLock<Vec<Seller>> = LazyLock::new(|| {
    let mut sellers: Vec<Seller> = Vec::new();
    for case in matrix() {
        let known = |other: &Seller| format!("{other:?}") == format!("{:?}", case.seller);
        if !sellers.iter().any(known) {
            sellers.push(case.seller);
        }
    }
    sellers
});

/// The label texts of documents.
pub fn spoken() -> &'static Words {
    &WORDS
}

/// Sellers of every tax regime and kind of supply.
pub fn sellers() -> &'static [Seller] {
    &SELLERS
}

/// The invoice of a sale, checked for every property; or nothing, if the sale is refused with a reason.
pub fn invoice(sale: &Sale, seller: &Seller) -> Option<Invoice> {
    let written = serde_json::to_string(sale).unwrap();
    assert_eq!(serde_json::from_str::<Sale>(&written).ok().as_ref(), Some(sale), "the stream loses something");
    match draft(sale, seller, DAY) {
        Err(unfit) => {
            stands(&unfit.reason());
            None
        }
        Ok(draft) => {
            let paid = draft.currency.from_stripe(sale.total).unwrap();
            assert_eq!(draft.totals.gross, paid.minor, "it bills something else than was paid");
            let invoice = Invoice::new(InvoiceNumber("2026-11-0042".to_owned()), DAY, draft);
            document(&invoice, seller);
            Some(invoice)
        }
    }
}

/// Credits refunds of an invoice one after the other: never more than it bills, and all of its tax once all is
/// refunded.
pub fn credits(refunds: &[Refund], original: &Invoice, seller: &Seller) {
    let (mut before, mut gross, mut tax) = (Credited::default(), 0, 0);
    for refund in refunds {
        match credit(refund, original, &before, seller, DAY) {
            Err(unfit) => stands(&unfit.reason()),
            Ok(credit) => {
                let number = InvoiceNumber("A2026-11-0007".to_owned());
                let note = Invoice::new(number, DAY, credit.draft);
                document(&note, seller);
                (gross, tax, before) = (gross + note.draft.totals.gross, tax + note.draft.totals.tax, credit.credited);
                assert!(note.draft.totals.gross > 0, "it credits nothing");
            }
        }
    }
    let billed = &original.draft.totals;
    assert!(gross <= billed.gross, "{gross} of {} went back", billed.gross);
    assert!(
        gross == 0 || gross < billed.gross || tax == billed.tax,
        "all went back, and {tax} of its tax {}",
        billed.tax
    );
}

fn document(invoice: &Invoice, seller: &Seller) {
    sums(&invoice.draft);
    let snapshot = serde_json::to_string(invoice).unwrap();
    assert_eq!(serde_json::from_str::<Invoice>(&snapshot).ok().as_ref(), Some(invoice), "the snapshot loses something");
    let page = print::page(invoice, &seller.look, &WORDS);
    figures(&page);
    twin(invoice);
    mail(invoice, &page, seller);
}

/// Lines add up to the rows of taxes, and rows to the totals, to the minor unit.
fn sums(draft: &Draft) {
    let wide = |values: &mut dyn Iterator<Item = i64>| values.map(i128::from).sum::<i128>();
    let totals = &draft.totals;
    assert_eq!(i128::from(totals.net), wide(&mut draft.lines.iter().map(|line| line.net)));
    assert_eq!(i128::from(totals.net), wide(&mut draft.taxes.iter().map(|row| row.base)));
    assert_eq!(i128::from(totals.tax), wide(&mut draft.taxes.iter().map(|row| row.tax)));
    assert_eq!(i128::from(totals.gross), i128::from(totals.net) + i128::from(totals.tax));
    assert_eq!(i128::from(totals.gross), wide(&mut draft.lines.iter().map(|line| line.gross)));
    assert_eq!((totals.paid, totals.due), (totals.gross, 0));
    let decimals = draft.currency.exponent();
    for line in &draft.lines {
        let full = line.net.checked_add(line.discount).map(|full| draft.money(full).decimal());
        let comes_to = line.comes_to().map(|sum| sum.round_dp_with_strategy(decimals, MidpointAwayFromZero));
        assert_eq!(comes_to, full, "quantity times price is not the line");
    }
    for row in &draft.taxes {
        let of_row = draft.lines.iter().filter(|line| line.vat == row.vat);
        assert_eq!(i128::from(row.base), wide(&mut of_row.map(|line| line.net)), "a row is not its lines");
        assert!(row.tax == 0 || !row.vat.rate.is_zero(), "a tax without a rate");
    }
}

/// Figures, dates, labels and numbers are ours and never contain text from outside.
fn figures(page: &Page) {
    let pairs = page.sums.iter().chain(&page.settled).chain([&page.total]);
    let of_lines = page.lines.iter().flat_map(|line| {
        [Some(&line.quantity), Some(&line.unit_price), Some(&line.vat), Some(&line.amount), line.detail.as_ref()]
    });
    let ours = pairs.flat_map(|(label, amount)| [label, amount]);
    let ours = ours.chain(of_lines.flatten()).chain(&page.mentions).chain(&page.in_euros);
    for text in ours.chain([&page.title, &page.number, &page.issued_on, &page.paid]) {
        assert!(!text.is_empty() && !text.chars().any(char::is_control), "{text:?} among our own texts");
    }
    assert!(!page.lines.is_empty() && !page.buyer.trim().is_empty(), "a page without lines or buyer");
}

/// The XML is well formed, and has the invoice's buyer and total.
fn twin(invoice: &Invoice) {
    let xml = einvoice::factur_x(invoice).expect("it passed the rules, so it can be written");
    let read = roxmltree::Document::parse(&xml).unwrap_or_else(|error| panic!("{error} in {xml}"));
    let text = |path: [&str; 2]| {
        let parent = read.descendants().find(|node| node.tag_name().name() == path[0])?;
        parent.children().find(|node| node.tag_name().name() == path[1])?.text().map(str::to_owned)
    };
    let draft = &invoice.draft;
    let amount = |minor: i64| Money { minor, currency: draft.currency }.decimal().normalize();
    let total = text(["SpecifiedTradeSettlementHeaderMonetarySummation", "GrandTotalAmount"]);
    let total = total.and_then(|total| total.parse::<rust_decimal::Decimal>().ok()).map(|total| total.normalize());
    assert_eq!(total, Some(amount(draft.totals.gross)), "another total in {xml}");
    // XML cannot carry some characters, and reads every line break as one.
    let carried = |text: &str| {
        let lines = text.replace("\r\n", "\n").replace('\r', "\n");
        let odd = |c: char| c < ' ' && !matches!(c, '\t' | '\n') || matches!(c, '\u{fffe}' | '\u{ffff}');
        lines.chars().map(|c| if odd(c) { char::REPLACEMENT_CHARACTER } else { c }).collect::<String>()
    };
    let buyer = text(["BuyerTradeParty", "Name"]).map(|name| carried(&name));
    assert_eq!(buyer, Some(carried(&draft.buyer.name)), "another buyer in {xml}");
}

/// The mail for it: no text from outside starts a header or changes the file name.
fn mail(invoice: &Invoice, page: &Page, seller: &Seller) {
    let document = Document { key: "invoices/a.pdf".to_owned(), sha256: String::new(), size: 1 };
    let mail = Mail::of_invoice(invoice, page, &document, seller, Timestamp::UNIX_EPOCH);
    letter(&mail);
    let plain = |c: char| c.is_ascii_alphanumeric() || "+-_.".contains(c);
    let attachment = mail.attachment.as_ref().expect("it brings the document");
    assert!(attachment.filename.chars().all(plain), "{:?} is no file name", attachment.filename);
    assert!(mail.from_name.is_ascii() || mail.sender().chars().all(|c| c != '"'), "{}", mail.sender());
}

/// Whatever a mail holds, its sender and subject are one line, and it goes to one address or to none.
pub fn letter(mail: &Mail) {
    let sender = mail.sender();
    assert!(!sender.chars().any(char::is_control), "a sender of several lines: {sender:?}");
    match mail.recipient() {
        Err(reason) => stands(&reason),
        Ok(to) => {
            let broken = |c: char| c.is_control() || c.is_whitespace() || ",;<>".contains(c);
            assert!(!to.is_empty() && to.is_ascii() && !to.contains(broken), "{to:?} is not one address of ASCII");
        }
    }
    let composed = COMPOSER.compose(&mail.content).expect("every mail can be composed");
    assert!(!composed.subject.chars().any(char::is_control), "a subject of several lines: {:?}", composed.subject);
    assert!(!composed.html.to_ascii_lowercase().contains("<script"), "a stranger's markup in the mail");
}
