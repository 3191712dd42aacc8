//! The promises, checked against a world after its run.

use std::collections::BTreeMap;

use comptoir::{
    archive::sha256,
    billing::{ledger::Entry, snapshot},
    einvoice,
    invoice::{DocumentSource, Kind, print},
    mail::{
        delivery::{AddressHash, Deliveries, Stage},
        outbox::Status,
    },
    memory::{MailRow, at_once},
    outcome::Reason,
    refund::RefundKey,
    sale::SaleKey,
    sweep::OpenWork,
};
use jiff::Timestamp;

use crate::{functions::WORDS, ports::drawn, post::Says, world::World};

/// One seed in this many writes the electronic twins, because that costs more than all the rest of a run.
const TWINS: u64 = 64;

type Checked = Result<(), (&'static str, String)>;

fn ensure(holds: bool, promise: &'static str, found: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err((promise, found())) }
}

/// Every parked record has a reason.
///
/// # Errors
/// The broken promise.
pub fn reasons(world: &World) -> Checked {
    let events = world.books.parked_events().into_iter().map(|event| (event.id, event.reason));
    let bases = world.books.parked_bases().into_iter().map(|(basis, reason)| (basis.to_string(), reason));
    for (what, reason) in events.chain(bases) {
        ensure(!reason.code.is_empty() && !reason.message.is_empty(), "nothing waits without a reason", || what)?;
    }
    for mail in world.books.mail_rows() {
        let told = mail.status != Status::Parked || world.books.parked_mail(&mail.id).is_some();
        ensure(told, "nothing waits without a reason", || mail.id.to_string())?;
    }
    Ok(())
}

/// The records beside the invoices.
struct Recorded {
    sales: Vec<SaleKey>,
    refunds: Vec<RefundKey>,
    parked: BTreeMap<DocumentSource, Reason>,
    mails: Vec<MailRow>,
    paid_at: BTreeMap<SaleKey, Timestamp>,
}

/// Every promise, after the replay.
///
/// # Errors
/// The first broken promise.
pub fn all(world: &World) -> Checked {
    reasons(world)?;
    told(world)?;
    let books = &world.books;
    ensure(books.announced_events().is_empty(), "nothing stays announced", || {
        format!("{:?}", books.announced_events())
    })?;
    let recorded = Recorded {
        sales: books.sale_keys(),
        refunds: books.refund_keys(),
        parked: books.parked_bases().into_iter().collect(),
        mails: books.mail_rows(),
        paid_at: books.paid_at(),
    };
    books.of_entries(|entries| issued(world, &recorded, &entries.values().collect::<Vec<_>>()))
}

fn issued(world: &World, recorded: &Recorded, entries: &[&Entry]) -> Checked {
    let mut of_sale: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
    let mut of_refund: BTreeMap<&RefundKey, Vec<&Entry>> = BTreeMap::new();
    for entry in entries {
        match &entry.invoice.draft.corrects {
            None => of_sale.entry(&entry.invoice.draft.sale.0).or_default().push(entry),
            Some(original) => of_refund.entry(&original.refund).or_default().push(entry),
        }
    }
    sales(world, recorded, &of_sale)?;
    refunds(world, recorded, &of_sale, &of_refund)?;
    numbers(entries)?;
    for entry in entries {
        facts(world, recorded, entry)?;
        archived(world, entry)?;
    }
    mails(world, recorded, entries)
}

fn sales(world: &World, recorded: &Recorded, of_sale: &BTreeMap<&str, Vec<&Entry>>) -> Checked {
    for sold in &world.shop.sales {
        let key = sold.key();
        let stands = recorded.sales.contains(&key);
        ensure(stands, "nothing is lost", || format!("sale {key} was never recorded"))?;
        let count = of_sale.get(key.0.as_str()).map_or(0, Vec::len);
        let parked = recorded.parked.get(&DocumentSource::Sale(key.clone()));
        ensure(count == usize::from(sold.fit), "one sale, one invoice", || format!("sale {key} has {count}"))?;
        ensure(parked.is_some() != sold.fit, "what cannot be billed waits", || format!("{key} {parked:?}"))?;
    }
    let known = |sale: &str| world.shop.sales.iter().any(|sold| sold.key().0 == sale);
    let stranger =
        of_sale.keys().copied().chain(recorded.sales.iter().map(|key| key.0.as_str())).find(|sale| !known(sale));
    ensure(stranger.is_none(), "one sale, one invoice", || format!("{stranger:?} is no sale"))
}

fn refunds(
    world: &World,
    recorded: &Recorded,
    of_sale: &BTreeMap<&str, Vec<&Entry>>,
    of_refund: &BTreeMap<&RefundKey, Vec<&Entry>>,
) -> Checked {
    for repaid in &world.shop.refunds {
        let key = RefundKey(repaid.key.clone());
        let sold = world.shop.sales.iter().find(|sold| sold.n == repaid.sale).unwrap();
        let stands = recorded.refunds.contains(&key);
        ensure(stands, "nothing is lost", || format!("refund {key} was never recorded"))?;
        let count = of_refund.get(&key).map_or(0, Vec::len);
        let parked = recorded.parked.get(&DocumentSource::Refund(key.clone())).map(|reason| reason.code.as_str());
        ensure(count <= 1, "one refund, one credit note", || format!("{key} has {count}"))?;
        let told = count == 1 && parked.is_none() || count == 0 && parked.is_some();
        ensure(told, "one refund, one credit note", || format!("{key} has {count}, {parked:?}"))?;
        let all: i64 = world.shop.refunds.iter().filter(|other| other.sale == sold.n).map(|other| other.amount).sum();
        let expected = match parked {
            None => sold.fit,
            Some("sale_waits") => !sold.fit,
            Some("refund_exceeds") => all > sold.total,
            Some(_) => false,
        };
        ensure(expected, "refunds are credited", || format!("{key} {parked:?}"))?;
    }
    for original in of_sale.values().flatten() {
        let of_original = |entry: &&&Entry| {
            entry.invoice.draft.corrects.as_ref().is_some_and(|told| told.number == original.invoice.number)
        };
        let notes: Vec<&&Entry> = of_refund.values().flatten().filter(of_original).collect();
        let credited: i64 = notes.iter().map(|entry| entry.invoice.draft.totals.gross).sum();
        let noted: i64 = original.credited.0.iter().map(|row| row.gross).sum();
        let gross = original.invoice.draft.totals.gross;
        let told = || format!("{}: {credited} credited, {noted} noted, {gross} billed", original.invoice.number);
        ensure(credited <= gross && credited == noted, "never more back than billed", told)?;
        for note in notes {
            let in_order = note.invoice.issued_on >= original.invoice.issued_on;
            let told = || {
                format!("{} of {} before {}", note.invoice.number, note.invoice.issued_on, original.invoice.issued_on)
            };
            ensure(in_order, "a credit note is not older than its invoice", told)?;
        }
    }
    Ok(())
}

fn numbers(entries: &[&Entry]) -> Checked {
    let mut series: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
    for entry in entries {
        let (head, _) = entry.invoice.number.0.rsplit_once('-').unwrap();
        series.entry(head).or_default().push(entry);
    }
    for (head, entries) in series {
        for (entry, expected) in entries.iter().zip(1..) {
            let number = &entry.invoice.number;
            ensure(number.0 == format!("{head}-{expected:04}"), "no gap, no duplicate", || {
                format!("{number} for {expected}")
            })?;
            let month = format!("{:04}-{:02}", entry.invoice.issued_on.year(), entry.invoice.issued_on.month());
            ensure(head.ends_with(&month), "a number is of its month", || format!("{number} in {month}"))?;
            let credit = entry.invoice.draft.kind == Kind::CreditNote;
            ensure(head.starts_with('A') == credit, "a series of its own", || number.to_string())?;
        }
        let ordered = entries.is_sorted_by_key(|entry| entry.invoice.allocation.settings);
        ensure(ordered, "no document under older settings than the one before", || head.to_owned())?;
        let mut previous = None;
        for entry in &entries {
            let chained = entry.invoice.allocation.previous == previous;
            ensure(chained, "each snapshot holds the hash before it", || entry.invoice.number.to_string())?;
            previous = Some(entry.snapshot.sha256());
        }
        let ordered = entries.is_sorted_by_key(|entry| entry.invoice.issued_on);
        ensure(ordered, "dates in order", || head.to_owned())?;
    }
    Ok(())
}

/// A document has the address of its settings, and an invoice the tax of the day of payment.
fn facts(world: &World, recorded: &Recorded, entry: &Entry) -> Checked {
    let Entry { invoice, .. } = entry;
    let number = &invoice.number;
    let settings = invoice.allocation.settings.and_then(|version| world.settings_of(version)).unwrap();
    if invoice.draft.kind == Kind::CreditNote {
        return Ok(());
    }
    let paid_at = recorded.paid_at[&invoice.draft.sale];
    let seller = settings.on(invoice.issued_on, settings.day_of(paid_at));
    let lives = invoice.draft.seller.line1 == seller.party.line1;
    ensure(lives, "a document has the facts of its settings", || number.to_string())?;
    let taxed = invoice.draft.taxes.iter().all(|row| row.ground.is_none());
    ensure(taxed == seller.charges_vat(), "tax is that of the day it falls due", || number.to_string())
}

fn archived(world: &World, entry: &Entry) -> Checked {
    let number = &entry.invoice.number;
    let lacks = || format!("{number} has no document");
    let document = entry.document.as_ref().ok_or_else(|| ("every invoice is archived", lacks()))?;
    let settings = entry.invoice.allocation.settings.and_then(|version| world.settings_of(version)).unwrap();
    let page = print::page(&entry.invoice, settings.look(), &WORDS);
    let fits = |changed| sha256(&drawn(&page, changed)) == document.sha256;
    ensure(fits(false) || fits(true), "a fresh rendering is the same", || number.to_string())?;
    let stands = world.archive.hash_of(&document.key);
    ensure(stands.as_ref() == Some(&document.sha256), "the archive holds what the ledger says", || number.to_string())?;
    let kept = world.archive.hash_of(&snapshot::key(&entry.invoice));
    ensure(kept == Some(entry.snapshot.sha256()), "the archive keeps each snapshot", || number.to_string())?;
    if world.plan.seed.is_multiple_of(TWINS) {
        let twin = einvoice::factur_x(&entry.invoice);
        ensure(twin.is_ok(), "every invoice has its twin", || format!("{number}: {twin:?}"))?;
    }
    Ok(())
}

fn mails(world: &World, recorded: &Recorded, entries: &[&Entry]) -> Checked {
    let mails = &recorded.mails;
    let calm = world.core().troubles == 0;
    ensure(mails.len() == entries.len(), "every invoice is mailed", || {
        format!("{} mails, {} invoices", mails.len(), entries.len())
    })?;
    for MailRow { id, to, document, status } in mails {
        let (taken, put_back) = {
            let core = world.core();
            (core.post.of(id).count(), core.post.put_back.get(id).copied().unwrap_or_default())
        };
        let told = || format!("{id} is {status:?}, taken {taken} times, put back {put_back} times");
        let settled = match status {
            Status::Sent | Status::Delivered | Status::Bounced | Status::Rejected | Status::Complained => {
                taken == 1 + put_back
            }
            Status::Unknown => !calm,
            Status::Parked => to.is_none() && taken == 0,
            Status::Queued | Status::Sending { .. } => false,
        };
        ensure(settled, "every mail is sent or flagged", told)?;
        let entry = entries.iter().find(|entry| id.0.strip_prefix("invoice/") == Some(&entry.invoice.number.0));
        let same = document.is_some() && entry.and_then(|entry| entry.document.as_ref()) == document.as_ref();
        ensure(same, "the mail brings the archived document", || id.to_string())?;
    }
    Ok(())
}

/// What a stream did not lose, it does itself: nothing is left for the sweep.
///
/// # Errors
/// The broken promise.
pub fn streams(world: &World) -> Checked {
    let open = at_once(world.books.open_since(Timestamp::MAX, None)).unwrap().open;
    ensure(world.core().lost || open.is_empty(), "a stream does its work itself", || format!("{open:?} is left"))
}

/// The events of each message determine the status of its mail and its address, and no mail was sent more often than
/// once plus once per replay.
///
/// # Errors
/// The broken promise.
pub fn told(world: &World) -> Checked {
    for MailRow { id, to, status, .. } in &world.books.mail_rows() {
        let core = world.core();
        let letters: Vec<usize> = core.post.of(id).collect();
        let put_back = core.post.put_back.get(id).copied().unwrap_or_default();
        ensure(letters.len() <= 1 + put_back, "no mail twice", || {
            format!("{id} was taken {} times, put back {put_back} times", letters.len())
        })?;
        let stage = status.stage();
        // Replayed since its last message, it is queued again, and events of that message no longer count.
        let last = letters.last().filter(|_| letters.len() == 1 + put_back);
        let least = last.and_then(|last| core.post.heard(*last).map(Says::stage).max());
        // An event without a completed invocation may be stored in part.
        let tried = |letter: usize| core.post.tried(letter).any(|says| says.stage() == stage);
        let stands = match (last, least) {
            (None, _) => stage <= Stage::Unknown,
            (Some(_), None) if stage <= Stage::Sent => true,
            (Some(last), least) => {
                Some(stage) >= least && (tried(*last) || stage.came_back() && letters.iter().any(|one| tried(*one)))
            }
        };
        ensure(stands, "a mail stands where its events say", || {
            format!("{id} is {status:?}, told {least:?} of {last:?}, put back {put_back} times")
        })?;
        let hindrances = world.books.hindrances(id);
        for says in letters.iter().flat_map(|letter| core.post.heard(*letter)) {
            let kept = says.hindrance().is_none_or(|word| hindrances.iter().any(|kept| kept == word));
            ensure(kept, "what hinders a mail is kept", || format!("{says:?} of {id}"))?;
            let Some(cause) = says.suppresses() else { continue };
            let address = AddressHash::of(to.as_deref().unwrap_or_default());
            let kept = at_once(world.books.suppressed(&address)).unwrap();
            ensure(kept >= Some(cause), "who is not to be written to is kept", || format!("{cause:?} of {id}"))?;
        }
    }
    Ok(())
}
