//! The file: whose it is, its schema, and what may be asked of it.

use std::path::Path;

use crate::warehouse_support::*;
use rusqlite::Connection;
use scanmill::cli::schema::{Dialect, SchemaArgs, sql, state};
use scanmill::domain::Row;
use scanmill::error::{Class, Error};
use scanmill::warehouse::schema::{VERSION, marts, require_current, sqlite_tables, version_of};
use scanmill::warehouse::sqlite::SqliteWarehouse;
use scanmill::warehouse::{Value, Warehouse};
use serde_json::json;

fn open_error(path: &Path) -> Error {
    match SqliteWarehouse::open(path) {
        Ok(_) => panic!("`{}` opened", path.display()),
        Err(error) => error,
    }
}

#[test]
fn what_is_no_warehouse_is_refused_and_left_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("notes.txt");
    std::fs::write(&text, "not a database, but long enough to be taken for one\n".repeat(100)).unwrap();
    let foreign = folder.path().join("foreign.sqlite");
    Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE songs (name TEXT)").unwrap();
    let queue = folder.path().join("queue.sqlite");
    Connection::open(&queue).unwrap().execute_batch("PRAGMA application_id = 77").unwrap();
    for path in [&text, &foreign, &queue] {
        let before = std::fs::read(path).unwrap();
        let error = open_error(path);
        assert_eq!(error.class(), Class::Permanent, "{error}");
        assert!(error.to_string().contains(&*path.to_string_lossy()) && error.hint_text().is_some(), "{error}");
        assert_eq!(std::fs::read(path).unwrap(), before);
    }
    for path in [folder.path().to_path_buf(), folder.path().join("no/such/folder/warehouse.sqlite")] {
        let error = open_error(&path);
        assert_eq!(error.class(), Class::Permanent, "{error}");
        assert!(error.hint_text().is_some());
    }
}

#[tokio::test]
async fn a_newer_schema_is_refused_with_both_versions_and_the_remedy() {
    let (folder, warehouse) = fresh().await;
    let newer = VERSION + 6;
    let other = Connection::open(folder.path().join("warehouse.sqlite")).unwrap();
    other
        .execute_batch(&format!(
            "PRAGMA user_version = {newer}; DROP VIEW warehouse_schema;
             CREATE VIEW warehouse_schema AS SELECT {newer} AS schema_version;"
        ))
        .unwrap();
    for error in [warehouse.prepare().await.unwrap_err(), require_current(&warehouse).await.unwrap_err()] {
        assert_eq!(error.class(), Class::Permanent);
        let report = error.report();
        assert!(report.contains(&format!("version {newer}")), "{report}");
        assert!(report.contains(&format!("version {VERSION}")) && report.contains("hint: "), "{report}");
    }
}

#[tokio::test]
async fn preparing_twice_changes_nothing_and_the_version_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("warehouse.sqlite");
    let warehouse = SqliteWarehouse::open(&path).unwrap();
    assert_eq!(version_of(&warehouse).await.unwrap(), None);
    let error = require_current(&warehouse).await.unwrap_err();
    assert!(error.report().contains("scanmill schema --apply"), "{}", error.report());
    assert_eq!(warehouse.not_in_ledger(&["b1".into()]).await.unwrap_err().class(), Class::Missing);

    assert_eq!(
        state(&warehouse, false).await.unwrap(),
        format!("schema version: none in the warehouse, this scanmill knows {VERSION}")
    );
    assert_eq!(state(&warehouse, true).await.unwrap(), format!("schema version: was none, is now {VERSION}"));
    let header = Connection::open(&path).unwrap();
    let pragma = |name: &str| header.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap();
    let (schema, user) = (pragma("schema_version"), pragma("user_version"));
    assert_eq!((user, pragma("application_id")), (VERSION, 0x5343_4d4c));
    warehouse.prepare().await.unwrap();
    assert_eq!(pragma("schema_version"), schema);
    assert_eq!(version_of(&warehouse).await.unwrap(), Some(VERSION));
    assert_eq!(
        state(&warehouse, true).await.unwrap(),
        format!("schema version: {VERSION} in the warehouse, this scanmill knows {VERSION}")
    );
}

