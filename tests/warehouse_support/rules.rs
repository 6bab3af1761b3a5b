//! What a load must do, whichever warehouse it is: each rule is run by the tests of each adapter.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::collections::BTreeMap;

use scanmill::domain::{Reason, Row};
use scanmill::warehouse::{BatchSource, Loaded, Warehouse};

use super::*;

/// Where a rule puts its batches, and where the warehouse reads them.
pub trait Shelf: BatchSource {
    /// Their bucket.
    fn bucket(&self) -> &str;
    /// Puts a batch with these lines there.
    fn put_lines(&mut self, batch_id: &str, lines: Vec<u8>);
    /// Batches read through the port, since this was last asked.
    fn reads(&self) -> Vec<String>;
    /// The store as a load sees it.
    fn source(&self) -> &dyn BatchSource;
}

/// Puts a batch of these photos there.
pub fn add(shelf: &mut dyn Shelf, batch_id: &str, photos: Vec<Vec<Row>>) {
    shelf.put_lines(batch_id, lines_of(batch_id, photos));
}

pub async fn a_load_brings_rows_and_ledger_and_its_repeat_reads_nothing(to: &dyn Warehouse, shelf: &mut dyn Shelf) {
    let ids = ["b2".to_owned(), "b9".into(), "b1".into()];
    add(shelf, "b1", vec![scans("one", 0, 2), rejection("bad", 0, "no_code")]);
    add(shelf, "b2", vec![scans("two", 0, 1)]);
    let manifest = manifest_in(shelf.bucket(), &["b1", "b2"]);
    assert_eq!(to.not_in_ledger(&ids).await.unwrap(), ["b2", "b9", "b1"]);
    let loaded = to.load(&manifest, shelf.source()).await.unwrap();
    assert_eq!(loaded, Loaded { batches: 2, scans: 3, rejections: 1, ..Loaded::default() });
    assert_eq!(
        standing(to).await,
        ["bad 0 no_code b1", "one 0 scan one#0 b1", "one 0 scan one#1 b1", "two 0 scan two#0 b2"]
    );
    assert_eq!(to.not_in_ledger(&ids).await.unwrap(), ["b9"]);
    let ledger = row(
        to,
        "SELECT manifest_id, bucket, object_key, row_count, photo_count, sealed_at,
                CASE WHEN loaded_at > '2026-01-01' THEN 1 ELSE 0 END AS loaded
         FROM load_ledger WHERE batch_id = 'b1'",
    )
    .await;
    let expected = serde_json::json!([
        manifest.manifest_id,
        shelf.bucket(),
        "batches/b1.jsonl.gz",
        3,
        2,
        "2026-11-22T15:40:10.000Z",
        1
    ]);
    assert_eq!(serde_json::Value::from(ledger), expected);

    shelf.reads();
    let again = to.load(&manifest, shelf.source()).await.unwrap();
    assert_eq!(again, Loaded { batches_known: 2, ..Loaded::default() });
    assert!(shelf.reads().is_empty(), "a known batch was read again");
}

/// `odd` is a payload with everything a text may hold.
pub async fn every_column_arrives_as_it_was_written(to: &dyn Warehouse, shelf: &mut dyn Shelf, odd: &str) {
    let mut rows = scans("one", 0, 1);
    let Row::Scan(scan) = &mut rows[0] else { unreachable!() };
    scan.payload = odd.into();
    scan.decode_ms = 13.0;
    add(shelf, "b1", vec![rows.clone(), rejection("bad", 4, "no_code")]);
    to.load(&manifest_in(shelf.bucket(), &["b1"]), shelf.source()).await.unwrap();
    for (table, mut row) in [("scans", rows.remove(0)), ("rejections", rejection("bad", 4, "no_code").remove(0))] {
        row.lineage_mut().batch_id = "b1".into();
        let mut expected = serde_json::to_value(&row).unwrap();
        expected.as_object_mut().unwrap().remove("row_kind");
        let answer = to.query(&format!("SELECT * FROM {table}"), &[]).await.unwrap();
        let stored: serde_json::Map<_, _> = answer.columns.into_iter().zip(answer.rows[0].clone()).collect();
        assert_eq!(serde_json::Value::Object(stored), expected);
    }
}

