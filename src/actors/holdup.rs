//! What limits the rate, from what the autoscaler sees at its ticks: the signals of the last seconds gathered for
//! [`crate::scale::bottleneck`].

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::batch_writer::SEALING_MAX;
use super::pipeline_context::PipelineContext;
use crate::flow::BudgetState;
use crate::queue::Depth;
use crate::scale::bottleneck::{self, Bottleneck, Signals, Stage, Tracker, Use};
use crate::telemetry::events::BottleneckNamed;
use crate::telemetry::{Workers, names, process};

/// Looks that the signals are averaged over.
const LOOKS: usize = 8;
/// Looks until anything is named.
const LEAST_LOOKS: usize = 4;
/// The longest time worth telling, in seconds: at a rate of nothing everything takes for ever.
const LONGEST: f64 = 3_600.0;
/// GETs from which on a mean says something.
const LEAST_GETS: f64 = 20.0;

/// Photos and messages behind the decoders. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Behind {
    counts: Arc<[AtomicU64; 4]>,
}

impl Behind {
    /// A photo's rows wait for their batch to be durable.
    pub fn batched(&self) {
        self.counts[0].fetch_add(1, Ordering::Relaxed);
    }

    /// The rows of so many photos are durable.
    pub fn durable(&self, photos: usize) {
        self.counts[0].fetch_sub(photos as u64, Ordering::Relaxed);
    }

    /// So many messages wait for their delete or are in one of the calls under way.
    pub fn deleting(&self, messages: u64, calls: u64) {
        self.counts[1].store(messages, Ordering::Relaxed);
        self.counts[2].store(calls, Ordering::Relaxed);
    }

    /// So many places in flight are kept for messages that are being asked for: nothing has come for them yet.
    pub fn receiving(&self, places: usize) {
        self.counts[3].store(places as u64, Ordering::Relaxed);
    }

    /// Places kept for messages that are being asked for.
    pub(super) fn asked_for(&self) -> u64 {
        self.counts[3].load(Ordering::Relaxed)
    }

    fn look(&self) -> [f64; 4] {
        [0, 1, 2, 3].map(|place| self.counts[place].load(Ordering::Relaxed) as f64)
    }
}

/// One look: what counts up, and what is so at this moment.
#[derive(Clone, Copy)]
struct Sample {
    at: Instant,
    decoded: f64,
    fetched: f64,
    fetched_bytes: f64,
    throttled: f64,
    /// Seconds at work, by [`Workers::ALL`].
    busy: [f64; Workers::ALL.len()],
    own_cpu: f64,
    all_cpu: Option<f64>,
    ready: f64,
    behind: [f64; 4],
    load_behind: f64,
    budgets: [BudgetState; 5],
}

/// The looks of the last seconds, and what is named.
#[derive(Default)]
pub(super) struct HoldUp {
    looks: VecDeque<Sample>,
    throttled: u64,
    answered: u64,
    shortest_get: f64,
    tracker: Tracker,
    named: Option<Stage>,
    shown: Option<Value>,
}

impl HoldUp {
    /// Counts GETs answered since the last look, and those of them that were throttled.
    pub(super) fn answered(&mut self, answered: u64, throttled: u64) {
        self.answered += answered;
        self.throttled += throttled;
    }

    /// Looks; what to show in `/state`, once there is something. A change is counted and logged.
    pub(super) fn look(&mut self, line: &PipelineContext, depth: Depth) -> Option<Value> {
        let look = self.now(line, depth);
        self.looks.push_back(look);
        if self.looks.len() > LOOKS {
            self.looks.pop_front();
        }
        if self.looks.len() < LEAST_LOOKS {
            return None;
        }
        let seen = self.signals(line)?;
        let found = bottleneck::find(&seen);
        let stage = self.tracker.look(found.stage);
        for each in Stage::ALL {
            names::BOTTLENECK.set(each, f64::from(u8::from(each == stage)));
        }
        // While another stage is found and not yet named, what was last said of the named one stands.
        if found.stage == stage {
            if self.named.replace(stage) != Some(stage) {
                let Bottleneck { title, evidence, remedy, rate, ceiling, .. } = &found;
                BottleneckNamed { stage: stage.as_str(), title, evidence, remedy, rate: *rate, ceiling: *ceiling }
                    .emit();
            }
            self.shown = Some(shown(&found, &seen));
        }
        self.shown.clone()
    }

    fn now(&self, line: &PipelineContext, depth: Depth) -> Sample {
        let (budgets, telemetry) = (&line.budgets, &line.telemetry);
        let totals = telemetry.totals.snapshot();
        let oldest = line.backlog.oldest_sealed_at();
        let load_behind = oldest.map_or(0.0, |at| Timestamp::now().duration_since(at).as_secs_f64().max(0.0));
        Sample {
            at: Instant::now(),
            decoded: totals.photos_decoded as f64,
            fetched: self.answered as f64,
            fetched_bytes: totals.fetched_bytes as f64,
            throttled: self.throttled as f64,
            busy: Workers::ALL.map(|workers| telemetry.busy.so_far(workers).as_secs_f64()),
            own_cpu: process::process_cpu().as_secs_f64(),
            all_cpu: (line.host.cpu_seconds)(),
            ready: depth.ready as f64,
            behind: line.behind.look(),
            load_behind,
            budgets: [
                &budgets.messages,
                &budgets.fetches,
                &budgets.heic_decodes,
                &budgets.fetched_bytes,
                &budgets.decode_bytes,
            ]
            .map(|budget| budget.state()),
        }
    }

