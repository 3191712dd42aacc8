//! A shard of a table's stream: records in order, delivered in batches, retried until done or too old.

use std::collections::VecDeque;

use comptoir::memory::StreamRecord;

use crate::functions::Ended;

/// Longest delay before a batch is retried, as a power of two of 100 ms.
const LONGEST_WAIT: u32 = 15;

/// A shard.
#[derive(Debug)]
pub struct Shard {
    queue: VecDeque<(StreamRecord, i64)>,
    busy: bool,
    /// Failed attempts at its first record.
    pub attempts: u32,
    limit: usize,
}

impl Default for Shard {
    fn default() -> Self {
        Self { queue: VecDeque::new(), busy: false, attempts: 0, limit: usize::MAX }
    }
}

impl Shard {
    /// Appends a record.
    pub fn push(&mut self, what: StreamRecord, now: i64) {
        self.queue.push_back((what, now));
    }

    /// Whether a batch is in progress.
    pub fn is_busy(&self) -> bool {
        self.busy
    }

    /// The first record, if it was attempted and is older than `oldest`.
    pub fn give_up(&mut self, oldest: i64, now: i64) -> Option<StreamRecord> {
        let old = self.attempts > 0 && self.queue.front().is_some_and(|(_, at)| now - at > oldest);
        if old { self.queue.pop_front().map(|(what, _)| what) } else { None }
    }

    /// The next batch of at most `most` records.
    pub fn hand_out(&mut self, most: usize) -> Option<Vec<StreamRecord>> {
        if self.queue.is_empty() {
            self.attempts = 0;
            return None;
        }
        let size = self.queue.len().min(most).min(self.limit.max(1));
        self.busy = true;
        Some(self.queue.iter().take(size).map(|(what, _)| what.clone()).collect())
    }

    /// Records the result of a batch of `size` records. Returns the milliseconds until the next poll.
    pub fn ended(&mut self, size: usize, ended: Option<Ended>) -> i64 {
        self.busy = false;
        let done = match ended {
            Some(Ended::Batch(None)) => size,
            Some(Ended::Batch(Some(first))) => first,
            // A batch that fails as a whole is halved, so that one record cannot block the others.
            _ => {
                self.limit = (size / 2).max(1);
                0
            }
        };
        self.queue.drain(..done);
        if done == size {
            self.limit = usize::MAX;
        }
        self.attempts = if done > 0 { 0 } else { self.attempts + 1 };
        if ended != Some(Ended::Batch(None)) {
            self.attempts = self.attempts.max(1);
        }
        if self.attempts == 0 { 0 } else { 100_i64 << self.attempts.min(LONGEST_WAIT) }
    }
}
