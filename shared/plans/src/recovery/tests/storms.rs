//! Calls that fail, and a second worker that overtakes, at every call.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use comptoir::{
    memory::{Fault, FaultPlan},
    outcome::ServiceError,
};

use super::{DECLINES, Scene, till::Does};
use crate::recovery::debt::{Charged, Collecting, Debt, Method};

/// Stripe for a worker that is overtaken: before its call of this number, another does all of the work.
struct Overtaken<'a> {
    scene: &'a Scene,
    left: AtomicUsize,
}

impl Overtaken<'_> {
    fn meanwhile(&self) {
        if self.left.fetch_sub(1, SeqCst) == 1 {
            self.scene.work("in_1");
        }
    }
}

impl Collecting for Overtaken<'_> {
    async fn debt(&self, invoice: &str) -> Result<Option<Debt>, ServiceError> {
        self.meanwhile();
        let debt = self.scene.till.debt(invoice).await;
        // Also between what was read and what is decided on it.
        self.meanwhile();
        debt
    }

    async fn open_debts(&self, customer: &str) -> Result<Vec<String>, ServiceError> {
        self.scene.till.open_debts(customer).await
    }

    async fn methods(&self, customer: &str) -> Result<Vec<Method>, ServiceError> {
        self.meanwhile();
        self.scene.till.methods(customer).await
    }

    async fn charge(&self, invoice: &str, instrument: &str, method: &str) -> Result<Charged, ServiceError> {
        self.meanwhile();
        let charged = self.scene.till.charge(invoice, instrument, method).await;
        self.meanwhile();
        charged
    }
}

#[test]
fn every_call_may_fail_before_or_after_it_took_effect() {
    let walks: [&[(&'static str, &'static str, Does)]; 4] = [
        &[("pm_0", "a", DECLINES), ("pm_1", "b", DECLINES), ("pm_2", "c", DECLINES)],
        &[("pm_0", "a", DECLINES), ("pm_1", "b", DECLINES), ("pm_2", "c", Does::Pays), ("pm_3", "d", DECLINES)],
        &[("pm_0", "a", DECLINES), ("pm_1", "b", Does::Declines("lost_card")), ("pm_2", "c", Does::Asks)],
        &[("pm_0", "a", DECLINES), ("pm_1", "b", Does::Processes)],
    ];
    for walk in walks {
        let play = |store: FaultPlan, till: FaultPlan| {
            let scene = Scene::under(walk, store, till);
            scene.failed();
            scene.failed();
            scene.settle();
            scene
        };
        let usual = play(FaultPlan::default(), FaultPlan::default());
        let end = |scene: &Scene| (scene.state(), scene.mails(), scene.till.charges());
        let (store_calls, till_calls) = (usual.store.faults.calls(), usual.till.faults.calls());
        assert!(store_calls > 5 && till_calls > 3);
        for fault in [Fault::Before, Fault::After] {
            for call in 0..store_calls {
                let scene = play(FaultPlan::with(call, fault), FaultPlan::default());
                assert_eq!(end(&scene), end(&usual), "store {call} {fault:?}");
            }
            for call in 0..till_calls {
                let scene = play(FaultPlan::default(), FaultPlan::with(call, fault));
                assert_eq!(end(&scene), end(&usual), "Stripe {call} {fault:?}");
            }
        }
        // What is refused for good waits for a person, who has it done again.
        for call in 0..till_calls {
            let scene = play(FaultPlan::default(), FaultPlan::with(call, Fault::Refused));
            scene.failed();
            scene.settle();
            assert_eq!(end(&scene), end(&usual), "Stripe {call} refused");
        }
    }
}

#[test]
fn another_worker_may_overtake_at_any_call() {
    let walks: [&[(&'static str, &'static str, Does)]; 3] = [
        &[("pm_0", "a", DECLINES), ("pm_1", "b", DECLINES), ("pm_2", "c", DECLINES)],
        &[("pm_0", "a", DECLINES), ("pm_1", "b", DECLINES), ("pm_2", "c", Does::Pays), ("pm_3", "d", DECLINES)],
        &[("pm_0", "a", DECLINES), ("pm_1", "b", Does::Processes)],
    ];
    for walk in walks {
        let end = |scene: &Scene| (scene.state(), scene.mails(), scene.till.charges());
        let usual = Scene::new(walk);
        usual.failed();
        usual.settle();
        let mut overtaken = 0;
        for call in 1..20 {
            let scene = Scene::new(walk);
            scene.failed();
            let stripe = Overtaken { scene: &scene, left: AtomicUsize::new(call) };
            scene.work_with("in_1", &stripe);
            scene.holds();
            scene.settle();
            assert_eq!(end(&scene), end(&usual), "before call {call}");
            // Past the last call, the counter is still above nothing.
            overtaken += usize::from(stripe.left.load(SeqCst).wrapping_sub(1) >= 20);
        }
        assert!(overtaken > 4, "{overtaken}");
    }
}
