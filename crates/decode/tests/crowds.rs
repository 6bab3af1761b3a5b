//! Photos of many codes: sheets of labels, and shelves where codes of several sizes stand side by side.

#[path = "support/decode_scene.rs"]
mod scene;

use std::collections::BTreeSet;

use qrcode::{EcLevel, QrCode, Version};
use scanmill_core::domain::Reading;
use scanmill_decode::decode;
use scene::{Place, Scene, limits};

fn text(index: usize) -> String {
    format!("https://example.com/p/{index:04}")
}

fn code(index: usize, version: i16) -> QrCode {
    QrCode::with_version(text(index), Version::Normal(version), EcLevel::M).unwrap()
}

/// How many of the texts of `count` codes were read; none may be wrong.
fn read(scene: &Scene, count: usize) -> (usize, Reading) {
    let reading = decode(&scene.png(), &limits());
    let wanted: BTreeSet<String> = (0..count).map(text).collect();
    let texts: BTreeSet<String> = reading.codes.iter().map(|code| code.text.clone()).collect();
    assert!(texts.is_subset(&wanted), "{:?}", texts.difference(&wanted).collect::<Vec<_>>());
    (texts.len(), reading)
}

/// A sheet of codes side by side, four modules of paper around each, in slight perspective by rows.
fn sheet(columns: usize, rows: usize, version: i16, module: f32) -> Scene {
    let side = (version as f32 * 4.0 + 17.0 + 8.0) * module;
    let (width, height) = ((columns as f32 + 1.0) * side, (rows as f32 + 1.0) * side);
    let mut sheet = Scene::paper(width as usize, height as usize);
    for index in 0..columns * rows {
        let at = |place: usize| (place as f32 + 1.0) * side;
        let place = Place { degrees: 1.5, ..Place::at(at(index % columns), at(index / columns), module) };
        sheet = sheet.draw(&code(index, version), place);
    }
    sheet
}

#[test]
fn every_code_of_a_sheet_is_read_however_many_there_are() {
    // In the larger versions the patterns of neighbours stand nearer to each other than those of one code.
    for (columns, rows, version, module) in [(4, 3, 4, 3.0), (10, 6, 2, 3.0), (20, 12, 4, 2.5), (20, 15, 3, 2.7)] {
        let count = columns * rows;
        let (right, reading) = read(&sheet(columns, rows, version, module), count);
        assert!(right * 100 >= count * 99, "{right} of {count}: {:?}", reading.rungs);
        assert_eq!(reading.more_codes_likely, right < count, "{right} of {count}");
    }
}

#[test]
fn small_codes_are_looked_for_beside_the_large_one_that_is_read_first() {
    // At 500 pixels the large one is read and nothing is seen of the others.
    let sizes = [6.0f32, 3.0, 2.8, 2.6, 2.4, 2.2];
    let mut shelf = Scene::paper(1_600, 1_200);
    for (index, &module) in sizes.iter().enumerate() {
        let (x, y) = (index % 3, index / 3);
        let place = Place::at(270.0 + 530.0 * x as f32, 300.0 + 600.0 * y as f32, module);
        shelf = shelf.draw(&code(index, 4), place);
    }
    let (right, reading) = read(&shelf, sizes.len());
    assert_eq!(right, sizes.len(), "{:?}", reading.rungs);
    assert!(!reading.more_codes_likely);
}

#[test]
fn a_code_that_is_seen_and_not_read_is_told() {
    let spoilt = Place::at(700.0, 250.0, 6.0);
    let mut scene = Scene::paper(1_000, 500).draw(&code(0, 3), Place::at(250.0, 250.0, 6.0)).draw(&code(1, 3), spoilt);
    // All but its finder and timing patterns is gone.
    let left = spoilt.centre.map(|at| (at - 14.5 * spoilt.module) as usize);
    for (column, row) in (9..29).flat_map(|row| (9..29).map(move |column| (column, row))) {
        for (x, y) in (0..6).flat_map(|y| (0..6).map(move |x| (x, y))) {
            scene.pixels[(left[1] + row * 6 + y) * scene.width + left[0] + column * 6 + x] = 220;
        }
    }
    let (right, reading) = read(&scene, 2);
    assert!(right == 1 && reading.more_codes_likely, "{right} {:?}", reading.rungs);
}
