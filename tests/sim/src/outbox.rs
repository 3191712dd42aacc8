//! The outbox and the mail service, as one invocation uses them. Every change of a mail is checked: its status may only
//! move back when the mail is released.

use comptoir::{
    mail::{
        MailId,
        delivery::{AddressHash, Cause, Deliveries, Report, Stage, Transition},
        outbox::{Claim, MailTransport, Outbox, OutgoingEmail, Parking, SendResult, Status},
    },
    memory::at_once,
    outcome::Reason,
};
use jiff::{SignedDuration, Timestamp};

use crate::{
    mutant::Mutant,
    plan::Kind,
    ports::{Answer, Ports},
    post,
    world::{Late, World},
};

const OUTBOX: &str = "the outbox";

/// Changes a mail and checks that its status did not move back.
fn watched<T>(world: &World, id: &MailId, what: &str, work: impl FnOnce() -> T) -> T {
    let stage = || world.books.standing(id).map(|status| status.stage());
    let before = stage();
    let done = work();
    let after = stage();
    let given_back = matches!(what, "release" | "refuse") && before == Some(Stage::Sending);
    if after < before && !given_back {
        world.broke("a mail never falls back", || format!("{id} was {before:?}, after {what} {after:?}"));
    }
    done
}

impl Outbox for Ports {
    async fn claim(&self, id: &MailId, claimant: &str, now: Timestamp, lease: SignedDuration) -> Answer<Claim> {
        let books = &self.world.books;
        let late = || -> Late {
            let (id, claimant) = (id.clone(), claimant.to_owned());
            Box::new(move |world| {
                watched(world, &id, "claim", || drop(at_once(Outbox::claim(&world.books, &id, &claimant, now, lease))));
            })
        };
        self.call(OUTBOX, "claim mail", Some(&late), || {
            let claim = watched(&self.world, id, "claim", || at_once(Outbox::claim(books, id, claimant, now, lease)))?;
            Ok(match claim {
                Claim::Held(_) if self.is(Mutant::NoMailClaim) => Claim::Ours,
                Claim::Held(Status::Unknown) if self.is(Mutant::ResendUnknown) => Claim::Ours,
                Claim::Held(Status::Sending { lease_until })
                    if self.is(Mutant::ResendExpired) && lease_until <= now =>
                {
                    Claim::Ours
                }
                claim => claim,
            })
        })
        .await
    }

    async fn close(&self, id: &MailId) -> Answer<()> {
        self.call(OUTBOX, "close", None, || at_once(self.world.books.close(id))).await
    }

    async fn release(&self, id: &MailId, claimant: &str) -> Answer<()> {
        let anyone = self.is(Mutant::ReleaseAnyone);
        let give_back = move |world: &World, id: &MailId, claimant: &str| {
            if anyone {
                world.books.take_away(id);
                return Ok(());
            }
            watched(world, id, "release", || at_once(world.books.release(id, claimant)))
        };
        let late = || -> Late {
            let (id, claimant) = (id.clone(), claimant.to_owned());
            Box::new(move |world| {
                world.note(|| format!("late: {id} is given back"));
                drop(give_back(world, &id, &claimant));
            })
        };
        self.call(OUTBOX, "release", Some(&late), || give_back(&self.world, id, claimant)).await
    }

    async fn refuse(&self, id: &MailId, claimant: &str, reason: &Reason, now: Timestamp) -> Answer<()> {
        if self.is(Mutant::RefuseInTwoSteps) {
            self.release(id, claimant).await?;
            return Outbox::park(self, id, reason, now).await.map(drop);
        }
        let late = || -> Late {
            let (id, claimant, reason) = (id.clone(), claimant.to_owned(), reason.clone());
            Box::new(move |world| {
                watched(world, &id, "refuse", || drop(at_once(world.books.refuse(&id, &claimant, &reason, now))));
            })
        };
        self.call(OUTBOX, "refuse", Some(&late), || {
            watched(&self.world, id, "refuse", || at_once(self.world.books.refuse(id, claimant, reason, now)))
        })
        .await
    }

