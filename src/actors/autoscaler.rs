//! Looks at queue and stages at every tick and sets the stages' limits. Also samples the gauges.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix::{Actor, ActorContext, AsyncContext, Context, Handler, Recipient};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::holdup::HoldUp;
use super::messages::{DepthSampled, Halt, SetLimit};
use super::pipeline_context::PipelineContext;
use crate::flow::BudgetState;
use crate::queue::Depth;
use crate::scale::{Bounds, Permits, decode, fetch, seal};
use crate::telemetry::calls::Watched;
use crate::telemetry::events::CallFailed;
use crate::telemetry::labels::{Budget, Limited, QueueState};
use crate::telemetry::process::Footprint;
use crate::telemetry::{Workers, names, process, recorder, seldom};

/// Name in metrics, logs and `/state`.
pub const NAME: &str = "autoscaler";

/// Between two looks at a queue whose depth is a paid call and approximate anyway. Limits are set at every tick by the
/// last one.
const SELDOM: Duration = Duration::from_secs(10);
/// Between two looks where receives bring none of the messages that the last one told of.
const EMPTY_HANDED: Duration = Duration::from_secs(1);

/// The actor.
pub struct Autoscaler {
    line: PipelineContext,
    fetcher: Recipient<SetLimit>,
    decoder_pool: Recipient<SetLimit>,
    seen: Arc<Sampled>,
    /// A slow queue must not pile up samples.
    sampling: Arc<AtomicBool>,
    ticked_at: Option<Instant>,
    sampled_at: Option<Instant>,
    depth: Option<Depth>,
    fetch_control: fetch::Controller,
    hold_up: HoldUp,
}

/// What `/state` shows of the autoscaler itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AutoscalerState {
    /// How often it changed a limit.
    pub limit_changes: u64,
    /// Why the limit of fetches is what it is, by its name.
    pub fetch_limit_reason: Option<String>,
}

/// What it saw last.
#[derive(Default)]
struct Sampled {
    ready: AtomicU64,
    in_flight: AtomicU64,
    dead: AtomicU64,
    changes: AtomicU64,
    /// Place in [`fetch::Reason::ALL`] of why the limit of fetches is what it is.
    fetch_reason: AtomicUsize,
    /// What limits the rate, as `/state` shows it.
    bottleneck: Mutex<Option<Value>>,
}

impl Autoscaler {
    /// A scaler for these two stages.
    pub fn new(line: PipelineContext, fetcher: Recipient<SetLimit>, decoder_pool: Recipient<SetLimit>) -> Self {
        let (seen, sampling) = (Arc::default(), Arc::default());
        Self {
            line,
            fetcher,
            decoder_pool,
            seen,
            sampling,
            ticked_at: None,
            sampled_at: None,
            depth: None,
            fetch_control: fetch::Controller::default(),
            hold_up: HoldUp::default(),
        }
    }

    fn tick(&mut self, context: &mut Context<Self>) {
        // Ticks that were missed while the process was suspended come all at once.
        if self.ticked_at.replace(Instant::now()).is_some_and(|at| at.elapsed() < self.line.settings.scale.tick / 2) {
            return;
        }
        self.line.telemetry.busy.tick();
        sample(&self.line);
        recorder::upkeep();
        let telemetry = &self.line.telemetry;
        let waiting = self.depth.map(|depth| depth.ready);
        telemetry.history.look(Instant::now(), &telemetry.totals, &telemetry.stages, waiting);
        seldom::tell_rest();
        let seldom = if self.is_empty_handed() { EMPTY_HANDED } else { SELDOM };
        let is_recent = self.sampled_at.is_some_and(|sampled_at| sampled_at.elapsed() < seldom);
        if is_recent && self.line.queue.advice().is_approximate {
            if let Some(depth) = self.depth {
                self.steer_all(depth);
            }
            return;
        }
        if self.sampling.swap(true, Ordering::AcqRel) {
            return;
        }
        self.sampled_at = Some(Instant::now());
        let (queue, sampling, this) = (self.line.queue.clone(), self.sampling.clone(), context.address());
        let call = self.line.call(Watched::Receive, "depth", Duration::ZERO);
        self.line.io.spawn(async move {
            let _call = call;
            match queue.depth().await {
                Ok(depth) => this.do_send(DepthSampled(depth)),
                // A queue that does not answer is not a queue that is full: limits stay.
                Err(error) => CallFailed { what: "depth", error: &error }.emit(),
            }
            sampling.store(false, Ordering::Release);
        });
    }
}

