//! What limits the rate, from what the autoscaler sees at its ticks: the signals of the last seconds gathered for
//! [`crate::scale::bottleneck`].

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::pipeline_context::{EndedGets, PipelineContext};
use crate::flow::BudgetState;
use crate::queue::Depth;
use crate::scale::bottleneck::{self, Bottleneck, Signals, Stage, Stopped, Tracker, Use};
use crate::scale::fetch;
use crate::telemetry::calls::Watched;
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
/// Looks after which the shortest time of a GET is looked for anew.
const SHORTEST_OF: u32 = 240;

/// Photos and messages behind the decoders. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Behind {
    counts: Arc<[AtomicU64; 4]>,
    seal_waits: Arc<AtomicU64>,
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

    /// A full batch waits for another to be written.
    pub(super) fn seal_waits(&self) {
        self.seal_waits.fetch_add(1, Ordering::Relaxed);
    }

    /// How many did since the last call.
    pub(super) fn take_seal_waits(&self) -> u64 {
        self.seal_waits.swap(0, Ordering::Relaxed)
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
    gets: EndedGets,
    fetched_bytes: f64,
    oldest_get: f64,
    /// Photos that wait for the next try of their GET.
    between_tries: f64,
    /// More fetches brought no more photos.
    is_no_gain: bool,
    /// Photos that have their bytes and no thread yet.
    to_decode: f64,
    /// Seconds at work, by [`Workers::ALL`].
    busy: [f64; Workers::ALL.len()],
    own_cpu: f64,
    all_cpu: Option<f64>,
    ready: f64,
    behind: [f64; 4],
    load_behind: f64,
    budgets: [BudgetState; 6],
}

/// The looks of the last seconds, and what is named.
#[derive(Default)]
pub(super) struct HoldUp {
    looks: VecDeque<Sample>,
    /// All GETs so far.
    gets: EndedGets,
    is_no_gain: bool,
    shortest_get: Shortest,
    tracker: Tracker,
    named: Option<Stage>,
    shown: Option<Value>,
}

impl HoldUp {
    /// Counts GETs that ended since the last look.
    pub(super) fn count(&mut self, ended: EndedGets) {
        let EndedGets { brought, took, throttled, failed } = &mut self.gets;
        *brought += ended.brought;
        *took += ended.took;
        *throttled += ended.throttled;
        *failed += ended.failed;
    }

