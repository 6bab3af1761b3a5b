//! Three finder patterns that may be the corners of one code.

use super::finder::Pattern;

/// Three patterns: top left, top right and bottom left of a code that is not mirrored.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group {
    pub top_left: Pattern,
    pub top_right: Pattern,
    pub bottom_left: Pattern,
    /// How far from a square on its side: less is more plausible.
    flaw: f32,
}

/// Every group that could be a code, the most plausible first.
pub(super) fn plausible(patterns: &[Pattern], most: usize) -> Vec<Group> {
    let mut groups = Vec::new();
    for (index, a) in patterns.iter().enumerate() {
        for (offset, b) in patterns.iter().enumerate().skip(index + 1) {
            if !alike(a, b) {
                continue;
            }
            for c in patterns.iter().skip(offset + 1).filter(|c| alike(a, c) && alike(b, c)) {
                let corners = [(a, b, c), (b, a, c), (c, a, b)];
                let best = corners.into_iter().filter_map(|(tl, p, q)| Group::of(tl, p, q));
                groups.extend(best.min_by(|x, y| x.flaw.total_cmp(&y.flaw)));
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

impl Group {
    fn of(top_left: &Pattern, p: &Pattern, q: &Pattern) -> Option<Group> {
        let (to_p, to_q) = (from_to(top_left, p), from_to(top_left, q));
        let (length_p, length_q) = (to_p[0].hypot(to_p[1]), to_q[0].hypot(to_q[1]));
        let (short, long) = if length_p < length_q { (length_p, length_q) } else { (length_q, length_p) };
        let cosine = (to_p[0] * to_q[0] + to_p[1] * to_q[1]) / (length_p * length_q).max(1e-3);
        if long > short * 2.2 || cosine.abs() > 0.7 {
            return None;
        }
        let clockwise = to_p[0] * to_q[1] - to_p[1] * to_q[0] > 0.0;
        let (top_right, bottom_left) = if clockwise { (*p, *q) } else { (*q, *p) };
        let mut group = Group { top_left: *top_left, top_right, bottom_left, flaw: 0.0 };
        let [across, down] = group.modules_apart();
        if across.min(down) < 10.0 || across.max(down) > 230.0 {
            return None;
        }
        let sizes = [top_left.module, p.module, q.module];
        let spread = sizes.into_iter().fold(0.0, f32::max) / sizes.into_iter().fold(f32::MAX, f32::min).max(1e-3);
        let hits: f32 = [top_left, p, q].iter().map(|pattern| (pattern.hits as f32 / pattern.module).min(3.0)).sum();
        group.flaw = cosine.abs() + (long / short - 1.0) + (spread - 1.0) + (9.0 - hits) * 0.1;
        // Patterns of far-apart codes make large squares too.
        group.flaw += across.max(down) / 177.0;
        Some(group)
    }

    /// Distances from the top left pattern to the other two, in modules.
    fn modules_apart(&self) -> [f32; 2] {
        [&self.top_right, &self.bottom_left].map(|other| {
            let [dx, dy] = from_to(&self.top_left, other);
            let length = dx.hypot(dy).max(1e-3);
            // Rows and columns cross a turned pattern aslant, and so measure it too wide.
            let aslant = dx.abs().max(dy.abs()) / length;
            length / ((self.top_left.module + other.module) / 2.0 * aslant)
        })
    }

    /// Sides in modules worth trying, the likeliest first.
    pub(super) fn dimensions(&self) -> Vec<usize> {
        let [across, down] = self.modules_apart();
        let guess = (across + down) / 2.0 + 7.0;
        let nearest = ((guess - 17.0) / 4.0).round();
        // The error of the guess grows with it.
        let reach = 1 + (guess / 50.0) as i32;
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
