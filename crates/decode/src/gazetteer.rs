//! The names of a place: country, region, town.
//!
//! The country is that of the time zone there, whose boundaries follow borders (OpenStreetMap, by `tzf-rs`). One that has
//! no zone of its own, as Kosovo, is told by its towns. Region and
//! town are those of the town of 15,000 people or more whose core is nearest, in that country and within [`FARTHEST_KM`]: GeoNames
//! (<https://www.geonames.org>, CC BY 4.0). `data/places.py` makes the file and says how parts of large cities are named.

use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::sync::LazyLock;

use flate2::read::GzDecoder;
use scanmill_core::domain::PlaceName;

/// A photo further than this from a town was not taken there.
const FARTHEST_KM: f64 = 30.0;
const KM_OF_DEGREE: f64 = 111.2;

/// Both sources agree on the country, or no town is near: country by the zone, the rest by the town.
const BY_ZONE_AND_TOWN: &str = "zone+geonames";
const BY_ZONE: &str = "zone";
/// Outside all borders, on a pier or a ship at anchor for example.
const BY_TOWN: &str = "geonames";

static PLACES: LazyLock<Places> = LazyLock::new(|| Places::of(unpacked()));

struct Places {
    /// Of each time zone that lies in a country.
    countries: HashMap<&'static str, &'static str>,
    /// From south to north.
    towns: Vec<Town>,
    /// Countries of towns that no zone is named for.
    without_zone: HashSet<&'static str>,
}

struct Town {
    latitude: f32,
    longitude: f32,
    /// How far its core reaches from its middle.
    core_km: f32,
    country: &'static str,
    region: &'static str,
    name: &'static str,
}

/// The names at a place whose time zone is `zone`; nothing where it is in no country and far from every town.
pub(crate) fn place_name(latitude: f64, longitude: f64, zone: Option<&str>) -> PlaceName {
    let places = &*PLACES;
    let country = zone.and_then(|zone| places.countries.get(zone).copied());
    let town = places.nearest(latitude, longitude, country);
    let source = match (country, town) {
        (Some(_), Some(_)) => BY_ZONE_AND_TOWN,
        (Some(_), None) => BY_ZONE,
        (None, Some(_)) => BY_TOWN,
        (None, None) => return PlaceName::default(),
    };
    PlaceName {
        country: town.map(|town| town.country).or(country),
        region: town.map(|town| town.region).filter(|region| !region.is_empty()),
        city: town.map(|town| town.name),
        source: Some(source),
    }
}

impl Places {
    /// What cannot be read of the file is left out; a test holds that all can.
    fn of(text: &'static str) -> Places {
        let (zones, towns) = text.split_once("\n\n").unwrap_or_default();
        let towns = towns.lines().filter_map(|line| {
            let mut fields = line.split('\t');
            let mut next = || fields.next();
            let mut number = || next()?.parse().ok();
            let (latitude, longitude, core_km) = (number()?, number()?, number()?);
            Some(Town { latitude, longitude, core_km, country: next()?, region: next()?, name: next()? })
        });
        let countries: HashMap<_, _> = zones.lines().filter_map(|line| line.split_once('\t')).collect();
        let towns: Vec<Town> = towns.collect();
        let with_zone: HashSet<&str> = countries.values().copied().collect();
        let without_zone = towns.iter().map(|town| town.country).filter(|it| !with_zone.contains(it)).collect();
        Places { countries, towns, without_zone }
    }

    fn nearest(&self, latitude: f64, longitude: f64, country: Option<&str>) -> Option<&Town> {
        let reach = FARTHEST_KM / KM_OF_DEGREE;
        let from = self.towns.partition_point(|town| f64::from(town.latitude) < latitude - reach);
        let near = self.towns.get(from..)?.iter().take_while(|town| f64::from(town.latitude) <= latitude + reach);
        let far = |town: &&Town| {
            let north = f64::from(town.latitude) - latitude;
            // The short way round, also across the 180th meridian.
            let east = (f64::from(town.longitude) - longitude + 540.0).rem_euclid(360.0) - 180.0;
            let middle = (latitude + north / 2.0).to_radians();
            let east = east * middle.cos();
            // Not `hypot`, which asks for a newer C library than the binary may need.
            KM_OF_DEGREE * (north * north + east * east).sqrt()
        };
        let is_there = |town: &Town| {
            country.is_none_or(|country| town.country == country || self.without_zone.contains(town.country))
        };
        near.filter(|town| is_there(town))
            .map(|town| (far(&town), town))
            .filter(|(km, _)| *km <= FARTHEST_KM)
            .map(|(km, town)| (km - f64::from(town.core_km), town))
            .min_by(|(one, _), (other, _)| one.total_cmp(other))
            .map(|(_, town)| town)
    }
}

