//! OpenTelemetry traces of photos: one span `photo` from receive to load, with a child for each stage.
//!
//! A photo that is not sampled carries one word and stamps nothing. One that is carries its stamps; its spans are built
//! when the last of those that hold it (its message's delete, its batch's load) lets go, and go to a queue that is
//! bounded together with the photos still on their way. So a collector that is slow or gone costs traces, which are
//! counted, and never a photo its time.
//!
//! The exporter is our own, OTLP as JSON over HTTP by the client that is in the tree for AWS (with its proxies and
//! certificates). The crates `opentelemetry`, `_sdk`, `-otlp`, `-http` and `-proto` with what they need are eleven more,
//! `prost` and its macros among them even for JSON: 36 s of an unoptimised build on a loaded machine, one job at a time.
//! What they bring beside the encoding (live span objects, context propagation through the program, metrics, logs) is not
//! used where spans are made from stamps after the fact.

mod exporter;
mod options;
mod otlp;
mod parent;
mod photo;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::labels::TraceFate;
use super::names;
pub use exporter::{CollectorAnswer, Post};
pub use options::{Options, Sampler};
pub use parent::Parent;
use photo::EndedTrace;
pub use photo::{PhotoAttributes, Step, Trace};

/// Most photos that are traced at once, on their way or waiting to be exported: some ten megabytes.
const MOST_HELD: usize = 8_192;

/// How long the end of the engine waits for the collector.
const LAST_EXPORT: Duration = Duration::from_secs(3);

/// Begins traces. Clones share it; the default traces nothing.
#[derive(Clone, Debug, Default)]
pub struct Tracer(Option<Arc<TracerInner>>);

#[derive(Debug)]
struct TracerInner {
    sampler: Sampler,
    /// Photos on their way and waiting to be exported.
    held: Arc<AtomicUsize>,
    ended: mpsc::Sender<EndedTrace>,
    flush: mpsc::Sender<oneshot::Sender<()>>,
}

impl Tracer {
    /// A tracer, and the exporter that must run for it. `instance` tells this run from others.
    pub fn new<P: Post>(
        options: &Options,
        instance: &str,
        post: P,
    ) -> (Tracer, impl Future<Output = ()> + Send + use<P>) {
        let (ended, to_export) = mpsc::channel(MOST_HELD);
        let (flush, flushes) = mpsc::channel(1);
        let held = Arc::new(AtomicUsize::new(0));
        let resource = otlp::resource(options, instance);
        let exporter = exporter::export(to_export, flushes, held.clone(), resource, post);
        (Tracer(Some(Arc::new(TracerInner { sampler: options.sampler, held, ended, flush }))), exporter)
    }

    /// The trace of a photo whose message came at `received_at`; one that records nothing unless the photo is sampled.
    pub fn begin(&self, parent: Option<Parent>, received_at: Instant) -> Trace {
        let Some(shared) = &self.0 else { return Trace::default() };
        let trace_id = parent.map_or_else(rand::random, |parent| parent.trace_id);
        if !shared.sampler.samples(trace_id, parent) {
            return Trace::default();
        }
        if shared.held.fetch_add(1, Ordering::Relaxed) >= MOST_HELD {
            shared.held.fetch_sub(1, Ordering::Relaxed);
            names::OTEL_TRACES.add(TraceFate::Dropped, 1);
            return Trace::default();
        }
        Trace::begin(shared.clone(), trace_id, parent.and_then(|parent| parent.span_id), received_at)
    }

    /// Exports what has ended, as far as the collector takes it within a few seconds.
    pub async fn flush(&self) {
        let Some(shared) = &self.0 else { return };
        let (done, is_done) = oneshot::channel();
        if shared.flush.send(done).await.is_ok() {
            let _ = tokio::time::timeout(LAST_EXPORT, is_done).await;
        }
    }
}

impl TracerInner {
    fn take(&self, ended: EndedTrace) {
        if self.ended.try_send(ended).is_err() {
            // Only when the exporter is gone: there is room for all that may be held.
            self.held.fetch_sub(1, Ordering::Relaxed);
            names::OTEL_TRACES.add(TraceFate::Dropped, 1);
        }
    }
}
