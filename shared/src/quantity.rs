//! Quantities: decimals; older records hold whole numbers.

use std::fmt;

use rust_decimal::Decimal;
use serde::{Deserializer, de};

/// Reads a quantity written as text (`"7.5"`) or, in older records, as a whole number.
///
/// # Errors
/// When it is not a number.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
    struct Visitor;
    impl de::Visitor<'_> for Visitor {
        type Value = Decimal;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a quantity such as \"7.5\" or 7")
        }

        fn visit_u64<E: de::Error>(self, value: u64) -> Result<Decimal, E> {
            Ok(value.into())
        }

        fn visit_i64<E: de::Error>(self, value: i64) -> Result<Decimal, E> {
            Ok(value.into())
        }

        fn visit_str<E: de::Error>(self, value: &str) -> Result<Decimal, E> {
            value.parse().map_err(|_| E::custom("a quantity that is no number"))
        }
    }
    deserializer.deserialize_any(Visitor)
}

#[cfg(test)]
mod tests {
    use crate::sale::SaleLine;

    #[test]
    fn records_of_whole_quantities_are_read_as_those_of_decimals() {
        let line = |quantity: &str| {
            serde_json::from_str::<SaleLine>(&format!(r#"{{"description":"A","quantity":{quantity},"total":1}}"#))
        };
        assert_eq!(line("3").unwrap().quantity, 3.into());
        assert_eq!(line("\"7.5\"").unwrap().quantity.to_string(), "7.5");
        let written = serde_json::to_string(&line("\"7.5\"").unwrap()).unwrap();
        assert!(written.contains(r#""quantity":"7.5""#), "{written}");
        assert_eq!(serde_json::from_str::<SaleLine>(&written).unwrap(), line("\"7.5\"").unwrap());
        assert!(line("\"seven\"").is_err() && line("null").is_err());
    }
}
