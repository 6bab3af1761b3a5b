//! Keys of where photos come from, wait and end.

use std::time::Duration;

use crate::config::forms::{bucket, choose, saturating_u32, size, suffixes};
use crate::config::key::{Key, Kind};
use crate::config::settings::{Overwrite, QueueKind, StoreKind, WarehouseKind};
use crate::domain::notification::KeyEncoding;

/// One gibibyte.
const GIB: u64 = 1 << 30;

pub(super) static KEYS: &[Key] = &[
    Key {
        section: "local",
        name: "root",
        default: "data",
        unit: "folder",
        doc: "Holds everything: buckets as folders, `queue.sqlite`, `stamps.sqlite`, `warehouse.sqlite`.",
        kind: Kind::Folder { set: |s, v| s.local.root = v },
    },
    Key {
        section: "local",
        name: "watch",
        default: "true",
        unit: "true or false",
        doc: "Also find photos that are copied into the inbox by hand.",
        kind: Kind::Flag { set: |s, v| s.local.watch = v },
    },
    Key {
        section: "local",
        name: "quiet_seconds",
        default: "10",
        unit: "seconds",
        doc: "How long a file must be unchanged before it is read, where the file system does not tell whether somebody still has it open for writing: network folders, files of another user. On local disks an open file waits until it is closed.",
        kind: Kind::Whole { min: 1, max: 86_400, set: |s, v| s.local.quiet = Duration::from_secs(v) },
    },
    Key {
        section: "local",
        name: "scan_seconds",
        default: "60",
        unit: "seconds",
        doc: "How often the whole inbox is scanned, for file systems that report no changes. A scan of a huge inbox waits longer: it takes at most a twentieth of the time.",
        kind: Kind::Whole { min: 1, max: 86_400, set: |s, v| s.local.scan_every = Duration::from_secs(v) },
    },
    Key {
        section: "local",
        name: "umask",
        default: "077",
        unit: "three octal digits",
        doc: "Permissions that files and folders made by scanmill do not have. Rows hold the positions of people, so nobody but the owner reads them; `027` lets the owner's group read, `007` also drop photos into the inbox.",
        kind: Kind::Text {
            set: |s, v| {
                const EXPECTED: &str = "three octal digits like `077`, of which the first is 0";
                let umask = u32::from_str_radix(v, 8).map_err(|_| EXPECTED)?;
                if v.len() != 3 || umask > 0o077 {
                    return Err(EXPECTED);
                }
                s.local.umask = umask;
                Ok(())
            },
        },
    },
    Key {
        section: "local",
        name: "overwrite",
        default: "replace",
        unit: "`replace` or `keep`",
        doc: "What becomes of a photo's rows when its file in the inbox holds something else later. `replace`: the later content's rows take their place, so a file name has one photo's rows. `keep`: each content is a photo of its own, for inboxes in which names are used again.",
        kind: Kind::Text {
            set: |s, v| {
                choose(
                    v,
                    &mut s.local.overwrite,
                    "`replace` or `keep`",
                    &[("replace", Overwrite::Replace), ("keep", Overwrite::Keep)],
                )
            },
        },
    },
    Key {
        section: "store",
        name: "kind",
        default: "folder",
        unit: "`folder` or `s3`",
        doc: "Buckets as folders under `local.root`, or Amazon S3 and what speaks its language.",
        kind: Kind::Text {
            set: |s, v| {
                choose(
                    v,
                    &mut s.store.kind,
                    "`folder` or `s3`",
                    &[("folder", StoreKind::Folder), ("s3", StoreKind::S3)],
                )
            },
        },
    },
    Key {
        section: "store",
        name: "inbox",
        default: "inbox",
        unit: "bucket name",
        doc: "Bucket that photos land in.",
        kind: Kind::Text { set: |s, v| bucket(v, &mut s.store.inbox) },
    },
    Key {
        section: "store",
        name: "results",
        default: "results",
        unit: "bucket name",
        doc: "Bucket for batches, manifests and per-photo JSON. Never the inbox.",
        kind: Kind::Text { set: |s, v| bucket(v, &mut s.store.results) },
    },
    Key {
        section: "store",
        name: "accept",
        default: "",
        unit: "bucket names, separated by commas",
        doc: "Further buckets whose photos are read when a message names them. Messages about any other bucket than these and `store.inbox` are acknowledged, counted and give no row.",
        kind: Kind::Text {
            set: |s, v| {
                s.store.accept.clear();
                for name in v.split(',').map(str::trim).filter(|name| !name.is_empty()) {
                    let mut accepted = String::new();
                    bucket(name, &mut accepted)?;
                    s.store.accept.push(accepted);
                }
                Ok(())
            },
        },
    },
    Key {
        section: "queue",
        name: "kind",
        default: "sqlite",
        unit: "`sqlite` or `sqs`",
        doc: "A file under `local.root`, or Amazon SQS.",
        kind: Kind::Text {
            set: |s, v| {
                choose(
                    v,
                    &mut s.queue.kind,
                    "`sqlite` or `sqs`",
                    &[("sqlite", QueueKind::Sqlite), ("sqs", QueueKind::Sqs)],
                )
            },
        },
    },
    Key {
        section: "queue",
        name: "key_encoding",
        default: "form",
        unit: "`form` or `raw`",
        doc: "How S3 events write keys: form-encoded (`a+b.jpg` is `a b.jpg`), as S3 and most servers do, or raw, as Ceph does.",
        kind: Kind::Text {
            set: |s, v| {
                choose(
                    v,
                    &mut s.queue.key_encoding,
                    "`form` or `raw`",
                    &[("form", KeyEncoding::Form), ("raw", KeyEncoding::Raw)],
                )
            },
        },
    },
    Key {
        section: "queue",
        name: "visibility_timeout_seconds",
        default: "60",
        unit: "seconds",
        doc: "How long a received message stays hidden from others; extended while its photos are in work. After a crash this is the wait until they are processed again.",
        kind: Kind::Whole { min: 1, max: 43_200, set: |s, v| s.queue.visibility_timeout = Duration::from_secs(v) },
    },
    Key {
        section: "queue",
        name: "wait_seconds",
        default: "20",
        unit: "seconds",
        doc: "How long one receive waits for a first message (long poll).",
        kind: Kind::Whole { min: 0, max: 20, set: |s, v| s.queue.wait = Duration::from_secs(v) },
    },
    Key {
        section: "queue",
        name: "max_receives",
        default: "8",
        unit: "receives",
        doc: "A photo whose fetch fails in this many deliveries, each while the store answers for others, becomes a `retries_exhausted` rejection. What fails while the store is down is not counted.",
        kind: Kind::Whole { min: 1, max: 1_000, set: |s, v| s.queue.max_receives = saturating_u32(v) },
    },
    Key {
        section: "queue",
        name: "dead_letter_after",
        default: "25",
        unit: "receives",
        doc: "The queue's own limit, above `max_receives`. A photo that comes this often without an end is rejected untried: \
              it may be what takes the process down each time. With SQS at most the redrive policy's maxReceiveCount.",
        kind: Kind::Whole { min: 2, max: 1_000, set: |s, v| s.queue.dead_letter_after = saturating_u32(v) },
    },
    Key {
        section: "queue",
        name: "max_in_flight",
        default: "auto",
        unit: "messages",
        doc: "Messages received and not yet acknowledged, at the most. `auto`: 800 for each decode thread, 10,000 to 60,000.",
        kind: Kind::WholeOrAuto { min: 1, max: 100_000, set: |s, v| s.queue.max_in_flight = size(v) },
    },
    Key {
        section: "warehouse",
        name: "kind",
        default: "sqlite",
        unit: "`sqlite` or `redshift`",
        doc: "A file under `local.root`, or Amazon Redshift by its Data API.",
        kind: Kind::Text {
            set: |s, v| {
                choose(
                    v,
                    &mut s.warehouse.kind,
                    "`sqlite` or `redshift`",
                    &[("sqlite", WarehouseKind::Sqlite), ("redshift", WarehouseKind::Redshift)],
                )
            },
        },
    },
    Key {
        section: "filter",
        name: "prefix",
        default: "",
        unit: "beginning of a key",
        doc: "Only keys that begin with this are photos; the others are acknowledged and give no row.",
        kind: Kind::Text {
            set: |s, v| {
                v.clone_into(&mut s.filter.prefix);
                Ok(())
            },
        },
    },
    Key {
        section: "filter",
        name: "suffixes",
        default: "",
        unit: "endings, separated by commas",
        doc: "Only keys that end with one of these are photos, like `.jpg, .jpeg, .heic`, letters of either case; the others are acknowledged and give no row.",
        kind: Kind::Text {
            set: |s, v| {
                s.filter.suffixes = suffixes(v)?;
                Ok(())
            },
        },
    },
    Key {
        section: "filter",
        name: "exclude",
        default: "",
        unit: "globs, separated by commas",
        doc: "Keys that are not photos, like `*.tmp, raw, 2025/*/small`, letters of either case. A glob without a slash is for any folder or file name of a key, one with a slash for the key from its beginning; what fits a folder excludes everything in it.",
        kind: Kind::Text {
            set: |s, v| {
                s.filter.exclude = std::mem::take(&mut s.filter.exclude).with_globs(v)?;
                Ok(())
            },
        },
    },
    Key {
        section: "filter",
        name: "exclude_housekeeping",
        default: "true",
        unit: "true or false",
        doc: "Also exclude what NAS systems, desktops and unfinished copies leave beside photos: `@eaDir`, `#recycle`, `$RECYCLE.BIN`, `System Volume Information`, `lost+found`, `__MACOSX`, `._*`, `.Trash-*`, `.thumbnails`, `Thumbs.db`, `*.part`, `*.crdownload`, `*.tmp`, `*~` and the like.",
        kind: Kind::Flag { set: |s, v| s.filter.exclude = std::mem::take(&mut s.filter.exclude).with_housekeeping(v) },
    },
    Key {
        section: "filter",
        name: "min_bytes",
        default: "0",
        unit: "bytes",
        doc: "Only photos of at least this size, where the notification states it; smaller ones are acknowledged and give no row.",
        kind: Kind::Whole { min: 0, max: GIB, set: |s, v| s.filter.min_bytes = v },
    },
];
