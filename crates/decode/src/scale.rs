//! Shrinking: every output pixel is the mean of the area it covers, so that modules keep their grey and none is skipped.

use super::wide::wide;
use scanmill_jpeg::Luma;

/// Every four pixels become one; an odd last row or column is left out, unless it is the only one.
pub(super) fn halve(luma: &Luma) -> Luma {
    let (width, height) = (luma.width() / 2, luma.height() / 2);
    if width == 0 || height == 0 {
        let sides = [luma.width(), luma.height()];
        return resample(luma, sides, 1, [width.max(1), height.max(1)]);
    }
    let mut small = Luma::blank(width, height);
    let pairs = luma.pixels().chunks_exact(luma.width() * 2);
    for (row, pair) in small.rows_mut().zip(pairs) {
        let (above, below) = pair.split_at(luma.width());
        let squares = above.as_chunks::<2>().0.iter().zip(below.as_chunks::<2>().0);
        for (pixel, (&above, &below)) in row.iter_mut().zip(squares) {
            // Both pixels of a row as one 16-bit number: this form vectorises.
            let (above, below) = (u16::from_le_bytes(above), u16::from_le_bytes(below));
            *pixel = (((above & 0xff) + (above >> 8) + (below & 0xff) + (below >> 8) + 2) >> 2) as u8;
        }
    }
    small
}

/// Where a photo of `full` pixels ends in its copy of `copy` pixels that was made `scale` times smaller, in 256ths of the
/// copy's pixels: a last pixel may stand for less than a whole one. Not before `wanted`, so that none is split.
fn reach(full: usize, scale: usize, copy: usize, wanted: usize) -> usize {
    (full * 256 / scale).clamp(wanted * 256, copy * 256)
}

wide! {
    /// A copy of a photo of `full` (width and height), made `scale` times smaller, brought to a size that is not larger on
    /// either side.
    pub(super) fn resample / resample_any(luma: &Luma, full: [usize; 2], scale: usize, wanted: [usize; 2]) -> Luma {
        let [width, height] = [wanted[0].clamp(1, luma.width()), wanted[1].clamp(1, luma.height())];
        let columns = Columns::new(reach(full[0], scale, luma.width(), width), width);
        let mut small = Luma::blank(width, height);
        let mut column_sums = vec![0u32; luma.width()];
        let mut whole_rows = vec![0u16; luma.width()];
        let mut padded = vec![0f32; luma.width() + columns.taps + 1];
        for (out, rows) in small.rows_mut().zip(spans(reach(full[1], scale, luma.height(), height), height)) {
            if rows.last <= rows.first + 2 {
                sum_few_rows(luma, &rows, &mut padded);
            } else {
                sum_rows(luma, &rows, &mut whole_rows, &mut column_sums);
                for (float, &sum) in padded.iter_mut().zip(&column_sums) {
                    *float = sum as f32;
                }
            }
            columns.apply(&padded, rows.weight() as f32 / 256.0, out);
        }
        small
    }
}

/// The whole part of a number from 0 to 255.99, as a cast gives it. Unlike a cast, it vectorises.
#[inline(always)]
pub(super) fn grey(value: f32) -> u8 {
    /// From here on numbers have no places after the point: what is added to it is rounded.
    const WHOLE: f32 = 8_388_608.0;
    let nearest = (value + WHOLE) - WHOLE;
    let below = nearest - if nearest > value { 1.0 } else { 0.0 };
    (below + WHOLE).to_bits() as u8
}

/// The pixels one output pixel covers along one axis, in 256ths of a pixel: part of the first, the whole ones between,
/// part of the last.
struct PixelSpan {
    first: usize,
    first_weight: u32,
    last: usize,
    last_weight: u32,
}

impl PixelSpan {
    /// How much it covers, in 256ths of a pixel.
    fn weight(&self) -> u32 {
        let whole = self.last.saturating_sub(self.first + 1) as u32;
        self.first_weight + whole * 256 + self.last_weight
    }
}

/// Cuts `from` 256ths of a pixel into `to` spans of equal length of a pixel or more, so that none lies within a pixel.
fn spans(from: usize, to: usize) -> impl Iterator<Item = PixelSpan> {
    let cut = move |index: usize| index * from / to;
    (0..to).map(move |index| {
        let (start, end) = (cut(index), cut(index + 1));
        let (first, last) = (start / 256, end / 256);
        PixelSpan { first, first_weight: 256 - (start % 256) as u32, last, last_weight: (end % 256) as u32 }
    })
}

/// Rows that may be added in 16 bits before they must be moved on: 257 * 255 = 65,535.
const ROWS_IN_16_BITS: usize = 257;

