//! The comparison of one photo's expectation with the rows the warehouse has of it.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::answer_key::{CodeColumns, Expectation, ExpectedPhoto, PhotoColumns};
use super::photo_rows::{AnsweredRow, PhotoRows};
use super::story::ProductColumns;

/// How far a number may be off: a real one in the key's text, in EXIF's fractions and in the warehouse is not the same
/// to the last digit. In degrees of latitude this is 11 m.
const TOLERANCE: f64 = 1e-4;
/// Altitude is written in centimetres.
const ALTITUDE_TOLERANCE_M: f64 = 0.02;

/// What is wrong about a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DifferenceKind {
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
    pub kind: DifferenceKind,
    /// Bucket of the photo.
    pub bucket: String,
    /// Key of the photo.
    pub key: String,
    /// Text of the code, where it is about one.
    pub payload: Option<String>,
    /// The column; `outcome` when a photo ended as the other kind of row; `photo_id` when the row is another photo's.
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
    /// Lines of the key that named a photo once more: its message was delivered twice.
    pub repeated: u64,
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
    /// Differences by column: how often each was not as it should be.
    pub fields: BTreeMap<&'static str, u64>,
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

/// The columns compared, in the order [`expected_columns`] gives them.
pub(super) const COMPARED: [&str; 23] = [
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
    "payload",
    "product_url",
    "product_id",
    "product_id_source",
    "gtin",
    "utm_source",
    "utm_medium",
    "utm_campaign",
];
/// Where `payload` is among them.
const PAYLOAD: usize = 15;

/// What a column must hold; no value is NULL.
enum ExpectedValue<'e> {
    Text(Option<&'e str>),
    Integer(Option<i64>),
    /// With how far it may be off.
    Real(Option<f64>, f64),
    /// The story does not say.
    Anything,
}

impl ExpectedValue<'_> {
    fn is_met_by(&self, found: &Value) -> bool {
        match self {
            ExpectedValue::Text(Some(text)) => found.as_str() == Some(text),
            ExpectedValue::Integer(Some(integer)) => found.as_i64() == Some(*integer),
            ExpectedValue::Real(Some(real), tolerance) => {
                found.as_f64().is_some_and(|it| (it - real).abs() <= *tolerance)
            }
            ExpectedValue::Text(None) | ExpectedValue::Integer(None) | ExpectedValue::Real(None, _) => found.is_null(),
            ExpectedValue::Anything => true,
        }
    }

    fn to_value(&self) -> Value {
        match self {
            ExpectedValue::Text(text) => json!(text),
            ExpectedValue::Integer(integer) => json!(integer),
            ExpectedValue::Real(real, _) => json!(real),
            ExpectedValue::Anything => Value::Null,
        }
    }
}

