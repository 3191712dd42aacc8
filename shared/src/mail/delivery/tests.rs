//! Every event at every status, events in any order and repeated, and SES's own shapes.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    event::{SesEvent, read},
    *,
};
use crate::{
    archive::Document,
    billing::{
        draft::draft,
        ledger::{Counter, Ledger, NumberClaim},
    },
    invoice::{DocumentSource, Invoice, print},
    mail::{
        Mail,
        outbox::{Claim, Outbox},
    },
    memory::{InMemoryStore, StreamRecord},
    numbering::{InvoiceNumber, Series},
    payment::PaymentLog,
    seller::Seller,
    testing::{FRANCHISE_TOML, sale, words},
};
use jiff::{SignedDuration, civil::date};

const SET: &str = "comptoir-prod";

fn now() -> Timestamp {
    "2026-11-21T10:00:00Z".parse().unwrap()
}

fn why() -> Reason {
    Reason::new("mail_bounced", "no such user")
}

fn fates() -> Vec<DeliveryEvent> {
    vec![
        DeliveryEvent::Sent,
        DeliveryEvent::Delivered,
        DeliveryEvent::Deferred("delay/MailboxFull".to_owned()),
        DeliveryEvent::Bounced(why()),
        DeliveryEvent::Rejected(why()),
        DeliveryEvent::Complained,
    ]
}

#[test]
fn every_event_at_every_stage() {
    use Stage::{Bounced, Complained, Delivered, Rejected, Sent};
    // One row per event, one column per status: the new status, or - for no change.
    let table = [
        // queued, sending, unknown, sent, delivered, bounced, rejected, complained
        [Some(Sent), Some(Sent), Some(Sent), None, None, None, None, None],
        [Some(Delivered), Some(Delivered), Some(Delivered), Some(Delivered), None, None, None, None],
        [Some(Sent), Some(Sent), Some(Sent), None, None, None, None, None],
        [Some(Bounced), Some(Bounced), Some(Bounced), Some(Bounced), Some(Bounced), None, None, None],
        [Some(Rejected), Some(Rejected), Some(Rejected), Some(Rejected), Some(Rejected), Some(Rejected), None, None],
        [
            Some(Complained),
            Some(Complained),
            Some(Complained),
            Some(Complained),
            Some(Complained),
            Some(Complained),
            Some(Complained),
            None,
        ],
    ];
    for (happened, row) in fates().iter().zip(table) {
        for (stage, expected) in Stage::ALL.into_iter().zip(row) {
            assert_eq!(next(stage, false, happened), expected, "{happened:?} at {stage:?}");
            // An event of an earlier bounced message is ignored while the mail is sent again, and else applies.
            let past = if stage < Bounced { None } else { expected };
            assert_eq!(next(stage, true, happened), past, "{happened:?} of an earlier message at {stage:?}");
        }
    }
}

proptest! {
    #[test]
    fn any_order_and_repetition_ends_alike(
        start in 0_usize..5,
        told in proptest::collection::vec(0_usize..6, 1..12),
        seed in any::<prop::sample::Index>(),
    ) {
        let fates = fates();
        let run = |order: &[usize]| {
            let (mut stage, mut came_back) = (Stage::ALL[start], false);
            for &event in order {
                if let Some(to) = next(stage, came_back, &fates[event]) {
                    prop_assert!(to > stage, "only ever up");
                    came_back |= to.came_back();
                    stage = to;
                }
            }
            Ok(stage)
        };
        let end = run(&told)?;
        prop_assert_eq!(end, told.iter().map(|&event| fates[event].stage()).max().unwrap().max(Stage::ALL[start]));
        let mut other = told.clone();
        other.extend(&told);
        let cut = seed.index(other.len());
        other.rotate_left(cut);
        prop_assert_eq!(run(&other)?, end);
        other.reverse();
        prop_assert_eq!(run(&other)?, end);
        other.sort_unstable();
        prop_assert_eq!(run(&other)?, end);
    }
}

/// A store with one queued mail.
async fn books() -> (InMemoryStore, MailId) {
    let books = InMemoryStore::default();
    let seller = Seller::from_toml(FRANCHISE_TOML).unwrap();
    let (sale, issued_on) = (sale(), date(2026, 11, 21));
    books.record(&sale, now()).await.unwrap();
    let invoice =
        Invoice::new(InvoiceNumber("2026-11-0001".to_owned()), issued_on, draft(&sale, &seller, issued_on).unwrap());
    assert_eq!(invoice.draft.basis(), DocumentSource::Sale(sale.key));
    let claim = NumberClaim {
        series: Series("2026-11".to_owned()),
        counter: Counter::default(),
        invoices: vec![invoice.clone()],
        crediting: None,
    };
    Ledger::claim(&books, &claim).await.unwrap();
    let document = Document { key: "invoices/a.pdf".into(), sha256: String::new(), size: 1 };
    let page = print::page(&invoice, &seller.look, &words());
    let mail = Mail::of_invoice(&invoice, &page, &document, &seller, now());
    books.finish(&invoice.number, &document, &mail, None).await.unwrap();
    (books, mail.id)
}

