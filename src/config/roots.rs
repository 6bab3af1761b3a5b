//! Where a root should not lie: its files would be among those of another, or of the whole machine.

use std::fs;
use std::path::{Path, PathBuf};

/// What tells a root from any other folder.
const MARKS: [&str; 2] = ["queue.sqlite", "warehouse.sqlite"];

/// Folders of an inbox that are looked at.
const LOOKED_AT: usize = 100;

fn is_root(folder: &Path) -> bool {
    MARKS.iter().any(|mark| fs::symlink_metadata(folder.join(mark)).is_ok_and(|found| found.is_file()))
}

/// Whether it is the top of the file system, however it is written.
pub(super) fn is_top(root: &Path) -> bool {
    fs::canonicalize(root).is_ok_and(|root| root.parent().is_none())
}

/// The root that this one lies in, if it does.
pub(super) fn outer(root: &Path) -> Option<PathBuf> {
    let root = fs::canonicalize(root).or_else(|_| std::path::absolute(root)).ok()?;
    root.ancestors().skip(1).find(|folder| is_root(folder)).map(Path::to_owned)
}

/// A root in this inbox: itself, or one of its first folders.
pub(super) fn inner(inbox: &Path) -> Option<PathBuf> {
    if is_root(inbox) {
        return Some(inbox.to_owned());
    }
    let entries = fs::read_dir(inbox).ok()?.take(LOOKED_AT).filter_map(Result::ok);
    let mut folders =
        entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path());
    folders.find(|folder| is_root(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_in_another_and_one_in_its_inbox_are_seen() {
        let place = tempfile::tempdir().unwrap();
        let outside = fs::canonicalize(place.path()).unwrap();
        let inside = outside.join("inbox/phone");
        fs::create_dir_all(&inside).unwrap();
        assert_eq!((outer(&inside), inner(&outside.join("inbox"))), (None, None));
        fs::write(outside.join("queue.sqlite"), "").unwrap();
        assert_eq!(outer(&inside), Some(outside.clone()));
        assert_eq!(outer(&inside.join("not/there/yet")), Some(outside.clone()));
        assert_eq!(outer(&outside), None, "itself is no other");
        fs::write(inside.join("warehouse.sqlite"), "").unwrap();
        assert_eq!(inner(&outside.join("inbox")), Some(inside.clone()));
        assert_eq!(inner(&inside), Some(inside));
    }

    #[test]
    fn the_top_is_known_by_any_name() {
        assert!(["/", "//", "/.", "/tmp/.."].into_iter().all(|root| is_top(Path::new(root))));
        assert!(!is_top(Path::new("/tmp")) && !is_top(Path::new("/no/such/folder")));
    }
}
