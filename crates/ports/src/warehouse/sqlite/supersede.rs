//! One file name, one photo's rows.
//!
//! A file in the inbox may be read before its writer is done, and again when it is whole; or it is overwritten later. Each
//! content is a photo with an id of its own. Of those that one name had, the latest state stays, whatever the order in
//! which their batches are loaded: by the announcement's sequencer, and of one announcement (a file that grew between two
//! deliveries) by when it was read.
//!
//! A rejection whose cause lies outside the bytes says nothing about them. It supersedes no state that was read; both
//! stand until the name is read again.

use rusqlite::Transaction;

use crate::warehouse::passing_reasons;

/// Where a state is in the order of its name's states. One whose message named no sequencer (`backfill`, a message
/// made by hand) is what the file held when it was read, so the time of that takes the place: a sequencer is nanoseconds
/// since the epoch in 18 hex digits.
fn order_of(sequencer: &str, processed_at: &str) -> String {
    format!(
        "COALESCE({sequencer}, printf('%018X', CAST(unixepoch({processed_at}, 'subsec') * 1000 AS INTEGER) * 1000000))"
    )
}

/// Deletes the rows of earlier states of every name that this load's rows have, and returns of how many photos.
pub(super) fn supersede(transaction: &Transaction<'_>, bucket: &str) -> rusqlite::Result<u64> {
    let passing = passing_reasons();
    transaction.execute_batch(
        "CREATE TEMP TABLE IF NOT EXISTS states (object_key, photo_id, sequencer, processed_at, is_read);
         CREATE TEMP TABLE IF NOT EXISTS superseded (photo_id PRIMARY KEY) WITHOUT ROWID;
         CREATE TEMP TABLE IF NOT EXISTS named (photo_id PRIMARY KEY, sequencer) WITHOUT ROWID;
         DELETE FROM temp.states;
         DELETE FROM temp.superseded;
         DELETE FROM temp.named;",
    )?;
    // A content that comes back after another is announced again, and its rows, which stand already, are as late as that.
    transaction
        .prepare_cached(
            "INSERT INTO temp.named (photo_id, sequencer)
             SELECT photo_id, MAX(sequencer) FROM temp.stage WHERE bucket = ?1 AND sequencer IS NOT NULL GROUP BY photo_id",
        )?
        .execute([bucket])?;
    for table in ["scans", "rejections"] {
        transaction
            .prepare_cached(&format!(
                "UPDATE {table} SET sequencer = named.sequencer FROM temp.named
                 WHERE named.photo_id = {table}.photo_id AND {order} < named.sequencer",
                order = order_of(&format!("{table}.sequencer"), &format!("{table}.processed_at")),
            ))?
            .execute([])?;
    }
    let touched = "SELECT DISTINCT object_key FROM temp.stage WHERE bucket = ?1";
    transaction
        .prepare_cached(&format!(
            "INSERT INTO temp.states (object_key, photo_id, sequencer, processed_at, is_read)
             SELECT object_key, photo_id, {of_photo}, MAX(processed_at), 1
             FROM scans WHERE bucket = ?1 AND object_key IN ({touched}) GROUP BY object_key, photo_id
             UNION ALL
             SELECT object_key, photo_id, {of_row}, processed_at, reason NOT IN ({passing})
             FROM rejections WHERE bucket = ?1 AND object_key IN ({touched})",
            of_photo = order_of("MAX(sequencer)", "MAX(processed_at)"),
            of_row = order_of("sequencer", "processed_at"),
        ))?
        .execute([bucket])?;
    // Later ones first. What was read goes with all that came after it; of the rest the newest stays.
    let superseded = transaction
        .prepare_cached(
            "INSERT INTO temp.superseded (photo_id)
             SELECT photo_id
             FROM (SELECT photo_id,
                          ROW_NUMBER() OVER later AS place,
                          COALESCE(SUM(is_read) OVER (later ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)
                            AS read_later,
                          is_read
                   FROM temp.states
                   WINDOW later AS (PARTITION BY object_key ORDER BY sequencer DESC, processed_at DESC, photo_id)) AS states
             WHERE read_later > 0 OR (is_read = 0 AND place > 1)",
        )?
        .execute([])?;
    if superseded > 0 {
        for table in ["scans", "rejections"] {
            transaction
                .prepare_cached(&format!(
                    "DELETE FROM {table} WHERE photo_id IN (SELECT photo_id FROM temp.superseded)"
                ))?
                .execute([])?;
        }
    }
    Ok(superseded as u64)
}
