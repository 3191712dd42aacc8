//! What becomes of declarations, whatever fails and however often they are carried out.

use comptoir::{
    clock::FixedClock,
    mail::{Content, DeclarationOutcome},
    memory::{Fault, FaultPlan, at_once},
    outcome::Outcome,
    seller::Seller,
    testing::FRANCHISE_TOML,
};
use jiff::{SignedDuration, Timestamp, ToSpan};

use super::{
    letter::Writer,
    memory::InMemoryDeclarations,
    record::{Declaration, State},
    statement::{Form, Kind, read},
    store::{Change, DeclarationStore, Declared, Then},
    work::{Tools, carry_out},
};
use crate::{
    memory::{InMemoryAccess, SmallStripe, subscription},
    person::{Current, Person, PersonId},
    store::AccessStore,
    stripe::seconds,
};

const CREATED: i64 = 1_795_257_000;

fn began() -> Timestamp {
    seconds(CREATED)
}

struct House {
    access: InMemoryAccess,
    declarations: InMemoryDeclarations,
    stripe: SmallStripe,
}

impl House {
    fn new(stripe: FaultPlan, declarations: FaultPlan) -> Self {
        let house = Self {
            access: InMemoryAccess::default(),
            declarations: InMemoryDeclarations::under(declarations),
            stripe: SmallStripe::under(stripe),
        };
        house.stripe.put(subscription("sub_1", "cus_1", "zoe@example.org", "active", "price_solo"));
        let current = Current { subscription: "sub_1".to_owned(), created: began(), over: false, begun_only: false };
        let person = Person { current: Some(current), ..Person::new("zoe@example.org") };
        let id = PersonId::of("zoe@example.org").unwrap();
        at_once(house.access.save_person(&id, &person, 0)).unwrap();
        house
    }

    fn quiet() -> Self {
        Self::new(FaultPlan::default(), FaultPlan::default())
    }

    fn declares(&self, kind: Kind, email: &str, at: Timestamp, change: impl Fn(&mut Form)) -> String {
        let mut form = Form { name: "Zoé Martin".to_owned(), email: email.to_owned(), ..Form::default() };
        change(&mut form);
        let statement = read(kind, &form, true, &jiff::tz::TimeZone::UTC, at).unwrap();
        let id = statement.id(0);
        let declaration = Declaration::new(statement, "secret".to_owned());
        while at_once(self.declarations.declare(&id, &declaration, at)).is_err() {}
        id
    }

    fn carried_out(&self, id: &str, now: Timestamp) -> Outcome {
        let seller = Seller::from_toml(FRANCHISE_TOML).unwrap();
        let tools = Tools {
            access: &self.access,
            declarations: &self.declarations,
            billing: &self.stripe,
            writer: Writer { seller: &seller, public_url: "https://shop.example.org" },
            clock: &FixedClock(now),
        };
        at_once(carry_out(id, &tools))
    }

    fn state(&self, id: &str) -> State {
        self.declarations.standing(id).unwrap().declaration.state
    }

    fn revokes(&self, id: &str, now: Timestamp) {
        let read = self.declarations.standing(id).unwrap();
        let declaration = Declaration { revoked_at: Some(now), ..read.declaration };
        let change =
            Change { id, version: read.version, declaration: &declaration, then: Then::Until(now), mail: None };
        at_once(self.declarations.change(&change, now)).unwrap();
    }

    /// The mails: id, address, and what they say.
    fn mails(&self) -> Vec<(String, String, DeclarationOutcome)> {
        let read = |mail: comptoir::mail::Mail| match mail.content {
            Content::Declaration(content) => (mail.id.0, mail.to.unwrap(), content.outcome),
            _ => panic!("no mail about a declaration"),
        };
        self.declarations.mails().into_iter().map(read).collect()
    }

    fn outcomes(&self) -> Vec<DeclarationOutcome> {
        self.mails().into_iter().map(|(.., outcome)| outcome).collect()
    }
}

