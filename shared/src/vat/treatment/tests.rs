//! The VAT of a line, by seller, place, supply and what Stripe charged.

use jiff::civil::{Date, date};
use rust_decimal::Decimal;

use super::{Charge, TaxComputation, VatContext, VatUndetermined, decide, hangs_on_place, untaxed::NOT_TAXED};
use crate::vat::{
    Ground, Vat, VatCategory,
    foreign::{CountryCode, ForeignTax, TaxKind, Whose},
    place::Place,
    regime::{Prices, Rates, Supply, Taxed, VatRegime},
    territory::MemberState,
};

const DAY: Date = date(2026, 11, 21);

fn fixed(prices: Prices, oss: bool) -> VatRegime {
    let rates = Rates::Fixed { rate: 20.into(), prices };
    VatRegime::Taxed(Taxed { rates, on_debits: false, oss, exempt: None })
}

fn stripe(oss: bool) -> VatRegime {
    VatRegime::Taxed(Taxed { rates: Rates::Stripe, on_debits: false, oss, exempt: None })
}

fn around(regime: &VatRegime, supply: Supply, place: Place) -> VatContext<'_> {
    VatContext { regime, numbered: true, supply, place, day: DAY, told: &[], unit: 1 }
}

fn abroad(country: &str, business: bool) -> Place {
    MemberState::of(country).map_or(Place::Abroad { business }, |state| Place::MemberState { state, business })
}

#[test]
fn the_category_follows_seller_place_and_supply() {
    use Supply::{Digital, Goods, Services};
    let shop = fixed(Prices::IncludeTax, false);
    let oss = fixed(Prices::IncludeTax, true);
    for (regime, supply, place, expected) in [
        (&shop, Services, Place::Domestic, "S 20"),
        (&shop, Goods, abroad("DE", true), "K 0"),
        (&shop, Services, abroad("DE", true), "AE 0"),
        (&shop, Digital, abroad("DE", true), "AE 0"),
        (&shop, Digital, abroad("DE", false), "S 20"),
        (&oss, Digital, abroad("DE", false), "S 19"),
        (&oss, Goods, abroad("FI", false), "S 25.5"),
        (&oss, Services, abroad("DE", false), "S 20"),
        (&shop, Goods, abroad("US", false), "G 0"),
        (&shop, Services, abroad("US", true), "O 0"),
        (&shop, Services, abroad("US", false), "S 20"),
        (&shop, Digital, abroad("US", false), "O 0"),
        (&VatRegime::Franchise, Services, Place::Domestic, "E 0"),
        (&VatRegime::Franchise, Services, abroad("DE", true), "AE 0"),
        (&VatRegime::Franchise, Goods, abroad("DE", true), "E 0"),
        (&VatRegime::Exempt(Ground::Teaching), Services, abroad("US", true), "E 0"),
    ] {
        let vat = super::expected(&around(regime, supply, place)).unwrap();
        assert_eq!(format!("{} {}", vat.category.code(), vat.rate.normalize()), expected, "{supply:?} {place:?}");
    }
    let unnumbered = VatContext { numbered: false, ..around(&VatRegime::Franchise, Services, abroad("DE", true)) };
    assert_eq!(super::expected(&unnumbered), Some(Vat::without(VatCategory::E)));
}

