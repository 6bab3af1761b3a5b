//! A photo at any size that is asked for, made from the cheapest thing that holds enough pixels.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use super::super::jpeg::{Coefficients, Scale};
use super::super::luma::Luma;
use super::super::scale::{halve, resample};

/// A decoded photo. Level 0 is its full size, and each level above has half the sides of the one below; levels made are
/// kept, so that no smaller size costs a second pass over the full one.
pub(in crate::decode) struct Source {
    width: usize,
    height: usize,
    cut: bool,
    /// What the levels are made of; `None` when level 0 is there from the start.
    jpeg: Option<Coefficients>,
    levels: BTreeMap<u32, Luma>,
    /// Copies between the levels by their width and height, up to [`LARGEST_KEPT`]: several rungs read the same one.
    between: BTreeMap<[usize; 2], Luma>,
}

/// Long side of the copies between levels that are kept.
const LARGEST_KEPT: usize = 1_600;

/// Scales that a JPEG picture is made at, by level.
const JPEG_SCALES: [Scale; 4] = [Scale::Full, Scale::Half, Scale::Quarter, Scale::Eighth];
const LAST_JPEG_LEVEL: u32 = 3;

/// Pixels of the full-size photo that the edges of a crop are multiples of: a JPEG block, and whole pixels of each
/// level that a crop is made at.
const CROP_GRID: usize = 8;

/// A part of the photo at one of its levels: the same pixels that the whole level has there.
#[cfg_attr(not(test), expect(dead_code, reason = "no rung reads crops yet"))]
pub(in crate::decode) struct Crop {
    /// Its pixels.
    pub luma: Luma,
    /// Pixels of the full-size photo left of it and above it.
    pub offset: [usize; 2],
    /// Pixels of the full-size photo a pixel, along one side: 1, 2, 4 or 8.
    pub scale: usize,
}

impl Source {
    /// A photo decoded at its full size. `cut`: its file ends before the picture does, and the missing part is grey.
    pub(in crate::decode) fn whole(full: Luma, cut: bool) -> Source {
        let (width, height) = (full.width(), full.height());
        Source { width, height, cut, jpeg: None, levels: BTreeMap::from([(0, full)]), between: BTreeMap::new() }
    }

    /// A photo whose first four levels are made when asked for, each at the same cost.
    pub(super) fn scaled(jpeg: Coefficients, cut: bool) -> Source {
        let (width, height) = (jpeg.width(), jpeg.height());
        Source { width, height, cut, jpeg: Some(jpeg), levels: BTreeMap::new(), between: BTreeMap::new() }
    }

    /// The longer side of the photo in pixels, at its full size.
    pub(in crate::decode) fn long_side(&self) -> usize {
        self.width.max(self.height)
    }

    /// Whether the file ends before its picture does; the missing part is grey.
    pub(in crate::decode) fn is_cut(&self) -> bool {
        self.cut
    }

    /// The photo with its long side at most `long_side` pixels; at its full size when it already is that small.
    pub(in crate::decode) fn at_most(&mut self, long_side: usize) -> Cow<'_, Luma> {
        let longest = self.long_side();
        let long_side = if long_side == 0 { longest } else { long_side.min(longest) };
        let side = |pixels: usize| ((pixels * long_side + longest / 2) / longest).max(1);
        let full = [self.width, self.height];
        let wanted = full.map(side);
        let holds = |level: &u32| self.size(*level).iter().zip(&wanted).all(|(has, wants)| has >= wants);
        let level = (1..usize::BITS).take_while(holds).last().unwrap_or(0);
        if self.size(level) == wanted {
            return Cow::Borrowed(self.level(level));
        }
        let copy = match self.between.remove(&wanted) {
            Some(made) => made,
            None => resample(self.level(level), full, 1 << level, wanted),
        };
        if long_side > LARGEST_KEPT {
            return Cow::Owned(copy);
        }
        Cow::Borrowed(self.between.entry(wanted).or_insert(copy))
    }

    /// The part of the photo between two corners, in pixels of its full size (left and top, then right and bottom, which
    /// are outside), halved `level` times (at most three). It goes outwards to the next multiples of eight, or to the
    /// photo's edge, as blocks do. Of a JPEG picture only the blocks asked for are made. Nothing is kept, so a crop
    /// costs memory only while it lives. `None` when nothing of the photo, so halved, lies between the corners.
    #[cfg_attr(not(test), expect(dead_code, reason = "no rung reads crops yet"))]
    pub(in crate::decode) fn crop(&self, [from, to]: [[usize; 2]; 2], level: u32) -> Option<Crop> {
        let level = level.min(LAST_JPEG_LEVEL);
        let end = [to[0].min(self.width), to[1].min(self.height)];
        let (first, last) = (from.map(|at| at / CROP_GRID), end.map(|at| at.div_ceil(CROP_GRID)));
        let size = self.size(level);
        if (0..2).any(|axis| from[axis] >= end[axis] || (first[axis] * CROP_GRID) >> level >= size[axis]) {
            return None;
        }
        let [columns, rows] = [0, 1].map(|axis| first[axis]..last[axis]);
        let luma = match (self.levels.get(&level), &self.jpeg, JPEG_SCALES.get(level as usize)) {
            (Some(made), _, _) => cut(made, CROP_GRID >> level, columns, rows),
            (None, Some(jpeg), Some(&scale)) => jpeg.part(scale, columns, rows),
            // Halving a part gives the pixels of the halved whole, as its edges are even.
            _ => (0..level).fold(cut(self.levels.get(&0)?, CROP_GRID, columns, rows), |luma, _| halve(&luma)),
        };
        Some(Crop { luma, offset: first.map(|at| at * CROP_GRID), scale: 1 << level })
    }

    /// Width and height of a level; zero when there is no such level.
    fn size(&self, level: u32) -> [usize; 2] {
        // A JPEG picture's scales have their sides rounded up, halved pictures rounded down.
        let scaled = if self.jpeg.is_some() { level.min(LAST_JPEG_LEVEL) } else { 0 };
        [self.width, self.height].map(|side| side.div_ceil(1 << scaled) >> (level - scaled))
    }

    fn level(&mut self, level: u32) -> &Luma {
        let made = match (self.levels.remove(&level), &self.jpeg, JPEG_SCALES.get(level as usize)) {
            (Some(made), _, _) => made,
            (None, Some(jpeg), Some(&scale)) => jpeg.luma(scale),
            (None, _, _) => halve(self.level(level.saturating_sub(1))),
        };
        self.levels.entry(level).or_insert(made)
    }
}

