//! One JSON object a line.

use std::io::Write;

use serde::Serializer as _;

use super::{Output, RowSink};
use crate::warehouse::Value;
use scanmill_core::error::{Error, Result};

/// Writes one JSON object a line, keys in the order of the columns.
pub struct JsonSink<W> {
    to: Output<W>,
    columns: Vec<String>,
    rows: u64,
}

impl<W: Write + Send> JsonSink<W> {
    /// One that writes to `to`.
    pub fn new(to: Output<W>) -> JsonSink<W> {
        JsonSink { to, columns: Vec::new(), rows: 0 }
    }
}

impl<W: Write + Send> RowSink for JsonSink<W> {
    fn columns(&mut self, columns: &[String]) -> Result<()> {
        self.columns = columns.to_vec();
        Ok(())
    }

    fn row(&mut self, row: Vec<Value>) -> Result<()> {
        self.rows += 1;
        let mut line = Vec::new();
        // Not through a map, which would sort the names.
        serde_json::Serializer::new(&mut line)
            .collect_map(self.columns.iter().zip(&row))
            .map_err(|error| Error::bug("a row has no JSON").with_source(error))?;
        line.push(b'\n');
        self.to.write(&line)
    }

    fn finish(mut self: Box<Self>) -> Result<u64> {
        self.to.flush()?;
        Ok(self.rows)
    }
}
