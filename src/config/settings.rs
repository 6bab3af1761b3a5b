//! The checked settings. Every key stands in `config/local.toml` with its default and its unit; a test compares the two.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::domain::notification::KeyEncoding;

use super::machine::{self, Machine};
use crate::domain::Exclusions;
pub use crate::pump::prices::Cost;

/// All settings, by section of the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// `[local]`
    pub local: Local,
    /// `[store]`
    pub store: Store,
    /// `[queue]`
    pub queue: Queue,
    /// `[warehouse]`
    pub warehouse: Warehouse,
    /// `[filter]`
    pub filter: Filter,
    /// `[aws]`
    pub aws: Aws,
    /// `[s3]`
    pub s3: S3,
    /// `[sqs]`
    pub sqs: Sqs,
    /// `[redshift]`
    pub redshift: Redshift,
    /// `[pump]`
    pub pump: Pump,
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
    /// `[retention]`
    pub retention: Retention,
    /// `[metrics]`
    pub metrics: Metrics,
    /// `[otel]`
    pub otel: Otel,
    /// `[run]`
    pub run: Run,
    /// `[cost]`
    pub cost: Cost,
    /// `[log]`
    pub log: Log,
    /// What the limits set to `auto` became, and why.
    pub chosen: Vec<machine::Choice>,
}

/// Where the embedded adapters keep their files.
#[derive(Clone, Debug, PartialEq)]
pub struct Local {
    /// `local.root`: the folder that holds everything: buckets as folders, `queue.sqlite`, `stamps.sqlite`, `warehouse.sqlite`.
    pub root: PathBuf,
    /// `local.watch`: find photos dropped into the inbox by hand.
    pub watch: bool,
    /// `local.quiet_seconds`: how long a file must be unchanged where nobody can tell whether it is still being written.
    pub quiet: Duration,
    /// `local.scan_seconds`: how often the whole inbox is looked at.
    pub scan_every: Duration,
    /// `local.umask`: what of everybody's permissions the files it makes do not have.
    pub umask: u32,
    /// `local.overwrite`: what becomes of a photo's rows when its file holds something else later.
    pub overwrite: Overwrite,
}

/// What becomes of a photo's rows when its file in the inbox holds something else later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overwrite {
    /// The rows of the later content replace them: one file name, one photo.
    Replace,
    /// They stay: each content is a photo of its own, as in a bucket.
    Keep,
}

/// Which store adapter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreKind {
    /// A folder.
    Folder,
    /// Amazon S3 or a store that speaks its language.
    S3,
}

impl StoreKind {
    /// Its name in words.
    pub fn title(self) -> &'static str {
        match self {
            StoreKind::Folder => "folder",
            StoreKind::S3 => "S3",
        }
    }
}

/// Which queue adapter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueKind {
    /// A file in the root folder.
    Sqlite,
    /// Amazon SQS.
    Sqs,
}

impl QueueKind {
    /// Its name in words.
    pub fn title(self) -> &'static str {
        match self {
            QueueKind::Sqlite => "SQLite",
            QueueKind::Sqs => "SQS",
        }
    }
}

/// Which warehouse adapter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WarehouseKind {
    /// A file in the root folder.
    Sqlite,
    /// Amazon Redshift by its Data API.
    Redshift,
}

impl WarehouseKind {
    /// Its name in words.
    pub fn title(self) -> &'static str {
        match self {
            WarehouseKind::Sqlite => "SQLite",
            WarehouseKind::Redshift => "Redshift",
        }
    }
}

/// The object store.
#[derive(Clone, Debug, PartialEq)]
pub struct Store {
    /// `store.kind`: `folder` or `s3`.
    pub kind: StoreKind,
    /// `store.inbox`: bucket photos land in; with `folder` a folder under the root.
    pub inbox: String,
    /// `store.results`: bucket for batches, manifests and per-photo JSON. Never the inbox.
    pub results: String,
    /// `store.accept`: further buckets whose photos are read when a message names them.
    pub accept: Vec<String>,
}

/// The warehouse.
#[derive(Clone, Debug, PartialEq)]
pub struct Warehouse {
    /// `warehouse.kind`: `sqlite` or `redshift`.
    pub kind: WarehouseKind,
}

/// Which notifications name photos. What passes no filter is acknowledged and gives no row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    /// `filter.prefix`: a photo's key starts with it; empty lets all pass.
    pub prefix: String,
    /// `filter.suffixes`: a photo's key ends with one of them, in any case of letters; empty lets all pass.
    pub suffixes: Vec<String>,
    /// `filter.exclude` and `filter.exclude_housekeeping`: keys that are not photos.
    pub exclude: Exclusions,
    /// `filter.min_bytes`: a photo whose notification tells a smaller size is passed over.
    pub min_bytes: u64,
}

