//! Why a photo gave no scan: a closed list, so that it can be a metric label and a column analysts group by.

use serde::{Deserialize, Serialize};

/// The stage at which a photo ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Reading the queue message.
    Notify,
    /// Getting the object.
    Fetch,
    /// Checking the bytes before any pixel is decoded.
    Guard,
    /// Decoding pixels and reading codes.
    Decode,
    /// Loading the rows into the warehouse.
    Load,
}

impl Stage {
    /// The stage as stored in the `stage` column.
    pub fn as_str(self) -> &'static str {
        match self {
            Stage::Notify => "notify",
            Stage::Fetch => "fetch",
            Stage::Guard => "guard",
            Stage::Decode => "decode",
            Stage::Load => "load",
        }
    }
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $text:literal at $stage:ident;)*) => {
        /// The typed reason of a rejection.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Reason { $($(#[$doc])* $name,)* }

        impl Reason {
            /// Every reason, in the order of the stages.
            pub const ALL: &'static [Reason] = &[$(Reason::$name,)*];
            /// The reason as stored in the `reason` column and used as a metric label.
            pub const fn as_str(self) -> &'static str {
                match self { $(Reason::$name => $text,)* }
            }
            /// The stage that gives this reason.
            pub fn stage(self) -> Stage {
                match self { $(Reason::$name => Stage::$stage,)* }
            }
            /// The reason with this text.
            pub fn parse(text: &str) -> Option<Reason> {
                Reason::ALL.iter().copied().find(|reason| reason.as_str() == text)
            }
        }
    };
}

reasons! {
    /// The queue message is no notification we know.
    BadNotification = "bad_notification" at Notify;
    /// The object was deleted before it could be read.
    MissingObject = "missing_object" at Fetch;
    /// Received too often without an end: fetching failed each time, or the process died on it.
    GaveUp = "gave_up" at Fetch;
    /// The key names something that is no regular object (a folder, a FIFO, a path out of the store), or one that cannot
    /// be read as it is (archived).
    NotAnObject = "not_an_object" at Fetch;
    /// More bytes than `limits.max_file_bytes`.
    TooLarge = "too_large" at Guard;
    /// No bytes at all.
    Empty = "empty" at Guard;
    /// Content of no supported image format, whatever the key's ending says.
    Unsupported = "unsupported" at Guard;
    /// More pixels, a longer side, or more pixels per byte than the limits allow.
    TooManyPixels = "too_many_pixels" at Guard;
    /// The file ends before the picture does.
    Truncated = "truncated" at Decode;
    /// A supported format, but its bytes make no picture.
    Unreadable = "unreadable" at Decode;
    /// A picture in which no rung found a code.
    NoCode = "no_code" at Decode;
    /// The photo's time budget ended first.
    TimedOut = "timed_out" at Decode;
    /// A decoder panicked on it; the panic was contained.
    DecoderFault = "decoder_fault" at Decode;
    /// The warehouse refused a row of it.
    RefusedRow = "refused_row" at Load;
}

/// A rejection before it becomes a row: the reason and a detail for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// The typed reason.
    pub reason: Reason,
    /// Free text: figures, limits, the decoder's message. Never a payload.
    pub detail: String,
}

impl Reject {
    /// A rejection for `reason`.
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }
}
