//! Grey values between pixels, and the map from modules to pixels.

use super::super::wide::wide;
use scanmill_jpeg::Luma;

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

    /// Calls `with` with the brightness at all places in turn, a few at a time: between the pixels where `exact`, of the
    /// nearest pixel where not.
    pub(super) fn visit(self, view: &View, places: &Places, exact: bool, mut with: impl FnMut(&[f32])) {
        let (mut xs, mut ys, mut values) = ([0f32; TOGETHER], [0f32; TOGETHER], [0f32; TOGETHER]);
        for (us, vs) in places.us.chunks(TOGETHER).zip(places.vs.chunks(TOGETHER)) {
            view.map_all(us, vs, &mut xs, &mut ys);
            let Some(values) = values.get_mut(..us.len()) else { return };
            if exact {
                between_pixels(self, &xs, &ys, [0.0; 2], values);
            } else {
                self.nearest(&xs, &ys, values);
            }
            with(values);
        }
    }

    /// [`Plane::at`] for several points, all moved by so many pixels.
    pub(super) fn at_all(self, xs: &[f32], ys: &[f32], moved: [f32; 2], values: &mut [f32]) {
        let points = xs.chunks(TOGETHER).zip(ys.chunks(TOGETHER));
        points
            .zip(values.chunks_mut(TOGETHER))
            .for_each(|((xs, ys), values)| between_pixels(self, xs, ys, moved, values));
    }

    /// Brightness of the pixels nearest to as many points as there are values.
    fn nearest(self, xs: &[f32], ys: &[f32], values: &mut [f32]) {
        let (width, pixels) = (self.0.width(), self.0.pixels());
        let (right, bottom) = ((width - 1) as f32, (self.0.height() - 1) as f32);
        let (mut columns, mut rows) = ([0u32; TOGETHER], [0u32; TOGETHER]);
        for (places, at, most) in [(&mut columns, xs, right), (&mut rows, ys, bottom)] {
            for (place, at) in places.iter_mut().zip(at).take(values.len()) {
                *place = whole(limit(at - BEFORE_NEXT, most));
            }
        }
        for ((value, &column), &row) in values.iter_mut().zip(&columns).zip(&rows) {
            let at = row as usize * width + column as usize;
            *value = f32::from(pixels.get(at).copied().unwrap_or(0));
        }
    }

    /// [`Plane::at`] for all points of a grid: calls `with` for each of `ys` (`N` at most) in turn with the brightness at
    /// all `xs`.
    #[inline]
    pub(super) fn on_grid<const N: usize>(self, xs: [f32; N], ys: &[f32], mut with: impl FnMut(usize, &[f32; N])) {
        let (width, pixels) = (self.0.width(), self.0.pixels());
        let (mut columns, mut rows, mut across, mut down) = ([0; N], [0; N], [0.0; N], [0.0; N]);
        split(&xs, N, -0.5, width, &mut columns, &mut across);
        split(ys, N, -0.5, self.0.height(), &mut rows, &mut down);
        let line = |row: u32| -> [f32; N] {
            let start = row as usize * width;
            let pixels = pixels.get(start..start + width).unwrap_or(&[]);
            let pairs = columns.map(|column| pair(pixels, column as usize));
            std::array::from_fn(|at| between(pairs[at], across[at]))
        };
        // Rows that lie near each other look at the same pixels.
        let (mut seen, mut above, mut below) = (u32::MAX - 1, [0.0; N], [0.0; N]);
        for (at, (&row, down)) in rows.iter().zip(&down).take(ys.len()).enumerate() {
            if row != seen {
                above = if row == seen + 1 { below } else { line(row) };
                below = line(row + 1);
                seen = row;
            }
            with(at, &std::array::from_fn(|lane| above[lane] + (below[lane] - above[lane]) * down));
        }
    }
}

wide! {
    /// [`Plane::at`] for as many points as there are values, all moved by so many pixels. One loop a step: those without a load vectorise.
    fn between_pixels(plane: Plane<'_>, xs: &[f32], ys: &[f32], moved: [f32; 2], values: &mut [f32]) {
        let (width, pixels, [dx, dy]) = (plane.0.width(), plane.0.pixels(), moved);
        let (mut columns, mut rows) = ([0u32; TOGETHER], [0u32; TOGETHER]);
        let (mut across, mut down) = ([0f32; TOGETHER], [0f32; TOGETHER]);
        let count = values.len();
        split(xs, count, dx - 0.5, width, &mut columns, &mut across);
        split(ys, count, dy - 0.5, plane.0.height(), &mut rows, &mut down);
        let (mut above, mut below) = ([[0u8; 2]; TOGETHER], [[0u8; 2]; TOGETHER]);
        let pairs = above.iter_mut().zip(&mut below).take(count);
        for (((above, below), &column), &row) in pairs.zip(&columns).zip(&rows) {
            let at = row as usize * width + column as usize;
            (*above, *below) = (pair(pixels, at), pair(pixels, at + width));
        }
        let shares = across.iter().zip(&down);
        for ((value, (above, below)), (&across, &down)) in values.iter_mut().zip(above.iter().zip(&below)).zip(shares) {
            let (above, below) = (between(*above, across), between(*below, across));
            *value = above + (below - above) * down;
        }
    }
}

