//! Why a photo gave no scan: a closed list, so that it can be a metric label and a column analysts group by.

use serde::{Deserialize, Serialize};

use super::former_values::present;

/// The stage at which a photo ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndedAt {
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

impl EndedAt {
    /// The stage as stored in the `stage` column.
    pub fn as_str(self) -> &'static str {
        match self {
            EndedAt::Notify => "notify",
            EndedAt::Fetch => "fetch",
            EndedAt::Guard => "guard",
            EndedAt::Decode => "decode",
            EndedAt::Load => "load",
        }
    }
}

/// Where the cause of a rejection lies, and so how long the rejection may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// In the bytes of this version of the object: reading them again gives the same answer.
    Bytes,
    /// Outside of them: the store, the machine, the decoder's version, the warehouse. The rejection stands only until
    /// the photo is read.
    Moment,
}

macro_rules! reasons {
    ($($(#[doc = $doc:literal])* $name:ident = $text:literal at $stage:ident of $cause:ident;)*) => {
        /// The typed reason of a rejection.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Reason { $($(#[doc = $doc])* $name,)* }

        impl Reason {
            /// Every reason, in the order of the stages.
            pub const ALL: &'static [Reason] = &[$(Reason::$name,)*];
            /// The reason as stored in the `reason` column and used as a metric label.
            pub const fn as_str(self) -> &'static str {
                match self { $(Reason::$name => $text,)* }
            }
            /// The stage that gives this reason.
            pub fn stage(self) -> EndedAt {
                match self { $(Reason::$name => EndedAt::$stage,)* }
            }
            /// Where its cause lies.
            pub const fn cause(self) -> Cause {
                match self { $(Reason::$name => Cause::$cause,)* }
            }
            /// What it says of a photo, in words.
            pub fn meaning(self) -> &'static str {
                match self { $(Reason::$name => concat!($($doc),*).trim_start(),)* }
            }
            /// The reason with this text, or with this text in rows of an older scanmill.
            pub fn parse(text: &str) -> Option<Reason> {
                let text = present("reason", text);
                Reason::ALL.iter().copied().find(|reason| reason.as_str() == text)
            }
        }
    };
}

reasons! {
    /// The queue message is not a notification we know. The message itself is what was read, so this is final.
    BadNotification = "bad_notification" at Notify of Bytes;
    /// The object was deleted before it could be read.
    MissingObject = "missing_object" at Fetch of Moment;
    /// Received too often without an end: fetching failed each time, or the process died on it.
    RetriesExhausted = "retries_exhausted" at Fetch of Moment;
    /// The key names something that is not a regular object (a folder, a FIFO, a path out of the store), or one that
    /// cannot be read as it is (archived). It can be restored, or a photo can be put in its place.
    NotARegularFile = "not_a_regular_file" at Fetch of Moment;
    /// More bytes than `limits.max_file_bytes`.
    TooLarge = "too_large" at Guard of Bytes;
    /// No bytes at all.
    Empty = "empty" at Guard of Bytes;
    /// Content of no supported image format, whatever the key's ending says.
    Unsupported = "unsupported" at Guard of Bytes;
    /// More pixels, a longer side, or more pixels per byte than the limits allow.
    TooManyPixels = "too_many_pixels" at Guard of Bytes;
    /// The file ends before the picture does.
    Truncated = "truncated" at Decode of Bytes;
    /// A supported format, but its bytes make no picture.
    Unreadable = "unreadable" at Decode of Bytes;
    /// A picture in which no rung found a code.
    NoCode = "no_code" at Decode of Bytes;
    /// The photo's time budget ended first. A faster decoder or a larger budget may read it.
    TimedOut = "timed_out" at Decode of Moment;
    /// A decoder panicked on it; the panic was contained. The next version may not.
    DecoderFault = "decoder_fault" at Decode of Moment;
    /// The warehouse refused a row of it: a table that somebody changed, or a defect.
    RefusedRow = "refused_row" at Load of Moment;
}

impl Reason {
    /// Whether the photo may still be read: its [`Cause`] is of the moment.
    pub const fn is_passing(self) -> bool {
        matches!(self.cause(), Cause::Moment)
    }

    /// Every reason whose cause passes.
    pub fn passing() -> impl Iterator<Item = Reason> {
        Reason::ALL.iter().copied().filter(|reason| reason.is_passing())
    }
}

/// A rejection before it becomes a row: the reason and a detail for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The typed reason.
    pub reason: Reason,
    /// Free text: figures, limits, the decoder's message. Never a payload.
    pub detail: String,
}

impl Rejection {
    /// A rejection for `reason`.
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }
}
