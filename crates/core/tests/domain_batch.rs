//! Batches: names, and what an open batch holds.

use std::collections::HashSet;

use jiff::Timestamp;
use proptest::prelude::*;
use scanmill_core::domain::batch::{OpenBatch, SealPolicy, SealedBatch, batch_id, batch_id_of, batch_key, manifest_id};
use scanmill_core::domain::row::rejection_of;
use scanmill_core::domain::{PhotoRef, Reason, Rejection, Row};

/// `count` rows of the photo with this key.
fn rows(key: &str, count: usize, revision: i64) -> Vec<Row> {
    rejected(key, count, revision, Reason::NoCode)
}

fn rejected(key: &str, count: usize, revision: i64, reason: Reason) -> Vec<Row> {
    let photo = PhotoRef {
        bucket: "inbox".into(),
        key: key.into(),
        version_id: None,
        etag: Some("e".into()),
        size_bytes: None,
        sequencer: None,
        uploaded_at: None,
    };
    let reject = Rejection::new(reason, "line\nbreak");
    (0..count).map(|_| rejection_of(&photo, &reject, revision, Timestamp::UNIX_EPOCH)).collect()
}

fn lines(batch: OpenBatch) -> Vec<Row> {
    let text = String::from_utf8(batch.into_lines().unwrap()).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn rows_are_stamped_and_come_back() {
    let mut batch = OpenBatch::new("b1".into());
    assert!(batch.is_empty());
    batch.push_photo(rows("a", 2, 0)).unwrap();
    batch.push_photo(rows("b", 1, 0)).unwrap();
    assert_eq!((batch.rows(), batch.photos(), batch.is_empty(), batch.batch_id()), (3, 2, false, "b1"));
    let rows = lines(batch);
    let keys: Vec<_> =
        rows.iter().map(|row| (row.lineage().object_key.as_str(), row.lineage().batch_id.as_str())).collect();
    assert_eq!(keys, [("a", "b1"), ("a", "b1"), ("b", "b1")]);
}

#[test]
fn a_photo_delivered_twice_stands_once() {
    let mut batch = OpenBatch::new("b1".into());
    batch.push_photo(rows("a", 1, 0)).unwrap();
    let bytes = batch.bytes();
    batch.push_photo(rows("a", 3, 0)).unwrap();
    assert_eq!((batch.rows(), batch.photos(), batch.bytes()), (1, 1, bytes), "the first reading stands");
    batch.push_photo(rows("a", 1, 1)).unwrap();
    assert_eq!((batch.rows(), batch.photos()), (2, 2), "a replay is another reading");
}

/// Two messages that were read as the same bytes: whichever comes first, the rows are as late as the later one.
#[test]
fn rows_are_as_late_as_the_latest_announcement_of_their_bytes() {
    for (first, second, expected) in [
        (Some("1"), Some("2"), Some("2")),
        (Some("2"), Some("1"), Some("2")),
        (None, Some("1"), Some("1")),
        (Some("1"), None, Some("1")),
    ] {
        let announced = |key: &str, sequencer: Option<&str>| {
            let mut rows = rows(key, 2, 0);
            for row in &mut rows {
                row.lineage_mut().sequencer = sequencer.map(str::to_owned);
                row.lineage_mut().uploaded_at = sequencer.map(|sequencer| format!("at {sequencer}"));
            }
            rows
        };
        let mut batch = OpenBatch::new("b1".into());
        batch.push_photo(announced("other", Some("1"))).unwrap();
        assert!(batch.push_photo(announced("a", first)).unwrap().is_some());
        assert!(batch.push_photo(announced("a", second)).unwrap().is_none());
        let told: Vec<_> = lines(batch)
            .iter()
            .map(|row| row.lineage().clone())
            .map(|lineage| (lineage.object_key, lineage.sequencer, lineage.uploaded_at, lineage.batch_id))
            .collect();
        let row = |key: &str, sequencer: Option<&str>| {
            let at = sequencer.map(|sequencer| format!("at {sequencer}"));
            (key.to_owned(), sequencer.map(str::to_owned), at, "b1".to_owned())
        };
        let mut wanted = vec![row("other", Some("1")); 2];
        wanted.extend(vec![row("a", expected); 2]);
        assert_eq!(told, wanted, "{first:?} then {second:?}");
    }
}

#[test]
fn a_final_answer_is_added_to_a_rejection_of_the_moment() {
    let mut batch = OpenBatch::new("b1".into());
    for (reason, is_added) in [
        (Reason::MissingObject, true),
        (Reason::RetriesExhausted, false),
        (Reason::NoCode, true),
        (Reason::MissingObject, false),
        (Reason::Truncated, false),
    ] {
        let pushed = batch.push_photo(rejected("a", 1, 0, reason)).unwrap();
        assert_eq!(pushed.is_some(), is_added, "{reason:?}");
    }
    assert_eq!((batch.rows(), batch.photos()), (2, 1));
}

#[test]
fn what_is_no_photo_changes_nothing() {
    let mut batch = OpenBatch::new("b1".into());
    batch.push_photo(rows("a", 1, 0)).unwrap();
    let before = batch.bytes();
    let mixed = [rows("b", 1, 0), rows("c", 1, 0)].concat();
    assert!(batch.push_photo(Vec::new()).is_err());
    assert!(batch.push_photo(mixed).is_err());
    assert_eq!((batch.rows(), batch.photos(), batch.bytes()), (1, 1, before));
    batch.push_photo(rows("b", 1, 0)).unwrap();
    assert_eq!(batch.photos(), 2, "the refused rows left no trace");
}

#[test]
fn a_batch_is_full_by_rows_or_bytes() {
    let mut batch = OpenBatch::new("b1".into());
    let policy = SealPolicy { max_rows: 2, max_bytes: 1 << 20 };
    batch.push_photo(rows("a", 1, 0)).unwrap();
    assert!(!batch.is_full(policy));
    assert!(batch.is_full(SealPolicy { max_bytes: batch.bytes(), ..policy }));
    batch.push_photo(rows("b", 1, 0)).unwrap();
    assert!(batch.is_full(policy));
}

#[test]
fn manifests_are_named_by_their_batches() {
    let batch = |id: &str| SealedBatch {
        batch_id: id.into(),
        bucket: "results".into(),
        key: batch_key("p/", id),
        sealed_at: None,
    };
    assert_eq!(manifest_id(&[batch("a"), batch("b")]), manifest_id(&[batch("b"), batch("a")]));
    assert_ne!(manifest_id(&[batch("a"), batch("b")]), manifest_id(&[batch("ab")]));
    assert_ne!(manifest_id(&[batch("a")]), manifest_id(&[batch("a"), batch("b")]));
}

#[test]
fn other_keys_are_no_batches() {
    for key in ["batches/.jsonl.gz", "batches/a/b.jsonl.gz", "batches/a.json", "other/a.jsonl.gz", "", "batches/"] {
        assert_eq!(batch_id_of("batches/", key), None, "{key}");
    }
}

proptest! {
    #[test]
    fn ids_are_unique_sortable_and_found_in_keys(
        opened in prop::collection::vec((0i64..4_000_000_000, 0u64..1_000_000), 1..30),
        instance in "[0-9a-f]{8}",
        prefix in "[a-z]{0,6}(/[a-z]{1,6}/)?",
    ) {
        let opened: HashSet<_> = opened.into_iter().collect();
        let name = |(second, counter): &(i64, u64)| {
            let at = Timestamp::from_second(*second).unwrap().strftime("%Y%m%dT%H%M%SZ").to_string();
            batch_id(&at, &instance, *counter)
        };
        let ids: HashSet<String> = opened.iter().map(name).collect();
        prop_assert_eq!(ids.len(), opened.len());
        for id in &ids {
            prop_assert!(id.len() <= 64);
            let key = batch_key(&prefix, id);
            prop_assert_eq!(batch_id_of(&prefix, &key), Some(id.as_str()));
        }
        let mut by_time: Vec<_> = opened.into_iter().collect();
        by_time.sort_unstable();
        let mut by_name: Vec<String> = ids.into_iter().collect();
        by_name.sort_unstable();
        prop_assert_eq!(by_time.iter().map(name).collect::<Vec<_>>(), by_name);
    }

    #[test]
    fn rows_of_any_pushes_are_whole(pushes in prop::collection::vec(("[a-c]", 0usize..4, 0i64..2), 0..20)) {
        let mut batch = OpenBatch::new("b1".into());
        let mut expected = 0;
        let mut seen = HashSet::new();
        for (key, count, revision) in pushes {
            let pushed = batch.push_photo(rows(&key, count, revision));
            prop_assert_eq!(pushed.is_ok(), count > 0);
            if count > 0 && seen.insert((key, revision)) {
                expected += count;
            }
        }
        prop_assert_eq!((batch.rows(), batch.photos()), (expected, seen.len()));
        prop_assert_eq!(lines(batch).len(), expected);
    }
}

#[test]
fn an_id_tells_when_its_batch_was_opened() {
    let at: Timestamp = "2026-11-22T15:40:00Z".parse().unwrap();
    let id = batch_id(&scanmill_core::domain::batch::batch_time(at), "0a1b", 1);
    assert_eq!(scanmill_core::domain::batch::opened_at(&id), Some(at));
    assert_eq!(scanmill_core::domain::batch::opened_at("000001"), None);
}
