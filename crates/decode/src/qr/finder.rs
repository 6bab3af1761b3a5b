//! Finder patterns, more leniently than the ladder's first search: without a quiet zone, with torn or thick outer
//! rings, a few pixels wide. What it proposes wrongly, the fit on grey throws out.

use rxing::common::BitMatrix;

use super::super::clock::Deadline;
use super::super::wide::wide;

/// A proposed finder pattern.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pattern {
    /// Its middle in pixels.
    pub centre: [f32; 2],
    /// Pixels a module along the row and the column through it, on average.
    pub module: f32,
    /// Rows that proposed it.
    pub hits: u32,
}

/// How often a pattern may be as wide as it is high, or as high as it is wide.
const UNEVEN: f32 = 4.0;

/// Proposals looked at; a picture of noise makes one in every few hundred pixels.
const MOST_PROPOSALS: usize = 20_000;

/// The dark finder patterns of a picture, the most often seen first.
pub(super) fn find(picture: &BitMatrix, deadline: Deadline) -> Vec<Pattern> {
    let mut search = FinderSearch::default();
    for y in 0..picture.height() {
        if y % 16 == 0 {
            if deadline.is_over() {
                break;
            }
            search.forget_above(y);
        }
        search.row(picture, y);
        if search.proposals > MOST_PROPOSALS {
            break;
        }
    }
    strongest(search.found)
}

#[derive(Default)]
struct FinderSearch {
    found: Vec<Pattern>,
    /// Those that the rows to come may still see, and their places in `found`.
    open: Vec<(usize, Pattern)>,
    edges: Vec<i32>,
    /// Whether a finder pattern begins at each edge.
    finders: Vec<bool>,
    proposals: usize,
}

impl FinderSearch {
    fn forget_above(&mut self, y: u32) {
        self.open.retain(|(_, old)| old.centre[1] + old.module * 3.0 + 4.0 > y as f32);
    }

    /// Looks at one row.
    fn row(&mut self, picture: &BitMatrix, y: u32) {
        let mut edges = std::mem::take(&mut self.edges);
        edges_of_row(picture, y, &mut edges);
        let mut finders = std::mem::take(&mut self.finders);
        find_in_row(&edges, &mut finders);
        // Those that begin with a dark run.
        let dark = finders.iter().zip(edges.windows(6)).step_by(2);
        for window in dark.filter_map(|(&is_finder, window)| is_finder.then_some(window)) {
            let &[_, a, b, c, d, _] = window else { continue };
            self.proposals += 1;
            let across = (d - a) as f32 / 5.0;
            let middle_x = (b + c) as f32 / 2.0;
            let Some((middle_y, down)) = column(picture, middle_x, y, across, c - b) else { continue };
            let (low, high) = if across < down { (across, down) } else { (down, across) };
            if high > low * UNEVEN + 1.0 {
                continue;
            }
            self.add(Pattern { centre: [middle_x, middle_y], module: (across + down) / 2.0, hits: 1 });
        }
        (self.edges, self.finders) = (edges, finders);
    }

    /// Merges a proposal with the pattern it belongs to.
    fn add(&mut self, new: Pattern) {
        let is_same = |old: &Pattern| {
            let [dx, dy] = [old.centre[0] - new.centre[0], old.centre[1] - new.centre[1]];
            let (near, alike) = (old.module * 1.5, 1.6);
            dx * dx + dy * dy < near * near && new.module < old.module * alike && old.module < new.module * alike
        };
        if let Some((at, old)) = self.open.iter_mut().find(|(_, old)| is_same(old)) {
            let weight = 1.0 / (old.hits + 1) as f32;
            let blend = |old: f32, new: f32| old + (new - old) * weight;
            old.centre = [blend(old.centre[0], new.centre[0]), blend(old.centre[1], new.centre[1])];
            old.module = blend(old.module, new.module);
            old.hits += 1;
            if let Some(found) = self.found.get_mut(*at) {
                *found = *old;
            }
        } else if self.found.len() < MOST_PROPOSALS / 10 {
            self.open.push((self.found.len(), new));
            self.found.push(new);
        }
    }
}

fn strongest(mut found: Vec<Pattern>) -> Vec<Pattern> {
    // A pattern is seen by about three modules' worth of rows: noise by one or two.
    found.retain(|pattern| pattern.hits as f32 >= pattern.module.min(3.0) * 0.6);
    let weight = |pattern: &Pattern| (pattern.hits as f32 / pattern.module).min(4.0);
    found.sort_by(|a, b| weight(b).total_cmp(&weight(a)));
    found
}

