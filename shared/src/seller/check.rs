//! Validation of the settings: each problem names the field, the value and the fix; all are reported at once.

use jiff::tz::TimeZone;

use super::{
    InvalidSettings, Look, MailSettings, accounts,
    file::SettingsDocument,
    party, patterns,
    problem::Findings,
    settings::{Dated, Settings},
    taxes,
};

impl Settings {
    /// Parses and checks a settings file such as `infra/seller.toml`.
    ///
    /// # Errors
    /// Lists every problem at once, each with its field, its value and what to write instead.
    pub fn from_toml(text: &str) -> Result<Self, InvalidSettings> {
        SettingsDocument::from_toml(text).and_then(|document| check(&document))
    }

    /// Checks a document.
    ///
    /// # Errors
    /// As [`Settings::from_toml`].
    pub fn of(document: &SettingsDocument) -> Result<Self, InvalidSettings> {
        check(document)
    }
}

fn check(document: &SettingsDocument) -> Result<Settings, InvalidSettings> {
    let mut findings = Findings::default();
    let parties = party::parties(document, &mut findings);
    let siren = parties.first().map(|(_, party)| party.siren.clone()).unwrap_or_default();
    let taxes = taxes::taxes(document, &siren, &mut findings);
    let numbering = patterns::numbering(document, &mut findings);
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
        _ => Err(InvalidSettings(findings.0)),
    }
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