impl Actor for Autoscaler {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        let (seen, budgets) = (self.seen.clone(), self.line.budgets.clone());
        let state = move || {
            let reason = fetch::Reason::ALL.get(seen.fetch_reason.load(Ordering::Relaxed));
            let own = AutoscalerState {
                limit_changes: seen.changes.load(Ordering::Relaxed),
                fetch_limit_reason: reason.map(|reason| reason.as_str().to_owned()),
            };
            let mut shown = serde_json::to_value(own).unwrap_or_default();
            shown["queue"] = json!({
                "ready": seen.ready.load(Ordering::Relaxed),
                "in_flight": seen.in_flight.load(Ordering::Relaxed),
                "dead": seen.dead.load(Ordering::Relaxed),
            });
            shown["budgets"] = serde_json::to_value(budgets.state()).unwrap_or_default();
            shown["bottleneck"] = json!(*seen.bottleneck.lock().unwrap_or_else(PoisonError::into_inner));
            shown
        };
        self.line.telemetry.board.register(NAME, Arc::new(state));
        context.run_interval(self.line.settings.scale.tick, Self::tick);
    }
}

impl Handler<DepthSampled> for Autoscaler {
    type Result = ();

    fn handle(&mut self, DepthSampled(depth): DepthSampled, _: &mut Self::Context) {
        self.seen.ready.store(depth.ready, Ordering::Relaxed);
        self.seen.in_flight.store(depth.in_flight, Ordering::Relaxed);
        self.seen.dead.store(depth.dead, Ordering::Relaxed);
        self.depth = Some(depth);
        self.steer_all(depth);
        let headroom = self.line.queue.advice().in_flight_limit.map(|limit| limit.saturating_sub(depth.in_flight));
        names::IN_FLIGHT_HEADROOM.set(headroom.map_or(f64::INFINITY, |headroom| headroom as f64));
        for (state, count) in
            [(QueueState::Ready, depth.ready), (QueueState::InFlight, depth.in_flight), (QueueState::Dead, depth.dead)]
        {
            names::QUEUE_MESSAGES.set(state, count as f64);
        }
    }
}

impl Handler<Halt> for Autoscaler {
    type Result = ();

    fn handle(&mut self, _: Halt, context: &mut Self::Context) {
        context.stop();
    }
}

impl Autoscaler {
    /// Whether messages are asked for and none is there, though the queue told of some: it may have run empty since.
    fn is_empty_handed(&self) -> bool {
        let budgets = &self.line.budgets;
        let is_idle =
            [&budgets.fetches, &budgets.decodes, &budgets.heic_decodes].iter().all(|budget| budget.state().used == 0);
        self.depth.is_some_and(|depth| depth.ready > 0) && self.line.behind.asked_for() > 0 && is_idle
    }

    /// Decides on the limits of both stages, by what they look like now.
    fn steer_all(&mut self, depth: Depth) {
        let (scale, budgets) = (&self.line.settings.scale, &self.line.budgets);
        let has_backlog = depth.ready > 0;
        let (fetches, decodes) = (permits(budgets.fetches.state()), permits(budgets.decodes.state()));
        let gets = self.line.gets.take();
        self.hold_up.count(gets);
        let found = self.hold_up.look(&self.line, depth);
        *self.seen.bottleneck.lock().unwrap_or_else(PoisonError::into_inner) = found;
        let seen = fetch::FetchSample {
            has_backlog,
            permits: fetches,
            at_work: self.line.telemetry.busy.at_work(Workers::Fetch),
            decodes,
            answered: gets.all(),
            throttled: gets.throttled,
            brought: gets.brought,
        };
        let bounds = Bounds { min: scale.min_fetches as u64, max: scale.max_fetches as u64 };
        let (limit, reason) = self.fetch_control.tick(&seen, bounds);
        self.hold_up.note_limit(reason, limit >= bounds.max);
        self.seen.fetch_reason.store(reason as usize, Ordering::Relaxed);
        let bounds = Bounds { min: scale.min_decodes as u64, max: scale.max_decodes as u64 };
        let decode_limit = decode::next_limit(has_backlog, decodes, bounds);
        self.set(&self.fetcher, fetches.limit, limit);
        self.set(&self.decoder_pool, decodes.limit, decode_limit);
        let mut seals = permits(budgets.seals.state());
        seals.waiting += self.line.behind.take_seal_waits();
        let seal_limit = seal::next_limit(seals, self.line.seal_bounds());
        if seal_limit != seals.limit {
            self.seen.changes.fetch_add(1, Ordering::Relaxed);
            budgets.seals.set_limit(seal_limit);
        }
    }