    /// Why the limit of fetches is what it is, and whether it is the most there may be: then what more would bring was not
    /// tried.
    pub(super) fn note_limit(&mut self, reason: fetch::Reason, is_most: bool) {
        self.is_no_gain = reason == fetch::Reason::NoGain && !is_most;
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
            gets: self.gets,
            fetched_bytes: totals.fetched_bytes as f64,
            oldest_get: telemetry.calls.oldest(Watched::Fetch).as_secs_f64(),
            between_tries: line.gets.waiting() as f64,
            is_no_gain: self.is_no_gain,
            to_decode: to_decode(line),
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
                &budgets.seals,
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
        let [mut messages, fetches, heic, file_bytes, pixel_bytes, seals] = [0, 1, 2, 3, 4, 5].map(budget);
        // Until a batch is durable few are let in: that those places were full says nothing of the many of now.
        let is_short_now = |look: &Sample| is_short(look.budgets[0]) && look.budgets[0].limit >= last.budgets[0].limit;
        messages.full = mean(&|look| f64::from(u8::from(is_short_now(look))));
        let rate = (last.decoded - first.decoded) / span;
        // By Little's law: what is somewhere on average, over what comes through, is the time spent there. Where nothing comes
        // through that is not known, and for less than one photo not worth telling.
        let spent = |somewhere: f64| if rate > 0.0 { (somewhere.max(0.0) / rate).min(LONGEST) } else { 0.0 };
        let since = |of: fn(EndedGets) -> u64| of(last.gets).saturating_sub(of(first.gets)) as f64;
        let (gets, brought) = (since(EndedGets::all), since(|gets| gets.brought));
        let part = |of: f64| if gets > 0.0 { of / gets } else { 0.0 };
        let took = last.gets.took.saturating_sub(first.gets.took).as_secs_f64();
        let get = if brought > 0.0 { took / brought } else { 0.0 };
        let middle = self.looks.get(self.looks.len() / 2).unwrap_or(last);
        let lately_ended = last.gets.all().saturating_sub(middle.gets.all()) as f64;
        let shortest_get = self.shortest_get.look(get, brought >= LEAST_GETS);
        let (settings, advice) = (&line.settings, line.queue.advice());
        let threads = settings.decode.threads as f64;
        let [for_batch, to_delete, calls, asked_for] = [0, 1, 2, 3].map(|place| mean(&|look| look.behind[place]));
        let in_flight = messages.used - asked_for;
        let (fetching, decoding) = (at_work(Workers::Fetch), at_work(Workers::Decode));
        // Who waits for the next try of a GET has no turn now.
        let between_tries = mean(&|look| look.between_tries);
        let with_turn = (fetching + at_work(Workers::Heic) - between_tries).max(0.0) + decoding;
        let within = (in_flight - for_batch - to_delete - with_turn).max(0.0);
        // Not their mean: what the queue told before it ran empty is no longer so.
        let ready = last.ready;
        let used_by_all = last.all_cpu.zip(first.all_cpu).map(|(last, first)| (last - first) / span);
        let own_cores = (last.own_cpu - first.own_cpu) / span;
        let calls_at_once = advice.calls_at_once as f64;
        Some(Signals {
            stopped: stopped(line, rate),
            rate,
            wait: if rate == 0.0 && within + ready >= 1.0 { LONGEST } else { spent(within + ready) },
            waiting: (ready, within),
            load_behind: (last.load_behind, 3.0 * settings.load.interval.as_secs_f64() + 1.0),
            load_failing: line.outages.loads_fail(),
            span,
            seals: Use { used: at_work(Workers::Seal), ..seals },
            most_seals: line.seal_bounds().max as f64,
            deletes: Use { limit: calls_at_once, used: calls, full: 0.0 },
            to_delete,
            deleted_per_call: advice.entries_per_call as f64,
            cores: line.host.cores as f64,
            own_cores,
            all_cores: used_by_all.unwrap_or(own_cores).max(own_cores),
            threads: Use { limit: threads, used: decoding.min(threads), full: 0.0 },
            decodes_wait: mean(&|look| f64::from(u8::from(look.to_decode >= threads))),
            pixel_bytes,
            file_bytes,
            heic,
            fetches,
            most_fetches: settings.scale.max_fetches as f64,
            no_gain: mean(&|look| f64::from(u8::from(look.is_no_gain))),
            get,
            shortest_get,
            open_gets: ((fetching - between_tries).max(0.0), last.oldest_get),
            lately_ended,
            throttled: part(since(|gets| gets.throttled)),
            failed: part(since(|gets| gets.failed)),
            fetched_bytes: (last.fetched_bytes - first.fetched_bytes) / span,
            network: 0.0,
            messages,
            most_messages: settings.queue.max_in_flight as f64,
            queue_in_flight: advice.in_flight_limit.map_or(0.0, |limit| limit as f64),
            in_flight: (spent(in_flight - to_delete), spent(for_batch)),
        })
    }
}

/// The shortest time of a GET, of this while and the one before: what a store could do long ago says nothing of now.
#[derive(Debug, Default)]
struct Shortest {
    now: Option<f64>,
    before: Option<f64>,
    looks: u32,
}

impl Shortest {
    /// The shortest by now; `get` is among them if it `counts`. 0 if there is none.
    fn look(&mut self, get: f64, counts: bool) -> f64 {
        self.looks += 1;
        if self.looks > SHORTEST_OF {
            (self.before, self.now, self.looks) = (self.now.take(), None, 1);
        }
        if counts {
            self.now = Some(self.now.map_or(get, |shortest| shortest.min(get)));
        }
        let (now, before) = (self.now.unwrap_or(f64::MAX), self.before.unwrap_or(f64::MAX));
        Some(now.min(before)).filter(|shortest| *shortest < f64::MAX).unwrap_or(0.0)
    }
}

/// Photos that have their bytes and no thread yet: what holds a place of the fetches or the decodes and is not at work.
fn to_decode(line: &PipelineContext) -> f64 {
    let (budgets, busy) = (&line.budgets, &line.telemetry.busy);
    let places = budgets.fetches.state().used + budgets.decodes.state().used;
    places.saturating_sub(busy.at_work(Workers::Fetch) + busy.at_work(Workers::Decode)) as f64
}

/// What is down and limits the rate: one bucket of several that cannot be read does not.
fn stopped(line: &PipelineContext, rate: f64) -> Option<Stopped> {
    let holds = |stopped: &Stopped| stopped.stage != Stage::StoreDown || rate == 0.0 || line.outages.pauses_receiving();
    line.outages.stopped().filter(holds)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_get_of_long_ago_is_forgotten() {
        let mut shortest = Shortest::default();
        assert_eq!(shortest.look(0.001, false), 0.0, "too few for a mean");
        assert_eq!(shortest.look(0.015, true), 0.015);
        let after = |looks: u32, shortest: &mut Shortest| (0..looks).map(|_| shortest.look(1.5, true)).last();
        assert_eq!(after(SHORTEST_OF, &mut shortest), Some(0.015), "of the while before");
        assert_eq!(after(SHORTEST_OF, &mut shortest), Some(1.5));
    }
}
