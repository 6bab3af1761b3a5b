//! Queue messages: what S3 and the folder store send when a photo is uploaded.

use jiff::Timestamp;

use super::PhotoRef;

/// A queue message, read.
#[derive(Clone, Debug, PartialEq)]
pub enum Notification {
    /// Photos to read, at least one, in the message's order.
    Photos {
        /// The photos.
        photos: Vec<PhotoRef>,
        /// 0, or what a deliberate replay asked for (our own field `scanmillRevision`).
        revision: i64,
    },
    /// Known, and nothing to do: a test event, a delete. Acknowledge it.
    Nothing {
        /// Which event, for the log.
        event: String,
    },
}

/// Reads a message body.
///
/// # Errors
/// A sentence saying what is wrong with the body, without quoting more than a few characters of it.
pub fn parse(body: &str) -> Result<Notification, String> {
    let _ = body;
    Err("not implemented".into())
}

/// The body S3 would send for this upload: event structure 2.x, key form-encoded.
pub fn s3_event(photo: &PhotoRef, event_time: Timestamp) -> String {
    let _ = (photo, event_time);
    String::new()
}
