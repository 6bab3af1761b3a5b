//! Three finder patterns that may be the corners of one code.

use rxing::common::BitMatrix;

use super::finder::Pattern;
use super::frame::Frames;
use super::ray::{self, STRIDE};

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
}

/// Every group that could be a code, the most plausible first.
pub(super) fn plausible(picture: &BitMatrix, patterns: &[Pattern], most: usize) -> Vec<Group> {
    // Each pair is in many groups, and its distance is what takes time: it is measured once.
    let mut partners: Vec<Vec<(usize, Pair)>> = vec![Vec::new(); patterns.len()];
    for (index, a) in patterns.iter().enumerate() {
        for (other, b) in patterns.iter().enumerate().skip(index + 1) {
            let Some(pair) = Pair::of(picture, a, b) else { continue };
            for (at, partner) in [(index, other), (other, index)] {
                if let Some(partners) = partners.get_mut(at) {
                    partners.push((partner, pair));
                }
            }
        }
    }
    // There may be thousands: only the best are worth more than their rank.
    let mut ranked: Vec<(f32, [&Pattern; 3], [Pair; 2])> = Vec::new();
    for (top_left, partners) in patterns.iter().zip(&partners) {
        for (index, &(p, to_p)) in partners.iter().enumerate() {
            for &(q, to_q) in partners.iter().skip(index + 1) {
                let (Some(p), Some(q)) = (patterns.get(p), patterns.get(q)) else { continue };
                let (corners, pairs) = ([top_left, p, q], [to_p, to_q]);
                ranked.extend(flaw(corners, pairs).map(|flaw| (flaw, corners, pairs)));
            }
        }
    }
    if ranked.len() > most {
        ranked.select_nth_unstable_by(most, |a, b| a.0.total_cmp(&b.0));
        ranked.truncate(most);
    }
    ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
    ranked.into_iter().map(|(_, corners, pairs)| Group::of(corners, pairs)).collect()
}

/// Two patterns that may belong to one code.
#[derive(Clone, Copy, Debug)]
struct Pair {
    /// Pixels from one to the other.
    length: f32,
    /// The same in modules.
    modules: f32,
}

impl Pair {
    fn of(picture: &BitMatrix, a: &Pattern, b: &Pattern) -> Option<Pair> {
        let [dx, dy] = from_to(a, b);
        let length = dx.hypot(dy);
        // What no group may hold needs no measuring: the module is seen within these bounds of the patterns' own.
        if !alike(a, b) || length < SHORTEST {
            return None;
        }
        let modules = modules_apart(picture, a, b)?;
        (NARROWEST..=WIDEST).contains(&modules).then_some(Pair { length, modules })
    }
}

/// Pixels between two patterns of one code, at least.
const SHORTEST: f32 = 8.0;
/// Modules between two patterns of one code: 14 to 170, measured from an angle.
const NARROWEST: f32 = 10.0;
const WIDEST: f32 = 230.0;

fn alike(a: &Pattern, b: &Pattern) -> bool {
    a.module < b.module * 3.0 && b.module < a.module * 3.0
}

fn ordered(a: f32, b: f32) -> (f32, f32) {
    if a < b { (a, b) } else { (b, a) }
}

fn from_to(a: &Pattern, b: &Pattern) -> [f32; 2] {
    [b.centre[0] - a.centre[0], b.centre[1] - a.centre[1]]
}

/// The longest way from a pattern's middle to its outer edge, in modules as a row and a column see them: aslant and
/// seen from the side it is more than 3.5.
const LONGEST_REACH: f32 = 9.0;

