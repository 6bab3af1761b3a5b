//! Photos of many codes: sheets of labels, and shelves where codes of several sizes stand side by side.

use std::collections::BTreeSet;

use crate::scene::{Place, Scene, limits};
use qrcode::{EcLevel, QrCode, Version};
use scanmill_core::domain::Reading;
use scanmill_decode::decode;

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
    turned_sheet(columns, rows, version, module, 1.5, 8.0)
}

/// The same with codes turned by so many degrees, so many modules apart.
fn turned_sheet(columns: usize, rows: usize, version: i16, module: f32, degrees: f32, apart: f32) -> Scene {
    let side = (version as f32 * 4.0 + 17.0 + apart) * module;
    let (width, height) = ((columns as f32 + 1.0) * side, (rows as f32 + 1.0) * side);
    let mut sheet = Scene::paper(width as usize, height as usize);
    for index in 0..columns * rows {
        let at = |place: usize| (place as f32 + 1.0) * side;
        let place = Place { degrees, ..Place::at(at(index % columns), at(index / columns), module) };
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

/// The light falls off towards a corner, an edge of shadow runs down on either side of the middle, and there is noise.
fn in_shadow(mut sheet: Scene, depth: f32) -> Scene {
    let [width, height] = [sheet.width as f32, sheet.height as f32];
    let mut state = 0x2545_f491_4f6c_dd1du64;
    for (at, pixel) in sheet.pixels.iter_mut().enumerate() {
        let [x, y] = [(at % sheet.width) as f32 / width, (at / sheet.width) as f32 / height];
        let band = if (0.4..0.6).contains(&x) { 1.0 - depth * 0.6 } else { 1.0 };
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let noise = (0..4).map(|byte| (state >> (byte * 8) & 0xff) as f32 / 255.0 - 0.5).sum::<f32>() * 5.0;
        *pixel = (f32::from(*pixel) * (1.0 - depth * (x + y) / 2.0) * band + noise).clamp(0.0, 255.0) as u8;
    }
    sheet
}

#[test]
fn a_pale_code_beside_a_crisp_one_is_read() {
    for contrast in [0.15, 0.2, 0.3, 0.4] {
        for module in [4.0, 5.0] {
            let mut photo = Scene::paper(3_000, 2_250).draw(&code(0, 2), Place::at(800.0, 700.0, 20.0));
            let pale = Scene::paper(3_000, 2_250).draw(&code(1, 2), Place::at(2_000.0, 1_500.0, module));
            for (pixel, pale) in photo.pixels.iter_mut().zip(&pale.pixels) {
                *pixel = pixel.saturating_sub((f32::from(255 - pale) * contrast) as u8);
            }
            let (right, reading) = read(&in_shadow(photo, 0.0), 2);
            assert_eq!(right, 2, "at {contrast} of the contrast, {module} pixels a module: {:?}", reading.rungs);
        }
    }
}

#[test]
fn codes_that_a_shadow_takes_from_a_sheet_are_looked_for_at_their_places() {
    for (depth, version, module, degrees, apart) in [
        (0.5, 4, 2.3, 1.5, 4.0),
        (0.75, 4, 2.3, 12.0, 8.0),
        (0.75, 4, 2.6, 4.0, 8.0),
        (0.75, 2, 3.2, 45.0, 18.0),
        (0.75, 2, 2.6, 45.0, 18.0),
        (0.75, 2, 2.3, 45.0, 18.0),
    ] {
        let (columns, rows) = (20, 15);
        let sheet = turned_sheet(columns, rows, version, module, degrees, apart);
        let (right, reading) = read(&in_shadow(sheet, depth), columns * rows);
        let what = format!("{depth} {version} {module} {degrees}: {right} {:?}", reading.rungs);
        assert!(right * 100 >= columns * rows * 99, "{what}");
        assert_eq!(reading.more_codes_likely, right < columns * rows, "{what}");
    }
}

#[test]
fn a_code_of_a_sheet_that_cannot_be_read_is_told() {
    let (columns, rows, module) = (6, 5, 3.0);
    let mut sheet = sheet(columns, rows, 2, module);
    // Of one in the middle, 25 modules wide, only two finder patterns are left.
    let corner = (33.0 * 3.0 - 12.5) * module;
    for (column, row) in (0..27).flat_map(|row| (0..27).map(move |column| (column, row))) {
        if row >= 9 || (9..18).contains(&column) {
            let at = |modules: i32| (corner + (modules - 1) as f32 * module) as usize;
            for y in at(row)..at(row + 1) {
                sheet.pixels[y * sheet.width..][at(column)..at(column + 1)].fill(215);
            }
        }
    }
    let (right, reading) = read(&sheet, columns * rows);
    assert!(right == columns * rows - 1 && reading.more_codes_likely, "{right} {:?}", reading.rungs);
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
    let damaged = Place::at(700.0, 250.0, 6.0);
    let mut scene = Scene::paper(1_000, 500).draw(&code(0, 3), Place::at(250.0, 250.0, 6.0)).draw(&code(1, 3), damaged);
    // All but its finder and timing patterns is gone.
    let left = damaged.centre.map(|at| (at - 14.5 * damaged.module) as usize);
    for (column, row) in (9..29).flat_map(|row| (9..29).map(move |column| (column, row))) {
        for (x, y) in (0..6).flat_map(|y| (0..6).map(move |x| (x, y))) {
            scene.pixels[(left[1] + row * 6 + y) * scene.width + left[0] + column * 6 + x] = 220;
        }
    }
    let (right, reading) = read(&scene, 2);
    assert!(right == 1 && reading.more_codes_likely, "{right} {:?}", reading.rungs);
}
