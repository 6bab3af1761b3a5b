//! What the actors of one generation share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::backlog::Backlog;
use super::holdup::Behind;
use super::outage::Outages;
use super::state::BudgetStates;
use crate::config::Settings;
use crate::config::machine::Machine;
use crate::config::settings::Codes;
use crate::decode::{self, DecodeLimits, Header, Room};
use crate::domain::Reading;
use crate::error::Class;
use crate::flow::{Budget, Generation};
use crate::queue::Queue;
use crate::scale::{Bounds, seal};
use crate::store::Store;
use crate::telemetry::calls::{UnderWay, Watched};
use crate::telemetry::{Telemetry, process};
use crate::warehouse::Warehouse;

/// Reads one photo whose header was inspected in the memory that it is granted: [`crate::decode::read_within`], except where
/// a load test puts a model of it.
pub type ReadPhoto = fn(&[u8], &Header, &DecodeLimits, &Room<'_>) -> Option<Reading>;

/// The machine, as far as no setting tells.
#[derive(Clone, Copy, Debug)]
pub struct Host {
    /// Its cores.
    pub cores: usize,
    /// CPU seconds that all of it has worked so far, where that is known.
    pub cpu_seconds: fn() -> Option<f64>,
    /// How it reads photos.
    pub read_photo: ReadPhoto,
}

impl Host {
    /// This machine.
    pub fn here() -> Host {
        Host {
            cores: Machine::here().cores,
            cpu_seconds: process::machine_cpu_seconds,
            read_photo: decode::read_within,
        }
    }
}

/// Settings, ports, budgets and cancellation of one generation. Clones share everything.
#[derive(Clone)]
pub struct PipelineContext {
    /// Checked settings.
    pub settings: Arc<Settings>,
    /// Where notifications come from.
    pub queue: Arc<dyn Queue>,
    /// Where photos are and batches go.
    pub store: Arc<dyn Store>,
    /// Where rows end.
    pub warehouse: Arc<dyn Warehouse>,
    /// Figures that outlive the generation.
    pub telemetry: Telemetry,
    /// Runtime of all workers; never the actors' thread.
    pub io: tokio::runtime::Handle,
    /// Random name of this process's run; part of batch ids.
    pub instance: Arc<str>,
    /// Number of the generation, from 1.
    pub number: u64,
    /// Its cancellation.
    pub generation: Generation,
    /// Cancelled when the stage that has this context is told to drain.
    pub draining: CancellationToken,
    /// Its budgets.
    pub budgets: Budgets,
    /// Batches opened so far, by all generations. Two of them may open one in the same second, and with counts of their own
    /// both would have one id: the second would pass for the first, which is loaded already.
    pub batches_opened: Arc<AtomicU64>,
    /// Durable batches to load, of all generations.
    pub backlog: Backlog,
    /// The machine.
    pub host: Host,
    /// What is behind the decoders, for the autoscaler.
    pub behind: Behind,
    /// How GETs ended, for the autoscaler.
    pub gets: GetAnswers,
    /// What stops intake, for all generations.
    pub outages: Outages,
}

impl PipelineContext {
    /// A call to queue, store or warehouse begins, for the watchdog: it hangs when it takes longer than all its attempts
    /// together may, `more` on top, and then some.
    pub fn call(&self, stage: Watched, what: &'static str, more: Duration) -> UnderWay {
        let due = self.settings.answers_within() + more;
        self.telemetry.calls.begin(stage, what, due, self.settings.run.hung_after, None)
    }

    /// How many batches may be written at once.
    pub(super) fn seal_bounds(&self) -> Bounds {
        seal::bounds(self.settings.queue.max_in_flight as u64, self.settings.batch.max_rows as u64)
    }

    /// A call of the loader begins: its statements may take long.
    pub fn load_call(&self, what: &'static str) -> UnderWay {
        self.call(Watched::Load, what, self.settings.redshift.statement_timeout)
    }
}

/// How GETs ended, and those that wait for their next try. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct GetAnswers {
    counts: Arc<GetCounts>,
}

