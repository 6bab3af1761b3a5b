//! One struct per event that matters. Each both counts and logs, so that a metric and its log line never disagree.
//! Events of single photos log at debug level only: a million photos must not make a million lines.

mod batches;
mod messages;
mod photos;

use std::time::Duration;

use tokio::time::Instant;

pub use self::batches::{BatchSealed, BatchSetAside, LoadDone, LoadFailed};
pub use self::messages::{
    LeasesExtended, MessageIgnored, MessageNotUnderstood, MessagesLeft, MessagesReceived, MessagesSettled,
    PhotoPassedOver,
};
pub use self::photos::{DecodeStalled, PhotoAgain, PhotoDecoded, PhotoDurable, PhotoFetched};
use super::names;
use super::seldom::{self, cause_of};
use crate::{Stage, Telemetry};
use scanmill_core::error::{Class, Error};

/// A call to queue, store or warehouse failed.
pub struct CallFailed<'a> {
    /// Which call.
    pub what: &'static str,
    /// Why.
    pub error: &'a Error,
}

impl CallFailed<'_> {
    /// Counts; logs one line a cause and minute, loudly unless trying again is the ordinary course.
    pub fn emit(self) {
        let class = self.error.class();
        names::ERRORS.add(class, 1);
        let cause = format!("{} {} {}", self.what, class.as_str(), cause_of(&self.error.to_string()));
        let Some(more_like_it) = seldom::ask(cause) else { return };
        let hint = self.error.hint_text().unwrap_or_default();
        match class {
            Class::Transient | Class::Throttled => {
                tracing::warn!(call = self.what, class = class.as_str(), error = %self.error, hint, more_like_it, "call failed, trying again");
            }
            Class::Permanent | Class::Refused | Class::Missing | Class::TooLarge | Class::Poison | Class::Bug => {
                tracing::error!(call = self.what, class = class.as_str(), error = %self.error, hint, more_like_it, "call failed");
            }
        }
    }
}

/// Another part of the way limits the rate than before.
pub struct BottleneckNamed<'a> {
    /// Which: a value of the metric's label.
    pub stage: &'static str,
    /// In a few words.
    pub title: &'a str,
    /// Why.
    pub evidence: &'a str,
    /// What would help.
    pub remedy: &'a str,
    /// Photos a second, measured.
    pub rate: f64,
    /// Photos a second that this part allows, if that is known.
    pub ceiling: Option<f64>,
}

impl BottleneckNamed<'_> {
    /// Logs; the metric is set at each look.
    pub fn emit(self) {
        let Self { stage, title, evidence, remedy, rate, ceiling } = self;
        let (per_second, ceiling) = (rate.round(), ceiling.map(f64::round));
        tracing::info!(stage, evidence, remedy, per_second, ceiling, "the bottleneck is now: {title}");
    }
}

/// Answers of AWS asked for less, and another attempt of the same call followed.
pub struct AnswersThrottled {
    /// Which service.
    pub service: &'static str,
    /// How many.
    pub count: u64,
}

impl AnswersThrottled {
    /// Counts; logs one line a service and minute.
    pub fn emit(self) {
        let Self { service, count } = self;
        names::ERRORS.add(Class::Throttled, count);
        let Some(more_like_it) = seldom::ask(format!("throttled {service}")) else { return };
        tracing::warn!(service, more_like_it, "a request was throttled and is tried again");
    }
}

/// A bucket cannot be read for reasons that are not its photos'.
pub struct StoreDown<'a> {
    /// Which.
    pub bucket: &'a str,
    /// What was said last.
    pub cause: &'a str,
    /// Since when.
    pub since: Instant,
}

impl StoreDown<'_> {
    /// Logs.
    pub fn emit(self) {
        let Self { bucket, cause, since } = self;
        let Some(more_like_it) = seldom::ask(format!("store down {bucket}")) else { return };
        let down_seconds = since.elapsed().as_secs();
        tracing::error!(
            bucket,
            cause,
            down_seconds,
            more_like_it,
            "the bucket cannot be read: receiving is paused, photos keep their leases"
        );
    }
}

/// One photo was tried while its bucket is down.
pub struct StoreTried<'a> {
    /// Which bucket.
    pub bucket: &'a str,
    /// How it failed.
    pub error: &'a Error,
}

impl StoreTried<'_> {
    /// Logs.
    pub fn emit(self) {
        let Self { bucket, error } = self;
        let cause = format!("store tried {bucket} {}", cause_of(&error.to_string()));
        let Some(more_like_it) = seldom::ask(cause) else { return };
        tracing::warn!(bucket, %error, more_like_it, "the bucket answers a probe, but the photo that was tried still fails");
    }
}

/// A bucket can be read again.
pub struct StoreUp<'a> {
    /// Which.
    pub bucket: &'a str,
    /// How long it could not.
    pub down: Duration,
    /// Photos that waited for it.
    pub waiting: usize,
}

impl StoreUp<'_> {
    /// Logs.
    pub fn emit(self) {
        let Self { bucket, down, waiting } = self;
        let down_seconds = down.as_secs();
        tracing::info!(bucket, down_seconds, waiting, "the bucket can be read again");
    }
}

/// The pipeline failed and is being restarted.
pub struct PipelineRestarts<'a> {
    /// The generation that ended.
    pub generation: u64,
    /// The actor that failed first.
    pub actor: &'static str,
    /// Its error.
    pub error: &'a Error,
    /// How long it waits before it starts again.
    pub wait: Duration,
}

impl PipelineRestarts<'_> {
    /// Counts and logs.
    pub fn emit(self) {
        names::RESTARTS.add(1);
        tracing::error!(
            generation = self.generation,
            actor = self.actor,
            class = self.error.class().as_str(),
            error = %self.error,
            wait_ms = self.wait.as_millis() as u64,
            "pipeline failed and is being restarted"
        );
    }
}

fn time_stage(telemetry: &Telemetry, stage: Stage, took: Duration) {
    telemetry.stages.record(stage, took);
    names::STAGE_SECONDS.observe(stage, took.as_secs_f64());
}
