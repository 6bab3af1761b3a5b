//! The queue and the warehouse, opened the way the engine opens them, if all their files are there: opening makes what
//! is missing, and a check changes nothing.

use std::time::Duration;

use super::{Check, place};
use crate::app;
use crate::config::Settings;
use crate::error::{Error, Result};

/// An answer that takes longer is a fault of its own.
const PATIENCE: Duration = Duration::from_secs(15);
/// Databases up to this size are checked page by page.
const QUICK_CHECK_UP_TO: u64 = 256 << 20;

/// Checks them.
pub fn check(settings: &Settings, checks: &mut Vec<Check>) {
    let paths = place::folders(settings).into_iter().chain(place::databases(settings));
    if !paths.map(|(_, path)| path).all(|path| path.try_exists().unwrap_or(false)) {
        checks.push(Check::ok("queue", "nothing to open before the first run"));
        checks.push(Check::ok("warehouse", "nothing to open before the first run"));
        return;
    }
    let [_, (_, warehouse)] = place::databases(settings);
    let small = std::fs::metadata(warehouse).is_ok_and(|found| found.len() <= QUICK_CHECK_UP_TO);
    match runtime().and_then(|runtime| runtime.block_on(ask(settings, small))) {
        Ok(found) => checks.extend(found),
        Err(error) => checks.push(failed("open", &error)),
    }
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    // Adapters may block in place, which needs the multi-thread runtime.
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let built = builder.worker_threads(1).enable_all().build();
    built.map_err(|error| Error::transient("cannot start threads").source(error))
}

async fn ask(settings: &Settings, small: bool) -> Result<[Check; 2]> {
    let ports = app::open(settings)?;
    let queue = match patiently(ports.queue.depth()).await {
        Ok(depth) => Check::ok(
            "queue",
            format!("{} ready, {} in flight, {} dead letters", depth.ready, depth.in_flight, depth.dead),
        ),
        Err(error) => failed("queue", &error),
    };
    let statement = if small { "PRAGMA quick_check(1)" } else { "SELECT 'ok'" };
    let warehouse = match patiently(ports.warehouse.query(statement, &[])).await {
        Err(error) => failed("warehouse", &error),
        Ok(table) => match table.rows.first().and_then(|row| row.first()).and_then(|value| value.as_str()) {
            Some("ok") if small => Check::ok("warehouse", "opens, and its pages are whole"),
            Some("ok") => Check::ok("warehouse", "opens"),
            answer => Check::fail(
                "warehouse",
                format!("damaged: {}", answer.unwrap_or("no answer")),
                "restore it, or move it away: the sealed batches in the results bucket are loaded again",
            ),
        },
    };
    Ok([queue, warehouse])
}

async fn patiently<T>(answer: impl Future<Output = Result<T>>) -> Result<T> {
    match tokio::time::timeout(PATIENCE, answer).await {
        Ok(answer) => answer,
        Err(_) => Err(Error::transient(format!("no answer within {} s", PATIENCE.as_secs()))
            .hint("another process may hold it locked")),
    }
}

fn failed(name: &'static str, error: &Error) -> Check {
    Check::fail(name, error.to_string(), error.hint_text().unwrap_or("see the message"))
}
