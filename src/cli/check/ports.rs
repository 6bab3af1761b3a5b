//! The queue and the warehouse, opened the way the engine opens them, each if its file is there: opening makes what is
//! missing, and a check changes nothing.

use std::time::Duration;

use super::{Check, Status, place};
use crate::app;
use crate::aws::Finding;
use crate::config::Settings;
use crate::domain::columns::{Column, rejection_columns, scan_columns};
use crate::error::{Error, Result};
use crate::warehouse::Warehouse;
use crate::warehouse::schema::{VERSION, newer, version_of};

/// An answer that takes longer is a fault of its own.
const PATIENCE: Duration = Duration::from_secs(15);
/// Databases up to this size are checked page by page.
const QUICK_CHECK_UP_TO: u64 = 256 << 20;

/// Checks them.
pub(super) fn check(settings: &Settings, checks: &mut Vec<Check>) {
    let done = app::io_runtime(1).map(|runtime| {
        runtime.block_on(async {
            match place::queue_file(settings).and_then(size_to_open) {
                None => {}
                Some(0) => checks.push(unmade("queue")),
                Some(_) => checks.push(queue(settings).await),
            }
            match place::warehouse_file(settings).and_then(size_to_open) {
                None => {}
                Some(0) => checks.push(unmade("warehouse")),
                Some(size) => checks.push(warehouse(settings, size <= QUICK_CHECK_UP_TO).await),
            }
            for finding in app::probe(settings).await {
                let is_warning = finding.is_warning();
                let Finding { name, outcome } = finding;
                checks.push(match outcome {
                    Ok(message) => Check::ok(name, message),
                    Err(error) => {
                        let check = failed(name, &error);
                        if is_warning { Check { status: Status::Warn, ..check } } else { check }
                    }
                });
            }
        });
    });
    if let Err(error) = done {
        checks.push(failed("open", &error));
    }
}

/// Size of a database file, zero where there is none yet; `None` where the file itself was found to be wrong. An empty
/// file counts as none: opening would make a database of it.
fn size_to_open((name, path): (&'static str, std::path::PathBuf)) -> Option<u64> {
    let is_right = place::database(name, &path).status == Status::Ok;
    is_right.then(|| std::fs::metadata(&path).map_or(0, |found| found.len()))
}

fn unmade(name: &'static str) -> Check {
    Check::ok(name, "nothing to open before the first run")
}

async fn queue(settings: &Settings) -> Check {
    let depth = async { app::open_queue(settings)?.depth().await };
    match patiently(depth).await {
        Ok(depth) => Check::ok(
            "queue",
            format!("{} ready, {} in flight, {} dead letters", depth.ready, depth.in_flight, depth.dead),
        ),
        Err(error) => failed("queue", &error),
    }
}

async fn warehouse(settings: &Settings, small: bool) -> Check {
    let statement = if small { "PRAGMA quick_check(1)" } else { "SELECT 'ok'" };
    let answer = async {
        let warehouse = app::existing_warehouse(settings)?;
        let version = version_of(warehouse.as_ref()).await?;
        if let Some(found) = version.filter(|found| *found > VERSION) {
            return Err(newer(found));
        }
        // An older one gets what it lacks at the next start.
        if version == Some(VERSION) {
            same_columns(warehouse.as_ref()).await?;
        }
        warehouse.query(statement, &[]).await
    };
    match patiently(answer).await {
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
    }
}

/// Compares the columns of the tables that are loaded with those that this binary writes.
async fn same_columns(warehouse: &dyn Warehouse) -> Result<()> {
    let mut lacks = Vec::new();
    let tables: [(&str, Vec<&Column>); 2] =
        [("scans", scan_columns().collect()), ("rejections", rejection_columns().collect())];
    for (table, columns) in tables {
        let found = warehouse.query(&format!("SELECT name FROM pragma_table_info('{table}')"), &[]).await?;
        let found: Vec<&str> = found.rows.iter().filter_map(|row| row.first()?.as_str()).collect();
        let lacking = columns.iter().map(|column| column.name).filter(|name| !found.contains(name));
        lacks.extend(lacking.map(|name| format!("{table}.{name}")));
    }
    if lacks.is_empty() {
        return Ok(());
    }
    Err(Error::permanent(format!("lacks {} of version {VERSION}: no batch can be loaded", lacks.join(", ")))
        .with_hint("somebody changed its tables: restore it, or move it away, and the sealed batches are loaded again"))
}

async fn patiently<T>(answer: impl Future<Output = Result<T>>) -> Result<T> {
    match tokio::time::timeout(PATIENCE, answer).await {
        Ok(answer) => answer,
        Err(_) => Err(Error::transient(format!("no answer within {} s", PATIENCE.as_secs()))
            .with_hint("another process may hold it locked")),
    }
}

fn failed(name: &'static str, error: &Error) -> Check {
    Check::fail(name, error.to_string(), error.hint_text().unwrap_or("see the message"))
}
