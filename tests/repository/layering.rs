//! Who may import whom, held by reading the sources.
//!
//! What a crate of the workspace sees, its `Cargo.toml` says; here is what crates cannot say. Within `scanmill-ports`, ports
//! never see each other (adapters of Amazon's services see `aws`, embedded ones `sqlite`, which they share). In the engine,
//! `actors` see ports, never adapters; only `app` chooses adapters, whose options stand beside them for `config`;
//! `lib.rs` alone names the other crates, so that each has one name. Some outer crates are confined as well: actors to `actors`, Amazon's
//! and SQL to their adapters. Tests inside the sources (`#[cfg(test)]`) are free: SQLite and folder adapters are their
//! doubles.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

mod paths;

use paths::named;

const PORTS: &[&str] = &["queue", "store", "warehouse"];
const GROUND: &[&str] = &["diagnostics", "domain", "error", "quantile", "section"];

/// Module, and the modules of ours it may import (itself not mentioned).
const MAY_IMPORT: &[(&str, &[&[&str]])] = &[
    // Adapters declare their own keys, and a load test the prices that it counts with.
    ("config", &[GROUND, PORTS, &["aws_options", "pump"]]),
    ("aws", &[&["aws_options"]]),
    ("aws_options", &[]),
    ("probe", &[]),
    ("sqlite", &[]),
    ("queue", &[&["aws", "probe", "sqlite"]]),
    ("store", &[&["aws", "probe"]]),
    ("warehouse", &[&["aws", "probe", "sqlite"]]),
    ("actors", &[GROUND, PORTS, &["config", "decode", "flow", "scale", "telemetry"]]),
    ("console", &[GROUND, &["config", "telemetry"]]),
    (
        "cli",
        &[
            GROUND,
            PORTS,
            &["actors", "app", "config", "console", "decode", "flow", "probe", "pump", "scale", "telemetry"],
        ],
    ),
    (
        "app",
        &[
            GROUND,
            PORTS,
            &["actors", "aws", "config", "console", "decode", "flow", "probe", "pump", "scale", "telemetry"],
        ],
    ),
    ("main", &[&["cli"]]),
    ("lib", &[]),
];

/// Adapters, named by nobody but themselves and `app`: every folder of a port that has a `mod.rs`.
static ADAPTERS: LazyLock<Vec<[String; 2]>> = LazyLock::new(|| {
    let ports = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/ports/src");
    let of_port = |port: &&'static str| {
        let port = (*port).to_owned();
        let entries = std::fs::read_dir(ports.join(&port)).unwrap().map(Result::unwrap);
        let folders = entries.filter(|entry| entry.path().join("mod.rs").symlink_metadata().is_ok());
        folders.map(move |entry| [port.clone(), entry.file_name().into_string().unwrap()]).collect::<Vec<_>>()
    };
    PORTS.iter().flat_map(of_port).collect()
});

/// Beginnings of outer crates' names, and the files (or folders) that may use them.
const CONFINED: &[(&str, &[&str])] = &[
    ("scanmill", &["lib.rs", "main.rs"]),
    ("actix", &["actors", "app.rs", "app"]),
    (
        "aws",
        &["aws", "queue/sqs", "queue/sqs.rs", "store/s3", "store/s3.rs", "warehouse/redshift", "warehouse/redshift.rs"],
    ),
    (
        "rusqlite",
        &[
            "sqlite.rs",
            "queue/sqlite",
            "queue/sqlite.rs",
            "store/folder",
            "store/folder.rs",
            "warehouse/sqlite",
            "warehouse/sqlite.rs",
        ],
    ),
];

/// What decides here goes by a clock that tests can move: `tokio::time::Instant` and `tokio::time::sleep`.
const BY_MOVABLE_TIME: [&str; 2] = ["src/actors", "crates/flow/src"];

/// Time that no test can move.
const FIXED_TIME: [&str; 3] = ["std::time::Instant", "std::time::SystemTime", "std::thread::sleep"];

/// A file of one idea has about 400 lines.
const LINES_WARN: usize = 450;
const LINES_MOST: usize = 600;

/// Where the sources are that follow these rules.
const ROOTS: [&str; 2] = ["src", "crates/ports/src"];

