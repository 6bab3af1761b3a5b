//! Sends ended traces to the collector, beside the photos and never before them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::otlp;
use super::photo::EndedTrace;
use crate::labels::TraceFate;
use crate::{names, seldom};

/// Photos in one request: some five hundred spans, as the SDKs of OpenTelemetry have it.
const MOST_IN_REQUEST: usize = 64;

/// How long the first trace of a request waits for others.
const GATHER: Duration = Duration::from_secs(1);

/// Attempts of one request, and the first and longest wait between them.
const ATTEMPTS: u32 = 5;
const BACKOFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(16));

/// A collector's answer.
#[derive(Clone, Debug, Default)]
pub struct CollectorAnswer {
    /// Of HTTP.
    pub status: u16,
    /// What it asks to wait for.
    pub retry_after: Option<Duration>,
    /// The beginning of what it says.
    pub body: Vec<u8>,
}

/// The way to the collector.
#[async_trait]
pub trait Post: Send + Sync + 'static {
    /// Posts one request; an error is a connection's.
    async fn post(&self, json: Vec<u8>) -> Result<CollectorAnswer, String>;
}

type Flushes = mpsc::Receiver<oneshot::Sender<()>>;

/// Exports until the last tracer is gone.
pub(super) async fn export(
    mut ended: mpsc::Receiver<EndedTrace>,
    mut flushes: Flushes,
    held: Arc<AtomicUsize>,
    resource: Value,
    post: impl Post,
) {
    let exporter = Exporter { held, resource, post };
    let mut batch = Vec::with_capacity(MOST_IN_REQUEST);
    loop {
        let mut due = None;
        let flush = loop {
            let until_due = async {
                match due {
                    Some(due) => tokio::time::sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            let room = MOST_IN_REQUEST - batch.len();
            tokio::select! {
                biased;
                asked = flushes.recv() => break Some(asked),
                () = until_due => break None,
                count = ended.recv_many(&mut batch, room) => {
                    if count == 0 {
                        break Some(None);
                    }
                    due.get_or_insert_with(|| Instant::now() + GATHER);
                    if batch.len() >= MOST_IN_REQUEST {
                        break None;
                    }
                }
            }
        };
        let flush = match flush {
            Some(flush) => Some(flush),
            None => exporter.send(std::mem::take(&mut batch), &mut flushes).await.map(Some),
        };
        let Some(flush) = flush else { continue };
        while let Ok(one) = ended.try_recv() {
            batch.push(one);
        }
        exporter.send_rest(std::mem::take(&mut batch)).await;
        match flush {
            Some(done) => drop(done.send(())),
            None => return,
        }
    }
}

struct Exporter<P> {
    held: Arc<AtomicUsize>,
    resource: Value,
    post: P,
}

/// What came of one attempt.
enum Attempted {
    /// All but so many spans were taken.
    Taken,
    /// Refused for good.
    Refused(String),
    /// To be tried again, after the wait that was asked for.
    Later(String, Option<Duration>),
}

impl<P: Post> Exporter<P> {
    /// Sends, trying again for a while; when a flush is asked for meanwhile, once more at once, and returns what asked.
    async fn send(&self, traces: Vec<EndedTrace>, flushes: &mut Flushes) -> Option<oneshot::Sender<()>> {
        let json = otlp::request(&self.resource, &traces);
        let mut wait = BACKOFF.0;
        for attempt in 1..=ATTEMPTS {
            match self.attempt(&json).await {
                Attempted::Taken => {
                    self.done(TraceFate::Sent, traces.len());
                    return None;
                }
                Attempted::Refused(why) => {
                    note(&why);
                    break;
                }
                Attempted::Later(why, asked) => {
                    note(&why);
                    if attempt == ATTEMPTS {
                        break;
                    }
                    let pause = asked.unwrap_or(wait).min(BACKOFF.1);
                    wait = (wait * 2).min(BACKOFF.1);
                    tokio::select! {
                        () = tokio::time::sleep(pause) => {}
                        Some(flush) = flushes.recv() => {
                            self.send_rest(traces).await;
                            return Some(flush);
                        }
                    }
                }
            }
        }
        self.done(TraceFate::Dropped, traces.len());
        None
    }

    /// Sends what is left, each request once; after one that failed the others are dropped.
    async fn send_rest(&self, mut traces: Vec<EndedTrace>) {
        while !traces.is_empty() {
            let rest = traces.split_off(MOST_IN_REQUEST.min(traces.len()));
            let json = otlp::request(&self.resource, &traces);
            match self.attempt(&json).await {
                Attempted::Taken => self.done(TraceFate::Sent, traces.len()),
                Attempted::Refused(why) | Attempted::Later(why, _) => {
                    note(&why);
                    self.done(TraceFate::Dropped, traces.len() + rest.len());
                    return;
                }
            }
            traces = rest;
        }
    }

    async fn attempt(&self, json: &[u8]) -> Attempted {
        let CollectorAnswer { status, retry_after, body } = match self.post.post(json.to_vec()).await {
            Ok(answer) => answer,
            Err(why) => return Attempted::Later(why, None),
        };
        match status {
            200..300 => {
                if let Some(why) = partly(&body) {
                    note(&why);
                }
                Attempted::Taken
            }
            429 | 502 | 503 | 504 => Attempted::Later(format!("it answered {status}"), retry_after),
            _ => Attempted::Refused(format!("it answered {status}")),
        }
    }

    fn done(&self, result: TraceFate, traces: usize) {
        self.held.fetch_sub(traces, Ordering::Relaxed);
        names::OTEL_TRACES.add(result, traces as u64);
    }
}

/// What a collector says that took only a part, or has a warning.
fn partly(body: &[u8]) -> Option<String> {
    let said: Value = serde_json::from_slice(body).ok()?;
    let partly = said.get("partialSuccess")?;
    let message = partly.get("errorMessage").and_then(Value::as_str).unwrap_or_default();
    // 64 bits are text in this JSON, and some write a number.
    let rejected =
        partly.get("rejectedSpans").map(|count| count.as_str().map_or_else(|| count.to_string(), str::to_owned));
    let rejected = rejected.filter(|count| count != "0");
    match (rejected, message) {
        (None, "") => None,
        (None, message) => Some(message.to_owned()),
        (Some(count), message) => Some(format!("it rejected {count} spans: {message}")),
    }
}

fn note(why: &str) {
    let Some(more_like_it) = seldom::ask("otel collector".to_owned()) else { return };
    tracing::warn!(why, more_like_it, "the OpenTelemetry collector does not take traces; photos go on without them");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_that_was_rejected_is_told() {
        assert_eq!(partly(b""), None);
        assert_eq!(partly(b"{}"), None);
        assert_eq!(partly(br#"{"partialSuccess":{}}"#), None);
        let said = partly(br#"{"partialSuccess":{"rejectedSpans":"3","errorMessage":"too old"}}"#);
        assert_eq!(said.as_deref(), Some("it rejected 3 spans: too old"));
        assert!(partly(br#"{"partialSuccess":{"rejectedSpans":3}}"#).is_some_and(|said| said.contains('3')));
    }
}
