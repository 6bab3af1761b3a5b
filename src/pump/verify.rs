//! The comparison of an answer key with the warehouse: what is lost, doubled, wrong, or there though nobody sent it.
//!
//! The key is read line by line and the warehouse in pages, so that a key of any length fits into memory; what stays is
//! eight bytes a photo, to recognise photos the key does not name.

use std::collections::HashMap;
use std::path::Path;

use serde_json::{Map, Value, json};
use twox_hash::XxHash64;

use super::answer_key::{ExpectedPhoto, KeyReader};
use super::compare::{Comparison, Found, compared_columns};
pub use super::compare::{Difference, Kind, Verdict};
use crate::error::{Error, Result};
use crate::warehouse::{Table, Warehouse};

/// Photos asked for in one query.
const PAGE: usize = 200;
/// Keys listed in one query when unexpected photos are looked for.
const LISTED_PAGE: usize = 2_000;

/// Compares the key in `key_file` with the warehouse and lists at most `max_listed` differences. `progress` is called
/// with the photos compared so far.
///
/// # Errors
/// A key that is missing, unsealed or broken; a query that fails.
pub async fn verify(
    key_file: &Path,
    warehouse: &dyn Warehouse,
    max_listed: usize,
    progress: impl Fn(u64),
) -> Result<Verdict> {
    let mut key = KeyReader::open(key_file)?;
    let (bucket, prefix) = (key.header().bucket.clone(), key.header().prefix.clone());
    let mut comparison = Comparison::new(max_listed);
    let mut known = Vec::new();
    loop {
        let mut page = Vec::with_capacity(PAGE);
        while page.len() < PAGE
            && let Some(photo) = key.next_photo()?
        {
            known.push(key_hash(&photo.key));
            page.push(photo);
        }
        if page.is_empty() {
            break;
        }
        let mut found = rows_of(&page, &bucket, warehouse).await?;
        for photo in &page {
            comparison.compare(photo, &found.remove(&photo.key).unwrap_or_default());
        }
        progress(known.len() as u64);
    }
    known.sort_unstable();
    find_unexpected(&mut comparison, &known, &bucket, &prefix, warehouse).await?;
    Ok(comparison.verdict)
}

fn key_hash(key: &str) -> u64 {
    XxHash64::oneshot(0, key.as_bytes())
}

async fn rows_of(page: &[ExpectedPhoto], bucket: &str, warehouse: &dyn Warehouse) -> Result<HashMap<String, Found>> {
    let mut parameters = vec![json!(bucket)];
    parameters.extend(page.iter().map(|photo| json!(photo.key)));
    let places: Vec<String> = (2..parameters.len() + 1).map(|place| format!("?{place}")).collect();
    let named = format!("WHERE bucket = ?1 AND object_key IN ({})", places.join(", "));
    let columns = compared_columns().join(", ");
    let mut found: HashMap<String, Found> = HashMap::new();
    let scans = warehouse.query(&format!("SELECT object_key, {columns} FROM scans {named}"), &parameters).await?;
    for row in keyed(scans) {
        let (key, row) = row?;
        found.entry(key).or_default().scans.push(row);
    }
    let rejections =
        warehouse.query(&format!("SELECT object_key, reason FROM rejections {named}"), &parameters).await?;
    for row in keyed(rejections) {
        let (key, row) = row?;
        let reason = row.get("reason").and_then(Value::as_str).unwrap_or_default();
        found.entry(key).or_default().rejections.push(reason.to_owned());
    }
    Ok(found)
}

/// Rows as maps by column, each with its key taken out.
fn keyed(table: Table) -> impl Iterator<Item = Result<(String, Map<String, Value>)>> {
    let Table { columns, rows } = table;
    rows.into_iter().map(move |row| {
        let mut row: Map<String, Value> = columns.iter().cloned().zip(row).collect();
        match row.remove("object_key") {
            Some(Value::String(key)) => Ok((key, row)),
            _ => Err(Error::bug("the warehouse answered with a row that has no object_key")),
        }
    })
}

/// Looks through the warehouse's keys under the prefix for those the key file does not name. Costs one count when
/// there are none.
async fn find_unexpected(
    comparison: &mut Comparison,
    known: &[u64],
    bucket: &str,
    prefix: &str,
    warehouse: &dyn Warehouse,
) -> Result<()> {
    let mut after = Value::from(prefix);
    let until = Value::from(end_of_prefix(prefix));
    let sql = format!(
        "SELECT object_key, SUM(scans) AS scans, SUM(rejections) AS rejections FROM (\
         SELECT object_key, 1 AS scans, 0 AS rejections FROM scans \
         WHERE bucket = ?1 AND object_key > ?2 AND object_key < ?3 \
         UNION ALL SELECT object_key, 0 AS scans, 1 AS rejections FROM rejections \
         WHERE bucket = ?1 AND object_key > ?2 AND object_key < ?3) AS rows_of_keys \
         GROUP BY object_key ORDER BY object_key LIMIT {LISTED_PAGE}"
    );
    loop {
        let page = warehouse.query(&sql, &[json!(bucket), after.clone(), until.clone()]).await?;
        let full = page.rows.len() == LISTED_PAGE;
        for row in keyed(page) {
            let (key, row) = row?;
            let count = |column: &str| row.get(column).and_then(Value::as_u64).unwrap_or(0);
            comparison.verdict.rows += count("scans");
            comparison.verdict.rejections += count("rejections");
            if known.binary_search(&key_hash(&key)).is_err() {
                comparison.verdict.unexpected += 1;
                comparison.verdict.wrong += 1;
                comparison.list(Difference {
                    kind: Kind::Unexpected,
                    bucket: bucket.to_owned(),
                    key: key.clone(),
                    payload: None,
                    field: None,
                    expected: Value::Null,
                    found: Value::Null,
                });
            }
            after = key.into();
        }
        if !full {
            return Ok(());
        }
    }
}

/// The first text behind all texts that begin with `prefix`.
pub(super) fn end_of_prefix(prefix: &str) -> String {
    let mut end: Vec<char> = prefix.chars().collect();
    while let Some(last) = end.pop() {
        if let Some(next) = char::from_u32(u32::from(last) + 1) {
            end.push(next);
            break;
        }
    }
    end.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_prefix_is_behind_everything_under_it() {
        assert_eq!(end_of_prefix("story-1/"), "story-10");
        let end = end_of_prefix("a/é");
        assert!("a/é\u{10ffff}" < end.as_str() && end.as_str() < "a/ë", "{end}");
        let last = format!("a{}", char::MAX);
        assert_eq!(end_of_prefix(&last), "b");
    }
}
