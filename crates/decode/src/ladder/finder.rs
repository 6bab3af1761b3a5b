//! Finder patterns: the three nested squares in the corners of a code, 1:1:3:1:1 along any line through their middle.
//!
//! rxing has this search too, but compares each pattern with all others and never looks at the clock: a picture made of
//! nothing but finder patterns keeps it busy for hours. Here both are bounded, and rows are cut into runs word by word.

use rxing::Point;
use rxing::common::BitMatrix;
use rxing::common::cpp_essentials::{ConcentricPattern, LocateConcentricPattern};

use super::super::clock::Deadline;

/// Every third row: the middle square of the smallest pattern worth reading is three rows high.
const ROW_STEP: usize = 3;
/// Patterns looked for in one picture, enough for 600 codes.
pub(super) const MOST_PATTERNS: usize = 2_000;
const RATIOS: [u16; 5] = [1, 1, 3, 1, 1];

/// The dark finder patterns of a picture, but for those whose middle is in a code that was read.
pub(super) fn find(
    picture: &BitMatrix,
    deadline: Deadline,
    is_read: &dyn Fn([f32; 2]) -> bool,
) -> Vec<ConcentricPattern> {
    let mut found: Vec<ConcentricPattern> = Vec::new();
    // Those that the rows to come may still cross.
    let mut open: Vec<ConcentricPattern> = Vec::new();
    let mut edges = Vec::new();
    for y in (ROW_STEP as u32 - 1..picture.height()).step_by(ROW_STEP) {
        if deadline.is_over() {
            break;
        }
        open.retain(|known| known.p.y + known.size as f32 / 2.0 > y as f32);
        edges_of_row(picture, y, &mut edges);
        // From the left edge of each dark run: dark, light, dark, light, dark.
        for window in edges.windows(6).step_by(2) {
            let &[left, a, b, c, d, right] = window else { continue };
            let runs = [a - left, b - a, c - b, d - c, right - d];
            if !is_finder(runs) {
                continue;
            }
            let middle = Point { x: f32::from(b) + f32::from(c - b) / 2.0, y: y as f32 + 0.5 };
            let is_known = |known: &ConcentricPattern| Point::distance(middle, known.p) < known.size as f32 / 2.0;
            if open.iter().any(is_known) || is_read([middle.x, middle.y]) {
                continue;
            }
            // Three times its width, for patterns seen very much from the side.
            let range = i32::from(right - left) * 3;
            if let Some(pattern) = LocateConcentricPattern::<true, 5, 7>(picture, &RATIOS, middle, range) {
                found.push(pattern);
                open.push(pattern);
                if found.len() == MOST_PATTERNS {
                    return found;
                }
            }
        }
    }
    found
}

/// Where the colour changes along a row: the left edge of the first dark run, then each edge in turn. A dark run at the
/// end of the row ends there.
fn edges_of_row(picture: &BitMatrix, y: u32, edges: &mut Vec<u16>) {
    edges.clear();
    let width = picture.width() as usize;
    let row = picture.getRow(y);
    let words = row.getBitArray().iter().take(width.div_ceil(WORD));
    let mut last_bit = 0;
    for (index, &word) in words.enumerate() {
        let mut changes = word ^ (word << 1 | last_bit);
        last_bit = word >> (WORD - 1);
        while changes != 0 {
            edges.push((index * WORD + changes.trailing_zeros() as usize) as u16);
            changes &= changes - 1;
        }
    }
    if edges.len() % 2 == 1 && edges.last().is_some_and(|&last| usize::from(last) < width) {
        edges.push(width as u16);
    }
}

const WORD: usize = usize::BITS as usize;

/// Whether five runs are near enough to 1:1:3:1:1. Dark and light are measured each on its own, as print and light make
/// one swell over the other.
fn is_finder(runs: [u16; 5]) -> bool {
    let [a, b, c, d, e] = runs;
    if c < 3 || c < 2 * a.max(e) || c < b.max(d) {
        return false;
    }
    let [a, b, c, d, e] = runs.map(f32::from);
    let dark = (a + c + e) / 5.0;
    let light = (b + d) / 2.0;
    let (dark_slack, light_slack) = (dark * 0.75 + 0.5, light / 3.0 + 0.5);
    dark.max(light) <= 4.0 * dark.min(light)
        && [a - dark, c - 3.0 * dark, e - dark].iter().all(|off| off.abs() <= dark_slack)
        && [b - light, d - light].iter().all(|off| off.abs() <= light_slack)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn picture(width: u32, height: u32, dark: impl Fn(u32, u32) -> bool) -> BitMatrix {
        let mut matrix = BitMatrix::new(width, height).unwrap();
        for (x, y) in (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).filter(|&(x, y)| dark(x, y)) {
            matrix.set(x, y);
        }
        matrix
    }

    /// A finder pattern of 7 x 7 modules of `module` pixels at the origin.
    fn pattern(x: u32, y: u32, module: u32) -> bool {
        let (x, y) = (x / module, y / module);
        let ring = x.min(6 - x.min(6)).min(y.min(6 - y.min(6)));
        x < 7 && y < 7 && ring != 1
    }

    #[test]
    fn edges_come_in_pairs_over_word_borders_and_row_ends() {
        let matrix = picture(130, 1, |x, _| (3..5).contains(&x) || (60..70).contains(&x) || x >= 128);
        let mut edges = vec![9];
        edges_of_row(&matrix, 0, &mut edges);
        assert_eq!(edges, [3, 5, 60, 70, 128, 130]);
        edges_of_row(&picture(64, 1, |_, _| true), 0, &mut edges);
        assert_eq!(edges, [0, 64]);
    }

    #[test]
    fn finds_each_pattern_once_at_the_border_too() {
        let at = |x: u32, y: u32, left: u32, top: u32| x >= left && y >= top && pattern(x - left, y - top, 4);
        let matrix = picture(200, 120, |x, y| at(x, y, 0, 0) || at(x, y, 100, 50) || at(x, y, 172, 92));
        let found = find(&matrix, Deadline::after(Duration::from_secs(60)), &|_| false);
        assert_eq!(find(&matrix, Deadline::after(Duration::from_secs(60)), &|[x, _]| x < 90.0).len(), 2);
        let mut centres: Vec<_> =
            found.iter().map(|found| (found.p.x.round() as u32, found.p.y.round() as u32)).collect();
        centres.sort();
        assert_eq!(centres, [(14, 14), (114, 64), (186, 106)]);
    }

    #[test]
    fn a_picture_of_nothing_but_patterns_is_bounded() {
        let matrix = picture(600, 600, |x, y| pattern(x % 9, y % 9, 1));
        assert_eq!(find(&matrix, Deadline::after(Duration::from_secs(60)), &|_| false).len(), MOST_PATTERNS);
        assert!(find(&matrix, Deadline::after(Duration::ZERO), &|_| false).is_empty());
    }
}
