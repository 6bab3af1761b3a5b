//! Every kind of picture the pump draws holds exactly the codes it was asked for.

#![allow(clippy::disallowed_methods, reason = "these pictures are our own, and another decoder must agree")]

use std::collections::{BTreeSet, HashSet};

use image::GrayImage;
use image::imageops::{FilterType, resize};
use rxing::common::HybridBinarizer;
use rxing::multi::MultipleBarcodeReader;
use rxing::qrcode::cpp_port::QrReader;
use rxing::{BinaryBitmap, Luma8Source};
use scanmill::domain::Format;
use scanmill::pump::scene::{Difficulty, Label, PhotoSize, SceneSpec};
use scanmill::pump::story::{InjectedFault, Story, StoryOptions, StorySource};

/// The codes that a reader of another make finds, at full size and at half.
fn codes_in(picture: &GrayImage) -> BTreeSet<String> {
    let half = resize(picture, picture.width() / 2, picture.height() / 2, FilterType::Triangle);
    let mut texts = BTreeSet::new();
    for picture in [picture, &half] {
        let source = Luma8Source::new(picture.as_raw().clone(), picture.width(), picture.height()).unwrap();
        let mut bitmap = BinaryBitmap::new(HybridBinarizer::new(source));
        let found = QrReader.decode_multiple(&mut bitmap).unwrap_or_default();
        texts.extend(found.iter().map(|code| code.getText().to_owned()));
    }
    texts
}

/// The picture's brightness, by decoders that the engine does not use.
fn picture_of(format: Format, bytes: &[u8]) -> GrayImage {
    if format != Format::Heic {
        return image::load_from_memory(bytes).unwrap().to_luma8();
    }
    let image = heifer::decode_rgba8(bytes, &heifer::Options::default()).unwrap();
    let picture = image::RgbaImage::from_raw(image.width, image.height, image.data).unwrap();
    image::DynamicImage::from(picture).to_luma8()
}

#[test]
fn every_picture_of_a_story_holds_its_codes_and_no_others() {
    // More seeds by hand: SCANMILL_SCENE_SEEDS=20 cargo test --test pump scenes
    let seeds = std::env::var("SCANMILL_SCENE_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(1u64);
    for seed in 1..=seeds {
        let options = StoryOptions { seed, count: 1_500, scene_variants: 1, ..StoryOptions::default() };
        let story = Story::new(&StorySource::default(), options, String::new()).unwrap();
        let mut drawn: HashSet<SceneSpec> = HashSet::new();
        let mut kinds = HashSet::new();
        for index in 0..options.count {
            let photo = story.photo(story.stamp(index));
            if !drawn.insert(photo.scene.clone()) {
                continue;
            }
            kinds.insert((photo.scene.format, photo.codes.len()));
            let picture = picture_of(photo.scene.format, &photo.scene.encode().unwrap());
            assert_eq!((picture.width(), picture.height()), (photo.scene.width, photo.scene.height));
            let expected: BTreeSet<String> = photo.codes.iter().map(|code| code.payload.clone()).collect();
            assert_eq!(codes_in(&picture), expected, "seed {seed}, photo {index}, {:?}", photo.scene);
        }
        // The PNG without a code is what a bomb would show.
        let expected_kinds = [
            (Format::Jpeg, 0),
            (Format::Jpeg, 1),
            (Format::Jpeg, 2),
            (Format::Png, 0),
            (Format::Png, 1),
            (Format::Webp, 1),
        ];
        let expected_kinds = expected_kinds.into_iter().chain(cfg!(feature = "heic").then_some((Format::Heic, 1)));
        assert_eq!(kinds, expected_kinds.collect(), "seed {seed}");
        // A story must not draw more than it can afford to: drawing costs a thousand times what splicing does.
        assert!(drawn.len() < 50, "{} pictures", drawn.len());
    }
}

#[test]
fn a_large_picture_is_twelve_megapixels_and_readable() {
    let label = Label { title: "TRAIL 28".into(), payload: "https://www.nordpfad.example/p/trail-28".into() };
    let spec = SceneSpec::new(3, vec![label], 0, PhotoSize::Large, Format::Jpeg, Difficulty::Easy);
    let bytes = spec.encode().unwrap();
    let picture = image::load_from_memory(&bytes).unwrap().to_luma8();
    assert_eq!(picture.width() * picture.height(), 4032 * 3024);
    let small = resize(&picture, picture.width() / 4, picture.height() / 4, FilterType::Triangle);
    assert_eq!(codes_in(&small).len(), 1);
}

#[test]
fn the_same_description_gives_the_same_picture_and_another_seed_another() {
    let label = Label { title: "ROBO 3".into(), payload: "http://toys.example/p/robo-3".into() };
    let spec = |seed| SceneSpec::new(seed, vec![label.clone()], 1, PhotoSize::Small, Format::Jpeg, Difficulty::Easy);
    assert_eq!(spec(1).encode().unwrap(), spec(1).encode().unwrap());
    assert_ne!(spec(1).encode().unwrap(), spec(2).encode().unwrap());
}

#[test]
fn a_truncated_photo_has_lost_its_code() {
    let options = StoryOptions { count: 2_000, scene_variants: 1, size: PhotoSize::Small, ..StoryOptions::default() };
    let story = Story::new(&StorySource::default(), options, String::new()).unwrap();
    let photos = (0..options.count).map(|index| story.photo(story.stamp(index)));
    let maker = scanmill::pump::photo::PhotoMaker::new(16 << 20);
    let mut seen = 0;
    for photo in photos.filter(|photo| photo.fault == Some(InjectedFault::Truncated)).take(8) {
        let cut = maker.make(&photo).unwrap();
        let whole = photo.scene.encode().unwrap();
        assert!(cut.len() < whole.len() / 3, "{} of {}", cut.len(), whole.len());
        assert!(image::load_from_memory(&cut).map_or(0, |picture| codes_in(&picture.to_luma8()).len()) == 0);
        seen += 1;
    }
    assert_eq!(seen, 8);
}
