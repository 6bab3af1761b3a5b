//! The time zone of a place, and which offset its clocks had.

use std::sync::LazyLock;

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use jiff::{SignedDuration, Timestamp, tz};
use tzf_rs::EmbeddedFinder;

/// The boundaries lie in the binary and are searched where they lie: nothing is unpacked, and a process that meets no
/// photo with a place never touches them.
static BOUNDARIES: LazyLock<EmbeddedFinder> = LazyLock::new(EmbeddedFinder::new);

/// How far around a place another zone makes its own uncertain. The boundaries are simplified by up to 111 m, and a
/// phone's fix is good to some tens of metres.
const BORDER_DEGREES: f64 = 0.002;

/// How sure the zone of the place is of an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Certainty {
    /// There is only one answer.
    Sure,
    /// The clock showed this time twice, or skipped it, or a zone with another offset is next to it or claims it too.
    Ambiguous,
    /// Out at sea a zone is a rule about longitude; ships keep whatever time they like.
    AtSea,
}

/// The zones of one place.
pub(super) struct Zones {
    /// The zone it lies in first; then those that claim it as well or begin next to it.
    all: Vec<TimeZone>,
    at_sea: bool,
}

impl Zones {
    /// The zones at a place; `None` where there is none, or none that the tz database knows.
    pub(super) fn at(latitude: f64, longitude: f64) -> Option<Zones> {
        let finder = &*BOUNDARIES;
        let mut names = finder.get_tz_names(longitude, latitude);
        // The poles and the edges of the map belong to no polygon.
        if names.is_empty() {
            names.push(finder.get_tz_name(longitude, latitude));
        }
        let at_sea = names.iter().all(|name| is_nautical(name));
        if !at_sea {
            let east = BORDER_DEGREES / latitude.to_radians().cos().max(0.01);
            let around = [(BORDER_DEGREES, 0.0), (-BORDER_DEGREES, 0.0), (0.0, east), (0.0, -east)];
            for (up, right) in around {
                let name = finder.get_tz_name(longitude + right, latitude + up);
                if !name.is_empty() && !is_nautical(name) && !names.contains(&name) {
                    names.push(name);
                }
            }
        }
        let all: Vec<TimeZone> = names.into_iter().filter_map(|name| TimeZone::get(name).ok()).collect();
        (!all.is_empty()).then_some(Zones { all, at_sea })
    }

    /// The offset of a wall clock. A time that the clocks showed twice is taken as the first of the two; one that they
    /// skipped, as if they had not been put forward yet.
    pub(super) fn offset_of(&self, local: DateTime) -> Option<(Offset, Certainty)> {
        let answers = |zone: &TimeZone| match zone.to_ambiguous_timestamp(local).offset() {
            AmbiguousOffset::Unambiguous { offset } => (offset, true),
            AmbiguousOffset::Gap { before, .. } | AmbiguousOffset::Fold { before, .. } => (before, false),
        };
        let (offset, mut sure) = self.all.first().map(answers)?;
        sure &= self.all.iter().all(|zone| answers(zone).0 == offset);
        Some((offset, self.certainty(sure)))
    }

    /// The offset at an instant.
    pub(super) fn offset_at(&self, at: Timestamp) -> Option<(Offset, Certainty)> {
        let offset = self.all.first()?.to_offset(at);
        let sure = self.all.iter().all(|zone| zone.to_offset(at) == offset);
        Some((offset, self.certainty(sure)))
    }

    /// Whether one of the zones had this offset at this instant.
    pub(super) fn have(&self, offset: Offset, at: Timestamp) -> bool {
        self.all.iter().any(|zone| zone.to_offset(at) == offset)
    }

    /// Whether it is in no country.
    pub(super) fn at_sea(&self) -> bool {
        self.at_sea
    }

    fn certainty(&self, sure: bool) -> Certainty {
        match (self.at_sea, sure) {
            (true, _) => Certainty::AtSea,
            (false, true) => Certainty::Sure,
            (false, false) => Certainty::Ambiguous,
        }
    }
}

