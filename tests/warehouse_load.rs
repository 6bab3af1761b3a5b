//! Loading: each photo once, whatever is repeated, crashes or runs beside it.

mod warehouse_support;

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use scanmill::domain::Row;
use scanmill::error::Class;
use scanmill::warehouse::sqlite::SqliteWarehouse;
use scanmill::warehouse::{Loaded, Warehouse};
use warehouse_support::*;

#[tokio::test]
async fn a_load_brings_rows_and_ledger_and_its_repeat_reads_nothing() {
    let (_folder, warehouse) = fresh().await;
    let mut batches = Batches::default();
    batches.add("b1", vec![scans("one", 0, 2), rejection("bad", 0, "no_code")]);
    batches.add("b2", vec![scans("two", 0, 1)]);
    assert_eq!(warehouse.not_in_ledger(&["b2".into(), "b9".into(), "b1".into()]).await.unwrap(), ["b2", "b9", "b1"]);
    let loaded = warehouse.load(&manifest(&["b1", "b2"]), &batches).await.unwrap();
    assert_eq!(loaded, Loaded { batches: 2, scans: 3, rejections: 1, ..Loaded::default() });
    assert_eq!(
        standing(&warehouse).await,
        ["bad 0 no_code b1", "one 0 scan one#0 b1", "one 0 scan one#1 b1", "two 0 scan two#0 b2"]
    );
    assert_eq!(warehouse.not_in_ledger(&["b2".into(), "b9".into(), "b1".into()]).await.unwrap(), ["b9"]);
    let ledger = row(
        &warehouse,
        "SELECT manifest_id, bucket, object_key, row_count, photo_count, sealed_at, loaded_at > '2026' AS loaded
         FROM load_ledger WHERE batch_id = 'b1'",
    )
    .await;
    let expected = serde_json::json!([
        manifest(&["b1", "b2"]).manifest_id,
        "results",
        "batches/b1.jsonl.gz",
        3,
        2,
        "2026-11-22T15:40:10.000Z",
        1
    ]);
    assert_eq!(serde_json::Value::from(ledger), expected);

    batches.reads.lock().unwrap().clear();
    let again = warehouse.load(&manifest(&["b1", "b2"]), &batches).await.unwrap();
    assert_eq!(again, Loaded { batches_known: 2, ..Loaded::default() });
    assert!(batches.reads.lock().unwrap().is_empty(), "a known batch was read again");
}

#[tokio::test]
async fn every_column_arrives_as_it_was_written() {
    let (_folder, warehouse) = fresh().await;
    let mut batches = Batches::default();
    let odd = "naïve \"quoted\" \u{1f375}\nline\ttab\u{0}nul";
    let mut rows = scans("one", 0, 1);
    let Row::Scan(scan) = &mut rows[0] else { unreachable!() };
    scan.payload = odd.into();
    scan.decode_ms = 13.0;
    batches.add("b1", vec![rows.clone(), rejection("bad", 4, "no_code")]);
    warehouse.load(&manifest(&["b1"]), &batches).await.unwrap();
    for (table, mut row) in [("scans", rows.remove(0)), ("rejections", rejection("bad", 4, "no_code").remove(0))] {
        match &mut row {
            Row::Scan(scan) => scan.lineage.batch_id = "b1".into(),
            Row::Rejection(rejection) => rejection.lineage.batch_id = "b1".into(),
        }
        let mut expected = serde_json::to_value(&row).unwrap();
        expected.as_object_mut().unwrap().remove("row_kind");
        let answer = warehouse.query(&format!("SELECT * FROM {table}"), &[]).await.unwrap();
        let stored: serde_json::Map<_, _> = answer.columns.into_iter().zip(answer.rows[0].clone()).collect();
        assert_eq!(serde_json::Value::Object(stored), expected);
    }
}

