//! When photos are taken: hour of day and weekday in each city's own time, growth over the weeks, a product launch that
//! fades, and a campaign in four cities. One function gives the rate at an instant; a table of its hourly sums turns
//! "the n-th of N photos" into an instant.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::places::{CITIES, City};
use super::products::{CAMPAIGNED, LAUNCHED, PRODUCTS, Placement};
use crate::error::{Error, Result};

/// First instant of the story, a Monday. Five weeks hold both changes to summer time, the American and the European.
pub const START: Timestamp = Timestamp::constant(1_772_409_600, 0);
/// How long the story lasts.
pub const DAYS: i64 = 35;

const HOUR_MS: i64 = 3_600_000;

/// Photos by hour of the local day: almost none at night, peaks at noon and after work.
const BY_HOUR: [f64; 24] = [
    0.15, 0.08, 0.05, 0.04, 0.05, 0.12, 0.35, 0.8, 1.2, 1.4, 1.6, 1.9, 2.3, 2.0, 1.6, 1.5, 1.7, 2.2, 2.5, 2.2, 1.7,
    1.2, 0.7, 0.35,
];
/// Photos by weekday, Monday first.
const BY_WEEKDAY: [f64; 7] = [0.85, 0.9, 0.95, 1.0, 1.25, 1.55, 0.8];

/// The launch: Thursday of the second week, 16:00 UTC, everywhere; half of the interest is gone after 30 hours.
const LAUNCH_AT: Timestamp = Timestamp::constant(1_773_331_200, 0);
const LAUNCH_PEAK: f64 = 9.0;
const LAUNCH_HALF_LIFE_HOURS: f64 = 30.0;

/// The campaign: nine days in the fourth and fifth week.
const CAMPAIGN_FROM: Timestamp = Timestamp::constant(1_774_310_400, 0);
const CAMPAIGN_DAYS: i64 = 9;
const CAMPAIGN_CITIES: [&str; 4] = ["Berlin", "Hamburg", "Vienna", "Zürich"];
const CAMPAIGN_BOOST: f64 = 4.0;

/// Which part of the story brought a photo about.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Source {
    /// Place in [`PRODUCTS`].
    pub product: usize,
    /// Set when the launch or the campaign is the reason; `None` for everyday scans.
    pub placement: Option<Placement>,
}

/// The story's clock.
#[derive(Debug)]
pub struct Rhythm {
    zones: Vec<TimeZone>,
    /// `until[h]`: expected photos from the start to the end of hour `h`, in arbitrary units.
    until: Vec<f64>,
}

impl Rhythm {
    /// Works out the story's hourly table.
    ///
    /// # Errors
    /// A time zone the built-in database does not have (a bug).
    pub fn new() -> Result<Self> {
        let zones = CITIES
            .iter()
            .map(|city| {
                TimeZone::get(city.zone).map_err(|error| {
                    Error::bug(format!("no time zone `{}` in the built-in database", city.zone)).source(error)
                })
            })
            .collect::<Result<Vec<_>>>()?;
        let mut rhythm = Self { zones, until: Vec::new() };
        let mut sum = 0.0;
        for hour in 0..DAYS * 24 {
            let middle = START + SignedDuration::from_millis(hour * HOUR_MS + HOUR_MS / 2);
            sum += rhythm.by_city(middle).sum::<f64>();
            rhythm.until.push(sum);
        }
        Ok(rhythm)
    }

    /// The instant before which the share `share` (0 to 1) of the story's photos is taken, to the millisecond.
    pub fn instant_at(&self, share: f64) -> Timestamp {
        let total = self.until.last().copied().unwrap_or(0.0);
        let wanted = share.clamp(0.0, 1.0) * total;
        let hour = self.until.partition_point(|&sum| sum <= wanted).min(self.until.len().saturating_sub(1));
        let before = if hour == 0 { 0.0 } else { self.until.get(hour - 1).copied().unwrap_or(0.0) };
        let within = self.until.get(hour).map_or(0.0, |until| (wanted - before) / (until - before));
        let ms = hour as i64 * HOUR_MS + (within.clamp(0.0, 1.0) * (HOUR_MS - 1) as f64) as i64;
        START + SignedDuration::from_millis(ms)
    }

    /// The city of a photo taken at `at`, by a number drawn evenly from 0 to 1, with its time zone.
    pub fn city(&self, at: Timestamp, draw: f64) -> (&'static City, &TimeZone) {
        let chosen = pick(self.by_city(at), draw);
        (&CITIES[chosen], &self.zones[chosen])
    }

    /// What is photographed in `city` at `at`, by a number drawn evenly from 0 to 1.
    pub fn source(city: &City, at: Timestamp, draw: f64) -> Source {
        let everyday = (0..PRODUCTS.len()).map(|product| Source { product, placement: None });
        let special = [
            Source { product: LAUNCHED, placement: Some(Placement::Launch) },
            Source { product: CAMPAIGNED, placement: Some(Placement::Campaign) },
        ];
        let sources: Vec<Source> = everyday.chain(special).collect();
        sources[pick(sources.iter().map(|source| interest(*source, city, at)), draw)]
    }

