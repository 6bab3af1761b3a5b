//! The inverse transforms of libjpeg (`jidctint.c` and `jidctred.c`), on several blocks side by side: each line of code
//! is the same step for all of them, which compilers turn into vector instructions without shuffles.

use std::num::Wrapping;

/// Blocks side by side.
pub(super) const LANES: usize = 16;

/// Sixty-four coefficients, row after row, of each block.
pub(super) type Blocks = [[i16; LANES]; 64];

/// What comes of them: the sample at row `y` and column `x` is at `y * 8 + x`, around zero.
type Samples = [[i32; LANES]; 64];

/// Pixels row after row, in each row those of one block after the other.
pub(super) type Pixels = [[u8; 8 * LANES]; 8];

type Number = Wrapping<i32>;

/// Fraction bits of the constants below, and of the numbers between the two passes.
pub(super) const CONST_BITS: usize = 13;
pub(super) const PASS_BITS: usize = 2;

/// A constant with [`CONST_BITS`] fraction bits.
pub(super) const fn fix(value: f64) -> Number {
    Wrapping((value * (1 << CONST_BITS) as f64 + if value < 0.0 { -0.5 } else { 0.5 }) as i32)
}

/// Eight coefficients to eight samples, scaled up by the fraction bits of the constants.
#[inline(always)]
fn to_8(v: [Number; 8]) -> [Number; 8] {
    let z1 = (v[2] + v[6]) * fix(0.541196100);
    let even_2 = z1 - v[6] * fix(1.847759065);
    let even_3 = z1 + v[2] * fix(0.765366865);
    let even_0 = (v[0] + v[4]) << CONST_BITS;
    let even_1 = (v[0] - v[4]) << CONST_BITS;
    let [a, b, c, d] = [even_0 + even_3, even_1 + even_2, even_1 - even_2, even_0 - even_3];

    let (z1, z2, z3, z4) = (v[7] + v[1], v[5] + v[3], v[7] + v[3], v[5] + v[1]);
    let z5 = (z3 + z4) * fix(1.175875602);
    let (z1, z2) = (z1 * fix(-0.899976223), z2 * fix(-2.562915447));
    let (z3, z4) = (z3 * fix(-1.961570560) + z5, z4 * fix(-0.390180644) + z5);
    let e = v[7] * fix(0.298631336) + z1 + z3;
    let f = v[5] * fix(2.053119869) + z2 + z4;
    let g = v[3] * fix(3.072711026) + z2 + z3;
    let h = v[1] * fix(1.501321110) + z1 + z4;
    [a + h, b + g, c + f, d + e, d - e, c - f, b - g, a - h]
}

/// Eight coefficients to four samples, scaled up by one bit more.
#[inline(always)]
fn to_4(v: [Number; 8]) -> [Number; 4] {
    let mean = v[0] << (CONST_BITS + 1);
    let even = v[2] * fix(1.847759065) + v[6] * fix(-0.765366865);
    let [a, b] = [mean + even, mean - even];
    let c = v[7] * fix(-0.211164243) + v[5] * fix(1.451774981) + v[3] * fix(-2.172734803) + v[1] * fix(1.061594337);
    let d = v[7] * fix(-0.509795579) + v[5] * fix(-0.601344887) + v[3] * fix(0.899976223) + v[1] * fix(2.562915447);
    [a + d, b + c, b - c, a - d]
}

/// Eight coefficients to two samples, scaled up by two bits more.
#[inline(always)]
fn to_2(v: [Number; 8]) -> [Number; 2] {
    let mean = v[0] << (CONST_BITS + 2);
    let odd = v[7] * fix(-0.720959822) + v[5] * fix(0.850430095) + v[3] * fix(-1.272758580) + v[1] * fix(3.624509785);
    [mean + odd, mean - odd]
}

/// Transforms to `N` by `N` samples: first the columns that are told, then the rows that come of them. Between the two they have
/// 16 bits, which those of no picture go beyond.
#[expect(clippy::needless_range_loop, reason = "the same lane of many coefficients")]
#[inline(always)]
fn transform<const N: usize>(
    blocks: &Blocks,
    samples: &mut Samples,
    columns: &[usize],
    more: usize,
    kernel: impl Fn([Number; 8]) -> [Number; N],
) {
    let put = |samples: &mut Samples, at: [usize; 3], shift: usize, values: [Number; N]| {
        let [from, step, lane] = at;
        for (index, value) in values.into_iter().enumerate() {
            let rounded = ((value + Wrapping(1 << (shift - 1))) >> shift).0;
            samples[from + index * step][lane] = rounded.clamp(i32::from(i16::MIN), i32::from(i16::MAX));
        }
    };
    for &column in columns {
        for lane in 0..LANES {
            let line = std::array::from_fn(|index| Wrapping(i32::from(blocks[(column & 7) + index * 8][lane])));
            put(samples, [column & 7, 8, lane], CONST_BITS - PASS_BITS + more, kernel(line));
        }
    }
    for row in 0..N {
        for lane in 0..LANES {
            let line = std::array::from_fn(|index| Wrapping(samples[row * 8 + index][lane]));
            put(samples, [row * 8, 1, lane], CONST_BITS + PASS_BITS + 3 + more, kernel(line));
        }
    }
}

/// Transforms to `N` by `N` pixels of each block, for 8, 4 or 2.
#[inline(always)]
pub(super) fn invert<const N: usize>(blocks: &Blocks, pixels: &mut Pixels) {
    let mut samples: Samples = [[0; LANES]; 64];
    match N {
        8 => transform::<8>(blocks, &mut samples, &[0, 1, 2, 3, 4, 5, 6, 7], 0, to_8),
        // Columns that the second pass leaves out need no first.
        4 => transform::<4>(blocks, &mut samples, &[0, 1, 2, 3, 5, 6, 7], 1, to_4),
        _ => transform::<2>(blocks, &mut samples, &[0, 1, 3, 5, 7], 2, to_2),
    }
    for (y, row) in pixels.iter_mut().enumerate().take(N) {
        for (lane, pixels) in row.as_chunks_mut::<N>().0.iter_mut().enumerate().take(LANES) {
            for (column, pixel) in pixels.iter_mut().enumerate() {
                *pixel = grey(samples[(y * 8 + column) & 63][lane]);
            }
        }
    }
}

#[inline(always)]
pub(super) fn grey(sample: i32) -> u8 {
    sample.wrapping_add(128).clamp(0, 255) as u8
}
