//! CSV as RFC 4180 has it, with a line of names.

use std::io::Write;

use super::{Output, RowSink};
use crate::warehouse::Value;
use scanmill_core::error::Result;

/// Writes CSV. An absent value is an empty cell, an empty text a pair of quotes.
pub struct CsvSink<W> {
    to: Output<W>,
    rows: u64,
}

impl<W: Write + Send> CsvSink<W> {
    /// One that writes to `to`.
    pub fn new(to: Output<W>) -> CsvSink<W> {
        CsvSink { to, rows: 0 }
    }
}

impl<W: Write + Send> RowSink for CsvSink<W> {
    fn columns(&mut self, columns: &[String]) -> Result<()> {
        let names: Vec<String> = columns.iter().map(|name| text(name)).collect();
        self.to.write((names.join(",") + "\n").as_bytes())
    }

    fn row(&mut self, row: Vec<Value>) -> Result<()> {
        self.rows += 1;
        let cells: Vec<String> = row.iter().map(cell).collect();
        self.to.write((cells.join(",") + "\n").as_bytes())
    }

    fn finish(mut self: Box<Self>) -> Result<u64> {
        self.to.flush()?;
        Ok(self.rows)
    }
}

/// A value as RFC 4180 has it.
pub fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(content) => text(content),
        other => other.to_string(),
    }
}

fn text(content: &str) -> String {
    match content.is_empty() || content.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", content.replace('"', "\"\"")),
        false => content.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_holds_whatever_a_code_says() {
        let cases = [
            ("tea", "tea"),
            ("a,b", "\"a,b\""),
            ("6\" pipe", "\"6\"\" pipe\""),
            ("two\nlines", "\"two\nlines\""),
            ("", "\"\""),
        ];
        for (text, expected) in cases {
            assert_eq!(cell(&text.into()), expected);
        }
        assert_eq!((cell(&Value::Null), cell(&1.5.into())), (String::new(), "1.5".to_owned()));
    }
}
