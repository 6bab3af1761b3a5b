//! What limits the rate, by name.
//!
//! A full stage fills everything before it. So the stages are looked at from the end of the way to its beginning, and the
//! first that is full for most of the time is the one. Before them all comes what is down: what waits for it fills others
//! too. The same function answers for the last seconds of a running engine and for a whole load test: only the span that the
//! signals are averaged over differs.

mod looks;
#[cfg(test)]
mod tests;
mod tracker;
mod words;

pub use looks::ceilings;
pub use tracker::Tracker;

/// What can limit the rate: a part that is down, or a part of the way, from its end to its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Photos cannot be read from the store.
    StoreDown,
    /// Messages cannot be had from the queue.
    QueueDown,
    /// Batches cannot be written.
    ResultsDown,
    /// Loading into the warehouse.
    Loading,
    /// Filling, compressing and writing batches.
    Sealing,
    /// Deleting messages.
    Deletes,
    /// Cores and decode threads.
    Cpu,
    /// Memory for pixels, or for files.
    Memory,
    /// The lane of HEIC photos.
    Heic,
    /// The store asks for less.
    StoreThrottled,
    /// The network between store and engine.
    Network,
    /// The time of a GET, at the most GETs allowed.
    StoreLatency,
    /// Messages in flight.
    InFlight,
    /// Getting messages from the queue.
    Receiving,
    /// Nothing: the queue has no more.
    QueueEmpty,
}

impl Stage {
    /// Every stage.
    pub const ALL: [Stage; 15] = [
        Stage::StoreDown,
        Stage::QueueDown,
        Stage::ResultsDown,
        Stage::Loading,
        Stage::Sealing,
        Stage::Deletes,
        Stage::Cpu,
        Stage::Memory,
        Stage::Heic,
        Stage::StoreThrottled,
        Stage::Network,
        Stage::StoreLatency,
        Stage::InFlight,
        Stage::Receiving,
        Stage::QueueEmpty,
    ];

    /// The name in `/state`, metrics and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Stage::StoreDown => "store_down",
            Stage::QueueDown => "queue_down",
            Stage::ResultsDown => "results_down",
            Stage::Loading => "loading",
            Stage::Sealing => "sealing",
            Stage::Deletes => "deletes",
            Stage::Cpu => "cpu",
            Stage::Memory => "memory",
            Stage::Heic => "heic",
            Stage::Network => "network",
            Stage::StoreThrottled => "store_throttled",
            Stage::StoreLatency => "store_latency",
            Stage::InFlight => "in_flight",
            Stage::Receiving => "receiving",
            Stage::QueueEmpty => "queue_empty",
        }
    }
}

/// A bounded resource over the span.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Use {
    /// The most that may be used.
    pub limit: f64,
    /// Used on average.
    pub used: f64,
    /// Part of the span in which nothing was left of it, or too little for those that waited.
    pub full: f64,
}

impl Use {
    /// The part used.
    pub fn share(self) -> f64 {
        if self.limit > 0.0 { self.used / self.limit } else { 0.0 }
    }
}

/// A part that is down, so that nothing is taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// Which: [`Stage::StoreDown`], [`Stage::QueueDown`] or [`Stage::ResultsDown`].
    pub stage: Stage,
    /// Since when, and what was said last.
    pub why: String,
}

