//! The contract of every store implementation: run against the fast one in memory and against the one on AWS, so that a
//! test with the fast one says something about the other.
//!
//! Each case makes its own records under a name of its own, so that all of them run in one store.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test may fail loudly")]

mod announced;
mod archive;
mod delivery;
mod expiry;
mod large;
mod ledger;
mod outbox;
mod payments;
mod rebuild;
mod settings;

pub use settings::settings;

use jiff::{SignedDuration, Timestamp, civil::Date};

use super::{FRANCHISE_TOML, sale, words};
use crate::{
    accounting::rebuild::{KnownMails, RestoreLedger},
    announced::AnnouncedEvents,
    archive::{Archive, Document, spool::LargeArchive},
    billing::{
        draft::draft,
        ledger::{AllocationResult, Counter, Ledger, NumberClaim},
    },
    invoice::{DocumentSource, Invoice, print},
    mail::{Mail, delivery::Deliveries, outbox::Outbox},
    memory::Expiring,
    numbering::Series,
    outcome::{Reason, ServiceError},
    payment::PaymentLog,
    sale::{Sale, SaleKey},
    seller::Seller,
};

/// The lease of a mail.
const LEASE: SignedDuration = SignedDuration::from_secs(120);

/// The stores of one system.
#[derive(Debug)]
pub struct Stores<'a, P, L, O, A> {
    /// Payments and refunds.
    pub payments: &'a P,
    /// Invoices and counters.
    pub ledger: &'a L,
    /// Mails, and their delivery events.
    pub outbox: &'a O,
    /// Documents.
    pub archive: &'a A,
}

impl<P, L, O, A> Stores<'_, P, L, O, A>
where
    P: PaymentLog + AnnouncedEvents,
    L: Ledger + RestoreLedger + KnownMails,
    O: Outbox + Deliveries + Expiring,
    A: LargeArchive,
{
    /// Runs every case; `run` keeps two runs in one store apart.
    ///
    /// # Errors
    /// When a store fails; a broken guarantee panics.
    pub async fn keep_the_contract(&self, run: &str) -> Result<(), ServiceError> {
        self.payments_are_recorded_once(run).await?;
        self.refunds_are_recorded_once(run).await?;
        self.events_are_parked_once(run).await?;
        self.events_are_announced_until_they_are_settled(run).await?;
        self.large_values_are_kept_whole(run).await?;
        self.a_full_claim_of_large_documents_is_one_claim(run).await?;
        self.what_no_retry_mends_is_refused_for_good(run).await?;
        self.numbers_are_claimed_all_or_none(run).await?;
        self.a_series_never_returns_to_older_settings(run).await?;
        self.a_crowd_of_writers_leaves_no_gap(run).await?;
        self.credits_never_cross(run).await?;
        self.a_document_is_noted_once(run).await?;
        self.a_lost_document_is_restored_once(run).await?;
        self.a_sale_that_waits_gets_its_lost_document(run).await?;
        self.a_lost_credit_note_marks_its_refund(run).await?;
        self.a_counter_is_raised_from_where_it_stands(run).await?;
        self.a_mail_has_one_sender(run).await?;
        self.a_mail_given_back_is_anyones(run).await?;
        self.what_is_known_of_a_mail_stays(run).await?;
        self.a_mail_is_parked_once(run).await?;
        self.what_waits_for_a_person_is_kept(run).await?;
        self.every_event_moves_a_mail_as_the_rule_says(run).await?;
        self.a_mail_that_came_back_is_past(run).await?;
        self.an_address_is_left_alone(run).await?;
        self.a_document_is_stored_once(run).await?;
        self.a_spooled_file_is_stored_once(run).await
    }
}

impl<P: PaymentLog, L: Ledger, O: Outbox + Deliveries, A: Archive> Stores<'_, P, L, O, A> {
    /// Records a sale of a name and claims the next number for it.
    async fn issued(&self, name: &str) -> Result<Invoice, ServiceError> {
        let sold = sold(name);
        self.payments.record(&sold, now()).await?;
        let claim = self.claim(name, &[sold]).await?;
        let claimed = self.ledger.claim(&claim).await?;
        assert_eq!(claimed, AllocationResult::All, "{name}");
        Ok(claim.invoices.into_iter().next().unwrap())
    }

    /// A claim of the next numbers in a series of this name.
    async fn claim(&self, series: &str, sales: &[Sale]) -> Result<NumberClaim, ServiceError> {
        let series = Series(series.to_owned());
        let counter = self.ledger.counter(&series).await?;
        Ok(claim(series, counter, sales))
    }

    /// Records the document of a new invoice and queues its mail.
    async fn queued(&self, name: &str) -> Result<Mail, ServiceError> {
        let invoice = self.issued(name).await?;
        let (document, mail) = letter(&invoice, "its bytes");
        self.ledger.finish(&invoice.number, &document, &mail, None).await?;
        Ok(mail)
    }
}

fn now() -> Timestamp {
    Timestamp::from_second(1_795_257_000).unwrap()
}

fn day() -> Date {
    now().to_zoned(jiff::tz::TimeZone::UTC).date()
}

fn seller() -> Seller {
    Seller::from_toml(FRANCHISE_TOML).unwrap_or_else(|error| panic!("{error}"))
}

/// A sale of its own for each name.
fn sold(name: &str) -> Sale {
    let (key, intent) = (SaleKey(format!("cs_{name}")), Some(format!("pi_{name}")));
    Sale { key, event: format!("evt_{name}"), payment_intent: intent, ..sale() }
}

fn claim(series: Series, counter: Counter, sales: &[Sale]) -> NumberClaim {
    let drafted = sales.iter().map(|sale| draft(sale, &seller(), day()).unwrap());
    let invoices = drafted
        .zip(counter.last + 1..)
        .map(|(draft, n)| Invoice::new(crate::numbering::InvoiceNumber(format!("{}-{n:04}", series.0)), day(), draft));
    NumberClaim { invoices: invoices.collect(), series, counter, crediting: None }
}

fn letter(invoice: &Invoice, bytes: &str) -> (Document, Mail) {
    let seller = seller();
    let key = format!("invoices/{}.pdf", invoice.number);
    let document = Document { key, sha256: crate::archive::sha256(bytes.as_bytes()), size: bytes.len() as u64 };
    let page = print::page(invoice, &seller.look, &words());
    let mail = Mail::of_invoice(invoice, &page, &document, &seller, now());
    (document, mail)
}

fn why() -> Reason {
    Reason::new("some_word", "some sentence")
}

fn basis(sale: &Sale) -> DocumentSource {
    DocumentSource::Sale(sale.key.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{InMemoryArchive, InMemoryStore};

    #[tokio::test]
    async fn the_stores_in_memory_keep_the_contract() {
        let (books, archive) = (InMemoryStore::default(), InMemoryArchive::default());
        let stores = Stores { payments: &books, ledger: &books, outbox: &books, archive: &archive };
        stores.keep_the_contract("a").await.unwrap();
        stores.keep_the_contract("b").await.unwrap();
        settings(&books).await.unwrap();
        settings(&books).await.unwrap();
    }
}
