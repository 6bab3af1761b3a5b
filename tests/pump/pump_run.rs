//! The pump against ports that remember: what is put, what is notified, and that the key names exactly that.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use scanmill::error::{Class, Error, Result};
use scanmill::pump::answer_key::{Expectation, ExpectedPhoto, KeyReader, Seal};
use scanmill::pump::arrival::{Arrival, Schedule};
use scanmill::pump::run_plan::RunPlan;
use scanmill::pump::run_report::Limit;
use scanmill::pump::scene::PhotoSize;
use scanmill::pump::story::{InjectedFault, StoryOptions, StorySource};
use scanmill::pump::{self, PumpPlan, Step};
use scanmill::queue::{Depth, Message, Queue, ReceiptHandle};
use scanmill::store::{Object, ObjectMetadata, ObjectSummary, Put, PutMode, Store};
use tokio_util::sync::CancellationToken;

/// A store and a queue that remember; the store may fail from some put on.
#[derive(Default)]
struct Memory {
    objects: Mutex<BTreeMap<String, Bytes>>,
    sent: AtomicU64,
    fail_from: Option<(u64, Class)>,
    fails_left: AtomicU64,
    puts: AtomicU64,
    /// How long a put takes.
    slow: Duration,
}

#[async_trait]
impl Store for Memory {
    async fn get(&self, _: &str, key: &str, _: Option<&str>, _: u64) -> Result<Object> {
        Err(Error::missing(key))
    }
    async fn head(&self, _: &str, key: &str) -> Result<ObjectMetadata> {
        Err(Error::missing(key))
    }
    async fn put(&self, bucket: &str, key: &str, bytes: Bytes, _: PutMode) -> Result<Put> {
        assert_eq!(bucket, "inbox");
        let nth = self.puts.fetch_add(1, Ordering::SeqCst);
        if !self.slow.is_zero() {
            tokio::time::sleep(self.slow).await;
        }
        if let Some((from, class)) = self.fail_from
            && nth >= from
            && self.fails_left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
        {
            return Err(Error::new(class, "injected"));
        }
        self.objects.lock().unwrap().insert(key.to_owned(), bytes);
        Ok(Put::Written { etag: "e".into() })
    }
    async fn list(&self, _: &str, _: &str, _: Option<&str>, _: usize) -> Result<Vec<ObjectSummary>> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl Queue for Memory {
    async fn receive(&self, _: usize, _: Duration) -> Result<Vec<Message>> {
        Ok(Vec::new())
    }
    async fn delete(&self, _: &[ReceiptHandle]) -> Result<Vec<Result<(), Error>>> {
        Ok(Vec::new())
    }
    async fn extend(&self, _: &[ReceiptHandle], _: Duration) -> Result<Vec<Result<(), Error>>> {
        Ok(Vec::new())
    }
    async fn send(&self, bodies: &[String]) -> Result<()> {
        self.sent.fetch_add(bodies.len() as u64, Ordering::SeqCst);
        Ok(())
    }
    async fn depth(&self) -> Result<Depth> {
        Ok(Depth::default())
    }
}

fn plan(folder: &Path, count: u64) -> PumpPlan {
    let story = StoryOptions { count, size: PhotoSize::Small, scene_variants: 1, ..StoryOptions::default() };
    let run = RunPlan::new(StorySource::default(), story, "inbox");
    PumpPlan { threads: 2, ..PumpPlan::new(run, folder.join("key.jsonl")) }
}

fn key(plan: &PumpPlan) -> (Vec<ExpectedPhoto>, Seal) {
    let mut reader = KeyReader::open(&plan.key_file).unwrap();
    let photos = std::iter::from_fn(|| reader.next_photo().unwrap()).collect();
    (photos, reader.seal().unwrap())
}

/// The key names exactly the photos that are in the store.
fn assert_key_is_what_was_put(plan: &PumpPlan, ports: &Memory) -> Seal {
    let (photos, seal) = key(plan);
    let mut named: Vec<String> = photos.into_iter().map(|photo| photo.key).collect();
    named.sort();
    let put: Vec<String> = ports.objects.lock().unwrap().keys().cloned().collect();
    assert_eq!(named, put);
    assert_eq!(seal.photos, put.len() as u64);
    seal
}

#[tokio::test]
async fn every_photo_is_put_once_and_named_in_the_key() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(folder.path(), 300);
    let ports = Arc::new(Memory::default());
    let last = AtomicU64::new(0);
    let report = pump::run(
        &plan,
        (ports.clone(), ports.clone()),
        |step| {
            if let Step::Photos(put) = step {
                last.store(put, Ordering::SeqCst);
            }
        },
        CancellationToken::new(),
    )
    .await
    .unwrap();
    assert!(assert_key_is_what_was_put(&plan, &ports).complete);
    assert_eq!((report.photos, report.complete, last.into_inner()), (300, true, 300));
    let (photos, _) = key(&plan);
    let duplicates = photos.iter().filter(|photo| photo.fault == Some(InjectedFault::DuplicateDelivery)).count() as u64;
    assert!(duplicates > 0);
    assert_eq!(ports.sent.load(Ordering::SeqCst), duplicates, "the store itself notifies of the rest");
    assert_eq!(report.faults["duplicate_delivery"], duplicates);
    let rows: u64 = photos.iter().map(|photo| photo.expect.rows()).sum();
    assert_eq!(rows, report.expected_scans + report.expected_rejections);
    let rejected = photos.iter().filter(|photo| matches!(photo.expect, Expectation::Rejected(_))).count() as u64;
    assert_eq!(rejected, report.expected_rejections);
    assert!(!folder.path().join("key.jsonl.partial").try_exists().unwrap());
}

