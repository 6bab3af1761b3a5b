//! The Redshift warehouse on the Data API's stand-in: the rules of every warehouse, and what can go wrong on the way.

#[path = "../repository/dashboards/analytics.rs"]
mod analytics;
#[path = "../repository/dashboards/board.rs"]
mod board;
mod faults;
mod place;
mod refused;

use crate::warehouse_support::{
    Batches, fresh, manifest, manifest_in, marts, number, rejection, rules, scans, standing,
};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use scanmill::error::Class;
use scanmill::warehouse::report::{Between, report};
use scanmill::warehouse::{Warehouse, schema};
use serde_json::json;

use place::Place;

#[tokio::test]
async fn a_load_brings_rows_and_ledger_and_its_repeat_reads_nothing() {
    let mut place = Place::prepared().await;
    let warehouse = place.warehouse();
    rules::a_load_brings_rows_and_ledger_and_its_repeat_reads_nothing(&warehouse, &mut place).await;
}

#[tokio::test]
async fn every_column_arrives_as_it_was_written() {
    let mut place = Place::prepared().await;
    let warehouse = place.warehouse();
    // No NUL: the engine writes none, and Redshift takes none.
    let odd = "naïve \"quoted\" it's \\ \u{1f375}\nline\ttab :p1 ?1 {}; --";
    rules::every_column_arrives_as_it_was_written(&warehouse, &mut place, odd).await;
}

#[tokio::test]
async fn every_mart_equals_a_computation_of_its_own() {
    for story in 0..3 {
        let mut place = Place::prepared().await;
        let warehouse = place.warehouse();
        // Nothing keeps an analyst from filling in a product twice.
        place.sql(&marts::insert_products());
        place.sql(&marts::insert_products());
        marts::every_mart_equals_a_computation_of_its_own(story, &warehouse, &mut place).await;
        // A decimal would be cut to its scale in the first mean that an analyst makes of it.
        let decimals = place.sql(
            "SELECT table_name, column_name FROM svv_columns WHERE table_name LIKE 'mart_%' AND data_type = 'numeric'",
        );
        assert!(decimals.is_empty(), "{decimals:?}");
    }
}

/// Every panel of the dashboard shows the same of both warehouses.
#[tokio::test]
async fn the_analytics_dashboard_shows_of_redshift_what_it_shows_of_sqlite() {
    let mut place = Place::prepared().await;
    let redshift = place.warehouse();
    let (_folder, sqlite) = fresh().await;
    let mut shelf = Batches::default();
    let photos = marts::photos_of_story(0);
    rules::add(&mut place, "b1", photos.clone());
    rules::add(&mut shelf, "b1", photos);
    redshift.load(&manifest_in(rules::Shelf::bucket(&place), &["b1"]), rules::Shelf::source(&place)).await.unwrap();
    sqlite.load(&manifest(&["b1"]), &shelf).await.unwrap();
    let all = analytics::Choice { from: "2026-02-20", to: "2026-11-22", product: "", campaign: "", country: "" };
    let choices = [
        ("all", all),
        ("some", analytics::Choice { product: "p0", campaign: "spring", country: "DE", ..all }),
        ("few days", analytics::Choice { from: "2026-03-01", to: "2026-03-14", ..all }),
        ("none", analytics::Choice { product: "it's \\ :p1", ..all }),
    ];
    for query in analytics::queries() {
        for (name, choice) in &choices {
            let mut ours = analytics::answer(&sqlite, &query, &query.sqlite, choice).await;
            let mut theirs = analytics::answer(&redshift, &query, &query.redshift, choice).await;
            assert_eq!(ours.columns, theirs.columns, "{}", query.panel);
            for (place, column) in ours.columns.iter().enumerate() {
                // The moment of a load is that of each; a series' times are numbers here and times there.
                let is_load = column == "last_load";
                for row in &mut ours.rows {
                    if let (true, Some(second)) = (query.is_series && place == 0, row[place].as_i64()) {
                        row[place] = json!(jiff::Timestamp::from_second(second).unwrap().strftime("%FT%T").to_string());
                    }
                }
                for row in ours.rows.iter_mut().chain(&mut theirs.rows) {
                    row[place] = match &row[place] {
                        told if is_load => json!(told.is_null()),
                        // Sums differ in their last digits by the order they were made in.
                        serde_json::Value::Number(number) if number.is_f64() => {
                            json!(format!("{:.9}", number.as_f64().unwrap()))
                        }
                        serde_json::Value::String(text) => json!(text.trim_end_matches("Z").trim_end_matches(".000")),
                        other => other.clone(),
                    };
                }
            }
            assert_eq!(ours.rows, theirs.rows, "{} ({name})", query.panel);
            assert!(*name != "all" || !ours.rows.is_empty(), "{}", query.panel);
        }
    }
}

