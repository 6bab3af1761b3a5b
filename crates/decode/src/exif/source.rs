//! Names of the sources of a time.

use super::zone::Certainty;

/// A source, and its names by how its offset is known.
pub(super) struct TimeSource {
    pub no_offset: &'static str,
    pub own_offset: &'static str,
    pub gps_offset: &'static str,
    place_zone: &'static str,
    pub place_zone_ambiguous: &'static str,
    place_zone_at_sea: &'static str,
    pub date_only: &'static str,
}

impl TimeSource {
    /// The name where the offset is that of the place.
    pub(super) fn place_zone(&self, certainty: Certainty) -> &'static str {
        match certainty {
            Certainty::Sure => self.place_zone,
            Certainty::Ambiguous => self.place_zone_ambiguous,
            Certainty::AtSea => self.place_zone_at_sea,
        }
    }
}

/// Declares sources and lists all their names.
macro_rules! sources {
    ($($constant:ident = $name:literal;)*) => {
        $(pub(super) const $constant: TimeSource = TimeSource {
            no_offset: $name,
            own_offset: concat!($name, "+offset"),
            gps_offset: concat!($name, "+gps_offset"),
            place_zone: concat!($name, "+place_zone"),
            place_zone_ambiguous: concat!($name, "+place_zone_ambiguous"),
            place_zone_at_sea: concat!($name, "+place_zone_at_sea"),
            date_only: concat!($name, "+date_only"),
        };)*

        /// Every value `captured_at_source` may have.
        pub const TIME_SOURCES: &[&str] = &[
            $(
                $name,
                concat!($name, "+offset"),
                concat!($name, "+gps_offset"),
                concat!($name, "+place_zone"),
                concat!($name, "+place_zone_ambiguous"),
                concat!($name, "+place_zone_at_sea"),
                concat!($name, "+date_only"),
            )*
            BEFORE_1990,
            AFTER_TOMORROW,
        ];
    };
}

pub(super) const BEFORE_1990: &str = "refused:before_1990";
pub(super) const AFTER_TOMORROW: &str = "refused:after_tomorrow";

sources! {
    EXIF_ORIGINAL = "exif_original";
    EXIF_DIGITIZED = "exif_digitized";
    EXIF_GPS_TIME = "exif_gps_time";
    XMP_ORIGINAL = "xmp_original";
    XMP_CREATED = "xmp_created";
    XMP_DIGITIZED = "xmp_digitized";
    IPTC_CREATED = "iptc_created";
    IPTC_DIGITIZED = "iptc_digitized";
    PNG_CREATED = "png_created";
    EXIF_MODIFIED = "exif_modified";
}
