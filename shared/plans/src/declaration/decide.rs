//! What a declaration does to a contract, as it stands at Stripe at this moment.

use comptoir::calendar::Place;
use jiff::{SignedDuration, Timestamp, ToSpan, civil::Date, tz::TimeZone};

use super::{
    record::State,
    statement::{Kind, Statement},
};
use crate::stripe::{Status, Subscription, seconds};

/// How long whose contract it is may say that they did not declare a withdrawal, before money goes back. The seller has fourteen
/// days for the refund (C. consom. L221-24).
pub const TIME_TO_OBJECT: SignedDuration = SignedDuration::from_hours(24);

/// How long after the end of a period the next one is looked at: Stripe has renewed it by then.
const AFTER_RENEWAL: SignedDuration = SignedDuration::from_hours(2);

/// The shortest time after which a period that should have been renewed is looked at again.
const SOON: SignedDuration = SignedDuration::from_hours(1);

/// The days within which a contract may be withdrawn from (C. consom. L221-18).
const DAYS_TO_WITHDRAW: i64 = 14;

/// What is done next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Stripe is asked to end the subscription with what is paid.
    EndWithPeriod,
    /// Stripe is asked to end it at once: nothing is paid that it could end with.
    EndNow,
    /// It is ended at once, and what was paid is refunded.
    TakeBack,
    /// It is looked at again then.
    Wait(Timestamp),
    /// Nothing is left to do.
    Settled(State),
}

/// The next step for `statement` about `contract`.
pub fn next(statement: &Statement, contract: &Subscription, place: &Place, now: Timestamp) -> Step {
    match statement.kind {
        Kind::Termination => terminated(statement, contract, &place.time_zone, now),
        Kind::Withdrawal => withdrawn(statement, contract, place, now),
    }
}

/// When what is paid of `contract` ends, or its trial.
fn end_of_period(contract: &Subscription) -> Option<Timestamp> {
    let item = contract.items.data.iter().filter_map(|item| item.current_period_end).max();
    item.or(contract.current_period_end).map(seconds)
}

fn terminated(statement: &Statement, contract: &Subscription, zone: &TimeZone, now: Timestamp) -> Step {
    let end = end_of_period(contract);
    match contract.status {
        Status::Canceled | Status::IncompleteExpired => {
            let at = contract.ended_at.map(seconds).or(end).unwrap_or(statement.at);
            return Step::Settled(State::Over { at });
        }
        Status::Incomplete | Status::Unpaid | Status::Paused => return Step::EndNow,
        Status::Trialing | Status::Active | Status::PastDue | Status::Unknown => {}
    }
    let ends = contract.cancel_at.map(seconds).or(end.filter(|_| contract.cancel_at_period_end));
    if let Some(at) = ends {
        return Step::Settled(State::Ends { at });
    }
    match (end, statement.wished) {
        // A period that ends before the day wished for is followed by another one.
        (Some(end), Some(wished)) if end.to_zoned(zone.clone()).date() < wished => {
            let renewed = end.saturating_add(AFTER_RENEWAL).unwrap_or(end);
            // A period that is over and not renewed yet is looked at again before long, and not at once.
            Step::Wait(renewed.max(now.saturating_add(SOON).unwrap_or(renewed)))
        }
        _ => Step::EndWithPeriod,
    }
}

fn withdrawn(statement: &Statement, contract: &Subscription, place: &Place, now: Timestamp) -> Step {
    let day_of = |at: Timestamp| at.to_zoned(place.time_zone.clone()).date();
    let last_day = last_day_to_withdraw(day_of(seconds(contract.created)), place);
    if day_of(statement.at) > last_day {
        return Step::Settled(State::TooLate { last_day });
    }
    let from = statement.at.saturating_add(TIME_TO_OBJECT).unwrap_or(now);
    if now < from { Step::Wait(from) } else { Step::TakeBack }
}

