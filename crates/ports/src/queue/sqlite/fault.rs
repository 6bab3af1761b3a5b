//! SQLite's errors in scanmill's classes.

use std::path::Path;

use rusqlite::ErrorCode;

use crate::sqlite::{IS_LINK, class, is_link};
use scanmill_core::error::Error;

/// An error about the queue file, classed by SQLite's code.
pub(super) fn fault(path: &Path, error: rusqlite::Error) -> Error {
    let queue = format!("queue `{}`", path.display());
    let Some(code) = error.sqlite_error_code() else {
        // Not from SQLite but from the binding: a column of another type, a row that is not there. Our statements
        // never ask for that of tables we made.
        return Error::bug(format!("{queue} answered in an unexpected form")).with_source(error);
    };
    let class = class(code);
    let (what, hint) = match code {
        _ if is_link(&error) => ("cannot be opened", IS_LINK),
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
            ("is locked", "another process holds its lock: `fuser` on this file names it")
        }
        ErrorCode::DiskFull => ("cannot grow", "the disk is full: free some space; the work is retried automatically"),
        ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt => (
            "is damaged or is not a queue",
            "move the file away; the scan at start queues what lies in the inbox again, and no row is duplicated",
        ),
        ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly => {
            ("cannot be opened for writing", "check that its folder exists and that both are writable")
        }
        _ => return Error::new(class, format!("{queue} failed")).with_source(error),
    };
    Error::new(class, format!("{queue} {what}")).with_hint(hint).with_source(error)
}