/// What all three AWS adapters share.
#[derive(Clone, Debug, PartialEq)]
pub struct Aws {
    /// `aws.region`; `None` takes it from the environment, the profile or the instance.
    pub region: Option<String>,
    /// `aws.profile` of the shared configuration files.
    pub profile: Option<String>,
    /// `aws.assume_role`: ARN of a role to act as.
    pub assume_role: Option<String>,
    /// `aws.attempts`: calls per request, the first included, before the engine hears of a failure.
    pub attempts: u32,
    /// `aws.attempt_timeout_seconds`: longest time for one of them, a long poll's wait on top.
    pub attempt_timeout: Duration,
}

/// Amazon S3.
#[derive(Clone, Debug, PartialEq)]
pub struct S3 {
    /// `s3.endpoint`: URL of an S3-compatible store.
    pub endpoint: Option<String>,
    /// `s3.path_style`: the bucket in the path instead of the host name.
    pub path_style: bool,
}

/// Amazon SQS.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sqs {
    /// `sqs.queue_url`
    pub queue_url: String,
    /// `sqs.endpoint`: URL of another SQS server; the queue URL's host then does not matter.
    pub endpoint: Option<String>,
}

/// Amazon Redshift.
#[derive(Clone, Debug, PartialEq)]
pub struct Redshift {
    /// `redshift.workgroup`: name of a Serverless workgroup. This or `cluster`.
    pub workgroup: Option<String>,
    /// `redshift.cluster`: identifier of a provisioned cluster. This or `workgroup`.
    pub cluster: Option<String>,
    /// `redshift.database`
    pub database: String,
    /// `redshift.schema`: where tables, ledger and marts stand.
    pub schema: String,
    /// `redshift.db_user`: database user, for a cluster and temporary credentials.
    pub db_user: Option<String>,
    /// `redshift.secret_arn`: secret with user and password.
    pub secret_arn: Option<String>,
    /// `redshift.copy_role`: ARN of the role COPY reads S3 with, or `default`.
    pub copy_role: String,
    /// `redshift.endpoint`: URL of another Data API server.
    pub endpoint: Option<String>,
    /// `redshift.statement_timeout_seconds`: longest time a load may take.
    pub statement_timeout: Duration,
}

/// The two halves of the pump.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pump {
    /// `pump.stamp_queue_url`: with `queue.kind` `sqs`.
    pub stamp_queue_url: String,
}

/// Leases and redelivery.
#[derive(Clone, Debug, PartialEq)]
pub struct Queue {
    /// `queue.kind`: `sqlite` or `sqs`.
    pub kind: QueueKind,
    /// `queue.key_encoding`: how classic events write keys.
    pub key_encoding: KeyEncoding,
    /// `queue.visibility_timeout_seconds`
    pub visibility_timeout: Duration,
    /// `queue.wait_seconds`: long poll.
    pub wait: Duration,
    /// `queue.max_receives`: a photo whose fetch failed in this many deliveries, each while the store answered others, is
    /// rejected as `retries_exhausted`.
    pub max_receives: u32,
    /// `queue.dead_letter_after`: the queue's own limit, above `max_receives`. At its last receive a photo is rejected
    /// as `retries_exhausted` without being tried: it may be what takes the process down.
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
    /// `decode.place_zone`: the zone of the place stands in for an offset that a photo does not give.
    pub place_zone: bool,
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
    /// `metrics.hosts`: names it may be asked by, beside IP addresses and `localhost`.
    pub hosts: Vec<String>,
}

/// Start and stop.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// `run.drain_seconds`: how long a drain may take before the rest is left to redelivery.
    pub drain: Duration,
    /// `run.hung_seconds`: on top of what a call may take, before it counts as hung.
    pub hung_after: Duration,
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
    /// `key=value` pairs, as Prometheus writes them.
    Logfmt,
}

impl LogFormat {
    /// The format of this name.
    pub fn named(name: &str) -> Option<LogFormat> {
        match name {
            "text" => Some(LogFormat::Text),
            "json" => Some(LogFormat::Json),
            "logfmt" => Some(LogFormat::Logfmt),
            _ => None,
        }
    }
}

/// Traces of photos.
#[derive(Clone, Debug, PartialEq)]
pub struct Otel {
    /// `otel.endpoint`: the collector, without `/v1/traces`.
    pub endpoint: Option<String>,
    /// `otel.sample`: share of photos, 0 to 1.
    pub sample: f64,
}

