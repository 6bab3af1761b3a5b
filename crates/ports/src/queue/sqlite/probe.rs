//! Whether the file is a queue that can be worked with.

use async_trait::async_trait;

use super::SqliteQueue;
use crate::probe::{Finding, Probe};
use crate::queue::Queue;

#[async_trait]
impl Probe for SqliteQueue {
    async fn probe(&self) -> Vec<Finding> {
        let outcome = self
            .depth()
            .await
            .map(|depth| format!("{} ready, {} in flight, {} dead letters", depth.ready, depth.in_flight, depth.dead));
        vec![Finding { name: "queue", outcome }]
    }
}
