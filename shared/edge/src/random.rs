//! Randomness from the operating system, for ids that nobody may guess and no one else may have.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// 128 random bits, in letters, digits, `-` and `_`.
pub fn random_name() -> String {
    let mut bits = [0_u8; 16];
    // The kernel has been running longer than this function: it answers, at the latest on a retry.
    while getrandom::getrandom(&mut bits).is_err() {
        std::thread::yield_now();
    }
    URL_SAFE_NO_PAD.encode(bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_random_and_fit_for_keys() {
        let (one, other) = (random_name(), random_name());
        assert!(one != other && one.len() == 22);
        assert!(one.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')));
    }
}
