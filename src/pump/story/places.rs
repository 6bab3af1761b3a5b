//! Where the story's people live: cities on six continents, both hemispheres on both sides of Greenwich, and zones that
//! are not whole hours, so that a sign or an offset taken wrong shows at once.

/// A city of the story.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct City {
    /// Its name, also in object keys.
    pub name: &'static str,
    /// Its IANA time zone.
    pub zone: &'static str,
    /// Degrees north of its centre.
    pub latitude: f64,
    /// Degrees east of its centre.
    pub longitude: f64,
    /// Mean height in metres.
    pub altitude_m: f64,
    /// Its share of the photos, relative to the others.
    pub weight: f64,
}

const fn city(
    name: &'static str,
    zone: &'static str,
    latitude: f64,
    longitude: f64,
    altitude_m: f64,
    weight: f64,
) -> City {
    City { name, zone, latitude, longitude, altitude_m, weight }
}

/// All cities.
pub const CITIES: &[City] = &[
    city("Berlin", "Europe/Berlin", 52.5200, 13.4050, 34.0, 9.0),
    city("Hamburg", "Europe/Berlin", 53.5511, 9.9937, 6.0, 5.0),
    city("Vienna", "Europe/Vienna", 48.2082, 16.3738, 171.0, 5.0),
    city("Zürich", "Europe/Zurich", 47.3769, 8.5417, 408.0, 4.0),
    city("London", "Europe/London", 51.5074, -0.1278, 11.0, 9.0),
    city("Lisbon", "Europe/Lisbon", 38.7223, -9.1393, 45.0, 3.0),
    city("Paris", "Europe/Paris", 48.8566, 2.3522, 35.0, 7.0),
    city("Warsaw", "Europe/Warsaw", 52.2297, 21.0122, 100.0, 4.0),
    city("Athens", "Europe/Athens", 37.9838, 23.7275, 70.0, 2.0),
    city("Reykjavik", "Atlantic/Reykjavik", 64.1466, -21.9426, 28.0, 0.8),
    city("New York", "America/New_York", 40.7128, -74.0060, 10.0, 9.0),
    city("Chicago", "America/Chicago", 41.8781, -87.6298, 181.0, 5.0),
    city("Denver", "America/Denver", 39.7392, -104.9903, 1609.0, 2.0),
    city("Los Angeles", "America/Los_Angeles", 34.0522, -118.2437, 89.0, 8.0),
    city("St. John's", "America/St_Johns", 47.5615, -52.7126, 14.0, 0.6),
    city("Honolulu", "Pacific/Honolulu", 21.3069, -157.8583, 6.0, 0.8),
    city("Mexico City", "America/Mexico_City", 19.4326, -99.1332, 2240.0, 6.0),
    city("Bogotá", "America/Bogota", 4.7110, -74.0721, 2640.0, 3.0),
    city("Lima", "America/Lima", -12.0464, -77.0428, 154.0, 2.5),
    city("São Paulo", "America/Sao_Paulo", -23.5505, -46.6333, 760.0, 7.0),
    city("Santiago", "America/Santiago", -33.4489, -70.6693, 570.0, 2.5),
    city("Buenos Aires", "America/Argentina/Buenos_Aires", -34.6037, -58.3816, 25.0, 4.0),
    city("Lagos", "Africa/Lagos", 6.5244, 3.3792, 41.0, 4.0),
    city("Nairobi", "Africa/Nairobi", -1.2921, 36.8219, 1795.0, 2.0),
    city("Johannesburg", "Africa/Johannesburg", -26.2041, 28.0473, 1753.0, 3.0),
    city("Mumbai", "Asia/Kolkata", 19.0760, 72.8777, 14.0, 8.0),
    city("Kathmandu", "Asia/Kathmandu", 27.7172, 85.3240, 1400.0, 1.0),
    city("Yangon", "Asia/Yangon", 16.8409, 96.1735, 23.0, 1.2),
    city("Singapore", "Asia/Singapore", 1.3521, 103.8198, 15.0, 4.0),
    city("Tokyo", "Asia/Tokyo", 35.6762, 139.6503, 40.0, 9.0),
    city("Sydney", "Australia/Sydney", -33.8688, 151.2093, 58.0, 4.0),
    city("Adelaide", "Australia/Adelaide", -34.9285, 138.6007, 50.0, 1.5),
    city("Auckland", "Pacific/Auckland", -36.8509, 174.7645, 26.0, 1.5),
];

/// A camera as it names itself in EXIF.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Camera {
    /// EXIF Make.
    pub make: &'static str,
    /// EXIF Model.
    pub model: &'static str,
    /// Share, relative to the others.
    pub weight: f64,
}

const fn camera(make: &'static str, model: &'static str, weight: f64) -> Camera {
    Camera { make, model, weight }
}

/// The phones in people's hands.
pub const CAMERAS: &[Camera] = &[
    camera("Apple", "iPhone 15", 14.0),
    camera("Apple", "iPhone 13", 12.0),
    camera("Apple", "iPhone SE (3rd generation)", 5.0),
    camera("samsung", "SM-S921B", 12.0),
    camera("samsung", "SM-A546B", 10.0),
    camera("Google", "Pixel 8", 6.0),
    camera("Google", "Pixel 6a", 4.0),
    camera("Xiaomi", "2312DRA50G", 8.0),
    camera("HUAWEI", "ELE-L29", 4.0),
    camera("motorola", "moto g84 5G", 4.0),
    camera("FUJIFILM", "X100V", 1.0),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cities_cover_the_signs_and_the_odd_zones() {
        assert!((20..=40).contains(&CITIES.len()));
        for (south, west) in [(false, false), (false, true), (true, false), (true, true)] {
            assert!(CITIES.iter().any(|city| (city.latitude < 0.0) == south && (city.longitude < 0.0) == west));
        }
        let winter: jiff::Timestamp = "2026-03-03T00:00:00Z".parse().unwrap();
        let mut minutes = Vec::new();
        for city in CITIES {
            let zone = jiff::tz::TimeZone::get(city.zone).unwrap_or_else(|error| panic!("{}: {error}", city.name));
            minutes.push(zone.to_offset(winter).seconds() / 60);
        }
        for odd in [330, 345, 390, 630, -210] {
            assert!(minutes.contains(&odd), "no city at {odd} minutes");
        }
    }
}
