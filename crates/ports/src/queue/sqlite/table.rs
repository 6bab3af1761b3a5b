//! The statements: what one transaction does to the messages.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};
use tokio::time::Instant;

use super::{DeadLetter, LeaseRules, Notice};
use crate::queue::{Depth, Message, ReceiptHandle};
use scanmill_core::error::{Error, Result};

type Sql<T> = rusqlite::Result<T>;

/// What one attempt to receive found.
#[derive(Default)]
pub(super) struct Taken {
    pub messages: Vec<Message>,
    /// Messages moved to the dead letters instead: id and receive count.
    pub died: Vec<(i64, u32)>,
    /// When the next message becomes visible, if nothing was; microseconds since the epoch.
    pub next_visible_us: Option<i64>,
    /// Messages that would have stayed hidden for longer than their lease, see [`cap_leases`].
    pub capped: u64,
}

pub(super) fn now_us() -> i64 {
    Timestamp::now().as_microsecond()
}

fn later(now_us: i64, by: Duration) -> i64 {
    now_us.saturating_add(i64::try_from(by.as_micros()).unwrap_or(i64::MAX))
}

fn timestamp(us: i64) -> Timestamp {
    // The clock gave it, so only a file edited by hand falls back to the epoch.
    Timestamp::from_microsecond(us).unwrap_or(Timestamp::UNIX_EPOCH)
}

pub(super) fn write(connection: &mut Connection) -> Sql<Transaction<'_>> {
    // Immediate: a transaction that reads first and then writes cannot wait for the lock, it fails.
    connection.transaction_with_behavior(TransactionBehavior::Immediate)
}

