//! The real binary in front of an S3 that fails for a while: nothing is used up, everything is read afterwards.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use jiff::Timestamp;
use scanmill::domain::PhotoRef;
use scanmill::domain::notification::s3_event;
use scanmill::store::Store;

use crate::process::{Root, Running, photo, runtime};
use crate::stand_in::{Answer, Request, StandIn, error, ok};

const PHOTOS: usize = 30;

/// How the inbox answers.
type Fault = fn() -> Answer;

/// Objects in memory, and what is wrong with reading those of the inbox just now.
#[derive(Clone, Default)]
struct S3 {
    objects: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    fault: Arc<Mutex<Option<Fault>>>,
    refused_reads: Arc<AtomicUsize>,
}

impl S3 {
    fn answer(&self, request: &Request) -> Answer {
        let path = request.path.split('?').next().unwrap_or_default().to_owned();
        match request.action() {
            "s3:PutObject" if request.header("if-match").is_some() => error(412, "PreconditionFailed", "no"),
            "s3:PutObject" => {
                self.objects.lock().unwrap().insert(path, request.body.clone());
                ok(b"").with("etag", "\"00\"")
            }
            "s3:ListBucket" => self.list(&request.path),
            "s3:GetBucketNotification" => error(501, "NotImplemented", "no"),
            _ => {
                let fault = self.fault.lock().unwrap().filter(|_| path.starts_with("/inbox/"));
                if let Some(fault) = fault {
                    self.refused_reads.fetch_add(1, Ordering::Relaxed);
                    return fault();
                }
                match self.objects.lock().unwrap().get(&path) {
                    Some(bytes) => ok(bytes).with("etag", "\"an-etag-that-is-no-md5\""),
                    None => error(404, "NoSuchKey", "not there"),
                }
            }
        }
    }

    fn list(&self, path: &str) -> Answer {
        let bucket = path.trim_start_matches('/').split(['/', '?']).next().unwrap_or_default();
        let objects = self.objects.lock().unwrap();
        let after = path.split("start-after=").nth(1).map(|rest| rest.split('&').next().unwrap_or_default());
        let after = after.unwrap_or_default().replace("%2F", "/");
        let keys = objects.iter().filter_map(|(path, bytes)| {
            Some((path.strip_prefix('/')?.strip_prefix(bucket)?.strip_prefix('/')?, bytes.len()))
        });
        let contents: String = keys
            .filter(|(key, _)| *key > after.as_str())
            .map(|(key, size)| format!("<Contents><Key>{key}</Key><Size>{size}</Size><ETag>\"00\"</ETag></Contents>"))
            .collect();
        ok(format!("<ListBucketResult><IsTruncated>false</IsTruncated>{contents}</ListBucketResult>").as_bytes())
    }
}

/// A photo in the inbox and its notification in the queue, for each of `PHOTOS`.
fn fill(s3: &S3, root: &Root) -> Vec<(String, String)> {
    let rows: Vec<_> =
        (0..PHOTOS).map(|number| (format!("{number:02}.jpg"), format!("https://shop.example/p/{number}"))).collect();
    let mut bodies = Vec::new();
    for (key, text) in &rows {
        s3.objects.lock().unwrap().insert(format!("/inbox/{key}"), photo::jpeg(text));
        let photo = PhotoRef {
            bucket: "inbox".into(),
            key: key.clone(),
            version_id: None,
            etag: Some("an-etag-that-is-no-md5".into()),
            size_bytes: None,
            sequencer: None,
            uploaded_at: None,
        };
        bodies.push(s3_event(&photo, Timestamp::now()));
    }
    root.send(&bodies);
    rows
}

fn run(root: &Root, endpoint: &str) -> Running {
    let endpoint = format!("s3.endpoint={endpoint}");
    let mut command = root.command(&["run", "--metrics", "127.0.0.1:0"]);
    for pair in [
        endpoint.as_str(),
        "store.kind=s3",
        "s3.path_style=true",
        "aws.region=us-east-1",
        "aws.attempt_timeout_seconds=2",
        // Few deliveries and short leases: one that is used up shows.
        "queue.max_receives=1",
        "queue.dead_letter_after=2",
        "queue.visibility_timeout_seconds=4",
        "limits.photo_time_budget_ms=2000",
        "queue.wait_seconds=1",
    ] {
        command.args(["--set", pair]);
    }
    command.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test");
    Running::start(command)
}