#[tokio::test]
async fn a_view_on_a_mart_survives_a_new_version_or_is_named_with_the_remedy() {
    let place = Place::prepared().await;
    let warehouse = place.warehouse();
    let make_older = || {
        place.sql("DROP VIEW warehouse_schema");
        place.sql("CREATE VIEW warehouse_schema AS SELECT CAST(2 AS BIGINT) AS schema_version");
    };
    place.sql("CREATE VIEW of_an_analyst AS SELECT local_date, scans FROM mart_day");
    make_older();
    warehouse.prepare().await.unwrap();
    schema::require_current(&warehouse).await.unwrap();
    assert_eq!(number(&warehouse, "SELECT COUNT(*) FROM of_an_analyst").await, 0);

    // A mart whose columns change is made again, and what is built on it is not taken away without a word.
    place.sql("DROP VIEW mart_rung");
    place.sql("CREATE VIEW mart_rung AS SELECT rung, 1.5 AS share FROM scans");
    place.sql("CREATE VIEW best_rung AS SELECT share FROM mart_rung");
    make_older();
    let error = warehouse.prepare().await.unwrap_err();
    assert_eq!(error.class(), Class::Permanent);
    let told = error.report();
    assert!(told.contains("`public.mart_rung`") && told.contains("DROP VIEW public.best_rung"), "{told}");
    assert!(!told.contains("of_an_analyst"), "{told}");
    assert_eq!(schema::version_of(&warehouse).await.unwrap(), Some(2));
    place.sql("DROP VIEW best_rung");
    warehouse.prepare().await.unwrap();
    schema::require_current(&warehouse).await.unwrap();
    assert_eq!(number(&warehouse, "SELECT COUNT(codes) FROM mart_rung").await, 0);
    assert_eq!(number(&warehouse, "SELECT COUNT(*) FROM of_an_analyst").await, 0);
}

#[tokio::test]
async fn a_photo_read_twice_stands_once_even_when_the_readings_differ() {
    let mut place = Place::prepared().await;
    let warehouse = place.warehouse();
    rules::a_photo_read_twice_stands_once_even_when_the_readings_differ(&warehouse, &mut place).await;
}

#[tokio::test]
async fn former_values_load_under_their_present_names() {
    let mut place = Place::prepared().await;
    let warehouse = place.warehouse();
    rules::former_values_load_under_their_present_names(&warehouse, &mut place).await;
}

#[tokio::test]
async fn a_higher_revision_replaces_the_photo_in_both_tables() {
    let mut place = Place::prepared().await;
    let warehouse = place.warehouse();
    rules::a_higher_revision_replaces_the_photo_in_both_tables(&warehouse, &mut place).await;
}

#[tokio::test]
async fn a_rejection_of_the_moment_stands_until_a_final_answer_comes() {
    let mut place = Place::prepared().await;
    let warehouse = place.warehouse();
    rules::a_rejection_of_the_moment_stands_until_a_final_answer_comes(&warehouse, &mut place).await;
}

#[tokio::test]
async fn an_empty_batch_is_loaded_too() {
    let mut place = Place::prepared().await;
    let warehouse = place.warehouse();
    rules::an_empty_batch_is_loaded_too(&warehouse, &mut place).await;
}

#[tokio::test]
async fn any_order_grouping_and_repetition_gives_the_models_rows() {
    let mut runner = TestRunner::default();
    for _ in 0..4 {
        let (batches, groups) = rules::any_loads().new_tree(&mut runner).unwrap().current();
        let mut place = Place::prepared().await;
        let warehouse = place.warehouse();
        rules::any_order_grouping_and_repetition_gives_the_models_rows(&warehouse, &mut place, &batches, &groups).await;
    }
}

#[tokio::test]
async fn the_schema_is_made_once_whoever_makes_it() {
    let place = Place::new();
    let (one, two) = (place.warehouse(), place.warehouse());
    assert_eq!(schema::version_of(&one).await.unwrap(), None);
    let error = schema::require_current(&one).await.unwrap_err();
    assert_eq!(error.class(), Class::Missing, "{error}");
    let (first, second) = tokio::join!(one.prepare(), two.prepare());
    first.unwrap();
    second.unwrap();
    schema::require_current(&one).await.unwrap();
    one.prepare().await.unwrap();
    assert_eq!(number(&one, "SELECT COUNT(*) FROM scans_geo").await, 0);
}

