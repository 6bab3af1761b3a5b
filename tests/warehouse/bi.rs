//! `config/bi` fits the warehouse: LookML parses and names columns that are there, dbt lists all of them, and DuckDB
//! reads from the batches what SQLite has loaded.
//!
//! `BLESS=1 cargo test --test warehouse bi` writes the pages that follow from the schema.

use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use crate::pages;
use crate::warehouse_support::*;
use flate2::Compression;
use flate2::write::GzEncoder;
use rusqlite::{Connection, OpenFlags};
use scanmill::domain::{Reason, Row};
use scanmill::warehouse::Warehouse;

/// Photos of some days; what the second batch repeats, fixes and replaces.
fn batches() -> [(&'static str, Vec<Vec<Row>>); 2] {
    let photo = |number: i64, revision| {
        let mut rows = scans(&format!("p{number}"), revision, 1 + number % 3);
        for row in &mut rows {
            if let Row::Scan(scan) = row {
                scan.local_date = (number % 7 != 0).then(|| format!("2026-02-{:02}", 20 + number % 8));
                scan.camera_model = (number % 2 == 0).then(|| format!("it's \"{revision}\", \u{1f375}\n"));
                scan.altitude_m = Some(number as f64 / 3.0);
            }
        }
        rows
    };
    let mut first: Vec<Vec<Row>> = (0..60).map(|number| photo(number, 0)).collect();
    first.extend([
        rejection("bad", 0, "no_code"),
        rejection("gone", 0, "missing_object"),
        rejection("slow", 1, "timed_out"),
    ]);
    let mut second: Vec<Vec<Row>> = (0..5).map(|number| photo(number, 0)).collect();
    second.extend((50..55).map(|number| photo(number, 1)));
    // A final answer goes before a rejection of the moment, whatever their revisions.
    second.extend([scans("gone", 0, 2), scans("slow", 0, 1), rejection("p7", 4, "missing_object")]);
    [("b1", first), ("b2", second)]
}

#[tokio::test]
async fn every_page_fits_the_warehouse_and_duckdb_reads_what_sqlite_holds() {
    let (folder, warehouse) = fresh().await;
    let sealed = folder.path().join("batches");
    std::fs::create_dir(&sealed).unwrap();
    let mut shelf = Batches::default();
    for (id, photos) in batches() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&lines_of(id, photos.clone())).unwrap();
        std::fs::write(sealed.join(format!("{id}.jsonl.gz")), encoder.finish().unwrap()).unwrap();
        shelf.add(id, photos);
        warehouse.load(&manifest(&[id]), &shelf).await.unwrap();
    }
    // Python's SQLite may be an older one, which tells other types of views.
    let sql = "SELECT m.name, m.type, m.sql, info.name, info.type, info.\"notnull\"
               FROM sqlite_schema AS m, pragma_table_info(m.name) AS info
               WHERE m.type IN ('table', 'view') AND m.name <> 'warehouse_schema' ORDER BY m.name, info.cid";
    let columns = serde_json::to_vec(&warehouse.query(sql, &[]).await.unwrap().rows).unwrap();
    std::fs::write(folder.path().join("columns.json"), columns).unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let passing: Vec<&str> = Reason::passing().map(|reason| reason.as_str()).collect();
    let checked = Command::new(crate::rig::Venv::bi().unwrap().program("python"))
        .arg("-B")
        .arg(root.join("tests/bi/check.py"))
        .arg(root.join("config/bi"))
        .arg(folder.path())
        .arg(root.join("crates/ports/src/warehouse/marts.sql"))
        .arg(passing.join(","))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success(), "{said}");
    let told = String::from_utf8_lossy(&checked.stdout);
    assert!(told.contains("views") && told.contains("rows alike"), "{told}");
}

/// What `config/bi/README.md` says, as it stands, over stories whose marts are computed elsewhere: products named, a CSV for
/// Tableau, and an export of Superset in which each chart answers what our SQL does.
#[tokio::test]
#[ignore = "needs sqlite3, and Superset from PyPI, half a gigabyte"]
async fn the_page_leads_into_tools_and_superset_answers_what_our_sql_does() {
    let (folder, warehouse) = fresh().await;
    let mut shelf = Batches::default();
    for (story, id) in ["b1", "b2", "b3"].into_iter().enumerate() {
        shelf.add(id, marts::photos_of_story(story));
        warehouse.load(&manifest(&[id]), &shelf).await.unwrap();
    }
    drop(warehouse);
    let (here, data) = (folder.path(), folder.path().join("data"));
    std::fs::create_dir(&data).unwrap();
    std::fs::rename(here.join("warehouse.sqlite"), data.join("warehouse.sqlite")).unwrap();
    let products = "product_id,url_host,name,brand,category\np0,,\"Tea, green\",Leaf,tea\n";
    std::fs::write(here.join("products.csv"), products).unwrap();
    symlink(Path::new(env!("CARGO_MANIFEST_DIR")).join("config"), here.join("config")).unwrap();
    let programs = here.join("programs");
    std::fs::create_dir(&programs).unwrap();
    let script = pages::page("config/bi/README.md").blocks("sh").concat();
    let followed = pages::shell(&script, here, &programs).output().unwrap();
    assert!(followed.status.success(), "{}", String::from_utf8_lossy(&followed.stderr));

    let file = Connection::open_with_flags(data.join("warehouse.sqlite"), OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let text = |sql: &str| file.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
    assert_eq!(text("SELECT DISTINCT product_name FROM mart_product_day WHERE product_id = 'p0'"), "Tea, green");
    let lines = std::fs::read_to_string(here.join("scans.csv")).unwrap().lines().count();
    assert_eq!(lines.to_string(), text("SELECT CAST(COUNT(*) + 1 AS TEXT) FROM mart_fact"));

    let asked = Command::new(crate::rig::Venv::superset().unwrap().program("python"))
        .arg("-B")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bi/ask_superset.py"))
        .arg(here)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&asked.stderr);
    assert!(asked.status.success(), "{}", &said[said.len().saturating_sub(4_000)..]);
    let told = String::from_utf8_lossy(&asked.stdout);
    assert!(told.contains("charts answer what our SQL does"), "{told}");
}
