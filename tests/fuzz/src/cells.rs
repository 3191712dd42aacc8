//! The accountant's files, whoever the customers are.

use comptoir::{
    accounting::ledger,
    billing::draft::draft,
    invoice::Invoice,
    numbering::InvoiceNumber,
    seller::Seller,
    testing::{FRANCHISE_TOML, cells, sale},
};
use jiff::civil::date;

/// Most customers of a month.
const CUSTOMERS: usize = 20;

/// Between two NULs lies a customer's name; it stands in every text of the files that a stranger has a hand in.
pub fn names(data: &[u8]) {
    let (seller, day) = (Seller::from_toml(FRANCHISE_TOML).unwrap(), date(2026, 11, 21));
    let sold = draft(&sale(), &seller, day).unwrap();
    let names = data.split(|byte| *byte == 0).take(CUSTOMERS).map(|name| String::from_utf8_lossy(name).into_owned());
    let invoices = (1..).zip(names).map(|(n, name)| {
        let mut draft = sold.clone();
        draft.buyer.country = Some(name.clone());
        draft.buyer.siren = Some(name.clone());
        draft.paid_through.clone_from(&name);
        draft.buyer.name = name;
        Invoice::new(InvoiceNumber(format!("2026-11-{n:04}")), day, draft)
    });
    cells::hold(&ledger("2026-11".parse().unwrap(), invoices.collect(), &seller).unwrap());
}