/// The file's text, for as long as the process lives.
fn unpacked() -> &'static str {
    let mut text = String::new();
    match GzDecoder::new(include_bytes!("../data/places.tsv.gz").as_slice()).read_to_string(&mut text) {
        Ok(_) | Err(_) => text.leak(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(latitude: f64, longitude: f64, zone: &str) -> [Option<&'static str>; 4] {
        let found = place_name(latitude, longitude, Some(zone));
        [found.country, found.region, found.city, found.source]
    }

    #[test]
    fn the_file_is_whole() {
        let text = unpacked();
        let lines = text.lines().filter(|line| !line.is_empty()).count();
        assert_eq!(PLACES.countries.len() + PLACES.towns.len(), lines);
        assert!(PLACES.countries.len() > 400 && PLACES.towns.len() > 20_000);
        assert!(PLACES.towns.is_sorted_by(|one, other| one.latitude <= other.latitude));
        assert!(PLACES.towns.iter().all(|town| town.country.len() == 2 && !town.name.is_empty()));
        assert!(PLACES.countries.values().all(|country| country.len() == 2));
    }

    #[test]
    fn places_have_the_names_that_people_there_use() {
        let both = Some("zone+geonames");
        for (latitude, longitude, zone, expected) in [
            (48.8582, 2.2945, "Europe/Paris", [Some("FR"), Some("11"), Some("Paris"), both]),
            // Kreuzberg and Spandau are parts of Berlin, Potsdam is not.
            (52.4990, 13.4180, "Europe/Berlin", [Some("DE"), Some("16"), Some("Berlin"), both]),
            (52.5350, 13.2000, "Europe/Berlin", [Some("DE"), Some("16"), Some("Berlin"), both]),
            (52.3990, 13.0600, "Europe/Berlin", [Some("DE"), Some("11"), Some("Potsdam"), both]),
            (40.7300, -74.0680, "America/New_York", [Some("US"), Some("NJ"), Some("Jersey City"), both]),
            // Across the Hudson and the Delaware lies another state.
            (40.7440, -74.0324, "America/New_York", [Some("US"), Some("NJ"), Some("Hoboken"), both]),
            (39.9448, -75.1197, "America/New_York", [Some("US"), Some("NJ"), Some("Camden"), both]),
            (40.7580, -73.9855, "America/New_York", [Some("US"), Some("NY"), Some("New York City"), both]),
            // Kosovo has no time zone of its own.
            (42.6629, 21.1655, "Europe/Belgrade", [Some("XK"), Some("10097360"), Some("Pristina"), both]),
            (44.8125, 20.4612, "Europe/Belgrade", [Some("RS"), Some("SE"), Some("Belgrade"), both]),
            (34.1478, -118.1445, "America/Los_Angeles", [Some("US"), Some("CA"), Some("Pasadena"), both]),
            (21.3069, -157.8583, "Pacific/Honolulu", [Some("US"), Some("HI"), Some("Honolulu"), both]),
            (-33.8688, 151.2093, "Australia/Sydney", [Some("AU"), Some("02"), Some("Sydney"), both]),
            // The nearest town lies over the border: Kehl's is French.
            (48.5730, 7.8150, "Europe/Berlin", [Some("DE"), Some("01"), Some("Kehl"), both]),
            // No town is near.
            (78.2232, 15.6267, "Arctic/Longyearbyen", [Some("SJ"), None, None, Some("zone")]),
            (23.4162, 25.6628, "Africa/Tripoli", [Some("LY"), None, None, Some("zone")]),
            // At sea, off a town and far from all.
            (43.2900, 5.2000, "Etc/GMT", [Some("FR"), Some("93"), Some("Marseille"), Some("geonames")]),
            (0.0, -30.0, "Etc/GMT+2", [None; 4]),
            (90.0, 0.0, "Etc/GMT", [None; 4]),
            (-90.0, -180.0, "Antarctica/McMurdo", [Some("AQ"), None, None, Some("zone")]),
        ] {
            assert_eq!(names(latitude, longitude, zone), expected, "{latitude}, {longitude}");
        }
    }

    #[test]
    fn the_180th_meridian_parts_no_town_from_its_surroundings() {
        // Suva's island, from the other side of the line.
        let fiji = PLACES.nearest(-18.1416, 178.4415 - 360.0, None).map(|town| town.name);
        assert_eq!(fiji, PLACES.nearest(-18.1416, 178.4415, None).map(|town| town.name));
        assert!(fiji.is_some());
    }
}
