//! What happened on each day of a story, and its photos' rows.

use jiff::civil::Date;
use scanmill::domain::{Row, ScanRow};

use super::super::{rejection, scans};
use super::figures::{date_of, day_of};

/// A story: what happened on each of its days, calendar gaps included.
pub(super) struct Story {
    pub(super) name: &'static str,
    pub(super) days: i64,
    /// Photos of product `number` on `day`.
    photos: fn(number: i64, day: i64) -> i64,
    /// Whether a campaign runs for product `number` on `day`.
    campaign: fn(number: i64, day: i64) -> bool,
}

pub(super) const STORIES: [Story; 3] = [
    // Steady products, one that rises, one with whole weeks of silence; one day stands out, and one is missing.
    Story {
        name: "shop",
        days: 60,
        photos: |number, day| match number {
            0 if day == 41 => 0,
            0 => 6 + (day * 7 + day / 3) % 3 + if day == 50 { 20 } else { 0 },
            1 => day / 12,
            2 if (14..36).contains(&day) => 0,
            2 => 1 + day % 2,
            _ => 0,
        },
        campaign: |number, day| number == 0 && (20..32).contains(&day) && day % 3 != 1,
    },
    // Too little to say anything of: three days, two weeks but few scans, one day.
    Story {
        name: "kiosk",
        days: 20,
        photos: |number, day| match number {
            0 => i64::from(day < 3) * 4,
            1 => i64::from(day % 6 == 1),
            2 => i64::from(day == 7),
            _ => 0,
        },
        campaign: |_, day| day < 2,
    },
    // A clock that was wrong by years, a campaign of two weeks after two weeks without, an even number of days.
    Story {
        name: "fair",
        days: 28,
        photos: |number, day| match number {
            0 if day < 14 => 2 + day % 2,
            0 => 9 - day / 4,
            1 => i64::from(day == 27) * 9 + i64::from(day % 2 == 0),
            2 => i64::from(day == 0),
            _ => 0,
        },
        campaign: |number, day| number < 2 && day >= 14,
    },
];

/// The photos of a story.
pub fn photos_of_story(story: usize) -> Vec<Vec<Row>> {
    photos_of(&STORIES[story])
}

pub(super) fn photos_of(story: &Story) -> Vec<Vec<Row>> {
    let mut all = Vec::new();
    for day in 0..story.days {
        let date = date_of(day_of("2026-02-20") + day);
        for number in 0..3 {
            for photo in 0..(story.photos)(number, day) {
                // Every fifth has a second code, of the flat host beside.
                let codes = 1 + i64::from((day + photo) % 5 == 0);
                let mut rows = scans(&format!("{}/{day}/{number}/{photo}", story.name), 0, codes);
                for row in &mut rows {
                    let Row::Scan(scan) = row else { unreachable!() };
                    fill(scan, story, (number, day, photo), &date);
                }
                all.push(rows);
            }
        }
    }
    for (number, reason) in ["no_code", "no_code", "truncated"].iter().enumerate() {
        all.push(rejection(&format!("{}/bad/{number}", story.name), 0, reason));
    }
    all
}

/// What a camera says whose clock fell back or was never set; and the first day of a calendar of 366 days that ends with
/// the story's last, beside the day before it.
fn wrong_clock(story: &str, number: i64, day: i64, photo: i64) -> Option<&'static str> {
    match (story, number, day, photo) {
        ("shop", 0, 0, 0) => Some("2005-06-07"),
        // By the campaign.
        ("shop", 0, 21, 1) => Some("2000-01-01"),
        ("shop", 1, 50, 0) => Some("2025-04-20"),
        ("shop", 1, 50, 1) => Some("2025-04-19"),
        ("fair", 0, 20, 0) => Some("1999-12-31"),
        _ => None,
    }
}

fn fill(scan: &mut ScanRow, story: &Story, (number, day, photo): (i64, i64, i64), date: &str) {
    let hour = (9 + (day + photo * 3) % 11) as i8;
    scan.local_date = Some(date.to_owned());
    scan.local_hour = Some(hour.into());
    scan.local_weekday = Some(date.parse::<Date>().unwrap().weekday().to_monday_one_offset().into());
    scan.captured_local = Some(format!("{date}T{hour:02}:00:00.000"));
    // Product 0 under two hosts: the same id, another product.
    scan.product_id = Some(format!("p{}", if scan.qr_index == 1 { 0 } else { number }));
    scan.url_host = match (scan.qr_index, number) {
        (1, _) => Some("flat.example".into()),
        (_, 2) => None,
        _ => Some("shop.example".into()),
    };
    scan.utm_campaign = (story.campaign)(number, day).then(|| "spring".into());
    scan.utm_medium = (photo % 2 == 0).then(|| "print".into());
    // Finer than marts tell places, and no mean lies in the middle of two hundredths, which databases round as they like.
    let (latitude, longitude) = (52.003_1 + photo as f64 / 8.0, 13.003_1 + (number + day % 4) as f64 / 16.0);
    (scan.latitude, scan.longitude) = (Some(latitude), Some(longitude));
    let place = h3o::LatLng::new(latitude, longitude).unwrap();
    scan.h3_cell = Some(place.to_cell(h3o::Resolution::Seven).to_string());
    scan.city = [Some("Falkensee".to_owned()), Some("Nauen".to_owned()), None][(number + day) as usize % 3].clone();
    scan.region = scan.city.is_some().then(|| "11".to_owned());
    scan.place_name_source = Some(if scan.city.is_some() { "zone+geonames" } else { "zone" }.to_owned());
    scan.decode_ms = 3.25 + (day % 7) as f64;
    scan.rung = if photo % 3 == 0 { "zxing_1000".into() } else { "own".into() };
    scan.camera_model = Some(if day % 2 == 0 { "One".into() } else { "Two".into() });
    if let Some(date) = wrong_clock(story.name, number, day, photo) {
        scan.local_date = Some(date.to_owned());
    }
    if story.name == "fair" && number == 2 {
        scan.local_date = Some("2004-01-01".into());
        (scan.latitude, scan.longitude, scan.h3_cell) = (None, None, None);
        (scan.country, scan.region, scan.city, scan.place_name_source) = (None, None, None, None);
    }
    if story.name == "kiosk" && photo == 3 {
        (scan.local_date, scan.local_hour, scan.local_weekday) = (None, None, None);
        (scan.captured_at, scan.captured_local, scan.product_id, scan.product_id_source) = (None, None, None, None);
    }
}
