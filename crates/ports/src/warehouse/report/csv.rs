//! The report as one table for spreadsheets.

use serde_json::{Map, Value};

use super::Report;
use crate::warehouse::export::csv::cell;
use scanmill_core::error::{Error, Result};

/// A line for each figure: `section,row,field,value`. Rows are numbered within their section; absent values are empty.
pub(super) fn render(report: &Report) -> Result<String> {
    let failed = |error| Error::bug("a report does not serialise").with_source(error);
    let Value::Object(sections) = serde_json::to_value(report).map_err(failed)? else {
        return Err(Error::bug("a report is not an object"));
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