fn expected_columns<'e>(photo: &'e PhotoColumns, code: &'e CodeColumns) -> [ExpectedValue<'e>; COMPARED.len()] {
    use ExpectedValue::{Integer, Real, Text};
    let text = |text: &'e Option<String>| Text(text.as_deref());
    let of_product = |column: fn(&ProductColumns) -> &Option<String>| match &code.product {
        Some(product) => text(column(product)),
        None => ExpectedValue::Anything,
    };
    [
        text(&photo.captured_at),
        text(&photo.captured_local),
        Integer(photo.utc_offset_minutes.map(i64::from)),
        text(&photo.local_date),
        Integer(photo.local_hour.map(i64::from)),
        Integer(photo.local_weekday.map(i64::from)),
        Real(photo.latitude, TOLERANCE),
        Real(photo.longitude, TOLERANCE),
        Real(photo.altitude_m, ALTITUDE_TOLERANCE_M),
        text(&photo.camera_make),
        text(&photo.camera_model),
        Integer(Some(photo.qr_count.into())),
        Integer(Some(photo.width.into())),
        Integer(Some(photo.height.into())),
        Text(Some(&photo.format)),
        Text(Some(&code.payload)),
        of_product(|product| &product.product_url),
        of_product(|product| &product.product_id),
        match code.product.as_ref().and_then(|product| product.product_id_source.as_deref()) {
            Some(source) => Text(Some(source)),
            None => ExpectedValue::Anything,
        },
        of_product(|product| &product.gtin),
        text(&code.utm_source),
        text(&code.utm_medium),
        text(&code.utm_campaign),
    ]
}

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

    fn list(&mut self, difference: Difference) {
        if let Some(field) = difference.field {
            *self.verdict.fields.entry(field).or_default() += 1;
        }
        if self.verdict.differences.len() < self.max_listed {
            self.verdict.differences.push(difference);
        } else {
            self.verdict.not_listed += 1;
        }
    }

    fn note(
        &mut self,
        kind: DifferenceKind,
        photo: &ExpectedPhoto,
        payload: Option<&str>,
        field: Option<&'static str>,
        (expected, found): (Value, Value),
    ) {
        let (bucket, key) = (photo.bucket.clone(), photo.key.clone());
        self.list(Difference { kind, bucket, key, payload: payload.map(str::to_owned), field, expected, found });
    }

    /// A photo that the key does not name.
    pub(super) fn unexpected(&mut self, bucket: &str, key: &str, found: &PhotoRows) {
        self.count(found);
        self.verdict.unexpected += 1;
        self.verdict.wrong += 1;
        self.list(Difference {
            kind: DifferenceKind::Unexpected,
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            payload: None,
            field: None,
            expected: Value::Null,
            found: json!({ "scans": found.scans.count(), "rejections": found.rejections.count() }),
        });
    }

    fn count(&mut self, found: &PhotoRows) {
        self.verdict.rows += found.scans.count();
        self.verdict.rejections += found.rejections.count();
    }

    /// Compares one photo with its rows.
    pub(super) fn compare(&mut self, photo: &ExpectedPhoto, found: &PhotoRows) {
        self.count(found);
        self.verdict.photos += 1;
        self.verdict.expected += photo.expect.rows();
        match &photo.expect {
            Expectation::Scans { photo: shared, codes } => self.compare_scans(photo, shared, codes, found),
            Expectation::Rejected(reasons) => self.compare_rejection(photo, reasons, found),
        }
    }

    fn compare_rejection(&mut self, photo: &ExpectedPhoto, reasons: &[String], found: &PhotoRows) {
        let (scans, rejections) = (found.scans.count(), found.rejections.count());
        let Some(first) = found.rejections.read.first() else {
            let expected = json!({ "rejected": reasons });
            if scans == 0 {
                self.verdict.lost += 1;
                return self.note(DifferenceKind::Lost, photo, None, None, (expected, Value::Null));
            }
            self.verdict.wrong += scans;
            let payloads: Vec<&Value> = found.scans.read.iter().take(SHOWN).map(|scan| scan.own(PAYLOAD)).collect();
            return self.note(
                DifferenceKind::Wrong,
                photo,
                None,
                Some("outcome"),
                (expected, json!({ "scans": payloads })),
            );
        };
        let is_right =
            |row: &&AnsweredRow| row.own(0).as_str().is_some_and(|reason| reasons.iter().any(|it| it == reason));
        let is_own = |row: &&AnsweredRow| row.is_of_its_photo(&photo.bucket);
        let of_reason = || found.rejections.read.iter().filter(is_right);
        let best = of_reason().find(is_own).or_else(|| of_reason().next()).unwrap_or(first);
        let mut is_wrong = false;
        if !is_right(&best) {
            is_wrong = true;
            self.note(DifferenceKind::Wrong, photo, None, Some("reason"), (json!(reasons), best.own(0).clone()));
        }
        if !is_own(&best) {
            is_wrong = true;
            self.note(DifferenceKind::Wrong, photo, None, Some("photo_id"), ids(best, &photo.bucket));
        }
        self.verdict.wrong += u64::from(is_wrong);
        let surplus = scans + rejections - 1;
        if surplus > 0 {
            self.verdict.doubled += surplus;
            let field = (scans > 0).then_some("outcome");
            let found = json!({ "scans": scans, "rejections": rejections });
            self.note(DifferenceKind::Doubled, photo, None, field, (json!({ "rejections": 1 }), found));
        }
    }

    fn compare_scans(
        &mut self,
        photo: &ExpectedPhoto,
        shared: &PhotoColumns,
        codes: &[CodeColumns],
        found: &PhotoRows,
    ) {
        let rejections = found.rejections.count();
        let reasons: Vec<&Value> = found.rejections.read.iter().take(SHOWN).map(|row| row.own(0)).collect();
        if found.scans.count() == 0 && rejections > 0 {
            self.verdict.wrong += codes.len() as u64;
            let payloads: Vec<&str> = codes.iter().map(|code| code.payload.as_str()).collect();
            let sides = (json!({ "scans": payloads }), json!({ "rejected": reasons }));
            return self.note(DifferenceKind::Wrong, photo, None, Some("outcome"), sides);
        }
        if rejections > 0 {
            self.verdict.doubled += rejections;
            self.note(
                DifferenceKind::Doubled,
                photo,
                None,
                Some("outcome"),
                (Value::Null, json!({ "rejected": reasons })),
            );
        }
        let mut missing = Vec::new();
        let mut left: Vec<&AnsweredRow> = found.scans.read.iter().collect();
        for (place, code) in codes.iter().enumerate() {
            let is_same = |other: &&CodeColumns| other.payload == code.payload;
            if codes.iter().take(place).any(|other| is_same(&other)) {
                continue;
            }
            let wanted = codes.iter().filter(is_same).count();
            let (same, others): (Vec<_>, Vec<_>) =
                left.into_iter().partition(|scan| scan.own(PAYLOAD).as_str() == Some(&code.payload));
            left = others;
            let unread = found.scans.more_copies.get(&code.payload).copied().unwrap_or(0);
            self.compare_copies(photo, (shared, code), wanted, same, unread, &mut missing);
        }
        // A code read as another text is one wrong row, not one lost and one too many.
        let mut strange = left.into_iter();
        for code in missing {
            match strange.next() {
                Some(scan) => self.note_strange(photo, json!(code.payload), scan),
                None => {
                    self.verdict.lost += 1;
                    self.note(DifferenceKind::Lost, photo, Some(&code.payload), None, (json!(1), json!(0)));
                }
            }
        }
        for scan in strange {
            self.note_strange(photo, Value::Null, scan);
        }
        self.verdict.wrong += found.scans.more;
        self.verdict.not_listed += found.scans.more;
    }

    /// Compares the rows of one text with the codes that have it. Those that do not come are `missing`.
    fn compare_copies<'c>(
        &mut self,
        photo: &ExpectedPhoto,
        (shared, code): (&PhotoColumns, &'c CodeColumns),
        wanted: usize,
        mut copies: Vec<&AnsweredRow>,
        unread: u64,
        missing: &mut Vec<&'c CodeColumns>,
    ) {
        let expected = expected_columns(shared, code);
        if copies.len() > wanted {
            // The best stand for the codes: a copy that differs is a row too many, and not a wrong one.
            let faults = |row: &&AnsweredRow| {
                let wrong = expected.iter().enumerate().filter(|(place, it)| !it.is_met_by(row.own(*place))).count();
                (!row.is_of_its_photo(&photo.bucket), wrong)
            };
            copies.sort_by_cached_key(faults);
        }
        missing.extend(std::iter::repeat_n(code, wanted.saturating_sub(copies.len())));
        let surplus = copies.split_off(copies.len().min(wanted));
        for row in copies {
            self.compare_row(photo, &code.payload, &expected, row);
        }
        let (own, foreign): (Vec<&AnsweredRow>, Vec<&AnsweredRow>) =
            surplus.into_iter().partition(|row| row.is_of_its_photo(&photo.bucket));
        self.verdict.doubled += (own.len() + foreign.len()) as u64 + unread;
        let own = own.len() as u64 + unread;
        if own > 0 {
            let sides = (json!(wanted), json!(wanted as u64 + own));
            self.note(DifferenceKind::Doubled, photo, Some(&code.payload), None, sides);
        }
        for row in foreign {
            self.note(DifferenceKind::Doubled, photo, Some(&code.payload), Some("photo_id"), ids(row, &photo.bucket));
        }
    }

    fn compare_row(&mut self, photo: &ExpectedPhoto, payload: &str, expected: &[ExpectedValue<'_>], row: &AnsweredRow) {
        let mut is_wrong = false;
        for (place, (column, expected)) in COMPARED.iter().copied().zip(expected).enumerate() {
            let found = row.own(place);
            if !expected.is_met_by(found) {
                is_wrong = true;
                self.note(
                    DifferenceKind::Wrong,
                    photo,
                    Some(payload),
                    Some(column),
                    (expected.to_value(), found.clone()),
                );
            }
        }
        if !row.is_of_its_photo(&photo.bucket) {
            is_wrong = true;
            self.note(DifferenceKind::Wrong, photo, Some(payload), Some("photo_id"), ids(row, &photo.bucket));
        }
        self.verdict.wrong += u64::from(is_wrong);
    }

    /// A row of a text that the photo does not have.
    fn note_strange(&mut self, photo: &ExpectedPhoto, expected: Value, scan: &AnsweredRow) {
        self.verdict.wrong += 1;
        let text = scan.own(PAYLOAD);
        if scan.is_of_its_photo(&photo.bucket) {
            self.note(DifferenceKind::Wrong, photo, None, Some("payload"), (expected, text.clone()));
        } else {
            self.note(DifferenceKind::Wrong, photo, text.as_str(), Some("photo_id"), ids(scan, &photo.bucket));
        }
    }
}

