//! What hangs is started anew within the process, and every photo gets its row: threads of the real binary, stopped one by
//! one, as no signal can; and calls of each stage that do not come back.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use scanmill::app::{Engine, Ports};
use scanmill::domain::PhotoRef;
use scanmill::domain::notification::s3_event;
use scanmill::error::Result;
use scanmill::queue::Queue;
use scanmill::store::folder::{Announce, Announcement, FolderStore};

use super::support::{How, Place, Script, actors, idle, qr_png, started_actors};
use crate::process::{Root, Running, page, photo};

/// Threads that this one has stopped, until it lets go of them.
struct Stopped(Vec<i32>);

/// Stops the threads of `running` whose names begin with `name`; `None` where the system does not allow that.
fn stop(running: &Running, name: &str) -> Option<Stopped> {
    let mut stopped = Vec::new();
    for thread in std::fs::read_dir(format!("/proc/{}/task", running.pid().as_raw_nonzero())).unwrap() {
        let path = thread.unwrap().path();
        if !std::fs::read_to_string(path.join("comm")).unwrap_or_default().starts_with(name) {
            continue;
        }
        let id = id_of(&path);
        // SAFETY: none of these requests reads or writes memory of ours.
        let done = unsafe { libc::ptrace(libc::PTRACE_SEIZE, id, 0, 0) } == 0
            && unsafe { libc::ptrace(libc::PTRACE_INTERRUPT, id, 0, 0) } == 0
            && unsafe { libc::waitpid(id, std::ptr::null_mut(), libc::__WALL) } == id;
        if !done {
            let error = std::io::Error::last_os_error();
            assert!(std::env::var_os("CI").is_none(), "cannot stop a thread: {error}");
            return None;
        }
        stopped.push(id);
    }
    assert!(!stopped.is_empty(), "no thread is called {name}");
    Some(Stopped(stopped))
}

fn id_of(path: &Path) -> i32 {
    path.file_name().unwrap().to_str().unwrap().parse().unwrap()
}

impl Drop for Stopped {
    fn drop(&mut self) {
        for id in &self.0 {
            // SAFETY: as above.
            unsafe { libc::ptrace(libc::PTRACE_DETACH, *id, 0, 0) };
        }
    }
}

fn value(address: &str, series: &str) -> f64 {
    let (_, metrics) = page(address, "/metrics");
    let line = metrics.lines().find_map(|line| line.strip_prefix(series)).unwrap_or_else(|| panic!("no {series}"));
    line.trim().parse().unwrap()
}

#[test]
fn a_pool_that_hangs_is_replaced_and_no_photo_is_lost() {
    const PHOTOS: usize = 8;
    let root = Root::new();
    let quick = ["run.hung_seconds=1", "limits.photo_time_budget_ms=500", "decode.threads=2"];
    let quick: Vec<&str> = quick.iter().flat_map(|pair| ["--set", pair]).chain(["--metrics", "127.0.0.1:0"]).collect();
    let running = root.start(&quick);
    let address = running.word_after("page http://").trim_end_matches('/').to_owned();
    root.drop_photo("first.jpg", &photo::jpeg("https://shop.example/p/first"));
    running.wait_until("its threads are there", || root.scans().len() == 1);
    let Some(stopped) = stop(&running, "decode-") else {
        eprintln!("left out: this system does not let a process stop another's threads");
        return;
    };
    for number in 0..PHOTOS {
        root.drop_photo(&format!("{number}.jpg"), &photo::jpeg(&format!("https://shop.example/p/{number}")));
    }
    let line = running.line_with("pipeline failed and is being restarted");
    assert!(line.contains("decode hangs"), "{line}");
    running.wait_until("all are read", || root.scans().len() > PHOTOS);
    assert_eq!(value(&address, "scanmill_stage_hung_total{stage=\"decode\"}"), 1.0);
    assert_eq!(value(&address, "scanmill_pipeline_restarts_total"), 1.0);
    // It helped.
    assert_eq!((page(&address, "/healthz").0, page(&address, "/readyz").0), (200, 200));
    drop(stopped);
    running.drained();
    assert_eq!((root.scans().len(), root.rejections().len(), root.depth()), (PHOTOS + 1, 0, (0, 0, 0)));
}

