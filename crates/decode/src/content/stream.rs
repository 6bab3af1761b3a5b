//! Data codewords to segments (ISO/IEC 18004:2015, 7.4).
//!
//! A segment keeps the bytes that its mode stands for. What they mean as text is decided later, over all segments of the
//! message: a character may begin in one segment, or even in one symbol of a structured append sequence, and end in the
//! next, and FNC1 in the first symbol changes what `%` means in the others.

use super::bits::Bits;
use super::{AppendPart, Fnc1, Message, Mode, Segment};

/// Which character count lengths apply, and whether the symbol is of model 1.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Symbol {
    /// Version, 1 to 40.
    pub version: u8,
    /// A code of the first model (ISO/IEC 18004:2000, annex M).
    pub is_model_1: bool,
}

/// Reads the segments; `None` where the stream breaks the standard's rules or ends within a segment.
pub(super) fn parse(codewords: &[u8], symbol: Symbol) -> Option<Message> {
    let mut bits = Bits::new(codewords);
    let mut message = Message { is_model_1: symbol.is_model_1, ..Message::default() };
    if symbol.is_model_1 {
        // Model 1 begins with four zero bits.
        bits.take(4)?;
    }
    let mut eci = None;
    while !is_end(&bits) {
        let indicator = bits.take(4)?;
        let mode = match indicator {
            1 => Mode::Numeric,
            2 => Mode::Alphanumeric,
            4 => Mode::Byte,
            8 => Mode::Kanji,
            // GB/T 18284: a subset indicator follows, of which only that of GB 2312 is defined.
            13 if bits.take(4)? == 1 => Mode::Hanzi,
            3 => {
                let [index, last, parity] = [bits.take(4)?, bits.take(4)?, bits.take(8)?].map(|value| value as u8);
                message.part = Some(AppendPart { index, count: last + 1, parity });
                continue;
            }
            5 => {
                message.fnc1 = Some((Fnc1::Gs1, message.segments.len()));
                continue;
            }
            9 => {
                let indicator = application_indicator(bits.take(8)?)?;
                if message.segments.iter().any(|segment| !segment.bytes.is_empty()) {
                    return None;
                }
                message.segments.push(Segment { mode: Mode::Indicator, eci, bytes: indicator });
                message.fnc1 = Some((Fnc1::Application, message.segments.len()));
                continue;
            }
            7 => {
                eci = Some(designator(&mut bits)?);
                message.has_eci = true;
                continue;
            }
            _ => return None,
        };
        let count = bits.take(count_bits(mode, symbol.version))? as usize;
        let bytes = match mode {
            Mode::Numeric => numeric(&mut bits, count),
            Mode::Alphanumeric => alphanumeric(&mut bits, count),
            Mode::Byte => (0..count).map(|_| bits.take(8).map(|byte| byte as u8)).collect(),
            Mode::Kanji => double(&mut bits, count, 0xc0, |high| if high < 0x1f { 0x81 } else { 0xc1 }, 0x40),
            Mode::Hanzi => double(&mut bits, count, 0x60, |high| if high < 0x0a { 0xa1 } else { 0xa6 }, 0xa1),
            Mode::Indicator => None,
        }?;
        // An empty segment says nothing, so it must not part two others either.
        if bytes.is_empty() {
            continue;
        }
        message.segments.push(Segment { mode, eci, bytes });
    }
    Some(message)
}

/// Whether the terminator comes next: four zero bits, or fewer where the symbol is full.
fn is_end(bits: &Bits<'_>) -> bool {
    let next = bits.left().min(4);
    next == 0 || bits.peek(next) == Some(0)
}

/// Length of the character count indicator (table 3).
fn count_bits(mode: Mode, version: u8) -> usize {
    let lengths = match mode {
        Mode::Numeric => [10, 12, 14],
        Mode::Alphanumeric => [9, 11, 13],
        Mode::Byte => [8, 16, 16],
        Mode::Kanji | Mode::Hanzi => [8, 10, 12],
        Mode::Indicator => [0; 3],
    };
    let [small, medium, large] = lengths;
    match version {
        0..=9 => small,
        10..=26 => medium,
        _ => large,
    }
}

/// Three digits in ten bits, two in seven, one in four.
fn numeric(bits: &mut Bits<'_>, count: usize) -> Option<Vec<u8>> {
    let mut digits = Vec::with_capacity(count.min(8 * bits.left()));
    let mut left = count;
    while left > 0 {
        let group = left.min(3);
        let value = bits.take(1 + 3 * group)?;
        if value >= 10u32.pow(group as u32) {
            return None;
        }
        digits.extend((0..group as u32).rev().map(|place| b'0' + (value / 10u32.pow(place) % 10) as u8));
        left -= group;
    }
    Some(digits)
}

/// Two characters in eleven bits, one in six.
fn alphanumeric(bits: &mut Bits<'_>, count: usize) -> Option<Vec<u8>> {
    const CHARACTERS: &[u8; 45] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
    let character = |value: u32| CHARACTERS.get(value as usize).copied();
    let mut out = Vec::new();
    for _ in 0..count / 2 {
        let pair = bits.take(11)?;
        out.extend([character(pair / 45)?, character(pair % 45)?]);
    }
    if count % 2 == 1 {
        out.push(character(bits.take(6)?)?);
    }
    Some(out)
}

/// Characters of two bytes in 13 bits each: `base` values of the second byte, counted from `low`; what is added to the
/// first depends on its value.
fn double(bits: &mut Bits<'_>, count: usize, base: u32, high: fn(u32) -> u32, low: u32) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    for _ in 0..count {
        let value = bits.take(13)?;
        let first = value / base;
        out.extend([first + high(first), value % base + low].map(|byte| byte as u8));
    }
    Some(out)
}

/// An ECI designator: one, two or three bytes, told by the leading bits.
fn designator(bits: &mut Bits<'_>) -> Option<u32> {
    let first = bits.take(8)?;
    match first {
        0..0x80 => Some(first),
        0x80..0xc0 => Some((first & 0x3f) << 8 | bits.take(8)?),
        0xc0..0xe0 => Some((first & 0x1f) << 16 | bits.take(16)?),
        _ => None,
    }
}

/// The application indicator of FNC1 in second position (7.4.8.3): two digits or a letter.
fn application_indicator(value: u32) -> Option<Vec<u8>> {
    match value {
        0..100 => Some(format!("{value:02}").into_bytes()),
        165..=190 | 197..=222 => Some(vec![(value - 100) as u8]),
        _ => None,
    }
}