/// What one source breaks; `file` is its path under `root`, with `/`.
fn violations(root: &str, file: &str, source: &str) -> Vec<String> {
    let module = module_of(file);
    let own = module.first().copied().unwrap_or("lib");
    let Some((_, allowed)) = MAY_IMPORT.iter().find(|(name, _)| *name == own) else {
        return vec![format!("{root}/{file}: module `{own}` has no line in MAY_IMPORT: decide what it may see")];
    };
    let mut found = Vec::new();
    for named in named(source, if own == "main" { &[] } else { &module }) {
        let mut say = |what: String| found.push(format!("{root}/{file}:{}: {what}", named.line));
        let path: Vec<&str> = named.path.iter().map(String::as_str).collect();
        let ["crate", inner @ ..] = path.as_slice() else {
            for (name, places) in CONFINED {
                let is_named = path[0] == *name || path[0].strip_prefix(name).is_some_and(|rest| rest.starts_with('_'));
                // In a crate of its own, `Cargo.toml` says which crates of ours it names.
                let is_free = *name == "scanmill" && root != "src";
                let is_place = places.iter().any(|place| file == *place || file.starts_with(&format!("{place}/")));
                if is_named && !is_place && !is_free {
                    say(format!("`{}` belongs into {}", path[0], places.join(", ")));
                }
            }
            continue;
        };
        let Some(first) = inner.first() else { continue };
        if *first == "*" {
            say("a glob of the whole crate hides what is imported".into());
            continue;
        }
        // A name that is not a module is an item `lib.rs` gives everybody; there are none today.
        if *first != own && !allowed.iter().any(|group| group.contains(first)) {
            say(format!("`{own}` must not see `crate::{}`", inner.join("::")));
        }
        let is_other_port = PORTS.contains(first) && *first != own;
        if is_other_port && inner.get(1) == Some(&"*") {
            say(format!("a glob of `crate::{first}` brings in its adapters"));
        }
        let adapter = ADAPTERS.iter().find(|adapter| is_within(inner, adapter));
        if let Some(adapter) = adapter
            && own != "app"
            && !is_within(&module, adapter)
        {
            say(format!("adapter `crate::{}` is named by `app.rs` only", adapter.join("::")));
        }
    }
    found
}

/// Whether a path leads into an adapter.
fn is_within(path: &[&str], [port, name]: &[String; 2]) -> bool {
    matches!(path, [first, second, ..] if first == port && second == name)
}

/// The module a file is: `queue/sqlite.rs` and `queue/sqlite/mod.rs` are `queue`, `sqlite`; `lib.rs` is the root.
fn module_of(file: &str) -> Vec<&str> {
    let stem = file.strip_suffix(".rs").unwrap_or(file);
    let stem = stem.strip_suffix("/mod").unwrap_or(stem);
    if stem == "lib" { Vec::new() } else { stem.split('/').collect() }
}