pub async fn a_photo_read_twice_stands_once_even_when_the_readings_differ(to: &dyn Warehouse, shelf: &mut dyn Shelf) {
    // Within a load: the smaller batch id wins, whatever the manifest's order. Within a batch: the earlier reading.
    add(shelf, "b1", vec![scans("one", 0, 1), scans_at("two", 0, 3, "2026-11-22T15:40:03.000Z"), scans("two", 0, 2)]);
    add(shelf, "b2", vec![scans("one", 0, 3), rejection("three", 0, "no_code")]);
    let loaded = to.load(&manifest_in(shelf.bucket(), &["b2", "b1", "b2"]), shelf.source()).await.unwrap();
    assert_eq!((loaded.scans, loaded.rejections, loaded.photos_repeated), (3, 1, 1));
    // In a later load: what stands stays, be it scan or rejection.
    add(shelf, "b3", vec![scans("three", 0, 1), rejection("one", 0, "no_code"), scans("two", 0, 2)]);
    let loaded = to.load(&manifest_in(shelf.bucket(), &["b3"]), shelf.source()).await.unwrap();
    assert_eq!(loaded, Loaded { batches: 1, photos_repeated: 3, ..Loaded::default() });
    assert_eq!(
        standing(to).await,
        ["one 0 scan one#0 b1", "three 0 no_code b2", "two 0 scan two#0 b1", "two 0 scan two#1 b1"]
    );
}

pub async fn a_higher_revision_replaces_the_photo_in_both_tables(to: &dyn Warehouse, shelf: &mut dyn Shelf) {
    add(shelf, "b1", vec![rejection("one", 0, "no_code"), scans("two", 0, 3)]);
    add(shelf, "b2", vec![scans("one", 1, 2), scans("two", 2, 1)]);
    add(shelf, "b3", vec![rejection("one", 0, "no_code"), scans("two", 1, 3)]);
    to.load(&manifest_in(shelf.bucket(), &["b1"]), shelf.source()).await.unwrap();
    let loaded = to.load(&manifest_in(shelf.bucket(), &["b2"]), shelf.source()).await.unwrap();
    assert_eq!((loaded.scans, loaded.photos_replaced, loaded.photos_repeated), (3, 2, 0));
    let now = standing(to).await;
    assert_eq!(now, ["one 1 scan one#0 b2", "one 1 scan one#1 b2", "two 2 scan two#0 b2"]);
    // An older revision that comes late changes nothing.
    to.load(&manifest_in(shelf.bucket(), &["b3"]), shelf.source()).await.unwrap();
    assert_eq!(standing(to).await, now);
}

