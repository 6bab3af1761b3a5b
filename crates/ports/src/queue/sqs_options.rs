//! How the queue in Amazon SQS is reached.

use scanmill_core::section;
use scanmill_core::section::{endpoint, queue_url};

section! {
    /// With `queue.kind` `sqs`.
    pub struct SqsOptions in "sqs" {
        /// The queue that the landing bucket's notifications go to.
        queue_url: String = "" in "URL", text(queue_url), restart;
        /// Another SQS server; empty is Amazon's.
        endpoint: Option<String> = "" in "URL", text(endpoint), restart;
    }
}
