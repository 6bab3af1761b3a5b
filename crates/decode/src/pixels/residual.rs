//! What is added to the prediction of an HEVC block: its coefficients scaled and transformed back (H.265 §8.6).
//!
//! `heifer`'s decoder does this in code compiled for any machine, where 32-bit products are six instructions each, and it
//! is a fifth of a photo's time. This is the same arithmetic for blocks of brightness without any of the rare tools.

use super::super::wide::wide;
use heifer_hevc_dec::recon::{DCT32, DST4};

/// A block of brightness.
pub(super) struct LevelBlock<'a> {
    /// Rows of `size` levels.
    pub levels: &'a [i32],
    /// Pixels a side: 4, 8, 16 or 32.
    pub size: usize,
    /// Columns and rows, from the first on, that hold all levels that are not zero.
    pub filled: [usize; 2],
    /// The quantization parameter, that of deeper samples raised.
    pub quantizer: i32,
    /// Bits a sample.
    pub bit_depth: i32,
    /// What was predicted, rows of `size`.
    pub predicted: &'a [i32],
}

wide! {
    /// Writes the block into a plane of rows of `stride`, its first pixel at `at`.
    pub(super) fn paint / paint_any(block: &LevelBlock<'_>, plane: &mut [u16], stride: usize, at: usize) {
        match block.size {
            4 => invert::<4>(block, &DST4, plane, stride, at),
            8 => invert::<8>(block, &const { matrix::<8>() }, plane, stride, at),
            16 => invert::<16>(block, &const { matrix::<16>() }, plane, stride, at),
            _ => invert::<32>(block, &DCT32, plane, stride, at),
        }
    }
}

/// The transform of `N` points: every `32 / N`-th row of the largest.
const fn matrix<const N: usize>() -> [[i32; N]; N] {
    let mut out = [[0; N]; N];
    let mut row = 0;
    while row < N {
        let mut column = 0;
        while column < N {
            out[row][column] = DCT32[row * (32 / N)][column];
            column += 1;
        }
        row += 1;
    }
    out
}

/// Levels to scaled coefficients.
const SCALES: [i64; 6] = [40, 45, 51, 57, 64, 72];

#[inline(always)]
fn invert<const N: usize>(block: &LevelBlock<'_>, matrix: &[[i32; N]; N], plane: &mut [u16], stride: usize, at: usize) {
    let [columns, rows] = block.filled.map(|filled| filled.clamp(1, N));
    let shift = block.bit_depth + N.ilog2() as i32 - 5;
    let scale = (16 * SCALES[block.quantizer.rem_euclid(6) as usize]) << (block.quantizer / 6);
    let half = 1i64 << (shift - 1);
    let scaled = |level: i32| ((i64::from(level) * scale + half) >> shift).clamp(-32_768, 32_767) as i32;

    // Down the columns.
    let mut between = [[0i32; N]; N];
    for x in 0..columns {
        let mut sums = [0i32; N];
        for (levels, factors) in block.levels.chunks_exact(N).zip(matrix).take(rows) {
            let level = levels[x];
            if level != 0 {
                let coefficient = scaled(level);
                for (sum, factor) in sums.iter_mut().zip(factors) {
                    *sum += factor * coefficient;
                }
            }
        }
        for (row, sum) in between.iter_mut().zip(sums) {
            row[x] = ((sum + 64) >> 7).clamp(-32_768, 32_767);
        }
    }
    // Along the rows, onto what was predicted.
    let shift = 20 - block.bit_depth;
    let most = (1i32 << block.bit_depth) - 1;
    for (y, (row, predicted)) in between.iter().zip(block.predicted.chunks_exact(N)).enumerate() {
        let mut sums = [1i32 << (shift - 1); N];
        for (&value, factors) in row.iter().zip(matrix).take(columns) {
            for (sum, factor) in sums.iter_mut().zip(factors) {
                *sum += factor * value;
            }
        }
        let from = at + y * stride;
        let Some(out) = plane.get_mut(from..from + N) else { return };
        for ((out, predicted), sum) in out.iter_mut().zip(predicted).zip(sums) {
            *out = (predicted + (sum >> shift)).clamp(0, most) as u16;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_build_of_the_code_paints_the_same(
            size in prop::sample::select(vec![4usize, 8, 16, 32]),
            places in prop::collection::vec((0usize..32, 0usize..32, -3_000i32..3_000), 0..40),
            quantizer in 0i32..60,
            bit_depth in 8i32..11,
        ) {
            let (mut levels, mut filled) = (vec![0; size * size], [0, 0]);
            for (x, y, level) in places {
                let (x, y) = (x % size, y % size);
                levels[y * size + x] = level;
                filled = [filled[0].max(x + 1), filled[1].max(y + 1)];
            }
            let predicted: Vec<i32> = (0..size * size).map(|at| (at * 7 % 256) as i32).collect();
            let block = LevelBlock { levels: &levels, size, filled, quantizer, bit_depth, predicted: &predicted };
            let (mut one, mut other) = (vec![0; 40 * 40], vec![0; 40 * 40]);
            paint(&block, &mut one, 40, 83);
            paint_any(&block, &mut other, 40, 83);
            prop_assert_eq!(one, other);
        }
    }
}
