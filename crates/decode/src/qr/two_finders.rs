//! Codes of which one finder pattern is lost: torn off, covered, glared out, cut by a shadow or by the picture's edge.
//!
//! Two patterns and the timing pattern between them, or two far corners, say about where the third must be; there it is
//! searched on grey, with the timing patterns that lead to it.

use rxing::common::BitMatrix;

use super::super::clock::Deadline;
use super::finder::Pattern;
use super::fit::{self, OutlineView};
use super::frame::{CodeFrame, length};
use super::group::Group;
use super::plane::Plane;

/// Patterns that are paired, the most often seen first.
const MOST_PATTERNS: usize = 16;
/// Guesses whose third corner is searched.
const MOST_GUESSES: usize = 10;
/// Agreement of two patterns, and of the timing pattern between them, that is worth a search: of 110 codes that were read
/// only one had less than 0.65.
const LEAST_PROBE: f32 = 0.58;
/// Samples of the picture in one search.
const MOST_SAMPLES: f32 = 60_000.0;

/// Which corner is not there.
#[derive(Clone, Copy)]
enum Lost {
    TopLeft,
    TopRight,
    BottomLeft,
}

/// Two patterns as corners of a code, and where the third would be.
struct Guess {
    lost: Lost,
    /// Top left, top right, bottom left.
    corners: [Pattern; 3],
    side: usize,
    probe: f32,
}

/// Groups of two patterns and a corner found on grey, with the side that fits; the most plausible first.
pub(super) fn groups(
    plane: Plane<'_>,
    picture: &BitMatrix,
    patterns: &[Pattern],
    deadline: Deadline,
) -> Vec<(Group, usize)> {
    let seen: Vec<(Pattern, CodeFrame)> = patterns
        .iter()
        .filter_map(|pattern| Some((*pattern, CodeFrame::of(picture, pattern)?)))
        .take(MOST_PATTERNS)
        .collect();
    let mut guesses = Vec::new();
    for (index, p) in seen.iter().enumerate() {
        for (other, q) in seen.iter().enumerate() {
            if deadline.is_over() {
                return Vec::new();
            }
            if index != other {
                for lost in [Lost::BottomLeft, Lost::TopRight, Lost::TopLeft] {
                    guesses.extend(guess(plane, p, q, lost));
                }
            }
        }
    }
    guesses.sort_by(|a, b| b.probe.total_cmp(&a.probe));
    guesses.truncate(MOST_GUESSES);
    let mut groups: Vec<(f32, Group, usize)> = Vec::new();
    for guess in guesses {
        if deadline.is_over() {
            break;
        }
        groups.extend(guess.search(plane));
    }
    groups.sort_by(|a, b| b.0.total_cmp(&a.0));
    groups.into_iter().map(|(_, group, side)| (group, side)).collect()
}

/// The best guess with `p` and `q` as the two corners that are there: top left first, or top right where that is lost.
fn guess(plane: Plane<'_>, p: &(Pattern, CodeFrame), q: &(Pattern, CodeFrame), lost: Lost) -> Option<Guess> {
    let way = [q.0.centre[0] - p.0.centre[0], q.0.centre[1] - p.0.centre[1]];
    let along = match lost {
        Lost::BottomLeft => [1.0, 0.0],
        Lost::TopRight => [0.0, 1.0],
        Lost::TopLeft => [-1.0, 1.0],
    };
    let (at_p, at_q) = (p.1.turned(along, way)?, q.1.turned(along, way)?);
    if !at_p.is_like(&at_q) {
        return None;
    }
    let [step_p, step_q] = [&at_p, &at_q].map(|axes| length(axes.along(along)));
    let modules = length(way) * 2.0 / (step_p + step_q);
    if !(10.0..230.0).contains(&modules) {
        return None;
    }
    let moved = |from: &Pattern, [x, y]: [f32; 2], by: f32| [from.centre[0] + x * by, from.centre[1] + y * by];
    let corner = match lost {
        Lost::BottomLeft => moved(&p.0, at_p.down, modules),
        Lost::TopRight => moved(&p.0, at_p.right, modules),
        Lost::TopLeft => {
            let (a, b) = (moved(&p.0, at_p.right, -modules), moved(&q.0, at_q.down, -modules));
            [(a[0] + b[0]) / 2.0, (a[1] + b[1]) / 2.0]
        }
    };
    let third = Pattern { centre: corner, module: (p.0.module + q.0.module) / 2.0, hits: 0 };
    let corners = match lost {
        Lost::BottomLeft => [p.0, q.0, third],
        Lost::TopRight => [p.0, third, q.0],
        Lost::TopLeft => [third, p.0, q.0],
    };
    let nearest = ((modules - 10.0) / 4.0).round() as i32;
    let reach = 1 + (modules / 60.0) as i32;
    (nearest - reach..=nearest + reach)
        .filter(|version| (1..=40).contains(version))
        .filter_map(|version| {
            let side = version as usize * 4 + 17;
            let template = fit::template(side)?;
            // What leads from one of the two to the other.
            let there: &'static [usize] = match lost {
                Lost::BottomLeft => &[0, 1, 3],
                Lost::TopRight => &[0, 2, 4],
                Lost::TopLeft => &[1, 2],
            };
            let patches = there.iter().filter_map(|&index| template.patches.get(index));
            let probe = OutlineView { plane, anchors: anchors(&corners), module: third.module }.probe(
                patches,
                LEAST_PROBE,
                f32::MIN,
            );
            Some(Guess { lost, corners, side, probe })
        })
        .filter(|guess| guess.probe >= LEAST_PROBE)
        .max_by(|a, b| a.probe.total_cmp(&b.probe))
}