/// What is seen of the engine over a span of time: averages, unless they say otherwise. What is not known is 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Signals {
    /// What is down now.
    pub stopped: Option<Stopped>,
    /// Photos a second.
    pub rate: f64,
    /// Seconds that a photo waits for its turn, in the queue and within.
    pub wait: f64,
    /// Messages that wait in the queue, and those that wait for their turn within.
    pub waiting: (f64, f64),
    /// Seconds that loading is behind the last durable row, and by how many it may be.
    pub load_behind: (f64, f64),
    /// Length of the span in seconds.
    pub span: f64,
    /// Why the last load failed, if it did.
    pub load_failing: Option<String>,
    /// Batches being compressed and written.
    pub seals: Use,
    /// The most of them that there may ever be at once.
    pub most_seals: f64,
    /// Delete calls under way.
    pub deletes: Use,
    /// Messages whose rows are durable and that are not deleted yet.
    pub to_delete: f64,
    /// Messages that one delete call takes.
    pub deleted_per_call: f64,
    /// Cores of the machine.
    pub cores: f64,
    /// Of them used by the engine.
    pub own_cores: f64,
    /// Of them used by everybody, the engine included.
    pub all_cores: f64,
    /// Decode threads at work.
    pub threads: Use,
    /// Part of the span in which as many photos as there are threads had their bytes and no thread.
    pub decodes_wait: f64,
    /// Memory for pixels.
    pub pixel_bytes: Use,
    /// Memory for files.
    pub file_bytes: Use,
    /// Photos in the lane of HEIC photos.
    pub heic: Use,
    /// Places among the fetches, and the most there may ever be.
    pub fetches: Use,
    /// The most that the limit of fetches may be.
    pub most_fetches: f64,
    /// Part of the span in which more fetches than there are had brought no more photos.
    pub no_gain: f64,
    /// Seconds of a GET that brought a photo, waits between tries not among them.
    pub get: f64,
    /// The shortest that GETs took on average over such a span, lately.
    pub shortest_get: f64,
    /// GETs under way, and the seconds that the oldest has been.
    pub open_gets: (f64, f64),
    /// GETs that ended, in whichever way, in the last half of the span.
    pub lately_ended: f64,
    /// Part of the answers to GETs that were throttled.
    pub throttled: f64,
    /// Part of the GETs that failed otherwise, a photo's own failures not among them.
    pub failed: f64,
    /// Bytes fetched a second.
    pub fetched_bytes: f64,
    /// What the network can carry.
    pub network: f64,
    /// Messages in flight.
    pub messages: Use,
    /// The most that may be once the first batch is durable.
    pub most_messages: f64,
    /// Messages that all receivers of the queue together may have in flight.
    pub queue_in_flight: f64,
    /// Seconds that a message is in flight, and how many of them it waits for its batch to fill and be written.
    pub in_flight: (f64, f64),
}

/// One thing looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct Looked {
    /// What.
    pub stage: Stage,
    /// Part of the span in which it was full, or its own measure between 0 and 1.
    pub share: f64,
    /// The part from which on it counts as the bottleneck.
    pub counts_from: f64,
    /// In words, with the figures.
    pub evidence: String,
    /// What would help.
    pub remedy: &'static str,
    /// Photos a second that it allows.
    pub ceiling: Option<f64>,
    /// Whether it counts though no photo waits for its turn.
    pub without_wait: bool,
}

/// The bottleneck, named.
#[derive(Clone, Debug, PartialEq)]
pub struct Bottleneck {
    /// What it is.
    pub stage: Stage,
    /// In a few words.
    pub title: &'static str,
    /// Why.
    pub evidence: String,
    /// What would help.
    pub remedy: &'static str,
    /// Photos a second, measured.
    pub rate: f64,
    /// Photos a second that this part allows.
    pub ceiling: Option<f64>,
    /// Everything looked at, from the end of the way to its beginning.
    pub looked_at: Vec<Looked>,
}

/// A rate that one part would allow.
#[derive(Clone, Debug, PartialEq)]
pub struct Ceiling {
    /// Of what.
    pub name: &'static str,
    /// Photos a second.
    pub per_second: f64,
    /// The formula with its numbers.
    pub formula: String,
}

/// Below this wait for its turn a photo was done as it came.
const KEEPS_UP_BELOW: f64 = 0.5;

/// Names the bottleneck.
pub fn find(seen: &Signals) -> Bottleneck {
    let looked_at = looks::all(seen);
    let keeps_up = seen.wait < KEEPS_UP_BELOW;
    let is = |looked: &&Looked| looked.share >= looked.counts_from && (looked.without_wait || !keeps_up);
    let (stage, evidence, remedy, ceiling) = match looked_at.iter().find(is) {
        Some(looked) => (looked.stage, looked.evidence.clone(), looked.remedy, looked.ceiling),
        None if keeps_up => (Stage::QueueEmpty, words::nothing_waits(seen), words::QUEUE_EMPTY, None),
        None => (Stage::Receiving, words::no_stage_is_full(seen), words::RECEIVING, None),
    };
    let ceiling = ceiling.and_then(|ceiling| not_contradicted(ceiling, seen.rate));
    Bottleneck { stage, title: words::title(stage), evidence, remedy, rate: seen.rate, ceiling, looked_at }
}

/// A ceiling that the measured rate does not contradict. Both are averages, so it may come out a little below.
fn not_contradicted(ceiling: f64, rate: f64) -> Option<f64> {
    (ceiling.is_finite() && ceiling > 0.0 && ceiling >= rate * 0.8).then_some(ceiling.max(rate))
}
