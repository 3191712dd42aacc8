//! Validation of a seller file: each problem names the field, the value and the fix; all are reported at once.

use jiff::tz::TimeZone;

use super::{InvalidSeller, Look, MailSettings, Party, Seller, accounts, file::SellerFile, problem::Findings, regime};
use crate::{
    numbering::SeriesPattern,
    text,
    vat::{
        identifiers::{french_vat_number, is_siren, is_siret},
        regime::Supply,
    },
};

pub(super) fn check(file: SellerFile) -> Result<Seller, InvalidSeller> {
    let mut findings = Findings::default();
    let party = party(&file, &mut findings);
    let vat = regime::regime(&file.vat, party.vat_number.as_deref(), &mut findings);
    let unknown_place = file.vat.unknown_place.as_deref();
    findings.need(
        unknown_place.is_none_or(|place| place == file.address.country),
        "vat.unknown_place",
        unknown_place.unwrap_or_default(),
        "write FR, or remove it: without it a sale waits if its VAT hangs on where the customer is and nobody knows",
    );
    let invoice = &file.invoice;
    let series = pattern("invoice.series", &invoice.series, &mut findings);
    let credit_series = pattern("invoice.credit_series", &invoice.credit_series, &mut findings);
    if let (Some(series), Some(credit)) = (&series, &credit_series) {
        let fix =
            "credit notes count on their own; begin their numbers with other letters than the invoices', such as A";
        findings.need(!series.may_meet(credit), "invoice.credit_series", &invoice.credit_series, fix);
    }
    let supply = match invoice.supply.as_str() {
        "goods" => Supply::Goods,
        "digital" => Supply::Digital,
        "both" => Supply::Both,
        other => {
            findings.need(other == "services", "invoice.supply", other, "write goods, services, digital or both");
            Supply::Services
        }
    };
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
    let mail = mail(&file, &mut findings);
    let look = look(&file, &mut findings);
    let accounts = accounts::accounts(&file.accounting, &mut findings);
    match (series, credit_series, time_zone) {
        (Some(series), Some(credit_series), Ok(time_zone)) if findings.0.is_empty() => Ok(Seller {
            party,
            vat,
            unknown_is_domestic: file.vat.unknown_place.is_some(),
            series,
            credit_series,
            supply,
            language: file.invoice.language,
            time_zone,
            default_label: file.invoice.default_label.trim().to_owned(),
            unnamed_customer: file.invoice.unnamed_customer,
            mail,
            look,
            accounts,
        }),
        _ => Err(InvalidSeller(findings.0)),
    }
}

fn party(file: &SellerFile, findings: &mut Findings) -> Party {
    let digits = |value: &Option<String>| value.as_deref().map(text::without_spaces).filter(|v| !v.is_empty());
    let given = |value: &Option<String>| value.as_deref().map(str::trim).filter(|v| !v.is_empty()).map(str::to_owned);
    let identity = &file.seller;
    let address = &file.address;
    findings.filled("seller.name", &identity.name, 100);
    findings.filled("seller.legal_form", &identity.legal_form, 60);
    findings.filled("address.line1", &address.line1, 100);
    findings.filled("address.city", &address.city, 60);
    findings.filled("address.postal_code", &address.postal_code, 16);
    findings.email("seller.email", &identity.email);
    findings.need(
        address.country == "FR",
        "address.country",
        &address.country,
        "write FR; sellers established outside France are not supported yet",
    );
    let siret = digits(&identity.siret);
    if let Some(siret) = &siret {
        findings.need(
            is_siret(siret),
            "seller.siret",
            siret,
            "must be the 14 digits of the establishment; its check digit is wrong",
        );
    }
    let siren = digits(&identity.siren)
        .or_else(|| siret.as_deref().and_then(|s| s.get(..9)).map(str::to_owned))
        .unwrap_or_default();
    findings.need(
        is_siren(&siren),
        "seller.siren",
        &siren,
        "must be the 9 digits of the SIREN (or fill in seller.siret); the check digit is wrong or digits are missing",
    );
    if let Some(siret) = &siret {
        findings.need(siret.starts_with(&siren), "seller.siret", siret, "must begin with the SIREN");
    }
    let vat_number = digits(&file.vat.number).map(|number| number.to_ascii_uppercase());
    if let Some(number) = &vat_number {
        let wanted = french_vat_number(&siren);
        findings.need(
            wanted.as_ref() == Some(number),
            "vat.number",
            number,
            &format!("does not fit the SIREN; expected {}", wanted.as_deref().unwrap_or("FR, two digits, the SIREN")),
        );
    }
    Party {
        name: identity.name.trim().to_owned(),
        legal_form: identity.legal_form.trim().to_owned(),
        capital: given(&identity.capital),
        siren,
        siret,
        registration: given(&identity.registration),
        vat_number,
        line1: address.line1.trim().to_owned(),
        line2: given(&address.line2),
        postal_code: address.postal_code.trim().to_owned(),
        city: address.city.trim().to_owned(),
        country: address.country.clone(),
        email: identity.email.trim().to_owned(),
        phone: given(&identity.phone),
        website: given(&identity.website),
    }
}

fn pattern(field: &str, value: &str, findings: &mut Findings) -> Option<SeriesPattern> {
    SeriesPattern::parse(value).map_err(|error| findings.add(field, value, error.to_string())).ok()
}

fn mail(file: &SellerFile, findings: &mut Findings) -> MailSettings {
    findings.mailable("mail.from", &file.mail.from);
    for (field, address) in [("mail.team", &file.mail.team), ("mail.reply_to", &file.mail.reply_to)] {
        if let Some(address) = address {
            findings.mailable(field, address);
        }
    }
    let from_name = file.mail.from_name.as_deref().unwrap_or(&file.seller.name).trim().to_owned();
    findings.filled("mail.from_name", &from_name, 100);
    MailSettings {
        from: file.mail.from.trim().to_owned(),
        from_name,
        reply_to: file.mail.reply_to.as_deref().map(|address| address.trim().to_owned()),
        team: file.mail.team.as_deref().map(|address| address.trim().to_owned()),
    }
}

fn look(file: &SellerFile, findings: &mut Findings) -> Look {
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
    use super::*;
    use crate::{
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
    fn a_misspelt_key_and_broken_toml_name_their_line() {
        let found = problems(&FRANCHISE_TOML.replacen("legal_form", "legal_from", 1));
        assert!(found[0].starts_with("line ") && found[0].contains("legal_from"), "{found:?}");
        assert!(problems("[seller\nname = 1")[0].starts_with("line 1"));
    }

    #[test]
    fn every_problem_is_reported_at_once() {
        let broken =
            FRANCHISE_TOML.replacen("FR", "de", 1).replacen("franchise", "none", 1).replacen("Atelier Exemple", " ", 1);
        assert!(problems(&broken).len() >= 3);
    }
}
