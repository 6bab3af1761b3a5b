//! The files of every format: metadata where readers find it, a mark where there is none, and bombs.

use std::collections::HashSet;
use std::time::Duration;

use scanmill::decode::decode;
use scanmill::domain::{Format, Reason};
use scanmill::pump::bomb;
use scanmill::pump::photo::PhotoMaker;
use scanmill::pump::scene::{Difficulty, Label, PhotoSize, SceneSpec};
use scanmill::pump::story::{InjectedFault, PlannedPhoto, Story, StoryOptions, StorySource};

use crate::decode_scene::limits;

const TEXT: &str = "https://www.nordpfad.example/p/trail-28";

/// A photo of a story, with a picture of our choice.
fn plan(format: Format, with_exif: bool, unique_id: u128) -> PlannedPhoto {
    let options = StoryOptions { faults: false, ..StoryOptions::default() };
    let story = Story::new(&StorySource::default(), options, String::new()).unwrap();
    let planned = (0..).map(|index| story.photo(story.stamp(index))).find(|photo| photo.capture.is_some()).unwrap();
    let label = Label { title: "Trail 28".into(), payload: TEXT.into() };
    let scene = SceneSpec::new(3, vec![label], 0, PhotoSize::Small, format, Difficulty::Easy);
    let capture = planned.capture.clone().filter(|_| with_exif);
    PlannedPhoto { scene, capture, unique_id, keep: None, fault: None, ..planned }
}

fn formats() -> Vec<Format> {
    let mut formats = vec![Format::Jpeg, Format::Png, Format::Webp];
    formats.extend(cfg!(feature = "heic").then_some(Format::Heic));
    formats
}

#[test]
fn every_format_has_its_exif_and_its_code() {
    let maker = PhotoMaker::new(64 << 20);
    for format in formats() {
        let plan = plan(format, true, 1);
        let bytes = maker.make(&plan).unwrap();
        let reading = decode(&bytes, &limits());
        assert_eq!(reading.format, Some(format));
        assert_eq!((reading.width, reading.height), (Some(plan.scene.width), Some(plan.scene.height)), "{format:?}");
        assert_eq!(reading.codes.iter().map(|code| code.text.as_str()).collect::<Vec<_>>(), [TEXT], "{format:?}");
        let facts = plan.capture.unwrap();
        assert_eq!(reading.capture.camera_model.as_deref(), Some(facts.camera_model.as_ref()), "{format:?}");
        // A reader of another make.
        let exif = exif::Reader::new().read_from_container(&mut std::io::Cursor::new(&bytes)).unwrap();
        let model = exif.get_field(exif::Tag::Model, exif::In::PRIMARY).unwrap().display_value().to_string();
        assert_eq!(model, format!("\"{}\"", facts.camera_model), "{format:?}");
    }
}

#[test]
fn photos_without_exif_have_none_and_are_still_unlike_each_other() {
    let maker = PhotoMaker::new(64 << 20);
    for format in formats() {
        let files: HashSet<_> = (0..3).map(|id| maker.make(&plan(format, false, id)).unwrap()).collect();
        assert_eq!(files.len(), 3, "{format:?}");
        for bytes in files {
            let reading = decode(&bytes, &limits());
            assert_eq!(reading.codes.len(), 1, "{format:?}");
            assert_eq!(reading.capture.camera_model, None, "{format:?}");
            assert!(exif::Reader::new().read_from_container(&mut std::io::Cursor::new(&bytes)).is_err(), "{format:?}");
        }
    }
    assert_eq!(maker.drawn(), formats().len() as u64);
}

#[test]
fn a_share_of_a_file_is_its_beginning() {
    let maker = PhotoMaker::new(64 << 20);
    for format in formats() {
        let whole = maker.make(&plan(format, true, 1)).unwrap();
        let cut = maker.make(&PlannedPhoto { keep: Some(0.25), ..plan(format, true, 1) }).unwrap();
        assert_eq!(cut.len(), whole.len() / 4, "{format:?}");
        assert!(whole.starts_with(&cut), "{format:?}");
    }
}

#[test]
fn bombs_are_small_unlike_each_other_and_refused_at_once() {
    let maker = PhotoMaker::new(1);
    let mut files = HashSet::new();
    for id in 0..6 {
        let bytes =
            maker.make(&PlannedPhoto { fault: Some(InjectedFault::Bomb), ..plan(Format::Jpeg, true, id) }).unwrap();
        assert_eq!(bytes, bomb::png(id).unwrap());
        assert!(bytes.len() < 2_000, "{} bytes", bytes.len());
        let reading = decode(&bytes, &limits());
        assert_eq!(reading.reject.unwrap().reason, Reason::TooManyPixels);
        assert!(reading.decode_ms < Duration::from_secs(5).as_secs_f64() * 1e3);
        assert!(files.insert(bytes));
    }
    assert_eq!(maker.drawn(), 0);
}
