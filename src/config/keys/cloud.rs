//! Keys of Amazon's services.

use std::time::Duration;

use crate::config::forms::{arn, endpoint, identifier, narrow, optional, text};
use crate::config::key::{Key, Kind};

pub(super) static KEYS: &[Key] = &[
    Key {
        section: "aws",
        name: "region",
        default: "",
        unit: "region",
        doc: "AWS region; empty takes it from the environment, the profile or the instance.",
        kind: Kind::Text { set: |s, v| optional(v, &mut s.aws.region) },
    },
    Key {
        section: "aws",
        name: "profile",
        default: "",
        unit: "profile name",
        doc: "Profile of the shared AWS configuration files; empty takes the usual one.",
        kind: Kind::Text { set: |s, v| optional(v, &mut s.aws.profile) },
    },
    Key {
        section: "aws",
        name: "assume_role",
        default: "",
        unit: "role ARN",
        doc: "Role to act as; empty keeps the credentials that are found.",
        kind: Kind::Text { set: |s, v| arn(v, &mut s.aws.assume_role) },
    },
    Key {
        section: "aws",
        name: "attempts",
        default: "4",
        unit: "attempts",
        doc: "Calls per request, the first included, before a failure reaches the engine, which then waits and tries again.",
        kind: Kind::Whole { min: 1, max: 20, set: |s, v| s.aws.attempts = narrow(v) },
    },
    Key {
        section: "aws",
        name: "attempt_timeout_seconds",
        default: "30",
        unit: "seconds",
        doc: "Longest time for one call; a long poll's wait comes on top.",
        kind: Kind::Whole { min: 1, max: 600, set: |s, v| s.aws.attempt_timeout = Duration::from_secs(v) },
    },
    Key {
        section: "s3",
        name: "endpoint",
        default: "",
        unit: "URL",
        doc: "Another S3 server; empty is Amazon's.",
        kind: Kind::Text { set: |s, v| endpoint(v, &mut s.s3.endpoint) },
    },
    Key {
        section: "s3",
        name: "path_style",
        default: "false",
        unit: "true or false",
        doc: "Bucket in the path instead of the host name, as most other S3 servers need it.",
        kind: Kind::Flag { set: |s, v| s.s3.path_style = v },
    },
    Key {
        section: "sqs",
        name: "queue_url",
        default: "",
        unit: "URL",
        doc: "The queue that the landing bucket's notifications go to.",
        kind: Kind::Text {
            set: |s, v| {
                let url = v.is_empty() || v.starts_with("https://") || v.starts_with("http://");
                if !url {
                    return Err("a queue URL like `https://sqs.eu-central-1.amazonaws.com/123456789012/photos`");
                }
                v.clone_into(&mut s.sqs.queue_url);
                Ok(())
            },
        },
    },
    Key {
        section: "sqs",
        name: "endpoint",
        default: "",
        unit: "URL",
        doc: "Another SQS server; empty is Amazon's.",
        kind: Kind::Text { set: |s, v| endpoint(v, &mut s.sqs.endpoint) },
    },
    Key {
        section: "redshift",
        name: "workgroup",
        default: "",
        unit: "workgroup name",
        doc: "Redshift Serverless workgroup. Set this or `redshift.cluster`.",
        kind: Kind::Text { set: |s, v| optional(v, &mut s.redshift.workgroup) },
    },
    Key {
        section: "redshift",
        name: "cluster",
        default: "",
        unit: "cluster identifier",
        doc: "Provisioned Redshift cluster. Set this or `redshift.workgroup`.",
        kind: Kind::Text { set: |s, v| optional(v, &mut s.redshift.cluster) },
    },
    Key {
        section: "redshift",
        name: "database",
        default: "scanmill",
        unit: "database name",
        doc: "Database of the tables.",
        kind: Kind::Text { set: |s, v| text(v, &mut s.redshift.database) },
    },
    Key {
        section: "redshift",
        name: "schema",
        default: "public",
        unit: "schema name",
        doc: "Schema of tables, ledger and marts.",
        kind: Kind::Text { set: |s, v| identifier(v, &mut s.redshift.schema) },
    },
    Key {
        section: "redshift",
        name: "db_user",
        default: "",
        unit: "database user",
        doc: "For a cluster: user to ask temporary credentials for; empty maps the IAM identity.",
        kind: Kind::Text { set: |s, v| optional(v, &mut s.redshift.db_user) },
    },
    Key {
        section: "redshift",
        name: "secret_arn",
        default: "",
        unit: "secret ARN",
        doc: "Secret with user name and password; empty takes temporary IAM credentials.",
        kind: Kind::Text { set: |s, v| arn(v, &mut s.redshift.secret_arn) },
    },
    Key {
        section: "redshift",
        name: "copy_role",
        default: "default",
        unit: "role ARN or `default`",
        doc: "Role attached to the warehouse that COPY reads the results bucket with.",
        kind: Kind::Text { set: |s, v| text(v, &mut s.redshift.copy_role) },
    },
    Key {
        section: "redshift",
        name: "endpoint",
        default: "",
        unit: "URL",
        doc: "Another Data API server; empty is Amazon's.",
        kind: Kind::Text { set: |s, v| endpoint(v, &mut s.redshift.endpoint) },
    },
    Key {
        section: "redshift",
        name: "statement_timeout_seconds",
        default: "900",
        unit: "seconds",
        doc: "Longest time for one load.",
        kind: Kind::Whole { min: 10, max: 86_400, set: |s, v| s.redshift.statement_timeout = Duration::from_secs(v) },
    },
];