#[tokio::test]
async fn a_file_of_the_first_version_gets_the_columns_it_lacks_and_keeps_its_rows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("warehouse.sqlite");
    let old = Connection::open(&path).unwrap();
    old.execute_batch(include_str!("../warehouse_fixtures/version_1.sql")).unwrap();
    old.execute_batch(
        "INSERT INTO scans (scan_id, photo_id, batch_id, revision, bucket, object_key, processed_at, engine_version,
                            payload, payload_kind, product_id, captured_at_source, geo_source, qr_index, qr_count, rung,
                            decode_ms, width, height, format)
         VALUES ('s', 'p', 'b0', 0, 'inbox', 'old.jpg', '2026-11-01T00:00:00.000Z', '0.1.0', 'x', 'url', 'p0', 'none',
                 'none', 0, 1, 'own_bent_1600', 1, 1, 1, 'jpeg');
         UPDATE scans SET captured_at = '2026-10-31T22:00:00.999Z', captured_local = '2026-10-31T23:00:00.999',
                          local_date = '2026-10-31';
         INSERT INTO rejections (photo_id, batch_id, revision, bucket, object_key, processed_at, uploaded_at,
                                 engine_version, stage, reason, detail)
         VALUES ('q', 'b0', 0, 'inbox', 'bad.jpg', '2026-11-01T00:00:01.001Z', NULL, '0.1.0', 'fetch', 'gave_up', '');
         INSERT INTO load_ledger VALUES ('b0', 'm', 'r', 'k', 2, 2, NULL, '2026-11-01T00:00:02.000Z');
         CREATE VIEW of_an_analyst AS
           SELECT local_date, scans FROM mart_day WHERE local_date >= date('2026-10-31 12:00', '-1 day');",
    )
    .unwrap();
    drop(old);
    let warehouse = SqliteWarehouse::open(&path).unwrap();
    let error = require_current(&warehouse).await.unwrap_err();
    assert!(error.report().contains("scanmill schema --apply"), "{}", error.report());
    assert_eq!(state(&warehouse, true).await.unwrap(), format!("schema version: was 1, is now {VERSION}"));
    require_current(&warehouse).await.unwrap();
    let mut batches = Batches::default();
    batches.add("b1", vec![scans("new", 0, 1)]);
    warehouse.load(&manifest(&["b1"]), &batches).await.unwrap();
    let sql = "SELECT object_key, product_id, product_id_source, url_count FROM scans ORDER BY processed_at";
    let rows = warehouse.query(sql, &[]).await.unwrap().rows;
    assert_eq!(json!(rows), json!([["old.jpg", "p0", null, null], [rows[1][0], "p0", "path", 1]]));

    // Times of old rows are in SQLite's form too, and a view on a mart has outlived the mart's new definition.
    let file = Connection::open(&path).unwrap();
    let text = |sql: &str| file.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
    assert_eq!(
        text(
            "SELECT concat_ws('|', captured_at, captured_local, local_date, processed_at, quote(uploaded_at))
             FROM scans WHERE object_key = 'old.jpg'"
        ),
        "2026-10-31 22:00:00.999|2026-10-31 23:00:00.999|2026-10-31|2026-11-01 00:00:00.000|NULL"
    );
    // Values that were renamed have their present names.
    assert_eq!(text("SELECT rung FROM scans WHERE object_key = 'old.jpg'"), "native_curved_1600");
    assert_eq!(text("SELECT reason FROM rejections"), "retries_exhausted");
    assert_eq!(text("SELECT processed_at FROM rejections"), "2026-11-01 00:00:01.001");
    assert_eq!(
        text("SELECT concat_ws('|', quote(sealed_at), loaded_at) FROM load_ledger WHERE batch_id = 'b0'"),
        "NULL|2026-11-01 00:00:02.000"
    );
    assert_eq!(text("SELECT concat_ws('|', local_date, scans) FROM of_an_analyst LIMIT 1"), "2026-10-31|1");
    assert_eq!(text("SELECT name FROM sqlite_schema WHERE name = 'scans_processed_at'"), "scans_processed_at");

    let made_new = folder.path().join("new.sqlite");
    SqliteWarehouse::open(&made_new).unwrap().prepare().await.unwrap();
    assert_eq!(shape(&path), shape(&made_new));
}

