//! The exporter shows exactly the metrics of `telemetry::names`, and each of them is used.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use image::{ImageFormat, Luma};
use scanmill::actors::supervisor::Phase;
use scanmill::app::{self, Engine};
use scanmill::config::Settings;
use scanmill::console::{self, ConsoleState};
use scanmill::decode::rung_names;
use scanmill::domain::RungName;
use scanmill::store::PutMode;
use scanmill::telemetry::metric::LabelValue;
use scanmill::telemetry::names::{self, Metric, MetricKind};
use scanmill::telemetry::{Workers, recorder};
use tokio_util::sync::CancellationToken;

/// One family of the exposition: help, type, and its series by the value of the label, if it has one.
#[derive(Debug, Default, PartialEq)]
struct Family {
    help: String,
    kind: String,
    /// Label name and value to the value, for a histogram to its count.
    series: BTreeMap<Option<(String, String)>, f64>,
}

fn parse(text: &str) -> BTreeMap<String, Family> {
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, help) = help.split_once(' ').unwrap();
            families.entry(name.to_owned()).or_default().help = help.to_owned();
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').unwrap();
            families.entry(name.to_owned()).or_default().kind = kind.to_owned();
        } else {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
            let mut labels: BTreeMap<String, String> = labels
                .trim_end_matches('}')
                .split_terminator(',')
                .map(|label| {
                    let (name, value) = label.split_once('=').unwrap();
                    (name.to_owned(), value.trim_matches('"').to_owned())
                })
                .collect();
            // A histogram is three names; its count stands for it.
            let bucket = labels.remove("le").is_some();
            let histogram = ["_bucket", "_sum", "_count"].iter().find_map(|ending| name.strip_suffix(ending));
            let histogram =
                histogram.filter(|name| families.get(*name).is_some_and(|family| family.kind == "histogram"));
            assert_eq!(bucket, histogram.is_some() && name.ends_with("_bucket"), "{line}");
            assert!(labels.len() <= 1, "more than one label: {line}");
            if histogram.is_some() && !name.ends_with("_count") {
                continue;
            }
            let family = families.get_mut(histogram.unwrap_or(name)).unwrap_or_else(|| panic!("untyped: {line}"));
            assert_eq!(family.series.insert(labels.pop_first(), value.parse().unwrap()), None, "twice: {line}");
        }
    }
    families
}

fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert!(!head.to_lowercase().contains("transfer-encoding"), "{head}");
    body.to_owned()
}

fn png(picture: &image::GrayImage) -> Bytes {
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner().into()
}

fn qr_png(text: &str) -> Bytes {
    let code = qrcode::QrCode::new(text).unwrap();
    let side = code.width();
    let dark = |module: u32| (module as usize).checked_sub(4).filter(|module| *module < side);
    png(&image::GrayImage::from_fn((side as u32 + 8) * 4, (side as u32 + 8) * 4, |x, y| {
        match (dark(x / 4), dark(y / 4)) {
            (Some(x), Some(y)) if code[(x, y)] == qrcode::Color::Dark => Luma([0]),
            _ => Luma([255]),
        }
    }))
}

/// Runs an engine over a few photos; what `/metrics` answers before, and after the drain.
fn metrics_of_a_run() -> (BTreeMap<String, Family>, BTreeMap<String, Family>) {
    let root = tempfile::tempdir().unwrap();
    let mut settings = Settings::default();
    settings.local.root = root.path().to_owned();
    settings.local.watch = false;
    settings.load.interval = Duration::from_millis(50);
    app::make_folders(&settings).unwrap();
    let ports = app::open(&settings).unwrap();
    app::run_system(&settings, async {
        recorder::install()?;
        recorder::install()?;
        let state = ConsoleState {
            metrics: Arc::new(recorder::render),
            ready: Arc::new(|| Ok(())),
            health: Arc::new(|| Ok(())),
            state: Arc::new(|| serde_json::Value::Null),
            history: Arc::new(|| serde_json::Value::Null),
            scans: Arc::new(|| Box::pin(async { console::Kept::of(&serde_json::Value::Null) })),
            rejected: Arc::new(|| console::Kept::of(&serde_json::Value::Null)),
            picture: Arc::new(|_| None),
            hosts: Arc::default(),
        };
        let stop = CancellationToken::new();
        let (address, _) = console::serve(([127, 0, 0, 1], 0).into(), state, stop.clone()).await?;
        let ask = async || {
            let answer = tokio::task::spawn_blocking(move || get(address, "/metrics"));
            parse(&answer.await.unwrap())
        };
        let before = ask().await;
        let blank = png(&image::GrayImage::from_pixel(100, 100, Luma([255])));
        let photos: [(&str, Bytes); 5] = [
            ("a.png", qr_png("https://shop.example/p/1")),
            ("b.png", qr_png("https://shop.example/p/2")),
            ("blank.png", blank),
            ("empty.png", "".into()),
            ("notes.txt", "this is not a photo".into()),
        ];
        for (key, bytes) in photos {
            ports.store.put(&settings.store.inbox, key, bytes, PutMode::Overwrite).await?;
        }
        ports.queue.send(&["no notification".to_owned()]).await?;
        let engine = Engine::start(Arc::new(settings.clone()), ports.clone()).await?;
        tokio::time::timeout(Duration::from_secs(60), engine.idle()).await.unwrap()?;
        engine.drain();
        assert_eq!(engine.ended().await, Phase::Drained);
        let after = ask().await;
        stop.cancel();
        Ok((before, after))
    })
    .unwrap()
}

