//! Starts a generation of the pipeline, watches it, drains it, and starts the next one after a fault.
//!
//! A fault anywhere ends the whole generation: half a pipeline is harder to reason about than none, and everything in
//! flight returns through the queue. The first fault is kept as the root cause.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix::{Actor, ActorContext, Addr, AsyncContext, Context, Handler};
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::autoscaler::{self, Autoscaler};
use super::batch_writer::{BatchWriter, WriterChannels};
use super::decoder_pool::{DecodeChannels, DecoderPool};
use super::fetcher::{FetchChannels, Fetcher};
use super::heic_lane::{HeicChannels, HeicLane};
use super::holdup::Behind;
use super::lease_keeper::LeaseKeeper;
use super::loader::Loader;
use super::messages::{Drain, Ended, Halt, Progress, Reload, StageHung, StopNow};
use super::movement::{self, Movement};
use super::pipeline_context::PipelineContext;
use super::poller::{PollChannels, Poller};
use super::stage::{self, StageHandle, Supervision};
use crate::error::Error;
use crate::flow::{Backoff, Generation};
use crate::telemetry::calls::Hung;
use crate::telemetry::events::PipelineRestarts;

/// Name in metrics, logs and `/state`.
pub const NAME: &str = "supervisor";

/// A generation that lived this long was healthy: the next back-off starts small again.
const HEALTHY_AFTER: Duration = Duration::from_secs(60);

/// How long the workers of a generation that hangs may take to end before they are given up.
const GIVE_UP_AFTER: Duration = Duration::from_secs(5);

/// Photos between two stages. Small: a longer queue would only hold leases, not raise the rate.
const BETWEEN_STAGES: usize = 16;

/// What the engine is at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// A generation is at work.
    Running,
    /// After a fault, before the next generation.
    Restarting,
    /// Settings changed: a generation runs to its end, and the next follows.
    Reloading,
    /// No new work; what is in flight runs to its end.
    Draining,
    /// Everything ended: nothing is in flight and every batch is loaded.
    Drained,
    /// Stopped before the drain ended; the rest returns by redelivery. Says why.
    Stopped(String),
}

impl Phase {
    /// The phase in one word.
    pub fn as_str(&self) -> &'static str {
        match self {
            Phase::Running => "running",
            Phase::Restarting => "restarting",
            Phase::Reloading => "reloading",
            Phase::Draining => "draining",
            Phase::Drained => "drained",
            Phase::Stopped(_) => "stopped",
        }
    }

    /// Whether this is the last phase.
    pub fn is_end(&self) -> bool {
        match self {
            Phase::Drained | Phase::Stopped(_) => true,
            Phase::Running | Phase::Restarting | Phase::Reloading | Phase::Draining => false,
        }
    }
}

/// The actor.
pub struct Supervisor {
    /// What the next generation starts from; its number and cancellation are replaced.
    line: PipelineContext,
    phase: watch::Sender<Phase>,
    running: Option<Running>,
    backoff: Backoff,
    stop_reason: Option<&'static str>,
    shown: Arc<Mutex<SupervisorState>>,
}

/// What `/state` shows of the supervisor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SupervisorState {
    /// The phase in one word.
    pub phase: String,
    /// Number of the generation, from 1.
    pub generation: u64,
    /// Generations that ended with a fault.
    pub restarts: u64,
    /// Stages whose worker has not ended.
    pub workers: usize,
    /// Why the last of those ended.
    pub last_fault: Option<String>,
}

struct Running {
    line: PipelineContext,
    started_at: Instant,
    /// From the end of the flow to its beginning, as they were started.
    stages: Vec<StageHandle>,
    /// Names of those whose worker has not ended.
    at_work: BTreeSet<&'static str>,
    is_draining: bool,
    movement: Movement,
    autoscaler: Addr<Autoscaler>,
}

impl Running {
    /// Tells every stage to take nothing new on. Those at the end of the flow first: what an earlier one then gives back finds
    /// the lease keeper knowing why, and is visible to others at once.
    fn drain(&mut self) {
        self.is_draining = true;
        for stage in &self.stages {
            stage.drain.do_send(Drain);
        }
    }

    /// The generation is over.
    fn halt(&self) {
        self.autoscaler.do_send(Halt);
        for stage in &self.stages {
            stage.halt.do_send(Halt);
        }
    }

    /// The stages that have not ended, in words.
    fn at_work(&self) -> String {
        self.at_work.iter().copied().collect::<Vec<_>>().join(", ")
    }
}

impl Supervisor {
    /// A supervisor that starts the first generation with its actor and tells its phase to `phase`.
    pub fn new(line: PipelineContext, phase: watch::Sender<Phase>) -> Self {
        Self {
            line,
            phase,
            running: None,
            backoff: Backoff::new(Duration::from_millis(500), Duration::from_secs(60)),
            stop_reason: None,
            shown: Arc::default(),
        }
    }