/// Hands out up to `max` messages, or buries those handed out too often.
/// `is_set_back` says that the clock may have been set back since the last look.
pub(super) fn take(connection: &mut Connection, max: usize, options: &LeaseRules, is_set_back: bool) -> Sql<Taken> {
    // A look without the write lock first: receivers that wait on an empty queue disturb nobody.
    let capped = if is_set_back || is_clock_behind(connection)? { cap_leases(connection)? } else { 0 };
    let next_visible_us = connection
        .prepare_cached("SELECT visible_us FROM messages ORDER BY visible_us LIMIT 1")?
        .query_row([], |row| row.get(0))
        .optional()?;
    if next_visible_us.is_none_or(|next| next > now_us()) {
        return Ok(Taken { next_visible_us, capped, ..Taken::default() });
    }

    let transaction = write(connection)?;
    // In this order, and after the wait for the lock: our deadline is never later than the queue's.
    let visible_again_at = Instant::now() + options.visibility_timeout;
    let now = now_us();
    let mut taken = Taken { capped, ..Taken::default() };
    {
        let mut find = transaction.prepare_cached(
            "SELECT id, receive_count, sent_us, body FROM messages WHERE visible_us <= ?1 \
             ORDER BY visible_us, id LIMIT ?2",
        )?;
        let mut lease = transaction.prepare_cached(
            "UPDATE messages SET visible_us = ?2, lease_us = ?4, receive_count = ?3, receipt = random() WHERE id = ?1 \
             RETURNING receipt",
        )?;
        let found: Vec<(i64, u32, i64, String)> = find
            .query_map(params![now, max as i64], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?
            .collect::<Sql<_>>()?;
        for (id, receive_count, sent_us, body) in found {
            if receive_count >= options.dead_letter_after {
                bury(&transaction, id, now)?;
                taken.died.push((id, receive_count));
                continue;
            }
            let receive_count = receive_count.saturating_add(1);
            let until = later(now, options.visibility_timeout);
            let receipt: i64 = lease.query_row(params![id, until, receive_count, until - now], |row| row.get(0))?;
            taken.messages.push(Message {
                trace: None,
                id: id.to_string(),
                body,
                receipt: Receipt { id, receipt }.handle(),
                receive_count,
                sent_at: timestamp(sent_us),
                visible_again_at,
            });
        }
    }
    transaction.commit()?;
    Ok(taken)
}

fn bury(transaction: &Transaction<'_>, id: i64, now: i64) -> Sql<()> {
    transaction
        .prepare_cached(
            "INSERT INTO dead_letters (id, body, sent_us, receive_count, dead_us) \
             SELECT id, body, sent_us, receive_count, ?2 FROM messages WHERE id = ?1",
        )?
        .execute(params![id, now])?;
    transaction.prepare_cached("DELETE FROM messages WHERE id = ?1")?.execute([id])?;
    Ok(())
}

/// Whether the message hidden longest is hidden for longer than its lease. A lease is written by the wall clock, as
/// several processes share it; a clock set back would hide every message for as long as it was set back by. A long lease
/// may stand before such a message in this order, which is why the process also watches its own clock.
fn is_clock_behind(connection: &mut Connection) -> Sql<bool> {
    let last: Option<(i64, i64)> = connection
        .prepare_cached("SELECT visible_us, lease_us FROM messages ORDER BY visible_us DESC LIMIT 1")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    Ok(last.is_some_and(|(visible_us, lease_us)| is_beyond(visible_us, lease_us, now_us())))
}

/// Hides no message for longer than its lease, counted from now; the number of those that would have been.
pub(super) fn cap_leases(connection: &mut Connection) -> Sql<u64> {
    let transaction = write(connection)?;
    let now = now_us();
    let capped = transaction.execute(
        "UPDATE messages SET visible_us = ?1 + lease_us WHERE visible_us > ?1 + lease_us + ?2",
        params![now, CLOCK_SLACK_US],
    )?;
    transaction.commit()?;
    Ok(capped as u64)
}

/// Clocks are adjusted by small steps all the time, and processes read them at slightly different moments.
pub(super) const CLOCK_SLACK_US: i64 = 1_000_000;

fn is_beyond(visible_us: i64, lease_us: i64, now: i64) -> bool {
    visible_us > now.saturating_add(lease_us).saturating_add(CLOCK_SLACK_US)
}

const UNDO: &str = "UPDATE messages SET visible_us = ?3, lease_us = 0, receive_count = max(receive_count - 1, 0) \
                    WHERE id = ?1 AND receipt = ?2";

/// Makes messages that nobody took delivery of visible again, as if they had not been handed out.
pub(super) fn undo_receive(connection: &mut Connection, messages: &[Message]) -> Sql<()> {
    let transaction = write(connection)?;
    {
        let mut undo = transaction.prepare_cached(UNDO)?;
        for Receipt { id, receipt } in messages.iter().filter_map(|message| Receipt::read(&message.receipt)) {
            undo.execute(params![id, receipt, now_us()])?;
        }
    }
    transaction.commit()
}

/// Makes messages visible again at once, as if they had not been handed out. One result per handle.
pub(super) fn put_back(connection: &mut Connection, path: &Path, receipts: &[ReceiptHandle]) -> Sql<Vec<Result<()>>> {
    for_each(connection, path, receipts, |transaction, Receipt { id, receipt }| {
        Ok(transaction.prepare_cached(UNDO)?.execute(params![id, receipt, now_us()])? > 0)
    })
}

/// Deletes. One result per handle.
pub(super) fn delete(connection: &mut Connection, path: &Path, receipts: &[ReceiptHandle]) -> Sql<Vec<Result<()>>> {
    for_each(connection, path, receipts, |transaction, Receipt { id, receipt }| {
        let deleted = transaction
            .prepare_cached("DELETE FROM messages WHERE id = ?1 AND receipt = ?2")?
            .execute([id, receipt])?;
        // Nowhere to be found means deleted before.
        Ok(deleted > 0 || !is_kept(transaction, id)?)
    })
}

/// Makes messages visible again `visibility` from now. One result per handle.
pub(super) fn extend(
    connection: &mut Connection,
    path: &Path,
    receipts: &[ReceiptHandle],
    visibility: Duration,
) -> Sql<Vec<Result<()>>> {
    for_each(connection, path, receipts, |transaction, Receipt { id, receipt }| {
        let now = now_us();
        let until = later(now, visibility);
        let extended = transaction
            .prepare_cached("UPDATE messages SET visible_us = ?3, lease_us = ?4 WHERE id = ?1 AND receipt = ?2")?
            .execute([id, receipt, until, until - now])?;
        Ok(extended > 0)
    })
}

/// Runs `act` on each receipt in one transaction; false means that the lease was lost.
fn for_each(
    connection: &mut Connection,
    path: &Path,
    receipts: &[ReceiptHandle],
    act: impl Fn(&Transaction<'_>, Receipt) -> Sql<bool>,
) -> Sql<Vec<Result<()>>> {
    let transaction = write(connection)?;
    let mut results = Vec::with_capacity(receipts.len());
    for handle in receipts {
        results.push(match Receipt::read(handle) {
            None => {
                Err(Error::permanent(format!("`{}` is not a receipt handle of queue `{}`", handle.0, path.display())))
            }
            Some(receipt) if act(&transaction, receipt)? => Ok(()),
            Some(receipt) => Err(Error::missing(format!("message {} is no longer leased to this receipt", receipt.id))
                .with_hint("it was handed out again, deleted or given up: finish sooner or extend the lease in time")),
        });
    }
    transaction.commit()?;
    Ok(results)
}

fn is_kept(transaction: &Transaction<'_>, id: i64) -> Sql<bool> {
    transaction
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM messages WHERE id = ?1) OR EXISTS (SELECT 1 FROM dead_letters WHERE id = ?1)",
        )?
        .query_row([id], |row| row.get(0))
}

