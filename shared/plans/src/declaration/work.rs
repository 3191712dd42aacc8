//! Carries out a declaration: finds the contract, asks Stripe for what the law gives, and writes to whose contract it is.
//!
//! Every step may be repeated, and every call may fail. What is asked of Stripe has the effect of one call, and a mail is
//! queued in the transaction that writes what it says.

use comptoir::{
    calendar::Place,
    clock::Clock,
    outcome::{Outcome, Reason, ServiceError},
};

use super::{
    decide::{Step, next},
    letter::{Reader, Writer, letter},
    record::{Declaration, State},
    statement::Statement,
    store::{Change, DeclarationStore, Ending, StoredDeclaration, Then},
};
use crate::{
    person::PersonId,
    store::{AccessStore, Committed},
    stripe::{Billing, Subscription},
};

/// The most rounds of one invocation.
const ROUNDS: u32 = 8;

/// What a declaration is carried out with.
#[derive(Debug, Clone, Copy)]
pub struct Tools<'a, A, D, B, C> {
    /// Who has what.
    pub access: &'a A,
    /// The declarations.
    pub declarations: &'a D,
    /// Stripe.
    pub billing: &'a B,
    /// Who writes to consumers.
    pub writer: Writer<'a>,
    /// The clock.
    pub clock: &'a C,
}

enum Stop {
    Failed(ServiceError),
    /// It was parked already.
    Parked(Reason),
    Conflict,
}

impl From<ServiceError> for Stop {
    fn from(error: ServiceError) -> Self {
        Self::Failed(error)
    }
}

