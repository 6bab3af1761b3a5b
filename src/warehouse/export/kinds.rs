//! Which type a column of an answer has.
//!
//! Answers carry no types: SQLite knows none of expressions. Columns of the tables keep the type they have there; for
//! all others the values tell.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};

use crate::domain::columns::{ColumnType, rejection_columns, scan_columns};
use crate::warehouse::Value;

/// The type of a column in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
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
const BY_WIDTH: [Kind; 7] =
    [Kind::Bool, Kind::Integer, Kind::Real, Kind::Timestamp, Kind::Local, Kind::Date, Kind::Text];

/// What the values of a column seen so far can be.
#[derive(Clone, Debug)]
pub(super) struct Candidates {
    known: Option<Kind>,
    left: Vec<Kind>,
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

    pub(super) fn kind(&self) -> Kind {
        match self.known {
            Some(known) if self.left.contains(&known) => known,
            _ if self.is_empty => Kind::Text,
            _ => self.left.first().copied().unwrap_or(Kind::Text),
        }
    }
}

impl Kind {
    fn holds(self, value: &Value) -> bool {
        match (self, value) {
            (Kind::Text, _) | (_, Value::Null) | (Kind::Bool, Value::Bool(_)) => true,
            (Kind::Integer, value) => value.is_i64(),
            (Kind::Real, value) => value.is_number(),
            (Kind::Timestamp, Value::String(text)) => millis(text).is_some(),
            (Kind::Local, Value::String(text)) => local_millis(text).is_some(),
            (Kind::Date, Value::String(text)) => days(text).is_some(),
            _ => false,
        }
    }
}

fn of_table(column: &str) -> Option<Kind> {
    let known = scan_columns().chain(rejection_columns()).find(|known| known.name == column)?;
    Some(match known.kind {
        ColumnType::Text(_) => Kind::Text,
        ColumnType::Integer => Kind::Integer,
        ColumnType::Real => Kind::Real,
        ColumnType::Timestamp => Kind::Timestamp,
        ColumnType::LocalTimestamp => Kind::Local,
        ColumnType::Date => Kind::Date,
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
            ("x", json!([1, 2, null]), Kind::Integer),
            ("x", json!([1, 2.5]), Kind::Real),
            ("x", json!([true, null]), Kind::Bool),
            ("x", json!([true, 1]), Kind::Text),
            ("x", json!(["2026-11-22", null]), Kind::Date),
            ("x", json!(["2026-11-22", "tea"]), Kind::Text),
            ("x", json!(["2026-11-22T15:40:00.000Z"]), Kind::Timestamp),
            ("x", json!(["2026-11-22T15:40:00.000"]), Kind::Local),
            ("x", json!(["2026-11-22T15:40:00.000Z", "2026-11-22T15:40:00.000"]), Kind::Text),
            ("x", json!([null]), Kind::Text),
            ("x", json!([]), Kind::Text),
            // Of a table's column, the type does not hang on what happens to be in it.
            ("latitude", json!([null]), Kind::Real),
            ("latitude", json!([7]), Kind::Real),
            ("product_id", json!(["2026-11-22"]), Kind::Text),
            ("captured_at", json!([]), Kind::Timestamp),
            // A query may use a name for something else.
            ("latitude", json!(["north"]), Kind::Text),
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
