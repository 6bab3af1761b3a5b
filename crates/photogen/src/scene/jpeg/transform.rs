//! Samples to quantised coefficients.

use super::ZIGZAG;

/// What is between two samples and their coefficients for one table of steps.
pub(super) struct Kernel<const N: usize> {
    /// What a coefficient is multiplied with to become a number of steps, column by column.
    factors: [[f32; N]; N],
    /// Row by row: where it is in the file's order.
    places: [[u8; N]; N],
    /// Coefficients in the file's order up to the last that can be other than 0.
    reach: usize,
}

/// A block in the order of the file, and how many of its coefficients can be other than 0.
pub(super) struct QuantizedBlock {
    /// Numbers of steps.
    pub levels: [i16; 64],
    /// All behind are 0.
    pub reach: usize,
}

/// The transform of blocks of `N` x `N`.
pub(super) trait Transform<const N: usize> {
    /// One transform along the first index, for all of the second at once.
    fn along(block: &[[f32; N]; N]) -> [[f32; N]; N];
    /// What its results lack to be those of an orthonormal one.
    const SCALES: [f32; N];

    /// A block's coefficients in steps.
    fn coefficients(&self, samples: &[[f32; N]; N]) -> QuantizedBlock;
}

impl Transform<8> for Kernel<8> {
    /// Arai, Agui and Nakajima's: five multiplications, the rest in the scales.
    #[inline(always)]
    fn along(block: &[[f32; 8]; 8]) -> [[f32; 8]; 8] {
        let mut out = [[0.0; 8]; 8];
        for lane in 0..8 {
            let at = |place: usize| block[place][lane];
            let (s0, d0) = (at(0) + at(7), at(0) - at(7));
            let (s1, d1) = (at(1) + at(6), at(1) - at(6));
            let (s2, d2) = (at(2) + at(5), at(2) - at(5));
            let (s3, d3) = (at(3) + at(4), at(3) - at(4));
            let (e0, e3, e1, e2) = (s0 + s3, s0 - s3, s1 + s2, s1 - s2);
            let z = (e2 + e3) * 0.707_106_77;
            let (o0, o1, o2) = (d3 + d2, d2 + d1, d1 + d0);
            let z5 = (o0 - o2) * 0.382_683_43;
            let z2 = 0.541_196_1 * o0 + z5;
            let z4 = 1.306_562_9 * o2 + z5;
            let z3 = o1 * 0.707_106_77;
            let (z11, z13) = (d0 + z3, d0 - z3);
            out[0][lane] = e0 + e1;
            out[4][lane] = e0 - e1;
            out[2][lane] = e3 + z;
            out[6][lane] = e3 - z;
            out[5][lane] = z13 + z2;
            out[3][lane] = z13 - z2;
            out[1][lane] = z11 + z4;
            out[7][lane] = z11 - z4;
        }
        out
    }

    const SCALES: [f32; 8] =
        [0.353_553_4, 0.254_897_8, 0.270_598_05, 0.300_672_45, 0.353_553_4, 0.449_988_1, 0.653_281_5, 1.281_457_7];

    fn coefficients(&self, samples: &[[f32; 8]; 8]) -> QuantizedBlock {
        self.quantised(&Self::along(&turned(&Self::along(samples))))
    }
}

impl Transform<4> for Kernel<4> {
    #[inline(always)]
    fn along(block: &[[f32; 4]; 4]) -> [[f32; 4]; 4] {
        let mut out = [[0.0; 4]; 4];
        for lane in 0..4 {
            let at = |place: usize| block[place][lane];
            let (s0, d0) = (at(0) + at(3), at(0) - at(3));
            let (s1, d1) = (at(1) + at(2), at(1) - at(2));
            out[0][lane] = s0 + s1;
            out[2][lane] = s0 - s1;
            out[1][lane] = 0.923_879_5 * d0 + 0.382_683_43 * d1;
            out[3][lane] = 0.382_683_43 * d0 - 0.923_879_5 * d1;
        }
        out
    }

