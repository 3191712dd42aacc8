//! The handlers of the four functions, as thin as the real ones and with the same order of steps: the domain's own code
//! does the work. Only the edge is left out: signatures, JSON of the stream, the text of a mail.

use std::sync::{Arc, LazyLock};

use comptoir::{
    announced::AnnouncedEvents,
    archive::Archive,
    billing::{guard::LedgerGuard, issue::Issuer, ledger::Ledger},
    clock::Clock,
    invoice::print::Words,
    mail::{
        Mail, MailId,
        delivery::{
            event::{self, SesEvent},
            follow,
        },
        dispatch::{self, Dispatched},
        outbox::{AttachedFile, OutgoingEmail},
    },
    memory::{StreamRecord, at_once},
    outcome::{Outcome, Reason},
    payment::Received,
    receive,
    sale::Sale,
    stream::{self, Change, Image, Record},
    stripe::classify,
    testing::words,
    timing::ONE_MAIL_SECONDS,
};
use jiff::{SignedDuration, Timestamp};

use crate::{mutant::Mutant, ports::Ports, post};

/// The lease of a mail's claim, as in the template.
const LEASE: SignedDuration = SignedDuration::from_secs(120);
/// The longest time to send one mail, in milliseconds, as in the mail-sender.
const ONE_MAIL: i64 = (ONE_MAIL_SECONDS * 1000) as i64;

/// The labels of documents.
pub static WORDS: LazyLock<Words> = LazyLock::new(words);

/// The result of an invocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Whether an event is done.
    Answered(bool),
    /// A batch is done up to this record, or completely.
    Batch(Option<usize>),
}

