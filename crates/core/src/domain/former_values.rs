//! Values that columns of texts held under another name, for rows and sealed batches of an older scanmill.

/// A value's former name and its present one.
pub type Renamed = (&'static str, &'static str);

/// Columns whose values were renamed. A migration rewrites the rows that stand, a load those of older batches.
pub const FORMER_VALUES: &[(&str, &[Renamed])] = &[
    ("reason", &[("gave_up", "retries_exhausted"), ("not_an_object", "not_a_regular_file")]),
    (
        "rung",
        &[
            ("own_800", "native_800"),
            ("own_1600", "native_1600"),
            ("own_blur_800", "native_blur_800"),
            ("own_art_250", "native_art_250"),
            ("own_art_400", "native_art_400"),
            ("own_two_800", "native_two_finders_800"),
            ("own_two_1600", "native_two_finders_1600"),
            ("own_bent_1600", "native_curved_1600"),
            ("own_shadow_800", "native_shadow_800"),
        ],
    ),
];

/// The present name of a column's value.
pub fn present<'a>(column: &str, value: &'a str) -> &'a str {
    let renamed = FORMER_VALUES.iter().find(|(name, _)| *name == column);
    let found = renamed.and_then(|(_, values)| values.iter().find(|(former, _)| *former == value));
    found.map_or(value, |(_, present)| present)
}

/// SQL statements that give the values in the rows of `table`, which has the columns `columns`, their present names.
pub fn rewrite_sql(table: &str, columns: &[&str]) -> Vec<String> {
    let renamed = FORMER_VALUES.iter().filter(|(column, _)| columns.contains(column));
    renamed
        .map(|(column, values)| {
            let cases: String =
                values.iter().map(|(former, present)| format!(" WHEN '{former}' THEN '{present}'")).collect();
            let formers: Vec<String> = values.iter().map(|(former, _)| format!("'{former}'")).collect();
            format!("UPDATE {table} SET {column} = CASE {column}{cases} END WHERE {column} IN ({})", formers.join(", "))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::columns::COLUMNS;
    use crate::domain::{Reason, RungName};

    #[test]
    fn every_present_name_is_one_and_no_former_name_is() {
        for (column, values) in FORMER_VALUES {
            assert!(COLUMNS.iter().any(|known| known.name == *column), "{column}");
            let of_today = |text: &str| match *column {
                "reason" => Reason::ALL.iter().any(|reason| reason.as_str() == text),
                _ => RungName::ALL.iter().any(|rung| rung.as_str() == text),
            };
            for (former, name) in *values {
                assert!(of_today(name) && !of_today(former), "{former} {name}");
                assert_eq!((present(column, former), present(column, name)), (*name, *name));
            }
        }
        assert_eq!(present("detail", "gave_up"), "gave_up");
    }
}