/// Every source under `root`, a folder of the project, by its path there.
fn sources(root: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(root);
    let mut folders: Vec<PathBuf> = vec![root.clone()];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let path = entry.path();
            if entry.file_type().unwrap().is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let name = path.strip_prefix(&root).unwrap().components();
                let name: Vec<_> = name.map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
                sources.push((name.join("/"), std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    sources.sort();
    sources
}

#[test]
fn every_import_follows_the_layers() {
    let mut broken = Vec::new();
    for root in ROOTS {
        let sources = sources(root);
        assert!(sources.len() > 20, "the sources were not found");
        broken.extend(sources.iter().flat_map(|(file, source)| violations(root, file, source)));
    }
    assert!(broken.is_empty(), "{} imports break the layers:\n{}", broken.len(), broken.join("\n"));
}

/// Where a source looks at a clock that no test can move, or takes one in with all that is beside it.
fn fixed_time(source: &str) -> Vec<usize> {
    let is_fixed = |path: &str| {
        let beside = |item: &str| {
            let (module, _) = item.rsplit_once("::").unwrap();
            path == module || path.strip_prefix(module) == Some("::*")
        };
        FIXED_TIME.iter().any(|item| path == *item || path.starts_with(&format!("{item}::")) || beside(item))
    };
    named(source, &[]).into_iter().filter(|named| is_fixed(&named.path.join("::"))).map(|named| named.line).collect()
}

#[test]
fn what_decides_by_time_goes_by_a_clock_that_tests_can_move() {
    let mut broken = Vec::new();
    for root in BY_MOVABLE_TIME {
        let sources = sources(root);
        assert!(sources.len() > 5, "the sources were not found");
        for (file, source) in sources {
            broken.extend(fixed_time(&source).into_iter().map(|line| format!("{root}/{file}:{line}")));
        }
    }
    assert!(broken.is_empty(), "use tokio's clock instead of {}: {}", FIXED_TIME.join(", "), broken.join(", "));
    for planted in [
        "use std::time::{Duration, Instant};",
        "fn f() { std::time::Instant::now(); }",
        "use std::time::Instant as Clock;",
        "use std::time;",
        "use std::time::*;",
        "use std::thread::sleep;",
        "fn f() { std::thread::sleep(EVERY); }",
    ] {
        assert_eq!(fixed_time(planted), [1], "{planted}");
    }
    for allowed in [
        "use std::time::Duration;",
        "use tokio::time::{self, Instant, sleep};",
        "fn f() { std::thread::Builder::new(); }",
        "#[cfg(test)]\nmod tests { use std::time::Instant; }",
    ] {
        assert!(fixed_time(allowed).is_empty(), "{allowed}");
    }
}

/// The sources of every crate.
fn all_roots() -> Vec<String> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates");
    let names = std::fs::read_dir(crates).unwrap().map(|entry| entry.unwrap().file_name());
    let mut roots: Vec<String> = names.map(|name| format!("crates/{}/src", name.to_string_lossy())).collect();
    roots.push("src".to_owned());
    roots
}

#[test]
fn files_hold_one_idea() {
    let mut too_long = Vec::new();
    for root in all_roots() {
        for (file, source) in sources(&root) {
            let lines = source.lines().count();
            if lines > LINES_MOST {
                too_long.push(format!("{root}/{file} has {lines} lines"));
            } else if lines > LINES_WARN {
                eprintln!("{root}/{file} has {lines} lines; think of splitting it");
            }
        }
    }
    assert!(too_long.is_empty(), "over {LINES_MOST} lines: {}", too_long.join(", "));
}

#[test]
fn the_checker_finds_planted_violations() {
    for (file, source, expected) in [
        ("aws/mod.rs", "fn f() -> crate::queue::X {}", "`aws` must not see `crate::queue::X`"),
        ("config/mod.rs", "use crate::{domain::X, flow};", "`config` must not see `crate::flow`"),
        ("aws/calls.rs", "use super::super::queue::Queue;", "`aws` must not see `crate::queue::Queue`"),
        ("queue/sqlite.rs", "use crate::store::Store;", "`queue` must not see"),
        (
            "console/mod.rs",
            "use crate::{\n    error::Error,\n    warehouse::{self},\n};",
            "src/console/mod.rs:3: `console` must not see",
        ),
        ("actors/fetcher.rs", "use crate::queue::{Queue, sqlite::SqliteQueue};", "adapter `crate::queue::sqlite`"),
        ("config/settings.rs", "use crate::queue::sqs::SqsQueue;", "adapter `crate::queue::sqs`"),
        ("actors/fetcher.rs", "use crate::store::*;", "a glob of `crate::store`"),
        ("cli/run.rs", "fn f() { crate::store::folder::open() }", "adapter `crate::store::folder`"),
        ("cli/run.rs", "use crate::warehouse::sqlite as w;", "adapter `crate::warehouse::sqlite`"),
        ("queue/mod.rs", "pub mod sqlite; pub use sqlite::SqliteQueue;", "adapter `crate::queue::sqlite`"),
        ("console/mod.rs", "use crate::actors::Messages;", "`console` must not see"),
        ("main.rs", "fn main() { scanmill::app::open(); }", "`main` must not see"),
        ("console/mod.rs", "use crate::*;", "a glob of the whole crate"),
        ("cli/run.rs", "use aws_sdk_s3::Client;", "`aws_sdk_s3` belongs into"),
        ("cli/run.rs", "use ::scanmill_ports::queue as q;", "`scanmill_ports` belongs into lib.rs, main.rs"),
        ("actors/pool.rs", "fn f() { scanmill_flow::pool(1); }", "`scanmill_flow` belongs into lib.rs, main.rs"),
        ("cli/run.rs", "#[actix::main] async fn f() {}", "`actix` belongs into actors, app.rs, app"),
        ("cli/run.rs", "use actix_rt::System;", "`actix_rt` belongs into actors, app.rs, app"),
        ("console/mod.rs", "use rusqlite::Connection;", "`rusqlite` belongs into"),
        ("novel/mod.rs", "", "module `novel` has no line in MAY_IMPORT"),
    ] {
        let found = violations("src", file, source);
        assert!(matches!(&found[..], [one] if one.contains(expected)), "{file}: {source}\n{found:?}");
    }
}

#[test]
fn the_checker_lets_pass_what_is_allowed() {
    for (file, source) in [
        ("config/settings.rs", "use crate::queue::SqsOptions;"),
        ("config/decide.rs", "use super::{Limits, Signals}; use crate::domain::photo; use std::fmt;"),
        ("app.rs", "use crate::queue::sqlite::SqliteQueue; use crate::store::folder::{Announce, Announcement};"),
        ("app.rs", "use actix::System;"),
        ("queue/sqlite.rs", "use super::Queue; use crate::queue::{Message, sqlite::x}; use rusqlite::Connection;"),
        ("warehouse/sqlite/load.rs", "use super::schema; use crate::warehouse::sqlite::x; use rusqlite::params;"),
        ("queue/mod.rs", "pub mod sqlite;"),
        ("actors/poller.rs", "use crate::queue::Queue; use actix::prelude::*;"),
        ("actors/poller.rs", "#[cfg(test)]\nmod tests { use crate::queue::sqlite::SqliteQueue; }"),
        ("actors/poller.rs", "// use crate::queue::sqlite;\nconst A: &str = \"crate::queue::sqlite\";"),
        ("cli/run.rs", "use crate::app; use crate::pump::Pump; use super::Exit; use crate::queue::Queue;"),
        ("main.rs", "fn main() { scanmill::cli::run(); }"),
        ("lib.rs", "pub mod actors; pub mod app;"),
    ] {
        assert_eq!(violations("src", file, source), Vec::<String>::new(), "{file}: {source}");
    }
}
