//! The configuration file that ships says what the code does, and sources override each other in the order promised.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use scanmill::config::keys::{self, SECTIONS};
use scanmill::config::settings::{Codes, LogFormat, Overwrite, QueueKind, StoreKind, WarehouseKind};
use scanmill::config::{self, FlagValue, LoadedConfig, Settings, Sources, reference};
use scanmill::domain::Exclusions;
use scanmill::domain::notification::KeyEncoding;

fn shipped() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("config/local.toml")).expect("config/local.toml")
}

fn load(text: &str, environment: &[(&str, &str)], flags: &[(&'static str, &str, &str)]) -> LoadedConfig {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), text).expect("written");
    let environment = environment.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))).collect();
    let flags = flags
        .iter()
        .map(|(flag, key, value)| FlagValue { flag, key: (*key).to_owned(), value: (*value).into() })
        .collect();
    config::load(&Sources { file: Some(file.path()), environment, flags }).expect("settings that hold")
}

#[test]
fn the_shipped_file_is_the_reference() {
    assert!(
        shipped() == reference::commented(),
        "config/local.toml is out of date: write it anew with `scanmill check --defaults > config/local.toml`"
    );
}

#[test]
fn the_shipped_file_names_every_key_with_default_and_unit() {
    let text = shipped();
    for key in keys::all() {
        let (_, section) = text.split_once(&format!("[{}]\n", key.section)).expect("the section");
        let section = section.split("\n[").next().expect("its text");
        assert!(section.contains(&format!("\n#{} = {}\n", key.name, key.default_toml())), "{}", key.path());
        assert!(section.contains(&format!("# Unit: {}", key.unit)), "{}", key.path());
        assert!(section.contains(&key.variable()), "{}", key.path());
        assert!(SECTIONS.iter().any(|section| section.name == key.section), "{}", key.path());
    }
}

/// The same file with every key in force.
fn uncommented() -> String {
    let is_key =
        |line: &str| line.strip_prefix('#').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase()));
    reference::commented()
        .lines()
        .map(|line| format!("{}\n", if is_key(line) { line.trim_start_matches('#') } else { line }))
        .collect()
}

#[test]
fn the_shipped_file_gives_the_defaults_commented_or_not() {
    let uncommented = uncommented();
    assert_eq!(
        uncommented.lines().filter(|line| line.contains(" = ") && !line.starts_with('#')).count(),
        keys::all().count()
    );
    for text in [shipped(), uncommented, String::new()] {
        let loaded = load(&text, &[], &[]);
        assert_eq!(loaded.settings, Settings::default());
        assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    }
    assert_eq!(config::load(&Sources::default()).expect("defaults").settings, Settings::default());
}

#[test]
fn sizes_times_and_this_machine_are_taken_as_people_write_them_from_every_source() {
    let text = "[memory]\nfetched_bytes = \"64MiB\"\n[batch]\nmax_age_ms = \"2.5s\"\n[local]\nquiet_seconds = \"1h 30m\"\n\
                [metrics]\nlisten = \"localhost:9464\"\n[retention]\nbatch_days = \"36h\"\n";
    let environment = [("SCANMILL_LIMITS_MAX_FILE_BYTES", "16MB"), ("SCANMILL_LOAD_INTERVAL_MS", "1 min")];
    let flags = [("--set", "filter.min_bytes", "8 KiB"), ("--set", "queue.visibility_timeout_seconds", "5m")];
    let settings = load(text, &environment, &flags).settings;
    assert_eq!(settings.memory.fetched_bytes, 64 << 20);
    assert_eq!(settings.batch.max_age, Duration::from_millis(2_500));
    assert_eq!(settings.local.quiet, Duration::from_secs(5_400));
    assert_eq!(settings.metrics.listen, Some("127.0.0.1:9464".parse().unwrap()));
    assert_eq!(settings.retention.batches, Some(Duration::from_secs(36 * 3_600)));
    assert_eq!(settings.limits.max_file_bytes, 16_000_000);
    assert_eq!(settings.load.interval, Duration::from_secs(60));
    assert_eq!(settings.filter.min_bytes, 8_192);
    assert_eq!(settings.queue.visibility_timeout, Duration::from_secs(300));
}