/// Logs.
#[derive(Clone, Debug, PartialEq)]
pub struct Log {
    /// `log.format`: `text`, `json` or `logfmt`.
    pub format: LogFormat,
    /// `log.filter`: like `info,scanmill=debug`.
    pub filter: String,
}

/// How long the embedded adapters keep what nothing needs any more; `None` is for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// `retention.batch_days`: batches, since they were loaded.
    pub batches: Option<Duration>,
    /// `retention.announced_days`: records of announcements of photos that are gone.
    pub announced: Option<Duration>,
    /// `retention.dead_letter_days`: dead letters.
    pub dead_letters: Option<Duration>,
    /// `retention.every_hours`: how often the engine prunes by itself; `None` is never.
    pub every: Option<Duration>,
}

impl Default for Settings {
    /// The defaults, with what `auto` means on this machine.
    fn default() -> Self {
        let mut settings = Settings::unchosen();
        machine::choose(&mut settings, Machine::here());
        settings
    }
}

impl Settings {
    /// Within which time queue and store answer a call, or say that they cannot: all its attempts together.
    pub fn answers_within(&self) -> Duration {
        self.aws.attempt_timeout * self.aws.attempts * 2
    }

    /// Sets every limit whose default is `auto` to 0, which stands for it until [`machine::choose`].
    pub(super) fn clear_auto(&mut self) {
        (self.decode.threads, self.decode.heic_at_once) = (0, 0);
        (self.scale.max_decodes, self.scale.max_fetches) = (0, 0);
        (self.batch.max_rows, self.batch.max_bytes) = (0, 0);
        (self.queue.max_in_flight, self.run.io_threads) = (0, 0);
        (self.memory.fetched_bytes, self.memory.decode_bytes) = (0, 0);
    }

    /// The defaults, with 0 for each limit that is `auto`.
    pub(super) fn unchosen() -> Settings {
        Settings {
            local: Local {
                root: "data".into(),
                watch: true,
                quiet: Duration::from_secs(10),
                scan_every: Duration::from_secs(60),
                umask: 0o077,
                overwrite: Overwrite::Replace,
            },
            store: Store {
                kind: StoreKind::Folder,
                inbox: "inbox".into(),
                results: "results".into(),
                accept: Vec::new(),
            },
            queue: Queue {
                kind: QueueKind::Sqlite,
                key_encoding: KeyEncoding::Form,
                visibility_timeout: Duration::from_secs(60),
                wait: Duration::from_secs(20),
                max_receives: 8,
                dead_letter_after: 25,
                max_in_flight: 0,
            },
            warehouse: Warehouse { kind: WarehouseKind::Sqlite },
            filter: Filter::default(),
            aws: Aws {
                region: None,
                profile: None,
                assume_role: None,
                attempts: 2,
                attempt_timeout: Duration::from_secs(30),
            },
            s3: S3 { endpoint: None, path_style: false },
            sqs: Sqs::default(),
            redshift: Redshift {
                workgroup: None,
                cluster: None,
                database: "scanmill".into(),
                schema: "public".into(),
                db_user: None,
                secret_arn: None,
                copy_role: "default".into(),
                endpoint: None,
                statement_timeout: Duration::from_secs(900),
            },
            pump: Pump::default(),
            limits: Limits {
                max_file_bytes: 32 << 20,
                max_megapixels: 64,
                max_side: 16_384,
                max_pixels_per_byte: 1_000,
                photo_time_budget: Duration::from_secs(5),
                heic_time_budget: Duration::from_secs(20),
            },
            memory: Memory { fetched_bytes: 0, decode_bytes: 0 },
            decode: Decode { codes: Codes::All, threads: 0, heic: true, heic_at_once: 0, place_zone: true },
            scale: Scale {
                min_fetches: 2,
                max_fetches: 0,
                min_decodes: 1,
                max_decodes: 0,
                tick: Duration::from_millis(500),
            },
            batch: Batch { max_rows: 0, max_bytes: 0, max_age: Duration::from_secs(2) },
            load: Load { interval: Duration::from_secs(2), max_batches: 64 },
            output: Output { per_photo_json: false },
            retention: Retention::default(),
            metrics: Metrics { listen: Some(SocketAddr::from(([127, 0, 0, 1], 9464))), hosts: Vec::new() },
            otel: Otel { endpoint: None, sample: 0.01 },
            run: Run { drain: Duration::from_secs(30), hung_after: Duration::from_secs(60), io_threads: 0 },
            cost: Cost::default(),
            log: Log { format: LogFormat::Text, filter: "info".into() },
            chosen: Vec::new(),
        }
    }
}