/// A place whose calls hang after some seconds.
fn place() -> Place {
    let mut place = Place::new();
    let settings = &mut place.settings;
    (settings.aws.attempt_timeout, settings.aws.attempts) = (Duration::from_millis(50), 1);
    settings.queue.wait = Duration::from_millis(100);
    settings.redshift.statement_timeout = Duration::from_millis(100);
    // Long enough for a call that works on a machine that also runs every other test, or it is started anew for that too.
    settings.run.hung_after = Duration::from_secs(3);
    // Some are held for good, where a call holds its thread.
    settings.run.io_threads = 4;
    place
}

/// Puts four photos and runs the engine on ports of the script while `work` goes on; each photo has its row then, once.
fn each_has_its_row(place: &Place, script: &Script, ports: &Ports, work: impl AsyncFnOnce(&Engine)) {
    let keys: Vec<String> = (0..4).map(|index| format!("{index}.png")).collect();
    let photos: Vec<_> =
        keys.iter().map(|key| (key.as_str(), qr_png(&format!("https://shop.example/p/{key}")))).collect();
    place.put(ports, &photos);
    place.run(&script.over(ports), async |engine| {
        work(&engine).await;
        script.let_go();
        idle(&engine, 60).await;
    });
    let (scans, rejections) = place.rows(ports);
    assert_eq!((scans.len(), rejections.len()), (keys.len(), 0), "{scans:?}");
    assert!(scans.values().all(|payloads| payloads.len() == 1), "{scans:?}");
}

/// Stage, call, and how it hangs.
const HANGS: &[(&str, &str, How)] = &[
    ("receive", "receive", How::Unanswered),
    ("receive", "depth", How::Unanswered),
    ("fetch", "get", How::Unanswered),
    ("seal", "put", How::Unanswered),
    ("settle", "delete", How::Unanswered),
    ("load", "list", How::Unanswered),
    ("load", "not_in_ledger", How::Unanswered),
    ("load", "load", How::Unanswered),
    ("receive", "receive", How::Blocking),
    ("seal", "put", How::Blocking),
    ("load", "load", How::Blocking),
];

/// Runs the engine for each of [`HANGS`], side by side: most of each is waiting.
fn for_each_hang(run: impl Fn(&str, &'static str, How) + Sync) {
    std::thread::scope(|scope| {
        let run = &run;
        let cases: Vec<_> = HANGS
            .iter()
            .map(|(stage, call, how)| {
                let case = std::thread::Builder::new().name(format!("{stage}: {call}"));
                (stage, call, case.spawn_scoped(scope, move || run(stage, call, *how)).unwrap())
            })
            .collect();
        for (stage, call, case) in cases {
            assert!(case.join().is_ok(), "{stage}: {call}");
        }
    });
}

/// Ports of a place where a sealed batch is in no ledger, so that the ledger is asked.
fn with_a_batch_to_adopt(place: &Place) -> Ports {
    let ports = place.ports();
    place.put(&ports, &[("first.png", qr_png("https://shop.example/p/first"))]);
    place.run(&ports, async |engine| idle(&engine, 60).await);
    drop(ports);
    let lost = scanmill::app::warehouse_path(&place.settings);
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{suffix}", lost.display()));
    }
    place.ports()
}

async fn until(what: &str, engine: &Engine, is_so: impl Fn() -> bool) {
    for _ in 0..12_000 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("not {what}: {:#}", engine.state());
}

fn restarts(engine: &Engine) -> u64 {
    started_actors(engine).map_or(0, |actors| actors.supervisor.restarts)
}

#[test]
fn a_call_of_any_stage_that_hangs_has_the_pipeline_started_anew() {
    for_each_hang(|stage, call, how| {
        let place = place();
        let script = Script::default().hang(call, 1, how);
        let ports = if call == "not_in_ledger" { with_a_batch_to_adopt(&place) } else { place.ports() };
        let checked = async |engine: &Engine| {
            until("restarted", engine, || restarts(engine) >= 1 && engine.ready().is_ok()).await;
            let fault = actors(engine).supervisor.last_fault.unwrap_or_default();
            assert!(fault.contains(&format!("{stage} hangs: ")), "{fault}");
            assert!(how == How::Blocking || fault.contains(&format!(": {call} has not come back")), "{fault}");
            assert_eq!(engine.stalled(), None, "once may be the fault of its thread");
        };
        match call {
            "not_in_ledger" => {
                place.run(&script.over(&ports), async |engine| {
                    checked(&engine).await;
                    idle(&engine, 60).await;
                });
                assert_eq!(place.rows(&ports).0.len(), 1);
            }
            _ => each_has_its_row(&place, &script, &ports, checked),
        }
    });
}

