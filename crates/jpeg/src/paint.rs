//! Coefficients to pixels.

use super::coefficients::{Coefficients, END, open};
use super::lanes::{self, Blocks, LANES, Pixels, grey};
#[cfg(target_arch = "x86_64")]
use super::lanes_avx2;
use super::luma::Luma;

/// How much smaller than the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// All pixels.
    Full,
    /// Half the width and height.
    Half,
    /// A quarter of the width and height.
    Quarter,
    /// An eighth of the width and height.
    Eighth,
}

/// The place in a block, row after row, of each coefficient in the order of the bits.
const PLACES: [u8; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21,
    28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54,
    47, 55, 62, 63,
];

/// Where a coefficient goes in blocks side by side, and what it is multiplied with.
#[derive(Clone, Copy, Default)]
struct Spot {
    place: u16,
    step: i16,
}

/// The spots of all coefficients in the order of the bits. Broken data may run over its block: what comes behind the last
/// coefficient counts as it, as with libjpeg.
type Spots = [Spot; 128];

fn spots(steps: &[u16; 64]) -> Spots {
    let mut spots = [Spot::default(); 128];
    for (at, spot) in spots.iter_mut().enumerate() {
        let at = at.min(63);
        *spot = Spot { place: u16::from(PLACES[at]) * LANES as u16, step: steps[at] as i16 };
    }
    spots
}

impl Coefficients {
    /// The picture, sides rounded up.
    pub fn luma(&self, scale: Scale) -> Luma {
        match scale {
            Scale::Full => self.paint::<8>(),
            Scale::Half => self.paint::<4>(),
            Scale::Quarter => self.paint::<2>(),
            Scale::Eighth => self.means(),
        }
    }

    /// The mean of every block, which its first coefficient alone tells.
    fn means(&self) -> Luma {
        let mut luma = Luma::blank(self.width.div_ceil(8), self.height.div_ceil(8));
        let step = i32::from(self.steps[0]);
        let mut firsts = self.first.chunks(self.across.max(1));
        for row in luma.rows_mut() {
            let firsts = firsts.next().unwrap_or(&[]);
            row.fill(128);
            for (pixel, &first) in row.iter_mut().zip(firsts) {
                *pixel = grey((i32::from(first).wrapping_mul(step).wrapping_add(4)) >> 3);
            }
        }
        luma
    }

    /// A part of the picture at a scale: the pixels from one point, rounded down to a block, to the other.
    pub fn luma_part(&self, scale: Scale, from: [usize; 2], to: [usize; 2]) -> Luma {
        match scale {
            Scale::Full => self.paint_part::<8>(from, to),
            Scale::Half => self.paint_part::<4>(from, to),
            Scale::Quarter => self.paint_part::<2>(from, to),
            Scale::Eighth => self.means().part(from, to),
        }
    }

    /// `N` by `N` pixels from each block.
    fn paint<const N: usize>(&self) -> Luma {
        self.paint_part::<N>([0; 2], [usize::MAX; 2])
    }

    /// The same of some blocks only.
    fn paint_part<const N: usize>(&self, from: [usize; 2], to: [usize; 2]) -> Luma {
        let size = [(self.width * N).div_ceil(8), (self.height * N).div_ceil(8)];
        let [left, top] = [0, 1].map(|axis| from[axis].min(size[axis].saturating_sub(1)) / N);
        let mut luma =
            Luma::blank(to[0].min(size[0]).saturating_sub(left * N), to[1].min(size[1]).saturating_sub(top * N));
        let width = luma.width();
        let spots = spots(&self.steps);
        let mut firsts = self.first.chunks(self.across.max(1)).skip(top);
        let mut rows = self.rows.iter().skip(top);
        for strip in luma.pixels_mut().chunks_mut(width * N) {
            let first = firsts.next().unwrap_or(&[]);
            let tokens = rows.next().map_or(&[][..], |row| row.after(left));
            paint_strip::<N>(&spots, first.get(left..).unwrap_or(&[]), tokens, strip, width);
        }
        luma
    }
}

/// Paints one row of blocks.
fn paint_strip<const N: usize>(spots: &Spots, first: &[i16], tokens: &[u16], strip: &mut [u8], width: usize) {
    #[cfg(target_arch = "x86_64")]
    if std::is_x86_feature_detected!("avx2") {
        // SAFETY: the machine has what the function was compiled for.
        return unsafe { paint_strip_avx2::<N>(spots, first, tokens, strip, width) };
    }
    paint_strip_any::<N>(spots, first, tokens, strip, width, lanes::invert::<N>);
}