/// Columns and indexes of the tables: what is migrated and what is made new differ in the order of columns at most.
fn shape(path: &Path) -> Vec<String> {
    let file = Connection::open(path).unwrap();
    let sql = "SELECT concat_ws(' ', m.name, info.name, info.type, info.\"notnull\")
               FROM sqlite_schema AS m, pragma_table_info(m.name) AS info WHERE m.type = 'table'
               UNION ALL SELECT sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL ORDER BY 1";
    let mut all = file.prepare(sql).unwrap();
    all.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

#[tokio::test]
async fn a_file_of_the_third_version_gets_indexes_and_products() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("warehouse.sqlite");
    let old = Connection::open(&path).unwrap();
    old.execute_batch(include_str!("../warehouse_fixtures/version_3.sql")).unwrap();
    old.execute_batch(
        "INSERT INTO scans (scan_id, photo_id, batch_id, revision, bucket, object_key, processed_at, engine_version,
                            payload, payload_kind, product_id, url_host, captured_at_source, local_date, geo_source,
                            h3_cell, qr_index, qr_count, rung, decode_ms, width, height, format)
         VALUES ('s', 'p', 'b0', 0, 'inbox', 'old.jpg', '2026-11-01 00:00:00.000', '0.1.0', 'x', 'url', 'p0',
                 'shop.example', 'none', '2026-10-31', 'none', '871f1d489ffffff', 0, 1, 'own', 1, 1, 1, 'jpeg');
         CREATE VIEW of_an_analyst AS SELECT local_date, scans FROM mart_day;
         CREATE TABLE products (sku TEXT);",
    )
    .unwrap();
    // An analyst's own table of that name is not taken over, and nothing is half migrated.
    let warehouse = SqliteWarehouse::open(&path).unwrap();
    let error = warehouse.prepare().await.unwrap_err();
    assert!(error.class() == Class::Permanent && error.report().contains("RENAME TO"), "{}", error.report());
    assert_eq!(version_of(&warehouse).await.unwrap(), Some(3));
    old.execute_batch("ALTER TABLE products RENAME TO my_products").unwrap();
    assert_eq!(state(&warehouse, true).await.unwrap(), format!("schema version: was 3, is now {VERSION}"));

    old.execute_batch(
        "INSERT INTO products (product_id, name, brand) VALUES ('p0', 'Tea', 'Leaf');
         INSERT INTO products (product_id, url_host, name) VALUES ('p0', 'shop.example', 'Green tea')",
    )
    .unwrap();
    assert!(old.execute("INSERT INTO products (product_id, url_host) VALUES ('p0', '')", []).is_err(), "one a host");
    let names = "SELECT product_name, brand, category, scans FROM mart_product_day WHERE local_date = '2026-10-31'";
    assert_eq!(Value::from(row(&warehouse, names).await), json!(["Green tea", "Leaf", null, 1]));
    assert_eq!(
        Value::from(row(&warehouse, "SELECT h3_cell_5, h3_cell_3, photos FROM mart_fact").await),
        json!(["851f1d4bfffffff", "831f1dfffffffff", 1])
    );
    assert_eq!(Value::from(row(&warehouse, "SELECT scans FROM of_an_analyst").await), json!([1]));
    let uses = |sql: &str, index: &str| {
        let plan: String = old
            .query_row(&format!("EXPLAIN QUERY PLAN SELECT COUNT(*) FROM scans WHERE {sql}"), [], |row| row.get(3))
            .unwrap();
        assert!(plan.contains(index), "{sql}: {plan}");
    };
    uses("local_date >= date('now', '-7 days')", "scans_local_date");
    uses("captured_at >= datetime('now', '-1 hour')", "scans_captured_at");
    uses("product_id = 'p0'", "scans_product_id");
    old.execute_batch("DROP TABLE my_products").unwrap();
    let made_new = folder.path().join("new.sqlite");
    SqliteWarehouse::open(&made_new).unwrap().prepare().await.unwrap();
    assert_eq!(shape(&path), shape(&made_new));
}

