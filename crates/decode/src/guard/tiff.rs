//! TIFF: size and sample layout from the first directory.

use super::bytes::{be16, be32, le16, le32, need};
use super::{Facts, Flaw};

const WIDTH: u16 = 256;
const HEIGHT: u16 = 257;
const BITS_PER_SAMPLE: u16 = 258;
const SAMPLES_PER_PIXEL: u16 = 277;

/// A TIFF file's numbers in its own byte order.
struct Order<'a> {
    bytes: &'a [u8],
    little: bool,
}

impl Order<'_> {
    fn u16(&self, at: usize) -> Result<u16, Flaw> {
        need(if self.little { le16(self.bytes, at) } else { be16(self.bytes, at) })
    }

    fn u32(&self, at: usize) -> Result<u32, Flaw> {
        need(if self.little { le32(self.bytes, at) } else { be32(self.bytes, at) })
    }

    /// The first value of the entry at `at`, where it is a 16- or 32-bit number.
    fn value(&self, at: usize) -> Result<u32, Flaw> {
        let count = self.u32(at + 4)?;
        match self.u16(at + 2)? {
            3 if count <= 2 => self.u16(at + 8).map(u32::from),
            3 => self.u16(self.u32(at + 8)? as usize).map(u32::from),
            4 if count == 1 => self.u32(at + 8),
            _ => Err(Flaw::Broken("a size of an unknown type")),
        }
    }
}

/// Reads the first directory.
pub(super) fn facts(bytes: &[u8]) -> Result<Facts, Flaw> {
    let file = Order { bytes, little: bytes.starts_with(b"II") };
    let directory = file.u32(4)? as usize;
    let entries = usize::from(file.u16(directory)?);
    let (mut width, mut height, mut bits, mut samples) = (None, None, 1, 1);
    for index in 0..entries {
        let at = directory.saturating_add(2 + index * 12);
        match file.u16(at)? {
            WIDTH => width = Some(file.value(at)?),
            HEIGHT => height = Some(file.value(at)?),
            BITS_PER_SAMPLE => bits = file.value(at)?,
            SAMPLES_PER_PIXEL => samples = file.value(at)?,
            _ => {}
        }
    }
    let (Some(width), Some(height)) = (width, height) else {
        return Err(Flaw::Broken("no picture size in the first directory"));
    };
    if bits > 64 || !(1..=16).contains(&samples) {
        return Err(Flaw::Broken("an impossible sample layout"));
    }
    // Output and the codec's strip or tile, which may be the whole picture; a palette becomes RGB of 16 bits.
    let output = (u64::from(samples) * u64::from(bits).div_ceil(8)).max(6);
    Ok(Facts { width, height, bytes_per_pixel: 1 + 2 * output, other_bytes: 0 })
}
