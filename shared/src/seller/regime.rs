//! The VAT regime in a section `[vat]` of the settings, and its validation.

use rust_decimal::Decimal;

use super::{file::Vat, problem::Findings};
use crate::vat::{
    Ground,
    regime::{Prices, Rates, Taxed, VatRegime},
    territory::FRENCH_RATES,
};

pub(super) fn regime(vat: &Vat, section: &str, number: Option<&str>, findings: &mut Findings) -> VatRegime {
    let exempt = vat.exemption.as_deref().and_then(|given| exemption(given, section, findings));
    match vat.regime.as_str() {
        "franchise" => {
            untaxed(vat, section, "under the franchise", findings);
            VatRegime::Franchise
        }
        "exempt" => {
            untaxed(vat, section, "under an exemption", findings);
            let given = vat.exemption.as_deref().unwrap_or_default();
            findings.need(!given.is_empty(), &format!("{section}.exemption"), given, "write teaching or non_profit");
            VatRegime::Exempt(exempt.unwrap_or(Ground::NonProfit))
        }
        "standard" => {
            numbered(number, section, findings);
            let rate = rate(vat.rate.as_deref().unwrap_or_default(), section, findings);
            let known = matches!(vat.prices.as_str(), "included" | "excluded");
            findings.need(known, &format!("{section}.prices"), &vat.prices, "write included or excluded");
            let prices = if vat.prices == "excluded" { Prices::ExcludeTax } else { Prices::IncludeTax };
            taxed(vat, Rates::Fixed { rate, prices }, exempt)
        }
        "stripe_tax" => {
            numbered(number, section, findings);
            let given = vat.rate.as_deref();
            findings.need(
                given.is_none(),
                &format!("{section}.rate"),
                given.unwrap_or_default(),
                "remove it: Stripe Tax knows the rates",
            );
            taxed(vat, Rates::Stripe, exempt)
        }
        other => {
            findings.add(
                &format!("{section}.regime"),
                other,
                "write franchise (no VAT, article 293 B), exempt, standard (one rate) or stripe_tax (Stripe Tax computes it)",
            );
            VatRegime::Franchise
        }
    }
}

fn taxed(vat: &Vat, rates: Rates, exempt: Option<Ground>) -> VatRegime {
    VatRegime::Taxed(Taxed { rates, on_debits: vat.on_debits, oss: vat.oss, exempt })
}

fn untaxed(vat: &Vat, section: &str, why: &str, findings: &mut Findings) {
    let given = vat.rate.as_deref();
    findings.need(
        given.is_none(),
        &format!("{section}.rate"),
        given.unwrap_or_default(),
        &format!("remove it: {why} no VAT is charged"),
    );
    let fix = format!("remove it: {why} there is no VAT to pay");
    findings.need(!vat.on_debits, &format!("{section}.on_debits"), "true", &fix);
    findings.need(!vat.oss, &format!("{section}.oss"), "true", &fix);
}

fn numbered(number: Option<&str>, section: &str, findings: &mut Findings) {
    findings.need(
        number.is_some(),
        &format!("{section}.number"),
        "",
        "write your VAT number; invoices with VAT must show it",
    );
}

fn rate(given: &str, section: &str, findings: &mut Findings) -> Decimal {
    let rate = given.trim_end_matches('%').trim().replace(',', ".").parse::<Decimal>().ok();
    let known = rate.filter(|rate| FRENCH_RATES.contains(rate));
    findings.need(
        known.is_some(),
        &format!("{section}.rate"),
        given,
        "write a French VAT rate in percent, such as 20, 10 or 5.5",
    );
    known.unwrap_or_default().normalize()
}

fn exemption(given: &str, section: &str, findings: &mut Findings) -> Option<Ground> {
    match given {
        "teaching" => Some(Ground::Teaching),
        "non_profit" => Some(Ground::NonProfit),
        other => {
            findings.add(
                &format!("{section}.exemption"),
                other,
                "write teaching (CGI art. 261, 4, 4°) or non_profit (CGI art. 261, 7, 1°)",
            );
            None
        }
    }
}
