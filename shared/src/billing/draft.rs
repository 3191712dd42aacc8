//! From a recorded sale to an invoice without its number, or to the reasons why it cannot be one.
//!
//! All invoice validation happens here, before a number is claimed: a refused sale uses no number.

use jiff::civil::Date;
use rust_decimal::Decimal;

use super::{
    buyer,
    cleaned::cleaned,
    distance,
    lines::{self, Priced},
    mentions::{self, Facts},
    unfit::CannotInvoice,
};
use crate::{
    einvoice,
    invoice::{Draft, InEuros, Kind, Mention, SettledRate, TaxRate, TaxRow, Totals},
    money::Currency,
    sale::{Sale, SaleLine},
    seller::Seller,
    text::filled,
    vat::{
        Ground, Vat,
        foreign::Whose,
        place::Place,
        regime::VatRegime,
        treatment::{self, VatContext},
    },
};

/// Builds the draft of an invoice to be issued on `day`.
///
/// # Errors
/// The first reason why the sale cannot be invoiced, or every rule of electronic invoicing that it would break.
pub fn draft(sale: &Sale, seller: &Seller, day: Date) -> Result<Draft, CannotInvoice> {
    let sale = &cleaned(sale);
    let currency = Currency::parse(&sale.currency)?;
    let supply = seller.supply.of_sale(sale.delivery.is_some());
    let known = buyer::known(sale, seller, supply)?;
    let supplied_on = sale.paid_at.to_zoned(seller.time_zone.clone()).date();
    let told = told(sale);
    let anywhere = VatContext {
        regime: &seller.vat,
        numbered: seller.party.vat_number.is_some(),
        supply,
        place: Place::Domestic,
        day: supplied_on,
        told: &told,
        unit: currency.smallest_charge(),
    };
    let place = match known.place {
        Some(place) => place,
        None if seller.unknown_is_domestic => Place::Domestic,
        None if treatment::hangs_on_place(&anywhere, known.named) => return Err(CannotInvoice::NoPlace),
        None => Place::Domestic,
    };
    let around = VatContext { place, ..anywhere };
    let priced = lines::priced(sale, currency, &around, seller).map_err(|unfit| match known.wrong_number {
        // An invalid tax number can make the seller charge no tax where we expect some: the number is the cause.
        Some(number) if matches!(unfit, CannotInvoice::Vat { .. }) => CannotInvoice::TaxId(number),
        _ => unfit,
    })?;
    let oss = distance::is_distance_sale(&priced)?;
    let taxes = tax_rows(&priced, &seller.vat, day)?;
    let mentions = texts(&taxes, seller, oss, day);
    let (net, tax) = taxes.iter().fold((0_i64, 0_i64), |(net, tax), row| (net + row.base, tax + row.tax));
    let gross = net + tax;
    let beyond_vat: i64 = taxes.iter().filter(|row| row.vat.beyond_vat().is_some()).map(|row| row.tax).sum();
    let euros = in_euros(sale, currency, tax - beyond_vat)?;
    let received =
        sale.received.map(|amount| currency.from_stripe(amount).ok_or(CannotInvoice::Amount(amount, currency)));
    let received = received.transpose()?.map(|money| money.minor);
    let draft = Draft {
        kind: Kind::Invoice,
        sale: sale.key.clone(),
        paid_at: sale.paid_at,
        supplied_on,
        language: language(sale.customer.language.as_deref(), &seller.language),
        currency,
        seller: seller.party.clone(),
        buyer: known.buyer,
        lines: priced.lines,
        taxes,
        totals: Totals { net, tax, gross, paid: gross, due: 0 },
        mentions,
        supply: seller.supply,
        paid_through: if received == Some(0) { String::new() } else { "Stripe".to_owned() },
        received,
        reference: filled(sale.reference.as_deref()),
        purchase_order: filled(sale.purchase_order.as_deref()),
        test: !sale.livemode,
        corrects: None,
        in_euros: euros.as_ref().map(|euros| InEuros { tax: euros.tax }),
        rate_tax: euros
            .as_ref()
            .filter(|euros| euros.tax != 0)
            .and_then(|euros| Some(TaxRate { value: euros.rate?, source: "stripe".to_owned(), day: supplied_on })),
        rate_settled: euros.as_ref().and_then(|euros| {
            let txn = sale.exchange.as_ref().and_then(|exchange| exchange.txn.clone());
            Some(SettledRate { value: euros.rate?, txn })
        }),
        place_evidence: known.evidence,
        delivery: sale.delivery.clone(),
        oss,
    };
    einvoice::check(&draft, day).map_err(CannotInvoice::Rules)?;
    Ok(draft)
}

