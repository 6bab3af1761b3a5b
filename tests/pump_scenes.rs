//! Every kind of picture the pump draws holds exactly the codes it was asked for.

use std::collections::{BTreeSet, HashSet};

use image::GrayImage;
use rxing::common::HybridBinarizer;
use rxing::multi::MultipleBarcodeReader;
use rxing::qrcode::cpp_port::QrReader;
use rxing::{BinaryBitmap, Luma8Source};
use scanmill::pump::scene::{PhotoSize, SceneSpec};
use scanmill::pump::story::{Story, StoryOptions};

fn read(picture: &GrayImage) -> BTreeSet<String> {
    let source = Luma8Source::new(picture.as_raw().clone(), picture.width(), picture.height()).unwrap();
    let mut bitmap = BinaryBitmap::new(HybridBinarizer::new(source));
    let found = QrReader.decode_multiple(&mut bitmap).unwrap_or_default();
    found.iter().map(|code| code.getText().to_owned()).collect()
}

#[test]
fn pictures() {
    let options = StoryOptions { seed: 5, count: 3000, size: PhotoSize::Mixed, ..StoryOptions::default() };
    let story = Story::new(options, "s/".into()).unwrap();
    let mut seen: HashSet<SceneSpec> = HashSet::new();
    let mut bad = 0;
    let mut tiles = Vec::new();
    for index in 0..options.count {
        let photo = story.photo(story.stamp(index));
        if !seen.insert(photo.scene.clone()) {
            continue;
        }
        let bytes = photo.scene.encode().unwrap();
        let picture = image::load_from_memory(&bytes).unwrap();
        let expected: BTreeSet<String> = photo.codes.iter().map(|code| code.payload.clone()).collect();
        let gray = picture.to_luma8();
        let mut found = read(&gray);
        let small =
            image::imageops::resize(&gray, gray.width() / 2, gray.height() / 2, image::imageops::FilterType::Triangle);
        found.extend(read(&small));
        if found != expected {
            bad += 1;
            eprintln!(
                "{index} {:?} {}x{} {} expected {expected:?} found {found:?}",
                photo.fault,
                picture.width(),
                picture.height(),
                bytes.len()
            );
        }
        tiles.push(picture.resize(240, 240, image::imageops::FilterType::Triangle).to_rgb8());
    }
    eprintln!("{} scenes, {bad} bad", seen.len());
    if let Ok(path) = std::env::var("SHEET") {
        let mut sheet = image::RgbImage::new(8 * 244, 6 * 244);
        for (place, tile) in tiles.iter().take(48).enumerate() {
            image::imageops::overlay(&mut sheet, tile, (place as i64 % 8) * 244, (place as i64 / 8) * 244);
        }
        sheet.save(path).unwrap();
    }
}
