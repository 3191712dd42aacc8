//! The owner's settings, with the facts of every day: a change is written ahead, and applies from its day.
//!
//! Identity and address are those of the day of issue, VAT that of the day on which the tax falls due. A sale paid on
//! 31 December is taxed by December's regime, even if its invoice is issued in January.

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::{Accounts, Look, MailSettings, Party, Seller};
use crate::{
    numbering::SeriesPattern,
    vat::regime::{Supply, VatRegime},
};

/// Facts by the day from which they apply; the first have always applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dated<T> {
    first: T,
    later: Vec<(Date, T)>,
}

impl<T> Dated<T> {
    /// The facts of a list in order of its days; `None` if it is empty.
    pub(super) fn of(list: Vec<(Date, T)>) -> Option<Self> {
        let mut later = list.into_iter();
        let (_, first) = later.next()?;
        Some(Self { first, later: later.collect() })
    }

    /// The facts of a day.
    pub(super) fn on(&self, day: Date) -> &T {
        self.later.iter().rev().find(|(from, _)| *from <= day).map_or(&self.first, |(_, facts)| facts)
    }

    fn all(&self) -> impl Iterator<Item = &T> {
        std::iter::once(&self.first).chain(self.later.iter().map(|(_, facts)| facts))
    }

    /// The days on which the facts change, and the first day of all.
    pub(super) fn turns(&self) -> impl Iterator<Item = Date> {
        std::iter::once(Date::MIN).chain(self.later.iter().map(|(from, _)| *from))
    }
}

/// What decides about VAT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TaxFacts {
    pub regime: VatRegime,
    pub number: Option<String>,
    pub unknown_is_domestic: bool,
    pub supply: Supply,
}

/// The patterns of numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NumberPatterns {
    pub series: SeriesPattern,
    pub credit_series: SeriesPattern,
}

/// All of the owner's settings.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The stored version; 0 for settings that are not stored.
    pub version: u64,
    pub(super) parties: Dated<Party>,
    pub(super) taxes: Dated<TaxFacts>,
    pub(super) numbering: Dated<NumberPatterns>,
    pub(super) language: String,
    pub(super) time_zone: TimeZone,
    pub(super) default_label: String,
    pub(super) unnamed_customer: Option<String>,
    pub(super) mail: MailSettings,
    pub(super) look: Look,
    pub(super) accounts: Accounts,
}

impl Settings {
    /// Settings under which the facts of this seller have always applied.
    #[cfg(any(test, feature = "testing"))]
    pub fn always(seller: Seller) -> Self {
        let always = |first| Dated { first, later: Vec::new() };
        Self {
            version: 0,
            taxes: Dated {
                first: TaxFacts {
                    regime: seller.vat,
                    number: seller.party.vat_number.clone(),
                    unknown_is_domestic: seller.unknown_is_domestic,
                    supply: seller.supply,
                },
                later: Vec::new(),
            },
            parties: always(seller.party),
            numbering: Dated {
                first: NumberPatterns { series: seller.series, credit_series: seller.credit_series },
                later: Vec::new(),
            },
            language: seller.language,
            time_zone: seller.time_zone,
            default_label: seller.default_label,
            unnamed_customer: seller.unnamed_customer,
            mail: seller.mail,
            look: seller.look,
            accounts: seller.accounts,
        }
    }

    /// The seller on a document issued on `issued_on`, for tax that fell due on `due_on`.
    pub fn on(&self, issued_on: Date, due_on: Date) -> Seller {
        let (party, tax, patterns) = (self.parties.on(issued_on), self.taxes.on(due_on), self.numbering.on(issued_on));
        let mut mail = self.mail.clone();
        if mail.from_name.is_empty() {
            mail.from_name.clone_from(&party.name);
        }
        Seller {
            party: Party { vat_number: tax.number.clone(), ..party.clone() },
            vat: tax.regime.clone(),
            unknown_is_domestic: tax.unknown_is_domestic,
            series: patterns.series.clone(),
            credit_series: patterns.credit_series.clone(),
            supply: tax.supply,
            language: self.language.clone(),
            time_zone: self.time_zone.clone(),
            default_label: self.default_label.clone(),
            unnamed_customer: self.unnamed_customer.clone(),
            mail,
            look: self.look.clone(),
            accounts: self.accounts.clone(),
        }
    }

