//! Validation of who sells: identity and address, by the day of issue.

use jiff::civil::Date;

use super::{
    Party,
    entry::{from, section},
    file::{Identity, SettingsDocument},
    problem::Findings,
};
use crate::{
    text,
    vat::identifiers::{is_siren, is_siret},
};

pub(super) fn parties(document: &SettingsDocument, findings: &mut Findings) -> Vec<(Date, Party)> {
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
