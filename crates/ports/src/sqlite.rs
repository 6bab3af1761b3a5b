//! What the embedded queue and warehouse share: SQLite's errors in scanmill's classes, and a copy of a whole file.

use std::path::Path;

use rusqlite::{Connection, ErrorCode};

use scanmill_core::error::Class;

/// What may be done about an error that SQLite itself gives.
pub(crate) fn class(code: ErrorCode) -> Class {
    match code {
        ErrorCode::DatabaseBusy
        | ErrorCode::DatabaseLocked
        | ErrorCode::DiskFull
        | ErrorCode::SystemIoFailure
        | ErrorCode::OutOfMemory
        | ErrorCode::OperationInterrupted
        | ErrorCode::FileLockingProtocolFailed
        | ErrorCode::SchemaChanged => Class::Transient,
        // Every value is checked before it is bound; a constraint that still fails is our own mistake.
        ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch => Class::Bug,
        _ => Class::Permanent,
    }
}

/// Whether another connection holds the lock that this one needs.
pub(crate) fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// Copies the whole file as of one moment to `path`, where nothing may be, while others go on using it.
pub(crate) fn copy_to(connection: &Connection, path: &Path) -> rusqlite::Result<()> {
    connection.execute("VACUUM INTO ?1", [path.to_string_lossy()]).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_go_better_a_moment_later_is_transient() {
        for code in [ErrorCode::OperationInterrupted, ErrorCode::FileLockingProtocolFailed, ErrorCode::DatabaseBusy] {
            assert_eq!(class(code), Class::Transient, "{code:?}");
        }
        assert_eq!(class(ErrorCode::ConstraintViolation), Class::Bug);
        assert_eq!(class(ErrorCode::DatabaseCorrupt), Class::Permanent);
    }
}