#[tokio::test]
async fn times_compare_with_what_sqlite_itself_writes() {
    let (folder, warehouse) = fresh().await;
    // One photo of each minute of the last hour and a half, in the rows' own form.
    let file = Connection::open(folder.path().join("warehouse.sqlite")).unwrap();
    let ago = |minutes: u32, form: &str| {
        let sql = format!("SELECT strftime('{form}', 'now', '-{minutes} minutes', '-30 seconds')");
        file.query_row(&sql, [], |row| row.get::<_, String>(0)).unwrap()
    };
    let photo = |minutes: u32| {
        let mut rows = scans_at(&format!("m{minutes}"), 0, 1, &ago(minutes, "%Y-%m-%dT%H:%M:%fZ"));
        let Row::Scan(scan) = &mut rows[0] else { unreachable!() };
        scan.captured_at = Some(ago(minutes, "%Y-%m-%dT%H:%M:%fZ"));
        scan.captured_local = Some(ago(minutes, "%Y-%m-%dT%H:%M:%f"));
        scan.local_date = Some(ago(minutes * 1440, "%Y-%m-%d"));
        rows
    };
    let mut batches = Batches::default();
    batches.add("b1", (0..90).map(photo).collect());
    warehouse.load(&manifest(&["b1"]), &batches).await.unwrap();
    for (condition, expected) in [
        ("processed_at >= datetime('now', '-5 minutes')", 5),
        ("processed_at < datetime('now', '-5 minutes')", 85),
        ("captured_at >= datetime('now', '-1 hour')", 60),
        ("captured_local > strftime('%Y-%m-%d %H:%M:%S', 'now', '-10 minutes')", 10),
        ("processed_at > CURRENT_TIMESTAMP", 0),
        ("local_date > date('now', '-30 seconds', '-7 days')", 7),
        ("datetime(processed_at) IS NULL OR julianday(captured_local) IS NULL OR date(local_date) <> local_date", 0),
        ("length(processed_at) <> 23 OR processed_at GLOB '*[TZ]*' OR uploaded_at <> '2026-11-22 15:40:00.000'", 0),
    ] {
        let sql = format!("SELECT COUNT(*) FROM scans WHERE {condition}");
        assert_eq!(number(&warehouse, &sql).await, expected, "{condition}");
    }
    let ledger = "SELECT COUNT(*) FROM load_ledger WHERE loaded_at BETWEEN datetime('now', '-1 minute')
                    AND datetime('now', '+1 second') AND sealed_at = '2026-11-22 15:40:10.000'";
    assert_eq!(number(&warehouse, ledger).await, 1);
    // The port answers in the rows' form, and takes an instant in the tables'.
    let newest = row(&warehouse, "SELECT uploaded_at, MAX(captured_at) AS last_captured_at FROM scans").await;
    assert_eq!(newest[0], json!("2026-11-22T15:40:00.000Z"));
    let at: jiff::Timestamp = newest[1].as_str().unwrap().parse().unwrap();
    let since = [warehouse.instant(at)];
    let sql = "SELECT COUNT(*) FROM scans WHERE captured_at >= ?1";
    assert_eq!(warehouse.query(sql, &since).await.unwrap().rows, [[json!(1)]]);
}

/// Whoever writes by hand: a value that nobody could compare or draw is refused by the file itself.
#[tokio::test]
async fn values_that_no_photo_has_are_refused_by_the_tables() {
    let (folder, warehouse) = fresh().await;
    let mut batches = Batches::default();
    batches.add("b1", vec![scans("a", 0, 1), rejection("b", 0, "no_code")]);
    warehouse.load(&manifest(&["b1"]), &batches).await.unwrap();
    let file = Connection::open(folder.path().join("warehouse.sqlite")).unwrap();
    for set in [
        "scans SET processed_at = 'yesterday'",
        "scans SET uploaded_at = '2026-11-22T15:40:00.000Z'",
        "scans SET captured_local = '22.11.2026 15:40'",
        "scans SET local_date = '32.13.2026'",
        "scans SET local_date = '2026-11-22 00:00:00'",
        "scans SET local_hour = 99",
        "scans SET local_weekday = 0",
        "scans SET latitude = 91",
        "scans SET longitude = -180.5",
        "scans SET utc_offset_minutes = 6000",
        "scans SET qr_count = 0",
        "scans SET revision = -1",
        "rejections SET processed_at = '1764546000'",
        "load_ledger SET loaded_at = 'now'",
        "load_ledger SET row_count = -1",
    ] {
        let error = file.execute(&format!("UPDATE {set}"), []).expect_err(set);
        assert!(error.to_string().contains("CHECK constraint failed"), "{set}: {error}");
    }
    for set in [
        "scans SET processed_at = datetime('now'), captured_at = NULL, local_date = date('now')",
        "scans SET local_hour = NULL, local_weekday = 7, latitude = -90, longitude = 180",
        "rejections SET uploaded_at = strftime('%Y-%m-%d %H:%M:%f', 'now')",
    ] {
        assert_eq!(file.execute(&format!("UPDATE {set}"), []).unwrap(), 1, "{set}");
    }
}

