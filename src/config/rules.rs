//! What must hold between keys.

use std::time::Duration;

use super::keys::grouped;
use super::merge::Merged;
use super::roots;
use super::settings::{QueueKind, StoreKind, WarehouseKind};
use super::{Problem, Settings};

/// Fewest bytes of decode memory a pixel takes: a colour picture as RGBA. A budget below that could never admit the
/// largest photo the limits let in.
pub(super) const DECODE_BYTES_PER_PIXEL: u64 = 4;

/// A rule: the keys it looks at, and if it is broken what is wrong (naming its keys) and a hint.
struct ConfigRule {
    keys: &'static [&'static str],
    broken: fn(&Settings) -> Option<(String, String)>,
}

const ERRORS: &[ConfigRule] = &[
    ConfigRule {
        keys: &["local.root"],
        broken: |s| {
            roots::is_top(&s.local.root).then(|| {
                let message = format!("local.root `{}` is the top of the file system", s.local.root.display());
                (message, "choose a folder for it alone, like /srv/scanmill".into())
            })
        },
    },
    ConfigRule {
        keys: &["store.results", "store.inbox"],
        broken: |s| {
            (s.store.results == s.store.inbox).then(|| {
                (
                    format!(
                        "store.results and store.inbox are both `{}`: scanmill would read its own output as photos",
                        s.store.inbox
                    ),
                    "give results and inbox different names".into(),
                )
            })
        },
    },
    ConfigRule {
        keys: &["store.accept", "store.results"],
        broken: |s| {
            s.store.accept.contains(&s.store.results).then(|| {
                let name = &s.store.results;
                let message = format!(
                    "store.accept names store.results (`{name}`): scanmill would read its own output as photos"
                );
                (message, "take the results bucket off the list".into())
            })
        },
    },
    ConfigRule {
        keys: &["queue.kind", "store.kind"],
        broken: |s| {
            (s.store.kind == StoreKind::Folder && s.queue.kind != QueueKind::Sqlite).then(|| {
                let message =
                    "store.kind `folder` announces its photos to the embedded queue, and queue.kind is another";
                (message.into(), "set store.kind = \"s3\" too, or queue.kind = \"sqlite\"".into())
            })
        },
    },
    ConfigRule {
        keys: &["warehouse.kind", "store.kind"],
        broken: |s| {
            (s.warehouse.kind == WarehouseKind::Redshift && s.store.kind != StoreKind::S3).then(|| {
                let message = "warehouse.kind `redshift` copies batches out of S3, and store.kind is `folder`";
                (message.into(), "set store.kind = \"s3\" too, or warehouse.kind = \"sqlite\"".into())
            })
        },
    },
    ConfigRule {
        keys: &["queue.kind", "sqs.queue_url"],
        broken: |s| {
            (s.queue.kind == QueueKind::Sqs && s.sqs.queue_url.is_empty()).then(|| {
                let hint = "set sqs.queue_url, like \"https://sqs.eu-central-1.amazonaws.com/123456789012/photos\"";
                ("queue.kind is `sqs` and sqs.queue_url is empty".into(), hint.into())
            })
        },
    },
    ConfigRule {
        keys: &["pump.stamp_queue_url", "sqs.queue_url"],
        broken: |s| {
            (!s.pump.stamp_queue_url.is_empty() && s.pump.stamp_queue_url == s.sqs.queue_url).then(|| {
                let message = "pump.stamp_queue_url and sqs.queue_url are one queue: the engine would take the stamps";
                (message.into(), "give stamps a queue of their own".into())
            })
        },
    },
    ConfigRule {
        keys: &["warehouse.kind", "redshift.workgroup", "redshift.cluster"],
        broken: |s| {
            let targets = usize::from(s.redshift.workgroup.is_some()) + usize::from(s.redshift.cluster.is_some());
            (s.warehouse.kind == WarehouseKind::Redshift && targets != 1).then(|| {
                let which = if targets == 0 { "neither of them is set" } else { "both are set" };
                let message =
                    format!("warehouse.kind is `redshift` and of redshift.workgroup and redshift.cluster {which}");
                (message, "set redshift.workgroup for Serverless, or redshift.cluster for a provisioned cluster".into())
            })
        },
    },
    ConfigRule {
        keys: &["redshift.db_user", "redshift.secret_arn", "redshift.workgroup"],
        broken: |s| {
            let of = &s.redshift;
            (of.db_user.is_some() && (of.secret_arn.is_some() || of.workgroup.is_some())).then(|| {
                let message = "redshift.db_user goes with redshift.cluster and without redshift.secret_arn";
                (
                    message.into(),
                    "leave it empty: a workgroup maps the IAM identity, a secret names its own user".into(),
                )
            })
        },
    },
    ConfigRule {
        keys: &["queue.dead_letter_after", "queue.max_receives"],
        broken: |s| {
            (s.queue.dead_letter_after <= s.queue.max_receives).then(|| {
                (
                    format!(
                        "queue.dead_letter_after ({}) is not above queue.max_receives ({}): messages would die before they become a rejection row",
                        s.queue.dead_letter_after, s.queue.max_receives
                    ),
                    format!("at least {}", s.queue.max_receives.saturating_add(1)),
                )
            })
        },
    },
    ConfigRule {
        keys: &["queue.visibility_timeout_seconds", "batch.max_age_ms", "limits.photo_time_budget_ms"],
        broken: |s| {
            let work = s.batch.max_age + s.limits.photo_time_budget;
            (s.queue.visibility_timeout <= work).then(|| {
                (
                    format!(
                        "queue.visibility_timeout_seconds ({}) is not longer than a photo may take until its batch is sealed (batch.max_age_ms {} + limits.photo_time_budget_ms {}): messages would be delivered twice",
                        s.queue.visibility_timeout.as_secs(),
                        s.batch.max_age.as_millis(),
                        s.limits.photo_time_budget.as_millis()
                    ),
                    format!("at least {} seconds", (work + Duration::from_secs(1)).as_secs()),
                )
            })
        },
    },
    ConfigRule {
        keys: &["scale.max_fetches", "scale.min_fetches"],
        broken: |s| above("fetches", s.scale.min_fetches, s.scale.max_fetches),
    },
    ConfigRule {
        keys: &["scale.max_decodes", "scale.min_decodes", "decode.threads"],
        broken: |s| above("decodes", s.scale.min_decodes, s.scale.max_decodes),
    },
    // What waits for its batch is in flight.
    ConfigRule {
        keys: &["batch.max_rows", "queue.max_in_flight"],
        broken: |s| out_of_reach("batch.max_rows", s.batch.max_rows, s.queue.max_in_flight),
    },
    ConfigRule {
        keys: &["scale.min_fetches", "queue.max_in_flight"],
        broken: |s| out_of_reach("scale.min_fetches", s.scale.min_fetches, s.queue.max_in_flight),
    },
    ConfigRule {
        keys: &["memory.fetched_bytes", "limits.max_file_bytes"],
        broken: |s| {
            (s.memory.fetched_bytes < s.limits.max_file_bytes).then(|| {
                (
                    format!(
                        "memory.fetched_bytes ({}) is below limits.max_file_bytes ({}): the largest photo could never be fetched",
                        grouped(s.memory.fetched_bytes),
                        grouped(s.limits.max_file_bytes)
                    ),
                    format!("at least {}, or lower limits.max_file_bytes", grouped(s.limits.max_file_bytes)),
                )
            })
        },
    },
    ConfigRule {
        keys: &["memory.decode_bytes", "limits.max_megapixels"],
        broken: |s| {
            let least = u64::from(s.limits.max_megapixels) * 1_000_000 * DECODE_BYTES_PER_PIXEL;
            (s.memory.decode_bytes < least).then(|| {
                (
                    format!(
                        "memory.decode_bytes ({}) is too little for one photo of limits.max_megapixels ({}) at {DECODE_BYTES_PER_PIXEL} bytes a pixel",
                        grouped(s.memory.decode_bytes),
                        s.limits.max_megapixels
                    ),
                    format!("at least {}, or lower limits.max_megapixels", grouped(least)),
                )
            })
        },
    },
];

