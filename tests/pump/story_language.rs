//! The story language: what it refuses and how, and that its rates, mixes and devices come out as written.

use std::collections::{BTreeMap, HashMap, HashSet};

use proptest::prelude::*;
use scanmill::domain::Format;
use scanmill::pump::scene::{PhotoSize, SceneSpec};
use scanmill::pump::story::source::{BUILT_IN, Language};
use scanmill::pump::story::summary::summary;
use scanmill::pump::story::{PlannedPhoto, Stamp, Story, StoryOptions, StorySource};

const SMALL: &str = r#"
[span]
from = 2026-03-02
to = 2026-03-16

[rate]
photos_per_day = 96
hour = [0,0,0,0,0,0, 1,1,1,1,1,1, 2,2,2,2,2,2, 1,1,1,1,0,0]
weekday = [1,1,1,1,1,2,0]
trend_per_week = 0.5

[[place]]
name = "Berlin"
zone = "Europe/Berlin"
latitude = 52.52
longitude = 13.405
region = "north"
weight = 3

[[place]]
name = "Kathmandu"
zone = "Asia/Kathmandu"
latitude = 27.7172
longitude = 85.3240
region = "south"

[[product]]
name = "ONE"
url = "https://a.example/p/one"
weight = 3

[[product]]
name = "TWO"
url = "https://a.example/p/two"
regions = ["north"]
weight = 1

[[campaign]]
start = 2026-03-09
hold = "4d"
peak = 12
regions = ["south"]
products = ["TWO"]
utm = { source = "poster" }

[[outage]]
from = 2026-03-11
to = 2026-03-12
places = ["Berlin"]
"#;

fn source(text: &str) -> StorySource {
    StorySource { name: "mine".into(), language: Language::Toml, text: text.to_owned() }
}

fn told(text: &str, count: u64) -> Story {
    let options = StoryOptions { count, ..StoryOptions::default() };
    Story::new(&source(text), options, "p/".into()).unwrap_or_else(|error| panic!("{}", error.report()))
}

fn refusal(text: &str) -> String {
    Story::new(&source(text), StoryOptions::default(), String::new()).unwrap_err().report()
}

fn plans(story: &Story, count: u64) -> impl Iterator<Item = PlannedPhoto> {
    (0..count).map(move |index| story.photo(story.stamp(index)))
}

#[test]
fn several_mistakes_are_told_at_once_each_with_its_line() {
    let broken = SMALL
        .replace("to = 2026-03-16", "to = 2026-03-01")
        .replace("photos_per_day = 96", "photos_per_day = \"many\"\nphotos_per_hour = 4")
        .replace("Asia/Kathmandu", "Asia/Kathmandoo")
        .replace("regions = [\"south\"]\nproducts = [\"TWO\"]", "regions = [\"sooth\"]\nproducts = [\"TOO\"]")
        .replace("hold = \"4d\"", "hold = \"4 days\"")
        .replace("latitude = 52.52", "latitude = 152.52")
        .replace("[[outage]]\nfrom = 2026-03-11", "[[outage]]\nfrm = 2026-03-11");
    let report = refusal(&broken);
    for part in [
        "10 mistakes",
        "span.to (mine.toml:4:",
        "rate.photos_per_day (mine.toml:7:18): found \"many\"",
        "expected a number from 0.001 to 1000000000",
        "rate.photos_per_hour (mine.toml:8:1): unknown key",
        "did you mean `photos_per_day`?",
        "place[2].zone",
        "no zone is called \"Asia/Kathmandoo\"",
        "did you mean \"south\"?",
        "no product is called \"TOO\"",
        "campaign[1].hold",
        "expected a length of time like \"90m\"",
        "place[1].latitude",
        "found 152.52",
        "outage[1].from",
        "outage[1].frm",
    ] {
        assert!(report.contains(part), "no {part} in\n{report}");
    }
}

