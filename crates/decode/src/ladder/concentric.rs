//! Whether a finder pattern is at a place, and where exactly: rxing's rules and its numbers.
//!
//! rxing finds each pixel on the way by its number in the picture, a division a step, and this is asked of all that looks
//! like a finder pattern along one row. Here a step is a step; only what passes all four lines goes on to rxing's rings.

use rxing::Point;
use rxing::common::BitMatrix;
use rxing::common::cpp_essentials::{ConcentricPattern, FinetuneConcentricPatternCenter};

/// The runs of a line through the middle.
const RUNS: usize = 5;

/// The finder pattern around a dark pixel, of which no line from the middle is longer than `range` along a row or a
/// column.
pub(super) fn locate(picture: &BitMatrix, at: [u32; 2], range: i32) -> Option<ConcentricPattern> {
    let mut centre = at.map(|at| at as i32);
    let (mut least, mut most) = (picture.width() as i32, 0);
    for (direction, range, moves) in
        [([0, 1], range, true), ([1, 0], range, true), ([1, 1], range * 2, false), ([1, -1], range * 2, false)]
    {
        let (length, off) = line(picture, centre, direction, range)?;
        (least, most) = (least.min(length), most.max(length));
        if moves {
            centre = [0, 1].map(|axis| centre[axis] + off * direction[axis]);
        }
    }
    if most > 5 * least {
        return None;
    }
    let near = Point { x: centre[0] as f32, y: centre[1] as f32 };
    let middle = FinetuneConcentricPatternCenter(picture, near, range, RUNS as u32)?;
    Some(ConcentricPattern { p: middle, size: (most + least) / 2 })
}

/// How long a finder pattern is along a line through it, and how far its middle is from there.
fn line(picture: &BitMatrix, from: [i32; 2], [dx, dy]: [i32; 2], range: i32) -> Option<(i32, i32)> {
    let mut forward = Walk::new(picture, from, [dx, dy]);
    let mut back = Walk::new(picture, from, [-dx, -dy]);
    let (ahead, behind) = (forward.run(range)?, back.run(range)?);
    // The first pixel was counted twice.
    let middle = ahead + behind - 1;
    let mut left = range - middle;
    let mut run = |walk: &mut Walk| {
        let run = walk.run(left)?;
        left -= run;
        Some(run)
    };
    let (c, b) = (run(&mut forward)?, run(&mut back)?);
    let (d, a) = (run(&mut forward)?, run(&mut back)?);
    let runs = [a, b, middle, c, d];
    is_finder(runs).then(|| (runs.iter().sum(), middle / 2 - (behind - 1)))
}

/// A walk in a straight line, from one edge to the next.
struct Walk<'a> {
    picture: &'a BitMatrix,
    at: [i32; 2],
    step: [i32; 2],
    /// Steps to the last pixel of the picture. Beyond it every run has one.
    left: i32,
}

impl<'a> Walk<'a> {
    fn new(picture: &'a BitMatrix, at: [i32; 2], step: [i32; 2]) -> Walk<'a> {
        let last = [picture.width() as i32 - 1, picture.height() as i32 - 1];
        let left = [0, 1].map(|axis| match step[axis] {
            0 => i32::MAX,
            1.. => last[axis] - at[axis],
            _ => at[axis],
        });
        Walk { picture, at, step, left: left[0].min(left[1]) }
    }

    /// Steps to the next edge, or out of the picture; `None` where it is farther than `range`.
    fn run(&mut self, range: i32) -> Option<i32> {
        let most = self.left.min(range);
        let colour = self.is_dark();
        let mut steps = 0;
        loop {
            steps += 1;
            self.at = [0, 1].map(|axis| self.at[axis] + self.step[axis]);
            if steps > most {
                if most != self.left {
                    return None;
                }
                break;
            }
            if self.is_dark() != colour {
                break;
            }
        }
        self.left -= steps;
        Some(steps)
    }

    fn is_dark(&self) -> bool {
        self.picture.get(self.at[0] as u32, self.at[1] as u32)
    }
}

/// Whether the runs are near enough to 1:1:3:1:1, dark and light each on their own. With 64 bits, as rxing has it: the rows'
/// own question in `finder` has 32, and runs at the very edge of the slack may pass one and not the other.
fn is_finder(runs: [i32; RUNS]) -> bool {
    let runs = runs.map(f64::from);
    let [a, b, c, d, e] = runs;
    let (dark, light) = ((a + c + e) / 5.0, (b + d) / 2.0);
    let (dark_slack, light_slack) = (dark * 0.75 + 0.5, light / 3.0 + 0.5);
    dark.max(light) <= 4.0 * dark.min(light)
        && [a - dark, c - 3.0 * dark, e - dark].iter().all(|off| off.abs() <= dark_slack)
        && [b - light, d - light].iter().all(|off| off.abs() <= light_slack)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rxing::common::cpp_essentials::LocateConcentricPattern;

    /// Rings of some widths around a middle, with some pixels turned over.
    fn picture(
        size: [u32; 2],
        middle: [f32; 2],
        [wide, high]: [f32; 2],
        turn: f32,
        turned: &[(u32, u32)],
    ) -> BitMatrix {
        let mut picture = BitMatrix::new(size[0], size[1]).unwrap();
        let (sin, cos) = turn.sin_cos();
        for (x, y) in (0..size[1]).flat_map(|y| (0..size[0]).map(move |x| (x, y))) {
            let [dx, dy] = [x as f32 - middle[0], y as f32 - middle[1]];
            let ring = ((dx * cos + dy * sin) / wide).abs().max(((dy * cos - dx * sin) / high).abs());
            if ring < 1.5 || (2.5..3.5).contains(&ring) || ring > 6.0 {
                picture.set(x, y);
            }
        }
        for &(x, y) in turned {
            picture.flip_coords(x % size[0], y % size[1]);
        }
        picture
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn what_is_found_is_what_rxing_finds(
            size in prop::array::uniform2(21u32..120), middle in prop::array::uniform2(-5f32..125.0),
            module in prop::array::uniform2(1f32..9.0), turn in 0f32..1.6, range in 3i32..300,
            off in prop::array::uniform2(-3f32..3.0), turned in prop::collection::vec((0u32..120, 0u32..120), 0..9),
        ) {
            let picture = picture(size, middle, module, turn, &turned);
            let at = [0, 1].map(|axis| (middle[axis] + off[axis]).clamp(0.0, size[axis] as f32 - 1.0) as u32);
            let near = Point { x: at[0] as f32, y: at[1] as f32 + 0.5 };
            let expected = LocateConcentricPattern::<true, 5, 7>(&picture, &[1, 1, 3, 1, 1], near, range);
            prop_assert_eq!(locate(&picture, at, range), expected);
        }
    }
}