    fn shown(&self) -> std::sync::MutexGuard<'_, SupervisorState> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_phase(&self, phase: Phase) {
        self.line.outages.set_running(phase == Phase::Running);
        self.phase.send_replace(phase);
    }

    /// Builds the channels and starts the actors, sink first, so that each has its outlet when it starts.
    fn start_generation(&mut self, context: &mut Context<Self>) {
        let number = self.line.number + 1;
        self.line.number = number;
        self.line.budgets = self.line.budgets.renewed(&self.line.settings);
        self.line.behind = Behind::default();
        self.line.telemetry.calls.begin_generation();
        let line = PipelineContext { generation: Generation::default(), ..self.line.clone() };
        let supervisor = context.address();
        let supervision = Supervision { progress: supervisor.clone().recipient(), ended: supervisor.recipient() };
        let in_flight = line.settings.queue.max_in_flight;

        // Two commands a message in flight, each under the message's permit: never full.
        let (leases, lease_commands) = mpsc::channel(in_flight * 2 + 2);
        let (photos, photos_to_fetch) = mpsc::channel(BETWEEN_STAGES);
        let (fetched, fetched_to_decode) = mpsc::channel(BETWEEN_STAGES);
        // Room for one photo a message in flight: what waits here must not stop what comes behind it.
        let (heic, heic_to_decode) = mpsc::channel(in_flight);
        let decodes = line.settings.scale.max_decodes + line.settings.decode.heic_at_once;
        let (finished, finished_to_write) = mpsc::channel(decodes + BETWEEN_STAGES);
        let last_sealed = CancellationToken::new();

        let loader = stage::start::<Loader>(&line, &supervision, last_sealed.clone());
        let lease_keeper = stage::start::<LeaseKeeper>(&line, &supervision, lease_commands);
        let channels = WriterChannels { finished: finished_to_write, last_sealed: last_sealed.drop_guard() };
        let batch_writer = stage::start::<BatchWriter>(&line, &supervision, channels);
        let channels = HeicChannels { photos: heic_to_decode, finished: finished.clone() };
        let heic_lane = stage::start::<HeicLane>(&line, &supervision, channels);
        let channels = DecodeChannels { fetched: fetched_to_decode, heic: heic.clone(), finished: finished.clone() };
        let decoder_pool = stage::start::<DecoderPool>(&line, &supervision, channels);
        let channels = FetchChannels { photos: photos_to_fetch, fetched, heic, finished: finished.clone() };
        let fetcher = stage::start::<Fetcher>(&line, &supervision, channels);
        let poller = stage::start::<Poller>(&line, &supervision, PollChannels { fetch: photos, finished, leases });
        let autoscaler = Autoscaler::new(line.clone(), fetcher.limit.clone(), decoder_pool.limit.clone()).start();

        let stages = vec![loader, lease_keeper, batch_writer, heic_lane, decoder_pool, fetcher, poller];
        {
            let mut shown = self.shown();
            shown.generation = number;
            shown.workers = stages.len();
        }
        tracing::info!(generation = number, "pipeline started");
        self.running = Some(Running {
            line,
            started_at: Instant::now(),
            at_work: stages.iter().map(|stage| stage.name).collect(),
            stages,
            is_draining: false,
            movement: Movement::default(),
            autoscaler,
        });
        self.set_phase(Phase::Running);
    }

    /// All workers of the generation ended: the drain is over, or the next generation is due.
    fn generation_ended(&mut self, running: Running, context: &mut Context<Self>) {
        running.halt();
        // Everything came back by now; the gauges must not go on showing the moment before.
        autoscaler::sample(&running.line);
        let fault = running.line.generation.fault();
        if let Some(fault) = fault {
            self.shown().last_fault = Some(format!("{}: {}", fault.actor, fault.error));
        }
        if let Some(reason) = self.stop_reason {
            return self.finish(Phase::Stopped(reason.into()), context);
        }
        match fault {
            None if running.line.generation.is_followed() => self.start_generation(context),
            Some(_) if running.line.generation.is_followed() => self.restart(&running, context),
            None if running.is_draining => self.finish(Phase::Drained, context),
            Some(fault) if running.is_draining => {
                let reason = format!("{} failed during the drain: {}", fault.actor, fault.error);
                self.finish(Phase::Stopped(reason), context);
            }
            _ => self.restart(&running, context),
        }
    }

    fn restart(&mut self, running: &Running, context: &mut Context<Self>) {
        if running.started_at.elapsed() > HEALTHY_AFTER {
            self.backoff.reset();
        }
        let wait = self.backoff.next_wait();
        let unexplained = Error::bug("every worker ended unexpectedly");
        let (actor, error) = match running.line.generation.fault() {
            Some(fault) => (fault.actor, &fault.error),
            None => (NAME, &unexplained),
        };
        PipelineRestarts { generation: running.line.number, actor, error, wait }.emit();
        self.shown().restarts += 1;
        self.set_phase(Phase::Restarting);
        context.run_later(wait, |this, context| {
            if !this.phase.borrow().is_end() {
                this.start_generation(context);
            }
        });
    }

    fn finish(&mut self, phase: Phase, context: &mut Context<Self>) {
        tracing::info!(phase = phase.as_str(), "pipeline ended");
        self.set_phase(phase);
        context.stop();
    }
}

