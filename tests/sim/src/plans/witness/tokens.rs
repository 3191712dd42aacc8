//! What is watched when tokens are granted and used, and when access changes.

use comptoir_plans::{
    person::PersonId,
    store::{Adopted, Grant},
    tokens::Use,
};

use super::{Seen, Witness, ensure};
use crate::plans::{
    sold::CATALOGUE,
    stripe::{Stripe, moment},
};

/// Longer than clocks differ and a read is old, in milliseconds.
const ABOUT_NOW: i64 = 200_000;

impl Witness {
    /// An invoice brought tokens.
    pub fn granted(&mut self, stripe: &Stripe, grant: &Grant<'_>, now: i64) -> Seen {
        let first = self.grants.insert(grant.invoice.to_owned());
        ensure(first, "one grant for each invoice", || grant.invoice.to_owned())?;
        let Some(place) = stripe.bill(grant.invoice) else {
            return Err(("one grant for each invoice", format!("{} is none", grant.invoice)));
        };
        let bill = &stripe.bills[place];
        ensure(bill.status == "paid", "only what is paid brings tokens", || bill.id.clone())?;
        let of_a_period = matches!(bill.reason, "subscription_create" | "subscription_cycle");
        ensure(of_a_period, "only a period brings tokens", || format!("{} of {}", bill.id, bill.reason))?;
        let running = bill.span.1 > now - ABOUT_NOW;
        ensure(running, "a period that is over brings nothing", || format!("{} at {}", bill.id, moment(now)))?;
        let counts = self.current.get(grant.id.as_str());
        let lives = counts.is_some_and(|(sub, over)| !over && *sub == stripe.subs[bill.sub].id);
        ensure(lives, "only what counts brings tokens", || format!("{} beside {counts:?}", bill.id))?;
        let plan = CATALOGUE.sold_at(bill.price);
        let (tokens, keeps) = plan.map_or((0, 0), |plan| (plan.tokens_per_period * bill.quantity, plan.rollover_cap));
        let balance = self.balances.entry(grant.id.as_str().to_owned()).or_default();
        let stays = balance.left.min(keeps);
        balance.lapsed += balance.left - stays;
        balance.left = stays + tokens;
        balance.granted += tokens;
        Ok(())
    }

    /// Tokens were used.
    pub fn used(&mut self, id: &PersonId, request: &str, used: Use) -> Seen {
        let key = (id.as_str().to_owned(), request.to_owned());
        let first = self.uses.insert(key, (used.amount, used.left)).is_none();
        ensure(first, "the same use counts once", || request.to_owned())?;
        let balance = self.balances.entry(id.as_str().to_owned()).or_default();
        ensure(balance.left >= used.amount, "nobody uses more than there is", || format!("{used:?} of {balance:?}"))?;
        balance.left -= used.amount;
        balance.used += used.amount;
        Ok(())
    }

    /// A use was answered.
    pub fn answered(&mut self, email: &str, request: &str, amount: u64, left: u64) -> Seen {
        let id = PersonId::of(email).map(|id| id.as_str().to_owned()).unwrap_or_default();
        let known = self.uses.get(&(id, request.to_owned()));
        ensure(known == Some(&(amount, left)), "an answer is what was written", || {
            format!("{request}: {amount} and {left} left, {known:?}")
        })
    }

    /// What is left is what was granted, less what was used and what lapsed.
    pub fn tally(&mut self, id: &PersonId, tokens: u64) -> Seen {
        let balance = self.balances.get(id.as_str()).copied().unwrap_or_default();
        let sum = balance.granted == balance.used + balance.lapsed + balance.left;
        ensure(sum && balance.left == tokens, "tokens add up", || format!("{tokens} are left, {balance:?}"))
    }

    /// Access was written.
    pub fn adopted(&mut self, stripe: &Stripe, adopted: &Adopted<'_>, now: i64) -> Seen {
        let id = adopted.id.as_str();
        let access = &adopted.person.access;
        let before = self.access.insert(id.to_owned(), access.clone()).unwrap_or_default();
        if let Some(current) = &adopted.person.current {
            let before = self.current.insert(id.to_owned(), (current.subscription.clone(), current.over));
            let same = before.filter(|(sub, _)| *sub == current.subscription);
            ensure(same.is_none_or(|(_, over)| !over || current.over), "what ended stays ended", || {
                format!("{current:?}")
            })?;
        }
        if adopted.ends_tokens {
            let balance = self.balances.entry(id.to_owned()).or_default();
            balance.lapsed += balance.left;
            balance.left = 0;
        }
        let Some(place) = stripe.sub(adopted.subscription) else { return Ok(()) };
        if before.state.is_open() || !access.state.is_open() {
            return Ok(());
        }
        // The invoice that made it what it is has brought its tokens.
        let lacks = stripe.bills.iter().find(|bill| {
            let brings = bill.sub == place && bill.status == "paid" && bill.reason == "subscription_create";
            let running = bill.span.1 > now + ABOUT_NOW;
            brings && running && CATALOGUE.sold_at(bill.price).is_some() && !self.grants.contains(&bill.id)
        });
        ensure(lacks.is_none(), "access is seen with its tokens", || {
            format!("{access:?} without those of {:?}", lacks.map(|bill| &bill.id))
        })
    }
}