#[test]
fn what_cannot_be_is_refused_with_the_reason() {
    for (from, to, part) in [
        ("[span]", "[spann]", "did you mean `span`?"),
        ("[span]", "span", "not TOML"),
        ("weekday = [1,1,1,1,1,2,0]", "weekday = [1,1,1,1,1,2]", "expected a list of 7 numbers"),
        ("trend_per_week = 0.5", "trend_per_week = -0.9", "falls below nothing after 7.8 of 14 days"),
        ("name = \"TWO\"", "name = \"ONE\"", "\"ONE\" appears twice"),
        ("https://a.example/p/two", "a.example/p/two", "expected a web address"),
        ("https://a.example/p/two", "https://a.example/?utm_source=x", "has tracking parameters"),
        (
            "weight = 3\n\n[[product]]",
            "product_id_source = \"guess\"\n\n[[product]]",
            "expected one of gtin, digital_link",
        ),
        ("weight = 3\n\n[[product]]", "gtin = \"09521000000019\"\n\n[[product]]", "the last of them the check digit"),
        ("source = \"poster\"", "source = \"pos ter\"", "letters, digits"),
        ("to = 2026-03-12", "to = 2026-03-10", "expected the end of the outage"),
        ("hold = \"4d\"", "", "a campaign that is over as it begins"),
        ("[rate]", "[mix.look]\neasy = 10\nglare = 90\n[mix.fault]\nno_code = 0.2\n[rate]", "easy looks are 10 %"),
        ("[rate]", "[mix.fault]\nno_code = 0.7\nno_gps = 0.4\n[rate]", "add up to 1.1"),
        ("[rate]", "[mix.look]\nhazy = 1\n[rate]", "mix.look.hazy"),
        ("from = 2026-03-02", "from = 2026-03-02T00:07:00Z", "a full quarter of an hour"),
        ("weight = 3\n\n[[place]]", "weight = 3\nregion = \"x\"\n\n[[place]]", "not TOML"),
        ("[[campaign]]", "[devices]\nreturn_share = 0.5\n\n[[campaign]]", "there are no regulars"),
    ] {
        let changed = SMALL.replacen(from, to, 1);
        assert_ne!(changed, SMALL, "{from}");
        let report = refusal(&changed);
        assert!(report.contains(part), "no {part} in\n{report}");
    }
    let never = SMALL.replace("weight = 3", "weight = 0").replace("weight = 1", "weight = 0");
    assert!(refusal(&never.replace("peak = 12", "peak = 0")).contains("never has a photo taken"));
}

#[test]
fn every_shipped_story_is_read_and_keeps_its_pictures_few() {
    for (name, _) in BUILT_IN {
        for (count, variants, most) in [(2_400, 1, 90), (2_400, 3, 160), (40_000, 1, 95), (40_000, 3, 180)] {
            let options = StoryOptions { count, scene_variants: variants, ..StoryOptions::default() };
            let story = Story::new(&StorySource::find(name).unwrap(), options, String::new())
                .unwrap_or_else(|error| panic!("{}", error.report()));
            let scenes: HashSet<SceneSpec> = plans(&story, count).map(|photo| photo.scene).collect();
            let large = scenes.iter().filter(|scene| scene.width.max(scene.height) > 2_000).count();
            let heic = scenes.iter().filter(|scene| scene.format == Format::Heic).count();
            eprintln!("{name}, {count} photos, {variants}: {} pictures, {large} large, {heic} HEIC", scenes.len());
            assert!(scenes.len() <= most && large <= 2 && heic <= 2, "{name}: {}", scenes.len());
        }
    }
}

#[test]
fn the_rate_is_the_product_of_its_factors() {
    let story = told(SMALL, 1);
    let chance = |at: &str| story.acceptance(Stamp { index: 0, at: at.parse().unwrap(), certain: false });
    // Berlin is one hour east: 6 h there is 5 h UTC. Kathmandu is 5:45 east: its night ends at 0:15 UTC. Interest is 4
    // in Berlin and 3 in Kathmandu, weights are 3 and 1.
    let ratio = |left: &str, right: &str| chance(left) / chance(right);
    let close = |found: f64, expected: f64| assert!((found / expected - 1.0).abs() < 2e-3, "{found} {expected}");
    // Monday 3:00: Kathmandu 8:45 only; 6:30: Kathmandu at noon (2), Berlin morning (1).
    close(ratio("2026-03-02T06:30:00Z", "2026-03-02T03:00:00Z"), (3.0 * 4.0 + 3.0 * 2.0) / 3.0 * 1.0104);
    // 0:00 is still night in both, 0:15 no more in Kathmandu.
    assert_eq!(chance("2026-03-02T00:00:00Z"), 0.0);
    assert!(chance("2026-03-02T00:15:00Z") > 0.0);
    // Saturday is twice Friday, and five days of growth by 1/14 a day.
    let growth = |days: f64| 1.0 + 0.5 / 7.0 * days;
    close(ratio("2026-03-07T09:00:00Z", "2026-03-06T09:00:00Z"), 2.0 * growth(5.38) / growth(4.38));
    // Sunday is nothing; but Sunday 22:00 UTC in Kathmandu is Monday 3:45, night as well.
    assert_eq!(chance("2026-03-08T09:00:00Z"), 0.0);
    // The campaign: 12 more in Kathmandu from 9 to 12 March.
    let before = 1.0 * (3.0 * 4.0 * 1.0 + 2.0 * 3.0);
    let during = 1.0 * (3.0 * 4.0 * 1.0 + 2.0 * 15.0);
    close(ratio("2026-03-10T07:00:00Z", "2026-03-03T07:00:00Z"), during / before * growth(8.3) / growth(1.3));
    // The outage: nothing from Berlin on the 11th.
    close(ratio("2026-03-11T07:00:00Z", "2026-03-10T07:00:00Z"), 30.0 / 42.0 * growth(9.3) / growth(8.3));
    let day = |date: i8| format!("2026-03-{date:02}");
    let mut by_day: BTreeMap<(String, String), u32> = BTreeMap::new();
    let story = told(SMALL, 20_000);
    for photo in plans(&story, 20_000) {
        let at = photo.capture.unwrap().taken_at.to_string();
        *by_day.entry((photo.city.to_string(), at[..10].to_owned())).or_default() += 1;
        let two = photo.codes[0].title.as_ref() == "TWO";
        assert!(
            !two || *photo.city == *"Berlin" || photo.codes[0].utm.source.is_some(),
            "TWO is not sold in the south"
        );
    }
    assert_eq!(by_day.get(&("Berlin".into(), day(11))), None);
    assert!(by_day[&("Kathmandu".into(), day(11))] > 2 * by_day[&("Kathmandu".into(), day(4))]);
    // The real rate: 96 a day on average, the peak at a Saturday's or the campaign's height.
    assert!((story.mean_per_second() - 96.0 / 86_400.0).abs() < 1e-9);
    assert!(story.peak_rate() > 2.0 * story.mean_per_second());
}

