//! What is sold.

use std::sync::LazyLock;

use comptoir_plans::{catalogue::Catalogue, memory};

/// The prices that are subscribed to; the last is of no plan.
pub const PRICES: [&str; 4] = ["price_solo", "price_studio", "price_essai", "price_other"];

/// The plans.
pub static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(memory::catalogue);
