//! The checked settings. Every key stands in `config/local.toml` with its default and its unit; a test compares the two.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// All settings, by section of the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// `[local]`
    pub local: Local,
    /// `[queue]`
    pub queue: Queue,
    /// `[limits]`
    pub limits: Limits,
    /// `[memory]`
    pub memory: Memory,
    /// `[decode]`
    pub decode: Decode,
    /// `[scale]`
    pub scale: Scale,
    /// `[batch]`
    pub batch: Batch,
    /// `[load]`
    pub load: Load,
    /// `[output]`
    pub output: Output,
    /// `[metrics]`
    pub metrics: Metrics,
    /// `[run]`
    pub run: Run,
    /// `[log]`
    pub log: Log,
}

/// Where the embedded adapters keep their files.
#[derive(Clone, Debug, PartialEq)]
pub struct Local {
    /// `local.root`: the folder that holds everything: buckets as folders, `queue.sqlite`, `warehouse.sqlite`.
    pub root: PathBuf,
    /// `local.inbox`: bucket (folder under the root) photos land in.
    pub inbox: String,
    /// `local.results`: bucket for batches, manifests and per-photo JSON. Never the inbox.
    pub results: String,
    /// `local.watch`: find photos dropped into the inbox by hand.
    pub watch: bool,
}

/// Leases and redelivery.
#[derive(Clone, Debug, PartialEq)]
pub struct Queue {
    /// `queue.visibility_timeout_seconds`
    pub visibility_timeout: Duration,
    /// `queue.wait_seconds`: long poll.
    pub wait: Duration,
    /// `queue.max_receives`: a photo whose fetch still fails at this receive is rejected as `gave_up`.
    pub max_receives: u32,
    /// `queue.dead_letter_after`: the queue's own limit, above `max_receives`. At its last receive a photo is rejected
    /// as `gave_up` without being tried: it may be what takes the process down.
    pub dead_letter_after: u32,
    /// `queue.max_in_flight`: messages received and not yet settled.
    pub max_in_flight: usize,
}

/// What a photo may be.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// `limits.max_file_bytes`
    pub max_file_bytes: u64,
    /// `limits.max_megapixels`
    pub max_megapixels: u32,
    /// `limits.max_side_pixels`
    pub max_side: u32,
    /// `limits.max_pixels_per_byte`: a picture that unpacks to more pixels per byte is a bomb.
    pub max_pixels_per_byte: u32,
    /// `limits.photo_time_budget_ms`
    pub photo_time_budget: Duration,
    /// `limits.heic_time_budget_ms`: pixels and codes of a HEIC photo.
    pub heic_time_budget: Duration,
}

/// The two memory budgets.
#[derive(Clone, Debug, PartialEq)]
pub struct Memory {
    /// `memory.fetched_bytes`: photo files in memory.
    pub fetched_bytes: u64,
    /// `memory.decode_bytes`: decoded pixels and the codecs' working memory.
    pub decode_bytes: u64,
}

/// Which codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codes {
    /// Every code of a photo.
    All,
    /// Stop at the first.
    First,
}

/// The decoder pool.
#[derive(Clone, Debug, PartialEq)]
pub struct Decode {
    /// `decode.codes`: `all` or `first`.
    pub codes: Codes,
    /// `decode.threads`: 0 in the file means one per core; here it is at least 1.
    pub threads: usize,
    /// `decode.heic`: read HEIC photos.
    pub heic: bool,
    /// `decode.heic_at_once`: 0 in the file means a quarter of the threads; here it is at least 1.
    pub heic_at_once: usize,
}

/// Bounds for the autoscaler.
#[derive(Clone, Debug, PartialEq)]
pub struct Scale {
    /// `scale.min_fetches`
    pub min_fetches: usize,
    /// `scale.max_fetches`
    pub max_fetches: usize,
    /// `scale.min_decodes`
    pub min_decodes: usize,
    /// `scale.max_decodes`: photos handed to the pool at once; 0 in the file means twice the threads.
    pub max_decodes: usize,
    /// `scale.tick_ms`
    pub tick: Duration,
}

/// When a batch is sealed.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// `batch.max_rows`
    pub max_rows: usize,
    /// `batch.max_bytes`: before compression.
    pub max_bytes: usize,
    /// `batch.max_age_ms`
    pub max_age: Duration,
}

/// When batches are loaded.
#[derive(Clone, Debug, PartialEq)]
pub struct Load {
    /// `load.interval_ms`
    pub interval: Duration,
    /// `load.max_batches`: per manifest.
    pub max_batches: usize,
}

/// Optional outputs.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// `output.per_photo_json`: also one JSON object per photo, as the original did.
    pub per_photo_json: bool,
}

/// The metrics and console address.
#[derive(Clone, Debug, PartialEq)]
pub struct Metrics {
    /// `metrics.listen`; `None` (empty in the file) serves nothing.
    pub listen: Option<SocketAddr>,
}

/// Start and stop.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// `run.drain_seconds`: how long a drain may take before the rest is left to redelivery.
    pub drain: Duration,
    /// `run.io_threads`: worker threads for I/O; 0 in the file means one per core, at most 8.
    pub io_threads: usize,
}

/// How logs look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Logs.
#[derive(Clone, Debug, PartialEq)]
pub struct Log {
    /// `log.format`: `text` or `json`.
    pub format: LogFormat,
    /// `log.filter`: like `info,scanmill=debug`.
    pub filter: String,
}

impl Default for Settings {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
        Settings {
            local: Local { root: "data".into(), inbox: "inbox".into(), results: "results".into(), watch: true },
            queue: Queue {
                visibility_timeout: Duration::from_secs(60),
                wait: Duration::from_secs(20),
                max_receives: 8,
                dead_letter_after: 25,
                max_in_flight: 2_000,
            },
            limits: Limits {
                max_file_bytes: 32 << 20,
                max_megapixels: 64,
                max_side: 16_384,
                max_pixels_per_byte: 1_000,
                photo_time_budget: Duration::from_secs(5),
                heic_time_budget: Duration::from_secs(20),
            },
            memory: Memory { fetched_bytes: 64 << 20, decode_bytes: 256 << 20 },
            decode: Decode { codes: Codes::All, threads: cores, heic: true, heic_at_once: (cores / 4).max(1) },
            scale: Scale {
                min_fetches: 2,
                max_fetches: 64,
                min_decodes: 1,
                max_decodes: cores * 2,
                tick: Duration::from_millis(500),
            },
            batch: Batch { max_rows: 5_000, max_bytes: 8 << 20, max_age: Duration::from_secs(2) },
            load: Load { interval: Duration::from_secs(2), max_batches: 64 },
            output: Output { per_photo_json: false },
            metrics: Metrics { listen: Some(SocketAddr::from(([127, 0, 0, 1], 9464))) },
            run: Run { drain: Duration::from_secs(30), io_threads: cores.min(8) },
            log: Log { format: LogFormat::Text, filter: "info".into() },
        }
    }
}
