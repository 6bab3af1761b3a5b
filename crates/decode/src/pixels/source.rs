//! A photo at any size that is asked for, made from the cheapest thing that holds enough pixels.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::super::scale::{halve, resample};
use scanmill_jpeg::Hints;
use scanmill_jpeg::Luma;
use scanmill_jpeg::{Coefficients, Scale};

/// A decoded photo. Level 0 is its full size, and each level above has half the sides of the one below; levels made are
/// kept, so that no smaller size costs a second pass over the full one.
pub(crate) struct Source {
    width: usize,
    height: usize,
    cut: bool,
    hints: Hints,
    /// Pixels of the photo a pixel of this: chroma has fewer.
    scale: f32,
    /// What the levels are made of; `None` when level 0 is there from the start.
    jpeg: Option<Coefficients>,
    levels: BTreeMap<u32, Luma>,
    /// Copies between the levels by their width and height, up to [`LARGEST_KEPT`]: several rungs read the same one.
    between: BTreeMap<[usize; 2], Luma>,
    parts: Option<Parts>,
}

/// Parts of a picture of the photo, in the order of their areas, each with where it begins.
struct Parts {
    long_side: usize,
    areas: Vec<Area>,
    made: Vec<(Luma, [f32; 2])>,
}

/// Parts begin at multiples of so many pixels: blocks of eight, and every third row, fall as they do in the whole.
const ALIGNED: usize = 24;

/// A rectangle of a photo, in pixels: from one point up to the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Area {
    pub from: [usize; 2],
    pub to: [usize; 2],
}

impl Area {
    /// How many pixels it has.
    pub(crate) fn pixels(&self) -> usize {
        (self.to[0] - self.from[0]) * (self.to[1] - self.from[1])
    }

    /// The same in a picture so many times as large.
    pub(crate) fn scaled(&self, by: f32) -> Area {
        Area {
            from: self.from.map(|at| (at as f32 * by) as usize),
            to: self.to.map(|at| (at as f32 * by).ceil() as usize),
        }
    }
}

/// Long side of the copies between levels that are kept.
const LARGEST_KEPT: usize = 1_600;

/// Bytes a column that bringing a picture to a smaller size takes meanwhile.
const RESAMPLE_BYTES: u64 = 32;

/// Scales that a JPEG picture is made at, by level.
const JPEG_SCALES: [Scale; 4] = [Scale::Full, Scale::Half, Scale::Quarter, Scale::Eighth];
const LAST_JPEG_LEVEL: u32 = 3;

impl Source {
    /// A photo decoded at its full size. `cut`: its file ends before the picture does, and the missing part is grey.
    pub(crate) fn whole(full: Luma, cut: bool) -> Source {
        let size = [full.width(), full.height()];
        Source { levels: BTreeMap::from([(0, full)]), ..Source::of(size, cut) }
    }

    /// A photo whose first four levels are made when asked for, each at the same cost.
    pub(super) fn scaled(jpeg: Coefficients, cut: bool) -> Source {
        let size = [jpeg.width(), jpeg.height()];
        Source { jpeg: Some(jpeg), ..Source::of(size, cut) }
    }

    /// A photo of this size of which nothing is made.
    fn of([width, height]: [usize; 2], cut: bool) -> Source {
        Source {
            width,
            height,
            cut,
            hints: Hints::default(),
            scale: 1.0,
            jpeg: None,
            levels: BTreeMap::new(),
            between: BTreeMap::new(),
            parts: None,
        }
    }

    /// The same with what was noted of the photo's other aspects.
    pub(super) fn hinting(self, hints: Hints) -> Source {
        Source { hints, ..self }
    }

    /// The same as a picture of so many pixels of the photo a pixel.
    pub(super) fn shrunk(self, scale: f32) -> Source {
        Source { scale, ..self }
    }

    /// What the photo's other aspects may show.
    pub(crate) fn hints(&self) -> Hints {
        self.hints
    }

    /// Pixels of the photo a pixel at full size.
    pub(crate) fn scale(&self) -> f32 {
        self.scale
    }

    /// The longer side of the photo in pixels, at its full size.
    pub(crate) fn long_side(&self) -> usize {
        self.width.max(self.height)
    }

    /// Width and height of the photo in pixels, at its full size.
    pub(crate) fn full_size(&self) -> [usize; 2] {
        [self.width, self.height]
    }

    /// Whether the file ends before its picture does; the missing part is grey.
    pub(crate) fn is_cut(&self) -> bool {
        self.cut
    }

    /// Bytes that are held once the picture with that long side, or its parts in these areas, is there beside what is kept.
    pub(crate) fn bytes_to_make(&self, long_side: usize, areas: Option<&[Area]>) -> u64 {
        let (level, wanted) = self.level_for(long_side);
        let pixels = |[width, height]: [usize; 2]| (width * height) as u64;
        let held = self.jpeg.as_ref().map_or(0, Coefficients::bytes)
            + self.levels.values().chain(self.between.values()).map(Luma::bytes).sum::<u64>()
            + self.parts.iter().flat_map(|parts| &parts.made).map(|(part, _)| part.bytes()).sum::<u64>();
        let is_made_alone = |level: u32| self.jpeg.is_some() && level <= LAST_JPEG_LEVEL;
        let mut new = 0;
        // Parts of what is made alone are made without the whole.
        let mut made = if areas.is_some() && is_made_alone(level) { None } else { Some(level) };
        while let Some(level) = made.filter(|level| !self.levels.contains_key(level)) {
            new += pixels(self.size(level));
            made = if is_made_alone(level) { None } else { level.checked_sub(1) };
        }
        let resampled = RESAMPLE_BYTES * self.size(level)[0] as u64;
        let is_level = self.size(level) == wanted;
        if let Some(areas) = areas {
            // Each is cut out of the level, and then brought to its size.
            let area = |area: &Area| pixels([0, 1].map(|axis| ((area.to[axis] - area.from[axis]) >> level) + ALIGNED));
            let parts: u64 = areas.iter().map(area).sum();
            let largest = areas.iter().map(area).max().unwrap_or(0);
            return held + new + parts + if is_level { 0 } else { largest + resampled };
        }
        let is_kept = is_level || self.between.contains_key(&wanted);
        held + new + if is_kept { 0 } else { pixels(wanted) + resampled }
    }

