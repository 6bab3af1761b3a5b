//! The TIFF structure that holds EXIF.
//!
//! Read in place and only where asked: the four directories that count, the first thousand entries of each, the first
//! bytes of a value. So a loop of directories, or a count of millions in a 30 MB TIFF file, costs nothing; a reader that
//! builds all values would need 24 bytes for each zero byte of such a text.

use super::value::{ExifValue, size_of_kind};

/// The tags read here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    Make,
    Model,
    Orientation,
    DateTime,
    Xmp,
    DateTimeOriginal,
    DateTimeDigitized,
    OffsetTime,
    OffsetTimeOriginal,
    OffsetTimeDigitized,
    SubSecTime,
    SubSecTimeOriginal,
    SubSecTimeDigitized,
    TimeZoneOffset,
    Iptc,
    Photoshop,
    GpsLatitudeRef,
    GpsLatitude,
    GpsLongitudeRef,
    GpsLongitude,
    GpsAltitudeRef,
    GpsAltitude,
    GpsTimeStamp,
    GpsDateStamp,
}

/// A directory of the structure.
#[derive(Clone, Copy)]
enum Ifd {
    /// The first directory.
    Primary,
    /// The one that follows it: of a thumbnail, or of another page.
    Next,
    Exif,
    Gps,
}

impl Tag {
    fn number(self) -> u16 {
        match self {
            Tag::Make => 0x010f,
            Tag::Model => 0x0110,
            Tag::Orientation => 0x0112,
            Tag::DateTime => 0x0132,
            Tag::Xmp => 0x02bc,
            Tag::DateTimeOriginal => 0x9003,
            Tag::DateTimeDigitized => 0x9004,
            Tag::OffsetTime => 0x9010,
            Tag::OffsetTimeOriginal => 0x9011,
            Tag::OffsetTimeDigitized => 0x9012,
            Tag::SubSecTime => 0x9290,
            Tag::SubSecTimeOriginal => 0x9291,
            Tag::SubSecTimeDigitized => 0x9292,
            Tag::TimeZoneOffset => 0x882a,
            Tag::Iptc => 0x83bb,
            Tag::Photoshop => 0x8649,
            Tag::GpsLatitudeRef => 1,
            Tag::GpsLatitude => 2,
            Tag::GpsLongitudeRef => 3,
            Tag::GpsLongitude => 4,
            Tag::GpsAltitudeRef => 5,
            Tag::GpsAltitude => 6,
            Tag::GpsTimeStamp => 7,
            Tag::GpsDateStamp => 29,
        }
    }

    /// Where to look, first match wins. Some writers put the EXIF times into the first directory.
    fn directories(self) -> &'static [Ifd] {
        match self {
            Tag::Make | Tag::Model => &[Ifd::Primary, Ifd::Next],
            Tag::Orientation | Tag::Xmp | Tag::Iptc | Tag::Photoshop => &[Ifd::Primary],
            Tag::DateTime => &[Ifd::Primary, Ifd::Exif],
            Tag::DateTimeOriginal
            | Tag::DateTimeDigitized
            | Tag::OffsetTime
            | Tag::OffsetTimeOriginal
            | Tag::OffsetTimeDigitized
            | Tag::SubSecTime
            | Tag::SubSecTimeOriginal
            | Tag::SubSecTimeDigitized
            | Tag::TimeZoneOffset => &[Ifd::Exif, Ifd::Primary, Ifd::Next],
            Tag::GpsLatitudeRef
            | Tag::GpsLatitude
            | Tag::GpsLongitudeRef
            | Tag::GpsLongitude
            | Tag::GpsAltitudeRef
            | Tag::GpsAltitude
            | Tag::GpsTimeStamp
            | Tag::GpsDateStamp => &[Ifd::Gps],
        }
    }
}

const EXIF_POINTER: u16 = 0x8769;
const GPS_POINTER: u16 = 0x8825;
const MOST_ENTRIES: u64 = 1_000;