fn kind(metric: &Metric) -> &'static str {
    match metric.kind {
        MetricKind::Counter => "counter",
        MetricKind::Gauge => "gauge",
        MetricKind::Histogram => "histogram",
    }
}

fn of(family: &Family, label: Option<&str>) -> f64 {
    let found = family.series.iter().find(|(named, _)| named.as_ref().map(|(_, value)| value.as_str()) == label);
    *found.unwrap_or_else(|| panic!("{label:?} of {family:?}")).1
}

#[test]
fn the_exporter_shows_exactly_the_listed_metrics() {
    let (before, after) = metrics_of_a_run();
    for (when, shown) in [("before", &before), ("after", &after)] {
        let expected: BTreeSet<&str> = names::ALL.iter().map(|metric| metric.name).collect();
        assert_eq!(shown.keys().map(String::as_str).collect::<BTreeSet<_>>(), expected, "{when}");
        for metric in names::ALL {
            let family = &shown[metric.name];
            assert_eq!((family.help.as_str(), family.kind.as_str()), (metric.help, kind(metric)), "{}", metric.name);
            let series: BTreeSet<Option<(String, String)>> = match metric.label {
                None => [None].into(),
                Some(label) => {
                    label.values.iter().map(|value| Some((label.name.to_owned(), (*value).to_owned()))).collect()
                }
            };
            assert_eq!(family.series.keys().cloned().collect::<BTreeSet<_>>(), series, "{} {when}", metric.name);
        }
    }
    let is_zero = |family: &Family| family.series.values().all(|value| *value == 0.0);
    let is_told = |name: &str| name == names::BUILD_INFO.name();
    assert!(before.iter().all(|(name, family)| is_zero(family) != is_told(name)), "{before:#?}");

    let is = |metric: Metric, label: Option<&str>, value: f64| {
        assert_eq!(of(&after[metric.name], label), value, "{} {label:?}", metric.name);
    };
    is(names::MESSAGES_RECEIVED.metric(), None, 6.0);
    is(names::MESSAGES_REDELIVERED.metric(), None, 0.0);
    is(names::MESSAGE_AGE_SECONDS.metric(), Some("1_or_2"), 6.0);
    is(names::MESSAGE_AGE_SECONDS.metric(), Some("3_or_more"), 0.0);
    is(names::PHOTOS_SKIPPED.metric(), Some("suffix"), 0.0);
    is(names::IN_FLIGHT_HEADROOM.metric(), None, f64::INFINITY);
    is(names::MESSAGES_SETTLED.metric(), Some("deleted"), 6.0);
    is(names::MESSAGES_SETTLED.metric(), Some("given_back"), 0.0);
    is(names::PHOTOS.metric(), Some("scanned"), 2.0);
    is(names::PHOTOS.metric(), Some("rejected"), 4.0);
    is(names::PHOTOS_RETRIED.metric(), None, 0.0);
    for reason in ["no_code", "empty", "unsupported", "bad_notification"] {
        is(names::REJECTIONS.metric(), Some(reason), 1.0);
    }
    is(names::SCANS.metric(), None, 2.0);
    is(names::DECODE_CPU_SECONDS.metric(), None, 3.0);
    for (stage, count) in
        [("queue_wait", 5.0), ("fetch", 5.0), ("decode_wait", 3.0), ("decode", 3.0), ("batch_wait", 6.0)]
    {
        is(names::STAGE_SECONDS.metric(), Some(stage), count);
    }
    is(names::STAGE_SECONDS.metric(), Some("upload_to_durable"), 5.0);
    is(names::BATCH_ROWS.metric(), None, 6.0);
    is(names::LOADED_ROWS.metric(), Some("scans"), 2.0);
    is(names::LOADED_ROWS.metric(), Some("rejections"), 4.0);
    is(names::LOAD_REPEATED.metric(), None, 0.0);
    let first_rung = RungName::TEXTS[0];
    is(names::RUNG_RUNS.metric(), Some(first_rung), 3.0);
    is(names::RUNG_WINS.metric(), Some(first_rung), 2.0);
    is(names::RUNG_SECONDS.metric(), Some(first_rung), 3.0);
    for class in ["permanent", "refused", "transient", "throttled", "missing", "poison", "bug"] {
        is(names::ERRORS.metric(), Some(class), 0.0);
    }
    // Nothing is at work after a drain.
    is(names::READY.metric(), None, 0.0);
    is(names::IN_FLIGHT.metric(), None, 0.0);
    is(names::IN_FLIGHT_LIMIT.metric(), None, Settings::default().queue.max_in_flight as f64);
    is(names::BATCHES_TO_LOAD.metric(), None, 0.0);
    is(names::OLDEST_BATCH_SECONDS.metric(), None, 0.0);
    is(names::UPLOAD_TO_ROW_SECONDS.metric(), None, 5.0);
    for stage in ["fetch", "decode"] {
        is(names::STAGE_IN_USE.metric(), Some(stage), 0.0);
        assert!(of(&after[names::STAGE_LIMIT.name()], Some(stage)) >= 1.0);
    }
    for stage in Workers::TEXTS {
        assert!(of(&after[names::STAGE_WORKERS.name()], Some(stage)) >= 1.0, "{stage}");
        // None of the photos was HEIC.
        assert_eq!(of(&after[names::STAGE_BUSY_SECONDS.name()], Some(stage)) > 0.0, *stage != "heic", "{stage}");
    }
    for budget in ["fetched", "decode"] {
        is(names::MEMORY_USED.metric(), Some(budget), 0.0);
        assert!(of(&after[names::MEMORY_LIMIT.name()], Some(budget)) > 0.0);
    }
    let process =
        [names::RESIDENT_BYTES.name(), names::VIRTUAL_BYTES.name(), names::CPU_SECONDS.name(), names::OPEN_FDS.name()];
    let process = process.into_iter().chain([names::MAX_FDS.name(), names::THREADS.name(), names::START_TIME.name()]);
    for metric in process.chain([names::FETCHED_BYTES.name(), names::BATCH_BYTES.name()]) {
        assert!(of(&after[metric], None) > 0.0, "{metric}");
    }
}

