//! The queue and the warehouse, opened the way the engine opens them, each if its file is there: opening makes what is
//! missing, and a check changes nothing.

use std::sync::Arc;
use std::time::Duration;

use super::{Check, Status, place};
use crate::app;
use crate::config::Settings;
use crate::error::{Error, Result};
use crate::probe::{Finding, Probe};

/// An answer that takes longer is a fault of its own.
const PATIENCE: Duration = Duration::from_secs(15);

/// Checks them.
pub(super) fn check(settings: &Settings, checks: &mut Vec<Check>) {
    let done = app::io_runtime(1).map(|runtime| {
        runtime.block_on(async {
            match place::queue_file(settings).and_then(is_made) {
                None => {}
                Some(false) => checks.push(unmade("queue")),
                Some(true) => checks.extend(look("queue", || app::queue_probe(settings)).await),
            }
            match place::warehouse_file(settings).and_then(is_made) {
                None => {}
                Some(false) => checks.push(unmade("warehouse")),
                Some(true) => checks.extend(look("warehouse", || app::warehouse_probe(settings)).await),
            }
            checks.extend(app::probe(settings).await.into_iter().map(told));
        });
    });
    if let Err(error) = done {
        checks.push(failed("open", &error));
    }
}

/// Whether there is a database to open; `None` where the file itself was found to be wrong. An empty file is none yet:
/// opening would make a database of it.
fn is_made((name, path): (&'static str, std::path::PathBuf)) -> Option<bool> {
    let is_right = place::database(name, &path).status == Status::Ok;
    is_right.then(|| std::fs::metadata(&path).is_ok_and(|found| found.len() > 0))
}

fn unmade(name: &'static str) -> Check {
    Check::ok(name, "nothing to open before the first run")
}

/// What an adapter says of itself, opened by `open`.
async fn look(name: &'static str, open: impl FnOnce() -> Result<Arc<dyn Probe>>) -> Vec<Check> {
    let findings = async { Ok(open()?.probe().await) };
    let too_long = || {
        Err(Error::transient(format!("no answer within {} s", PATIENCE.as_secs()))
            .with_hint("another process may hold it locked"))
    };
    match tokio::time::timeout(PATIENCE, findings).await.unwrap_or_else(|_| too_long()) {
        Ok(findings) => findings.into_iter().map(told).collect(),
        Err(error) => vec![failed(name, &error)],
    }
}

fn told(finding: Finding) -> Check {
    let is_warning = finding.is_warning();
    let Finding { name, outcome } = finding;
    match outcome {
        Ok(message) => Check::ok(name, message),
        Err(error) => {
            let check = failed(name, &error);
            if is_warning { Check { status: Status::Warn, ..check } } else { check }
        }
    }
}

fn failed(name: &'static str, error: &Error) -> Check {
    Check::fail(name, error.to_string(), error.hint_text().unwrap_or("see the message"))
}
