//! Opening the file: is it ours, is it of our version, and how SQLite shall treat it.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::fault::fault;
use crate::sqlite::is_busy;
use scanmill_core::error::{Error, Result};

/// "SMQ1": marks the file as a scanmill queue in SQLite's header.
const APPLICATION_ID: i32 = 0x534D_5131;
/// The version of the tables, kept in SQLite's header: that of [`SCHEMA`] and one more for each of [`STEPS`].
const SCHEMA_VERSION: i32 = 4;

/// Times are microseconds since the epoch. `receipt` is what the newest receive was given; no two receives share one.
/// `AUTOINCREMENT` because an id is never used again: an old receipt must not meet a new message.
const SCHEMA: &str = "
CREATE TABLE messages (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    body          TEXT    NOT NULL,
    sent_us       INTEGER NOT NULL,
    visible_us    INTEGER NOT NULL,
    receive_count INTEGER NOT NULL DEFAULT 0,
    receipt       INTEGER
) STRICT;
CREATE INDEX messages_by_visible ON messages (visible_us, id);
CREATE TABLE dead_letters (
    id            INTEGER PRIMARY KEY,
    body          TEXT    NOT NULL,
    sent_us       INTEGER NOT NULL,
    receive_count INTEGER NOT NULL,
    dead_us       INTEGER NOT NULL
) STRICT;
CREATE TABLE announced (
    version      TEXT    PRIMARY KEY,
    announced_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
";

/// What version 2 added: the newest version that was announced of each object, so that one which comes back after another
/// is announced again.
const OBJECTS: &str = "
CREATE TABLE objects (
    object    TEXT PRIMARY KEY,
    version   TEXT NOT NULL,
    sequencer TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX objects_by_sequencer ON objects (sequencer);
";

/// What version 3 added: for how long a message was hidden when `visible_us` was written, so that a clock set back is
/// noticed. Leases given before that may be as long as any.
const LEASES: &str = "
ALTER TABLE messages ADD COLUMN lease_us INTEGER NOT NULL DEFAULT 0;
UPDATE messages SET lease_us = 43200000000 WHERE receive_count > 0;
";

/// What version 4 added: the rows of the two tables, kept by triggers. The depth is asked several times a second, and counting
/// ten million messages takes SQLite a third of one.
const COUNTS: &str = "
CREATE TABLE counts (
    name   TEXT PRIMARY KEY,
    number INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO counts VALUES
    ('messages', (SELECT count(*) FROM messages)), ('dead_letters', (SELECT count(*) FROM dead_letters));
CREATE TRIGGER message_sent AFTER INSERT ON messages
    BEGIN UPDATE counts SET number = number + 1 WHERE name = 'messages'; END;
CREATE TRIGGER message_gone AFTER DELETE ON messages
    BEGIN UPDATE counts SET number = number - 1 WHERE name = 'messages'; END;
CREATE TRIGGER dead_letter_made AFTER INSERT ON dead_letters
    BEGIN UPDATE counts SET number = number + 1 WHERE name = 'dead_letters'; END;
CREATE TRIGGER dead_letter_gone AFTER DELETE ON dead_letters
    BEGIN UPDATE counts SET number = number - 1 WHERE name = 'dead_letters'; END;
";

/// From each version to the next, from the first.
const STEPS: [&str; 3] = [OBJECTS, LEASES, COUNTS];

/// A connection to the queue at `path`, made if absent.
pub(super) fn open(path: &Path, busy_timeout: Duration) -> Result<Connection> {
    // The busy handler does not cover the change to WAL, which two processes may try at once on a new file.
    let give_up = Instant::now() + busy_timeout;
    loop {
        match try_open(path, busy_timeout) {
            Ok(connection) => return connection,
            Err(error) if is_busy(&error) && Instant::now() < give_up => {
                std::thread::sleep(Duration::from_millis(10));
            }
            Err(error) => return Err(fault(path, error)),
        }
    }
}

/// The outer result is SQLite's, the inner one our judgement of the file.
fn try_open(path: &Path, busy_timeout: Duration) -> rusqlite::Result<Result<Connection>> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = crate::sqlite::open(path, flags)?;
    connection.busy_timeout(busy_timeout)?;
    // Judged before the first write: a file that is not ours stays as it is. In a transaction, for what is read must
    // be of one moment: another process may be making the tables.
    let look = connection.transaction()?;
    let state = match judge(&look, path)? {
        Ok(state) => state,
        Err(error) => return Ok(Err(error)),
    };
    drop(look);
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode != "wal" {
        let message = format!("queue `{}` cannot use a write-ahead log (it says `{mode}`)", path.display());
        return Ok(Err(
            Error::permanent(message).with_hint("put it on a local disk; network folders do not share memory")
        ));
    }
    // NORMAL does not wait for the disk at each commit. A killed process loses nothing by it; a power cut may lose the
    // newest transactions, each whole. That loses no photo: an announcement and the record that it was made are one
    // transaction, so the scan at start finds the photo unannounced and queues it again; a lost delete or lease is a
    // redelivery. A plain `send` has no scan behind it and is made with FULL.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    // After a burst the log file shrinks back to this.
    connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
    connection.set_prepared_statement_cache_capacity(32);

    if state == State::Ours {
        return Ok(Ok(connection));
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Asked again under the lock: another process may have made the tables since.
    let version = match judge(&transaction, path)? {
        Ok(State::Ours) => SCHEMA_VERSION,
        Ok(State::Empty) => {
            transaction.execute_batch(SCHEMA)?;
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            1
        }
        Ok(State::Older(version)) => version,
        Err(error) => return Ok(Err(error)),
    };
    for (step, from) in STEPS.iter().zip(1..) {
        if from >= version {
            transaction.execute_batch(step)?;
        }
    }
    transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    transaction.commit()?;
    Ok(Ok(connection))
}

#[derive(PartialEq, Eq)]
enum State {
    Empty,
    /// Ours, of an earlier version.
    Older(i32),
    Ours,
}

/// Call it in a transaction.
fn judge(connection: &Connection, path: &Path) -> rusqlite::Result<Result<State>> {
    let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    let (application, version) = (number("application_id")?, number("user_version")?);
    if application == APPLICATION_ID {
        return Ok(match version {
            SCHEMA_VERSION => Ok(State::Ours),
            1..SCHEMA_VERSION => Ok(State::Older(version)),
            _ => Err(Error::permanent(format!(
                "queue `{}` has schema version {version}, this scanmill knows version {SCHEMA_VERSION}",
                path.display()
            ))
            .with_hint("use the scanmill that wrote it, or a newer one")),
        });
    }
    let objects: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if application == 0 && version == 0 && objects == 0 {
        return Ok(Ok(State::Empty));
    }
    Ok(Err(Error::permanent(format!("`{}` is a database, but not a scanmill queue", path.display()))
        .with_hint("name another file; this one was left as it is")))
}