/// Texts of a flood that a difference shows.
const SHOWN: usize = 10;

/// The id that a row under this key should have, and the one it has.
fn ids(row: &AnsweredRow, bucket: &str) -> (Value, Value) {
    (json!(row.id_by_name(bucket)), json!(row.photo_id()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use scanmill_core::domain::columns::scan_columns;

    #[test]
    fn every_field_of_the_answer_key_is_a_compared_column_of_scans() {
        let shared = serde_json::to_value(PhotoColumns::default()).unwrap();
        let code = CodeColumns {
            payload: String::new(),
            product: Some(ProductColumns { product_id_source: Some("path".into()), ..ProductColumns::default() }),
            utm_source: None,
            utm_medium: None,
            utm_campaign: None,
        };
        let own = serde_json::to_value(&code).unwrap();
        let mut fields: Vec<String> =
            [shared, own].iter().flat_map(|value| value.as_object().unwrap().keys().cloned()).collect();
        fields.sort();
        let mut columns = COMPARED.to_vec();
        columns.sort_unstable();
        assert_eq!(fields, columns);
        assert_eq!(COMPARED[PAYLOAD], "payload");
        for column in COMPARED {
            assert!(scan_columns().any(|known| known.name == column), "{column}");
        }
    }

    #[test]
    fn each_column_stands_for_its_own_field() {
        // Every field gets a value of its own, which must come out under the field's name.
        let integers = json!({ "utc_offset_minutes": 1, "local_hour": 2, "local_weekday": 3, "qr_count": 4, "width": 5,
            "height": 6, "latitude": 7.5, "longitude": 8.5, "altitude_m": 9.5 });
        let mut fields = integers.as_object().unwrap().clone();
        for column in COMPARED {
            fields.entry(column).or_insert_with(|| json!(column));
        }
        let photo: PhotoColumns = serde_json::from_value(Value::Object(fields.clone())).unwrap();
        let code: CodeColumns = serde_json::from_value(Value::Object(fields.clone())).unwrap();
        for (column, expected) in COMPARED.iter().zip(expected_columns(&photo, &code)) {
            assert_eq!(expected.to_value(), fields[*column], "{column}");
            assert!(expected.is_met_by(&fields[*column]) && !expected.is_met_by(&Value::Null), "{column}");
        }
        fields.retain(|name, _| !["product_url", "product_id", "product_id_source", "gtin"].contains(&name.as_str()));
        let code: CodeColumns = serde_json::from_value(Value::Object(fields)).unwrap();
        assert_eq!(code.product, None, "what a key does not have is not compared");
    }
}
