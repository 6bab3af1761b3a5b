//! Samples of colour to brightness, row by row or all at once; alpha is seen over white.

use image::ColorType;

use super::super::luma::{of_rgb, over_white};

/// Writes the brightness of each pixel of `raw`, whose 16-bit and float samples are in the machine's byte order. `false`
/// for a layout that no codec here gives.
pub(super) fn brighten(colour: ColorType, raw: &[u8], out: &mut [u8]) -> bool {
    let grey_alpha = |[grey, alpha]: [u8; 2]| over_white(grey, alpha);
    let rgb = |[red, green, blue]: [u8; 3]| of_rgb(red, green, blue);
    let rgba = |[red, green, blue, alpha]: [u8; 4]| over_white(of_rgb(red, green, blue), alpha);
    match colour {
        ColorType::L8 => map::<1>(raw, out, |[grey]| grey),
        ColorType::La8 => map(raw, out, grey_alpha),
        ColorType::Rgb8 => map(raw, out, rgb),
        ColorType::Rgba8 => map(raw, out, rgba),
        ColorType::L16 => deep::<2, 2, 1>(raw, out, high, |[grey]| grey),
        ColorType::La16 => deep::<4, 2, 2>(raw, out, high, grey_alpha),
        ColorType::Rgb16 => deep::<6, 2, 3>(raw, out, high, rgb),
        ColorType::Rgba16 => deep::<8, 2, 4>(raw, out, high, rgba),
        ColorType::Rgb32F => deep::<12, 4, 3>(raw, out, float, rgb),
        ColorType::Rgba32F => deep::<16, 4, 4>(raw, out, float, rgba),
        _ => return false,
    }
    true
}

/// Writes what `grey` makes of each pixel of `PIXEL` bytes.
pub(super) fn map<const PIXEL: usize>(raw: &[u8], out: &mut [u8], grey: impl Fn([u8; PIXEL]) -> u8) {
    for (out, &pixel) in out.iter_mut().zip(raw.as_chunks::<PIXEL>().0) {
        *out = grey(pixel);
    }
}

/// Maps pixels deeper than eight bits: `PIXEL` bytes, which are `CHANNELS` samples of `SAMPLE` bytes each.
fn deep<const PIXEL: usize, const SAMPLE: usize, const CHANNELS: usize>(
    raw: &[u8],
    out: &mut [u8],
    sample: fn([u8; SAMPLE]) -> u8,
    grey: impl Fn([u8; CHANNELS]) -> u8,
) {
    map::<PIXEL>(raw, out, |pixel| {
        let mut eights = [0; CHANNELS];
        for (eight, &bytes) in eights.iter_mut().zip(pixel.as_chunks::<SAMPLE>().0) {
            *eight = sample(bytes);
        }
        grey(eights)
    });
}

fn high(sample: [u8; 2]) -> u8 {
    (u16::from_ne_bytes(sample) >> 8) as u8
}

/// Floats from 0 to 1; `as` brings what is outside, and NaN, into range.
fn float(sample: [u8; 4]) -> u8 {
    (f32::from_ne_bytes(sample) * 255.0 + 0.5) as u8
}

/// The brightness of each colour of a palette.
pub(super) struct Palette(Box<[u8; 256]>);

impl Palette {
    /// From its colours, each with its alpha. Numbers that it has no colour for are of the brightness `none`.
    pub(super) fn new(colours: impl Iterator<Item = [u8; 4]>, none: u8) -> Palette {
        let mut greys = Box::new([none; 256]);
        for (grey, [red, green, blue, alpha]) in greys.iter_mut().zip(colours) {
            *grey = over_white(of_rgb(red, green, blue), alpha);
        }
        Palette(greys)
    }

    /// Writes the brightness of a row of numbers of `bits` each: 1, 2, 4 or 8, the first in a byte's uppermost.
    pub(super) fn brighten(&self, bits: usize, row: &[u8], out: &mut [u8]) {
        let grey = |number: u8| self.0[usize::from(number)];
        if bits >= 8 {
            return map::<1>(row, out, |[number]| grey(number));
        }
        let mask = (1u8 << bits) - 1;
        for (out, &byte) in out.chunks_mut(8 / bits.max(1)).zip(row) {
            for (index, out) in (1..).zip(out) {
                *out = grey(byte >> (8 - index * bits) & mask);
            }
        }
    }

    /// Makes numbers of eight bits their brightness.
    pub(super) fn brighten_in_place(&self, row: &mut [u8]) {
        row.iter_mut().for_each(|pixel| *pixel = self.0[usize::from(*pixel)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_depth_find_their_colour() {
        let greys: Vec<[u8; 4]> = (0..16).map(|grey| [grey * 10, grey * 10, grey * 10, 255]).collect();
        let palette = Palette::new(greys.into_iter(), 0);
        let row = |bits: usize, bytes: &[u8], pixels: usize| {
            let mut out = vec![1; pixels];
            palette.brighten(bits, bytes, &mut out);
            out
        };
        assert_eq!(row(1, &[0b1010_0000, 0b1000_0000], 9), [10, 0, 10, 0, 0, 0, 0, 0, 10]);
        assert_eq!(row(2, &[0b0001_1011, 0b1100_0000], 5), [0, 10, 20, 30, 30]);
        assert_eq!(row(4, &[0x1f, 0x20], 3), [10, 150, 20]);
        // A number outside of the palette is black.
        assert_eq!(row(8, &[3, 200], 2), [30, 0]);
        assert_eq!(Palette::new([[0, 0, 0, 0]].into_iter(), 9).0[..2], [255, 9]);
    }

    #[test]
    fn deep_samples_keep_their_upper_bits() {
        let mut out = [0; 2];
        let deep: Vec<u8> = [0x12ff_u16, 0x8000].iter().flat_map(|sample| sample.to_ne_bytes()).collect();
        assert!(brighten(ColorType::L16, &deep, &mut out));
        assert_eq!(out, [0x12, 0x80]);
        let floats: Vec<u8> = [f32::NAN, 0.5, 7.0].iter().flat_map(|sample| sample.to_ne_bytes()).collect();
        assert!(brighten(ColorType::Rgb32F, &floats, &mut out));
        assert_eq!(out[0], of_rgb(0, 128, 255));
    }
}
