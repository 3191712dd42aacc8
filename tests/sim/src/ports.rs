//! The ports of one invocation: every call yields to the scheduler before and after, and gets the seed's faults.

use std::{
    future::poll_fn,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
    task::Poll,
};

use comptoir::{
    announced::{AnnouncedEvent, AnnouncedEvents},
    app::AppMessage,
    archive::{Archive, Document, File},
    billing::{
        identity::{IDENTITY_KEY, Identity},
        issue::Render,
        ledger::{AllocationResult, Counter, Entry, Ledger, NumberClaim as Numbers},
    },
    clock::Clock,
    invoice::{DocumentSource, Invoice, print::Page},
    mail::{Mail, MailId, outbox::Status},
    memory::at_once,
    numbering::{InvoiceNumber, Series},
    outcome::{Reason, ServiceError},
    payment::{PaymentLog, Recorded},
    refund::{Refund, RefundKey},
    sale::{Sale, SaleKey},
    settings::{SettingsReader, StoredSettings},
    sweep::{Open, OpenWork, Page as OpenPage},
};
use jiff::Timestamp;

use crate::{
    mutant::Mutant,
    plan::Kind,
    world::{INSTANCES, Late, Todo, World},
};

const LOG: &str = "the payment log";
const LEDGER: &str = "the ledger";
const ARCHIVE: &str = "the archive";

/// The result type of a port.
pub type Answer<T> = Result<T, ServiceError>;

/// One invocation's access to the world.
pub struct Ports {
    /// The world.
    pub world: Arc<World>,
    /// The invocation.
    pub who: usize,
    /// Its machine's clock skew, in milliseconds.
    pub skew: i64,
}

impl Ports {
    /// Whether this mistake is active.
    pub fn is(&self, mutant: Mutant) -> bool {
        self.world.plan.mutant == Some(mutant)
    }

    /// Waits for about the duration of a call.
    pub async fn pause(&self) {
        let mut asked = false;
        poll_fn(|_| {
            if std::mem::replace(&mut asked, true) {
                return Poll::Ready(());
            }
            self.world.wake_later(self.who);
            Poll::Pending
        })
        .await;
    }

    /// Records what this invocation does.
    pub fn note(&self, what: &str, detail: impl FnOnce() -> String) {
        self.world.note(|| format!("#{} {what} {}", self.who, detail()));
    }

    /// Makes a call to `port`, with the seed's faults; `late` repeats its effect later.
    ///
    /// # Errors
    /// The error of the call, or an injected failure before or after it took effect.
    pub async fn call<T: std::fmt::Debug + Send>(
        &self,
        port: &'static str,
        what: &'static str,
        late: Option<&(dyn Fn() -> Late + Sync)>,
        work: impl Fn() -> Answer<T> + Send,
    ) -> Answer<T> {
        self.pause().await;
        if self.world.fails_before(port) {
            self.note(what, || "fails before".to_owned());
            self.world.troubled(self.who);
            return Err(ServiceError::transient(port, "it failed before"));
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
            self.world.troubled(self.who);
            return Err(ServiceError::transient(port, "its answer was lost"));
        }
        answer
    }
}

impl Ports {
    /// Refuses a call permanently if the seed says so, each time until the causes are fixed.
    ///
    /// # Errors
    /// The refusal.
    pub fn refuse(&self, port: &'static str, what: &'static str, subject: &str) -> Answer<()> {
        if !self.world.refuses(self.who, &format!("{what} {subject}")) {
            return Ok(());
        }
        self.note(what, || format!("refused for good: {subject}"));
        if self.is(Mutant::RetryPermanent) {
            return Err(ServiceError::transient(port, "it refuses for good"));
        }
        Err(ServiceError::permanent(port, "store_refused", "it refuses for good"))
    }
}

/// The mistakes in number allocation.
impl Ports {
    /// The allocation with numbers from a counter that is incremented at once.
    fn renumbered(&self, claim: &Numbers) -> Numbers {
        let mut claim = claim.clone();
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
        claim
    }

