//! Where a photo is detailed enough that more of its pixels may show a code.
//!
//! A code whose modules are too small to be read in a picture still leaves their mixture there: grey that changes from
//! pixel to pixel, along rows and columns alike, over all of its place. Paper, sky, single edges and whatever is out of
//! focus have none of it, and there a larger picture of the photo shows nothing new.

use super::super::pixels::Area;
use super::super::wide::wide;
use scanmill_jpeg::Luma;

/// Side in pixels of the squares that are told busy or not.
const TILE: usize = 4;
/// Mean difference between neighbours along rows, and along columns, of a busy tile. The two codes of the development photos
/// that only `zxing_full` read had about 20 and 60.
const BUSY: u8 = 5;
/// The same in a picture of half the pixels, in which the modules of small codes run into each other and a pale code beside a
/// crisp one is hardly busier than paper (`a_pale_code_beside_a_crisp_one_is_read`).
const BUSY_IN_SMALL: u8 = 3;

/// Side in tiles of the squares that a code is looked for by, and how many tiles of them must be busy. A code whose modules are
/// about as small as pixels is busy all over: of 5,000 codes of 16 to 40 pixels, most of them on made sheets, 99 of 100
/// had 96 of 100 tiles busy. Specks and single lines of text do not look so.
const SQUARE: usize = 3;
const MOST_OF_SQUARE: usize = 8;
/// Side of the squares that areas are put together of.
const CELL: usize = 32;
/// Pixels around what is busy that belong to its area: quiet zone, and edges of the code that are less busy.
const MARGIN: usize = 26;
/// Pixels around a group of finder patterns that was seen and not read.
const AROUND_STRAY: usize = 48;
/// Share of the picture, in percent, from which on it is looked at as a whole.
const MOST: usize = 80;

/// Where a picture of a photo is busy: found once, for all the rungs that go by it.
pub(super) struct Detail {
    size: [usize; 2],
    /// The middles of all squares that are busy.
    places: Vec<[u16; 2]>,
}

impl Detail {
    /// `is_small`: whether it is the picture for rungs that read one of about 1,000 pixels.
    pub(super) fn of(luma: &Luma, is_small: bool) -> Detail {
        let least = if is_small { BUSY_IN_SMALL } else { BUSY };
        Detail { size: [luma.width(), luma.height()], places: Tiles::of(luma).busy(least) }
    }

    /// The areas worth a closer look, in pixels of the full-size photo; `None` where they are the better part of it. `scale`:
    /// full-size pixels a pixel. `is_read`: whether a point of the full-size photo belongs to a code that was read.
    /// `unread_candidates`: full-size pixels that belong to an area whatever it looks like.
    pub(super) fn areas(
        &self,
        scale: f32,
        is_read: impl Fn([f32; 2]) -> bool,
        unread_candidates: &[[f32; 2]],
    ) -> Option<Vec<Area>> {
        let mut cells = Cells::new(self.size);
        for place in &self.places {
            if !is_read(place.map(|at| f32::from(at) * scale)) {
                cells.mark(place.map(usize::from), MARGIN);
            }
        }
        for unread_candidate in unread_candidates {
            cells.mark(unread_candidate.map(|at| (at / scale).max(0.0) as usize), AROUND_STRAY);
        }
        let areas = cells.areas();
        let pixels: usize = areas.iter().map(Area::pixels).sum();
        let is_whole = pixels * 100 > self.size[0] * self.size[1] * MOST;
        (!is_whole).then(|| areas.into_iter().map(|area| area.scaled(scale)).collect())
    }
}

/// How busy each tile of a picture is: the mean difference between neighbours along rows or along columns, whichever is
/// less.
struct Tiles {
    across: usize,
    levels: Vec<u8>,
}

impl Tiles {
    fn of(luma: &Luma) -> Tiles {
        Tiles { across: luma.width().saturating_sub(1) / TILE, levels: levels_of_tiles(luma) }
    }

