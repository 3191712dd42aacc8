//! Invoice lines with their VAT: lines as paid become lines before tax, and the tax rows that make the total.
//!
//! Tax that Stripe charged is used as charged; tax included in the price is computed once per rate on the sum (EN
//! 16931, BR-CO-17), its base shared over the lines. Either way base + tax equals the amount paid, to the minor unit.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::{price::Price, unfit::CannotInvoice};
use crate::{
    invoice::{Line, Period},
    money::Currency,
    sale::{BilledPeriod, Sale, SaleLine},
    seller::Seller,
    text::filled,
    vat::{
        Vat, split,
        treatment::{self, Charge, TaxComputation, VatContext, VatUndetermined},
    },
};

/// Lines, and base and tax per category and rate.
pub(super) struct Priced {
    pub lines: Vec<Line>,
    pub taxes: BTreeMap<Vat, (i64, i64)>,
}

/// A line in minor units of the invoice.
struct Paid {
    gross: i64,
    charge: Option<Charge>,
    vat: Vat,
    reckoned: TaxComputation,
}

pub(super) fn priced(
    sale: &Sale,
    currency: Currency,
    around: &VatContext<'_>,
    seller: &Seller,
) -> Result<Priced, CannotInvoice> {
    let paid = paid(sale, currency, around)?;
    check_tax(sale, currency, &paid)?;
    let nets = nets(&paid).ok_or(CannotInvoice::Amount(sale.total, currency))?;
    let mut taxes: BTreeMap<Vat, (i64, i64)> = BTreeMap::new();
    for (line, net) in paid.iter().zip(&nets) {
        let (base, tax) = taxes.entry(line.vat).or_default();
        *base += net;
        *tax += line.gross - net;
    }
    check_charged(&paid, &taxes, around.unit)?;
    let lines = sale.lines.iter().zip(paid.iter().zip(nets));
    let lines = lines.map(|(line, (paid, net))| invoice_line(line, paid, net, currency, seller)).collect();
    Ok(Priced { lines, taxes })
}

/// Amounts in minor units of the invoice, once they are known to add up to the total, and the VAT of each line.
fn paid(sale: &Sale, currency: Currency, around: &VatContext<'_>) -> Result<Vec<Paid>, CannotInvoice> {
    let minor = |amount: i64| {
        currency.from_stripe(amount).map(|money| money.minor).ok_or(CannotInvoice::Amount(amount, currency))
    };
    if sale.total < 0 {
        return Err(CannotInvoice::Negative(sale.total));
    }
    let total = minor(sale.total)?;
    if sale.lines.is_empty() {
        return Err(CannotInvoice::NoLines);
    }
    let mut paid = Vec::with_capacity(sale.lines.len());
    for (place, line) in sale.lines.iter().enumerate() {
        let gross = minor(line.total)?;
        let charge = charge(line, &minor)?;
        let net = gross.saturating_sub(charge.as_ref().map_or(0, |charge| charge.tax));
        let (vat, reckoned) =
            treatment::decide(around, charge.as_ref(), net).map_err(|why| CannotInvoice::Vat { line: place, why })?;
        paid.push(Paid { gross, charge, vat, reckoned });
    }
    let sum = paid.iter().try_fold(0_i64, |sum, line| sum.checked_add(line.gross));
    match sum.ok_or(CannotInvoice::Amount(sale.total, currency))? {
        lines if lines == total => Ok(paid),
        lines => Err(CannotInvoice::Sum { lines, total }),
    }
}

/// A line's taxes combined: several parts of one tax have one combined rate.
fn charge(
    line: &SaleLine,
    minor: &impl Fn(i64) -> Result<i64, CannotInvoice>,
) -> Result<Option<Charge>, CannotInvoice> {
    let Some(first) = line.taxes.first() else { return Ok(None) };
    let tax = line.taxes.iter().map(|tax| minor(tax.amount)).sum::<Result<i64, CannotInvoice>>()?;
    Ok(Some(Charge { tax, rate: line.rate(), whose: line.whose(), reason: first.reason.clone() }))
}

