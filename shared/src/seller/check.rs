//! Validation of the settings: each problem names the field, the value and the fix; all are reported at once.

use jiff::{civil::Date, tz::TimeZone};

use super::{
    InvalidSeller, Look, MailSettings, Party, accounts,
    file::{Identity, Numbering, SettingsDocument, Vat},
    problem::Findings,
    regime,
    settings::{Dated, NumberPatterns, Settings, TaxFacts},
};
use crate::{
    numbering::SeriesPattern,
    text,
    vat::{
        identifiers::{french_vat_number, is_siren, is_siret},
        regime::Supply,
    },
};

impl Settings {
    /// Parses and checks a settings file such as `infra/seller.toml`.
    ///
    /// # Errors
    /// Lists every problem at once, each with its field, its value and what to write instead.
    pub fn from_toml(text: &str) -> Result<Self, InvalidSeller> {
        SettingsDocument::from_toml(text).and_then(|document| check(&document))
    }

    /// Checks a document.
    ///
    /// # Errors
    /// As [`Settings::from_toml`].
    pub fn of(document: &SettingsDocument) -> Result<Self, InvalidSeller> {
        check(document)
    }
}

fn check(document: &SettingsDocument) -> Result<Settings, InvalidSeller> {
    let mut findings = Findings::default();
    let parties = parties(document, &mut findings);
    let siren = parties.first().map(|(_, party)| party.siren.clone()).unwrap_or_default();
    let taxes = taxes(document, &siren, &mut findings);
    let numbering = numbering(document, &mut findings);
    let invoice = &document.invoice;
    let language = &invoice.language;
    findings.need(matches!(language.as_str(), "fr" | "en"), "invoice.language", language, "write fr or en");
    let time_zone = TimeZone::get(&invoice.time_zone);
    if time_zone.is_err() {
        findings.add("invoice.time_zone", &invoice.time_zone, "write an IANA time zone such as Europe/Paris");
    }
    findings.filled("invoice.default_label", &invoice.default_label, 200);
    if let Some(name) = &invoice.unnamed_customer {
        findings.filled("invoice.unnamed_customer", name, 100);
    }
    let mail = mail(document, &mut findings);
    let look = look(document, &mut findings);
    let accounts = accounts::accounts(&document.accounting, &mut findings);
    let (parties, taxes, numbering) = (Dated::of(parties), Dated::of(taxes), Dated::of(numbering));
    match (parties, taxes, numbering, time_zone) {
        (Some(parties), Some(taxes), Some(numbering), Ok(time_zone)) if findings.0.is_empty() => Ok(Settings {
            version: 0,
            parties,
            taxes,
            numbering,
            language: invoice.language.clone(),
            time_zone,
            default_label: invoice.default_label.trim().to_owned(),
            unnamed_customer: invoice.unnamed_customer.clone(),
            mail,
            look,
            accounts,
        }),
        _ => Err(InvalidSeller(findings.0)),
    }
}

/// The name of a section in messages: `vat`, or `vat[1]` where there are several.
fn section(name: &str, place: usize, count: usize) -> String {
    if count == 1 { name.to_owned() } else { format!("{name}[{place}]") }
}

/// The day from which an entry applies. The first of a list has always applied.
fn from(given: Option<&str>, section: &str, before: Option<Date>, findings: &mut Findings) -> Date {
    let fix = match before {
        None => return Date::MIN,
        Some(Date::MIN) => "write the day from which this entry applies, such as 2027-01-01".to_owned(),
        Some(day) => format!("write a day after {day}, from which this entry applies; the entries stand in order"),
    };
    let day = given.and_then(|text| text.trim().parse::<Date>().ok());
    let follows = day.is_some_and(|day| before.is_none_or(|before| day > before));
    findings.need(follows, &format!("{section}.from"), given.unwrap_or_default(), &fix);
    day.unwrap_or(Date::MIN)
}

fn parties(document: &SettingsDocument, findings: &mut Findings) -> Vec<(Date, Party)> {
    let apart = document.address.is_some();
    let count = document.seller.len();
    findings.need(count > 0, "seller", "", "write who sells");
    findings.need(
        !apart || count < 2,
        "address",
        "",
        "with several sections [[seller]] write the address (line1, postal_code, city, country) into each",
    );
    findings.need(
        !apart || document.seller.iter().all(|seller| seller.line1.is_none() && seller.city.is_none()),
        "address",
        "",
        "write the address either in [address] or in [seller]",
    );
    let document = document.clone().whole();
    let mut parties: Vec<(Date, Party)> = Vec::with_capacity(count);
    for (place, identity) in document.seller.iter().enumerate() {
        let section = section("seller", place, count);
        let day = from(identity.from.as_deref(), &section, parties.last().map(|(day, _)| *day), findings);
        let address = if apart { "address" } else { &section };
        let party = party(identity, &section, address, findings);
        if let Some((_, first)) = parties.first() {
            let fix = format!("write {}: another SIREN is another seller, who needs a stack of their own", first.siren);
            findings.need(party.siren == first.siren, &format!("{section}.siren"), &party.siren, &fix);
        }
        parties.push((day, party));
    }
    parties
}

