//! From a recorded sale to an invoice that lacks only its number, or to the reasons why it cannot be one.
//!
//! Everything that could make an invoice invalid is found here, before a number is claimed: a refused sale costs none.

use jiff::civil::Date;
use rust_decimal::{Decimal, RoundingStrategy::MidpointAwayFromZero};

use super::{Buyer, Draft, Exemption, Kind, Line, Mention, TaxRow, Totals, Vat, VatCategory, mentions, vat};
use crate::{
    money::{Currency, UnknownCurrency},
    outcome::Reason,
    sale::{Sale, SaleLine},
    seller::{Seller, VatRegime},
    text::filled,
};

/// Why a sale cannot be invoiced as it stands. The text tells the owner what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// The currency is no ISO currency.
    #[error(transparent)]
    Currency(#[from] UnknownCurrency),
    /// An amount carries digits that its currency does not have, or does not fit.
    #[error("amount {0} does not fit the currency {1}; check the payment in Stripe and invoice it by hand")]
    Amount(i64, Currency),
    /// Money went the other way.
    #[error("{field} is {amount}, a negative amount; an invoice bills money received, use a credit note for a refund")]
    Negative {
        /// `total`, or `lines[2].total`, counted from 0.
        field: String,
        /// In Stripe's minor units.
        amount: i64,
    },
    /// The lines do not make the total.
    #[error("lines add up to {lines} but {total} was paid; compare the sale's items with its total in Stripe")]
    Sum {
        /// Sum of the lines, in minor units.
        lines: i64,
        /// What was paid, in minor units.
        total: i64,
    },
    /// Nothing says who bought.
    #[error(
        "customer.name is missing; collect it on the payment page (billing address or name), or set unnamed_customer in \
         the seller file and replay"
    )]
    NoName,
    /// Stripe charged another tax than the seller file's regime makes of the sale.
    #[error(
        "Stripe computed {stripe} of tax where the seller file makes {ours}, in minor units; an invoice must show the tax \
         that was charged: turn off Stripe Tax, or correct [vat] in the seller file and replay"
    )]
    Tax {
        /// What Stripe computed.
        stripe: i64,
        /// What the regime makes.
        ours: i64,
    },
    /// VAT in a foreign currency, which the law wants in euros too (Directive 2006/112/EC, article 230).
    #[error("the sale is in {0} and carries VAT, which must stand in euros too; that is not supported yet")]
    ForeignVat(Currency),
    /// No line at all.
    #[error("the sale has no lines")]
    NoLines,
    /// The table of mentions has no text for the franchise on this day.
    #[error("no legal text for the franchise of VAT is known for {0}; install a newer version and replay")]
    NoExemptionText(Date),
}

impl Unfit {
    /// The reason under which such a sale is parked.
    pub fn reason(&self) -> Reason {
        let word = match self {
            Self::Currency(_) => "unknown_currency",
            Self::Amount(..) => "amount_unfit",
            Self::Negative { .. } => "negative_amount",
            Self::Sum { .. } => "amounts_differ",
            Self::Tax { .. } => "tax_differs",
            Self::ForeignVat(_) => "vat_not_in_euros",
            Self::NoName => "customer_unnamed",
            Self::NoLines => "no_lines",
            Self::NoExemptionText(_) => "mention_unknown",
        };
        Reason::new(word, self.to_string())
    }
}

/// Builds the draft of an invoice to be issued on `day`.
///
/// # Errors
/// The first thing that makes the sale unfit for an invoice.
pub fn draft(sale: &Sale, seller: &Seller, day: Date) -> Result<Draft, Unfit> {
    let currency = Currency::parse(&sale.currency)?;
    let grosses = checked_amounts(sale, currency)?;
    let gross = grosses.iter().sum();
    let mentions = mentions::mentions(day, &seller.vat, seller.supply);
    let (vat, exemption) = vat_of(seller, day, &mentions)?;
    let split = vat::split_included(&grosses, vat.rate).ok_or(Unfit::Amount(gross, currency))?;
    check_tax(sale, currency, split.tax)?;
    let lines = sale
        .lines
        .iter()
        .zip(grosses.iter().zip(&split.nets))
        .map(|(line, (gross, net))| invoice_line(line, *gross, *net, currency, vat, &seller.default_label))
        .collect();
    Ok(Draft {
        kind: Kind::Invoice,
        sale: sale.key.clone(),
        paid_at: sale.paid_at,
        supplied_on: sale.paid_at.to_zoned(seller.time_zone.clone()).date(),
        language: language(sale.customer.language.as_deref(), &seller.language),
        currency,
        seller: seller.party.clone(),
        buyer: buyer(sale, seller)?,
        lines,
        taxes: vec![TaxRow { vat, base: split.base, tax: split.tax, exemption }],
        totals: Totals { net: split.base, tax: split.tax, gross, paid: gross, due: 0 },
        mentions,
        supply: seller.supply,
        paid_through: "Stripe".to_owned(),
        reference: filled(sale.reference.as_deref()),
        test: !sale.livemode,
    })
}

