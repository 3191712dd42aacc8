//! The mails about a declaration.

use comptoir::{
    invoice::print::written_day,
    mail::{Content, DeclarationMail, DeclarationOutcome, Mail, MailId},
    seller::Seller,
};
use jiff::{Timestamp, civil::Date};

use super::{
    record::{Declaration, State},
    statement::Kind,
};

/// What a mail is made of beside the declaration.
#[derive(Debug, Clone, Copy)]
pub struct Writer<'a> {
    /// Who writes.
    pub seller: &'a Seller,
    /// Where pages for everybody are, `https://...` without a path.
    pub public_url: &'a str,
}

/// Who is written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reader {
    /// The address on file, or the one that was typed where there is none.
    pub email: String,
    /// The name that is greeted; empty for whoever is not known.
    pub name: String,
}

/// Where it is said that somebody else declared: with the declaration's id and its secret.
pub const REVOKE_PATH: &str = "/annuler";

/// The mail to `reader` about `declaration` as it stands.
pub fn letter(id: &str, declaration: &Declaration, reader: &Reader, writer: Writer<'_>, now: Timestamp) -> Mail {
    let (statement, seller) = (&declaration.statement, writer.seller);
    let zone = seller.time_zone.clone();
    let french = statement.french;
    let (outcome, about) = outcome(declaration);
    let about = about.map(|about| match about {
        About::Moment(at) => at.to_zoned(zone.clone()).date(),
        About::Day(day) => day,
    });
    let later = match &declaration.state {
        State::Revoked => Some("revoked"),
        // The one on file, after whoever declared under another address.
        State::Waiting if declaration.acknowledged_at.is_some() => Some("found"),
        _ if declaration.acknowledged_at.is_some() => Some("done"),
        _ => None,
    };
    // Nobody's mailbox is a place for what strangers type: neither a reason, nor anything to who has no contract.
    let known = declaration.state != State::Unmatched;
    let revocable = declaration.state.is_revocable() && declaration.subscription.is_some();
    let content = DeclarationMail {
        language: if french { "fr" } else { "en" }.to_owned(),
        seller_name: seller.party.name.clone(),
        contact: seller.party.email.clone(),
        accent: seller.look.accent.clone(),
        name: reader.name.clone(),
        withdrawal: statement.kind == Kind::Withdrawal,
        outcome,
        declared_by: known.then(|| statement.name.clone()),
        declared_at: moment(statement.at, seller, french),
        reference: statement.reference.clone().filter(|_| known),
        wished: statement.wished.filter(|_| known).map(|wished| written_day(wished, french)),
        day: about.map(|about| written_day(about, french)).unwrap_or_default(),
        link: revocable.then(|| format!("{}{REVOKE_PATH}?d={id}&s={}", writer.public_url, declaration.secret)),
    };
    Mail {
        id: MailId::of_declaration(statement.kind.as_str(), id, later),
        to: Some(reader.email.clone()),
        from: seller.mail.from.clone(),
        from_name: seller.mail.from_name.clone(),
        reply_to: seller.mail.reply_to.clone(),
        content: Content::Declaration(content),
        attachment: None,
        queued_at: now,
    }
}

enum About {
    Moment(Timestamp),
    Day(Date),
}

fn outcome(declaration: &Declaration) -> (DeclarationOutcome, Option<About>) {
    match &declaration.state {
        State::Ends { at } => (DeclarationOutcome::Ends, Some(About::Moment(*at))),
        State::Over { at } => (DeclarationOutcome::Over, Some(About::Moment(*at))),
        State::TooLate { last_day } => (DeclarationOutcome::TooLate, Some(About::Day(*last_day))),
        State::Declared | State::Waiting | State::TakingBack if declaration.statement.kind == Kind::Withdrawal => {
            (DeclarationOutcome::Received, None)
        }
        State::Declared | State::Waiting | State::TakingBack => (DeclarationOutcome::EndsLater, None),
        State::Withdrawn => (DeclarationOutcome::Withdrawn, None),
        State::Unmatched => (DeclarationOutcome::Unmatched, None),
        State::Revoked => (DeclarationOutcome::Revoked, None),
    }
}

/// A day and a time at the seller's place, with its distance from UTC.
fn moment(at: Timestamp, seller: &Seller, french: bool) -> String {
    let here = at.to_zoned(seller.time_zone.clone());
    let word = if french { "à" } else { "at" };
    format!("{} {word} {} (UTC{})", written_day(here.date(), french), here.strftime("%H:%M"), here.strftime("%:z"))
}
