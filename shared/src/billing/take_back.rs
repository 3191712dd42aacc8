//! From a recorded refund to an issued, archived credit note whose mail is queued.
//!
//! The same steps as for an invoice, in its own series and one at a time: the claim also updates the amount credited of
//! the original, conditional on its previous value, so concurrent refunds cannot credit more than was billed.

use super::{
    credit::credit,
    issue::{CLAIM_ATTEMPTS, Issued, Issuer, Parked, Render, number},
    ledger::{AllocationResult, Crediting, Entry, Ledger},
};
use crate::{
    archive::Archive,
    clock::Clock,
    invoice::DocumentSource,
    outcome::{Outcome, Reason, ServiceError},
    refund::Refund,
    settings::SettingsReader,
    timing::ONE_CREDIT_SECONDS,
};

/// The state of a refund.
enum Step {
    /// Its credit note is issued.
    Stands(Box<Entry>),
    /// It cannot have one in its current state.
    Refused(Reason),
}

impl<L: Ledger + SettingsReader, A: Archive, R: Render, C: Clock> Issuer<'_, L, A, R, C> {
    /// Issues the credit note for `refund`, after first issuing the invoice that it corrects if necessary.
    pub async fn take_back(&self, refund: &Refund) -> Issued {
        let basis = DocumentSource::Refund(refund.key.clone());
        let (mut number, mut unmailed) = (None, None);
        let Parked { outcome, repeated } = match self.claim_credit(refund, &basis).await {
            Ok(Step::Stands(entry)) => {
                number = Some(entry.invoice.number.clone());
                self.complete(&entry, &mut unmailed).await
            }
            Ok(Step::Refused(reason)) => self.park(&basis, reason).await,
            Err(error) => self.failed(&basis, error).await,
        };
        Issued { basis, number, outcome, unmailed, repeated }
    }

    async fn claim_credit(&self, refund: &Refund, basis: &DocumentSource) -> Result<Step, ServiceError> {
        for _ in 0..CLAIM_ATTEMPTS {
            self.still(ONE_CREDIT_SECONDS)?;
            if let Some(entry) = self.ledger.document_of(basis).await? {
                return Ok(Step::Stands(Box::new(entry)));
            }
            let original = match self.original(refund).await? {
                Ok(original) => original,
                Err(reason) => return Ok(Step::Refused(reason)),
            };
            // Our clock may be behind that of the invoice's issuer, and a credit note is never older.
            let today = self.today().max(original.invoice.issued_on);
            let seller = self.settings.of_day(today);
            let credit = match credit(refund, &original.invoice, &original.credited, &seller, today) {
                Ok(credit) => credit,
                Err(unfit) => return Ok(Step::Refused(unfit.reason())),
            };
            let pattern = self.settings.credit_series(today);
            self.check_books(pattern, today).await?;
            let counter = self.counter(pattern, today).await?;
            let mut claim = number(&[&credit.draft], pattern, counter, today, &self.allocation())?;
            claim.crediting = Some(Crediting {
                original: original.invoice.number,
                before: original.credited,
                after: credit.credited,
            });
            match self.ledger.claim(&claim).await? {
                AllocationResult::All => {
                    if let Some(invoice) = claim.invoices.pop() {
                        return Ok(Step::Stands(Box::new(Entry::claimed(invoice)?)));
                    }
                }
                // Issued concurrently, or deleted; the next read shows which.
                AllocationResult::Moved | AllocationResult::Taken(_) => {}
            }
        }
        Err(ServiceError::transient("the ledger", "other renderers kept claiming numbers"))
    }

    /// The invoice of the refunded sale, issued now if the sale is still unprocessed; or why there is none.
    async fn original(&self, refund: &Refund) -> Result<Result<Entry, Reason>, ServiceError> {
        let sold = DocumentSource::Sale(refund.sale.clone());
        if let Some(entry) = self.ledger.document_of(&sold).await? {
            return Ok(Ok(entry));
        }
        let Some(sale) = self.ledger.sale(&refund.sale).await? else {
            let text =
                format!("sale {} is not recorded; issue the credit note where its invoice was issued", refund.sale);
            return Ok(Err(Reason::new("sale_unknown", text)));
        };
        // Boxed, because the combined state of all steps in one future exceeds the compiler's default limit.
        let issued = Box::pin(self.issue(std::slice::from_ref(&sale))).await;
        match issued.into_iter().next().map(|issued| issued.outcome) {
            Some(Outcome::Reject(reason)) => {
                let text =
                    format!("sale {} has no invoice yet ({}); mend that and replay both", refund.sale, reason.code);
                Ok(Err(Reason::new("sale_waits", text)))
            }
            Some(Outcome::Retry(reason)) => Err(ServiceError::retried("the ledger", reason)),
            _ => {
                self.ledger.document_of(&sold).await?.map(Ok).ok_or_else(|| {
                    ServiceError::transient("the ledger", "an invoice is gone right after it was issued")
                })
            }
        }
    }
}
