//! Times as SQLite's own functions write them.
//!
//! SQLite compares times as text, and `datetime()`, `CURRENT_TIMESTAMP` and BI tools put a space between day and time and
//! no zone behind: `2026-11-22 15:40:00.123`, UTC. A `T` sorts after every space, so rows in the form of the batches
//! would compare wrongly with all of them on the same day. The tables hold SQLite's form; what goes through the port
//! keeps the rows' own, as it does with every warehouse.

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use scanmill_core::domain::columns::ColumnType;

/// The form of the tables: `%` stands for a digit.
const STORED: &[u8] = b"%%%%-%%-%% %%:%%:%%.%%%";
/// The same for whoever formats a time.
const WRITTEN: &str = "%Y-%m-%d %H:%M:%S%.3f";
/// The rows' form of an instant.
const INSTANT: &[u8] = b"%%%%-%%-%%T%%:%%:%%.%%%Z";
/// The rows' form of a wall clock's time.
const LOCAL: &[u8] = b"%%%%-%%-%%T%%:%%:%%.%%%";

/// A value of a column of this kind as the tables hold it; `None` for what is not a time.
pub(super) fn stored(kind: ColumnType, text: &str) -> Option<Cow<'_, str>> {
    let has_form = |form: &[u8]| has_form(text, form);
    match kind {
        ColumnType::Timestamp if has_form(INSTANT) => with_space(text).map(Cow::Owned),
        ColumnType::Timestamp => text.parse().ok().map(|at| Cow::Owned(instant(at))),
        ColumnType::LocalTimestamp if has_form(LOCAL) => with_space(text).map(Cow::Owned),
        ColumnType::LocalTimestamp => {
            let at: DateTime = text.parse().ok()?;
            Some(Cow::Owned(at.strftime(WRITTEN).to_string()))
        }
        ColumnType::Date => text.parse::<Date>().ok().map(|day| Cow::Owned(day.to_string())),
        ColumnType::Text(_) | ColumnType::Integer | ColumnType::Real => Some(Cow::Borrowed(text)),
    }
}

/// An instant as the tables hold it.
pub(super) fn instant(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime(WRITTEN).to_string()
}

/// A table's time in the rows' form; `None` for what is none. SQLite knows no types of expressions, so the answer's
/// column tells by its name, as all columns of tables and marts do: `…_at` is an instant, `…_local` a wall clock's time.
pub(super) fn answered(column: &str, text: &str) -> Option<String> {
    let end = match () {
        () if column.ends_with("_at") => "Z",
        () if column.ends_with("_local") => "",
        () => return None,
    };
    if !has_form(text, STORED) {
        return None;
    }
    let (day, time) = text.split_once(' ')?;
    Some(format!("{day}T{time}{end}"))
}

/// SQL that brings a column of an older file, in whichever form its values are, into the form of the tables.
pub(super) fn migrated(column: &str) -> String {
    format!(
        "{column} = CASE WHEN {column} GLOB '????-??-??T??:??:??.???*' AND length({column}) <= 24
                         THEN replace(substr({column}, 1, 23), 'T', ' ')
                         ELSE COALESCE(strftime('%Y-%m-%d %H:%M:%f', {column}), {column}) END"
    )
}

fn has_form(text: &str, form: &[u8]) -> bool {
    let fits = |(byte, wanted): (u8, &u8)| if *wanted == b'%' { byte.is_ascii_digit() } else { byte == *wanted };
    text.len() == form.len() && text.bytes().zip(form).all(fits)
}

fn with_space(text: &str) -> Option<String> {
    let (day, time) = text.split_once('T')?;
    Some(format!("{day} {}", time.trim_end_matches('Z')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_stored_in_the_form_of_sqlite_and_answered_in_that_of_the_rows() {
        let instants = [
            ("2026-11-22T15:40:00.123Z", Some("2026-11-22 15:40:00.123")),
            ("2026-11-22T15:40:00Z", Some("2026-11-22 15:40:00.000")),
            ("2026-11-22T16:40:00.5+01:00", Some("2026-11-22 15:40:00.500")),
            ("2026-11-22 15:40:00.123", None),
            ("yesterday", None),
        ];
        for (text, expected) in instants {
            assert_eq!(stored(ColumnType::Timestamp, text).as_deref(), expected, "{text}");
        }
        let local = |text| stored(ColumnType::LocalTimestamp, text).map(Cow::into_owned);
        assert_eq!(local("2026-11-22T16:40:00.123").as_deref(), Some("2026-11-22 16:40:00.123"));
        assert_eq!(local("2026-11-22T16:40:00").as_deref(), Some("2026-11-22 16:40:00.000"));
        assert_eq!(local("noon"), None);
        assert_eq!(stored(ColumnType::Date, "2026-11-22").as_deref(), Some("2026-11-22"));
        assert_eq!(stored(ColumnType::Date, "22.11.2026"), None);
        let at = "2026-11-22T15:40:00.123Z".parse().unwrap();
        assert_eq!(instant(at), "2026-11-22 15:40:00.123");

        let stored = "2026-11-22 15:40:00.123";
        assert_eq!(answered("processed_at", stored).as_deref(), Some("2026-11-22T15:40:00.123Z"));
        assert_eq!(answered("captured_local", stored).as_deref(), Some("2026-11-22T15:40:00.123"));
        assert_eq!(answered("payload", stored), None);
        assert_eq!(answered("processed_at", "2026-11-22 15:40"), None);
    }
}
