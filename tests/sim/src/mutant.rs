//! Deliberate mistakes, by name. Each is a wrong port or a wrong small piece of flow; none is in the functions' code.
//!
//! Three were real until a seed exposed them: releasing a mail without checking the holder sent one twice, refusing in
//! two writes stranded one, and a late event of a bounced message kept its replayed mail from being sent again.

/// A mistake that the simulator must detect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Mutant {
    /// The number is allocated by a bare ADD, and the invoice written afterwards.
    BareCounter,
    /// An event is marked as seen before its work is done.
    RecordThenWork,
    /// Payments are deduplicated in the memory of an instance, and recording is not conditional.
    MemoryDedupe,
    /// A mail whose lease has expired is sent again.
    ResendExpired,
    /// Events older than the newest seen are treated as stale.
    OrderByCreated,
    /// Allocating a number is not conditional on the payment having none.
    UnconditionalClaim,
    /// A failed batch is reported as done.
    SwallowedBatch,
    /// The last failed record is reported instead of the first.
    LastFailed,
    /// The archive keeps the last bytes instead of the first.
    ArchiveOverwrite,
    /// An allocation that finds the payment numbered already uses the new number anyway.
    TakenUnread,
    /// A credit is not conditional on the amount credited before.
    UnconditionalCredit,
    /// A lost answer of the mail service is treated as a refusal.
    ResendUnclear,
    /// Mails are sent without a claim.
    NoMailClaim,
    /// The document is noted and the mail queued in two writes.
    TwoWrites,
    /// Parking writes no mark.
    SilentPark,
    /// A refund whose payment is not there yet is dropped.
    RefundShrugged,
    /// A session is billed although its Stripe invoice is billed as well.
    SessionAndInvoice,
    /// Releasing a mail is not conditional on the lease holder.
    ReleaseAnyone,
    /// A refused mail is released first and parked afterwards.
    RefuseInTwoSteps,
    /// A delivery event sets the mail's status whatever the current status.
    EventLowers,
    /// A mail whose sending is unknown is sent again.
    ResendUnknown,
    /// A bounce suppresses no address.
    BounceForgiven,
    /// The sent status overwrites whatever is known by now.
    SentOverBounce,
    /// The sent status of a bounced message overwrites a mail that was replayed since.
    SentOfThePast,
    /// The mail of a delivery event is found by its recipient's address.
    EventByAddress,
    /// Events of a bounced message still count after its mail was replayed.
    PastHeard,
    /// Another stack's events are treated as ours.
    StrangerHeard,
    /// An event that could not be stored is reported as done.
    EventSwallowed,
    /// A permanent refusal is retried forever.
    RetryPermanent,
    /// An event whose sale is permanently refused is answered with 200 and not kept.
    RefusedForgotten,
    /// Nothing is swept.
    NoSweep,
    /// A mail is no longer open once a sender has claimed it.
    SweepSkipsClaimedMail,
    /// A sale is no longer open once its number is claimed, and its invoice never is.
    SweepSkipsClaimedNumber,
    /// The sweep queues a mail again while a sender holds its lease.
    SweepRequeues,
    /// Each document of a group follows the last document before the group.
    ChainSkips,
    /// The archive's snapshot is written anew instead of kept.
    SnapshotRewritten,
    /// The snapshot is not archived.
    SnapshotForgotten,
    /// Tax is that of the day on which the invoice is made.
    RegimeOfToday,
    /// A claim under older settings than the last passes as one under the newer.
    SettingsUnguarded,
    /// A document is printed in the look of today, and not of its settings.
    LookOfToday,
    /// An event is answered as announced, and not stored.
    AnnouncedForgotten,
    /// An announced event is settled before it is completed.
    SettledUnread,
}

impl Mutant {
    /// Whether it is a mistake in what the sweep finds or does.
    pub fn is_of_the_sweep(self) -> bool {
        matches!(
            self,
            Self::NoSweep | Self::SweepSkipsClaimedMail | Self::SweepSkipsClaimedNumber | Self::SweepRequeues
        )
    }
}
