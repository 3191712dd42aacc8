//! Legal texts as dated data: which sentence stands on an invoice of a given day, and why.
//!
//! A change of law is a row here, with its dates. Sentences stay French whatever the customer's language: the law that
//! asks for them is French.

use jiff::civil::{Date, date};

use super::Mention;
use crate::seller::{Supply, VatRegime};

/// When a row applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    /// On every invoice.
    Always,
    /// The seller charges no VAT under article 293 B.
    Franchise,
    /// The seller took the option to pay VAT on debits.
    OnDebits,
    /// The supply is of this kind.
    Supply(Supply),
}

struct Row {
    code: Option<&'static str>,
    text: &'static str,
    when: When,
    from: Date,
    /// The last day, if the law has one.
    until: Option<Date>,
    /// Where the duty stands; read by people who change this table.
    #[expect(dead_code, reason = "kept beside the text it justifies")]
    source: &'static str,
}

const EARLIEST: Date = date(2020, 1, 1);

const ROWS: [Row; 8] = [
    Row {
        code: None,
        text: "TVA non applicable, article 293 B du CGI",
        when: When::Franchise,
        from: EARLIEST,
        until: Some(date(2028, 6, 30)),
        source: "CGI art. 293 E; references to the CGI stay allowed until 2028-06-30, ordonnance 2026-671",
    },
    Row {
        code: None,
        text: "Option pour le paiement de la taxe d’après les débits",
        when: When::OnDebits,
        from: EARLIEST,
        until: None,
        source: "CGI annexe II art. 242 nonies A, I-11° bis (décret 2022-1299)",
    },
    Row {
        code: None,
        text: "Nature de l’opération : livraison de biens",
        when: When::Supply(Supply::Goods),
        from: EARLIEST,
        until: None,
        source: "CGI annexe II art. 242 nonies A, I-8° bis (décret 2022-1299)",
    },
    Row {
        code: None,
        text: "Nature de l’opération : prestation de services",
        when: When::Supply(Supply::Services),
        from: EARLIEST,
        until: None,
        source: "CGI annexe II art. 242 nonies A, I-8° bis (décret 2022-1299)",
    },
    Row {
        code: None,
        text: "Nature de l’opération : livraison de biens et prestation de services",
        when: When::Supply(Supply::Both),
        from: EARLIEST,
        until: None,
        source: "CGI annexe II art. 242 nonies A, I-8° bis (décret 2022-1299)",
    },
    Row {
        code: Some("PMT"),
        text: "Indemnité forfaitaire pour frais de recouvrement en cas de retard de paiement : 40 €",
        when: When::Always,
        from: EARLIEST,
        until: None,
        source: "C. com. art. L441-10 II, D441-5; BR-FR-05",
    },
    Row {
        code: Some("PMD"),
        text: "Pénalités de retard : trois fois le taux d’intérêt légal",
        when: When::Always,
        from: EARLIEST,
        until: None,
        source: "C. com. art. L441-9 I, L441-10 II; BR-FR-05",
    },
    Row {
        code: Some("AAB"),
        text: "Pas d’escompte pour paiement anticipé",
        when: When::Always,
        from: EARLIEST,
        until: None,
        source: "C. com. art. L441-9 I; BR-FR-05",
    },
];

/// The texts of an invoice issued on `day`, in print order.
pub fn mentions(day: Date, vat: &VatRegime, supply: Supply) -> Vec<Mention> {
    let holds = |when: When| match when {
        When::Always => true,
        When::Franchise => *vat == VatRegime::Franchise,
        When::OnDebits => matches!(vat, VatRegime::Standard { on_debits: true, .. }),
        When::Supply(kind) => kind == supply,
    };
    ROWS.iter()
        .filter(|row| row.from <= day && row.until.is_none_or(|last| day <= last) && holds(row.when))
        .map(|row| Mention { code: row.code.map(str::to_owned), text: row.text.to_owned() })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(day: Date, vat: &VatRegime) -> String {
        mentions(day, vat, Supply::Services).into_iter().map(|mention| mention.text + "\n").collect()
    }

    #[test]
    fn the_franchise_mention_ends_when_the_law_says() {
        assert!(texts(date(2028, 6, 30), &VatRegime::Franchise).contains("293 B"));
        assert!(!texts(date(2028, 7, 1), &VatRegime::Franchise).contains("293 B"));
    }

    #[test]
    fn the_debits_option_is_printed_only_where_taken() {
        let standard = |on_debits| VatRegime::Standard { rate: 20.into(), on_debits };
        assert!(texts(date(2026, 11, 21), &standard(true)).contains("débits"));
        assert!(!texts(date(2026, 11, 21), &standard(false)).contains("débits"));
        assert!(!texts(date(2026, 11, 21), &standard(false)).contains("293 B"));
    }

    #[test]
    fn each_coded_note_stands_once() {
        for code in ["PMT", "PMD", "AAB"] {
            let all = mentions(date(2026, 11, 21), &VatRegime::Franchise, Supply::Goods);
            assert_eq!(all.iter().filter(|mention| mention.code.as_deref() == Some(code)).count(), 1);
        }
    }
}