/// Pixels a module in the direction of `way` (of length 1) through a pattern, from its outer dark edges.
fn module_along(picture: &BitMatrix, pattern: &Pattern, way: [f32; 2]) -> Option<f32> {
    let most = (LONGEST_REACH * pattern.module / STRIDE) as usize;
    let edge = |way: [f32; 2]| {
        let mut dark = true;
        let mut edges = 0;
        let mut inner = 0.0;
        for (index, now) in ray::walk(picture, pattern.centre, way).take(most).enumerate() {
            if now == dark {
                continue;
            }
            dark = now;
            edges += 1;
            let far = (index + 1) as f32 * STRIDE;
            match edges {
                2 => inner = far,
                3 => return Some((inner, far)),
                _ => {}
            }
        }
        // No quiet zone: the light ring ends 2.5 modules out.
        (edges == 2).then_some((inner, inner * 1.4))
    };
    let ((inner_1, outer_1), (inner_2, outer_2)) = (edge(way)?, edge(way.map(|along| -along))?);
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
    // In perspective sizes grow along the line so that their geometric mean is the right one.
    (at_a < at_b * 3.0 && at_b < at_a * 3.0).then_some(length / (at_a * at_b).sqrt())
}

/// How far three patterns, the first in the corner, are from what a code looks like: less is more plausible.
fn flaw([top_left, p, q]: [&Pattern; 3], [pair_p, pair_q]: [Pair; 2]) -> Option<f32> {
    if !alike(p, q) {
        return None;
    }
    let (to_p, to_q) = (from_to(top_left, p), from_to(top_left, q));
    let (short, long) = ordered(pair_p.length, pair_q.length);
    let (low, high) = ordered(pair_p.modules, pair_q.modules);
    let cosine = (to_p[0] * to_q[0] + to_p[1] * to_q[1]) / (short * long);
    if long > short * 3.0 || high > low * 1.4 || cosine.abs() > 0.75 {
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
    Some(flaw)
}

impl Group {
    fn of([top_left, p, q]: [&Pattern; 3], [pair_p, pair_q]: [Pair; 2]) -> Group {
        let (to_p, to_q) = (from_to(top_left, p), from_to(top_left, q));
        let clockwise = to_p[0] * to_q[1] - to_p[1] * to_q[0] > 0.0;
        let (top_right, bottom_left) = if clockwise { (*p, *q) } else { (*q, *p) };
        let apart = if clockwise { [pair_p.modules, pair_q.modules] } else { [pair_q.modules, pair_p.modules] };
        Group { top_left: *top_left, top_right, bottom_left, aside: None, apart }
    }

    /// Whether the patterns differ in size as they do in perspective.
    pub(super) fn is_uneven(&self) -> bool {
        let sizes = [self.top_left.module, self.top_right.module, self.bottom_left.module];
        let [low, high] =
            sizes.into_iter().fold([f32::MAX, 0.0f32], |[low, high], size| [low.min(size), high.max(size)]);
        high > low * 1.3
    }

    /// The same with its fourth corner as the patterns' shapes tell it.
    pub(super) fn seen_aside(self, frames: &mut Frames<'_>) -> Group {
        let aside = frames.fourth(&self.top_left, &self.top_right, &self.bottom_left);
        Group { aside, ..self }
    }

    /// A group whose patterns were all seen, 14 modules apart.
    #[cfg(test)]
    pub(super) fn seen(top_left: Pattern, top_right: Pattern, bottom_left: Pattern) -> Group {
        Group { apart: [14.0; 2], ..Group::guessed(top_left, top_right, bottom_left) }
    }

    /// Whether one of the patterns was guessed.
    pub(super) fn is_guessed(&self) -> bool {
        self.apart == [0.0; 2]
    }

    /// A group of which one corner was guessed.
    pub(super) fn guessed(top_left: Pattern, top_right: Pattern, bottom_left: Pattern) -> Group {
        Group { top_left, top_right, bottom_left, aside: None, apart: [0.0; 2] }
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

    /// Pixels a module if the code is `side` modules wide.
    pub(super) fn module(&self, side: usize) -> f32 {
        let (right, down) = (from_to(&self.top_left, &self.top_right), from_to(&self.top_left, &self.bottom_left));
        (right[0] * down[1] - right[1] * down[0]).abs().sqrt() / (side as f32 - 7.0)
    }

    /// The middle between the far corners.
    pub(super) fn middle(&self) -> [f32; 2] {
        let ([x0, y0], [x1, y1]) = (self.top_right.centre, self.bottom_left.centre);
        [(x0 + x1) / 2.0, (y0 + y1) / 2.0]
    }
}
