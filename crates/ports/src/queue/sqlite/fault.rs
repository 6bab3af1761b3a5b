//! SQLite's errors in scanmill's classes.

use std::path::Path;

use rusqlite::ErrorCode;

use scanmill_core::error::{Class, Error};

/// An error about the queue file, classed by SQLite's code.
pub(super) fn fault(path: &Path, error: rusqlite::Error) -> Error {
    let queue = format!("queue `{}`", path.display());
    let Some(code) = error.sqlite_error_code() else {
        // Not from SQLite but from the binding: a column of another type, a row that is not there. Our statements
        // never ask for that of tables we made.
        return Error::bug(format!("{queue} answered in an unexpected form")).with_source(error);
    };
    let (class, what, hint) = match code {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
            (Class::Transient, "is locked", "another process holds its lock: `fuser` on this file names it")
        }
        ErrorCode::DiskFull => {
            (Class::Transient, "cannot grow", "the disk is full: free some space; the work is retried automatically")
        }
        ErrorCode::SystemIoFailure | ErrorCode::OutOfMemory | ErrorCode::SchemaChanged => {
            return Error::transient(format!("{queue} failed")).with_source(error);
        }
        ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt => (
            Class::Permanent,
            "is damaged or no queue at all",
            "move the file away; the scan at start queues what lies in the inbox again, and no row is duplicated",
        ),
        ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly => (
            Class::Permanent,
            "cannot be opened for writing",
            "check that its folder exists and that both are writable",
        ),
        _ => return Error::permanent(format!("{queue} failed")).with_source(error),
    };
    Error::new(class, format!("{queue} {what}")).with_hint(hint).with_source(error)
}

/// Whether another connection holds the lock that this one needs.
pub(super) fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}
