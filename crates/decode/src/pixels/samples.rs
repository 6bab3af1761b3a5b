//! Samples of colour to brightness, or to another aspect, row by row; alpha is seen over white.

use image::ColorType;

use scanmill_jpeg::{Aspect, of_rgb, over_white};
use scanmill_jpeg::{Hints, Survey};

/// How a picture's samples are looked at, and what is noted of them meanwhile.
pub(super) struct Lens {
    aspect: Aspect,
    survey: Survey,
}

impl Lens {
    pub(super) fn new(aspect: Aspect) -> Lens {
        Lens { aspect, survey: Survey::default() }
    }

    pub(super) fn aspect(&self) -> Aspect {
        self.aspect
    }

    /// What the picture hints at.
    pub(super) fn hints(self) -> Hints {
        self.survey.hints()
    }

    /// Makes row `y` of samples, which are in the machine's byte order. `false` for a layout that no codec here gives.
    pub(super) fn samples(&mut self, colour: ColorType, y: usize, raw: &[u8], out: &mut [u8]) -> bool {
        if self.aspect != Aspect::Brightness {
            let pixels = out.iter_mut().enumerate();
            pixels.for_each(|(x, out)| *out = self.aspect.of(pixel_at(colour, raw, x)));
            return true;
        }
        if colour.has_color() || colour.has_alpha() {
            self.survey.row(y, out.len(), |x| pixel_at(colour, raw, x));
        }
        brighten(colour, raw, out)
    }

    /// Makes row `y` of pixels of `SIZE` bytes each, whose red, green, blue and alpha `rgba` tells.
    pub(super) fn pixels<const SIZE: usize>(
        &mut self,
        y: usize,
        raw: &[u8],
        out: &mut [u8],
        rgba: impl Fn([u8; SIZE]) -> [u8; 4],
    ) {
        if self.aspect != Aspect::Brightness {
            return map(raw, out, |pixel| self.aspect.of(rgba(pixel)));
        }
        let pixels = raw.as_chunks().0;
        self.survey.row(y, out.len(), |x| pixels.get(x).map_or([0, 0, 0, 255], |&pixel| rgba(pixel)));
        map(raw, out, |pixel| Aspect::Brightness.of(rgba(pixel)));
    }

    /// Makes row `y` of a palette's numbers of `bits` each: 1, 2, 4 or 8, the first in a byte's uppermost.
    pub(super) fn numbers(&mut self, palette: &Palette, bits: usize, y: usize, row: &[u8], out: &mut [u8]) {
        self.note(palette, bits, y, row, out.len());
        palette.paint(bits, row, out);
    }

    /// Makes row `y` of numbers of eight bits in their place.
    pub(super) fn numbers_in_place(&mut self, palette: &Palette, y: usize, row: &mut [u8]) {
        self.note(palette, 8, y, row, row.len());
        row.iter_mut().for_each(|pixel| *pixel = palette.seen[usize::from(*pixel)]);
    }

    fn note(&mut self, palette: &Palette, bits: usize, y: usize, row: &[u8], width: usize) {
        if palette.is_coloured && self.aspect == Aspect::Brightness {
            self.survey.row(y, width, |x| palette.colours[usize::from(number_at(bits, row, x))]);
        }
    }
}