#[test]
fn seasons_run_by_months_or_along_lines_over_the_new_year() {
    let year = SMALL
        .replace("2026-03-02", "2026-01-01")
        .replace("2026-03-16", "2027-01-01")
        .replace("_week = 0.5", "_week = 0");
    let by = |season: &str| told(&year.replace("[rate]", &format!("[rate]\n{season}")), 1);
    let noon = |story: &Story, date: &str| {
        let at = format!("{date}T12:00:00Z").parse().unwrap();
        story.acceptance(Stamp { index: 0, at, certain: false })
    };
    let months = by("month = [1,1,1,1,1,1,1,1,1,1,1,3]");
    // Both Thursdays.
    assert!((noon(&months, "2026-12-03") / noon(&months, "2026-11-26") - 3.0).abs() < 1e-9);
    let days = by("season = { 06-01 = 2.0, 06-11 = 4.0, 12-31 = 2.0 }");
    assert!((noon(&days, "2026-06-08") / noon(&days, "2026-06-01") - 3.4 / 2.0).abs() < 1e-9, "Mondays");
    assert!((noon(&days, "2026-02-02") / noon(&days, "2026-06-01") - 1.0).abs() < 1e-9, "flat over the new year");
    assert!(refusal(&year.replace("[rate]", "[rate]\nseason = { 13-01 = 2.0 }")).contains("a day like `12-24 = 3.0`"));
}

#[test]
fn the_mix_of_looks_formats_sizes_and_faults_is_the_one_asked_for() {
    let mixed = StorySource::find("retail-year").unwrap();
    let default = StorySource::default();
    for source in [default, mixed] {
        let count = 30_000;
        let story = Story::new(&source, StoryOptions { count, ..StoryOptions::default() }, String::new()).unwrap();
        let counted = summary(&story, (0..count).map(|index| story.stamp(index)));
        for (name, rows) in counted.sections() {
            // Pictures follow products, whose own shares vary: a little more room than for one fair draw.
            for row in rows.iter().filter(|row| row.sigmas.is_some()) {
                assert!(row.sigmas.unwrap().abs() < 4.5, "{} {name} {row:?}", source.name);
            }
        }
        assert!(counted.looks.len() == 7 && counted.faults.len() == 11 && counted.formats.len() == 4);
    }
}

#[test]
fn a_size_overrides_the_mix_and_no_faults_means_none() {
    let source = StorySource::find("retail-year").unwrap();
    let options = StoryOptions { count: 3_000, size: PhotoSize::Small, faults: false, ..StoryOptions::default() };
    let story = Story::new(&source, options, String::new()).unwrap();
    for photo in plans(&story, 3_000) {
        assert_eq!(photo.fault, None);
        assert_eq!(photo.codes.len(), 1);
        assert_eq!(photo.late_by.as_secs(), 0);
        if photo.scene.format == Format::Jpeg {
            assert_eq!(photo.scene.width.max(photo.scene.height), 640);
        }
    }
}

