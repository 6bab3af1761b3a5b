//! Grey to black and white, for both readers.
//!
//! The rules are those of ZXing's hybrid binarizer, old and new: a threshold for every block of 8 x 8 pixels, from the
//! blocks around it. rxing has the old one too, pixel by pixel; this one goes row by row over whole words and takes a tenth
//! of the time, which on a full-size photo is more than reading the codes.

use rxing::common::{BitArray, BitMatrix};

use super::super::wide::wide;
use scanmill_jpeg::Luma;

/// Side of a block in pixels.
const BLOCK: usize = 8;
/// Blocks on each side of the one in the middle that its threshold is averaged over.
const REACH: usize = 2;
/// A block whose lightest and darkest pixel differ by no more than this holds no edge.
const FLAT: u8 = 24;
/// Long side of a picture that may be drawn to the pixel. In larger ones, which are photos, a pixel more is more noise.
pub(super) const LARGEST_DRAWN: usize = 1_700;
/// The smallest code is 21 modules wide.
const SMALLEST: usize = 21;

/// Bytes that a picture of so many pixels takes in black and white, and its thresholds before.
pub(super) fn bytes(pixels: u64) -> u64 {
    pixels / 8 + pixels / 16
}

/// How a block of 8 x 8 pixels comes to its threshold. Neither is better: each reads photos that the other does not.
#[derive(Clone, Copy)]
pub(super) enum Rule {
    /// From the middle between its darkest and lightest pixel, as zxing-cpp does since 2.3; flat blocks have no say.
    Middles {
        /// The picture may be drawn to the pixel: a block reaches a pixel into the next ones, as the edges of drawn modules
        /// may all lie between blocks.
        drawn: bool,
    },
    /// From its mean, as ZXing always did; a flat block is taken to be light.
    Means,
}

wide! {
    /// Black where a pixel is not lighter than its neighbourhood's threshold; `None` for a picture too small for any code.
    pub(super) fn binarize(luma: &Luma, rule: Rule) -> Option<BitMatrix> {
        let (width, height) = (luma.width(), luma.height());
        if width < SMALLEST || height < SMALLEST {
            return None;
        }
        let blocks = Blocks { across: width.div_ceil(BLOCK), down: height.div_ceil(BLOCK) };
        let of_blocks = match rule {
            Rule::Middles { drawn } => by_middles(luma, &blocks, usize::from(drawn)),
            Rule::Means => by_means(luma, &blocks),
        };

        let mut matrix = BitMatrix::new(width as u32, height as u32).ok()?;
        let mut line = BitArray::with_size(width);
        let mut thresholds = vec![0u8; width];
        for (y, row) in luma.rows().enumerate() {
            if y % BLOCK == 0 {
                let of_row = of_blocks.get(y / BLOCK * blocks.across..).unwrap_or(&[]);
                for (places, &threshold) in thresholds.chunks_mut(BLOCK).zip(of_row) {
                    places.fill(threshold);
                }
            }
            for (index, (pixels, thresholds)) in row.chunks(WORD).zip(thresholds.chunks(WORD)).enumerate() {
                line.setBulk(index * WORD, black_bits(pixels, thresholds));
            }
            matrix.setRow(y as u32, &line);
        }
        Some(matrix)
    }
}

/// Pixels in a word of rxing's bit matrix.
const WORD: usize = usize::BITS as usize;

/// A bit for every pixel that is not above its threshold, the first pixel in the lowest bit.
#[inline(always)]
fn black_bits(pixels: &[u8], thresholds: &[u8]) -> usize {
    match (pixels.first_chunk::<WORD>(), thresholds.first_chunk::<WORD>()) {
        (Some(pixels), Some(thresholds)) => compare(pixels, thresholds),
        // The end of a row.
        _ => {
            let (mut light, mut lowest) = ([u8::MAX; WORD], [0; WORD]);
            light.iter_mut().zip(pixels).for_each(|(to, &pixel)| *to = pixel);
            lowest.iter_mut().zip(thresholds).for_each(|(to, &threshold)| *to = threshold);
            compare(&light, &lowest)
        }
    }
}

