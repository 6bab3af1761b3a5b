//! One file name, one photo's rows: of several states of a name the latest stays, in whatever order they are loaded.

use crate::warehouse_support::*;
use proptest::prelude::*;
use scanmill::domain::{PhotoRef, Row};
use scanmill::warehouse::Warehouse;
use scanmill::warehouse::sqlite::SqliteWarehouse;

async fn superseding() -> (tempfile::TempDir, SqliteWarehouse) {
    let (folder, warehouse) = fresh().await;
    drop(warehouse);
    let path = folder.path().join("warehouse.sqlite");
    (folder, SqliteWarehouse::open(&path).unwrap().superseding_in(Some("inbox".into())))
}

/// What the file `name` held at one time, announced as the `at`th event: a scan, or a rejection of this reason.
fn state(name: &str, content: &str, at: u32, reason: Option<&str>) -> Vec<Row> {
    let mut rows = reason.map_or_else(|| scans(name, 0, 1), |reason| rejection(name, 0, reason));
    let photo = PhotoRef { etag: Some(content.into()), ..photo_ref(name) };
    for row in &mut rows {
        let lineage = row.lineage_mut();
        lineage.photo_id = photo.id().0;
        lineage.etag = Some(content.into());
        lineage.sequencer = Some(format!("{at:018X}"));
    }
    rows
}

