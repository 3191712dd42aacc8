//! The tax that the law expects for a line, from seller, place and supply.

use rust_decimal::Decimal;

use super::VatContext;
use crate::vat::{
    Vat, VatCategory,
    foreign::ForeignTax,
    place::Place,
    regime::{Rates, Supply, Taxed, VatRegime},
    territory::MemberState,
};

/// The tax that the law expects for a line; `None` if Stripe determines the rate.
pub fn expected(around: &VatContext<'_>) -> Option<Vat> {
    let services = around.supply != Supply::Goods;
    match (around.regime, around.place) {
        // Even under the franchise a business elsewhere in the Union owes the tax, if the seller has a VAT number.
        (VatRegime::Franchise, Place::MemberState { business: true, .. }) if services && around.numbered => {
            Some(Vat::without(VatCategory::AE))
        }
        (VatRegime::Franchise | VatRegime::Exempt(_), _) => Some(Vat::without(VatCategory::E)),
        (VatRegime::Taxed(taxed), place) => taxed_at(taxed, place, around),
    }
}

fn taxed_at(taxed: &Taxed, place: Place, around: &VatContext<'_>) -> Option<Vat> {
    let ours = match taxed.rates {
        Rates::Fixed { rate, .. } => Some(Vat::standard(rate)),
        Rates::Stripe => None,
    };
    match (place, around.supply) {
        (Place::Domestic, _) => ours,
        (Place::MemberState { business: true, .. }, Supply::Goods) => Some(Vat::without(VatCategory::K)),
        (Place::MemberState { business: true, .. }, _) => Some(Vat::without(VatCategory::AE)),
        // Under the one-stop shop, a distance sale bears the consumer's rate (Directive 2006/112/EC art. 33, 58).
        (Place::MemberState { state, .. }, Supply::Goods | Supply::Digital) if taxed.oss => match taxed.rates {
            Rates::Fixed { .. } => Some(of_state(state, state.standard_rate(around.day))),
            Rates::Stripe => None,
        },
        (Place::MemberState { .. }, _) => ours,
        (Place::Abroad { .. }, Supply::Goods) => Some(Vat::without(VatCategory::G)),
        (Place::Abroad { business: true }, _) | (_, Supply::Digital) => Some(Vat::without(VatCategory::O)),
        (Place::Abroad { .. }, _) => ours,
    }
}

/// The VAT of a member state.
pub(super) fn of_state(state: &MemberState, rate: Decimal) -> Vat {
    Vat { foreign: ForeignTax::of_state(state), ..Vat::standard(rate) }
}

/// The French category of a sale outside the Union's VAT area: an export of goods, or out of scope.
pub(super) fn abroad(supply: Supply) -> VatCategory {
    if supply == Supply::Goods { VatCategory::G } else { VatCategory::O }
}

/// Whether the VAT of a sale to a buyer of unknown location would differ from place to place; `named` says that a
/// business name or a tax number was given.
pub fn hangs_on_place(around: &VatContext<'_>, named: bool) -> bool {
    let at = |place| expected(&VatContext { place, ..*around });
    let home = at(Place::Domestic);
    // Two member states, because each has its own rate.
    let states = ["DE", "HU"].into_iter().filter_map(MemberState::of);
    let elsewhere = states.map(|state| Place::MemberState { state, business: false });
    home.is_none() || elsewhere.chain([Place::Abroad { business: named }]).any(|place| at(place) != home)
}
