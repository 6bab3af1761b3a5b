//! Whether the store could do its work: every kind of call it will make, in a form that changes nothing.

use async_trait::async_trait;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;

use super::events::Wiring;
use super::failure::failed;
use super::{S3Store, code_of, name_of};
use crate::aws::{self, Call};
use crate::probe::{Finding, Probe, warning};
use crate::store::Store;
use scanmill_core::error::{Class, Error, Result};

/// What a probe looks at.
#[derive(Clone, Debug)]
pub struct S3Probe {
    /// Bucket that photos land in.
    pub inbox: String,
    /// Bucket for batches.
    pub results: String,
    /// URL of the queue that the inbox should notify, where there is one.
    pub queue_url: Option<String>,
    /// Only keys with this beginning are photos.
    pub prefix: String,
    /// Only keys with one of these endings, in small letters, are photos; none lets all pass.
    pub suffixes: Vec<String>,
}

/// No object has this key.
const ABSENT: &str = "scanmill-check/no-such-object";

/// No object has this eTag.
const NO_ETAG: &str = "\"00000000000000000000000000000000\"";

/// A store and what it is to be used for.
pub struct Probed {
    store: S3Store,
    of: S3Probe,
}

impl S3Store {
    /// The probe of this store.
    pub fn probed(self, of: S3Probe) -> Probed {
        Probed { store: self, of }
    }
}

#[async_trait]
impl Probe for Probed {
    async fn probe(&self) -> Vec<Finding> {
        let (of, store) = (&self.of, &self.store);
        let mut findings = Vec::new();
        let inbox = store.may_list(&of.inbox, &of.prefix).await;
        let is_there = !is_missing(&inbox);
        findings.push(Finding { name: "inbox", outcome: inbox });
        if is_there {
            findings.push(Finding { name: "inbox read", outcome: store.may_get(&of.inbox).await });
            findings.push(Finding { name: "inbox versions", outcome: store.may_get_version(&of.inbox).await });
            findings.push(Finding { name: "inbox events", outcome: self.inbox_events().await });
        }
        let results = store.may_list(&of.results, "").await;
        let is_there = !is_missing(&results);
        findings.push(Finding { name: "results", outcome: results });
        if is_there {
            findings.push(Finding { name: "results read", outcome: store.may_get(&of.results).await });
            findings.push(Finding { name: "results write", outcome: store.may_put(&of.results).await });
            findings.push(Finding { name: "results events", outcome: self.results_events().await });
        }
        findings
    }
}

/// Whether the bucket is not there, and so nothing else need be asked about it.
fn is_missing(outcome: &Result<String>) -> bool {
    outcome.as_ref().is_err_and(|error| error.class() == Class::Missing)
}

impl Probed {
    async fn inbox_events(&self) -> Result<String> {
        let bucket = &self.of.inbox;
        let wiring = match self.store.wiring(bucket).await {
            // The engine itself never asks this.
            Err(error) if error.class() == Class::Refused => {
                return Err(warning(format!("cannot tell whether s3://{bucket} notifies the queue: {error}")));
            }
            wiring => wiring?,
        };
        let Some(url) = &self.of.queue_url else {
            return Ok(format!("s3://{bucket} needs none: the queue is not an SQS queue, `backfill` fills it"));
        };
        wiring.check_inbox(bucket, url, &self.of.prefix, &self.of.suffixes)
    }

    async fn results_events(&self) -> Result<String> {
        let bucket = &self.of.results;
        let wiring = match self.store.wiring(bucket).await {
            Err(error) if error.class() == Class::Refused => {
                return Err(warning(format!("cannot tell whether s3://{bucket} notifies the queue too: {error}")));
            }
            wiring => wiring?,
        };
        match &self.of.queue_url {
            Some(url) if wiring.notifies(url) => Err(Error::permanent(format!(
                "s3://{bucket} notifies the photos' queue `{url}`: scanmill would read its own output as photos"
            ))
            .with_hint("take that notification off the results bucket")),
            _ => Ok(format!("s3://{bucket} does not notify the photos' queue")),
        }
    }
}

impl S3Store {
    async fn may_list(&self, bucket: &str, prefix: &str) -> Result<String> {
        self.list(bucket, prefix, None, 1).await?;
        Ok(format!("s3://{bucket} is in {} and can be listed", self.clients.region_of(bucket).await?))
    }

    async fn may_get(&self, bucket: &str) -> Result<String> {
        match self.get(bucket, ABSENT, None, 1 << 20).await {
            Err(error) if error.class() == Class::Missing => {}
            outcome => drop(outcome?),
        }
        Ok(format!("objects of s3://{bucket} can be read"))
    }

    /// A bucket without versions needs no such permission.
    async fn may_get_version(&self, bucket: &str) -> Result<String> {
        match self.get(bucket, ABSENT, Some("null"), 1 << 20).await {
            Err(error) if error.class() == Class::Missing => {}
            Err(error) if error.class() == Class::Refused => {
                let text = format!("single versions cannot be read, which matters if the bucket keeps them: {error}");
                return Err(match error.hint_text() {
                    Some(hint) => warning(text).with_hint(hint),
                    None => warning(text),
                });
            }
            outcome => drop(outcome?),
        }
        Ok(format!("single versions in s3://{bucket} can be read"))
    }

    /// A put on the condition that the object there has an eTag which none has.
    async fn may_put(&self, bucket: &str) -> Result<String> {
        let what = name_of(bucket, ABSENT, None);
        let call = Call { doing: "writing", what: &what, action: "s3:PutObject" };
        let sent = self.clients.send(bucket, |client| {
            client.put_object().bucket(bucket).key(ABSENT).if_match(NO_ETAG).body(Default::default()).send()
        });
        const NEEDS: &str = "batches are written once or not at all, which needs conditional writes: use a store that \
                             has them";
        match sent.await? {
            Ok(_) => {
                Err(Error::permanent(format!("s3://{bucket} ignores If-None-Match: it wrote {what}")).with_hint(NEEDS))
            }
            Err(error) => match code_of(&error) {
                Some("NoSuchKey" | "PreconditionFailed") => Ok(format!("objects can be written to s3://{bucket}")),
                Some("NotImplemented") => {
                    Err(Error::permanent(format!("s3://{bucket} knows no conditional writes")).with_hint(NEEDS))
                }
                _ => Err(failed(call, error)),
            },
        }
    }

    async fn wiring(&self, bucket: &str) -> Result<Wiring> {
        let what = format!("s3://{bucket}");
        let call = Call { doing: "reading the notifications of", what: &what, action: "s3:GetBucketNotification" };
        let sent =
            self.clients.send(bucket, |client| client.get_bucket_notification_configuration().bucket(bucket).send());
        match sent.await? {
            Ok(output) => Ok(Wiring::of(&output)),
            // Other stores know no such call, or answer in a form of their own.
            Err(error) if code_of(&error) == Some("NotImplemented") || is_success(&error) => {
                Err(warning(format!("this store cannot report whether {what} notifies a queue")))
            }
            Err(error) => Err(aws::failed(call, error)),
        }
    }
}

/// Whether the store was content, and only its answer cannot be read.
fn is_success<E>(error: &SdkError<E, HttpResponse>) -> bool {
    error.raw_response().is_some_and(|answer| answer.status().is_success())
}
