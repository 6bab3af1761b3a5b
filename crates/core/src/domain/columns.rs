//! Every column of the `scans` and `rejections` tables, once. Table definitions, the batch format, the loader's column
//! lists and the table in `docs/reference/columns.md` are all made from this list; a test holds it against [`super::ScanRow`] and
//! [`super::RejectionRow`].

/// The type of a column; each warehouse maps it to its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// UTF-8 text of at most this many bytes.
    Text(u32),
    /// 64-bit integer.
    Integer,
    /// 64-bit float.
    Real,
    /// An instant, RFC 3339 in UTC with milliseconds: `2026-11-22T15:40:00.123Z`.
    Timestamp,
    /// A wall-clock time without zone: `2026-11-22T16:40:00.123`.
    LocalTimestamp,
    /// A day: `2026-11-22`.
    Date,
}

/// Which tables have the column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnTables {
    /// Lineage: `scans` and `rejections` alike.
    Both,
    /// `scans` only.
    Scans,
    /// `rejections` only.
    Rejections,
}

/// One column.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Name, snake_case with its unit.
    pub name: &'static str,
    /// Type.
    pub kind: ColumnType,
    /// Where it is.
    pub table: ColumnTables,
    /// Whether it always has a value.
    pub required: bool,
    /// What it means.
    pub doc: &'static str,
}

const fn column(
    name: &'static str,
    kind: ColumnType,
    table: ColumnTables,
    required: bool,
    doc: &'static str,
) -> Column {
    Column { name, kind, table, required, doc }
}

use ColumnTables::{Both, Rejections, Scans};
use ColumnType::{Date, Integer, LocalTimestamp, Real, Text, Timestamp};

/// All columns, in table order: `scans` takes `Both` and `Scans`, `rejections` takes `Both` and `Rejections`.
pub const COLUMNS: &[Column] = &[
    column("scan_id", Text(32), Scans, true, "hash of photo_id, payload and its repeat count"),
    column("photo_id", Text(32), Both, true, "hash of bucket, key and version id or eTag"),
    column("batch_id", Text(64), Both, true, "sealed batch that carried the row"),
    column("revision", Integer, Both, true, "0; a deliberate replay is higher and replaces the photo's rows"),
    column("bucket", Text(255), Both, true, "bucket or folder of the photo"),
    column("object_key", Text(4096), Both, true, "key of the photo, decoded"),
    column("version_id", Text(1024), Both, false, "object version, on versioned buckets"),
    column("etag", Text(128), Both, false, "eTag of the bytes that were read"),
    column("size_bytes", Integer, Both, false, "size of the object"),
    column("sequencer", Text(64), Both, false, "S3's order of events on one key"),
    column("uploaded_at", Timestamp, Both, false, "when the upload happened"),
    column("processed_at", Timestamp, Both, true, "when the engine finished with the photo"),
    column("engine_version", Text(32), Both, true, "scanmill version that made the row"),
    column("payload", Text(16384), Scans, true, "text of the code; secrets redacted"),
    column("payload_kind", Text(32), Scans, true, "url, gs1_digital_link, geo, wifi, text and so on"),
    column("text_encoding", Text(64), Scans, false, "how bytes became text: ascii, utf-8; eci:, declared:, guess: set"),
    column("symbology", Text(3), Scans, false, "symbology identifier: ]Q1 plain, ]Q3 GS1, ]Q5 AIM, one more with ECI"),
    column("product_url", Text(16384), Scans, false, "normalised URL without tracking parameters"),
    column("url_host", Text(255), Scans, false, "host, lower case, punycode"),
    column("url_path", Text(8192), Scans, false, "path of the normalised URL"),
    column(
        "product_id",
        Text(1024),
        Scans,
        false,
        "what the code names: GTIN, other GS1 key, a shop's id; null if unclear",
    ),
    column(
        "product_id_source",
        Text(16),
        Scans,
        false,
        "gtin, digital_link, known_shop, query, path or none; null in rows older than it",
    ),
    column("url_count", Integer, Scans, false, "web addresses in the text; product_url is the first"),
    column("gtin", Text(14), Scans, false, "GTIN-14 whose check digit is right"),
    column("utm_source", Text(1024), Scans, false, "utm_source of the URL"),
    column("utm_medium", Text(1024), Scans, false, "utm_medium of the URL"),
    column("utm_campaign", Text(1024), Scans, false, "utm_campaign of the URL"),
    column("captured_at", Timestamp, Scans, false, "when the photo was taken; null where nothing tells its offset"),
    column(
        "captured_local",
        LocalTimestamp,
        Scans,
        false,
        "the camera's wall clock; midnight where only the date is known",
    ),
    column("utc_offset_minutes", Integer, Scans, false, "minutes east of UTC"),
    column(
        "captured_at_source",
        Text(64),
        Scans,
        true,
        "where the time came from and how its offset is known, or refused and why",
    ),
    column("local_date", Date, Scans, false, "day of captured_local"),
    column("local_hour", Integer, Scans, false, "hour of captured_local, 0 to 23; null where only the date is known"),
    column("local_weekday", Integer, Scans, false, "weekday of captured_local, 1 Monday to 7 Sunday"),
    column("latitude", Real, Scans, false, "degrees north"),
    column("longitude", Real, Scans, false, "degrees east"),
    column("altitude_m", Real, Scans, false, "metres above sea level"),
    column("geo_source", Text(64), Scans, true, "exif_gps, xmp_gps, none, or refused and why"),
    column("h3_cell", Text(16), Scans, false, "H3 cell at resolution 7 (about 5 km2), hex"),
    column("country", Text(2), Scans, false, "country of the place, ISO 3166-1 alpha-2"),
    column(
        "region",
        Text(16),
        Scans,
        false,
        "its first-level division as GeoNames codes it (in the US the state, CA), that of the city",
    ),
    column("city", Text(256), Scans, false, "nearest town of 15,000 people or more within 30 km in the country"),
    column(
        "place_name_source",
        Text(16),
        Scans,
        false,
        "zone+geonames, zone (no town is near), geonames (outside all borders); null without a name",
    ),
    column("camera_make", Text(256), Scans, false, "camera maker"),
    column("camera_model", Text(256), Scans, false, "camera model"),
    column("qr_index", Integer, Scans, true, "place of the code in the photo, from 0, top to bottom"),
    column("qr_count", Integer, Scans, true, "codes read in the photo"),
    column(
        "more_codes_likely",
        Integer,
        Scans,
        false,
        "1 where the photo shows more codes than could be read; null in rows older than it",
    ),
    column("qr_version", Integer, Scans, false, "QR version, 1 to 40"),
    column("ecc_level", Text(1), Scans, false, "error correction level L, M, Q or H"),
    column("ecc_used", Real, Scans, false, "share of the error correction used: 0 none, 1 all"),
    column("part_index", Integer, Scans, false, "place in its structured append sequence, from 0; null when whole"),
    column("part_count", Integer, Scans, false, "codes that the message is made of, when more than one"),
    column("part_parity", Integer, Scans, false, "parity byte that all parts of a message share"),
    column("rung", Text(64), Scans, true, "rung of the decode ladder that read it"),
    column("decode_ms", Real, Scans, true, "CPU milliseconds spent decoding the photo"),
    column("width", Integer, Scans, true, "photo width in pixels"),
    column("height", Integer, Scans, true, "photo height in pixels"),
    column("format", Text(16), Scans, true, "jpeg, png, webp, gif, bmp, tiff, heic or avif"),
    column("stage", Text(16), Rejections, true, "notify, fetch, guard, decode or load"),
    column("reason", Text(32), Rejections, true, "typed reason"),
    column("detail", Text(4096), Rejections, true, "figures and limits for people"),
];