/// Rules about a filter that nothing can pass.
const FILTER_ERRORS: &[ConfigRule] = &[
    ConfigRule {
        keys: &["filter.prefix", "store.kind"],
        broken: |s| {
            let prefix = &s.filter.prefix;
            let why = if s.store.kind != StoreKind::Folder || prefix.is_empty() {
                None
            } else if prefix.starts_with('/') {
                Some("begins with a slash")
            } else if prefix.contains("//") {
                Some("contains an empty name")
            } else if prefix.starts_with('.') || prefix.contains("/.") {
                Some("contains a name that begins with a dot, and such files are not photos")
            } else {
                None
            };
            why.map(|why| {
                (
                    format!("filter.prefix `{prefix}` {why}: no key of the inbox can begin with it"),
                    "keys are paths below the inbox, like `2026/phone-1/`".into(),
                )
            })
        },
    },
    ConfigRule {
        keys: &["filter.prefix", "filter.exclude", "filter.exclude_housekeeping"],
        broken: |s| {
            let folder = s.filter.prefix.rfind('/').and_then(|end| s.filter.prefix.get(..end)).unwrap_or_default();
            (!folder.is_empty() && s.filter.exclusions().excludes(folder)).then(|| {
                let message = format!(
                    "filter.prefix `{}` lies in what filter.exclude leaves out: no key passes both",
                    s.filter.prefix
                );
                (message, "choose another prefix, or narrow filter.exclude".into())
            })
        },
    },
    ConfigRule {
        keys: &["filter.exclude"],
        broken: |s| {
            // Names that nobody gives to a photo and no pattern is meant for.
            let is_all =
                s.filter.exclusions().excludes("\u{10fffd}") && s.filter.exclusions().excludes("0/\u{10fffd}.0");
            is_all.then(|| {
                let message = "filter.exclude fits every name: no photo passes it".to_owned();
                (message, "name what is to be left out, like `*.tmp` or `raw`".into())
            })
        },
    },
    ConfigRule {
        keys: &["filter.suffixes", "filter.exclude", "filter.exclude_housekeeping"],
        broken: |s| {
            let is_left_out = |end: &String| s.filter.exclusions().excludes(&format!("\u{10fffd}{end}"));
            let suffixes = &s.filter.suffixes;
            (!suffixes.is_empty() && suffixes.iter().all(is_left_out)).then(|| {
                let message =
                    format!("filter.exclude leaves out what ends with `{}`: no photo passes both", suffixes.join(", "));
                (message, "choose other suffixes, or narrow filter.exclude".into())
            })
        },
    },
    ConfigRule {
        keys: &["filter.min_bytes", "limits.max_file_bytes"],
        broken: |s| {
            (s.filter.min_bytes > s.limits.max_file_bytes).then(|| {
                (
                    format!(
                        "filter.min_bytes ({}) is above limits.max_file_bytes ({}): no photo can be both",
                        grouped(s.filter.min_bytes),
                        grouped(s.limits.max_file_bytes)
                    ),
                    "lower filter.min_bytes".into(),
                )
            })
        },
    },
];