/// Follows the column through a proposal: the middle of its dark square and the module height, where the column is a
/// finder pattern too, of about the size that it has `across` the row.
fn column(picture: &BitMatrix, x: f32, y: u32, across: f32, dark_width: i32) -> Option<(f32, f32)> {
    let x = (x as u32).min(picture.width() - 1);
    let height = picture.height() as i32;
    let longest = dark_width * 3 + 4;
    let run = |from: i32, step: i32, dark: bool| {
        let mut at = from;
        while at >= 0 && at < height && (at - from).abs() <= longest && picture.get(x, at as u32) == dark {
            at += step;
        }
        at
    };
    let y = y as i32;
    if !picture.get(x, y as u32) {
        return None;
    }
    let (top, bottom) = (run(y, -1, true), run(y, 1, true));
    // Most proposals fail here, and what a run rules out is known before the next is followed.
    let five = around(bottom - top - 1);
    let [least, most] = five.map(|five| five as f32 / 5.0);
    if across > most * UNEVEN + 1.0 || least > across * UNEVEN + 1.0 {
        return None;
    }
    let above = run(top, -1, false);
    if !may_be_light(top - above, five) {
        return None;
    }
    let below = run(bottom, 1, false);
    if !may_be_light(below - bottom, five) {
        return None;
    }
    let (end_above, end_below) = (run(above, -1, true), run(below, 1, true));
    let runs = [above - end_above, top - above, bottom - top - 1, below - bottom, end_below - below];
    is_finder(runs).then(|| ((top + bottom + 1) as f32 / 2.0, (below - above - 1) as f32 / 5.0))
}

wide! {
    /// Tells of each edge whether the five runs from it on are those of a finder pattern, light or dark.
    fn find_in_row(edges: &[i32], finders: &mut Vec<bool>) {
        let count = edges.len().saturating_sub(5);
        finders.clear();
        finders.resize(count, false);
        let from = |at: usize| edges.get(at..at + count).unwrap_or(&[]);
        let [left, a, b, c, d, right] = [0, 1, 2, 3, 4, 5].map(from);
        for (((((finder, left), a), b), (c, d)), right) in
            finders.iter_mut().zip(left).zip(a).zip(b).zip(c.iter().zip(d)).zip(right)
        {
            *finder = is_finder([a - left, b - a, c - b, d - c, right - d]);
        }
    }
}

/// Light, dark, light of 1:3:1 between two dark runs. The outer runs only have to be there: what lies beyond them may
/// be dark as well, where a code has no quiet zone.
///
/// In whole numbers: five modules are as long as the three runs between. The light runs may be off by 0.6 modules and
/// 0.6 pixels, the dark one by 1.4 times as much; the outer runs are 0.35 modules at least.
///
/// All of it is asked at once: no answer can be foretold, and runs are looked at several together.
#[inline(always)]
fn is_finder([before, a, b, c, after]: [i32; 5]) -> bool {
    let five = a + b + c;
    let slack = 3 * five + 15;
    ((25 * (5 * b - 3 * five)).abs() <= 7 * slack)
        & (5 * (5 * a - five).abs() <= slack)
        & (5 * (5 * c - five).abs() <= slack)
        & (five >= 5)
        & (100 * before.min(after) >= 7 * five)
}

/// How long the three inner runs of a finder pattern are together, at least and at most, where the dark one is that long.
fn around(dark: i32) -> [i32; 2] {
    [((125 * dark - 105).max(0) + 95) / 96, (125 * dark + 105) / 54]
}

/// Whether a light run of that length may be of a finder pattern whose inner runs are so long together.
fn may_be_light(run: i32, [least, most]: [i32; 2]) -> bool {
    25 * run <= 8 * most + 15 && 25 * run + 15 >= 2 * least
}

/// Where the colour changes along a row: the left edge of the first dark run, then each edge in turn.
fn edges_of_row(picture: &BitMatrix, y: u32, edges: &mut Vec<i32>) {
    const WORD: usize = usize::BITS as usize;
    edges.clear();
    let width = picture.width() as usize;
    let row = picture.getRow(y);
    let mut last_bit = 0;
    for (index, &word) in row.getBitArray().iter().take(width.div_ceil(WORD)).enumerate() {
        let mut changes = word ^ (word << 1 | last_bit);
        last_bit = word >> (WORD - 1);
        while changes != 0 {
            edges.push((index * WORD + changes.trailing_zeros() as usize) as i32);
            changes &= changes - 1;
        }
    }
    if edges.len() % 2 == 1 && edges.last().is_some_and(|&last| (last as usize) < width) {
        edges.push(width as i32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_finder_pattern_is_ruled_out_by_its_runs_one_by_one() {
        let lengths = || 1..60;
        for (a, b, c) in lengths().flat_map(|a| lengths().flat_map(move |b| lengths().map(move |c| (a, b, c)))) {
            if is_finder([99, a, b, c, 99]) {
                let five @ [least, most] = around(b);
                assert!((least..=most).contains(&(a + b + c)), "{a} {b} {c}");
                assert!(may_be_light(a, five) && may_be_light(c, five), "{a} {b} {c}");
            }
        }
        assert!(!may_be_light(30, around(6)) && !may_be_light(1, around(30)));
    }
}