#[test]
fn health_fails_when_a_call_hangs_again_and_recovers_when_one_comes_back() {
    for_each_hang(|stage, call, how| {
        let place = place();
        let script = Script::default().hang(call, usize::MAX, how);
        let ports = if call == "not_in_ledger" { with_a_batch_to_adopt(&place) } else { place.ports() };
        let script_of = script.clone();
        place.run(&script.over(&ports), async |engine| {
            if call != "not_in_ledger" {
                let inbox = &place.settings.store.inbox;
                let photo = qr_png("https://shop.example/p/1");
                let mode = scanmill::store::PutMode::Overwrite;
                ports.store.put(inbox, "a.png", photo, mode).await.unwrap();
            }
            until("past help", &engine, || engine.stalled().is_some()).await;
            let why = engine.stalled().unwrap();
            assert!(why.contains(&format!("{stage} hung ")) && why.contains("times in a row"), "{why}");
            assert!(engine.ready().is_err());
            script_of.let_go();
            idle(&engine, 60).await;
            // Work of its own that ends says nothing for a while.
            if how == How::Unanswered {
                until("well again", &engine, || engine.stalled().is_none()).await;
            }
        });
        assert_eq!(place.rows(&ports).0.len(), 1, "{stage}: {call}");
    });
}

#[test]
fn a_call_that_takes_longer_than_it_may_is_told_of_before_it_counts_as_hung() {
    let mut place = place();
    place.settings.run.hung_after = Duration::from_secs(3_600);
    // It holds what it has to the end.
    place.settings.run.drain = Duration::from_millis(100);
    let ports = place.ports();
    place.put(&ports, &[("a.png", qr_png("https://shop.example/p/1"))]);
    let script = Script::default().hang("put", usize::MAX, How::Unanswered);
    place.run(&script.over(&ports), async |engine| {
        let is_told = || engine.ready().is_err_and(|why| why.contains("seal: put has not come back"));
        until("late", &engine, is_told).await;
        assert_eq!((engine.stalled(), restarts(&engine)), (None, 0));
    });
}

/// Tells a queue, as often as it does not hang.
struct Hanging {
    queue: Arc<dyn Queue>,
    script: Script,
}

#[async_trait]
impl Announce for Hanging {
    async fn announce(&self, photos: &[PhotoRef], _: bool) -> Result<()> {
        if self.script.hanging("announce").is_some() {
            std::future::pending::<()>().await;
        }
        let bodies: Vec<String> =
            photos.iter().map(|photo| s3_event(photo, photo.uploaded_at.unwrap_or_default())).collect();
        self.queue.send(&bodies).await
    }

    async fn forget(&self, _: &[PhotoRef]) -> Result<()> {
        Ok(())
    }
}

/// Runs an engine whose watch on the inbox hangs so many times, until the inbox's photo has its row.
fn hang_the_watch(times: usize, is_past_help: bool) {
    let mut place = place();
    place.settings.local.watch = true;
    let mut ports = place.ports();
    let script = Script::default().hang("announce", times, How::Unanswered);
    let to = Arc::new(Hanging { queue: ports.queue.clone(), script: script.clone() });
    let announcement = Announcement { bucket: place.settings.store.inbox.clone(), exclude: Default::default(), to };
    ports.folder = Some(FolderStore::open(&place.settings.local.root, Some(announcement)).unwrap());
    let path = place.settings.local.root.join(&place.settings.store.inbox).join("a.png");
    std::fs::write(path, qr_png("https://shop.example/p/1")).unwrap();
    place.run(&ports, async |engine| {
        until("restarted", &engine, || restarts(&engine) > 0).await;
        if is_past_help {
            until("past help", &engine, || engine.stalled().is_some()).await;
            assert!(engine.stalled().unwrap().contains("announce hung 2 times in a row"));
            script.let_go();
        }
        idle(&engine, 60).await;
        assert_eq!(engine.stalled(), None);
    });
    assert!(place.rows(&ports).0.contains_key("a.png"));
}

#[test]
fn a_watch_on_the_inbox_that_hangs_begins_anew() {
    hang_the_watch(1, false);
}

#[test]
fn a_watch_on_the_inbox_that_hangs_again_fails_health_until_it_comes_back() {
    hang_the_watch(usize::MAX, true);
}
