//! Shipping: where a sale is sent, and what that costs.

use serde::Deserialize;

use super::{Address, ItemTax};

/// Shipping details.
#[derive(Debug, Clone, Deserialize)]
pub struct Shipping {
    /// The recipient.
    pub name: Option<String>,
    /// The address.
    pub address: Option<Address>,
}

/// Shipping.
#[derive(Debug, Clone, Deserialize)]
pub struct ShippingCost {
    /// With tax, in minor units.
    pub amount_total: Option<i64>,
    /// The tax within.
    pub amount_tax: Option<i64>,
    /// The taxes one by one, where expanded.
    pub taxes: Option<Vec<ItemTax>>,
}