    /// The middles of all squares that are busy, in pixels, by the level from which on a tile is.
    fn busy(&self, least: u8) -> Vec<[u16; 2]> {
        let mut places = Vec::new();
        // How many tiles of each column are busy, in the rows of the squares that end here.
        let mut columns = vec![0usize; self.across];
        let rows: Vec<&[u8]> = self.levels.chunks(self.across.max(1)).collect();
        for (y, row) in rows.iter().enumerate() {
            let gone = y.checked_sub(SQUARE).and_then(|gone| rows.get(gone));
            for (x, (count, &level)) in columns.iter_mut().zip(*row).enumerate() {
                *count += usize::from(level >= least);
                *count -= usize::from(gone.and_then(|row| row.get(x)).is_some_and(|&level| level >= least));
            }
            if y + 1 < SQUARE {
                continue;
            }
            let mut count: usize = columns.iter().take(SQUARE - 1).sum();
            for (x, counts) in columns.windows(SQUARE).enumerate() {
                count += counts.last().unwrap_or(&0);
                let is_busy = count >= MOST_OF_SQUARE;
                count -= counts.first().unwrap_or(&0);
                if is_busy {
                    // Pictures looked at so are some thousand pixels wide.
                    let middle = [x, y + 1 - SQUARE].map(|first| first * TILE + SQUARE * TILE / 2);
                    places.push(middle.map(|at| at as u16));
                }
            }
        }
        places
    }
}

wide! {
    fn levels_of_tiles(luma: &Luma) -> Vec<u8> {
        let across = luma.width().saturating_sub(1) / TILE;
        let down = luma.height().saturating_sub(1) / TILE;
        let mut columns = vec![[0u8; 2]; across * TILE];
        let mut levels = Vec::with_capacity(across * down);
        let mut sums = vec![[0u32; 2]; across];
        for row in 0..down {
            sums.fill([0; 2]);
            for y in row * TILE..(row + 1) * TILE {
                let (line, below) = (luma.row(y), luma.row(y + 1));
                let neighbours = line.iter().zip(line.get(1..).unwrap_or(&[])).zip(below);
                for (both, ((&pixel, &right), &below)) in columns.iter_mut().zip(neighbours) {
                    *both = [pixel.abs_diff(right), pixel.abs_diff(below)];
                }
                for (sums, tile) in sums.iter_mut().zip(columns.as_chunks::<TILE>().0) {
                    for both in tile {
                        sums[0] += u32::from(both[0]);
                        sums[1] += u32::from(both[1]);
                    }
                }
            }
            levels.extend(sums.iter().map(|[along, down]| (along.min(down) / (TILE * TILE) as u32) as u8));
        }
        levels
    }
}

/// A coarse grid over the picture.
struct Cells {
    size: [usize; 2],
    across: usize,
    marked: Vec<bool>,
}

impl Cells {
    fn new(size: [usize; 2]) -> Cells {
        let [across, down] = size.map(|side| side.div_ceil(CELL));
        Cells { size, across, marked: vec![false; across * down] }
    }

    /// Marks what comes as near to a point as `margin`.
    fn mark(&mut self, at: [usize; 2], margin: usize) {
        let [left, top] = at.map(|at| at.saturating_sub(margin) / CELL);
        let [right, bottom] = at.map(|at| (at + margin).div_ceil(CELL));
        for row in self.marked.chunks_mut(self.across).take(bottom).skip(top) {
            row.iter_mut().take(right).skip(left).for_each(|cell| *cell = true);
        }
    }

