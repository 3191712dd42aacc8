//! The buyer: the name on the invoice, the country that decides its VAT, and the tax numbers shown.

use super::unfit::{CannotInvoice, WrongNumber};
use crate::{
    invoice::{Buyer, PlaceEvidence},
    sale::{Address, Customer, Sale, SaleLine, TaxId},
    seller::Seller,
    text::{filled, without_spaces},
    vat::{
        foreign::{CountryCode, Whose},
        identifiers::is_siren,
        number::VatNumber,
        place::Place,
        regime::Supply,
        region::Spot,
        territory::{MemberState, is_domestic},
    },
};

/// A buyer and their location.
pub(super) struct Known {
    pub buyer: Buyer,
    /// Where the sale takes place; `None` if unknown.
    pub place: Option<Place>,
    /// Whether they gave a business's name or a tax number.
    pub named: bool,
    /// What is known of where the customer is.
    pub evidence: Vec<PlaceEvidence>,
    /// They gave a member state's tax number that fails its check digits, and no valid one.
    pub wrong_number: Option<WrongNumber>,
}

/// The buyer, and where a sale that supplies `supply` takes place: goods where they are delivered, services where the
/// customer is.
pub(super) fn known(sale: &Sale, seller: &Seller, supply: Supply) -> Result<Known, CannotInvoice> {
    let customer = &sale.customer;
    let name = filled(customer.business_name.as_deref())
        .or_else(|| filled(customer.name.as_deref()))
        .or_else(|| seller.unnamed_customer.clone())
        .ok_or(CannotInvoice::NoName)?;
    let billed_to = country_of(customer.address.as_ref())?;
    let sent_to = country_of(sale.delivery.as_ref().map(|sent| &sent.address))?;
    let numbers: Vec<VatNumber> = eu_numbers(customer).filter_map(|id| VatNumber::parse(&id.value)).collect();
    let number = numbers.iter().find(|number| Some(number.state.country) == billed_to.as_deref());
    let number = number.or_else(|| numbers.first());
    let of_number = number.map(|number| number.state.country.to_owned());
    let stated = [
        ("billing_address", billed_to.clone()),
        ("delivery_address", sent_to.clone()),
        ("tax_number", of_number.clone()),
        ("stripe_tax", taxed_in(sale)),
    ];
    let evidence = stated
        .into_iter()
        .filter_map(|(kind, country)| country.map(|country| PlaceEvidence { kind: kind.to_owned(), country }));
    let country = billed_to.or_else(|| sent_to.clone()).or(of_number).or_else(|| taxed_in(sale));
    let siren = number.and_then(VatNumber::siren).map(str::to_owned).or_else(|| given_siren(customer));
    let named = filled(customer.business_name.as_deref()).is_some() || !customer.tax_ids.is_empty();
    let postal_code = |address: &'_ Address| address.postal_code.clone();
    let billed_code = customer.address.as_ref().and_then(postal_code);
    let sent_code = sale.delivery.as_ref().map(|sent| &sent.address).and_then(postal_code);
    let billed = country.as_deref().map(|country| Spot { country, postal_code: billed_code.as_deref() });
    let sent = sent_to.as_deref().map(|country| Spot { country, postal_code: sent_code.as_deref() });
    let from = Spot { country: &seller.party.country, postal_code: Some(&seller.party.postal_code) };
    let served = billed.map(|billed| Place::of_service(billed, from, number, named));
    let place = match supply {
        Supply::Goods => sent.or(billed).map(|spot| Place::of_goods(spot, from, number, named)),
        _ => served,
    };
    let french = country.as_deref().is_none_or(is_domestic);
    Ok(Known {
        place,
        named,
        evidence: evidence.collect(),
        wrong_number: wrong_number(customer).filter(|_| number.is_none()),
        buyer: Buyer {
            name,
            business: number.is_some() || siren.is_some() || matches!(served, Some(Place::Abroad { business: true })),
            siren: siren.filter(|_| french),
            vat_number: number.map(|number| number.text.clone()).or_else(|| foreign_number(customer)),
            country,
            customer: customer.clone(),
        },
    })
}

/// The country of an address, in upper case.
fn country_of(address: Option<&Address>) -> Result<Option<String>, CannotInvoice> {
    let Some(country) = address.and_then(|address| filled(address.country.as_deref())) else { return Ok(None) };
    let country = country.to_uppercase();
    if en16931::codes::contains(en16931::codes::generated::COUNTRY_CODES, &country) {
        Ok(Some(country))
    } else {
        Err(CannotInvoice::Country(CountryCode::parse(&country)))
    }
}

/// Where Stripe Tax placed a sale whose customer gave no address.
fn taxed_in(sale: &Sale) -> Option<String> {
    let told = sale.lines.iter().map(SaleLine::whose).fold(Whose::Untold, Whose::and);
    match told {
        Whose::French => Some("FR".to_owned()),
        Whose::Foreign(tax) => Some(tax.country.to_string()),
        Whose::Untold | Whose::Several => None,
    }
}