#[tokio::test]
async fn a_cancel_seals_the_key_for_what_was_put() {
    let folder = tempfile::tempdir().unwrap();
    // At this rate the whole story would take months: only the cancel can end it.
    let mut plan = plan(folder.path(), 1_000);
    plan.run.arrival = Arrival::steady(1e-4);
    let ports = Arc::new(Memory::default());
    let cancel = CancellationToken::new();
    let at_first_put = cancel.clone();
    let at_put = move |step| {
        if matches!(step, Step::Photos(_)) {
            at_first_put.cancel();
        }
    };
    let report = pump::run(&plan, (ports.clone(), ports.clone()), at_put, cancel).await.unwrap();
    assert!(!assert_key_is_what_was_put(&plan, &ports).complete);
    assert_eq!((report.photos, report.complete), (1, false));
    let pace = report.pace.unwrap();
    assert_eq!((pace.held, pace.limit), (false, Some(Limit::Stopped)));
    assert!(report.pictures_drawn > 20, "drawn before the clock started");
}

#[tokio::test]
async fn a_schedule_is_kept_whatever_the_store_does_and_the_key_says_when_each_photo_was_due() {
    let folder = tempfile::tempdir().unwrap();
    let mut plan = plan(folder.path(), 60);
    plan.run.arrival =
        Arrival::Paced(Schedule::bursts(100.0, 400.0, Duration::from_millis(50), Duration::from_millis(250)));
    let ports = Arc::new(Memory { slow: Duration::from_millis(300), ..Memory::default() });
    let report = pump::run(&plan, (ports.clone(), ports.clone()), |_| {}, CancellationToken::new()).await.unwrap();
    assert!(report.complete);
    // One after the other these puts would take 18 seconds; that many are under way at once.
    assert!(report.put_ms.min >= 299.0 && report.durable_ms.min >= 299.0, "{:?}", report.put_ms);
    assert_eq!((report.late_ms.count, report.series.due.iter().sum::<u64>()), (60, 60));
    let pace = report.pace.unwrap();
    assert_eq!((pace.asked_photos, pace.window_seconds), (60, 0.45));
    let (photos, _) = key(&plan);
    let mut due: Vec<jiff::Timestamp> =
        photos.iter().map(|photo| photo.due_at.as_ref().unwrap().parse().unwrap()).collect();
    assert!(photos.iter().all(|photo| photo.put_at.as_ref().unwrap() > photo.due_at.as_ref().unwrap()));
    due.sort();
    let lasts = due[59].duration_since(due[0]);
    assert!((430..=450).contains(&lasts.as_millis()), "{lasts:?}");
}

#[tokio::test]
async fn a_store_that_fails_for_good_ends_the_pump_with_its_error_and_a_right_key() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(folder.path(), 200);
    let ports =
        Arc::new(Memory { fail_from: Some((50, Class::Permanent)), fails_left: u64::MAX.into(), ..Memory::default() });
    let error = pump::run(&plan, (ports.clone(), ports.clone()), |_| {}, CancellationToken::new()).await.unwrap_err();
    assert_eq!(error.class(), Class::Permanent);
    assert!(error.to_string().starts_with(&format!("putting photo `{}2026/", plan.run.prefix)), "{error}");
    let seal = assert_key_is_what_was_put(&plan, &ports);
    assert_eq!((seal.photos, seal.complete), (50, false));
}

#[tokio::test]
async fn a_store_that_stumbles_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(folder.path(), 60);
    let ports = Arc::new(Memory { fail_from: Some((20, Class::Throttled)), fails_left: 4.into(), ..Memory::default() });
    let report = pump::run(&plan, (ports.clone(), ports.clone()), |_| {}, CancellationToken::new()).await.unwrap();
    assert!(report.complete && assert_key_is_what_was_put(&plan, &ports).complete);
}

#[tokio::test]
async fn a_key_without_its_seal_is_refused_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(folder.path(), 5);
    let ports = Arc::new(Memory::default());
    pump::run(&plan, (ports.clone(), ports.clone()), |_| {}, CancellationToken::new()).await.unwrap();
    let whole = std::fs::read_to_string(&plan.key_file).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    assert_eq!(lines.len(), 7);
    let cases = [
        (lines[..6].join("\n"), "ends without its seal"),
        ([lines[0], lines[1], lines[6]].join("\n"), "has 1 photos, its seal says 5"),
        (format!("{}\n{}\n{{\"pho", lines[0], lines[1]), "has a line 3 that does not parse"),
        ("{}\n".to_owned(), "is not an answer key"),
        (String::new(), "is not an answer key"),
        (lines[0].replace("\"version\":1", "\"version\":2"), "has version 2"),
    ];
    for (text, expected) in cases {
        std::fs::write(&plan.key_file, text).unwrap();
        let error = KeyReader::open(&plan.key_file)
            .and_then(|mut reader| {
                while reader.next_photo()?.is_some() {}
                Ok(())
            })
            .unwrap_err();
        assert_eq!(error.class(), Class::Permanent);
        assert!(error.to_string().contains(expected), "{error}");
    }
    std::fs::rename(&plan.key_file, folder.path().join("key.jsonl.partial")).unwrap();
    let error = KeyReader::open(&plan.key_file).unwrap_err();
    assert!(error.report().contains("the pump that wrote it has not ended"), "{}", error.report());
}

#[test]
fn make_only_makes_the_same_photos_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(folder.path(), 80);
    let report = pump::make_only(&plan, |_| {}, &CancellationToken::new()).unwrap();
    assert_eq!((report.photos, report.complete), (80, true));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
