//! Checks README sentences that state a number against the tests they describe.

const README: &str = include_str!("../../../README.md");

/// Fails unless the README states `count` before `of`, in words or in figures: `says(15, "kinds of bad request")`.
///
/// # Panics
/// When it states another number, or none.
pub fn says(count: usize, of: &str) {
    let text = README.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    let found = text.match_indices(of).map(|(place, _)| text.get(..place).unwrap_or_default());
    let named: Vec<&str> = found.filter_map(|before| before.split_whitespace().next_back()).collect();
    let right = [count.to_string(), in_words(count)];
    assert!(
        named.iter().any(|word| right.iter().any(|right| right == word)),
        "README: {named:?} {of}, and it is {count}"
    );
}

/// Up to 99, in words.
fn in_words(count: usize) -> String {
    const ONES: [&str; 20] = [
        "no",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
        "eighteen",
        "nineteen",
    ];
    const TENS: [&str; 10] = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
    let ten = TENS.get(count / 10).copied().unwrap_or_default();
    match (ONES.get(count), ONES.get(count % 10)) {
        (Some(one), _) => (*one).to_owned(),
        (None, Some(_)) if count.is_multiple_of(10) => ten.to_owned(),
        (None, Some(one)) => format!("{ten}-{one}"),
        (None, None) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_in_words_and_in_figures() {
        for (count, words) in [(0, "no"), (14, "fourteen"), (20, "twenty"), (28, "twenty-eight"), (99, "ninety-nine")] {
            assert_eq!(in_words(count), words);
        }
        says(64, "writers of one series");
        says(15, "kinds of bad request");
    }

    #[test]
    #[should_panic(expected = "[\"fifteen\"] kinds of bad request, and it is 13")]
    fn another_number_is_noticed() {
        says(13, "kinds of bad request");
    }

    #[test]
    #[should_panic(expected = "[] kinds of nothing")]
    fn a_sentence_that_is_not_there_is_noticed() {
        says(13, "kinds of nothing");
    }
}
