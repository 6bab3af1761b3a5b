//! The comparison of one photo's expectation with the rows the warehouse has of it.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::answer_key::{CodeColumns, Expectation, ExpectedPhoto, PhotoColumns};

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

/// The rows of one photo: scans, and reasons of rejections.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) scans: Vec<Map<String, Value>>,
    pub(super) rejections: Vec<String>,
}

/// The columns compared, by the fields of the answer key.
pub(super) fn compared_columns() -> Vec<&'static str> {
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

/// What was compared so far.
#[derive(Debug)]
pub(super) struct Comparison {
    pub(super) verdict: Verdict,
    max_listed: usize,
}

impl Comparison {
    /// Nothing compared; at most `max_listed` differences will be listed.
    pub(super) fn new(max_listed: usize) -> Self {
        Self { verdict: Verdict::default(), max_listed }
    }

    pub(super) fn list(&mut self, difference: Difference) {
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

    /// Compares one photo with its rows.
    pub(super) fn compare(&mut self, photo: &ExpectedPhoto, found: &Found) {
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
            // A column the key does not have is one the story knows nothing of.
            let Some(expected) = shared.get(column).or_else(|| own.get(column)) else { continue };
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
    use crate::pump::story::ProductColumns;

    #[test]
    fn every_field_of_the_answer_key_is_a_compared_column_of_scans() {
        let shared = serde_json::to_value(PhotoColumns::default()).unwrap();
        let code = CodeColumns {
            payload: String::new(),
            product: Some(ProductColumns::default()),
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
}