#[tokio::test]
async fn a_photo_read_twice_stands_once_even_when_the_readings_differ() {
    let (_folder, warehouse) = fresh().await;
    let mut batches = Batches::default();
    // Within a load: the smaller batch id wins, whatever the manifest's order. Within a batch: the earlier reading.
    batches.add("b1", vec![scans("one", 0, 1), scans_at("two", 0, 3, "2026-11-22T15:40:03.000Z"), scans("two", 0, 2)]);
    batches.add("b2", vec![scans("one", 0, 3), rejection("three", 0, "timed_out")]);
    let loaded = warehouse.load(&manifest(&["b2", "b1", "b2"]), &batches).await.unwrap();
    assert_eq!((loaded.scans, loaded.rejections, loaded.photos_repeated), (3, 1, 1));
    // In a later load: what stands stays, be it scan or rejection.
    batches.add("b3", vec![scans("three", 0, 1), rejection("one", 0, "no_code"), scans("two", 0, 2)]);
    let loaded = warehouse.load(&manifest(&["b3"]), &batches).await.unwrap();
    assert_eq!(loaded, Loaded { batches: 1, photos_repeated: 3, ..Loaded::default() });
    assert_eq!(
        standing(&warehouse).await,
        ["one 0 scan one#0 b1", "three 0 timed_out b2", "two 0 scan two#0 b1", "two 0 scan two#1 b1"]
    );
}

#[tokio::test]
async fn a_higher_revision_replaces_the_photo_in_both_tables() {
    let (_folder, warehouse) = fresh().await;
    let mut batches = Batches::default();
    batches.add("b1", vec![rejection("one", 0, "no_code"), scans("two", 0, 3)]);
    batches.add("b2", vec![scans("one", 1, 2), scans("two", 2, 1)]);
    batches.add("b3", vec![rejection("one", 0, "no_code"), scans("two", 1, 3)]);
    warehouse.load(&manifest(&["b1"]), &batches).await.unwrap();
    let loaded = warehouse.load(&manifest(&["b2"]), &batches).await.unwrap();
    assert_eq!((loaded.scans, loaded.photos_replaced, loaded.photos_repeated), (3, 2, 0));
    let now = standing(&warehouse).await;
    assert_eq!(now, ["one 1 scan one#0 b2", "one 1 scan one#1 b2", "two 2 scan two#0 b2"]);
    // An older revision that comes late changes nothing.
    warehouse.load(&manifest(&["b3"]), &batches).await.unwrap();
    assert_eq!(standing(&warehouse).await, now);
}

#[tokio::test]
async fn one_malformed_line_stops_the_load_and_names_batch_and_line() {
    let good = {
        let mut batches = Batches::default();
        batches.add("b1", vec![scans("one", 0, 1)]);
        String::from_utf8(batches.lines["b1"].to_vec()).unwrap()
    };
    let cases = [
        ("{\"row_kind\":\"scan\"", "EOF"),
        ("[]", "a row as a JSON object"),
        ("{\"payload\":\"x\"}", "`row_kind` is missing"),
        ("{\"row_kind\":\"scan\"}", "`scan_id` is missing"),
        (&good.replace("\"scan\"", "\"visit\"").to_owned(), "neither `scan` nor `rejection`"),
        (&good.replace("\"width\":640", "\"width\":\"640\""), "`width` has the wrong type"),
        (&good.replace("\"width\":640", "\"width\":640,\"stage\":\"decode\""), "`stage` stands in a scan"),
        (&good.replace("\"width\":640", "\"width\":640,\"depth\":3"), "unknown column `depth`"),
        (&good.replace("\"b1\"", "\"b7\""), "`batch_id` is another batch's"),
    ];
    for (line, expected) in cases {
        let (_folder, warehouse) = fresh().await;
        let mut batches = Batches::default();
        batches.add("b0", vec![scans("fine", 0, 1)]);
        batches.lines.insert("b1".into(), format!("{good}{line}\n").into());
        let error = warehouse.load(&manifest(&["b0", "b1"]), &batches).await.unwrap_err();
        assert_eq!(error.class(), Class::Poison, "{error}");
        let text = error.to_string();
        assert!(text.contains("batches/b1.jsonl.gz line 2") && text.contains(expected), "{text}");
        assert_eq!(
            number(&warehouse, "SELECT (SELECT COUNT(*) FROM scans) + (SELECT COUNT(*) FROM load_ledger)").await,
            0
        );
        // The warehouse is as good as before for the next load.
        warehouse.load(&manifest(&["b0"]), &batches).await.unwrap();
        assert_eq!(standing(&warehouse).await, ["fine 0 scan fine#0 b0"]);
    }
}

