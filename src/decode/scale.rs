//! Shrinking: every output pixel is the mean of the area it covers, so that modules keep their grey and none is skipped.

use std::borrow::Cow;

use super::luma::Luma;

/// A photo at its full size, and smaller on demand. Halved copies are kept between calls, so that no smaller size costs
/// a second pass over the full one.
pub struct Sizes<'a> {
    full: &'a Luma,
    /// The photo halved once, twice and so on.
    halves: Vec<Luma>,
}

impl<'a> Sizes<'a> {
    /// Nothing is shrunk yet.
    pub fn new(full: &'a Luma) -> Sizes<'a> {
        Sizes { full, halves: Vec::new() }
    }

    /// The photo with its long side at most `long_side` pixels; the photo itself when it already is that small.
    pub fn at_most(&mut self, long_side: usize) -> Cow<'a, Luma> {
        let longest = self.full.long_side();
        if longest <= long_side || long_side == 0 {
            return Cow::Borrowed(self.full);
        }
        let side = |pixels: usize| ((pixels * long_side + longest / 2) / longest).max(1);
        let (width, height) = (side(self.full.width()), side(self.full.height()));
        let mut level = 0usize;
        loop {
            let from = level.checked_sub(1).and_then(|index: usize| self.halves.get(index)).unwrap_or(self.full);
            if from.width() < width * 2 || from.height() < height * 2 {
                return resample(from, width, height).map_or(Cow::Borrowed(self.full), Cow::Owned);
            }
            if self.halves.len() == level {
                match halve(from) {
                    Some(half) => self.halves.push(half),
                    None => return resample(from, width, height).map_or(Cow::Borrowed(self.full), Cow::Owned),
                }
            }
            level += 1;
        }
    }
}

/// Every four pixels become one; an odd last row or column is left out.
fn halve(luma: &Luma) -> Option<Luma> {
    let (width, height) = (luma.width() / 2, luma.height() / 2);
    let mut pixels = Vec::with_capacity(width * height);
    for pair in luma.pixels().chunks_exact(luma.width() * 2) {
        let (above, below) = pair.split_at(luma.width());
        let squares = above.as_chunks::<2>().0.iter().zip(below.as_chunks::<2>().0);
        pixels.extend(squares.map(|(&above, &below)| {
            // Both pixels of a row as one 16-bit number: this form vectorises.
            let (above, below) = (u16::from_le_bytes(above), u16::from_le_bytes(below));
            (((above & 0xff) + (above >> 8) + (below & 0xff) + (below >> 8) + 2) >> 2) as u8
        }));
    }
    Luma::new(width, height, pixels)
}

/// The picture at a size that is not larger on either side.
fn resample(luma: &Luma, width: usize, height: usize) -> Option<Luma> {
    let columns = Columns::new(luma.width(), width);
    let mut pixels = Vec::with_capacity(width * height);
    let mut column_sums = vec![0u32; luma.width()];
    let mut whole_rows = vec![0u16; luma.width()];
    let mut padded = vec![0f32; luma.width() + columns.taps];
    for rows in spans(luma.height(), height) {
        sum_rows(luma, &rows, &mut whole_rows, &mut column_sums);
        for (float, &sum) in padded.iter_mut().zip(&column_sums) {
            *float = sum as f32;
        }
        columns.apply(&padded, rows.weight() as f32 / 256.0, &mut pixels);
    }
    Luma::new(width, height, pixels)
}

/// The pixels one output pixel covers along one axis, in 256ths of a pixel: part of the first, the whole ones between,
/// part of the last.
struct Span {
    first: usize,
    first_weight: u32,
    last: usize,
    last_weight: u32,
}

impl Span {
    /// How much it covers, in 256ths of a pixel.
    fn weight(&self) -> u32 {
        let whole = self.last.saturating_sub(self.first + 1) as u32;
        self.first_weight + whole * 256 + self.last_weight
    }
}

/// Cuts `from` pixels into `to` spans of equal length; `to <= from`, so no span lies within a single pixel's inside.
fn spans(from: usize, to: usize) -> impl Iterator<Item = Span> {
    let cut = move |index: usize| index * from * 256 / to;
    (0..to).map(move |index| {
        let (start, end) = (cut(index), cut(index + 1));
        let (first, last) = (start / 256, end / 256);
        Span { first, first_weight: 256 - (start % 256) as u32, last, last_weight: (end % 256) as u32 }
    })
}

/// Rows that may be added in 16 bits before they must be moved on: 257 * 255 = 65,535.
const ROWS_IN_16_BITS: usize = 257;

