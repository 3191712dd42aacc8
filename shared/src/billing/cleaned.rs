//! A sale with its texts as they go on a document: without what nobody sees, and each within its bounds.
//!
//! The sale stays recorded as it was received, of any size. What is made of it (snapshot, page, XML, mail, the accountant's
//! files) is bounded here: a mail is one item of a table. No honest name comes near its bound; a description may, of which
//! 2,000 characters say what was sold. Whatever is longer is cut with `…`, so that the document itself says that something is
//! missing, and the sale has the whole. It is not parked: the invoice of a paid sale is owed (CGI art. 289), 500 characters name
//! the customer (CGI annexe II, art. 242 nonies A, I 1°), and a stranger could make work for a person with each cheap sale.

use crate::{
    sale::{Address, Customer, Delivery, Sale, SaleLine, TaxId},
    text::clean::clean_within,
};

/// Most characters of a name, of a line of an address, and of a reference or number that a customer gave.
pub(super) const LONGEST_NAME: usize = 500;

/// Most characters of a line's description.
pub(super) const LONGEST_DESCRIPTION: usize = 2_000;

/// The sale to make a document of.
pub(super) fn cleaned(sale: &Sale) -> Sale {
    let lines = sale.lines.iter().map(|line| SaleLine { description: described(&line.description), ..line.clone() });
    Sale {
        lines: lines.collect(),
        customer: customer(&sale.customer),
        reference: short(sale.reference.as_deref()),
        purchase_order: short(sale.purchase_order.as_deref()),
        delivery: sale
            .delivery
            .as_ref()
            .map(|sent| Delivery { name: short(sent.name.as_deref()), address: address(&sent.address) }),
        ..sale.clone()
    }
}

/// A description as it is printed.
pub(super) fn described(text: &str) -> String {
    clean_within(text, LONGEST_DESCRIPTION).into_owned()
}

fn customer(customer: &Customer) -> Customer {
    let number = |id: &TaxId| TaxId { value: clean_within(&id.value, LONGEST_NAME).into_owned(), ..id.clone() };
    Customer {
        name: short(customer.name.as_deref()),
        business_name: short(customer.business_name.as_deref()),
        email: customer.email.as_deref().map(shortened),
        address: customer.address.as_ref().map(address),
        tax_ids: customer.tax_ids.iter().map(number).collect(),
        ..customer.clone()
    }
}

fn address(address: &Address) -> Address {
    Address {
        line1: short(address.line1.as_deref()),
        line2: short(address.line2.as_deref()),
        postal_code: short(address.postal_code.as_deref()),
        city: short(address.city.as_deref()),
        state: short(address.state.as_deref()),
        country: short(address.country.as_deref()),
    }
}

/// An address is cut and not cleaned: one so long is no address, and must not become one.
fn shortened(address: &str) -> String {
    match address.char_indices().nth(LONGEST_NAME) {
        Some((at, _)) => format!("{}…", address.get(..at).unwrap_or_default()),
        None => address.to_owned(),
    }
}

fn short(text: Option<&str>) -> Option<String> {
    text.map(|text| clean_within(text, LONGEST_NAME).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        email::{Unmailable, mailable},
        testing::{matrix::matrix, sale},
    };

    #[test]
    fn an_honest_sale_stays_as_it_is() {
        for case in matrix().into_iter().filter(|case| case.name != "hostile characters") {
            assert_eq!(cleaned(&case.sale), case.sale, "{}", case.name);
        }
    }

    #[test]
    fn a_hostile_sale_has_every_text_cleaned_and_cut() {
        let long = || Some(format!("\u{202e}a\u{200b}\n{}", "é".repeat(100_000)));
        let place = Address {
            line1: long(),
            line2: long(),
            postal_code: long(),
            city: long(),
            state: long(),
            country: Some("F\u{200b}R".to_owned()),
        };
        let mut hostile = sale();
        hostile.lines[0].description = long().unwrap();
        hostile.customer = Customer {
            name: long(),
            business_name: long(),
            email: Some(format!("{}@example.org", "e".repeat(400_000))),
            address: Some(place.clone()),
            tax_ids: vec![TaxId { kind: "eu_vat".to_owned(), value: long().unwrap() }],
            ..Customer::default()
        };
        hostile.delivery = Some(Delivery { name: long(), address: place });
        (hostile.reference, hostile.purchase_order) = (long(), long());
        let cleaned = cleaned(&hostile);
        let json = serde_json::to_string(&cleaned).unwrap();
        assert!(json.len() < 2 * (17 * LONGEST_NAME + LONGEST_DESCRIPTION) + 2_000, "{}", json.len());
        assert!(!json.contains(['\u{202e}', '\u{200b}', '\n']) && !json.contains("\\n"));
        assert_eq!(mailable(cleaned.customer.email.as_deref().unwrap()), Err(Unmailable::Malformed));
        let hidden = Customer { email: Some("a@exam\u{200b}ple.org".to_owned()), ..Customer::default() };
        assert_eq!(customer(&hidden).email, hidden.email, "another person's address without it");
        let address = cleaned.customer.address.unwrap();
        assert_eq!(address.country.as_deref(), Some("FR"));
        assert_eq!(address.city.unwrap().chars().count(), LONGEST_NAME);
        let description = &cleaned.lines[0].description;
        assert!(description.starts_with("a é") && description.ends_with("é…"), "{description:.20}");
        assert_eq!(description.chars().count(), LONGEST_DESCRIPTION);
    }
}
