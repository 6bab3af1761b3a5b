//! A database of the stand-in, a bucket, and a warehouse on both.

use std::io::{Read, Write};
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use scanmill::aws::{Account, AccountOptions};
use scanmill::domain::batch::SealedBatch;
use scanmill::error::{Error, Result};
use scanmill::warehouse::redshift::{RedshiftOptions, RedshiftWarehouse};
use scanmill::warehouse::{BatchSource, Loaded, Warehouse};
use serde_json::Value;

use crate::rig::{self, ACCESS_KEY, Aws, DataApi, Ministack, REGION, SECRET_KEY, WORKGROUP};
use crate::warehouse_support::{manifest_in, rules};

/// An API that all tests of this binary share, or one of its own where settings change or texts are counted.
pub struct Place {
    own: Option<DataApi>,
    pub aws: Aws,
    pub bucket: String,
    pub options: RedshiftOptions,
    pub attempts: u32,
    reads: Mutex<Vec<String>>,
}

impl Place {
    pub fn new() -> Place {
        Place::on(None)
    }

    pub fn with_own_api() -> Place {
        Place::on(Some(DataApi::start(Ministack::shared().server.endpoint()).unwrap()))
    }

    fn on(own: Option<DataApi>) -> Place {
        let (aws, bucket) = (Ministack::shared().aws(), rig::unique("results"));
        aws.create_bucket(&bucket).unwrap();
        let api = own.as_ref().unwrap_or_else(|| DataApi::shared());
        let options = RedshiftOptions {
            workgroup: Some(WORKGROUP.into()),
            cluster: None,
            database: api.create_database().unwrap(),
            schema: "public".into(),
            db_user: None,
            secret_arn: None,
            copy_role: "default".into(),
            endpoint: Some(api.endpoint().into()),
            statement_timeout: Duration::from_secs(120),
        };
        Place { own, aws, bucket, options, attempts: 2, reads: Mutex::default() }
    }

    pub async fn prepared() -> Place {
        let place = Place::new();
        place.warehouse().prepare().await.unwrap();
        place
    }

    pub fn api(&self) -> &DataApi {
        self.own.as_ref().unwrap_or_else(|| DataApi::shared())
    }

    /// Another instance's warehouse on the same place.
    pub fn warehouse(&self) -> RedshiftWarehouse {
        let options = AccountOptions {
            region: Some(REGION.into()),
            profile: None,
            assume_role: None,
            attempts: self.attempts,
            attempt_timeout: Duration::from_secs(30),
        };
        RedshiftWarehouse::new(Account::with_keys(options, ACCESS_KEY, SECRET_KEY), self.options.clone())
            .probed(self.bucket.clone(), Duration::from_secs(2))
    }

    /// Runs a statement past the adapter.
    pub fn sql(&self, sql: &str) -> Vec<Vec<Value>> {
        self.api().query(&self.options.database, sql).unwrap()
    }

    pub async fn load(&self, warehouse: &dyn Warehouse, batch_ids: &[&str]) -> Result<Loaded> {
        warehouse.load(&manifest_in(&self.bucket, batch_ids), self).await
    }

    pub fn put_object(&self, key: &str, lines: &[u8]) {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(lines).unwrap();
        self.aws.put_object(&self.bucket, key, &encoder.finish().unwrap()).unwrap();
    }
}

#[async_trait]
impl BatchSource for Place {
    async fn read(&self, batch: &SealedBatch) -> Result<Bytes> {
        self.reads.lock().unwrap().push(batch.batch_id.clone());
        let object = self.aws.get_object(&batch.bucket, &batch.key).unwrap();
        let object = object.ok_or_else(|| Error::poison("a batch cannot be read: it is gone"))?;
        let mut lines = Vec::new();
        MultiGzDecoder::new(object.as_slice())
            .read_to_end(&mut lines)
            .map_err(|error| Error::poison("a batch is not a complete gzip file").with_source(error))?;
        Ok(lines.into())
    }

    async fn put(&self, bucket: &str, key: &str, bytes: Bytes) -> Result<()> {
        self.aws.put_object(bucket, key, &bytes).map_err(|error| Error::transient(error.to_string()))
    }
}

impl rules::Shelf for Place {
    fn bucket(&self) -> &str {
        &self.bucket
    }
    fn put_lines(&mut self, batch_id: &str, lines: Vec<u8>) {
        self.put_object(&format!("batches/{batch_id}.jsonl.gz"), &lines);
    }
    fn reads(&self) -> Vec<String> {
        std::mem::take(&mut self.reads.lock().unwrap())
    }
    fn source(&self) -> &dyn BatchSource {
        self
    }
}
