//! How the handler treats each kind of mail, over fakes that record their calls and take as long as they may.

use std::sync::Mutex;

use comptoir::{
    archive::{Document, File, sha256},
    clock::FixedClock,
    mail::{
        Content, InvoiceMail,
        outbox::{Claim, Parking, SendResult, Status},
    },
    outcome::ServiceError,
    testing::slow::SlowOutbox,
    timing::{OPERATION_SECONDS, POST_SECONDS},
};
use serde_json::json;

use super::*;

const NOW: Timestamp = Timestamp::constant(1_795_257_000, 0);
const PDF: &[u8] = b"%PDF-1.7 the invoice";

/// Outbox, archive and mail transport. Each call takes its full timeout at most.
struct Ports {
    seconds: Mutex<u64>,
    parked: Mutex<Vec<Reason>>,
    posted: Mutex<Vec<OutgoingEmail>>,
    claim: fn() -> Result<Claim, ServiceError>,
    post: fn() -> SendResult,
    archived: fn() -> Result<Option<Vec<u8>>, ServiceError>,
}

impl Default for Ports {
    fn default() -> Self {
        Self {
            seconds: Mutex::default(),
            parked: Mutex::default(),
            posted: Mutex::default(),
            claim: || Ok(Claim::Ours),
            post: || SendResult::Accepted("m".to_owned()),
            archived: || Ok(Some(PDF.to_vec())),
        }
    }
}

impl Ports {
    fn reasons(&self) -> Vec<String> {
        self.parked.lock().unwrap().iter().map(|reason| reason.code.clone()).collect()
    }
}

impl SlowOutbox for Ports {
    fn takes(&self, seconds: u64) {
        *self.seconds.lock().unwrap() += seconds;
    }

    fn claimed(&self) -> Result<Claim, ServiceError> {
        (self.claim)()
    }

    fn parked(&self, _: &MailId, reason: &Reason) -> Parking {
        let mut parked = self.parked.lock().unwrap();
        if !parked.is_empty() {
            return Parking::Held(Status::Parked);
        }
        parked.push(reason.clone());
        Parking::Parked
    }
}

impl Archive for &Ports {
    async fn store(&self, file: &File) -> Result<Document, ServiceError> {
        Ok(file.document())
    }

    async fn read(&self, _: &str) -> Result<Option<Vec<u8>>, ServiceError> {
        self.takes(OPERATION_SECONDS);
        (self.archived)()
    }

    async fn look(&self, _: &str) -> Result<Option<Document>, ServiceError> {
        Ok(None)
    }

    async fn list(&self, _: &str, _: Option<&str>, _: usize) -> Result<Vec<String>, ServiceError> {
        Ok(Vec::new())
    }
}

impl MailTransport for &Ports {
    async fn post(&self, letter: &OutgoingEmail) -> SendResult {
        self.takes(POST_SECONDS);
        self.posted.lock().unwrap().push(letter.clone());
        (self.post)()
    }
}

fn mail(id: &str, to: &str, content: Content) -> Mail {
    let document = Document { key: "invoices/1.pdf".to_owned(), sha256: sha256(PDF), size: PDF.len() as u64 };
    Mail {
        id: MailId(id.to_owned()),
        to: Some(to.to_owned()),
        from: "facturation@example.org".to_owned(),
        from_name: "Atelier".to_owned(),
        reply_to: None,
        content,
        attachment: Some(Attachment { filename: "1.pdf".to_owned(), document }),
        queued_at: NOW,
    }
}

fn invoice(to: &str) -> Mail {
    let text = |value: &str| value.to_owned();
    let content = InvoiceMail {
        language: text("fr"),
        seller_name: text("Atelier"),
        contact: text("contact@example.org"),
        accent: text("#1f3a5f"),
        customer_name: text("Zoé"),
        title: text("Facture"),
        number: text("2026-11-0001"),
        total: text("49,00 €"),
        issued_on: text("21 novembre 2026"),
        lines: Vec::new(),
        more_lines: 0,
    };
    mail("invoice/2026-11-0001", to, Content::Invoice(content))
}

