//! What the machine has, and the limits that follow from it.
//!
//! A limit set to `auto` is chosen here, after all sources are merged, by a pure function of the machine and the other
//! settings. Each choice carries its reason, for the log at the start and for `/state`.

use std::fs;

use rustix::process::{Resource, getrlimit};
use serde::Serialize;

use super::settings::Settings;

/// Where neither the machine nor its container tells how much memory there is.
const UNKNOWN_MEMORY: u64 = 4 << 30;

/// Descriptors of databases, listeners, batches being written and the runtime, beside those of fetches, receives and
/// deletes.
const OTHER_FILES: u64 = 512;

/// What limits are derived from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Machine {
    /// Cores this process may use (affinity and cgroup quota considered).
    pub cores: usize,
    /// Memory in bytes: the smaller of the machine's and the container's; `None` where neither is known.
    pub memory_bytes: Option<u64>,
    /// Open files this process may have; `None` where there is no limit.
    pub open_files: Option<u64>,
}

impl Machine {
    /// This machine.
    pub fn here() -> Machine {
        Machine {
            cores: std::thread::available_parallelism().map_or(1, |cores| cores.get()),
            memory_bytes: memory_here(),
            open_files: getrlimit(Resource::Nofile).current,
        }
    }
}

/// A limit that was chosen, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Choice {
    /// The key, like `queue.max_in_flight`.
    pub key: &'static str,
    /// Its value.
    pub value: u64,
    /// What it follows from.
    pub reason: String,
}

/// Chooses every limit as if all were `auto`, for `machine`.
pub fn choose_anew(settings: &mut Settings, machine: Machine) {
    settings.clear_auto();
    choose(settings, machine);
}

