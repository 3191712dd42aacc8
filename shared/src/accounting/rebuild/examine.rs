//! Examines the archive beside the ledger: what is missing, what differs, and why nothing may be written.

use jiff::civil::Date;

use super::{
    Chain, Finding, KnownMails, Plan, Raised, Rebuild, Wish,
    decide::{CounterStep, CreditStep, counter, credited, decide, take_back},
    load::Loaded,
    store::RestoreLedger,
};
use crate::{
    accounting::{
        Month,
        snapshots::{AT_ONCE, Listing, patterns_of, together},
    },
    archive::Archive,
    billing::{
        guard::{first_beyond, stored_identity},
        identity::IDENTITY_KEY,
        issue::series_of,
        ledger::{Counter, Ledger},
        snapshot::Snapshot,
    },
    clock::Clock,
    invoice::{Invoice, Kind},
    mail::MailId,
    numbering::{InvoiceNumber, SeriesPattern},
    outcome::ServiceError,
    term::links::Gone,
};

/// Numbers of a counter that is ahead which are looked up.
const PAGE: usize = 1000;

/// Missing numbers of a series that are named one by one.
const NAMED: u64 = 1000;

impl<L: Ledger + RestoreLedger, A: Archive, M: KnownMails, C: Clock> Rebuild<'_, L, A, M, C> {
    /// Examines all of it. Where time is up, the plan is unfinished.
    pub(super) async fn examine(&self, wish: &Wish) -> Result<Plan, ServiceError> {
        let mut plan = Plan::default();
        self.identify(&mut plan).await?;
        plan.gone = Gone::read(self.archive).await?;
        for link in plan.gone.links() {
            let (kind, last, issued_on) = (link.kind, link.n, link.issued_on);
            let chain = Chain { kind, last, last_hash: Some(link.sha256.clone()), issued_on };
            plan.chains.insert(link.series.clone(), chain);
        }
        let mut after: Option<String> = None;
        while let Some(first) = self.archive.list("books/", after.as_deref(), 1).await?.pop() {
            let Some((folder, month)) = month_of(&first) else {
                plan.report.refuse(&first, "snapshot_unreadable");
                after = Some(first);
                continue;
            };
            if plan.gone.covers(month) {
                // Part of it may be deleted already.
                after = Some(format!("{}0", folder.trim_end_matches('/')));
                continue;
            }
            let month = Month::of(month);
            let listing = Listing::of(self.archive, month, patterns_of(self.settings, month)).await?;
            let mut keys = listing.keys();
            loop {
                let group: Vec<String> = keys.by_ref().take(AT_ONCE).collect();
                if group.is_empty() {
                    break;
                }
                if self.is_late() {
                    plan.report.unfinished = true;
                    return Ok(plan);
                }
                for loaded in together(group.iter().map(|key| self.load(key))).await {
                    if let Some(loaded) = loaded? {
                        self.examine_document(wish, loaded, &mut plan).await?;
                    }
                }
            }
            // After every key of the folder: `0` follows the slash.
            after = Some(format!("{}0", folder.trim_end_matches('/')));
        }
        // A PDF beside a refused snapshot is not without one.
        if plan.report.refusals.is_empty() {
            self.examine_pdfs(&mut plan).await?;
        }
        self.examine_counters(&mut plan).await?;
        self.examine_credits(&mut plan).await?;
        Ok(plan)
    }

    async fn identify(&self, plan: &mut Plan) -> Result<(), ServiceError> {
        let table = self.ledger.identity().await?;
        let stored = match stored_identity(self.archive).await {
            Err(error) if error.reason().is_held() => None,
            stored => stored?,
        };
        let siren = self.settings.siren();
        match (table, stored) {
            // Nothing was ever issued.
            (None, None) if self.archive.list("books/", None, 1).await?.is_empty() => {}
            (_, None) => plan.report.refuse(IDENTITY_KEY, "archive_unknown"),
            (Some(table), Some(stored)) if table != stored => plan.report.refuse(IDENTITY_KEY, "ledger_unknown"),
            (_, Some(stored)) if stored.siren != *siren => plan.report.refuse(IDENTITY_KEY, "other_seller"),
            (None, Some(stored)) => {
                plan.report.begins = true;
                plan.identity = Some(stored);
            }
            (Some(_), Some(_)) => {}
        }
        Ok(())
    }

    /// Compares one document with what stands of it.
    async fn examine_document(&self, wish: &Wish, loaded: Loaded, plan: &mut Plan) -> Result<(), ServiceError> {
        let Loaded { key, read, refusals, differences } = loaded;
        plan.report.documents += 1;
        plan.report.refusals.extend(refusals);
        plan.report.differences.extend(differences);
        let Some(read) = read else { return Ok(()) };
        self.follow(wish, &read.invoice, &read.snapshot, plan).await?;
        let Some((archived, standing)) = read.comparable() else { return Ok(()) };
        let decision = decide(&archived, &standing, self.clock.now());
        let invoice = archived.invoice;
        if let Some(original) = &invoice.draft.corrects
            && !plan.gone.covers(original.issued_on)
        {
            take_back(plan.taken.entry(original.number.clone()).or_default(), &invoice.draft.taxes);
        }
        if !decision.missing.is_nothing() {
            plan.report.missing += 1;
            plan.todo.push(key);
        }
        if decision.unmailed {
            plan.report.mails.push(MailId::of_document(&invoice.number));
        }
        plan.report.in_flight += usize::from(decision.in_flight);
        plan.report.differences.extend(decision.differences);
        Ok(())
    }

    /// Walks the chain of the document's series to it.
    async fn follow(
        &self,
        wish: &Wish,
        invoice: &Invoice,
        snapshot: &Snapshot,
        plan: &mut Plan,
    ) -> Result<(), ServiceError> {
        let (pattern, day) = (series_of(invoice, self.settings), invoice.issued_on);
        let Some(n) = place_of(pattern, day, &invoice.number) else {
            plan.report.uncounted += 1;
            let newest = plan.uncounted.entry(invoice.draft.kind == Kind::CreditNote).or_insert((day, String::new()));
            if newest.0 <= day {
                *newest = (day, invoice.number.0.clone());
            }
            return Ok(());
        };
        let kind = invoice.draft.kind;
        let begun = || Chain { kind, last: 0, last_hash: None, issued_on: day };
        let chain = plan.chains.entry(pattern.series(day)).or_insert_with(begun);
        // The hash before it; `None` where it cannot be known.
        let mut before = Some(chain.last_hash.clone());
        let next = chain.last.saturating_add(1);
        *chain = Chain { kind, last: n.max(chain.last), last_hash: Some(snapshot.sha256()), issued_on: day };
        if n.saturating_sub(next) > NAMED {
            plan.report.refuse(&invoice.number.0, "numbers_missing");
            return Ok(());
        }
        for missing in next..n {
            let number = pattern.number(day, missing);
            before = match self.ledger.document(&number).await? {
                Some(entry) => {
                    if entry.document.is_some() {
                        plan.report.differs(&number.0, "snapshot_missing");
                    }
                    Some(Some(entry.snapshot.sha256()))
                }
                None => {
                    if !wish.without.contains(&number) {
                        plan.report.refuse(&number.0, "number_missing");
                    }
                    None
                }
            };
        }
        if n < next || before.is_some_and(|before| before != invoice.allocation.previous) {
            plan.report.refuse(&invoice.number.0, "chain_broken");
        }
        Ok(())
    }

    /// Looks for PDFs beyond the last snapshot of each series: the guard of the numbers would hold all work for one.
    async fn examine_pdfs(&self, plan: &mut Plan) -> Result<(), ServiceError> {
        let today = self.settings.day_of(self.clock.now());
        let (chains, report) = (&plan.chains, &mut plan.report);
        let known =
            chains.values().map(|chain| (self.pattern(chain.kind, chain.issued_on), chain.issued_on, chain.last));
        // A series that begins today may have a PDF and no snapshot at all.
        let begun = [Kind::Invoice, Kind::CreditNote].map(|kind| self.pattern(kind, today));
        let begun = begun.into_iter().filter(|pattern| !chains.contains_key(&pattern.series(today)));
        for (pattern, day, mut last) in known.chain(begun.map(|pattern| (pattern, today, 0))) {
            while let Some(n) = first_beyond(self.archive, pattern, day, last).await? {
                let number = pattern.number(day, n);
                if self.ledger.document(&number).await?.is_none() {
                    report.refuse(number.0, "document_without_snapshot");
                }
                last = n;
            }
        }
        Ok(())
    }

    /// The newest document shows the pattern that was in use. Settings with another would begin a second series.
    fn examine_patterns(plan: &mut Plan) {
        for (credit, (day, number)) in &plan.uncounted {
            let of_kind = plan.chains.values().filter(|chain| (chain.kind == Kind::CreditNote) == *credit);
            if of_kind.map(|chain| chain.issued_on).max().is_none_or(|counted| counted < *day) {
                plan.report.refuse(number, "pattern_unknown");
            }
        }
    }

    async fn examine_counters(&self, plan: &mut Plan) -> Result<(), ServiceError> {
        Self::examine_patterns(plan);
        for (series, chain) in &plan.chains {
            let stands = self.ledger.counter(series).await?;
            let archived = Counter {
                last: chain.last,
                last_issued_on: Some(chain.issued_on),
                last_hash: chain.last_hash.clone(),
                siren: Some(self.settings.siren().to_owned()),
                // The versions of lost settings are lost with them, and begin anew.
                settings: stands.settings,
                closed: stands.closed,
            };
            match counter(&stands, &archived) {
                CounterStep::Stays => {}
                CounterStep::Raise(after) => {
                    let raised = Raised { series: series.clone(), from: stands.last, to: after.last };
                    plan.report.counters.push(raised);
                    plan.counters.push((series.clone(), stands, after));
                }
                CounterStep::Differs => plan.report.differs(&series.0, "counter_differs"),
                CounterStep::OtherSeller => plan.report.refuse(&series.0, "other_seller"),
                CounterStep::Ahead => {
                    let pattern = self.pattern(chain.kind, chain.issued_on);
                    for n in (chain.last.saturating_add(1)..=stands.last).take(PAGE) {
                        let number = pattern.number(chain.issued_on, n);
                        match self.ledger.document(&number).await? {
                            None => plan.report.differs(number.0, "counter_ahead"),
                            Some(entry) if entry.document.is_some() => {
                                plan.report.differs(number.0, "snapshot_missing");
                            }
                            Some(_) => {}
                        }
                    }
                }
            }
        }
        Ok(())
    }

    async fn examine_credits(&self, plan: &mut Plan) -> Result<(), ServiceError> {
        for (number, taken) in &plan.taken {
            let Some(entry) = self.ledger.document(number).await? else {
                plan.report.credited += 1;
                continue;
            };
            match credited(&entry.invoice, &entry.credited, taken) {
                CreditStep::Stays => {}
                CreditStep::Raise(_) => plan.report.credited += 1,
                CreditStep::Ahead => plan.report.differences.push(Finding::new(&number.0, "credited_ahead")),
                CreditStep::Unmatched => plan.report.differences.push(Finding::new(&number.0, "credit_unmatched")),
            }
        }
        Ok(())
    }

    fn pattern(&self, kind: Kind, day: Date) -> &SeriesPattern {
        match kind {
            Kind::Invoice => self.settings.series(day),
            Kind::CreditNote => self.settings.credit_series(day),
        }
    }
}

/// The position of a number in the series of this day, if the number is of this pattern.
fn place_of(pattern: &SeriesPattern, day: Date, number: &InvoiceNumber) -> Option<u64> {
    pattern.n_of_key(day, &pattern.archive_key(day, number))
}

/// The folder and the first day of the month that a snapshot's key is of.
fn month_of(key: &str) -> Option<(String, Date)> {
    let mut parts = key.strip_prefix("books/")?.splitn(3, '/');
    let (year, month) = (parts.next()?, parts.next()?);
    let first = Date::new(year.parse().ok()?, month.parse().ok()?, 1).ok()?;
    let folder = format!("books/{:04}/{:02}/", first.year(), first.month());
    key.starts_with(&folder).then_some((folder, first))
}
