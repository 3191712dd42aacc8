//! The ports of one invocation: every call waits for the scheduler before and after, and suffers what the seed decides.

use std::{future::poll_fn, sync::Arc, task::Poll};

use comptoir::{
    archive::{Archive, Document, File},
    clock::Clock,
    invoice::{
        Basis, InvoiceNumber,
        issue::Render,
        ledger::{Claim as Numbers, Claimed, Counter, Entry, Ledger},
        number::Series,
        print::Page,
    },
    mail::{
        Mail, MailId,
        outbox::{Claim, Letter, Outbox, PostOffice, Posted, Status},
    },
    outcome::{Reason, Unavailable},
    payment::{PaymentLog, Recorded},
    refund::Refund,
    sale::{Sale, SaleKey},
    stripe::{
        object::{BalanceTransaction, InvoiceLine, LineItem, Session, StripeRefund, TaxRate},
        reader::StripeReader,
    },
};
use jiff::{SignedDuration, Timestamp};

use crate::{
    mutant::Mutant,
    plan::Kind,
    world::{Late, Todo, World, at_once},
};

const LOG: &str = "the payment log";
const LEDGER: &str = "the ledger";
const OUTBOX: &str = "the outbox";
const ARCHIVE: &str = "the archive";
const STRIPE: &str = "Stripe";

type Answer<T> = Result<T, Unavailable>;

/// What one invocation reaches the world through.
pub struct Ports {
    /// The world.
    pub world: Arc<World>,
    /// Which invocation.
    pub who: usize,
    /// How far its machine's clock is off, in milliseconds.
    pub skew: i64,
}

impl Ports {
    fn is(&self, mutant: Mutant) -> bool {
        self.world.plan.mutant == Some(mutant)
    }

    /// Waits for about as long as a call takes.
    async fn pause(&self) {
        let slow = self.world.hit(Kind::Slow);
        let mut asked = false;
        poll_fn(|_| {
            if std::mem::replace(&mut asked, true) {
                return Poll::Ready(());
            }
            let at = {
                let mut core = self.world.core();
                core.now + if slow { core.rng.i64(500..9_000) } else { core.rng.i64(0..12) }
            };
            self.world.at(at, Todo::Poll(self.who));
            Poll::Pending
        })
        .await;
    }

    fn note(&self, what: &str, detail: impl FnOnce() -> String) {
        self.world.note(|| format!("#{} {what} {}", self.who, detail()));
    }

    async fn call<T: std::fmt::Debug + Send>(
        &self,
        port: &'static str,
        what: &'static str,
        late: Option<&(dyn Fn() -> Late + Sync)>,
        work: impl Fn() -> Answer<T> + Send,
    ) -> Answer<T> {
        self.pause().await;
        let down = {
            let mut core = self.world.core();
            let down =
                core.outage.is_some_and(|(from, to, of)| of == port && (from..to).contains(&core.now)) && !core.calm;
            core.troubles += u32::from(down);
            down
        };
        if down || self.world.hit(Kind::Before) {
            self.note(what, || "fails before".to_owned());
            return Err(Unavailable::new(port, "it failed before"));
        }
        let mut answer = work();
        self.note(what, || format!("-> {answer:?}"));
        if self.world.hit(Kind::Repeat) {
            self.pause().await;
            answer = work();
            self.note(what, || format!("again -> {answer:?}"));
        }
        if let Some(late) = late
            && self.world.hit(Kind::Late)
        {
            let at = {
                let mut core = self.world.core();
                let longest = [300, 1_500, 6_000][core.rng.usize(..3)];
                core.now + core.rng.i64(1..longest)
            };
            self.note(what, || "will land once more".to_owned());
            self.world.at(at, Todo::Land(late()));
        }
        self.pause().await;
        if self.world.hit(Kind::After) {
            self.note(what, || "answer lost".to_owned());
            return Err(Unavailable::new(port, "its answer was lost"));
        }
        answer
    }
}

