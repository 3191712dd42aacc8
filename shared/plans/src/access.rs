//! What a subscription gives: a function of the subscription as Stripe has it, and of the plans.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    catalogue::{Catalogue, Plan},
    steps::Does,
    stripe::{Item, Status, Subscription, seconds},
};

/// The state of somebody's access.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nothing was ever bought.
    #[default]
    None,
    /// Bought; the first payment is not made.
    Pending,
    /// In a trial.
    Trialing,
    /// Paid.
    Active,
    /// Not paid; access as before.
    PastDue,
    /// Not paid, or paused: no access until that is put right.
    Restricted,
    /// Over.
    Withdrawn,
}

impl State {
    /// Whether what the plan gives may be used.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Trialing | Self::Active | Self::PastDue)
    }
}

/// What somebody has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// The key of the plan; none once access has ended.
    pub plan: Option<String>,
    /// The state.
    pub state: State,
    /// The end of what is paid; when it ended, once it has.
    pub until: Option<Timestamp>,
}

impl Access {
    /// With the end of what is paid, in seconds, where that is known: a period begins before it is charged, and goes on where it
    /// is never paid. A trial is not paid.
    #[must_use]
    pub fn paid_until(mut self, paid: Option<i64>) -> Self {
        if let (State::Active | State::PastDue | State::Restricted, Some(until), Some(paid)) =
            (self.state, self.until, paid.map(seconds))
        {
            self.until = Some(until.min(paid));
        }
        self
    }
}

/// What `subscription` gives; `None` if no item of it is sold as a plan.
pub fn given(subscription: &Subscription, catalogue: &Catalogue) -> Option<Access> {
    let (item, plan) = plan_of(subscription, catalogue)?;
    let state = match subscription.status {
        Status::Incomplete => State::Pending,
        Status::Trialing => State::Trialing,
        Status::Active => State::Active,
        Status::PastDue => State::PastDue,
        // Stripe has given up (`unpaid`), or waits for a method of payment (`paused`).
        Status::Unpaid | Status::Paused => State::Restricted,
        Status::Canceled => State::Withdrawn,
        // Never paid: nothing was given.
        Status::IncompleteExpired => State::None,
        Status::Unknown => return None,
    };
    let over = matches!(state, State::Withdrawn | State::None);
    let start = item.current_period_start.or(subscription.current_period_start);
    let end = item.current_period_end.or(subscription.current_period_end);
    let until = match state {
        State::None | State::Pending => None,
        State::Trialing => subscription.trial_end.or(end),
        State::Active => end,
        // The period has begun, and is not paid: what is paid ended with the one before.
        State::PastDue | State::Restricted => start,
        State::Withdrawn => subscription.ended_at.or(end),
    };
    Some(Access { plan: (!over).then(|| plan.key.clone()), state, until: until.map(seconds) })
}

/// What access is while a step is in force.
#[must_use]
pub fn held_back(access: Access, in_force: Option<Does>) -> Access {
    // What is over, or was never begun, stays as it is; nobody loses a trial for what another subscription owes.
    if !matches!(access.state, State::Active | State::PastDue | State::Restricted) {
        return access;
    }
    match in_force {
        None | Some(Does::Mail | Does::Warn) => access,
        Some(Does::Restrict) => Access { state: State::Restricted, ..access },
        Some(Does::CutOff | Does::FreeResources) => Access { state: State::Withdrawn, plan: None, ..access },
    }
}

/// Whether any item of it is sold as a plan.
pub fn is_sold(subscription: &Subscription, catalogue: &Catalogue) -> bool {
    plan_of(subscription, catalogue).is_some()
}

/// The first item that is sold as a plan, in any place; other items are extras.
fn plan_of<'a>(subscription: &'a Subscription, catalogue: &'a Catalogue) -> Option<(&'a Item, &'a Plan)> {
    subscription.items.data.iter().find_map(|item| Some((item, catalogue.sold_at(item.price.id())?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{catalogue, subscription};

    fn given_by(status: &str) -> Access {
        given(&subscription("sub_1", "cus_1", "a@example.org", status, "price_solo"), &catalogue()).unwrap()
    }

    #[test]
    fn each_status_of_stripe_is_a_state() {
        let (start, end) = (Some(seconds(1_795_257_000)), Some(seconds(1_797_849_000)));
        for (status, state, plan, until) in [
            ("incomplete", State::Pending, Some("solo"), None),
            ("trialing", State::Trialing, Some("solo"), end),
            ("active", State::Active, Some("solo"), end),
            ("past_due", State::PastDue, Some("solo"), start),
            ("unpaid", State::Restricted, Some("solo"), start),
            ("paused", State::Restricted, Some("solo"), start),
            ("canceled", State::Withdrawn, None, end),
            ("incomplete_expired", State::None, None, None),
        ] {
            assert_eq!(given_by(status), Access { plan: plan.map(str::to_owned), state, until }, "{status}");
        }
    }

    #[test]
    fn the_plan_is_found_among_all_items_and_extras_are_no_plan() {
        let mut mixed = subscription("sub_1", "cus_1", "a@example.org", "active", "price_extra");
        assert_eq!(given(&mixed, &catalogue()), None);
        let plan = subscription("sub_1", "cus_1", "a@example.org", "active", "price_studio").items.data.remove(0);
        mixed.items.data.push(plan);
        assert_eq!(given(&mixed, &catalogue()).unwrap().plan.as_deref(), Some("studio"));
    }

    #[test]
    fn an_unknown_status_decides_nothing() {
        assert_eq!(given(&subscription("sub_1", "cus_1", "a@b.org", "frozen", "price_solo"), &catalogue()), None);
    }

    #[test]
    fn the_period_is_read_where_older_versions_have_it() {
        let mut old = subscription("sub_1", "cus_1", "a@example.org", "active", "price_solo");
        old.current_period_end = old.items.data[0].current_period_end.take();
        assert_eq!(given(&old, &catalogue()).unwrap().until, Some(seconds(1_797_849_000)));
    }

    #[test]
    fn a_step_holds_back_what_is_given_and_gives_nothing() {
        let access = |state| Access { plan: Some("solo".to_owned()), state, until: None };
        for (state, in_force, then) in [
            (State::PastDue, None, State::PastDue),
            (State::PastDue, Some(Does::Warn), State::PastDue),
            (State::PastDue, Some(Does::Restrict), State::Restricted),
            (State::Active, Some(Does::CutOff), State::Withdrawn),
            (State::Restricted, Some(Does::FreeResources), State::Withdrawn),
            (State::Trialing, Some(Does::CutOff), State::Trialing),
            (State::Pending, Some(Does::CutOff), State::Pending),
            (State::Withdrawn, Some(Does::Restrict), State::Withdrawn),
        ] {
            let held = held_back(access(state), in_force);
            assert_eq!(held.state, then, "{state:?} {in_force:?}");
            assert_eq!(held.plan.is_none(), then == State::Withdrawn && state != then, "{state:?} {in_force:?}");
        }
    }
}
