//! Loading: each photo once, whatever is repeated, crashes or runs beside it.

use std::sync::Arc;

use crate::warehouse_support::*;
use proptest::prelude::*;
use scanmill::error::Class;
use scanmill::warehouse::Warehouse;
use scanmill::warehouse::sqlite::SqliteWarehouse;

#[tokio::test]
async fn a_load_brings_rows_and_ledger_and_its_repeat_reads_nothing() {
    let (_folder, warehouse) = fresh().await;
    rules::a_load_brings_rows_and_ledger_and_its_repeat_reads_nothing(&warehouse, &mut Batches::default()).await;
}

#[tokio::test]
async fn every_column_arrives_as_it_was_written() {
    let (_folder, warehouse) = fresh().await;
    let odd = "naïve \"quoted\" \u{1f375}\nline\ttab\u{0}nul";
    rules::every_column_arrives_as_it_was_written(&warehouse, &mut Batches::default(), odd).await;
}

#[tokio::test]
async fn a_photo_read_twice_stands_once_even_when_the_readings_differ() {
    let (_folder, warehouse) = fresh().await;
    rules::a_photo_read_twice_stands_once_even_when_the_readings_differ(&warehouse, &mut Batches::default()).await;
}

#[tokio::test]
async fn former_values_load_under_their_present_names() {
    let (_folder, warehouse) = fresh().await;
    rules::former_values_load_under_their_present_names(&warehouse, &mut Batches::default()).await;
}

#[tokio::test]
async fn a_higher_revision_replaces_the_photo_in_both_tables() {
    let (_folder, warehouse) = fresh().await;
    rules::a_higher_revision_replaces_the_photo_in_both_tables(&warehouse, &mut Batches::default()).await;
}

#[tokio::test]
async fn a_rejection_of_the_moment_stands_until_a_final_answer_comes() {
    let (_folder, warehouse) = fresh().await;
    rules::a_rejection_of_the_moment_stands_until_a_final_answer_comes(&warehouse, &mut Batches::default()).await;
}

#[tokio::test]
async fn an_empty_batch_is_loaded_too() {
    let (_folder, warehouse) = fresh().await;
    rules::an_empty_batch_is_loaded_too(&warehouse, &mut Batches::default()).await;
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
        (&good.replace("\"width\":640", "\"width\":640,\"stage\":\"decode\""), "`stage` does not belong in a scan"),
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_order_grouping_and_repetition_gives_the_models_rows((batches, groups) in rules::any_loads()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (_folder, warehouse) = fresh().await;
            let mut shelf = Batches::default();
            rules::any_order_grouping_and_repetition_gives_the_models_rows(&warehouse, &mut shelf, &batches, &groups)
                .await;
        });
    }
}
