//! The story language. `config/story.toml` is its reference: every key is there with what it means.

use std::path::PathBuf;
use std::sync::Arc;

use toml::de::DeTable;

use super::mix;
use super::timeline::QUARTER_MS;
use super::world::{Camera, Devices, LocalRhythm, Mix, Rhythm, World};
use super::{InjectedFault, Span};
use crate::scene::{Difficulty, PhotoSize};
use scanmill_core::diagnostics::Problems;
use scanmill_core::domain::Format;
use scanmill_core::error::{Error, Result};

mod cast;
pub mod reader;

use cast::Cast;
use reader::{Document, Table};

/// The longest story, in days.
const MOST_DAYS: i64 = 3_660;

/// Reads a story.
///
/// # Errors
/// Every mistake in it, each with its line, what was found and what would be right.
pub fn read(name: &str, text: &str) -> Result<World> {
    let file = if name.ends_with(".toml") { PathBuf::from(name) } else { PathBuf::from(format!("{name}.toml")) };
    let document = Document::new(file, text);
    let refused = |document: Document<'_>| {
        Error::permanent(format!("the story `{name}` is invalid")).with_source(Problems(document.into_problems()))
    };
    let (tables, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        // What follows a broken line is a guess of the parser, so only the syntax is reported.
        for error in errors {
            let hint = "TOML: `key = value` lines under a `[section]`; text is quoted";
            document.note("", error.span().unwrap_or(0..0), format!("not TOML: {}", error.message()), hint);
        }
        return Err(refused(document));
    }
    let root = Table::root(&document, tables.get_ref());
    let world = world(&root);
    root.finish();
    match world {
        Some(world) if document.count() == 0 => Ok(world),
        _ => Err(refused(document)),
    }
}

fn world(root: &Table<'_>) -> Option<World> {
    let span = span(root);
    let (photos_per_day, rhythm, zipf) = rate(root, span);
    let cast = Cast::read(root, zipf);
    let (devices, mix) = (devices(root), mix(root, &cast));
    let naughty = match root.table("keys") {
        Some(keys) => {
            let naughty = keys.number("naughty", 0.0..=1.0);
            keys.finish();
            naughty.unwrap_or(0.0)
        }
        None => 0.0,
    };
    Some(World {
        span: span?,
        photos_per_day: Some(photos_per_day?),
        rhythm: Rhythm::Local(rhythm?),
        places: cast.places,
        products: cast.products,
        placements: cast.placements,
        campaigns: cast.campaigns,
        outages: cast.outages,
        devices,
        mix,
        naughty,
    })
}

fn span(root: &Table<'_>) -> Option<Span> {
    let Some(table) = root.table("span") else {
        root.missing("span", "a section with `from` and `to`");
        return None;
    };
    for key in ["from", "to"] {
        if !table.has(key) {
            table.missing(key, "a date like 2026-03-02");
        }
    }
    let (from, to) = (table.instant("from"), table.instant("to"));
    let span = Span { from: from?, to: to? };
    let length = span.to.as_millisecond() - span.from.as_millisecond();
    if length <= 0 || length > MOST_DAYS * 24 * 4 * QUARTER_MS {
        let what = format!("{} is {} days after `from`", span.to, length / (24 * 4 * QUARTER_MS));
        table.wrong("to", what, format!("expected it later than `from`, and at most {MOST_DAYS} days later"));
        return None;
    }
    for (key, at) in [("from", span.from), ("to", span.to)] {
        if at.as_millisecond() % QUARTER_MS != 0 {
            table.wrong(key, format!("found {at}"), "expected a full quarter of an hour");
            return None;
        }
    }
    table.finish();
    Some(span)
}

