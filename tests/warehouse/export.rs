//! `scanmill export` and `scanmill query` through the real binary; what they write is read by DuckDB.

use std::path::Path;
use std::process::{Command, Output};

use crate::warehouse_support::*;
use scanmill::domain::Row;
use scanmill::warehouse::Warehouse;
use scanmill::warehouse::schema::marts;
use scanmill::warehouse::sqlite::SqliteWarehouse;
use serde_json::{Value, json};

fn scanmill(root: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scanmill"));
    command.current_dir(root).env_remove("SCANMILL_CONFIG").args(arguments).args(["--root", "."]).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A root whose warehouse holds what breaks formats: quotes, lines, texts that look like dates, nothing at all.
async fn root() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let warehouse = SqliteWarehouse::open(&folder.path().join("warehouse.sqlite")).unwrap();
    warehouse.prepare().await.unwrap();
    let photos = (0..40).map(|number| {
        let at = format!("2026-11-{:02}T15:40:12.000Z", 1 + number % 20);
        let mut rows = scans_at(&format!("p{number}"), 0, 1 + number % 3, &at);
        for row in &mut rows {
            if let Row::Scan(scan) = row {
                scan.local_date = (number % 7 != 0).then(|| format!("2026-11-{:02}", 1 + number % 20));
                scan.camera_model = (number % 2 == 0).then(|| "it's \"big\", \u{1f375}\r\n".to_owned());
                scan.product_id = Some(if number % 3 == 0 { String::new() } else { "2026-11-01".to_owned() });
                scan.altitude_m = Some(number as f64 / 3.0);
            }
        }
        rows
    });
    let mut shelf = Batches::default();
    shelf.add("b1", photos.chain([rejection("bad", 0, "no_code")]).collect());
    warehouse.load(&manifest(&["b1"]), &shelf).await.unwrap();
    folder
}

#[tokio::test]
async fn every_table_and_mart_is_read_alike_from_all_formats() {
    let root = root().await;
    let names: Vec<&str> = ["scans", "rejections", "products"].into_iter().chain(marts::names()).collect();
    assert!(names.len() > 15, "{names:?}");
    for name in &names {
        for ending in ["parquet", "csv", "jsonl"] {
            let file = format!("{name}.{ending}");
            let output = scanmill(root.path(), &["export", name, "--to", &file]);
            assert!(output.status.success() && output.stdout.is_empty(), "{file}: {}", said(&output));
            // A table of one row is told in the singular.
            assert!(said(&output).contains(&format!(" of {name} in {file}")), "{}", said(&output));
        }
    }
    let left = std::fs::read_dir(root.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(left.into_iter().all(|name| !name.to_string_lossy().ends_with(".part")));
    let checked = Command::new(crate::rig::Venv::bi().unwrap().program("python"))
        .arg("-B")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/export/check.py"))
        .arg(root.path())
        .output()
        .unwrap();
    assert!(checked.status.success(), "{}", said(&checked));
    assert_eq!(String::from_utf8_lossy(&checked.stdout), format!("{} tables alike\n", names.len()));
}

#[tokio::test]
async fn spans_formats_and_standard_output_are_chosen() {
    let root = root().await;
    let lines = |arguments: &[&str]| {
        let output = scanmill(root.path(), arguments);
        assert!(output.status.success(), "{}", said(&output));
        String::from_utf8(output.stdout).unwrap().lines().count()
    };
    let photos =
        "SELECT COUNT(*) AS photos FROM scans WHERE processed_at >= '2026-11-10' AND processed_at < '2026-11-11'";
    let answer = scanmill(root.path(), &["query", "--json", photos]);
    let row: Value = serde_json::from_slice(&answer.stdout).unwrap();
    let span = ["export", "scans", "--to", "-", "--since", "2026-11-10", "--until", "2026-11-11"];
    assert_eq!(lines(&span) as i64, row["photos"].as_i64().unwrap() + 1);
    assert_eq!(lines(&[&span[..], &["--format", "jsonl"]].concat()) as i64, row["photos"].as_i64().unwrap());
    assert!(row["photos"].as_i64().unwrap() > 0);

    let output = scanmill(root.path(), &["query", "--csv", "SELECT 1 AS a, 'x,y' AS b, NULL AS c"]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "a,b,c\n1,\"x,y\",\n");
    let output = scanmill(root.path(), &["query", "--json", "SELECT 2 AS z, 'x' AS a"]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "{\"z\":2,\"a\":\"x\"}\n");
    let output = scanmill(root.path(), &["query", "SELECT 1 AS n, 'tea' AS word, NULL AS empty"]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "  n  word  empty\n  1  tea       -\n");
}

#[tokio::test]
async fn what_is_no_file_is_written_to_and_a_link_stays_one() {
    let root = root().await;
    let (pipe, link, target) = ("pipe.csv", root.path().join("link.csv"), root.path().join("target.csv"));
    let made = Command::new("mkfifo").arg(root.path().join(pipe)).status().unwrap();
    assert!(made.success());
    let reads = std::thread::spawn({
        let pipe = root.path().join(pipe);
        move || std::fs::read_to_string(pipe).unwrap()
    });
    let output = scanmill(root.path(), &["export", "scans", "--to", pipe]);
    assert!(output.status.success(), "{}", said(&output));
    let piped = reads.join().unwrap();
    assert!(piped.lines().count() > 10, "{piped}");

    std::fs::write(&target, "old").unwrap();
    std::os::unix::fs::symlink("target.csv", &link).unwrap();
    let output = scanmill(root.path(), &["export", "scans", "--to", "link.csv"]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(std::fs::read_to_string(&target).unwrap(), piped);

    let output = scanmill(root.path(), &["export", "scans", "--to", "pipe.csv", "--format", "parquet"]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
}

#[tokio::test]
async fn what_cannot_be_is_said() {
    let root = root().await;
    let cases: &[(&[&str], i32, &str)] = &[
        (&["export", "scan", "--to", "a.csv"], 2, "did you mean `scans`?"),
        (&["export", "scans; DROP TABLE scans", "--to", "a.csv"], 2, "no table or mart"),
        (&["export", "scans", "--to", "a.xlsx"], 2, ".parquet, .csv or .jsonl"),
        (&["export", "scans", "--to", "-", "--format", "parquet"], 2, "goes to a file"),
        (&["export", "mart_rung", "--to", "a.csv", "--since", "3d"], 2, "--since and --until are for"),
        (&["export", "scans", "--to", "no/a.csv"], 3, "no/a.csv."),
        (&["query", "DELETE FROM scans"], 3, "not a query"),
        (&["query", "SELEC 1"], 3, "SELEC"),
        (&["query", "--root", "elsewhere", "SELECT 1"], 2, ""),
    ];
    for (arguments, exit, words) in cases {
        let output = scanmill(root.path(), arguments);
        assert_eq!(output.status.code(), Some(*exit), "{arguments:?} {}", said(&output));
        assert!(said(&output).contains(words), "{arguments:?}: {}", said(&output));
        assert!(output.stdout.is_empty());
    }
    assert!(!root.path().join("a.csv").try_exists().unwrap());
    let rows = scanmill(root.path(), &["query", "--json", "SELECT COUNT(*) AS rows FROM scans"]);
    assert_ne!(serde_json::from_slice::<Value>(&rows.stdout).unwrap(), json!({"rows": 0}));
}
