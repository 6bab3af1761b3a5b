//! What docs/guides/aws-operations.md says of a restore: the warehouse, the batches and the queue, each lost.

use super::place::Place;
use crate::rig::DataApi;

const PHOTOS: u32 = 40;

impl Place {
    fn sql(&self, statement: &str) {
        DataApi::shared().query(&self.stack.database, statement).unwrap();
    }

    fn remove_batches(&self) {
        let (aws, results) = (&self.stack.aws, &self.stack.results);
        for key in aws.list(results, "batches/").unwrap() {
            aws.delete_object(results, &key).unwrap();
        }
    }
}

#[test]
fn a_warehouse_of_an_earlier_moment_gets_the_rest_from_the_batches() {
    let place = Place::new();
    place.pump(PHOTOS);
    place.run_until_empty();
    // As of before the last batch.
    for table in ["scans", "rejections", "load_ledger"] {
        place.sql(&format!("DELETE FROM {table} WHERE batch_id = (SELECT MAX(batch_id) FROM load_ledger)"));
    }
    assert_eq!(place.ended(&["verify"]).code, Some(1));
    place.run_until_empty();
    place.expect_all(PHOTOS);
    // And of before all of them.
    for table in ["scans", "rejections", "load_ledger"] {
        place.sql(&format!("DELETE FROM {table}"));
    }
    place.run_until_empty();
    place.expect_all(PHOTOS);
    place.expect_every_batch_once(DataApi::shared());
}

#[test]
fn photos_whose_batches_or_messages_are_gone_too_are_read_again() {
    let place = Place::new();
    place.pump(PHOTOS);
    place.run_until_empty();
    for table in ["scans", "rejections", "load_ledger"] {
        place.sql(&format!("DELETE FROM {table}"));
    }
    place.remove_batches();
    // The queue is empty, as one that was made anew.
    let ended = place.ended(&["gaps", "--until", "0s", "--enqueue"]);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    place.run_until_empty();
    let ended = place.ended(&["gaps", "--until", "0s"]);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    place.expect_all(PHOTOS);
}