/// The lines' amounts in ISO minor units, once they are known to be positive and to make the total.
fn checked_amounts(sale: &Sale, currency: Currency) -> Result<Vec<i64>, Unfit> {
    let amount = |field: &dyn Fn() -> String, amount: i64| {
        if amount < 0 {
            return Err(Unfit::Negative { field: field(), amount });
        }
        currency.from_stripe(amount).map(|money| money.minor).ok_or(Unfit::Amount(amount, currency))
    };
    let total = amount(&|| "total".to_owned(), sale.total)?;
    if sale.lines.is_empty() {
        return Err(Unfit::NoLines);
    }
    let lines = sale
        .lines
        .iter()
        .enumerate()
        .map(|(place, line)| amount(&|| format!("lines[{place}].total"), line.total))
        .collect::<Result<Vec<_>, _>>()?;
    let sum = lines.iter().try_fold(0_i64, |sum, line| sum.checked_add(*line)).ok_or(Unfit::Amount(total, currency))?;
    if sum == total { Ok(lines) } else { Err(Unfit::Sum { lines: sum, total }) }
}

/// The tax that Stripe computed, where it did, must be ours; each line may differ by a rounding.
fn check_tax(sale: &Sale, currency: Currency, ours: i64) -> Result<(), Unfit> {
    if ours != 0 && currency != Currency::EUR {
        return Err(Unfit::ForeignVat(currency));
    }
    let Some(stripe) = sale.tax.filter(|tax| *tax != 0) else { return Ok(()) };
    let charged = currency.from_stripe(stripe).ok_or(Unfit::Amount(stripe, currency))?.minor;
    let rounding = if ours == 0 { 0 } else { sale.lines.len() as u64 };
    if charged.abs_diff(ours) <= rounding { Ok(()) } else { Err(Unfit::Tax { stripe: charged, ours }) }
}

fn vat_of(seller: &Seller, day: Date, mentions: &[Mention]) -> Result<(Vat, Option<Exemption>), Unfit> {
    match &seller.vat {
        VatRegime::Standard { rate, .. } => Ok((Vat { category: VatCategory::S, rate: *rate }, None)),
        VatRegime::Franchise => {
            let text =
                mentions.iter().find(|mention| mention.text.contains("293 B")).map(|mention| mention.text.clone());
            let text = text.ok_or(Unfit::NoExemptionText(day))?;
            let exemption = Exemption { code: "VATEX-FR-FRANCHISE".to_owned(), text };
            Ok((Vat { category: VatCategory::E, rate: Decimal::ZERO }, Some(exemption)))
        }
    }
}

fn buyer(sale: &Sale, seller: &Seller) -> Result<Buyer, Unfit> {
    let customer = &sale.customer;
    let name = filled(customer.business_name.as_deref())
        .or_else(|| filled(customer.name.as_deref()))
        .or_else(|| seller.unnamed_customer.clone())
        .ok_or(Unfit::NoName)?;
    let country = customer.address.as_ref().and_then(|address| filled(address.country.as_deref()));
    Ok(Buyer {
        name,
        country: country.unwrap_or_else(|| seller.party.country.clone()).to_uppercase(),
        customer: customer.clone(),
    })
}

fn invoice_line(line: &SaleLine, gross: i64, net: i64, currency: Currency, vat: Vat, default_label: &str) -> Line {
    let quantity = line.quantity.max(1);
    let unit_net = currency.minor(net).decimal() / Decimal::from(quantity);
    Line {
        description: filled(Some(&line.description)).unwrap_or_else(|| default_label.to_owned()),
        quantity,
        unit_net: unit_net.round_dp_with_strategy(4, MidpointAwayFromZero).normalize(),
        net,
        gross,
        discount: currency.from_stripe(line.discount.max(0)).map_or(0, |money| money.minor),
        vat,
    }
}

