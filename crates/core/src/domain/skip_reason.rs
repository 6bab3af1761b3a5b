//! Why a photo, or something beside the photos, is not read: closed lists, so that they can be metric labels.

crate::closed_list! {
    /// Why a photo is passed over. Its message is acknowledged and it gives no row.
    SkipReason {
        /// Its key does not begin with `filter.prefix`.
        Prefix = "prefix",
        /// Its key ends with none of `filter.suffixes`.
        Suffix = "suffix",
        /// It is excluded by its name: `filter.exclude`, or housekeeping of computers.
        Excluded = "excluded",
        /// The notification tells a size below `filter.min_bytes`.
        Small = "small",
        /// It lies in a bucket that is neither `store.inbox` nor one of `store.accept`: whoever can send a message must not
        /// choose what the role reads.
        ForeignBucket = "foreign_bucket",
        /// It lies in the results bucket: reading it would make new results, and so on for ever.
        OwnOutput = "own_output",
    }
    /// Why something in a folder is not an object.
    WhyLeftOut {
        /// A symbolic link: it may lead out of the store.
        Symlink = "symlink",
        /// A FIFO.
        Fifo = "fifo",
        /// A socket.
        Socket = "socket",
        /// A device, or something even less like a file.
        Device = "device",
        /// A name that is not UTF-8, and so no key.
        NotUtf8 = "not_utf8",
        /// A path longer than a key may be.
        TooLong = "too_long",
        /// A file or folder this process may not read, or cannot.
        Unreadable = "unreadable",
        /// A name that begins with a dot.
        Hidden = "hidden",
        /// Excluded by the configuration.
        Excluded = "excluded",
    }
}

impl WhyLeftOut {
    /// Whether somebody should hear of it: the others are left out as everybody expects.
    pub fn is_surprising(self) -> bool {
        !matches!(self, WhyLeftOut::Hidden | WhyLeftOut::Excluded)
    }
}
