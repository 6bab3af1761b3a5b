//! The report as one table for spreadsheets.

use serde_json::{Map, Value};

use super::Report;
use crate::error::{Error, Result};

/// A line for each figure: `section,row,field,value`. Rows are numbered within their section; absent values are empty.
pub(super) fn render(report: &Report) -> Result<String> {
    let failed = |error| Error::bug("a report does not serialise").source(error);
    let Value::Object(sections) = serde_json::to_value(report).map_err(failed)? else {
        return Err(Error::bug("a report is no object"));
    };
    let mut text = String::from("section,row,field,value\n");
    for (section, content) in &sections {
        match content {
            Value::Array(rows) => {
                for (place, row) in rows.iter().filter_map(Value::as_object).enumerate() {
                    add(&mut text, section, place + 1, row);
                }
            }
            Value::Object(row) => add(&mut text, section, 1, row),
            figure => add(&mut text, "report", 1, &Map::from_iter([(section.clone(), figure.clone())])),
        }
    }
    Ok(text)
}

fn add(text: &mut String, section: &str, row: usize, fields: &Map<String, Value>) {
    for (field, value) in fields {
        text.push_str(&format!("{section},{row},{field},{}\n", cell(value)));
    }
}

/// A value as RFC 4180 has it.
fn cell(value: &Value) -> String {
    let text = match value {
        Value::Null => return String::new(),
        Value::String(text) => text,
        other => return other.to_string(),
    };
    match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_holds_whatever_a_code_says() {
        let cases =
            [("tea", "tea"), ("a,b", "\"a,b\""), ("6\" pipe", "\"6\"\" pipe\""), ("two\nlines", "\"two\nlines\"")];
        for (text, expected) in cases {
            assert_eq!(cell(&text.into()), expected);
        }
        assert_eq!((cell(&Value::Null), cell(&1.5.into())), (String::new(), "1.5".to_owned()));
    }
}