/// Passes one mail to the sender; returns the response to the stream.
async fn handled(ports: &Ports, mail: &Mail, seconds_left: u64) -> BatchAnswer {
    let sender = Sender {
        outbox: ports,
        archive: ports,
        post_office: ports,
        composer: Composer::of_documents().unwrap(),
        clock: FixedClock(NOW),
        lease: SignedDuration::from_secs(120),
    };
    let data = serde_json::to_string(mail).unwrap();
    let record = json!({"dynamodb": {
        "SequenceNumber": "1",
        "Keys": {"pk": {"S": format!("{}#{}", mail.id.kind(), mail.id)}},
        "NewImage": {"data": {"S": data}},
    }});
    let event = serde_json::from_value(json!({ "Records": [record] })).unwrap();
    let deadline = NOW.saturating_add(SignedDuration::from_secs(seconds_left.cast_signed())).unwrap();
    sender.handle(event, "r", deadline).await
}

#[tokio::test]
async fn no_mail_takes_longer_than_is_said_whatever_becomes_of_it() {
    let claims: [fn() -> Result<Claim, ServiceError>; 4] = [
        || Ok(Claim::Ours),
        || Ok(Claim::Held(Status::Sending { lease_until: NOW })),
        || Err(ServiceError::permanent("the outbox", "record_refused", "ValidationException")),
        || Err(ServiceError::transient("the outbox", "throttled")),
    ];
    let posts: [fn() -> SendResult; 4] = [
        || SendResult::Accepted("m".to_owned()),
        || SendResult::Transient("throttled".to_owned()),
        || SendResult::Permanent(Reason::new("mail_refused", "no")),
        || SendResult::Ambiguous("lost".to_owned()),
    ];
    let mut longest = 0;
    for claim in claims {
        for post in posts {
            let ports = Ports { claim, post, ..Ports::default() };
            handled(&ports, &invoice("zoe@example.org"), ONE_MAIL_SECONDS).await;
            let took = *ports.seconds.lock().unwrap();
            assert!(took <= ONE_MAIL_SECONDS, "it took {took} s");
            longest = longest.max(took);
        }
    }
    assert_eq!(longest, ONE_MAIL_SECONDS, "the figure says what the worst chain takes, and no more");
}

#[tokio::test]
async fn nothing_is_begun_that_cannot_end_in_time() {
    let ports = Ports::default();
    let answered = handled(&ports, &invoice("zoe@example.org"), ONE_MAIL_SECONDS - 1).await;
    assert_eq!(answered.batch_item_failures.len(), 1);
    assert_eq!(*ports.seconds.lock().unwrap(), 0);
}

#[tokio::test]
async fn only_the_document_that_was_issued_is_mailed() {
    type Read = fn() -> Result<Option<Vec<u8>>, ServiceError>;
    let archives: [(Read, &str); 5] = [
        (|| Ok(Some(b"%PDF-1.7 the other's".to_vec())), "attachment_differs"),
        (|| Ok(Some(PDF[1..].to_vec())), "attachment_differs"),
        (|| Ok(Some(Vec::new())), "attachment_differs"),
        (|| Ok(None), "attachment_missing"),
        (|| Err(ServiceError::permanent("the archive", "access_denied", "AccessDenied")), "access_denied"),
    ];
    for (archived, word) in archives {
        let ports = Ports { archived, ..Ports::default() };
        assert_eq!(handled(&ports, &invoice("zoe@example.org"), 90).await, BatchAnswer::default(), "{word}");
        assert_eq!(ports.reasons(), [word]);
        assert!(ports.posted.lock().unwrap().is_empty(), "{word}");
    }
    let ports = Ports { archived: || Err(ServiceError::transient("the archive", "SlowDown")), ..Ports::default() };
    assert_eq!(handled(&ports, &invoice("zoe@example.org"), 90).await.batch_item_failures.len(), 1, "it comes again");
    assert!(ports.reasons().is_empty());
    let ports = Ports::default();
    handled(&ports, &invoice("zoe@example.org"), 90).await;
    assert_eq!(ports.posted.lock().unwrap().first().unwrap().enclosure.as_ref().unwrap().pdf, PDF);
}

#[tokio::test]
async fn an_address_is_written_as_ses_takes_it_or_parked_before_anything_is_asked() {
    let ports = Ports::default();
    handled(&ports, &invoice("Zoe@müller.example"), 90).await;
    assert_eq!(ports.posted.lock().unwrap().first().unwrap().to, "Zoe@xn--mller-kva.example");
    let ports = Ports::default();
    let again = [(); 2];
    for () in again {
        assert_eq!(handled(&ports, &invoice("jésus@example.org"), 90).await, BatchAnswer::default());
    }
    assert_eq!(ports.reasons(), ["recipient_not_ascii"], "parked once");
    assert!(ports.posted.lock().unwrap().is_empty());
    assert_eq!(*ports.seconds.lock().unwrap(), 2 * OPERATION_SECONDS, "nothing but parking it was asked");
}
