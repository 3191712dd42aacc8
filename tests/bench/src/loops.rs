//! Operations repeated in one process, so that only the operation is measured: the same as the peers' scripts of these
//! names, with the same arguments and the same answer.

use std::{fs, path::Path, time::Instant};

use anyhow::{Context, Result, ensure};
use comptoir::stripe::{classify, meaning::Meaning, signature};
use comptoir_members::profile::input;
use jiff::Timestamp;
use nix::{
    sys::time::TimeValLike,
    time::{ClockId, clock_gettime},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The result of a loop.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Lap {
    /// The number of iterations.
    pub n: u32,
    /// Total nanoseconds.
    pub wall_ns: f64,
    /// The process's CPU in that time, in nanoseconds.
    pub cpu_ns: f64,
}

/// The result of a validation loop, with the verdicts: code and path of each violation, in the order of the paths.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Judged {
    /// The loop's result.
    #[serde(flatten)]
    pub lap: Lap,
    /// The verdicts, case by case.
    pub verdicts: Vec<Vec<(String, String)>>,
}

/// Validates the profiles in `cases`, one after the other, `n` times in all.
///
/// # Errors
/// When the file cannot be read.
pub fn validate(n: u32, cases: &Path) -> Result<Judged> {
    let text = fs::read(cases).with_context(|| format!("{} cannot be read", cases.display()))?;
    let cases: Vec<Value> = serde_json::from_slice(&text).context("the cases are a list of inputs")?;
    let mut turn = cases.iter().cycle();
    let lap = timed(n, || {
        std::hint::black_box(input::draft(turn.next().context("there are cases")?)).ok();
        Ok(())
    })?;
    let verdict = |case: &Value| {
        let violations = input::draft(case).err().unwrap_or_default();
        let mut told: Vec<_> = violations.into_iter().map(|one| (one.code.word(), one.path)).collect();
        told.sort_by(|a, b| (&a.1, &a.0).cmp(&(&b.1, &b.0)));
        told
    };
    Ok(Judged { lap, verdicts: cases.iter().map(verdict).collect() })
}

/// Verifies `payload` as signed with `secret` at `timestamp` and parses it, `n` times.
///
/// # Errors
/// When the file cannot be read, or its content is refused.
pub fn verify(n: u32, payload: &Path, secret: &str, timestamp: i64) -> Result<Lap> {
    let body = fs::read(payload).with_context(|| format!("{} cannot be read", payload.display()))?;
    let now = Timestamp::from_second(timestamp).context("the timestamp is seconds since 1970")?;
    let header = signature::sign(&body, secret, now);
    let secrets = [secret.to_owned()];
    timed(n, || {
        signature::verify(Some(&header), &body, &secrets, now)?;
        let event = classify::read(&body).map_err(|reason| anyhow::anyhow!(reason.message))?;
        let meaning = classify::classify(&event, event.livemode);
        ensure!(matches!(meaning, Meaning::Sale(_)), "{meaning:?}");
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
