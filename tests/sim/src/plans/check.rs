//! The promises of the end: once faults have stopped and everything is quiet, everything is what Stripe says.

use comptoir_plans::{
    access,
    person::PersonId,
    recovery::record::{MOST_CHARGES_EVER, State},
    store::StoredPerson,
    stripe::Status,
    tokens,
};
use jiff::Timestamp;

use super::{
    sold::CATALOGUE,
    stripe::{Bill, Page, Stripe, Sub},
    witness::{Seen, Witness, ensure},
    world::World,
};

/// Every promise of the end.
///
/// # Errors
/// The first broken promise.
pub fn all(world: &World) -> Seen {
    let (open, due) = (world.store.open(), world.store.due(Timestamp::MAX));
    ensure(open.is_empty() && due.is_empty(), "no work stays open", || format!("{open:?} {due:?}"))?;
    wishes(&world.stripe())?;
    let (now, mut result) = (world.millis(), Ok(()));
    world.witness(|witness, stripe, _| {
        result = unpaid(witness, stripe, now).and_then(|()| {
            world.story.people.iter().try_for_each(|email| {
                let standing = world.store.somebody(email);
                person(witness, stripe, (email, standing.as_ref()), now)
            })
        });
        Ok(())
    });
    result
}

/// A wish has one page, however often it is sent: another one ends it first, where Stripe kept a failure or knew a customer since.
fn wishes(stripe: &Stripe) -> Seen {
    // Nobody knows the address of one under whose key Stripe keeps a failure.
    let known = stripe.pages.iter().filter(|page| !stripe.failed_pages.contains_key(&page.key));
    let stands = known.filter(|page| page.status != "expired");
    let stands: Vec<_> = stands.collect();
    // What is asked for may have changed: the first page's answer was lost, and its address with it.
    let asked = |page: &Page| (page.reference.clone(), page.customer, page.email.clone(), page.price, page.trial_days);
    let same = |one: &Page, other: &Page| asked(one) == asked(other);
    let twice = stands.iter().enumerate().find(|(n, page)| stands.iter().skip(n + 1).any(|other| same(page, other)));
    ensure(twice.is_none(), "a wish has one page", || format!("{twice:?}"))
}

fn is_sold(sub: &Sub) -> bool {
    CATALOGUE.sold_at(sub.price).is_some()
}

/// Every invoice that failed is settled, and its customer told once if it is to be paid.
fn unpaid(witness: &Witness, stripe: &Stripe, now: i64) -> Seen {
    for bill in stripe.bills.iter().filter(|bill| bill.failed_at.is_some()) {
        let sub = &stripe.subs[bill.sub];
        let record = witness.records.get(&bill.id);
        let Some(record) = record else { return Err(("every unpaid invoice is looked at", bill.id.clone())) };
        let told = || format!("{} is {}, its subscription {:?}, {record:?}", bill.id, bill.status, sub.status);
        let wanted = bill.is_open() && !sub.status.is_final() && is_sold(sub);
        let right = match record.state {
            State::Paid => bill.status == "paid",
            State::Closed => !wanted,
            State::NeedsCustomer | State::Exhausted | State::Unknown => wanted,
            State::Noticed | State::Trying | State::Processing => false,
        };
        // What was sold as no plan is closed, whatever becomes of it.
        let right = right || (record.state == State::Closed && !is_sold(sub));
        ensure(right, "every unpaid invoice is settled", told)?;
        let mails = witness.mails.get(&bill.id).copied().unwrap_or_default();
        let count = u32::from(record.told_at.is_some());
        ensure(mails == count && (!wanted || count == 1), "who owes is told once", || format!("{mails}: {}", told()))?;
        if wanted && record.state != State::Unknown {
            tried(witness, stripe, bill, now)?;
        }
    }
    Ok(())
}

/// Whatever method there is was tried, also one that came later.
fn tried(witness: &Witness, stripe: &Stripe, bill: &Bill, now: i64) -> Seen {
    let record = &witness.records[&bill.id];
    let customer = &stripe.customers[stripe.subs[bill.sub].customer];
    let left = customer.cards.iter().find(|card| witness.may_pay(&customer.id, card, record, now));
    ensure(left.is_none() || record.charges() >= MOST_CHARGES_EVER, "a method that comes later is tried", || {
        format!("{left:?} for {}: {record:?}", bill.id)
    })
}

/// Access is what Stripe says, one subscription lives, and what it brings is there.
fn person(witness: &Witness, stripe: &Stripe, (email, standing): (&str, Option<&StoredPerson>), now: i64) -> Seen {
    let of_them = |sub: &&Sub| stripe.customers[sub.customer].email == *email && is_sold(sub);
    let paying = |sub: &&Sub| of_them(sub) && !sub.status.is_final() && sub.status != Status::Incomplete;
    let living: Vec<&Sub> = stripe.subs.iter().filter(paying).collect();
    ensure(living.len() <= 1, "one subscription lives", || format!("{living:?}"))?;
    for sub in stripe.subs.iter().filter(|sub| sub.cancelled_by_us) {
        ensure(witness.told.contains(&sub.id), "the owner is told of a second one", || sub.id.clone())?;
    }
    let Some(standing) = standing else {
        // What ended before anybody knew of it writes nobody down.
        let lives = stripe.subs.iter().filter(of_them).any(|sub| !sub.status.is_final());
        return ensure(!lives, "access is what Stripe says", || format!("nothing is known of {email}"));
    };
    let access = &standing.person.access;
    let current = standing.person.current.as_ref();
    let place = current.and_then(|current| stripe.sub(&current.subscription));
    let given = place.and_then(|place| {
        let paid = tokens::paid_until(&stripe.invoices(place, &["paid"]), &CATALOGUE);
        Some(access::given(&stripe.subscription(place), &CATALOGUE)?.paid_until(paid))
    });
    let given = given.unwrap_or_default();
    ensure(*access == given, "access is what Stripe says", || format!("{email} has {access:?}, and not {given:?}"))?;
    let Some(lives) = living.first() else { return Ok(()) };
    let counts = current.is_some_and(|current| current.subscription == lives.id);
    ensure(counts, "access comes from what lives", || format!("{current:?} counts, and {} lives", lives.id))?;
    let id = PersonId::of(email);
    let lacks = stripe.bills.iter().find(|bill| {
        let brings = Some(bill.sub) == place && matches!(bill.reason, "subscription_create" | "subscription_cycle");
        brings && bill.status == "paid" && bill.span.1 > now + 10_000 && !witness.grants.contains(&bill.id)
    });
    ensure(lacks.is_none(), "what is paid brings its tokens", || format!("{:?} of {id:?}", lacks.map(|bill| &bill.id)))
}
