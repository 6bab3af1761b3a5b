//! Threads of the real binary that hang: stopped one by one, as no signal can. The pipeline is started anew within the
//! process, and every photo gets its row.

use std::path::Path;

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
    let line = running.line_with("pipeline stopped on a fault");
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
