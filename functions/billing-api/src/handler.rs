//! Maps the requests of the seller's site and app to what the domain answers.

use std::sync::Arc;

use comptoir::{clock::Clock, outcome::ServiceError, settings::SettingsReader, stripe::object::is_id};
use comptoir_edge::{
    door::{Answer, Fields, Refusal, Request},
    telemetry::count,
};
use comptoir_plans::{
    address,
    catalogue::Catalogue,
    checkout::{self, CheckoutRequest},
    desk::{self, Holder, NotDone, Refused},
    store::{AccessStore, RequestStore},
    stored::CachedCatalogue,
    stripe::Billing,
};
use serde_json::json;

use crate::caller::{Caller, Keys, Members};

const SERVICE: &str = "billing-api";

/// What requests need.
#[derive(Debug)]
pub struct Api<A, B, S, K, M, C> {
    /// The Access table.
    pub store: A,
    /// Stripe.
    pub billing: B,
    /// The seller's site and app.
    pub keys: K,
    /// Its members.
    pub members: M,
    /// The plans.
    pub plans: CachedCatalogue<S>,
    /// The clock.
    pub clock: C,
    /// Whether pages may return to this machine.
    pub development: bool,
}

/// Why there is no other answer.
enum No {
    Refused(Refusal),
    Failed(ServiceError),
}

