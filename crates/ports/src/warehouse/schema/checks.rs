//! What a value of a column must be like beside its type: where the list of columns leaves no doubt, SQLite refuses others
//! (`CHECK`), and so does the reader of batches, with the line's number.
//!
//! Each CHECK costs time in every load, a function in it most. `GLOB` over the shape is the cheapest that tells times in
//! SQLite's own form from others, which would compare wrongly (`T` sorts after a space).

use scanmill_core::domain::columns::{Column, ColumnType};

/// Numbers that the engine keeps within bounds, least and greatest. `f64` holds each of them exactly.
const BOUNDS: [(&str, f64, f64); 10] = [
    ("revision", 0.0, UNBOUNDED),
    ("utc_offset_minutes", -1_559.0, 1_559.0),
    ("local_hour", 0.0, 23.0),
    ("local_weekday", 1.0, 7.0),
    ("latitude", -90.0, 90.0),
    ("longitude", -180.0, 180.0),
    ("qr_index", 0.0, UNBOUNDED),
    ("qr_count", 1.0, UNBOUNDED),
    ("more_codes_likely", 0.0, 1.0),
    ("ecc_used", 0.0, 1.0),
];

/// The greatest of what has no other end.
const UNBOUNDED: f64 = f64::INFINITY;

/// The least and the greatest value of a column of numbers that has bounds.
pub fn bounds(column: &Column) -> Option<(f64, f64)> {
    let (_, least, greatest) = BOUNDS.iter().find(|(name, ..)| *name == column.name)?;
    Some((*least, *greatest))
}

/// The CHECK of a column, with a space before it; nothing where the type says all. Null passes each.
pub fn sqlite_check(column: &Column) -> String {
    let name = column.name;
    match (column.kind, bounds(column)) {
        (ColumnType::Timestamp | ColumnType::LocalTimestamp, _) => time_check(name),
        (ColumnType::Date, _) => format!(" CHECK ({name} GLOB '????-??-??')"),
        (_, Some((least, UNBOUNDED))) => format!(" CHECK ({name} >= {least})"),
        (_, Some((least, greatest))) => format!(" CHECK ({name} BETWEEN {least} AND {greatest})"),
        (_, None) => String::new(),
    }
}

/// The CHECK of a column of times: SQLite's own form, not that of the batches.
pub fn time_check(name: &str) -> String {
    format!(" CHECK ({name} GLOB '????-??-?? *')")
}

#[cfg(test)]
mod tests {
    use super::*;
    use scanmill_core::domain::columns::COLUMNS;

    #[test]
    fn bounds_are_those_of_columns_of_numbers() {
        for (name, least, greatest) in BOUNDS {
            let column = COLUMNS.iter().find(|column| column.name == name).expect("a column");
            assert!(matches!(column.kind, ColumnType::Integer | ColumnType::Real) && least < greatest, "{name}");
        }
    }

    #[test]
    fn checks_follow_from_the_columns() {
        let of = |name| sqlite_check(COLUMNS.iter().find(|column| column.name == name).expect("a column"));
        assert_eq!(of("local_hour"), " CHECK (local_hour BETWEEN 0 AND 23)");
        assert_eq!(of("revision"), " CHECK (revision >= 0)");
        assert_eq!(of("processed_at"), " CHECK (processed_at GLOB '????-??-?? *')");
        assert_eq!(of("local_date"), " CHECK (local_date GLOB '????-??-??')");
        assert_eq!(of("payload"), "");
    }
}
