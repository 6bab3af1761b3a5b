//! A table's rows under a prefix in the order of their keys, page by page.
//!
//! A page never cuts a photo's rows in two: what may be cut at its end is read again with the next. A photo with more
//! rows than the largest page is a flood, of which a few rows are read and the rest is counted.

use std::collections::{HashMap, VecDeque};

use serde_json::json;

use super::compare::COMPARED;
use super::photo_rows::{AnsweredRow, LINEAGE, TableRows};
use scanmill_core::error::{Error, Result};
use scanmill_ports::warehouse::{Value, Warehouse};

/// Rows of the first page; each later one has at most twice those of the one before.
const PAGE_FIRST: usize = 500;
/// The most rows of a page. The Data API answers with at most 100 MB, and a query there takes a second or more whatever
/// it asks.
const PAGE_MOST: usize = 8_000;
/// The weight a page should have, by the rows of the one before.
const PAGE_BYTES: usize = 8 << 20;
/// Rows read of a flood, of each text that is expected and of all others together.
const SAMPLE: usize = 100;

/// What to read: everything under a prefix.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct KeyRange {
    pub(super) bucket: String,
    pub(super) prefix: String,
}

/// The rows of one table.
pub(super) struct Pages<'w> {
    warehouse: &'w dyn Warehouse,
    table: &'static str,
    /// Columns beside those of every row; the one that tells a photo's rows apart is `text`.
    own_columns: &'static [&'static str],
    text: &'static str,
    range: KeyRange,
    after: String,
    limit: usize,
    is_last: bool,
    rows: VecDeque<AnsweredRow>,
    flood: Option<String>,
}

impl<'w> Pages<'w> {
    /// The scans of a range.
    pub(super) fn scans(warehouse: &'w dyn Warehouse, range: &KeyRange) -> Self {
        Self::new(warehouse, range, "scans", &COMPARED, "payload")
    }

    /// The rejections of a range.
    pub(super) fn rejections(warehouse: &'w dyn Warehouse, range: &KeyRange) -> Self {
        Self::new(warehouse, range, "rejections", &["reason"], "reason")
    }

