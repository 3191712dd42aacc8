//! What follows from what a customer owes: a function of the record, of what is unpaid now, and of the owner's steps.

use comptoir::calendar::Place;
use jiff::Timestamp;

use super::record::Episode;
use crate::steps::Step;

/// What a customer owes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Owed {
    /// Invoices that recovery has given up, and that no bank is at.
    pub unpaid: u32,
    /// Invoices of which the customer was told and that are not settled, those at a bank included.
    pub open: u32,
}

/// What is next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Nothing is owed and no episode is open.
    Rest,
    /// Something is owed, and nothing follows for now.
    Watch,
    /// Nothing is owed any more.
    Close,
    /// This step is taken.
    Take(Step),
    /// It waits for a working day.
    WaitUntil(Timestamp),
}

/// What is next.
pub fn next(episode: &Episode, owed: Owed, steps: &[Step], place: &Place, now: Timestamp) -> Next {
    let is_open = episode.opened_at.is_some();
    if owed.open == 0 {
        return if is_open { Next::Close } else { Next::Rest };
    }
    if owed.unpaid == 0 && !is_open {
        return Next::Rest;
    }
    let taken = if is_open { episode.step } else { 0 };
    // Of several that are due, the last: one mail.
    let due = steps.iter().rev().find(|step| step.unpaid <= owed.unpaid && step.unpaid > taken);
    let Some(step) = due else { return Next::Watch };
    let at = place.working_time(now);
    let takes_more = episode.in_force.is_none_or(|in_force| step.does > in_force);
    if step.does.takes_away() && takes_more && at > now {
        return Next::WaitUntil(at);
    }
    Next::Take(*step)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::steps::Does;
    use jiff::tz::TimeZone;

    const STEPS: [Step; 3] = [
        Step { unpaid: 1, does: Does::Mail },
        Step { unpaid: 2, does: Does::Warn },
        Step { unpaid: 3, does: Does::CutOff },
    ];

    fn next_at(now: &str, episode: &Episode, unpaid: u32, open: u32) -> Next {
        let place = Place { time_zone: TimeZone::get("Europe/Paris").unwrap(), postal_code: "34000".to_owned() };
        next(episode, Owed { unpaid, open }, &STEPS, &place, now.parse().unwrap())
    }

    fn at_step(step: u32) -> Episode {
        Episode { number: 1, opened_at: Some(Timestamp::UNIX_EPOCH), step, ..Episode::default() }
    }

    const FRIDAY: &str = "2026-11-27T10:00:00Z";
    const SATURDAY: &str = "2026-11-28T10:00:00Z";

    #[test]
    fn each_number_of_unpaid_invoices_has_its_step_once() {
        let closed = Episode::default();
        assert_eq!(next_at(FRIDAY, &closed, 0, 0), Next::Rest);
        assert_eq!(next_at(FRIDAY, &closed, 0, 1), Next::Rest, "a bank is at it");
        assert_eq!(next_at(FRIDAY, &closed, 1, 1), Next::Take(STEPS[0]));
        assert_eq!(next_at(FRIDAY, &at_step(1), 1, 1), Next::Watch);
        assert_eq!(next_at(FRIDAY, &at_step(1), 2, 2), Next::Take(STEPS[1]));
        assert_eq!(next_at(FRIDAY, &at_step(2), 1, 1), Next::Watch, "never back");
        assert_eq!(next_at(FRIDAY, &at_step(3), 5, 5), Next::Watch);
        assert_eq!(next_at(FRIDAY, &at_step(0), 4, 4), Next::Take(STEPS[2]), "one mail, the last one's");
        assert_eq!(next_at(FRIDAY, &at_step(2), 0, 3), Next::Watch, "all of them at a bank");
        assert_eq!(next_at(FRIDAY, &at_step(3), 0, 0), Next::Close);
    }

    #[test]
    fn a_cut_waits_for_a_working_day_and_a_mail_does_not() {
        let monday = Next::WaitUntil("2026-11-30T08:00:00Z".parse().unwrap());
        assert_eq!(next_at(SATURDAY, &at_step(2), 3, 3), monday);
        assert_eq!(next_at(SATURDAY, &at_step(1), 2, 2), Next::Take(STEPS[1]));
        assert_eq!(next_at("2026-11-30T08:00:00Z", &at_step(2), 3, 3), Next::Take(STEPS[2]));
        assert_eq!(next_at(SATURDAY, &at_step(2), 2, 2), Next::Watch, "paid in between");
    }
}
