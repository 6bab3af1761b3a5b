//! Sealed batches that cannot be read.

use super::{drop_photos, says};
use crate::process::Root;

#[test]
fn a_damaged_batch_is_set_aside_and_everything_else_is_loaded() {
    let root = Root::new();
    let rows = drop_photos(&root, 3);
    root.run_until_empty();
    let batches = root.file("results/batches");
    let sealed: Vec<_> = walk(&batches);
    let whole = std::fs::read(&sealed[0]).unwrap();
    let damaged = sealed[0].with_file_name("20200101T000000Z-0123456789ab-000000.jsonl.gz");
    std::fs::write(&damaged, &whole[..whole.len() / 2]).unwrap();
    // Without a warehouse every batch is adopted again, the damaged one among them.
    for file in ["warehouse.sqlite", "warehouse.sqlite-wal", "warehouse.sqlite-shm"] {
        let _ = std::fs::remove_file(root.file(file));
    }
    root.drop_photo("new.jpg", &crate::process::photo::jpeg("https://shop.example/p/new"));
    let ended = root.ended(&["run", "--until-empty"]);
    says(&ended.stderr, &["set aside", "20200101T000000Z-0123456789ab-000000", "not a complete gzip file", "hint: "]);
    assert_eq!(ended.code, Some(3), "not every batch is loaded: {}", ended.stderr);
    let mut expected = rows;
    expected.push(("new.jpg".into(), "https://shop.example/p/new".into()));
    assert_eq!(root.scans(), expected);
    assert!(damaged.try_exists().unwrap(), "it is left where it was");
    std::fs::remove_file(&damaged).unwrap();
    root.run_until_empty();
    assert_eq!(root.scans(), expected);
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.symlink_metadata().unwrap().is_dir() { files.extend(walk(&path)) } else { files.push(path) }
    }
    files
}