/// The same code, compiled for vectors of sixteen numbers, and with a transform written for them.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn paint_strip_avx2<const N: usize>(spots: &Spots, first: &[i16], tokens: &[u16], strip: &mut [u8], width: usize) {
    paint_strip_any::<N>(spots, first, tokens, strip, width, |blocks, pixels| match N {
        8 => lanes_avx2::invert(blocks, pixels),
        _ => lanes::invert::<N>(blocks, pixels),
    });
}

#[inline(always)]
fn paint_strip_any<const N: usize>(
    spots: &Spots,
    first: &[i16],
    tokens: &[u16],
    strip: &mut [u8],
    width: usize,
    invert: impl Fn(&Blocks, &mut Pixels),
) {
    let mut blocks: Blocks = [[0; LANES]; 64];
    let mut pixels: Pixels = [[0; 8 * LANES]; 8];
    let mut tokens = tokens;
    let mut firsts = first.chunks(LANES);
    for x in (0..width).step_by(N * LANES) {
        blocks.as_flattened_mut().fill(0);
        let first = firsts.next().unwrap_or(&[]);
        let used = spread(spots, tokens, first.len(), &mut blocks);
        tokens = tokens.get(used..).unwrap_or(&[]);
        for (coefficient, &first) in blocks[0].iter_mut().zip(first) {
            *coefficient = first.wrapping_mul(spots[0].step);
        }
        invert(&blocks, &mut pixels);
        for (row, pixels) in strip.chunks_mut(width).zip(&pixels) {
            match row.get_mut(x..x + N * LANES) {
                Some(out) => out.copy_from_slice(&pixels[..N * LANES]),
                None => row.iter_mut().skip(x).zip(pixels).for_each(|(to, &from)| *to = from),
            }
        }
    }
}

/// Puts the coefficients of the next `count` blocks, but for their first ones, into as many lanes; returns how many tokens
/// they have. Blocks differ in how many, which no processor can foretell: so none begins with a branch, and the token that
/// ends a block writes the zero that it holds where there is one.
#[inline(always)]
fn spread(spots: &Spots, tokens: &[u16], count: usize, blocks: &mut Blocks) -> usize {
    let blocks = blocks.as_flattened_mut();
    let (mut at, mut lane) = (1, 0);
    for (used, &token) in tokens.iter().enumerate() {
        if lane == count {
            return used;
        }
        let (zeros, value) = open(token);
        at += zeros;
        let spot = spots[at & 127];
        blocks[(usize::from(spot.place) + lane) & (LANES * 64 - 1)] = (value as i16).wrapping_mul(spot.step);
        at += if token == END { 64 } else { 1 };
        let is_over = at >= 64;
        at = if is_over { 1 } else { at };
        lane += usize::from(is_over);
    }
    tokens.len()
}

#[cfg(test)]
mod tests {
    use super::super::coefficients::token;
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_build_of_the_code_gives_the_same_pixels(
            steps in prop::array::uniform32(1u16..=255),
            first in prop::collection::vec(-2047i16..2047, 0..40),
            tokens in prop::collection::vec((0u32..16, -2047i32..2047), 0..600),
            width in 1usize..300,
        ) {
            let steps = spots(&std::array::from_fn(|at| steps[at % 32]));
            let tokens: Vec<u16> = tokens.into_iter().map(|(run, value)| token(run, value)).collect();
            let (mut one, mut other) = (vec![0; width * 8], vec![0; width * 8]);
            paint_strip::<8>(&steps, &first, &tokens, &mut one, width);
            paint_strip_any::<8>(&steps, &first, &tokens, &mut other, width, lanes::invert::<8>);
            prop_assert_eq!(&one, &other);
            paint_strip::<4>(&steps, &first, &tokens, &mut one[..width * 4], width);
            paint_strip_any::<4>(&steps, &first, &tokens, &mut other[..width * 4], width, lanes::invert::<4>);
            prop_assert_eq!(&one, &other);
            paint_strip::<2>(&steps, &first, &tokens, &mut one[..width * 2], width);
            paint_strip_any::<2>(&steps, &first, &tokens, &mut other[..width * 2], width, lanes::invert::<2>);
            prop_assert_eq!(&one, &other);
        }
    }
}
