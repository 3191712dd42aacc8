//! The one mail of a step.

use comptoir::{
    invoice::print::{money, written_day},
    mail::{Bill, Consequence, Content, DunningMail, Mail, MailId},
    money::{Currency, Money, together},
};
use jiff::Timestamp;

use crate::{
    recovery::{
        debt::{Debt, Debtor},
        letter::{Unwritten, Writer, french, is_stripe_s},
    },
    steps::{Does, Step},
};

/// What is written about.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// The name of the episode.
    pub episode: &'a str,
    /// The step that is taken.
    pub step: Step,
    /// All steps.
    pub steps: &'a [Step],
    /// The unpaid invoices.
    pub debts: &'a [Debt],
}

/// The mail of a step.
///
/// # Errors
/// When a link does not lead to Stripe, or an amount is none.
pub fn letter(about: About<'_>, debtor: &Debtor, writer: Writer<'_>, now: Timestamp) -> Result<Mail, Unwritten> {
    let seller = writer.seller;
    let french = french(debtor).unwrap_or(seller.language == "fr");
    let mut debts: Vec<&Debt> = about.debts.iter().collect();
    debts.sort_by_key(|debt| debt.created);
    let mut bills = Vec::with_capacity(debts.len());
    let mut amounts: Vec<Money> = Vec::with_capacity(debts.len());
    for debt in debts {
        let link = debt.hosted_invoice_url.as_deref().filter(|link| is_stripe_s(link, writer.local_host));
        let currency = Currency::parse(&debt.currency).map_err(|_| Unwritten::Amount)?;
        let amount = currency.from_stripe(debt.amount_remaining).ok_or(Unwritten::Amount)?;
        let day = debt.created.map_or(now, crate::stripe::seconds).to_zoned(seller.time_zone.clone()).date();
        bills.push(Bill {
            day: written_day(day, french),
            amount: money(amount, french),
            link: link.ok_or(Unwritten::Link)?.to_owned(),
        });
        amounts.push(amount);
    }
    let harder = about.steps.iter().find(|step| step.unpaid > about.step.unpaid && step.does.takes_away());
    let harder = harder.filter(|step| step.does > about.step.does);
    let content = DunningMail {
        language: if french { "fr" } else { "en" }.to_owned(),
        seller_name: seller.party.name.clone(),
        contact: seller.party.email.clone(),
        accent: seller.look.accent.clone(),
        name: debtor.name.clone().unwrap_or_default(),
        consequence: consequence(about.step.does),
        next: harder.filter(|_| about.step.does == Does::Warn).map(|step| consequence(step.does)),
        one_more: harder.is_some_and(|step| step.unpaid == about.step.unpaid.saturating_add(1)),
        total: total(&amounts).map(|total| money(total, french)),
        bills,
    };
    Ok(Mail {
        id: MailId::of_dunning(about.episode, about.step.unpaid),
        to: debtor.email.clone(),
        from: seller.mail.from.clone(),
        from_name: seller.mail.from_name.clone(),
        reply_to: seller.mail.reply_to.clone(),
        content: Content::Dunning(content),
        attachment: None,
        queued_at: now,
    })
}

fn consequence(does: Does) -> Consequence {
    match does {
        Does::Mail => Consequence::Reminded,
        Does::Warn => Consequence::Warned,
        Does::Restrict => Consequence::Restricted,
        Does::CutOff => Consequence::Ended,
        Does::FreeResources => Consequence::Freed,
    }
}

/// What several come to, if they are of one currency.
fn total(amounts: &[Money]) -> Option<Money> {
    let first = amounts.first().filter(|_| amounts.len() > 1)?;
    let same = amounts.iter().all(|amount| amount.currency == first.currency);
    same.then(|| first.currency.minor(together(amounts.iter().map(|amount| amount.minor))))
}