#[test]
fn devices_come_again_with_the_same_camera_and_serial() {
    let story = told(
        &SMALL.replace(
            "[[campaign]]",
            "[devices]\nregulars = 40\nreturn_share = 0.5\nsame_product = 0.9\naway = 0.1\n[[devices.camera]]\nmake = \"A\"\nmodel = \"1\"\n[[devices.camera]]\nmake = \"B\"\nmodel = \"2\"\nweight = 3\n\n[[campaign]]",
        ),
        8_000,
    );
    let mut seen: HashMap<String, (String, String)> = HashMap::new();
    let mut photos: HashMap<String, Vec<String>> = HashMap::new();
    let (mut visitors, mut makes) = (0, BTreeMap::new());
    for photo in plans(&story, 8_000) {
        let facts = photo.capture.unwrap();
        let (serial, model) = (facts.serial.unwrap().to_string(), facts.camera_model.to_string());
        let known = seen.entry(photo.device.clone()).or_insert((serial.clone(), model.clone()));
        assert_eq!(*known, (serial, model));
        visitors += u32::from(photo.device.starts_with("visitor-"));
        *makes.entry(facts.camera_make.to_string()).or_insert(0) += 1;
        photos.entry(photo.device).or_default().push(format!("{} {}", photo.city, photo.codes[0].title));
    }
    assert!((3_800..4_200).contains(&visitors), "{visitors}");
    let serials: HashSet<&String> = seen.values().map(|(serial, _)| serial).collect();
    assert_eq!(serials.len(), seen.len(), "no two devices share a serial number");
    assert_eq!(photos.keys().filter(|name| name.starts_with("berlin-")).count(), 30);
    assert_eq!(photos.keys().filter(|name| name.starts_with("kathmandu-")).count(), 10);
    let busiest = &photos["berlin-0"];
    assert!(
        busiest.iter().filter(|photo| *photo == "Berlin ONE").count() * 10 > busiest.len() * 7,
        "a product to come back to"
    );
    assert!(busiest.iter().any(|photo| photo.starts_with("Kathmandu")), "away from home");
}

#[test]
fn late_photos_are_an_hour_to_three_days_late() {
    let story = told(&SMALL.replace("[rate]", "[mix.fault]\nlate_upload = 0.5\nbomb = 0.1\n[rate]"), 2_000);
    let mut hours: Vec<u64> = Vec::new();
    for photo in plans(&story, 2_000) {
        match photo.fault.map(|fault| fault.as_str()) {
            Some("late_upload") => hours.push(photo.late_by.as_secs() / 3_600),
            Some("bomb") => assert!(photo.key.ends_with(".png") && photo.codes.is_empty(), "{}", photo.key),
            _ => assert!(photo.late_by.is_zero()),
        }
    }
    hours.sort_unstable();
    assert!((900..1_100).contains(&hours.len()));
    assert!(hours[0] >= 1 && hours[hours.len() - 1] <= 72 && (6..12).contains(&hours[hours.len() / 2]));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_slice_is_the_same_alone_and_in_any_order(seed in any::<u64>(), first in 0..=4_980u64, nth in 0..4usize) {
        let options = StoryOptions { seed, count: 5_000, ..StoryOptions::default() };
        let source = StorySource::find(BUILT_IN[nth].0).unwrap();
        let (one, other) = (
            Story::new(&source, options, String::new()).unwrap(),
            Story::new(&source, options, String::new()).unwrap(),
        );
        let forwards: Vec<PlannedPhoto> = (first..first + 20).map(|index| one.photo(one.stamp(index))).collect();
        for photo in forwards.iter().rev() {
            prop_assert_eq!(photo, &other.photo(other.stamp(photo.index)));
            let stamp = one.candidate(photo.index, 5_000, one.span());
            prop_assert_eq!(one.accepts(stamp), other.accepts(stamp));
            prop_assert!(one.span().from <= stamp.at && stamp.at < one.span().to);
        }
    }

    #[test]
    fn thinning_takes_as_many_as_the_rates_say(seed in any::<u64>()) {
        let story = Story::new(&source(SMALL), StoryOptions { seed, ..StoryOptions::default() }, String::new()).unwrap();
        let counted = summary(&story, (0..3_000).map(|index| story.candidate(index, 3_000, story.span())));
        for row in &counted.months {
            prop_assert!(row.sigmas.unwrap().abs() < 5.0, "{:?}", row);
        }
        let share = counted.accepted as f64 / 3_000.0;
        let expected = story.mean_per_second() / story.peak_rate();
        prop_assert!((share - expected).abs() < 5.0 * (expected / 3_000.0).sqrt(), "{} {}", share, expected);
    }
}
