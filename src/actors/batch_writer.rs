//! Gathers rows into batches and has each sealed when it is full, old, or what everybody waits for.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::DropGuard;

use super::in_flight::Finished;
use super::observed::observed;
use super::pipeline_context::PipelineContext;
use super::seal::{FullBatch, seal};
use super::stage::Stage;
use super::worker;
use crate::domain::batch::{OpenBatch, SealPolicy, batch_id, batch_time};
use crate::domain::{PhotoRef, Row};
use crate::error::{Error, Result};
use crate::telemetry::calls::Watched;
use crate::telemetry::events::CallFailed;
use crate::telemetry::labels::SealCause;

/// Both ends of the stage.
pub struct WriterChannels {
    /// Photos with their rows.
    pub finished: mpsc::Receiver<Finished>,
    /// Dropped when the last batch is sealed.
    pub last_sealed: DropGuard,
}

/// Gathers rows into batches.
pub(super) enum BatchWriter {}

impl Stage for BatchWriter {
    const NAME: &'static str = "batch_writer";
    const WATCHED: Watched = Watched::Seal;
    type Channels = WriterChannels;
    type Counters = WriterCounters;

    fn steps(counters: &WriterCounters) -> u64 {
        counters.sealed.load(Ordering::Relaxed)
    }

    async fn run(line: PipelineContext, channels: WriterChannels, counters: Arc<WriterCounters>) -> Result<()> {
        Writer::new(line, channels.last_sealed, counters).write_all(channels.finished).await
    }
}

observed! {
    /// What was gathered.
    WriterCounters shown as BatchWriterState {
        /// Rows of the open batch.
        open_rows: AtomicU64,
        /// Their bytes.
        open_bytes: AtomicU64,
        /// Batches being written.
        sealing: AtomicU64,
        /// Batches written.
        sealed: AtomicU64,
        /// Photos that were in their batch before.
        repeated_in_batch: AtomicU64,
    }
}

/// An open batch with the photos that wait for it.
struct Open {
    batch: OpenBatch,
    opened_at: Instant,
    waiting: FullBatch,
}

struct Writer {
    line: PipelineContext,
    policy: SealPolicy,
    seen: Arc<WriterCounters>,
    open: Option<Open>,
    sealing: JoinSet<Result<()>>,
    /// Announcements being forgotten.
    forgetting: JoinSet<()>,
    _last_sealed: DropGuard,
}

impl Writer {
    fn new(line: PipelineContext, last_sealed: DropGuard, seen: Arc<WriterCounters>) -> Writer {
        let batch = &line.settings.batch;
        Writer {
            policy: SealPolicy { max_rows: batch.max_rows, max_bytes: batch.max_bytes },
            line,
            _last_sealed: last_sealed,
            seen,
            open: None,
            sealing: JoinSet::new(),
            forgetting: JoinSet::new(),
        }
    }

    async fn write_all(mut self, mut finished: mpsc::Receiver<Finished>) -> Result<()> {
        // Set once a batch: a timer for each photo costs more than its rows.
        let mut alarm = pin!(worker::sleep_until(None));
        let mut set_for = None;
        loop {
            let deadline = self.open.as_ref().map(|open| open.opened_at + self.line.settings.batch.max_age);
            if deadline != set_for {
                alarm.set(worker::sleep_until(deadline));
                set_for = deadline;
            }
            tokio::select! {
                next = finished.recv() => match next {
                    Some(photo) => self.add(photo)?,
                    None => break,
                },
                // Sealed, none is open, and the next one sets it anew.
                () = &mut alarm => self.seal_open(SealCause::Age).await?,
                Some(joined) = self.sealing.join_next() => self.sealed_one(joined)?,
            }
            if let Some(cause) = self.full() {
                self.seal_open(cause).await?;
            }
        }
        self.seal_open(SealCause::Drain).await?;
        while let Some(joined) = self.sealing.join_next().await {
            self.sealed_one(joined)?;
        }
        while self.forgetting.join_next().await.is_some() {}
        Ok(())
    }