impl Clock for Ports {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.world.core().now + self.skew).unwrap()
    }
}

impl Render for Ports {
    fn render(&self, page: &Page, _: &str) -> Result<Vec<u8>, Reason> {
        if let Some(reason) = self.world.template_fails(&page.number) {
            return Err(reason);
        }
        let changed = {
            let core = self.world.core();
            core.now >= core.deploy_at
        };
        Ok(drawn(page, changed))
    }
}

/// What stands for a PDF: the page's own words, under one of two templates.
pub fn drawn(page: &Page, changed: bool) -> Vec<u8> {
    format!("{changed} {page:?}").into_bytes()
}

impl PaymentLog for Ports {
    async fn record(&self, sale: &Sale, now: Timestamp) -> Answer<Recorded> {
        let late = || -> Late {
            let sale = sale.clone();
            Box::new(move |world| drop(at_once(world.books.record(&sale, now))))
        };
        let forgetful = self.is(Mutant::MemoryDedupe);
        let remembered = (sale.key.clone(), self.who % 2);
        if forgetful && self.world.core().memory.sales.contains(&remembered) {
            return Ok(Recorded::Before);
        }
        let recorded = self
            .call(LOG, "record", Some(&late), || {
                if forgetful {
                    self.world.books.forget_payment(&sale.key, &sale.event);
                }
                at_once(self.world.books.record(sale, now))
            })
            .await?;
        self.world.core().memory.sales.insert(remembered);
        Ok(recorded)
    }

    async fn park_event(&self, id: &str, body: &str, reason: &Reason, now: Timestamp) -> Answer<Recorded> {
        self.call(LOG, "park_event", None, || at_once(self.world.books.park_event(id, body, reason, now))).await
    }

    async fn record_refund(&self, refund: &Refund, now: Timestamp) -> Answer<Recorded> {
        self.call(LOG, "record_refund", None, || at_once(self.world.books.record_refund(refund, now))).await
    }

    async fn sale_paid_by(&self, intent: &str) -> Answer<Option<SaleKey>> {
        self.call(LOG, "sale_paid_by", None, || at_once(self.world.books.sale_paid_by(intent))).await
    }

    async fn has(&self, sale: &SaleKey) -> Answer<bool> {
        self.call(LOG, "has", None, || at_once(self.world.books.has(sale))).await
    }
}

impl Ledger for Ports {
    async fn counter(&self, series: &Series) -> Answer<Counter> {
        self.call(LEDGER, "counter", None, || at_once(self.world.books.counter(series))).await
    }

    async fn claim(&self, claim: &Numbers) -> Answer<Claimed> {
        let mut claim = claim.clone();
        let books = &self.world.books;
        if self.is(Mutant::BareCounter) {
            let first = {
                let mut core = self.world.core();
                let last = core.memory.counters.entry(claim.series.clone()).or_default();
                *last += claim.invoices.len() as u64;
                *last + 1 - claim.invoices.len() as u64
            };
            for (n, invoice) in (first..).zip(&mut claim.invoices) {
                let (head, _) = invoice.number.0.rsplit_once('-').unwrap();
                invoice.number = InvoiceNumber(format!("{head}-{n:04}"));
            }
        }
        let late = || -> Late {
            let claim = claim.clone();
            Box::new(move |world| drop(at_once(Ledger::claim(&world.books, &claim))))
        };
        self.call(LEDGER, "claim", Some(&late), || {
            let mut claim = claim.clone();
            if self.is(Mutant::BareCounter) {
                claim.counter = at_once(books.counter(&claim.series))?;
            }
            if self.is(Mutant::UnconditionalClaim) {
                claim.invoices.iter().for_each(|invoice| books.forget_document(&invoice.draft.basis()));
            }
            if self.is(Mutant::UnconditionalCredit)
                && let Some(crediting) = &mut claim.crediting
                && let Some(original) = books.entries().iter().find(|entry| entry.invoice.number == crediting.original)
            {
                crediting.before = original.credited.clone();
            }
            match at_once(Ledger::claim(books, &claim))? {
                Claimed::Taken(_) if self.is(Mutant::TakenUnread) => Ok(Claimed::All),
                claimed => Ok(claimed),
            }
        })
        .await
    }

