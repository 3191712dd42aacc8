//! What is asked of Stripe for many events at once.

use comptoir::{
    outcome::ServiceError,
    reconcile::Look,
    stripe::{
        listed::{ListedSession, WantedSessions},
        object::{List, is_id},
    },
};

use serde_json::{Value, value::RawValue};

use super::StripeApi;

impl StripeApi<'_> {
    /// Lists the wanted sessions with their first lines, a hundred a read; those that the list does not bring are asked for
    /// alone.
    ///
    /// # Errors
    /// When Stripe does not answer.
    pub async fn list_sessions(&mut self, mut wanted: WantedSessions) -> Result<(), ServiceError> {
        self.listed.clear();
        let Some((first, last)) = wanted.window() else { return Ok(()) };
        let (first, last) = (first.to_string(), last.to_string());
        let asked = [
            ("limit", "100"),
            ("status", "complete"),
            ("created%5Bgte%5D", first.as_str()),
            ("created%5Blte%5D", last.as_str()),
            ("expand%5B%5D", "data.line_items"),
            ("expand%5B%5D", "data.line_items.data.taxes"),
        ];
        let mut after: Option<String> = None;
        for pages in 1.. {
            let query: Vec<_> =
                asked.iter().copied().chain(after.as_deref().map(|after| ("starting_after", after))).collect();
            let Some(page) = self.get::<List<ListedSession>>("/checkout/sessions", &query).await? else {
                return Ok(());
            };
            after = page.data.last().map(|last| last.session.id.clone());
            let brought = page.data.into_iter().filter(|listed| wanted.take(&listed.session.id));
            let brought: Vec<_> = brought.map(ListedSession::into_parts).collect();
            let further = page.has_more && wanted.goes_on(pages);
            self.listed.extend(brought.into_iter().map(|(session, lines)| (session.id.clone(), (session, lines))));
            if !further {
                break;
            }
        }
        Ok(())
    }

    /// A page of events of these kinds, after one of them, the newest first; `None` without a key.
    ///
    /// # Errors
    /// When Stripe does not answer, or the key may not read events.
    pub async fn events(
        &self,
        look: &Look,
        after: Option<&str>,
        kinds: &[&str],
    ) -> Result<Option<List<Box<RawValue>>>, ServiceError> {
        let (since, until) = (look.since.to_string(), look.until.to_string());
        let mut query =
            vec![("limit", "100"), ("created%5Bgte%5D", since.as_str()), ("created%5Blte%5D", until.as_str())];
        query.extend(look.undelivered.then_some(("delivery_success", "false")));
        query.extend(kinds.iter().map(|kind| ("types%5B%5D", *kind)));
        query.extend(after.map(|after| ("starting_after", after)));
        self.get("/events", &query).await
    }

    /// A page of subscriptions in every state, after one of them, the newest first; `None` without a key.
    ///
    /// # Errors
    /// When Stripe does not answer, or the key may not read subscriptions.
    pub async fn subscriptions(&self, after: Option<&str>) -> Result<Option<List<Box<RawValue>>>, ServiceError> {
        let mut query = vec![("limit", "100"), ("status", "all")];
        query.extend(after.map(|after| ("starting_after", after)));
        self.get("/subscriptions", &query).await
    }

    /// The object of an event as it is now; `None` if it is unknown, or of a kind that is read alike in every version.
    ///
    /// # Errors
    /// When Stripe does not answer.
    pub async fn object_of(&self, event: &str, id: &str) -> Result<Option<Value>, ServiceError> {
        let path = match event {
            "checkout.session.completed" | "checkout.session.async_payment_succeeded" => "/checkout/sessions",
            "payment_intent.succeeded" => "/payment_intents",
            "invoice.paid" => "/invoices",
            "refund.created" | "refund.updated" | "refund.failed" => "/refunds",
            "credit_note.created" => "/credit_notes",
            _ => return Ok(None),
        };
        // An id of a list is Stripe's own; anything else in it would make another path.
        if !is_id(id) {
            return Ok(None);
        }
        self.get(&format!("{path}/{id}"), &[]).await
    }
}
