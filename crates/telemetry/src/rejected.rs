//! The latest rejections for the console, each with a small picture where there is one.
//!
//! In memory alone and bounded: a ring of `KEPT` rejections, each with at most `MAX_PICTURE` bytes of picture and
//! `MAX_DETAIL` of words, two megabytes in all. What the pictures may show is decided where they are made,
//! by the decoder.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::time::Instant;

use scanmill_core::domain::{Capture, RejectionRow};

/// Rejections kept.
const KEPT: usize = 60;
/// A larger picture is left out: at 256 pixels, noise.
const MAX_PICTURE: usize = 24 << 10;
/// Bytes kept of a detail.
const MAX_DETAIL: usize = 2_048;
/// So often a picture is made once the first [`KEPT`] are there: where everything is rejected, pictures would cost a good
/// part of the rate, and nobody sees them go by.
const PICTURE_EVERY: Duration = Duration::from_secs(1);
/// The same of a photo whose pixels take long, from the first on.
const SLOW_PICTURE_EVERY: Duration = Duration::from_secs(10);

/// What is known of a rejected photo beside its row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sight {
    /// A small picture, JPEG.
    pub picture: Option<Bytes>,
    /// Degrees north and east.
    pub place: Option<(f64, f64)>,
    /// The wall clock of the camera.
    pub captured_local: Option<String>,
}

impl Sight {
    /// What the photo says about itself, and its picture.
    pub fn of(capture: &Capture, picture: Option<Vec<u8>>) -> Sight {
        Sight {
            picture: picture.map(Bytes::from),
            place: capture.latitude.zip(capture.longitude),
            captured_local: capture.captured_local.map(|at| at.to_string()),
        }
    }
}

/// The ring.
#[derive(Debug, Default)]
pub struct Rejected {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    ring: VecDeque<RejectedEntry>,
    next: u64,
    pictures: usize,
    last_picture: Option<Instant>,
    last_slow_picture: Option<Instant>,
}

#[derive(Debug)]
struct RejectedEntry {
    id: u64,
    row: RejectionRow,
    sight: Sight,
}

impl Rejected {
    /// Whether to make a picture for the next rejection; a yes counts as one made. `is_slow`: it takes about as long as reading
    /// the photo did, which is long.
    pub fn wants_picture(&self, is_slow: bool, now: Instant) -> bool {
        let mut kept = self.kept();
        let is_due = |last: Option<Instant>, every| last.is_none_or(|last| now - last >= every);
        if is_slow {
            let is_wanted = is_due(kept.last_slow_picture, SLOW_PICTURE_EVERY);
            if is_wanted {
                kept.last_slow_picture = Some(now);
            }
            return is_wanted;
        }
        let is_wanted = kept.pictures < KEPT || is_due(kept.last_picture, PICTURE_EVERY);
        if is_wanted {
            kept.pictures += 1;
            kept.last_picture = Some(now);
        }
        is_wanted
    }

    /// A photo was rejected. One that is rejected again takes the place of what was said of it before.
    pub fn note(&self, row: &RejectionRow, sight: Option<Sight>) {
        let mut row = row.clone();
        cut(&mut row.detail, MAX_DETAIL);
        let mut sight = sight.unwrap_or_default();
        sight.picture = sight.picture.filter(|picture| picture.len() <= MAX_PICTURE);
        let mut kept = self.kept();
        kept.ring.retain(|entry| entry.row.lineage.photo_id != row.lineage.photo_id);
        kept.ring.truncate(KEPT - 1);
        let id = kept.next;
        kept.next += 1;
        kept.ring.push_front(RejectedEntry { id, row, sight });
    }

    /// How many there were: what is kept is another once there was another.
    pub fn count(&self) -> u64 {
        self.kept().next
    }