    fn new(
        warehouse: &'w dyn Warehouse,
        range: &KeyRange,
        table: &'static str,
        own_columns: &'static [&'static str],
        text: &'static str,
    ) -> Self {
        Self {
            warehouse,
            table,
            own_columns,
            text,
            after: range.prefix.clone(),
            range: range.clone(),
            limit: PAGE_FIRST,
            is_last: false,
            rows: VecDeque::new(),
            flood: None,
        }
    }

    /// The key of the next photo that has rows.
    ///
    /// # Errors
    /// A query that fails; rows that do not come in the order of their keys' bytes.
    pub(super) async fn next_key(&mut self) -> Result<Option<&str>> {
        while self.rows.is_empty() && !self.is_last {
            self.fill().await?;
        }
        Ok(self.rows.front().map(AnsweredRow::key))
    }

    /// Takes the rows of `key` off, if they are the next. `expected` are the texts that are asked for where the rows
    /// are too many to read.
    ///
    /// # Errors
    /// A query about a flood that fails.
    pub(super) async fn take(&mut self, key: &str, expected: &[&str]) -> Result<TableRows> {
        let mut read = Vec::new();
        while let Some(row) = self.rows.pop_front_if(|row| row.key() == key) {
            read.push(row);
        }
        if self.flood.take_if(|flood| flood == key).is_some() {
            return self.count_flood(key, read, expected).await;
        }
        Ok(TableRows { read, ..TableRows::default() })
    }

    /// The batches of the rows at hand.
    pub(super) fn batch_ids(&self) -> impl Iterator<Item = &str> {
        self.rows.iter().filter_map(AnsweredRow::batch_id)
    }

    /// Reads the next page.
    async fn fill(&mut self) -> Result<()> {
        let end = end_of_prefix(&self.range.prefix);
        let mut parameters = vec![json!(self.range.bucket), json!(self.after)];
        // Nothing lies behind the empty prefix.
        let until = if end.is_empty() { "" } else { "AND object_key < ?3 " };
        parameters.extend((!end.is_empty()).then(|| json!(end)));
        let condition = format!("object_key > ?2 {until}ORDER BY object_key LIMIT {}", self.limit);
        let mut rows = self.select(&condition, &parameters).await?;
        self.check_order(&rows)?;
        self.is_last = rows.len() < self.limit;
        if !self.is_last
            && let Some(last) = rows.last().map(|row| row.key().to_owned())
        {
            match rows.iter().rposition(|row| row.key() != last) {
                Some(place) => {
                    rows.truncate(place + 1);
                    self.after = rows.last().map_or(last, |row| row.key().to_owned());
                }
                None if self.limit < PAGE_MOST => {
                    self.limit = PAGE_MOST;
                    return Ok(());
                }
                None => {
                    rows.truncate(SAMPLE);
                    self.after.clone_from(&last);
                    self.flood = Some(last);
                }
            }
            let weight = rows.iter().map(AnsweredRow::weight).sum::<usize>() / rows.len().max(1);
            self.limit = (PAGE_BYTES / weight.max(1)).min(self.limit * 2).clamp(SAMPLE, PAGE_MOST);
        }
        self.rows = rows.into();
        Ok(())
    }

    async fn select(&self, condition: &str, parameters: &[Value]) -> Result<Vec<AnsweredRow>> {
        let columns = [&LINEAGE[..], self.own_columns].concat().join(", ");
        let sql = format!("SELECT {columns} FROM {} WHERE bucket = ?1 AND {condition}", self.table);
        let answer = self.warehouse.query(&sql, parameters).await?;
        let rows = answer.rows.into_iter().map(|cells| {
            let row = AnsweredRow::of(cells, self.own_columns.len());
            row.ok_or_else(|| {
                Error::bug(format!("the warehouse answered with a row of `{}` that has no key", self.table))
            })
        });
        rows.collect()
    }

    /// The join needs the order of bytes. Another one would make photos look lost that are there.
    fn check_order(&self, rows: &[AnsweredRow]) -> Result<()> {
        let mut before = self.after.as_str();
        for (place, row) in rows.iter().enumerate() {
            let key = row.key();
            if key < before || (place == 0 && key == before) || !key.starts_with(&self.range.prefix) {
                return Err(not_by_bytes(format!("`{}` answered with the key `{key}` after `{before}`", self.table)));
            }
            before = key;
        }
        Ok(())
    }

    async fn count_flood(&self, key: &str, sample: Vec<AnsweredRow>, expected: &[&str]) -> Result<TableRows> {
        let mut rows = TableRows { read: Vec::new(), more_copies: HashMap::new(), more: self.count(key, None).await? };
        for text in expected {
            if rows.more_copies.contains_key(*text) {
                continue;
            }
            let count = self.count(key, Some(text)).await?;
            let condition = format!("object_key = ?2 AND {} = ?3 LIMIT {SAMPLE}", self.text);
            let some = self.select(&condition, &[json!(self.range.bucket), json!(key), json!(text)]).await?;
            rows.more = rows.more.saturating_sub(count);
            rows.more_copies.insert((*text).to_owned(), count.saturating_sub(some.len() as u64));
            rows.read.extend(some);
        }
        let place = self.own_columns.iter().position(|column| *column == self.text).unwrap_or(0);
        let is_other = |row: &AnsweredRow| row.own(place).as_str().is_none_or(|text| !expected.contains(&text));
        let others: Vec<AnsweredRow> = sample.into_iter().filter(is_other).collect();
        rows.more = rows.more.saturating_sub(others.len() as u64);
        rows.read.extend(others);
        Ok(rows)
    }

    async fn count(&self, key: &str, text: Option<&str>) -> Result<u64> {
        let and_text = text.map(|_| format!(" AND {} = ?3", self.text)).unwrap_or_default();
        let sql = format!("SELECT COUNT(*) FROM {} WHERE bucket = ?1 AND object_key = ?2{and_text}", self.table);
        let mut parameters = vec![json!(self.range.bucket), json!(key)];
        parameters.extend(text.map(|text| json!(text)));
        let answer = self.warehouse.query(&sql, &parameters).await?;
        let count = answer.rows.first().and_then(|row| row.first()).and_then(Value::as_u64);
        count.ok_or_else(|| Error::bug("the warehouse counted nothing"))
    }
}

/// Fails where texts are compared otherwise than byte by byte.
///
/// # Errors
/// Permanent then; or a query that fails.
pub(super) async fn require_byte_order(warehouse: &dyn Warehouse) -> Result<()> {
    let sql =
        "SELECT CASE WHEN 'Z' < 'a' AND 'a-c' < 'ab' AND 'a/b' < 'a0' AND 'z' < 'é' THEN 1 ELSE 0 END AS by_bytes";
    let answer = warehouse.query(sql, &[]).await?;
    match answer.rows.first().and_then(|row| row.first()).and_then(Value::as_i64) {
        Some(1) => Ok(()),
        _ => Err(not_by_bytes("`Z` is not before `a`, `a-c` not before `ab`, or `z` not before `é`".to_owned())),
    }
}

fn not_by_bytes(found: String) -> Error {
    Error::permanent(format!("the warehouse does not compare texts byte by byte: {found}")).with_hint(
        "photos that are there would look lost; use a database whose collation is `C` (Redshift: CASE_SENSITIVE, its default)",
    )
}

/// The first text behind all texts that begin with `prefix`; empty when there is none.
pub(super) fn end_of_prefix(prefix: &str) -> String {
    let mut end: Vec<char> = prefix.chars().collect();
    while let Some(last) = end.pop() {
        // No character has the numbers of surrogates.
        let next = if last == '\u{d7ff}' { Some('\u{e000}') } else { char::from_u32(u32::from(last) + 1) };
        if let Some(next) = next {
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
        assert_eq!(end_of_prefix("a\u{d7ff}"), "a\u{e000}");
        assert_eq!(end_of_prefix(""), "");
    }
}