/// Adds the rows of `span` into `sums`, in 256ths. The whole rows between first and last are added unweighted in 16
/// bits first: that is where the time of a large photo goes, and it vectorises.
#[inline(always)]
fn sum_rows(luma: &Luma, span: &PixelSpan, whole: &mut [u16], sums: &mut [u32]) {
    for (sum, &pixel) in sums.iter_mut().zip(luma.row(span.first)) {
        *sum = u32::from(pixel) * span.first_weight;
    }
    let between: Vec<usize> = (span.first + 1..span.last).collect();
    for chunk in between.chunks(ROWS_IN_16_BITS) {
        whole.fill(0);
        for &y in chunk {
            for (sum, &pixel) in whole.iter_mut().zip(luma.row(y)) {
                *sum += u16::from(pixel);
            }
        }
        for (sum, &whole) in sums.iter_mut().zip(whole.iter()) {
            *sum += u32::from(whole) << 8;
        }
    }
    if span.last_weight > 0 {
        for (sum, &pixel) in sums.iter_mut().zip(luma.row(span.last)) {
            *sum += u32::from(pixel) * span.last_weight;
        }
    }
}

/// The same for at most three rows, at one go. No sum is too large to be exact.
#[inline(always)]
fn sum_few_rows(luma: &Luma, span: &PixelSpan, sums: &mut [f32]) {
    // Where it ends with a row, the next has no weight, and need not be there.
    let last = span.last.min(luma.height() - 1);
    let (middle, middle_weight) = if span.last > span.first + 1 { (span.first + 1, 256.0) } else { (span.first, 0.0) };
    let (first_weight, last_weight) = (span.first_weight as f32, span.last_weight as f32);
    let rows = luma.row(span.first).iter().zip(luma.row(middle)).zip(luma.row(last));
    for (sum, ((&first, &middle), &last)) in sums.iter_mut().zip(rows) {
        *sum = f32::from(first) * first_weight + f32::from(middle) * middle_weight + f32::from(last) * last_weight;
    }
}

/// Output pixels of a row that are made together.
const TOGETHER: usize = 64;

/// Taps of the usual case, a picture brought to half its size or more.
const FEW: usize = 3;

/// How the columns of a row of sums become output pixels: each is the sum of `taps` neighbours by their weights, which
/// add up to one 256th. All have as many taps as the widest needs, so that the loop over them has no branch.
struct Columns {
    taps: usize,
    first: Vec<usize>,
    /// The first weights of all, then the second ones, and so on.
    weights: Vec<f32>,
    /// Where there are [`FEW`] taps, all weights of a pixel side by side, and a zero.
    few: Vec<[f32; FEW + 1]>,
}

impl Columns {
    /// `from` is in 256ths of a pixel.
    fn new(from: usize, to: usize) -> Columns {
        let spans: Vec<PixelSpan> = spans(from, to).collect();
        let taps = spans.iter().map(|span| span.last - span.first + 1).max().unwrap_or(1).max(FEW);
        let mut weights = vec![0.0; taps * to];
        for (column, span) in spans.iter().enumerate() {
            let scale = 1.0 / (256.0 * span.weight() as f32);
            let whole = span.last.saturating_sub(span.first + 1);
            let end = if span.last > span.first { span.last_weight } else { 0 };
            let first = std::iter::once(span.first_weight as f32);
            let of_span = first.chain(std::iter::repeat_n(256.0, whole)).chain(std::iter::once(end as f32));
            for (place, weight) in weights.iter_mut().skip(column).step_by(to).zip(of_span) {
                *place = weight * scale;
            }
        }
        let weight = |pixel: usize, tap: usize| weights.get(tap * to + pixel).copied().unwrap_or(0.0);
        let by_pixel = |pixel: usize| [weight(pixel, 0), weight(pixel, 1), weight(pixel, 2), 0.0];
        let few = if taps == FEW { (0..to).map(by_pixel).collect() } else { Vec::new() };
        Columns { taps, first: spans.iter().map(|span| span.first).collect(), weights, few }
    }

    /// Makes one output row of `sums`, which is padded by `taps` at its end and holds `rows` pixels a column.
    #[inline(always)]
    fn apply(&self, sums: &[f32], rows: f32, out: &mut [u8]) {
        if !self.few.is_empty() {
            return self.apply_few(sums, rows, out);
        }
        let count = self.first.len().max(1);
        for (index, (out, firsts)) in out.chunks_mut(TOGETHER).zip(self.first.chunks(TOGETHER)).enumerate() {
            let [mut means, mut fetched] = [[0f32; TOGETHER]; 2];
            for (tap, weights) in self.weights.chunks_exact(count).enumerate() {
                // Fetched one by one, weighed many at once.
                for (fetched, &first) in fetched.iter_mut().zip(firsts) {
                    *fetched = sums.get(first + tap).copied().unwrap_or(0.0);
                }
                let weights = weights.get(index * TOGETHER..).unwrap_or(&[]);
                for ((mean, fetched), weight) in means.iter_mut().zip(&fetched).zip(weights) {
                    *mean += fetched * weight;
                }
            }
            for (pixel, mean) in out.iter_mut().zip(means) {
                *pixel = grey(mean / rows + 0.5);
            }
        }
    }