#[test]
fn a_root_at_home_is_there_whoever_names_it() {
    let home = Path::new(&std::env::var_os("HOME").expect("a home")).join("scan");
    for (text, environment, flags) in [
        ("[local]\nroot = \"~/scan\"\n", &[][..], &[][..]),
        ("", &[("SCANMILL_LOCAL_ROOT", "~/scan")], &[]),
        ("", &[], &[("--root", "local.root", "~/scan")]),
    ] {
        assert_eq!(load(text, environment, flags).settings.local.root, home);
    }
    let literal = load("[local]\nroot = \"./~/scan\"\n", &[], &[]);
    assert_eq!(literal.settings.local.root, Path::new("./~/scan"));
}

#[test]
fn a_root_in_another_and_one_in_the_inbox_are_warned_of() {
    let place = tempfile::tempdir().expect("a folder");
    let (outer, inner) = (place.path().join("outer"), place.path().join("outer/inbox/inner"));
    std::fs::create_dir_all(&inner).expect("folders");
    let warnings = |root: &Path| load("", &[], &[("--root", "local.root", root.to_str().expect("text"))]).warnings;
    assert!(warnings(&outer).is_empty() && warnings(&inner).is_empty());
    for root in [&outer, &inner] {
        std::fs::write(root.join("queue.sqlite"), "").expect("a file");
    }
    for (root, part) in [(&outer, "holds the root"), (&inner, "lies in the root")] {
        let found = warnings(root);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].key == "local.root" && found[0].message.contains(part), "{found:?}");
    }
}