#[tokio::test]
async fn a_batch_that_cannot_be_read_leaves_nothing_behind() {
    let (_folder, warehouse) = fresh().await;
    let mut batches = Batches::default();
    batches.add("b1", vec![scans("one", 0, 1)]);
    let error = warehouse.load(&manifest(&["b1", "gone"]), &batches).await.unwrap_err();
    assert_eq!(error.class(), Class::Missing);
    assert!(error.to_string().contains("batches/gone.jsonl.gz"), "{error}");
    assert_eq!(standing(&warehouse).await, Vec::<String>::new());
    assert_eq!(warehouse.not_in_ledger(&["b1".into()]).await.unwrap(), ["b1"]);
    batches.add("gone", vec![]);
    let loaded = warehouse.load(&manifest(&["b1", "gone"]), &batches).await.unwrap();
    assert_eq!((loaded.batches, loaded.scans), (2, 1), "an empty batch is loaded too");
}

#[test]
fn two_instances_at_once_load_each_photo_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("warehouse.sqlite");
    let mut batches = Batches::default();
    let ids: Vec<String> = (0..12).map(|batch| format!("b{batch:02}")).collect();
    for (index, id) in ids.iter().enumerate() {
        // Every photo stands in three batches.
        let photos = (0..30).map(|photo| scans(&format!("photo{}", index / 3 * 30 + photo), 0, 2)).collect();
        batches.add(id, photos);
    }
    let batches = Arc::new(batches);
    let workers: Vec<_> = (0..3)
        .map(|worker| {
            let (path, batches, mut ids) = (path.clone(), batches.clone(), ids.clone());
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(async {
                    // Opening and creating are part of the race.
                    let warehouse = SqliteWarehouse::open(&path).unwrap();
                    warehouse.prepare().await.unwrap();
                    if worker == 1 {
                        ids.reverse();
                    }
                    let mut newly = 0;
                    for group in ids.chunks(1 + worker) {
                        let group: Vec<&str> = group.iter().map(String::as_str).collect();
                        newly += warehouse.load(&manifest(&group), batches.as_ref()).await.unwrap().batches;
                    }
                    newly
                })
            })
        })
        .collect();
    let newly: u64 = workers.into_iter().map(|worker| worker.join().unwrap()).sum();
    assert_eq!(newly, 12, "each batch entered the ledger once");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let warehouse = SqliteWarehouse::open(&path).unwrap();
        assert_eq!(number(&warehouse, "SELECT COUNT(*) FROM scans").await, 4 * 30 * 2);
        assert_eq!(number(&warehouse, "SELECT COUNT(DISTINCT photo_id) FROM scans").await, 4 * 30);
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_load_given_up_half_way_disturbs_no_other() {
    struct Stuck(Batches, tokio::sync::Notify);
    #[async_trait::async_trait]
    impl scanmill::warehouse::BatchSource for Stuck {
        async fn read(&self, batch: &scanmill::domain::batch::SealedBatch) -> scanmill::error::Result<bytes::Bytes> {
            match batch.batch_id.as_str() {
                "stuck" => {
                    self.1.notify_one();
                    std::future::pending().await
                }
                _ => self.0.read(batch).await,
            }
        }

        async fn put(&self, bucket: &str, key: &str, bytes: bytes::Bytes) -> scanmill::error::Result<()> {
            self.0.put(bucket, key, bytes).await
        }
    }
    let (_folder, warehouse) = fresh().await;
    let mut batches = Batches::default();
    batches.add("b1", vec![scans("one", 0, 1)]);
    batches.add("b2", vec![scans("two", 0, 1)]);
    let source = Stuck(batches, tokio::sync::Notify::new());
    // The first batch is staged when the second is asked for; there the caller walks away.
    let half = manifest(&["b1", "stuck"]);
    let given_up = tokio::select! {
        _ = source.1.notified() => true,
        _ = warehouse.load(&half, &source) => false,
    };
    assert!(given_up);
    warehouse.load(&manifest(&["b2"]), &source).await.unwrap();
    assert_eq!(standing(&warehouse).await, ["two 0 scan two#0 b2"]);
}

