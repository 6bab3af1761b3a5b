//! The comparison of an answer key with the warehouse: what is lost, doubled, wrong, or there though nobody sent it.
//!
//! The key is read line by line and the warehouse in pages, so that a key of any length fits into memory; what stays is
//! eight bytes a photo, to recognise photos the key does not name.

use std::collections::HashMap;
use std::path::Path;

use serde::Serialize;
use serde_json::{Map, Value, json};
use twox_hash::XxHash64;

use super::answer_key::{CodeColumns, Expectation, ExpectedPhoto, KeyReader, PhotoColumns};
use crate::error::{Error, Result};
use crate::warehouse::{Table, Warehouse};

/// Photos asked for in one query.
const PAGE: usize = 200;
/// Keys listed in one query when unexpected photos are looked for.
const LISTED_PAGE: usize = 2_000;
/// How far a number may be off: a real one in the key's text, in EXIF's fractions and in the warehouse is not the same
/// to the last digit. In degrees of latitude this is 11 m.
const TOLERANCE: f64 = 1e-4;
/// Altitude is written in centimetres.
const ALTITUDE_TOLERANCE_M: f64 = 0.02;

/// What is wrong about a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A row that should be there is not.
    Lost,
    /// A row is there more than once, or a photo in both tables.
    Doubled,
    /// A row has another value than it should, or is another row than it should be.
    Wrong,
    /// A photo that the key does not name. Counted as wrong.
    Unexpected,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// Which kind.
    pub kind: Kind,
    /// Bucket of the photo.
    pub bucket: String,
    /// Key of the photo.
    pub key: String,
    /// Text of the code, where it is about one.
    pub payload: Option<String>,
    /// The column, or `outcome` when a photo ended as the other kind of row.
    pub field: Option<&'static str>,
    /// What should be there.
    pub expected: Value,
    /// What is there.
    pub found: Value,
}

/// The outcome. The figures count rows.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Verdict {
    /// Photos in the key.
    pub photos: u64,
    /// Rows the key asks for.
    pub expected: u64,
    /// Scan rows the warehouse has under the key's prefix.
    pub rows: u64,
    /// Rejection rows it has there.
    pub rejections: u64,
    /// Rows that are not there.
    pub lost: u64,
    /// Rows too many.
    pub doubled: u64,
    /// Rows that are not as they should be, unexpected photos among them.
    pub wrong: u64,
    /// Photos that the key does not name.
    pub unexpected: u64,
    /// The first differences; a row with several wrong columns has one for each.
    pub differences: Vec<Difference>,
    /// Differences beyond those listed.
    pub not_listed: u64,
}

impl Verdict {
    /// Whether the warehouse holds exactly what it should.
    pub fn is_clean(&self) -> bool {
        self.lost == 0 && self.doubled == 0 && self.wrong == 0
    }
}

/// Compares the key in `key_file` with the warehouse and lists at most `max_listed` differences.
///
/// # Errors
/// A key that is missing, unsealed or broken; a query that fails.
pub async fn verify(key_file: &Path, warehouse: &dyn Warehouse, max_listed: usize) -> Result<Verdict> {
    let mut key = KeyReader::open(key_file)?;
    let (bucket, prefix) = (key.header().bucket.clone(), key.header().prefix.clone());
    let mut comparison = Comparison { verdict: Verdict::default(), max_listed };
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
    }
    known.sort_unstable();
    find_unexpected(&mut comparison, &known, &bucket, &prefix, warehouse).await?;
    Ok(comparison.verdict)
}

fn key_hash(key: &str) -> u64 {
    XxHash64::oneshot(0, key.as_bytes())
}

/// The rows of one photo: scans, and reasons of rejections.
#[derive(Debug, Default)]
struct Found {
    scans: Vec<Map<String, Value>>,
    rejections: Vec<String>,
}

/// The columns compared, by the fields of the answer key.
fn compared_columns() -> Vec<&'static str> {
    PHOTO_COLUMNS.iter().chain(CODE_COLUMNS).copied().collect()
}

