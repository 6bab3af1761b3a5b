//! BMP whose samples are in the file as they are, taken from there row by row. What is packed, or has colours of 16 bits
//! or by masks, goes through `image`.

use super::samples::{Lens, Palette};
use super::{Header, MISSING, Source, webp_bmp};
use scanmill_core::domain::{Reason, Rejection};
use scanmill_jpeg::{Aspect, Luma};

/// Where the samples are, and what they are.
struct Layout {
    offset: usize,
    bits: usize,
    from_top: bool,
    palette: Palette,
}

/// Decodes to brightness. What a file that ends early does not hold is grey.
pub(super) fn decode(bytes: &[u8], header: &Header, aspect: Aspect) -> Result<Source, Rejection> {
    let Some(layout) = layout(bytes, aspect) else { return webp_bmp::decode(bytes, header, aspect) };
    let mut lens = Lens::new(aspect);
    let mut luma = Luma::blank(header.width as usize, header.height as usize);
    let stride = (luma.width() * layout.bits).div_ceil(32) * 4;
    let mut samples = bytes.get(layout.offset..).unwrap_or(&[]).chunks_exact(stride);
    // Padding may be missing behind the last row.
    let last = samples.remainder();
    let last = (last.len() * 8 >= luma.width() * layout.bits).then_some(last);
    let is_cut = samples.len() + last.map_or(0, |_| 1) < luma.height();
    if samples.len() == 0 && last.is_none() {
        return Err(Rejection::new(Reason::Truncated, "the bmp file ends before its picture"));
    }
    let paint = |(y, out): (usize, &mut [u8])| match samples.next().or(last) {
        Some(row) => layout.paint(&mut lens, y, row, out),
        None => out.fill(MISSING),
    };
    if layout.from_top {
        luma.rows_mut().enumerate().for_each(paint);
    } else {
        luma.rows_mut().enumerate().rev().for_each(paint);
    }
    Ok(Source::whole(luma, is_cut).hinting(lens.hints()))
}

impl Layout {
    fn paint(&self, lens: &mut Lens, y: usize, row: &[u8], out: &mut [u8]) {
        match self.bits {
            24 => lens.pixels(y, row, out, |[blue, green, red]| [red, green, blue, 255]),
            32 => lens.pixels(y, row, out, |[blue, green, red, _]| [red, green, blue, 255]),
            bits => lens.numbers(&self.palette, bits, y, row, out),
        }
    }
}

/// `None` for a kind that is left to `image`, and for headers that contradict themselves.
fn layout(bytes: &[u8], aspect: Aspect) -> Option<Layout> {
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
    Some(Layout { offset, bits, from_top, palette: Palette::new(aspect, colours, [0, 0, 0, 255]) })
}
