//! Grey values between pixels, and the map from modules to pixels.

use super::super::luma::Luma;

/// The picture as a surface.
#[derive(Clone, Copy)]
pub(super) struct Plane<'a>(pub &'a Luma);

impl Plane<'_> {
    /// Brightness of the pixel at a point; the edge goes on for ever.
    #[inline]
    pub(super) fn near(self, [x, y]: [f32; 2]) -> f32 {
        let (x, y) = ((x.max(0.0) as usize).min(self.0.width() - 1), (y.max(0.0) as usize).min(self.0.height() - 1));
        f32::from(self.0.pixels().get(y * self.0.width() + x).copied().unwrap_or(0))
    }

    /// Brightness at a point (a pixel's middle is at .5), between the four pixels around it; the edge goes on for ever.
    #[inline]
    pub(super) fn at(self, [x, y]: [f32; 2]) -> f32 {
        let (width, height) = (self.0.width(), self.0.height());
        let x = (x - 0.5).clamp(0.0, (width - 1) as f32);
        let y = (y - 0.5).clamp(0.0, (height - 1) as f32);
        let (left, top) = (x as usize, y as usize);
        let (right, bottom) = ((left + 1).min(width - 1), (top + 1).min(height - 1));
        let (across, down) = (x - left as f32, y - top as f32);
        let pixels = self.0.pixels();
        let pixel = |x: usize, y: usize| f32::from(pixels.get(y * width + x).copied().unwrap_or(0));
        let above = pixel(left, top) + (pixel(right, top) - pixel(left, top)) * across;
        let below = pixel(left, bottom) + (pixel(right, bottom) - pixel(left, bottom)) * across;
        above + (below - above) * down
    }
}

/// A perspective view of a flat square: maps (0, 0), (1, 0), (1, 1), (0, 1) to four points.
#[derive(Clone, Copy, Debug)]
pub(super) struct View([f32; 8]);

impl View {
    /// `None` where the points do not make a convex outline.
    pub(super) fn of_square(to: [[f32; 2]; 4]) -> Option<View> {
        let [[x0, y0], [x1, y1], [x2, y2], [x3, y3]] = to;
        let (dx1, dx2, dx3) = (x1 - x2, x3 - x2, x0 - x1 + x2 - x3);
        let (dy1, dy2, dy3) = (y1 - y2, y3 - y2, y0 - y1 + y2 - y3);
        let scale = dx1 * dy2 - dx2 * dy1;
        if scale == 0.0 || !scale.is_finite() {
            return None;
        }
        let g = (dx3 * dy2 - dx2 * dy3) / scale;
        let h = (dx1 * dy3 - dx3 * dy1) / scale;
        // Behind the horizon the map turns over.
        if g <= -0.95 || h <= -0.95 || g + h <= -0.95 {
            return None;
        }
        Some(View([x1 - x0 + g * x1, x3 - x0 + h * x3, x0, y1 - y0 + g * y1, y3 - y0 + h * y3, y0, g, h]))
    }

    #[inline]
    pub(super) fn map(&self, u: f32, v: f32) -> [f32; 2] {
        let [a, b, c, d, e, f, g, h] = self.0;
        let depth = (g * u + h * v + 1.0).max(0.02);
        [(a * u + b * v + c) / depth, (d * u + e * v + f) / depth]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_meets_its_corners() {
        let corners = [[10.0, 20.0], [90.0, 30.0], [80.0, 75.0], [15.0, 95.0]];
        let view = View::of_square(corners).unwrap();
        for ([u, v], expected) in [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]].into_iter().zip(corners) {
            let [x, y] = view.map(u, v);
            assert!((x - expected[0]).abs() < 0.01 && (y - expected[1]).abs() < 0.01, "{x} {y} {expected:?}");
        }
        assert!(View::of_square([[1.0, 1.0]; 4]).is_none());
    }

    #[test]
    fn brightness_between_pixels_and_beyond_the_edge() {
        let luma = Luma::new(2, 2, vec![0, 100, 100, 200]).unwrap();
        let plane = Plane(&luma);
        assert_eq!(plane.at([1.0, 1.0]), 100.0);
        assert_eq!(plane.at([0.5, 0.5]), 0.0);
        assert_eq!(plane.at([-9.0, 50.0]), 100.0);
    }
}