impl Actor for Supervisor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        let (shown, phase) = (self.shown.clone(), self.phase.subscribe());
        let state = move || {
            let shown = shown.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let shown = SupervisorState { phase: phase.borrow().as_str().to_owned(), ..shown };
            serde_json::to_value(shown).unwrap_or_default()
        };
        self.line.telemetry.board.register(NAME, Arc::new(state));
        self.start_generation(context);
    }
}

impl Handler<Ended> for Supervisor {
    type Result = ();

    fn handle(&mut self, ended: Ended, context: &mut Self::Context) {
        let Some(mut running) = self.running.take() else { return };
        if running.line.number != ended.generation {
            self.running = Some(running);
            return;
        }
        running.at_work.remove(ended.actor);
        self.shown().workers = running.at_work.len();
        tracing::debug!(actor = ended.actor, left = running.at_work(), "worker ended");
        // One worker that ends by itself while nobody drains would leave the others waiting for ever.
        let generation = &running.line.generation;
        if !running.is_draining && !generation.stopped().is_cancelled() {
            generation.fail(ended.actor, Error::bug("the worker ended unexpectedly"));
        }
        if running.at_work.is_empty() {
            self.generation_ended(running, context);
        } else {
            self.running = Some(running);
        }
    }
}

impl Handler<Progress> for Supervisor {
    type Result = ();

    /// Notes whether photos move at all: every call and every worker is watched for itself, and what waits for each other is
    /// seen here alone.
    fn handle(&mut self, progress: Progress, _: &mut Self::Context) {
        let Some(Running { line, movement, .. }) =
            self.running.as_mut().filter(|running| running.line.number == progress.generation)
        else {
            return;
        };
        // Places kept for messages that are being asked for hold none.
        let is_holding = line.budgets.messages.state().used > line.behind.asked_for();
        let has_outage = line.outages.why().is_some();
        let (calls, patience) = (&line.telemetry.calls, movement::patience(&line.settings));
        movement.look((progress.actor, progress.steps), is_holding, has_outage, calls, patience);
    }
}

impl Handler<Drain> for Supervisor {
    type Result = ();

    fn handle(&mut self, _: Drain, context: &mut Self::Context) {
        let Some(running) = &mut self.running else {
            // Nothing is in flight, but sealed batches may wait for a loader that is not there.
            return self.finish(Phase::Stopped("asked to drain between two generations".into()), context);
        };
        let generation = &running.line.generation;
        if running.is_draining && !generation.is_followed() {
            return;
        }
        generation.end_here();
        running.drain();
        self.set_phase(Phase::Draining);
        context.run_later(self.line.settings.run.drain, |this, _| {
            if let Some(running) = &this.running {
                tracing::warn!(at_work = running.at_work(), "the drain takes longer than run.drain_seconds");
                this.stop_reason = Some("the drain took longer than run.drain_seconds");
                running.line.generation.stop();
            }
        });
    }
}

impl Handler<Reload> for Supervisor {
    type Result = bool;

    fn handle(&mut self, Reload(settings): Reload, context: &mut Self::Context) -> bool {
        self.line.settings = settings;
        // Between two generations the next one works by them, and so does the one after a drain that is under way.
        let Some(running) = &mut self.running else { return !self.phase.borrow().is_end() };
        let (number, generation) = (running.line.number, &running.line.generation);
        if running.is_draining {
            return generation.is_followed();
        }
        generation.hand_over();
        running.drain();
        self.set_phase(Phase::Reloading);
        context.run_later(self.line.settings.run.drain, move |this, _| {
            let late = this.running.as_ref().filter(|running| running.line.number == number);
            if let Some(generation) = late.map(|running| &running.line.generation).filter(|late| late.is_followed()) {
                tracing::warn!("what is in flight takes longer than run.drain_seconds: it is given back");
                generation.stop();
            }
        });
        true
    }
}

impl Handler<StageHung> for Supervisor {
    type Result = ();

    /// Ends the generation: what hangs cannot be called back, and what waits behind it would wait for ever. Its leases are
    /// given back, and whoever does not end is left behind.
    fn handle(&mut self, StageHung(Hung { stage, what, after }): StageHung, context: &mut Self::Context) {
        let Some(running) = &self.running else { return };
        let number = running.line.number;
        let message = format!("{} hangs: {what} has not come back for {} s", stage.as_str(), after.as_secs());
        running.line.generation.fail(stage.as_str(), Error::transient(message));
        context.run_later(GIVE_UP_AFTER, move |this, context| {
            if let Some(running) = this.running.take_if(|running| running.line.number == number) {
                tracing::error!(at_work = running.at_work(), "workers of the pipeline do not end and are given up");
                this.generation_ended(running, context);
            }
        });
    }
}

impl Handler<StopNow> for Supervisor {
    type Result = ();

    fn handle(&mut self, _: StopNow, context: &mut Self::Context) {
        self.stop_reason = Some("asked to stop at once");
        match &self.running {
            Some(running) => running.line.generation.stop(),
            None => self.finish(Phase::Stopped("asked to stop at once".into()), context),
        }
    }
}