const WARNINGS: &[ConfigRule] = &[
    ConfigRule {
        keys: &["local.root"],
        broken: |s| {
            let (root, outer) = (s.local.root.display(), roots::outer(&s.local.root)?);
            let message = format!(
                "local.root `{root}` lies in the root `{}`: an engine there takes what is in its inbox for photos",
                outer.display()
            );
            Some((message, "choose a folder outside of every other root".into()))
        },
    },
    ConfigRule {
        keys: &["local.root", "store.inbox", "store.kind"],
        broken: |s| {
            let inbox = (s.store.kind == StoreKind::Folder).then(|| s.local.root.join(&s.store.inbox))?;
            let inner = roots::inner(&inbox)?;
            let message = format!(
                "the inbox `{}` holds the root `{}`: the files of that one are taken for photos",
                inbox.display(),
                inner.display()
            );
            Some((message, "move one of the two, or name it in filter.exclude".into()))
        },
    },
    // No errors: keys of a bucket may be so.
    ConfigRule {
        keys: &["filter.prefix"],
        broken: |s| {
            let prefix = &s.filter.prefix;
            let (name, is_s3) = (format!("{}/", s.store.inbox), s.store.kind == StoreKind::S3);
            let why = if prefix.starts_with("s3://") {
                "names a bucket, and keys do not"
            } else if prefix.starts_with(&name) {
                "begins with the name of the inbox, and keys begin below it"
            } else if is_s3 && prefix.starts_with('/') {
                "begins with a slash, as the keys of hardly any bucket do"
            } else if prefix.contains(['*', '?', '[', '{']) {
                "has a sign of patterns, and is compared as it is"
            } else if prefix.trim() != prefix {
                "has a blank at one end"
            } else if prefix.contains('\\') {
                "has a backslash, and folders of keys are parted with `/`"
            } else {
                return None;
            };
            Some((format!("filter.prefix `{prefix}` {why}"), "set it as keys begin, like `2026/phone-1/`".into()))
        },
    },
    ConfigRule {
        keys: &["metrics.listen"],
        broken: |s| {
            let address = s.metrics.listen.filter(|address| !address.ip().is_loopback())?;
            Some((
                format!("{address} can be reached from other machines, without a password"),
                "use 127.0.0.1 unless a firewall guards this port".into(),
            ))
        },
    },
    // No error: leases are extended while a photo is in work, and who has no HEIC photos may well keep leases short.
    ConfigRule {
        keys: &["queue.visibility_timeout_seconds", "batch.max_age_ms", "limits.heic_time_budget_ms", "decode.heic"],
        broken: |s| {
            let work = s.batch.max_age + s.limits.heic_time_budget;
            (s.decode.heic && s.queue.visibility_timeout <= work).then(|| {
                (
                    format!(
                        "queue.visibility_timeout_seconds ({}) is not longer than a HEIC photo may take until its batch is sealed (batch.max_age_ms {} + limits.heic_time_budget_ms {}): one extension missed and it is delivered twice",
                        s.queue.visibility_timeout.as_secs(),
                        s.batch.max_age.as_millis(),
                        s.limits.heic_time_budget.as_millis()
                    ),
                    format!(
                        "at least {} seconds, or lower limits.heic_time_budget_ms, or decode.heic = false",
                        (work + Duration::from_secs(1)).as_secs()
                    ),
                )
            })
        },
    },
];