/// French for whoever paid in French, English for whoever paid in English, else the owner's choice.
fn language(customer: Option<&str>, owner: &str) -> String {
    match customer.and_then(|tag| tag.get(..2)).map(str::to_ascii_lowercase).as_deref() {
        Some(known @ ("fr" | "en")) => known.to_owned(),
        _ => owner.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{FRANCHISE_TOML, STANDARD_TOML, sale};
    use jiff::civil::date;

    const DAY: Date = date(2026, 11, 21);

    fn franchise() -> Seller {
        Seller::from_toml(FRANCHISE_TOML).unwrap()
    }

    #[test]
    fn a_franchise_sale_has_no_vat_and_says_why() {
        let draft = draft(&sale(), &franchise(), DAY).unwrap();
        assert_eq!(draft.totals, Totals { net: 4900, tax: 0, gross: 4900, paid: 4900, due: 0 });
        assert_eq!(draft.taxes[0].exemption.as_ref().unwrap().code, "VATEX-FR-FRANCHISE");
        assert!(draft.mentions.iter().any(|mention| mention.text.contains("293 B")));
    }

    #[test]
    fn a_standard_sale_contains_its_vat() {
        let seller = Seller::from_toml(STANDARD_TOML).unwrap();
        let mut sale = sale();
        sale.lines[0].quantity = 3;
        let draft = draft(&sale, &seller, DAY).unwrap();
        assert_eq!(draft.totals, Totals { net: 4083, tax: 817, gross: 4900, paid: 4900, due: 0 });
        assert_eq!(draft.lines[0].unit_net.to_string(), "13.61");
        assert!(!draft.mentions.iter().any(|mention| mention.text.contains("293 B")));
    }

    #[test]
    fn the_day_of_supply_is_the_sellers_day() {
        let mut sale = sale();
        sale.paid_at = "2026-11-30T23:30:00Z".parse().unwrap();
        assert_eq!(draft(&sale, &franchise(), DAY).unwrap().supplied_on, date(2026, 12, 1));
    }

    #[test]
    fn unfit_sales_name_their_reason() {
        let refused = |change: &dyn Fn(&mut Sale)| {
            let mut sale = sale();
            change(&mut sale);
            draft(&sale, &franchise(), DAY).unwrap_err().reason()
        };
        assert_eq!(refused(&|sale| sale.currency = "zzz".into()).word, "unknown_currency");
        assert_eq!(refused(&|sale| sale.total = -1).word, "negative_amount");
        assert_eq!(refused(&|sale| sale.lines[0].total = 4800).word, "amounts_differ");
        assert_eq!(refused(&|sale| sale.customer.name = Some("  ".into())).word, "customer_unnamed");
        assert_eq!(refused(&|sale| sale.lines.clear()).word, "no_lines");
        let negative = refused(&|sale| sale.lines[0].total = -4900);
        assert!(negative.text.contains("lines[0].total is -4900"), "{negative}");
        let isk = refused(&|sale| {
            sale.currency = "isk".into();
            sale.total = 50_001;
        });
        assert_eq!(isk.word, "amount_unfit");
    }

    #[test]
    fn a_tax_that_was_charged_is_never_left_out_nor_made_up() {
        let standard = Seller::from_toml(STANDARD_TOML).unwrap();
        let taxed = |tax, currency: &str| Sale { tax, currency: currency.into(), ..sale() };
        let word = |sale: &Sale, seller: &Seller| draft(sale, seller, DAY).err().map(|unfit| unfit.reason().word);
        assert_eq!(word(&taxed(Some(817), "eur"), &standard), None);
        assert_eq!(word(&taxed(Some(818), "eur"), &standard), None, "a rounding");
        assert_eq!(word(&taxed(Some(0), "eur"), &standard), None, "Stripe computed none");
        assert_eq!(word(&taxed(Some(782), "eur"), &standard).as_deref(), Some("tax_differs"));
        assert_eq!(word(&taxed(Some(1), "eur"), &franchise()).as_deref(), Some("tax_differs"));
        assert_eq!(word(&taxed(None, "usd"), &standard).as_deref(), Some("vat_not_in_euros"));
        assert_eq!(word(&taxed(None, "usd"), &franchise()), None);
    }

    #[test]
    fn the_owner_may_name_the_unnamed() {
        let mut sale = sale();
        sale.customer.name = None;
        let mut seller = franchise();
        seller.unnamed_customer = Some("Client comptoir".into());
        assert_eq!(draft(&sale, &seller, DAY).unwrap().buyer.name, "Client comptoir");
    }

    #[test]
    fn the_customers_language_decides_if_we_speak_it() {
        for (tag, expected) in
            [(Some("en-GB"), "en"), (Some("FR"), "fr"), (Some("de"), "fr"), (None, "fr"), (Some("é"), "fr")]
        {
            let mut sale = sale();
            sale.customer.language = tag.map(str::to_owned);
            assert_eq!(draft(&sale, &franchise(), DAY).unwrap().language, expected, "{tag:?}");
        }
    }

    #[test]
    fn after_the_last_day_of_its_legal_text_a_franchise_sale_waits() {
        assert_eq!(draft(&sale(), &franchise(), date(2028, 7, 1)), Err(Unfit::NoExemptionText(date(2028, 7, 1))));
    }
}