fn party(identity: &Identity, section: &str, address: &str, findings: &mut Findings) -> Party {
    let digits = |value: &Option<String>| value.as_deref().map(text::without_spaces).filter(|v| !v.is_empty());
    let given = |value: &Option<String>| value.as_deref().map(str::trim).filter(|v| !v.is_empty()).map(str::to_owned);
    let printed = |value: &Option<String>| value.as_deref().unwrap_or_default().trim().to_owned();
    let of_seller = |field: &str| format!("{section}.{field}");
    let of_address = |field: &str| format!("{address}.{field}");
    findings.filled(&of_seller("name"), &identity.name, 100);
    findings.filled(&of_seller("legal_form"), &identity.legal_form, 60);
    findings.filled(&of_address("line1"), &printed(&identity.line1), 100);
    findings.filled(&of_address("city"), &printed(&identity.city), 60);
    findings.filled(&of_address("postal_code"), &printed(&identity.postal_code), 16);
    findings.email(&of_seller("email"), &identity.email);
    findings.need(
        identity.country.as_deref() == Some("FR"),
        &of_address("country"),
        identity.country.as_deref().unwrap_or_default(),
        "write FR; sellers established outside France are not supported yet",
    );
    let siret = digits(&identity.siret);
    if let Some(siret) = &siret {
        findings.need(
            is_siret(siret),
            &of_seller("siret"),
            siret,
            "must be the 14 digits of the establishment; its check digit is wrong",
        );
    }
    let siren = digits(&identity.siren)
        .or_else(|| siret.as_deref().and_then(|s| s.get(..9)).map(str::to_owned))
        .unwrap_or_default();
    findings.need(
        is_siren(&siren),
        &of_seller("siren"),
        &siren,
        "must be the 9 digits of the SIREN (or fill in seller.siret); the check digit is wrong or digits are missing",
    );
    if let Some(siret) = &siret {
        findings.need(siret.starts_with(&siren), &of_seller("siret"), siret, "must begin with the SIREN");
    }
    Party {
        name: identity.name.trim().to_owned(),
        legal_form: identity.legal_form.trim().to_owned(),
        capital: given(&identity.capital),
        siren,
        siret,
        registration: given(&identity.registration),
        vat_number: None,
        line1: printed(&identity.line1),
        line2: given(&identity.line2),
        postal_code: printed(&identity.postal_code),
        city: printed(&identity.city),
        country: printed(&identity.country),
        email: identity.email.trim().to_owned(),
        phone: given(&identity.phone),
        website: given(&identity.website),
    }
}

fn taxes(document: &SettingsDocument, siren: &str, findings: &mut Findings) -> Vec<(Date, TaxFacts)> {
    let count = document.vat.len();
    findings.need(count > 0, "vat", "", "write the VAT regime");
    let usual = supply(&document.invoice.supply, "invoice.supply", findings);
    let mut taxes: Vec<(Date, TaxFacts)> = Vec::with_capacity(count);
    for (place, vat) in document.vat.iter().enumerate() {
        let section = section("vat", place, count);
        let day = from(vat.from.as_deref(), &section, taxes.last().map(|(day, _)| *day), findings);
        taxes.push((day, tax(vat, &section, usual, siren, findings)));
    }
    taxes
}

fn tax(vat: &Vat, section: &str, usual: Supply, siren: &str, findings: &mut Findings) -> TaxFacts {
    let number = vat.number.as_deref().map(text::without_spaces).filter(|v| !v.is_empty());
    let number = number.map(|number| number.to_ascii_uppercase());
    if let Some(number) = &number {
        let wanted = french_vat_number(siren);
        findings.need(
            wanted.as_ref() == Some(number),
            &format!("{section}.number"),
            number,
            &format!("does not fit the SIREN; expected {}", wanted.as_deref().unwrap_or("FR, two digits, the SIREN")),
        );
    }
    let unknown_place = vat.unknown_place.as_deref();
    findings.need(
        // Sellers are in France so far.
        unknown_place.is_none_or(|place| place == "FR"),
        &format!("{section}.unknown_place"),
        unknown_place.unwrap_or_default(),
        "write FR, or remove it: without it a sale waits if its VAT hangs on where the customer is and nobody knows",
    );
    TaxFacts {
        regime: regime::regime(vat, section, number.as_deref(), findings),
        number,
        unknown_is_domestic: unknown_place.is_some(),
        supply: vat.supply.as_deref().map_or(usual, |given| supply(given, &format!("{section}.supply"), findings)),
    }
}