    /// The rate of photos of each city at an instant.
    fn by_city(&self, at: Timestamp) -> impl Iterator<Item = f64> {
        let grown = 1.0 + 0.02 * hours_between(START, at) / 24.0;
        CITIES.iter().zip(&self.zones).map(move |(city, zone)| {
            let local = zone.to_datetime(at);
            let hour = BY_HOUR[local.hour() as usize % 24];
            let day = BY_WEEKDAY[local.weekday().to_monday_zero_offset() as usize % 7];
            let products: f64 =
                (0..PRODUCTS.len()).map(|product| interest(Source { product, placement: None }, city, at)).sum();
            let launch = interest(Source { product: LAUNCHED, placement: Some(Placement::Launch) }, city, at);
            let campaign = interest(Source { product: CAMPAIGNED, placement: Some(Placement::Campaign) }, city, at);
            city.weight * hour * day * grown * (products + launch + campaign)
        })
    }
}

/// How much a source is photographed in a city at an instant, relative to the others.
fn interest(source: Source, city: &City, at: Timestamp) -> f64 {
    let since_launch = hours_between(LAUNCH_AT, at);
    match source.placement {
        Some(Placement::Launch) if since_launch >= 0.0 => {
            LAUNCH_PEAK * 0.5_f64.powf(since_launch / LAUNCH_HALF_LIFE_HOURS)
        }
        Some(Placement::Campaign) => {
            let day = hours_between(CAMPAIGN_FROM, at) / 24.0;
            let runs = (0.0..CAMPAIGN_DAYS as f64).contains(&day);
            if runs && CAMPAIGN_CITIES.contains(&city.name) { CAMPAIGN_BOOST } else { 0.0 }
        }
        Some(_) => 0.0,
        None if source.product == LAUNCHED && since_launch < 0.0 => 0.0,
        None => 1.0 / (source.product as f64 + 1.0).powf(0.9),
    }
}

/// Index of the weight that `draw` (0 to 1) falls on; the last one when rounding runs over the end.
pub fn pick(weights: impl Iterator<Item = f64>, draw: f64) -> usize {
    let weights: Vec<f64> = weights.collect();
    let mut left = draw * weights.iter().sum::<f64>();
    for (place, weight) in weights.iter().enumerate() {
        left -= weight;
        if left < 0.0 {
            return place;
        }
    }
    weights.iter().rposition(|&weight| weight > 0.0).unwrap_or(0)
}

fn hours_between(from: Timestamp, to: Timestamp) -> f64 {
    (to.as_millisecond() - from.as_millisecond()) as f64 / HOUR_MS as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fixed_instants_are_what_their_comments_say() {
        assert_eq!(START.to_string(), "2026-03-02T00:00:00Z");
        assert_eq!(LAUNCH_AT.to_string(), "2026-03-12T16:00:00Z");
        assert_eq!(CAMPAIGN_FROM.to_string(), "2026-03-24T00:00:00Z");
    }

    #[test]
    fn instants_rise_with_the_share_and_stay_within_the_story() {
        let rhythm = Rhythm::new().unwrap();
        let mut last = START;
        for step in 0..=1000 {
            let at = rhythm.instant_at(f64::from(step) / 1000.0);
            assert!(at >= last, "{at} after {last}");
            last = at;
        }
        assert!(last < START + SignedDuration::from_hours(DAYS * 24));
    }

    #[test]
    fn launch_and_campaign_show_when_and_where_they_should() {
        let berlin = &CITIES[0];
        let tokyo = CITIES.iter().find(|city| city.name == "Tokyo").unwrap();
        let launch = Source { product: LAUNCHED, placement: Some(Placement::Launch) };
        let campaign = Source { product: CAMPAIGNED, placement: Some(Placement::Campaign) };
        let hours = |from: Timestamp, hours| from + SignedDuration::from_hours(hours);
        assert_eq!(interest(launch, tokyo, hours(LAUNCH_AT, -1)), 0.0);
        assert!((interest(launch, tokyo, hours(LAUNCH_AT, 30)) - LAUNCH_PEAK / 2.0).abs() < 1e-9);
        assert!(interest(campaign, berlin, hours(CAMPAIGN_FROM, 1)) > 0.0);
        assert_eq!(interest(campaign, tokyo, hours(CAMPAIGN_FROM, 1)), 0.0);
        assert_eq!(interest(campaign, berlin, hours(CAMPAIGN_FROM, 24 * CAMPAIGN_DAYS)), 0.0);
        let unlaunched = Source { product: LAUNCHED, placement: None };
        assert_eq!(interest(unlaunched, tokyo, START), 0.0);
    }

    #[test]
    fn pick_follows_the_weights_and_never_takes_a_zero() {
        let weights = [0.0, 1.0, 3.0, 0.0];
        for (draw, expected) in [(0.0, 1), (0.24, 1), (0.26, 2), (0.999, 2), (1.0, 2)] {
            assert_eq!(pick(weights.into_iter(), draw), expected, "{draw}");
        }
    }
}
