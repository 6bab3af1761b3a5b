//! What a story decides, and that the files say exactly that.

use std::collections::{BTreeMap, HashMap, HashSet};

use exif::{In, Tag, Value};
use scanmill::pump::answer_key::{Expectation, ExpectedPhoto};
use scanmill::pump::exif::{CaptureFacts, tiff};
use scanmill::pump::photo::PhotoMaker;
use scanmill::pump::scene::PhotoSize;
use scanmill::pump::story::{InjectedFault, PlannedPhoto, Story, StoryOptions, StorySource};

fn story(options: StoryOptions) -> Story {
    Story::new(&StorySource::default(), options, "p/".into()).unwrap()
}

fn plans(options: StoryOptions) -> impl Iterator<Item = PlannedPhoto> {
    let story = story(options);
    (0..options.count).map(move |index| story.photo(story.stamp(index)))
}

fn degrees(exif: &exif::Exif, tag: Tag, reference: Tag, negative: &str) -> Option<f64> {
    let Value::Rational(parts) = &exif.get_field(tag, In::PRIMARY)?.value else { return None };
    let value = parts[0].to_f64() + parts[1].to_f64() / 60.0 + parts[2].to_f64() / 3600.0;
    let sign = exif.get_field(reference, In::PRIMARY)?.display_value().to_string();
    Some(if sign == negative { -value } else { value })
}

#[test]
fn the_files_say_what_the_answer_key_says() {
    let options = StoryOptions { count: 700, size: PhotoSize::Small, scene_variants: 1, ..StoryOptions::default() };
    let maker = PhotoMaker::new(64 << 20);
    let mut contents = HashSet::new();
    let mut signs = HashSet::new();
    let mut fixes = HashSet::new();
    let mut formats = HashSet::new();
    for plan in plans(options) {
        let bytes = maker.make(&plan).unwrap();
        assert!(contents.insert(bytes.clone()), "photo {} is another's twin", plan.index);
        let Expectation::Scans { photo, codes } = ExpectedPhoto::of("inbox", &plan).expect else { continue };
        assert_eq!(codes.len() as i32, photo.qr_count);
        formats.insert(photo.format.clone());
        let read = exif::Reader::new().read_from_container(&mut std::io::Cursor::new(&bytes));
        if plan.fault == Some(InjectedFault::NoExif) {
            assert!(read.is_err() && photo.captured_local.is_none() && photo.captured_at.is_none());
            continue;
        }
        let exif = read.unwrap_or_else(|error| panic!("photo {}: {error}", plan.index));
        let shown = |tag| exif.get_field(tag, In::PRIMARY).map(|field| field.display_value().to_string());
        // The wall clock, rebuilt from the file's own text.
        let subseconds = shown(Tag::SubSecTimeOriginal).map_or("000".to_owned(), |text| text.replace('"', ""));
        let clock = shown(Tag::DateTimeOriginal).unwrap().replace(' ', "T");
        assert_eq!(photo.captured_local.as_deref(), Some(format!("{clock}.{subseconds}").as_str()));
        // The instant, from the offset, or else from the GPS clock where its fix is fresh, or else from the zone that the
        // story says the place has.
        let local: jiff::civil::DateTime = photo.captured_local.as_deref().unwrap().parse().unwrap();
        let wall = jiff::tz::Offset::UTC.to_timestamp(local).unwrap();
        let minutes = match (shown(Tag::OffsetTimeOriginal), shown(Tag::GPSDateStamp)) {
            (Some(offset), _) => {
                let offset = offset.replace('"', "");
                let (hours, minutes) = offset[1..].split_once(':').unwrap();
                let minutes = hours.parse::<i64>().unwrap() * 60 + minutes.parse::<i64>().unwrap();
                Some(if offset.starts_with('-') { -minutes } else { minutes })
            }
            (None, Some(date)) => {
                let fix = format!("{date}T{}Z", shown(Tag::GPSTimeStamp).unwrap());
                let fix: jiff::Timestamp = fix.parse().unwrap();
                let seconds = wall.as_second() - fix.as_second();
                let minutes = (seconds as f64 / 900.0).round() as i64 * 15;
                let is_fresh = (seconds - minutes * 60).abs() <= 90;
                fixes.insert(is_fresh);
                Some(if is_fresh { minutes } else { plan.capture.as_ref().unwrap().offset_minutes.into() })
            }
            (None, None) => None,
        };
        assert_eq!(photo.utc_offset_minutes.map(i64::from), minutes, "photo {}", plan.index);
        let instant = minutes.map(|minutes| format!("{:.3}", wall - jiff::SignedDuration::from_mins(minutes)));
        assert_eq!(photo.captured_at, instant, "photo {}", plan.index);
        // The place.
        let latitude = degrees(&exif, Tag::GPSLatitude, Tag::GPSLatitudeRef, "S");
        let longitude = degrees(&exif, Tag::GPSLongitude, Tag::GPSLongitudeRef, "W");
        for (expected, written) in [(photo.latitude, latitude), (photo.longitude, longitude)] {
            assert_eq!(expected.is_some(), written.is_some());
            let apart = expected.unwrap_or(0.0) - written.unwrap_or(0.0);
            assert!(apart.abs() < 5e-6, "photo {}: {expected:?} {written:?}", plan.index);
        }
        if let (Some(latitude), Some(longitude)) = (latitude, longitude) {
            signs.insert((latitude < 0.0, longitude < 0.0));
        }
        assert_eq!(shown(Tag::Model), photo.camera_model.map(|model| format!("\"{model}\"")));
    }
    assert_eq!(signs.len(), 4);
    assert_eq!(fixes.len(), 2, "fresh fixes and old ones");
    assert_eq!(formats, ["heic", "jpeg", "png", "webp"].map(str::to_owned).into());
}

