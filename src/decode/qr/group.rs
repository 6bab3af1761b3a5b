//! Three finder patterns that may be the corners of one code.

use rxing::common::BitMatrix;

use super::finder::Pattern;
use super::frame;

/// Three patterns: top left, top right and bottom left of a code that is not mirrored.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group {
    pub top_left: Pattern,
    pub top_right: Pattern,
    pub bottom_left: Pattern,
    /// The fourth corner, where the patterns say that the code is seen in perspective.
    pub aside: Option<[f32; 2]>,
    /// Modules from the top left pattern to the other two.
    apart: [f32; 2],
    /// How far from what a code looks like: less is more plausible.
    flaw: f32,
}

/// Every group that could be a code, the most plausible first.
pub(super) fn plausible(picture: &BitMatrix, patterns: &[Pattern], most: usize) -> Vec<Group> {
    let mut groups = Vec::new();
    for (index, a) in patterns.iter().enumerate() {
        for (offset, b) in patterns.iter().enumerate().skip(index + 1) {
            if !alike(a, b) {
                continue;
            }
            for c in patterns.iter().skip(offset + 1).filter(|c| alike(a, c) && alike(b, c)) {
                let corners = [(a, b, c), (b, a, c), (c, a, b)];
                groups.extend(corners.into_iter().filter_map(|(tl, p, q)| Group::of(picture, tl, p, q)));
            }
        }
    }
    groups.sort_by(|a, b| a.flaw.total_cmp(&b.flaw));
    groups.truncate(most);
    groups
}

fn alike(a: &Pattern, b: &Pattern) -> bool {
    a.module < b.module * 2.2 && b.module < a.module * 2.2
}

fn from_to(a: &Pattern, b: &Pattern) -> [f32; 2] {
    [b.centre[0] - a.centre[0], b.centre[1] - a.centre[1]]
}

/// The longest way from a pattern's middle to its outer edge, in modules as a row and a column see them: aslant and
/// seen from the side it is more than 3.5.
const LONGEST_REACH: f32 = 9.0;

/// Pixels a module in the direction of `way` (of length 1) through a pattern, from its outer dark edges.
fn module_along(picture: &BitMatrix, pattern: &Pattern, way: [f32; 2]) -> Option<f32> {
    let is_dark = |x: f32, y: f32| {
        let inside = x >= 0.0 && y >= 0.0 && x < picture.width() as f32 && y < picture.height() as f32;
        inside && picture.get(x as u32, y as u32)
    };
    let edge = |turn: f32| {
        let mut dark = true;
        let mut edges = 0;
        let mut inner = 0.0;
        for step in 1..(LONGEST_REACH * pattern.module * 2.0) as i32 {
            let way_off = step as f32 / 2.0 * turn;
            if is_dark(pattern.centre[0] + way[0] * way_off, pattern.centre[1] + way[1] * way_off) != dark {
                dark = !dark;
                edges += 1;
                match edges {
                    2 => inner = step as f32 / 2.0,
                    3 => return Some((inner, step as f32 / 2.0)),
                    _ => {}
                }
            }
        }
        // No quiet zone: the light ring ends 2.5 modules out.
        (edges == 2).then_some((inner, inner * 1.4))
    };
    let ((inner_1, outer_1), (inner_2, outer_2)) = (edge(1.0)?, edge(-1.0)?);
    let (inner, outer) = ((inner_1 + inner_2) / 5.0, (outer_1 + outer_2) / 7.0);
    // Where both agree the outer edge is the better measure; where not, something touches it.
    Some(if (outer - inner).abs() < inner * 0.2 { outer } else { inner })
}

/// Modules between two patterns, by the size that each has in the other's direction.
fn modules_apart(picture: &BitMatrix, a: &Pattern, b: &Pattern) -> Option<f32> {
    let [dx, dy] = from_to(a, b);
    let length = dx.hypot(dy).max(1e-3);
    let way = [dx / length, dy / length];
    let (at_a, at_b) = (module_along(picture, a, way)?, module_along(picture, b, way)?);
    (at_a < at_b * 2.5 && at_b < at_a * 2.5).then_some(length * 2.0 / (at_a + at_b))
}

