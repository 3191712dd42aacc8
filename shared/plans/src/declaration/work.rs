//! Carries out a declaration: finds the contract, asks Stripe for what the law gives, and writes to whose contract it is.
//!
//! Every step may be repeated, and every call may fail. What is asked of Stripe has the effect of one call, and a mail is
//! queued in the transaction that writes what it says.

use comptoir::{
    calendar::Place,
    clock::Clock,
    outcome::{Outcome, Reason, ServiceError},
};

use jiff::SignedDuration;

use super::{
    decide::{Step, TIME_TO_OBJECT, next},
    letter::{Reader, Writer, letter},
    record::{Declaration, State},
    statement::{Kind, Statement},
    store::{Change, DeclarationStore, Ending, Refunded, StoredDeclaration, Then},
};
use crate::{
    person::PersonId,
    store::{AccessStore, Committed},
    stripe::{Billing, Subscription},
};

/// How long until a payment that a bank is at is looked at again.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_hours(24);

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
    /// The next round goes on.
    Again,
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
            Err(Stop::Again) => {}
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
    if declaration.revoked_at.is_some() && declaration.state != State::TakingBack {
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
                contract = ended(&contract.id, true, &format!("end:{id}"), tools.billing).await?;
                continue;
            }
            Step::EndNow => {
                tools.billing.cancel(&contract.id).await?;
                State::Over { at: now }
            }
            // Whose contract it is was not written to yet, and has a day from now to object.
            Step::TakeBack if matches!(declaration.state, State::Declared | State::Unmatched) => {
                declaration.state = State::Waiting;
                let at = now.saturating_add(TIME_TO_OBJECT).unwrap_or(now);
                return writing.wait(declaration, &reader, at).await;
            }
            Step::TakeBack if declaration.state != State::TakingBack => {
                // Written before anything is asked of Stripe: nobody revokes what is half done.
                declaration.state = State::TakingBack;
                writing.write(declaration, None, Then::Until(now)).await?;
                return Err(Stop::Again);
            }
            Step::TakeBack => {
                // Ended first: an invoice that were paid after the refund would stay paid.
                tools.billing.cancel(&contract.id).await?;
                match tools.billing.refund(&contract.id).await? {
                    Refunded::All => State::Withdrawn,
                    Refunded::AtABank => {
                        let at = now.saturating_add(LOOK_AGAIN).unwrap_or(now);
                        return writing.write(declaration, None, Then::Until(at)).await;
                    }
                }
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
    // What Stripe shows counts: it may have been asked, and the answer lost.
    if declaration.statement.kind == Kind::Termination && contract.cancel_at_period_end {
        ended(&contract.id, false, &format!("go-on:{}", writing.id), tools.billing).await?;
    }
    declaration.state = State::Revoked;
    writing.settle(&declaration, Some(&reader)).await
}

/// Ends a contract with its period, or lets it go on; as it stands then.
async fn ended(contract: &str, ends: bool, key: &str, billing: &(impl Billing + Ending)) -> Result<Subscription, Stop> {
    if let Some(after) = billing.end_with_period(contract, ends, key).await?
        && (after.cancel_at_period_end == ends || after.status.is_final())
    {
        return Ok(after);
    }
    // It ended in between, or an answer of long ago was repeated.
    match billing.subscription(contract).await? {
        Some(found) if found.status.is_final() || found.cancel_at_period_end == ends => Ok(found),
        _ => {
            let text = "Stripe does not let this contract be ended or go on; release its schedule, or do it in Stripe's dashboard, then replay";
            Err(ServiceError::permanent("Stripe", "contract_not_endable", text).into())
        }
    }
}

/// Whose contract it is: the address on file, and the subscription.
async fn contract_of(declaration: &Declaration, access: &impl AccessStore) -> Result<Option<(String, String)>, Stop> {
    let Statement { email, reference, .. } = &declaration.statement;
    let mut id = PersonId::of(email);
    let mut named = declaration.subscription.clone();
    if let (None, Some(reference)) = (&named, reference.as_deref().filter(|text| text.starts_with("sub_")))
        && let Some(stored) = access.subscription(reference).await?.filter(|stored| stored.person.is_some())
    {
        (id, named) = (stored.person, Some(reference.to_owned()));
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
        let told = self.read.declaration.state == State::Waiting;
        self.write(declaration, Some(reader).filter(|_| !told), Then::Until(at)).await
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
