//! BMP whose samples stand in the file as they are, taken from there row by row. What is packed, or has colours of 16 bits
//! or by masks, goes through `image`.

use super::super::luma::{Luma, of_rgb};
use super::samples::{Palette, map};
use super::{Header, MISSING, Source, other};
use scanmill_core::domain::{Reason, Reject};

/// Where the samples are, and what they are.
struct Layout {
    offset: usize,
    bits: usize,
    from_top: bool,
    palette: Palette,
}

/// Decodes to brightness. What a file that ends early does not hold is grey.
pub(super) fn decode(bytes: &[u8], header: &Header) -> Result<Source, Reject> {
    let Some(layout) = layout(bytes) else { return other::decode(bytes, header) };
    let mut luma = Luma::blank(header.width as usize, header.height as usize);
    let stride = (luma.width() * layout.bits).div_ceil(32) * 4;
    let mut samples = bytes.get(layout.offset..).unwrap_or(&[]).chunks_exact(stride);
    // Padding may be missing behind the last row.
    let last = samples.remainder();
    let last = (last.len() * 8 >= luma.width() * layout.bits).then_some(last);
    let is_cut = samples.len() + last.map_or(0, |_| 1) < luma.height();
    if samples.len() == 0 && last.is_none() {
        return Err(Reject::new(Reason::Truncated, "the bmp file ends before its picture"));
    }
    let paint = |out: &mut [u8]| match samples.next().or(last) {
        Some(row) => layout.brighten(row, out),
        None => out.fill(MISSING),
    };
    if layout.from_top {
        luma.rows_mut().for_each(paint)
    } else {
        luma.rows_mut().rev().for_each(paint)
    }
    Ok(Source::whole(luma, is_cut))
}

impl Layout {
    fn brighten(&self, row: &[u8], out: &mut [u8]) {
        match self.bits {
            24 => map::<3>(row, out, |[blue, green, red]| of_rgb(red, green, blue)),
            32 => map::<4>(row, out, |[blue, green, red, _]| of_rgb(red, green, blue)),
            bits => self.palette.brighten(bits, row, out),
        }
    }
}

/// `None` for a kind that is left to `image`, and for headers that contradict themselves.
fn layout(bytes: &[u8]) -> Option<Layout> {
    let u16_at = |at: usize| bytes.get(at..)?.first_chunk().map(|&two| u16::from_le_bytes(two));
    let u32_at = |at: usize| bytes.get(at..)?.first_chunk().map(|&four| u32::from_le_bytes(four));
    let offset = u32_at(10)? as usize;
    let header = u32_at(14)? as usize;
    // The oldest header has smaller numbers, and colours of three bytes.
    let (bits, colour, used, from_top) = if header == 12 {
        (u16_at(24)?, 3, 0, false)
    } else if header >= 40 && u32_at(30)? == 0 {
        (u16_at(28)?, 4, u32_at(46)? as usize, (u32_at(22)? as i32) < 0)
    } else {
        return None;
    };
    let bits = usize::from(bits);
    let most = match bits {
        1 | 4 | 8 => 1 << bits,
        24 | 32 => 0,
        _ => return None,
    };
    let count = if used == 0 || most == 0 { most } else { used };
    if count > most {
        return None;
    }
    let colours = bytes.get(14 + header..14 + header + count * colour)?.chunks_exact(colour);
    let colours = colours.filter_map(|colour| colour.first_chunk()).map(|&[blue, green, red]| [red, green, blue, 255]);
    Some(Layout { offset, bits, from_top, palette: Palette::new(colours, 0) })
}