const PHOTO_COLUMNS: &[&str] = &[
    "captured_at",
    "captured_local",
    "utc_offset_minutes",
    "local_date",
    "local_hour",
    "local_weekday",
    "latitude",
    "longitude",
    "altitude_m",
    "camera_make",
    "camera_model",
    "qr_count",
    "width",
    "height",
    "format",
];
const CODE_COLUMNS: &[&str] =
    &["payload", "product_url", "product_id", "gtin", "utm_source", "utm_medium", "utm_campaign"];

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

struct Comparison {
    verdict: Verdict,
    max_listed: usize,
}

impl Comparison {
    fn list(&mut self, difference: Difference) {
        if self.verdict.differences.len() < self.max_listed {
            self.verdict.differences.push(difference);
        } else {
            self.verdict.not_listed += 1;
        }
    }

    fn note(
        &mut self,
        kind: Kind,
        photo: &ExpectedPhoto,
        payload: Option<&str>,
        field: Option<&'static str>,
        (expected, found): (Value, Value),
    ) {
        let (bucket, key) = (photo.bucket.clone(), photo.key.clone());
        self.list(Difference { kind, bucket, key, payload: payload.map(str::to_owned), field, expected, found });
    }

    fn compare(&mut self, photo: &ExpectedPhoto, found: &Found) {
        self.verdict.photos += 1;
        self.verdict.expected += photo.expect.rows();
        match &photo.expect {
            Expectation::Scans { photo: shared, codes } => self.compare_scans(photo, shared, codes, found),
            Expectation::Rejected(reasons) => self.compare_rejection(photo, reasons, found),
        }
    }

    fn compare_rejection(&mut self, photo: &ExpectedPhoto, reasons: &[String], found: &Found) {
        match (found.rejections.as_slice(), found.scans.as_slice()) {
            ([], []) => {
                self.verdict.lost += 1;
                self.note(Kind::Lost, photo, None, None, (json!({ "rejected": reasons }), Value::Null));
            }
            ([], scans) => {
                self.verdict.wrong += 1;
                let payloads: Vec<&Value> = scans.iter().filter_map(|scan| scan.get("payload")).collect();
                let sides = (json!({ "rejected": reasons }), json!({ "scans": payloads }));
                self.note(Kind::Wrong, photo, None, Some("outcome"), sides);
            }
            ([reason, more @ ..], scans) => {
                if !reasons.contains(reason) {
                    self.verdict.wrong += 1;
                    self.note(Kind::Wrong, photo, None, Some("reason"), (json!(reasons), json!(reason)));
                }
                let surplus = (more.len() + scans.len()) as u64;
                if surplus > 0 {
                    self.verdict.doubled += surplus;
                    self.note(Kind::Doubled, photo, None, None, (json!(1), json!(1 + surplus)));
                }
            }
        }
    }

