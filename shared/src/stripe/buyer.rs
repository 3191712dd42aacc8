//! Who bought, where the object that is the sale does not say: Checkout keeps name and address on the session, the
//! customer and the payment method, and a subscription's invoice may have neither.
//!
//! The sale's own data comes first. Then, until nothing is missing:
//! 1. the Checkout Session of this very sale: what the buyer entered;
//! 2. the customer, as Stripe has them now;
//! 3. the session that started the subscription, where the invoice is a later one;
//! 4. the billing details of the payment method, which may be of a person who paid for the buyer.
//!
//! Fields are merged one by one, but an address is one field: the street of one source and the city of another are not
//! an address. The first country found wins; a later address is taken only if it is in that country.

use super::object::{self, BillingDetails, CustomerDetails, StripeCustomer};
use crate::{
    sale::{Address, Customer, TaxId},
    text::filled,
};

/// What is missing of a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gaps {
    /// No name, no country, or no e-mail address: worth any request to Stripe.
    pub essential: bool,
    /// An address without a street: worth asking the session, although payment pages often leave it out too.
    pub street: bool,
}

/// What is missing of `customer`.
pub fn gaps(customer: &Customer) -> Gaps {
    let address = customer.address.as_ref();
    let unnamed = !is_named(customer);
    let placeless = address.and_then(|address| filled(address.country.as_deref())).is_none();
    let unreachable = filled(customer.email.as_deref()).is_none();
    Gaps { essential: unnamed || placeless || unreachable, street: !address.is_some_and(has_street) }
}

/// Fills what is missing of `customer` from `other`. Tax numbers are not taken: they are from another moment.
pub fn fill(customer: &mut Customer, other: Customer) {
    if !is_named(customer) {
        customer.name = other.name;
        customer.business_name = other.business_name;
    }
    if filled(customer.email.as_deref()).is_none() {
        customer.email = other.email;
    }
    customer.language = customer.language.take().or(other.language);
    customer.id = customer.id.take().or(other.id);
    customer.address = fuller(customer.address.take(), other.address);
}

/// The more complete of two addresses, in the country that was found first.
fn fuller(first: Option<Address>, other: Option<Address>) -> Option<Address> {
    let (first, other) = match (first, other) {
        (Some(first), Some(other)) => (first, other),
        (first, other) => return first.or(other),
    };
    let country = |address: &Address| filled(address.country.as_deref()).map(|country| country.to_uppercase());
    let better = match (country(&first), country(&other)) {
        (None, Some(_)) => true,
        (Some(first_country), Some(other_country)) => {
            first_country == other_country && !has_street(&first) && has_street(&other)
        }
        (_, None) => false,
    };
    Some(if better { other } else { first })
}

fn is_named(customer: &Customer) -> bool {
    filled(customer.name.as_deref()).or_else(|| filled(customer.business_name.as_deref())).is_some()
}

fn has_street(address: &Address) -> bool {
    filled(address.line1.as_deref()).is_some()
}

/// What a payment page has about a customer.
pub fn on_session(details: CustomerDetails) -> Customer {
    Customer {
        id: None,
        name: filled(details.individual_name.as_deref()).or_else(|| filled(details.name.as_deref())),
        business_name: filled(details.business_name.as_deref()),
        email: filled(details.email.as_deref()),
        address: details.address.map(address),
        language: None,
        tax_ids: tax_ids(details.tax_ids),
    }
}

/// What Stripe has about a customer.
pub fn on_customer(customer: StripeCustomer) -> Customer {
    let StripeCustomer { name, business_name, individual_name, email, address } = customer;
    on_session(CustomerDetails { email, name, business_name, individual_name, address, tax_ids: None })
}

/// A payment method's billing details.
pub fn on_payment_method(details: BillingDetails) -> Customer {
    let BillingDetails { name, email, address } = details;
    on_session(CustomerDetails { email, name, address, ..object::CustomerDetails::default() })
}

pub(super) fn address(address: object::Address) -> Address {
    let object::Address { line1, line2, postal_code, city, state, country } = address;
    Address { line1, line2, postal_code, city, state, country }
}

pub(super) fn tax_ids(ids: Option<Vec<object::TaxId>>) -> Vec<TaxId> {
    let known =
        |id: object::TaxId| Some(TaxId { kind: id.kind.unwrap_or_default(), value: filled(id.value.as_deref())? });
    ids.unwrap_or_default().into_iter().filter_map(known).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn customer(json: &str) -> Customer {
        on_session(serde_json::from_str(json).unwrap())
    }

    #[test]
    fn nothing_is_asked_of_who_is_known() {
        let known = r#"{"name":"Léa","email":"lea@example.org","address":{"line1":"1 rue","country":"FR"}}"#;
        assert_eq!(gaps(&customer(known)), Gaps { essential: false, street: false });
        assert_eq!(gaps(&customer(&known.replace(r#""line1":"1 rue","#, ""))), Gaps { essential: false, street: true });
        for gap in [
            known.replace("Léa", " "),
            known.replace("lea@example.org", ""),
            known.replace("\"FR\"", "null"),
            r#"{"name":"Léa","email":"lea@example.org","address":null}"#.to_owned(),
        ] {
            assert!(gaps(&customer(&gap)).essential, "{gap}");
        }
    }

    #[test]
    fn what_is_told_first_stands_and_the_rest_is_filled() {
        let mut told = customer(r#"{"name":"ACME","address":{"country":"DE"}}"#);
        fill(
            &mut told,
            customer(
                r#"{"name":"Léa","business_name":"Autre","email":"lea@example.org","address":{"line1":"1 rue","country":"FR"}}"#,
            ),
        );
        assert_eq!(
            (told.name.as_deref(), told.business_name.as_deref(), told.email.as_deref()),
            (Some("ACME"), None, Some("lea@example.org"))
        );
        let address = told.address.clone().unwrap();
        assert_eq!((address.line1, address.country.as_deref()), (None, Some("DE")), "France is another place");
        fill(&mut told, customer(r#"{"address":{"line1":"Weg 1","city":"Köln","country":"de"}}"#));
        assert_eq!(told.address.unwrap().city.as_deref(), Some("Köln"));
    }

    #[test]
    fn a_place_without_a_country_gives_way_to_one_with_it() {
        let mut told = customer(r#"{"address":{"line1":"somewhere"}}"#);
        fill(&mut told, customer(r#"{"address":{"city":"Lyon"}}"#));
        assert_eq!(told.address.as_ref().unwrap().line1.as_deref(), Some("somewhere"));
        fill(&mut told, customer(r#"{"address":{"postal_code":"69001","country":"FR"}}"#));
        let address = told.address.unwrap();
        assert_eq!((address.line1, address.postal_code.as_deref()), (None, Some("69001")));
    }
}