/// Columns and rows of squares of `side` pixels, as far as the picture has them.
fn cut(luma: &Luma, side: usize, columns: Range<usize>, rows: Range<usize>) -> Luma {
    let end = |blocks: &Range<usize>, pixels: usize| pixels.min(blocks.end * side).saturating_sub(blocks.start * side);
    let [width, height] = [end(&columns, luma.width()), end(&rows, luma.height())];
    let mut part = Luma::blank(width, height);
    for (to, from) in part.rows_mut().zip(luma.rows().skip(rows.start * side)) {
        for (to, &from) in to.iter_mut().zip(from.iter().skip(columns.start * side)) {
            *to = from;
        }
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn source(width: usize, height: usize, pixels: Vec<u8>) -> Source {
        Source::whole(Luma::new(width, height, pixels).unwrap(), false)
    }

    fn jpeg(width: u16, height: u16, grey: &[u8], progressive: bool) -> Source {
        let mut bytes = Vec::new();
        let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, 90);
        encoder.set_progressive(progressive);
        encoder.encode(grey, width, height, jpeg_encoder::ColorType::Luma).unwrap();
        Source::scaled(super::super::super::jpeg::read(&bytes, &|| true).unwrap(), false)
    }

    #[test]
    fn only_shrinks() {
        let mut photo = source(30, 20, vec![7; 600]);
        assert!(matches!(photo.at_most(30), Cow::Borrowed(_)));
        assert!(matches!(photo.at_most(31), Cow::Borrowed(_)));
        let small = photo.at_most(15).into_owned();
        assert_eq!((small.width(), small.height()), (15, 10));
        assert!(small.pixels().iter().all(|&pixel| pixel == 7));
    }

    #[test]
    fn shrinks_by_the_mean() {
        let mut photo = source(4, 2, vec![0, 10, 100, 100, 20, 30, 100, 104]);
        assert_eq!(photo.at_most(2).pixels(), &[15, 101]);
        assert_eq!(photo.at_most(3).pixels().len(), 6);
    }

    #[test]
    fn a_long_strip_keeps_one_row() {
        let small = source(1000, 1, (0..1000).map(|x| (x / 4) as u8).collect()).at_most(10).into_owned();
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
            let mut photo = source(width, height, pixels.clone());
            for side in [side, side / 3 + 1] {
                let small = photo.at_most(side).into_owned();
                prop_assert!(small.width().max(small.height()) == side.min(width.max(height)));
                let mean = |pixels: &[u8]| pixels.iter().map(|&p| f64::from(p)).sum::<f64>() / pixels.len() as f64;
                prop_assert!((mean(&pixels) - mean(small.pixels())).abs() < 20.0);
                prop_assert!(small.pixels().iter().max() <= pixels.iter().max());
                prop_assert!(small.pixels().iter().min() >= pixels.iter().min());
            }
        }

        #[test]
        fn a_crop_is_what_the_whole_level_has_there(
            width in 1u16..150, height in 1u16..150, corners in prop::array::uniform4(0usize..170),
            level in 0u32..=3, held_before in any::<bool>(), kind in 0..3,
        ) {
            let pixel = |at: usize| ((at % usize::from(width) * 7 + at / usize::from(width) * 5) % 190 + at * 31 % 17 * 3) as u8;
            let pixels: Vec<u8> = (0..usize::from(width) * usize::from(height)).map(pixel).collect();
            let mut photo = match kind {
                0 => source(width.into(), height.into(), pixels),
                _ => jpeg(width, height, &pixels, kind == 1),
            };
            if held_before {
                photo.level(level);
            }
            let [left, top, right, bottom] = corners;
            let crop = photo.crop([[left, top], [right, bottom]], level);
            let whole = photo.level(level);
            let scale = 1 << level;
            let inner = |at: usize, from: usize, to: usize, side: usize| {
                at < side && (from..to.min(side)).any(|wanted| wanted / 8 == at / 8)
            };
            let wanted = |x: usize, y: usize| {
                inner(x * scale, left, right, width.into()) && inner(y * scale, top, bottom, height.into())
            };
            // A halved picture keeps a last pixel that is less than a whole one, a crop does not promise it.
            let is_there = usize::from(width.min(height)) >= scale;
            let mut expected = Vec::new();
            for y in 0..whole.height() {
                expected.extend((0..whole.width()).filter(|&x| is_there && wanted(x, y)).map(|x| whole.row(y)[x]));
            }
            match crop {
                Some(crop) => {
                    prop_assert_eq!(crop.scale, scale);
                    prop_assert_eq!(crop.offset, [left / 8 * 8, top / 8 * 8]);
                    prop_assert_eq!(crop.luma.pixels(), &expected);
                }
                None => prop_assert!(expected.is_empty()),
            }
        }
    }
}
