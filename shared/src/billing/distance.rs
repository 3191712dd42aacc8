//! Which country's tax a sale bears: France's, another member state's under the one-stop shop, or a non-EU country's.

use super::{lines::Priced, unfit::CannotInvoice};
use crate::vat::{Vat, VatCategory, foreign::CountryCode, treatment::VatUndetermined};

/// Whether the sale bears the VAT of a consumer's state under the one-stop shop.
///
/// # Errors
/// When its lines bear taxes of several countries: one document declares one country's.
pub(super) fn is_distance_sale(priced: &Priced) -> Result<bool, CannotInvoice> {
    let mut countries = priced.taxes.keys().filter_map(taxed_by);
    let first = countries.next();
    if let Some(other) = countries.find(|country| Some(*country) != first) {
        let line = priced.lines.iter().position(|line| taxed_by(&line.vat) == Some(other)).unwrap_or_default();
        return Err(CannotInvoice::Vat { line, why: VatUndetermined::SeveralCountries });
    }
    Ok(priced.taxes.keys().any(|vat| vat.foreign.is_some() && vat.beyond_vat().is_none()))
}

/// Which country's tax a row bears; the inner `None` is France. A row without tax, or of a zero rate without a country,
/// is compatible with any.
fn taxed_by(vat: &Vat) -> Option<Option<CountryCode>> {
    let foreign = vat.foreign.map(|tax| tax.country);
    (foreign.is_some() || vat.category == VatCategory::S).then_some(foreign)
}

#[cfg(test)]
mod tests {
    use crate::{
        billing::draft::draft,
        invoice::Draft,
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
            let tax = ChargedTax { amount, rate: Some(rate.into()), included: true, country, ..ChargedTax::default() };
            sale.lines[0].taxes = vec![tax];
            draft(&sale, &seller, DAY).unwrap()
        };
        let at = |draft: Draft| draft.taxes[0].vat.foreign.map(|tax| tax.country.to_string()).as_deref() == Some("AT");
        for (rate, amount) in [(20, 817), (10, 445), (13, 564)] {
            let draft = oss(rate, amount, Some("at"));
            assert!(draft.oss && at(draft), "Austria's {rate} percent");
        }
        assert!(!oss(20, 817, Some("FR")).oss, "France's");
        assert!(oss(20, 817, None).oss && !oss(10, 445, None).oss, "nobody told");
    }

    #[test]
    fn taxes_of_two_countries_wait() {
        let seller = Seller::from_toml(&STANDARD_TOML.replace("rate = \"20\"", "").replace("standard", "stripe_tax"));
        let mut sale = sale();
        sale.customer.address.as_mut().unwrap().country = Some("GB".into());
        let tax = |country: &str| ChargedTax {
            amount: 817,
            rate: Some(20.into()),
            included: true,
            country: Some(country.into()),
            ..ChargedTax::default()
        };
        sale.lines = vec![sale.lines[0].clone(); 2];
        sale.lines[0].taxes = vec![tax("GB")];
        sale.lines[1].taxes = vec![tax("FR")];
        sale.total *= 2;
        let reason = draft(&sale, &seller.unwrap(), DAY).unwrap_err().reason();
        assert!(reason.code == "tax_differs" && reason.message.contains("several countries"), "{reason}");
    }
}
