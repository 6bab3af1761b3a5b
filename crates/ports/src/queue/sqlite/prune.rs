//! What a queue file need not keep for ever: records of photos that are gone, and dead letters.

use std::collections::HashSet;

use jiff::Timestamp;
use rusqlite::params;

use super::table::{dead_letter, write};
use super::{DeadLetter, SqliteQueue};
use scanmill_core::error::Result;

type Sql<T> = rusqlite::Result<T>;

/// The newest version of an object that was announced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Stands for the object, whatever its version.
    pub object: String,
    /// Stands for the version.
    pub version: String,
    /// Whether it was announced before the time asked about.
    pub is_old: bool,
}

impl SqliteQueue {
    /// Records of objects, in the order of [`Recorded::object`], after `after` and at most `max`.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn recorded(&self, before: Timestamp, after: Option<String>, max: usize) -> Result<Vec<Recorded>> {
        self.call(move |connection| {
            let sql = "SELECT o.object, o.version, COALESCE(a.announced_us, 0) < ?1 \
                       FROM objects AS o LEFT JOIN announced AS a ON a.version = o.version \
                       WHERE o.object > ?2 ORDER BY o.object LIMIT ?3";
            let row = |row: &rusqlite::Row<'_>| {
                Ok(Recorded { object: row.get(0)?, version: row.get(1)?, is_old: row.get(2)? })
            };
            let values = params![before.as_microsecond(), after.unwrap_or_default(), max as i64];
            connection.prepare_cached(sql)?.query_map(values, row)?.collect()
        })
        .await
    }

    /// Forgets these objects and the announcement of their version; how many. One that was announced since `newest`,
    /// a sequencer, is kept; so the greatest sequencer of all stays known.
    ///
    /// # Errors
    /// Then none was forgotten.
    pub async fn forget_objects(&self, gone: Vec<Recorded>, newest: String) -> Result<usize> {
        self.call(move |connection| {
            let transaction = write(connection)?;
            let mut forgotten = 0;
            for Recorded { object, version, .. } in &gone {
                let is_gone = transaction
                    .prepare_cached(
                        "DELETE FROM objects WHERE object = ?1 AND version = ?2 AND (sequencer IS NULL OR sequencer < ?3)",
                    )?
                    .execute([object, version, &newest])?;
                if is_gone > 0 {
                    transaction.prepare_cached("DELETE FROM announced WHERE version = ?1")?.execute([version])?;
                    forgotten += 1;
                }
            }
            transaction.commit()?;
            Ok(forgotten)
        })
        .await
    }

    /// Versions announced before `before` that are the newest of no object: each had another one after it, or was
    /// announced by a scanmill that kept no record of objects.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn replaced_versions(&self, before: Timestamp) -> Result<Vec<String>> {
        self.call(move |connection| {
            let current: HashSet<String> = connection
                .prepare("SELECT version FROM objects")?
                .query_map([], |row| row.get(0))?
                .collect::<Sql<_>>()?;
            let mut found = Vec::new();
            let mut select = connection.prepare("SELECT version FROM announced WHERE announced_us < ?1")?;
            let mut rows = select.query([before.as_microsecond()])?;
            while let Some(row) = rows.next()? {
                let version: String = row.get(0)?;
                if !current.contains(&version) {
                    found.push(version);
                }
            }
            Ok(found)
        })
        .await
    }

    /// Forgets that these versions were announced, but for those an object has got since `newest`; how many.
    ///
    /// # Errors
    /// Then none was forgotten.
    pub async fn forget_versions(&self, versions: Vec<String>, newest: String) -> Result<usize> {
        self.call(move |connection| {
            let transaction = write(connection)?;
            let back: HashSet<String> = transaction
                .prepare("SELECT version FROM objects WHERE sequencer > ?1")?
                .query_map([newest], |row| row.get(0))?
                .collect::<Sql<_>>()?;
            let mut forgotten = 0;
            for version in versions.iter().filter(|version| !back.contains(*version)) {
                forgotten +=
                    transaction.prepare_cached("DELETE FROM announced WHERE version = ?1")?.execute([version])?;
            }
            transaction.commit()?;
            Ok(forgotten)
        })
        .await
    }

    /// Dead letters of before `before`, in the order of their ids, after `after` and at most `max`.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn old_dead_letters(&self, before: Timestamp, after: i64, max: usize) -> Result<Vec<(i64, DeadLetter)>> {
        self.call(move |connection| {
            connection
                .prepare_cached(
                    "SELECT id, body, sent_us, receive_count, dead_us FROM dead_letters \
                     WHERE dead_us < ?1 AND id > ?2 ORDER BY id LIMIT ?3",
                )?
                .query_map(params![before.as_microsecond(), after, max as i64], |row| {
                    Ok((row.get(0)?, dead_letter(row)?))
                })?
                .collect()
        })
        .await
    }

    /// Removes these dead letters for good; how many there were.
    ///
    /// # Errors
    /// Then none was removed.
    pub async fn remove_dead_letters(&self, ids: Vec<i64>) -> Result<usize> {
        self.call(move |connection| {
            let transaction = write(connection)?;
            let mut removed = 0;
            for id in &ids {
                removed += transaction.prepare_cached("DELETE FROM dead_letters WHERE id = ?1")?.execute([id])?;
            }
            transaction.commit()?;
            Ok(removed)
        })
        .await
    }

    /// Bodies of messages that wait or are leased, after the id `after` and at most `max`.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn bodies(&self, after: i64, max: usize) -> Result<Vec<(i64, String)>> {
        self.call(move |connection| {
            connection
                .prepare_cached("SELECT id, body FROM messages WHERE id > ?1 ORDER BY id LIMIT ?2")?
                .query_map(params![after, max as i64], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        })
        .await
    }
}