/// Every standing row as `name content`, a rejection with its reason.
async fn stands(warehouse: &dyn Warehouse) -> Vec<String> {
    let sql = "SELECT object_key || ' ' || etag FROM scans
               UNION ALL SELECT object_key || ' ' || etag || ' ' || reason FROM rejections ORDER BY 1";
    let rows = warehouse.query(sql, &[]).await.unwrap().rows;
    rows.iter().map(|row| row[0].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_latest_state_of_a_name_stays() {
    let half = || state("a", "half", 1, Some("truncated"));
    let half_scanned = || state("a", "half", 1, None);
    let whole = || state("a", "whole", 2, None);
    let gone = || state("a", "whole", 2, Some("missing_object"));
    type Case = (&'static str, [Vec<Row>; 2], &'static [&'static str], u64);
    let cases: [Case; 7] = [
        ("a rejection of the half goes", [half(), whole()], &["a whole"], 1),
        ("a scan of the half goes", [half_scanned(), whole()], &["a whole"], 1),
        ("a late half does not come back", [whole(), half()], &["a whole"], 1),
        ("no code in what is there now", [whole(), state("a", "other", 3, Some("no_code"))], &["a other no_code"], 1),
        (
            "what could not be read says nothing of what was",
            [half_scanned(), gone()],
            &["a half", "a whole missing_object"],
            0,
        ),
        (
            "and goes with what is read later",
            [state("a", "half", 1, Some("retries_exhausted")), whole()],
            &["a whole"],
            1,
        ),
        ("another name is another photo", [half(), state("b", "whole", 2, None)], &["a half truncated", "b whole"], 0),
    ];
    for (what, [first, second], expected, superseded) in cases {
        for together in [true, false] {
            let (_folder, warehouse) = superseding().await;
            let mut batches = Batches::default();
            batches.add("b1", vec![first.clone()]);
            batches.add("b2", vec![second.clone()]);
            let mut count = 0;
            let manifests: &[&[&str]] = if together { &[&["b1", "b2"]] } else { &[&["b1"], &["b2"]] };
            for ids in manifests {
                count += warehouse.load(&manifest(ids), &batches).await.unwrap().photos_superseded;
            }
            assert_eq!(stands(&warehouse).await, expected, "{what}, together: {together}");
            assert_eq!(count, superseded, "{what}, together: {together}");
        }
    }
}

#[tokio::test]
async fn a_state_without_a_sequencer_is_what_the_file_held_when_it_was_read() {
    // As `backfill` gives it: read at `PROCESSED`.
    let mut found = state("a", "found", 0, None);
    found.iter_mut().for_each(|row| row.lineage_mut().sequencer = None);
    let at = |time: &str| {
        let nanos = time.parse::<jiff::Timestamp>().unwrap().as_nanosecond();
        move |content: &str| {
            let mut rows = state("a", content, 0, None);
            rows.iter_mut().for_each(|row| row.lineage_mut().sequencer = Some(format!("{nanos:018X}")));
            rows
        }
    };
    let (before, after) = (at("2026-11-22T15:40:01.999Z")("before"), at("2026-11-22T15:40:02.001Z")("after"));
    for (states, expected) in [
        ([before.clone(), found.clone()], "a found"),
        ([found.clone(), before], "a found"),
        ([found.clone(), after.clone()], "a after"),
        ([after, found], "a after"),
    ] {
        let (_folder, warehouse) = superseding().await;
        let mut batches = Batches::default();
        for (id, rows) in ["b1", "b2"].iter().zip(states) {
            batches.add(id, vec![rows]);
            warehouse.load(&manifest(&[id]), &batches).await.unwrap();
        }
        assert_eq!(stands(&warehouse).await, [expected]);
    }
}

#[tokio::test]
async fn in_other_buckets_each_content_is_a_photo_of_its_own() {
    let (folder, plain) = fresh().await;
    let mut batches = Batches::default();
    batches.add("b1", vec![state("a", "one", 1, None), state("a", "two", 2, None)]);
    plain.load(&manifest(&["b1"]), &batches).await.unwrap();
    assert_eq!(stands(&plain).await, ["a one", "a two"]);
    let elsewhere = folder.path().join("warehouse.sqlite");
    let elsewhere = SqliteWarehouse::open(&elsewhere).unwrap().superseding_in(Some("elsewhere".into()));
    batches.add("b2", vec![state("a", "three", 3, None)]);
    elsewhere.load(&manifest(&["b2"]), &batches).await.unwrap();
    assert_eq!(stands(&elsewhere).await, ["a one", "a three", "a two"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any events `(name, content, at)` in any order, in loads of any size, one of them twice: of what was read of a name
    /// the last stands, alone.
    #[test]
    fn order_and_repeats_change_nothing(
        events in prop::collection::btree_map((0..2_u8, 1..8_u32), 0..4_u8, 1..12),
        order in any::<prop::sample::Index>(),
        size in 1..4_usize,
    ) {
        // The bytes decide what becomes of them, but for the last, which cannot be read.
        let outcomes = [None, Some("no_code"), Some("truncated"), Some("timed_out")];
        let expected = |name: u8| {
            let read = events.iter().filter(|((of, _), content)| *of == name && **content != 3);
            read.max_by_key(|((_, at), _)| *at).map(|(_, content)| format!("{name} {content}"))
        };
        let expected: Vec<String> = (0..2).filter_map(expected).collect();
        let mut loaded: Vec<_> = events.iter().collect();
        let middle = order.index(loaded.len());
        loaded.rotate_left(middle);
        loaded.push(loaded[0]);
        let mut batches = Batches::default();
        let mut ids = Vec::new();
        for (index, chunk) in loaded.chunks(size).enumerate() {
            ids.push(format!("b{index}"));
            let photo = |((name, at), content): &(&(u8, u32), &u8)| {
                state(&name.to_string(), &content.to_string(), *at, outcomes[usize::from(**content)])
            };
            batches.add(&format!("b{index}"), chunk.iter().map(photo).collect());
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let standing = runtime.block_on(async {
            let (_folder, warehouse) = superseding().await;
            for id in &ids {
                warehouse.load(&manifest(&[id]), &batches).await.unwrap();
            }
            stands(&warehouse).await
        });
        let read: Vec<String> = standing
            .iter()
            .filter(|row| !row.ends_with("timed_out"))
            .map(|row| row.split(' ').take(2).collect::<Vec<_>>().join(" "))
            .collect();
        prop_assert_eq!(&read, &expected, "{:?}", standing);
    }
}
