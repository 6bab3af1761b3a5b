//! Answers as files for other tools: CSV, JSON Lines, Parquet.
//!
//! Rows are written as they come from the warehouse: an answer may be larger than memory.

use super::{Table, Value};
use scanmill_core::error::{Error, Result};

pub mod csv;
pub mod json;
mod kinds;
pub mod parquet;

/// Takes the rows of one answer.
pub trait RowSink: Send {
    /// The names of the columns, before any row.
    ///
    /// # Errors
    /// When it cannot be written.
    fn columns(&mut self, columns: &[String]) -> Result<()>;

    /// One row, as long as the columns.
    ///
    /// # Errors
    /// When it cannot be written.
    fn row(&mut self, row: Vec<Value>) -> Result<()>;

    /// There are no more rows: writes what is left and says how many there were.
    ///
    /// # Errors
    /// When it cannot be written.
    fn finish(self: Box<Self>) -> Result<u64>;
}

impl RowSink for Table {
    fn columns(&mut self, columns: &[String]) -> Result<()> {
        self.columns = columns.to_vec();
        Ok(())
    }

    fn row(&mut self, row: Vec<Value>) -> Result<()> {
        self.rows.push(row);
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<u64> {
        Ok(self.rows.len() as u64)
    }
}

/// Where bytes go, and the error for those that do not get there.
pub struct Output<W> {
    to: W,
    name: String,
}

impl<W: std::io::Write> Output<W> {
    /// `name` is what errors call it.
    pub fn new(to: W, name: impl Into<String>) -> Output<W> {
        Output { to, name: name.into() }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.to.write_all(bytes).map_err(|error| Error::io("cannot write", self.name.as_ref(), error))
    }

    fn flush(&mut self) -> Result<()> {
        self.to.flush().map_err(|error| Error::io("cannot write", self.name.as_ref(), error))
    }
}
