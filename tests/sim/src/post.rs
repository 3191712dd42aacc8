//! The mail service: which letters it took, what became of each, and what it tells of that by events.

use std::{collections::BTreeMap, sync::Arc};

use comptoir::mail::{
    MailId,
    delivery::{Cause, Stage},
    outbox::OutgoingEmail,
};

use crate::{
    plan::Kind,
    world::{Todo, World},
};

/// The configuration set our mails are sent with.
pub const SET: &str = "comptoir-sim";

/// The set of another stack that shares the bus and numbers its invoices alike.
pub const OTHER_SET: &str = "comptoir-other";

/// What an event says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Says {
    /// It took the letter.
    Sent,
    /// It is still trying.
    Delayed,
    /// The recipient is away and has the letter.
    Away,
    /// The recipient's server took it.
    Delivered,
    /// It came back for good.
    Bounced,
    /// It will not send what it took.
    Rejected,
    /// The recipient calls it spam.
    Complained,
}

impl Says {
    /// How far a mail has come of which this is true.
    pub fn stage(self) -> Stage {
        match self {
            Self::Sent | Self::Delayed | Self::Away => Stage::Sent,
            Self::Delivered => Stage::Delivered,
            Self::Bounced => Stage::Bounced,
            Self::Rejected => Stage::Rejected,
            Self::Complained => Stage::Complained,
        }
    }

    /// Why the address is to be left alone after this, if it is.
    pub fn suppresses(self) -> Option<Cause> {
        match self {
            Self::Bounced => Some(Cause::Bounce),
            Self::Complained => Some(Cause::Complaint),
            _ => None,
        }
    }

