//! Where photos come from, wait and end.

use std::path::PathBuf;
use std::time::Duration;

use crate::section;
use crate::section::{any, queue_url};

use crate::config::forms::{bucket, buckets, globs, suffixes, umask};
use crate::config::kinds::{Overwrite, QueueKind, StoreKind, WarehouseKind};
use crate::domain::Exclusions;
use crate::domain::notification::KeyEncoding;

/// One gibibyte.
const GIB: u64 = 1 << 30;

section! {
    /// Where the embedded queue, object store and warehouse keep their files.
    pub struct Local in "local" {
        /// Holds everything: buckets as folders, `queue.sqlite`, `stamps.sqlite`, `warehouse.sqlite`.
        root: PathBuf = "data" in "folder", folder, restart;
        /// Also find photos that are copied into the inbox by hand.
        watch: bool = "true" in "true or false", flag, restart;
        /// How long a file must be unchanged before it is read, where the file system does not tell whether somebody
        /// still has it open for writing: network folders, files of another user. On local disks an open file waits
        /// until it is closed.
        quiet as "quiet_seconds": Duration = "10" in "seconds", seconds(1, 86_400), restart;
        /// How often the whole inbox is scanned, for file systems that report no changes. A scan of a huge inbox waits
        /// longer: it takes at most a twentieth of the time.
        scan_every as "scan_seconds": Duration = "60" in "seconds", seconds(1, 86_400), restart;
        /// Permissions that files and folders made by scanmill do not have. Rows hold the positions of people, so
        /// nobody but the owner reads them; `027` lets the owner's group read, `007` also drop photos into the inbox.
        umask: u32 = "077" in "three octal digits", text(umask), restart;
        /// What becomes of a photo's rows when its file in the inbox holds something else later. `replace`: the later
        /// content's rows take their place, so a file name has one photo's rows. `keep`: each content is a photo of its
        /// own, for inboxes in which names are used again.
        overwrite: Overwrite = "replace" in "`replace` or `keep`",
            words("replace" => Overwrite::Replace, "keep" => Overwrite::Keep), restart;
    }
}

section! {
    /// Where photos and batches are.
    pub struct Store in "store" {
        /// Buckets as folders under `local.root`, or Amazon S3 and what speaks its language.
        kind: StoreKind = "folder" in "`folder` or `s3`", words("folder" => StoreKind::Folder, "s3" => StoreKind::S3),
            restart;
        /// Bucket that photos land in.
        inbox: String = "inbox" in "bucket name", text(bucket), restart;
        /// Bucket for batches, manifests and per-photo JSON. Never the inbox.
        results: String = "results" in "bucket name", text(bucket), restart;
        /// Further buckets whose photos are read when a message names them. Messages about any other bucket than these
        /// and `store.inbox` are acknowledged, counted and give no row.
        accept: Vec<String> = "" in "bucket names, separated by commas", text(buckets), live;
    }
}

section! {
    /// Leases and redelivery.
    pub struct Queue in "queue" {
        /// A file under `local.root`, or Amazon SQS.
        kind: QueueKind = "sqlite" in "`sqlite` or `sqs`",
            words("sqlite" => QueueKind::Sqlite, "sqs" => QueueKind::Sqs), restart;
        /// How S3 events write keys: form-encoded (`a+b.jpg` is `a b.jpg`), as S3 and most servers do, or raw, as Ceph
        /// does.
        key_encoding: KeyEncoding = "form" in "`form` or `raw`",
            words("form" => KeyEncoding::Form, "raw" => KeyEncoding::Raw), live;
        /// How long a received message stays hidden from others; extended while its photos are in work. After a crash
        /// this is the wait until they are processed again.
        visibility_timeout as "visibility_timeout_seconds": Duration = "60" in "seconds", seconds(1, 43_200), restart;
        /// How long one receive waits for a first message (long poll).
        wait as "wait_seconds": Duration = "20" in "seconds", seconds(0, 20), live;
        /// A photo whose fetch fails in this many deliveries, each while the store answers for others, becomes a
        /// `retries_exhausted` rejection. What fails while the store is down is not counted.
        max_receives: u32 = "8" in "receives", whole(1, 1_000), live;
        /// The queue's own limit, above `max_receives`. A photo that comes this often without an end is rejected
        /// untried: it may be what takes the process down each time. With SQS at most the redrive policy's
        /// maxReceiveCount.
        dead_letter_after: u32 = "25" in "receives", whole(2, 1_000), restart;
        /// Messages received and not yet acknowledged, at the most. `auto`: 800 for each decode thread, 10,000 to
        /// 60,000.
        max_in_flight: usize = "auto" in "messages", auto(1, 100_000), live;
    }
}

section! {
    /// Where rows end.
    pub struct Warehouse in "warehouse" {
        /// A file under `local.root`, or Amazon Redshift by its Data API.
        kind: WarehouseKind = "sqlite" in "`sqlite` or `redshift`",
            words("sqlite" => WarehouseKind::Sqlite, "redshift" => WarehouseKind::Redshift), restart;
    }
}

section! {
    /// Which notifications name photos. Others are acknowledged, counted and give no row.
    pub struct Filter in "filter" {
        /// Only keys that begin with this are photos; the others are acknowledged and give no row.
        prefix: String = "" in "beginning of a key", text(any), live;
        /// Only keys that end with one of these are photos, like `.jpg, .jpeg, .heic`, letters of either case; the
        /// others are acknowledged and give no row.
        suffixes: Vec<String> = "" in "endings, separated by commas", text(suffixes), live;
        /// Keys that are not photos, like `*.tmp, raw, 2025/*/small`, letters of either case. A glob without a slash is
        /// for any folder or file name of a key, one with a slash for the key from its beginning; what fits a folder
        /// excludes everything in it.
        exclude: Exclusions = "" in "globs, separated by commas", text(globs), live;
        /// Also exclude what NAS systems, desktops and unfinished copies leave beside photos: `@eaDir`, `#recycle`,
        /// `$RECYCLE.BIN`, `System Volume Information`, `lost+found`, `__MACOSX`, `._*`, `.Trash-*`, `.thumbnails`,
        /// `Thumbs.db`, `*.part`, `*.crdownload`, `*.tmp`, `*~` and the like.
        exclude_housekeeping: bool = "true" in "true or false", flag, live;
        /// Only photos of at least this size, where the notification states it; smaller ones are acknowledged and give
        /// no row.
        min_bytes: u64 = "0" in "bytes", whole(0, GIB), live;
    }
}

section! {
    /// Test load: `orchestrate` and `distribute`.
    pub struct Pump in "pump" {
        /// With `queue.kind` `sqs`: the queue that `orchestrate` puts stamps into and `distribute` takes them from.
        /// Never that of the photos.
        stamp_queue_url: String = "" in "URL", text(queue_url), live;
    }
}
