//! One event source mapping: reads the stream, filters, and delivers batch after batch in order, without loss.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::body::Bytes;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::give_up::{Condition, GivenUp, arrival, message, sequence_number};
use super::retry::{Attempt, Next, Policy, Remaining, backoff, read_answer};
use super::{Flow, StreamSource, filter, reread};
use crate::aws::Aws;
use crate::lambda::pool::Function;
use crate::lock::cannot_write;

/// Polling interval of an idle stream. Lambda polls four times a second.
const IDLE: Duration = Duration::from_millis(40);
/// Delay after an error of the stand-in itself, which may be restarting.
const TROUBLE: Duration = Duration::from_millis(250);
/// The longest batching window here: locally, a one-minute wait for a single record is too long.
const LONGEST_WINDOW: Duration = Duration::from_millis(1500);
const API: &str = "DynamoDBStreams_20120810";

/// One mapping from a table's stream to a function.
#[derive(Debug)]
pub struct Pump {
    /// The stand-in.
    pub aws: Aws,
    /// The function to invoke.
    pub function: Arc<Function>,
    /// The mapping's settings.
    pub source: StreamSource,
    /// The table's physical name.
    pub table: String,
    /// The on-failure queue.
    pub on_failure: Option<String>,
    /// Where the checkpoint is kept, so that it survives the bundle.
    pub checkpoint: PathBuf,
    /// Whether to go on, and whether the stream is still the same.
    pub flow: watch::Receiver<Flow>,
    /// The restart of the stand-in that the checkpoint belongs to.
    pub restart: u64,
    /// The losses that it has seen.
    pub losses: u64,
}

/// The stream position of a batch.
struct Origin {
    stream: String,
    shard: String,
}

impl Pump {
    /// Runs until it is dropped. Errors are written to the function's log and retried: a stream never stops.
    pub async fn run(mut self) {
        loop {
            if let Err(error) = self.follow().await {
                self.note(&format!("{error:#}"));
                tokio::time::sleep(TROUBLE).await;
            }
        }
    }

    /// Reads every shard of the stream from the checkpoint on. The stand-in has one, which never closes.
    async fn follow(&mut self) -> anyhow::Result<()> {
        let stream = self.stream().await?;
        let described = self.streams("DescribeStream", &json!({"StreamArn": stream})).await?;
        let shards =
            described.pointer("/StreamDescription/Shards").and_then(Value::as_array).cloned().unwrap_or_default();
        for shard in shards.iter().filter_map(|shard| shard.get("ShardId").and_then(Value::as_str)) {
            self.read(&Origin { stream: stream.clone(), shard: shard.to_owned() }).await?;
        }
        tokio::time::sleep(IDLE).await;
        Ok(())
    }

    async fn read(&mut self, origin: &Origin) -> anyhow::Result<()> {
        let mut iterator = self.begin(origin).await?;
        while let Some(current) = iterator {
            self.flow.wait_for(|flow| flow.running).await.context("the bundle stops")?;
            if self.flow.borrow().restarts != self.restart {
                return Ok(());
            }
            let page = self.streams("GetRecords", &json!({"ShardIterator": current, "Limit": 1000})).await?;
            iterator = page.get("NextShardIterator").and_then(Value::as_str).map(str::to_owned);
            let records = page.get("Records").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            let losses = self.flow.borrow().losses;
            if losses != self.losses {
                self.remember(records.last(), origin)?;
                if records.is_empty() {
                    self.losses = losses;
                }
                continue;
            }
            if records.is_empty() {
                tokio::time::sleep(IDLE).await;
            }
            let mut records = records.to_vec();
            if !self.source.window.is_zero() && records.iter().any(|record| self.wants(record)) {
                tokio::time::sleep(self.source.window.min(LONGEST_WINDOW)).await;
                if let Some(current) = &iterator {
                    let more = self.streams("GetRecords", &json!({"ShardIterator": current, "Limit": 1000})).await?;
                    records.extend(more.get("Records").and_then(Value::as_array).cloned().unwrap_or_default());
                    iterator = more.get("NextShardIterator").and_then(Value::as_str).map(str::to_owned);
                }
            }
            self.process(&records, origin, true).await?;
        }
        Ok(())
    }