pub async fn a_rejection_of_the_moment_stands_until_a_final_answer_comes(to: &dyn Warehouse, shelf: &mut dyn Shelf) {
    for (index, reason) in Reason::passing().enumerate() {
        // Short: a scan's id here is its photo's name with a number.
        let (prefix, name) = (format!("r{index}"), reason.as_str());
        let named = |what: &str| format!("{prefix} {what}");
        let batch = |number: u32| format!("{prefix}-b{number}");
        let first = vec![
            rejection(&named("then scan"), 0, name),
            rejection(&named("then final rejection"), 0, name),
            scans(&named("after scan"), 0, 1),
            rejection(&named("after final rejection"), 0, "unreadable"),
            rejection(&named("twice"), 0, name),
            rejection(&named("replayed without success"), 0, name),
            // Of a replay that met a passing cause: what was sent before it and arrives late is an answer all the same.
            rejection(&named("late answer"), 3, name),
        ];
        add(shelf, &batch(1), first);
        let second = vec![
            scans(&named("then scan"), 0, 2),
            rejection(&named("then final rejection"), 0, "no_code"),
            rejection(&named("after scan"), 2, name),
            rejection(&named("after final rejection"), 0, name),
            rejection(&named("twice"), 0, "retries_exhausted"),
            rejection(&named("replayed without success"), 1, "timed_out"),
            scans(&named("late answer"), 0, 1),
        ];
        add(shelf, &batch(2), second);
        // Within one batch, of one millisecond.
        let both = vec![
            rejection(&named("same batch"), 0, name),
            rejection(&named("same batch"), 0, "no_code"),
            scans(&named("same batch, scanned"), 0, 1),
            rejection(&named("same batch, scanned"), 0, name),
        ];
        add(shelf, &batch(3), both);
        for number in 1..=3 {
            to.load(&manifest_in(shelf.bucket(), &[&batch(number)]), shelf.source()).await.unwrap();
        }
        let expected = [
            format!("{prefix} after final rejection 0 unreadable {}", batch(1)),
            format!("{prefix} after scan 0 scan {prefix} after scan#0 {}", batch(1)),
            format!("{prefix} late answer 0 scan {prefix} late answer#0 {}", batch(2)),
            format!("{prefix} replayed without success 1 timed_out {}", batch(2)),
            format!("{prefix} same batch 0 no_code {}", batch(3)),
            format!("{prefix} same batch, scanned 0 scan {prefix} same batch, scanned#0 {}", batch(3)),
            format!("{prefix} then final rejection 0 no_code {}", batch(2)),
            format!("{prefix} then scan 0 scan {prefix} then scan#0 {}", batch(2)),
            format!("{prefix} then scan 0 scan {prefix} then scan#1 {}", batch(2)),
            format!("{prefix} twice 0 {name} {}", batch(1)),
        ];
        let mut stand = standing(to).await;
        stand.retain(|row| row.starts_with(&format!("{prefix} ")));
        stand.sort();
        assert_eq!(stand, expected);
    }
}

pub async fn an_empty_batch_is_loaded_too(to: &dyn Warehouse, shelf: &mut dyn Shelf) {
    add(shelf, "b1", vec![scans("one", 0, 1)]);
    add(shelf, "b2", vec![]);
    let loaded = to.load(&manifest_in(shelf.bucket(), &["b1", "b2"]), shelf.source()).await.unwrap();
    assert_eq!((loaded.batches, loaded.scans), (2, 1));
    assert_eq!(number(to, "SELECT row_count FROM load_ledger WHERE batch_id = 'b2'").await, 0);
}

/// A reading of a photo: (photo, revision, codes). 0 codes is a rejection for its bytes, -1 one of the moment.
pub type Reading = (u8, i64, i64);

/// The rows that must stand, by the rules of the load said in another way: photos are taken one at a time, and one
/// that stands is only replaced by a better answer.
#[derive(Default)]
pub struct Model {
    known: Vec<usize>,
    photos: BTreeMap<u8, (i64, i64, usize)>,
}

/// Whether a reading takes the place of another that was there before it.
fn is_better((_, revision, codes): Reading, (had_revision, had_codes, _): (i64, i64, usize)) -> bool {
    match (codes >= 0, had_codes >= 0) {
        (true, false) => true,
        (false, true) => false,
        _ => revision > had_revision,
    }
}

impl Model {
    fn load(&mut self, group: &[usize], batches: &[Vec<Reading>]) {
        let mut fresh: Vec<usize> = group.iter().copied().filter(|batch| !self.known.contains(batch)).collect();
        fresh.sort_unstable();
        fresh.dedup();
        for &batch in &fresh {
            for &reading in &batches[batch] {
                let (photo, revision, codes) = reading;
                if self.photos.get(&photo).is_none_or(|had| is_better(reading, *had)) {
                    self.photos.insert(photo, (revision, codes, batch));
                }
            }
        }
        self.known.extend(fresh);
    }

    fn standing(&self) -> Vec<String> {
        let mut rows = Vec::new();
        for (photo, (revision, codes, batch)) in &self.photos {
            let photo = format!("p{photo}");
            match codes {
                -1 => rows.push(format!("{photo} {revision} missing_object b{batch}")),
                0 => rows.push(format!("{photo} {revision} no_code b{batch}")),
                codes => rows.extend((0..*codes).map(|i| format!("{photo} {revision} scan {photo}#{i} b{batch}"))),
            }
        }
        rows.sort();
        rows
    }
}

