//! What the archive holds about a buyer, by their address: for the answer to somebody who asks what is kept, or asks to be
//! forgotten. What the law keeps stays until the end of its term; what only served a mail may go at once.

use std::collections::BTreeSet;

use jiff::{Timestamp, civil::Date};

use super::snapshots::{AT_ONCE, read, together};
use crate::{
    archive::Archive,
    billing::snapshot,
    clock::Clock,
    invoice::{DocumentSource, Invoice},
    mail::MailId,
    outcome::ServiceError,
    term::kept_until,
};

/// Keys listed at once.
const PAGE: usize = 1000;

/// A document about the buyer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The document.
    pub invoice: Invoice,
    /// Its key in the archive, as far as its snapshot says it.
    pub document: Option<String>,
    /// The key of its snapshot.
    pub snapshot: String,
    /// The last day on which the law keeps it, and the record of its sale.
    pub kept_until: Date,
    /// The mail that brought it, which may go as soon as it is settled.
    pub mail: MailId,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// The documents, in the order of the archive.
    pub held: Vec<Held>,
    /// Snapshots that could not be read: what they hold is not known.
    pub unread: Vec<String>,
    /// How many snapshots were read.
    pub looked_at: usize,
    /// Where to go on, if time was up.
    pub next: Option<String>,
}

impl About {
    /// The keys of the records of their sales and refunds in the ledger.
    pub fn records(&self) -> BTreeSet<String> {
        let key = |held: &Held| match held.invoice.draft.basis() {
            DocumentSource::Sale(sale) => format!("PAYMENT#{sale}"),
            DocumentSource::Refund(refund) => format!("REFUND#{refund}"),
        };
        self.held.iter().map(key).collect()
    }
}

/// Looks through the snapshots after the key `after` for those of this address, in any case, until `deadline`.
///
/// # Errors
/// When the archive does not answer.
pub async fn about(
    archive: &impl Archive,
    address: &str,
    after: Option<String>,
    clock: &impl Clock,
    deadline: Timestamp,
) -> Result<About, ServiceError> {
    let (mut found, mut after) = (About::default(), after);
    let address = address.trim().to_lowercase();
    loop {
        let keys = archive.list("books/", after.as_deref(), PAGE).await?;
        if keys.is_empty() {
            return Ok(found);
        }
        for group in keys.chunks(AT_ONCE) {
            if clock.now() >= deadline {
                found.next = after;
                return Ok(found);
            }
            for (key, bytes) in group.iter().zip(together(group.iter().map(|key| archive.read(key))).await) {
                let Some(bytes) = bytes? else { continue };
                found.looked_at += 1;
                match read(key, bytes) {
                    Ok((invoice, _)) if is_of(&invoice, &address) => found.held.push(held(invoice)),
                    Ok(_) => {}
                    Err(_) => found.unread.push(key.clone()),
                }
            }
            after = group.last().cloned();
        }
    }
}

fn is_of(invoice: &Invoice, address: &str) -> bool {
    let email = invoice.draft.buyer.customer.email.as_deref().unwrap_or_default();
    !address.is_empty() && email.trim().to_lowercase() == address
}

fn held(invoice: Invoice) -> Held {
    Held {
        document: invoice.allocation.archive_key.clone(),
        snapshot: snapshot::key(&invoice),
        kept_until: kept_until(invoice.issued_on),
        mail: MailId::of_document(&invoice.number),
        invoice,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        archive::File,
        billing::snapshot::Snapshot,
        clock::FixedClock,
        memory::{InMemoryArchive, at_once},
        testing::many::ManyDocuments,
    };

    fn archive_of(addresses: &[Option<&str>]) -> InMemoryArchive {
        let archive = InMemoryArchive::default();
        let documents = ManyDocuments::new(2 * addresses.len() as u64);
        for (mut invoice, address) in documents.all().zip(addresses) {
            invoice.draft.buyer.customer.email = address.map(str::to_owned);
            at_once(archive.store(&Snapshot::of(&invoice).unwrap().file(&invoice))).unwrap();
        }
        archive
    }

    fn looked(archive: &InMemoryArchive, address: &str, after: Option<String>, deadline: Timestamp) -> About {
        let clock = FixedClock("2026-12-01T10:00:00Z".parse().unwrap());
        at_once(about(archive, address, after, &clock, deadline)).unwrap()
    }

    #[test]
    fn every_document_of_an_address_is_found_and_no_other() {
        let others = [Some("zoe@example.com"), None, Some(""), Some("azoe@example.org")];
        let mut addresses: Vec<Option<&str>> = others.into_iter().cycle().take(90).collect();
        for place in [0, 44, 89] {
            addresses[place] = Some("Zoe@Example.ORG");
        }
        let archive = archive_of(&addresses);
        let found = looked(&archive, " zoe@example.org", None, Timestamp::MAX);
        assert_eq!((found.held.len(), found.looked_at, found.next.as_deref()), (3, 90, None));
        let first = found.held.first().unwrap();
        assert!(first.snapshot.starts_with("books/2026/11/") && first.kept_until.year() == 2037, "{first:?}");
        assert_eq!(found.records().len(), 3);
        assert!(
            looked(&archive, "", None, Timestamp::MAX).held.is_empty(),
            "nobody is not everybody without an address"
        );
        let file = File { key: "books/2026/11/x.json".to_owned(), content_type: "", bytes: b"{".to_vec(), sale: None };
        at_once(archive.store(&file)).unwrap();
        assert_eq!(looked(&archive, "zoe@example.org", None, Timestamp::MAX).unread, ["books/2026/11/x.json"]);
    }

    #[test]
    fn what_is_cut_off_goes_on() {
        let archive = archive_of(&[Some("zoe@example.org"); 40]);
        let cut = looked(&archive, "zoe@example.org", Some("books/".to_owned()), Timestamp::MIN);
        assert_eq!((cut.looked_at, cut.next.as_deref()), (0, Some("books/")));
        assert_eq!(looked(&archive, "zoe@example.org", cut.next, Timestamp::MAX).held.len(), 40);
    }
}