/// Sends bodies, all or none, and waits until they are on the disk.
pub(super) fn send(connection: &mut Connection, bodies: &[String]) -> Sql<()> {
    connection.pragma_update(None, "synchronous", "FULL")?;
    let sent = (|| {
        let transaction = write(connection)?;
        let now = now_us();
        for body in bodies {
            insert(&transaction, body, now)?;
        }
        transaction.commit()
    })();
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    sent
}

/// Sends notices and records them, all or none; the number sent.
pub(super) fn send_announced(connection: &mut Connection, notices: &[Notice], only_new: bool) -> Sql<usize> {
    let transaction = write(connection)?;
    let now = now_us();
    let mut sent = 0;
    {
        let mut record = transaction
            .prepare_cached("INSERT INTO announced (version, announced_us) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?;
        // An object this queue has no record of may have been announced by an older scanmill: that counts as known.
        let mut replaces = transaction.prepare_cached("SELECT 1 FROM objects WHERE object = ?1 AND version <> ?2")?;
        let mut newest = transaction.prepare_cached(
            "INSERT INTO objects (object, version, sequencer) VALUES (?1, ?2, ?3) ON CONFLICT (object) DO UPDATE \
             SET version = excluded.version, sequencer = excluded.sequencer \
             WHERE version <> excluded.version OR sequencer IS NOT excluded.sequencer",
        )?;
        for Notice { object, version, sequencer, body } in notices {
            let is_new = record.execute(params![version, now])? > 0;
            if is_new || !only_new || replaces.exists([object, version])? {
                insert(&transaction, body, now)?;
                sent += 1;
            }
            newest.execute(params![object, version, sequencer])?;
        }
    }
    transaction.commit()?;
    Ok(sent)
}

pub(super) fn newest_sequencer(connection: &mut Connection) -> Sql<Option<String>> {
    connection.query_row("SELECT max(sequencer) FROM objects", [], |row| row.get(0))
}

/// Those of these version keys that are recorded.
pub(super) fn announced(connection: &mut Connection, keys: Vec<String>) -> Sql<Vec<String>> {
    // One transaction: each statement of its own would lock the file anew.
    let look = connection.transaction()?;
    let mut found = Vec::new();
    {
        let mut find = look.prepare_cached("SELECT 1 FROM announced WHERE version = ?1")?;
        for key in keys {
            if find.exists([&key])? {
                found.push(key);
            }
        }
    }
    look.commit()?;
    Ok(found)
}

/// Removes the records of these version keys, all or none.
pub(super) fn forget_announced(connection: &mut Connection, keys: &[String]) -> Sql<()> {
    let transaction = write(connection)?;
    for key in keys {
        transaction.prepare_cached("DELETE FROM announced WHERE version = ?1")?.execute([key])?;
    }
    transaction.commit()
}

fn insert(transaction: &Transaction<'_>, body: &str, now: i64) -> Sql<()> {
    transaction
        .prepare_cached("INSERT INTO messages (body, sent_us, visible_us) VALUES (?1, ?2, ?2)")?
        .execute(params![body, now])?;
    Ok(())
}

/// All messages, those of them that are hidden, and dead letters. Only the hidden ones are counted, of which there are no more
/// than the engines have in flight.
const DEPTH: &str = "SELECT (SELECT number FROM counts WHERE name = 'messages'), \
     (SELECT count(*) FROM messages WHERE visible_us > ?1), (SELECT number FROM counts WHERE name = 'dead_letters')";

pub(super) fn depth(connection: &mut Connection) -> Sql<Depth> {
    connection.prepare_cached(DEPTH)?.query_row([now_us()], |row| {
        let count = |column| row.get(column).map(i64::cast_unsigned);
        let (all, in_flight) = (count(0)?, count(1)?);
        Ok(Depth { ready: all.saturating_sub(in_flight), in_flight, dead: count(2)? })
    })
}

pub(super) fn dead_letters(connection: &mut Connection, limit: usize) -> Sql<Vec<DeadLetter>> {
    connection
        .prepare_cached(
            "SELECT id, body, sent_us, receive_count, dead_us FROM dead_letters ORDER BY dead_us DESC, id DESC LIMIT ?1",
        )?
        .query_map([i64::try_from(limit).unwrap_or(i64::MAX)], dead_letter)?
        .collect()
}

/// A row of `id, body, sent_us, receive_count, dead_us`.
pub(super) fn dead_letter(row: &Row<'_>) -> Sql<DeadLetter> {
    Ok(DeadLetter {
        id: row.get::<_, i64>(0)?.to_string(),
        body: row.get(1)?,
        sent_at: timestamp(row.get(2)?),
        receive_count: row.get(3)?,
        dead_at: timestamp(row.get(4)?),
    })
}

/// Moves every dead letter back; the number moved.
pub(super) fn redrive(connection: &mut Connection) -> Sql<usize> {
    let transaction = write(connection)?;
    let moved = transaction.execute(
        "INSERT INTO messages (id, body, sent_us, visible_us) SELECT id, body, sent_us, ?1 FROM dead_letters",
        [now_us()],
    )?;
    transaction.execute("DELETE FROM dead_letters", [])?;
    transaction.commit()?;
    Ok(moved)
}

/// Messages that are hidden, and when the last of them is visible again.
pub(super) fn leased(connection: &mut Connection) -> Sql<Option<(u64, Timestamp)>> {
    let sql = "SELECT count(*), max(visible_us) FROM messages WHERE visible_us > ?1";
    let (count, last): (i64, Option<i64>) =
        connection.query_row(sql, [now_us()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(last.map(|last| (count.unsigned_abs(), timestamp(last))))
}

/// Makes hidden messages visible; how many there were.
pub(super) fn release_all(connection: &mut Connection) -> Sql<u64> {
    let transaction = write(connection)?;
    let released = transaction
        .execute("UPDATE messages SET visible_us = ?1, receipt = random() WHERE visible_us > ?1", [now_us()])?;
    transaction.commit()?;
    Ok(released as u64)
}

/// Changes whenever another connection, of this process or another, has committed.
pub(super) fn data_version(connection: &mut Connection) -> Sql<i64> {
    connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))
}

/// What a handle says: message and receive.
#[derive(Clone, Copy)]
struct Receipt {
    id: i64,
    receipt: i64,
}

impl Receipt {
    fn handle(self) -> ReceiptHandle {
        ReceiptHandle(format!("{}:{:016x}", self.id, self.receipt))
    }

    fn read(handle: &ReceiptHandle) -> Option<Receipt> {
        let (id, receipt) = handle.0.split_once(':')?;
        Some(Receipt { id: id.parse().ok()?, receipt: u64::from_str_radix(receipt, 16).ok()?.cast_signed() })
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::super::open::open;
    use super::*;

    #[test]
    fn the_depth_costs_the_same_however_much_waits() {
        let folder = tempfile::tempdir().unwrap();
        let connection = open(&folder.path().join("queue.sqlite"), Duration::from_secs(1)).unwrap();
        let steps = |waiting: i64| {
            let mut statement = connection.prepare(DEPTH).unwrap();
            assert_eq!(statement.query_row([now_us()], |row| row.get::<_, i64>(0)).unwrap(), waiting);
            statement.get_status(StatementStatus::VmStep)
        };
        let of_none = steps(0);
        let fill = "INSERT INTO messages (body, sent_us, visible_us) \
                    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) SELECT 'x', i, i FROM n";
        connection.execute(fill, []).unwrap();
        assert_eq!(steps(1_000), of_none);
    }
}
