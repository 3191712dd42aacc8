//! Validation of what decides about VAT, by the day on which tax falls due; the regime itself is read in `regime`.

use jiff::civil::Date;

use super::{
    entry::{from, section},
    file::{SettingsDocument, Vat},
    problem::Findings,
    regime,
    settings::TaxFacts,
};
use crate::{
    text,
    vat::{identifiers::french_vat_number, regime::Supply},
};

pub(super) fn taxes(document: &SettingsDocument, siren: &str, findings: &mut Findings) -> Vec<(Date, TaxFacts)> {
    let count = document.vat.len();
    findings.need(count > 0, "vat", "", "write the VAT regime");
    let usual = supply(&document.invoice.supply, "invoice.supply", findings);
    let mut taxes: Vec<(Date, TaxFacts)> = Vec::with_capacity(count);
    for (place, vat) in document.vat.iter().enumerate() {
        let section = section("vat", place, count);
        let day = from(vat.from.as_deref(), &section, taxes.last().map(|(day, _)| *day), findings);
        taxes.push((day, tax(vat, &section, usual, siren, findings)));
    }
    taxes
}

fn tax(vat: &Vat, section: &str, usual: Supply, siren: &str, findings: &mut Findings) -> TaxFacts {
    let number = vat.number.as_deref().map(text::without_spaces).filter(|v| !v.is_empty());
    let number = number.map(|number| number.to_ascii_uppercase());
    if let Some(number) = &number {
        let wanted = french_vat_number(siren);
        findings.need(
            wanted.as_ref() == Some(number),
            &format!("{section}.number"),
            number,
            &format!("does not fit the SIREN; expected {}", wanted.as_deref().unwrap_or("FR, two digits, the SIREN")),
        );
    }
    let unknown_place = vat.unknown_place.as_deref();
    findings.need(
        // Sellers are in France so far.
        unknown_place.is_none_or(|place| place == "FR"),
        &format!("{section}.unknown_place"),
        unknown_place.unwrap_or_default(),
        "write FR, or remove it: without it a sale waits if its VAT hangs on where the customer is and nobody knows",
    );
    TaxFacts {
        regime: regime::regime(vat, section, number.as_deref(), findings),
        number,
        unknown_is_domestic: unknown_place.is_some(),
        supply: vat.supply.as_deref().map_or(usual, |given| supply(given, &format!("{section}.supply"), findings)),
    }
}

fn supply(given: &str, field: &str, findings: &mut Findings) -> Supply {
    match given {
        "goods" => Supply::Goods,
        "digital" => Supply::Digital,
        "both" => Supply::Both,
        other => {
            findings.need(other == "services", field, other, "write goods, services, digital or both");
            Supply::Services
        }
    }
}
