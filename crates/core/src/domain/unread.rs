//! Why a photo, or something beside the photos, is not read: closed lists, so that they can be metric labels.

/// Why a photo is passed over. Its message is acknowledged and it gives no row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SkipReason {
    /// Its key does not begin with `filter.prefix`.
    Prefix,
    /// Its key ends with none of `filter.suffixes`.
    Suffix,
    /// It is excluded by its name: `filter.exclude`, or housekeeping of computers.
    Excluded,
    /// The notification tells a size below `filter.min_bytes`.
    Small,
    /// It lies in a bucket that is neither `store.inbox` nor one of `store.accept`: whoever can send a message must not
    /// choose what the role reads.
    ForeignBucket,
    /// It lies in the results bucket: reading it would make new results, and so on for ever.
    OwnOutput,
}

impl SkipReason {
    /// Every reason.
    pub const ALL: [SkipReason; 6] = [
        SkipReason::Prefix,
        SkipReason::Suffix,
        SkipReason::Excluded,
        SkipReason::Small,
        SkipReason::ForeignBucket,
        SkipReason::OwnOutput,
    ];

    /// The reason in metrics and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            SkipReason::Prefix => "prefix",
            SkipReason::Suffix => "suffix",
            SkipReason::Excluded => "excluded",
            SkipReason::Small => "small",
            SkipReason::ForeignBucket => "foreign_bucket",
            SkipReason::OwnOutput => "own_output",
        }
    }
}

/// Why something in a folder is not an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WhyLeftOut {
    /// A symbolic link: it may lead out of the store.
    Symlink,
    /// A FIFO.
    Fifo,
    /// A socket.
    Socket,
    /// A device, or something even less like a file.
    Device,
    /// A name that is not UTF-8, and so no key.
    NotUtf8,
    /// A path longer than a key may be.
    TooLong,
    /// A file or folder this process may not read, or cannot.
    Unreadable,
    /// A name that begins with a dot.
    Hidden,
    /// Excluded by the configuration.
    Excluded,
}

impl WhyLeftOut {
    /// Every reason.
    pub const ALL: [WhyLeftOut; 9] = [
        WhyLeftOut::Symlink,
        WhyLeftOut::Fifo,
        WhyLeftOut::Socket,
        WhyLeftOut::Device,
        WhyLeftOut::NotUtf8,
        WhyLeftOut::TooLong,
        WhyLeftOut::Unreadable,
        WhyLeftOut::Hidden,
        WhyLeftOut::Excluded,
    ];

    /// The reason in metrics, logs and `/state`.
    pub const fn as_str(self) -> &'static str {
        match self {
            WhyLeftOut::Symlink => "symlink",
            WhyLeftOut::Fifo => "fifo",
            WhyLeftOut::Socket => "socket",
            WhyLeftOut::Device => "device",
            WhyLeftOut::NotUtf8 => "not_utf8",
            WhyLeftOut::TooLong => "too_long",
            WhyLeftOut::Unreadable => "unreadable",
            WhyLeftOut::Hidden => "hidden",
            WhyLeftOut::Excluded => "excluded",
        }
    }

    /// Whether somebody should hear of it: the others are left out as everybody expects.
    pub fn is_surprising(self) -> bool {
        !matches!(self, WhyLeftOut::Hidden | WhyLeftOut::Excluded)
    }
}