    /// The bounds of each group of marked cells that hang together.
    fn areas(mut self) -> Vec<Area> {
        let mut areas = Vec::new();
        for start in 0..self.marked.len() {
            let mut waiting = vec![start];
            let (mut low, mut high) = ([usize::MAX; 2], [0; 2]);
            while let Some(at) = waiting.pop() {
                let Some(cell) = self.marked.get_mut(at).filter(|cell| **cell) else { continue };
                *cell = false;
                let [x, y] = [at % self.across, at / self.across];
                low = [low[0].min(x), low[1].min(y)];
                high = [high[0].max(x + 1), high[1].max(y + 1)];
                waiting.push(at + self.across);
                waiting.extend(at.checked_sub(self.across));
                waiting.extend((x + 1 < self.across).then_some(at + 1));
                waiting.extend((x > 0).then(|| at - 1));
            }
            if high != [0; 2] {
                let end = [0, 1].map(|axis| (high[axis] * CELL).min(self.size[axis]));
                areas.push(Area { from: low.map(|at| at * CELL), to: end });
            }
        }
        areas
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Grey paper of 400 x 300 pixels with a square of fine noise, an edge, and a speck.
    fn paper(noise: [std::ops::Range<usize>; 2]) -> Luma {
        let shade = |x: usize, y: usize| {
            if noise[0].contains(&x) && noise[1].contains(&y) {
                ((x * 7919 + y * 104_729) % 97) as u8 + 80
            } else if x > 350 {
                40
            } else if (x, y) == (20, 20) {
                0
            } else {
                180
            }
        };
        Luma::new(400, 300, (0..400 * 300).map(|at| shade(at % 400, at / 400)).collect()).unwrap()
    }

    #[test]
    fn a_fine_texture_is_an_area_and_an_edge_or_a_speck_is_none() {
        let areas = Detail::of(&paper([150..175, 100..125]), false).areas(4.0, |_| false, &[]).unwrap();
        assert_eq!(areas.len(), 1);
        let Area { from, to } = areas[0];
        assert!(from[0] <= 134 * 4 && from[1] <= 84 * 4 && to[0] >= 191 * 4 && to[1] >= 141 * 4, "{areas:?}");
        assert!(from[0] >= 64 * 4 && to[0] <= 256 * 4, "{areas:?}");
    }

    #[test]
    fn thin_lines_are_no_area() {
        // Two lines of letters, four pixels high and twenty apart.
        let shade = |x: usize, y: usize| {
            let is_letter = (100..300).contains(&x) && [100..104, 120..124].iter().any(|line| line.contains(&y));
            if is_letter { ((x * 7919 + y * 104_729) % 97) as u8 + 80 } else { 180 }
        };
        let luma = Luma::new(400, 300, (0..400 * 300).map(|at| shade(at % 400, at / 400)).collect()).unwrap();
        assert_eq!(Detail::of(&luma, false).areas(4.0, |_| false, &[]), Some(Vec::new()));
    }

    #[test]
    fn what_was_read_is_left_out_and_what_was_seen_is_not() {
        let detail = Detail::of(&paper([150..175, 100..125]), false);
        let is_read = |[x, y]: [f32; 2]| (580.0..720.0).contains(&x) && (380.0..520.0).contains(&y);
        assert_eq!(detail.areas(4.0, is_read, &[]), Some(Vec::new()));
        let seen = detail.areas(4.0, is_read, &[[1_000.0, 800.0]]).unwrap();
        assert!(seen.len() == 1 && seen[0].from[0] < 1_000 && seen[0].to[0] > 1_000, "{seen:?}");
    }

    #[test]
    fn a_pale_texture_is_an_area_too_and_a_fainter_one_where_the_picture_is_small() {
        let noise = |x: usize, y: usize| (x * 7919 + y * 104_729) % 97;
        let shade = |x: usize, y: usize| match (x / 50, y / 50) {
            (2, 2) => 80 + noise(x, y) / 4,
            (6, 2) => 80 + noise(x, y) / 12,
            _ => 80,
        };
        let luma = Luma::new(400, 300, (0..400 * 300).map(|at| shade(at % 400, at / 400) as u8).collect()).unwrap();
        let areas = |is_small| Detail::of(&luma, is_small).areas(4.0, |_| false, &[]).unwrap().len();
        assert_eq!((areas(false), areas(true)), (1, 2));
    }

    #[test]
    fn a_picture_that_is_busy_all_over_is_looked_at_as_a_whole() {
        assert_eq!(Detail::of(&paper([0..400, 0..300]), false).areas(4.0, |_| false, &[]), None);
        assert_eq!(Detail::of(&Luma::new(1, 1, vec![9]).unwrap(), false).areas(4.0, |_| false, &[]), Some(Vec::new()));
    }
}
