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

/// Receives, and deletes, under way at once at the most. Each carries ten messages, so 40,000 messages a second at a round
/// trip of 150 ms need 600 of each; at 15 ms they need 60, and no more are then started.
const CALLS_AT_ONCE: u64 = 640;

/// Receives, and as many deletes, that may be under way at once in a process that may open so many files: each has a socket.
pub fn calls_at_once(open_files: Option<u64>) -> usize {
    let calls = open_files.map_or(CALLS_AT_ONCE, |files| (files / 4).clamp(8, CALLS_AT_ONCE));
    usize::try_from(calls).unwrap_or(usize::MAX)
}
