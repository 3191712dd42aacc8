//! What is done over and over in one process, so that only the doing is measured: the same as the peers' scripts of these
//! names, with the same arguments and the same answer.

use std::{fs, path::Path, time::Instant};

use anyhow::{Context, Result, ensure};
use comptoir::stripe::{classify, signature};
use jiff::Timestamp;
use nix::{
    sys::time::TimeValLike,
    time::{ClockId, clock_gettime},
};
use serde::{Deserialize, Serialize};

/// What a loop took.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Lap {
    /// How often it went round.
    pub n: u32,
    /// In nanoseconds, all of them together.
    pub wall_ns: f64,
    /// The process's CPU in that time, in nanoseconds.
    pub cpu_ns: f64,
}

/// Verifies `payload` as signed with `secret` at `timestamp` and reads it, `n` times.
///
/// # Errors
/// When the file cannot be read, or what is in it is refused.
pub fn verify(n: u32, payload: &Path, secret: &str, timestamp: i64) -> Result<Lap> {
    let body = fs::read(payload).with_context(|| format!("{} cannot be read", payload.display()))?;
    let now = Timestamp::from_second(timestamp).context("the timestamp is seconds since 1970")?;
    let header = signature::sign(&body, secret, now);
    let secrets = [secret.to_owned()];
    timed(n, || {
        signature::verify(Some(&header), &body, &secrets, now)?;
        let event = classify::read(&body).map_err(|reason| anyhow::anyhow!(reason.text))?;
        let meaning = classify::classify(&event, event.livemode);
        ensure!(matches!(meaning, comptoir::stripe::meaning::Meaning::Sale { .. }), "{meaning:?}");
        Ok(())
    })
}

/// A tenth to warm up, then `n` times.
fn timed(n: u32, mut once: impl FnMut() -> Result<()>) -> Result<Lap> {
    for _ in 0..n / 10 {
        once()?;
    }
    let (begun, cpu) = (Instant::now(), clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID)?);
    for _ in 0..n {
        once()?;
    }
    let (wall, spent) = (begun.elapsed(), clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID)? - cpu);
    #[expect(clippy::cast_precision_loss, reason = "a loop takes seconds, not centuries")]
    Ok(Lap { n, wall_ns: wall.as_secs_f64() * 1e9, cpu_ns: spent.num_nanoseconds() as f64 })
}