    /// The same for [`FEW`] taps: one look at where a pixel's sums are finds them all.
    #[inline(always)]
    fn apply_few(&self, sums: &[f32], rows: f32, out: &mut [u8]) {
        let places = self.first.chunks(TOGETHER).zip(self.few.chunks(TOGETHER));
        for (out, (firsts, weights)) in out.chunks_mut(TOGETHER).zip(places) {
            let mut means = [0f32; TOGETHER];
            let seen = |first: usize| {
                sums.get(first..).and_then(<[f32]>::first_chunk::<{ FEW + 1 }>).copied().unwrap_or_default()
            };
            let ((four_firsts, firsts), (four_weights, weights)) = (firsts.as_chunks(), weights.as_chunks());
            let (four_means, _) = means.as_chunks_mut();
            for ((means, &firsts), weights) in four_means.iter_mut().zip(four_firsts).zip(four_weights) {
                *means = weigh(firsts.map(seen), weights);
            }
            let rest = means.iter_mut().skip(four_firsts.len() * 4);
            for ((mean, &first), [a, b, c, _]) in rest.zip(firsts).zip(weights) {
                let seen = seen(first);
                *mean = seen[0] * a + seen[1] * b + seen[2] * c;
            }
            for (pixel, mean) in out.iter_mut().zip(means) {
                *pixel = grey(mean / rows + 0.5);
            }
        }
    }
}

/// What the first three of four sums come to by their weights, of four pixels.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn weigh(sums: [[f32; 4]; 4], weights: &[[f32; 4]; 4]) -> [f32; 4] {
    use std::arch::x86_64::{
        __m128, _mm_add_ps, _mm_movehl_ps, _mm_movelh_ps, _mm_mul_ps, _mm_setr_ps, _mm_storeu_ps, _mm_unpackhi_ps,
        _mm_unpacklo_ps,
    };

    // SAFETY: SSE is part of x86-64, and the sums that are stored have room for four.
    unsafe {
        let load = |[a, b, c, d]: [f32; 4]| -> __m128 { _mm_setr_ps(a, b, c, d) };
        let product = |pixel: usize| _mm_mul_ps(load(sums[pixel]), load(weights[pixel]));
        let [a, b, c, d] = [product(0), product(1), product(2), product(3)];
        let (ab, cd) = (_mm_unpacklo_ps(a, b), _mm_unpacklo_ps(c, d));
        let third = _mm_movelh_ps(_mm_unpackhi_ps(a, b), _mm_unpackhi_ps(c, d));
        let mut means = [0.0; 4];
        let all = _mm_add_ps(_mm_add_ps(_mm_movelh_ps(ab, cd), _mm_movehl_ps(cd, ab)), third);
        _mm_storeu_ps(means.as_mut_ptr(), all);
        means
    }
}

/// What the first three of four sums come to by their weights, of four pixels.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn weigh(sums: [[f32; 4]; 4], weights: &[[f32; 4]; 4]) -> [f32; 4] {
    std::array::from_fn(|pixel| {
        let (sums, weights) = (sums[pixel], weights[pixel]);
        sums[0] * weights[0] + sums[1] * weights[1] + sums[2] * weights[2]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_build_of_the_code_gives_the_same_pixels() {
        let luma = Luma::new(301, 97, (0..301 * 97).map(|at| (at * 7919 % 251) as u8).collect()).unwrap();
        for wanted in [[300, 96], [239, 77], [150, 48], [64, 20], [1, 1]] {
            assert_eq!(resample(&luma, [301, 97], 1, wanted), resample_any(&luma, [301, 97], 1, wanted));
        }
    }

    #[test]
    fn few_taps_give_what_many_would() {
        let sums: Vec<f32> = (0..70).map(|at| (at * 7919 % 65_281) as f32).collect();
        for to in [64, 50, 35] {
            let few = Columns::new(64 * 256, to);
            let many = Columns { few: Vec::new(), ..Columns::new(64 * 256, to) };
            assert_eq!((few.taps, few.few.len()), (FEW, to));
            let [mut a, mut b] = [vec![0; to], vec![1; to]];
            few.apply(&sums, 1.0, &mut a);
            many.apply(&sums, 1.0, &mut b);
            assert_eq!(a, b, "{to}");
        }
    }

    #[test]
    fn a_grey_is_the_whole_part() {
        let near =
            |whole: u32| [whole as f32, (whole as f32).next_up(), (whole as f32 + 1.0).next_down(), whole as f32 + 0.5];
        assert!((0..=255).flat_map(near).all(|value| grey(value) == value as u8));
    }
}
