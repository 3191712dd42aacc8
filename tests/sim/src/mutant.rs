//! Deliberate mistakes, by name. Each is a wrong port or a wrong small piece of flow; none is in the functions' code.
//!
//! Three were in it until a seed showed them: giving a mail back to anyone sent one twice, refusing in two steps stranded
//! one, and a late record of a message that had come back kept its mail, put back meanwhile, from being sent again.

/// A mistake that the simulator has to notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Mutant {
    /// The number is taken by a bare ADD, and the invoice written afterwards.
    BareCounter,
    /// An event is marked as seen before its work is done.
    RecordThenWork,
    /// Payments are deduplicated in the memory of an instance, and recording is not conditional.
    MemoryDedupe,
    /// A mail whose lease is over is sent again.
    ResendExpired,
    /// Events older than the newest seen are taken for stale.
    OrderByCreated,
    /// Claiming a number is not conditional on the payment having none.
    UnconditionalClaim,
    /// A batch that fails is reported as done.
    SwallowedBatch,
    /// The last failed record is reported instead of the first.
    LastFailed,
    /// The archive takes the last bytes instead of the first.
    ArchiveOverwrite,
    /// A claim that finds a payment taken takes the number for its own.
    TakenUnread,
    /// Crediting is not conditional on what was credited before.
    UnconditionalCredit,
    /// A lost answer of the mail service is taken for a refusal.
    ResendUnclear,
    /// Mails are sent without a claim.
    NoMailClaim,
    /// The document is noted and the mail queued in two writes.
    TwoWrites,
    /// What is parked leaves no mark.
    SilentPark,
    /// A refund whose payment is not there yet is shrugged off.
    RefundShrugged,
    /// A session is billed though its Stripe invoice is billed as well.
    SessionAndInvoice,
    /// Giving a mail back is not conditional on who holds it.
    ReleaseAnyone,
    /// A refused mail is given back first and parked afterwards.
    RefuseInTwoSteps,
    /// An event puts a mail where it says, wherever the mail stands.
    EventLowers,
    /// A mail of which nobody knows whether it was sent is sent again.
    ResendUnknown,
    /// What came back suppresses no address.
    BounceForgiven,
    /// That a mail was sent is written over whatever is known by now.
    SentOverBounce,
    /// That the message which came back was sent is written over a mail that was put back since.
    SentOfThePast,
    /// The mail of an event is found by its recipient's address.
    EventByAddress,
    /// What is said of a message that came back counts after its mail was put back.
    PastHeard,
    /// Another stack's events are taken for ours.
    StrangerHeard,
    /// An event that could not be noted is done with.
    EventSwallowed,
    /// What is refused for good is tried again and again.
    RetryPermanent,
    /// An event whose sale is refused for good is answered with 200 and not kept.
    RefusedForgotten,
}
