//! The journal: the entries of each document, in the 18 columns of the "fichier des écritures comptables" (LPF art. A47
//! A-1, arrêté du 29 juillet 2013), to import into the accountant's software.
//!
//! It has the form of the FEC but is not the FEC: that covers a financial year and every journal, and its entries are
//! validated; the accountant fills in `ValidDate` and the lettering. Stripe's fees and payouts are missing, because no
//! event that this system receives reports them. Text is UTF-8; the article of 2013 names ASCII and ISO 8859-15, so a
//! file for the tax office itself may have to be converted.

use std::{collections::BTreeMap, io::Write};

use sha2::{Digest, Sha256};

use super::{
    cells::{Cell, Table, Unwritable, field},
    euros::{Euros, euros},
    month::Month,
    names::Names,
    register::rate,
    sells_goods, sign,
};
use crate::{
    invoice::{Buyer, Draft, Invoice, Kind, TaxRow},
    money::Currency,
    numbering::InvoiceNumber,
    seller::{Accounts, Seller},
    vat::{Ground, split},
};

const HEADER: [&str; 18] = [
    "JournalCode",
    "JournalLib",
    "EcritureNum",
    "EcritureDate",
    "CompteNum",
    "CompteLib",
    "CompAuxNum",
    "CompAuxLib",
    "PieceRef",
    "PieceDate",
    "EcritureLib",
    "Debit",
    "Credit",
    "EcritureLet",
    "DateLet",
    "ValidDate",
    "Montantdevise",
    "Idevise",
];

/// A posting to an account.
struct Posting<'a> {
    account: &'a str,
    account_label: &'static str,
    /// Whether it is on the customer's account.
    auxiliary: bool,
    /// Cents; a debit is positive, a credit negative.
    cents: i64,
    /// The same in minor units of the document.
    minor: i64,
    note: String,
}

/// An entry: postings that sum to zero.
struct Entry<'a> {
    journal: (&'a str, &'static str),
    /// Whether it books the payment, whose voucher is Stripe's.
    payment: bool,
    label: String,
    postings: Vec<Posting<'a>>,
}

/// The journal of a month, written document by document, in order: the sale, dated by its issue, then its payment, dated by its
/// own day, on which the account at Stripe moved and VAT on services falls due (CGI art. 269). Each journal counts its entries
/// (BOFiP, BOI-CF-IOR-60-40-20, 100: one series for the file or one for each journal), anew in each month. A credit note whose
/// money did not go back through Stripe has no payment here: it stays on the customer's account until its settlement is
/// booked.
///
/// What is written is a draft, with each document's own name of its customer: the newest names are put in at the end.
#[derive(Debug)]
pub(super) struct Journal<'a, W: Write> {
    month: Month,
    seller: &'a Seller,
    table: Table<W>,
    counts: BTreeMap<&'a str, u64>,
    names: Names,
    unconverted: Unconverted,
}

/// Documents in other currencies without an exchange rate: they must be booked by hand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unconverted {
    /// The numbers of the first thousand, in order.
    pub numbers: Vec<InvoiceNumber>,
    /// How many there are.
    pub count: usize,
}

/// Unconverted documents that are named one by one: a person books them by hand, and an answer has a size.
const NAMED: usize = 1000;

impl<'a, W: Write> Journal<'a, W> {
    /// Begins the file.
    pub(super) fn begin(sink: W, month: Month, seller: &'a Seller) -> Result<Self, Unwritable> {
        let table = Table::flat(sink, &HEADER)?;
        let (counts, names, unconverted) = Default::default();
        Ok(Self { month, seller, table, counts, names, unconverted })
    }

