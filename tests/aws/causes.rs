//! Rejections whose cause passes, in S3 and Redshift.

use serde_json::Value;

use super::place::Place;
use crate::rig::{DataApi, Stack};

impl Place {
    /// Takes every photo out of the landing bucket and returns what was taken.
    fn take_photos(&self) -> Vec<(String, Vec<u8>)> {
        let Stack { aws, inbox, .. } = &self.stack;
        let keys = aws.list(inbox, "").unwrap();
        let take = |key: String| {
            let bytes = aws.get_object(inbox, &key).unwrap().unwrap();
            aws.delete_object(inbox, &key).unwrap();
            (key, bytes)
        };
        keys.into_iter().map(take).collect()
    }

    fn put_photos(&self, photos: &[(String, Vec<u8>)]) {
        for (key, bytes) in photos {
            self.stack.aws.put_object(&self.stack.inbox, key, bytes).unwrap();
        }
    }

    /// Rows of `rejections` for a cause that passes.
    fn rejected_for_now(&self) -> i64 {
        let sql = "SELECT count(*) FROM rejections WHERE reason = 'missing_object'";
        DataApi::shared().query(&self.stack.database, sql).unwrap()[0][0].as_i64().unwrap()
    }
}

#[test]
fn photos_that_were_missing_become_rows_once_they_are_there() {
    let place = Place::new();
    place.pump(24);
    let photos = place.take_photos();
    place.run_until_empty();
    let missing = place.rejected_for_now();
    assert!(missing > 0 && missing <= photos.len() as i64, "{missing}");

    // One half is uploaded again, the same bytes: its notifications are enough.
    let (first, second) = photos.split_at(photos.len() / 2);
    place.put_photos(first);
    place.run_until_empty();
    assert!((1..missing).contains(&place.rejected_for_now()));

    // The notifications of the other half are lost. `backfill` finds what was not read, and sends it once.
    place.put_photos(second);
    let (aws, queue) = (&place.stack.aws, &place.stack.queue_url);
    while aws.queue_depth(queue).unwrap() > 0 {
        for message in aws.receive(queue, 1).unwrap() {
            aws.delete_message(queue, &message).unwrap();
        }
    }
    let waiting = place.rejected_for_now();
    let ended = place.ended(&["backfill", "--json"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let figures: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((figures["rejected_for_now"].as_i64(), figures["sent"].as_i64()), (Some(waiting), Some(waiting)));
    place.run_until_empty();
    assert_eq!(place.rejected_for_now(), 0);
    place.expect_all(24);
    let figures: Value = serde_json::from_str(&place.ended(&["backfill", "--json", "--dry-run"]).stdout).unwrap();
    assert_eq!(figures["unread"], 0, "{figures}");
}