    /// Has a photo that was rejected for a passing cause announced again when its object is written again. Now, not
    /// when its batch is durable: the object may be back before that.
    fn forget_announcement(&mut self, photo: &PhotoRef) {
        while self.forgetting.try_join_next().is_some() {}
        let (store, photo) = (self.line.store.clone(), photo.clone());
        let call = self.line.call(Watched::Seal, "forget_announcement", Duration::ZERO);
        self.forgetting.spawn(async move {
            let _call = call;
            if let Err(error) = store.forget_announcement(&photo).await {
                CallFailed { what: "forget_announcement", error: &error }.emit();
            }
        });
    }

    fn add(&mut self, finished: Finished) -> Result<()> {
        let Finished { photo, rows, sight, finished_at } = finished;
        self.line.behind.batched();
        if !rows.iter().all(Row::is_final) {
            self.forget_announcement(&photo.photo);
        }
        if let [Row::Rejection(row)] = rows.as_slice() {
            self.line.telemetry.rejected.note(row, sight.map(|sight| *sight));
        }
        let open = match &mut self.open {
            Some(open) => open,
            None => {
                let opened_at = batch_time(Timestamp::now());
                let number = self.line.batches_opened.fetch_add(1, Ordering::Relaxed);
                let id = batch_id(&opened_at, &self.line.instance, number);
                self.open.insert(Open {
                    batch: OpenBatch::new(id),
                    opened_at: Instant::now(),
                    waiting: FullBatch::default(),
                })
            }
        };
        let pushed = open.batch.push_photo(rows).map_err(|error| {
            Error::bug(format!("the rows of photo {} make no batch", photo.photo.id())).with_source(error)
        })?;
        match pushed {
            Some(rows) => open.waiting.note(photo, &rows, finished_at, self.line.settings.output.per_photo_json)?,
            None => {
                self.seen.repeated_in_batch.fetch_add(1, Ordering::Relaxed);
                open.waiting.note_repeated(photo);
            }
        }
        self.seen.open_rows.store(open.batch.rows() as u64, Ordering::Relaxed);
        self.seen.open_bytes.store(open.batch.bytes() as u64, Ordering::Relaxed);
        Ok(())
    }

    /// Why the open batch must be sealed now, if it must.
    fn full(&self) -> Option<SealCause> {
        let open = self.open.as_ref()?;
        if open.batch.rows() >= self.policy.max_rows {
            return Some(SealCause::Rows);
        }
        if open.batch.is_full(self.policy) {
            return Some(SealCause::Bytes);
        }
        // The poller has no place left in flight and a good part of the places waits for this batch: nothing new comes
        // until it is sealed, so its age no longer matters.
        let messages = self.line.budgets.messages.state();
        let starved = messages.waiting > 0 && open.waiting.len() as u64 * 4 >= messages.limit;
        starved.then_some(SealCause::InFlight)
    }

    async fn seal_open(&mut self, cause: SealCause) -> Result<()> {
        let Some(open) = self.open.take() else { return Ok(()) };
        // While none is free the writer takes no rows, so back-pressure reaches the poller.
        let seals = &self.line.budgets.seals;
        let permit = match seals.try_acquire(1) {
            Some(permit) => permit,
            None => {
                self.line.behind.seal_waits();
                seals.acquire(1).await
            }
        };
        self.seen.open_rows.store(0, Ordering::Relaxed);
        self.seen.open_bytes.store(0, Ordering::Relaxed);
        let line = self.line.clone();
        self.sealing.spawn(async move {
            let _permit = permit;
            seal(line, open.batch, open.waiting, cause).await
        });
        self.seen.sealing.store(self.sealing.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    fn sealed_one(&mut self, joined: std::result::Result<Result<()>, tokio::task::JoinError>) -> Result<()> {
        self.seen.sealing.store(self.sealing.len() as u64, Ordering::Relaxed);
        self.seen.sealed.fetch_add(1, Ordering::Relaxed);
        joined.map_err(|error| Error::bug("sealing a batch panicked").with_source(error))?
    }
}