fn rate(root: &Table<'_>, span: Option<Span>) -> (Option<f64>, Option<LocalRhythm>, f64) {
    let Some(table) = root.table("rate") else {
        root.missing("rate", "a section with `photos_per_day`");
        return (None, None, 1.0);
    };
    let photos_per_day = table.need_number("photos_per_day", 1e-3..=1e9);
    let zipf = table.number("zipf", 0.0..=5.0).unwrap_or(1.0);
    let hour = table.numbers::<24>("hour", "from midnight, by the place's own clock").unwrap_or([1.0; 24]);
    let weekday = table.numbers::<7>("weekday", "Monday first").unwrap_or([1.0; 7]);
    let daily = table.number("trend_per_day", -1.0..=10.0);
    let weekly = table.number("trend_per_week", -1.0..=10.0);
    if daily.is_some() && weekly.is_some() {
        table.wrong("trend_per_week", "given beside `trend_per_day`", "expected one of them");
    }
    let trend_per_day = daily.or(weekly.map(|weekly| weekly / 7.0)).unwrap_or(0.0);
    let days = span.map_or(0.0, |span| (span.to.as_second() - span.from.as_second()) as f64 / 86_400.0);
    if 1.0 + trend_per_day * days < 0.0 {
        let key = if daily.is_some() { "trend_per_day" } else { "trend_per_week" };
        let what = format!("falls below nothing after {:.1} of {days:.0} days", -1.0 / trend_per_day);
        table.wrong(key, what, format!("expected at least {:.4} a day for this span", -1.0 / days));
    }
    let season = season(&table);
    table.finish();
    (photos_per_day, Some(LocalRhythm { hour, weekday, season, trend_per_day }), zipf)
}

/// Days before each month of a leap year.
const BEFORE_MONTH: [usize; 12] = [0, 31, 60, 91, 121, 152, 182, 213, 244, 274, 305, 335];

/// The season by months, or by days with straight lines between them, over the new year as well.
fn season(rate: &Table<'_>) -> Box<[f64; 366]> {
    let mut by_day = Box::new([1.0; 366]);
    if let Some(months) = rate.numbers::<12>("month", "January first") {
        for (day, factor) in by_day.iter_mut().enumerate() {
            *factor = months[BEFORE_MONTH.partition_point(|&before| before <= day) - 1];
        }
    }
    if let Some(table) = rate.table("season") {
        if rate.has("month") {
            rate.wrong("season", "given beside `month`", "expected one of them");
        }
        let mut points = table.days();
        points.sort_by_key(|(day, _)| *day);
        for (day, factor) in by_day.iter_mut().enumerate() {
            let after = points.partition_point(|(point, _)| *point <= day);
            let (Some(first), Some(last)) = (points.first(), points.last()) else { break };
            // Before the first and after the last point the line runs over the new year.
            let (from, to) = match after {
                0 => ((last.0 as f64 - 366.0, last.1), (first.0 as f64, first.1)),
                n if n == points.len() => ((last.0 as f64, last.1), (first.0 as f64 + 366.0, first.1)),
                n => ((points[n - 1].0 as f64, points[n - 1].1), (points[n].0 as f64, points[n].1)),
            };
            *factor = from.1 + (to.1 - from.1) * (day as f64 - from.0) / (to.0 - from.0);
        }
        if by_day.iter().all(|factor| *factor <= 0.0) {
            rate.wrong("season", "0 on every day", "expected a day with photos");
        }
    }
    by_day
}

impl Table<'_> {
    /// Keys that are days, `12-24`, each with its factor; the day's place in a leap year.
    fn days(&self) -> Vec<(usize, f64)> {
        let read = |name: &str| {
            let (month, day) = name.split_once('-')?;
            let date = jiff::civil::Date::new(2024, month.parse().ok()?, day.parse().ok()?).ok()?;
            Some(date.day_of_year() as usize - 1)
        };
        self.all_numbers("a day like `12-24 = 3.0`", |name| read(name))
    }
}