/// Gives every limit that is still 0, which stands for `auto`, its value, and notes it in [`Settings::chosen`].
pub fn choose(settings: &mut Settings, machine: Machine) {
    let mut choices = Vec::new();
    let mut size = |key: &'static str, target: &mut usize, value: u64, reason: String| {
        if *target == 0 {
            *target = usize::try_from(value).unwrap_or(usize::MAX);
            choices.push(Choice { key, value, reason });
        }
    };
    let cores = machine.cores.max(1) as u64;
    size("decode.threads", &mut settings.decode.threads, cores, format!("one for each of {cores} cores"));
    let threads = settings.decode.threads as u64;
    let heic = (threads / 4).max(1);
    size("decode.heic_at_once", &mut settings.decode.heic_at_once, heic, "a quarter of decode.threads".into());
    let decodes = (threads * 2).max(settings.scale.min_decodes as u64);
    size("scale.max_decodes", &mut settings.scale.max_decodes, decodes, "twice decode.threads".into());
    // Socket, TLS and SDK work is some hundred microseconds a photo, a decode is milliseconds. Each thread more than the
    // work needs is woken to look for some whenever another finds some, and sleeps again.
    let io = (cores / 4).max((cores / 2).clamp(1, 8));
    let reason = format!("half of {cores} cores up to 8 threads, a quarter of them beyond");
    size("run.io_threads", &mut settings.run.io_threads, io, reason);

    // At 2 ms a photo, the fastest decode seen, a thread reads 500 photos a second, and a message is in flight for about
    // a second until its delete is answered. SQS allows 120,000 for all engines together.
    // What waits for its batch is in flight: batches that are to be larger need more, where that is possible.
    let asked = (settings.batch.max_rows as u64).saturating_mul(3).max(settings.scale.min_fetches as u64);
    let in_flight = (threads * 800).max(asked).clamp(10_000, 60_000);
    size(
        "queue.max_in_flight",
        &mut settings.queue.max_in_flight,
        in_flight,
        "800 for each decode thread, thrice batch.max_rows where that is set, at least 10,000, at most half of what SQS allows".into(),
    );
    // 150 ms for each GET at 500 photos a second and thread, and never more than the descriptors allow.
    let files = machine.open_files.map_or(u64::MAX, |files| files.saturating_sub(OTHER_FILES) / 2);
    let (by_threads, least) = ((threads * 75).clamp(64, 8_192), settings.scale.min_fetches as u64);
    let fetches = by_threads.min(files.max(16)).max(least);
    let open = machine.open_files.unwrap_or(u64::MAX);
    let reason = match fetches {
        _ if fetches == by_threads => "75 for each decode thread, 64 to 8,192".to_owned(),
        _ if fetches == least => "scale.min_fetches".to_owned(),
        _ if fetches == files => format!("half of the {open} files this process may open, less {OTHER_FILES}"),
        _ => {
            format!("the least there may be: of {open} files this process may open {OTHER_FILES} are for other things")
        }
    };
    size("scale.max_fetches", &mut settings.scale.max_fetches, fetches, reason);
    // A batch that could not fill while its messages are in flight would always wait for its age.
    let rows = (threads * 50).clamp(5_000, 10_000).min(settings.queue.max_in_flight as u64 / 3).max(1);
    let reason = "50 for each decode thread, 5,000 to 10,000, at most a third of queue.max_in_flight";
    size("batch.max_rows", &mut settings.batch.max_rows, rows, reason.into());
    let bytes = settings.batch.max_rows as u64 * 1_600;
    size("batch.max_bytes", &mut settings.batch.max_bytes, bytes.max(8 << 20), "1,600 for each row".into());

    let memory = machine.memory_bytes.unwrap_or(UNKNOWN_MEMORY);
    let has = match machine.memory_bytes {
        Some(memory) => format!("of the {} MiB here", memory >> 20),
        None => "of 4 GiB: how much memory there is, is not known".to_owned(),
    };
    let mut bytes = |key: &'static str, target: &mut u64, value: u64, reason: String| {
        if *target == 0 {
            *target = value;
            choices.push(Choice { key, value, reason });
        }
    };
    let file = settings.limits.max_file_bytes;
    let (share, least) = ((memory / 16).min(4 << 30), file.max(64 << 20));
    let reason = match share {
        _ if share >= least && share < memory / 16 => "4 GiB, the most that is of use".to_owned(),
        _ if share >= least => format!("a sixteenth {has}"),
        _ if least == file => format!("one file of limits.max_file_bytes, more than a sixteenth {has}"),
        _ => format!("64 MiB, the least there may be, more than a sixteenth {has}"),
    };
    bytes("memory.fetched_bytes", &mut settings.memory.fetched_bytes, share.max(least), reason);
    let (share, least) =
        (memory / 4, u64::from(settings.limits.max_megapixels) * 1_000_000 * super::rules::DECODE_BYTES_PER_PIXEL);
    let reason = match share {
        _ if share >= least => format!("a quarter {has}"),
        _ => format!("one picture of limits.max_megapixels, more than a quarter {has}"),
    };
    bytes("memory.decode_bytes", &mut settings.memory.decode_bytes, share.max(least), reason);
    settings.chosen = choices;
}

fn memory_here() -> Option<u64> {
    let machine = memory_of_machine(&fs::read_to_string("/proc/meminfo").ok()?)?;
    Some(memory_of_container().map_or(machine, |container| container.min(machine)))
}

/// What the control groups of this process allow.
fn memory_of_container() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    memory_of_groups(&groups, |path| fs::read_to_string(format!("/sys/fs/cgroup/{path}")).ok())
}