/// A row that the tables would refuse is told by its line, not by the failure of a whole load.
#[tokio::test]
async fn a_number_out_of_range_spoils_its_batch() {
    let (_folder, warehouse) = fresh().await;
    let mut rows = scans("a", 0, 1);
    let Row::Scan(scan) = &mut rows[0] else { unreachable!() };
    scan.local_hour = Some(24);
    let mut batches = Batches::default();
    batches.add("b1", vec![rows]);
    let error = warehouse.load(&manifest(&["b1"]), &batches).await.unwrap_err();
    assert_eq!(error.class(), Class::Poison);
    assert!(error.report().contains("line 1: `local_hour` is out of range"), "{}", error.report());
}

#[tokio::test]
async fn a_time_that_is_none_spoils_its_batch() {
    let (_folder, warehouse) = fresh().await;
    let mut rows = scans("one", 0, 1);
    let Row::Scan(scan) = &mut rows[0] else { unreachable!() };
    scan.local_date = Some("yesterday".into());
    let mut batches = Batches::default();
    batches.add("b1", vec![rows]);
    let error = warehouse.load(&manifest(&["b1"]), &batches).await.unwrap_err();
    assert_eq!(error.class(), Class::Poison);
    assert!(error.to_string().contains("line 1: `local_date` is not a time"), "{error}");
    assert_eq!(standing(&warehouse).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_file_beside_which_nothing_may_be_made_is_read_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a b%?.sqlite");
    let warehouse = SqliteWarehouse::open(&path).unwrap();
    warehouse.prepare().await.unwrap();
    let mut batches = Batches::default();
    batches.add("b1", vec![scans("one", 0, 1)]);
    warehouse.load(&manifest(&["b1"]), &batches).await.unwrap();
    drop(warehouse);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "the last to close it folds the log in");
    let before = std::fs::read(&path).unwrap();
    // Root may write anywhere; but SQLite makes no shared memory where a symbolic link stands.
    std::os::unix::fs::symlink("/nowhere", folder.path().join("a b%?.sqlite-shm")).unwrap();
    let warehouse = SqliteWarehouse::open_existing(&path).unwrap();
    require_current(&warehouse).await.unwrap();
    assert_eq!(number(&warehouse, "SELECT scans FROM mart_day").await, 1);
    assert_eq!(warehouse.not_in_ledger(&["b1".into(), "b2".into()]).await.unwrap(), ["b2"]);
    batches.add("b2", vec![scans("two", 0, 1)]);
    let error = warehouse.load(&manifest(&["b2"]), &batches).await.unwrap_err();
    assert!(error.class() == Class::Permanent && error.hint_text().is_some(), "{}", error.report());
    drop(warehouse);
    assert_eq!(std::fs::read(&path).unwrap(), before);
    // With a log beside it the file alone lacks the newest loads.
    std::fs::write(folder.path().join("a b%?.sqlite-wal"), "log").unwrap();
    let Err(error) = SqliteWarehouse::open_existing(&path) else { panic!("read without its log") };
    assert_eq!(error.class(), Class::Permanent, "{error}");
}

