//! Each shipped story shows what its comment promises the analyst.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::date;
use scanmill::pump::story::{PlannedPhoto, Story, StoryOptions, StorySource};

fn photos(name: &str, count: u64) -> Vec<PlannedPhoto> {
    let options = StoryOptions { count, faults: false, ..StoryOptions::default() };
    let story = Story::new(&StorySource::find(name).unwrap(), options, String::new())
        .unwrap_or_else(|error| panic!("{}", error.report()));
    (0..count).map(|index| story.photo(story.stamp(index))).collect()
}

fn day(photo: &PlannedPhoto) -> jiff::civil::Date {
    photo.capture.as_ref().unwrap().local.date()
}

fn per_day(photos: &[PlannedPhoto], is: impl Fn(&PlannedPhoto) -> bool) -> BTreeMap<jiff::civil::Date, u32> {
    let mut days = BTreeMap::new();
    for photo in photos.iter().filter(|photo| is(photo)) {
        *days.entry(day(photo)).or_default() += 1;
    }
    days
}

fn gtin(photo: &PlannedPhoto) -> &str {
    photo.codes[0].product.as_ref().unwrap().gtin.as_deref().unwrap()
}

#[test]
fn the_launch_spikes_halves_and_spikes_again() {
    let photos = photos("product-launch", 60_000);
    let by_campaign = |name: &str| per_day(&photos, |photo| photo.codes[0].utm.campaign.as_deref() == Some(name));
    let (europe, america, test) = (by_campaign("vela-eu"), by_campaign("vela-us"), by_campaign("vela-test"));
    assert_eq!(*europe.keys().next().unwrap(), date(2026, 4, 14));
    assert_eq!(*america.keys().next().unwrap(), date(2026, 4, 21));
    assert!(test.keys().next().unwrap() >= &date(2026, 5, 4));
    let around = |days: &BTreeMap<_, u32>, first: i8| {
        (first..first + 3).map(|d| days.get(&date(2026, 4, d)).unwrap_or(&0)).sum::<u32>()
    };
    assert!(around(&europe, 15) > 2 * around(&europe, 21), "{europe:?}");
    let earbuds = per_day(&photos, |photo| photo.codes[0].title.starts_with("VELA"));
    assert!(!earbuds.contains_key(&date(2026, 4, 13)));
    let week = |month: i8, first: i8| {
        (first..first + 4).map(|d| earbuds.get(&date(2026, month, d)).unwrap_or(&0)).sum::<u32>()
    };
    assert!(week(5, 6) > 2 * week(5, 1), "{earbuds:?}");
    let band = per_day(&photos, |photo| *photo.codes[0].title == *"PULSE BAND");
    assert!(band.contains_key(&date(2026, 4, 28)) && band.keys().all(|day| *day <= date(2026, 5, 1)));
    // The site is down for three hours; the same hours a day later are full.
    let in_europe = |photo: &&PlannedPhoto| photo.capture.as_ref().unwrap().offset_minutes >= 60;
    let hole = |from: &str, to: &str| {
        let (from, to): (jiff::Timestamp, jiff::Timestamp) = (from.parse().unwrap(), to.parse().unwrap());
        let within = |photo: &&PlannedPhoto| (from..to).contains(&photo.capture.as_ref().unwrap().taken_at);
        photos.iter().filter(in_europe).filter(within).count()
    };
    assert_eq!(hole("2026-04-15T17:00:00Z", "2026-04-15T20:00:00Z"), 0);
    assert!(hole("2026-04-16T17:00:00Z", "2026-04-16T20:00:00Z") > 50);
}