/// The tax of the lines must equal the tax of the sale, where Stripe reports both.
fn check_tax(sale: &Sale, currency: Currency, paid: &[Paid]) -> Result<(), CannotInvoice> {
    let Some(stripe) = sale.tax.filter(|tax| *tax != 0) else { return Ok(()) };
    let stripe = currency.from_stripe(stripe).ok_or(CannotInvoice::Amount(stripe, currency))?.minor;
    let ours = paid.iter().filter_map(|line| line.charge.as_ref()).map(|charge| charge.tax).sum();
    if stripe == ours { Ok(()) } else { Err(CannotInvoice::Tax { stripe, ours }) }
}

/// Tax that was charged must equal its rate times the base, up to one rounding per line.
fn check_charged(paid: &[Paid], taxes: &BTreeMap<Vat, (i64, i64)>, unit: u64) -> Result<(), CannotInvoice> {
    // A non-EU tax may be due on a part of the price only.
    for (vat, (base, tax)) in taxes.iter().filter(|(vat, _)| vat.beyond_vat().is_none()) {
        let lines = paid.iter().filter(|line| line.vat == *vat).count() as u64;
        if treatment::tax_within(base + tax, vat.rate)
            .is_none_or(|ours| ours.abs_diff(*tax) > lines.max(1).saturating_mul(unit))
        {
            let line = paid.iter().position(|line| line.vat == *vat).unwrap_or_default();
            let expected = format!("the lines, {base} before tax, make {}% of it", vat.rate);
            return Err(CannotInvoice::Vat { line, why: VatUndetermined::Differs { charged: *tax, expected } });
        }
    }
    Ok(())
}

/// Each line before tax.
fn nets(paid: &[Paid]) -> Option<Vec<i64>> {
    let mut nets: Vec<i64> = paid
        .iter()
        .map(|line| match line.reckoned {
            TaxComputation::Charged(tax) => line.gross.saturating_sub(tax),
            TaxComputation::Contained => 0,
        })
        .collect();
    let contained = |line: &Paid| line.reckoned == TaxComputation::Contained;
    let mut rates: Vec<Vat> = paid.iter().filter(|line| contained(line)).map(|line| line.vat).collect();
    rates.sort();
    rates.dedup();
    for vat in rates {
        let places: Vec<usize> =
            (0..).zip(paid).filter(|(_, line)| contained(line) && line.vat == vat).map(|(place, _)| place).collect();
        let grosses: Vec<i64> = places.iter().filter_map(|place| paid.get(*place)).map(|line| line.gross).collect();
        let split = split::split_included(&grosses, vat.rate)?;
        for (place, net) in places.into_iter().zip(split.nets) {
            *nets.get_mut(place)? = net;
        }
    }
    Some(nets)
}

fn invoice_line(line: &SaleLine, paid: &Paid, net: i64, currency: Currency, seller: &Seller) -> Line {
    let discount = currency.from_stripe(line.discount.max(0)).map_or(0, |money| money.minor);
    let included = match paid.reckoned {
        TaxComputation::Contained => true,
        TaxComputation::Charged(_) => line.taxes.iter().any(|tax| tax.included),
    };
    let discount = if included { split::before_tax(discount, paid.vat.rate).unwrap_or(discount) } else { discount };
    let full = currency.minor(net.saturating_add(discount)).decimal();
    let price = Price::of(line.quantity, full, currency.exponent());
    let mut description = filled(Some(&line.description)).unwrap_or_else(|| seller.default_label.clone());
    if price.lump {
        description = format!("{description} (× {})", line.quantity.normalize());
    }
    Line {
        description,
        quantity: price.quantity,
        unit_net: price.unit,
        per: price.per,
        net,
        gross: paid.gross,
        discount,
        vat: paid.vat,
        source: line.id.clone(),
        period: line.period.map(|period| days(period, &seller.time_zone)),
    }
}

/// The days of a period, whose end is the start of the next one.
fn days(billed: BilledPeriod, zone: &TimeZone) -> Period {
    let day = |at: Timestamp| at.to_zoned(zone.clone()).date();
    let last = billed.to.saturating_sub(SignedDuration::from_secs(1)).unwrap_or(billed.to).max(billed.from);
    Period { from: day(billed.from), to: day(last) }
}