    /// The seller of a day, on whatever is not a document.
    pub fn of_day(&self, day: Date) -> Seller {
        self.on(day, day)
    }

    /// The seller with the newest facts of all, also if they apply from a later day.
    pub fn newest(&self) -> Seller {
        self.on(Date::MAX, Date::MAX)
    }

    /// The day of a moment at the seller's place.
    pub fn day_of(&self, at: Timestamp) -> Date {
        at.to_zoned(self.time_zone.clone()).date()
    }

    /// 9 digits: one seller for good.
    pub fn siren(&self) -> &str {
        &self.parties.first.siren
    }

    /// The look of documents.
    pub fn look(&self) -> &Look {
        &self.look
    }

    /// Whether any sale of any day may bear VAT.
    pub fn charges_vat(&self) -> bool {
        self.taxes.all().any(|facts| matches!(facts.regime, VatRegime::Taxed(_)))
    }

    /// The days on which what decides about VAT changes, and the first of all.
    pub(crate) fn tax_turns(&self) -> impl Iterator<Item = Date> {
        self.taxes.turns()
    }

    /// Whether tax that falls due on `day` is decided alike by `later`; that one may say what this one left open, because
    /// no document was made of that.
    pub(crate) fn taxed_alike(&self, later: &Self, day: Date) -> bool {
        let mut before = self.taxes.on(day).clone();
        let after = later.taxes.on(day);
        before.unknown_is_domestic |= after.unknown_is_domestic;
        if let (VatRegime::Taxed(before), VatRegime::Taxed(after)) = (&mut before.regime, &after.regime) {
            before.exempt = before.exempt.or(after.exempt);
        }
        before == *after
    }

    /// The time zone, such as `Europe/Paris`.
    pub(crate) fn time_zone_name(&self) -> &str {
        self.time_zone.iana_name().unwrap_or_default()
    }

    /// The days on which the patterns of numbers change, and the first of all.
    pub(crate) fn numbering_turns(&self) -> impl Iterator<Item = Date> {
        self.numbering.turns()
    }

    /// Whether documents of `day` have numbers of the same patterns.
    pub(crate) fn numbered_alike(&self, other: &Self, day: Date) -> bool {
        self.numbering.on(day) == other.numbering.on(day)
    }

    /// The pattern of invoice numbers of a day.
    pub fn series(&self, day: Date) -> &SeriesPattern {
        &self.numbering.on(day).series
    }

    /// The pattern of credit note numbers of a day.
    pub fn credit_series(&self, day: Date) -> &SeriesPattern {
        &self.numbering.on(day).credit_series
    }