fn supply(given: &str, field: &str, findings: &mut Findings) -> Supply {
    match given {
        "goods" => Supply::Goods,
        "digital" => Supply::Digital,
        "both" => Supply::Both,
        other => {
            findings.need(other == "services", field, other, "write goods, services, digital or both");
            Supply::Services
        }
    }
}

/// The patterns of numbers. No two of them may ever make the same number, of whatever year.
fn numbering(document: &SettingsDocument, findings: &mut Findings) -> Vec<(Date, NumberPatterns)> {
    let invoice = &document.invoice;
    let mut known: Vec<SeriesPattern> = Vec::new();
    let mut patterns: Vec<(Date, NumberPatterns)> = Vec::new();
    let entries = document.numbering.iter();
    let first = ("invoice".to_owned(), None, &invoice.series, &invoice.credit_series);
    let later = entries.enumerate().map(|(place, Numbering { from, series, credit_series })| {
        (section("numbering", place, document.numbering.len()), Some(from.as_str()), series, credit_series)
    });
    for (section, given, series, credit_series) in std::iter::once(first).chain(later) {
        let day = from(given, &section, patterns.last().map(|(day, _)| *day), findings);
        let fix = "write the first day of a month, best of a year: two patterns in one year are two series to explain";
        let at_the_turn = day == Date::MIN || day.day() == 1;
        findings.need(at_the_turn, &format!("{section}.from"), given.unwrap_or_default(), fix);
        let mut read = |key: &str, value: &str| {
            let field = format!("{section}.{key}");
            let pattern = pattern(&field, value, findings)?;
            let fix =
                "could give a number that another pattern has given or gives; begin it with other letters, such as A";
            let as_before = patterns.last().is_some_and(|(_, before)| {
                if key == "series" { before.series == pattern } else { before.credit_series == pattern }
            });
            findings.need(as_before || !known.iter().any(|other| other.may_meet(&pattern)), &field, value, fix);
            known.push(pattern.clone());
            Some(pattern)
        };
        let (series, credit_series) = (read("series", series), read("credit_series", credit_series));
        if let (Some(series), Some(credit_series)) = (series, credit_series) {
            patterns.push((day, NumberPatterns { series, credit_series }));
        }
    }
    patterns
}

fn pattern(field: &str, value: &str, findings: &mut Findings) -> Option<SeriesPattern> {
    SeriesPattern::parse(value).map_err(|error| findings.add(field, value, error.to_string())).ok()
}

fn mail(file: &SettingsDocument, findings: &mut Findings) -> MailSettings {
    findings.mailable("mail.from", &file.mail.from);
    for (field, address) in [("mail.team", &file.mail.team), ("mail.reply_to", &file.mail.reply_to)] {
        if let Some(address) = address {
            findings.mailable(field, address);
        }
    }
    if let Some(name) = &file.mail.from_name {
        findings.filled("mail.from_name", name, 100);
    }
    MailSettings {
        from: file.mail.from.trim().to_owned(),
        // Without it, the seller's name of the day.
        from_name: file.mail.from_name.as_deref().unwrap_or_default().trim().to_owned(),
        reply_to: file.mail.reply_to.as_deref().map(|address| address.trim().to_owned()),
        team: file.mail.team.as_deref().map(|address| address.trim().to_owned()),
    }
}

fn look(file: &SettingsDocument, findings: &mut Findings) -> Look {
    let accent = file.look.accent.clone().unwrap_or_else(|| "#1f3a5f".to_owned());
    let hex = accent.strip_prefix('#').unwrap_or_default();
    findings.need(
        hex.len() == 6 && hex.chars().all(|c| c.is_ascii_hexdigit()),
        "look.accent",
        &accent,
        "write a colour such as #1f3a5f",
    );
    if let Some(logo) = &file.look.logo {
        let plain = !logo.contains(['/', '\\']) && [".svg", ".png", ".jpg"].iter().any(|end| logo.ends_with(end));
        findings.need(
            plain,
            "look.logo",
            logo,
            "write the name of an .svg, .png or .jpg file that lies in infra/templates",
        );
    }
    Look { logo: file.look.logo.clone(), accent }
}

#[cfg(test)]
mod tests {
    use crate::{
        seller::Seller,
        testing::{FRANCHISE_TOML, STANDARD_TOML},
        vat::regime::{Prices, Rates, Taxed, VatRegime},
    };

