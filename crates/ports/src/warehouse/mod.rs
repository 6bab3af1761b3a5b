//! The warehouse port: where rows end, each once.
//!
//! Beside the port is what every warehouse shares: the version and definition of the tables ([`schema`]), the marts
//! (`marts.sql`, one text for all) and the report over them ([`report`]).

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use self::export::RowSink;
use scanmill_core::domain::Reason;
use scanmill_core::domain::batch::SealedBatch;
use scanmill_core::domain::row::utc_millis;
use scanmill_core::error::Result;

mod batch_line;
pub mod export;
#[cfg(feature = "aws")]
pub mod redshift;
mod redshift_options;
pub mod report;
pub mod schema;
pub mod sqlite;

pub use redshift_options::RedshiftOptions;

/// Which sealed batches one load takes. Its id names the load for ever: loading it again changes nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Hash of the batches' ids.
    pub manifest_id: String,
    /// The batches, at least one.
    pub batches: Vec<SealedBatch>,
}

/// What one load did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Loaded {
    /// Batches newly in the ledger.
    pub batches: u64,
    /// Batches the ledger already had.
    pub batches_known: u64,
    /// Scan rows inserted.
    pub scans: u64,
    /// Rejection rows inserted.
    pub rejections: u64,
    /// Photos whose rows were dropped because the warehouse (or another batch of this load) had them.
    pub photos_repeated: u64,
    /// Photos whose rows were replaced: by a higher revision, or a rejection of the moment by a final answer.
    pub photos_replaced: u64,
    /// Photos whose rows went because their file held something else later.
    pub photos_superseded: u64,
}

/// The store as a load sees it.
#[async_trait]
pub trait BatchSource: Send + Sync {
    /// The batch's rows, one JSON object a line, decompressed. A batch that is gone or damaged is
    /// [`scanmill_core::error::Class::Poison`].
    async fn read(&self, batch: &SealedBatch) -> Result<Bytes>;

    /// Writes an object beside the batches, for a warehouse that reads the store by itself. One that is there stays:
    /// the key must follow from the content.
    async fn put(&self, bucket: &str, key: &str, bytes: Bytes) -> Result<()>;
}

/// One value of a query's answer.
pub type Value = serde_json::Value;

/// An answer: column names and rows.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Table {
    /// Column names.
    pub columns: Vec<String>,
    /// Rows, each as long as `columns`.
    pub rows: Vec<Vec<Value>>,
}

/// The reasons of the moment as a list for SQL's `IN`: rejections that give way to the first final answer.
pub fn passing_reasons() -> String {
    Reason::passing().map(|reason| format!("'{}'", reason.as_str())).collect::<Vec<_>>().join(", ")
}

/// Where rows end.
#[async_trait]
pub trait Warehouse: Send + Sync {
    /// Creates or migrates tables, ledger and marts. Does nothing when all is there. A schema newer than this binary
    /// is [`scanmill_core::error::Class::Permanent`].
    async fn prepare(&self) -> Result<()>;

    /// Loads a manifest in one transaction (DESIGN §7). Any number of repeats, also from several processes, leaves the
    /// same rows as one.
    async fn load(&self, manifest: &Manifest, source: &dyn BatchSource) -> Result<Loaded>;

    /// Those of `batch_ids` that no ledger row names, in the order given.
    async fn not_in_ledger(&self, batch_ids: &[String]) -> Result<Vec<String>>;

    /// An instant as [`Warehouse::query`] takes it among its parameters, to compare with a column of times.
    fn instant(&self, at: Timestamp) -> Value {
        utc_millis(at).into()
    }

    /// Something that is another whenever rows may be others; `None` where only a query can tell.
    async fn mark(&self) -> Option<String> {
        None
    }

    /// Runs one read-only statement with `?1`, `?2`… bound to `parameters`. Times are answered in the form of the rows,
    /// whatever form the tables hold, in columns whose names end as those of the tables do: `…_at`, `…_local`.
    async fn query(&self, sql: &str, parameters: &[Value]) -> Result<Table>;

    /// The same, with the rows handed to `sink` as they come; gives the sink back, to be finished.
    async fn query_into(
        &self,
        sql: &str,
        parameters: &[Value],
        mut sink: Box<dyn RowSink>,
    ) -> Result<Box<dyn RowSink>> {
        let answer = self.query(sql, parameters).await?;
        sink.columns(&answer.columns)?;
        answer.rows.into_iter().try_for_each(|row| sink.row(row))?;
        Ok(sink)
    }
}