#[test]
fn the_retail_year_has_hours_weekends_seasons_and_a_storm() {
    let photos = photos("retail-year", 60_000);
    let (mut hours, mut weekdays) = ([0u32; 24], [0u32; 7]);
    for photo in &photos {
        let local = photo.capture.as_ref().unwrap().local;
        hours[local.hour() as usize] += 1;
        weekdays[local.weekday().to_monday_zero_offset() as usize] += 1;
    }
    let open: u32 = hours[8..20].iter().sum();
    assert!(f64::from(open) > 0.95 * photos.len() as f64, "{hours:?}");
    assert_eq!(hours.iter().max(), Some(&hours[17]));
    assert!(weekdays[5] > weekdays[4] && weekdays[6] * 20 < weekdays[0], "{weekdays:?}");
    let days = per_day(&photos, |_| true);
    let sum =
        |month: i8, from: i8, to: i8| (from..to).map(|d| days.get(&date(2025, month, d)).unwrap_or(&0)).sum::<u32>();
    assert!(sum(12, 15, 22) > 2 * sum(8, 4, 11), "{days:?}");
    assert!(sum(11, 24, 31) > 2 * sum(11, 10, 17), "black week");
    assert!(sum(12, 25, 26) * 10 < sum(12, 19, 20));
    let name = |photo: &PlannedPhoto, name: &str| *photo.codes[0].title == *name;
    let sunscreen = per_day(&photos, |photo| name(photo, "SUNSCREEN 50"));
    assert!(sunscreen.keys().all(|day| (date(2025, 4, 1)..=date(2025, 10, 1)).contains(day)), "{sunscreen:?}");
    assert!(sunscreen.len() > 150);
    let garden = per_day(&photos, |photo| name(photo, "GARDEN SET"));
    let during: u32 = garden.range(date(2025, 4, 18)..date(2025, 4, 30)).map(|(_, n)| n).sum();
    let after: u32 = garden.range(date(2025, 5, 21)..date(2025, 6, 2)).map(|(_, n)| n).sum();
    assert!(during > 3 * after, "{during} {after}");
    let coast = ["Hamburg Altona", "Hamburg City", "Bremen", "Kiel", "Lübeck", "Rostock"];
    let storm = per_day(&photos, |photo| coast.contains(&&*photo.city));
    assert!(!storm.contains_key(&date(2025, 2, 11)) && !storm.contains_key(&date(2025, 2, 12)));
    assert!(storm[&date(2025, 2, 14)] > 5);
    let leipzig = per_day(&photos, |photo| *photo.city == *"Leipzig");
    assert!(leipzig.keys().next().unwrap() >= &date(2025, 9, 1));
}

#[test]
fn the_outbreak_is_one_serial_in_many_places_until_it_is_stopped() {
    let photos = photos("counterfeit-outbreak", 60_000);
    let asia = ["Bangkok", "Ho Chi Minh City", "Jakarta", "Manila", "Singapore", "Kuala Lumpur"];
    let vitalin = |photo: &PlannedPhoto| photo.codes[0].payload.contains("vitalin");
    let mut places: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut gtins = BTreeSet::new();
    for photo in photos.iter().filter(|photo| vitalin(photo)) {
        gtins.insert(gtin(photo).to_owned());
        places.entry(photo.codes[0].payload.clone()).or_default().insert(photo.city.to_string());
    }
    assert_eq!(gtins.len(), 1, "{gtins:?}");
    let (cloned, genuine): (Vec<_>, Vec<_>) = places.iter().partition(|(url, _)| url.ends_with("/21/V30A77K1"));
    assert!(cloned[0].1.len() == 1 + asia.len(), "{cloned:?}");
    assert!(genuine.iter().all(|(_, places)| places.len() <= 2), "{genuine:?}");
    let fakes = per_day(&photos, |photo| vitalin(photo) && asia.contains(&&*photo.city));
    assert!(fakes.keys().next().unwrap() >= &date(2026, 5, 11));
    let sum = |from, to| fakes.range(from..to).map(|(_, n)| n).sum::<u32>();
    let weeks = [
        sum(date(2026, 5, 11), date(2026, 5, 18)),
        sum(date(2026, 5, 25), date(2026, 6, 1)),
        sum(date(2026, 6, 15), date(2026, 6, 22)),
        sum(date(2026, 6, 24), date(2026, 7, 1)),
    ];
    assert!(weeks[0] * 2 < weeks[1] && weeks[1] < weeks[2] && weeks[3] * 5 < weeks[2], "{weeks:?}");
    // Everything else stays as it was.
    let others = |month, from, to| {
        per_day(&photos, |photo| !vitalin(photo))
            .range(date(2026, month, from)..date(2026, month, to))
            .map(|(_, n)| *n)
            .sum::<u32>()
    };
    let (before, during) = (others(4, 13, 20), others(6, 15, 22));
    assert!(f64::from(before.abs_diff(during)) < 0.15 * f64::from(before), "{before} {during}");
}
