//! Time zones: their offsets over a story as a short table, and the zone of a point by its nearest city.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::Span;

/// The offsets of one zone over a span.
#[derive(Clone, Debug)]
pub struct Offsets {
    /// From when, in milliseconds, and how many milliseconds east of UTC; the first holds before as well.
    changes: Vec<(i64, i64)>,
}

impl Offsets {
    /// The offsets of `zone` from two days before `span` to two days after it.
    pub fn new(zone: &TimeZone, span: Span) -> Self {
        let margin = SignedDuration::from_hours(48);
        let (from, to) = (span.from - margin, span.to + margin);
        let milliseconds = |seconds: i32| i64::from(seconds) * 1_000;
        let mut changes = vec![(from.as_millisecond(), milliseconds(zone.to_offset(from).seconds()))];
        for change in zone.following(from).take_while(|change| change.timestamp() < to) {
            changes.push((change.timestamp().as_millisecond(), milliseconds(change.offset().seconds())));
        }
        Self { changes }
    }

    /// Milliseconds of the wall clock, as if it were in UTC.
    pub fn local(&self, ms: i64) -> i64 {
        let after = self.changes.partition_point(|(from, _)| *from <= ms);
        ms + self.changes.get(after.saturating_sub(1)).map_or(0, |(_, offset)| *offset)
    }
}

/// A zone of the tz database that is in this binary.
pub fn find(name: &str) -> Option<TimeZone> {
    // Only names of places: a fixed offset or the machine's own zone would be a mistake.
    TimeZone::get(name).ok().filter(|zone| zone.iana_name().is_some())
}

/// The zone of the nearest of a few reference cities: plausible, not surveyed. Near a border it may be the neighbour's.
pub fn nearest(latitude: f64, longitude: f64) -> &'static str {
    let closeness = |(_, lat, lon): &(&str, f64, f64)| {
        let (a, b) = (latitude.to_radians(), lat.to_radians());
        a.sin() * b.sin() + a.cos() * b.cos() * (longitude - lon).to_radians().cos()
    };
    REFERENCE
        .iter()
        .max_by(|left, right| closeness(left).total_cmp(&closeness(right)))
        .map_or("UTC", |(zone, _, _)| zone)
}

/// The last instant of whole seconds that a story may have; jiff's own limits lie further out.
pub fn is_sensible(at: Timestamp) -> bool {
    (0..=4_102_444_800).contains(&at.as_second())
}

