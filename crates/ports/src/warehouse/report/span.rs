//! Questions about the photos that were processed in a span of time.

use jiff::Timestamp;
use serde::de::DeserializeOwned;

use super::rows_as;
use crate::warehouse::{Value, Warehouse};
use scanmill_core::error::{Error, Result};

/// A span of time by `processed_at`; open where it has no end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Between {
    /// Its first instant.
    pub since: Option<Timestamp>,
    /// The first instant after it.
    pub until: Option<Timestamp>,
}

impl Between {
    /// What a row's `processed_at` must meet, as conditions of SQL with their parameters; none where it has no end.
    pub fn conditions(&self, warehouse: &dyn Warehouse) -> (Vec<String>, Vec<Value>) {
        let (mut conditions, mut parameters): (Vec<String>, Vec<Value>) = Default::default();
        for (end, sign) in [(self.since, ">="), (self.until, "<")] {
            if let Some(at) = end {
                parameters.push(warehouse.instant(at));
                conditions.push(format!("processed_at {sign} ?{}", parameters.len()));
            }
        }
        (conditions, parameters)
    }
}

/// A warehouse that is asked about a span.
pub(super) struct SpanQuery<'w> {
    pub(super) warehouse: &'w dyn Warehouse,
    pub(super) between: Between,
}

impl SpanQuery<'_> {
    /// The rows of a question in which `{scans}` and `{rejections}` stand for the tables.
    pub(super) async fn all<T: DeserializeOwned>(&self, sql: &str) -> Result<Vec<T>> {
        let (conditions, mut parameters) = self.between.conditions(self.warehouse);
        let mut asked = sql.to_owned();
        for table in ["scans", "rejections"] {
            let rows = match conditions.is_empty() {
                true => table.to_owned(),
                false => format!("(SELECT * FROM {table} WHERE {}) AS {table}", conditions.join(" AND ")),
            };
            asked = asked.replace(&format!("{{{table}}}"), &rows);
        }
        // What does not ask for these tables takes no parameters.
        if asked == sql {
            parameters.clear();
        }
        rows_as(self.warehouse.query(&asked, &parameters).await?)
    }

    /// The same where the answer is one row.
    pub(super) async fn one<T: DeserializeOwned>(&self, sql: &str) -> Result<T> {
        let mut rows = self.all(sql).await?;
        match rows.pop() {
            Some(row) if rows.is_empty() => Ok(row),
            _ => Err(Error::bug("the warehouse answered a question about one row with another number of rows")),
        }
    }
}