#[tokio::test]
async fn tables_of_an_older_version_get_the_columns_they_lack_whoever_is_first() {
    let mut place = Place::prepared().await;
    let (one, two) = (place.warehouse(), place.warehouse());
    rules::add(&mut place, "b1", vec![scans("one", 0, 1)]);
    rules::add(&mut place, "b2", vec![scans("two", 0, 1)]);
    place.load(&one, &["b1"]).await.unwrap();
    for column in ["product_id_source", "url_count"] {
        place.sql(&format!("ALTER TABLE scans DROP COLUMN {column} CASCADE"));
    }
    place.sql("DROP VIEW warehouse_schema");
    place.sql("CREATE VIEW warehouse_schema AS SELECT 1 AS schema_version");
    let (first, second) = tokio::join!(one.prepare(), two.prepare());
    first.unwrap();
    second.unwrap();
    schema::require_current(&one).await.unwrap();
    place.load(&one, &["b2"]).await.unwrap();
    assert_eq!(number(&one, "SELECT COUNT(*) FROM scans").await, 2);
    assert_eq!(number(&one, "SELECT COUNT(*) FROM scans WHERE product_id_source = 'path' AND url_count = 1").await, 1);
    assert_eq!(number(&one, "SELECT COUNT(*) FROM mart_product_id_source").await, 2);
}

#[tokio::test]
async fn a_schema_of_ones_own_is_used() {
    let mut place = Place::new();
    place.sql("CREATE SCHEMA photos");
    place.options.schema = "photos".into();
    let warehouse = place.warehouse();
    warehouse.prepare().await.unwrap();
    rules::add(&mut place, "b1", vec![scans("one", 0, 1)]);
    place.load(&warehouse, &["b1"]).await.unwrap();
    assert_eq!(standing(&warehouse).await, ["one 0 scan one#0 b1"]);
    assert_eq!(place.sql("SELECT COUNT(*) FROM photos.scans"), [[json!(1)]]);
}

#[tokio::test]
async fn queries_bind_page_and_only_read() {
    let mut place = Place::prepared().await;
    let warehouse = place.warehouse();
    let key = "it's \\ \"k\" ?1 :p2 \u{fc}\u{1f375}";
    rules::add(&mut place, "b1", vec![scans(key, 0, 1), rejection("b", 0, "no_code")]);
    place.load(&warehouse, &["b1"]).await.unwrap();
    let sql = "SELECT object_key, revision, uploaded_at, latitude, utm_medium FROM scans
               WHERE bucket = ?1 AND object_key IN (?2, ?3) ORDER BY object_key LIMIT ?4";
    let answer = warehouse.query(sql, &[json!("inbox"), json!(key), json!(""), json!(7)]).await.unwrap();
    assert_eq!(answer.columns, ["object_key", "revision", "uploaded_at", "latitude", "utm_medium"]);
    assert_eq!(answer.rows, [[json!(key), json!(0), json!("2026-11-22T15:40:00.000Z"), json!(52.5), json!(null)]]);

    let error = warehouse.query("DELETE FROM scans", &[]).await.unwrap_err();
    assert!(error.class() == Class::Permanent && error.to_string().contains("not a query"), "{error}");
    let error = warehouse.query("SELECT nothing FROM scans", &[]).await.unwrap_err();
    assert_eq!(error.class(), Class::Permanent, "{error}");
    assert!(error.to_string().contains("nothing"), "{error}");

    // More rows than a page of the Data API.
    let photos = (0..1_200).map(|photo| rejection(&format!("p{photo}"), 0, "no_code")).collect();
    rules::add(&mut place, "b2", photos);
    place.load(&warehouse, &["b2"]).await.unwrap();
    let answer = warehouse.query("SELECT object_key FROM rejections", &[]).await.unwrap();
    assert_eq!(answer.rows.len(), 1_201);
}