#[test]
fn what_stripe_charged_is_what_the_invoice_shows() {
    let charge = |tax, rate: Option<i64>, reason: &str| Charge {
        tax,
        rate: rate.map(Decimal::from),
        whose: Whose::Untold,
        reason: Some(reason.to_owned()).filter(|reason| !reason.is_empty()),
    };
    let shop = fixed(Prices::ExcludeTax, false);
    let tax = stripe(false);
    let told = |regime: &VatRegime, place, charge: Option<&Charge>, net| {
        decide(&around(regime, Supply::Services, place), charge, net)
    };
    let home = Place::Domestic;
    let twenty = Vat::standard(20.into());
    assert_eq!(told(&tax, home, Some(&charge(200, Some(20), "")), 1000), Ok((twenty, TaxComputation::Charged(200))));
    assert_eq!(told(&tax, home, Some(&charge(200, None, "")), 1000), Ok((twenty, TaxComputation::Charged(200))));
    assert_eq!(told(&shop, home, Some(&charge(201, None, "")), 1000), Ok((twenty, TaxComputation::Charged(201))));
    assert!(matches!(told(&shop, home, Some(&charge(300, None, "")), 1000), Err(VatUndetermined::Differs { .. })));
    assert_eq!(told(&shop, home, None, 1000), Err(VatUndetermined::Missing(20.into())));
    assert_eq!(
        told(&tax, home, Some(&charge(1, None, "")), 50),
        Err(VatUndetermined::RateUnknown(1)),
        "many rates fit"
    );
    assert_eq!(
        told(&tax, abroad("IE", false), Some(&charge(0, None, "zero_rated")), 50).unwrap().0.category,
        VatCategory::Z
    );
    assert_eq!(
        told(&tax, abroad("DE", true), Some(&charge(0, None, "reverse_charge")), 50).unwrap().0.category,
        VatCategory::AE
    );
    assert!(matches!(
        told(&tax, home, Some(&charge(0, None, "reverse_charge")), 50),
        Err(VatUndetermined::Differs { .. })
    ));
    assert_eq!(
        told(&tax, home, Some(&charge(0, None, "product_exempt")), 50),
        Err(VatUndetermined::ExemptionUnknown("product_exempt".into()))
    );
    assert!(matches!(
        told(&VatRegime::Franchise, home, Some(&charge(1, None, "")), 50),
        Err(VatUndetermined::Differs { .. })
    ));
    // A gift, or cents whose tax rounds to zero.
    assert_eq!(told(&tax, home, Some(&charge(0, None, "standard_rated")), 0), Ok((twenty, TaxComputation::Charged(0))));
    assert_eq!(told(&tax, home, None, 0), Ok((twenty, TaxComputation::Charged(0))));
    assert_eq!(told(&shop, home, None, 2), Ok((twenty, TaxComputation::Charged(0))));
    assert!(told(&tax, home, Some(&charge(0, None, "standard_rated")), 500).is_err());
    // Charged tax is shown as its country's, or the sale is parked: France has no 19 percent.
    assert_eq!(
        told(&tax, abroad("DE", true), Some(&charge(190, Some(19), "")), 1000),
        Err(VatUndetermined::CountryUnknown(19.into()))
    );
}