    fn set(&self, actor: &Recipient<SetLimit>, now: u64, next: u64) {
        if next != now {
            self.seen.changes.fetch_add(1, Ordering::Relaxed);
            actor.do_send(SetLimit(next));
        }
    }
}

fn permits(state: BudgetState) -> Permits {
    Permits { limit: state.limit, in_use: state.used, waiting: state.waiting as u64 }
}

/// Sets the gauges that show one moment of the engine itself.
pub(super) fn sample(line: &PipelineContext) {
    let budgets = &line.budgets;
    for (stage, budget) in [
        (Limited::Fetch, &budgets.fetches),
        (Limited::Decode, &budgets.decodes),
        (Limited::Heic, &budgets.heic_decodes),
    ] {
        let state = budget.state();
        names::STAGE_LIMIT.set(stage, state.limit as f64);
        names::STAGE_IN_USE.set(stage, state.used as f64);
    }
    for workers in Workers::ALL {
        let count = match workers {
            Workers::Fetch => budgets.fetches.state().limit,
            Workers::Decode => line.settings.decode.threads as u64,
            Workers::Heic => line.settings.decode.heic_at_once as u64,
            Workers::Seal => budgets.seals.state().limit,
            // The loader does one after the other.
            Workers::Load => 1,
        };
        names::STAGE_WORKERS.set(workers, count as f64);
        names::STAGE_BUSY_SECONDS.set(workers, line.telemetry.busy.so_far(workers).as_secs_f64());
    }
    for stage in Watched::ALL {
        names::CALLS_GIVEN_UP.set(stage, line.telemetry.calls.given_up(stage) as f64);
        names::OLDEST_CALL_SECONDS.set(stage, line.telemetry.calls.oldest(stage).as_secs_f64());
    }
    for (name, budget) in [(Budget::Fetched, &budgets.fetched_bytes), (Budget::Decode, &budgets.decode_bytes)] {
        let state = budget.state();
        names::MEMORY_LIMIT.set(name, state.limit as f64);
        names::MEMORY_USED.set(name, state.used as f64);
    }
    let messages = budgets.messages.state();
    names::IN_FLIGHT.set(messages.used as f64);
    names::IN_FLIGHT_LIMIT.set(messages.limit as f64);
    names::CPU_SECONDS.set(process::process_cpu().as_secs_f64());
    let Footprint { memory, virtual_bytes, threads, open_fds, max_fds, started_at } = process::footprint();
    if let Some(memory) = memory {
        names::RESIDENT_BYTES.set(memory.resident_bytes as f64);
    }
    let found = [
        (names::VIRTUAL_BYTES, virtual_bytes),
        (names::THREADS, threads),
        (names::OPEN_FDS, open_fds),
        (names::MAX_FDS, max_fds),
    ];
    for (metric, value) in found {
        if let Some(value) = value {
            metric.set(value as f64);
        }
    }
    if let Some(started_at) = started_at {
        names::START_TIME.set(started_at);
    }
    let oldest = line.backlog.oldest().map_or(0.0, |at| Timestamp::now().duration_since(at).as_secs_f64());
    names::OLDEST_BATCH_SECONDS.set(oldest.max(0.0));
}
