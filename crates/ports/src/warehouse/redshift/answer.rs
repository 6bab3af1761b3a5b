//! The Data API's fields as the port's values.
//!
//! Times, dates and decimals come as text in Redshift's own forms. The port promises those of the rows as the engine
//! writes them, whichever warehouse answers.

use aws_sdk_redshiftdata::types::Field;
use jiff::Timestamp;
use jiff::civil::DateTime;

use crate::warehouse::Value;
use scanmill_core::domain::row::utc_millis;
use scanmill_core::hex::hex;

/// One row; `types` are the columns' type names.
pub(super) fn row(record: Vec<Field>, types: &[String]) -> Vec<Value> {
    let cells = record.into_iter().enumerate();
    cells.map(|(place, field)| cell(field, types.get(place).map_or("", String::as_str))).collect()
}

fn cell(field: Field, type_name: &str) -> Value {
    match field {
        Field::LongValue(long) => long.into(),
        Field::DoubleValue(double) => double.into(),
        Field::BooleanValue(flag) => flag.into(),
        Field::StringValue(text) => of_text(text, type_name),
        Field::BlobValue(blob) => hex(blob.as_ref()).into(),
        _ => Value::Null,
    }
}

/// Text of a type that has no form of its own on the wire. What does not parse stays as it came.
fn of_text(text: String, type_name: &str) -> Value {
    match type_name {
        "numeric" | "decimal" => number(&text).unwrap_or_else(|| text.into()),
        "timestamptz" => match text.parse::<Timestamp>() {
            Ok(at) => utc_millis(at).into(),
            Err(_) => text.into(),
        },
        "timestamp" => match text.parse::<DateTime>() {
            Ok(at) => format!("{at:.3}").into(),
            Err(_) => text.into(),
        },
        // CHAR is padded with spaces, which mean nothing.
        "bpchar" | "char" => text.trim_end_matches(' ').into(),
        _ => text.into(),
    }
}

/// A decimal as an integer where it is one (`SUM` of integers is a decimal in Redshift), else as a float.
fn number(text: &str) -> Option<Value> {
    match text.parse::<i64>() {
        Ok(integer) => Some(integer.into()),
        Err(_) => serde_json::Number::from_f64(text.parse().ok()?).map(Value::Number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_the_forms_of_the_rows() {
        let text = |text: &str| Field::StringValue(text.into());
        let table: &[(Field, &str, Value)] = &[
            (Field::IsNull(true), "varchar", Value::Null),
            (Field::LongValue(-7), "int8", (-7).into()),
            (Field::DoubleValue(1.5), "float8", 1.5.into()),
            (Field::BooleanValue(true), "bool", true.into()),
            (text("12"), "varchar", "12".into()),
            (text("12"), "numeric", 12.into()),
            (text("0.2500"), "numeric", 0.25.into()),
            (text("98765432109876543210"), "numeric", 98_765_432_109_876_540_000.0.into()),
            (text("2026-11-22 15:40:00+00"), "timestamptz", "2026-11-22T15:40:00.000Z".into()),
            (text("2026-11-22 16:40:00.5+01"), "timestamptz", "2026-11-22T15:40:00.500Z".into()),
            (text("2026-11-22 16:40:00.12"), "timestamp", "2026-11-22T16:40:00.120".into()),
            (text("infinity"), "timestamp", "infinity".into()),
            (text("2026-11-22"), "date", "2026-11-22".into()),
            (text("photo_id  "), "bpchar", "photo_id".into()),
            (text("two  "), "varchar", "two  ".into()),
        ];
        for (field, type_name, expected) in table {
            assert_eq!(&cell(field.clone(), type_name), expected, "{field:?} {type_name}");
        }
    }
}
