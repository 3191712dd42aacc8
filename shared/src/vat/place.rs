//! The buyer's location for VAT: domestic, in another member state, or outside the Union's VAT area; a business or a
//! consumer.

use super::{
    number::VatNumber,
    region::{Region, Spot, Standing},
    territory::{MemberState, is_domestic},
};

/// The buyer's location.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In France, or in Monaco.
    Domestic,
    /// In another member state.
    MemberState {
        /// The state.
        state: &'static MemberState,
        /// A business that gave a VAT number of that state.
        business: bool,
    },
    /// Outside the Union's VAT area, or where French VAT does not apply.
    Abroad {
        /// A business: it gave its name, or a tax number.
        business: bool,
    },
}

impl Place {
    /// The place of supply of a service from `from`: the buyer's `spot`. `number` is a valid VAT number, `named` says
    /// that a business name or a foreign tax number was given.
    pub fn of_service(spot: Spot<'_>, from: Spot<'_>, number: Option<&VatNumber>, named: bool) -> Self {
        let abroad = Self::Abroad { business: named || number.is_some() };
        match Region::of(spot) {
            Some(region) if Region::of(from) == Some(region) => return Self::Domestic,
            Some(region) if region.standing != Standing::ExportsWithin => return abroad,
            _ => {}
        }
        if is_domestic(spot.country) {
            return Self::Domestic;
        }
        match MemberState::of(spot.country) {
            // A number of any other member state identifies a business; with a French number the sale stays in France.
            Some(state) => Self::MemberState { state, business: number.is_some_and(|n| n.state.country != "FR") },
            None => abroad,
        }
    }

    /// Where goods from `from` go: `spot` is the destination. Between the mainland and overseas they are exported.
    pub fn of_goods(spot: Spot<'_>, from: Spot<'_>, number: Option<&VatNumber>, named: bool) -> Self {
        let overseas = |spot| Region::of(spot).is_some_and(|region| region.standing == Standing::ExportsWithin);
        if is_domestic(spot.country) && overseas(spot) != overseas(from) {
            return Self::Abroad { business: named || number.is_some() };
        }
        Self::of_service(spot, from, number, named)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: Spot<'_> = Spot { country: "FR", postal_code: Some("34000") };

    fn spot<'a>(country: &'a str, postal_code: &'a str) -> Spot<'a> {
        Spot { country, postal_code: Some(postal_code) }
    }

    #[test]
    fn goods_are_exported_where_french_or_european_vat_ends() {
        let abroad = Place::Abroad { business: false };
        for overseas in ["97300", "97600", "97500", "98800", "98714", "98600", "97400", "97110", "97133", "97150"] {
            assert_eq!(Place::of_goods(spot("FR", overseas), HOME, None, false), abroad, "{overseas}");
        }
        for country in ["GF", "YT", "RE", "GP", "MQ", "NC", "PF", "WF", "PM", "BL", "MF", "AX"] {
            assert_eq!(Place::of_goods(spot(country, ""), HOME, None, false), abroad, "{country}");
        }
        for (country, code) in [("MC", "98000"), ("FR", "20000"), ("FR", "75011")] {
            assert_eq!(Place::of_goods(spot(country, code), HOME, None, false), Place::Domestic, "{code}");
        }
        let number = VatNumber::parse("ESB58378431").unwrap();
        let canary = Place::of_goods(spot("ES", "35001"), HOME, Some(&number), true);
        assert_eq!(canary, Place::Abroad { business: true });
        let madrid = Place::of_goods(spot("ES", "28001"), HOME, Some(&number), true);
        assert!(matches!(madrid, Place::MemberState { business: true, .. }));
    }

    #[test]
    fn services_follow_the_customer_out_of_the_vat_area_and_home_is_home() {
        assert_eq!(Place::of_service(spot("FR", "97300"), HOME, None, true), Place::Abroad { business: true });
        assert_eq!(Place::of_service(spot("FR", "97400"), HOME, None, true), Place::Domestic);
        assert_eq!(Place::of_service(spot("ES", "35001"), HOME, None, false), Place::Abroad { business: false });
        let cayenne = spot("FR", "97300");
        assert_eq!(Place::of_goods(cayenne, cayenne, None, false), Place::Domestic);
        assert_eq!(Place::of_goods(spot("GF", "97300"), cayenne, None, false), Place::Domestic);
    }
}