/// Carries out the declaration of this id.
pub async fn carry_out<A, D, B, C>(id: &str, tools: &Tools<'_, A, D, B, C>) -> Outcome
where
    A: AccessStore,
    D: DeclarationStore,
    B: Billing + Ending,
    C: Clock,
{
    for attempt in 0..ROUNDS {
        match Box::pin(round(id, tools)).await {
            Ok(()) => return Outcome::Done,
            Err(Stop::Failed(error)) if error.is_permanent() => return parked(id, tools, error.reason()).await,
            Err(Stop::Failed(error)) => return Outcome::Retry(error.reason()),
            Err(Stop::Parked(reason)) => return Outcome::Reject(reason),
            Err(Stop::Conflict) => tools.access.pause(attempt).await,
        }
    }
    Outcome::Retry(Reason::new("declaration_contended", "others wrote at the same time, each time it was tried"))
}

/// Parks it as it stands.
async fn parked<A, D: DeclarationStore, B, C: Clock>(
    id: &str,
    tools: &Tools<'_, A, D, B, C>,
    reason: Reason,
) -> Outcome {
    let written = match tools.declarations.declaration(id).await {
        Ok(Some(read)) => {
            let (version, declaration) = (read.version, &read.declaration);
            let change = Change { id, version, declaration, then: Then::Park(&reason), mail: None };
            tools.declarations.change(&change, tools.clock.now()).await
        }
        Ok(None) => return Outcome::Reject(reason),
        Err(error) => Err(error),
    };
    match written {
        Ok(Committed::Done) => Outcome::Reject(reason),
        Ok(Committed::Conflict) => {
            Outcome::Retry(Reason::new("declaration_contended", "it changed while it was to be parked"))
        }
        Err(error) => Outcome::Retry(error.reason()),
    }
}

async fn round<A, D, B, C>(id: &str, tools: &Tools<'_, A, D, B, C>) -> Result<(), Stop>
where
    A: AccessStore,
    D: DeclarationStore,
    B: Billing + Ending,
    C: Clock,
{
    let now = tools.clock.now();
    let Some(read) = tools.declarations.declaration(id).await? else { return Ok(()) };
    if read.open_since.is_none_or(|since| since > now) {
        return Ok(());
    }
    let writing = Writing { id, read: &read, tools };
    let mut declaration = read.declaration.clone();
    if declaration.revoked_at.is_some() {
        return Box::pin(revoke(declaration, &writing)).await;
    }
    if declaration.state.is_settled() && declaration.state != State::Unmatched {
        return writing.settle(&declaration, None).await;
    }
    let contract = match contract_of(&declaration, tools.access).await? {
        Some((subscription, reader)) => tools.billing.subscription(&subscription).await?.map(|found| (found, reader)),
        None => None,
    };
    let Some((mut contract, on_file)) = contract else { return writing.unmatched(declaration).await };
    declaration.subscription = Some(contract.id.clone());
    let reader = reader_of(&contract, on_file);
    let place = Place::of(tools.writer.seller);
    loop {
        let state = match next(&declaration.statement, &contract, &place, now) {
            Step::Wait(at) => {
                declaration.state = State::Waiting;
                return writing.wait(declaration, &reader, at).await;
            }
            Step::EndWithPeriod => {
                let key = format!("end:{id}");
                match tools.billing.end_with_period(&contract.id, true, &key).await? {
                    Some(after) if after.cancel_at_period_end => {
                        contract = after;
                        continue;
                    }
                    // It ended in between; or an answer of long ago was repeated: the truth is asked for again.
                    _ => return Err(Stop::Conflict),
                }
            }
            Step::EndNow => {
                tools.billing.cancel(&contract.id).await?;
                State::Over { at: now }
            }
            Step::TakeBack => {
                // Ended first: an invoice that were paid after the refund would stay paid.
                tools.billing.cancel(&contract.id).await?;
                tools.billing.refund(&contract.id).await?;
                State::Withdrawn
            }
            Step::Settled(state) => state,
        };
        declaration.state = state;
        return writing.settle(&declaration, Some(&reader)).await;
    }
}

/// The contract goes on, if it has not ended.
async fn revoke<A, D, B, C>(mut declaration: Declaration, writing: &Writing<'_, A, D, B, C>) -> Result<(), Stop>
where
    A: AccessStore,
    D: DeclarationStore,
    B: Billing + Ending,
    C: Clock,
{
    let tools = writing.tools;
    let contract = match &declaration.subscription {
        Some(subscription) if declaration.state.is_revocable() => tools.billing.subscription(subscription).await?,
        _ => None,
    };
    let Some(contract) = contract.filter(|contract| !contract.status.is_final()) else {
        // Nothing that a declaration did is left to be undone.
        return writing.settle(&declaration, None).await;
    };
    let reader = reader_of(&contract, on_file(&declaration, tools.access).await?);
    if matches!(declaration.state, State::Ends { .. }) {
        let key = format!("go-on:{}", writing.id);
        tools.billing.end_with_period(&contract.id, false, &key).await?;
    }
    declaration.state = State::Revoked;
    writing.settle(&declaration, Some(&reader)).await
}

/// Whose contract it is: the address on file, and the subscription.
async fn contract_of(declaration: &Declaration, access: &impl AccessStore) -> Result<Option<(String, String)>, Stop> {
    let Statement { email, reference, .. } = &declaration.statement;
    let mut id = PersonId::of(email);
    let mut named = declaration.subscription.clone();
    if let (None, Some(reference)) = (&named, reference.as_deref().filter(|text| text.starts_with("sub_")))
        && let Some(stored) = access.subscription(reference).await?
    {
        (id, named) = (stored.person.or(id), Some(reference.to_owned()));
    }
    let Some(id) = id else { return Ok(None) };
    let Some(person) = access.person(&id).await?.map(|standing| standing.person) else { return Ok(None) };
    let subscription = named.or(person.current.map(|current| current.subscription));
    Ok(subscription.map(|subscription| (subscription, person.email)))
}

async fn on_file(declaration: &Declaration, access: &impl AccessStore) -> Result<String, Stop> {
    let found = contract_of(declaration, access).await?;
    Ok(found.map_or_else(|| declaration.statement.email.clone(), |(_, email)| email))
}

fn reader_of(contract: &Subscription, on_file: String) -> Reader {
    // Who typed a name need not be who reads the mail.
    Reader { email: contract.email().map_or(on_file, str::to_owned), name: String::new() }
}

/// Writes what one round came to.
struct Writing<'a, A, D, B, C> {
    id: &'a str,
    read: &'a StoredDeclaration,
    tools: &'a Tools<'a, A, D, B, C>,
}

impl<A, D: DeclarationStore, B, C: Clock> Writing<'_, A, D, B, C> {
    /// Nothing is left to do; the reader is told.
    async fn settle(&self, declaration: &Declaration, reader: Option<&Reader>) -> Result<(), Stop> {
        self.write(declaration.clone(), reader, Then::Rest).await
    }

    async fn wait(&self, declaration: Declaration, reader: &Reader, at: jiff::Timestamp) -> Result<(), Stop> {
        let acknowledged = declaration.acknowledged_at.is_some();
        self.write(declaration, Some(reader).filter(|_| !acknowledged), Then::Until(at)).await
    }

    /// A person has to look for the contract; whoever declared is told so, once.
    async fn unmatched(&self, mut declaration: Declaration) -> Result<(), Stop> {
        let text = "no subscription belongs to the address of this declaration; find the contract by the name and the \
                    reference in the record, end it at Stripe, answer the person, then replay it or leave it parked";
        let reason = Reason::new("declaration_unmatched", text);
        let acknowledged = declaration.acknowledged_at.is_some();
        declaration.state = State::Unmatched;
        let reader = Reader { email: declaration.statement.email.clone(), name: String::new() };
        self.write(declaration, Some(&reader).filter(|_| !acknowledged), Then::Park(&reason)).await?;
        Err(Stop::Parked(reason))
    }

    async fn write(&self, mut declaration: Declaration, reader: Option<&Reader>, then: Then<'_>) -> Result<(), Stop> {
        let now = self.tools.clock.now();
        let mail = reader.map(|reader| letter(self.id, &declaration, reader, self.tools.writer, now));
        if mail.is_some() && declaration.acknowledged_at.is_none() {
            declaration.acknowledged_at = Some(now);
        }
        let (version, declaration) = (self.read.version, &declaration);
        let change = Change { id: self.id, version, declaration, then, mail: mail.as_ref() };
        match self.tools.declarations.change(&change, now).await? {
            Committed::Done => Ok(()),
            Committed::Conflict => Err(Stop::Conflict),
        }
    }
}