fn report(mail: &MailId, message: &str, happened: DeliveryEvent) -> Report {
    Report { mail: mail.clone(), message_id: message.to_owned(), happened, suppress: None }
}

fn status(books: &InMemoryStore) -> Status {
    books.mails()[0].1.clone()
}

async fn claim(books: &InMemoryStore, id: &MailId) -> Claim {
    Outbox::claim(books, id, "r", now(), SignedDuration::from_secs(120)).await.unwrap()
}

#[tokio::test(flavor = "current_thread")]
async fn a_lost_answer_is_settled_by_the_event_and_never_unsettled() {
    let (books, id) = books().await;
    claim(&books, &id).await;
    books.unknown(&id, "r", now()).await.unwrap();
    let delivered = report(&id, "m1", DeliveryEvent::Delivered);
    assert_eq!(follow(&delivered, &books, now()).await, Ok(Transition::Moved(Stage::Delivered)));
    assert_eq!(follow(&delivered, &books, now()).await, Ok(Transition::Stays(Stage::Delivered)));
    books.sent(&id, "m1", now()).await.unwrap();
    books.unknown(&id, "r", now()).await.unwrap();
    assert_eq!(status(&books), Status::Delivered, "the sender's own late record takes nothing back");
    assert_eq!(claim(&books, &id).await, Claim::Held(Status::Delivered));
}

#[tokio::test(flavor = "current_thread")]
async fn a_mail_that_was_put_back_is_not_judged_by_its_earlier_message() {
    let (books, id) = books().await;
    claim(&books, &id).await;
    books.sent(&id, "m1", now()).await.unwrap();
    follow(&report(&id, "m1", DeliveryEvent::Bounced(why())), &books, now()).await.unwrap();
    assert_eq!(claim(&books, &id).await, Claim::Held(Status::Bounced), "nobody sends it again by himself");
    books.put_back(&StreamRecord::Mail(id.clone()), now());
    for happened in fates() {
        follow(&report(&id, "m1", happened), &books, now()).await.unwrap();
        assert_eq!(status(&books), Status::Queued);
    }
    books.sent(&id, "m1", now()).await.unwrap();
    assert_eq!(
        status(&books),
        Status::Queued,
        "the sender's late record of that message keeps nobody from sending again"
    );
    assert_eq!(claim(&books, &id).await, Claim::Ours);
    books.sent(&id, "m1", now()).await.unwrap();
    assert!(matches!(status(&books), Status::Sending { .. }), "nor does it settle the sending that is under way");
    books.sent(&id, "m2", now()).await.unwrap();
    follow(&report(&id, "m1", DeliveryEvent::Bounced(why())), &books, now()).await.unwrap();
    assert_eq!(status(&books), Status::Sent);
    follow(&report(&id, "m2", DeliveryEvent::Delivered), &books, now()).await.unwrap();
    assert_eq!(status(&books), Status::Delivered);
}

#[tokio::test(flavor = "current_thread")]
async fn an_address_is_suppressed_for_our_mails_only_and_a_complaint_outweighs_a_bounce() {
    let (books, id) = books().await;
    let address = AddressHash::of("zoe@example.org");
    let of = |mail: &MailId, happened: DeliveryEvent, cause: Cause| Report {
        suppress: Some((address.clone(), cause)),
        ..report(mail, "m1", happened)
    };
    let stranger = MailId("invoice/2026-11-0999".to_owned());
    let noted = follow(&of(&stranger, DeliveryEvent::Bounced(why()), Cause::Bounce), &books, now()).await;
    assert_eq!((noted, books.suppressed(&address).await), (Ok(Transition::Absent), Ok(None)));
    follow(&of(&id, DeliveryEvent::Complained, Cause::Complaint), &books, now()).await.unwrap();
    follow(&of(&id, DeliveryEvent::Bounced(why()), Cause::Bounce), &books, now()).await.unwrap();
    assert_eq!(books.suppressed(&address).await, Ok(Some(Cause::Complaint)));
    follow(&report(&id, "m1", DeliveryEvent::Deferred("delay/General".to_owned())), &books, now()).await.unwrap();
    assert_eq!((status(&books), books.hindrances(&id)), (Status::Complained, vec!["delay/General".to_owned()]));
}