#[test]
fn a_termination_ends_the_contract_with_what_is_paid_and_is_acknowledged_once() {
    let house = House::quiet();
    let now = began() + SignedDuration::from_hours(100);
    let id = house.declares(Kind::Termination, "ZOE@example.org", now, |_| ());
    for _ in 0..3 {
        assert_eq!(house.carried_out(&id, now), Outcome::Done);
    }
    assert!(house.stripe.standing("sub_1").unwrap().cancel_at_period_end);
    assert!(matches!(house.state(&id), State::Ends { .. }));
    let mail = (format!("termination/{id}"), "zoe@example.org".to_owned(), DeclarationOutcome::Ends);
    assert_eq!(house.mails(), [mail]);
    assert!(house.stripe.refunded().is_empty() && house.stripe.cancelled().is_empty());
}

#[test]
fn a_later_day_is_acknowledged_at_once_and_carried_out_in_its_period() {
    let house = House::quiet();
    let now = began() + SignedDuration::from_hours(100);
    let id = house.declares(Kind::Termination, "zoe@example.org", now, |form| form.wished = "2027-01-10".to_owned());
    assert_eq!(house.carried_out(&id, now), Outcome::Done);
    assert_eq!((house.state(&id), house.outcomes()), (State::Waiting, vec![DeclarationOutcome::EndsLater]));
    assert!(!house.stripe.standing("sub_1").unwrap().cancel_at_period_end);
    let mut renewed = house.stripe.standing("sub_1").unwrap();
    renewed.items.data[0].current_period_end = Some(CREATED + 62 * 86_400);
    house.stripe.put(renewed);
    let due = house.declarations.standing(&id).unwrap().open_since.unwrap();
    assert_eq!(house.carried_out(&id, due - SignedDuration::from_secs(1)), Outcome::Done);
    assert_eq!(house.state(&id), State::Waiting, "not before it is due");
    assert_eq!(house.carried_out(&id, due), Outcome::Done);
    assert_eq!(house.outcomes(), [DeclarationOutcome::EndsLater, DeclarationOutcome::Ends]);
    assert!(house.stripe.standing("sub_1").unwrap().cancel_at_period_end);
}

#[test]
fn a_withdrawal_is_acknowledged_at_once_and_refunded_a_day_later() {
    let house = House::quiet();
    let now = began() + SignedDuration::from_hours(100);
    let id = house.declares(Kind::Withdrawal, "zoe@example.org", now, |_| ());
    assert_eq!(house.carried_out(&id, now), Outcome::Done);
    assert_eq!(house.outcomes(), [DeclarationOutcome::Received]);
    assert!(house.stripe.refunded().is_empty() && house.stripe.cancelled().is_empty());
    let later = now + SignedDuration::from_hours(24);
    assert_eq!(house.carried_out(&id, later), Outcome::Done);
    assert_eq!(house.outcomes(), [DeclarationOutcome::Received, DeclarationOutcome::Withdrawn]);
    assert_eq!(
        (house.stripe.refunded(), house.stripe.cancelled()),
        (vec!["sub_1".to_owned()], vec!["sub_1".to_owned()])
    );
}

#[test]
fn a_withdrawal_that_comes_too_late_ends_nothing_and_says_so() {
    let house = House::quiet();
    let now = began() + SignedDuration::from_hours(24 * 18);
    let id = house.declares(Kind::Withdrawal, "zoe@example.org", now, |_| ());
    assert_eq!(house.carried_out(&id, now), Outcome::Done);
    assert_eq!(house.outcomes(), [DeclarationOutcome::TooLate]);
    assert!(house.stripe.cancelled().is_empty());
}

#[test]
fn whose_contract_it_is_may_revoke_what_somebody_else_declared() {
    for kind in [Kind::Termination, Kind::Withdrawal] {
        let house = House::quiet();
        let now = began() + SignedDuration::from_hours(100);
        let id = house.declares(kind, "zoe@example.org", now, |_| ());
        house.carried_out(&id, now);
        house.revokes(&id, now);
        for hours in [0, 24, 48] {
            assert_eq!(house.carried_out(&id, now + hours.hours()), Outcome::Done);
        }
        assert_eq!(house.outcomes().last(), Some(&DeclarationOutcome::Revoked), "{kind:?}");
        assert_eq!(house.mails().len(), 2, "{kind:?}");
        assert!(!house.stripe.standing("sub_1").unwrap().cancel_at_period_end);
        assert!(house.stripe.cancelled().is_empty() && house.stripe.refunded().is_empty());
    }
}

