//! What a word in the configuration stands for.

/// What becomes of a photo's rows when its file in the inbox holds something else later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overwrite {
    /// The rows of the later content replace them: one file name, one photo.
    #[default]
    Replace,
    /// They stay: each content is a photo of its own, as in a bucket.
    Keep,
}

/// Which store adapter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StoreKind {
    /// A folder.
    #[default]
    Folder,
    /// Amazon S3 or a store that speaks its language.
    S3,
}

impl StoreKind {
    /// Its name in words.
    pub fn title(self) -> &'static str {
        match self {
            StoreKind::Folder => "folder",
            StoreKind::S3 => "S3",
        }
    }
}

/// Which queue adapter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum QueueKind {
    /// A file in the root folder.
    #[default]
    Sqlite,
    /// Amazon SQS.
    Sqs,
}

impl QueueKind {
    /// Its name in words.
    pub fn title(self) -> &'static str {
        match self {
            QueueKind::Sqlite => "SQLite",
            QueueKind::Sqs => "SQS",
        }
    }
}

/// Which warehouse adapter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WarehouseKind {
    /// A file in the root folder.
    #[default]
    Sqlite,
    /// Amazon Redshift by its Data API.
    Redshift,
}

impl WarehouseKind {
    /// Its name in words.
    pub fn title(self) -> &'static str {
        match self {
            WarehouseKind::Sqlite => "SQLite",
            WarehouseKind::Redshift => "Redshift",
        }
    }
}

/// Which codes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Codes {
    /// Every code of a photo.
    #[default]
    All,
    /// Stop at the first.
    First,
}

/// How logs look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
    /// `key=value` pairs, as Prometheus writes them.
    Logfmt,
}