#[test]
fn the_printed_schema_is_the_one_that_is_applied() {
    let sql = |print, marts, apply| sql(&SchemaArgs { print, marts, apply, dialect: None }, Dialect::Sqlite);
    let whole = sql(false, false, false);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("by_hand.sqlite");
    let by_hand = Connection::open(&path).unwrap();
    by_hand.execute_batch(&whole).unwrap();
    by_hand.execute_batch(&whole).unwrap(); // it may be run again
    let count: i64 =
        by_hand.query_row("SELECT COUNT(*) FROM sqlite_schema WHERE name LIKE 'mart_%'", [], |row| row.get(0)).unwrap();
    assert_eq!(count as usize, marts::sqlite().matches("CREATE VIEW mart_").count());
    SqliteWarehouse::open(&path).unwrap();
    assert!(whole.contains(&sqlite_tables()));
    assert_eq!(sql(false, true, false), marts::sqlite());
    assert_eq!(sql(false, false, true), "");
    assert_eq!(sql(true, false, true), whole);
}

#[tokio::test]
async fn a_bi_tool_reads_while_a_writer_writes_and_types_are_held() {
    let (folder, warehouse) = fresh().await;
    let path = folder.path().join("warehouse.sqlite");
    let mut batches = Batches::default();
    batches.add("b1", vec![scans("one", 0, 1)]);
    let tool = Connection::open_with_flags(&path, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let count = || tool.query_row("SELECT COUNT(*) FROM scans", [], |row| row.get::<_, i64>(0)).unwrap();
    tool.execute_batch("BEGIN").unwrap();
    assert_eq!(count(), 0);
    warehouse.load(&manifest(&["b1"]), &batches).await.unwrap();
    assert_eq!(count(), 0, "an open read keeps its view");
    tool.execute_batch("COMMIT").unwrap();
    assert_eq!(count(), 1);
    let writer = Connection::open(&path).unwrap();
    assert!(writer.execute("UPDATE scans SET width = 'wide'", []).is_err(), "the tables are strict");
}

#[tokio::test]
async fn queries_bind_values_and_answer_in_json() {
    let (_folder, warehouse) = fresh().await;
    let given = [json!(null), json!(true), json!(-3), json!(2.5), json!("it's \u{1f375}")];
    let table =
        warehouse.query("SELECT ?1 AS a, ?2 AS b, ?3 AS c, ?4 AS d, ?5 AS e, x'0aff' AS f", &given).await.unwrap();
    assert_eq!(table.columns, ["a", "b", "c", "d", "e", "f"]);
    assert_eq!(Value::from(table.rows[0].clone()), json!([null, 1, -3, 2.5, "it's \u{1f375}", "0aff"]));
    let error = warehouse.query("SELECT ?1", &[json!([1])]).await.unwrap_err();
    assert_eq!(error.class(), Class::Permanent);
    for (sql, parameters) in [("SELECT ?1, ?2", 1), ("SELECT 1", 1), ("SELEC 1", 0), ("SELECT 1; SELECT 2", 0)] {
        let error = warehouse.query(sql, &vec![json!(1); parameters]).await.unwrap_err();
        assert_eq!(error.class(), Class::Permanent, "{sql}: {error}");
    }
}

#[tokio::test]
async fn what_is_no_query_is_refused_and_changes_nothing() {
    let (folder, warehouse) = fresh().await;
    let mut batches = Batches::default();
    batches.add("b1", vec![scans("one", 0, 1)]);
    warehouse.load(&manifest(&["b1"]), &batches).await.unwrap();
    let copy = folder.path().join("copy.sqlite");
    let copy = copy.to_str().unwrap();
    for sql in [
        "DELETE FROM scans",
        "UPDATE scans SET width = 1 RETURNING width",
        "DROP TABLE scans",
        "CREATE TEMP TABLE t (x)",
        "PRAGMA query_only = OFF",
        "PRAGMA user_version = 9",
        "PRAGMA journal_mode = DELETE",
        "BEGIN IMMEDIATE",
        &format!("ATTACH '{copy}' AS other"),
        &format!("VACUUM INTO '{copy}'"),
        "",
    ] {
        assert!(warehouse.query(sql, &[]).await.is_err(), "`{sql}` was run");
    }
    assert!(!Path::new(copy).try_exists().unwrap());
    assert_eq!(standing(&warehouse).await, ["one 0 scan one#0 b1"]);
    let mode = row(&warehouse, "SELECT journal_mode FROM pragma_journal_mode").await;
    assert_eq!(mode, [json!("wal")]);
}