/// A TIFF structure in memory.
pub(super) struct Tiff<'a> {
    bytes: &'a [u8],
    little: bool,
    /// BigTIFF: counts and offsets of eight bytes.
    big: bool,
    primary: Option<usize>,
    next: Option<usize>,
    exif: Option<usize>,
    gps: Option<usize>,
}

impl<'a> Tiff<'a> {
    /// The structure, if the bytes start like one. The number behind the byte order tells TIFF from camera makers' own
    /// formats, which are built alike, so any will do.
    pub(super) fn new(bytes: &'a [u8]) -> Option<Tiff<'a>> {
        let little = match bytes.get(..2)? {
            b"II" => true,
            b"MM" => false,
            _ => return None,
        };
        let mut tiff = Tiff { bytes, little, big: false, primary: None, next: None, exif: None, gps: None };
        tiff.big = tiff.u16(2)? == 43;
        tiff.primary = Some(tiff.offset(if tiff.big { 8 } else { 4 })?);
        tiff.next = tiff.primary.and_then(|at| tiff.after(at));
        let pointer = |number| {
            let directories = [tiff.primary, tiff.next].into_iter().flatten();
            directories.filter_map(|at| tiff.entry(at, number)).find_map(|value| value.pointer())
        };
        (tiff.exif, tiff.gps) = (pointer(EXIF_POINTER), pointer(GPS_POINTER));
        Some(tiff)
    }

    /// The tag's value.
    pub(super) fn find(&self, tag: Tag) -> Option<ExifValue<'a>> {
        tag.directories().iter().find_map(|directory| {
            let at = match directory {
                Ifd::Primary => self.primary,
                Ifd::Next => self.next,
                Ifd::Exif => self.exif,
                Ifd::Gps => self.gps,
            };
            self.entry(at?, tag.number())
        })
    }

    fn u16(&self, at: usize) -> Option<u16> {
        let two = *self.bytes.get(at..)?.first_chunk()?;
        Some(if self.little { u16::from_le_bytes(two) } else { u16::from_be_bytes(two) })
    }

    /// A number of four bytes, in BigTIFF of eight.
    fn wide(&self, at: usize) -> Option<u64> {
        let bytes = self.bytes.get(at..)?;
        Some(match (self.big, self.little) {
            (false, true) => u32::from_le_bytes(*bytes.first_chunk()?).into(),
            (false, false) => u32::from_be_bytes(*bytes.first_chunk()?).into(),
            (true, true) => u64::from_le_bytes(*bytes.first_chunk()?),
            (true, false) => u64::from_be_bytes(*bytes.first_chunk()?),
        })
    }

    fn offset(&self, at: usize) -> Option<usize> {
        usize::try_from(self.wide(at)?).ok()
    }

    /// How many entries a directory has, where they begin, and how long one is.
    fn layout(&self, directory: usize) -> Option<(usize, usize, usize)> {
        let (count, head, size) =
            if self.big { (self.wide(directory)?, 8, 20) } else { (self.u16(directory)?.into(), 2, 12) };
        Some((usize::try_from(count.min(MOST_ENTRIES)).ok()?, directory.checked_add(head)?, size))
    }

    /// Where the directory after this one is.
    fn after(&self, directory: usize) -> Option<usize> {
        let (count, first, size) = self.layout(directory)?;
        self.offset(first.checked_add(count * size)?).filter(|at| *at != 0 && *at != directory)
    }

    /// The first entry of this number that can be read.
    fn entry(&self, directory: usize, number: u16) -> Option<ExifValue<'a>> {
        let (count, first, step) = self.layout(directory)?;
        (0..count).map(|index| first.saturating_add(index * step)).find_map(|at| {
            if self.u16(at)? != number {
                return None;
            }
            let kind = self.u16(at + 2)?;
            let count = usize::try_from(self.wide(at + 4)?).ok()?;
            let size = count.checked_mul(size_of_kind(kind)?)?;
            let (inline, room) = if self.big { (at + 12, 8) } else { (at + 8, 4) };
            let start = if size <= room { inline } else { self.offset(inline)? };
            let bytes = self.bytes.get(start..start.checked_add(size)?)?;
            Some(ExifValue { kind, bytes, little: self.little })
        })
    }
}