    async fn sale(&self, sale: &SaleKey) -> Answer<Option<Sale>> {
        self.call(LEDGER, "sale", None, || at_once(self.world.books.sale(sale))).await
    }

    async fn document_of(&self, basis: &Basis) -> Answer<Option<Entry>> {
        self.call(LEDGER, "document_of", None, || at_once(self.world.books.document_of(basis))).await
    }

    async fn finish(&self, number: &InvoiceNumber, document: &Document, mail: &Mail) -> Answer<()> {
        if self.is(Mutant::TwoWrites) {
            self.call(LEDGER, "note", None, || {
                self.world.books.note_without_mail(number, document);
                Ok(())
            })
            .await?;
        }
        let late = || -> Late {
            let (number, document, mail) = (number.clone(), document.clone(), mail.clone());
            Box::new(move |world| drop(at_once(world.books.finish(&number, &document, &mail))))
        };
        self.call(LEDGER, "finish", Some(&late), || at_once(self.world.books.finish(number, document, mail))).await
    }

    async fn park(&self, basis: &Basis, reason: &Reason, now: Timestamp) -> Answer<()> {
        self.call(LEDGER, "park", None, || {
            if self.is(Mutant::SilentPark) {
                return Ok(());
            }
            at_once(Ledger::park(&self.world.books, basis, reason, now))
        })
        .await
    }
}

impl Archive for Ports {
    async fn store(&self, file: &File) -> Answer<Document> {
        let overwrites = self.is(Mutant::ArchiveOverwrite);
        let late = || -> Late {
            let file = file.clone();
            Box::new(move |world| {
                if overwrites {
                    world.depot.forget(&file.key);
                }
                drop(at_once(world.depot.store(&file)));
            })
        };
        self.call(ARCHIVE, "store", Some(&late), || {
            if overwrites {
                self.world.depot.forget(&file.key);
            }
            at_once(self.world.depot.store(file))
        })
        .await
    }

    async fn read(&self, key: &str) -> Answer<Option<Vec<u8>>> {
        self.call(ARCHIVE, "read", None, || at_once(self.world.depot.read(key))).await
    }
}

impl Outbox for Ports {
    async fn claim(&self, id: &MailId, claimant: &str, now: Timestamp, lease: SignedDuration) -> Answer<Claim> {
        let books = &self.world.books;
        let late = || -> Late {
            let (id, claimant) = (id.clone(), claimant.to_owned());
            Box::new(move |world| drop(at_once(Outbox::claim(&world.books, &id, &claimant, now, lease))))
        };
        self.call(OUTBOX, "claim mail", Some(&late), || {
            let claim = at_once(Outbox::claim(books, id, claimant, now, lease))?;
            Ok(match claim {
                Claim::Held(_) if self.is(Mutant::NoMailClaim) => Claim::Ours,
                Claim::Held(Status::Sending { lease_until })
                    if self.is(Mutant::ResendExpired) && lease_until <= now =>
                {
                    Claim::Ours
                }
                claim => claim,
            })
        })
        .await
    }

    async fn release(&self, id: &MailId, claimant: &str) -> Answer<()> {
        let anyone = self.is(Mutant::ReleaseAnyone);
        let late = || -> Late {
            let (id, claimant) = (id.clone(), claimant.to_owned());
            Box::new(move |world| {
                world.note(|| format!("late: {id} is given back"));
                if anyone {
                    world.books.take_away(&id);
                } else {
                    drop(at_once(world.books.release(&id, &claimant)));
                }
            })
        };
        self.call(OUTBOX, "release", Some(&late), || {
            if anyone {
                self.world.books.take_away(id);
                return Ok(());
            }
            at_once(self.world.books.release(id, claimant))
        })
        .await
    }

