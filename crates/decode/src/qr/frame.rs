//! How a finder pattern is stretched and turned, and what that says about the rest of its code: patterns that are seen
//! from the side tell where the code goes on.

use std::sync::LazyLock;

use rxing::common::BitMatrix;

use super::finder::Pattern;
use super::ray::{self, STRIDE};

/// The frames of a picture's finder patterns, each measured once: a pattern is in many groups.
pub(super) struct Frames<'a> {
    picture: &'a BitMatrix,
    known: Vec<(Pattern, Option<CodeFrame>)>,
}

impl Frames<'_> {
    pub(super) fn new(picture: &BitMatrix) -> Frames<'_> {
        Frames { picture, known: Vec::new() }
    }

    fn of(&mut self, pattern: &Pattern) -> Option<CodeFrame> {
        if let Some((_, frame)) = self.known.iter().find(|(known, _)| known == pattern) {
            return *frame;
        }
        let frame = CodeFrame::of(self.picture, pattern);
        self.known.push((*pattern, frame));
        frame
    }

    /// Where the fourth corner of a code lies that is seen in perspective: where the edges meet that begin at the top
    /// right and the bottom left pattern. As the other corners, it lies three and a half modules within the code.
    pub(super) fn fourth(
        &mut self,
        top_left: &Pattern,
        top_right: &Pattern,
        bottom_left: &Pattern,
    ) -> Option<[f32; 2]> {
        let to = |pattern: &Pattern| [pattern.centre[0] - top_left.centre[0], pattern.centre[1] - top_left.centre[1]];
        let down = self.of(top_right)?.turned([1.0, 0.0], to(top_right))?.down;
        let right = self.of(bottom_left)?.turned([0.0, 1.0], to(bottom_left))?.right;
        let apart = [bottom_left.centre[0] - top_right.centre[0], bottom_left.centre[1] - top_right.centre[1]];
        let turn = down[0] * right[1] - down[1] * right[0];
        let far = (apart[0] * right[1] - apart[1] * right[0]) / turn;
        // Lines that hardly meet say nothing.
        let is_near = (5.0..400.0).contains(&far) && turn.abs() > length(down) * length(right) * 0.2;
        is_near.then(|| [top_right.centre[0] + down[0] * far, top_right.centre[1] + down[1] * far])
    }
}

/// How a finder pattern is stretched: the symmetric root of its second moments, so that a module has length 1.
#[derive(Clone, Copy)]
pub(super) struct CodeFrame([f32; 3]);

/// A module to the right and one down, in pixels.
pub(super) struct Axes {
    pub right: [f32; 2],
    pub down: [f32; 2],
}

/// Directions in which a pattern's light ring is measured.
const DIRECTIONS: usize = 48;

/// The same as ways of length 1.
static WAYS: LazyLock<[[f32; 2]; DIRECTIONS]> = LazyLock::new(|| {
    std::array::from_fn(|index| {
        let (sin, cos) = (index as f32 / DIRECTIONS as f32 * std::f32::consts::TAU).sin_cos();
        [cos, sin]
    })
});

impl CodeFrame {
    pub(super) fn of(picture: &BitMatrix, pattern: &Pattern) -> Option<CodeFrame> {
        let most = (pattern.module * 9.0 / STRIDE) as usize;
        // The outer edge of the light ring, 2.5 modules out.
        let reach = |way: [f32; 2]| {
            let mut light = false;
            let step = ray::walk(picture, pattern.centre, way).take(most).position(|dark| {
                light |= !dark;
                light && dark
            })?;
            Some((step + 1) as f32 * STRIDE)
        };
        let (mut area, mut xx, mut xy, mut yy, mut seen) = (0.0, 0.0, 0.0, 0.0, 0);
        for &[cos, sin] in WAYS.iter() {
            let Some(far) = reach([cos, sin]) else { continue };
            seen += 1;
            let (square, fourth) = (far * far / 2.0, far.powi(4) / 4.0);
            area += square;
            xx += fourth * cos * cos;
            xy += fourth * cos * sin;
            yy += fourth * sin * sin;
        }
        if seen < DIRECTIONS * 3 / 4 || area <= 0.0 {
            return None;
        }
        // A square five modules wide has second moments of 25/12.
        let unit = 12.0 / 25.0 / area;
        let (a, b, c) = (xx * unit, xy * unit, yy * unit);
        let root = (a * c - b * b).max(1e-6).sqrt();
        let trace = (a + c + 2.0 * root).sqrt();
        Some(CodeFrame([(a + root) / trace, b / trace, (c + root) / trace]))
    }

    /// The axes of the pattern where `along` (in modules) points the `way` (in pixels).
    pub(super) fn turned(&self, along: [f32; 2], way: [f32; 2]) -> Option<Axes> {
        let [a, b, c] = self.0;
        let scale = a * c - b * b;
        let back = [(c * way[0] - b * way[1]) / scale, (a * way[1] - b * way[0]) / scale];
        let size = length(back) * length(along);
        if !size.is_normal() {
            return None;
        }
        // The turn that takes `along` to `back`.
        let cos = (along[0] * back[0] + along[1] * back[1]) / size;
        let sin = (along[0] * back[1] - along[1] * back[0]) / size;
        let stretched = |[x, y]: [f32; 2]| [a * x + b * y, b * x + c * y];
        Some(Axes { right: stretched([cos, sin]), down: stretched([-sin, cos]) })
    }
}

impl Axes {
    /// So many modules right and down, in pixels.
    pub(super) fn along(&self, [right, down]: [f32; 2]) -> [f32; 2] {
        [self.right[0] * right + self.down[0] * down, self.right[1] * right + self.down[1] * down]
    }

    /// Whether two patterns may belong to one code.
    pub(super) fn is_like(&self, other: &Axes) -> bool {
        [(self.right, other.right), (self.down, other.down)].into_iter().all(|(a, b)| {
            let (long_a, long_b) = (length(a), length(b));
            let cosine = (a[0] * b[0] + a[1] * b[1]) / (long_a * long_b);
            long_a < long_b * 1.8 && long_b < long_a * 1.8 && cosine > 0.85
        })
    }
}

pub(super) fn length([x, y]: [f32; 2]) -> f32 {
    x.hypot(y)
}