/// A bit for every pixel that is not above its threshold: every x86-64 has instructions for sixteen of them.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn compare(pixels: &[u8; WORD], thresholds: &[u8; WORD]) -> usize {
    use std::arch::x86_64::{_mm_cmpeq_epi8, _mm_min_epu8, _mm_movemask_epi8};

    let sixteens = pixels.as_chunks().0.iter().zip(thresholds.as_chunks().0).enumerate();
    sixteens.fold(0, |word, (index, (pixels, thresholds))| {
        let (pixels, thresholds) = (lanes(pixels), lanes(thresholds));
        // SAFETY: SSE2 is part of x86-64.
        let dark = unsafe { _mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(pixels, thresholds), pixels)) };
        word | (dark as usize) << (index * 16)
    })
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn lanes(bytes: &[u8; 16]) -> std::arch::x86_64::__m128i {
    let both = bytes.as_chunks().0;
    let half = |index: usize| both.get(index).map_or(0, |&eight| i64::from_le_bytes(eight));
    // SAFETY: SSE2 is part of x86-64.
    unsafe { std::arch::x86_64::_mm_set_epi64x(half(1), half(0)) }
}

/// A bit for every pixel that is not above its threshold.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn compare(pixels: &[u8; WORD], thresholds: &[u8; WORD]) -> usize {
    let mut dark = [0; WORD];
    for ((dark, pixel), threshold) in dark.iter_mut().zip(pixels).zip(thresholds) {
        *dark = u8::from(pixel <= threshold);
    }
    word_of(&dark)
}

/// The lowest bits of so many bytes as one word, the first in the lowest bit.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn word_of(bits: &[u8; WORD]) -> usize {
    // The product moves the lowest bits of eight bytes side by side into the top byte.
    let byte = |eight: &[u8; 8]| u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56;
    let eights = bits.as_chunks::<8>().0.iter().enumerate();
    eights.fold(0, |word, (index, eight)| word | (byte(eight) as usize) << (index * 8))
}

/// The same for x86-64.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn word_of(bits: &[u8; WORD]) -> usize {
    use std::arch::x86_64::{_mm_movemask_epi8, _mm_slli_epi16};

    let sixteens = bits.as_chunks().0.iter().enumerate();
    sixteens.fold(0, |word, (index, bits)| {
        // SAFETY: SSE2 is part of x86-64.
        let sixteen = unsafe { _mm_movemask_epi8(_mm_slli_epi16::<7>(lanes(bits))) };
        word | (sixteen as usize) << (index * 16)
    })
}

/// A line of bits of bytes that are 1 where it is dark and 0 where not.
#[inline(always)]
pub(super) fn pack(dark: &[u8], line: &mut BitArray) {
    for (index, bytes) in dark.chunks(WORD).enumerate() {
        let word = match bytes.first_chunk() {
            Some(bits) => word_of(bits),
            None => {
                let mut bits = [0; WORD];
                bits.iter_mut().zip(bytes).for_each(|(bit, &dark)| *bit = dark);
                word_of(&bits)
            }
        };
        line.setBulk(index * WORD, word);
    }
}

/// How many blocks cover the picture; those at the right and bottom edge may be cut.
struct Blocks {
    across: usize,
    down: usize,
}

impl Blocks {
    /// Goes over all blocks, row after row, with the darkest and the lightest pixel of each and, if asked for, the sum of all.
    /// `beyond`: so many pixels to the right and below count for darkest and lightest too.
    #[inline(always)]
    fn of(&self, luma: &Luma, beyond: usize, with_sums: bool, mut visit: impl FnMut(u8, u8, u32)) {
        let width = luma.width();
        let (mut darkest, mut lightest, mut sums) = (vec![0u8; width], vec![0u8; width], vec![0u16; width]);
        for block_y in 0..self.down {
            let top = (block_y * BLOCK).min(luma.height() - BLOCK);
            darkest.fill(u8::MAX);
            lightest.fill(0);
            for y in top..(top + BLOCK + beyond).min(luma.height()) {
                for ((darkest, lightest), &pixel) in darkest.iter_mut().zip(lightest.iter_mut()).zip(luma.row(y)) {
                    *darkest = pixel.min(*darkest);
                    *lightest = pixel.max(*lightest);
                }
            }
            if with_sums {
                sums.fill(0);
                for y in top..top + BLOCK {
                    sums.iter_mut().zip(luma.row(y)).for_each(|(sum, &pixel)| *sum += u16::from(pixel));
                }
                along(&mut sums, |a, b| a + b);
            }
            if beyond > 0 {
                beside(&mut darkest, beyond, u8::min);
                beside(&mut lightest, beyond, u8::max);
            }
            along(&mut darkest, u8::min);
            along(&mut lightest, u8::max);
            for block_x in 0..self.across {
                let left = (block_x * BLOCK).min(width - BLOCK);
                let (darkest, lightest) = (darkest.get(left).copied(), lightest.get(left).copied());
                let sum = if with_sums { sums.get(left).copied().unwrap_or(0) } else { 0 };
                visit(darkest.unwrap_or(0), lightest.unwrap_or(0), u32::from(sum));
            }
        }
    }

