//! A lost or older ledger is rebuilt from the archive: the next number is right, nothing is billed or mailed twice, and
//! what cannot be known is named.

mod cut;
mod decided;
mod drills;
mod refused;
mod term;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::{
    accounting::{
        Month,
        verify::{Verified, verify},
    },
    billing::{
        guard::LedgerGuard,
        issue::{Issued, Issuer, Render},
    },
    clock::FixedClock,
    invoice::{Invoice, print::Page},
    mail::outbox::{Outbox, Status},
    memory::{FaultPlan, InMemoryArchive, InMemoryStore},
    outcome::{Outcome, Reason},
    payment::{PaymentLog, Recorded},
    refund::{Refund, RefundKey},
    sale::{Sale, SaleKey},
    testing::{FRANCHISE_TOML, sale, words},
};

/// The page's own text stands in for its PDF.
struct Typewriter;

impl Render for Typewriter {
    fn render(&self, _: &Invoice, page: &Page) -> Result<Vec<u8>, Reason> {
        Ok(format!("{page:?}").into_bytes())
    }
}

/// The moment of all sales, unless a test says otherwise.
fn start() -> Timestamp {
    "2026-11-21T10:00:00Z".parse().unwrap()
}

/// A day later: nothing is in flight any more.
fn later() -> Timestamp {
    start() + SignedDuration::from_hours(24)
}

fn november() -> Month {
    "2026-11".parse().unwrap()
}

struct House {
    books: InMemoryStore,
    archive: InMemoryArchive,
    faults: Arc<FaultPlan>,
    settings: Settings,
    now: Timestamp,
}

impl House {
    fn new() -> Self {
        Self::of(FRANCHISE_TOML)
    }

    fn of(seller: &str) -> Self {
        Self::under(FaultPlan::default(), seller)
    }

    fn under(faults: FaultPlan, seller: &str) -> Self {
        let faults = Arc::new(faults);
        Self {
            books: InMemoryStore::new(faults.clone()),
            archive: InMemoryArchive::new(faults.clone()),
            faults,
            settings: Settings::from_toml(seller).unwrap(),
            now: start(),
        }
    }

    fn sales(&self, from: usize, count: usize) -> Vec<Sale> {
        let month = self.now.to_zoned(jiff::tz::TimeZone::UTC).month();
        let numbered = |n: usize| Sale {
            key: SaleKey(format!("cs_{month}_{n}")),
            event: format!("evt_{month}_{n}"),
            payment_intent: Some(format!("pi_{month}_{n}")),
            paid_at: self.now,
            ..sale()
        };
        (from..from + count).map(numbered).collect()
    }

    fn refund(&self, sale: &Sale, n: usize, amount: i64) -> Refund {
        Refund {
            key: RefundKey(format!("re_{n}")),
            event: format!("evt_re_{n}"),
            sale: sale.key.clone(),
            refunded_at: self.now,
            currency: "eur".to_owned(),
            amount,
            lines: Vec::new(),
        }
    }

    async fn issue(&self, sales: &[Sale]) -> Vec<Issued> {
        let (words, guard, clock) = (words(), LedgerGuard::new(|| "books".to_owned()), FixedClock(self.now));
        self.issuer(&words, &guard, &clock).issue(sales).await
    }

    async fn take_back(&self, refund: &Refund) -> Issued {
        self.books.record_refund(refund, self.now).await.unwrap();
        let (words, guard, clock) = (words(), LedgerGuard::new(|| "books".to_owned()), FixedClock(self.now));
        self.issuer(&words, &guard, &clock).take_back(refund).await
    }

    fn issuer<'a>(
        &'a self,
        words: &'a crate::invoice::print::Words,
        guard: &'a LedgerGuard,
        clock: &'a FixedClock,
    ) -> Issuer<'a, InMemoryStore, InMemoryArchive, Typewriter, FixedClock> {
        Issuer {
            ledger: &self.books,
            archive: &self.archive,
            renderer: &Typewriter,
            clock,
            settings: &self.settings,
            words,
            guard,
            deadline: Timestamp::MAX,
        }
    }

    /// Records, numbers, archives and mails these sales; returns their numbers.
    async fn sell(&self, sales: &[Sale]) -> Vec<String> {
        for sale in sales {
            assert_eq!(self.books.record(sale, self.now).await.unwrap(), Recorded::New, "{}", sale.key);
        }
        let issued = self.issue(sales).await;
        assert!(issued.iter().all(|one| one.outcome == Outcome::Done), "{issued:?}");
        self.send_mails().await;
        issued.into_iter().filter_map(|one| one.number).map(|number| number.0).collect()
    }

    /// Sends what is queued; returns how many.
    async fn send_mails(&self) -> usize {
        let queued = self.books.mails().into_iter().filter(|(_, status)| *status == Status::Queued);
        let mut sent = 0;
        for (mail, _) in queued.collect::<Vec<_>>() {
            Outbox::claim(&self.books, &mail.id, "a", self.now, SignedDuration::from_secs(120)).await.unwrap();
            self.books.sent(&mail.id, "m", self.now).await.unwrap();
            sent += 1;
        }
        sent
    }

    async fn rebuild(&self, wish: &Wish) -> Result<Rebuilt, ServiceError> {
        self.rebuild_until(wish, Timestamp::MAX).await
    }

    async fn rebuild_until(&self, wish: &Wish, deadline: Timestamp) -> Result<Rebuilt, ServiceError> {
        let clock = FixedClock(later().max(self.now));
        let (ledger, archive, settings) = (&self.books, &self.archive, &self.settings);
        Rebuild { ledger, archive, mails: &self.books, clock: &clock, settings, deadline }.run(wish).await
    }

    async fn verified(&self, month: Month) -> Verified {
        verify(&self.books, &self.archive, &self.settings, month, Timestamp::MAX).await.unwrap()
    }

    fn numbers(&self) -> Vec<String> {
        self.books.entries().into_iter().map(|entry| entry.invoice.number.0).collect()
    }
}

fn dry() -> Wish {
    Wish::default()
}

fn written() -> Wish {
    Wish { write: true, ..Wish::default() }
}

fn told(findings: &[Finding]) -> Vec<(&str, &str)> {
    assert!(findings.iter().all(|one| !one.text().contains("OPERATIONS")), "each code has its sentence: {findings:?}");
    findings.iter().map(|one| (one.subject.as_str(), one.code)).collect()
}
