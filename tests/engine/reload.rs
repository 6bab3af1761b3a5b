//! SIGHUP through the real binary: a service reads its settings again, a process on a terminal drains, one under `nohup`
//! hears nothing.

use std::fs::File;
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::process::{Root, Running, photo};

/// The engine on `root` with the configuration `toml`, and SIGHUP as `how` says, whatever this process inherited.
fn engine(root: &Root, how: &str, toml: &str) -> Command {
    configure(root, toml);
    let config = root.file("../scanmill.toml");
    let inner = root.command(&["run", "--config", config.to_str().unwrap()]);
    let mut command = Command::new("env");
    command.stdin(Stdio::null()).arg(format!("--{how}-signal=HUP")).arg(inner.get_program()).args(inner.get_args());
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

fn configure(root: &Root, toml: &str) {
    std::fs::write(root.file("../scanmill.toml"), toml).unwrap();
}

fn drop_photo(root: &Root, name: &str) {
    root.drop_photo(name, &photo::jpeg(&format!("https://shop.example/p/{name}")));
}

fn outcomes(root: &Root) -> usize {
    root.scans().len() + root.rejections().len()
}

fn lines_with(running: &Running, text: &str) -> usize {
    running.text().matches(text).count()
}

#[test]
fn a_service_takes_over_what_it_can_and_says_what_waits() {
    let root = Root::new();
    let running = Running::start(engine(&root, "default", "[limits]\nmax_side_pixels = 10_000\n"));
    running.wait_for("pipeline started");
    drop_photo(&root, "a.jpg");
    running.wait_until("the first is read", || outcomes(&root) == 1);
    assert_eq!(root.scans().len(), 1);
    configure(
        &root,
        "[limits]\nmax_side_pixels = 64\n[queue]\nvisibility_timeout_seconds = 77\n[log]\nfilter = \"debug\"\n",
    );
    running.signal(Signal::HUP);
    let line = running.line_with("not all are in force");
    assert!(line.contains("limits.max_side_pixels, log.filter"), "{line}");
    assert!(line.contains("wait_for_restart=\"queue.visibility_timeout_seconds\""), "{line}");
    drop_photo(&root, "b.jpg");
    running.wait_until("the second is rejected", || outcomes(&root) == 2);
    assert_eq!(root.rejections(), [("b.jpg".to_owned(), "too_many_pixels".to_owned())]);
    // By the new filter.
    running.wait_for("DEBUG");
    configure(&root, "[limits]\nmax_side_pixels = \"large\"\n[no_such_section]\n");
    running.signal(Signal::HUP);
    running.wait_for("those from before stay in force");
    assert!(running.said("limits.max_side_pixels") && running.said("unknown section"), "{}", running.text());
    drop_photo(&root, "c.jpg");
    running.wait_until("the third is rejected too", || outcomes(&root) == 3);
    assert_eq!(root.rejections().len(), 2);
    // What one has excluded is not even announced, and what is let in again is found.
    configure(&root, "[filter]\nexclude = \"*.png\"\n[local]\nscan_seconds = 1\n");
    running.signal(Signal::HUP);
    running.wait_for("filter.exclude");
    drop_photo(&root, "d.jpg");
    running.wait_until("the limit is the default again", || root.scans().len() == 2);
    let ended = running.drained();
    assert!(!ended.stderr.contains("pipeline failed and is being restarted"), "{}", ended.stderr);
    assert_eq!((outcomes(&root), root.depth()), (4, (0, 0, 0)));
}

#[test]
fn reloads_that_follow_at_once_are_all_heard() {
    let root = Root::new();
    let running = Running::start(engine(&root, "default", ""));
    running.wait_for("pipeline started");
    // Of keys that no generation works by, so that each takes no longer than reading a file.
    for number in 1..=20 {
        configure(&root, &format!("[log]\nfilter = \"info,a{number}=info\"\n"));
        running.signal(Signal::HUP);
        let began = Instant::now();
        while lines_with(&running, "settings read again") < number {
            assert!(began.elapsed() < Duration::from_secs(120), "the {number}th was not heard: {}", running.text());
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    running.drained();
}

#[test]
fn nothing_is_lost_or_doubled_by_reloads_amid_work() {
    const PHOTOS: usize = 60;
    let root = Root::new();
    let running = Running::start(engine(&root, "default", ""));
    running.wait_for("pipeline started");
    for number in 0..PHOTOS {
        drop_photo(&root, &format!("{number}.jpg"));
        if number % 20 == 19 {
            configure(&root, &format!("[batch]\nmax_rows = {}\n", number + 100));
            let told = lines_with(&running, "settings read again");
            running.signal(Signal::HUP);
            running.wait_until("taken over", || lines_with(&running, "settings read again") > told);
        }
    }
    running.wait_until("all are read", || outcomes(&root) >= PHOTOS);
    running.drained();
    let mut keys: Vec<_> = root.scans().into_iter().map(|(key, _)| key).collect();
    keys.dedup();
    assert_eq!((keys.len(), root.scans().len(), root.depth()), (PHOTOS, PHOTOS, (0, 0, 0)));
}

#[test]
fn batches_that_generations_open_within_one_second_have_ids_of_their_own() {
    const PHOTOS: usize = 150;
    let root = Root::new();
    let batches_of_one = |number: usize| format!("[batch]\nmax_rows = 1\nmax_bytes = {}\n", 5_000_000 + number);
    let running = Running::start(engine(&root, "default", &batches_of_one(0)));
    running.wait_for("pipeline started");
    for number in 0..PHOTOS {
        drop_photo(&root, &format!("{number}.jpg"));
    }
    // A new generation as soon as the last one has sealed something, several a second.
    let mut reloads = 0;
    loop {
        let sealed = lines_with(&running, "batch sealed");
        if sealed >= PHOTOS {
            break;
        }
        running.wait_until("one more", || lines_with(&running, "batch sealed") > sealed);
        reloads += 1;
        configure(&root, &batches_of_one(reloads));
        running.signal(Signal::HUP);
        running.wait_until("taken over", || lines_with(&running, "settings read again") == reloads);
    }
    let text = running.drained().stderr;
    let ids = text.lines().filter(|line| line.contains("batch sealed"));
    let mut ids: Vec<_> = ids.filter_map(|line| line.split_once("batch_id=")?.1.split_whitespace().next()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((ids.len(), root.scans().len()), (PHOTOS, PHOTOS), "{text}");
}

#[test]
fn systemd_hears_of_the_reload() {
    let root = Root::new();
    let path = root.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
    let mut command = engine(&root, "default", "");
    command.env("NOTIFY_SOCKET", &path);
    let running = Running::start(command);
    let until = |wanted: &str| {
        let mut bytes = [0; 4096];
        loop {
            let count = socket.recv(&mut bytes).unwrap_or_else(|error| panic!("no {wanted}: {error}"));
            let text = String::from_utf8_lossy(&bytes[..count]).into_owned();
            if text.contains(wanted) {
                return text;
            }
        }
    };
    until("READY=1");
    running.signal(Signal::HUP);
    assert!(until("RELOADING=1").contains("MONOTONIC_USEC="));
    until("READY=1");
    running.drained();
}

/// Both ends of a new terminal.
fn terminal() -> (OwnedFd, OwnedFd) {
    let (mut ours, mut theirs) = (-1, -1);
    let (name, modes, size) = (std::ptr::null_mut(), std::ptr::null(), std::ptr::null());
    // SAFETY: both places are valid for a write, and null asks for nothing more.
    let opened = unsafe { libc::openpty(&mut ours, &mut theirs, name, modes, size) };
    assert_eq!(opened, 0, "{}", std::io::Error::last_os_error());
    // SAFETY: just opened, and owned by nobody else.
    unsafe { (OwnedFd::from_raw_fd(ours), OwnedFd::from_raw_fd(theirs)) }
}

#[test]
fn on_a_terminal_it_drains_and_under_nohup_it_goes_on() {
    let root = Root::new();
    let (_ours, theirs) = terminal();
    let mut command = engine(&root, "default", "");
    command.stdin(File::from(theirs));
    let running = Running::start(command);
    running.wait_for("pipeline started");
    running.signal(Signal::HUP);
    let ended = running.ended();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("SIGHUP: draining"), "{}", ended.stderr);

    let running = Running::start(engine(&root, "ignore", ""));
    running.wait_for("pipeline started");
    running.signal(Signal::HUP);
    drop_photo(&root, "a.jpg");
    running.wait_until("it goes on", || outcomes(&root) == 1);
    assert!(!running.drained().stderr.contains("read again"));
}
