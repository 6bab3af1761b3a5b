//! The table of every key. Order is the order of `config/local.toml`.

use std::time::Duration;

use super::key::{Key, Kind};
use super::settings::{Codes, LogFormat, Settings};

/// One kibibyte.
const KIB: u64 = 1 << 10;
/// One gibibyte.
const GIB: u64 = 1 << 30;

/// The sections, in order, each with what it is about.
pub static SECTIONS: &[(&str, &str)] = &[
    ("local", "Where the embedded queue, object store and warehouse keep their files."),
    ("queue", "Leases and redelivery."),
    ("limits", "What a photo may be; one over a limit becomes a rejection row."),
    ("memory", "The two memory budgets. With them the engine's memory does not grow with the backlog."),
    ("decode", "The decoder pool."),
    ("scale", "Bounds within which the autoscaler moves."),
    ("batch", "When a batch is sealed: whichever comes first."),
    ("load", "When sealed batches go into the warehouse."),
    ("output", "Optional outputs."),
    ("metrics", "The page, metrics and health over HTTP."),
    ("run", "Start and stop."),
    ("log", "Logs, on stderr."),
];

/// Every key.
pub static KEYS: &[Key] = &[
    Key {
        section: "local",
        name: "root",
        default: "data",
        unit: "folder",
        doc: "Holds everything: buckets as folders, `queue.sqlite`, `warehouse.sqlite`.",
        kind: Kind::Folder { set: |s, v| s.local.root = v },
    },
    Key {
        section: "local",
        name: "inbox",
        default: "inbox",
        unit: "bucket name",
        doc: "Bucket (folder under the root) that photos land in.",
        kind: Kind::Text { set: |s, v| bucket(v, &mut s.local.inbox) },
    },
    Key {
        section: "local",
        name: "results",
        default: "results",
        unit: "bucket name",
        doc: "Bucket for batches, manifests and per-photo JSON. Never the inbox.",
        kind: Kind::Text { set: |s, v| bucket(v, &mut s.local.results) },
    },
    Key {
        section: "local",
        name: "watch",
        default: "true",
        unit: "true or false",
        doc: "Also find photos that are copied into the inbox by hand.",
        kind: Kind::Flag { set: |s, v| s.local.watch = v },
    },
    Key {
        section: "queue",
        name: "visibility_timeout_seconds",
        default: "60",
        unit: "seconds",
        doc: "How long a received message stays hidden from others; extended while its photos are in work. After a crash this is the wait until they are processed again.",
        kind: Kind::Whole { min: 1, max: 43_200, set: |s, v| s.queue.visibility_timeout = Duration::from_secs(v) },
    },
    Key {
        section: "queue",
        name: "wait_seconds",
        default: "20",
        unit: "seconds",
        doc: "How long one receive waits for a first message (long poll).",
        kind: Kind::Whole { min: 0, max: 20, set: |s, v| s.queue.wait = Duration::from_secs(v) },
    },
    Key {
        section: "queue",
        name: "max_receives",
        default: "8",
        unit: "receives",
        doc: "A photo whose fetch still fails when its message is received this often becomes a `gave_up` rejection.",
        kind: Kind::Whole { min: 1, max: 1_000, set: |s, v| s.queue.max_receives = narrow(v) },
    },
    Key {
        section: "queue",
        name: "dead_letter_after",
        default: "25",
        unit: "receives",
        doc: "The queue's own limit, above `max_receives`. A photo that comes this often without an end is rejected untried: \
              it may be what takes the process down each time.",
        kind: Kind::Whole { min: 2, max: 1_000, set: |s, v| s.queue.dead_letter_after = narrow(v) },
    },
    Key {
        section: "queue",
        name: "max_in_flight",
        default: "2_000",
        unit: "messages",
        doc: "Messages received and not yet settled.",
        kind: Kind::Whole { min: 1, max: 100_000, set: |s, v| s.queue.max_in_flight = size(v) },
    },
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
        kind: Kind::Whole { min: 1, max: 1_000, set: |s, v| s.limits.max_megapixels = narrow(v) },
    },
    Key {
        section: "limits",
        name: "max_side_pixels",
        default: "16_384",
        unit: "pixels",
        doc: "Longest side of a picture, by its header.",
        kind: Kind::Whole { min: 64, max: 65_535, set: |s, v| s.limits.max_side = narrow(v) },
    },
    Key {
        section: "limits",
        name: "max_pixels_per_byte",
        default: "1_000",
        unit: "pixels per byte",
        doc: "A file that unpacks to more pixels than this for each of its bytes is taken for a bomb.",
        kind: Kind::Whole { min: 1, max: 1_000_000, set: |s, v| s.limits.max_pixels_per_byte = narrow(v) },
    },
    Key {
        section: "limits",
        name: "photo_time_budget_ms",
        default: "5_000",
        unit: "milliseconds",
        doc: "Longest time for reading one photo; one that takes longer becomes a `timed_out` rejection.",
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
        default: "67_108_864",
        unit: "bytes",
        doc: "Photo files in memory at once. At least `limits.max_file_bytes`.",
        kind: Kind::Whole { min: KIB, max: 1_024 * GIB, set: |s, v| s.memory.fetched_bytes = v },
    },
    Key {
        section: "memory",
        name: "decode_bytes",
        default: "268_435_456",
        unit: "bytes",
        doc: "Decoded pixels and the codecs' working memory at once. At least 4 bytes for each pixel of `limits.max_megapixels`.",
        kind: Kind::Whole { min: KIB, max: 1_024 * GIB, set: |s, v| s.memory.decode_bytes = v },
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
        default: "0",
        unit: "threads",
        doc: "Threads of the decoder pool; 0 means one per core.",
        kind: Kind::Whole { min: 0, max: 1_024, set: |s, v| s.decode.threads = size(v) },
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
        default: "0",
        unit: "photos",
        doc: "HEIC photos decoded at once, on threads of their own beside `threads`, so that they never hold up others; 0 means a quarter of `threads`, at least 1. Raise it where most photos are HEIC.",
        kind: Kind::Whole { min: 0, max: 1_024, set: |s, v| s.decode.heic_at_once = size(v) },
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
        default: "64",
        unit: "photos",
        doc: "Most photos fetched at once.",
        kind: Kind::Whole { min: 1, max: 10_000, set: |s, v| s.scale.max_fetches = size(v) },
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
        default: "0",
        unit: "photos",
        doc: "Most photos handed to the decoder pool at once; 0 means twice `decode.threads`.",
        kind: Kind::Whole { min: 0, max: 10_000, set: |s, v| s.scale.max_decodes = size(v) },
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
        default: "5_000",
        unit: "rows",
        doc: "Rows in a batch. All rows of a photo stand in one batch, so the last photo may pass it.",
        kind: Kind::Whole { min: 1, max: 1_000_000, set: |s, v| s.batch.max_rows = size(v) },
    },
    Key {
        section: "batch",
        name: "max_bytes",
        default: "8_388_608",
        unit: "bytes",
        doc: "Size of a batch before compression.",
        kind: Kind::Whole { min: KIB, max: GIB, set: |s, v| s.batch.max_bytes = size(v) },
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
        section: "run",
        name: "drain_seconds",
        default: "30",
        unit: "seconds",
        doc: "How long a drain may take before the rest is left to redelivery.",
        kind: Kind::Whole { min: 0, max: 3_600, set: |s, v| s.run.drain = Duration::from_secs(v) },
    },
    Key {
        section: "run",
        name: "io_threads",
        default: "0",
        unit: "threads",
        doc: "Threads for reading and writing files and databases; 0 means one per core, at most 8.",
        kind: Kind::Whole { min: 0, max: 256, set: |s, v| s.run.io_threads = size(v) },
    },
    Key {
        section: "log",
        name: "format",
        default: "text",
        unit: "`text` or `json`",
        doc: "Lines for people, or one JSON object a line.",
        kind: Kind::Text {
            set: |s, v| {
                s.log.format = match v {
                    "text" => LogFormat::Text,
                    "json" => LogFormat::Json,
                    _ => return Err("`text` or `json`"),
                };
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

/// The key `section.name`.
pub fn find(section: &str, name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.section == section && key.name == name)
}

/// Fills in what 0 stands for.
pub(super) fn resolve(settings: &mut Settings) {
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
    if settings.decode.threads == 0 {
        settings.decode.threads = cores;
    }
    if settings.decode.heic_at_once == 0 {
        settings.decode.heic_at_once = (settings.decode.threads / 4).max(1);
    }
    if settings.scale.max_decodes == 0 {
        settings.scale.max_decodes = settings.decode.threads.saturating_mul(2).max(settings.scale.min_decodes);
    }
    if settings.run.io_threads == 0 {
        settings.run.io_threads = cores.min(8);
    }
}

/// S3's rule for bucket names, so that a local setup moves to S3 unchanged.
fn bucket(name: &str, target: &mut String) -> Result<(), &'static str> {
    let edge = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let bytes = name.as_bytes();
    let allowed = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-' || *b == b'.';
    let valid = (3..=63).contains(&bytes.len())
        && bytes.iter().all(allowed)
        && edge(bytes.first())
        && edge(bytes.last())
        && !name.contains("..")
        && name.parse::<std::net::Ipv4Addr>().is_err();
    if !valid {
        return Err("a bucket name: 3 to 63 lower-case letters, digits, `-` or `.`, a letter or digit at both ends");
    }
    name.clone_into(target);
    Ok(())
}

/// The table's bounds keep every such number within 32 bits.
fn narrow(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

fn size(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}