#[test]
fn what_cannot_be_matched_is_acknowledged_and_waits_for_a_person() {
    let house = House::quiet();
    let now = began() + SignedDuration::from_hours(100);
    let id = house.declares(Kind::Termination, "other@example.org", now, |_| ());
    assert!(matches!(house.carried_out(&id, now), Outcome::Reject(reason) if reason.code == "declaration_unmatched"));
    assert_eq!(
        house.mails(),
        [(format!("termination/{id}"), "other@example.org".to_owned(), DeclarationOutcome::Unmatched)]
    );
    assert!(house.declarations.parked(&id).is_some());
    house.declarations.replay(&id, now);
    assert!(matches!(house.carried_out(&id, now), Outcome::Reject(_)));
    assert_eq!(house.mails().len(), 1, "nobody is written to twice");
}

#[test]
fn a_contract_is_found_by_its_number_and_its_own_address_is_written_to() {
    let house = House::quiet();
    let now = began() + SignedDuration::from_hours(100);
    at_once(crate::store::Wakes::wake(&house.access, "sub_1", now)).unwrap();
    let id = PersonId::of("zoe@example.org").unwrap();
    let person = at_once(house.access.person(&id)).unwrap().unwrap();
    let adopted = crate::store::Adopted {
        subscription: "sub_1",
        id: &id,
        person: &person.person,
        version: person.version,
        ends_tokens: false,
        wakes_also: None,
        tells: None,
        joins: false,
    };
    at_once(house.access.adopt(&adopted, now)).unwrap();
    let id = house.declares(Kind::Termination, "other@example.org", now, |form| form.reference = "sub_1".to_owned());
    assert_eq!(house.carried_out(&id, now), Outcome::Done);
    assert_eq!(house.mails()[0].1, "zoe@example.org");
}

#[test]
fn each_call_may_fail_and_each_mail_is_queued_once() {
    for kind in [Kind::Termination, Kind::Withdrawal] {
        for call in 0..14 {
            for fault in [Fault::Before, Fault::After] {
                for at_stripe in [true, false] {
                    let plan = || FaultPlan::with(call, fault);
                    let house = match at_stripe {
                        true => House::new(plan(), FaultPlan::default()),
                        false => House::new(FaultPlan::default(), plan()),
                    };
                    let now = began() + SignedDuration::from_hours(100);
                    let id = house.declares(kind, "zoe@example.org", now, |_| ());
                    let later = now + SignedDuration::from_hours(24);
                    for at in [now, now, now, later, later, later] {
                        let outcome = house.carried_out(&id, at);
                        assert!(!matches!(outcome, Outcome::Reject(_)), "{kind:?} {call} {fault:?} {at_stripe}");
                    }
                    let expected: &[_] = match kind {
                        Kind::Termination => &[DeclarationOutcome::Ends],
                        Kind::Withdrawal => &[DeclarationOutcome::Received, DeclarationOutcome::Withdrawn],
                    };
                    assert_eq!(house.outcomes(), expected, "{kind:?} {call} {fault:?} {at_stripe}");
                }
            }
        }
    }
}

#[test]
fn a_day_takes_so_many_and_no_more() {
    let house = House::quiet();
    let now = began();
    let declare = |n: u64| {
        let form = Form { name: "Zoé".to_owned(), email: format!("z{n}@example.org"), ..Form::default() };
        let statement = read(Kind::Termination, &form, true, &jiff::tz::TimeZone::UTC, now).unwrap();
        let id = statement.id(0);
        at_once(house.declarations.declare(&id, &Declaration::new(statement, String::new()), now)).unwrap()
    };
    for n in 0..super::store::MOST_A_DAY {
        assert_eq!(declare(n), Declared::New);
    }
    assert_eq!((declare(0), declare(9999)), (Declared::Before, Declared::TooMany));
}

#[test]
fn one_address_is_written_to_a_few_times_a_day_whatever_is_typed() {
    let house = House::quiet();
    let declare = |n: u64| {
        let form = Form {
            name: "Zoé".to_owned(),
            email: "zoe@example.org".to_owned(),
            reference: n.to_string(),
            ..Form::default()
        };
        let statement = read(Kind::Termination, &form, true, &jiff::tz::TimeZone::UTC, began()).unwrap();
        let id = statement.id(0);
        at_once(house.declarations.declare(&id, &Declaration::new(statement, String::new()), began())).unwrap()
    };
    for n in 0..super::store::MOST_A_DAY_EACH {
        assert_eq!(declare(n), Declared::New);
    }
    assert_eq!(declare(99), Declared::TooMany);
}