    async fn refuse(&self, id: &MailId, claimant: &str, reason: &Reason, now: Timestamp) -> Answer<()> {
        if self.is(Mutant::RefuseInTwoSteps) {
            self.release(id, claimant).await?;
            return Outbox::park(self, id, reason, now).await;
        }
        self.call(OUTBOX, "refuse", None, || at_once(self.world.books.refuse(id, claimant, reason, now))).await
    }

    async fn sent(&self, id: &MailId, message_id: &str, now: Timestamp) -> Answer<()> {
        self.call(OUTBOX, "sent", None, || at_once(self.world.books.sent(id, message_id, now))).await
    }

    async fn unknown(&self, id: &MailId, now: Timestamp) -> Answer<()> {
        self.call(OUTBOX, "unknown", None, || at_once(self.world.books.unknown(id, now))).await
    }

    async fn park(&self, id: &MailId, reason: &Reason, now: Timestamp) -> Answer<()> {
        self.call(OUTBOX, "park mail", None, || at_once(Outbox::park(&self.world.books, id, reason, now))).await
    }
}

impl PostOffice for Ports {
    async fn post(&self, letter: &Letter) -> Posted {
        self.pause().await;
        if self.world.hit(Kind::Throttle) {
            self.note("post", || format!("{} throttled", letter.id));
            return Posted::NotNow("throttled".to_owned());
        }
        if self.world.hit(Kind::Refuse) {
            self.note("post", || format!("{} refused", letter.id));
            return Posted::Refused(Reason::new("mail_refused", "the address is on the suppression list"));
        }
        let unclear = self.world.hit(Kind::Unclear);
        let taken = !unclear || self.world.core().rng.bool();
        if taken {
            *self.world.core().letters.entry(letter.id.clone()).or_default() += 1;
        }
        self.note("post", || {
            format!(
                "{} {} {}",
                letter.id,
                if taken { "taken" } else { "lost" },
                if unclear { "answer lost" } else { "" }
            )
        });
        self.pause().await;
        match unclear {
            false => Posted::Accepted("m".to_owned()),
            true if self.is(Mutant::ResendUnclear) => Posted::NotNow("no answer".to_owned()),
            true => Posted::Unclear("no answer".to_owned()),
        }
    }
}

impl StripeReader for Ports {
    fn can_ask(&self) -> bool {
        true
    }

    async fn session(&self, session: &str) -> Answer<Option<Session>> {
        self.call(STRIPE, "session", None, || Ok(self.world.shop.session_now(session, self.world.core().now))).await
    }

    async fn session_lines(&self, session: &str) -> Answer<Option<Vec<LineItem>>> {
        self.call(STRIPE, "session_lines", None, || Ok(self.world.shop.session_lines(session))).await
    }

    async fn invoice_lines(&self, _: &str) -> Answer<Option<Vec<InvoiceLine>>> {
        Ok(None)
    }

    async fn tax_rate(&self, _: &str) -> Answer<Option<TaxRate>> {
        Ok(None)
    }

    async fn refunds_of(&self, charge: &str) -> Answer<Option<Vec<StripeRefund>>> {
        self.call(STRIPE, "refunds_of", None, || Ok(self.world.shop.refunds_of(charge))).await
    }

    async fn invoice_paid_by(&self, intent: &str) -> Answer<Option<String>> {
        self.call(STRIPE, "invoice_paid_by", None, || Ok(self.world.shop.invoice_paid_by(intent))).await
    }

    async fn intent_that_paid(&self, _: &str) -> Answer<Option<String>> {
        Ok(None)
    }

    async fn settlement(&self, _: &str) -> Answer<Option<Option<BalanceTransaction>>> {
        Ok(None)
    }
}
