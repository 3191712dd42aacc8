//! The seller and the buyer on a page: address lines, and identifiers with their labels.

use super::{
    format::identifier,
    words::{Wording, fill},
};
use crate::{
    invoice::{Buyer, Draft},
    sale::Address,
    text::filled,
};

/// The seller's address and contact, one line each.
pub(super) fn seller(draft: &Draft, words: &Wording) -> Vec<String> {
    let seller = &draft.seller;
    let abroad = draft.buyer.country.as_ref().is_some_and(|country| *country != seller.country);
    [
        Some(seller.line1.clone()),
        seller.line2.clone(),
        Some(format!("{} {}", seller.postal_code, seller.city)),
        abroad.then(|| country(&seller.country, words)),
        Some(seller.email.clone()),
        seller.phone.clone(),
        seller.website.clone(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What the law requires on a seller's documents: legal form, capital, registration and numbers.
pub(super) fn legal(draft: &Draft, words: &Wording) -> Vec<String> {
    let seller = &draft.seller;
    // The first nine digits of a SIRET are the SIREN.
    let number = match &seller.siret {
        Some(siret) => fill(&words.siret, &[("number", &identifier(siret))]),
        None => fill(&words.siren, &[("number", &identifier(&seller.siren))]),
    };
    [
        Some(format!("{}, {}", seller.name, seller.legal_form)),
        seller.capital.as_ref().map(|capital| fill(&words.capital, &[("capital", capital)])),
        seller.registration.clone(),
        Some(number),
        seller.vat_number.as_ref().map(|number| fill(&words.vat_number, &[("number", number)])),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The buyer's address, one line each, after the contact person if the buyer is a business.
pub(super) fn buyer(draft: &Draft, words: &Wording) -> Vec<String> {
    let buyer = &draft.buyer;
    let person = filled(buyer.customer.name.as_deref()).filter(|name| *name != buyer.name);
    let mut lines: Vec<String> = person.into_iter().collect();
    lines.extend(postal(buyer.customer.address.as_ref()));
    let abroad = buyer.country.as_ref().filter(|country| **country != draft.seller.country);
    lines.extend(abroad.map(|code| country(code, words)));
    lines
}

/// The buyer's e-mail, SIREN and VAT number with their labels, then any other tax numbers, as given.
pub(super) fn details(buyer: &Buyer, words: &Wording) -> Vec<String> {
    // A Swiss number ends with its own word for VAT, so it is printed as given.
    let vat_number = buyer.vat_number.as_ref().filter(|number| !number.starts_with("CHE"));
    let labelled = [
        filled(buyer.customer.email.as_deref()),
        buyer.siren.as_ref().map(|siren| fill(&words.siren, &[("number", &identifier(siren))])),
        vat_number.map(|number| fill(&words.vat_number, &[("number", number)])),
    ];
    let plain = |number: &str| number.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_uppercase();
    let said: Vec<String> = buyer.siren.iter().chain(vat_number).map(|number| plain(number)).collect();
    let given = buyer.customer.tax_ids.iter().map(|id| &id.value);
    let others = given.filter(|value| !said.contains(&plain(value)));
    labelled.into_iter().flatten().chain(others.cloned()).collect()
}

/// The delivery address, name first, if it is not the buyer's (decree 2022-1299); else empty.
pub(super) fn delivery(draft: &Draft, words: &Wording) -> Vec<String> {
    let Some(sent) = &draft.delivery else { return Vec::new() };
    let there = filled(sent.address.country.as_deref()).map(|country| country.to_uppercase());
    let there = there.or_else(|| draft.buyer.country.clone());
    let address = postal(Some(&sent.address));
    let written = |lines: &[String]| lines.join(" ").to_lowercase();
    let home = written(&postal(draft.buyer.customer.address.as_ref()));
    if address.is_empty() || (there == draft.buyer.country && written(&address) == home) {
        return Vec::new();
    }
    let mut lines: Vec<String> = filled(sent.name.as_deref()).into_iter().chain(address).collect();
    lines.extend(there.filter(|there| *there != draft.seller.country).map(|there| country(&there, words)));
    lines
}

/// Street, floor and town, as far as they are known.
fn postal(address: Option<&Address>) -> Vec<String> {
    let Some(address) = address else { return Vec::new() };
    let town = [&address.postal_code, &address.city, &address.state];
    let town = town.into_iter().filter_map(|part| filled(part.as_deref())).collect::<Vec<_>>().join(" ");
    let lines = [filled(address.line1.as_deref()), filled(address.line2.as_deref()), filled(Some(&town))];
    lines.into_iter().flatten().collect()
}

fn country(code: &str, words: &Wording) -> String {
    words.countries.get(code).cloned().unwrap_or_else(|| code.to_owned())
}
