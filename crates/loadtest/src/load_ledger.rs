//! When batches became durable and were loaded, by the warehouse's ledger; each is asked for once.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;

use super::latency::BatchTimes;
use scanmill_core::error::{Error, Result};
use scanmill_ports::warehouse::{Value, Warehouse};

/// The most batches remembered: some 10 MB. Beyond that all are forgotten and asked for again.
const REMEMBERED: usize = 65_536;
/// Batches in one query.
const ASKED: usize = 400;

/// The ledger's times, as far as they were asked for.
pub(super) struct Ledger<'w> {
    warehouse: &'w dyn Warehouse,
    known: HashMap<String, Option<BatchTimes>>,
}

impl<'w> Ledger<'w> {
    pub(super) fn new(warehouse: &'w dyn Warehouse) -> Self {
        Self { warehouse, known: HashMap::new() }
    }

    /// The times of a batch, or `None` when the ledger does not have it. `upcoming` batches are asked for in the same
    /// queries.
    ///
    /// # Errors
    /// A query that fails; a time that is none.
    pub(super) async fn times<'i>(
        &mut self,
        batch_id: &'i str,
        upcoming: impl Iterator<Item = &'i str>,
    ) -> Result<Option<BatchTimes>> {
        if let Some(times) = self.known.get(batch_id) {
            return Ok(*times);
        }
        let asked: BTreeSet<String> =
            upcoming.chain([batch_id]).filter(|id| !self.known.contains_key(*id)).map(str::to_owned).collect();
        if self.known.len() + asked.len() > REMEMBERED {
            self.known.clear();
        }
        let asked: Vec<String> = asked.into_iter().collect();
        for ids in asked.chunks(ASKED) {
            let places: Vec<String> = (1..=ids.len()).map(|place| format!("?{place}")).collect();
            let sql = format!(
                "SELECT batch_id, sealed_at, loaded_at FROM load_ledger WHERE batch_id IN ({})",
                places.join(", ")
            );
            let parameters: Vec<Value> = ids.iter().map(|id| Value::from(id.as_str())).collect();
            let answer = self.warehouse.query(&sql, &parameters).await?;
            self.known.extend(ids.iter().map(|id| (id.clone(), None)));
            for row in answer.rows {
                let [id, sealed_at, loaded_at] = row.as_slice() else { continue };
                let Some(id) = id.as_str() else { continue };
                let of_ledger = |value: &Value| {
                    value.as_str().map(|text| millis(text, || format!("the ledger row of batch `{id}`"))).transpose()
                };
                let Some(loaded_at) = of_ledger(loaded_at)? else { continue };
                self.known.insert(id.to_owned(), Some(BatchTimes { sealed_at: of_ledger(sealed_at)?, loaded_at }));
            }
        }
        Ok(self.known.get(batch_id).copied().flatten())
    }
}

/// A time of the warehouse or of a key in milliseconds since 1970; `place` is where it is.
pub(super) fn millis(text: &str, place: impl FnOnce() -> String) -> Result<i64> {
    let at: Timestamp = text.parse().map_err(|error: jiff::Error| {
        Error::permanent(format!("`{text}` in {} is not a time", place())).with_source(error)
    })?;
    Ok(at.as_millisecond())
}
