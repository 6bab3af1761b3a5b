//! The value of a tag: text, or numbers of whatever type the writer chose.

/// A tag's value.
#[derive(Clone, Copy)]
pub(super) struct ExifValue<'a> {
    pub(super) kind: u16,
    pub(super) bytes: &'a [u8],
    pub(super) little: bool,
}

/// One number of a value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    /// A finite number.
    Is(f64),
    /// 0/0: the writer had none to give.
    NotGiven,
    /// Over zero, infinite, or none.
    Broken,
}

impl Number {
    /// The number, if it is one.
    pub(super) fn finite(self) -> Option<f64> {
        match self {
            Number::Is(number) => Some(number),
            Number::NotGiven | Number::Broken => None,
        }
    }
}

const BYTE: u16 = 1;
const ASCII: u16 = 2;
const SHORT: u16 = 3;
const LONG: u16 = 4;
const RATIONAL: u16 = 5;
const SIGNED_BYTE: u16 = 6;
const UNDEFINED: u16 = 7;
const SIGNED_SHORT: u16 = 8;
const SIGNED_LONG: u16 = 9;
const SIGNED_RATIONAL: u16 = 10;
const FLOAT: u16 = 11;
const DOUBLE: u16 = 12;
/// A pointer to a directory, from a technical note on TIFF.
const IFD: u16 = 13;
const LONG8: u16 = 16;
const SIGNED_LONG8: u16 = 17;
const IFD8: u16 = 18;
/// Text of EXIF 3.0.
const UTF8: u16 = 129;

/// Bytes of one number or letter of a type.
pub(super) fn size_of_kind(kind: u16) -> Option<usize> {
    match kind {
        BYTE | ASCII | SIGNED_BYTE | UNDEFINED | UTF8 => Some(1),
        SHORT | SIGNED_SHORT => Some(2),
        LONG | SIGNED_LONG | FLOAT | IFD => Some(4),
        RATIONAL | SIGNED_RATIONAL | DOUBLE | LONG8 | SIGNED_LONG8 | IFD8 => Some(8),
        _ => None,
    }
}

/// Text longer than this is none of ours.
const LONGEST_TEXT: usize = 256;
/// No value here has more numbers.
const MOST_NUMBERS: usize = 3;

impl<'a> ExifValue<'a> {
    /// The raw bytes.
    pub(super) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Text up to the first NUL, without blanks around it; `None` when nothing is left. Whatever type it is stored as:
    /// many writers get that wrong. What is not UTF-8 is Latin.
    pub(super) fn text(&self) -> Option<String> {
        let bytes = self.bytes.get(..LONGEST_TEXT).unwrap_or(self.bytes);
        let bytes = bytes.split(|byte| *byte == 0).next()?;
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text.into(),
            // A letter that the limit cut in two.
            Err(error) if error.error_len().is_none() => String::from_utf8_lossy(bytes.get(..error.valid_up_to())?),
            Err(_) => encoding_rs::WINDOWS_1252.decode_without_bom_handling(bytes).0,
        };
        let text: String = text.chars().filter(|letter| !letter.is_control()).collect();
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// The digits of a number written as text, which some writers store as a number.
    pub(super) fn digits(&self) -> Option<String> {
        match self.kind {
            SHORT => self.u16(0).map(|number| number.to_string()),
            LONG => self.u32(0).map(|number| number.to_string()),
            _ => self.text(),
        }
    }

    /// Whether it was written as text.
    pub(super) fn is_text(&self) -> bool {
        matches!(self.kind, ASCII | UTF8 | UNDEFINED)
    }

    /// Where a directory is: writers use any type of a whole number for it.
    pub(super) fn pointer(&self) -> Option<usize> {
        let whole = match self.kind {
            LONG8 | SIGNED_LONG8 | IFD8 => self.u64(0)?,
            SHORT | SIGNED_SHORT => u64::from(self.u16(0)?),
            LONG | SIGNED_LONG | IFD => u64::from(self.u32(0)?),
            _ => return None,
        };
        usize::try_from(whole).ok()
    }

    /// The first numbers; none of text.
    pub(super) fn numbers(&self) -> Vec<Number> {
        let Some(size) = size_of_kind(self.kind).filter(|_| !self.is_text()) else { return Vec::new() };
        let count = (self.bytes.len() / size).min(MOST_NUMBERS);
        (0..count).filter_map(|index| self.number(index * size)).collect()
    }

    /// The first number.
    pub(super) fn number_at_start(&self) -> Option<f64> {
        self.numbers().first().copied().and_then(Number::finite)
    }

    fn number(&self, at: usize) -> Option<Number> {
        let number = match self.kind {
            BYTE => f64::from(*self.bytes.get(at)?),
            SIGNED_BYTE => f64::from(*self.bytes.get(at)? as i8),
            SHORT => f64::from(self.u16(at)?),
            SIGNED_SHORT => f64::from(self.u16(at)? as i16),
            LONG | IFD => f64::from(self.u32(at)?),
            SIGNED_LONG => f64::from(self.u32(at)? as i32),
            LONG8 | IFD8 => self.u64(at)? as f64,
            SIGNED_LONG8 => self.u64(at)? as i64 as f64,
            FLOAT => f64::from(f32::from_bits(self.u32(at)?)),
            DOUBLE => f64::from_bits(self.u64(at)?),
            RATIONAL => return Some(ratio(f64::from(self.u32(at)?), f64::from(self.u32(at + 4)?))),
            SIGNED_RATIONAL => {
                return Some(ratio(f64::from(self.u32(at)? as i32), f64::from(self.u32(at + 4)? as i32)));
            }
            _ => return None,
        };
        Some(if number.is_finite() { Number::Is(number) } else { Number::Broken })
    }

    fn u16(&self, at: usize) -> Option<u16> {
        let two = *self.bytes.get(at..)?.first_chunk()?;
        Some(if self.little { u16::from_le_bytes(two) } else { u16::from_be_bytes(two) })
    }

    fn u32(&self, at: usize) -> Option<u32> {
        let four = *self.bytes.get(at..)?.first_chunk()?;
        Some(if self.little { u32::from_le_bytes(four) } else { u32::from_be_bytes(four) })
    }

    fn u64(&self, at: usize) -> Option<u64> {
        let eight = *self.bytes.get(at..)?.first_chunk()?;
        Some(if self.little { u64::from_le_bytes(eight) } else { u64::from_be_bytes(eight) })
    }
}

/// A fraction as a number.
pub(super) fn ratio(over: f64, under: f64) -> Number {
    if under != 0.0 {
        Number::Is(over / under)
    } else if over == 0.0 {
        Number::NotGiven
    } else {
        Number::Broken
    }
}