    /// The patterns of invoice and credit note numbers of all years.
    pub fn patterns(&self) -> Vec<&SeriesPattern> {
        self.numbering.all().flat_map(|patterns| [&patterns.series, &patterns.credit_series]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{seller::SettingsDocument, testing::FRANCHISE_TOML};
    use jiff::civil::date;

    const MOVED: &str = "[[seller]]\nname = \"Atelier Exemple\"\nlegal_form = \"EI\"\nsiren = \"123 456 782\"\n\
        email = \"contact@example.org\"\nline1 = \"1 place de la Comédie\"\npostal_code = \"34000\"\n\
        city = \"Montpellier\"\ncountry = \"FR\"\n\
        [[seller]]\nfrom = \"2027-02-01\"\nname = \"Atelier Modèle\"\nlegal_form = \"EI\"\nsiren = \"123 456 782\"\n\
        email = \"contact@example.org\"\nline1 = \"2 rue du Test\"\npostal_code = \"75001\"\n\
        city = \"Paris\"\ncountry = \"FR\"\n\
        [[vat]]\nregime = \"franchise\"\n\
        [[vat]]\nfrom = \"2027-01-01\"\nregime = \"standard\"\nnumber = \"FR11123456782\"\nrate = \"20\"\n\
        [invoice]\n\
        [[numbering]]\nfrom = \"2028-01-01\"\nseries = \"F{year}-{number:5}\"\ncredit_series = \"A{year}-{number:5}\"\n\
        [mail]\nfrom = \"facturation@example.org\"\n";

    fn problems(toml: &str) -> Vec<String> {
        Settings::from_toml(toml).unwrap_err().0.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_fact_is_that_of_its_day() {
        let settings = Settings::from_toml(MOVED).unwrap();
        let (december, january, march) = (date(2026, 12, 31), date(2027, 1, 4), date(2027, 3, 1));
        let late = settings.on(january, december);
        assert_eq!((&late.vat, late.party.vat_number.as_deref()), (&VatRegime::Franchise, None));
        let new = settings.on(january, date(2027, 1, 1));
        assert!(new.charges_vat());
        assert_eq!((new.party.city.as_str(), new.mail.from_name.as_str()), ("Montpellier", "Atelier Exemple"));
        let moved = settings.on(march, december);
        assert_eq!((moved.party.city.as_str(), moved.mail.from_name.as_str()), ("Paris", "Atelier Modèle"));
        assert!(!moved.charges_vat() && settings.charges_vat());
        let number = |day| settings.of_day(day).series.number(day, 7).0;
        assert_eq!((number(march), number(date(2028, 1, 1))), ("2027-03-0007".to_owned(), "F2028-00007".to_owned()));
        assert_eq!(settings.patterns().len(), 4);
    }

    #[test]
    fn a_wrong_day_is_named_with_its_entry() {
        for (from, to, expected) in [
            ("from = \"2027-01-01\"\n", "", "vat[1].from: write the day from which"),
            ("\"2027-02-01\"", "\"1 février\"", "seller[1].from = \"1 février\": write the day"),
            ("\"2028-01-01\"", "\"2028-01-02\"", "numbering.from = \"2028-01-02\": write the first day of a month"),
            (
                "\"F{year}-{number:5}\"",
                "\"{year}-{number:5}-0\"",
                "numbering.series = \"{year}-{number:5}-0\": could give",
            ),
            ("\"2 rue du Test\"", "\"\"", "seller[1].line1: must not be empty"),
        ] {
            assert!(MOVED.contains(from), "{from}");
            let found = problems(&MOVED.replacen(from, to, 1));
            assert!(found.iter().any(|problem| problem.starts_with(expected)), "{expected} in {found:?}");
        }
        let other =
            MOVED.replace("[[vat]]\nfrom", "[[vat]]\nfrom = \"2027-01-01\"\nregime = \"franchise\"\n[[vat]]\nfrom");
        assert!(problems(&other)[0].starts_with("vat[2].from = \"2027-01-01\": write a day after 2027-01-01"));
        let (one, two) = MOVED.split_at(MOVED.rfind("siren").unwrap());
        let found = problems(&format!("{one}{}", two.replacen("123 456 782", "732 829 320", 1)));
        assert!(found[0].starts_with("seller[1].siren = \"732829320\": write 123456782"), "{found:?}");
    }

    #[test]
    fn a_file_with_one_entry_of_each_is_the_same_with_and_without_lists() {
        let lists = FRANCHISE_TOML.replace("[vat]", "[[vat]]");
        let seller = |toml: &str| format!("{:?}", Settings::from_toml(toml).unwrap().newest());
        assert_eq!(seller(FRANCHISE_TOML), seller(&lists));
    }

    #[test]
    fn a_document_survives_being_stored() {
        for toml in [MOVED, FRANCHISE_TOML] {
            let document = SettingsDocument::from_toml(toml).unwrap().whole();
            let json = serde_json::to_string(&document).unwrap();
            assert_eq!(SettingsDocument::from_json(&json).unwrap(), document);
            let later = json.replacen('{', "{\"sectors\":[],", 1);
            assert_eq!(
                SettingsDocument::stored(&later).unwrap(),
                document,
                "a field of a later version is passed over"
            );
            let found = SettingsDocument::from_json(&later).unwrap_err().to_string();
            assert!(found.contains("sectors: there is no such setting"), "{found}");
        }
    }
}