/// The corners of a flat code, clockwise from the top left.
fn anchors(corners: &[Pattern; 3]) -> [[f32; 2]; 4] {
    let [top_left, top_right, bottom_left] = corners.map(|corner| corner.centre);
    let square = [top_right[0] + bottom_left[0] - top_left[0], top_right[1] + bottom_left[1] - top_left[1]];
    [top_left, top_right, square, bottom_left]
}

impl Guess {
    /// Looks for the lost corner around where it should be.
    fn search(&self, plane: Plane<'_>) -> Option<(f32, Group, usize)> {
        let patches = fit::template(self.side)?.patches.get(..5)?;
        let [top_left, top_right, bottom_left] = self.corners.map(|corner| corner.centre);
        let reach = (self.side - 7) as f32;
        let step = |to: [f32; 2]| [(to[0] - top_left[0]) / reach, (to[1] - top_left[1]) / reach];
        let (right, down) = (step(top_right), step(bottom_left));
        let module = (right[0] * down[1] - right[1] * down[0]).abs().sqrt();
        let samples: usize = patches.iter().map(|patch| patch.modules.len()).sum();
        let affordable = (MOST_SAMPLES / samples as f32).sqrt() / 2.0;
        let far = (reach * 0.2 + 2.0).min(affordable) as i32;
        let mut best: (f32, Option<[Pattern; 3]>) = (LEAST_FOUND, None);
        let mut steps: Vec<(i32, i32)> = (-far..=far).flat_map(|y| (-far..=far).map(move |x| (x, y))).collect();
        // The nearest first: what is found early bounds what must be looked at.
        steps.sort_by_key(|(x, y)| x.abs() + y.abs());
        for (columns, rows) in steps.into_iter().map(|(x, y)| (x as f32, y as f32)) {
            let mut corners = self.corners;
            let [a, b, c] = &mut corners;
            let lost = match self.lost {
                Lost::TopLeft => a,
                Lost::TopRight => b,
                Lost::BottomLeft => c,
            };
            lost.centre[0] += right[0] * columns + down[0] * rows;
            lost.centre[1] += right[1] * columns + down[1] * rows;
            // Of two places that agree alike the expected one is right.
            let malus = 0.004 * (columns.abs() + rows.abs());
            let look = OutlineView { plane, anchors: anchors(&corners), module };
            // The timing patterns change most from place to place, and tell soonest that it is the wrong one.
            let Some(score) = look.score_above(patches.iter().rev(), best.0 + malus) else { continue };
            if score - malus > best.0 {
                best = (score - malus, Some(corners));
            }
        }
        let (score, [top_left, top_right, bottom_left]) = (best.0, best.1?);
        Some((score, Group::guessed(top_left, top_right, bottom_left), self.side))
    }
}

/// Agreement of two finder patterns and the timing patterns with the third corner found.
const LEAST_FOUND: f32 = 0.4;
