//! The table of every key. Order is the order of `config/local.toml`.

use super::key::Key;

mod cloud;
mod cost;
mod engine;
mod places;

/// The sections, in order, each with what it is about.
pub static SECTIONS: &[(&str, &str)] = &[
    ("local", "Where the embedded queue, object store and warehouse keep their files."),
    ("store", "Where photos and batches are."),
    ("queue", "Leases and redelivery."),
    ("warehouse", "Where rows end."),
    ("filter", "Which notifications name photos. Others are acknowledged, counted and give no row."),
    ("aws", "What S3, SQS and Redshift share. Credentials come from where the AWS tools take them."),
    ("s3", "With `store.kind` `s3`."),
    ("sqs", "With `queue.kind` `sqs`."),
    ("redshift", "With `warehouse.kind` `redshift`."),
    ("pump", "Test load: `orchestrate` and `distribute`."),
    ("limits", "What a photo may be; one over a limit becomes a rejection row."),
    ("memory", "The two memory budgets. With them the engine's memory does not grow with the backlog."),
    ("decode", "The decoder pool."),
    ("scale", "Bounds within which the autoscaler moves."),
    ("batch", "When a batch is sealed: whichever comes first."),
    ("load", "When sealed batches go into the warehouse."),
    ("output", "Optional outputs."),
    (
        "retention",
        "How long the embedded adapters keep what nothing needs any more, for `scanmill prune` and the engine. 0 is for ever. In S3, SQS and Redshift lifecycles and retention do this.",
    ),
    ("metrics", "The page, metrics and health over HTTP."),
    ("otel", "Traces of photos, sent to an OpenTelemetry collector (OTLP as JSON over HTTP). Off without an endpoint."),
    ("run", "Start and stop."),
    ("log", "Logs, on stderr."),
    (
        "cost",
        "What the load report (`pump --report`) counts with: list prices of us-east-1 in 2025 in US dollars, without free tiers, discounts and taxes. Put in your own.",
    ),
];

/// Every key, in order.
pub fn all() -> impl Iterator<Item = &'static Key> {
    [places::KEYS, cloud::KEYS, engine::KEYS, cost::KEYS].into_iter().flatten()
}

/// The key `section.name`.
pub fn find(section: &str, name: &str) -> Option<&'static Key> {
    all().find(|key| key.section == section && key.name == name)
}