#[test]
fn a_tax_is_a_rate_and_a_country() {
    let of = |country: &str, kind| {
        let country = CountryCode::parse(country).unwrap();
        Whose::Foreign(ForeignTax { country, kind })
    };
    let charge = |tax, rate: &str, whose, reason: &str| Charge {
        tax,
        rate: Some(rate.parse().unwrap()),
        whose,
        reason: Some(reason.to_owned()),
    };
    let (alone, oss) = (stripe(false), stripe(true));
    let told = |regime: &VatRegime, supply, place, charge: &Charge, net| {
        decide(&around(regime, supply, place), Some(charge), net).map(|(vat, _)| vat)
    };
    let british = charge(2000, "20", of("GB", TaxKind::Vat), "standard_rated");
    let vat = told(&alone, Supply::Digital, abroad("GB", false), &british, 10_000).unwrap();
    assert_eq!(
        (vat.category, vat.rate, vat.beyond_vat().unwrap().label()),
        (VatCategory::O, 20.into(), "TVA GB".into())
    );
    let vat = told(&alone, Supply::Goods, abroad("GB", false), &british, 10_000).unwrap();
    assert_eq!(vat.category, VatCategory::G);
    for (rate, tax, country, kind) in [
        ("8.1", 899, "CH", TaxKind::Vat),
        ("25", 2400, "NO", TaxKind::Vat),
        ("8.875", 978, "US", TaxKind::SalesTax),
        ("10", 1091, "AU", TaxKind::Gst),
    ] {
        let charge = charge(tax, rate, of(country, kind), "standard_rated");
        let vat = told(&alone, Supply::Services, abroad(country, false), &charge, 12_000 - tax).unwrap();
        assert_eq!(vat.beyond_vat().map(|tax| tax.kind), Some(kind), "{country}");
    }
    // Another member state's: the one-stop shop's, whatever the supply is called, or the sale is parked.
    let austrian = charge(2000, "20", of("AT", TaxKind::Vat), "standard_rated");
    let at = CountryCode::parse("AT").unwrap();
    assert_eq!(
        told(&alone, Supply::Digital, abroad("AT", false), &austrian, 10_000),
        Err(VatUndetermined::OtherState(at))
    );
    let vat = told(&oss, Supply::Services, abroad("AT", false), &austrian, 10_000).unwrap();
    assert_eq!((vat.category, vat.foreign.unwrap().country, vat.beyond_vat()), (VatCategory::S, at, None));
    for place in [abroad("AT", true), abroad("DE", false), Place::Domestic, abroad("US", false)] {
        assert_eq!(
            told(&oss, Supply::Digital, place, &austrian, 10_000),
            Err(VatUndetermined::OtherState(at)),
            "{place:?}"
        );
    }
    let gb = CountryCode::parse("GB").unwrap();
    for place in [Place::Domestic, abroad("DE", false)] {
        assert_eq!(told(&oss, Supply::Digital, place, &british, 10_000), Err(VatUndetermined::OtherCountry(gb)));
    }
    let mixed = charge(2000, "20", Whose::Several, "standard_rated");
    assert_eq!(told(&oss, Supply::Digital, Place::Domestic, &mixed, 10_000), Err(VatUndetermined::SeveralCountries));
}

#[test]
fn a_zero_of_stripes_is_taken_out_of_the_vat_area_and_not_within() {
    let zero =
        |reason: &str, whose| Charge { tax: 0, rate: Some(Decimal::ZERO), whose, reason: Some(reason.to_owned()) };
    let regime = stripe(false);
    let told = |supply, place, charge: &Charge| decide(&around(&regime, supply, place), Some(charge), 1000);
    for reason in NOT_TAXED {
        let charge = zero(reason, Whose::Untold);
        for (supply, category) in [(Supply::Services, VatCategory::O), (Supply::Goods, VatCategory::G)] {
            let vat = told(supply, Place::Abroad { business: false }, &charge).unwrap().0;
            assert_eq!(vat, Vat::without(category), "{reason} {supply:?}");
        }
    }
    assert!(told(Supply::Services, abroad("US", false), &zero("standard_rated", Whose::Untold)).is_err());
    for place in [Place::Domestic, abroad("DE", false)] {
        for reason in ["not_collecting", "not_subject_to_tax", "customer_exempt", "reverse_charge"] {
            assert!(told(Supply::Digital, place, &zero(reason, Whose::Untold)).is_err(), "{place:?} {reason}");
        }
    }
}

#[test]
fn only_where_the_vat_is_the_same_everywhere_may_the_place_be_unknown() {
    let hangs = |regime: &VatRegime, supply, named| hangs_on_place(&around(regime, supply, Place::Domestic), named);
    let (shop, oss) = (fixed(Prices::IncludeTax, false), fixed(Prices::IncludeTax, true));
    for supply in [Supply::Goods, Supply::Services, Supply::Digital] {
        assert!(!hangs(&VatRegime::Franchise, supply, true), "{supply:?}");
        assert!(!hangs(&VatRegime::Exempt(Ground::Teaching), supply, true));
        assert!(hangs(&stripe(false), supply, false));
    }
    assert!(!hangs(&shop, Supply::Services, false) && hangs(&shop, Supply::Services, true));
    assert!(hangs(&shop, Supply::Digital, false) && hangs(&shop, Supply::Goods, false));
    assert!(!hangs(&oss, Supply::Services, false) && hangs(&oss, Supply::Digital, false));
}
