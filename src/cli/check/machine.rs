//! What the machine grants: a port, watches, open files, memory, a clock.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::process::{Resource, getrlimit};

use super::{Check, place};
use crate::cli::engine_file;
use crate::config::Settings;
use crate::config::machine::Machine;
use crate::config::settings::{QueueKind, StoreKind};
use crate::queue::calls_at_once;

/// Files the engine keeps open beside the sockets of its calls: databases, the batch being written, the runtime's.
const OTHER_FILES: u64 = 64;
/// 2025-01-01: a clock before the first line of this program was written is wrong.
const NO_EARLIER: Duration = Duration::from_secs(1_735_689_600);
/// Folders counted in the inbox before it is called large.
const COUNT_UP_TO: u64 = 100_000;

/// Checks them.
pub(super) fn check(settings: &Settings, checks: &mut Vec<Check>) {
    checks.push(port(settings));
    if settings.local.watch && settings.store.kind == StoreKind::Folder {
        checks.push(watches(settings));
    }
    checks.push(open_files(settings));
    checks.extend(memory(settings));
    checks.push(clock(settings));
}

fn port(settings: &Settings) -> Check {
    let Some(address) = settings.metrics.listen else { return Check::ok("metrics port", "metrics are off") };
    match TcpListener::bind(address) {
        Ok(_) if address.port() == 0 => Check::ok("metrics port", format!("any free port of {}", address.ip())),
        Ok(_) => Check::ok("metrics port", format!("{address} is free")),
        Err(_) if engine_file::page(&settings.local.root) == Some(address) => {
            Check::ok("metrics port", format!("{address} is the page of the engine that runs on this root"))
        }
        Err(error) => Check::fail(
            "metrics port",
            format!("{address}: {error}"),
            "an engine may be running already; --metrics 127.0.0.1:0 picks a free port",
        ),
    }
}

/// inotify takes one watch for each folder of the inbox.
fn watches(settings: &Settings) -> Check {
    let name = "inotify watches";
    let Some(limit) = read_number("/proc/sys/fs/inotify/max_user_watches") else {
        return Check::ok(name, "no limit known on this system");
    };
    let needed = folders_below(&settings.local.root.join(&settings.store.inbox));
    let message = format!("{limit} allowed, {needed} needed for the inbox");
    if needed.saturating_mul(2) < limit {
        return Check::ok(name, message);
    }
    let hint =
        "raise fs.inotify.max_user_watches with sysctl, or set local.watch=false: the scan at start finds photos too";
    if needed < limit { Check::warn(name, message, hint) } else { Check::fail(name, message, hint) }
}

/// The folder itself and those below it, links not followed, up to [`COUNT_UP_TO`].
fn folders_below(top: &Path) -> u64 {
    let mut waiting = vec![top.to_owned()];
    let mut count = 0;
    while let Some(folder) = waiting.pop() {
        count += 1;
        if count >= COUNT_UP_TO {
            break;
        }
        let Ok(entries) = fs::read_dir(folder) else { continue };
        let inner = entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        waiting.extend(inner.map(|entry| entry.path()));
    }
    count
}

fn open_files(settings: &Settings) -> Check {
    let name = "open files";
    let limit = getrlimit(Resource::Nofile).current;
    let fetches = settings.scale.max_fetches as u64;
    // Receives, and deletes, each of which has a socket.
    let calls = match settings.queue.kind {
        QueueKind::Sqs => 2 * calls_at_once(limit) as u64,
        QueueKind::Sqlite => 0,
    };
    let needed = fetches + calls + OTHER_FILES;
    let what = if calls == 0 { String::new() } else { format!(", {calls} for receives and deletes") };
    let message =
        |limit: u64| format!("{limit} allowed, {needed} needed: {fetches} for fetches{what}, {OTHER_FILES} others");
    match limit {
        Some(limit) if limit < needed => {
            Check::fail(name, message(limit), format!("ulimit -n {needed}, or lower scale.max_fetches"))
        }
        Some(limit) => Check::ok(name, message(limit)),
        None => Check::ok(name, "no limit"),
    }
}

/// The two budgets against what the machine, or the container, has. Nothing where neither is known.
fn memory(settings: &Settings) -> Option<Check> {
    let name = "memory";
    let budget = settings.memory.fetched_bytes.saturating_add(settings.memory.decode_bytes);
    let has = Machine::here().memory_bytes?;
    let message = format!("budgets of {} MiB, {} MiB here", budget >> 20, has >> 20);
    let hint = "lower memory.fetched_bytes and memory.decode_bytes: the engine takes about 150 MiB beside them";
    Some(if budget > has / 5 * 4 { Check::warn(name, message, hint) } else { Check::ok(name, message) })
}

/// Leases and event times rest on the clock: it must not be in another decade nor have been set back.
fn clock(settings: &Settings) -> Check {
    let name = "clock";
    let now = SystemTime::now();
    let hint = "set the clock: capture times, batch ages and leases are compared with it";
    if now.duration_since(UNIX_EPOCH).unwrap_or_default() < NO_EARLIER {
        return Check::fail(name, "is before 2025", hint);
    }
    let written = place::queue_file(settings)
        .into_iter()
        .chain(place::warehouse_file(settings))
        .filter_map(|(_, path)| fs::metadata(path).ok()?.modified().ok());
    match written.max().and_then(|newest| newest.duration_since(now).ok()) {
        Some(ahead) if ahead > Duration::from_secs(60) => {
            Check::warn(name, format!("{} s behind the newest file under the root", ahead.as_secs()), hint)
        }
        _ => Check::ok(name, jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M:%S UTC").to_string()),
    }
}

fn read_number(path: &str) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_the_folders_a_watch_is_needed_for() {
        let top = tempfile::tempdir().expect("a folder");
        fs::create_dir_all(top.path().join("a/b/c")).expect("folders");
        fs::write(top.path().join("a/photo.jpg"), b"").expect("a file");
        assert_eq!(folders_below(top.path()), 4);
        assert_eq!(folders_below(&top.path().join("missing")), 1);
    }
}