/// The rates that Stripe reports with the sale, each once, and their country.
fn told(sale: &Sale) -> Vec<(Decimal, Whose)> {
    let told = |line: &SaleLine| Some((line.rate().filter(|rate| !rate.is_zero())?, line.whose()));
    let mut rates: Vec<(Decimal, Whose)> = sale.lines.iter().filter_map(told).collect();
    rates.sort_by_key(|(rate, _)| *rate);
    rates.dedup();
    rates
}

fn tax_rows(priced: &Priced, regime: &VatRegime, day: Date) -> Result<Vec<TaxRow>, CannotInvoice> {
    let exempt = exempt_ground(regime);
    let row = |(vat, (base, tax)): (&Vat, &(i64, i64))| {
        let ground = Ground::of(vat.category, exempt);
        let exemption =
            ground.map(|ground| mentions::exemption(day, ground).ok_or(CannotInvoice::NoExemptionText { day, ground }));
        Ok(TaxRow { vat: *vat, base: *base, tax: *tax, exemption: exemption.transpose()?, ground })
    };
    priced.taxes.iter().rev().map(row).collect()
}

fn exempt_ground(regime: &VatRegime) -> Option<Ground> {
    match regime {
        VatRegime::Franchise => Some(Ground::Franchise),
        VatRegime::Exempt(ground) => Some(*ground),
        VatRegime::Taxed(taxed) => taxed.exempt,
    }
}

fn texts(taxes: &[TaxRow], seller: &Seller, oss: bool, day: Date) -> Vec<Mention> {
    let grounds: Vec<Ground> = taxes.iter().filter_map(|row| row.ground).collect();
    let on_debits = matches!(&seller.vat, VatRegime::Taxed(taxed) if taxed.on_debits);
    mentions::mentions(day, &Facts { grounds: &grounds, on_debits, supply: seller.supply, platform: !oss })
}

/// VAT in cents, and the exchange rate in euros per unit of the invoice's currency, if Stripe reports one.
struct Converted {
    tax: i64,
    rate: Option<Decimal>,
}

/// The VAT of a foreign-currency invoice, in euros at Stripe's settlement rate. A tax that is not VAT is not required
/// in euros; if Stripe reports a rate, the books use it.
fn in_euros(sale: &Sale, currency: Currency, vat: i64) -> Result<Option<Converted>, CannotInvoice> {
    if currency == Currency::EUR {
        return Ok(None);
    }
    let exchange = sale.exchange.as_ref().filter(|exchange| exchange.currency.eq_ignore_ascii_case("eur"));
    let rate =
        exchange.map(|exchange| currency.euros_per_unit(exchange.rate).ok_or(CannotInvoice::Amount(vat, currency)));
    let rate = rate.transpose()?;
    if vat == 0 {
        return Ok(Some(Converted { tax: 0, rate }));
    }
    let rate = rate.ok_or(CannotInvoice::NoExchange(currency))?;
    let cents = Currency::EUR.from_decimal(currency.minor(vat).decimal().saturating_mul(rate));
    Ok(Some(Converted { tax: cents.ok_or(CannotInvoice::Amount(vat, currency))?.minor, rate: Some(rate) }))
}