#[test]
fn values_reach_their_fields_in_their_units() {
    let values = [
        ("local.root", "elsewhere"),
        ("local.watch", "false"),
        ("local.quiet_seconds", "133"),
        ("local.scan_seconds", "134"),
        ("local.umask", "027"),
        ("local.overwrite", "keep"),
        ("store.kind", "s3"),
        ("store.inbox", "photos"),
        ("store.results", "batches"),
        ("store.accept", "photos-eu, photos-us"),
        ("queue.kind", "sqs"),
        ("queue.key_encoding", "raw"),
        ("queue.visibility_timeout_seconds", "101"),
        ("queue.wait_seconds", "2"),
        ("queue.max_receives", "103"),
        ("queue.dead_letter_after", "104"),
        ("queue.max_in_flight", "155"),
        ("warehouse.kind", "redshift"),
        ("filter.prefix", "in/"),
        ("filter.suffixes", ".jpg, .HEIC"),
        ("filter.exclude", "raw, *.tmp"),
        ("filter.exclude_housekeeping", "false"),
        ("filter.min_bytes", "127"),
        ("aws.region", "eu-central-1"),
        ("aws.profile", "work"),
        ("aws.assume_role", "arn:aws:iam::123456789012:role/scanmill"),
        ("aws.attempts", "12"),
        ("aws.attempt_timeout_seconds", "128"),
        ("s3.endpoint", "http://127.0.0.1:129"),
        ("s3.path_style", "true"),
        ("sqs.queue_url", "http://127.0.0.1:130/1/photos"),
        ("sqs.endpoint", "http://127.0.0.1:130"),
        ("redshift.workgroup", ""),
        ("redshift.cluster", "big"),
        ("redshift.database", "dev"),
        ("redshift.schema", "photos"),
        ("redshift.db_user", ""),
        ("redshift.secret_arn", "arn:aws:secretsmanager:eu-central-1:123456789012:secret:x"),
        ("redshift.copy_role", "arn:aws:iam::123456789012:role/copy"),
        ("redshift.endpoint", "http://127.0.0.1:131"),
        ("redshift.statement_timeout_seconds", "132"),
        ("pump.stamp_queue_url", "http://127.0.0.1:130/1/stamps"),
        ("limits.max_file_bytes", "10_006"),
        ("limits.max_megapixels", "7"),
        ("limits.max_side_pixels", "108"),
        ("limits.max_pixels_per_byte", "109"),
        ("limits.photo_time_budget_ms", "110"),
        ("limits.heic_time_budget_ms", "127"),
        ("memory.fetched_bytes", "100_011"),
        ("memory.decode_bytes", "100_000_012"),
        ("decode.codes", "first"),
        ("decode.threads", "13"),
        ("decode.heic", "false"),
        ("decode.heic_at_once", "28"),
        ("decode.place_zone", "false"),
        ("scale.min_fetches", "14"),
        ("scale.max_fetches", "115"),
        ("scale.min_decodes", "16"),
        ("scale.max_decodes", "117"),
        ("scale.tick_ms", "118"),
        ("batch.max_rows", "119"),
        ("batch.max_bytes", "10_020"),
        ("batch.max_age_ms", "121"),
        ("load.interval_ms", "122"),
        ("load.max_batches", "123"),
        ("output.per_photo_json", "true"),
        ("retention.batch_days", "1"),
        ("retention.announced_days", "0.5"),
        ("retention.dead_letter_days", "3"),
        ("retention.every_hours", "6"),
        ("metrics.listen", "127.0.0.1:124"),
        ("metrics.hosts", "name-161"),
        ("otel.endpoint", "http://127.0.0.1:135"),
        ("otel.sample", "0.25"),
        ("run.drain_seconds", "125"),
        ("run.hung_seconds", "127"),
        ("run.io_threads", "126"),
        ("log.format", "json"),
        ("log.filter", "debug"),
        ("cost.instance", "c7i.big"),
        ("cost.instance_usd_per_hour", "201.5"),
        ("cost.instance_vcpus", "202.5"),
        ("cost.s3_put_usd_per_million", "203.5"),
        ("cost.s3_get_usd_per_million", "204.5"),
        ("cost.s3_usd_per_gb_month", "205.5"),
        ("cost.batch_days", "206.5"),
        ("cost.sqs_usd_per_million", "207.5"),
        ("cost.redshift_rpus", "208.5"),
        ("cost.redshift_usd_per_rpu_hour", "209.5"),
        ("cost.redshift_minimum_seconds", "210.5"),
        ("cost.redshift_load_every_seconds", "211.5"),
        ("cost.lambda_usd_per_million_requests", "212.5"),
        ("cost.lambda_usd_per_million_gb_seconds", "213.5"),
        ("cost.lambda_memory_mb", "214.5"),
        ("cost.lambda_photos_per_call", "215.5"),
        ("cost.lambda_slowdown_percent", "216.5"),
        ("cost.lambda_get_ms", "217.5"),
    ];
    let mut expected = Settings { chosen: Vec::new(), ..Settings::default() };
    expected.local.root = "elsewhere".into();
    expected.local.watch = false;
    expected.local.quiet = Duration::from_secs(133);
    expected.local.scan_every = Duration::from_secs(134);
    expected.local.umask = 0o027;
    expected.local.overwrite = Overwrite::Keep;
    expected.store.kind = StoreKind::S3;
    expected.store.inbox = "photos".into();
    expected.store.results = "batches".into();
    expected.store.accept = vec!["photos-eu".into(), "photos-us".into()];
    expected.queue.kind = QueueKind::Sqs;
    expected.queue.key_encoding = KeyEncoding::Raw;
    expected.queue.visibility_timeout = Duration::from_secs(101);
    expected.queue.wait = Duration::from_secs(2);
    expected.queue.max_receives = 103;
    expected.queue.dead_letter_after = 104;
    expected.queue.max_in_flight = 155;
    expected.warehouse.kind = WarehouseKind::Redshift;
    expected.filter.prefix = "in/".into();
    expected.filter.suffixes = vec![".jpg".into(), ".heic".into()];
    expected.filter.exclude = Exclusions::default().with_housekeeping(false).with_globs("raw, *.tmp").unwrap();
    expected.filter.exclude_housekeeping = false;
    expected.filter.min_bytes = 127;
    expected.aws.region = Some("eu-central-1".into());
    expected.aws.profile = Some("work".into());
    expected.aws.assume_role = Some("arn:aws:iam::123456789012:role/scanmill".into());
    expected.aws.attempts = 12;
    expected.aws.attempt_timeout = Duration::from_secs(128);
    expected.s3.endpoint = Some("http://127.0.0.1:129".into());
    expected.s3.path_style = true;
    expected.sqs.queue_url = "http://127.0.0.1:130/1/photos".into();
    expected.sqs.endpoint = Some("http://127.0.0.1:130".into());
    expected.redshift.workgroup = None;
    expected.redshift.cluster = Some("big".into());
    expected.redshift.database = "dev".into();
    expected.redshift.schema = "photos".into();
    expected.redshift.db_user = None;
    expected.redshift.secret_arn = Some("arn:aws:secretsmanager:eu-central-1:123456789012:secret:x".into());
    expected.redshift.copy_role = "arn:aws:iam::123456789012:role/copy".into();
    expected.redshift.endpoint = Some("http://127.0.0.1:131".into());
    expected.redshift.statement_timeout = Duration::from_secs(132);
    expected.pump.stamp_queue_url = "http://127.0.0.1:130/1/stamps".into();
    expected.limits.max_file_bytes = 10_006;
    expected.limits.max_megapixels = 7;
    expected.limits.max_side = 108;
    expected.limits.max_pixels_per_byte = 109;
    expected.limits.photo_time_budget = Duration::from_millis(110);
    expected.limits.heic_time_budget = Duration::from_millis(127);
    expected.memory.fetched_bytes = 100_011;
    expected.memory.decode_bytes = 100_000_012;
    expected.decode.codes = Codes::First;
    expected.decode.threads = 13;
    expected.decode.heic = false;
    expected.decode.heic_at_once = 28;
    expected.decode.place_zone = false;
    expected.scale.min_fetches = 14;
    expected.scale.max_fetches = 115;
    expected.scale.min_decodes = 16;
    expected.scale.max_decodes = 117;
    expected.scale.tick = Duration::from_millis(118);
    expected.batch.max_rows = 119;
    expected.batch.max_bytes = 10_020;
    expected.batch.max_age = Duration::from_millis(121);
    expected.load.interval = Duration::from_millis(122);
    expected.load.max_batches = 123;
    expected.output.per_photo_json = true;
    expected.retention.batches = Some(Duration::from_secs(86_400));
    expected.retention.announced = Some(Duration::from_secs(43_200));
    expected.retention.dead_letters = Some(Duration::from_secs(3 * 86_400));
    expected.retention.every = Some(Duration::from_secs(6 * 3_600));
    expected.metrics.listen = Some(([127, 0, 0, 1], 124).into());
    expected.metrics.hosts = vec!["name-161".into()];
    expected.otel.endpoint = Some("http://127.0.0.1:135".into());
    expected.otel.sample = 0.25;
    expected.run.drain = Duration::from_secs(125);
    expected.run.hung_after = Duration::from_secs(127);
    expected.run.io_threads = 126;
    expected.log.format = LogFormat::Json;
    expected.log.filter = "debug".into();
    expected.cost.instance = "c7i.big".into();
    expected.cost.instance_usd_per_hour = 201.5;
    expected.cost.instance_vcpus = 202.5;
    expected.cost.s3_put_usd_per_million = 203.5;
    expected.cost.s3_get_usd_per_million = 204.5;
    expected.cost.s3_usd_per_gb_month = 205.5;
    expected.cost.batch_days = 206.5;
    expected.cost.sqs_usd_per_million = 207.5;
    expected.cost.redshift_rpus = 208.5;
    expected.cost.redshift_usd_per_rpu_hour = 209.5;
    expected.cost.redshift_minimum_seconds = 210.5;
    expected.cost.redshift_load_every_seconds = 211.5;
    expected.cost.lambda_usd_per_million_requests = 212.5;
    expected.cost.lambda_usd_per_million_gb_seconds = 213.5;
    expected.cost.lambda_memory_mb = 214.5;
    expected.cost.lambda_photos_per_call = 215.5;
    expected.cost.lambda_slowdown_percent = 216.5;
    expected.cost.lambda_get_ms = 217.5;
    let flags = values.map(|(key, value)| ("--set", key, value));
    assert_eq!(load("", &[], &flags).settings, expected);
    let variable = |path: &str| {
        let (section, name) = path.split_once('.').expect("section.name");
        keys::find(section, name).expect("a key").variable()
    };
    let environment = values.map(|(key, value)| (variable(key), value));
    let environment: Vec<_> = environment.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    assert_eq!(load("", &environment, &[]).settings, expected);
}

