//! The two files of the original: its story (places, hours, products and rules with weights) and its orchestrator's
//! order (a span and a count), both taken as they are.
//!
//! Its calendar is naive: a stamp has a date and no zone, and that date is the one on the photo. So a stamp's UTC date
//! is read as that date; the hour is drawn anew by the story's hours, on the clock of the place. Weights are taken
//! relative to their sum. The original's own generator gave its first bucket a point too little and wrote every
//! northern longitude as west; neither is copied.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp, civil};
use serde::Deserialize;
use url::Url;

use super::language::reader::parse_instant;
use super::rules::{DatePart, DateRule, Rules, Test};
use super::world::{Devices, Mix, Place, Placement, Product, Rhythm, World};
use super::{Span, Utm, zones};
use scanmill_core::diagnostics::{Origin, Problem, Problems};
use scanmill_core::error::{Error, Result};

/// The year of a story whose rules name none: the original's own.
const DEFAULT_YEAR: i64 = 2015;
/// Years that are looked through.
const MOST_YEARS: i64 = 20;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    specification: Vec<Specification>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Specification {
    geolocations: Vec<Geolocation>,
    hour_distribution: Vec<HourShare>,
    product_codes: Vec<ProductCode>,
    time_function: Vec<TimeRule>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Geolocation {
    latitude: f64,
    longitude: f64,
    pct: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct HourShare {
    hour: usize,
    pct: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProductCode {
    url: String,
    pct: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TimeRule {
    date_spec: BTreeMap<String, String>,
    pct: f64,
}

/// What the original's orchestrator is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrchestratorSpec {
    /// First instant.
    pub from: Timestamp,
    /// First instant after the last.
    pub to: Timestamp,
    /// Stamps to spread over them.
    pub count: u64,
}

/// Reads the orchestrator's file: `{"start_date": …, "end_date": …, "count": …}`. Its dates have no zone and are read
/// as UTC.
///
/// # Errors
/// What is not such a file.
pub fn parse_orchestrator(text: &str) -> Result<OrchestratorSpec> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Order {
        start_date: String,
        end_date: String,
        count: u64,
    }
    let wrong = |what: String| {
        Error::permanent(format!("the orchestrator's specification {what}")).with_hint(
            r#"expected like {"start_date": "2015-04-01 00:00:00", "end_date": "2015-07-01 00:00:00", "count": 40000}"#,
        )
    };
    let order: Order = serde_json::from_str(text).map_err(|error| wrong("does not parse".into()).with_source(error))?;
    let date = |key: &str, text: &str| {
        let at = parse_instant(text).filter(|at| zones::is_sensible(*at));
        at.ok_or_else(|| wrong(format!("has \"{text}\" as `{key}`: no date from 1970 to 2099")))
    };
    let spec = OrchestratorSpec {
        from: date("start_date", &order.start_date)?,
        to: date("end_date", &order.end_date)?,
        count: order.count,
    };
    if spec.from >= spec.to {
        return Err(wrong(format!("ends at {}, not after its start at {}", spec.to, spec.from)));
    }
    if spec.count == 0 {
        return Err(wrong("has a `count` of 0".into()));
    }
    Ok(spec)
}

/// Reads the original's story.
///
/// # Errors
/// What does not parse, with its line; else every mistake with its place. Also rules that leave a gap: the original
/// fails at the first stamp in it.
pub fn read(name: &str, text: &str) -> Result<World> {
    let refused = || Error::permanent(format!("the story `{name}` is invalid"));
    let file: File = serde_json::from_str(text).map_err(|error| {
        refused().with_source(error).with_hint(
            "expected the original's JSON: {\"specification\": [{\"geolocations\", \"hour_distribution\", \"product_codes\", \"time_function\"}]}",
        )
    })?;
    let mut mistakes = Mistakes { file: PathBuf::from(format!("{name}.json")), problems: Vec::new() };
    if file.specification.len() != 1 {
        mistakes.note("specification", format!("found {} entries", file.specification.len()), "expected one");
    }
    let Some(specification) = file.specification.into_iter().next() else {
        return Err(refused().with_source(Problems(mistakes.problems)));
    };
    let places = places(&specification.geolocations, &mut mistakes);
    let hours = hours(&specification.hour_distribution, &mut mistakes);
    let products = products(&specification.product_codes, &mut mistakes);
    let dates = dates(&specification.time_function, &mut mistakes);
    if !mistakes.problems.is_empty() {
        return Err(refused().with_source(Problems(mistakes.problems)));
    }
    let rules = Rules { dates, hours };
    let span = span(&rules).ok_or_else(|| {
        refused().with_hint("in the years that its rules name no date has a share above 0: look at `time_function`")
    })?;
    covered(&rules, span).map_err(|error| error.with_context(format!("the story `{name}` is invalid")))?;
    Ok(World {
        span,
        photos_per_day: None,
        rhythm: Rhythm::Rules(rules),
        places,
        products,
        placements: vec![Placement { share: 1.0, utm: Utm::default() }],
        campaigns: Vec::new(),
        outages: Vec::new(),
        devices: Devices::default(),
        mix: Mix::default(),
        naughty: 0.0,
    })
}

struct Mistakes {
    file: PathBuf,
    problems: Vec<Problem>,
}

impl Mistakes {
    fn note(&mut self, key: impl Into<String>, what: impl Into<String>, hint: impl Into<String>) {
        self.problems.push(Problem::new(key, Origin::WholeFile(self.file.clone()), what, hint));
    }

    /// Checks the weights of a list.
    fn weights(&mut self, key: &str, weights: impl Iterator<Item = f64>) {
        let mut whole = 0.0;
        for (nth, weight) in weights.enumerate() {
            if !(0.0..=1e9).contains(&weight) {
                self.note(format!("{key}[{nth}].pct"), format!("found {weight}"), "expected a weight, 0 or more");
            }
            whole += weight;
        }
        if whole <= 0.0 {
            self.note(key, "no weight above 0", "expected at least one");
        }
    }
}

/// Places by coordinates; those that stand more than once have their weights added.
fn places(geolocations: &[Geolocation], mistakes: &mut Mistakes) -> Vec<Place> {
    mistakes.weights("geolocations", geolocations.iter().map(|place| place.pct));
    let mut merged: Vec<(f64, f64, f64)> = Vec::new();
    for (nth, place) in geolocations.iter().enumerate() {
        if !(-89.0..=89.0).contains(&place.latitude) || !(-180.0..=180.0).contains(&place.longitude) {
            let what = format!("found {}, {}", place.latitude, place.longitude);
            mistakes.note(
                format!("geolocations[{nth}]"),
                what,
                "expected degrees north, -89 to 89, and east, -180 to 180",
            );
        }
        let same = merged.iter_mut().find(|known| (known.0, known.1) == (place.latitude, place.longitude));
        match same {
            Some(known) => known.2 += place.pct,
            None => merged.push((place.latitude, place.longitude, place.pct)),
        }
    }
    let short = |latitude: f64, longitude: f64| format!("{latitude:.2},{longitude:.2}");
    let mut times: BTreeMap<String, u32> = BTreeMap::new();
    for (latitude, longitude, _) in &merged {
        *times.entry(short(*latitude, *longitude)).or_default() += 1;
    }
    merged
        .into_iter()
        .map(|(latitude, longitude, weight)| {
            let name = short(latitude, longitude);
            // Two decimals are a kilometre; places nearer than that are named in full.
            let name = if times.get(&name) == Some(&1) { name } else { format!("{latitude},{longitude}") };
            let zone = zones::nearest(latitude, longitude).to_owned();
            let (region, altitude_m, spread_km) = (None, 0.0, 0.0);
            Place { name: name.into(), zone, latitude, longitude, altitude_m, weight, region, spread_km }
        })
        .collect()
}

fn hours(shares: &[HourShare], mistakes: &mut Mistakes) -> [f64; 24] {
    mistakes.weights("hour_distribution", shares.iter().map(|share| share.pct));
    let mut hours = [0.0; 24];
    for (nth, share) in shares.iter().enumerate() {
        match hours.get_mut(share.hour) {
            Some(hour) => *hour += share.pct,
            None => {
                let key = format!("hour_distribution[{nth}].hour");
                mistakes.note(key, format!("found {}", share.hour), "expected an hour from 0 to 23");
            }
        }
    }
    hours
}

fn products(codes: &[ProductCode], mistakes: &mut Mistakes) -> Vec<Product> {
    mistakes.weights("product_codes", codes.iter().map(|code| code.pct));
    let mut products: Vec<Product> = Vec::new();
    for (nth, code) in codes.iter().enumerate() {
        let key = format!("product_codes[{nth}].url");
        let Some(url) = Url::parse(&code.url).ok().filter(Url::has_host) else {
            mistakes.note(key, format!("found \"{}\"", code.url), "expected a web address");
            continue;
        };
        if code.url.len() > 200 {
            mistakes.note(
                key,
                format!("{} bytes long", code.url.len()),
                "expected at most 200: a small photo must show it",
            );
        } else if products.iter().any(|product| product.url == code.url) {
            mistakes.note(key, format!("\"{}\" appears twice", code.url), "expected each once, with the weights added");
        }
        let mut name = title(&url);
        if products.iter().any(|product| *product.name == *name) {
            name = format!("{name} {}", nth + 1);
        }
        products.push(Product {
            name: Arc::from(name),
            utm: own_utm(&url),
            url: code.url.clone(),
            columns: None,
            interest: code.pct,
            from: None,
            until: None,
            sold: None,
        });
    }
    products
}

/// A name for people: the last part of the path, else the host.
fn title(url: &Url) -> String {
    let part = url.path_segments().and_then(|mut parts| parts.rfind(|part| !part.is_empty()));
    let text = part.or(url.host_str()).unwrap_or_default();
    let plain = |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_uppercase() } else { ' ' };
    text.chars().take(16).map(plain).collect::<String>().trim().to_owned()
}

/// Tracking parameters of an address: the first of each that has a value.
fn own_utm(url: &Url) -> Utm {
    let first = |name: &str| {
        let found = url.query_pairs().find(|(key, value)| key.eq_ignore_ascii_case(name) && !value.is_empty());
        found.map(|(_, value)| value.into_owned())
    };
    Utm { source: first("utm_source"), medium: first("utm_medium"), campaign: first("utm_campaign") }
}

fn dates(rules: &[TimeRule], mistakes: &mut Mistakes) -> Vec<DateRule> {
    if rules.is_empty() {
        mistakes.note("time_function", "no rule", "expected at least one, like {\"date_spec\": {}, \"pct\": 100}");
    }
    let mut dates = Vec::new();
    for (nth, rule) in rules.iter().enumerate() {
        let key = format!("time_function[{nth}]");
        if !(0.0..=100.0).contains(&rule.pct) {
            mistakes.note(format!("{key}.pct"), format!("found {}", rule.pct), "expected a percentage, 0 to 100");
        }
        let mut tests = Vec::new();
        for (name, text) in &rule.date_spec {
            let key = format!("{key}.date_spec.{name}");
            let part = match name.as_str() {
                "year" => DatePart::Year,
                "month" => DatePart::Month,
                "day" => DatePart::Day,
                "hour" => DatePart::Hour,
                "min" | "minute" => DatePart::Minute,
                _ => {
                    mistakes.note(key, "no part of a date", "expected year, month, day, hour or min");
                    continue;
                }
            };
            match Test::parse(text) {
                Some(test) => tests.push((part, test)),
                None => mistakes.note(
                    key,
                    format!("found \"{text}\""),
                    "expected eq(n), lt(n), le(n), gt(n), ge(n) or in(a, b)",
                ),
            }
        }
        dates.push(DateRule { tests, accepts: rule.pct / 100.0 });
    }
    dates
}

/// From the first to the last day with photos, in the years that the rules are about.
fn span(rules: &Rules) -> Option<Span> {
    let tests = rules.dates.iter().flat_map(|rule| &rule.tests).filter(|(part, _)| *part == DatePart::Year);
    // Of an endless stretch of years the one at its end.
    let years: Vec<i64> = tests
        .flat_map(|(_, test)| match test {
            Test::In(years) => years.clone(),
            Test::AtMost(year) | Test::AtLeast(year) => vec![*year],
            Test::Less(year) => vec![year.saturating_sub(1)],
            Test::More(year) => vec![year.saturating_add(1)],
        })
        .collect();
    let first = years.iter().min().copied().unwrap_or(DEFAULT_YEAR).clamp(1970, 2098);
    let last = years.iter().max().copied().unwrap_or(DEFAULT_YEAR).clamp(first, 2098).min(first + MOST_YEARS);
    let midnight = |year: i64| {
        let date = civil::Date::new(i16::try_from(year).ok()?, 1, 1).ok()?;
        Offset::UTC.to_timestamp(date.to_datetime(civil::Time::midnight())).ok()
    };
    let years = Span { from: midnight(first)?, to: midnight(last + 1)? };
    let day = SignedDuration::from_hours(24);
    let grain = SignedDuration::from_mins(rules.grain_minutes());
    let has_photos = |begin: Timestamp| {
        let steps = std::iter::successors(Some(begin), |at| Some(*at + grain)).take_while(|at| *at < begin + day);
        steps.into_iter().any(|at| rules.share(Offset::UTC.to_datetime(at)).is_some_and(|share| share > 0.0))
    };
    let days = || std::iter::successors(Some(years.from), |at| Some(*at + day)).take_while(|at| *at < years.to);
    let from = days().find(|at| has_photos(*at))?;
    let to = days().filter(|at| has_photos(*at)).last()? + day;
    Some(Span { from, to })
}

/// Whether every date of a span matches a rule.
///
/// # Errors
/// The first date that matches none.
pub fn covered(rules: &Rules, span: Span) -> Result<()> {
    let grain_ms = rules.grain_minutes() * 60_000;
    let from = span.from.as_millisecond().div_euclid(grain_ms) * grain_ms;
    for ms in (from..span.to.as_millisecond()).step_by(grain_ms as usize) {
        let Ok(at) = Timestamp::from_millisecond(ms) else { break };
        let date = Offset::UTC.to_datetime(at);
        if rules.share(date).is_none() {
            let date = date.strftime("%Y-%m-%d %H:%M");
            return Err(Error::permanent(format!("no rule of `time_function` matches {date}")).with_hint(
                "add a last rule for such dates: {\"date_spec\": {}, \"pct\": 0} takes none of their stamps",
            ));
        }
    }
    Ok(())
}
