//! Where a buyer is, as far as VAT asks: here, in another member state, or out of the Union; a business or a consumer.

use super::{
    number::VatNumber,
    territory::{MemberState, is_domestic},
};
use crate::{sale::Customer, text::filled};

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

impl Place {
    /// The place of a buyer in `country` who showed `number`.
    pub fn of(country: &str, number: Option<&VatNumber>, customer: &Customer) -> Self {
        if is_domestic(country) {
            return Self::Domestic;
        }
        match MemberState::of(country) {
            // A number of any other member state makes a business; a French one does not take the sale out of France.
            Some(state) => Self::MemberState { state, business: number.is_some_and(|n| n.state.country != "FR") },
            None => Self::Abroad {
                business: filled(customer.business_name.as_deref()).is_some() || !customer.tax_ids.is_empty(),
            },
        }
    }
}
