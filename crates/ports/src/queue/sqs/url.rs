//! What a queue URL tells: account, name and, at Amazon, the region.

use url::Url;

use scanmill_core::error::{Error, Result};

/// A queue URL, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueUrl {
    /// What is sent: the URL itself, or its path at another endpoint.
    pub sent: String,
    /// Account number in it.
    pub account: String,
    /// The queue's name.
    pub name: String,
    /// Region in the host name, if it is one of Amazon's.
    pub region: Option<String>,
}

impl QueueUrl {
    /// Takes a queue URL apart. With an `endpoint` its host does not count.
    ///
    /// # Errors
    /// Permanent when it names no queue.
    pub fn parse(text: &str, endpoint: Option<&str>) -> Result<QueueUrl> {
        let wrong = || {
            Error::permanent(format!("`{text}` is not a queue URL"))
                .with_hint("set `sqs.queue_url` like https://sqs.eu-central-1.amazonaws.com/123456789012/photos")
        };
        let url = Url::parse(text).map_err(|error| wrong().with_source(error))?;
        let parts: Vec<&str> = url.path().split('/').filter(|part| !part.is_empty()).collect();
        let [.., account, name] = parts[..] else { return Err(wrong()) };
        let sent = match endpoint {
            Some(endpoint) => format!("{}{}", endpoint.trim_end_matches('/'), url.path()),
            None => text.to_owned(),
        };
        let region = if endpoint.is_some() { None } else { url.host_str().and_then(region_of) };
        Ok(QueueUrl { sent, account: account.to_owned(), name: name.to_owned(), region })
    }

    /// The URL of another queue of the same server, by its ARN. SQS wants a dead-letter queue in the same account and
    /// region.
    pub fn beside(&self, arn: &str) -> Option<String> {
        let [_, _, "sqs", _, account, name] = arn.split(':').collect::<Vec<_>>()[..] else { return None };
        let base = self.sent.strip_suffix(&format!("{}/{}", self.account, self.name))?;
        Some(format!("{base}{account}/{name}"))
    }
}

/// `sqs.REGION.amazonaws.com`, or the older `REGION.queue.amazonaws.com`; other partitions have more behind it.
fn region_of(host: &str) -> Option<String> {
    if !host.contains(".amazonaws.com") {
        return None;
    }
    let mut labels = host.split('.');
    match (labels.next()?, labels.next()?) {
        ("sqs" | "sqs-fips", region) => Some(region.to_owned()),
        (region, "queue") => Some(region.to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_tells_account_name_and_region() {
        for (text, region) in [
            ("https://sqs.eu-central-1.amazonaws.com/123456789012/photos", Some("eu-central-1")),
            ("https://us-west-2.queue.amazonaws.com/123456789012/photos", Some("us-west-2")),
            ("https://sqs.cn-north-1.amazonaws.com.cn/123456789012/photos", Some("cn-north-1")),
            ("https://vpce-1.sqs.eu-central-1.vpce.amazonaws.com/123456789012/photos", None),
            ("http://127.0.0.1:4566/123456789012/photos", None),
        ] {
            let url = QueueUrl::parse(text, None).unwrap();
            assert_eq!((url.account.as_str(), url.name.as_str()), ("123456789012", "photos"), "{text}");
            assert_eq!((url.sent.as_str(), url.region.as_deref()), (text, region));
        }
        for text in ["", "photos", "https://sqs.eu-central-1.amazonaws.com/photos", "https://sqs.x.amazonaws.com/"] {
            assert!(QueueUrl::parse(text, None).is_err(), "{text}");
        }
    }

    #[test]
    fn at_another_endpoint_only_the_path_counts() {
        let text = "https://sqs.eu-central-1.amazonaws.com/123456789012/photos";
        let url = QueueUrl::parse(text, Some("http://127.0.0.1:4566/")).unwrap();
        assert_eq!(url.sent, "http://127.0.0.1:4566/123456789012/photos");
        assert_eq!(url.region, None);
        assert_eq!(
            url.beside("arn:aws:sqs:eu-central-1:123456789012:photos-dead").as_deref(),
            Some("http://127.0.0.1:4566/123456789012/photos-dead")
        );
        assert_eq!(url.beside("arn:aws:sns:eu-central-1:123456789012:topic"), None);
    }
}
