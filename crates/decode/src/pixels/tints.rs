//! Where something is drawn in the chroma of a HEVC picture far more than in its brightness, told by the levels of its
//! blocks while brightness is decoded: whether its colours are worth decoding it again, see [`Hints`].
//!
//! The squares of a block's levels add up to those of its pixels, so that a unit's contrast does not depend on how it is cut
//! into blocks. The colours of a photo change where its brightness does, or are noise.
//!
//! [`Hints`]: scanmill_jpeg::Hints

use heifer_hevc_dec::syntax::{CodingUnit, TransformBlock};

/// The contrast of chroma, of blueness and of redness, in a picture so far.
#[derive(Clone, Copy, Default)]
pub(super) struct Tints {
    /// Pixels of units that are drawn in chroma, as the unit before them is.
    pixels: [u64; 2],
    /// Squares of the present unit's levels but those of flat colour, added up, of each component.
    squares: [u64; 3],
    /// Whether the unit before is drawn in chroma.
    before: [bool; 2],
}

/// Contrast (root mean square, in steps of a sample) below which chroma is noise.
const CONTRAST: f32 = 4.0;
/// Pixels for one of the cells that hints count. Those have 256, but here the first unit of a row does not count.
const CELL: u64 = 128;

impl Tints {
    /// Takes in a block.
    pub(super) fn block(&mut self, block: &TransformBlock<'_>) {
        let (Some(levels), Some(sum)) = (block.coeffs, self.squares.get_mut(usize::from(block.c_idx))) else { return };
        let (columns, rows) = block.coeff_bounds;
        let square = |level: &i32| u64::from(level.unsigned_abs()).saturating_pow(2);
        let filled = levels.chunks_exact(1 << block.log2_size).take(rows.into());
        let all = filled.flat_map(|row| row.iter().take(columns.into())).map(square).fold(0, u64::saturating_add);
        *sum = sum.saturating_add(all - levels.first().map_or(0, square));
    }

    /// Takes in the end of a unit, whose blocks came before.
    pub(super) fn unit(&mut self, unit: &CodingUnit) {
        let [grey, tints @ ..] = std::mem::take(&mut self.squares);
        let side = 1u32 << unit.log2_size;
        for ((tint, before), pixels) in tints.into_iter().zip(&mut self.before).zip(&mut self.pixels) {
            // Chroma has a quarter of the samples: as large a sum is twice the contrast.
            let is_drawn = tint > grey && {
                // What a level stands for doubles with every sixth quantization parameter (H.265 §8.6.1).
                let step = ((unit.qp_y - 4) as f32 / 6.0).exp2();
                (tint as f32).sqrt() * step >= CONTRAST * side as f32 / 2.0
            };
            if is_drawn && *before {
                *pixels += u64::from(side * side);
            }
            *before = is_drawn;
        }
    }

    /// Blueness and redness in cells as hints count them.
    pub(super) fn cells(self) -> [u32; 2] {
        self.pixels.map(|pixels| (pixels / CELL) as u32)
    }
}
