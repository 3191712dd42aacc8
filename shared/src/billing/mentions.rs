//! Legal texts as dated data: which sentence an invoice of a given day carries, and why.
//!
//! A change of law is a row here, with its dates. Sentences stay French whatever the customer's language, because
//! French law requires them.

use jiff::civil::{Date, date};

use crate::{
    invoice::{Exemption, Mention},
    vat::{Ground, regime::Supply},
};

/// The facts of an invoice that decide its legal texts.
#[derive(Debug, Clone)]
pub struct Facts<'a> {
    /// The grounds on which parts of it bear no VAT.
    pub grounds: &'a [Ground],
    /// The seller opted to pay VAT on debits.
    pub on_debits: bool,
    /// What is sold.
    pub supply: Supply,
    /// The rules of French platforms apply: to everything but distance sales under the one-stop shop.
    pub platform: bool,
}

/// The condition for a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    /// The rules of French platforms apply.
    Platform,
    /// A part bears no VAT on this ground.
    Ground(Ground),
    /// The seller opted to pay VAT on debits.
    OnDebits,
    /// The supply is of this kind.
    Supply(&'static [Supply]),
}

struct Row {
    /// The code in the electronic invoice: a subject code (UNTDID 4451), or for a ground its VATEX code.
    code: Option<&'static str>,
    text: &'static str,
    when: When,
    from: Date,
    /// The last day, if there is one.
    until: Option<Date>,
    /// The legal source; for maintainers of this table.
    #[expect(dead_code, reason = "kept beside the text it justifies")]
    source: &'static str,
}

const EARLIEST: Date = date(2020, 1, 1);

/// The CGI's articles on VAT move to the CIBS; references to the CGI stay allowed until then (ordonnance 2026-671).
const CGI_UNTIL: Option<Date> = Some(date(2028, 6, 30));

const fn ground(
    ground: Ground,
    code: &'static str,
    text: &'static str,
    until: Option<Date>,
    source: &'static str,
) -> Row {
    Row { code: Some(code), text, when: When::Ground(ground), from: EARLIEST, until, source }
}

const fn supply(kinds: &'static [Supply], text: &'static str) -> Row {
    let source = "CGI annexe II art. 242 nonies A, I-8° bis (décret 2022-1299)";
    Row { code: None, text, when: When::Supply(kinds), from: EARLIEST, until: None, source }
}

const fn note(code: &'static str, text: &'static str, source: &'static str) -> Row {
    Row { code: Some(code), text, when: When::Platform, from: EARLIEST, until: None, source }
}

const ROWS: [Row; 14] = [
    ground(
        Ground::Franchise,
        "VATEX-FR-FRANCHISE",
        "TVA non applicable, article 293 B du CGI",
        CGI_UNTIL,
        "CGI art. 293 E",
    ),
    ground(
        Ground::Teaching,
        "VATEX-FR-CGI261-4",
        "Exonération de TVA, article 261, 4, 4° du CGI",
        CGI_UNTIL,
        "CGI annexe II art. 242 nonies A, I-12°",
    ),
    ground(
        Ground::NonProfit,
        "VATEX-FR-CGI261-7",
        "Exonération de TVA, article 261, 7, 1° du CGI",
        CGI_UNTIL,
        "CGI annexe II art. 242 nonies A, I-12°",
    ),
    ground(
        Ground::ReverseCharge,
        "VATEX-EU-AE",
        "Autoliquidation",
        None,
        "CGI annexe II art. 242 nonies A, I-13°; Directive 2006/112/EC art. 226 (11a)",
    ),
    ground(
        Ground::IntraCommunity,
        "VATEX-EU-IC",
        "Exonération de TVA, article 262 ter, I du CGI",
        CGI_UNTIL,
        "CGI annexe II art. 242 nonies A, I-12°",
    ),
    ground(
        Ground::Export,
        "VATEX-EU-G",
        "Exonération de TVA, article 262, I du CGI",
        CGI_UNTIL,
        "CGI annexe II art. 242 nonies A, I-12°",
    ),
    ground(
        Ground::OutsideScope,
        "VATEX-EU-O",
        "TVA française non applicable, articles 259 à 259 D du CGI",
        CGI_UNTIL,
        "CGI art. 259 to 259 D",
    ),
    Row {
        code: None,
        text: "Option pour le paiement de la taxe d’après les débits",
        when: When::OnDebits,
        from: EARLIEST,
        until: None,
        source: "CGI annexe II art. 242 nonies A, I-11° bis (décret 2022-1299)",
    },
    supply(&[Supply::Goods], "Nature de l’opération : livraison de biens"),
    supply(&[Supply::Services, Supply::Digital], "Nature de l’opération : prestation de services"),
    supply(&[Supply::Both], "Nature de l’opération : livraison de biens et prestation de services"),
    note(
        "PMT",
        "Indemnité forfaitaire pour frais de recouvrement en cas de retard de paiement : 40 €",
        "C. com. art. L441-10 II, D441-5; BR-FR-05",
    ),
    note(
        "PMD",
        "Pénalités de retard : trois fois le taux d’intérêt légal",
        "C. com. art. L441-9 I, L441-10 II; BR-FR-05",
    ),
    note("AAB", "Pas d’escompte pour paiement anticipé", "C. com. art. L441-9 I; BR-FR-05"),
];

