//! Deliberate mistakes in plans, access, tokens and recovery, by name. Each is a wrong port or a condition that the store in memory
//! forgets; none is in the functions' code, and nothing that ships can set one.

use comptoir_plans::memory::Mistake;

/// A mistake that the simulator must detect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Mutant {
    /// Each charge has a key of its own.
    SecondKey,
    /// The key of a charge is Stripe's counter of attempts.
    CountedByStripe,
    /// Each wake tells the customer once more.
    MailAnEvent,
    /// The mail is queued in a second write.
    MailApart,
    /// An invoice is charged on what it was when it was first looked at.
    NoLastLook,
    /// A subscription that ended does not keep its invoice from being charged.
    EndUnseen,
    /// A charge without an answer counts as declined.
    UnknownDeclined,
    /// A claim that is older than Stripe keeps keys is asked for again.
    KeyOutlived,
    /// What a bank is still at counts as declined.
    DebitDeclined,
    /// A hard decline is not kept.
    HardForgotten,
    /// The same card saved twice is two instruments.
    FingerprintIgnored,
    /// A charge is not claimed before Stripe is called.
    ClaimUnwritten,
    /// A claim is written whatever others wrote.
    ClaimIgnoresVersion,
    /// Work on an invoice is closed though something woke it since it was read.
    RestIgnoresWakes,
    /// What Stripe tried of itself is not noted.
    UsualForgotten,
    /// The wish of a customer to confirm is taken for a decline.
    ConfirmUnseen,
    /// A method that is saved later wakes nothing.
    LaterMethodUnheard,
    /// Nothing open is looked for.
    NoSweep,
    /// What never arrived is not looked for.
    NoNight,
    /// Access follows what the first look showed, as an event would.
    EventApplied,
    /// Access is seen before its tokens are there.
    SeenBeforeTokens,
    /// An unpaid invoice brings tokens.
    UnpaidGrants,
    /// Each wake brings the tokens of an invoice.
    GrantAnEvent,
    /// Tokens are granted to access that has ended since it was read.
    GrantIgnoresVersion,
    /// Tokens are granted or used on a balance that has changed since it was read.
    BalanceIgnored,
    /// The id of a use is not recorded.
    UseUnrecorded,
    /// Access ends, and its tokens stay.
    EndKeepsTokens,
    /// A person is written though somebody else has written them since: what ended is overwritten.
    EndOverwritten,
    /// Work on a subscription is closed though something woke it since it was read.
    CloseIgnoresWakes,
    /// A second subscription is not cancelled.
    SecondKept,
    /// A second subscription is cancelled, and nobody is told.
    SecondUntold,
    /// The first subscription is forgotten when another one is looked at.
    FirstForgotten,
    /// A page stays open when another one is opened.
    PageKept,
    /// A request for a page has a new key each time.
    PageAnew,
}

impl Mutant {
    /// The condition that the store forgets, where it is one.
    pub fn forgets(self) -> Option<Mistake> {
        Some(match self {
            Self::ClaimIgnoresVersion => Mistake::ClaimIgnoresVersion,
            Self::RestIgnoresWakes => Mistake::RestIgnoresWakes,
            Self::GrantAnEvent => Mistake::GrantRepeats,
            Self::GrantIgnoresVersion => Mistake::GrantIgnoresVersion,
            Self::BalanceIgnored => Mistake::BalanceIgnored,
            Self::UseUnrecorded => Mistake::UseRepeats,
            Self::EndKeepsTokens => Mistake::EndKeepsTokens,
            Self::EndOverwritten => Mistake::AdoptIgnoresVersion,
            Self::CloseIgnoresWakes => Mistake::CloseIgnoresWakes,
            _ => return None,
        })
    }
}