#[test]
fn every_listed_metric_is_used() {
    fn read(folder: &Path, sources: &mut String) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let path = entry.path();
            if entry.file_type().unwrap().is_dir() {
                read(&path, sources);
            } else if path.extension().is_some_and(|ending| ending == "rs") && !path.ends_with("telemetry/src/names.rs")
            {
                sources.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = String::new();
    ["src", "crates"].iter().for_each(|folder| read(&root.join(folder), &mut sources));
    let list = std::fs::read_to_string(root.join("crates/telemetry/src/names.rs")).unwrap();
    let (_, list) = list.split_once("\nmetrics! {\n").unwrap();
    let constants: Vec<&str> = list
        .lines()
        .filter_map(|line| line.strip_prefix("    ")?.split_once(": "))
        .map(|(name, _)| name)
        .filter(|name| name.chars().all(|letter| letter.is_ascii_uppercase() || letter == '_'))
        .collect();
    assert_eq!(constants.len(), names::ALL.len());
    for constant in constants {
        let is_used = ["add(", "set(", "observe(", "observe_many("].iter().any(|call| {
            sources.contains(&format!("names::{constant}.{call}"))
                // Several at a time, in a list.
                || sources.contains(&format!("(names::{constant}, "))
        });
        assert!(is_used, "{constant} is never counted");
    }
}

#[test]
fn names_follow_the_rules_and_labels_the_code() {
    let names_of: BTreeSet<&str> = names::ALL.iter().map(|metric| metric.name).collect();
    assert_eq!(names_of.len(), names::ALL.len(), "a name stands twice");
    for metric in names::ALL {
        // Those of the process are named as every client library of Prometheus names them.
        let is_named = metric.name.starts_with("scanmill_") || metric.name.starts_with("process_");
        assert!(is_named && !metric.help.is_empty() && !metric.unit.is_empty());
        assert_eq!(metric.name.ends_with("_total"), metric.kind == MetricKind::Counter, "{}", metric.name);
        if ["seconds", "bytes"].contains(&metric.unit) {
            assert!(metric.name.contains(metric.unit), "{} is in {}", metric.name, metric.unit);
        }
    }
    assert_eq!(rung_names().collect::<Vec<_>>(), RungName::TEXTS);
}
