//! What the embedded queue and warehouse share: how their files are opened, SQLite's errors in scanmill's classes, and a
//! copy of a whole file.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, OpenFlags, ffi};

use scanmill_core::error::Class;

/// Opens a file of the root as `flags` say. A symbolic link in its place is refused: it would have another file read, or
/// made a database of.
pub(crate) fn open(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    Connection::open_with_flags(below_real_folder(path), flags | OpenFlags::SQLITE_OPEN_NOFOLLOW)
}

/// The same file by a way without links: SQLite refuses one anywhere in the path, and the root itself may be one.
pub(crate) fn below_real_folder(path: &Path) -> PathBuf {
    let folder = path.parent().map(|folder| if folder.as_os_str().is_empty() { Path::new(".") } else { folder });
    match (folder.map(Path::canonicalize), path.file_name()) {
        (Some(Ok(folder)), Some(name)) => folder.join(name),
        // SQLite says what is wrong with it.
        _ => path.to_owned(),
    }
}

/// What to do about a file that [`open`] refused for being a symbolic link.
pub(crate) const IS_LINK: &str =
    "it is a symbolic link: put the file itself there, or set `local.root` to the folder that holds it";

/// Whether [`open`] refused a symbolic link.
pub(crate) fn is_link(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|error| error.extended_code == ffi::SQLITE_CANTOPEN_SYMLINK)
}

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
