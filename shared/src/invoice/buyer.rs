//! Who bought: the name an invoice is addressed to, the country that decides its VAT, and the numbers it may carry.

use super::{Buyer, unfit::Unfit};
use crate::{
    sale::{Customer, Sale, TaxId},
    seller::{Seller, Supply, identifiers::is_siren},
    text::{filled, without_spaces},
    vat::{
        number::VatNumber,
        place::{Place, Spot},
        territory::{MemberState, is_domestic},
    },
};

/// A buyer and where they are.
pub(super) struct Known {
    pub buyer: Buyer,
    pub place: Place,
    /// A tax number of a member state that its check digits refuse.
    pub wrong_number: Option<String>,
}

/// Who bought, and where a sale that supplies `supply` takes place: goods where they are delivered, services where the
/// customer is.
pub(super) fn known(sale: &Sale, seller: &Seller, supply: Supply) -> Result<Known, Unfit> {
    let customer = &sale.customer;
    let name = filled(customer.business_name.as_deref())
        .or_else(|| filled(customer.name.as_deref()))
        .or_else(|| seller.unnamed_customer.clone())
        .ok_or(Unfit::NoName)?;
    let country = customer.address.as_ref().and_then(|address| filled(address.country.as_deref()));
    let country = country.unwrap_or_else(|| seller.party.country.clone()).to_uppercase();
    let sent_to = sale.delivery.as_ref().and_then(|sent| filled(sent.address.country.as_deref()));
    let sent_to = sent_to.map(|country| country.to_uppercase());
    for country in [Some(&country), sent_to.as_ref()].into_iter().flatten() {
        if !en16931::codes::contains(en16931::codes::generated::COUNTRY_CODES, country) {
            return Err(Unfit::Country(country.chars().take(16).collect()));
        }
    }
    let numbers: Vec<VatNumber> = eu_numbers(customer).filter_map(|id| VatNumber::parse(&id.value)).collect();
    let number = numbers.iter().find(|number| number.state.country == country).or_else(|| numbers.first());
    let wrong_number = eu_numbers(customer).find(|id| VatNumber::parse(&id.value).is_none());
    let siren = number.and_then(VatNumber::siren).map(str::to_owned).or_else(|| given_siren(customer));
    let named = filled(customer.business_name.as_deref()).is_some() || !customer.tax_ids.is_empty();
    let billed =
        Spot { country: &country, postal_code: customer.address.as_ref().and_then(|a| a.postal_code.as_deref()) };
    let sent = sale.delivery.as_ref().zip(sent_to.as_deref());
    let sent = sent.map(|(sent, country)| Spot { country, postal_code: sent.address.postal_code.as_deref() });
    let from = Spot { country: &seller.party.country, postal_code: Some(&seller.party.postal_code) };
    let place = match supply {
        Supply::Goods => Place::of_goods(sent.unwrap_or(billed), from, number, named),
        _ => Place::of_service(billed, number, named),
    };
    Ok(Known {
        place,
        wrong_number: wrong_number.filter(|_| number.is_none()).map(|id| id.value.chars().take(32).collect()),
        buyer: Buyer {
            name,
            business: number.is_some() || siren.is_some() || (named && MemberState::of(&country).is_none()),
            siren: siren.filter(|_| is_domestic(&country)),
            vat_number: number.map(|number| number.text.clone()).or_else(|| foreign_number(customer)),
            country,
            customer: customer.clone(),
        },
    })
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

/// A VAT number of a country out of the Union, if it bears the country's prefix, as BR-CO-09 wants it.
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
    use crate::testing::{STANDARD_TOML, sale};

    fn with(country: &str, ids: &[(&str, &str)]) -> Result<Known, Unfit> {
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
        assert!(matches!(german.place, Place::MemberState { business: true, .. }));
        assert_eq!(german.buyer.siren, None);
        let wrong = with("DE", &[("eu_vat", "DE136695978")]).unwrap();
        assert!(matches!(wrong.place, Place::MemberState { business: false, .. }));
        assert_eq!((wrong.wrong_number.as_deref(), wrong.buyer.vat_number), (Some("DE136695978"), None));
        let swiss = with("CH", &[("ch_vat", "CHE-123.456.788 TVA")]).unwrap();
        assert_eq!(swiss.buyer.vat_number.as_deref(), Some("CHE-123.456.788TVA"));
        assert_eq!(swiss.place, Place::Abroad { business: true });
    }

    #[test]
    fn a_country_that_is_none_is_named() {
        assert_eq!(with("XQ", &[]).err(), Some(Unfit::Country("XQ".into())));
    }
}
