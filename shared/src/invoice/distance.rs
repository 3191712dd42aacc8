//! Distance sales: whether a sale bears the VAT of a consumer's state under the one-stop shop.

use rust_decimal::Decimal;

use super::lines::Priced;
use crate::{
    sale::Sale,
    seller::{Supply, VatRegime},
    vat::{
        Vat, VatCategory,
        place::Place,
        territory::{FRENCH_RATES, is_domestic},
        treatment::Circumstances,
    },
};

/// Whether the sale bears the VAT of a consumer's state under the one-stop shop. Stripe tells whose tax it charged; where
/// it does not, the rate does.
pub(super) fn is_distance_sale(around: &Circumstances<'_>, sale: &Sale, priced: &Priced) -> bool {
    let (VatRegime::Taxed(seller), Place::MemberState { state, business: false }) = (around.regime, around.place)
    else {
        return false;
    };
    let taxed = |vat: &Vat| matches!(vat.category, VatCategory::S | VatCategory::Z);
    if !seller.oss || around.supply == Supply::Services || !priced.taxes.keys().all(taxed) {
        return false;
    }
    let mut told = sale.lines.iter().flat_map(|line| &line.taxes).filter_map(|tax| tax.country.as_deref()).peekable();
    if told.peek().is_some() {
        return told.all(|country| !is_domestic(&country.to_uppercase()));
    }
    let theirs = |rate: &Decimal| *rate == state.standard_rate(around.day) || !FRENCH_RATES.contains(rate);
    priced.taxes.keys().all(|vat| theirs(&vat.rate))
}

#[cfg(test)]
mod tests {
    use crate::{
        invoice::draft::draft,
        sale::ChargedTax,
        seller::Seller,
        testing::{STANDARD_TOML, sale},
    };
    use jiff::civil::{Date, date};

    const DAY: Date = date(2026, 11, 21);

    #[test]
    fn a_distance_sale_bears_the_tax_of_whoever_stripe_says() {
        let edits = [
            ("standard", "stripe_tax"),
            ("rate = \"20\"", "oss = true"),
            ("[invoice]", "[invoice]\nsupply = \"digital\""),
        ];
        let toml = edits.iter().fold(STANDARD_TOML.to_owned(), |toml, (from, to)| toml.replacen(from, to, 1));
        let seller = Seller::from_toml(&toml).unwrap();
        let oss = |rate: i64, amount, country: Option<&str>| {
            let mut sale = sale();
            sale.customer.address.as_mut().unwrap().country = Some("AT".into());
            let country = country.map(str::to_owned);
            let tax = ChargedTax { amount, rate: Some(rate.into()), included: true, country, reason: None };
            sale.lines[0].taxes = vec![tax];
            draft(&sale, &seller, DAY).unwrap().oss
        };
        assert!(oss(20, 817, Some("AT")), "Austria's 20 percent");
        assert!(!oss(20, 817, Some("FR")), "France's");
        assert!(oss(10, 445, Some("AT")), "a reduced rate that France has too");
        assert!(oss(13, 564, Some("AT")));
        assert!(oss(20, 817, None) && !oss(10, 445, None), "nobody told");
    }
}