    fn signals(&mut self, line: &PipelineContext) -> Option<Signals> {
        let (first, last) = (self.looks.front()?, self.looks.back()?);
        let span = last.at.saturating_duration_since(first.at).as_secs_f64();
        if span <= 0.0 {
            return None;
        }
        let count = self.looks.len() as f64;
        let mean = |of: &dyn Fn(&Sample) -> f64| self.looks.iter().map(of).sum::<f64>() / count;
        let budget = |place: usize| {
            let of = |look: &Sample| look.budgets[place];
            Use {
                limit: of(last).limit as f64,
                used: mean(&|look| of(look).used as f64),
                full: mean(&|look| f64::from(u8::from(is_short(of(look))))),
            }
        };
        let at_work = |workers: Workers| (last.busy[workers as usize] - first.busy[workers as usize]) / span;
        let [messages, fetches, heic, file_bytes, pixel_bytes] = [0, 1, 2, 3, 4].map(budget);
        let rate = (last.decoded - first.decoded) / span;
        // By Little's law: what is somewhere on average, over what comes through, is the time spent there.
        let spent = |somewhere: f64| (somewhere.max(0.0) / rate.max(1e-9)).min(LONGEST);
        let gets = last.fetched - first.fetched;
        let get = if gets > 0.0 { at_work(Workers::Fetch) * span / gets } else { 0.0 };
        if gets >= LEAST_GETS && (self.shortest_get == 0.0 || get < self.shortest_get) {
            self.shortest_get = get;
        }
        let (settings, advice) = (&line.settings, line.queue.advice());
        let threads = settings.decode.threads as f64;
        let [for_batch, to_delete, calls, asked_for] = [0, 1, 2, 3].map(|place| mean(&|look| look.behind[place]));
        let in_flight = messages.used - asked_for;
        let waiting = in_flight - for_batch - to_delete - at_work(Workers::Fetch) - at_work(Workers::Decode);
        let used_by_all = last.all_cpu.zip(first.all_cpu).map(|(last, first)| (last - first) / span);
        let own_cores = (last.own_cpu - first.own_cpu) / span;
        let calls_at_once = advice.calls_at_once as f64;
        Some(Signals {
            rate,
            wait: spent(waiting.max(0.0) + mean(&|look| look.ready)),
            load_behind: (last.load_behind, 3.0 * settings.load.interval.as_secs_f64() + 1.0),
            span,
            seals: Use { limit: SEALING_MAX as f64, used: at_work(Workers::Seal), full: 0.0 },
            deletes: Use { limit: calls_at_once, used: calls, full: 0.0 },
            to_delete,
            deleted_per_call: advice.entries_per_call as f64,
            cores: line.host.cores as f64,
            own_cores,
            all_cores: used_by_all.unwrap_or(own_cores).max(own_cores),
            threads: Use { limit: threads, used: at_work(Workers::Decode).min(threads), full: 0.0 },
            pixel_bytes,
            file_bytes,
            heic,
            fetches,
            most_fetches: settings.scale.max_fetches as f64,
            get,
            shortest_get: self.shortest_get,
            throttled: if gets > 0.0 { ((last.throttled - first.throttled) / gets).min(1.0) } else { 0.0 },
            fetched_bytes: (last.fetched_bytes - first.fetched_bytes) / span,
            network: 0.0,
            messages,
            queue_in_flight: advice.in_flight_limit.map_or(0.0, |limit| limit as f64),
            in_flight: (spent(in_flight - to_delete), spent(for_batch)),
        })
    }
}

/// Full, or so little left that somebody waits for more.
fn is_short(of: BudgetState) -> bool {
    of.limit > 0 && (of.used >= of.limit || (of.waiting > 0 && of.used * 2 >= of.limit))
}

fn shown(told: &Bottleneck, seen: &Signals) -> Value {
    let looked = told.looked_at.iter().map(|looked| {
        json!({
            "stage": looked.stage.as_str(),
            "share": looked.share,
            "counts_from": looked.counts_from,
            "evidence": looked.evidence,
        })
    });
    let ceilings = bottleneck::ceilings(seen);
    let ceilings = ceilings
        .iter()
        .map(|ceiling| json!({ "name": ceiling.name, "per_second": ceiling.per_second, "formula": ceiling.formula }));
    json!({
        "stage": told.stage.as_str(),
        "title": told.title,
        "evidence": told.evidence,
        "remedy": told.remedy,
        "measured_per_second": told.rate,
        "ceiling_per_second": told.ceiling,
        "looked_at": looked.collect::<Vec<_>>(),
        "ceilings": ceilings.collect::<Vec<_>>(),
    })
}