fn event(kind: &str, more: &Value) -> SesEvent {
    let mut detail = json!({
        "eventType": kind,
        "mail": {
            "timestamp": "2026-11-21T10:00:00.000Z", "messageId": "m1", "destination": ["Zoe@example.org"],
            "headersTruncated": false, "headers": [{"name": "From", "value": "a@b.fr"}],
            "tags": {
                "ses:configuration-set": [SET], "ses:caller-identity": ["mail-sender"],
                "mail": [MailId("invoice/2026-11-0042".to_owned()).tag()],
            },
        },
    });
    for (name, value) in more.as_object().unwrap() {
        detail[name] = value.clone();
    }
    let envelope = json!({"version": "0", "source": "aws.ses", "detail-type": "Email ...", "detail": detail});
    serde_json::from_value(envelope).unwrap()
}

#[test]
fn the_kinds_of_event_are_read() {
    let happened =
        |kind: &str, more: Value| read(&event(kind, &more), SET).map(|report| (report.happened, report.suppress));
    let zoe = |cause| Some((AddressHash::of("zoe@example.org"), cause));
    let bounce = |kind: &str, sub_type: &str| {
        let recipients = json!([{"emailAddress": "forwarded@example.net", "status": "5.1.1"}]);
        json!({"bounce": {"bounceType": kind, "bounceSubType": sub_type, "bouncedRecipients": recipients}})
    };
    assert_eq!(happened("Send", json!({"send": {}})), Ok((DeliveryEvent::Sent, None)));
    assert_eq!(
        happened("Delivery", json!({"delivery": {"smtpResponse": "250"}})),
        Ok((DeliveryEvent::Delivered, None))
    );
    assert_eq!(
        happened("DeliveryDelay", json!({"deliveryDelay": {"delayType": "MailboxFull"}})),
        Ok((DeliveryEvent::Deferred("delay/MailboxFull".to_owned()), None))
    );
    let hindered = DeliveryEvent::Deferred("bounce/Transient/General".to_owned());
    assert_eq!(happened("Bounce", bounce("Transient", "General")), Ok((hindered, None)), "someone out of office");
    for (sub_type, word) in [("General", "mail_bounced"), ("OnAccountSuppressionList", "mail_suppressed")] {
        let (happened, suppress) = happened("Bounce", bounce("Permanent", sub_type)).unwrap();
        assert_eq!((happened.stage(), happened.parks().unwrap().code.as_str()), (Stage::Bounced, word));
        assert_eq!(suppress, zoe(Cause::Bounce), "what we wrote to, not what it was forwarded to");
    }
    let complaint = |more: Value| happened("Complaint", json!({"complaint": more}));
    let abuse = json!({"complainedRecipients": [{"emailAddress": "zoe@example.org"}], "complaintFeedbackType": "abuse", "complaintSubType": null});
    assert_eq!(complaint(abuse), Ok((DeliveryEvent::Complained, zoe(Cause::Complaint))));
    assert_eq!(complaint(json!({"complaintFeedbackType": "not-spam"})), Ok((DeliveryEvent::Delivered, None)));
    let (unsent, suppress) = complaint(json!({"complaintSubType": "OnAccountSuppressionList"})).unwrap();
    assert_eq!((unsent.stage(), suppress), (Stage::Bounced, zoe(Cause::Complaint)), "SES never sent it");
    let (rejected, _) = happened("Reject", json!({"reject": {"reason": "Bad content"}})).unwrap();
    assert!(rejected.stage() == Stage::Rejected && rejected.parks().unwrap().message.contains("Bad content"));
    assert_eq!(happened("Open", json!({})).unwrap_err().code, "event_of_no_concern");
}

#[test]
fn what_is_not_ours_is_ignored_with_a_reason() {
    assert_eq!(read(&event("Delivery", &json!({})), "comptoir-dev").unwrap_err().code, "foreign_mail");
    for tags in [json!({}), json!({"mail": []}), json!({"mail": ["###"]})] {
        let mut tags = tags;
        tags["ses:configuration-set"] = json!([SET]);
        let mail = json!({"mail": {"messageId": "m1", "destination": [], "tags": tags}});
        assert_eq!(read(&event("Delivery", &mail), SET).unwrap_err().code, "untagged_mail");
    }
}

#[test]
fn no_reason_carries_an_address() {
    let odd = json!({"reject": {"reason": "virus for zoe@example.org"}});
    let report = read(&event("Reject", &odd), SET).unwrap();
    assert!(!report.happened.parks().unwrap().message.contains('@'));
    assert!(!format!("{report:?}").contains("example.org"));
}