/// Red, green, blue and alpha of one of a row's pixels.
fn pixel_at(colour: ColorType, raw: &[u8], index: usize) -> [u8; 4] {
    let size = usize::from(colour.bytes_per_pixel());
    let pixel = raw.get(index * size..(index + 1) * size).unwrap_or(&[]);
    let deep = |at: usize| pixel.get(at * 2..).and_then(<[u8]>::first_chunk).map_or(0, |&two| high(two));
    let real = |at: usize| pixel.get(at * 4..).and_then(<[u8]>::first_chunk).map_or(0, |&four| float(four));
    let byte = |at: usize| pixel.get(at).copied().unwrap_or(0);
    match colour {
        ColorType::L8 => [byte(0), byte(0), byte(0), 255],
        ColorType::La8 => [byte(0), byte(0), byte(0), byte(1)],
        ColorType::Rgb8 => [byte(0), byte(1), byte(2), 255],
        ColorType::Rgba8 => [byte(0), byte(1), byte(2), byte(3)],
        ColorType::L16 => [deep(0), deep(0), deep(0), 255],
        ColorType::La16 => [deep(0), deep(0), deep(0), deep(1)],
        ColorType::Rgb16 => [deep(0), deep(1), deep(2), 255],
        ColorType::Rgba16 => [deep(0), deep(1), deep(2), deep(3)],
        ColorType::Rgb32F => [real(0), real(1), real(2), 255],
        ColorType::Rgba32F => [real(0), real(1), real(2), real(3)],
        _ => [0, 0, 0, 255],
    }
}

/// A palette's number in a row of numbers of `bits` each.
fn number_at(bits: usize, row: &[u8], index: usize) -> u8 {
    let byte = row.get(index * bits / 8).copied().unwrap_or(0);
    if bits >= 8 { byte } else { byte >> (8 - bits - index * bits % 8) & ((1 << bits) - 1) }
}

/// Writes the brightness of each pixel of `raw`.
fn brighten(colour: ColorType, raw: &[u8], out: &mut [u8]) -> bool {
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
fn map<const PIXEL: usize>(raw: &[u8], out: &mut [u8], grey: impl Fn([u8; PIXEL]) -> u8) {
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

/// The colours of a palette, and what each is seen as.
pub(super) struct Palette {
    seen: Box<[u8; 256]>,
    colours: Box<[[u8; 4]; 256]>,
    /// Some are not grey, or not opaque.
    is_coloured: bool,
}

impl Palette {
    /// From its colours, each with its alpha. Numbers that it has no colour for are of the colour `none`.
    pub(super) fn new(aspect: Aspect, colours: impl Iterator<Item = [u8; 4]>, none: [u8; 4]) -> Palette {
        let mut all = Box::new([none; 256]);
        let mut is_coloured = false;
        for (place, colour) in all.iter_mut().zip(colours) {
            let [red, green, blue, alpha] = colour;
            is_coloured |= red != green || green != blue || alpha < 255;
            *place = colour;
        }
        let seen = Box::new(all.map(|colour| aspect.of(colour)));
        Palette { seen, colours: all, is_coloured }
    }

    /// Writes what a row of numbers of `bits` each is seen as.
    pub(super) fn paint(&self, bits: usize, row: &[u8], out: &mut [u8]) {
        let grey = |number: u8| self.seen[usize::from(number)];
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_depth_find_their_colour() {
        let greys: Vec<[u8; 4]> = (0..16).map(|grey| [grey * 10, grey * 10, grey * 10, 255]).collect();
        let palette = Palette::new(Aspect::Brightness, greys.into_iter(), [0, 0, 0, 255]);
        let row = |bits: usize, bytes: &[u8], pixels: usize| {
            let mut out = vec![1; pixels];
            palette.paint(bits, bytes, &mut out);
            let numbers: Vec<u8> = (0..pixels).map(|x| number_at(bits, bytes, x).wrapping_mul(10)).collect();
            assert!(bits == 8 || numbers == out);
            out
        };
        assert_eq!(row(1, &[0b1010_0000, 0b1000_0000], 9), [10, 0, 10, 0, 0, 0, 0, 0, 10]);
        assert_eq!(row(2, &[0b0001_1011, 0b1100_0000], 5), [0, 10, 20, 30, 30]);
        assert_eq!(row(4, &[0x1f, 0x20], 3), [10, 150, 20]);
        // A number outside of the palette is black.
        assert_eq!(row(8, &[3, 200], 2), [30, 0]);
        let clear = Palette::new(Aspect::Brightness, [[0, 0, 0, 0]].into_iter(), [9, 9, 9, 255]);
        assert_eq!(clear.seen[..2], [255, 9]);
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
