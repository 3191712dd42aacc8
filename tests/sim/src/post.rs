//! The mail service: the mails it accepted, the happened of each, and the delivery events about it.

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

/// The set of another stack that shares the bus and uses the same invoice numbers.
pub const OTHER_SET: &str = "comptoir-other";

/// The type of a delivery event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Says {
    /// The service accepted the mail.
    Sent,
    /// Delivery is delayed.
    Delayed,
    /// The recipient's out-of-office reply: the mail arrived.
    Away,
    /// The recipient's server accepted it.
    Delivered,
    /// It bounced permanently.
    Bounced,
    /// The service refuses to send a mail that it accepted.
    Rejected,
    /// The recipient reported it as spam.
    Complained,
}

impl Says {
    /// The status of a mail after this event.
    pub fn stage(self) -> Stage {
        match self {
            Self::Sent | Self::Delayed | Self::Away => Stage::Sent,
            Self::Delivered => Stage::Delivered,
            Self::Bounced => Stage::Bounced,
            Self::Rejected => Stage::Rejected,
            Self::Complained => Stage::Complained,
        }
    }

    /// Why the address is suppressed after this event, if it is.
    pub fn suppresses(self) -> Option<Cause> {
        match self {
            Self::Bounced => Some(Cause::Bounce),
            Self::Complained => Some(Cause::Complaint),
            _ => None,
        }
    }

    /// What is stored with the mail after this event, if anything.
    pub fn hindrance(self) -> Option<&'static str> {
        match self {
            Self::Delayed => Some("delay/MailboxFull"),
            Self::Away => Some("bounce/Transient/General"),
            _ => None,
        }
    }

    /// The name of the event and its specific part.
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

/// A mail that the service accepted.
#[derive(Debug, Clone)]
pub struct Taken {
    /// The mail's key.
    pub mail: MailId,
    /// The recipient.
    pub to: String,
}

/// A delivery event.
#[derive(Debug, Clone)]
pub struct News {
    /// The mail it is about; none for another stack's mail.
    pub letter: Option<usize>,
    /// Its type.
    pub says: Says,
    /// Its JSON on the bus.
    pub body: Arc<str>,
    /// Whether an invocation started on it.
    pub tried: bool,
    /// Whether an invocation completed it.
    pub heard: bool,
}

/// The memory of the service, and of the person who replays mails.
#[derive(Debug, Default)]
pub struct Post {
    /// Accepted mails in order; the service's message id is the index.
    pub letters: Vec<Taken>,
    /// The delivery events.
    pub news: Vec<News>,
    /// How often a bounced mail was replayed.
    pub put_back: BTreeMap<MailId, usize>,
}

impl Post {
    /// The accepted messages of one mail, by index.
    pub fn of<'a>(&'a self, mail: &'a MailId) -> impl Iterator<Item = usize> + 'a {
        (0..self.letters.len()).filter(move |n| self.letters[*n].mail == *mail)
    }

    /// The events of a message that an invocation started on.
    pub fn tried(&self, letter: usize) -> impl Iterator<Item = Says> + '_ {
        self.news.iter().filter(move |news| news.letter == Some(letter) && news.tried).map(|news| news.says)
    }

    /// The events of a message that an invocation completed.
    pub fn heard(&self, letter: usize) -> impl Iterator<Item = Says> + '_ {
        self.news.iter().filter(move |news| news.letter == Some(letter) && news.heard).map(|news| news.says)
    }
}

/// The service's message id.
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

/// Accepts a mail, decides its happened, and emits its delivery events. Returns the message id.
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
            // A server may accept first and bounce later.
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

/// Puts an event on the bus: once or twice, soon or hours later, or never.
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

/// Replays a bounced mail, as a person does. Returns whether it had bounced.
pub fn put_back(world: &World, mail: &MailId) -> bool {
    let returned = world.books.standing(mail).is_some_and(|status| status.stage().came_back());
    if returned {
        world.note(|| format!("a person puts {mail} back"));
        *world.core().post.put_back.entry(mail.clone()).or_default() += 1;
        world.books.put_back(&comptoir::memory::StreamRecord::Mail(mail.clone()), world.now());
    }
    returned
}