impl Row {
    fn is_in_force(&self, day: Date) -> bool {
        self.from <= day && self.until.is_none_or(|last| day <= last)
    }
}

/// The texts of an invoice issued on `day`, in print order.
pub fn mentions(day: Date, facts: &Facts<'_>) -> Vec<Mention> {
    let holds = |when: When| match when {
        When::Platform => facts.platform,
        When::Ground(ground) => facts.grounds.contains(&ground),
        When::OnDebits => facts.on_debits,
        When::Supply(kinds) => kinds.contains(&facts.supply),
    };
    // A ground's code belongs to its tax row, not to a note.
    let code = |row: &Row| row.code.filter(|_| !matches!(row.when, When::Ground(_))).map(str::to_owned);
    ROWS.iter()
        .filter(|row| row.is_in_force(day) && holds(row.when))
        .map(|row| Mention { code: code(row), text: row.text.to_owned() })
        .collect()
}

/// The code and the text of a ground on `day`; `None` if the table has none.
pub fn exemption(day: Date, ground: Ground) -> Option<Exemption> {
    let row = ROWS.iter().find(|row| row.when == When::Ground(ground) && row.is_in_force(day))?;
    Some(Exemption { code: row.code?.to_owned(), text: row.text.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TODAY: Date = date(2026, 11, 21);

    fn texts(day: Date, grounds: &[Ground], on_debits: bool) -> String {
        let facts = Facts { grounds, on_debits, supply: Supply::Services, platform: true };
        mentions(day, &facts).into_iter().map(|mention| mention.text + "\n").collect()
    }

    #[test]
    fn references_to_the_cgi_end_when_the_law_says() {
        for ground in [Ground::Franchise, Ground::Teaching, Ground::NonProfit, Ground::IntraCommunity, Ground::Export] {
            let text = exemption(date(2028, 6, 30), ground).unwrap().text;
            assert!(texts(date(2028, 6, 30), &[ground], false).contains(&text));
            assert!(!texts(date(2028, 7, 1), &[ground], false).contains(&text), "{text}");
            assert_eq!(exemption(date(2028, 7, 1), ground), None);
        }
        assert_eq!(exemption(date(2028, 7, 1), Ground::ReverseCharge).unwrap().text, "Autoliquidation");
    }

    #[test]
    fn the_debits_option_is_printed_only_where_taken() {
        assert!(texts(TODAY, &[], true).contains("débits"));
        assert!(!texts(TODAY, &[], false).contains("débits"));
        assert!(!texts(TODAY, &[], false).contains("293 B"));
    }

    #[test]
    fn each_coded_note_stands_once_where_platforms_want_it() {
        for code in ["PMT", "PMD", "AAB"] {
            for platform in [true, false] {
                let facts = Facts { grounds: &[Ground::Franchise], on_debits: false, supply: Supply::Goods, platform };
                let all = mentions(TODAY, &facts);
                let count = all.iter().filter(|mention| mention.code.as_deref() == Some(code)).count();
                assert_eq!(count, usize::from(platform));
            }
        }
    }

    #[test]
    fn every_row_has_a_first_day_and_an_order() {
        assert!(ROWS.iter().all(|row| row.from >= EARLIEST && row.until.is_none_or(|last| row.from < last)));
    }
}