/// The smallest limit of the control group and those above it: `memory.max` and `memory.high`, beyond which everything is slowed
/// down, of version 2; the limit of version 1, whose groups have a folder for each controller. In a container the group's own path
/// may be that of the host, and only the root is there.
fn memory_of_groups(groups: &str, read: impl Fn(&str) -> Option<String>) -> Option<u64> {
    let lines = || groups.lines().filter_map(|line| line.split_once(':')?.1.split_once(':'));
    let of = |controller: &str| {
        let found = lines().find(|(controllers, _)| controllers.split(',').any(|name| name == controller));
        found.map_or("", |(_, path)| path).trim_matches('/')
    };
    let second = [("", "memory.max"), ("", "memory.high")].map(|(folder, file)| (folder, of(""), file));
    let first = [("memory/", of("memory"), "memory.limit_in_bytes")];
    let limits = second.into_iter().chain(first).flat_map(|(folder, own, file)| {
        let above = std::iter::successors(Some(own), |path| {
            (!path.is_empty()).then(|| path.rsplit_once('/').map_or("", |(above, _)| above))
        });
        above.filter_map(|path| read(&format!("{folder}{path}/{file}"))).collect::<Vec<_>>()
    });
    limits.filter_map(|text| text.trim().parse().ok()).min()
}