impl From<Refusal> for No {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<ServiceError> for No {
    fn from(error: ServiceError) -> Self {
        Self::Failed(error)
    }
}

impl From<NotDone> for No {
    fn from(not_done: NotDone) -> Self {
        match not_done {
            NotDone::Refused(refused) => Self::Refused(refusal(refused)),
            NotDone::Failed(error) => Self::Failed(error),
        }
    }
}

impl<A: AccessStore + RequestStore, B: Billing, S: SettingsReader, K: Keys, M: Members, C: Clock>
    Api<A, B, S, K, M, C>
{
    /// Answers a request.
    pub async fn handle(&self, request: Request, request_id: &str) -> Answer {
        match self.answer(&request, request_id).await {
            Ok(answer) => answer,
            Err(No::Refused(refusal)) => {
                tracing::info!(request_id, route = request.route_key, error = refusal.error, "refused");
                refusal.answer()
            }
            Err(No::Failed(error)) => {
                // What passes is asked again by the caller; what does not is put right by the owner, and must be seen.
                count(SERVICE, "Parked", usize::from(error.is_permanent()));
                tracing::error!(request_id, route = request.route_key, "not answered: {error}");
                Answer::failed()
            }
        }
    }

    async fn answer(&self, request: &Request, request_id: &str) -> Result<Answer, No> {
        let caller = Caller::of(request, &self.keys, &self.members).await?.ok_or_else(Refusal::unknown_caller)?;
        match request.route_key.as_str() {
            "POST /checkout" => self.checkout(&caller, request.fields()?, request_id).await,
            "POST /portal" => self.portal(&caller, request.fields()?).await,
            "GET /access" => self.access(&caller, request.query()).await,
            "POST /tokens/use" => self.use_tokens(&caller, request.fields()?, request_id).await,
            _ => Err(Refusal::new(404, "not_found", "there is no such door").into()),
        }
    }

    /// The plans of some minutes ago where they have what is asked for, else the newest: they may have been saved since.
    async fn plans_with(&self, it: impl Fn(&Catalogue) -> bool + Send) -> Result<Arc<Catalogue>, ServiceError> {
        let known = self.plans.get(self.clock.now()).await?;
        if it(&known) { Ok(known) } else { self.plans.newest(self.clock.now()).await }
    }

    async fn checkout(&self, caller: &Caller, mut fields: Fields, request_id: &str) -> Result<Answer, No> {
        let wish = CheckoutRequest {
            price: fields.text("price")?,
            email: caller.may_name(&mut fields)?,
            success_url: fields.text("success_url")?,
            cancel_url: fields.text("cancel_url")?,
            idempotency_key: fields.id("idempotency_key")?,
        };
        fields.end()?;
        let parts = (&self.store, &self.billing);
        let returns = |url, catalogue: &Catalogue| address::is_on(url, &catalogue.origins, self.development);
        let allows = |all: &Catalogue| returns(&wish.success_url, all) && returns(&wish.cancel_url, all);
        let catalogue = self.plans_with(|all| all.sold_at(&wish.price).is_some() && allows(all)).await?;
        let opened = checkout::open(&wish, parts, &catalogue, self.development, self.clock.now()).await?;
        tracing::info!(request_id, session = opened.session, "Checkout page");
        Ok(Answer::new(201, &json!({"url": opened.url, "session": opened.session})))
    }

    async fn portal(&self, caller: &Caller, mut fields: Fields) -> Result<Answer, No> {
        let customer = fields.optional_text("customer")?;
        // A member who names the customer has an address all the same.
        let email = if customer.is_some() && *caller != Caller::Site {
            fields.optional_text("email")?
        } else {
            caller.may_name(&mut fields)?
        };
        let return_url = fields.text("return_url")?;
        fields.end()?;
        if customer.as_deref().is_some_and(|customer| !is_id(customer)) {
            let text = "customer is to be Stripe's id: 1 to 255 letters, digits or _";
            return Err(Refusal::of("customer", "bad_id", text).into());
        }
        let holder = match (&customer, &email) {
            (Some(customer), None) => Holder::Customer(customer),
            (None, Some(email)) => Holder::Address(email),
            (None, None) => return Err(Refusal::of("email", "missing_field", "write email or customer").into()),
            (Some(_), Some(_)) => {
                return Err(Refusal::of("customer", "contradiction", "write email or customer, not both").into());
            }
        };
        if let (Holder::Customer(customer), Caller::Member { .. }) = (holder, caller) {
            caller.may_be(self.store.customer(customer).await?.as_ref())?;
        }
        let parts = (&self.store, &self.billing);
        let catalogue = self.plans_with(|all| address::is_on(&return_url, &all.origins, self.development)).await?;
        let url = desk::portal(holder, &return_url, parts, &catalogue, self.development).await?;
        Ok(Answer::new(201, &json!({"url": url})))
    }

    async fn access(&self, caller: &Caller, mut fields: Fields) -> Result<Answer, No> {
        // In a query `+` is a space, and no address has one: `zoe+shop@example.org` was not encoded.
        let email = caller.names(&mut fields)?.trim().replace(' ', "+");
        fields.end()?;
        let (access, left) = desk::access(&email, &self.store).await?;
        let catalogue = self.plans_with(|all| access.plan.as_deref().is_none_or(|key| all.plan(key).is_some())).await?;
        let plan = access.plan.as_deref().and_then(|key| catalogue.plan(key));
        let features = plan.filter(|_| access.state.is_open()).map(|plan| plan.features.as_slice()).unwrap_or_default();
        Ok(Answer::new(
            200,
            &json!({
                "plan": access.plan, "plan_name": plan.map(|plan| plan.name.as_str()), "features": features,
                "state": access.state, "until": access.until, "tokens_left": left,
            }),
        ))
    }

    async fn use_tokens(&self, caller: &Caller, mut fields: Fields, request_id: &str) -> Result<Answer, No> {
        let (email, amount, id) = (caller.names(&mut fields)?, fields.positive("amount")?, fields.id("id")?);
        fields.end()?;
        let used = {
            let now = self.clock.now();
            let catalogue = self.plans.get(now).await?;
            desk::use_tokens(&email, amount, &id, &self.store, &catalogue, now).await?
        };
        tracing::info!(request_id, repeated = used.repeated, "tokens used");
        let mut body = json!({"tokens_left": used.left});
        if let (true, Some(body)) = (used.repeated, body.as_object_mut()) {
            body.insert("repeated".to_owned(), json!(true));
        }
        Ok(Answer::new(200, &body))
    }
}

fn refusal(refused: Refused) -> Refusal {
    let text = refused.to_string();
    match refused {
        Refused::UnknownPrice => Refusal::of("price", "unknown_price", text),
        Refused::OriginNotAllowed(field) => Refusal::of(field, "origin_not_allowed", text),
        Refused::NotTaken(field) => Refusal::of(field, "bad_value", text),
        Refused::NoAddress => Refusal::of("email", "bad_email", text),
        Refused::KeyReused => {
            Refusal { field: Some("idempotency_key".to_owned()), ..Refusal::new(409, "idempotency_key_reused", text) }
        }
        Refused::InFlight => Refusal::new(409, "in_flight", text),
        Refused::AlreadySubscribed => Refusal::new(409, "already_subscribed", text),
        Refused::UnknownPerson => Refusal::new(404, "unknown_customer", text),
        Refused::UseIdReused => Refusal { field: Some("id".to_owned()), ..Refusal::new(409, "use_id_reused", text) },
        Refused::NotEnoughTokens { left } => {
            Refusal::new(402, "not_enough_tokens", text).beside("tokens_left", json!(left))
        }
    }
}

#[cfg(test)]
mod tests;
