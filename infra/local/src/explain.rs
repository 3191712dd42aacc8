//! `cargo explain`: what happened to a customer, a subscription or an invoice, in order, from the records: which method was tried,
//! which code came back, which mail left, when and why.

mod story;

use anyhow::Context;

use crate::client::BundleClient;
use story::{Records, Subject};

/// What is to be explained.
#[derive(Clone, Debug, clap::Args)]
pub struct Explain {
    /// An invoice (in_...), a subscription (sub_...), or the address of who buys
    about: String,
}

/// Reads the records and prints the story.
///
/// # Errors
/// One sentence that says what to do.
pub async fn run(wish: &Explain, client: &BundleClient) -> anyhow::Result<()> {
    for line in story(&wish.about, client).await? {
        crate::print(line);
    }
    Ok(())
}

/// The story of what `about` names.
///
/// # Errors
/// It names nothing that has one, or the bundle does not answer.
pub async fn story(about: &str, client: &BundleClient) -> anyhow::Result<Vec<String>> {
    let unknown = || {
        format!(
            "{about} is neither an invoice nor a subscription nor an address: write in_..., sub_... or an e-mail address"
        )
    };
    let subject = Subject::read(about).with_context(unknown)?;
    let mut records = Records::default();
    for table in ["AccessTable", "NoticesTable"] {
        records.take(client.table(table).await?.1);
    }
    Ok(records.story(&subject))
}