    /// Where to resume: after the checkpoint, or from the start when the stream has lost that position.
    async fn begin(&mut self, origin: &Origin) -> anyhow::Result<Option<String>> {
        let restarts = self.flow.borrow().restarts;
        if restarts == self.restart {
            match self.iterator(origin, self.kept(origin)).await {
                Err(error) if error.to_string().contains("TrimmedDataAccessException") => {}
                known => return known,
            }
        }
        // First the position, then the table: what is written in between is delivered twice rather than never.
        let iterator = self.iterator(origin, None).await?;
        let again = reread::records(self.aws.scan(&self.table).await?);
        self.process(&again, origin, false).await?;
        self.restart = restarts;
        Ok(iterator)
    }

    /// Delivers the records that pass the filter, batch after batch.
    async fn process(&mut self, records: &[Value], origin: &Origin, places: bool) -> anyhow::Result<()> {
        let wanted: Vec<Value> =
            records.iter().filter(|record| self.wants(record)).map(|record| delivered(record, origin)).collect();
        for batch in wanted.chunks(self.source.batch_size.max(1)) {
            self.deliver(batch, origin).await?;
            if places {
                self.remember(batch.last(), origin)?;
            }
        }
        if places { self.remember(records.last(), origin) } else { Ok(()) }
    }

    fn wants(&self, record: &Value) -> bool {
        filter::any(&self.source.filters, record)
    }

    /// Delivers a batch until each of its records is done or given up.
    async fn deliver(&mut self, batch: &[Value], origin: &Origin) -> anyhow::Result<()> {
        let mut remaining =
            Remaining::new(Policy { retries: self.source.retries, bisect: self.source.bisect }, batch.len());
        while let Some(segment) = remaining.first().cloned() {
            self.flow.wait_for(|flow| flow.running).await.context("the bundle stops")?;
            if self.flow.borrow().losses != self.losses {
                return Ok(());
            }
            let records = batch.get(segment.range.clone()).unwrap_or_default();
            if self.too_old(records) {
                remaining.give_up();
                self.hand_over(Condition::MaximumRecordAgeExceeded, segment.attempts, records, origin).await?;
                continue;
            }
            match remaining.after(self.attempt(records).await) {
                Next::GoOn => {}
                Next::BackOff(failures) => {
                    let losses = self.losses;
                    tokio::select! {
                        () = tokio::time::sleep(backoff(failures)) => {}
                        lost = self.flow.wait_for(|flow| flow.losses != losses) => drop(lost.context("the bundle stops")?),
                    }
                }
                Next::GiveUp(segment) => {
                    let records = batch.get(segment.range).unwrap_or_default();
                    self.hand_over(Condition::RetryAttemptsExhausted, segment.attempts, records, origin).await?;
                }
            }
        }
        Ok(())
    }

    async fn attempt(&self, records: &[Value]) -> Attempt {
        let records: Vec<Value> = records.iter().map(|record| moved(record, self.function.ahead())).collect();
        let event = json!({"Records": records}).to_string();
        match self.function.invoke(Bytes::from(event)).await {
            Ok(answer) => {
                let numbers: Vec<&str> =
                    records.iter().map(|record| sequence_number(record).unwrap_or_default()).collect();
                read_answer(&answer, &numbers, self.source.partial_failures)
            }
            Err(failure) => {
                self.note(&format!("the invocation failed, {failure}"));
                Attempt::Failed
            }
        }
    }

    fn too_old(&self, records: &[Value]) -> bool {
        let Some(limit) = self.source.max_age else { return false };
        let oldest = records.first().and_then(arrival);
        oldest.is_some_and(|at| crate::clock::now().duration_since(at).unsigned_abs() > limit)
    }

