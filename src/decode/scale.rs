//! Shrinking: every output pixel is the mean of the area it covers, so that modules keep their grey and none is skipped.

use super::luma::Luma;

/// The picture with its long side at most `long_side` pixels; `None` when it already is that small.
pub fn shrink(luma: &Luma, long_side: usize) -> Option<Luma> {
    let longest = luma.long_side();
    if longest <= long_side || long_side == 0 {
        return None;
    }
    let side = |pixels: usize| ((pixels * long_side + longest / 2) / longest).max(1);
    let (width, height) = (side(luma.width()), side(luma.height()));

    let columns: Vec<Span> = spans(luma.width(), width).collect();
    let mut pixels = Vec::with_capacity(width * height);
    let mut column_sums = vec![0u32; luma.width()];
    let mut whole_rows = vec![0u16; luma.width()];
    for rows in spans(luma.height(), height) {
        sum_rows(luma, &rows, &mut whole_rows, &mut column_sums);
        pixels.extend(columns.iter().map(|span| mean(&column_sums, span, rows.weight())));
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

fn mean(sums: &[u32], span: &Span, row_weight: u32) -> u8 {
    let at = |x: usize| u64::from(sums.get(x).copied().unwrap_or(0));
    let whole: u64 = sums.get(span.first + 1..span.last).unwrap_or(&[]).iter().map(|&sum| u64::from(sum)).sum();
    let total = at(span.first) * u64::from(span.first_weight) + whole * 256 + at(span.last) * u64::from(span.last_weight);
    let area = u64::from(row_weight) * u64::from(span.weight());
    ((total + area / 2) / area.max(1)).min(255) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_shrinks() {
        let luma = Luma::new(30, 20, vec![7; 600]).unwrap();
        assert!(shrink(&luma, 30).is_none());
        assert!(shrink(&luma, 31).is_none());
        let small = shrink(&luma, 15).unwrap();
        assert_eq!((small.width(), small.height()), (15, 10));
        assert!(small.pixels().iter().all(|&pixel| pixel == 7));
    }

    #[test]
    fn halves_by_the_mean_of_four() {
        let luma = Luma::new(4, 2, vec![0, 10, 100, 100, 20, 30, 100, 104]).unwrap();
        assert_eq!(shrink(&luma, 2).unwrap().pixels(), &[15, 101]);
    }

    #[test]
    fn a_long_strip_keeps_one_row() {
        let luma = Luma::new(1000, 1, (0..1000).map(|x| (x / 4) as u8).collect()).unwrap();
        let small = shrink(&luma, 10).unwrap();
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
            if let Some(small) = shrink(&luma, side) {
                prop_assert!(small.long_side() == side);
                let mean = |luma: &Luma| luma.pixels().iter().map(|&p| f64::from(p)).sum::<f64>() / luma.pixels().len() as f64;
                prop_assert!((mean(&luma) - mean(&small)).abs() < 1.0);
                prop_assert!(small.pixels().iter().max() <= luma.pixels().iter().max());
                prop_assert!(small.pixels().iter().min() >= luma.pixels().iter().min());
            }
        }
    }
}