/// A reading of a photo: (photo, revision, codes; 0 codes is a rejection).
type Reading = (u8, i64, i64);

/// The rows that must stand, by the rules of the module said in another way: photos are taken one at a time, and one
/// that stands is only replaced by a higher revision.
#[derive(Default)]
struct Model {
    known: Vec<usize>,
    photos: BTreeMap<u8, (i64, i64, usize)>,
}

impl Model {
    fn load(&mut self, group: &[usize], batches: &[Vec<Reading>]) {
        let mut fresh: Vec<usize> = group.iter().copied().filter(|batch| !self.known.contains(batch)).collect();
        fresh.sort_unstable();
        fresh.dedup();
        let mut best: BTreeMap<u8, (i64, i64, usize)> = BTreeMap::new();
        for &batch in &fresh {
            for &(photo, revision, codes) in &batches[batch] {
                let better = best.get(&photo).is_none_or(|(had, _, _)| revision > *had);
                if better {
                    best.insert(photo, (revision, codes, batch));
                }
            }
        }
        for (photo, reading) in best {
            if self.photos.get(&photo).is_none_or(|(had, _, _)| reading.0 > *had) {
                self.photos.insert(photo, reading);
            }
        }
        self.known.extend(fresh);
    }

    fn standing(&self) -> Vec<String> {
        let mut rows = Vec::new();
        for (photo, (revision, codes, batch)) in &self.photos {
            let photo = format!("p{photo}");
            match codes {
                0 => rows.push(format!("{photo} {revision} no_code b{batch}")),
                codes => rows.extend((0..*codes).map(|i| format!("{photo} {revision} scan {photo}#{i} b{batch}"))),
            }
        }
        rows.sort();
        rows
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_order_grouping_and_repetition_gives_the_models_rows(
        batches in prop::collection::vec(
            prop::collection::btree_map(0u8..8, (0i64..3, 0i64..4), 0..6), 1..8),
        groups in prop::collection::vec(prop::collection::vec(0usize..8, 1..5), 1..8),
    ) {
        let batches: Vec<Vec<Reading>> = batches
            .into_iter()
            .map(|batch| batch.into_iter().map(|(photo, (revision, codes))| (photo, revision, codes)).collect())
            .collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (_folder, warehouse) = fresh().await;
            let mut source = Batches::default();
            for (index, batch) in batches.iter().enumerate() {
                let photos = batch.iter().map(|(photo, revision, codes)| match codes {
                    0 => rejection(&format!("p{photo}"), *revision, "no_code"),
                    codes => scans(&format!("p{photo}"), *revision, *codes),
                });
                source.add(&format!("b{index}"), photos.collect());
            }
            let mut model = Model::default();
            // Every batch is loaded in the end, as the adoption of unloaded batches would.
            let groups = groups.iter().cloned().chain((0..batches.len()).map(|batch| vec![batch]));
            for group in groups {
                let group: Vec<usize> = group.into_iter().filter(|batch| *batch < batches.len()).collect();
                let ids: Vec<String> = group.iter().map(|batch| format!("b{batch}")).collect();
                let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
                warehouse.load(&manifest(&ids), &source).await.unwrap();
                model.load(&group, &batches);
                assert_eq!(standing(&warehouse).await, model.standing());
            }
            // Whatever the order was: every photo stands, with its highest revision, in one table.
            let mut highest: BTreeMap<String, i64> = BTreeMap::new();
            for (photo, revision, _) in batches.iter().flatten() {
                let had = highest.entry(format!("p{photo}")).or_insert(*revision);
                *had = (*had).max(*revision);
            }
            let stand = warehouse
                .query("SELECT object_key, revision FROM mart_photo ORDER BY object_key", &[]).await.unwrap();
            let expected: Vec<Vec<serde_json::Value>> =
                highest.into_iter().map(|(photo, revision)| vec![photo.into(), revision.into()]).collect();
            assert_eq!(stand.rows, expected);
        });
    }
}