    /// Those of four points, times the square root of two, as every side becomes twice as long.
    const SCALES: [f32; 4] = [0.707_106_77, 1.0, 0.707_106_77, 1.0];

    fn coefficients(&self, samples: &[[f32; 4]; 4]) -> QuantizedBlock {
        self.quantised(&Self::along(&turned(&Self::along(samples))))
    }
}

impl<const N: usize> Kernel<N>
where
    Kernel<N>: Transform<N>,
{
    /// For these steps, given row by row.
    pub(super) fn new(steps: &[u8; 64]) -> Self {
        let mut order = [0u8; 64];
        for (place, &natural) in (0u8..).zip(&ZIGZAG) {
            order[usize::from(natural)] = place;
        }
        let natural = |row: usize, column: usize| row * 8 + column;
        // Along columns, turned, along rows: the first index is the column now.
        let factors = std::array::from_fn(|column| {
            std::array::from_fn(|row| Self::SCALES[column] * Self::SCALES[row] / f32::from(steps[natural(row, column)]))
        });
        let places: [[u8; N]; N] = std::array::from_fn(|column| std::array::from_fn(|row| order[natural(row, column)]));
        let last = places.iter().flatten().copied().max().unwrap_or(63);
        Self { factors, places, reach: usize::from(last) + 1 }
    }

    #[inline(always)]
    fn quantised(&self, coefficients: &[[f32; N]; N]) -> QuantizedBlock {
        let mut levels = [0i16; 64];
        for ((line, factors), places) in coefficients.iter().zip(&self.factors).zip(&self.places) {
            let mut rounded = [0i32; N];
            for ((rounded, value), factor) in rounded.iter_mut().zip(line).zip(factors) {
                // Truncated from far above 0 is rounded down.
                *rounded = (value * factor + 16_384.5) as i32 - 16_384;
            }
            for (&level, &place) in rounded.iter().zip(places) {
                levels[usize::from(place & 63)] = level as i16;
            }
        }
        QuantizedBlock { levels, reach: self.reach }
    }
}

#[inline(always)]
fn turned<const N: usize>(block: &[[f32; N]; N]) -> [[f32; N]; N] {
    std::array::from_fn(|row| std::array::from_fn(|column| block[column][row]))
}

/// Replaces every block of a plane by what its rounded coefficients give back.
pub(super) fn requantise(plane: &mut [u8], (width, height): (usize, usize), steps: &[u8; 64]) {
    let kernel = Kernel::<8>::new(steps);
    let basis: [[f32; 8]; 8] = std::array::from_fn(|wave| {
        std::array::from_fn(|place| {
            let (_, cos) =
                super::super::exact::sin_cos(std::f64::consts::PI / 16.0 * (2 * place + 1) as f64 * wave as f64);
            cos as f32 * if wave == 0 { 0.353_553_4 } else { 0.5 }
        })
    });
    for top in (0..height).step_by(8) {
        for left in (0..width).step_by(8) {
            let block = kernel.coefficients(&super::samples::<8>(plane, width, height, left, top));
            let mut values = [[0f32; 8]; 8];
            for (&level, &natural) in block.levels.iter().zip(&ZIGZAG) {
                let natural = usize::from(natural);
                values[natural / 8][natural % 8] = f32::from(level) * f32::from(steps[natural]);
            }
            let back = |block: &[[f32; 8]; 8]| -> [[f32; 8]; 8] {
                std::array::from_fn(|place| {
                    std::array::from_fn(|lane| (0..8).map(|wave| basis[wave][place] * block[wave][lane]).sum())
                })
            };
            let samples = turned(&back(&turned(&back(&values))));
            for (y, line) in samples.iter().enumerate().take(height - top) {
                let start = (top + y) * width + left;
                let end = start + (width - left).min(8);
                for (out, value) in plane.get_mut(start..end).unwrap_or_default().iter_mut().zip(line) {
                    *out = (value + 128.5).clamp(0.0, 255.0) as u8;
                }
            }
        }
    }
}