/// The webhook: one event.
pub async fn webhook(ports: Ports, body: Arc<str>) -> Ended {
    let mut event = classify::read(body.as_bytes()).unwrap();
    let mut altered = None;
    match ports.world.plan.mutant {
        Some(Mutant::RecordThenWork) if !ports.world.core().memory.events.insert(event.id.clone()) => {
            return Ended::Answered(true);
        }
        Some(Mutant::OrderByCreated) => {
            let mut core = ports.world.core();
            if event.created < core.memory.newest {
                return Ended::Answered(true);
            }
            core.memory.newest = event.created;
        }
        Some(Mutant::SessionAndInvoice) => {
            let body = body.replace(r#""invoice_creation":{"enabled":true},"#, "");
            let cut = body.find(r#","invoice":"in_"#).filter(|_| body.contains("cs_"));
            altered = Some(match cut {
                Some(at) => format!("{}{}", &body[..at], &body[at + 1 + body[at + 1..].find(',').unwrap()..]),
                None => body,
            });
        }
        _ => {}
    }
    let body = altered.as_deref().unwrap_or(&body);
    if altered.is_some() {
        event = classify::read(body.as_bytes()).unwrap();
    }
    let now = ports.now();
    let received =
        receive::receive_or_announce(&event, body, false, ports.world.settings().charges_vat(), &ports, &ports, now)
            .await;
    ports.world.note(|| format!("#{} answers {received:?}", ports.who));
    match received {
        Ok(_) => Ended::Answered(true),
        Err(_) => {
            Ended::Answered(ports.world.plan.mutant == Some(Mutant::RefundShrugged) && event.kind.starts_with("refund"))
        }
    }
}

/// Posts a parked event again; returns whether it is done now.
pub async fn post_again(ports: Ports, id: String, body: String) -> Ended {
    let event = classify::read(body.as_bytes()).unwrap();
    let now = ports.now();
    let received =
        receive::receive_or_announce(&event, &body, false, ports.world.settings().charges_vat(), &ports, &ports, now)
            .await;
    let settled = matches!(
        received,
        Ok(Received::Recorded { .. } | Received::Refunded { .. } | Received::AlreadyRecorded { .. })
    );
    if settled {
        ports.world.books.unpark_event(&id);
    }
    Ended::Answered(settled)
}

/// The completer: one announced event.
pub async fn completer(ports: Ports, id: String) -> Ended {
    let Ok(Some(stored)) = ports.announced(&id).await else { return Ended::Answered(false) };
    let now = ports.now();
    let received = receive::complete(&stored, false, ports.world.settings().charges_vat(), &ports, &ports, now).await;
    ports.world.note(|| format!("#{} completes {received:?}", ports.who));
    Ended::Answered(received.is_ok())
}

fn answer(ports: &Ports, outcomes: &[Outcome]) -> Ended {
    let retry = |outcome: &Outcome| matches!(outcome, Outcome::Retry(_));
    match ports.world.plan.mutant {
        Some(Mutant::SwallowedBatch) => return Ended::Batch(None),
        Some(Mutant::LastFailed) => return Ended::Batch(outcomes.iter().rposition(retry)),
        _ => {}
    }
    let image = Image::default;
    let change = |n: usize| Change {
        sequence_number: n.to_string(),
        created: None,
        keys: image(),
        old_image: image(),
        new_image: image(),
    };
    let record = |n: usize| Record { dynamodb: change(n) };
    let records: Vec<Record> = (0..outcomes.len()).map(record).collect();
    let answered = stream::answer(&records, outcomes, Timestamp::UNIX_EPOCH);
    Ended::Batch(answered.batch_item_failures.first().map(|failure| failure.item_identifier.parse().unwrap()))
}

/// The invoice-renderer: a batch of payments and refunds.
pub async fn renderer(ports: Ports, batch: Vec<StreamRecord>, deadline: i64) -> Ended {
    let books = &ports.world.books;
    let sale =
        |one: &StreamRecord| if let StreamRecord::Sale(key) = one { at_once(books.sale(key)).unwrap() } else { None };
    let mut of_batch: Vec<Sale> = batch.iter().filter_map(sale).collect();
    if ports.is(Mutant::RegimeOfToday) {
        of_batch.iter_mut().for_each(|sale| sale.paid_at = ports.now());
    }
    ports.pause().await;
    let settings = ports.world.settings();
    let issuer = Issuer {
        ledger: &ports,
        archive: &ports,
        renderer: &ports,
        clock: &ports,
        settings: &settings,
        words: &WORDS,
        guard: &LedgerGuard::new(|| "the books of the simulation".to_owned()),
        deadline: Timestamp::from_millisecond(deadline).unwrap(),
    };
    let mut invoices = issuer.issue(&of_batch).await.into_iter();
    let mut outcomes: Vec<Outcome> = Vec::with_capacity(batch.len());
    let mut away: Option<Outcome> = None;
    for work in &batch {
        let issued = match (work, &away) {
            (StreamRecord::Refund(_), Some(away)) => {
                outcomes.push(away.clone());
                continue;
            }
            (StreamRecord::Refund(key), None) => {
                let refund = at_once(books.refund(key)).unwrap().unwrap();
                Some(issuer.take_back(&refund).await)
            }
            _ => invoices.next(),
        };
        if let Some(issued) = issued {
            ports.world.note(|| format!("#{} {} {:?} {:?}", ports.who, issued.basis, issued.number, issued.outcome));
            away = away.or_else(|| Some(issued.outcome.clone()).filter(Outcome::is_outage));
            outcomes.push(issued.outcome);
        }
    }
    answer(&ports, &outcomes)
}

/// The mail-sender: a batch of mails, until a deadline.
pub async fn sender(ports: Ports, batch: Vec<StreamRecord>, deadline: i64) -> Ended {
    let mut outcomes: Vec<Outcome> = Vec::with_capacity(batch.len());
    for work in &batch {
        let StreamRecord::Mail(id) = work else { continue };
        let dispatched = if ports.now().as_millisecond() + ONE_MAIL <= deadline {
            send(&ports, id).await
        } else {
            Dispatched::Later(Reason::new("out_of_time", "too little time is left"))
        };
        let dispatched = dispatch::rested(id, dispatched, &ports).await;
        ports.world.note(|| format!("#{} {id} {dispatched:?}", ports.who));
        outcomes.push(dispatched.outcome());
        let later = |word: &str| matches!(&dispatched, Dispatched::Later(reason) if reason.code == word);
        if later("out_of_time") || later("mail_service_busy") || matches!(dispatched, Dispatched::InHand(_)) {
            ports.world.troubled(ports.who);
        }
        if matches!(dispatched, Dispatched::Later(_)) {
            break;
        }
    }
    answer(&ports, &outcomes)
}

async fn send(ports: &Ports, id: &MailId) -> Dispatched {
    let parts = |mail: &Mail| (mail.attachment.as_ref().unwrap().document.key.clone(), mail.to.clone());
    let (key, to) = ports.world.books.of_mail(id, parts).unwrap();
    let pdf = match ports.read(&key).await {
        Err(error) if error.is_permanent() => return dispatch::park(id, error.reason(), ports, ports.now()).await,
        Err(error) => return Dispatched::Later(error.reason()),
        Ok(None) => {
            let reason = Reason::new("attachment_missing", "the document is not in the archive");
            return dispatch::park(id, reason, ports, ports.now()).await;
        }
        Ok(Some(pdf)) => pdf,
    };
    let letter = OutgoingEmail {
        id: id.clone(),
        from: String::new(),
        to: to.unwrap_or_default(),
        reply_to: None,
        subject: String::new(),
        html: String::new(),
        text: String::new(),
        enclosure: Some(AttachedFile { filename: String::new(), pdf }),
    };
    dispatch::dispatch(&letter, &ports.who.to_string(), ports, ports, || ports.now(), LEASE).await
}

/// The mail-events: one event of the mail service.
pub async fn mail_events(ports: Ports, body: Arc<str>) -> Ended {
    let event: SesEvent = serde_json::from_str(&body).unwrap();
    let mut read = event::read(&event, post::SET);
    match ports.world.plan.mutant {
        Some(Mutant::StrangerHeard) if read.is_err() => read = event::read(&event, post::OTHER_SET),
        Some(Mutant::EventByAddress) => {
            if let Ok(report) = &mut read {
                let message = &report.message_id;
                let core = ports.world.core();
                let letters = &core.post.letters;
                let to = &letters.iter().enumerate().find(|(n, _)| post::message_id(*n) == *message).unwrap().1.to;
                report.mail = letters.iter().find(|letter| letter.to == *to).unwrap().mail.clone();
            }
        }
        _ => {}
    }
    let Ok(report) = read else { return Ended::Answered(true) };
    let noted = follow(&report, &ports, Clock::now(&ports)).await;
    ports.world.note(|| format!("#{} {} {:?}: {noted:?}", ports.who, report.message_id, report.happened));
    Ended::Answered(noted.is_ok() || ports.is(Mutant::EventSwallowed))
}
