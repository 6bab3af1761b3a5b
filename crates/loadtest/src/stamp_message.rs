//! A stamp on its way through a queue.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::story::Stamp;
use scanmill_core::error::{Error, Result};

/// Marks the message as ours, with its version.
const VERSION: u32 = 1;

/// One stamp of a run, as a queue message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StampMessage {
    scanmill_stamp: u32,
    /// Bucket of the run's plan.
    pub plan_bucket: String,
    /// Key of the run's plan.
    pub plan_key: String,
    /// Which stamp of the run.
    pub index: u64,
    /// The moment, in milliseconds since the epoch.
    at_ms: i64,
    /// Whether the photo is taken in any case.
    certain: bool,
    /// When it is to be uploaded; `None` is at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due_ms: Option<i64>,
}

impl StampMessage {
    /// A stamp of the run whose plan is this object.
    pub fn new(plan_bucket: &str, plan_key: &str, stamp: Stamp, due_at: Option<Timestamp>) -> Self {
        Self {
            scanmill_stamp: VERSION,
            plan_bucket: plan_bucket.to_owned(),
            plan_key: plan_key.to_owned(),
            index: stamp.index,
            at_ms: stamp.at.as_millisecond(),
            certain: stamp.certain,
            due_ms: due_at.map(Timestamp::as_millisecond),
        }
    }

    /// As a message body.
    ///
    /// # Errors
    /// Only a bug.
    pub fn body(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|error| Error::bug("no JSON for a stamp").with_source(error))
    }

    /// Reads a message body.
    ///
    /// # Errors
    /// Poison when it is not a stamp that this binary reads.
    pub fn parse(body: &str) -> Result<Self> {
        let message: Self = serde_json::from_str(body).map_err(|error| {
            Error::poison("a message is not a stamp").with_source(error).with_hint(
                "pump.stamp_queue_url must name a queue of its own, not the one that photos are announced in",
            )
        })?;
        if message.scanmill_stamp != VERSION {
            return Err(Error::poison(format!(
                "a stamp has version {}, this binary reads {VERSION}",
                message.scanmill_stamp
            ))
            .with_hint("let the same scanmill distribute that ran `orchestrate`"));
        }
        Timestamp::from_millisecond(message.at_ms)
            .and_then(|_| message.due_ms.map(Timestamp::from_millisecond).transpose())
            .map_err(|error| Error::poison("a stamp has an invalid time").with_source(error))?;
        Ok(message)
    }

    /// The stamp. Story and distributor see only milliseconds, whichever way it came.
    pub fn stamp(&self) -> Stamp {
        let at = Timestamp::from_millisecond(self.at_ms).unwrap_or(Timestamp::UNIX_EPOCH);
        Stamp { index: self.index, at, certain: self.certain }
    }

    /// When it is to be uploaded.
    pub fn due_at(&self) -> Option<Timestamp> {
        self.due_ms.and_then(|due| Timestamp::from_millisecond(due).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scanmill_core::error::Class;

    #[test]
    fn a_stamp_survives_the_queue() {
        let at: Timestamp = "2026-03-12T16:00:00.123Z".parse().unwrap();
        let stamp = Stamp { index: 7, at, certain: false };
        let due: Timestamp = "2026-11-22T10:00:00.5Z".parse().unwrap();
        for due in [None, Some(due)] {
            let body = StampMessage::new("results", "pump/r/plan.json", stamp, due).body().unwrap();
            let read = StampMessage::parse(&body).unwrap();
            assert_eq!((read.stamp(), read.due_at()), (stamp, due));
            assert_eq!((read.plan_bucket.as_str(), read.plan_key.as_str()), ("results", "pump/r/plan.json"));
        }
    }

    #[test]
    fn what_is_no_stamp_is_poison() {
        let good = StampMessage::new("b", "k", Stamp { index: 0, at: Timestamp::UNIX_EPOCH, certain: true }, None);
        let good = good.body().unwrap();
        let bad = [
            String::new(),
            "{}".into(),
            "{\"Records\":[]}".into(),
            good.replace("\"scanmill_stamp\":1", "\"scanmill_stamp\":2"),
            good.replace("\"at_ms\":0", "\"at_ms\":9223372036854775807"),
        ];
        for body in bad {
            assert_eq!(StampMessage::parse(&body).unwrap_err().class(), Class::Poison, "{body}");
        }
    }
}
