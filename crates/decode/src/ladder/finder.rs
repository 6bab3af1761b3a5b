//! Finder patterns: the three nested squares in the corners of a code, 1:1:3:1:1 along any line through their middle.
//!
//! rxing has this search too, but compares each pattern with all others and never looks at the clock: a picture made of
//! nothing but finder patterns keeps it busy for hours. Here both are bounded, and rows are cut into runs word by word.

use rxing::Point;
use rxing::common::BitMatrix;
use rxing::common::cpp_essentials::ConcentricPattern;

use super::super::clock::Deadline;
use super::super::wide::wide;
use super::concentric;

/// Every third row: the middle square of the smallest pattern worth reading is three rows high.
const ROW_STEP: usize = 3;
/// Patterns looked for in one picture, enough for 600 codes.
pub(super) const MOST_PATTERNS: usize = 2_000;

/// The dark finder patterns of a picture, but for those whose middle is in a code that was read.
pub(super) fn find(
    picture: &BitMatrix,
    deadline: Deadline,
    is_read: &dyn Fn([f32; 2]) -> bool,
) -> Vec<ConcentricPattern> {
    let mut found: Vec<ConcentricPattern> = Vec::new();
    // Those that the rows to come may still cross.
    let mut open: Vec<ConcentricPattern> = Vec::new();
    let mut edges = vec![0; picture.width() as usize + WORD + 1];
    let mut likely = vec![false; edges.len()];
    for y in (ROW_STEP as u32 - 1..picture.height()).step_by(ROW_STEP) {
        if deadline.is_over() {
            break;
        }
        open.retain(|known| known.p.y + known.size as f32 / 2.0 > y as f32);
        let count = edges_of_row(picture.getRow(y).getBitArray(), picture.width() as usize, &mut edges);
        let edges = edges.get(..count).unwrap_or(&[]);
        find_likely(edges, &mut likely);
        // From the left edge of each dark run: dark, light, dark, light, dark.
        let dark = edges.windows(6).zip(&likely).step_by(2);
        for window in dark.filter_map(|(window, &is_likely)| is_likely.then_some(window)) {
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
            if let Some(pattern) = concentric::locate(picture, [middle.x as u32, y], range) {
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

/// Where the colour changes along a row of so many pixels: the left edge of the first dark run, then each edge in turn. A dark
/// run at the end of the row ends there. Returns how many edges there are.
///
/// A word of the row has as many as it has: so some are put down at once, of which those that there are not are put down over.
fn edges_of_row(row: &[usize], width: usize, edges: &mut [u16]) -> usize {
    const AT_ONCE: usize = 8;
    let (mut count, mut last_bit) = (0, 0);
    for (index, &word) in row.iter().take(width.div_ceil(WORD)).enumerate() {
        let mut changes = word ^ (word << 1 | last_bit);
        last_bit = word >> (WORD - 1);
        let after = count + changes.count_ones() as usize;
        while count < after {
            let Some(next) = edges.get_mut(count..).and_then(<[u16]>::first_chunk_mut::<AT_ONCE>) else { return count };
            for edge in next {
                // Where there is no more, any number does.
                *edge = (index * WORD + (changes | 1 << (WORD - 1)).trailing_zeros() as usize) as u16;
                changes &= changes.wrapping_sub(1);
            }
            count += AT_ONCE;
        }
        count = after;
    }
    if count % 2 == 1
        && let Some([last, end]) = edges.get_mut(count - 1..=count)
        && usize::from(*last) < width
    {
        *end = width as u16;
        count += 1;
    }
    count
}

const WORD: usize = usize::BITS as usize;

wide! {
    /// Tells of each edge whether the five runs from it on, dark or light, may be those of a finder pattern: what
    /// [`is_finder`] asks first, of many at once.
    fn find_likely(edges: &[u16], likely: &mut [bool]) {
        let count = edges.len().saturating_sub(5);
        let from = |at: usize| edges.get(at..at + count).unwrap_or(&[]);
        let [left, a, b, c, d, right] = [0, 1, 2, 3, 4, 5].map(from);
        for (((((likely, left), a), b), (c, d)), right) in
            likely.iter_mut().zip(left).zip(a).zip(b).zip(c.iter().zip(d)).zip(right)
        {
            let [before, first, middle, second, after] = [a - left, b - a, c - b, d - c, right - d];
            *likely = is_dark_enough(before, first, middle, second, after);
        }
    }
}

/// Whether the middle run is as much longer than the others as the middle of a finder pattern is at least.
#[inline(always)]
fn is_dark_enough(a: u16, b: u16, c: u16, d: u16, e: u16) -> bool {
    (c >= 3) & (c / 2 >= a.max(e)) & (c >= b.max(d))
}

/// Whether five runs are near enough to 1:1:3:1:1. Dark and light are measured each on its own, as print and light make
/// one swell over the other.
fn is_finder(runs: [u16; 5]) -> bool {
    let [a, b, c, d, e] = runs;
    if !is_dark_enough(a, b, c, d, e) {
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

    fn edges_of(picture: &BitMatrix) -> Vec<u16> {
        let mut edges = vec![9; picture.width() as usize + WORD + 1];
        let count = edges_of_row(picture.getRow(0).getBitArray(), picture.width() as usize, &mut edges);
        edges[..count].to_vec()
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
        assert_eq!(edges_of(&matrix), [3, 5, 60, 70, 128, 130]);
        assert_eq!(edges_of(&picture(64, 1, |_, _| true)), [0, 64]);
        assert_eq!(edges_of(&picture(131, 1, |x, _| x % 2 == 0)), (0..132).collect::<Vec<u16>>());
        assert_eq!(edges_of(&picture(131, 1, |x, _| x % 2 == 1)), (1..131).collect::<Vec<u16>>());
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