    fn compare_scans(&mut self, photo: &ExpectedPhoto, shared: &PhotoColumns, codes: &[CodeColumns], found: &Found) {
        if found.scans.is_empty() && !found.rejections.is_empty() {
            self.verdict.wrong += codes.len() as u64;
            let payloads: Vec<&str> = codes.iter().map(|code| code.payload.as_str()).collect();
            let sides = (json!({ "scans": payloads }), json!({ "rejected": found.rejections }));
            return self.note(Kind::Wrong, photo, None, Some("outcome"), sides);
        }
        if !found.rejections.is_empty() {
            self.verdict.doubled += found.rejections.len() as u64;
            let sides = (Value::Null, json!({ "rejected": found.rejections }));
            self.note(Kind::Doubled, photo, None, Some("outcome"), sides);
        }
        let mut missing = Vec::new();
        let mut left: Vec<&Map<String, Value>> = found.scans.iter().collect();
        for code in codes {
            let (same, others): (Vec<_>, Vec<_>) =
                left.into_iter().partition(|scan| scan.get("payload").and_then(Value::as_str) == Some(&code.payload));
            left = others;
            let Some(scan) = same.first() else {
                missing.push(code);
                continue;
            };
            self.compare_columns(photo, shared, code, scan);
            if same.len() > 1 {
                self.verdict.doubled += same.len() as u64 - 1;
                self.note(Kind::Doubled, photo, Some(&code.payload), None, (json!(1), json!(same.len())));
            }
        }
        // A code read as another text is one wrong row, not one lost and one too many.
        let mut strange = left.into_iter();
        for code in missing {
            match strange.next() {
                Some(scan) => {
                    self.verdict.wrong += 1;
                    let text = scan.get("payload").cloned().unwrap_or_default();
                    self.note(Kind::Wrong, photo, None, Some("payload"), (json!(code.payload), text));
                }
                None => {
                    self.verdict.lost += 1;
                    self.note(Kind::Lost, photo, Some(&code.payload), None, (json!(1), json!(0)));
                }
            }
        }
        for scan in strange {
            self.verdict.wrong += 1;
            let text = scan.get("payload").cloned().unwrap_or_default();
            self.note(Kind::Wrong, photo, None, Some("payload"), (Value::Null, text));
        }
    }

    fn compare_columns(
        &mut self,
        photo: &ExpectedPhoto,
        shared: &PhotoColumns,
        code: &CodeColumns,
        scan: &Map<String, Value>,
    ) {
        let shared = serde_json::to_value(shared).unwrap_or_default();
        let own = serde_json::to_value(code).unwrap_or_default();
        let mut differs = false;
        for column in compared_columns() {
            let expected = shared.get(column).or_else(|| own.get(column)).unwrap_or(&Value::Null);
            let found = scan.get(column).unwrap_or(&Value::Null);
            if !same(column, expected, found) {
                differs = true;
                self.note(Kind::Wrong, photo, Some(&code.payload), Some(column), (expected.clone(), found.clone()));
            }
        }
        self.verdict.wrong += u64::from(differs);
    }
}

fn same(column: &str, expected: &Value, found: &Value) -> bool {
    match (expected.as_f64(), found.as_f64()) {
        (Some(expected), Some(found)) => {
            let tolerance = if column == "altitude_m" { ALTITUDE_TOLERANCE_M } else { TOLERANCE };
            (expected - found).abs() <= tolerance
        }
        _ => expected == found,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::columns::scan_columns;

    #[test]
    fn every_field_of_the_answer_key_is_a_compared_column_of_scans() {
        let shared = serde_json::to_value(PhotoColumns::default()).unwrap();
        let code = CodeColumns {
            payload: String::new(),
            product_url: None,
            product_id: None,
            gtin: None,
            utm_source: None,
            utm_medium: None,
            utm_campaign: None,
        };
        let own = serde_json::to_value(code).unwrap();
        let names = |value: &Value| -> Vec<String> {
            let mut names: Vec<String> = value.as_object().unwrap().keys().cloned().collect();
            names.sort();
            names
        };
        let sorted = |columns: &[&str]| {
            let mut columns: Vec<String> = columns.iter().map(|column| (*column).to_owned()).collect();
            columns.sort();
            columns
        };
        assert_eq!(names(&shared), sorted(PHOTO_COLUMNS));
        assert_eq!(names(&own), sorted(CODE_COLUMNS));
        for column in compared_columns() {
            assert!(scan_columns().any(|known| known.name == column), "{column}");
        }
    }

    #[test]
    fn the_end_of_a_prefix_is_behind_everything_under_it() {
        assert_eq!(end_of_prefix("story-1/"), "story-10");
        let end = end_of_prefix("a/é");
        assert!("a/é\u{10ffff}" < end.as_str() && end.as_str() < "a/ë", "{end}");
        let last = format!("a{}", char::MAX);
        assert_eq!(end_of_prefix(&last), "b");
    }
}