    /// The allocation without one of its conditions.
    fn forced(&self, claim: &Numbers) -> Answer<Option<Numbers>> {
        let books = &self.world.books;
        match self.world.plan.mutant {
            Some(Mutant::BareCounter) => {
                let counter = at_once(books.counter(&claim.series))?;
                Ok(Some(Numbers { counter, ..claim.clone() }))
            }
            Some(Mutant::UnconditionalClaim) => {
                claim.invoices.iter().for_each(|invoice| books.forget_document(&invoice.draft.basis()));
                Ok(None)
            }
            Some(Mutant::UnconditionalCredit) => {
                let mut claim = claim.clone();
                if let Some(crediting) = &mut claim.crediting
                    && let Some(credited) =
                        books.of_entries(|entries| entries.get(&crediting.original).map(|entry| entry.credited.clone()))
                {
                    crediting.before = credited;
                }
                Ok(Some(claim))
            }
            _ => Ok(None),
        }
    }
}

impl Clock for Ports {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.world.core().now + self.skew).unwrap()
    }
}

impl Render for Ports {
    fn render(&self, _: &Invoice, page: &Page) -> Result<Vec<u8>, Reason> {
        if let Some(reason) = self.world.template_fails(&page.number) {
            return Err(reason);
        }
        let changed = {
            let core = self.world.core();
            core.now >= core.deploy_at[self.who % INSTANCES]
        };
        Ok(drawn(page, changed))
    }
}

/// The stand-in for a PDF: a hash of the page's text, under one of two templates.
pub fn drawn(page: &Page, changed: bool) -> Vec<u8> {
    let mut hasher = DefaultHasher::new();
    (changed, page).hash(&mut hasher);
    hasher.finish().to_be_bytes().to_vec()
}

impl PaymentLog for Ports {
    async fn record(&self, sale: &Sale, now: Timestamp) -> Answer<Recorded> {
        let late = || -> Late {
            let sale = sale.clone();
            Box::new(move |world| drop(at_once(world.books.record(&sale, now))))
        };
        self.refuse(LOG, "record", &sale.key.0)?;
        let forgetful = self.is(Mutant::MemoryDedupe);
        let remembered = (sale.key.clone(), self.who % 2);
        if forgetful && self.world.core().memory.sales.contains(&remembered) {
            return Ok(Recorded::AlreadyRecorded);
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
        if self.is(Mutant::RefusedForgotten) && reason.code == "store_refused" {
            return Ok(Recorded::New);
        }
        self.call(LOG, "park_event", None, || at_once(self.world.books.park_event(id, body, reason, now))).await
    }

    async fn settle_event(&self, id: &str, now: Timestamp) -> Answer<()> {
        self.call(LOG, "settle_event", None, || at_once(self.world.books.settle_event(id, now))).await
    }

    async fn record_refund(&self, refund: &Refund, now: Timestamp) -> Answer<Recorded> {
        self.refuse(LOG, "record_refund", &refund.key.0)?;
        self.call(LOG, "record_refund", None, || at_once(self.world.books.record_refund(refund, now))).await
    }

    async fn sale_paid_by(&self, intent: &str) -> Answer<Option<SaleKey>> {
        self.call(LOG, "sale_paid_by", None, || at_once(self.world.books.sale_paid_by(intent))).await
    }

    async fn has(&self, sale: &SaleKey) -> Answer<bool> {
        self.call(LOG, "has", None, || at_once(self.world.books.has(sale))).await
    }
}

impl SettingsReader for Ports {
    async fn newest(&self) -> Answer<Option<StoredSettings>> {
        self.call(LEDGER, "settings", None, || at_once(self.world.books.newest())).await
    }

    async fn version(&self, version: u64) -> Answer<Option<StoredSettings>> {
        if self.is(Mutant::LookOfToday) {
            return self.newest().await;
        }
        self.call(LEDGER, "settings_of", None, || at_once(self.world.books.version(version))).await
    }
}

impl AnnouncedEvents for Ports {
    async fn announce(&self, id: &str, body: &str, now: Timestamp) -> Answer<Recorded> {
        if self.is(Mutant::AnnouncedForgotten) {
            return Ok(Recorded::New);
        }
        let late = || -> Late {
            let (id, body) = (id.to_owned(), body.to_owned());
            Box::new(move |world| drop(at_once(world.books.announce(&id, &body, now))))
        };
        self.call(LOG, "announce", Some(&late), || at_once(self.world.books.announce(id, body, now))).await
    }