    /// Writes the entries of a document.
    pub(super) fn add(&mut self, invoice: &Invoice) -> Result<(), Unwritable> {
        let customer = Customer { account: auxiliary(&invoice.draft.buyer), name: field(&invoice.draft.buyer.name) };
        self.names.add(&customer.account, &customer.name);
        let Some(euros) = euros(&invoice.draft) else {
            self.unconverted.count += 1;
            if self.unconverted.numbers.len() < NAMED {
                self.unconverted.numbers.push(invoice.number.clone());
            }
            return Ok(());
        };
        let (seller, month) = (self.seller, self.month);
        for entry in [sale(invoice, &euros, &seller.accounts), payment(invoice, &euros, &seller.accounts)] {
            // A free sale and a zero payment book nothing; an empty entry would leave a gap in the numbers.
            if !entry.postings.is_empty() {
                let count = self.counts.entry(entry.journal.0).or_default();
                *count += 1;
                let number = format!("{}-{month}-{count:06}", entry.journal.0);
                for posting in &entry.postings {
                    self.table.row(&row(invoice, seller, &entry, &number, &customer, posting))?;
                }
            }
        }
        Ok(())
    }

    /// Ends the draft.
    pub(super) fn finish(self) -> Result<(W, Names, Unconverted), Unwritable> {
        Ok((self.table.finish()?, self.names, self.unconverted))
    }
}

/// A customer's own account and its name.
struct Customer {
    account: String,
    name: String,
}

fn sale<'a>(invoice: &Invoice, euros: &Euros, accounts: &'a Accounts) -> Entry<'a> {
    let draft = &invoice.draft;
    let (revenue, revenue_label) = if sells_goods(draft) {
        (&accounts.goods, "Ventes de marchandises")
    } else {
        (&accounts.services, "Prestations de services")
    };
    let mut postings = vec![customer(draft, euros.gross, draft.totals.gross, accounts)];
    for (row, (base, tax)) in draft.taxes.iter().zip(&euros.rows) {
        let at = rate(row.vat.rate);
        let named = row.vat.foreign.map_or_else(|| "TVA".to_owned(), |tax| tax.label());
        let before_tax = match row.ground {
            _ if row.vat.beyond_vat().is_some() => "HT".to_owned(),
            Some(ground) => without_tax(ground, draft.buyer.country.as_deref()),
            None => format!("HT {at} %"),
        };
        let account = tax_account(draft, row, accounts);
        postings.push(posting(draft, (revenue, revenue_label), (-base, -row.base), before_tax));
        postings.push(posting(draft, account, (-tax, -row.tax), format!("{named} {at} %")));
    }
    let label = match (draft.kind, &draft.corrects) {
        (Kind::Invoice, _) => format!("Facture {}", invoice.number),
        (Kind::CreditNote, Some(corrects)) => format!("Avoir {} sur {}", invoice.number, corrects.number),
        (Kind::CreditNote, None) => format!("Avoir {}", invoice.number),
    };
    Entry { journal: (&accounts.sales_journal, "Ventes"), payment: false, label, postings: moving(postings) }
}

/// The account for a row's tax: other countries' taxes are booked apart from France's.
fn tax_account<'a>(draft: &Draft, row: &TaxRow, accounts: &'a Accounts) -> (&'a str, &'static str) {
    match row.vat.beyond_vat() {
        Some(_) => (&accounts.foreign_tax, "Taxes étrangères"),
        None if draft.oss => (&accounts.oss_vat, "TVA du guichet unique"),
        None => (&accounts.vat, "TVA collectée"),
    }
}

fn payment<'a>(invoice: &Invoice, euros: &Euros, accounts: &'a Accounts) -> Entry<'a> {
    let draft = &invoice.draft;
    let gross = (euros.gross, draft.totals.gross);
    // What the customer's balance or a payment elsewhere covered is not booked here.
    let received = draft.received.unwrap_or(gross.1);
    let moved = (split::scaled(gross.0, received, gross.1).unwrap_or_default(), received);
    let bank = posting(draft, (&accounts.bank, "Stripe"), moved, String::new());
    let postings = vec![bank, customer(draft, -moved.0, -moved.1, accounts)];
    let what = match draft.kind {
        Kind::Invoice => "Paiement",
        Kind::CreditNote => "Remboursement",
    };
    let label = format!("{what} {} {}", draft.paid_through, invoice.number);
    Entry {
        journal: (&accounts.bank_journal, "Encaissements Stripe"),
        payment: true,
        label,
        postings: moving(postings),
    }
}