    fn problems(toml: &str) -> Vec<String> {
        Seller::from_toml(toml).unwrap_err().0.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn both_regimes_are_read() {
        let franchise = Seller::from_toml(FRANCHISE_TOML).unwrap();
        assert_eq!(franchise.vat, VatRegime::Franchise);
        assert_eq!(franchise.party.siren, "123456782");
        let standard = Seller::from_toml(STANDARD_TOML).unwrap();
        let rates = Rates::Fixed { rate: 20.into(), prices: Prices::IncludeTax };
        assert_eq!(standard.vat, VatRegime::Taxed(Taxed { rates, on_debits: false, oss: false, exempt: None }));
        assert_eq!(standard.party.vat_number.as_deref(), Some("FR40123456824"));
    }

    #[test]
    fn each_problem_names_field_value_and_fix() {
        for (from, to, expected) in [
            ("\"123 456 782\"", "\"123 456 783\"", "seller.siren = \"123456783\": must be the 9 digits"),
            ("regime = \"franchise\"", "regime = \"micro\"", "vat.regime = \"micro\": write franchise"),
            ("regime = \"franchise\"", "regime = \"franchise\"\nrate = \"20\"", "vat.rate = \"20\": remove it"),
            ("Atelier Exemple", "", "seller.name: must not be empty"),
            ("facturation@example.org", "facturation", "mail.from = \"facturation\": write an e-mail"),
            (
                "facturation@example.org",
                "comptabilité@example.org",
                "mail.from = \"comptabilité@example.org\": before the @",
            ),
            (
                "facturation@example.org",
                "facturation@my_host.fr",
                "mail.from = \"facturation@my_host.fr\": the part after",
            ),
            ("[mail]", "[mail]\nteam = \"équipe@example.org\"", "mail.team = \"équipe@example.org\": before the @"),
            ("[mail]", "[mail]\nreply_to = \"contact\"", "mail.reply_to = \"contact\": write an e-mail"),
            ("country = \"FR\"", "country = \"DE\"", "address.country = \"DE\": write FR"),
            ("[invoice]", "[invoice]\ntime_zone = \"Paris\"", "invoice.time_zone = \"Paris\": write an IANA"),
            ("[invoice]", "[invoice]\nseries = \"{year}\"", "invoice.series = \"{year}\""),
            (
                "[invoice]",
                "[invoice]\ncredit_series = \"{year}/{month}-{number}\"\nseries = \"{year}/{month}-{number:5}\"",
                "invoice.credit_series = ",
            ),
            (
                "regime = \"franchise\"",
                "regime = \"franchise\"\nunknown_place = \"DE\"",
                "vat.unknown_place = \"DE\": write FR",
            ),
            ("regime = \"franchise\"", "regime = \"franchise\"\noss = true", "vat.oss = \"true\": remove it"),
            ("regime = \"franchise\"", "regime = \"exempt\"", "vat.exemption: write teaching"),
            ("regime = \"franchise\"", "regime = \"stripe_tax\"", "vat.number: write your VAT number"),
            ("[invoice]", "[invoice]\nsupply = \"food\"", "invoice.supply = \"food\": write goods"),
            ("[mail]", "[accounting]\nbank = \"51\"\n[mail]", "accounting.bank = \"51\": write an account"),
            ("[mail]", "[accounting]\nsales_journal = \"V E\"\n[mail]", "accounting.sales_journal = \"V E\": write"),
        ] {
            assert!(FRANCHISE_TOML.contains(from), "{from}");
            let found = problems(&FRANCHISE_TOML.replacen(from, to, 1));
            assert!(found.iter().any(|problem| problem.starts_with(expected)), "{expected} in {found:?}");
        }
        let found = problems(&STANDARD_TOML.replace("rate = \"20\"", "rate = \"19\""));
        assert!(found.iter().any(|p| p.starts_with("vat.rate = \"19\": write a French VAT rate")), "{found:?}");
        let found = problems(&STANDARD_TOML.replace("FR40123456824", "FR41123456824"));
        assert!(found.iter().any(|p| p.contains("expected FR40123456824")), "{found:?}");
    }

    #[test]
    fn a_seller_may_write_from_a_domain_in_any_script() {
        let toml = FRANCHISE_TOML.replace("facturation@example.org", "facturation@cafés.example");
        assert_eq!(Seller::from_toml(&toml).unwrap().mail.from, "facturation@cafés.example");
    }

    #[test]
    fn a_misspelt_key_is_named_and_broken_toml_names_its_line() {
        let found = problems(&FRANCHISE_TOML.replacen("legal_form", "legal_from", 1));
        assert!(found[0].starts_with("seller.legal_from: there is no such setting"), "{found:?}");
        assert!(found[1].starts_with("line ") && found[1].contains("legal_form"), "{found:?}");
        assert!(problems("[seller\nname = 1")[0].starts_with("line 1"));
    }

    #[test]
    fn every_problem_is_reported_at_once() {
        let broken =
            FRANCHISE_TOML.replacen("FR", "de", 1).replacen("franchise", "none", 1).replacen("Atelier Exemple", " ", 1);
        assert!(problems(&broken).len() >= 3);
    }
}