    async fn hand_over(
        &self,
        condition: Condition,
        attempts: u32,
        records: &[Value],
        origin: &Origin,
    ) -> anyhow::Result<()> {
        let Some(queue) = &self.on_failure else { return Ok(()) };
        let given_up = GivenUp {
            condition,
            function_arn: self.function.arn(),
            stream_arn: &origin.stream,
            shard: &origin.shard,
            attempts,
            records,
        };
        let body = message(&given_up, crate::clock::now()).to_string();
        self.aws.json("sqs", "AmazonSQS.SendMessage", &json!({"QueueUrl": queue, "MessageBody": body})).await.map(drop)
    }

    async fn stream(&self) -> anyhow::Result<String> {
        let table = self.aws.dynamodb("DescribeTable", &json!({"TableName": self.table})).await?;
        let arn = table.pointer("/Table/LatestStreamArn").and_then(Value::as_str).map(str::to_owned);
        arn.with_context(|| format!("the table {} has no stream", self.table))
    }

    async fn iterator(&self, origin: &Origin, after: Option<String>) -> anyhow::Result<Option<String>> {
        let place = match &after {
            Some(number) => json!({"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": number}),
            None => json!({"ShardIteratorType": "TRIM_HORIZON"}),
        };
        let mut input = json!({"StreamArn": origin.stream, "ShardId": origin.shard});
        if let (Some(input), Value::Object(place)) = (input.as_object_mut(), place) {
            input.extend(place);
        }
        let answer = self.streams("GetShardIterator", &input).await?;
        Ok(answer.get("ShardIterator").and_then(Value::as_str).map(str::to_owned))
    }

    /// The sequence number of the last record that is done, if one of this shard was.
    fn kept(&self, origin: &Origin) -> Option<String> {
        let kept: Value = serde_json::from_slice(&std::fs::read(&self.checkpoint).ok()?).ok()?;
        let same = |name: &str, value: &str| kept.get(name).and_then(Value::as_str) == Some(value);
        let here = same("shard", &origin.shard) && same("stream", &origin.stream);
        here.then(|| kept.get("after").and_then(Value::as_str).map(str::to_owned)).flatten()
    }

    fn remember(&self, last: Option<&Value>, origin: &Origin) -> anyhow::Result<()> {
        let Some(number) = last.and_then(sequence_number) else { return Ok(()) };
        let text = json!({"stream": origin.stream, "shard": origin.shard, "after": number}).to_string();
        let draft = self.checkpoint.with_extension("draft");
        std::fs::write(&draft, text)
            .and_then(|()| std::fs::rename(&draft, &self.checkpoint))
            .with_context(|| cannot_write(&self.checkpoint))
    }

    async fn streams(&self, operation: &str, input: &Value) -> anyhow::Result<Value> {
        self.aws.json("dynamodb", &format!("{API}.{operation}"), input).await
    }

    /// Errors go to the function's own log.
    fn note(&self, what: &str) {
        use std::io::Write;
        if let Ok(mut log) = std::fs::File::options().create(true).append(true).open(self.function.log()) {
            writeln!(log, "{}", json!({"level": "WARN", "runner": what, "stream": self.source.name})).ok();
        }
    }
}

/// The record as Lambda passes it on: as in the stream, with the stream's ARN.
fn delivered(record: &Value, origin: &Origin) -> Value {
    let mut record = record.clone();
    if let Some(fields) = record.as_object_mut() {
        fields.insert("eventSourceARN".to_owned(), json!(origin.stream));
    }
    record
}

/// The record as one written so many seconds later: the stand-in has the machine's time, and the function the bundle's.
fn moved(record: &Value, ahead: i64) -> Value {
    let mut record = record.clone();
    if let Some(created) = record.pointer_mut("/dynamodb/ApproximateCreationDateTime").filter(|_| ahead != 0) {
        let text = created.to_string();
        let seconds = text.split('.').next().and_then(|seconds| seconds.parse::<i64>().ok());
        *created = seconds.map_or(Value::Null, |seconds| json!(seconds.saturating_add(ahead)));
    }
    record
}
