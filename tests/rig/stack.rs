//! Everything one engine needs: buckets, a queue that hears of photos, and a database.

use super::{ACCESS_KEY, Aws, DataApi, Outcome, REGION, SECRET_KEY, WORKGROUP};

/// A landing bucket wired to a queue, a results bucket, and an empty database, each used by nobody else.
#[derive(Clone, Debug)]
pub struct Stack {
    /// S3 and SQS.
    pub aws: Aws,
    /// Where the Data API answers; its COPY must read from the same S3.
    pub data_api: String,
    pub inbox: String,
    pub results: String,
    pub queue_url: String,
    pub database: String,
}

/// What the AWS SDK finds its credentials in; without the last it would ask EC2 for them.
pub const ENVIRONMENT: &[(&str, &str)] =
    &[("AWS_ACCESS_KEY_ID", ACCESS_KEY), ("AWS_SECRET_ACCESS_KEY", SECRET_KEY), ("AWS_EC2_METADATA_DISABLED", "true")];

impl Stack {
    /// Makes all of it.
    pub fn new(aws: Aws, api: &DataApi) -> Outcome<Stack> {
        let (inbox, results) = (super::unique("inbox"), super::unique("results"));
        let queue_url = aws.wired(&inbox, &super::unique("photos"))?;
        aws.create_bucket(&results)?;
        let (data_api, database) = (api.endpoint().to_owned(), api.create_database()?);
        Ok(Stack { aws, data_api, inbox, results, queue_url, database })
    }

    /// Keys and values for scanmill's configuration.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        let endpoint = &self.aws.endpoint;
        [
            ("store.kind", "s3"),
            ("store.inbox", &self.inbox),
            ("store.results", &self.results),
            ("queue.kind", "sqs"),
            ("warehouse.kind", "redshift"),
            ("aws.region", REGION),
            ("s3.endpoint", endpoint),
            ("s3.path_style", "true"),
            ("sqs.queue_url", &self.queue_url),
            ("sqs.endpoint", endpoint),
            ("redshift.workgroup", WORKGROUP),
            ("redshift.database", &self.database),
            ("redshift.endpoint", &self.data_api),
        ]
        .map(|(key, value)| (key, value.to_owned()))
        .to_vec()
    }

    /// The same as a configuration file.
    pub fn config(&self) -> String {
        let mut text = String::new();
        let mut open = "";
        for (key, value) in self.settings() {
            let (section, name) = key.split_once('.').unwrap_or(("", key));
            if section != open {
                text.push_str(&format!("[{section}]\n"));
                open = section;
            }
            let is_text = value != "true";
            text.push_str(&if is_text { format!("{name} = {value:?}\n") } else { format!("{name} = {value}\n") });
        }
        text
    }
}
