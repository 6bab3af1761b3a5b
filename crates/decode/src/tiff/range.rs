//! Wide samples as 8 bits: which of their values is white.

use super::page::{Numbers, Page};

/// Of the whole range, the part that samples must leave unused before they are taken to have a smaller one: five of
/// eight bits say nothing then.
const UNUSED: f64 = 8.0;

/// The range of samples of whole bytes, and what was seen of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range {
    /// The value that is white, where it is not the largest of its type.
    white: Option<f64>,
    /// The extremes so far.
    seen: [f64; 2],
}

impl Default for Range {
    fn default() -> Range {
        Range { white: None, seen: [f64::INFINITY, f64::NEG_INFINITY] }
    }
}

impl Range {
    /// The range that fits what was seen; `None` when the type's own does.
    pub(super) fn fitting(self, page: &Page<'_>) -> Option<Range> {
        let [least, most] = self.seen;
        // Below zero there is no black to count from.
        let is_usual = self.white.is_some() || page.bits < 16 || least < 0.0 || most <= 0.0;
        let fits = match page.numbers {
            Numbers::Float => most <= 1.0 && most * UNUSED >= 1.0,
            Numbers::Unsigned => most * UNUSED >= 2f64.powi(page.bits as i32),
            Numbers::Signed => most * UNUSED >= 2f64.powi(page.bits as i32 - 1),
        };
        // Most likely a number of bits. A float's largest value may be anything.
        let white = if most > 1.0 { 2f64.powi(most.log2().floor() as i32 + 1) - 1.0 } else { most };
        (!is_usual && !fits && white.is_finite()).then(|| Range { white: Some(white), ..Range::default() })
    }

    /// A sample of whole bytes as 8 bits.
    pub(super) fn eight_bits(&mut self, sample: &[u8], little: bool, numbers: Numbers) -> u8 {
        let mut bytes = [0u8; 8];
        for (index, byte) in bytes.iter_mut().take(sample.len()).enumerate() {
            // The uppermost first.
            *byte = sample[if little { sample.len() - 1 - index } else { index }];
        }
        let whole = i64::from_be_bytes(bytes) >> (64 - 8 * sample.len());
        let value = match (numbers, sample.len()) {
            (Numbers::Unsigned, length) => (u64::from_be_bytes(bytes) >> (64 - 8 * length)) as f64,
            (Numbers::Signed, _) => whole as f64,
            (Numbers::Float, 2) => half(u16::from_be_bytes([bytes[0], bytes[1]])),
            (Numbers::Float, 4) => f64::from(f32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])),
            (Numbers::Float, _) => f64::from_be_bytes(bytes),
        };
        // Comparisons with NaN are false.
        if value < self.seen[0] {
            self.seen[0] = value;
        }
        if value > self.seen[1] {
            self.seen[1] = value;
        }
        match (self.white, numbers) {
            (Some(white), _) => of_float(value / white),
            (None, Numbers::Unsigned) => bytes[0],
            (None, Numbers::Signed) => bytes[0] ^ 0x80,
            (None, Numbers::Float) => of_float(value),
        }
    }
}

/// Floats from 0 to 1; `as` brings what is outside, and NaN, into range.
fn of_float(value: f64) -> u8 {
    (value * 255.0 + 0.5) as u8
}

/// The value of a float of 16 bits.
fn half(bits: u16) -> f64 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023));
    let size = if exponent == 0 {
        fraction / 1024.0 * 2f64.powi(-14)
    } else {
        (1.0 + fraction / 1024.0) * 2f64.powi(exponent - 15)
    };
    if bits >> 15 == 1 { -size } else { size }
}