#[test]
fn any_slice_can_be_made_again_in_any_order() {
    let options = StoryOptions { count: 5_000, size: PhotoSize::Small, scene_variants: 1, ..StoryOptions::default() };
    let (one, other) = (story(options), story(options));
    let (maker, small_maker) = (PhotoMaker::new(64 << 20), PhotoMaker::new(1));
    for index in (40..60).rev() {
        let plan = one.photo(one.stamp(index));
        let again = other.photo(other.stamp(index));
        assert_eq!(plan, again);
        assert_eq!(maker.make(&plan).unwrap(), small_maker.make(&again).unwrap());
    }
    let reseeded = story(StoryOptions { seed: 2, ..options });
    assert_ne!(one.photo(one.stamp(40)), reseeded.photo(reseeded.stamp(40)));
    assert!(small_maker.drawn() >= maker.drawn());
}

#[test]
fn a_cache_that_is_too_small_still_keeps_what_is_used_most() {
    let options = StoryOptions { count: 120, size: PhotoSize::Small, scene_variants: 1, ..StoryOptions::default() };
    let (roomy, tight) = (PhotoMaker::new(64 << 20), PhotoMaker::new(600 << 10));
    for plan in plans(options) {
        roomy.make(&plan).unwrap();
        tight.make(&plan).unwrap();
    }
    assert!(tight.drawn() > roomy.drawn(), "nothing was dropped");
    assert!(tight.drawn() < options.count, "nothing was kept");
}

#[test]
fn the_mix_of_faults_is_the_one_asked_for() {
    let options = StoryOptions { count: 20_000, ..StoryOptions::default() };
    let mut found: BTreeMap<InjectedFault, f64> = BTreeMap::new();
    for plan in plans(options) {
        if let Some(fault) = plan.fault {
            *found.entry(fault).or_default() += 1.0;
        }
    }
    for (fault, share) in &story(options).world().mix.fault {
        let expected = share * options.count as f64;
        let apart = (found.get(fault).copied().unwrap_or(0.0) - expected).abs();
        assert!(apart < 5.0 * expected.sqrt(), "{}: {apart} off {expected}", fault.as_str());
    }
    assert!(plans(StoryOptions { faults: false, count: 2_000, ..options }).all(|plan| plan.fault.is_none()));
}

#[test]
fn the_story_shows_its_rhythm_its_launch_and_its_campaign() {
    let options = StoryOptions { count: 30_000, faults: false, ..StoryOptions::default() };
    let (mut by_hour, mut by_product) = ([0u32; 24], HashMap::<String, u32>::new());
    let (mut keys, mut naughty, mut last) = (HashSet::new(), 0, None);
    let mut launch_days: BTreeMap<String, u32> = BTreeMap::new();
    for plan in plans(options) {
        let facts = plan.capture.unwrap();
        assert!(last <= Some(facts.taken_at.as_second()), "the story runs forward");
        last = Some(facts.taken_at.as_second());
        by_hour[facts.local.hour() as usize] += 1;
        let code = &plan.codes[0];
        *by_product.entry(code.title.to_string()).or_default() += 1;
        match code.utm.campaign.as_deref() {
            Some("aurora-launch") => *launch_days.entry(facts.taken_at.to_string()[..10].to_owned()).or_default() += 1,
            Some(_) => assert!(["Berlin", "Hamburg", "Vienna", "Zürich"].contains(&&*plan.city)),
            None => {}
        }
        naughty += u32::from(plan.key.contains([' ', '+', '%', '#']));
        assert!(plan.key.starts_with("p/2026/"), "{}", plan.key);
        assert!(keys.insert(plan.key));
    }
    assert!(by_hour[18] > 10 * by_hour[3], "{by_hour:?}");
    assert!(by_product["COLD BREW"] > by_product["TRAIL 28"] && by_product["TRAIL 28"] > by_product["ROBO 3"]);
    assert!((1_200..2_400).contains(&naughty), "{naughty} naughty keys");
    let days: Vec<(&String, &u32)> = launch_days.iter().collect();
    assert_eq!(days[0].0, "2026-03-12");
    assert!(days[1].1 > days[4].1 && days[4].1 > days[8].1, "{days:?}");
}

#[test]
fn the_zones_of_the_stories_are_those_of_the_map() {
    let rules = scanmill::decode::exif::Rules::now(true);
    for (name, _) in scanmill::pump::story::source::BUILT_IN {
        let options = StoryOptions { count: 3_000, faults: false, ..StoryOptions::default() };
        let story = Story::new(&StorySource::find(name).unwrap(), options, String::new()).unwrap();
        for facts in (0..3_000).filter_map(|index| story.photo(story.stamp(index)).capture) {
            // As if the photo gave no offset, and had a fix that tells none.
            let silent = CaptureFacts { with_offset: false, gps_lag_seconds: 400, ..facts.clone() };
            let read = scanmill::decode::exif::read(&tiff(&silent).unwrap(), &rules);
            match read.captured_at_source {
                Some("exif_original+place_zone") => {
                    assert_eq!(read.utc_offset_minutes, Some(facts.offset_minutes), "{name}: {facts:?}");
                }
                source => assert_eq!(source, Some("exif_original+place_zone_ambiguous"), "{name}: {facts:?}"),
            }
        }
    }
}