impl Group {
    fn of(picture: &BitMatrix, top_left: &Pattern, p: &Pattern, q: &Pattern) -> Option<Group> {
        let (to_p, to_q) = (from_to(top_left, p), from_to(top_left, q));
        let (length_p, length_q) = (to_p[0].hypot(to_p[1]), to_q[0].hypot(to_q[1]));
        let (short, long) = if length_p < length_q { (length_p, length_q) } else { (length_q, length_p) };
        let cosine = (to_p[0] * to_q[0] + to_p[1] * to_q[1]) / (length_p * length_q).max(1e-3);
        if short < 8.0 || long > short * 3.0 || cosine.abs() > 0.75 {
            return None;
        }
        let clockwise = to_p[0] * to_q[1] - to_p[1] * to_q[0] > 0.0;
        let (top_right, bottom_left) = if clockwise { (*p, *q) } else { (*q, *p) };
        let apart = [modules_apart(picture, top_left, &top_right)?, modules_apart(picture, top_left, &bottom_left)?];
        let [low, high] = if apart[0] < apart[1] { apart } else { [apart[1], apart[0]] };
        if low < 10.0 || high > 230.0 || high > low * 1.4 {
            return None;
        }
        let sizes = [top_left.module, p.module, q.module];
        let spread = sizes.into_iter().fold(0.0, f32::max) / sizes.into_iter().fold(f32::MAX, f32::min).max(1e-3);
        let hits: f32 = [top_left, p, q].iter().map(|pattern| (pattern.hits as f32 / pattern.module).min(3.0)).sum();
        let flaw = cosine.abs()
            + (high / low - 1.0) * 2.0
            + (long / short - 1.0) * 0.5
            + (spread - 1.0)
            + (9.0 - hits) * 0.1
            // Patterns of far-apart codes make large squares too.
            + high / 177.0;
        Some(Group { top_left: *top_left, top_right, bottom_left, aside: None, apart, flaw })
    }

    /// The same with its fourth corner as the patterns' shapes tell it.
    pub(super) fn seen_aside(self, picture: &BitMatrix) -> Group {
        let aside = frame::fourth(picture, &self.top_left, &self.top_right, &self.bottom_left);
        Group { aside, ..self }
    }

    /// A group of which one corner was guessed.
    pub(super) fn guessed(top_left: Pattern, top_right: Pattern, bottom_left: Pattern) -> Group {
        Group { top_left, top_right, bottom_left, aside: None, apart: [0.0; 2], flaw: 0.0 }
    }

    /// Sides in modules worth trying, the likeliest first.
    pub(super) fn dimensions(&self) -> Vec<usize> {
        let [across, down] = self.apart;
        let guess = (across + down) / 2.0 + 7.0;
        let nearest = ((guess - 17.0) / 4.0).round();
        // The error of the guess grows with it.
        let reach = 1 + (guess / 60.0) as i32;
        let mut versions: Vec<i32> = (-reach..=reach).map(|step| nearest as i32 + step).collect();
        versions.sort_by_key(|version| (((*version * 4 + 17) as f32 - guess).abs() * 16.0) as i32);
        versions
            .into_iter()
            .filter(|version| (1..=40).contains(version))
            .map(|version| version as usize * 4 + 17)
            .collect()
    }

    /// The middles of the three patterns.
    pub(super) fn corners(&self) -> [[f32; 2]; 3] {
        [self.top_left.centre, self.top_right.centre, self.bottom_left.centre]
    }

    /// The middle between the far corners.
    pub(super) fn middle(&self) -> [f32; 2] {
        let ([x0, y0], [x1, y1]) = (self.top_right.centre, self.bottom_left.centre);
        [(x0 + x1) / 2.0, (y0 + y1) / 2.0]
    }
}
