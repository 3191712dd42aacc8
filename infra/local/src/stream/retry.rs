//! The state of a batch after an attempt: the retry rules of Lambda's event source mappings for streams, without the
//! delays.
//!
//! - The function names failed records: everything before the lowest one is done, the rest is tried again from there.
//! - It fails as a whole: the whole batch is retried; with bisecting, as two halves, which uses up no attempt.
//! - Attempts or age exceeded: the rest is given up, and the stream goes on.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Duration;

use serde_json::Value;

/// The mapping's limits.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// How often a batch is tried again; `None` is forever.
    pub retries: Option<u32>,
    /// Whether a batch is halved when the function fails as a whole.
    pub bisect: bool,
}

/// The result of an attempt, for the records it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// All done.
    Done,
    /// The record at this position, and those after it, must be retried.
    FailedFrom(usize),
    /// The function failed as a whole.
    Failed,
}

/// Records of a batch that are retried together, and how often they were tried without progress.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Their positions in the batch.
    pub range: Range<usize>,
    /// Attempts that failed.
    pub attempts: u32,
}

/// The part of a batch that is not done yet, in order.
#[derive(Debug)]
pub struct Remaining {
    policy: Policy,
    segments: VecDeque<Segment>,
}

/// The next step after an attempt.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// Go on with the first remaining segment.
    GoOn,
    /// Wait before going on; this was the n-th failure.
    BackOff(u32),
    /// Send these to the on-failure queue, then go on.
    GiveUp(Segment),
}

impl Remaining {
    /// A batch of `size` records.
    pub fn new(policy: Policy, size: usize) -> Self {
        let segments =
            if size == 0 { VecDeque::new() } else { VecDeque::from([Segment { range: 0..size, attempts: 0 }]) };
        Self { policy, segments }
    }

    /// The segment to deliver next; `None` when all is done or given up.
    pub fn first(&self) -> Option<&Segment> {
        self.segments.front()
    }

    /// Removes the next segment, to give it up.
    pub fn give_up(&mut self) -> Option<Segment> {
        self.segments.pop_front()
    }

    /// Records the result of an attempt at the first segment.
    pub fn after(&mut self, attempt: Attempt) -> Next {
        let Some(segment) = self.segments.pop_front() else { return Next::GoOn };
        let size = segment.range.len();
        match attempt {
            Attempt::Done => Next::GoOn,
            Attempt::FailedFrom(position) if position > 0 && position < size => {
                // Progress: the rest is a batch of its own, whose attempts count from here.
                self.try_again(Segment { range: segment.range.start + position..segment.range.end, attempts: 1 })
            }
            Attempt::Failed if self.policy.bisect && size > 1 => {
                let middle = segment.range.start + size / 2;
                self.segments.push_front(Segment { range: middle..segment.range.end, attempts: segment.attempts });
                self.segments.push_front(Segment { range: segment.range.start..middle, attempts: segment.attempts });
                Next::BackOff(1)
            }
            Attempt::FailedFrom(_) | Attempt::Failed => {
                self.try_again(Segment { attempts: segment.attempts + 1, ..segment })
            }
        }
    }

    fn try_again(&mut self, segment: Segment) -> Next {
        if self.policy.retries.is_some_and(|retries| segment.attempts > retries) {
            return Next::GiveUp(segment);
        }
        let attempts = segment.attempts;
        self.segments.push_front(segment);
        Next::BackOff(attempts)
    }
}

/// The delay after the n-th failure: 100 ms, doubled up to 2 s. Lambda's is longer; this is for local use.
pub fn backoff(failures: u32) -> Duration {
    let doubled = 100_u64.saturating_mul(1 << failures.saturating_sub(1).min(10));
    Duration::from_millis(doubled.min(2_000))
}

