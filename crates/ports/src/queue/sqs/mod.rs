//! The queue in Amazon SQS, or what speaks its language.
//!
//! A standard queue: at least once, unordered. SQS decides when a message dies (the redrive policy's
//! `maxReceiveCount`); limits and error codes are those of the API's model of 2012-11-05.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::{Builder, StalledStreamProtectionConfig};
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use rustix::process::{Resource, getrlimit};
use tokio::sync::OnceCell;

pub use super::sqs_options::SqsOptions;
use super::sqs_options::calls_at_once;
use super::{Advice, Depth, LeaseRules, Message, Queue, ReceiptHandle};
use crate::aws::{Account, Call};
use scanmill_core::error::{Error, Result};

mod batch;
mod depth;
mod direct;
mod fault;
mod poll;
mod probe;
mod template;
mod url;
mod write;

use direct::Direct;
use fault::failed;
use poll::ReceiveBuffer;
pub use url::QueueUrl;

/// The most messages a receive, a delete, an extension or a send takes.
const MAX_BATCH: usize = 10;
/// The longest long poll.
const MAX_WAIT: Duration = Duration::from_secs(20);
/// The longest lease.
const MAX_VISIBILITY: Duration = Duration::from_secs(12 * 3600);
/// Messages in flight that a standard queue allows, of all receivers together. Beyond it a long poll just stays empty.
const IN_FLIGHT_LIMIT: u64 = 120_000;
/// The queue. Clones share everything.
#[derive(Clone)]
pub struct SqsQueue {
    shared: Arc<SqsInner>,
}

struct SqsInner {
    options: SqsOptions,
    rules: LeaseRules,
    account: Account,
    url: QueueUrl,
    clients: OnceCell<Clients>,
    calls_at_once: usize,
    /// Receives and deletes past the SDK's orchestration.
    direct: Arc<Direct>,
    /// Receives under way and messages that nobody took.
    desk: Mutex<ReceiveBuffer>,
    /// The dead-letter queue, once looked up.
    dead: depth::DeadLetters,
}

/// One client for each kind of wait; both share credentials and connections.
#[derive(Clone)]
struct Clients {
    calls: Client,
    /// For long polls: their wait on top of the timeout, and no second try behind the caller's back, since each would
    /// start a lease that nobody counts.
    polls: Client,
}

impl SqsQueue {
    /// A queue by its options. Nothing is asked yet.
    ///
    /// # Errors
    /// Permanent when the URL is not a queue's.
    pub fn new(account: Account, options: SqsOptions, rules: LeaseRules) -> Result<SqsQueue> {
        let url = QueueUrl::parse(&options.queue_url, options.endpoint.as_deref())?;
        // The queue's own setting is not used.
        let rules = LeaseRules { visibility_timeout: rules.visibility_timeout.min(MAX_VISIBILITY), ..rules };
        let (clients, desk, dead) = (OnceCell::new(), Mutex::default(), depth::DeadLetters::default());
        let direct = Arc::new(Direct::new(account.clone()));
        let calls_at_once = calls_at_once(getrlimit(Resource::Nofile).current);
        let shared = SqsInner { options, rules, account, url, clients, calls_at_once, direct, desk, dead };
        Ok(SqsQueue { shared: Arc::new(shared) })
    }

    /// A call on this queue, as errors speak of it.
    fn call(&self, doing: &'static str, action: &'static str) -> Call<'_> {
        Call { doing, what: &self.shared.url.sent, action }
    }

    async fn clients(&self) -> Result<&Clients> {
        self.shared.clients.get_or_try_init(|| self.connect()).await
    }

    async fn connect(&self) -> Result<Clients> {
        let shared = &self.shared;
        let (config, options) = (shared.account.config().await?, shared.account.options());
        let builder = || {
            let builder = Builder::from(config)
                .interceptor(shared.account.watch("sqs"))
                // Bodies are small and the time of a call bounds them too. It looks at each open call, so at a long poll for
                // its 20 seconds, ten times a second.
                .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
            match &shared.options.endpoint {
                Some(endpoint) => builder.endpoint_url(endpoint),
                None => builder,
            }
        };
        let timeouts = config.timeout_config().map_or_else(TimeoutConfig::builder, TimeoutConfig::to_builder);
        let timeouts = timeouts.operation_attempt_timeout(options.attempt_timeout + MAX_WAIT).build();
        let polls = builder().timeout_config(timeouts).retry_config(RetryConfig::standard().with_max_attempts(1));
        Ok(Clients { calls: Client::from_conf(builder().build()), polls: Client::from_conf(polls.build()) })
    }
}

#[async_trait]
impl Queue for SqsQueue {
    async fn receive(&self, max: usize, wait: Duration) -> Result<Vec<Message>> {
        match max.min(MAX_BATCH) {
            0 => Ok(Vec::new()),
            max => self.poll(max, wait.min(MAX_WAIT)).await,
        }
    }

    async fn delete(&self, receipts: &[ReceiptHandle]) -> Result<Vec<Result<(), Error>>> {
        self.delete_all(receipts).await
    }

    async fn extend(&self, receipts: &[ReceiptHandle], visibility: Duration) -> Result<Vec<Result<(), Error>>> {
        self.extend_all(receipts, visibility.min(MAX_VISIBILITY)).await
    }

    async fn send(&self, bodies: &[String]) -> Result<()> {
        self.send_all(bodies).await
    }

    async fn depth(&self) -> Result<Depth> {
        self.count().await
    }

    fn advice(&self) -> Advice {
        Advice {
            receives_at_once: self.shared.calls_at_once,
            messages_per_receive: MAX_BATCH,
            is_approximate: true,
            in_flight_limit: Some(IN_FLIGHT_LIMIT),
            entries_per_call: MAX_BATCH,
            calls_at_once: self.shared.calls_at_once,
        }
    }

    async fn release(&self) {
        self.give_back_unclaimed().await;
    }
}