    /// For each block the five by five around it, moved inward at the edges: the sum of their values, and how many of these
    /// are above zero.
    #[inline(always)]
    fn around(&self, values: &[u8], mut visit: impl FnMut(u32, u32)) {
        let mut columns = vec![(0u32, 0u32); self.across];
        for block_y in 0..self.down {
            let (top, bottom) = window(block_y, self.down);
            columns.fill((0, 0));
            for row in values.chunks_exact(self.across).take(bottom).skip(top) {
                for ((sum, count), &value) in columns.iter_mut().zip(row) {
                    *sum += u32::from(value);
                    *count += u32::from(value > 0);
                }
            }
            for block_x in 0..self.across {
                let (left, right) = window(block_x, self.across);
                let columns = columns.get(left..right).unwrap_or(&[]).iter();
                let (sum, count) = columns.fold((0, 0), |sums, column| (sums.0 + column.0, sums.1 + column.1));
                visit(sum, count);
            }
        }
    }
}

/// Makes of each value what it and the seven to its right come to; the last seven mean nothing then.
#[inline(always)]
fn along<T: Copy>(values: &mut [T], join: impl Fn(T, T) -> T) {
    [1, 2, 4].into_iter().for_each(|apart| beside(values, apart, &join));
}

/// Joins each value with the one so many places to its right.
#[inline(always)]
fn beside<T: Copy>(values: &mut [T], apart: usize, join: impl Fn(T, T) -> T) {
    for at in 0..values.len().saturating_sub(apart) {
        values[at] = join(values[at], values[at + apart]);
    }
}

/// Thresholds by [`Rule::Middles`]: the mean middle of those of the five by five blocks around that hold an edge, its own
/// counting three times. Where there is none, that of the block before. `beyond`: so many pixels to the right and below
/// a block belong to it too.
#[inline(always)]
fn by_middles(luma: &Luma, blocks: &Blocks, beyond: usize) -> Vec<u8> {
    let mut middles: Vec<u8> = Vec::with_capacity(blocks.across * blocks.down);
    blocks.of(luma, beyond, false, |darkest, lightest, _| {
        middles.push(if lightest - darkest > FLAT { darkest.midpoint(lightest) } else { 0 });
    });
    let mut thresholds: Vec<u8> = Vec::with_capacity(middles.len());
    blocks.around(&middles, |sum, count| {
        let own = middles.get(thresholds.len()).map_or(0, |&middle| u32::from(middle));
        let count = if own > 0 { count + 2 } else { count };
        thresholds.push((sum + 2 * own).checked_div(count).unwrap_or(0) as u8);
    });
    let mut last = thresholds.iter().copied().find(|&threshold| threshold > 0).unwrap_or(0);
    for threshold in &mut thresholds {
        if *threshold == 0 {
            *threshold = last;
        }
        last = *threshold;
    }
    thresholds
}