/// Batches of readings, and groups of them that are loaded together, in that order.
pub fn any_loads() -> impl proptest::strategy::Strategy<Value = (Vec<Vec<Reading>>, Vec<Vec<usize>>)> {
    use proptest::collection::{btree_map, vec};
    use proptest::strategy::Strategy;
    let batches = vec(btree_map(0u8..8, (0i64..3, -1i64..4), 0..6), 1..8).prop_map(|batches| {
        let readings = |batch: BTreeMap<u8, (i64, i64)>| {
            batch.into_iter().map(|(photo, (revision, codes))| (photo, revision, codes)).collect()
        };
        batches.into_iter().map(readings).collect()
    });
    (batches, vec(vec(0usize..8, 1..5), 1..8))
}

pub async fn any_order_grouping_and_repetition_gives_the_models_rows(
    to: &dyn Warehouse,
    shelf: &mut dyn Shelf,
    batches: &[Vec<Reading>],
    groups: &[Vec<usize>],
) {
    for (index, batch) in batches.iter().enumerate() {
        let photos = batch.iter().map(|(photo, revision, codes)| match codes {
            -1 => rejection(&format!("p{photo}"), *revision, "missing_object"),
            0 => rejection(&format!("p{photo}"), *revision, "no_code"),
            codes => scans(&format!("p{photo}"), *revision, *codes),
        });
        let photos = photos.collect();
        add(shelf, &format!("b{index}"), photos);
    }
    let mut model = Model::default();
    // Every batch is loaded in the end, as the adoption of unloaded batches would.
    let groups = groups.iter().cloned().chain((0..batches.len()).map(|batch| vec![batch]));
    for group in groups {
        let group: Vec<usize> = group.into_iter().filter(|batch| *batch < batches.len()).collect();
        let ids: Vec<String> = group.iter().map(|batch| format!("b{batch}")).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        to.load(&manifest_in(shelf.bucket(), &ids), shelf.source()).await.unwrap();
        model.load(&group, batches);
        assert_eq!(standing(to).await, model.standing());
    }
    // Whatever the order was: every photo stands once, in one table, with its highest final revision if it has one.
    let mut highest: BTreeMap<String, (bool, i64)> = BTreeMap::new();
    for (photo, revision, codes) in batches.iter().flatten() {
        let had = highest.entry(format!("p{photo}")).or_insert((*codes >= 0, *revision));
        *had = (*had).max((*codes >= 0, *revision));
    }
    let stand = to.query("SELECT object_key, revision FROM mart_photo ORDER BY object_key", &[]).await.unwrap();
    let expected: Vec<Vec<serde_json::Value>> =
        highest.into_iter().map(|(photo, (_, revision))| vec![photo.into(), revision.into()]).collect();
    assert_eq!(stand.rows, expected);
}

/// A batch that an older scanmill sealed loads as if it had been sealed today.
pub async fn former_values_load_under_their_present_names(to: &dyn Warehouse, shelf: &mut dyn Shelf) {
    let mut scan = scans("scanned", 0, 1);
    let Row::Scan(row) = &mut scan[0] else { unreachable!() };
    row.rung = "own_two_800".into();
    let exhausted = rejection("exhausted", 0, "gave_up");
    add(shelf, "b1", vec![scan, exhausted, rejection("read later", 0, "not_an_object")]);
    add(shelf, "b2", vec![scans("read later", 0, 1)]);
    for batch in ["b1", "b2"] {
        to.load(&manifest_in(shelf.bucket(), &[batch]), shelf.source()).await.unwrap();
    }
    let rungs = "SELECT rung FROM scans WHERE scan_id = 'scanned#0'";
    assert_eq!(
        serde_json::json!(to.query(rungs, &[]).await.unwrap().rows),
        serde_json::json!([["native_two_finders_800"]])
    );
    let reasons = "SELECT reason FROM rejections ORDER BY 1";
    assert_eq!(
        serde_json::json!(to.query(reasons, &[]).await.unwrap().rows),
        serde_json::json!([["retries_exhausted"]])
    );
}