/// The columns of `scans`, in order.
pub fn scan_columns() -> impl Iterator<Item = &'static Column> {
    COLUMNS.iter().filter(|column| column.table != Rejections)
}

/// The columns of `rejections`, in order.
pub fn rejection_columns() -> impl Iterator<Item = &'static Column> {
    COLUMNS.iter().filter(|column| column.table != Scans)
}

/// The cap in bytes of a text column, as a constant: `const CAP: usize = text_cap("payload");`. A name that is not a text
/// column of [`COLUMNS`] does not compile there.
pub const fn text_cap(name: &str) -> usize {
    let mut at = 0;
    while at < COLUMNS.len() {
        if let Text(cap) = COLUMNS[at].kind
            && same(COLUMNS[at].name.as_bytes(), name.as_bytes())
        {
            return cap as usize;
        }
        at += 1;
    }
    assert!(at < COLUMNS.len(), "no such text column");
    0
}

// `==` on text is not const yet.
const fn same(left: &[u8], right: &[u8]) -> bool {
    if left.len() != right.len() {
        return false;
    }
    let mut at = 0;
    while at < left.len() {
        if left[at] != right[at] {
            return false;
        }
        at += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_snake_case_and_stand_once() {
        let mut seen = HashSet::new();
        for column in COLUMNS {
            assert!(seen.insert(column.name), "{} appears twice", column.name);
            assert!(column.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'));
            assert!(!column.doc.is_empty(), "{} has no text", column.name);
        }
    }

    #[test]
    fn the_cap_is_the_columns_own() {
        assert_eq!(text_cap("payload"), 16_384);
        assert_eq!(text_cap("ecc_level"), 1);
    }

    #[test]
    #[should_panic(expected = "no such text column")]
    fn a_column_that_is_no_text_has_no_cap() {
        text_cap("revision");
    }
}
