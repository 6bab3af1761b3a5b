//! Where a bucket sends its events.

use aws_sdk_s3::operation::get_bucket_notification_configuration::GetBucketNotificationConfigurationOutput;
use aws_sdk_s3::types::{FilterRuleName, QueueConfiguration};

use crate::probe::warning;
use scanmill_core::error::{Error, Result};

/// A bucket's notifications.
pub(super) struct Wiring {
    queues: Vec<ToQueue>,
    /// Ways that lead to a queue over another service, where what follows cannot be seen from here.
    detours: Vec<&'static str>,
}

/// Events that go to a queue straight away.
struct ToQueue {
    arn: String,
    creations: bool,
    prefix: String,
    suffix: String,
}

impl Wiring {
    pub(super) fn of(output: &GetBucketNotificationConfigurationOutput) -> Wiring {
        let mut detours = Vec::new();
        if !output.topic_configurations().is_empty() {
            detours.push("SNS");
        }
        if output.event_bridge_configuration().is_some() {
            detours.push("EventBridge");
        }
        Wiring { queues: output.queue_configurations().iter().map(ToQueue::of).collect(), detours }
    }

    /// Whether any event goes to this queue.
    pub(super) fn notifies(&self, queue_url: &str) -> bool {
        self.queues.iter().any(|queue| queue.is(queue_url))
    }

    /// Whether photos that pass the filter are notified to the queue.
    pub(super) fn check_inbox(&self, bucket: &str, url: &str, prefix: &str, suffixes: &[String]) -> Result<String> {
        let to_us: Vec<&ToQueue> = self.queues.iter().filter(|queue| queue.is(url) && queue.creations).collect();
        if to_us.is_empty() {
            return match self.detours.as_slice() {
                [] => Err(warning(format!("s3://{bucket} does not notify the queue `{url}` of new objects"))
                    .with_hint(
                        "add an event notification for `s3:ObjectCreated:*`; until then only `backfill` finds photos",
                    )),
                detours => Ok(format!("s3://{bucket} notifies by {}", detours.join(" and "))),
            };
        }
        if to_us.iter().any(|queue| queue.covers(prefix)) && to_us.iter().all(|queue| queue.suffix.is_empty()) {
            return Ok(format!("s3://{bucket} notifies the queue of new objects"));
        }
        if !to_us.iter().any(|queue| queue.meets(prefix, suffixes)) {
            let rules: Vec<String> = to_us.iter().map(|queue| queue.rule()).collect();
            return Err(Error::permanent(format!(
                "s3://{bucket} notifies the queue of keys {} only, and none of them passes [filter]",
                rules.join(" or ")
            ))
            .with_hint("make `filter.prefix` and `filter.suffixes` and the bucket's notification agree"));
        }
        Ok(format!("s3://{bucket} notifies the queue of new objects, by its own filter"))
    }
}

impl ToQueue {
    fn of(queue: &QueueConfiguration) -> ToQueue {
        let mut found = ToQueue {
            arn: queue.queue_arn().to_owned(),
            creations: queue.events().iter().any(|event| event.as_str().starts_with("s3:ObjectCreated:")),
            prefix: String::new(),
            suffix: String::new(),
        };
        let rules = queue.filter().and_then(|filter| filter.key()).map(|key| key.filter_rules()).unwrap_or_default();
        for rule in rules {
            let value = rule.value().unwrap_or_default().to_owned();
            match rule.name() {
                Some(FilterRuleName::Prefix) => found.prefix = value,
                Some(FilterRuleName::Suffix) => found.suffix = value,
                _ => {}
            }
        }
        found
    }

    /// By account and name: another server's URL tells no region.
    fn is(&self, url: &str) -> bool {
        let mut arn = self.arn.rsplit(':');
        let mut url = url.trim_end_matches('/').rsplit('/');
        (arn.next(), arn.next()) == (url.next(), url.next())
    }

    /// Whether every key with the prefix is notified, as far as prefixes go.
    fn covers(&self, prefix: &str) -> bool {
        prefix.starts_with(&self.prefix)
    }

    /// Whether any key could be notified and pass the filter.
    fn meets(&self, prefix: &str, suffixes: &[String]) -> bool {
        let own = self.suffix.to_lowercase();
        let suffix_meets = suffixes.is_empty()
            || suffixes.iter().any(|suffix| suffix.ends_with(&own) || own.ends_with(suffix.as_str()));
        suffix_meets && (prefix.starts_with(&self.prefix) || self.prefix.starts_with(prefix))
    }

    fn rule(&self) -> String {
        format!("`{}*{}`", self.prefix, self.suffix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://sqs.eu-central-1.amazonaws.com/123456789012/photos";

    fn wiring(rules: &[(&str, &str)], detours: &[&'static str]) -> Wiring {
        let queue = |(prefix, suffix): &(&str, &str)| ToQueue {
            arn: "arn:aws:sqs:eu-central-1:123456789012:photos".into(),
            creations: true,
            prefix: (*prefix).into(),
            suffix: (*suffix).into(),
        };
        Wiring { queues: rules.iter().map(queue).collect(), detours: detours.to_vec() }
    }

    #[test]
    fn a_queue_is_known_by_account_and_name() {
        let wired = wiring(&[("", "")], &[]);
        assert!(wired.notifies(URL) && wired.notifies("http://127.0.0.1:4566/123456789012/photos/"));
        assert!(!wired.notifies("https://sqs.eu-central-1.amazonaws.com/999999999999/photos"));
        assert!(!wired.notifies("https://sqs.eu-central-1.amazonaws.com/123456789012/other"));
    }

    #[test]
    fn what_the_bucket_filters_and_what_we_filter_must_meet() {
        let jpg = [".jpg".to_owned()];
        for (rules, detours, prefix, suffixes, expected) in [
            (&[("", "")][..], &[][..], "", &[][..], Ok("notifies the queue of new objects")),
            (&[("in/", "")], &[], "in/2026/", &[], Ok("notifies the queue of new objects")),
            (&[("in/", "")], &[], "", &[], Ok("by its own filter")),
            (&[("", ".JPG")], &[], "", &jpg, Ok("by its own filter")),
            (&[("out/", ""), ("in/", "")], &[], "in/", &[], Ok("notifies the queue of new objects")),
            (&[("out/", "")], &[], "in/", &[], Err("none of them passes")),
            (&[("", ".png")], &[], "", &jpg, Err("none of them passes")),
            (&[], &["SNS"], "", &[], Ok("by SNS")),
            (&[], &[], "", &[], Err("does not notify")),
        ] {
            let found = wiring(rules, detours).check_inbox("inbox", URL, prefix, suffixes);
            match (&found, expected) {
                (Ok(text), Ok(part)) => assert!(text.contains(part), "{rules:?}: {text}"),
                (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{rules:?}: {error}"),
                _ => panic!("{rules:?}: {found:?}"),
            }
        }
    }
}
