//! Opening the file: whose it is, and how it is used.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::errors::sql_error;
use crate::warehouse::schema::SQLITE_APPLICATION_ID;
use scanmill_core::error::{Error, Result};

/// The connection that loads. Creates the file when it is absent.
pub(super) fn open_writer(path: &Path, busy_timeout: Duration) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = crate::sqlite::open(path, flags).map_err(sql_error("cannot open", path))?;
    connection.busy_timeout(busy_timeout).map_err(sql_error("cannot open", path))?;
    check_owner(&connection, path)?;
    use_wal(&connection, path, busy_timeout)?;
    // synchronous: in WAL mode NORMAL can lose the last transactions in a power cut, never half of one. A lost load is
    // adopted again, since its ledger rows are lost with it and the batches are fsynced objects.
    // journal_size_limit: a WAL that a long reader let grow is cut back once it could be folded in.
    // cache_size: 16 MiB, most of it the inner pages of the key index, which a load touches at random.
    // temp_store: the stage of a load goes to a file, so that a large manifest costs disk and not memory.
    connection
        .execute_batch(
            "PRAGMA synchronous = NORMAL;
             PRAGMA journal_size_limit = 67108864;
             PRAGMA cache_size = -16384;
             PRAGMA temp_store = FILE;",
        )
        .map_err(sql_error("cannot open", path))?;
    Ok(connection)
}

/// A connection that cannot write.
///
/// Even to read, SQLite makes shared memory beside a file with a write-ahead log that nobody has open. Where it may not (a
/// file of another user, a mount that is read-only), and no log is there, nobody writes and the file alone is the whole
/// database: it is read as one that does not change. With a log beside it, that would leave out the newest loads.
pub(super) fn open_reader(path: &Path, busy_timeout: Duration) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = match read_with(path, flags) {
        Err(error) if may_not_share(&error) && !has_log(path) => {
            read_with(&immutable_uri(&crate::sqlite::below_real_folder(path)), flags | OpenFlags::SQLITE_OPEN_URI)
        }
        opened => opened,
    };
    let connection = connection.map_err(sql_error("cannot open", path))?;
    connection.busy_timeout(busy_timeout).map_err(sql_error("cannot open", path))?;
    connection.pragma_update(None, "query_only", true).map_err(sql_error("cannot open", path))?;
    Ok(connection)
}

/// The same for all that a warehouse is asked, once it is known to be ours.
pub(super) fn open_reader_of_ours(path: &Path, busy_timeout: Duration) -> Result<Connection> {
    let connection = open_reader(path, busy_timeout)?;
    check_owner(&connection, path)?;
    Ok(connection)
}

/// Opens and looks: opening alone touches nothing.
fn read_with(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = crate::sqlite::open(path, flags)?;
    connection.query_row("SELECT COUNT(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))?;
    Ok(connection)
}

fn may_not_share(error: &rusqlite::Error) -> bool {
    let refusals = [ErrorCode::CannotOpen, ErrorCode::ReadOnly, ErrorCode::PermissionDenied];
    error.sqlite_error_code().is_some_and(|code| refusals.contains(&code))
}

/// Whether a write-ahead log with anything in it is there, or nobody can say that there is none. A failed attempt to open
/// the file leaves an empty one.
fn has_log(path: &Path) -> bool {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    match std::fs::symlink_metadata(log) {
        Ok(metadata) => !metadata.is_file() || metadata.len() > 0,
        Err(error) => error.kind() != std::io::ErrorKind::NotFound,
    }
}

/// The file as a URI that says it does not change.
fn immutable_uri(path: &Path) -> PathBuf {
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' | b'~' => uri.push(char::from(*byte)),
            byte if byte.is_ascii_alphanumeric() => uri.push(char::from(*byte)),
            byte => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri.push_str("?immutable=1");
    uri.into()
}

/// Refuses a database that is somebody else's before anything in it is changed.
fn check_owner(connection: &Connection, path: &Path) -> Result<()> {
    let (application, objects): (i32, i64) = connection
        .query_row(
            "SELECT application_id, (SELECT COUNT(*) FROM sqlite_schema) FROM pragma_application_id",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .map_err(sql_error("cannot open", path))?;
    if application == SQLITE_APPLICATION_ID || (application == 0 && objects == 0) {
        return Ok(());
    }
    Err(Error::permanent(format!("`{}` is an SQLite database, but no scanmill warehouse", path.display()))
        .with_hint("move it away, or set `local.root` to another folder"))
}

/// Turns WAL on; the file remembers it. SQLite does not wait for others here, so two processes that start on a new
/// file would fail each other.
fn use_wal(connection: &Connection, path: &Path, busy_timeout: Duration) -> Result<()> {
    let deadline = Instant::now() + busy_timeout;
    loop {
        let mode = connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get::<_, String>(0));
        match mode {
            Ok(mode) if mode == "wal" => return Ok(()),
            Ok(mode) => {
                return Err(Error::permanent(format!(
                    "warehouse `{}` cannot use a write-ahead log, it stays in mode {mode}",
                    path.display()
                ))
                .with_hint("put it on a local disk; network file systems lack the shared memory it needs"));
            }
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(10));
            }
            Err(error) => return Err(sql_error("cannot open", path)(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_uri_whatever_it_holds() {
        let uri = immutable_uri(Path::new("/data/a b?c#d%/é.sqlite"));
        assert_eq!(uri, Path::new("file:/data/a%20b%3Fc%23d%25/%C3%A9.sqlite?immutable=1"));
    }
}