/// The name of the zone at a place, which tells the country.
pub(super) fn name_at(latitude: f64, longitude: f64) -> Option<&'static str> {
    Some(BOUNDARIES.get_tz_name(longitude, latitude)).filter(|name| !name.is_empty())
}

/// Whether any zone on earth had this offset on the day around this instant.
pub(super) fn is_in_use(offset: Offset, at: Timestamp) -> bool {
    let day = SignedDuration::from_hours(12);
    tz::db().available().filter_map(|name| TimeZone::get(name.as_str()).ok()).any(|zone| {
        // Fixed offsets of ships at sea and of the database's own bookkeeping are nobody's clock.
        !zone.iana_name().is_none_or(is_nautical)
            && [at - day, at, at + day].into_iter().any(|at| zone.to_offset(at) == offset)
    })
}

/// `Etc/GMT+2` and the like.
fn is_nautical(name: &str) -> bool {
    name.starts_with("Etc/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(latitude: f64, longitude: f64, local: &str) -> (i32, Certainty) {
        let zones = Zones::at(latitude, longitude).unwrap();
        let (offset, certainty) = zones.offset_of(local.parse().unwrap()).unwrap();
        (offset.seconds() / 60, certainty)
    }

    #[test]
    fn places_and_their_clocks() {
        use Certainty::{Ambiguous, AtSea, Sure};
        for (latitude, longitude, local, expected) in [
            (48.8582, 2.2945, "2024-05-03T14:25:36", (120, Sure)),
            (48.8582, 2.2945, "2024-01-03T14:25:36", (60, Sure)),
            (27.7172, 85.3240, "2024-05-03T14:25:36", (345, Sure)),
            (-33.8688, 151.2093, "2024-01-03T14:25:36", (660, Sure)),
            (64.1466, -21.9426, "2024-07-03T14:25:36", (0, Sure)),
            // Shown twice, and skipped.
            (52.52, 13.405, "2024-10-27T02:30:00", (120, Ambiguous)),
            (52.52, 13.405, "2024-03-31T02:30:00", (60, Ambiguous)),
            // The middle of the Atlantic.
            (0.0, -30.0, "2024-05-03T14:25:36", (-120, AtSea)),
        ] {
            assert_eq!(at(latitude, longitude, local), expected, "{latitude}, {longitude} {local}");
        }
    }

    #[test]
    fn next_to_a_border_between_two_offsets_the_zone_is_not_sure() {
        // Along the 50th parallel from Germany into Poland both keep one time; from Poland into Ukraine they do not.
        let mut longitude = 22.0;
        let mut unsure = 0;
        while longitude < 25.0 {
            let (offset, certainty) = at(50.0, longitude, "2024-05-03T12:00:00");
            match certainty {
                Certainty::Ambiguous => unsure += 1,
                _ => assert_eq!(offset, if longitude < 23.18 { 120 } else { 180 }, "{longitude}"),
            }
            longitude += 0.001;
        }
        assert!((2..=12).contains(&unsure), "{unsure}");
    }

    #[test]
    fn every_zone_of_the_map_is_in_the_tz_database() {
        let unknown: Vec<&str> =
            BOUNDARIES.timezonenames().into_iter().filter(|name| TimeZone::get(name).is_err()).collect();
        assert_eq!(unknown, Vec::<&str>::new());
    }

    #[test]
    fn offsets_in_use_depend_on_the_date() {
        let cases = [
            (345, "2024-05-03T12:00:00Z", true),
            (330, "1980-05-03T12:00:00Z", true),
            (135, "2024-05-03T12:00:00Z", false),
            (-150, "2024-07-03T12:00:00Z", true),
            (-150, "2024-01-03T12:00:00Z", false),
            (14 * 60, "2024-01-03T12:00:00Z", true),
            (14 * 60, "1990-01-03T12:00:00Z", false),
        ];
        for (minutes, at, expected) in cases {
            let offset = Offset::from_seconds(minutes * 60).unwrap();
            assert_eq!(is_in_use(offset, at.parse().unwrap()), expected, "{minutes} {at}");
        }
    }
}