/// Thresholds by [`Rule::Means`]: the mean black point of the five by five blocks around. The black point of a block is
/// its mean where it holds an edge; in a flat one half its darkest pixel, or what its neighbours say if that is lighter.
#[inline(always)]
fn by_means(luma: &Luma, blocks: &Blocks) -> Vec<u8> {
    let mut points: Vec<u8> = Vec::with_capacity(blocks.across * blocks.down);
    blocks.of(luma, 0, true, |darkest, lightest, sum| {
        let point = if lightest - darkest > FLAT {
            (sum / (BLOCK * BLOCK) as u32) as u8
        } else {
            let has_neighbours = !points.len().is_multiple_of(blocks.across);
            let around = has_neighbours.then(|| around(&points, blocks.across)).flatten();
            around.filter(|&around| darkest < around).unwrap_or(darkest / 2)
        };
        points.push(point);
    });
    let size = (blocks.across.min(2 * REACH + 1) * blocks.down.min(2 * REACH + 1)) as u32;
    let mut thresholds: Vec<u8> = Vec::with_capacity(points.len());
    blocks.around(&points, |sum, _| thresholds.push((sum / size) as u8));
    thresholds
}

/// What the blocks above, left (twice) and above left of the next one say.
fn around(points: &[u8], across: usize) -> Option<u8> {
    let next = points.len();
    let at = |index: Option<usize>| points.get(index?).map(|&point| u32::from(point));
    let sum = at(next.checked_sub(across))? + 2 * at(next.checked_sub(1))? + at(next.checked_sub(across + 1))?;
    Some((sum / 4) as u8)
}

/// The blocks that count for the one at `index` of `count`: first, and one past the last.
fn window(index: usize, count: usize) -> (usize, usize) {
    let width = (2 * REACH + 1).min(count);
    let start = index.saturating_sub(REACH).min(count - width);
    (start, start + width)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_word_holds_a_comparison_in_every_bit() {
        let pixels: Vec<u8> = (0..WORD).map(|at| (at * 89 % 256) as u8).collect();
        let thresholds: Vec<u8> = (0..WORD).map(|at| if at % 9 == 0 { pixels[at] } else { 128 }).collect();
        for count in [1, 8, 30, WORD] {
            let word = black_bits(&pixels[..count], &thresholds[..count]);
            for at in 0..WORD {
                let expected = at < count && pixels[at] <= thresholds[at];
                assert_eq!(word >> at & 1 == 1, expected, "{at} of {count}");
            }
        }
    }

    #[test]
    fn a_dark_square_on_light_paper_under_a_shadow() {
        let shade =
            |x: usize, y: usize| if (24..40).contains(&x) && (24..40).contains(&y) { 40 } else { 230 - x as u8 };
        let pixels = (0..64 * 64).map(|index| shade(index % 64, index / 64)).collect();
        let luma = Luma::new(64, 64, pixels).unwrap();
        for rule in [Rule::Middles { drawn: true }, Rule::Means] {
            let matrix = binarize(&luma, rule).unwrap();
            for y in 0..64u32 {
                for x in 0..64u32 {
                    assert_eq!(matrix.get(x, y), (24..40).contains(&x) && (24..40).contains(&y), "{x} {y}");
                }
            }
        }
    }

    /// The old rule sees light paper wherever there is no edge near.
    #[test]
    fn the_middle_of_a_wide_dark_area_is_dark_by_the_new_rule() {
        let shade = |x: usize, y: usize| if (16..144).contains(&x) && (16..144).contains(&y) { 90 } else { 200 };
        let luma = Luma::new(160, 160, (0..160 * 160).map(|at| shade(at % 160, at / 160)).collect()).unwrap();
        let matrix = binarize(&luma, Rule::Middles { drawn: true }).unwrap();
        assert!(matrix.get(80, 80) && !matrix.get(2, 2));
        // A flat picture has no threshold at all.
        let flat = binarize(&Luma::new(40, 40, vec![90; 1600]).unwrap(), Rule::Middles { drawn: true }).unwrap();
        assert!(!flat.get(20, 20));
    }

    proptest! {
        #[test]
        fn any_size_is_fine(width in 1usize..150, height in 1usize..150, grey in any::<u8>()) {
            let pixels = (0..width * height).map(|index| grey.wrapping_mul((index % 251) as u8)).collect();
            let luma = Luma::new(width, height, pixels).unwrap();
            for rule in [Rule::Middles { drawn: true }, Rule::Means] {
                prop_assert_eq!(binarize(&luma, rule).is_some(), width >= 21 && height >= 21);
            }
        }
    }
}
