//! `pump preview`: a sheet that shows what the story has, and clear words where it cannot be written.

use std::cell::Cell;

use scanmill::pump::preview::Preview;
use scanmill::pump::scene::PhotoSize;
use scanmill::pump::story::StoryOptions;

use crate::process::scanmill;

fn preview(count: usize, columns: u32) -> Preview {
    let story = StoryOptions { size: PhotoSize::Small, ..StoryOptions::default() };
    Preview { story, count, columns, ..Preview::default() }
}

#[test]
fn the_sheet_has_as_many_photos_as_asked_for_and_is_the_same_each_time() {
    let drawn = Cell::new(0);
    let sheet = preview(7, 3).draw(|photos| drawn.set(photos)).unwrap();
    assert_eq!(drawn.get(), 7);
    let (one, other) = (preview(4, 4).draw(|_| ()).unwrap(), preview(4, 4).draw(|_| ()).unwrap());
    assert_eq!(one, other);
    assert!(sheet.width() < one.width() && sheet.height() > one.height());
    // Photos and captions: far from all of one colour.
    let colours: std::collections::HashSet<_> = one.pixels().collect();
    assert!(colours.len() > 1_000, "{}", colours.len());
}

#[test]
fn a_sheet_is_written_as_a_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sheet.png");
    let ended = scanmill()
        .args(["pump", "preview", "--count", "2", "--size", "small", "--quiet", "--out"])
        .arg(&file)
        .output()
        .unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    assert!(std::fs::read(&file).unwrap().starts_with(b"\x89PNG"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    for (name, words) in [("sheet.jpg", "ends in .png"), ("missing/sheet.png", "folder that exists")] {
        let ended =
            scanmill().args(["pump", "preview", "--quiet", "--out"]).arg(folder.path().join(name)).output().unwrap();
        assert!(!ended.status.success());
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(said.contains(words), "{said}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}
