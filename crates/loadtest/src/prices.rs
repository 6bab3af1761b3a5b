//! What the load report counts costs with: prices, and how the other way would be set up.

use serde::{Deserialize, Serialize};

/// Prices in US dollars, and the sizes they are counted with. The defaults are list prices of us-east-1 in 2025.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// `cost.instance`: names the instance whose price and cores are in the next two keys; only shown.
    pub instance: String,
    /// `cost.instance_usd_per_hour`, in dollars per hour.
    pub instance_usd_per_hour: f64,
    /// `cost.instance_vcpus`, in vCPUs.
    pub instance_vcpus: f64,
    /// `cost.s3_put_usd_per_million`, in dollars per million requests.
    pub s3_put_usd_per_million: f64,
    /// `cost.s3_get_usd_per_million`, in dollars per million requests.
    pub s3_get_usd_per_million: f64,
    /// `cost.s3_usd_per_gb_month`, in dollars per GB and month.
    pub s3_usd_per_gb_month: f64,
    /// `cost.batch_days`, in days.
    pub batch_days: f64,
    /// `cost.sqs_usd_per_million`, in dollars per million requests.
    pub sqs_usd_per_million: f64,
    /// `cost.redshift_rpus`, in RPUs.
    pub redshift_rpus: f64,
    /// `cost.redshift_usd_per_rpu_hour`, in dollars per RPU and hour.
    pub redshift_usd_per_rpu_hour: f64,
    /// `cost.redshift_minimum_seconds`, in seconds.
    pub redshift_minimum_seconds: f64,
    /// `cost.redshift_load_every_seconds`, in seconds.
    pub redshift_load_every_seconds: f64,
    /// `cost.lambda_usd_per_million_requests`, in dollars per million calls.
    pub lambda_usd_per_million_requests: f64,
    /// `cost.lambda_usd_per_million_gb_seconds`, in dollars per million GB-seconds.
    pub lambda_usd_per_million_gb_seconds: f64,
    /// `cost.lambda_memory_mb`, in MB.
    pub lambda_memory_mb: f64,
    /// `cost.lambda_photos_per_call`, in photos.
    pub lambda_photos_per_call: f64,
    /// `cost.lambda_slowdown_percent`, in percent.
    pub lambda_slowdown_percent: f64,
    /// `cost.lambda_get_ms`, in milliseconds.
    pub lambda_get_ms: f64,
}

impl Default for Cost {
    fn default() -> Self {
        Cost {
            instance: "c7i.large".into(),
            instance_usd_per_hour: 0.08925,
            instance_vcpus: 2.0,
            s3_put_usd_per_million: 5.0,
            s3_get_usd_per_million: 0.4,
            s3_usd_per_gb_month: 0.023,
            batch_days: 30.0,
            sqs_usd_per_million: 0.4,
            redshift_rpus: 8.0,
            redshift_usd_per_rpu_hour: 0.375,
            redshift_minimum_seconds: 60.0,
            redshift_load_every_seconds: 900.0,
            lambda_usd_per_million_requests: 0.2,
            lambda_usd_per_million_gb_seconds: 16.6667,
            lambda_memory_mb: 1_769.0,
            lambda_photos_per_call: 10.0,
            lambda_slowdown_percent: 100.0,
            lambda_get_ms: 20.0,
        }
    }
}