/// `count` places, moved by so much, along one side of a picture, counted from the middle of its first pixel: the last
/// pixel before each that has one after it, and how far on to that.
#[inline(always)]
fn split(places: &[f32], count: usize, by: f32, pixels: usize, before: &mut [u32], share: &mut [f32]) {
    let (most, last) = (pixels.saturating_sub(1) as f32, pixels.saturating_sub(2) as f32);
    for ((before, share), place) in before.iter_mut().zip(share).zip(places).take(count) {
        let place = limit(place + by, most);
        // Halfway between two whole numbers either will do: the pixel between them is the same.
        let pixel = limit(place - 0.5, last);
        *before = whole(pixel);
        *share = place - ((pixel + WHOLE) - WHOLE);
    }
}

/// From here on numbers have no places after the point: what is added to it is rounded. Unlike a cast, that vectorises.
const WHOLE: f32 = 8_388_608.0;
/// Taken off first, it makes the nearest whole number the one below.
const BEFORE_NEXT: f32 = 0.49999;

/// The nearest whole number of one that is not negative.
#[inline(always)]
fn whole(value: f32) -> u32 {
    (value + WHOLE).to_bits() & 0x7f_ffff
}

/// Two pixels side by side.
#[inline(always)]
fn pair(pixels: &[u8], at: usize) -> [u8; 2] {
    pixels.get(at..).and_then(<[u8]>::first_chunk::<2>).copied().unwrap_or_default()
}

#[inline(always)]
fn between(pair: [u8; 2], share: f32) -> f32 {
    let [a, b] = pair.map(f32::from);
    a + (b - a) * share
}

/// How well grey values follow expected colours, whatever their level and contrast.
#[derive(Default)]
pub(super) struct Agreement {
    values: [f32; LANES],
    squares: [f32; LANES],
    signed: [f32; LANES],
}

impl Agreement {
    /// Takes in values and the colours expected there: 1 for light, -1 for dark.
    #[inline]
    pub(super) fn add(&mut self, values: &[f32], signs: &[f32]) {
        let ((values, values_left), (signs, signs_left)) = (values.as_chunks::<LANES>(), signs.as_chunks::<LANES>());
        for (values, signs) in values.iter().zip(signs) {
            self.add_lanes(values, signs);
        }
        if !values_left.is_empty() {
            let (mut values, mut signs) = ([0.0; LANES], [0.0; LANES]);
            values.iter_mut().zip(values_left).for_each(|(to, from)| *to = *from);
            signs.iter_mut().zip(signs_left).for_each(|(to, from)| *to = *from);
            self.add_lanes(&values, &signs);
        }
    }

    #[inline(always)]
    fn add_lanes(&mut self, values: &[f32; LANES], signs: &[f32; LANES]) {
        for (sum, value) in self.values.iter_mut().zip(values) {
            *sum += value;
        }
        for (sum, value) in self.squares.iter_mut().zip(values) {
            *sum += value * value;
        }
        for ((sum, value), sign) in self.signed.iter_mut().zip(values).zip(signs) {
            *sum += value * sign;
        }
    }

    /// From -1 to 1, of so many values whose expected colours are `tilt` on average. Values that differ by a few grey
    /// levels only do not count fully.
    pub(super) fn share(&self, count: f32, tilt: f32) -> f32 {
        const FLOOR: f32 = 9.0;
        let [mean, squares, signed] = [&self.values, &self.squares, &self.signed].map(|lanes| total(lanes) / count);
        let spread = (squares - mean * mean).max(0.0);
        (signed - mean * tilt) / ((spread + FLOOR) * (1.0 - tilt * tilt).max(1e-6)).sqrt()
    }
}

#[inline]
fn total([a, b, c, d, e, f, g, h]: &[f32; LANES]) -> f32 {
    ((a + e) + (b + f)) + ((c + g) + (d + h))
}

/// Sums side by side.
const LANES: usize = 8;
/// Places mapped and looked at together.
const TOGETHER: usize = 32;

/// In 0..=most, in a form that vectorises.
#[inline]
fn limit(value: f32, most: f32) -> f32 {
    let value = if value > 0.0 { value } else { 0.0 };
    if value < most { value } else { most }
}

/// Points of a flat square whose corners are (0, 0) to (1, 1), laid out for [`Plane::visit`].
#[derive(Clone)]
pub(super) struct Places {
    us: Vec<f32>,
    vs: Vec<f32>,
}

impl Places {
    pub(super) fn new(places: impl Iterator<Item = [f32; 2]>) -> Places {
        let (us, vs) = places.map(|[u, v]| (u, v)).unzip();
        Places { us, vs }
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
    fn map_all(&self, us: &[f32], vs: &[f32], xs: &mut [f32], ys: &mut [f32]) {
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
    fn a_grid_is_looked_at_as_its_points_are() {
        let luma = Luma::new(9, 7, (0..63).map(|at| (at * 37 % 251) as u8).collect()).unwrap();
        let plane = Plane(&luma);
        let (xs, ys) = ([-3.0, 0.2, 1.0, 2.75, 8.49, 8.6, 30.0], [-1.0, 0.5, 0.9, 1.3, 4.0, 6.5, 9.0]);
        plane.on_grid(xs, &ys, |row, values| {
            for (&x, value) in xs.iter().zip(values) {
                assert!((value - plane.at([x, ys[row]])).abs() < 0.01, "{x} {}", ys[row]);
            }
        });
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
