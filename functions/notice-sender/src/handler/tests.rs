//! How the handler treats notices and messages, over fakes that record their calls and take as long as they may.

use std::sync::Mutex;

use comptoir::{
    app::{AppMessage, delivery::Told},
    clock::FixedClock,
    mail::{
        Content, DigestMail, Mail, NoticeEvent, NoticeMail,
        delivery::{AddressHash, Cause, Report, Transition},
        outbox::{Claim, OutgoingEmail, Parking, SendResult, Status},
        quota::MailQuota,
    },
    memory::InMemoryAppMessages,
    outcome::ServiceError,
    settings::cache::SETTINGS_KEPT,
    team::{Message, TeamNotice},
    testing::{FRANCHISE_TOML, saved_settings, slow::SlowOutbox},
    timing::{OPERATION_SECONDS, POST_SECONDS, ROOM_SECONDS},
};
use serde_json::{Value, json};

use super::*;

const NOW: Timestamp = Timestamp::constant(1_795_257_000, 0);

/// Notices and channels. Each call takes its full timeout at most.
struct Ports {
    seconds: Mutex<u64>,
    parked: Mutex<Vec<MailId>>,
    claim: fn() -> Result<Claim, ServiceError>,
    post: fn() -> SendResult,
    tell: fn() -> Result<Vec<MailId>, ServiceError>,
    notices: fn() -> Result<(), ServiceError>,
    quota: fn() -> Result<MailQuota, ServiceError>,
    suppressed: Option<Cause>,
    mailed: Mutex<Vec<MailId>>,
}

impl Default for Ports {
    fn default() -> Self {
        Self {
            seconds: Mutex::default(),
            parked: Mutex::default(),
            claim: || Ok(Claim::Ours),
            post: || SendResult::Accepted("slack".to_owned()),
            tell: || Ok(Vec::new()),
            notices: || Ok(()),
            quota: || Ok(MailQuota { daily: Some(100), sent: 0, millis_per_second: 1_000 }),
            suppressed: None,
            mailed: Mutex::default(),
        }
    }
}

impl SlowOutbox for Ports {
    fn takes(&self, seconds: u64) {
        *self.seconds.lock().unwrap() += seconds;
    }

    fn claimed(&self) -> Result<Claim, ServiceError> {
        (self.claim)()
    }

    fn parked(&self, id: &MailId, _: &Reason) -> Parking {
        self.parked.lock().unwrap().push(id.clone());
        Parking::Parked
    }
}

impl Deliveries for &Ports {
    async fn note(&self, _: &Report, _: Timestamp) -> Result<Transition, ServiceError> {
        Ok(Transition::Absent)
    }

    async fn suppress(&self, _: &AddressHash, _: Cause, _: Timestamp) -> Result<(), ServiceError> {
        Ok(())
    }

    async fn suppressed(&self, _: &AddressHash) -> Result<Option<Cause>, ServiceError> {
        self.takes(OPERATION_SECONDS);
        Ok(self.suppressed)
    }
}

impl QuotaReader for &Ports {
    async fn quota(&self) -> Result<MailQuota, ServiceError> {
        self.takes(OPERATION_SECONDS);
        (self.quota)()
    }
}

impl MailTransport for &Ports {
    async fn post(&self, letter: &OutgoingEmail) -> SendResult {
        self.takes(POST_SECONDS);
        self.mailed.lock().unwrap().push(letter.id.clone());
        (self.post)()
    }
}

impl TeamNews for &Ports {
    async fn notices(&self, ids: &[MailId]) -> Result<Vec<TeamNotice>, ServiceError> {
        self.takes(OPERATION_SECONDS);
        (self.notices)()?;
        let notice = |id: &MailId| TeamNotice {
            id: id.clone(),
            event: NoticeEvent::Created,
            profile: "p1".to_owned(),
            handle: None,
            name: "Zoé".to_owned(),
            changes: Vec::new(),
            at: NOW,
        };
        Ok(ids.iter().map(notice).collect())
    }

    async fn tell(
        &self,
        _: &[MailId],
        _: Option<&Mail>,
        _: Option<&Message>,
        _: Timestamp,
    ) -> Result<Vec<MailId>, ServiceError> {
        self.takes(OPERATION_SECONDS);
        (self.tell)()
    }
}

impl TeamRoom for &Ports {
    async fn is_open(&self) -> Result<bool, ServiceError> {
        self.takes(OPERATION_SECONDS);
        Ok(true)
    }

    /// Reading the webhook, posting, and reading the webhook again after a rotation.
    async fn say(&self, _: &str) -> SendResult {
        self.takes(2 * OPERATION_SECONDS + ROOM_SECONDS);
        (self.post)()
    }
}