fn above(what: &str, least: usize, most: usize) -> Option<(String, String)> {
    let message = || format!("scale.max_{what} ({most}) is below scale.min_{what} ({least})");
    (most < least).then(|| (message(), format!("at least {least}, or lower scale.min_{what}")))
}

/// A limit that photos can never reach, because fewer of them are in flight at most.
fn out_of_reach(key: &str, limit: usize, in_flight: usize) -> Option<(String, String)> {
    let message = || {
        let (limit, in_flight) = (grouped(limit as u64), grouped(in_flight as u64));
        format!("{key} ({limit}) is above queue.max_in_flight ({in_flight}), and could never be reached")
    };
    (limit > in_flight).then(|| (message(), format!("at most {in_flight}, or raise queue.max_in_flight")))
}

/// Adds broken rules to `problems`; returns warnings.
pub(super) fn check(merged: &Merged, problems: &mut Vec<Problem>) -> Vec<Problem> {
    problems.extend(broken(ERRORS, merged));
    problems.extend(broken(FILTER_ERRORS, merged));
    broken(WARNINGS, merged).collect()
}

fn broken<'a>(rules: &'a [ConfigRule], merged: &'a Merged) -> impl Iterator<Item = Problem> + 'a {
    rules.iter().filter_map(|rule| {
        if rule.keys.iter().any(|key| merged.faulty.contains(*key)) {
            return None;
        }
        let (message, hint) = (rule.broken)(&merged.settings)?;
        // Blame the first of the keys that somebody set; a default is right until another key is changed. The message
        // names them all.
        let key = rule.keys.iter().find(|key| merged.origins.contains_key(**key)).or(rule.keys.first())?;
        Some(Problem::new(*key, merged.origin(key), message, hint))
    })
}