    async fn sent(&self, id: &MailId, message_id: &str, now: Timestamp) -> Answer<()> {
        let mutant = self.world.plan.mutant;
        let note = move |world: &World, id: &MailId, message_id: &str| {
            watched(world, id, "sent", || {
                match mutant {
                    Some(Mutant::SentOverBounce) => world.books.overwrite(id, Status::Sent),
                    Some(Mutant::SentOfThePast) => world.books.forget_returns(id),
                    _ => {}
                }
                at_once(world.books.sent(id, message_id, now))
            })
        };
        let late = || -> Late {
            let (id, message_id) = (id.clone(), message_id.to_owned());
            Box::new(move |world| {
                world.note(|| format!("late: {id} was sent as {message_id}"));
                drop(note(world, &id, &message_id));
            })
        };
        self.call(OUTBOX, "sent", Some(&late), || note(&self.world, id, message_id)).await
    }

    async fn unknown(&self, id: &MailId, claimant: &str, now: Timestamp) -> Answer<()> {
        let late = || -> Late {
            let (id, claimant) = (id.clone(), claimant.to_owned());
            Box::new(move |world| {
                world.note(|| format!("late: {id} is unknown"));
                watched(world, &id, "unknown", || drop(at_once(world.books.unknown(&id, &claimant, now))));
            })
        };
        self.call(OUTBOX, "unknown", Some(&late), || {
            watched(&self.world, id, "unknown", || at_once(self.world.books.unknown(id, claimant, now)))
        })
        .await
    }

    async fn park(&self, id: &MailId, reason: &Reason, now: Timestamp) -> Answer<Parking> {
        let parked = self
            .call(OUTBOX, "park mail", None, || {
                watched(&self.world, id, "park", || at_once(Outbox::park(&self.world.books, id, reason, now)))
            })
            .await;
        if matches!(parked, Ok(Parking::Held(_))) {
            self.world.troubled(self.who);
        }
        parked
    }
}

impl Deliveries for Ports {
    async fn note(&self, report: &Report, now: Timestamp) -> Answer<Transition> {
        let mutant = self.world.plan.mutant;
        let note = move |world: &World, report: &Report| {
            watched(world, &report.mail, "an event", || {
                if mutant == Some(Mutant::PastHeard) {
                    world.books.forget_returns(&report.mail);
                }
                let noted = at_once(world.books.note(report, now));
                if mutant == Some(Mutant::EventLowers) {
                    world.books.overwrite(&report.mail, report.happened.status());
                }
                noted
            })
        };
        let late = || -> Late {
            let report = report.clone();
            Box::new(move |world| {
                world.note(|| format!("late: {:?} of {}", report.happened, report.message_id));
                drop(note(world, &report));
            })
        };
        self.call(OUTBOX, "note event", Some(&late), || note(&self.world, report)).await
    }

    async fn suppress(&self, address: &AddressHash, cause: Cause, now: Timestamp) -> Answer<()> {
        if self.is(Mutant::BounceForgiven) && cause == Cause::Bounce {
            return Ok(());
        }
        let late = || -> Late {
            let address = address.clone();
            Box::new(move |world| drop(at_once(world.books.suppress(&address, cause, now))))
        };
        self.call(OUTBOX, "suppress", Some(&late), || at_once(self.world.books.suppress(address, cause, now))).await
    }

    async fn suppressed(&self, address: &AddressHash) -> Answer<Option<Cause>> {
        self.call(OUTBOX, "suppressed", None, || at_once(self.world.books.suppressed(address))).await
    }
}

impl MailTransport for Ports {
    async fn post(&self, letter: &OutgoingEmail) -> SendResult {
        self.pause().await;
        if self.world.hit(Kind::Throttle) {
            Ports::note(self, "post", || format!("{} throttled", letter.id));
            return SendResult::Transient("throttled".to_owned());
        }
        if self.world.hit(Kind::Refuse) {
            Ports::note(self, "post", || format!("{} refused", letter.id));
            return SendResult::Permanent(Reason::new("mail_refused", "the address is on the suppression list"));
        }
        let unclear = self.world.hit(Kind::Ambiguous);
        let taken = !unclear || self.world.core().rng.bool();
        let message = taken.then(|| post::take(&self.world, letter));
        Ports::note(self, "post", || {
            format!("{} {message:?}{}", letter.id, if unclear { ", answer lost" } else { "" })
        });
        self.pause().await;
        match (unclear, message) {
            (false, Some(message)) => SendResult::Accepted(message),
            _ if self.is(Mutant::ResendUnclear) => SendResult::Transient("no answer".to_owned()),
            _ => SendResult::Ambiguous("no answer".to_owned()),
        }
    }
}
