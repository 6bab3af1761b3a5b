//! Grey values between pixels, and the map from modules to pixels.

use super::super::luma::Luma;

/// The picture as a surface.
#[derive(Clone, Copy)]
pub(super) struct Plane<'a>(pub &'a Luma);

impl Plane<'_> {
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

    /// Calls `with` with the brightness at all places in turn, a few at a time: between the pixels where `exact`, of
    /// the nearest pixel where not.
    pub(super) fn visit(self, view: &View, places: &Places, exact: bool, mut with: impl FnMut(&[f32])) {
        let (width, height) = (self.0.width(), self.0.height());
        let pixels = self.0.pixels();
        let middle = if exact { 0.5 } else { 0.0 };
        let (mut xs, mut ys, mut values) = ([0f32; LANES], [0f32; LANES], [0f32; LANES]);
        let mut left = places.count;
        for (us, vs) in places.us.iter().zip(&places.vs) {
            view.map_all(us, vs, &mut xs, &mut ys);
            let now = left.min(LANES);
            left -= now;
            xs = xs.map(|x| limit(x - middle, (width - 1) as f32));
            ys = ys.map(|y| limit(y - middle, (height - 1) as f32));
            if exact {
                self.between(&xs, &ys, &mut values);
            } else {
                for ((value, &x), &y) in values.iter_mut().zip(&xs).zip(&ys) {
                    let at = y as i32 as usize * width + x as i32 as usize;
                    *value = f32::from(pixels.get(at).copied().unwrap_or(0));
                }
            }
            with(values.get(..now).unwrap_or(&[]));
        }
    }

    /// [`Plane::at`] for several points at once.
    #[inline]
    pub(super) fn at_all(self, xs: &[f32; LANES], ys: &[f32; LANES], [dx, dy]: [f32; 2], values: &mut [f32; LANES]) {
        let (right, bottom) = ((self.0.width() - 1) as f32, (self.0.height() - 1) as f32);
        let xs = xs.map(|x| limit(x + (dx - 0.5), right));
        let ys = ys.map(|y| limit(y + (dy - 0.5), bottom));
        self.between(&xs, &ys, values);
    }

    /// Brightness between pixels, at points inside the picture counted from the middle of its first pixel.
    #[inline]
    fn between(self, xs: &[f32; LANES], ys: &[f32; LANES], values: &mut [f32; LANES]) {
        let (width, pixels) = (self.0.width(), self.0.pixels());
        // The last pixel that has one to its right and below.
        let (last_x, last_y) = (width.saturating_sub(2) as i32, self.0.height().saturating_sub(2) as i32);
        for ((value, &x), &y) in values.iter_mut().zip(xs).zip(ys) {
            let (column, row) = ((x as i32).min(last_x), (y as i32).min(last_y));
            let (across, down) = (x - column as f32, y - row as f32);
            let at = row as usize * width + column as usize;
            let pair = |at: usize| pixels.get(at..).and_then(<[u8]>::first_chunk::<2>);
            if let (Some(above), Some(below)) = (pair(at), pair(at + width)) {
                let [a, b] = above.map(f32::from);
                let [c, d] = below.map(f32::from);
                let (above, below) = (a + (b - a) * across, c + (d - c) * across);
                *value = above + (below - above) * down;
            }
        }
    }
}

/// Places mapped and looked at together.
pub(super) const LANES: usize = 16;

/// In 0..=most, in a form that vectorises.
#[inline]
fn limit(value: f32, most: f32) -> f32 {
    let value = if value > 0.0 { value } else { 0.0 };
    if value < most { value } else { most }
}

/// Points of a flat square whose corners are (0, 0) to (1, 1), laid out for [`Plane::visit`].
#[derive(Clone)]
pub(super) struct Places {
    us: Vec<[f32; LANES]>,
    vs: Vec<[f32; LANES]>,
    count: usize,
}

impl Places {
    pub(super) fn new(places: impl Iterator<Item = [f32; 2]>) -> Places {
        let mut made = Places { us: Vec::new(), vs: Vec::new(), count: 0 };
        for [u, v] in places {
            let lane = made.count % LANES;
            if lane == 0 {
                made.us.push([0.0; LANES]);
                made.vs.push([0.0; LANES]);
            }
            for (all, value) in [(&mut made.us, u), (&mut made.vs, v)] {
                if let Some(place) = all.last_mut().and_then(|lanes| lanes.get_mut(lane)) {
                    *place = value;
                }
            }
            made.count += 1;
        }
        made
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

impl View {
    /// [`View::map`] for several points at once.
    #[inline]
    fn map_all(&self, us: &[f32; LANES], vs: &[f32; LANES], xs: &mut [f32; LANES], ys: &mut [f32; LANES]) {
        let [a, b, c, d, e, f, g, h] = self.0;
        for (((x, y), &u), &v) in xs.iter_mut().zip(ys).zip(us).zip(vs) {
            let depth = g * u + h * v + 1.0;
            let near = 1.0 / if depth > 0.02 { depth } else { 0.02 };
            *x = (a * u + b * v + c) * near;
            *y = (d * u + e * v + f) * near;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn visiting_is_looking_at_each_place() {
        let luma = Luma::new(9, 7, (0..63).map(|at| (at * 37 % 251) as u8).collect()).unwrap();
        let plane = Plane(&luma);
        let view = View::of_square([[-1.0, 1.0], [8.5, 0.5], [10.0, 9.0], [0.5, 6.0]]).unwrap();
        let places: Vec<[f32; 2]> = (0..50).map(|at| [(at % 7) as f32 / 6.0, (at / 7) as f32 / 7.0]).collect();
        let look = |exact| {
            let mut seen = Vec::new();
            plane.visit(&view, &Places::new(places.iter().copied()), exact, |values| seen.extend_from_slice(values));
            seen
        };
        let (exact, near) = (look(true), look(false));
        assert_eq!((exact.len(), near.len()), (50, 50));
        for ((&[u, v], exact), near) in places.iter().zip(exact).zip(near) {
            let at = view.map(u, v);
            assert!((exact - plane.at(at)).abs() < 0.1, "{u} {v}");
            let (x, y) = (at[0].clamp(0.0, 8.0) as usize, at[1].clamp(0.0, 6.0) as usize);
            assert_eq!(near, f32::from(luma.row(y)[x]), "{u} {v}");
        }
    }

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
