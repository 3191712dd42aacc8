//! `cargo clock`: tells the time of a running bundle, and moves it ahead.

use anyhow::{Context, ensure};
use jiff::{Span, SpanRelativeTo};

use crate::client::BundleClient;

/// What to do with the clock.
#[derive(Clone, Debug, clap::Args)]
pub struct Advance {
    /// How far ahead it goes, such as 3d, 23h or "1d 2h"; without it, the time is told
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    advance: Option<String>,
}

/// Moves the clock, and prints the time.
///
/// # Errors
/// One sentence that says what to do.
pub async fn run(wish: &Advance, client: &BundleClient) -> anyhow::Result<()> {
    let now = match &wish.advance {
        None => client.now().await?,
        Some(text) => client.advance(seconds(text)?).await?,
    };
    crate::print(format!("It is {} in the bundle.", now.strftime("%Y-%m-%d %H:%M:%S UTC")));
    Ok(())
}

fn seconds(text: &str) -> anyhow::Result<i64> {
    let wrong = || format!("--advance {text} is no time: write it like 3d, 23h or 90m");
    let span: Span = text.parse().ok().with_context(wrong)?;
    let seconds = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok().with_context(wrong)?.as_secs();
    ensure!(seconds >= 0, "--advance {text} leads back: the clock goes ahead only");
    Ok(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        assert_eq!(seconds("3d").unwrap(), 3 * 86_400);
        assert_eq!(seconds("23h").unwrap(), 23 * 3_600);
        assert_eq!(seconds("1d 2h").unwrap(), 26 * 3_600);
        assert_eq!(seconds("2w").unwrap(), 14 * 86_400);
        for wrong in ["", "soon", "-1h", "1 month"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
