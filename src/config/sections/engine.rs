//! How the engine works.

use std::net::SocketAddr;
use std::time::Duration;

use crate::section;
use crate::section::endpoint;

use crate::config::forms::{address, hosts, levels};
use crate::config::kinds::{Codes, LogFormat};

/// One kibibyte.
const KIB: u64 = 1 << 10;
/// One gibibyte.
const GIB: u64 = 1 << 30;

section! {
    /// What a photo may be; one over a limit becomes a rejection row.
    pub struct Limits in "limits" {
        /// Largest file.
        max_file_bytes: u64 = "33_554_432" in "bytes", whole(KIB, 4 * GIB), live;
        /// Largest picture, by its header.
        max_megapixels: u32 = "64" in "megapixels", whole(1, 1_000), live;
        /// Longest side of a picture, by its header.
        max_side as "max_side_pixels": u32 = "16_384" in "pixels", whole(64, 65_535), live;
        /// A file that unpacks to more pixels than this for each of its bytes is taken for a bomb.
        max_pixels_per_byte: u32 = "1_000" in "pixels per byte", whole(1, 1_000_000), live;
        /// Longest CPU time for reading one photo; one that takes longer becomes a `timed_out` rejection.
        photo_time_budget as "photo_time_budget_ms": Duration = "5_000" in "milliseconds",
            milliseconds(10, 600_000), live;
        /// The same for a HEIC photo, whose pixels take about twenty times those of a JPEG: pixels and codes together.
        /// Reading the codes alone may take no longer than `photo_time_budget_ms`.
        heic_time_budget as "heic_time_budget_ms": Duration = "20_000" in "milliseconds",
            milliseconds(10, 600_000), live;
    }
}

section! {
    /// The two memory budgets. With them the engine's memory does not grow with the backlog.
    pub struct Memory in "memory" {
        /// Photo files in memory at once. At least `limits.max_file_bytes`. `auto`: a sixteenth of the memory of the
        /// machine or its container, at most 4 GiB.
        fetched_bytes: u64 = "auto" in "bytes", auto(KIB, 1_024 * GIB), live;
        /// Decoded pixels and the codecs' working memory at once. At least 4 bytes for each pixel of
        /// `limits.max_megapixels`. `auto`: a quarter of the memory.
        decode_bytes: u64 = "auto" in "bytes", auto(KIB, 1_024 * GIB), live;
    }
}

section! {
    /// The decoder pool.
    pub struct Decode in "decode" {
        /// Read every code of a photo, or stop at the first.
        codes: Codes = "all" in "`all` or `first`", words("all" => Codes::All, "first" => Codes::First), live;
        /// Threads of the decoder pool. `auto`: one per core.
        threads: usize = "auto" in "threads", auto(0, 1_024), live;
        /// Read HEIC photos. Otherwise each becomes an `unsupported` rejection.
        heic: bool = "true" in "true or false", flag, live;
        /// HEIC photos decoded at once, on threads of their own beside `threads`, so that they never hold up others.
        /// `auto`: a quarter of `threads`, at least 1. Raise it where most photos are HEIC.
        heic_at_once: usize = "auto" in "photos", auto(0, 1_024), live;
        /// Where a photo has coordinates but no offset to UTC, take that of the time zone at the place.
        /// `captured_at_source` says so. Otherwise `captured_at` stays empty.
        place_zone: bool = "true" in "true or false", flag, live;
    }
}

section! {
    /// Bounds within which the autoscaler moves.
    pub struct Scale in "scale" {
        /// Fewest photos fetched at once.
        min_fetches: usize = "2" in "photos", whole(1, 10_000), live;
        /// Most photos fetched at once. `auto`: 75 for each decode thread, at least 64, as far as the open files allow.
        max_fetches: usize = "auto" in "photos", auto(1, 10_000), live;
        /// Fewest photos handed to the decoder pool at once.
        min_decodes: usize = "1" in "photos", whole(1, 10_000), live;
        /// Most photos handed to the decoder pool at once. `auto`: twice `decode.threads`.
        max_decodes: usize = "auto" in "photos", auto(0, 10_000), live;
        /// How often the autoscaler decides.
        tick as "tick_ms": Duration = "500" in "milliseconds", milliseconds(10, 60_000), live;
    }
}

section! {
    /// When a batch is sealed: whichever comes first.
    pub struct Batch in "batch" {
        /// Rows in a batch. All rows of a photo are in one batch, so the last photo may exceed it. `auto`: 50 for each
        /// decode thread, 5,000 to 10,000, at most a third of `queue.max_in_flight`.
        max_rows: usize = "auto" in "rows", auto(1, 1_000_000), live;
        /// Size of a batch before compression. `auto`: 1,600 for each row, at least 8 MiB.
        max_bytes: usize = "auto" in "bytes", auto(KIB, GIB), live;
        /// Age of a batch's oldest row. A message is deleted from the queue once its batch is durable.
        max_age as "max_age_ms": Duration = "2_000" in "milliseconds", milliseconds(1, 600_000), live;
    }
}

