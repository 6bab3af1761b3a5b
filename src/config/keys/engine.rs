//! Keys of how the engine works.

use std::time::Duration;

use crate::config::forms::{days, endpoint, saturating_u32, size};
use crate::config::key::{Key, Kind};
use crate::config::settings::{Codes, LogFormat};

/// One kibibyte.
const KIB: u64 = 1 << 10;
/// One gibibyte.
const GIB: u64 = 1 << 30;

pub(super) static KEYS: &[Key] = &[
    Key {
        section: "limits",
        name: "max_file_bytes",
        default: "33_554_432",
        unit: "bytes",
        doc: "Largest file.",
        kind: Kind::Whole { min: KIB, max: 4 * GIB, set: |s, v| s.limits.max_file_bytes = v },
    },
    Key {
        section: "limits",
        name: "max_megapixels",
        default: "64",
        unit: "megapixels",
        doc: "Largest picture, by its header.",
        kind: Kind::Whole { min: 1, max: 1_000, set: |s, v| s.limits.max_megapixels = saturating_u32(v) },
    },
    Key {
        section: "limits",
        name: "max_side_pixels",
        default: "16_384",
        unit: "pixels",
        doc: "Longest side of a picture, by its header.",
        kind: Kind::Whole { min: 64, max: 65_535, set: |s, v| s.limits.max_side = saturating_u32(v) },
    },
    Key {
        section: "limits",
        name: "max_pixels_per_byte",
        default: "1_000",
        unit: "pixels per byte",
        doc: "A file that unpacks to more pixels than this for each of its bytes is taken for a bomb.",
        kind: Kind::Whole { min: 1, max: 1_000_000, set: |s, v| s.limits.max_pixels_per_byte = saturating_u32(v) },
    },
    Key {
        section: "limits",
        name: "photo_time_budget_ms",
        default: "5_000",
        unit: "milliseconds",
        doc: "Longest CPU time for reading one photo; one that takes longer becomes a `timed_out` rejection.",
        kind: Kind::Whole { min: 10, max: 600_000, set: |s, v| s.limits.photo_time_budget = Duration::from_millis(v) },
    },
    Key {
        section: "limits",
        name: "heic_time_budget_ms",
        default: "20_000",
        unit: "milliseconds",
        doc: "The same for a HEIC photo, whose pixels take about twenty times those of a JPEG: pixels and codes together. Reading the codes alone may take no longer than `photo_time_budget_ms`.",
        kind: Kind::Whole { min: 10, max: 600_000, set: |s, v| s.limits.heic_time_budget = Duration::from_millis(v) },
    },
    Key {
        section: "memory",
        name: "fetched_bytes",
        default: "auto",
        unit: "bytes",
        doc: "Photo files in memory at once. At least `limits.max_file_bytes`. `auto`: a sixteenth of the memory of the machine or its container, at most 4 GiB.",
        kind: Kind::WholeOrAuto { min: KIB, max: 1_024 * GIB, set: |s, v| s.memory.fetched_bytes = v },
    },
    Key {
        section: "memory",
        name: "decode_bytes",
        default: "auto",
        unit: "bytes",
        doc: "Decoded pixels and the codecs' working memory at once. At least 4 bytes for each pixel of `limits.max_megapixels`. `auto`: a quarter of the memory.",
        kind: Kind::WholeOrAuto { min: KIB, max: 1_024 * GIB, set: |s, v| s.memory.decode_bytes = v },
    },
    Key {
        section: "decode",
        name: "codes",
        default: "all",
        unit: "`all` or `first`",
        doc: "Read every code of a photo, or stop at the first.",
        kind: Kind::Text {
            set: |s, v| {
                s.decode.codes = match v {
                    "all" => Codes::All,
                    "first" => Codes::First,
                    _ => return Err("`all` or `first`"),
                };
                Ok(())
            },
        },
    },
    Key {
        section: "decode",
        name: "threads",
        default: "auto",
        unit: "threads",
        doc: "Threads of the decoder pool. `auto`: one per core.",
        kind: Kind::WholeOrAuto { min: 0, max: 1_024, set: |s, v| s.decode.threads = size(v) },
    },
    Key {
        section: "decode",
        name: "heic",
        default: "true",
        unit: "true or false",
        doc: "Read HEIC photos. Otherwise each becomes an `unsupported` rejection.",
        kind: Kind::Flag { set: |s, v| s.decode.heic = v },
    },
    Key {
        section: "decode",
        name: "heic_at_once",
        default: "auto",
        unit: "photos",
        doc: "HEIC photos decoded at once, on threads of their own beside `threads`, so that they never hold up others. `auto`: a quarter of `threads`, at least 1. Raise it where most photos are HEIC.",
        kind: Kind::WholeOrAuto { min: 0, max: 1_024, set: |s, v| s.decode.heic_at_once = size(v) },
    },
    Key {
        section: "decode",
        name: "place_zone",
        default: "true",
        unit: "true or false",
        doc: "Where a photo has coordinates but no offset to UTC, take that of the time zone at the place. `captured_at_source` says so. Otherwise `captured_at` stays empty.",
        kind: Kind::Flag { set: |s, v| s.decode.place_zone = v },
    },
    Key {
        section: "scale",
        name: "min_fetches",
        default: "2",
        unit: "photos",
        doc: "Fewest photos fetched at once.",
        kind: Kind::Whole { min: 1, max: 10_000, set: |s, v| s.scale.min_fetches = size(v) },
    },
    Key {
        section: "scale",
        name: "max_fetches",
        default: "auto",
        unit: "photos",
        doc: "Most photos fetched at once. `auto`: 75 for each decode thread, at least 64, as far as the open files allow.",
        kind: Kind::WholeOrAuto { min: 1, max: 10_000, set: |s, v| s.scale.max_fetches = size(v) },
    },
    Key {
        section: "scale",
        name: "min_decodes",
        default: "1",
        unit: "photos",
        doc: "Fewest photos handed to the decoder pool at once.",
        kind: Kind::Whole { min: 1, max: 10_000, set: |s, v| s.scale.min_decodes = size(v) },
    },
    Key {
        section: "scale",
        name: "max_decodes",
        default: "auto",
        unit: "photos",
        doc: "Most photos handed to the decoder pool at once. `auto`: twice `decode.threads`.",
        kind: Kind::WholeOrAuto { min: 0, max: 10_000, set: |s, v| s.scale.max_decodes = size(v) },
    },
    Key {
        section: "scale",
        name: "tick_ms",
        default: "500",
        unit: "milliseconds",
        doc: "How often the autoscaler decides.",
        kind: Kind::Whole { min: 10, max: 60_000, set: |s, v| s.scale.tick = Duration::from_millis(v) },
    },
    Key {
        section: "batch",
        name: "max_rows",
        default: "auto",
        unit: "rows",
        doc: "Rows in a batch. All rows of a photo are in one batch, so the last photo may exceed it. `auto`: 50 for each decode thread, 5,000 to 10,000, at most a third of `queue.max_in_flight`.",
        kind: Kind::WholeOrAuto { min: 1, max: 1_000_000, set: |s, v| s.batch.max_rows = size(v) },
    },
    Key {
        section: "batch",
        name: "max_bytes",
        default: "auto",
        unit: "bytes",
        doc: "Size of a batch before compression. `auto`: 1,600 for each row, at least 8 MiB.",
        kind: Kind::WholeOrAuto { min: KIB, max: GIB, set: |s, v| s.batch.max_bytes = size(v) },
    },
    Key {
        section: "batch",
        name: "max_age_ms",
        default: "2_000",
        unit: "milliseconds",
        doc: "Age of a batch's oldest row. A message is deleted from the queue once its batch is durable.",
        kind: Kind::Whole { min: 1, max: 600_000, set: |s, v| s.batch.max_age = Duration::from_millis(v) },
    },
    Key {
        section: "load",
        name: "interval_ms",
        default: "2_000",
        unit: "milliseconds",
        doc: "Time between two loads.",
        kind: Kind::Whole { min: 10, max: 3_600_000, set: |s, v| s.load.interval = Duration::from_millis(v) },
    },
    Key {
        section: "load",
        name: "max_batches",
        default: "64",
        unit: "batches",
        doc: "Batches one load takes.",
        kind: Kind::Whole { min: 1, max: 10_000, set: |s, v| s.load.max_batches = size(v) },
    },
    Key {
        section: "output",
        name: "per_photo_json",
        default: "false",
        unit: "true or false",
        doc: "Also write each photo's result as one JSON object into the results bucket. Costs one write per photo.",
        kind: Kind::Flag { set: |s, v| s.output.per_photo_json = v },
    },
    Key {
        section: "retention",
        name: "batch_days",
        default: "0",
        unit: "days",
        doc: "Batches, and manifests of loads, this long after the warehouse took them. A warehouse that is made anew can only load the batches that are left, so back the warehouse up.",
        kind: Kind::Decimal { min: 0.0, max: 36_500.0, set: |s, v| s.retention.batches = days(v) },
    },
    Key {
        section: "retention",
        name: "announced_days",
        default: "0",
        unit: "days",
        doc: "Records of which photos were announced, for photos that are no longer in the inbox. Should the same file come back after that, it is read again, and its rows stay as they are.",
        kind: Kind::Decimal { min: 0.0, max: 36_500.0, set: |s, v| s.retention.announced = days(v) },
    },
    Key {
        section: "retention",
        name: "dead_letter_days",
        default: "0",
        unit: "days",
        doc: "Dead letters. Those that name a photo without rows or final rejection are kept all the same.",
        kind: Kind::Decimal { min: 0.0, max: 36_500.0, set: |s, v| s.retention.dead_letters = days(v) },
    },
    Key {
        section: "retention",
        name: "every_hours",
        default: "0",
        unit: "hours",
        doc: "How often the engine prunes by itself, the first time at its start. 0: only `scanmill prune --yes` does.",
        kind: Kind::Decimal { min: 0.0, max: 8_760.0, set: |s, v| s.retention.every = days(v / 24.0) },
    },
    Key {
        section: "metrics",
        name: "listen",
        default: "127.0.0.1:9464",
        unit: "IP address and port",
        doc: "Address of the page and of `/metrics`, `/healthz`, `/readyz`, `/state`. Port 0 picks a free one; `off` serves nothing. There is no password: keep it on loopback.",
        kind: Kind::Text {
            set: |s, v| {
                s.metrics.listen = match v {
                    "" | "off" => None,
                    address => {
                        Some(address.parse().map_err(|_| "an IP address with port like `127.0.0.1:9464`, or `off`")?)
                    }
                };
                Ok(())
            },
        },
    },
    Key {
        section: "metrics",
        name: "hosts",
        default: "",
        unit: "host names, separated by commas",
        doc: "Names by which the page may be asked for, beside IP addresses and `localhost`: any other `Host` is refused, because a web page elsewhere can make its own name lead here.",
        kind: Kind::Text {
            set: |s, v| {
                s.metrics.hosts.clear();
                for name in v.split(',').map(str::trim).filter(|name| !name.is_empty()) {
                    if name.contains([':', '/', ' ']) {
                        return Err("host names without scheme and port, like `engine-1.internal`");
                    }
                    s.metrics.hosts.push(name.trim_end_matches('.').to_owned());
                }
                Ok(())
            },
        },
    },
    Key {
        section: "otel",
        name: "endpoint",
        default: "",
        unit: "URL",
        doc: "The collector, like `http://127.0.0.1:4318`; `/v1/traces` is added. Empty takes `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` or `OTEL_EXPORTER_OTLP_ENDPOINT`, and with none of them there are no traces. Headers with credentials go into `OTEL_EXPORTER_OTLP_HEADERS`; `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES` and `OTEL_SDK_DISABLED` hold too.",
        kind: Kind::Text { set: |s, v| endpoint(v, &mut s.otel.endpoint) },
    },
    Key {
        section: "otel",
        name: "sample",
        default: "0.01",
        unit: "share",
        doc: "Share of photos that are traced, 0 to 1. A message that belongs to a trace (`AWSTraceHeader`, `traceparent`) decides for its photos. `OTEL_TRACES_SAMPLER` comes before it where `otel.endpoint` is empty.",
        kind: Kind::Decimal { min: 0.0, max: 1.0, set: |s, v| s.otel.sample = v },
    },
    Key {
        section: "run",
        name: "drain_seconds",
        default: "30",
        unit: "seconds",
        doc: "How long a drain may take before the rest is left to redelivery.",
        kind: Kind::Whole { min: 0, max: 3_600, set: |s, v| s.run.drain = Duration::from_secs(v) },
    },
    Key {
        section: "run",
        name: "hung_seconds",
        default: "60",
        unit: "seconds",
        doc: "How much longer than it may a call to queue, store, warehouse or decoder takes until it counts as hung. Then the pipeline is started anew within the process.",
        kind: Kind::Whole { min: 1, max: 3_600, set: |s, v| s.run.hung_after = Duration::from_secs(v) },
    },
    Key {
        section: "run",
        name: "io_threads",
        default: "auto",
        unit: "threads",
        doc: "Threads for reading and writing files, databases and the network. `auto`: a quarter of the cores, or all of them up to 8.",
        kind: Kind::WholeOrAuto { min: 0, max: 256, set: |s, v| s.run.io_threads = size(v) },
    },
    Key {
        section: "log",
        name: "format",
        default: "text",
        unit: "`text`, `json` or `logfmt`",
        doc: "Lines for people, one JSON object a line, or `key=value` pairs.",
        kind: Kind::Text {
            set: |s, v| {
                s.log.format = LogFormat::named(v).ok_or("`text`, `json` or `logfmt`")?;
                Ok(())
            },
        },
    },
    Key {
        section: "log",
        name: "filter",
        default: "info",
        unit: "levels",
        doc: "What is logged: `error`, `warn`, `info`, `debug` or `trace`, also by module like `info,scanmill::actors=debug`.",
        kind: Kind::Text {
            set: |s, v| match tracing_subscriber::EnvFilter::try_new(v) {
                Ok(_) if !v.trim().is_empty() => {
                    v.clone_into(&mut s.log.filter);
                    Ok(())
                }
                _ => Err("levels like `info` or `info,scanmill=debug`"),
            },
        },
    },
];