#[test]
fn what_is_half_taken_back_is_finished_and_not_revoked() {
    let house = House::quiet();
    let now = began() + SignedDuration::from_hours(100);
    let id = house.declares(Kind::Withdrawal, "zoe@example.org", now, |_| ());
    house.carried_out(&id, now);
    house.stripe.at_a_bank("sub_1", true);
    let later = now + SignedDuration::from_hours(24);
    assert_eq!(house.carried_out(&id, later), Outcome::Done);
    assert_eq!((house.state(&id), house.outcomes()), (State::TakingBack, vec![DeclarationOutcome::Received]));
    assert!(!house.state(&id).is_revocable());
    house.stripe.at_a_bank("sub_1", false);
    assert_eq!(house.carried_out(&id, later + SignedDuration::from_hours(24)), Outcome::Done);
    assert_eq!(house.outcomes(), [DeclarationOutcome::Received, DeclarationOutcome::Withdrawn]);
    assert_eq!(house.stripe.refunded(), ["sub_1"]);
}

#[test]
fn whose_contract_it_is_has_a_day_to_object_from_when_they_are_written_to() {
    let house = House::quiet();
    let now = began() + SignedDuration::from_hours(100);
    let id = house.declares(Kind::Withdrawal, "zoe@example.org", now, |_| ());
    let late = now + SignedDuration::from_hours(48);
    assert_eq!(house.carried_out(&id, late), Outcome::Done);
    assert_eq!((house.outcomes(), house.stripe.cancelled().len()), (vec![DeclarationOutcome::Received], 0));
    assert_eq!(house.carried_out(&id, late + SignedDuration::from_hours(24)), Outcome::Done);
    assert_eq!(house.stripe.refunded(), ["sub_1"]);
}

#[test]
fn who_was_found_later_is_written_to_with_a_link() {
    let house = House::quiet();
    let now = began() + SignedDuration::from_hours(100);
    let id = house.declares(Kind::Withdrawal, "other@example.org", now, |_| ());
    house.carried_out(&id, now);
    let person = Person {
        current: Some(Current { subscription: "sub_1".to_owned(), created: began(), over: false, begun_only: false }),
        ..Person::new("other@example.org")
    };
    let other = PersonId::of("other@example.org").unwrap();
    at_once(house.access.save_person(&other, &person, 0)).unwrap();
    house.declarations.replay(&id, now);
    assert_eq!(house.carried_out(&id, now), Outcome::Done);
    let mails = house.mails();
    assert_eq!(mails[1].0, format!("withdrawal/{id}/found"));
    assert_eq!((mails[1].1.as_str(), mails[1].2), ("zoe@example.org", DeclarationOutcome::Received));
}

#[test]
fn what_stripe_showed_is_undone_also_if_the_record_does_not_say_so() {
    let house = House::quiet();
    let now = began() + SignedDuration::from_hours(100);
    let id = house.declares(Kind::Termination, "zoe@example.org", now, |form| form.wished = "2027-01-10".to_owned());
    house.carried_out(&id, now);
    let mut ending = house.stripe.standing("sub_1").unwrap();
    ending.cancel_at_period_end = true;
    house.stripe.put(ending);
    house.revokes(&id, now);
    assert_eq!(house.carried_out(&id, now), Outcome::Done);
    assert!(!house.stripe.standing("sub_1").unwrap().cancel_at_period_end);
}

#[test]
fn a_contract_that_stripe_does_not_let_end_waits_for_a_person() {
    let house = House::quiet();
    let now = began() + SignedDuration::from_hours(100);
    house.stripe.schedule("sub_1");
    let id = house.declares(Kind::Termination, "zoe@example.org", now, |_| ());
    assert!(matches!(house.carried_out(&id, now), Outcome::Reject(reason) if reason.code == "contract_not_endable"));
    assert!(house.declarations.parked(&id).is_some());
}
