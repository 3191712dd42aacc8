//! What follows the end of an invocation: its caller asks again, or goes on.

use comptoir::outcome::Outcome;

use super::{Job, Run};
use crate::plans::{
    functions::Ended,
    plan::Kind,
    story::Act,
    stripe::{DAY, HOUR},
    world::Todo,
};

/// Delays before Stripe delivers again, in milliseconds; the last one is repeated.
const BACKOFF: [i64; 6] = [60_000, 300_000, 1_800_000, 7_200_000, 18_000_000, 36_000_000];
/// Asked again this often, a caller gives up.
const MOST_ASKED: u32 = 8;

impl Run {
    pub(super) fn ended(&mut self, job: Job, ended: Option<Ended>) {
        let now = self.world.millis();
        match job {
            Job::Deliver(event, _) if ended == Some(Ended::Answered(true)) => {
                self.taken.insert(event);
            }
            Job::Deliver(event, turn) => {
                let wait = BACKOFF[(turn as usize).min(BACKOFF.len() - 1)];
                // Stripe gives up after three days, and what it could not deliver is found at night.
                if turn < 8 {
                    self.world.at(now + wait, Todo::Deliver(event, turn + 1));
                }
            }
            Job::Work(id, turn, since) => self.worked(id, turn, since, ended),
            Job::Twin => {}
            Job::Open(person, key, price, known, turn) => match ended {
                Some(Ended::Page(Ok(Some(session)))) => {
                    if known {
                        self.world.witness(|witness, stripe, at| witness.shows(stripe, person, &session, at));
                    }
                    if self.world.draw(0, 4) > 0 {
                        let longest = [3_000, 400_000, 2 * DAY][self.world.draw(0, 3) as usize];
                        let at = now + self.world.draw(0, longest);
                        self.world.at(at, Todo::Act(Act::Pay(session, person)));
                    }
                }
                Some(Ended::Page(Ok(None))) => {}
                _ if turn < MOST_ASKED => {
                    let wait = self.world.draw(100, 90_000);
                    self.world.at(now + wait, Todo::Act(Act::Open(person, key, price, known, turn + 1)));
                }
                _ => {}
            },
            Job::Use(person, id, amount, turn) => {
                if ended != Some(Ended::Used(true)) && turn < MOST_ASKED {
                    let wait = self.world.draw(0, 3_000);
                    self.world.at(now + wait, Todo::Act(Act::Use(person, id, amount, turn + 1)));
                }
            }
        }
    }

    fn worked(&mut self, id: String, turn: u32, since: i64, ended: Option<Ended>) {
        let now = self.world.millis();
        match ended {
            Some(Ended::Worked(Outcome::Done | Outcome::AlreadyDone)) => {}
            Some(Ended::Worked(Outcome::Reject(_))) => {
                if self.world.hit(Kind::Hasty) {
                    let wait = self.world.draw(0, 2 * DAY);
                    self.world.at(now + wait, Todo::Replay(id));
                }
            }
            _ => {
                let oldest = if self.world.hit(Kind::GiveUp) { 1_000 } else { HOUR };
                if now - since < oldest {
                    let wait = (100 << turn.min(13)).min(600_000);
                    self.world.at(now + wait, Todo::Work(id, turn + 1, since));
                }
            }
        }
    }
}
