//! Every metric: name, kind, unit, help and label. What the exporter shows is exactly this list (a test holds it), and
//! each label is an enum, so the number of series is fixed and an unknown value does not compile.

use scanmill_scale::bottleneck;

use super::calls::Watched;
use super::labels::{
    BreakerState, Budget, Extension, InboxWaiting, InboxWatch, Limited, LoadResult, LoadedTable, Outcome, QueueState,
    Receives, Reloading, SealCause, Settled, ThisVersion, TraceFate,
};
use super::metric::{Counter, Gauge, Histogram, SecondsCounter, by, plain};
pub use super::metric::{Label, Metric, MetricKind};
use super::{Stage, Workers};
use scanmill_core::domain::{Reason, RungName, SkipReason, WhyLeftOut};
use scanmill_core::error::Class;

macro_rules! metrics {
    ($($constant:ident: $family:ty = $metric:expr;)*) => {
        $(
            #[doc = concat!("`", stringify!($constant), "`: see its help text.")]
            pub const $constant: $family = $metric;
        )*
        /// Every metric, in the order of the flow.
        pub const ALL: &[Metric] = &[$($constant.metric(),)*];
    };
}

metrics! {
    MESSAGES_RECEIVED: Counter = plain("scanmill_messages_received_total", "messages",
        "Messages received from the queue, redeliveries included.");
    MESSAGES_REDELIVERED: Counter = plain("scanmill_messages_redelivered_total", "messages",
        "Messages received that had been received before.");
    MESSAGES_IGNORED: Counter = plain("scanmill_messages_ignored_total", "messages",
        "Messages that name no photo to read: test events, deletes.");
    LEASES_CAPPED: Counter = plain("scanmill_queue_leases_capped_total", "messages",
        "Messages of the embedded queue hidden for longer than any lease lasts, because the clock was set back: visible again in time.");
    MESSAGE_AGE_SECONDS: Histogram<Receives> = by("receives", "scanmill_message_age_seconds", "seconds",
        "Age of messages when received, by how often; SQS leaves those received 3 times or more out of its own age metric.");
    PHOTOS_SKIPPED: Counter<SkipReason> = by("reason", "scanmill_photos_skipped_total", "photos",
        "Photos acknowledged without a row: the filter does not let them pass, they lie in a bucket that is not ours to read, or they are our own results.");
    INBOX_LEFT_OUT: Gauge<WhyLeftOut> = by("reason", "scanmill_inbox_left_out", "files",
        "Names in the inbox folder that are not read, by reason, as the last scan found them; a folder counts as one.");
    INBOX_WAITING: Gauge<InboxWaiting> = by("state", "scanmill_inbox_waiting", "files",
        "Files in the inbox folder that are not read yet: open for writing, changed a moment ago, or found and still to be announced to the queue.");
    INBOX_WATCH: Gauge<InboxWatch> = by("state", "scanmill_inbox_watch", "bool",
        "1 for how new files in the inbox folder are found: the kernel reports them, scans find them, or nothing does because of a failure.");
    ANNOUNCE_FAILURES: Counter = plain("scanmill_announce_failures_total", "calls",
        "Attempts to announce photos of the inbox folder to the queue that failed; the photos wait and are announced later.");
    MESSAGES_SETTLED: Counter<Settled> = by("action", "scanmill_messages_settled_total", "messages",
        "Messages deleted because every photo is durable, given back to be received again, or left to their redelivery because neither was possible.");
    LEASE_EXTENSIONS: Counter<Extension> = by("result", "scanmill_lease_extensions_total", "leases",
        "Visibility timeouts extended; lost means that another receiver has the message by now.");
    PHOTOS: Counter<Outcome> = by("outcome", "scanmill_photos_total", "photos",
        "Photos whose rows are durable in a sealed batch.");
    PHOTOS_RETRIED: Counter = plain("scanmill_photos_retried_total", "photos",
        "Photos left to be processed again after a retryable failure or a drain.");
    REJECTIONS: Counter<Reason> = by("reason", "scanmill_rejections_total", "photos",
        "Rejections by reason.");
    SCANS: Counter = plain("scanmill_scans_total", "rows",
        "Codes read.");
    FETCHED_BYTES: Counter = plain("scanmill_fetched_bytes_total", "bytes",
        "Photo bytes read from the store.");
    DECODE_CPU_SECONDS: Histogram = plain("scanmill_decode_cpu_seconds", "seconds",
        "CPU time of decoding one photo.");
    MORE_CODES_LIKELY: Counter = plain("scanmill_photos_more_codes_likely_total", "photos",
        "Photos with a scan that show more codes than could be read.");
    DECODES_STALLED: Counter = plain("scanmill_decodes_stalled_total", "photos",
        "Decodes broken off with CPU time left, because the process was suspended or starved; the photos are read again.");
    RUNG_RUNS: Counter<RungName> = by("rung", "scanmill_rung_runs_total", "runs",
        "Runs of each rung of the decode ladder.");
    RUNG_WINS: Counter<RungName> = by("rung", "scanmill_rung_wins_total", "codes",
        "Codes that each rung was the first to read.");
    RUNG_SECONDS: Histogram<RungName> = by("rung", "scanmill_rung_seconds", "seconds",
        "CPU time of one run of each rung.");
    STAGE_SECONDS: Histogram<Stage> = by("stage", "scanmill_stage_seconds", "seconds",
        "Time a photo spends in each stage; upload_to_durable is from the event to the sealed batch; load is per load.");
    STAGE_LIMIT: Gauge<Limited> = by("stage", "scanmill_stage_limit", "photos",
        "Photos each stage may work on at once.");
    STAGE_IN_USE: Gauge<Limited> = by("stage", "scanmill_stage_in_use", "photos",
        "Photos each stage works on now.");
    STAGE_WORKERS: Gauge<Workers> = by("stage", "scanmill_stage_workers", "workers",
        "Pieces of work each stage can have at once: fetches by their present limit, threads, batches sealed, loads.");
    STAGE_BUSY_SECONDS: SecondsCounter<Workers> = by("stage", "scanmill_stage_busy_seconds_total", "seconds",
        "Time each stage's workers were at work so far, added up; its rate over the workers is the stage's busy share.");
    BOTTLENECK: Gauge<bottleneck::Stage> = by("stage", "scanmill_bottleneck", "bool",
        "1 for the part of the pipeline that limits the rate, 0 for the others; `/state` has the evidence and what would help.");
    MEMORY_USED: Gauge<Budget> = by("budget", "scanmill_memory_budget_used_bytes", "bytes",
        "Bytes reserved from each memory budget.");
    MEMORY_LIMIT: Gauge<Budget> = by("budget", "scanmill_memory_budget_limit_bytes", "bytes",
        "Size of each memory budget.");
    IN_FLIGHT: Gauge = plain("scanmill_messages_in_flight", "messages",
        "Messages received and not yet acknowledged or given back.");
    IN_FLIGHT_LIMIT: Gauge = plain("scanmill_messages_in_flight_limit", "messages",
        "The most messages that may be received and not yet acknowledged or given back.");
    QUEUE_MESSAGES: Gauge<QueueState> = by("state", "scanmill_queue_messages", "messages",
        "Messages in the queue, approximately.");
    IN_FLIGHT_HEADROOM: Gauge = plain("scanmill_queue_in_flight_headroom", "messages",
        "Messages that all receivers together may still have in flight before the queue hands out no more: SQS allows 120,000; infinite where the queue has no limit.");
    BATCHES_SEALED: Counter<SealCause> = by("cause", "scanmill_batches_sealed_total", "batches",
        "Batches sealed, by what sealed them.");
    BATCH_ROWS: Counter = plain("scanmill_batch_rows_total", "rows",
        "Rows in sealed batches.");
    BATCH_BYTES: Counter = plain("scanmill_batch_bytes_total", "bytes",
        "Compressed bytes of sealed batches.");
    UPLOAD_TO_ROW_SECONDS: Histogram = plain("scanmill_upload_to_row_seconds", "seconds",
        "Time from a photo's upload until its rows are in the warehouse, of photos whose batch this process sealed.");
    OLDEST_BATCH_SECONDS: Gauge = plain("scanmill_oldest_batch_to_load_seconds", "seconds",
        "Age of the oldest sealed batch that no ledger row names yet; 0 where none waits.");
    BATCHES_TO_LOAD: Gauge = plain("scanmill_batches_to_load", "batches",
        "Sealed batches that no ledger row names yet.");
    LOADS: Counter<LoadResult> = by("result", "scanmill_loads_total", "loads",
        "Loads into the warehouse.");
    LOADED_ROWS: Counter<LoadedTable> = by("table", "scanmill_loaded_rows_total", "rows",
        "Rows inserted into the warehouse.");
    LOAD_REPEATED: Counter = plain("scanmill_load_repeated_photos_total", "photos",
        "Photos whose rows a load dropped because the warehouse had them: redeliveries undone.");
    LOAD_SUPERSEDED: Counter = plain("scanmill_load_superseded_photos_total", "photos",
        "Photos whose rows a load took away because their file in the inbox held something else later.");
    LOAD_REPLACED: Counter = plain("scanmill_load_replaced_photos_total", "photos",
        "Photos whose rows a load replaced: by a replay's, or a rejection whose cause has passed by what was read since.");
    ERRORS: Counter<Class> = by("class", "scanmill_errors_total", "errors",
        "Failed calls to queue, store and warehouse, by class; throttled counts each throttled response, even where a retry succeeded.");
    STORE_BREAKER: Gauge<BreakerState> = by("state", "scanmill_store_breaker", "buckets",
        "Buckets by the state of their circuit breaker: open means that reading fails for reasons that are not the photos', and that receiving pauses.");
    STORE_BREAKER_CHANGES: Counter<BreakerState> = by("to", "scanmill_store_breaker_changes_total", "changes",
        "Changes of a bucket's circuit breaker, by the state it went to.");
    PHOTOS_WAITING: Gauge = plain("scanmill_photos_waiting_for_store", "photos",
        "Photos that hold their lease until their bucket can be read again.");
    RESTARTS: Counter = plain("scanmill_pipeline_restarts_total", "restarts",
        "Restarts of the whole pipeline after a fault.");
    STAGE_HUNG: Counter<Watched> = by("stage", "scanmill_stage_hung_total", "hangs",
        "Calls of a stage that did not come back in time; each has the pipeline started anew within the process.");
    CALLS_GIVEN_UP: Gauge<Watched> = by("stage", "scanmill_calls_given_up", "calls",
        "Calls that hung and still have not come back; each keeps its thread and its memory.");
    OLDEST_CALL_SECONDS: Gauge<Watched> = by("stage", "scanmill_oldest_call_seconds", "seconds",
        "How long the oldest call of a stage has been under way; a long poll of an empty queue counts too.");
    CONFIG_RELOADS: Counter<Reloading> = by("result", "scanmill_config_reloads_total", "reloads",
        "Settings read again on SIGHUP: taken over as far as a working engine can, or refused for a mistake in them.");
    OTEL_TRACES: Counter<TraceFate> = by("result", "scanmill_otel_traces_total", "traces",
        "Traces of photos that an OpenTelemetry collector took, or that were dropped because it did not, or because too many waited for it.");
    READY: Gauge = plain("scanmill_ready", "bool",
        "1 while the pipeline takes work and loads rows: it runs, and neither intake nor loading fails over and over.");
    BUILD_INFO: Gauge<ThisVersion> = by("version", "scanmill_build_info", "bool",
        "1, by the version that runs.");
    RESIDENT_BYTES: Gauge = plain("process_resident_memory_bytes", "bytes",
        "Resident memory of the process.");
    VIRTUAL_BYTES: Gauge = plain("process_virtual_memory_bytes", "bytes",
        "Virtual memory of the process.");
    CPU_SECONDS: SecondsCounter = plain("process_cpu_seconds_total", "seconds",
        "CPU time of the process so far.");
    OPEN_FDS: Gauge = plain("process_open_fds", "descriptors",
        "Open file descriptors of the process.");
    MAX_FDS: Gauge = plain("process_max_fds", "descriptors",
        "File descriptors the process may open.");
    THREADS: Gauge = plain("process_threads", "threads",
        "Threads of the process.");
    START_TIME: Gauge = plain("process_start_time_seconds", "seconds",
        "When the process started, in seconds since 1970.");
}