/// Status and body of one of the engine's pages.
fn page(address: &str, path: &str) -> (u16, String) {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap();
    (status, text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
}

fn metric(address: &str, series: &str) -> f64 {
    let (_, text) = page(address, "/metrics");
    let line = text.lines().find(|line| line.strip_prefix(series).is_some_and(|rest| rest.starts_with(' ')));
    line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or_else(|| panic!("no {series} in:\n{text}"))
}

#[test]
fn an_outage_of_s3_while_the_engine_runs_is_not_the_photos_fault() {
    let faults: &[(&str, Fault)] = &[
        ("errors", || error(500, "InternalError", "We encountered an internal error.")),
        ("access denied on the whole bucket", || error(403, "AccessDenied", "Access Denied")),
        ("credentials that ran out", || error(400, "ExpiredToken", "The provided token has expired.")),
        // Of a proxy, or a network that wants somebody to sign in.
        ("a page of something in between", || ok(b"<html>sign in</html>").with("content-type", "text/html")),
        ("a bucket that is gone", || error(404, "NoSuchBucket", "The specified bucket does not exist")),
    ];
    std::thread::scope(|scope| {
        for (name, fault) in faults {
            scope.spawn(move || {
                let (s3, root) = (S3::default(), Root::new());
                let served = s3.clone();
                let server = StandIn::start(move |request| served.answer(request));
                let running = run(&root, &server.endpoint);
                running.wait_for("pipeline started");
                let address = running.word_after("metrics http://").trim_end_matches("/metrics").to_owned();
                running.wait_until("ready", || page(&address, "/readyz").0 == 200);
                *s3.fault.lock().unwrap() = Some(*fault);
                let rows = fill(&s3, &root);
                running.wait_for("the bucket cannot be read");
                running.wait_until("not ready", || page(&address, "/readyz").0 == 503);
                let (_, why) = page(&address, "/readyz");
                assert!(why.contains("bucket `inbox` cannot be read"), "{name}: {why}");
                // Gauges follow at the next tick.
                for series in ["scanmill_ready", "scanmill_store_breaker{state=\"closed\"}"] {
                    running.wait_until(series, || metric(&address, series) == 0.0);
                }
                // Several leases long, and longer than all deliveries would last.
                std::thread::sleep(std::time::Duration::from_secs(8));
                *s3.fault.lock().unwrap() = None;
                running.wait_until(name, || root.scans() == rows);
                running.wait_until("ready again", || page(&address, "/readyz").0 == 200);
                assert_eq!(metric(&address, "scanmill_messages_redelivered_total"), 0.0, "{name}");
                let ended = running.drained();
                assert!(root.rejections().is_empty(), "{name}: {:?}", root.rejections());
                assert_eq!(root.depth(), (0, 0, 0), "{name}");
                let lines = ended.stderr.lines().filter(|line| line.contains("WARN") || line.contains("ERROR")).count();
                let reads = s3.refused_reads.load(Ordering::Relaxed);
                assert!(lines < 15, "{name}: {lines} lines for {reads} failed reads\n{}", ended.stderr);
            });
        }
    });
}

/// What 1 % of reads answered 503 cost: the ratio of two rates in one run. Run it with `--ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn rate_of_reads_with_one_in_a_hundred_throttled() {
    const READS: usize = 4_000;
    const AT_ONCE: usize = 16;
    let rate = |throttled_every: usize| {
        let count = AtomicUsize::new(0);
        let photo = || ok(b"photo").with("etag", "\"00\"");
        let server = StandIn::start(move |_| {
            std::thread::sleep(std::time::Duration::from_millis(5));
            let number = count.fetch_add(1, Ordering::Relaxed) + 1;
            match throttled_every {
                0 => photo(),
                every if number.is_multiple_of(every) => error(503, "SlowDown", "Reduce your request rate."),
                _ => photo(),
            }
        });
        let store = server.store_trying(2);
        let runtime = runtime();
        runtime.block_on(async {
            store.get("inbox", "warm", None, 1_000).await.unwrap();
            let started = Instant::now();
            let next = AtomicUsize::new(0);
            let reader = async || {
                let mut failed = 0;
                while next.fetch_add(1, Ordering::Relaxed) < READS {
                    failed += usize::from(store.get("inbox", "a.jpg", None, 1_000).await.is_err());
                }
                failed
            };
            let failed: usize = futures_util::future::join_all((0..AT_ONCE).map(|_| reader())).await.into_iter().sum();
            (READS as f64 / started.elapsed().as_secs_f64(), failed)
        })
    };
    let (plain, _) = rate(0);
    let (throttled, failed) = rate(100);
    eprintln!(
        "{plain:.0}/s without, {throttled:.0}/s with 1 % SlowDown ({failed} reads failed twice): {:.3}",
        throttled / plain
    );
}
