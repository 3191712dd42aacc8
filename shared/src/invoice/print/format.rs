//! Formatting of numbers, money and dates for French and English readers. Independent of invoices.

use jiff::civil::Date;
use rust_decimal::Decimal;

use super::words::Wording;
use crate::money::Money;

/// The minus sign, as wide as a digit.
const MINUS: &str = "\u{2212}";

/// "49,00 €" or "€49.00"; other currencies with their code.
pub fn money(amount: Money, french: bool) -> String {
    with_currency(&number(amount.decimal(), amount.currency.decimals(), french), amount.currency.code(), french)
}

/// A formatted number with its currency: the euro by its sign, every other by its code.
pub(super) fn with_currency(number: &str, code: &str, french: bool) -> String {
    match (code, french) {
        ("EUR", true) => format!("{number}\u{a0}€"),
        ("EUR", false) => {
            number.strip_prefix(MINUS).map_or_else(|| format!("€{number}"), |positive| format!("{MINUS}€{positive}"))
        }
        _ => format!("{number}\u{a0}{code}"),
    }
}

/// "1 234,50" or "1,234.50", with at least `decimals` decimals.
pub(super) fn number(value: Decimal, decimals: u32, french: bool) -> String {
    let mut value = value;
    if value.scale() < decimals {
        value.rescale(decimals);
    }
    let text = value.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let whole = group(whole, french);
    let mark = if french { "," } else { "." };
    if fraction.is_empty() { whole } else { format!("{whole}{mark}{fraction}") }
}

/// Thousands separators: a narrow no-break space in French, a comma in English.
fn group(whole: &str, french: bool) -> String {
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole), |digits| (MINUS, digits));
    let separator = if french { '\u{202f}' } else { ',' };
    let mut grouped = String::from(sign);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            grouped.push(separator);
        }
        grouped.push(digit);
    }
    grouped
}

/// "5,5 %" or "5.5%".
pub(super) fn percent(rate: Decimal, french: bool) -> String {
    let rate = number(rate.normalize(), 0, french);
    if french { format!("{rate}\u{a0}%") } else { format!("{rate}%") }
}

/// The same for what is written without the words of a template: "1er novembre 2026" or "1 November 2026".
pub fn written_day(date: Date, french: bool) -> String {
    const FRENCH: [&str; 12] = [
        "janvier",
        "février",
        "mars",
        "avril",
        "mai",
        "juin",
        "juillet",
        "août",
        "septembre",
        "octobre",
        "novembre",
        "décembre",
    ];
    const ENGLISH: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let months = if french { FRENCH } else { ENGLISH };
    let month = usize::try_from(date.month() - 1).ok().and_then(|place| months.get(place)).copied().unwrap_or_default();
    let day = if french && date.day() == 1 { "1er".to_owned() } else { date.day().to_string() };
    format!("{day}\u{a0}{month}\u{a0}{}", date.year())
}

/// A SIREN or a SIRET in groups of three, its last five digits together, with no-break spaces: "123 456 782 00010".
pub(super) fn identifier(digits: &str) -> String {
    let mut written = String::with_capacity(digits.len() + 6);
    for (place, digit) in digits.chars().enumerate() {
        if matches!(place, 3 | 6 | 9) {
            written.push('\u{a0}');
        }
        written.push(digit);
    }
    written
}

/// "21 novembre 2026" or "21 November 2026".
pub(super) fn day(date: Date, words: &Wording) -> String {
    let month = usize::try_from(date.month() - 1).ok().and_then(|place| words.months.get(place));
    let month = month.map(String::as_str).unwrap_or_default();
    let day = if date.day() == 1 { words.first_of_month.clone() } else { date.day().to_string() };
    format!("{day}\u{a0}{month}\u{a0}{}", date.year())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{money::Currency, testing::words};
    use jiff::civil::date;

    #[test]
    fn numbers_and_dates_are_written_as_their_readers_write_them() {
        let eur = |minor| Currency::EUR.minor(minor);
        assert_eq!(money(eur(123_456_789), true), "1\u{202f}234\u{202f}567,89\u{a0}€");
        assert_eq!(money(eur(123_456), false), "€1,234.56");
        assert_eq!(money(eur(-500), false), "−€5.00");
        assert_eq!(money(eur(-123_456), true), "−1\u{202f}234,56\u{a0}€");
        assert_eq!(money(Currency::parse("jpy").unwrap().minor(1_500), true), "1\u{202f}500\u{a0}JPY");
        assert_eq!(money(Currency::parse("kwd").unwrap().minor(150), false), "1.500\u{a0}KWD");
        assert_eq!(percent("5.5".parse().unwrap(), true), "5,5\u{a0}%");
        assert_eq!(percent("5.5".parse().unwrap(), false), "5.5%");
        assert_eq!(day(date(2026, 11, 1), words().of("fr")), "1er\u{a0}novembre\u{a0}2026");
        assert_eq!(day(date(2026, 8, 21), words().of("en")), "21\u{a0}August\u{a0}2026");
        for language in ["fr", "en"] {
            for month in 1..=12 {
                let (first, other) = (date(2026, month, 1), date(2026, month, 21));
                let words = words();
                assert_eq!(written_day(other, language == "fr"), day(other, words.of(language)));
                assert_eq!(written_day(first, language == "fr"), day(first, words.of(language)));
            }
        }
    }

    #[test]
    fn identifiers_are_grouped_as_they_are_read() {
        assert_eq!(identifier("123456782"), "123\u{a0}456\u{a0}782");
        assert_eq!(identifier("12345678200010"), "123\u{a0}456\u{a0}782\u{a0}00010");
    }
}