/// The last day on which a contract of `concluded` may be withdrawn from: the fourteenth day after it, and where that is a
/// Saturday, a Sunday or a public holiday, the next working day (C. consom. L221-18, L221-19; Regulation 1182/71, article 3).
pub fn last_day_to_withdraw(concluded: Date, place: &Place) -> Date {
    let fourteenth = concluded.saturating_add(DAYS_TO_WITHDRAW.days());
    place.working_day(fourteenth)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::memory::subscription;

    const CONCLUDED: i64 = 1_795_257_000; // 2026-11-21T09:50:00Z, as the sample's `created`

    fn place() -> Place {
        Place { time_zone: TimeZone::UTC, postal_code: "75011".to_owned() }
    }

    fn contract(status: &str) -> Subscription {
        subscription("sub_1", "cus_1", "zoe@example.org", status, "price_solo")
    }

    fn statement(kind: Kind, at: &str, wished: Option<Date>) -> Statement {
        Statement {
            kind,
            name: "Zoé".to_owned(),
            email: "zoe@example.org".to_owned(),
            reference: None,
            wished,
            reason: None,
            french: true,
            at: at.parse().unwrap(),
        }
    }

    fn terminated(contract: &Subscription, wished: Option<Date>) -> Step {
        let statement = statement(Kind::Termination, "2026-11-27T10:00:00Z", wished);
        next(&statement, contract, &place(), statement.at)
    }

    #[test]
    fn a_contract_ends_with_what_is_paid() {
        for status in ["active", "trialing", "past_due"] {
            assert_eq!(terminated(&contract(status), None), Step::EndWithPeriod, "{status}");
        }
        for status in ["incomplete", "unpaid", "paused"] {
            assert_eq!(terminated(&contract(status), None), Step::EndNow, "{status}");
        }
        let mut ending = contract("active");
        let end = end_of_period(&ending).unwrap();
        ending.cancel_at_period_end = true;
        assert_eq!(terminated(&ending, None), Step::Settled(State::Ends { at: end }));
        ending.cancel_at = Some(CONCLUDED + 60);
        assert_eq!(terminated(&ending, None), Step::Settled(State::Ends { at: seconds(CONCLUDED + 60) }));
        assert!(matches!(terminated(&contract("canceled"), None), Step::Settled(State::Over { .. })));
    }

    #[test]
    fn a_later_day_is_waited_for_until_its_period_runs() {
        let contract = contract("active");
        let end = end_of_period(&contract).unwrap();
        let day = end.to_zoned(TimeZone::UTC).date();
        assert_eq!(terminated(&contract, Some(day)), Step::EndWithPeriod);
        assert_eq!(terminated(&contract, Some(day.tomorrow().unwrap())), Step::Wait(end + AFTER_RENEWAL));
    }

    #[test]
    fn a_withdrawal_leaves_a_day_to_object_and_comes_in_time_or_not() {
        let mut contract = contract("active");
        contract.created = CONCLUDED;
        let concluded = seconds(CONCLUDED).to_zoned(TimeZone::UTC).date();
        let last = last_day_to_withdraw(concluded, &place());
        let at = format!("{last}T23:59:00Z");
        let in_time = statement(Kind::Withdrawal, &at, None);
        let later = in_time.at + TIME_TO_OBJECT;
        assert_eq!(next(&in_time, &contract, &place(), in_time.at), Step::Wait(later));
        assert_eq!(next(&in_time, &contract, &place(), later), Step::TakeBack);
        let late = statement(Kind::Withdrawal, &format!("{}T00:01:00Z", last.tomorrow().unwrap()), None);
        let expected = Step::Settled(State::TooLate { last_day: last });
        assert_eq!(next(&late, &contract, &place(), late.at), expected);
        contract.status = Status::Canceled;
        assert_eq!(next(&in_time, &contract, &place(), later), Step::TakeBack, "ended or not, it is refunded");
    }

    #[test]
    fn a_last_day_without_work_moves_to_the_next_one_with() {
        for (concluded, last) in [
            (date(2026, 11, 13), date(2026, 11, 27)), // a Friday
            (date(2026, 11, 14), date(2026, 11, 30)), // a Saturday
            (date(2026, 11, 15), date(2026, 11, 30)), // a Sunday
            (date(2026, 12, 11), date(2026, 12, 28)), // Christmas, a Friday
        ] {
            assert_eq!(last_day_to_withdraw(concluded, &place()), last, "{concluded}");
        }
    }
}