/// Adds the rows of `span` into `sums`, in 256ths. The whole rows between first and last are added unweighted in 16
/// bits first: that is where the time of a large photo goes, and it vectorises.
fn sum_rows(luma: &Luma, span: &Span, whole: &mut [u16], sums: &mut [u32]) {
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

/// How the columns of a row of sums become output pixels: each is the sum of `taps` neighbours by their weights, which
/// add up to one 256th. All have as many taps as the widest needs, so that the loop over them has no branch.
struct Columns {
    taps: usize,
    first: Vec<usize>,
    weights: Vec<f32>,
}

impl Columns {
    fn new(from: usize, to: usize) -> Columns {
        let spans: Vec<Span> = spans(from, to).collect();
        let taps = spans.iter().map(|span| span.last - span.first + 1).max().unwrap_or(1).max(3);
        let mut weights = Vec::with_capacity(taps * to);
        for span in &spans {
            let scale = 1.0 / (256.0 * span.weight() as f32);
            let whole = span.last.saturating_sub(span.first + 1);
            let end = if span.last > span.first { span.last_weight } else { 0 };
            weights.push(span.first_weight as f32 * scale);
            weights.extend(std::iter::repeat_n(256.0 * scale, whole));
            weights.push(end as f32 * scale);
            weights.resize(weights.len().next_multiple_of(taps), 0.0);
        }
        Columns { taps, first: spans.iter().map(|span| span.first).collect(), weights }
    }

    /// Adds one output row made of `sums`, which is padded by `taps` at its end and holds `rows` pixels a column.
    fn apply(&self, sums: &[f32], rows: f32, pixels: &mut Vec<u8>) {
        let grey = |sum: f32| (sum / rows + 0.5) as u8;
        if self.taps == 3 {
            let columns = self.first.iter().zip(self.weights.as_chunks::<3>().0);
            pixels.extend(columns.map(
                |(&first, weights)| match sums.get(first..).and_then(<[f32]>::first_chunk::<3>) {
                    Some(sums) => grey(sums[0] * weights[0] + sums[1] * weights[1] + sums[2] * weights[2]),
                    None => 0,
                },
            ));
        } else {
            let columns = self.first.iter().zip(self.weights.chunks_exact(self.taps));
            pixels.extend(columns.map(|(&first, weights)| {
                let sums = sums.get(first..first + self.taps).unwrap_or(&[]);
                grey(sums.iter().zip(weights).map(|(sum, weight)| sum * weight).sum())
            }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_shrinks() {
        let luma = Luma::new(30, 20, vec![7; 600]).unwrap();
        assert!(matches!(Sizes::new(&luma).at_most(30), Cow::Borrowed(_)));
        assert!(matches!(Sizes::new(&luma).at_most(31), Cow::Borrowed(_)));
        let small = Sizes::new(&luma).at_most(15).into_owned();
        assert_eq!((small.width(), small.height()), (15, 10));
        assert!(small.pixels().iter().all(|&pixel| pixel == 7));
    }

    #[test]
    fn halves_by_the_mean_of_four() {
        let luma = Luma::new(4, 2, vec![0, 10, 100, 100, 20, 30, 100, 104]).unwrap();
        assert_eq!(Sizes::new(&luma).at_most(2).pixels(), &[15, 101]);
        assert_eq!(resample(&luma, 2, 1).unwrap().pixels(), &[15, 101]);
    }

    #[test]
    fn a_long_strip_keeps_one_row() {
        let luma = Luma::new(1000, 1, (0..1000).map(|x| (x / 4) as u8).collect()).unwrap();
        let small = Sizes::new(&luma).at_most(10).into_owned();
        assert_eq!((small.width(), small.height()), (10, 1));
        assert!(small.pixels().is_sorted());
    }

    proptest! {
        #[test]
        fn the_mean_stays_and_no_value_is_invented(
            width in 2usize..90, height in 2usize..700, side in 1usize..60, seed in any::<u64>(),
        ) {
            let mut state = seed | 1;
            let pixels: Vec<u8> = (0..width * height).map(|_| {
                state ^= state << 13; state ^= state >> 7; state ^= state << 17;
                (state >> 32) as u8
            }).collect();
            let luma = Luma::new(width, height, pixels).unwrap();
            let mut sizes = Sizes::new(&luma);
            for side in [side, side / 3 + 1] {
                let small = sizes.at_most(side);
                prop_assert!(small.long_side() == side.min(luma.long_side()));
                let mean = |luma: &Luma| luma.pixels().iter().map(|&p| f64::from(p)).sum::<f64>() / luma.pixels().len() as f64;
                prop_assert!((mean(&luma) - mean(&small)).abs() < 20.0);
                prop_assert!(small.pixels().iter().max() <= luma.pixels().iter().max());
                prop_assert!(small.pixels().iter().min() >= luma.pixels().iter().min());
            }
        }
    }
}