#[tokio::test]
async fn thousands_of_ids_are_looked_up_in_the_ledger() {
    let mut place = Place::prepared().await;
    let warehouse = place.warehouse();
    rules::add(&mut place, "b1", vec![]);
    place.load(&warehouse, &["b1"]).await.unwrap();
    let mut ids: Vec<String> = (0..6_000).map(|n| format!("20261122T154000Z-0123456789ab-{n:06}")).collect();
    ids.insert(3_000, "b1".into());
    ids.extend(["it's \\'); DROP TABLE scans; --".to_owned(), "a\0b".into(), "\u{1f375}".into()]);
    let left = warehouse.not_in_ledger(&ids).await.unwrap();
    ids.remove(3_000);
    assert_eq!(left, ids);
    assert_eq!(warehouse.not_in_ledger(&[]).await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn two_instances_at_once_load_each_photo_once() {
    for isolation in ["snapshot", "serializable"] {
        let mut place = Place::with_own_api();
        place.api().settings(&json!({ "isolation": isolation })).unwrap();
        place.warehouse().prepare().await.unwrap();
        race(&mut place).await;
    }
}

async fn race(place: &mut Place) {
    let ids: Vec<String> = (0..6).map(|batch| format!("b{batch}")).collect();
    for (index, id) in ids.iter().enumerate() {
        // Every photo stands in three batches.
        let photos = (0..10).map(|photo| scans(&format!("photo{}", index / 3 * 10 + photo), 0, 2)).collect();
        rules::add(place, id, photos);
    }
    let (one, two) = (place.warehouse(), place.warehouse());
    let work = |warehouse: scanmill::warehouse::redshift::RedshiftWarehouse, ids: Vec<String>, size: usize| {
        let place = &*place;
        async move {
            let mut newly = 0;
            for group in ids.chunks(size) {
                let group: Vec<&str> = group.iter().map(String::as_str).collect();
                newly += place.load(&warehouse, &group).await.unwrap().batches;
            }
            newly
        }
    };
    let backwards = ids.iter().rev().cloned().collect();
    let (first, second) = tokio::join!(work(one, ids, 2), work(two, backwards, 3));
    assert_eq!(first + second, 6, "each batch entered the ledger once");
    let warehouse = place.warehouse();
    assert_eq!(number(&warehouse, "SELECT COUNT(*) FROM scans").await, 2 * 10 * 2);
    assert_eq!(number(&warehouse, "SELECT COUNT(DISTINCT photo_id) FROM scans").await, 2 * 10);
}

#[tokio::test]
async fn tables_of_a_newer_scanmill_are_not_loaded() {
    let mut place = Place::prepared().await;
    let warehouse = place.warehouse();
    rules::add(&mut place, "b1", vec![scans("one", 0, 1)]);
    place.sql("DROP VIEW warehouse_schema");
    let newer = schema::VERSION + 1;
    place.sql(&format!("CREATE VIEW warehouse_schema AS SELECT {newer} AS schema_version"));
    for error in [place.load(&warehouse, &["b1"]).await.unwrap_err(), warehouse.prepare().await.unwrap_err()] {
        assert_eq!(error.class(), Class::Permanent, "{error}");
        let told = format!("schema version {newer}, this scanmill knows version {}", schema::VERSION);
        assert!(error.to_string().contains(&told), "{error}");
    }
    assert_eq!(number(&warehouse, "SELECT COUNT(*) FROM scans").await, 0);
}

#[tokio::test]
async fn every_text_sent_is_redshifts() {
    let mut place = Place::with_own_api();
    let warehouse = place.warehouse();
    warehouse.prepare().await.unwrap();
    rules::add(&mut place, "b1", vec![scans("one", 0, 2), rejection("two", 0, "no_code")]);
    place.load(&warehouse, &["b1"]).await.unwrap();
    place.put_object("batches/b2.jsonl.gz", b"{}\n");
    place.load(&warehouse, &["b2"]).await.unwrap();
    let since = Some("2026-11-01T00:00:00Z".parse().unwrap());
    for between in [Between::default(), Between { since, until: Some(jiff::Timestamp::now()) }] {
        report(&warehouse, between).await.unwrap();
    }
    let list = scanmill::cli::rejections::ListArgs {
        filter: scanmill::cli::rejections::Filter {
            reasons: vec![scanmill::domain::Reason::NoCode],
            since: Some("2026-11-01T00:00:00Z".parse().unwrap()),
            key_prefix: Some("t".into()),
        },
        limit: 5,
        json: true,
    };
    let (listed, _) = scanmill::cli::rejections::list(&warehouse, &list).await.unwrap();
    assert!(listed.contains("\"object_key\":\"two\""), "{listed}");
    for finding in scanmill::probe::Probe::probe(&warehouse).await {
        assert!(finding.outcome.is_ok(), "{}: {:?}", finding.name, finding.outcome);
    }
    // The Data API puts a parameter's value where its name stands.
    let in_place = |text: String| (1..10).fold(text, |text, number| text.replace(&format!(":p{number}"), "'x'"));
    let mut texts: Vec<String> = place.api().sql().unwrap().into_iter().map(in_place).collect();
    texts.sort();
    texts.dedup();
    assert!(texts.len() > 140, "{}", texts.len());
    crate::rig::sqlfluff_all(&texts).unwrap();
}