/// Reads a function's answer for the records with these sequence numbers.
pub fn read_answer(answer: &[u8], sequence_numbers: &[&str], partial_failures: bool) -> Attempt {
    if !partial_failures || answer.is_empty() {
        return Attempt::Done;
    }
    let Ok(answer) = serde_json::from_slice::<Value>(answer) else { return Attempt::Failed };
    let failures = match answer.get("batchItemFailures") {
        None | Some(Value::Null) => return Attempt::Done,
        Some(Value::Array(failures)) => failures,
        Some(_) => return Attempt::Failed,
    };
    let mut lowest = None;
    for failure in failures {
        let position = failure
            .get("itemIdentifier")
            .and_then(Value::as_str)
            .and_then(|id| sequence_numbers.iter().position(|number| *number == id));
        // An empty or unknown identifier fails the whole batch, as on Lambda.
        let Some(position) = position else { return Attempt::Failed };
        lowest = Some(lowest.map_or(position, |lowest: usize| lowest.min(position)));
    }
    lowest.map_or(Attempt::Done, Attempt::FailedFrom)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remaining(size: usize, retries: Option<u32>, bisect: bool) -> Remaining {
        Remaining::new(Policy { retries, bisect }, size)
    }

    fn segment(range: Range<usize>, attempts: u32) -> Segment {
        Segment { range, attempts }
    }

    #[test]
    fn a_batch_that_works_is_done() {
        let mut batch = remaining(3, None, false);
        assert_eq!(batch.first(), Some(&segment(0..3, 0)));
        assert_eq!(batch.after(Attempt::Done), Next::GoOn);
        assert_eq!(batch.first(), None);
    }

    #[test]
    fn the_rest_is_tried_again_from_the_lowest_failure() {
        let mut batch = remaining(5, None, true);
        assert_eq!(batch.after(Attempt::FailedFrom(2)), Next::BackOff(1));
        assert_eq!(batch.first(), Some(&segment(2..5, 1)));
        assert_eq!(batch.after(Attempt::FailedFrom(0)), Next::BackOff(2));
        assert_eq!(batch.first(), Some(&segment(2..5, 2)));
        assert_eq!(batch.after(Attempt::FailedFrom(1)), Next::BackOff(1));
        assert_eq!(batch.first(), Some(&segment(3..5, 1)));
    }

    #[test]
    fn a_batch_that_fails_as_a_whole_is_halved_until_the_culprit_is_alone() {
        let mut batch = remaining(4, Some(1), true);
        assert_eq!(batch.after(Attempt::Failed), Next::BackOff(1));
        assert_eq!(batch.first(), Some(&segment(0..2, 0)));
        assert_eq!(batch.after(Attempt::Done), Next::GoOn);
        assert_eq!(batch.after(Attempt::Failed), Next::BackOff(1));
        assert_eq!(batch.first(), Some(&segment(2..3, 0)));
        assert_eq!(batch.after(Attempt::Failed), Next::BackOff(1));
        assert_eq!(batch.after(Attempt::Failed), Next::GiveUp(segment(2..3, 2)));
        assert_eq!(batch.first(), Some(&segment(3..4, 0)));
        assert_eq!(batch.after(Attempt::Done), Next::GoOn);
        assert_eq!(batch.first(), None);
    }

    #[test]
    fn attempts_run_out() {
        let mut batch = remaining(2, Some(0), false);
        assert_eq!(batch.after(Attempt::Failed), Next::GiveUp(segment(0..2, 1)));
        assert_eq!(batch.first(), None);
        let mut batch = remaining(2, None, false);
        for n in 1..50 {
            assert_eq!(batch.after(Attempt::Failed), Next::BackOff(n));
        }
    }

    #[test]
    fn answers_are_read_as_lambda_reads_them() {
        let read = |answer: &str| read_answer(answer.as_bytes(), &["10", "20", "30"], true);
        assert_eq!(read(""), Attempt::Done);
        assert_eq!(read("null"), Attempt::Done);
        assert_eq!(read("{}"), Attempt::Done);
        assert_eq!(read("{\"batchItemFailures\":null}"), Attempt::Done);
        assert_eq!(read("{\"batchItemFailures\":[]}"), Attempt::Done);
        assert_eq!(
            read("{\"batchItemFailures\":[{\"itemIdentifier\":\"30\"},{\"itemIdentifier\":\"20\"}]}"),
            Attempt::FailedFrom(1)
        );
        for whole in [
            "nonsense",
            "{\"batchItemFailures\":3}",
            "{\"batchItemFailures\":[{}]}",
            "{\"batchItemFailures\":[{\"itemIdentifier\":\"\"}]}",
            "{\"batchItemFailures\":[{\"itemIdentifier\":\"99\"}]}",
        ] {
            assert_eq!(read(whole), Attempt::Failed, "{whole}");
        }
        assert_eq!(read_answer(b"nonsense", &["10"], false), Attempt::Done);
    }

    #[test]
    fn waiting_grows_and_stops_growing() {
        let waits: Vec<u128> = [1, 2, 3, 5, 6, 60].map(|n| backoff(n).as_millis()).to_vec();
        assert_eq!(waits, [100, 200, 400, 1600, 2000, 2000]);
    }
}