#[derive(Debug, Default)]
struct GetCounts {
    brought: AtomicU64,
    brought_micros: AtomicU64,
    throttled: AtomicU64,
    failed: AtomicU64,
    waiting: AtomicU64,
}

/// GETs that ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EndedGets {
    /// That brought a photo, or the news that there is none.
    pub brought: u64,
    /// How long those took.
    pub took: Duration,
    /// That were throttled.
    pub throttled: u64,
    /// That failed otherwise: not answered in time, refused, or with bytes that are not those of the checksum.
    pub failed: u64,
}

impl EndedGets {
    /// All of them.
    pub fn all(self) -> u64 {
        self.brought + self.throttled + self.failed
    }
}

/// A photo that waits for the next try of its GET, until this is dropped.
#[derive(Debug)]
pub struct WaitsForTry(Arc<GetCounts>);

impl Drop for WaitsForTry {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

impl GetAnswers {
    /// Counts a GET that took so long; `failure` is the class of a failed one.
    pub fn count(&self, failure: Option<Class>, took: Duration) {
        let counts = &self.counts;
        match failure {
            None | Some(Class::Permanent | Class::TooLarge | Class::Poison | Class::Missing) => {
                counts.brought.fetch_add(1, Ordering::Relaxed);
                let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
                counts.brought_micros.fetch_add(micros, Ordering::Relaxed);
            }
            Some(Class::Throttled) => {
                counts.throttled.fetch_add(1, Ordering::Relaxed);
            }
            Some(Class::Transient | Class::Refused | Class::Bug) => {
                counts.failed.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// A photo waits for its next try.
    pub fn wait_for_try(&self) -> WaitsForTry {
        self.counts.waiting.fetch_add(1, Ordering::Relaxed);
        WaitsForTry(self.counts.clone())
    }

    /// Photos that wait for their next try.
    pub fn waiting(&self) -> u64 {
        self.counts.waiting.load(Ordering::Relaxed)
    }

    /// Those that ended since the last call.
    pub fn take(&self) -> EndedGets {
        let take = |count: &AtomicU64| count.swap(0, Ordering::Relaxed);
        let counts = &self.counts;
        EndedGets {
            brought: take(&counts.brought),
            took: Duration::from_micros(take(&counts.brought_micros)),
            throttled: take(&counts.throttled),
            failed: take(&counts.failed),
        }
    }
}

/// Messages in flight until the first batch of a generation is durable. Each start that comes to nothing (a message
/// that takes the process down, a fault in every generation) costs those in flight one of their deliveries; this
/// bounds how many.
const FIRST_IN_FLIGHT: u64 = 64;

/// The budgets that bound one generation.
#[derive(Clone, Debug)]
pub struct Budgets {
    /// Messages received and not yet acknowledged or given back.
    pub messages: Budget,
    /// Photos being fetched.
    pub fetches: Budget,
    /// Photos in the decoder pool.
    pub decodes: Budget,
    /// HEIC photos being decoded, beside those.
    pub heic_decodes: Budget,
    /// The part of `decode_bytes` that HEIC photos may take together, so that others always find room.
    pub heic_bytes: Budget,
    /// Batches being compressed and written.
    pub seals: Budget,
    /// Bytes of photo files in memory.
    pub fetched_bytes: Budget,
    /// Bytes of pixels and codec memory.
    pub decode_bytes: Budget,
}

impl Budgets {
    /// Budgets by the settings, each stage at its lower bound.
    pub fn new(settings: &Settings) -> Self {
        Self {
            messages: Budget::new(FIRST_IN_FLIGHT.min(settings.queue.max_in_flight as u64)),
            fetches: Budget::new(settings.scale.min_fetches as u64),
            decodes: Budget::new(settings.scale.min_decodes as u64),
            seals: Budget::new(seal::LEAST),
            fetched_bytes: Budget::new(settings.memory.fetched_bytes),
            decode_bytes: for_pixels(settings.memory.decode_bytes),
            heic_decodes: Budget::new(settings.decode.heic_at_once as u64),
            heic_bytes: for_pixels(settings.memory.decode_bytes / 2),
        }
    }

    /// Budgets of the next generation. The memory budgets go on: what the last generation still decodes counts.
    pub fn renewed(&self, settings: &Settings) -> Self {
        let Self { fetched_bytes, decode_bytes, heic_bytes, .. } = self.clone();
        fetched_bytes.set_limit(settings.memory.fetched_bytes);
        decode_bytes.set_limit(settings.memory.decode_bytes);
        heic_bytes.set_limit(settings.memory.decode_bytes / 2);
        Self { fetched_bytes, decode_bytes, heic_bytes, ..Self::new(settings) }
    }

    /// The budgets' figures, for `/state`.
    pub fn state(&self) -> BudgetStates {
        BudgetStates {
            messages_in_flight: self.messages.state(),
            fetches: self.fetches.state(),
            decodes: self.decodes.state(),
            heic_decodes: self.heic_decodes.state(),
            heic_bytes: self.heic_bytes.state(),
            seals: self.seals.state(),
            fetched_bytes: self.fetched_bytes.state(),
            decode_bytes: self.decode_bytes.state(),
        }
    }
}

/// A budget of pixel memory. An eighth is left for photos that need more than their first look: one that is refused is read
/// again from its start.
fn for_pixels(bytes: u64) -> Budget {
    Budget::with_headroom(bytes, bytes / 8)
}

/// Whether HEIC photos are read: by the settings, and in this build.
pub(super) fn heic_is_on(settings: &Settings) -> bool {
    settings.decode.heic && cfg!(feature = "heic")
}

/// The decoder's limits by the settings.
pub fn decode_limits(settings: &Settings) -> DecodeLimits {
    DecodeLimits {
        max_file_bytes: settings.limits.max_file_bytes,
        max_pixels: u64::from(settings.limits.max_megapixels) * 1_000_000,
        max_side: settings.limits.max_side,
        max_pixels_per_byte: settings.limits.max_pixels_per_byte,
        time_budget: settings.limits.photo_time_budget,
        heic_time_budget: heic_is_on(settings).then_some(settings.limits.heic_time_budget),
        first_only: settings.decode.codes == Codes::First,
        place_zone: settings.decode.place_zone,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::app;

    #[test]
    fn gets_are_told_apart_by_how_they_ended() {
        let (gets, second) = (GetAnswers::default(), Duration::from_secs(1));
        for failure in
            [None, Some(Class::Missing), Some(Class::Throttled), Some(Class::Transient), Some(Class::Refused)]
        {
            gets.count(failure, second);
        }
        let waits = gets.wait_for_try();
        let taken = gets.take();
        assert_eq!(taken, EndedGets { brought: 2, took: 2 * second, throttled: 1, failed: 2 });
        assert_eq!((taken.all(), gets.waiting()), (5, 1));
        drop(waits);
        assert_eq!((gets.take(), gets.waiting()), (EndedGets::default(), 0));
    }

    /// What stages share on ports of this machine in a folder of their own, which goes with the first value. Its runtime is
    /// not one that works.
    pub(in crate::actors) fn context() -> (tempfile::TempDir, PipelineContext) {
        let root = tempfile::tempdir().unwrap();
        let mut settings = Settings::default();
        settings.local.root = root.path().to_owned();
        settings.scale.tick = Duration::from_millis(5);
        app::make_folders(&settings).unwrap();
        let ports = app::open(&settings).unwrap();
        let io = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let line = PipelineContext {
            budgets: Budgets::new(&settings),
            outages: Outages::new(ports.store.clone(), ""),
            settings: Arc::new(settings),
            queue: ports.queue,
            store: ports.store,
            warehouse: ports.warehouse,
            telemetry: Telemetry::default(),
            io: io.handle().clone(),
            instance: "test".into(),
            number: 1,
            generation: Generation::default(),
            draining: CancellationToken::new(),
            batches_opened: Arc::default(),
            backlog: Backlog::default(),
            host: Host::here(),
            behind: Behind::default(),
            gets: GetAnswers::default(),
        };
        (root, line)
    }
}
