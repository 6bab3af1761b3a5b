//! Every metric: name, kind, unit, help and label sets. What the exporter shows is exactly this list (a test holds it),
//! and each label takes one of the values written here, so the number of series is fixed.

use crate::domain::Reason;

/// What kind of series a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows. In seconds it grows by fractions.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Buckets of observations.
    Histogram,
}

/// One label and every value it can take.
#[derive(Clone, Copy, Debug)]
pub struct Label {
    /// Its name.
    pub name: &'static str,
    /// Its values.
    pub values: &'static [&'static str],
}

/// One metric family.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Name with prefix, unit and `_total` where it belongs.
    pub name: &'static str,
    /// Kind.
    pub kind: Kind,
    /// Unit of the value.
    pub unit: &'static str,
    /// Help text.
    pub help: &'static str,
    /// Its one label, if it has one.
    pub label: Option<Label>,
}

/// Rungs of the decode ladder, by name. `tests/metrics.rs` compares the list with the decoder's own.
pub const RUNGS: &[&str] = &[
    "zxing_500",
    "own_800",
    "zxing_1000",
    "zxing_large",
    "own_blur_800",
    "own_art_250",
    "zxing_125",
    "own_art_400",
    "own_two_800",
    "own_1600",
    "own_two_1600",
    "zxing_2000",
    "own_bent_1600",
    "own_shadow_800",
    "zxing_full",
    "rqrr_800",
    "opacity",
    "redness",
    "blueness",
];

/// Stages that `scanmill_stage_seconds` times.
pub const STAGES: &[&str] =
    &["queue_wait", "fetch", "decode_wait", "decode", "batch_wait", "upload_to_durable", "load"];

/// Stages whose workers' time `scanmill_stage_busy_seconds_total` adds up.
pub const WORKERS: &[&str] = &["fetch", "decode", "heic", "seal", "load"];

/// Stages whose calls the watchdog looks at.
pub const WATCHED: &[&str] = &["receive", "settle", "fetch", "decode", "heic", "seal", "load"];

/// What may hold the rate. `tests/metrics.rs` compares the list with that of `scale::bottleneck`.
pub const BOTTLENECKS: &[&str] = &[
    "loading",
    "sealing",
    "deletes",
    "cpu",
    "memory",
    "heic",
    "store_throttled",
    "network",
    "store_latency",
    "in_flight",
    "receiving",
    "queue_empty",
];

const CLASSES: &[&str] = &["permanent", "refused", "transient", "throttled", "missing", "poison", "bug"];

const REASON_TEXTS: [&str; Reason::ALL.len()] = {
    let mut texts = [""; Reason::ALL.len()];
    let mut index = 0;
    while index < texts.len() {
        texts[index] = Reason::ALL[index].as_str();
        index += 1;
    }
    texts
};

/// The one version that runs.
const VERSION: &[&str] = &[env!("CARGO_PKG_VERSION")];

const fn metric(name: &'static str, kind: Kind, unit: &'static str, help: &'static str) -> Metric {
    Metric { name, kind, unit, help, label: None }
}