    /// All that are kept, the latest first; `replay` says how one is sent through again.
    pub fn to_json(&self, replay: impl Fn(&RejectionRow) -> String) -> Value {
        let kept = self.kept();
        let entries = kept.ring.iter().map(|RejectedEntry { id, row, sight }| {
            json!({
                "id": id,
                "processed_at": row.lineage.processed_at,
                "bucket": row.lineage.bucket,
                "object_key": row.lineage.object_key,
                "size_bytes": row.lineage.size_bytes,
                "stage": row.stage,
                "reason": row.reason,
                "detail": row.detail,
                "latitude": sight.place.map(|(latitude, _)| latitude),
                "longitude": sight.place.map(|(_, longitude)| longitude),
                "captured_local": sight.captured_local,
                "has_picture": sight.picture.is_some(),
                "replay": replay(row),
            })
        });
        json!({ "kept": KEPT, "rejections": entries.collect::<Vec<_>>() })
    }

    /// The picture of one.
    pub fn picture(&self, id: u64) -> Option<Bytes> {
        self.kept().ring.iter().find(|entry| entry.id == id)?.sight.picture.clone()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn cut(text: &mut String, most: usize) {
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most));
        text.push('…');
        text.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use scanmill_core::domain::row::rejection_of;
    use scanmill_core::domain::{PhotoRef, Reason, Rejection, Row};

    fn row(key: &str, detail: &str) -> RejectionRow {
        let photo = PhotoRef {
            bucket: "inbox".into(),
            key: key.into(),
            version_id: None,
            etag: None,
            size_bytes: None,
            sequencer: None,
            uploaded_at: None,
        };
        match rejection_of(&photo, &Rejection::new(Reason::NoCode, detail), 0, Timestamp::UNIX_EPOCH) {
            Row::Rejection(row) => *row,
            Row::Scan(_) => panic!("a scan"),
        }
    }

    fn keys(rejected: &Rejected) -> Vec<String> {
        let listed = rejected.to_json(|_| String::new());
        let of = |entry: &Value| entry["object_key"].as_str().unwrap().to_owned();
        listed["rejections"].as_array().unwrap().iter().map(of).collect()
    }

    #[test]
    fn the_latest_are_kept_each_photo_once_and_in_bounded_memory() {
        let rejected = Rejected::default();
        for index in 0..KEPT * 3 {
            let sight = Sight { picture: Some(vec![0; 100].into()), ..Sight::default() };
            rejected.note(&row(&format!("{index}.jpg"), &"é".repeat(100_000)), Some(sight));
        }
        rejected.note(
            &row("170.jpg", "again"),
            Some(Sight { picture: Some(vec![0; MAX_PICTURE + 1].into()), ..Sight::default() }),
        );
        let keys = keys(&rejected);
        assert_eq!((keys.len(), keys[0].as_str(), keys[1].as_str()), (KEPT, "170.jpg", "179.jpg"));
        assert_eq!(keys.iter().filter(|key| *key == "170.jpg").count(), 1);
        let listed = rejected.to_json(|row| format!("replay {}", row.lineage.object_key));
        let [first, second] = [0, 1].map(|index| listed["rejections"][index].clone());
        assert_eq!((&first["has_picture"], &first["replay"]), (&false.into(), &"replay 170.jpg".into()));
        assert!(second["detail"].as_str().unwrap().len() <= MAX_DETAIL + 3);
        let ids = [&first, &second].map(|entry| entry["id"].as_u64().unwrap());
        assert_eq!(ids.map(|id| rejected.picture(id).map(|picture| picture.len())), [None, Some(100)]);
        assert_eq!(rejected.picture(0), None, "long gone");
    }

    #[test]
    fn pictures_are_made_for_the_first_and_then_for_one_a_second() {
        let (rejected, began) = (Rejected::default(), Instant::now());
        assert!((0..KEPT).all(|_| rejected.wants_picture(false, began)));
        let after = |millis| rejected.wants_picture(false, began + Duration::from_millis(millis));
        assert_eq!([0, 999, 1_000, 1_001, 2_000].map(after), [false, false, true, false, true]);
        // Of what takes long, never more, and whatever was made of the others.
        let slow = |millis| rejected.wants_picture(true, began + Duration::from_millis(millis));
        assert_eq!([0, 1_000, 9_999, 10_000, 10_001].map(slow), [true, false, false, true, false]);
    }
}