fn devices(root: &Table<'_>) -> Devices {
    let mut devices = Devices::default();
    let Some(table) = root.table("devices") else { return devices };
    devices.regulars = table.number("regulars", 0.0..=1e7).unwrap_or(devices.regulars);
    devices.return_share = table.number("return_share", 0.0..=1.0).unwrap_or(devices.return_share);
    devices.zipf = table.number("zipf", 0.0..=5.0).unwrap_or(devices.zipf);
    devices.same_product = table.number("same_product", 0.0..=1.0).unwrap_or(devices.same_product);
    devices.away = table.number("away", 0.0..=1.0).unwrap_or(devices.away);
    if devices.return_share > 0.0 && devices.regulars < 1.0 {
        table.wrong("return_share", "there are no regulars", "expected `regulars` of at least 1");
    }
    let cameras: Vec<Camera> = table
        .tables("camera")
        .into_iter()
        .filter_map(|camera| {
            let (make, model) = (camera.need_text("make", "EXIF Make"), camera.need_text("model", "EXIF Model"));
            let weight = camera.number("weight", 0.0..=1e9);
            camera.finish();
            Some(Camera { make: Arc::from(make?), model: Arc::from(model?), weight: weight.unwrap_or(1.0) })
        })
        .collect();
    if table.has("camera") {
        if !cameras.iter().any(|camera| camera.weight > 0.0) {
            table.wrong("camera", "none has a weight", "expected at least one camera with a `weight` above 0");
        }
        devices.cameras = cameras;
    }
    table.finish();
    devices
}

/// Looks by name.
pub const LOOKS: [(&str, Difficulty); 7] = [
    ("easy", Difficulty::Easy),
    ("tilted", Difficulty::Tilted),
    ("blurred", Difficulty::Blurred),
    ("glare", Difficulty::Glare),
    ("low_light", Difficulty::LowLight),
    ("small_code", Difficulty::SmallCode),
    ("low_quality", Difficulty::LowQuality),
];
const FORMATS: [(&str, Format); 4] =
    [("jpeg", Format::Jpeg), ("png", Format::Png), ("webp", Format::Webp), ("heic", Format::Heic)];
const SIZES: [(&str, PhotoSize); 4] = [
    ("small", PhotoSize::Small),
    ("medium", PhotoSize::Medium),
    ("large", PhotoSize::Large),
    ("mixed", PhotoSize::Mixed),
];

fn mix(root: &Table<'_>, cast: &Cast) -> Mix {
    let mut mix = Mix::default();
    let Some(table) = root.table("mix") else { return mix };
    let before = table.document.count();
    if let Some(shares) = weights(&table, "look", &LOOKS) {
        mix.look = shares;
    }
    if let Some(shares) = weights(&table, "format", &FORMATS) {
        mix.format = shares;
    }
    if let Some(shares) = weights(&table, "size", &SIZES) {
        mix.size = shares;
    }
    if let Some(faults) = table.table("fault") {
        mix.fault = faults.shares(&InjectedFault::ALL.map(|fault| (fault.as_str(), fault)));
        let sum: f64 = mix.fault.iter().map(|(_, share)| share).sum();
        if sum > 1.0 {
            table.wrong(
                "fault",
                format!("the shares add up to {sum}"),
                "expected shares of all photos, together at most 1",
            );
        }
        let pairs = mix.fault.iter().any(|(fault, share)| *fault == InjectedFault::TwoCodes && *share > 0.0);
        if pairs && cast.products.len() == 1 {
            faults.wrong("two_codes", "there is one product", "expected at least two products, or no such fault");
        }
        faults.finish();
    }
    if table.document.count() == before
        && let Err(why) = mix::check(&mix)
    {
        root.wrong(
            "mix",
            why,
            "shares of look, format and fault are of all photos: give `easy` more, or the others less",
        );
    }
    table.finish();
    mix
}

/// Weights of which one at least is above zero.
fn weights<T: Copy>(table: &Table<'_>, key: &'static str, choices: &[(&'static str, T)]) -> Option<Vec<(T, f64)>> {
    let inner = table.table(key)?;
    let shares = inner.shares(choices);
    if !shares.iter().any(|(_, share)| *share > 0.0) {
        table.wrong(key, "no share above 0", "expected at least one");
    }
    inner.finish();
    Some(shares)
}