    /// What is kept beside the mail after this, if anything is.
    pub fn hindrance(self) -> Option<&'static str> {
        match self {
            Self::Delayed => Some("delay/MailboxFull"),
            Self::Away => Some("bounce/Transient/General"),
            _ => None,
        }
    }

    /// The name of the event and its own part.
    fn told(self, to: &str) -> (&'static str, String) {
        let bounce = |kind: &str| {
            format!(
                r#""bounce":{{"bounceType":"{kind}","bounceSubType":"General","bouncedRecipients":[{{"emailAddress":"{to}"}}]}}"#
            )
        };
        match self {
            Self::Sent => ("Send", r#""send":{}"#.to_owned()),
            Self::Delayed => ("DeliveryDelay", r#""deliveryDelay":{"delayType":"MailboxFull"}"#.to_owned()),
            Self::Away => ("Bounce", bounce("Transient")),
            Self::Delivered => ("Delivery", format!(r#""delivery":{{"recipients":["{to}"]}}"#)),
            Self::Bounced => ("Bounce", bounce("Permanent")),
            Self::Rejected => ("Reject", r#""reject":{"reason":"Bad content"}"#.to_owned()),
            Self::Complained => (
                "Complaint",
                format!(
                    r#""complaint":{{"complainedRecipients":[{{"emailAddress":"{to}"}}],"complaintFeedbackType":"abuse"}}"#
                ),
            ),
        }
    }
}

/// A letter that the service took.
#[derive(Debug, Clone)]
pub struct Taken {
    /// Of which mail.
    pub mail: MailId,
    /// For whom.
    pub to: String,
}

/// An event.
#[derive(Debug, Clone)]
pub struct News {
    /// The letter it is about; of a stranger's there is none.
    pub letter: Option<usize>,
    /// What it says.
    pub says: Says,
    /// As the bus brings it.
    pub body: Arc<str>,
    /// Whether an invocation began with it.
    pub tried: bool,
    /// Whether an invocation dealt with it.
    pub heard: bool,
}

/// What the service and the person who puts mails back remember.
#[derive(Debug, Default)]
pub struct Post {
    /// Letters in the order they were taken; the service's id of a message is its place.
    pub letters: Vec<Taken>,
    /// What is told of them.
    pub news: Vec<News>,
    /// How often a mail that came back was put back.
    pub put_back: BTreeMap<MailId, usize>,
}

impl Post {
    /// The letters of a mail, by their places.
    pub fn of<'a>(&'a self, mail: &'a MailId) -> impl Iterator<Item = usize> + 'a {
        (0..self.letters.len()).filter(move |n| self.letters[*n].mail == *mail)
    }

    /// What somebody began to hear of a letter.
    pub fn tried(&self, letter: usize) -> impl Iterator<Item = Says> + '_ {
        self.news.iter().filter(move |news| news.letter == Some(letter) && news.tried).map(|news| news.says)
    }

    /// What was heard of a letter.
    pub fn heard(&self, letter: usize) -> impl Iterator<Item = Says> + '_ {
        self.news.iter().filter(move |news| news.letter == Some(letter) && news.heard).map(|news| news.says)
    }
}

/// The service's id of a message.
pub fn message_id(letter: usize) -> String {
    format!("m{letter}")
}

fn event(set: &str, mail: &MailId, message: &str, to: &str, says: Says) -> Arc<str> {
    let (name, part) = says.told(to);
    let tag = mail.tag();
    format!(
        r#"{{"source":"aws.ses","detail":{{"eventType":"{name}","mail":{{"messageId":"{message}","destination":["{to}"],"tags":{{"mail":["{tag}"],"ses:configuration-set":["{set}"]}}}},{part}}}}}"#
    )
    .into()
}

/// Takes a letter, decides what becomes of it, and tells of it. Answers the id of the message.
pub fn take(world: &World, letter: &OutgoingEmail) -> String {
    let place = world.core().post.letters.len();
    world.core().post.letters.push(Taken { mail: letter.id.clone(), to: letter.to.clone() });
    let message = message_id(place);
    let mut said = vec![Says::Sent];
    if world.hit(Kind::Reject) {
        said.push(Says::Rejected);
    } else {
        if world.hit(Kind::Hinder) {
            said.push(if world.core().rng.bool() { Says::Delayed } else { Says::Away });
        }
        match (world.hit(Kind::Bounce), world.hit(Kind::Complain)) {
            // A server may accept first and return later.
            (true, _) if world.core().rng.bool() => said.extend([Says::Delivered, Says::Bounced]),
            (true, _) => said.push(Says::Bounced),
            (false, true) => said.extend([Says::Delivered, Says::Complained]),
            (false, false) => said.push(Says::Delivered),
        }
    }
    for says in said {
        tell(world, Some(place), says, event(SET, &letter.id, &message, &letter.to, says));
    }
    if world.hit(Kind::Stranger) {
        let says = [Says::Delivered, Says::Bounced, Says::Complained][world.core().rng.usize(..3)];
        tell(world, None, says, event(OTHER_SET, &letter.id, "stranger", &letter.to, says));
    }
    message
}

/// Brings an event to the bus: once or twice, soon or hours later, or never.
fn tell(world: &World, letter: Option<usize>, says: Says, body: Arc<str>) {
    let place = world.core().post.news.len();
    world.core().post.news.push(News { letter, says, body, tried: false, heard: false });
    if world.hit(Kind::Unheard) {
        world.note(|| format!("the event {says:?} of {letter:?} never comes"));
        return;
    }
    for _ in 0..1 + usize::from(world.hit(Kind::Echo)) {
        let belated = world.hit(Kind::Belated);
        let at = {
            let mut core = world.core();
            core.now + core.rng.i64(0..if belated { 70_000_000 } else { 2_500 })
        };
        world.at(at, Todo::Tell(place, 0));
    }
}

/// Puts a mail that came back on its way again, as a person does. Answers whether it had come back.
pub fn put_back(world: &World, mail: &MailId) -> bool {
    let returned = world.books.standing(mail).is_some_and(|status| status.stage().came_back());
    if returned {
        world.note(|| format!("a person puts {mail} back"));
        *world.core().post.put_back.entry(mail.clone()).or_default() += 1;
        world.books.put_back(&comptoir::memory::StreamRecord::Mail(mail.clone()));
    }
    returned
}