section! {
    /// When sealed batches go into the warehouse.
    pub struct Load in "load" {
        /// Time between two loads.
        interval as "interval_ms": Duration = "2_000" in "milliseconds", milliseconds(10, 3_600_000), live;
        /// Batches one load takes.
        max_batches: usize = "64" in "batches", whole(1, 10_000), live;
    }
}

section! {
    /// Optional outputs.
    pub struct Output in "output" {
        /// Also write each photo's result as one JSON object into the results bucket. Costs one write per photo.
        per_photo_json: bool = "false" in "true or false", flag, live;
    }
}

section! {
    /// How long the embedded adapters keep what nothing needs any more, for `scanmill prune` and the engine. 0 is for
    /// ever. In S3, SQS and Redshift lifecycles and retention do this.
    pub struct Retention in "retention" {
        /// Batches, and manifests of loads, this long after the warehouse took them. A warehouse that is made anew can
        /// only load the batches that are left, so back the warehouse up.
        batches as "batch_days": Option<Duration> = "0" in "days", days(0.0, 36_500.0), live;
        /// Records of which photos were announced, for photos that are no longer in the inbox. Should the same file
        /// come back after that, it is read again, and its rows stay as they are.
        announced as "announced_days": Option<Duration> = "0" in "days", days(0.0, 36_500.0), live;
        /// Dead letters. Those that name a photo without rows or final rejection are kept all the same.
        dead_letters as "dead_letter_days": Option<Duration> = "0" in "days", days(0.0, 36_500.0), live;
        /// How often the engine prunes by itself, the first time at its start. 0: only `scanmill prune --yes` does.
        every as "every_hours": Option<Duration> = "0" in "hours", hours(0.0, 8_760.0), live;
    }
}

section! {
    /// The page, metrics and health over HTTP.
    pub struct Metrics in "metrics" {
        /// Address of the page and of `/metrics`, `/healthz`, `/readyz`, `/state`. Port 0 picks a free one; `off`
        /// serves nothing. There is no password: keep it on loopback.
        listen: Option<SocketAddr> = "127.0.0.1:9464" in "IP address and port", text(address), restart;
        /// Names by which the page may be asked for, beside IP addresses and `localhost`: any other `Host` is refused,
        /// because a web page elsewhere can make its own name lead here.
        hosts: Vec<String> = "" in "host names, separated by commas", text(hosts), restart;
    }
}

section! {
    /// Traces of photos, sent to an OpenTelemetry collector (OTLP as JSON over HTTP). Off without an endpoint.
    pub struct Otel in "otel" {
        /// The collector, like `http://127.0.0.1:4318`; `/v1/traces` is added. Empty takes
        /// `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` or `OTEL_EXPORTER_OTLP_ENDPOINT`, and with none of them there are no
        /// traces. Headers with credentials go into `OTEL_EXPORTER_OTLP_HEADERS`; `OTEL_SERVICE_NAME`,
        /// `OTEL_RESOURCE_ATTRIBUTES` and `OTEL_SDK_DISABLED` hold too.
        endpoint: Option<String> = "" in "URL", text(endpoint), restart;
        /// Share of photos that are traced, 0 to 1. A message that belongs to a trace (`AWSTraceHeader`, `traceparent`)
        /// decides for its photos. `OTEL_TRACES_SAMPLER` comes before it where `otel.endpoint` is empty.
        sample: f64 = "0.01" in "share", decimal(0.0, 1.0), restart;
    }
}

section! {
    /// Start and stop.
    pub struct Run in "run" {
        /// How long a drain may take before the rest is left to redelivery.
        drain as "drain_seconds": Duration = "30" in "seconds", seconds(0, 3_600), live;
        /// How much longer than it may a call to queue, store, warehouse or decoder takes until it counts as hung. Then
        /// the pipeline is started anew within the process.
        hung_after as "hung_seconds": Duration = "60" in "seconds", seconds(1, 3_600), live;
        /// Threads for reading and writing files, databases and the network. `auto`: half of the cores up
        /// to 8 threads, or a quarter of the cores.
        io_threads: usize = "auto" in "threads", auto(0, 256), restart;
    }
}

section! {
    /// Logs, on stderr.
    pub struct Log in "log" {
        /// Lines for people, one JSON object a line, or `key=value` pairs.
        format: LogFormat = "text" in "`text`, `json` or `logfmt`",
            words("text" => LogFormat::Text, "json" => LogFormat::Json, "logfmt" => LogFormat::Logfmt), restart;
        /// What is logged: `error`, `warn`, `info`, `debug` or `trace`, also by module like
        /// `info,scanmill::actors=debug`.
        filter: String = "info" in "levels", text(levels), live;
    }
}
