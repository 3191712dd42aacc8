//! What is asked of Stripe for many events at once.

use comptoir::{
    outcome::ServiceError,
    stripe::{
        listed::{ListedSession, WantedSessions},
        object::List,
    },
};

use super::StripeApi;

/// Pages of sessions at most: fifty thousand sales.
const PAGES: usize = 500;

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
        for _ in 0..PAGES {
            let query: Vec<_> =
                asked.iter().copied().chain(after.as_deref().map(|after| ("starting_after", after))).collect();
            let Some(page) = self.get::<List<ListedSession>>("/checkout/sessions", &query).await? else {
                return Ok(());
            };
            after = page.data.last().map(|last| last.session.id.clone());
            let brought = page.data.into_iter().filter(|listed| wanted.take(&listed.session.id));
            let brought: Vec<_> = brought.map(ListedSession::into_parts).collect();
            let further = page.has_more && wanted.goes_on(brought.len());
            self.listed.extend(brought.into_iter().map(|(session, lines)| (session.id.clone(), (session, lines))));
            if !further {
                break;
            }
        }
        Ok(())
    }
}