fn wrong_number(customer: &Customer) -> Option<WrongNumber> {
    let wrong = eu_numbers(customer).find(|id| VatNumber::parse(&id.value).is_none())?;
    let state = MemberState::of_vat_number(&without_spaces(&wrong.value).to_uppercase());
    Some(WrongNumber { state: state.map(|state| state.country) })
}

fn eu_numbers(customer: &Customer) -> impl Iterator<Item = &TaxId> {
    customer.tax_ids.iter().filter(|id| id.kind == "eu_vat")
}

/// Stripe's kinds for French businesses besides the VAT number.
fn given_siren(customer: &Customer) -> Option<String> {
    let french = customer.tax_ids.iter().filter(|id| id.kind.starts_with("fr_"));
    let siren = |value: &str| without_spaces(value).get(..9).filter(|siren| is_siren(siren)).map(str::to_owned);
    french.map(|id| siren(&id.value)).find(Option::is_some).flatten()
}

/// A VAT number of a non-EU country, if it has the country's prefix, as BR-CO-09 requires.
fn foreign_number(customer: &Customer) -> Option<String> {
    let foreign = customer.tax_ids.iter().filter(|id| id.kind != "eu_vat" && id.kind.ends_with("_vat"));
    let prefixed = |id: &TaxId| {
        let value = without_spaces(&id.value).to_uppercase();
        let prefix = id.kind.get(..2).unwrap_or_default().to_uppercase();
        value.starts_with(&prefix).then_some(value)
    };
    foreign.map(prefixed).find(Option::is_some).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        sale::{ChargedTax, Delivery},
        testing::{STANDARD_TOML, sale},
    };

    fn with(country: &str, ids: &[(&str, &str)]) -> Result<Known, CannotInvoice> {
        let mut sale = sale();
        sale.customer.address.as_mut().unwrap().country = Some(country.to_owned());
        sale.customer.tax_ids =
            ids.iter().map(|(kind, value)| TaxId { kind: (*kind).to_owned(), value: (*value).to_owned() }).collect();
        known(&sale, &Seller::from_toml(STANDARD_TOML).unwrap(), Supply::Services)
    }

    #[test]
    fn numbers_are_read_and_wrong_ones_are_kept_apart() {
        let french = with("fr", &[("eu_vat", "FR 40 303265045")]).unwrap();
        assert_eq!(french.buyer.siren.as_deref(), Some("303265045"));
        assert_eq!(french.buyer.vat_number.as_deref(), Some("FR40303265045"));
        let german = with("DE", &[("eu_vat", "DE136695976")]).unwrap();
        assert!(matches!(german.place, Some(Place::MemberState { business: true, .. })));
        assert_eq!(german.buyer.siren, None);
        let wrong = with("DE", &[("eu_vat", "DE136695978")]).unwrap();
        assert!(matches!(wrong.place, Some(Place::MemberState { business: false, .. })));
        assert_eq!((wrong.wrong_number, wrong.buyer.vat_number), (Some(WrongNumber { state: Some("DE") }), None));
        let swiss = with("CH", &[("ch_vat", "CHE-123.456.788 TVA")]).unwrap();
        assert_eq!(swiss.buyer.vat_number.as_deref(), Some("CHE-123.456.788TVA"));
        assert_eq!(swiss.place, Some(Place::Abroad { business: true }));
    }

    #[test]
    fn a_country_that_is_none_is_refused_and_text_in_its_place_is_not_quoted() {
        let xq = with("XQ", &[]).err().unwrap();
        assert_eq!(xq, CannotInvoice::Country(CountryCode::parse("XQ")));
        assert!(xq.to_string().contains("XQ"));
        let text = with("12 rue des Lilas", &[]).err().unwrap().to_string();
        assert!(text.contains("customer.address.country") && !text.contains("Lilas"), "{text}");
    }

    #[test]
    fn a_place_is_what_somebody_told_and_never_the_sellers() {
        let seller = Seller::from_toml(STANDARD_TOML).unwrap();
        let mut nowhere = sale();
        nowhere.customer.address = None;
        let country = |sale: &Sale| known(sale, &seller, Supply::Services).unwrap();
        assert_eq!((country(&nowhere).place, country(&nowhere).buyer.country), (None, None));
        let mut taxed = nowhere.clone();
        taxed.lines[0].taxes = vec![ChargedTax { country: Some("gb".into()), ..ChargedTax::default() }];
        assert_eq!(country(&taxed).buyer.country.as_deref(), Some("GB"));
        let mut numbered = nowhere.clone();
        numbered.customer.tax_ids = vec![TaxId { kind: "eu_vat".into(), value: "DE136695976".into() }];
        assert!(matches!(country(&numbered).place, Some(Place::MemberState { business: true, .. })));
        let mut sent = nowhere;
        let address = Address { country: Some("be".into()), ..Address::default() };
        sent.delivery = Some(Delivery { name: None, address });
        assert_eq!(country(&sent).buyer.country.as_deref(), Some("BE"));
    }
}