fn customer<'a>(draft: &Draft, cents: i64, minor: i64, accounts: &'a Accounts) -> Posting<'a> {
    let posting = posting(draft, (&accounts.customers, "Clients"), (cents, minor), String::new());
    Posting { auxiliary: true, ..posting }
}

/// A posting of an invoice; for a credit note, the reverse.
fn posting<'a>(
    draft: &Draft,
    (account, account_label): (&'a str, &'static str),
    (cents, minor): (i64, i64),
    note: String,
) -> Posting<'a> {
    let sign = sign(draft.kind);
    Posting { account, account_label, auxiliary: false, cents: sign * cents, minor: sign * minor, note }
}

fn moving(postings: Vec<Posting<'_>>) -> Vec<Posting<'_>> {
    postings.into_iter().filter(|posting| posting.cents != 0).collect()
}

fn row(
    invoice: &Invoice,
    seller: &Seller,
    entry: &Entry<'_>,
    entry_number: &str,
    customer: &Customer,
    posting: &Posting<'_>,
) -> Vec<Cell> {
    let draft = &invoice.draft;
    let day = |day: jiff::civil::Date| day.strftime("%Y%m%d").to_string();
    let (auxiliary, auxiliary_label) =
        if posting.auxiliary { (customer.account.clone(), customer.name.clone()) } else { Default::default() };
    let (piece, piece_day) = if entry.payment {
        // The movement's own voucher: two refunds of one sale are two movements.
        let movement = draft.corrects.as_ref().map_or(&draft.sale.0, |corrects| &corrects.refund.0);
        (movement, draft.paid_at.to_zoned(seller.time_zone.clone()).date())
    } else {
        (&invoice.number.0, invoice.issued_on)
    };
    let foreign = draft.currency != Currency::EUR;
    vec![
        entry.journal.0.into(),
        entry.journal.1.into(),
        entry_number.into(),
        day(piece_day).into(),
        posting.account.into(),
        posting.account_label.into(),
        auxiliary.into(),
        auxiliary_label.into(),
        piece.as_str().into(),
        day(piece_day).into(),
        format!("{} {}", entry.label, posting.note).into(),
        Cell::cents(posting.cents.max(0)),
        Cell::cents((-posting.cents).max(0)),
        Cell::empty(),
        Cell::empty(),
        Cell::empty(),
        // Signed, negative for a credit, as importers read it; the decree says nothing of it.
        if foreign { Cell::number(draft.money(posting.minor).decimal()) } else { Cell::empty() },
        if foreign { draft.currency.code().into() } else { Cell::empty() },
    ]
}

/// The label of a base without tax: why there is none.
fn without_tax(ground: Ground, country: Option<&str>) -> String {
    let there = |word: &str| format!("{word} {}", country.unwrap_or_default()).trim_end().to_owned();
    match ground {
        Ground::Franchise => "Franchise 293 B".to_owned(),
        Ground::Teaching => "Exonéré 261-4-4".to_owned(),
        Ground::NonProfit => "Exonéré 261-7-1".to_owned(),
        Ground::ReverseCharge => there("Autoliquidation"),
        Ground::IntraCommunity => there("Livraison intracommunautaire"),
        Ground::Export => there("Export"),
        Ground::OutsideScope => there("Hors champ"),
    }
}

/// The customer's own account: stable from month to month for a customer identified by SIREN, VAT number or e-mail
/// address. The e-mail address is hashed, because an account number consists of letters and digits.
fn auxiliary(buyer: &Buyer) -> String {
    let plain = |value: &str| value.chars().filter(char::is_ascii_alphanumeric).collect::<String>();
    if let Some(number) = buyer.siren.as_deref().or(buyer.vat_number.as_deref()) {
        return format!("C{}", plain(number).to_ascii_uppercase());
    }
    let known = buyer.customer.email.as_deref().or(buyer.customer.id.as_deref()).unwrap_or(&buyer.name);
    let hash = Sha256::digest(known.trim().to_lowercase().as_bytes());
    format!("C{}", hex::encode_upper(hash).chars().take(12).collect::<String>())
}
