//! The values of the metrics' labels. What the rest of the engine has an enum for is that enum; the others are here.

use super::calls::Watched;
use super::metric::LabelValue;
use super::{Stage, Workers};
use scanmill_core::domain::{Reason, RungName, SkipReason, WhyLeftOut};
use scanmill_core::error::Class;
use scanmill_scale::bottleneck;

/// Gives enums that have `ALL` and a constant `as_str` to the metrics.
macro_rules! label_values {
    ($($name:ty),* $(,)?) => {
        $(impl LabelValue for $name {
            const TEXTS: &'static [&'static str] = &{
                let mut texts = [""; <$name>::ALL.len()];
                let mut index = 0;
                while index < texts.len() {
                    texts[index] = <$name>::ALL[index].as_str();
                    index += 1;
                }
                texts
            };
            fn text(self) -> &'static str {
                self.as_str()
            }
        })*
    };
}

label_values!(Stage, Workers, Watched, bottleneck::Stage, Reason, Class, RungName, SkipReason, WhyLeftOut);

/// Closed lists that are nothing but labels.
macro_rules! labels {
    ($($(#[$attribute:meta])* $name:ident { $($values:tt)* })*) => {
        $(
            scanmill_core::closed_list! { $(#[$attribute])* $name { $($values)* } }
            label_values!($name);
        )*
    };
}

labels! {
    /// How often a message was received.
    Receives {
        /// So often that SQS counts it in its own age metric.
        OneOrTwo = "1_or_2",
        /// SQS leaves it out of that.
        ThreeOrMore = "3_or_more",
    }
    /// Why a file of the inbox is not read yet.
    InboxWaiting {
        /// Open for writing.
        Open = "open",
        /// Changed a moment ago.
        Changing = "changing",
        /// Found, and not announced to the queue.
        Unannounced = "unannounced",
    }
    /// How new files of the inbox are found.
    InboxWatch {
        /// The kernel reports them.
        Following = "following",
        /// Scans find them.
        Scanning = "scanning",
        /// Nothing does, because of a failure.
        Failing = "failing",
    }
    /// What became of a message.
    Settled {
        /// Every photo of it is durable.
        Deleted = "deleted",
        /// To be received again.
        GivenBack = "given_back",
        /// Neither was possible.
        Left = "left",
    }
    /// How an extension of a lease ended.
    Extension {
        /// Extended.
        Ok = "ok",
        /// Another receiver has the message.
        Lost = "lost",
        /// The call failed.
        Failed = "failed",
    }
    /// What a photo gave.
    Outcome {
        /// Scans.
        Scanned = "scanned",
        /// A rejection.
        Rejected = "rejected",
    }
    /// A stage with a limit of photos at once.
    Limited {
        /// GETs.
        Fetch = "fetch",
        /// Decodes.
        Decode = "decode",
        /// The lane of HEIC photos.
        Heic = "heic",
    }
    /// A memory budget.
    Budget {
        /// Photos' bytes.
        Fetched = "fetched",
        /// Pixels.
        Decode = "decode",
    }
    /// Where a message of the queue is.
    QueueState {
        /// To be received.
        Ready = "ready",
        /// Received and not settled.
        InFlight = "in_flight",
        /// In the dead-letter queue.
        Dead = "dead",
    }
    /// What sealed a batch.
    SealCause {
        /// Its rows.
        Rows = "rows",
        /// Its bytes.
        Bytes = "bytes",
        /// Its age.
        Age = "age",
        /// Nothing more could be received before it was sealed.
        InFlight = "in_flight",
        /// The engine stops.
        Drain = "drain",
    }
    /// How a load ended.
    LoadResult {
        /// Committed.
        Ok = "ok",
        /// Not, or a batch could not be read.
        Failed = "failed",
    }
    /// Where a load's rows go.
    LoadedTable {
        /// Codes.
        Scans = "scans",
        /// Photos without one.
        Rejections = "rejections",
    }
    /// Where the circuit breaker of a bucket stands.
    BreakerState {
        /// Requests pass.
        Closed = "closed",
        /// No request passes.
        Open = "open",
        /// One trial is allowed.
        HalfOpen = "half_open",
    }
    /// What became of settings read again.
    Reloading {
        /// Taken over.
        Ok = "ok",
        /// A mistake in them.
        Refused = "refused",
    }
    /// What became of a trace.
    TraceFate {
        /// The collector took it.
        Sent = "sent",
        /// It did not.
        Dropped = "dropped",
    }
}

/// The one version that runs.
#[derive(Clone, Copy, Debug)]
pub struct ThisVersion;

impl LabelValue for ThisVersion {
    const TEXTS: &'static [&'static str] = &[env!("CARGO_PKG_VERSION")];
    fn text(self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }
}