/// Cities and their zones. The United States are covered densely enough to tell their zones apart away from the
/// borders; elsewhere it is the great cities.
const REFERENCE: &[(&str, f64, f64)] = &[
    ("America/New_York", 40.71, -74.01),
    ("America/New_York", 42.36, -71.06),
    ("America/New_York", 44.31, -69.78),
    ("America/New_York", 42.89, -78.88),
    ("America/New_York", 40.44, -79.99),
    ("America/New_York", 39.96, -82.99),
    ("America/New_York", 39.10, -84.51),
    ("America/New_York", 38.35, -81.63),
    ("America/New_York", 36.85, -76.29),
    ("America/New_York", 35.23, -80.84),
    ("America/New_York", 35.96, -83.92),
    ("America/New_York", 33.75, -84.39),
    ("America/New_York", 32.08, -81.09),
    ("America/New_York", 30.44, -84.28),
    ("America/New_York", 28.54, -81.38),
    ("America/New_York", 25.76, -80.19),
    ("America/Detroit", 42.33, -83.05),
    ("America/Detroit", 44.76, -85.62),
    ("America/Indiana/Indianapolis", 39.77, -86.16),
    ("America/Indiana/Indianapolis", 41.08, -85.14),
    ("America/Kentucky/Louisville", 38.25, -85.76),
    ("America/Chicago", 41.88, -87.63),
    ("America/Chicago", 43.04, -87.91),
    ("America/Chicago", 46.79, -92.10),
    ("America/Chicago", 44.98, -93.27),
    ("America/Chicago", 46.88, -96.79),
    ("America/Chicago", 46.81, -100.78),
    ("America/Chicago", 43.55, -96.73),
    ("America/Chicago", 41.26, -95.93),
    ("America/Chicago", 41.14, -100.77),
    ("America/Chicago", 37.69, -97.34),
    ("America/Chicago", 38.63, -90.20),
    ("America/Chicago", 37.97, -87.57),
    ("America/Chicago", 36.16, -86.78),
    ("America/Chicago", 35.15, -90.05),
    ("America/Chicago", 33.52, -86.80),
    ("America/Chicago", 31.22, -85.39),
    ("America/Chicago", 30.42, -87.22),
    ("America/Chicago", 29.95, -90.07),
    ("America/Chicago", 35.47, -97.52),
    ("America/Chicago", 32.78, -96.80),
    ("America/Chicago", 29.76, -95.37),
    ("America/Chicago", 27.80, -97.40),
    ("America/Chicago", 31.99, -102.08),
    ("America/Chicago", 35.22, -101.83),
    ("America/Denver", 39.74, -104.99),
    ("America/Denver", 31.76, -106.49),
    ("America/Denver", 35.08, -106.65),
    ("America/Denver", 40.76, -111.89),
    ("America/Denver", 44.08, -103.23),
    ("America/Denver", 41.14, -104.82),
    ("America/Denver", 45.78, -108.50),
    ("America/Denver", 46.87, -113.99),
    ("America/Boise", 43.62, -116.21),
    ("America/Boise", 42.56, -114.46),
    ("America/Phoenix", 33.45, -112.07),
    ("America/Phoenix", 32.22, -110.93),
    ("America/Los_Angeles", 34.05, -118.24),
    ("America/Los_Angeles", 32.72, -117.16),
    ("America/Los_Angeles", 32.79, -115.56),
    ("America/Los_Angeles", 36.17, -115.14),
    ("America/Los_Angeles", 39.53, -119.81),
    ("America/Los_Angeles", 40.83, -115.76),
    ("America/Los_Angeles", 37.77, -122.42),
    ("America/Los_Angeles", 40.80, -124.16),
    ("America/Los_Angeles", 45.52, -122.68),
    ("America/Los_Angeles", 47.61, -122.33),
    ("America/Los_Angeles", 47.66, -117.43),
    ("America/Anchorage", 61.22, -149.90),
    ("America/Anchorage", 64.84, -147.72),
    ("America/Juneau", 58.30, -134.42),
    ("Pacific/Honolulu", 21.31, -157.86),
    ("America/Puerto_Rico", 18.47, -66.11),
    ("America/Halifax", 44.65, -63.58),
    ("America/Toronto", 43.65, -79.38),
    ("America/Toronto", 45.50, -73.57),
    ("America/Winnipeg", 49.90, -97.14),
    ("America/Edmonton", 51.05, -114.07),
    ("America/Vancouver", 49.28, -123.12),
    ("America/Mexico_City", 19.43, -99.13),
    ("America/Bogota", 4.71, -74.07),
    ("America/Lima", -12.05, -77.04),
    ("America/Santiago", -33.45, -70.67),
    ("America/Sao_Paulo", -23.55, -46.63),
    ("America/Argentina/Buenos_Aires", -34.60, -58.38),
    ("Europe/London", 51.51, -0.13),
    ("Europe/Dublin", 53.35, -6.26),
    ("Europe/Lisbon", 38.72, -9.14),
    ("Europe/Madrid", 40.42, -3.70),
    ("Europe/Paris", 48.86, 2.35),
    ("Europe/Berlin", 52.52, 13.41),
    ("Europe/Berlin", 50.11, 8.68),
    ("Europe/Rome", 41.90, 12.50),
    ("Europe/Stockholm", 59.33, 18.07),
    ("Europe/Warsaw", 52.23, 21.01),
    ("Europe/Athens", 37.98, 23.73),
    ("Europe/Helsinki", 60.17, 24.94),
    ("Europe/Istanbul", 41.01, 28.98),
    ("Europe/Moscow", 55.76, 37.62),
    ("Africa/Cairo", 30.04, 31.24),
    ("Africa/Casablanca", 33.57, -7.59),
    ("Africa/Lagos", 6.52, 3.38),
    ("Africa/Nairobi", -1.29, 36.82),
    ("Africa/Johannesburg", -26.20, 28.05),
    ("Asia/Dubai", 25.20, 55.27),
    ("Asia/Tehran", 35.69, 51.39),
    ("Asia/Karachi", 24.86, 67.01),
    ("Asia/Kolkata", 19.08, 72.88),
    ("Asia/Kolkata", 28.61, 77.21),
    ("Asia/Kathmandu", 27.72, 85.32),
    ("Asia/Dhaka", 23.81, 90.41),
    ("Asia/Bangkok", 13.76, 100.50),
    ("Asia/Singapore", 1.35, 103.82),
    ("Asia/Jakarta", -6.21, 106.85),
    ("Asia/Shanghai", 31.23, 121.47),
    ("Asia/Shanghai", 39.90, 116.41),
    ("Asia/Hong_Kong", 22.32, 114.17),
    ("Asia/Manila", 14.60, 120.98),
    ("Asia/Seoul", 37.57, 126.98),
    ("Asia/Tokyo", 35.68, 139.65),
    ("Australia/Perth", -31.95, 115.86),
    ("Australia/Adelaide", -34.93, 138.60),
    ("Australia/Sydney", -33.87, 151.21),
    ("Australia/Brisbane", -27.47, 153.03),
    ("Pacific/Auckland", -36.85, 174.76),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_agree_with_the_zone_itself() {
        let span = Span { from: "2026-03-01T00:00:00Z".parse().unwrap(), to: "2026-04-10T00:00:00Z".parse().unwrap() };
        for name in ["Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Adelaide"] {
            let zone = find(name).unwrap();
            let offsets = Offsets::new(&zone, span);
            for hour in 0..40 * 24 {
                let at = span.from + SignedDuration::from_mins(hour * 60 + 30);
                let expected = at.as_millisecond() + i64::from(zone.to_offset(at).seconds()) * 1_000;
                assert_eq!(offsets.local(at.as_millisecond()), expected, "{name} {at}");
            }
        }
    }

    #[test]
    fn the_reference_cities_have_zones_and_are_their_own_nearest() {
        for (zone, latitude, longitude) in REFERENCE {
            assert!(find(zone).is_some(), "{zone}");
            assert_eq!(nearest(*latitude, *longitude), *zone);
        }
        // Dubuque, Flagstaff, Bangor and Hilo.
        assert_eq!(nearest(42.5, -90.66), "America/Chicago");
        assert_eq!(nearest(35.2, -111.65), "America/Phoenix");
        assert_eq!(nearest(44.8, -68.77), "America/New_York");
        assert_eq!(nearest(19.7, -155.09), "Pacific/Honolulu");
    }
}