impl Metric {
    const fn by(mut self, name: &'static str, values: &'static [&'static str]) -> Self {
        self.label = Some(Label { name, values });
        self
    }
}

macro_rules! metrics {
    ($($constant:ident = $metric:expr;)*) => {
        $(#[doc = concat!("`", stringify!($constant), "`: see its help text.")] pub const $constant: Metric = $metric;)*
        /// Every metric, in the order of the flow.
        pub const ALL: &[Metric] = &[$($constant,)*];
    };
}

use Kind::{Counter, Gauge, Histogram};

metrics! {
    MESSAGES_RECEIVED = metric("scanmill_messages_received_total", Counter, "messages",
        "Messages received from the queue, redeliveries included.");
    MESSAGES_REDELIVERED = metric("scanmill_messages_redelivered_total", Counter, "messages",
        "Messages received that had been received before.");
    MESSAGES_IGNORED = metric("scanmill_messages_ignored_total", Counter, "messages",
        "Messages that name no photo to read: test events, deletes.");
    LEASES_CAPPED = metric("scanmill_queue_leases_capped_total", Counter, "messages",
        "Messages of the embedded queue hidden for longer than any lease lasts, because the clock was set back: visible again in time.");
    MESSAGE_AGE_SECONDS = metric("scanmill_message_age_seconds", Histogram, "seconds",
        "Age of messages when received, by how often; SQS leaves those received 3 times or more out of its own age metric.")
        .by("receives", &["1_or_2", "3_or_more"]);
    PHOTOS_PASSED_OVER = metric("scanmill_photos_passed_over_total", Counter, "photos",
        "Photos acknowledged without a row: the filter does not let them pass, they lie in a bucket that is not ours to read, or they are our own results.")
        .by("why", &["prefix", "suffix", "excluded", "small", "foreign_bucket", "own_output"]);
    INBOX_LEFT_OUT = metric("scanmill_inbox_left_out", Gauge, "files",
        "Names in the inbox folder that are not read, by reason, as the last scan found them; a folder counts as one.")
        .by("why", &["symlink", "fifo", "socket", "device", "not_utf8", "too_long", "unreadable", "hidden", "excluded"]);
    INBOX_WAITING = metric("scanmill_inbox_waiting", Gauge, "files",
        "Files in the inbox folder that are not read yet: open for writing, changed a moment ago, or found and still to be announced to the queue.")
        .by("state", &["open", "changing", "unannounced"]);
    INBOX_WATCH = metric("scanmill_inbox_watch", Gauge, "bool",
        "1 for how new files in the inbox folder are found: the kernel reports them, scans find them, or nothing does because of a failure.")
        .by("state", &["following", "scanning", "failing"]);
    ANNOUNCE_FAILURES = metric("scanmill_announce_failures_total", Counter, "calls",
        "Attempts to announce photos of the inbox folder to the queue that failed; the photos wait and are announced later.");
    MESSAGES_SETTLED = metric("scanmill_messages_settled_total", Counter, "messages",
        "Messages deleted because every photo is durable, or given back to be received again.")
        .by("how", &["deleted", "given_back"]);
    LEASE_EXTENSIONS = metric("scanmill_lease_extensions_total", Counter, "leases",
        "Visibility timeouts extended; lost means that another receiver has the message by now.")
        .by("result", &["ok", "lost", "failed"]);
    PHOTOS = metric("scanmill_photos_total", Counter, "photos",
        "Photos whose rows are durable in a sealed batch.").by("outcome", &["scanned", "rejected"]);
    PHOTOS_AGAIN = metric("scanmill_photos_again_total", Counter, "photos",
        "Photos left to be processed again after a retryable failure or a drain.");
    REJECTIONS = metric("scanmill_rejections_total", Counter, "photos",
        "Rejections by reason.").by("reason", &REASON_TEXTS);
    SCANS = metric("scanmill_scans_total", Counter, "rows", "Codes read.");
    FETCHED_BYTES = metric("scanmill_fetched_bytes_total", Counter, "bytes", "Photo bytes read from the store.");
    DECODE_CPU_SECONDS = metric("scanmill_decode_cpu_seconds", Histogram, "seconds",
        "CPU time of decoding one photo.");
    MORE_CODES_LIKELY = metric("scanmill_photos_more_codes_likely_total", Counter, "photos",
        "Photos with a scan that show more codes than could be read.");
    DECODES_STALLED = metric("scanmill_decodes_stalled_total", Counter, "photos",
        "Decodes broken off with CPU time left, because the process was suspended or starved; the photos are read again.");
    RUNG_RUNS = metric("scanmill_rung_runs_total", Counter, "runs", "Runs of each rung of the decode ladder.")
        .by("rung", RUNGS);
    RUNG_WINS = metric("scanmill_rung_wins_total", Counter, "codes", "Codes that each rung was the first to read.")
        .by("rung", RUNGS);
    RUNG_SECONDS = metric("scanmill_rung_seconds", Histogram, "seconds", "CPU time of one run of each rung.")
        .by("rung", RUNGS);
    STAGE_SECONDS = metric("scanmill_stage_seconds", Histogram, "seconds",
        "Time a photo spends in each stage; upload_to_durable is from the event to the sealed batch; load is per load.")
        .by("stage", STAGES);
    STAGE_LIMIT = metric("scanmill_stage_limit", Gauge, "photos", "Photos each stage may work on at once.")
        .by("stage", &["fetch", "decode", "heic"]);
    STAGE_IN_USE = metric("scanmill_stage_in_use", Gauge, "photos", "Photos each stage works on now.")
        .by("stage", &["fetch", "decode", "heic"]);
    STAGE_WORKERS = metric("scanmill_stage_workers", Gauge, "workers",
        "Pieces of work each stage can have at once: fetches by their present limit, threads, batches sealed, loads.")
        .by("stage", WORKERS);
    STAGE_BUSY_SECONDS = metric("scanmill_stage_busy_seconds_total", Counter, "seconds",
        "Time each stage's workers were at work so far, added up; its rate over the workers is the stage's busy share.")
        .by("stage", WORKERS);
    BOTTLENECK = metric("scanmill_bottleneck", Gauge, "bool",
        "1 for the part of the way that holds the rate, 0 for the others; `/state` has the evidence and what would help.")
        .by("stage", BOTTLENECKS);
    MEMORY_USED = metric("scanmill_memory_budget_used_bytes", Gauge, "bytes", "Bytes out of each memory budget.")
        .by("budget", &["fetched", "decode"]);
    MEMORY_LIMIT = metric("scanmill_memory_budget_limit_bytes", Gauge, "bytes", "Size of each memory budget.")
        .by("budget", &["fetched", "decode"]);
    IN_FLIGHT = metric("scanmill_tickets_in_flight", Gauge, "messages", "Messages received and not yet acknowledged or given back.");
    IN_FLIGHT_LIMIT = metric("scanmill_tickets_in_flight_limit", Gauge, "messages",
        "The most messages that may be received and not yet acknowledged or given back.");
    QUEUE_MESSAGES = metric("scanmill_queue_messages", Gauge, "messages", "Messages in the queue, approximately.")
        .by("state", &["ready", "in_flight", "dead"]);
    IN_FLIGHT_HEADROOM = metric("scanmill_queue_in_flight_headroom", Gauge, "messages",
        "Messages that all receivers together may still have in flight before the queue hands out no more: SQS allows 120,000; infinite where the queue has no limit.");
    BATCHES_SEALED = metric("scanmill_batches_sealed_total", Counter, "batches", "Batches sealed, by what sealed them.")
        .by("cause", &["rows", "bytes", "age", "in_flight", "drain"]);
    BATCH_ROWS = metric("scanmill_batch_rows_total", Counter, "rows", "Rows in sealed batches.");
    BATCH_BYTES = metric("scanmill_batch_bytes_total", Counter, "bytes", "Compressed bytes of sealed batches.");
    UPLOAD_TO_ROW_SECONDS = metric("scanmill_upload_to_row_seconds", Histogram, "seconds",
        "Time from a photo's upload until its rows are in the warehouse, of photos whose batch this process sealed.");
    OLDEST_BATCH_SECONDS = metric("scanmill_oldest_batch_to_load_seconds", Gauge, "seconds",
        "Age of the oldest sealed batch that no ledger row names yet; 0 where none waits.");
    BATCHES_TO_LOAD = metric("scanmill_batches_to_load", Gauge, "batches",
        "Sealed batches that no ledger row names yet.");
    LOADS = metric("scanmill_loads_total", Counter, "loads", "Loads into the warehouse.")
        .by("result", &["ok", "failed"]);
    LOADED_ROWS = metric("scanmill_loaded_rows_total", Counter, "rows", "Rows inserted into the warehouse.")
        .by("table", &["scans", "rejections"]);
    LOAD_REPEATED = metric("scanmill_load_repeated_photos_total", Counter, "photos",
        "Photos whose rows a load dropped because the warehouse had them: redeliveries undone.");
    LOAD_SUPERSEDED = metric("scanmill_load_superseded_photos_total", Counter, "photos",
        "Photos whose rows a load took away because their file in the inbox held something else later.");
    LOAD_REPLACED = metric("scanmill_load_replaced_photos_total", Counter, "photos",
        "Photos whose rows a load replaced: by a replay's, or a rejection whose cause has passed by what was read since.");
    ERRORS = metric("scanmill_errors_total", Counter, "errors", "Failed calls to queue, store and warehouse, by class; throttled counts each answer that asked for less, also where a second attempt got through.")
        .by("class", CLASSES);
    STORE_BREAKER = metric("scanmill_store_breaker", Gauge, "buckets",
        "Buckets by the state of their circuit breaker: open means that reading fails for reasons that are not the photos', and that receiving pauses.")
        .by("state", &["closed", "open", "half_open"]);
    STORE_BREAKER_CHANGES = metric("scanmill_store_breaker_changes_total", Counter, "changes",
        "Changes of a bucket's circuit breaker, by the state it went to.")
        .by("to", &["closed", "open", "half_open"]);
    PHOTOS_HELD = metric("scanmill_photos_held", Gauge, "photos",
        "Photos that hold their lease until their bucket can be read again.");
    RESTARTS = metric("scanmill_pipeline_restarts_total", Counter, "restarts",
        "Restarts of the whole pipeline after a fault.");
    STAGE_HUNG = metric("scanmill_stage_hung_total", Counter, "hangs",
        "Calls of a stage that did not come back in time; each has the pipeline started anew within the process.")
        .by("stage", WATCHED);
    CALLS_GIVEN_UP = metric("scanmill_calls_given_up", Gauge, "calls",
        "Calls that hung and still have not come back; each keeps its thread and its memory.").by("stage", WATCHED);
    CONFIG_RELOADS = metric("scanmill_config_reloads_total", Counter, "reloads",
        "Settings read again on SIGHUP: taken over as far as a working engine can, or refused for a mistake in them.")
        .by("result", &["ok", "refused"]);
    OTEL_TRACES = metric("scanmill_otel_traces_total", Counter, "traces",
        "Traces of photos that an OpenTelemetry collector took, or that were dropped because it did not, or because too many waited for it.")
        .by("result", &["sent", "dropped"]);
    READY = metric("scanmill_ready", Gauge, "bool", "1 while the pipeline takes work: it runs, and nothing stops its intake.");
    BUILD_INFO = metric("scanmill_build_info", Gauge, "bool", "1, by the version that runs.").by("version", VERSION);
    RESIDENT_BYTES = metric("process_resident_memory_bytes", Gauge, "bytes", "Resident memory of the process.");
    VIRTUAL_BYTES = metric("process_virtual_memory_bytes", Gauge, "bytes", "Virtual memory of the process.");
    CPU_SECONDS = metric("process_cpu_seconds_total", Counter, "seconds", "CPU time of the process so far.");
    OPEN_FDS = metric("process_open_fds", Gauge, "descriptors", "Open file descriptors of the process.");
    MAX_FDS = metric("process_max_fds", Gauge, "descriptors", "File descriptors the process may open.");
    THREADS = metric("process_threads", Gauge, "threads", "Threads of the process.");
    START_TIME = metric("process_start_time_seconds", Gauge, "seconds",
        "When the process started, in seconds since 1970.");
}

impl Metric {
    /// Adds to a counter.
    pub fn add(&self, value: Option<&'static str>, amount: u64) {
        debug_assert!(self.kind == Counter && self.allows(value), "{} {value:?}", self.name);
        match self.labels(value) {
            Some(label) => metrics::counter!(self.name, &[label]).increment(amount),
            None => metrics::counter!(self.name).increment(amount),
        }
    }

    /// Whether it is a counter that grows by fractions. The recorder knows whole counters only, so it is kept there as a
    /// gauge and shown as what it is.
    pub fn is_fractional(&self) -> bool {
        self.kind == Counter && self.unit == "seconds"
    }

    /// Sets a gauge, or how far a counter in seconds has come.
    pub fn set(&self, value: Option<&'static str>, amount: f64) {
        debug_assert!((self.kind == Gauge || self.is_fractional()) && self.allows(value), "{} {value:?}", self.name);
        match self.labels(value) {
            Some(label) => metrics::gauge!(self.name, &[label]).set(amount),
            None => metrics::gauge!(self.name).set(amount),
        }
    }

    /// Adds an observation to a histogram.
    pub fn observe(&self, value: Option<&'static str>, seconds: f64) {
        debug_assert!(self.kind == Histogram && self.allows(value), "{} {value:?}", self.name);
        match self.labels(value) {
            Some(label) => metrics::histogram!(self.name, &[label]).record(seconds),
            None => metrics::histogram!(self.name).record(seconds),
        }
    }

    /// Adds an observation to a histogram, so many times.
    pub fn observe_many(&self, seconds: f64, times: usize) {
        debug_assert!(self.kind == Histogram && self.allows(None), "{}", self.name);
        metrics::histogram!(self.name).record_many(seconds, times);
    }

    fn labels(&self, value: Option<&'static str>) -> Option<(&'static str, &'static str)> {
        Some((self.label?.name, value?))
    }

    fn allows(&self, value: Option<&'static str>) -> bool {
        match (self.label, value) {
            (None, None) => true,
            (Some(label), Some(value)) => label.values.contains(&value),
            (None, Some(_)) | (Some(_), None) => false,
        }
    }
}
