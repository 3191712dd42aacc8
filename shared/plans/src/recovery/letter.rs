//! The one mail about an unpaid invoice.

use comptoir::{
    invoice::print::money,
    mail::{Content, Mail, MailId, RecoveryMail},
    money::Currency,
    seller::Seller,
};
use jiff::Timestamp;
use url::{Host, Url};

use super::{
    debt::{Debt, Debtor},
    record::State,
};

/// What a mail is made of beside the invoice.
#[derive(Debug, Clone, Copy)]
pub struct Writer<'a> {
    /// Who writes.
    pub seller: &'a Seller,
    /// The host of the stand-in for Stripe, where there is one.
    pub local_host: Option<&'a str>,
}

/// Why there is no mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unwritten {
    /// The link does not lead to Stripe.
    Link,
    /// The amount cannot be written.
    Amount,
}

/// The mail to the customer of `debt`, once no method has paid it.
///
/// # Errors
/// When the link does not lead to Stripe, or the amount is none.
pub fn letter(
    debt: &Debt,
    debtor: &Debtor,
    state: State,
    writer: Writer<'_>,
    now: Timestamp,
) -> Result<Mail, Unwritten> {
    let link = debt.hosted_invoice_url.as_deref().filter(|link| is_stripe_s(link, writer.local_host));
    let link = link.ok_or(Unwritten::Link)?;
    let seller = writer.seller;
    let french = french(debtor).unwrap_or(seller.language == "fr");
    let currency = Currency::parse(&debt.currency).map_err(|_| Unwritten::Amount)?;
    let amount = currency.from_stripe(debt.amount_remaining).ok_or(Unwritten::Amount)?;
    let content = RecoveryMail {
        language: if french { "fr" } else { "en" }.to_owned(),
        seller_name: seller.party.name.clone(),
        contact: seller.party.email.clone(),
        accent: seller.look.accent.clone(),
        name: debtor.name.clone().unwrap_or_default(),
        confirm: state == State::NeedsCustomer,
        amount: money(amount, french),
        link: link.to_owned(),
    };
    Ok(Mail {
        id: MailId::of_recovery(&debt.id),
        to: debtor.email.clone(),
        from: seller.mail.from.clone(),
        from_name: seller.mail.from_name.clone(),
        reply_to: seller.mail.reply_to.clone(),
        content: Content::Recovery(content),
        attachment: None,
        queued_at: now,
    })
}

/// Whether the customer reads French, as far as Stripe knows.
pub fn french(debtor: &Debtor) -> Option<bool> {
    first_of(debtor.preferred_locales.iter().flatten())
}

/// Whether the first language of these that is written here is French.
pub fn first_of<'a>(mut locales: impl Iterator<Item = &'a String>) -> Option<bool> {
    locales.find_map(|locale| match locale.get(..2) {
        Some("fr") => Some(true),
        Some("en") => Some(false),
        _ => None,
    })
}

/// Whether an address is one of Stripe's pages, or of its stand-in on this machine.
pub fn is_stripe_s(link: &str, local_host: Option<&str>) -> bool {
    let Ok(url) = Url::parse(link) else { return false };
    if !url.username().is_empty() || url.password().is_some() {
        return false;
    }
    let Some(host) = url.host() else { return false };
    let stripe = matches!(&host, Host::Domain(name) if *name == "stripe.com" || name.ends_with(".stripe.com"));
    (stripe && url.scheme() == "https") || local_host == Some(host.to_string().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_to_stripe() {
        for (link, good) in [
            ("https://invoice.stripe.com/i/acct_1/live_1?s=ap", true),
            ("http://invoice.stripe.com/i/1", false),
            ("https://stripe.com.evil.example/i/1", false),
            ("https://notstripe.com/i/1", false),
            ("https://invoice.stripe.com@evil.example/", false),
            ("javascript:alert(1)", false),
            ("http://127.0.0.1:8000/invoice/in_1", false),
        ] {
            assert_eq!(is_stripe_s(link, None), good, "{link}");
        }
        assert!(is_stripe_s("http://127.0.0.1:8000/invoice/in_1", Some("127.0.0.1")));
    }
}