    async fn announced(&self, id: &str) -> Answer<Option<AnnouncedEvent>> {
        let stored = self.call(LOG, "announced", None, || at_once(self.world.books.announced(id))).await?;
        if self.is(Mutant::SettledUnread) {
            at_once(self.world.books.settle_announced(id))?;
        }
        Ok(stored)
    }

    async fn settle_announced(&self, id: &str) -> Answer<()> {
        let late = || -> Late {
            let id = id.to_owned();
            Box::new(move |world| drop(at_once(world.books.settle_announced(&id))))
        };
        self.call(LOG, "settle_announced", Some(&late), || at_once(self.world.books.settle_announced(id))).await
    }

    async fn dismiss_announced(&self, id: &str, now: Timestamp) -> Answer<()> {
        let late = || -> Late {
            let id = id.to_owned();
            Box::new(move |world| drop(at_once(world.books.dismiss_announced(&id, now))))
        };
        let dismissed = || at_once(self.world.books.dismiss_announced(id, now));
        self.call(LOG, "dismiss_announced", Some(&late), dismissed).await
    }
}

impl Ledger for Ports {
    async fn identity(&self) -> Answer<Option<Identity>> {
        self.call(LEDGER, "identity", None, || at_once(self.world.books.identity())).await
    }

    async fn begin(&self, identity: &Identity) -> Answer<Identity> {
        self.call(LEDGER, "begin", None, || at_once(self.world.books.begin(identity))).await
    }

    async fn counter(&self, series: &Series) -> Answer<Counter> {
        let mut counter = self.call(LEDGER, "counter", None, || at_once(self.world.books.counter(series))).await?;
        if self.is(Mutant::SettingsUnguarded) {
            counter.settings = None;
        }
        Ok(counter)
    }

    async fn claim(&self, claim: &Numbers) -> Answer<AllocationResult> {
        let unchained = self.is(Mutant::ChainSkips).then(|| {
            let mut claim = claim.clone();
            for invoice in &mut claim.invoices {
                invoice.allocation.previous.clone_from(&claim.counter.last_hash);
            }
            claim
        });
        let unguarded = self.is(Mutant::SettingsUnguarded).then(|| {
            let mut claim = claim.clone();
            claim.counter.settings = at_once(self.world.books.counter(&claim.series)).unwrap().settings;
            for invoice in &mut claim.invoices {
                invoice.allocation.settings = invoice.allocation.settings.max(claim.counter.settings);
            }
            claim
        });
        let claim = unchained.as_ref().or(unguarded.as_ref()).unwrap_or(claim);
        for invoice in &claim.invoices {
            self.refuse(LEDGER, "claim", &invoice.draft.basis().to_string())?;
        }
        let bare = self.is(Mutant::BareCounter).then(|| self.renumbered(claim));
        let claim = bare.as_ref().unwrap_or(claim);
        let late = || -> Late {
            let claim = claim.clone();
            Box::new(move |world| drop(at_once(Ledger::claim(&world.books, &claim))))
        };
        let claimed = self.call(LEDGER, "claim", Some(&late), || {
            let forced = self.forced(claim)?;
            let claim = forced.as_ref().unwrap_or(claim);
            match at_once(Ledger::claim(&self.world.books, claim))? {
                AllocationResult::Taken(_) if self.is(Mutant::TakenUnread) => Ok(AllocationResult::All),
                claimed => Ok(claimed),
            }
        });
        let claimed = claimed.await;
        if !matches!(claimed, Ok(AllocationResult::All)) {
            self.world.troubled(self.who);
        }
        claimed
    }

    async fn sale(&self, sale: &SaleKey) -> Answer<Option<Sale>> {
        self.call(LEDGER, "sale", None, || at_once(self.world.books.sale(sale))).await
    }

    async fn refund(&self, refund: &RefundKey) -> Answer<Option<Refund>> {
        self.call(LEDGER, "refund", None, || at_once(self.world.books.refund(refund))).await
    }

    async fn document_of(&self, basis: &DocumentSource) -> Answer<Option<Entry>> {
        self.call(LEDGER, "document_of", None, || at_once(self.world.books.document_of(basis))).await
    }

    async fn document(&self, number: &InvoiceNumber) -> Answer<Option<Entry>> {
        self.call(LEDGER, "document", None, || at_once(self.world.books.document(number))).await
    }

