//! What the load report counts costs with: prices, and how the other way would be set up.

use serde::{Deserialize, Serialize};

use scanmill_core::section;
use scanmill_core::section::name;

section! {
    /// What the load report (`pump --report`) counts with: list prices of us-east-1 in 2025 in US dollars, without free
    /// tiers, discounts and taxes. Put in your own.
    #[derive(Serialize, Deserialize)]
    pub struct Cost in "cost" {
        /// Names the instance whose price and cores are in the next two keys; only shown.
        instance: String = "c7i.large" in "EC2 instance type", text(name), live;
        /// Price of that instance, on demand, Linux.
        instance_usd_per_hour: f64 = "0.08925" in "dollars per hour", decimal(0.0, 1000.0), live;
        /// Its vCPUs. The report takes one for one core of the machine it measured on.
        instance_vcpus: f64 = "2" in "vCPUs", decimal(1.0, 1024.0), live;
        /// S3 Standard: PUT, COPY, POST, LIST. Sealed batches are put; the upload of the photos themselves is the same
        /// for all and left out.
        s3_put_usd_per_million: f64 = "5" in "dollars per million requests", decimal(0.0, 1000.0), live;
        /// S3 Standard: GET. One for each photo, one for each batch that a load reads.
        s3_get_usd_per_million: f64 = "0.4" in "dollars per million requests", decimal(0.0, 1000.0), live;
        /// S3 Standard: storage of the sealed batches.
        s3_usd_per_gb_month: f64 = "0.023" in "dollars per GB and month", decimal(0.0, 1000.0), live;
        /// How long sealed batches are kept in S3.
        batch_days: f64 = "30" in "days", decimal(0.0, 36_500.0), live;
        /// SQS standard queue. Counted for each photo: one send, and with ten messages a call a tenth of a receive and
        /// a tenth of a delete.
        sqs_usd_per_million: f64 = "0.4" in "dollars per million requests", decimal(0.0, 1000.0), live;
        /// Redshift Serverless: base capacity of the workgroup.
        redshift_rpus: f64 = "8" in "RPUs", decimal(0.0, 1024.0), live;
        /// Redshift Serverless: price of its capacity while it is awake.
        redshift_usd_per_rpu_hour: f64 = "0.375" in "dollars per RPU and hour", decimal(0.0, 1000.0), live;
        /// Redshift Serverless: least time billed each time it wakes.
        redshift_minimum_seconds: f64 = "60" in "seconds", decimal(0.0, 3600.0), live;
        /// Time between two loads that the cost is counted with: loading every few seconds, as on a laptop, would keep
        /// the warehouse awake all day.
        redshift_load_every_seconds: f64 = "900" in "seconds", decimal(1.0, 86_400.0), live;
        /// Lambda, x86: price of its calls.
        lambda_usd_per_million_requests: f64 = "0.2" in "dollars per million calls", decimal(0.0, 1000.0), live;
        /// Lambda, x86: price of its memory over time.
        lambda_usd_per_million_gb_seconds: f64 = "16.6667" in "dollars per million GB-seconds",
            decimal(0.0, 1000.0), live;
        /// Memory of the function. It gets one vCPU at 1,769 MB and less in proportion below.
        lambda_memory_mb: f64 = "1769" in "MB", decimal(128.0, 10_240.0), live;
        /// Photos (messages) one call of the function takes. It writes one result object.
        lambda_photos_per_call: f64 = "10" in "photos", decimal(1.0, 10_000.0), live;
        /// CPU time of a photo in Lambda with one vCPU, against here. Cold starts are not counted.
        lambda_slowdown_percent: f64 = "100" in "percent", decimal(10.0, 10_000.0), live;
        /// Time a call waits for S3 for each photo. It is billed there, while the engine reads others meanwhile.
        lambda_get_ms: f64 = "20" in "milliseconds", decimal(0.0, 60_000.0), live;
    }
}
