//! Stripe, as recovery asks it.

use comptoir::outcome::ServiceError;
use comptoir_plans::{
    recovery::{
        debt::{Charged, Collecting, Debt, Expanded, Method},
        decline::Decline,
    },
    stripe::Status,
};

use super::{Answer, Ports, STRIPE};
use crate::plans::{
    mutant::Mutant,
    plan::Kind,
    world::{Late, Todo, World},
};

/// A charge arrives at Stripe.
fn arrives(world: &World, (invoice, key, method): (&str, &str, &str), keeps: Option<bool>) -> Charged {
    world.witness(|witness, stripe, at| witness.charging(stripe, invoice, (key, method), at));
    let charged = {
        let now = world.millis();
        let mut stripe = world.stripe();
        match stripe.bill(invoice) {
            Some(bill) => stripe.pay(bill, key, method, keeps, now),
            None => Charged::Refused(404),
        }
    };
    world.witness(|witness, stripe, _| witness.charged(stripe, invoice));
    charged
}

/// How long a mistake keeps a look, in milliseconds.
const LONG: i64 = 4 * 3_600_000;

impl Ports {
    fn key(&self, invoice: &str, instrument: &str) -> String {
        let counted = || {
            let stripe = self.world.stripe();
            stripe.bill(invoice).map_or(0, |bill| stripe.bills[bill].attempt_count)
        };
        match self.world.plan.mutant {
            Some(Mutant::SecondKey) => {
                let mut core = self.world.core();
                core.memory.charges += 1;
                format!("pay:{invoice}:{instrument}:{}", core.memory.charges)
            }
            Some(Mutant::CountedByStripe) => format!("pay:{invoice}:{}", counted()),
            _ => format!("pay:{invoice}:{instrument}"),
        }
    }

    /// An invoice as a mistake has it read.
    fn misread_debt(&self, mut debt: Debt) -> Debt {
        match self.world.plan.mutant {
            Some(Mutant::NoLastLook) => {
                let mut core = self.world.core();
                let now = core.now;
                if debt.is_processing() {
                    return debt;
                }
                let kept = core.memory.debts.entry(debt.id.clone()).or_insert_with(|| (now, debt.clone()));
                return if now < kept.0 + LONG { kept.1.clone() } else { debt };
            }
            Some(Mutant::EndUnseen) => {
                let details = debt.parent.as_mut().and_then(|parent| parent.subscription_details.as_mut());
                if let Some(Expanded::Object(subscription)) = details.and_then(|details| details.subscription.as_mut())
                    && subscription.status.is_final()
                {
                    subscription.status = Status::PastDue;
                }
            }
            Some(Mutant::DebitDeclined) => each_intent(&mut debt, |intent| {
                if intent.status == "processing" {
                    "requires_payment_method".clone_into(&mut intent.status);
                }
            }),
            Some(Mutant::ConfirmUnseen) => each_intent(&mut debt, |intent| {
                if intent.status == "requires_action" {
                    "requires_payment_method".clone_into(&mut intent.status);
                }
            }),
            Some(Mutant::UsualForgotten) => each_intent(&mut debt, |intent| intent.last_payment_error = None),
            _ => {}
        }
        debt
    }

    fn misheard(&self, invoice: &str, charged: Charged) -> Charged {
        match (self.world.plan.mutant, charged) {
            (Some(Mutant::UnknownDeclined), Charged::Unknown(_)) => Charged::Declined(Decline::of(None, None)),
            (Some(Mutant::DebitDeclined), Charged::Open) => Charged::Declined(Decline::of(None, None)),
            (Some(Mutant::ConfirmUnseen), Charged::Declined(_)) => Charged::Declined(Decline::of(None, None)),
            (Some(Mutant::NoLastLook), charged) => {
                self.world.core().memory.debts.remove(invoice);
                charged
            }
            (_, charged) => charged,
        }
    }
}

fn each_intent(debt: &mut Debt, change: impl Fn(&mut comptoir_plans::recovery::debt::Intent)) {
    for payment in debt.payments.iter_mut().flat_map(|payments| &mut payments.data) {
        if let Some(Expanded::Object(intent)) = &mut payment.payment.payment_intent {
            change(intent);
        }
    }
}

impl Collecting for Ports {
    async fn debt(&self, invoice: &str) -> Answer<Option<Debt>> {
        let found = self.ask("debt", invoice, || {
            self.world.looked(self.who, invoice);
            let stripe = self.world.stripe();
            Ok(stripe.bill(invoice).map(|bill| stripe.debt(bill)))
        });
        Ok(found.await?.map(|debt| self.misread_debt(debt)))
    }

    async fn open_debts(&self, customer: &str) -> Answer<Vec<String>> {
        self.ask("open_debts", customer, || {
            self.world.looked(self.who, customer);
            let stripe = self.world.stripe();
            Ok(stripe.customer(customer).map(|customer| stripe.open_bills(customer)).unwrap_or_default())
        })
        .await
    }

    async fn methods(&self, customer: &str) -> Answer<Vec<Method>> {
        let apart = self.is(Mutant::FingerprintIgnored);
        self.ask("methods", customer, || {
            let stripe = self.world.stripe();
            let Some(customer) = stripe.customer(customer) else { return Ok(Vec::new()) };
            let mut methods: Vec<Method> =
                stripe.customers[customer].cards.iter().take(20).map(super::super::stripe::Card::method).collect();
            for method in methods.iter_mut().filter(|_| apart) {
                method.card.iter_mut().chain(&mut method.sepa_debit).for_each(|behind| behind.fingerprint = None);
            }
            Ok(methods)
        })
        .await
    }

    /// A charge without an answer is no error of a service: its outcome is unknown. What is on its way may still arrive.
    async fn charge(&self, invoice: &str, instrument: &str, method: &str) -> Answer<Charged> {
        let key = self.key(invoice, instrument);
        self.pass().await;
        if self.world.refuses(&format!("charge {invoice}")) {
            self.note("charge", || "refused for good".to_owned());
            return Err(ServiceError::permanent(STRIPE, "stripe_refused", "the key may not charge"));
        }
        let unknown = |why: &str| self.misheard(invoice, Charged::Unknown(why.to_owned()));
        if self.world.fails_before(STRIPE) {
            if self.world.hit(Kind::Late) {
                let at = self.world.millis() + self.world.draw(1, 20_000);
                let (invoice, key, method) = (invoice.to_owned(), key.clone(), method.to_owned());
                let late: Late = Box::new(move |world| {
                    let charged = arrives(world, (&invoice, &key, &method), None);
                    world.note(|| format!("a late charge {key} {method} arrives: {charged:?}"));
                });
                self.world.at(at, Todo::Land(late));
            }
            self.note("charge", || format!("{key} {method} has no answer"));
            return Ok(unknown("no answer"));
        }
        if self.world.hit(Kind::Busy) {
            self.note("charge", || format!("{key} {method}: busy"));
            return Ok(unknown("429"));
        }
        let keeps = self.world.hit(Kind::Keeps).then(|| self.world.draw(0, 2) == 0);
        let charged = arrives(&self.world, (invoice, &key, method), keeps);
        self.note("charge", || format!("{key} {method} -> {charged:?}"));
        self.world.something_happens();
        self.pass().await;
        if self.world.goes_away() || self.world.hit(Kind::After) {
            self.note("charge", || "answer lost".to_owned());
            return Ok(unknown("its answer was lost"));
        }
        Ok(self.misheard(invoice, charged))
    }
}