#[test]
fn a_stronger_source_wins() {
    let file = "[batch]\nmax_rows = 1\nmax_bytes = 2048\nmax_age_ms = 3\n[local]\nroot = \"from-file\"\n";
    let environment = [("SCANMILL_BATCH_MAX_BYTES", "4_096"), ("SCANMILL_BATCH_MAX_AGE_MS", "5"), ("HOME", "/home/me")];
    let flags =
        [("--set", "batch.max_age_ms", "6"), ("--set", "batch.max_age_ms", "7"), ("--root", "local.root", "from-flag")];
    let settings = load(file, &environment, &flags).settings;
    assert_eq!(settings.batch.max_rows, 1);
    assert_eq!(settings.batch.max_bytes, 4_096);
    assert_eq!(settings.batch.max_age, Duration::from_millis(7));
    assert_eq!(settings.local.root, Path::new("from-flag"));
}

#[test]
fn values_of_every_type_are_read() {
    let file = "
local.watch = false
local.root = \"a folder/\u{e9}\"
[decode]
codes = \"first\"
threads = 3
[metrics]
listen = \"[::1]:0\"
[log]
format = \"json\"
filter = \"warn,scanmill::actors=trace\"
[limits]
max_file_bytes = 0x10_0000
[cost]
instance_vcpus = 4
instance_usd_per_hour = 1_000.0
s3_get_usd_per_million = 4.1e-1
";
    let settings = load(file, &[], &[]).settings;
    assert!(!settings.local.watch);
    assert_eq!(settings.local.root, Path::new("a folder/\u{e9}"));
    assert_eq!(settings.decode.codes, Codes::First);
    assert_eq!((settings.decode.threads, settings.scale.max_decodes), (3, 6));
    assert_eq!(settings.metrics.listen, Some("[::1]:0".parse().expect("an address")));
    assert_eq!((settings.log.format, settings.log.filter.as_str()), (LogFormat::Json, "warn,scanmill::actors=trace"));
    assert_eq!(settings.limits.max_file_bytes, 1 << 20);
    assert_eq!((settings.cost.instance_vcpus, settings.cost.instance_usd_per_hour), (4.0, 1_000.0));
    assert_eq!(settings.cost.s3_get_usd_per_million, 0.41);
    assert_eq!(load("[metrics]\nlisten = \"\"", &[], &[]).settings.metrics.listen, None);
}

#[test]
fn an_address_others_can_reach_is_allowed_with_a_warning() {
    let loaded = load("", &[("SCANMILL_METRICS_LISTEN", "0.0.0.0:9464")], &[]);
    assert!(loaded.settings.metrics.listen.is_some());
    let [warning] = loaded.warnings.as_slice() else { panic!("one warning: {:?}", loaded.warnings) };
    assert_eq!(warning.key, "metrics.listen");
}

#[test]
fn leases_shorter_than_a_heic_photo_are_allowed_with_a_warning() {
    let short = [("SCANMILL_QUEUE_VISIBILITY_TIMEOUT_SECONDS", "10")];
    let loaded = load("", &short, &[]);
    let [warning] = loaded.warnings.as_slice() else { panic!("one warning: {:?}", loaded.warnings) };
    assert_eq!(warning.key, "queue.visibility_timeout_seconds");
    assert!(warning.message.contains("HEIC"), "{}", warning.message);
    assert!(load("[decode]\nheic = false", &short, &[]).warnings.is_empty());
}

#[test]
fn windows_line_ends_and_a_byte_order_mark_are_read() {
    assert_eq!(load("\u{feff}[batch]\r\nmax_rows = 8\r\n", &[], &[]).settings.batch.max_rows, 8);
}