    async fn finish(
        &self,
        number: &InvoiceNumber,
        document: &Document,
        mail: &Mail,
        tells: Option<&AppMessage>,
    ) -> Answer<()> {
        self.refuse(LEDGER, "finish", &number.0)?;
        if self.is(Mutant::TwoWrites) {
            self.call(LEDGER, "note", None, || {
                self.world.books.note_without_mail(number, document);
                Ok(())
            })
            .await?;
        }
        let late = || -> Late {
            let (number, document, mail, tells) = (number.clone(), document.clone(), mail.clone(), tells.cloned());
            Box::new(move |world| drop(at_once(world.books.finish(&number, &document, &mail, tells.as_ref()))))
        };
        self.call(LEDGER, "finish", Some(&late), || at_once(self.world.books.finish(number, document, mail, tells)))
            .await
    }

    async fn park(&self, basis: &DocumentSource, reason: &Reason, now: Timestamp) -> Answer<Recorded> {
        self.call(LEDGER, "park", None, || {
            if self.is(Mutant::SilentPark) {
                return Ok(Recorded::New);
            }
            at_once(Ledger::park(&self.world.books, basis, reason, now))
        })
        .await
    }
}

impl Archive for Ports {
    async fn store(&self, file: &File) -> Answer<Document> {
        if file.key != IDENTITY_KEY {
            self.refuse(ARCHIVE, "store", &file.key)?;
        }
        if self.is(Mutant::SnapshotForgotten) && file.key.starts_with("books/") {
            return Ok(file.document());
        }
        let rewritten = || File { bytes: [file.bytes.as_slice(), b" "].concat(), ..file.clone() };
        if self.is(Mutant::SnapshotRewritten) && file.key.starts_with("books/") {
            let stored = self.call(ARCHIVE, "store", None, || at_once(self.world.archive.store(&rewritten()))).await?;
            return Ok(Document { sha256: file.document().sha256, size: file.document().size, ..stored });
        }
        let overwrites = self.is(Mutant::ArchiveOverwrite);
        let late = || -> Late {
            let file = file.clone();
            Box::new(move |world| {
                if overwrites {
                    world.archive.forget(&file.key);
                }
                drop(at_once(world.archive.store(&file)));
            })
        };
        self.call(ARCHIVE, "store", Some(&late), || {
            if overwrites {
                self.world.archive.forget(&file.key);
            }
            at_once(self.world.archive.store(file))
        })
        .await
    }

    async fn read(&self, key: &str) -> Answer<Option<Vec<u8>>> {
        // Books that cannot be checked hold all work, which is retried; the records themselves are not refused.
        if key != IDENTITY_KEY {
            self.refuse(ARCHIVE, "read", key)?;
        }
        self.call(ARCHIVE, "read", None, || at_once(self.world.archive.read(key))).await
    }

    async fn look(&self, key: &str) -> Answer<Option<Document>> {
        self.call(ARCHIVE, "look", None, || at_once(self.world.archive.look(key))).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Answer<Vec<String>> {
        self.call(ARCHIVE, "list", None, || at_once(self.world.archive.list(prefix, after, limit))).await
    }
}

/// The sweep, and its mistakes.
pub struct Sweeper {
    /// The world.
    pub world: Arc<World>,
}

impl Clock for Sweeper {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.world.core().now).unwrap()
    }
}

impl OpenWork for Sweeper {
    async fn open_since(&self, before: Timestamp, from: Option<&str>) -> Answer<OpenPage> {
        let books = &self.world.books;
        let mut page = at_once(books.open_since(before, from))?;
        let claimed = |open: &Open| {
            matches!(books.standing(&MailId(open.id.clone())), Some(Status::Sending { .. })) && open.kind == "MAIL"
        };
        match self.world.plan.mutant {
            Some(Mutant::NoSweep) => page.open.clear(),
            Some(Mutant::SweepSkipsClaimedMail) => page.open.retain(|open| !claimed(open)),
            Some(Mutant::SweepSkipsClaimedNumber) => page.open.retain(|open| open.kind != "INVOICE"),
            _ => {}
        }
        Ok(page)
    }

    async fn wake(&self, open: &Open, now: Timestamp) -> Answer<Option<u64>> {
        if self.world.plan.mutant == Some(Mutant::SweepRequeues) && open.kind == "MAIL" {
            self.world.books.take_away(&MailId(open.id.clone()));
        }
        at_once(self.world.books.wake(open, now))
    }
}