/// French if the customer paid in French, English if in English, else the owner's choice.
fn language(customer: Option<&str>, owner: &str) -> String {
    match customer.and_then(|tag| tag.get(..2)).map(str::to_ascii_lowercase).as_deref() {
        Some(known @ ("fr" | "en")) => known.to_owned(),
        _ => owner.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        sale::{ChargedTax, Customer, Exchange, TaxId},
        testing::{FRANCHISE_TOML, STANDARD_TOML, sale},
        vat::VatCategory,
    };
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
        sale.lines[0].quantity = 3.into();
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
        assert_eq!(refused(&|sale| sale.currency = "zzz".into()).code, "unknown_currency");
        assert_eq!(refused(&|sale| sale.total = -1).code, "negative_amount");
        assert_eq!(refused(&|sale| sale.lines[0].total = 4800).code, "amounts_differ");
        assert_eq!(refused(&|sale| sale.customer.name = Some("  ".into())).code, "customer_unnamed");
        assert_eq!(refused(&|sale| sale.lines.clear()).code, "no_lines");
        assert_eq!(refused(&|sale| sale.lines[0].total = -4900).code, "amounts_differ");
        assert_eq!(
            refused(&|sale| sale.customer.address.as_mut().unwrap().country = Some("XQ".into())).code,
            "country_unknown"
        );
        let isk = refused(&|sale| {
            sale.currency = "isk".into();
            sale.total = 50_001;
        });
        assert_eq!(isk.code, "amount_unfit");
    }

    #[test]
    fn a_tax_that_was_charged_is_never_left_out_nor_made_up() {
        let standard = Seller::from_toml(STANDARD_TOML).unwrap();
        let taxed = |tax: Option<i64>, currency: &str| {
            let mut sale = Sale { tax, currency: currency.into(), ..sale() };
            sale.lines[0].taxes.extend(tax.map(|amount| ChargedTax {
                amount,
                included: true,
                ..ChargedTax::default()
            }));
            sale
        };
        let word = |sale: &Sale, seller: &Seller| draft(sale, seller, DAY).err().map(|unfit| unfit.reason().code);
        assert_eq!(word(&taxed(Some(817), "eur"), &standard), None);
        assert_eq!(word(&taxed(Some(818), "eur"), &standard), None, "a rounding");
        assert_eq!(draft(&taxed(Some(818), "eur"), &standard, DAY).unwrap().totals.tax, 818, "as it was charged");
        assert_eq!(word(&taxed(Some(0), "eur"), &standard), None, "Stripe computed none");
        assert_eq!(word(&taxed(Some(700), "eur"), &standard).as_deref(), Some("tax_differs"));
        assert_eq!(word(&taxed(Some(1), "eur"), &franchise()).as_deref(), Some("tax_differs"));
        assert_eq!(
            word(&Sale { tax: Some(818), ..sale() }, &standard).as_deref(),
            Some("tax_differs"),
            "not on its lines"
        );
    }

    #[test]
    fn vat_in_another_currency_stands_in_euros_too() {
        let standard = Seller::from_toml(STANDARD_TOML).unwrap();
        let mut dollars = Sale { currency: "usd".into(), ..sale() };
        assert_eq!(draft(&dollars, &standard, DAY).unwrap_err().reason().code, "exchange_rate_unknown");
        assert_eq!(draft(&dollars, &franchise(), DAY).unwrap().in_euros, Some(InEuros { tax: 0 }));
        dollars.exchange = Some(Exchange { currency: "eur".into(), rate: "0.9215".parse().unwrap(), txn: None });
        let draft = draft(&dollars, &standard, DAY).unwrap();
        assert_eq!((draft.totals.tax, draft.in_euros.unwrap().tax), (817, 753), "8.17 USD at 0.9215");
    }

    #[test]
    fn a_credit_within_a_sale_is_a_negative_quantity() {
        let standard = Seller::from_toml(STANDARD_TOML).unwrap();
        let mut sale = sale();
        sale.lines.push(SaleLine {
            description: "Temps non utilisé".into(),
            quantity: 1.into(),
            total: -1200,
            ..SaleLine::default()
        });
        sale.total = 3700;
        let draft = draft(&sale, &standard, DAY).unwrap();
        assert_eq!(
            (draft.lines[1].quantity, draft.lines[1].unit_net, draft.lines[1].net),
            ((-1).into(), 10.into(), -1000)
        );
        assert_eq!(draft.totals.gross, 3700);
    }

    #[test]
    fn a_discount_is_shown_before_tax() {
        let standard = Seller::from_toml(STANDARD_TOML).unwrap();
        let mut sale = sale();
        sale.lines[0].discount = 1100;
        let line = draft(&sale, &standard, DAY).unwrap().lines.remove(0);
        assert_eq!((line.unit_net.to_string().as_str(), line.discount, line.net), ("50", 917, 4083));
    }

    #[test]
    fn a_wrong_tax_number_is_named_only_where_the_tax_hangs_on_it() {
        let stripe =
            Seller::from_toml(&STANDARD_TOML.replace("standard", "stripe_tax").replace("rate = \"20\"", "")).unwrap();
        let mut sale = sale();
        sale.customer.address.as_mut().unwrap().country = Some("DE".into());
        sale.customer.tax_ids = vec![TaxId { kind: "eu_vat".into(), value: "DE136695978".into() }];
        sale.lines[0].taxes = vec![ChargedTax { reason: Some("reverse_charge".into()), ..ChargedTax::default() }];
        let reason = draft(&sale, &stripe, DAY).unwrap_err().reason();
        assert!(reason.code == "tax_id_invalid" && reason.message.contains("of DE"), "{reason}");
        assert!(!reason.message.contains("136695978"), "a tax number may be a person's: {reason}");
        sale.customer.tax_ids[0].value = "DE136695976".into();
        assert_eq!(draft(&sale, &stripe, DAY).unwrap().taxes[0].vat.category, VatCategory::AE);
        sale.customer.tax_ids[0].value = "DE136695978".into();
        sale.lines[0].taxes[0] =
            ChargedTax { amount: 817, rate: Some(20.into()), included: true, ..ChargedTax::default() };
        assert_eq!(draft(&sale, &stripe, DAY).unwrap().taxes[0].vat.category, VatCategory::S);
    }

    #[test]
    fn where_the_vat_hangs_on_the_place_an_unknown_one_waits_unless_the_owner_says_where() {
        let nowhere = Sale { customer: Customer { address: None, ..sale().customer }, ..sale() };
        let seller = |edits: &[(&str, &str)]| {
            let toml = edits.iter().fold(STANDARD_TOML.to_owned(), |toml, (from, to)| toml.replacen(from, to, 1));
            Seller::from_toml(&toml).unwrap()
        };
        let digital = ("[invoice]", "[invoice]\nsupply = \"digital\"");
        let reason = draft(&nowhere, &seller(&[digital]), DAY).unwrap_err().reason();
        assert!(reason.code == "place_unknown" && reason.message.contains("unknown_place = \"FR\""), "{reason}");
        let told = ("rate = \"20\"", "rate = \"20\"\nunknown_place = \"FR\"");
        for seller in [seller(&[digital, told]), seller(&[]), franchise()] {
            let draft = draft(&nowhere, &seller, DAY).unwrap();
            assert_eq!(draft.buyer.country, None, "a country that nobody gave");
        }
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
        let day = date(2028, 7, 1);
        assert_eq!(
            draft(&sale(), &franchise(), day),
            Err(CannotInvoice::NoExemptionText { day, ground: Ground::Franchise })
        );
    }
}