fn memory_of_machine(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Sources, load};

    const GIB: u64 = 1 << 30;

    fn chosen(cores: usize, memory_bytes: Option<u64>, open_files: Option<u64>) -> Settings {
        let mut settings = load(&Sources::default()).expect("defaults").settings;
        settings.clear_auto();
        choose(&mut settings, Machine { cores, memory_bytes, open_files });
        settings
    }

    #[test]
    fn messages_in_flight_are_enough_for_the_batches_that_are_asked_for() {
        let with = |rows: usize| {
            let mut settings = load(&Sources::default()).expect("defaults").settings;
            settings.clear_auto();
            settings.batch.max_rows = rows;
            choose(&mut settings, Machine { cores: 2, memory_bytes: None, open_files: None });
            (settings.queue.max_in_flight, settings.batch.max_rows)
        };
        assert_eq!([with(0).0, with(2_000).0, with(15_000).0, with(50_000).0], [10_000, 10_000, 45_000, 60_000]);
        assert_eq!(with(50_000).1, 50_000);
    }

    #[test]
    fn limits_grow_with_the_machine() {
        for (cores, memory, files, expected) in [
            (1, Some(GIB), Some(1_024), (1, 10_000, 75, 64 << 20, GIB / 4, 1)),
            (2, Some(4 * GIB), Some(65_536), (2, 10_000, 150, 256 << 20, GIB, 1)),
            (16, Some(32 * GIB), Some(65_536), (16, 12_800, 1_200, 2 * GIB, 8 * GIB, 8)),
            (96, Some(192 * GIB), Some(65_536), (96, 60_000, 7_200, 4 * GIB, 48 * GIB, 24)),
            (192, Some(384 * GIB), None, (192, 60_000, 8_192, 4 * GIB, 96 * GIB, 48)),
            (192, None, Some(1_024), (192, 60_000, 256, 256 << 20, GIB, 48)),
        ] {
            let s = chosen(cores, memory, files);
            let found = (
                s.decode.threads,
                s.queue.max_in_flight,
                s.scale.max_fetches,
                s.memory.fetched_bytes,
                s.memory.decode_bytes,
                s.run.io_threads,
            );
            assert_eq!(found, expected, "{cores} cores");
            assert!(s.chosen.iter().all(|choice| choice.value > 0 && !choice.reason.is_empty()));
            assert_eq!(s.chosen.len(), 10);
        }
    }

    #[test]
    fn what_somebody_set_is_left_alone_and_followed() {
        let mut settings = Settings::default();
        settings.clear_auto();
        settings.decode.threads = 3;
        settings.memory.decode_bytes = 7;
        let machine = Machine { cores: 64, memory_bytes: Some(GIB), open_files: None };
        choose(&mut settings, machine);
        assert_eq!((settings.memory.decode_bytes, settings.scale.max_decodes), (7, 6));
        assert!(settings.chosen.iter().all(|choice| !["decode.threads", "memory.decode_bytes"].contains(&choice.key)));
    }

    #[test]
    fn a_reason_is_that_of_the_value() {
        let reason = |key: &str, change: &dyn Fn(&mut Settings), memory: u64, files: u64| {
            let mut settings = load(&Sources::default()).expect("defaults").settings;
            change(&mut settings);
            choose_anew(&mut settings, Machine { cores: 2, memory_bytes: Some(memory), open_files: Some(files) });
            let choice = settings.chosen.into_iter().find(|choice| choice.key == key).expect("it is chosen");
            (choice.value, choice.reason)
        };
        let (fetches, fetched, decode) = ("scale.max_fetches", "memory.fetched_bytes", "memory.decode_bytes");
        let large = |settings: &mut Settings| settings.limits.max_file_bytes = 4 << 30;
        let many = |settings: &mut Settings| settings.scale.min_fetches = 10_000;
        let as_is = |_: &mut Settings| {};
        for (key, change, memory, files, value, words) in [
            (fetches, &as_is as &dyn Fn(&mut Settings), GIB, 65_536, 150, "75 for each decode thread"),
            (fetches, &as_is, GIB, 612, 50, "half of the 612 files"),
            (fetches, &as_is, GIB, 100, 16, "the least there may be"),
            (fetches, &many, GIB, 20_000, 10_000, "scale.min_fetches"),
            (fetched, &as_is, 4 * GIB, 1_024, 256 << 20, "a sixteenth of the 4096 MiB here"),
            (fetched, &as_is, 256 * GIB, 1_024, 4 * GIB, "4 GiB, the most"),
            (fetched, &as_is, GIB / 2, 1_024, 64 << 20, "64 MiB, the least"),
            (fetched, &large, GIB, 1_024, 4 * GIB, "one file of limits.max_file_bytes"),
            (decode, &as_is, 16 * GIB, 1_024, 4 * GIB, "a quarter of"),
            (decode, &as_is, GIB / 4, 1_024, 256_000_000, "one picture of limits.max_megapixels"),
        ] {
            let (found, reason) = reason(key, change, memory, files);
            assert!(found == value && reason.contains(words), "{key}: {found}, {reason}");
        }
    }

    #[test]
    fn the_smallest_limit_of_the_control_groups_counts() {
        let limit = |groups: &str, files: &[(&str, &str)]| {
            memory_of_groups(groups, |path| {
                let path = path.replace("//", "/");
                let path = path.trim_start_matches('/');
                files.iter().find(|(name, _)| *name == path).map(|(_, text)| format!("{text}\n"))
            })
        };
        let unit = "0::/system.slice/scanmill.service\n";
        for (groups, files, expected) in [
            (unit, &[("system.slice/scanmill.service/memory.max", "max")][..], None),
            (unit, &[("system.slice/scanmill.service/memory.max", "7"), ("memory.max", "9")], Some(7)),
            (unit, &[("system.slice/scanmill.service/memory.max", "7"), ("system.slice/memory.max", "5")], Some(5)),
            (unit, &[("system.slice/scanmill.service/memory.high", "3"), ("memory.max", "5")], Some(3)),
            ("0::/\n", &[("memory.max", "9")], Some(9)),
            ("", &[("memory/memory.limit_in_bytes", "9")], Some(9)),
            ("4:cpu,memory:/a/b\n1:name=systemd:/c\n", &[("memory/a/b/memory.limit_in_bytes", "4")], Some(4)),
            ("4:memory:/a/b\n0::/c\n", &[("memory/a/memory.limit_in_bytes", "2"), ("c/memory.max", "max")], Some(2)),
            ("4:memory:/on/the/host\n", &[("memory/memory.limit_in_bytes", "8")], Some(8)),
        ] {
            assert_eq!(limit(groups, files), expected, "{groups} {files:?}");
        }
    }

    #[test]
    fn reads_the_memory_of_the_machine() {
        assert_eq!(memory_of_machine("MemTotal:       2048 kB\nMemFree: 1 kB\n"), Some(2 << 20));
        assert_eq!(memory_of_machine("nothing"), None);
        assert!(Machine::here().memory_bytes.is_none_or(|bytes| bytes > 1 << 20));
    }
}
