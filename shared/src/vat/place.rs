//! Where a buyer is, as far as VAT asks: here, in another member state, or out of the Union; a business or a consumer.

use super::{
    number::VatNumber,
    territory::{MemberState, is_domestic, is_overseas},
};

/// Where a buyer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In France, or in Monaco.
    Domestic,
    /// In another member state.
    MemberState {
        /// Which.
        state: &'static MemberState,
        /// A business that showed a VAT number of that state.
        business: bool,
    },
    /// Out of the Union.
    Abroad {
        /// A business: it gave its name, or a tax number.
        business: bool,
    },
}

/// An address, as far as VAT asks.
#[derive(Debug, Clone, Copy)]
pub struct Spot<'a> {
    /// ISO 3166-1 alpha-2.
    pub country: &'a str,
    /// Postal code.
    pub postal_code: Option<&'a str>,
}

impl Place {
    /// Where a service is bought: at the buyer's `spot`. `number` is a right VAT number, `named` says that a business's name
    /// or a foreign tax number was given.
    pub fn of_service(spot: Spot<'_>, number: Option<&VatNumber>, named: bool) -> Self {
        if is_domestic(spot.country) {
            return Self::Domestic;
        }
        match MemberState::of(spot.country) {
            // A number of any other member state makes a business; a French one does not take the sale out of France.
            Some(state) => Self::MemberState { state, business: number.is_some_and(|n| n.state.country != "FR") },
            None => Self::Abroad { business: named || number.is_some() },
        }
    }

    /// Where goods go: `spot` is where they are delivered. Between the mainland and overseas they are exported.
    pub fn of_goods(spot: Spot<'_>, from: Spot<'_>, number: Option<&VatNumber>, named: bool) -> Self {
        let overseas = |spot: Spot<'_>| is_overseas(spot.country, spot.postal_code);
        if is_domestic(spot.country) && overseas(spot) != overseas(from) {
            return Self::Abroad { business: named || number.is_some() };
        }
        Self::of_service(spot, number, named)
    }
}
