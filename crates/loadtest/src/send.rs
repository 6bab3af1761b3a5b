//! The orchestrator's half of a run on a queue: the plan into the store, the stamps into the queue, the answer key.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::answer_key::{self, ExpectedPhoto, KeyWriter};
use super::distribute::retried;
use super::orchestrate::{NextStamp, Orchestrator};
use super::recorder::Recorder;
use super::run_plan::RunPlan;
use super::run_report::PumpReport;
use super::stamp_message::StampMessage;
use scanmill_core::domain::row::utc_millis;
use scanmill_core::error::Result;
use scanmill_ports::queue::Queue;
use scanmill_ports::store::Store;

/// How long before it is due a stamp goes out: time to receive it and to make its photo.
const LEAD: Duration = Duration::from_secs(3);
/// The first stamps go out at once, so that workers see the run and draw its pictures before it begins.
const EARLY: u64 = 32;
/// Stamps sent at once, most of the time fewer.
const TOGETHER: usize = 500;
/// The shortest time between two sends while the schedule holds them back.
const TICK: Duration = Duration::from_millis(100);

/// What to send.
#[derive(Clone, Debug)]
pub struct Sending {
    /// The run; it needs a name.
    pub run: RunPlan,
    /// Bucket for its plan.
    pub plan_bucket: String,
    /// Where the answer key goes.
    pub key_file: PathBuf,
}

/// What was sent.
#[derive(Debug, Serialize)]
pub struct Sent {
    /// The run's name.
    pub run: String,
    /// Bucket of its plan.
    pub plan_bucket: String,
    /// Key of its plan.
    pub plan_key: String,
    /// Stamps in the queue.
    pub stamps: u64,
    /// Those of them that the story takes a photo at.
    pub photos: u64,
    /// Whether those are all stamps of the run.
    pub complete: bool,
    /// Scan rows they must lead to.
    pub expected_scans: u64,
    /// Rejection rows they must lead to.
    pub expected_rejections: u64,
    /// When the first may be due, UTC.
    pub starts_at: String,
    /// Wall time.
    pub seconds: f64,
    /// Stamps that went out when they were already due.
    pub late: u64,
    /// The answer key.
    pub key_file: PathBuf,
}

/// Writes the plan, sends every stamp a little before it is due, and writes the answer key. `progress` is called with
/// the stamps sent so far. A cancel ends it early: the key is then sealed for the stamps that were sent.
///
/// # Errors
/// A story that cannot be told; a plan, a stamp or a key that cannot be written. The key is sealed then too.
pub async fn send(
    sending: &Sending,
    (store, stamps): (&dyn Store, &dyn Queue),
    progress: impl Fn(u64),
    cancel: &CancellationToken,
) -> Result<Sent> {
    let story = Arc::new(sending.run.tell()?);
    let key = KeyWriter::create(&sending.key_file, answer_key::header_of(&sending.run))?;
    let plan_key = retried(|| sending.run.write(store, &sending.plan_bucket)).await?;
    let began = Instant::now();
    let mut desk = StampSender {
        sending,
        plan_key: &plan_key,
        stamps,
        key,
        expected: Recorder::new(began, None)?,
        waiting: Vec::new(),
        sent: 0,
        late: 0,
    };
    let outcome = desk.send_all(Orchestrator::new(&sending.run, story), progress, cancel).await;
    let StampSender { key, expected, sent, late, .. } = desk;
    let complete = matches!(outcome, Ok(true));
    let sealed = key.seal(complete);
    outcome?;
    sealed?;
    let PumpReport { photos, expected_scans, expected_rejections, .. } =
        expected.finish(complete, 0, super::make::MakerTimes::default(), 0);
    Ok(Sent {
        run: sending.run.run.clone().unwrap_or_default(),
        plan_bucket: sending.plan_bucket.clone(),
        plan_key,
        stamps: sent,
        photos,
        complete,
        expected_scans,
        expected_rejections,
        starts_at: utc_millis(sending.run.starts_at),
        seconds: began.elapsed().as_secs_f64(),
        late,
        key_file: sending.key_file.clone(),
    })
}

struct StampSender<'a> {
    sending: &'a Sending,
    plan_key: &'a str,
    stamps: &'a dyn Queue,
    key: KeyWriter,
    expected: Recorder,
    /// Bodies that go out together, with the lines of those that lead to a photo.
    waiting: Vec<(String, Option<ExpectedPhoto>)>,
    sent: u64,
    late: u64,
}

impl StampSender<'_> {
    /// Whether all went out.
    async fn send_all(
        &mut self,
        turns: Orchestrator,
        progress: impl Fn(u64),
        cancel: &CancellationToken,
    ) -> Result<bool> {
        for (taken, turn) in (0..).zip(turns) {
            if cancel.is_cancelled() {
                return Ok(false);
            }
            let due_at = turn.due.map(|due| self.sending.run.starts_at + signed(due));
            if let Some(due_at) = due_at.filter(|_| taken >= EARLY) {
                let ahead = Timestamp::now().duration_until(due_at) - signed(LEAD);
                if ahead.is_positive() {
                    self.flush().await?;
                    progress(self.sent);
                    let pause = Duration::try_from(ahead).unwrap_or(Duration::ZERO).max(TICK);
                    tokio::select! {
                        () = tokio::time::sleep(pause) => {}
                        () = cancel.cancelled() => return Ok(false),
                    }
                } else {
                    self.late += u64::from(Timestamp::now() > due_at);
                }
            }
            self.add(turn, due_at)?;
            if self.waiting.len() >= TOGETHER {
                self.flush().await?;
                progress(self.sent);
            }
        }
        self.flush().await?;
        progress(self.sent);
        Ok(true)
    }

    fn add(&mut self, turn: NextStamp, due_at: Option<Timestamp>) -> Result<()> {
        let run = &self.sending.run;
        let message = StampMessage::new(&self.sending.plan_bucket, self.plan_key, turn.stamp, due_at);
        let line = turn.photo.map(|photo| {
            let mut expected = ExpectedPhoto::of(&run.bucket, &photo);
            expected.due_at = due_at.map(utc_millis);
            expected
        });
        self.waiting.push((message.body()?, line));
        Ok(())
    }

    /// Sends what waits and notes it in the key. A stamp that goes out twice does no harm: both lead to the same object.
    async fn flush(&mut self) -> Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let (bodies, lines): (Vec<String>, Vec<Option<ExpectedPhoto>>) =
            std::mem::take(&mut self.waiting).into_iter().unzip();
        retried(|| self.stamps.send(&bodies)).await.map_err(|error| error.with_context("sending stamps"))?;
        self.sent += bodies.len() as u64;
        for line in lines.into_iter().flatten() {
            self.expected.count(&line, 0);
            self.key.push(line)?;
        }
        Ok(())
    }
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}