fn said() -> DigestMail {
    DigestMail {
        language: "fr".to_owned(),
        seller_name: "Atelier".to_owned(),
        accent: "#1f3a5f".to_owned(),
        notices: vec![MailId("profile/p1/1/team".to_owned())],
        lines: Vec::new(),
    }
}

fn message(queued_at: Timestamp) -> Value {
    let message = Message { id: MailId("slack/1".to_owned()), digest: said(), queued_at };
    record("SLACK", "slack/1", &serde_json::to_string(&message).unwrap())
}

fn mail(id: &str, content: Content) -> Value {
    let mail = Mail {
        id: MailId(id.to_owned()),
        to: Some("zoe@example.org".to_owned()),
        from: "facturation@example.org".to_owned(),
        from_name: "Atelier".to_owned(),
        reply_to: None,
        content,
        attachment: None,
        queued_at: NOW,
    };
    record("NOTICE", id, &serde_json::to_string(&mail).unwrap())
}

fn digest() -> Value {
    mail("team/1", Content::Digest(said()))
}

fn to_member(n: u32) -> Value {
    let content = NoticeMail {
        language: "fr".to_owned(),
        seller_name: "Atelier".to_owned(),
        contact: "contact@example.org".to_owned(),
        accent: "#1f3a5f".to_owned(),
        event: NoticeEvent::Created,
        name: "Zoé".to_owned(),
        profile: "zoe".to_owned(),
        changes: Vec::new(),
    };
    mail(&format!("profile/p{n}/1/member"), Content::Notice(content))
}

fn notice(n: u32) -> Value {
    record("TEAM", &format!("profile/p{n}/1/team"), "{}")
}

fn record(kind: &str, id: &str, data: &str) -> Value {
    json!({"dynamodb": {
        "SequenceNumber": id,
        "Keys": {"pk": {"S": format!("{kind}#{id}")}},
        "NewImage": {"data": {"S": data}, "open_shard": {"S": "NOTICE#0"}},
    }})
}

/// No message of these tests is for the app.
struct NoApp;

impl App for NoApp {
    async fn tell(&self, message: &AppMessage) -> Told {
        panic!("{} was sent", message.id)
    }
}

async fn handled(ports: &Ports, records: &[Value], seconds_left: u64) -> usize {
    let notifier = NoticeSender {
        notices: ports,
        post_office: ports,
        budget: Budget::new(ports),
        room: ports,
        app: Teller { messages: InMemoryAppMessages::default(), app: NoApp },
        composer: Composer::new().unwrap(),
        settings: CachedSettings::new(saved_settings(FRANCHISE_TOML), SETTINGS_KEPT),
        clock: FixedClock(NOW),
        lease: SignedDuration::from_secs(120),
    };
    let event = serde_json::from_value(json!({ "Records": records })).unwrap();
    let deadline = NOW.saturating_add(SignedDuration::from_secs(seconds_left.cast_signed())).unwrap();
    notifier.handle(event, "r", deadline).await.batch_item_failures.len()
}

#[tokio::test]
async fn no_message_takes_longer_than_is_said_whatever_becomes_of_it() {
    let claims: [fn() -> Result<Claim, ServiceError>; 3] = [
        || Ok(Claim::Ours),
        || Ok(Claim::Held(Status::Sending { lease_until: NOW })),
        || Err(ServiceError::permanent("the outbox", "record_refused", "ValidationException")),
    ];
    let posts: [fn() -> SendResult; 4] = [
        || SendResult::Accepted("slack".to_owned()),
        || SendResult::Transient("patience".to_owned()),
        || SendResult::Permanent(Reason::new("slack_refused", "no")),
        || SendResult::Ambiguous("lost".to_owned()),
    ];
    let mut longest = 0;
    for claim in claims {
        for post in posts {
            // One that has been queued for the channel too long is parked as well.
            for queued_at in [NOW, Timestamp::UNIX_EPOCH] {
                let ports = Ports { claim, post, ..Ports::default() };
                handled(&ports, &[message(queued_at)], ONE_MESSAGE_SECONDS).await;
                let took = *ports.seconds.lock().unwrap();
                assert!(took <= ONE_MESSAGE_SECONDS, "it took {took} s");
                longest = longest.max(took);
            }
        }
    }
    assert_eq!(longest, ONE_MESSAGE_SECONDS, "the figure says what the worst chain takes, and no more");
    let ports = Ports::default();
    assert_eq!(handled(&ports, &[message(NOW)], ONE_MESSAGE_SECONDS - 1).await, 1, "it comes again");
    assert_eq!(*ports.seconds.lock().unwrap(), 0);
}