    /// Pixels of the picture with that long side, or of the largest of its parts in these areas.
    pub(crate) fn largest_of(&self, long_side: usize, areas: Option<&[Area]>) -> u64 {
        let (_, [width, height]) = self.level_for(long_side);
        let whole = (width * height) as u64;
        let Some(areas) = areas else { return whole };
        let share = (whole as f64 / (self.width * self.height) as f64).min(1.0);
        let largest = areas.iter().map(Area::pixels).max().unwrap_or(0);
        ((largest as f64 * share * 1.1) as u64).min(whole)
    }

    /// The photo with its long side at most `long_side` pixels; at its full size when it already is that small.
    pub(crate) fn at_most(&mut self, long_side: usize) -> Cow<'_, Luma> {
        let full = [self.width, self.height];
        let (level, wanted) = self.level_for(long_side);
        if self.size(level) == wanted {
            return Cow::Borrowed(self.level(level));
        }
        let copy = match self.between.remove(&wanted) {
            Some(made) => made,
            None => resample(self.level(level), full, 1 << level, wanted),
        };
        if wanted.into_iter().max() > Some(LARGEST_KEPT) {
            return Cow::Owned(copy);
        }
        Cow::Borrowed(self.between.entry(wanted).or_insert(copy))
    }

    /// Parts of what [`Source::at_most`] gives, each with where it begins, for areas in pixels of the full-size photo. The
    /// last ones are kept.
    pub(crate) fn parts(&mut self, long_side: usize, areas: Vec<Area>) -> &[(Luma, [f32; 2])] {
        if !self.parts.as_ref().is_some_and(|parts| parts.long_side == long_side && parts.areas == areas) {
            let (level, wanted) = self.level_for(long_side);
            if self.jpeg.is_none() || level > LAST_JPEG_LEVEL {
                self.level(level);
            }
            let made = areas.iter().filter_map(|area| self.part(level, wanted, area)).collect();
            self.parts = Some(Parts { long_side, areas, made });
        }
        self.parts.as_ref().map_or(&[], |parts| &parts.made)
    }

    /// An area of a level, brought to the size that it has where the whole is `wanted` large.
    fn part(&self, level: u32, wanted: [usize; 2], area: &Area) -> Option<(Luma, [f32; 2])> {
        let size = self.size(level);
        let area = area.scaled(1.0 / (1 << level) as f32);
        let to = [0, 1].map(|axis| area.to[axis].min(size[axis]));
        let from = [0, 1].map(|axis| area.from[axis].min(to[axis]) / ALIGNED * ALIGNED);
        if [0, 1].iter().any(|&axis| from[axis] >= to[axis]) {
            return None;
        }
        let part = match (self.levels.get(&level), &self.jpeg, JPEG_SCALES.get(level as usize)) {
            (Some(made), _, _) => made.part(from, to),
            (None, Some(jpeg), Some(scale)) => jpeg.luma_part(*scale, from, to),
            (None, _, _) => return None,
        };
        if size == wanted {
            return Some((part, from.map(|at| at as f32)));
        }
        let by = [0, 1].map(|axis| wanted[axis] as f32 / size[axis] as f32);
        let sides = [part.width(), part.height()];
        let smaller = [0, 1].map(|axis| (sides[axis] as f32 * by[axis]).round() as usize);
        Some((resample(&part, sides, 1, smaller), [0, 1].map(|axis| from[axis] as f32 * by[axis])))
    }

    /// The smallest level that holds a picture with that long side, and the picture's width and height.
    fn level_for(&self, long_side: usize) -> (u32, [usize; 2]) {
        let longest = self.long_side();
        let long_side = if long_side == 0 { longest } else { long_side.min(longest) };
        let wanted = [self.width, self.height].map(|pixels| ((pixels * long_side + longest / 2) / longest).max(1));
        let holds = |level: &u32| self.size(*level).iter().zip(&wanted).all(|(has, wants)| has >= wants);
        ((1..usize::BITS).take_while(holds).last().unwrap_or(0), wanted)
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn source(width: usize, height: usize, pixels: Vec<u8>) -> Source {
        Source::whole(Luma::new(width, height, pixels).unwrap(), false)
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
    fn a_part_is_cut_out_of_the_whole() {
        let mut photo = source(40, 30, (0..1_200).map(|at| (at * 7 % 251) as u8).collect());
        let area = Area { from: [29, 6], to: [31, 90] };
        let (part, origin) = photo.parts(40, vec![area])[0].clone();
        assert_eq!((part.width(), part.height(), origin), (7, 30, [24.0, 0.0]));
        let whole = photo.at_most(40);
        assert!((0..30).all(|y| part.row(y) == &whole.row(y)[24..31]));
        let (part, origin) = photo.parts(30, vec![area])[0].clone();
        assert_eq!((part.width(), part.height(), origin), (5, 23, [18.0, 0.0]));
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
    }
}
