//! The TIFF structure that holds EXIF.
//!
//! Read in place and only where asked: the three directories that count, the first thousand entries of each, the first
//! bytes of a value. So a loop of directories, or a count of millions in a 30 MB TIFF file, costs nothing; a reader that
//! builds all values would need 24 bytes for each zero byte of such a text.

/// The tags read here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    Make,
    Model,
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
    Exif,
    Gps,
}

impl Tag {
    fn number(self) -> u16 {
        match self {
            Tag::Make => 0x010f,
            Tag::Model => 0x0110,
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
            Tag::Make | Tag::Model | Tag::Xmp => &[Ifd::Primary],
            Tag::DateTime => &[Ifd::Primary, Ifd::Exif],
            Tag::DateTimeOriginal
            | Tag::DateTimeDigitized
            | Tag::OffsetTime
            | Tag::OffsetTimeOriginal
            | Tag::OffsetTimeDigitized
            | Tag::SubSecTime
            | Tag::SubSecTimeOriginal
            | Tag::SubSecTimeDigitized => &[Ifd::Exif, Ifd::Primary],
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
const MOST_ENTRIES: usize = 1_000;

/// A TIFF structure in memory.
pub(super) struct Tiff<'a> {
    bytes: &'a [u8],
    little: bool,
    primary: usize,
    exif: Option<usize>,
    gps: Option<usize>,
}

impl<'a> Tiff<'a> {
    /// The structure, if the bytes start like one.
    pub(super) fn new(bytes: &'a [u8]) -> Option<Tiff<'a>> {
        let little = match bytes.get(..4)? {
            b"II*\0" => true,
            b"MM\0*" => false,
            _ => return None,
        };
        let mut tiff = Tiff { bytes, little, primary: 0, exif: None, gps: None };
        tiff.primary = tiff.u32(4)? as usize;
        let pointer = |number| tiff.entry(tiff.primary, number).and_then(|value| value.u32()).map(|at| at as usize);
        (tiff.exif, tiff.gps) = (pointer(EXIF_POINTER), pointer(GPS_POINTER));
        Some(tiff)
    }

    /// The tag's value.
    pub(super) fn find(&self, tag: Tag) -> Option<Value<'a>> {
        tag.directories().iter().find_map(|directory| {
            let at = match directory {
                Ifd::Primary => Some(self.primary),
                Ifd::Exif => self.exif,
                Ifd::Gps => self.gps,
            };
            self.entry(at?, tag.number())
        })
    }

    fn u16(&self, at: usize) -> Option<u16> {
        let two = self.bytes.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if self.little { u16::from_le_bytes(two) } else { u16::from_be_bytes(two) })
    }

    fn u32(&self, at: usize) -> Option<u32> {
        let four = self.bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if self.little { u32::from_le_bytes(four) } else { u32::from_be_bytes(four) })
    }

    fn entry(&self, directory: usize, number: u16) -> Option<Value<'a>> {
        let count = usize::from(self.u16(directory)?).min(MOST_ENTRIES);
        (0..count).map(|index| directory.saturating_add(2 + index * 12)).find_map(|at| {
            if self.u16(at)? != number {
                return None;
            }
            let kind = self.u16(at + 2)?;
            let size = usize::try_from(self.u32(at + 4)?).ok()?.checked_mul(size_of_kind(kind)?)?;
            let start = if size <= 4 { at + 8 } else { self.u32(at + 8)? as usize };
            let bytes = self.bytes.get(start..start.checked_add(size)?)?;
            Some(Value { kind, bytes, little: self.little })
        })
    }
}

const RATIONAL: u16 = 5;
const SIGNED_RATIONAL: u16 = 10;

fn size_of_kind(kind: u16) -> Option<usize> {
    match kind {
        1 | 2 | 6 | 7 => Some(1),
        3 | 8 => Some(2),
        4 | 9 | 11 => Some(4),
        RATIONAL | SIGNED_RATIONAL | 12 => Some(8),
        _ => None,
    }
}

/// A numerator and a denominator.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ratio(pub i64, pub i64);

impl Ratio {
    /// The number; `None` for a zero denominator.
    pub(super) fn value(self) -> Option<f64> {
        (self.1 != 0).then(|| self.0 as f64 / self.1 as f64)
    }
}

/// A tag's value.
#[derive(Clone, Copy)]
pub(super) struct Value<'a> {
    kind: u16,
    bytes: &'a [u8],
    little: bool,
}

/// Text longer than this is none of ours.
const LONGEST_TEXT: usize = 256;

impl<'a> Value<'a> {
    /// The raw bytes.
    pub(super) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Text up to the first NUL, without blanks around it; `None` when nothing is left. Whatever type it is stored as.
    pub(super) fn text(&self) -> Option<String> {
        let bytes = self.bytes.get(..LONGEST_TEXT).unwrap_or(self.bytes);
        let bytes = bytes.split(|byte| *byte == 0).next()?;
        let text: String = String::from_utf8_lossy(bytes).chars().filter(|letter| !letter.is_control()).collect();
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// The first byte.
    pub(super) fn byte(&self) -> Option<u8> {
        self.bytes.first().copied()
    }

    /// The first 16- or 32-bit number.
    fn u32(&self) -> Option<u32> {
        match self.kind {
            3 => {
                let two = *self.bytes.first_chunk()?;
                Some(u32::from(if self.little { u16::from_le_bytes(two) } else { u16::from_be_bytes(two) }))
            }
            4 => Some(self.quad(*self.bytes.first_chunk()?)),
            _ => None,
        }
    }

    fn quad(&self, four: [u8; 4]) -> u32 {
        if self.little { u32::from_le_bytes(four) } else { u32::from_be_bytes(four) }
    }

    /// Up to three rationals; none when the value is of another type.
    pub(super) fn ratios(&self) -> Vec<Ratio> {
        if self.kind != RATIONAL && self.kind != SIGNED_RATIONAL {
            return Vec::new();
        }
        let number = |four: [u8; 4]| {
            let number = self.quad(four);
            if self.kind == SIGNED_RATIONAL { i64::from(number as i32) } else { i64::from(number) }
        };
        self.bytes
            .as_chunks::<4>()
            .0
            .as_chunks::<2>()
            .0
            .iter()
            .take(3)
            .map(|&[over, under]| Ratio(number(over), number(under)))
            .collect()
    }
}
