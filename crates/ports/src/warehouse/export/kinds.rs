//! Which type a column of an answer has.
//!
//! Answers carry no types: SQLite knows none of expressions. Columns of the tables keep the type they have there; for
//! all others the values tell.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};

use crate::warehouse::Value;
use scanmill_core::domain::columns::{ColumnType, rejection_columns, scan_columns};

/// The type of a column in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ColumnKind {
    Bool,
    Integer,
    Real,
    /// An instant.
    Timestamp,
    /// A wall clock's time.
    Local,
    Date,
    Text,
}

/// From the narrowest to the one that holds everything.
const BY_WIDTH: [ColumnKind; 7] = [
    ColumnKind::Bool,
    ColumnKind::Integer,
    ColumnKind::Real,
    ColumnKind::Timestamp,
    ColumnKind::Local,
    ColumnKind::Date,
    ColumnKind::Text,
];

/// What the values of a column seen so far can be.
#[derive(Clone, Debug)]
pub(super) struct Candidates {
    known: Option<ColumnKind>,
    left: Vec<ColumnKind>,
    is_empty: bool,
}

impl Candidates {
    pub(super) fn of(column: &str) -> Candidates {
        Candidates { known: of_table(column), left: BY_WIDTH.to_vec(), is_empty: true }
    }

    pub(super) fn see(&mut self, value: &Value) {
        if !value.is_null() {
            self.is_empty = false;
            self.left.retain(|kind| kind.holds(value));
        }
    }

    pub(super) fn kind(&self) -> ColumnKind {
        match self.known {
            Some(known) if self.left.contains(&known) => known,
            _ if self.is_empty => ColumnKind::Text,
            _ => self.left.first().copied().unwrap_or(ColumnKind::Text),
        }
    }
}

impl ColumnKind {
    fn holds(self, value: &Value) -> bool {
        match (self, value) {
            (ColumnKind::Text, _) | (_, Value::Null) | (ColumnKind::Bool, Value::Bool(_)) => true,
            (ColumnKind::Integer, value) => value.is_i64(),
            (ColumnKind::Real, value) => value.is_number(),
            (ColumnKind::Timestamp, Value::String(text)) => millis(text).is_some(),
            (ColumnKind::Local, Value::String(text)) => local_millis(text).is_some(),
            (ColumnKind::Date, Value::String(text)) => days(text).is_some(),
            _ => false,
        }
    }
}

fn of_table(column: &str) -> Option<ColumnKind> {
    let known = scan_columns().chain(rejection_columns()).find(|known| known.name == column)?;
    Some(match known.kind {
        ColumnType::Text(_) => ColumnKind::Text,
        ColumnType::Integer => ColumnKind::Integer,
        ColumnType::Real => ColumnKind::Real,
        ColumnType::Timestamp => ColumnKind::Timestamp,
        ColumnType::LocalTimestamp => ColumnKind::Local,
        ColumnType::Date => ColumnKind::Date,
    })
}

/// Milliseconds since 1970 of an instant in the rows' form.
pub(super) fn millis(text: &str) -> Option<i64> {
    let at: Timestamp = text.parse().ok()?;
    Some(at.as_millisecond())
}

/// Milliseconds since 1970, were the wall clock in UTC.
pub(super) fn local_millis(text: &str) -> Option<i64> {
    // A bare date parses as midnight, but is a date; an instant's zone would be dropped.
    if text.len() < 19 || text.ends_with('Z') || text.get(19..)?.contains(['+', '-']) {
        return None;
    }
    let at: DateTime = text.parse().ok()?;
    let zoned = at.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(zoned.timestamp().as_millisecond())
}

/// Days since 1970.
pub(super) fn days(text: &str) -> Option<i32> {
    if text.len() != 10 {
        return None;
    }
    let day: Date = text.parse().ok()?;
    Some((day - Date::constant(1970, 1, 1)).get_days())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_column_has_the_narrowest_type_that_holds_all_its_values() {
        let cases = [
            ("x", json!([1, 2, null]), ColumnKind::Integer),
            ("x", json!([1, 2.5]), ColumnKind::Real),
            ("x", json!([true, null]), ColumnKind::Bool),
            ("x", json!([true, 1]), ColumnKind::Text),
            ("x", json!(["2026-11-22", null]), ColumnKind::Date),
            ("x", json!(["2026-11-22", "tea"]), ColumnKind::Text),
            ("x", json!(["2026-11-22T15:40:00.000Z"]), ColumnKind::Timestamp),
            ("x", json!(["2026-11-22T15:40:00.000"]), ColumnKind::Local),
            ("x", json!(["2026-11-22T15:40:00.000Z", "2026-11-22T15:40:00.000"]), ColumnKind::Text),
            ("x", json!([null]), ColumnKind::Text),
            ("x", json!([]), ColumnKind::Text),
            // Of a table's column, the type does not hang on what happens to be in it.
            ("latitude", json!([null]), ColumnKind::Real),
            ("latitude", json!([7]), ColumnKind::Real),
            ("product_id", json!(["2026-11-22"]), ColumnKind::Text),
            ("captured_at", json!([]), ColumnKind::Timestamp),
            // A query may use a name for something else.
            ("latitude", json!(["north"]), ColumnKind::Text),
        ];
        for (column, values, expected) in cases {
            let mut candidates = Candidates::of(column);
            values.as_array().unwrap().iter().for_each(|value| candidates.see(value));
            assert_eq!(candidates.kind(), expected, "{column} {values}");
        }
    }

    #[test]
    fn times_are_counted_from_1970() {
        assert_eq!(millis("1970-01-02T00:00:00.001Z"), Some(86_400_001));
        assert_eq!(local_millis("1970-01-02T00:00:00.001"), Some(86_400_001));
        assert_eq!((days("1970-01-02"), days("1969-12-31"), days("2026-11-29")), (Some(1), Some(-1), Some(20_786)));
    }
}