#[tokio::test]
async fn notices_that_can_never_be_gathered_are_parked_and_those_that_cannot_now_come_again() {
    let records: Vec<Value> = (0..3).map(notice).collect();
    let refused: fn() -> Result<Vec<MailId>, ServiceError> =
        || Err(ServiceError::permanent("the outbox", "access_denied", "AccessDeniedException"));
    let ports = Ports { tell: refused, ..Ports::default() };
    assert_eq!(handled(&ports, &records, 90).await, 0);
    assert_eq!(ports.parked.lock().unwrap().len(), 3);
    let ports = Ports { tell: refused, ..Ports::default() };
    assert_eq!(handled(&ports, &records, 5).await, 1, "there is no time to park them");
    assert!(ports.parked.lock().unwrap().is_empty());
    let away = Ports { tell: || Err(ServiceError::transient("the outbox", "throttled")), ..Ports::default() };
    assert_eq!(handled(&away, &records, 90).await, 1);
    assert!(away.parked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_message_whose_notices_cannot_be_read_is_parked() {
    let notices = || Err(ServiceError::permanent("the outbox", "record_unreadable", "no data"));
    let ports = Ports { notices, ..Ports::default() };
    assert_eq!(handled(&ports, &[message(NOW)], 90).await, 0);
    assert_eq!(*ports.parked.lock().unwrap(), [MailId("slack/1".to_owned())]);
}

#[tokio::test]
async fn no_notice_takes_longer_than_is_said_whatever_becomes_of_it() {
    let claims: [fn() -> Result<Claim, ServiceError>; 3] = [
        || Ok(Claim::Ours),
        || Ok(Claim::Held(Status::Sending { lease_until: NOW })),
        || Err(ServiceError::permanent("the outbox", "record_refused", "ValidationException")),
    ];
    let posts: [fn() -> SendResult; 4] = [
        || SendResult::Accepted("m".to_owned()),
        || SendResult::Transient("throttled".to_owned()),
        || SendResult::Permanent(Reason::new("mail_refused", "no")),
        || SendResult::Ambiguous("lost".to_owned()),
    ];
    let mut longest = 0;
    for record in [to_member(1), digest()] {
        for claim in claims {
            for post in posts {
                let ports = Ports { claim, post, ..Ports::default() };
                handled(&ports, std::slice::from_ref(&record), ONE_NOTICE_SECONDS).await;
                let took = *ports.seconds.lock().unwrap();
                assert!(took <= ONE_NOTICE_SECONDS, "it took {took} s");
                longest = longest.max(took);
            }
        }
    }
    assert_eq!(longest, ONE_NOTICE_SECONDS, "the figure says what the worst chain takes, and no more");
    let ports = Ports::default();
    assert_eq!(handled(&ports, &[digest()], ONE_NOTICE_SECONDS - 1).await, 1, "it comes again");
    assert_eq!(*ports.seconds.lock().unwrap(), 0);
}

#[tokio::test]
async fn notices_beyond_their_part_of_the_quota_are_left_to_the_sweep() {
    let records: Vec<Value> = (0..5).map(to_member).collect();
    let quota = || Ok(MailQuota { daily: Some(100), sent: 48, millis_per_second: 1_000 });
    let ports = Ports { quota, ..Ports::default() };
    assert_eq!(handled(&ports, &records, 900).await, 0, "what is left to the sweep holds up nothing");
    assert_eq!(ports.mailed.lock().unwrap().len(), 2);
    let quota = || Err(ServiceError::transient("the mail service", "no answer"));
    let ports = Ports { quota, ..Ports::default() };
    assert_eq!(handled(&ports, &records, 900).await, 1);
    assert!(ports.mailed.lock().unwrap().is_empty(), "a quota that is not known is not used");
}

#[tokio::test]
async fn a_suppressed_address_and_a_record_that_comes_twice_get_no_mail() {
    let ports = Ports { suppressed: Some(Cause::Complaint), ..Ports::default() };
    assert_eq!(handled(&ports, &[to_member(1)], 900).await, 0);
    assert!(ports.mailed.lock().unwrap().is_empty());
    let ports = Ports::default();
    assert_eq!(handled(&ports, &[to_member(1), to_member(1), digest()], 900).await, 0);
    assert_eq!(ports.mailed.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_silent_room_holds_up_no_notice() {
    let post = || SendResult::Transient("patience".to_owned());
    let ports = Ports { post, ..Ports::default() };
    let young = NOW.saturating_sub(SignedDuration::from_secs(30)).unwrap();
    assert_eq!(handled(&ports, &[message(young)], 900).await, 1, "it comes again soon");
    let older = NOW.saturating_sub(SignedDuration::from_secs(90)).unwrap();
    assert_eq!(handled(&ports, &[message(older)], 900).await, 0, "it is left to the sweep");
    assert!(ports.parked.lock().unwrap().is_empty());
}
