//! Laying a flat sheet into a picture, in perspective and with a soft shadow.

use super::exact::{length, sin_cos};
use super::label::Sheet;
use super::planes::Planes;
use super::texture::{Canvas, SHRINK};

/// How a sheet lies before the camera.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pose {
    /// Its middle, in pixels of the picture.
    pub centre: (f64, f64),
    /// Pixels of the picture per sample of the sheet, at the middle.
    pub scale: f64,
    /// Turn in the picture's plane, radians.
    pub turn: f64,
    /// Tilt away from the camera, radians.
    pub pitch: f64,
    /// Tilt to the side, radians.
    pub yaw: f64,
}

impl Pose {
    /// Flat and upright.
    pub(super) fn upright(centre: (f64, f64)) -> Self {
        Self { centre, scale: 1.0, turn: 0.0, pitch: 0.0, yaw: 0.0 }
    }
}

/// A 3 x 3 matrix over homogeneous coordinates, row by row.
type Matrix = [f64; 9];

impl Pose {
    /// This pose with the scale that makes the code `side` pixels wide, smaller where the sheet would not fit into the
    /// picture, and moved so far that all of it is in view.
    pub(super) fn fitted(mut self, sheet: &Sheet, width: usize, height: usize, side: f64) -> Self {
        self.scale = side / f64::from(sheet.code_side);
        let (width, height) = (width as f64, height as f64);
        // A tilted sheet's bounds do not grow with its scale alone.
        for _ in 0..3 {
            let (low, high) = self.bounds(sheet);
            let fit = (width * 0.97 / (high.0 - low.0)).min(height * 0.97 / (high.1 - low.1)).min(1.0);
            self.scale *= fit;
        }
        let (low, high) = self.bounds(sheet);
        let shift = |low: f64, high: f64, size: f64| {
            let margin = size * 0.012;
            (margin - low).max(0.0) - (high - (size - margin)).max(0.0)
        };
        self.centre.0 += shift(low.0, high.0, width);
        self.centre.1 += shift(low.1, high.1, height);
        self
    }

    /// From samples of the sheet to pixels of the picture.
    fn matrix(&self, sheet: &Sheet) -> Matrix {
        let (half_width, half_height) = (f64::from(sheet.width) / 2.0, f64::from(sheet.height) / 2.0);
        // The camera is three sheet sizes away.
        let distance = 3.0 * half_width.max(half_height) * 2.0;
        let (turn_sin, turn_cos) = sin_cos(self.turn);
        let (pitch_sin, pitch_cos) = sin_cos(self.pitch);
        let (yaw_sin, yaw_cos) = sin_cos(self.yaw);
        // Columns: where the sheet's x and y axes point after turn, then pitch, then yaw.
        let x_axis = [turn_cos, turn_sin * pitch_cos, turn_sin * pitch_sin];
        let y_axis = [-turn_sin, turn_cos * pitch_cos, turn_cos * pitch_sin];
        let yawed = |[x, y, z]: [f64; 3]| [x * yaw_cos + z * yaw_sin, y, z * yaw_cos - x * yaw_sin];
        let (x_axis, y_axis) = (yawed(x_axis), yawed(y_axis));
        let depth = [x_axis[2] / distance, y_axis[2] / distance];
        let (centre_x, centre_y) = self.centre;
        let a = self.scale * x_axis[0] + centre_x * depth[0];
        let b = self.scale * y_axis[0] + centre_x * depth[1];
        let d = self.scale * x_axis[1] + centre_y * depth[0];
        let e = self.scale * y_axis[1] + centre_y * depth[1];
        let (g, h) = (depth[0], depth[1]);
        // Shifted so that the sheet's middle comes to the centre.
        [
            a,
            b,
            centre_x - a * half_width - b * half_height,
            d,
            e,
            centre_y - d * half_width - e * half_height,
            g,
            h,
            1.0 - g * half_width - h * half_height,
        ]
    }

    /// Where a point of the sheet is in the picture.
    pub(super) fn place(&self, sheet: &Sheet, point: (f64, f64)) -> (f64, f64) {
        map(&self.matrix(sheet), point)
    }

    /// Lowest and highest coordinates of the sheet's corners.
    fn bounds(&self, sheet: &Sheet) -> ((f64, f64), (f64, f64)) {
        let matrix = self.matrix(sheet);
        let (width, height) = (f64::from(sheet.width), f64::from(sheet.height));
        let mut low = (f64::MAX, f64::MAX);
        let mut high = (f64::MIN, f64::MIN);
        for corner in [(0.0, 0.0), (width, 0.0), (0.0, height), (width, height)] {
            let (x, y) = map(&matrix, corner);
            low = (low.0.min(x), low.1.min(y));
            high = (high.0.max(x), high.1.max(y));
        }
        (low, high)
    }
}

/// Darkens the canvas where the sheet will keep the light away.
pub(super) fn shade(canvas: &mut Canvas, sheet: &Sheet, pose: &Pose) {
    let inverse = invert(&pose.matrix(sheet));
    let (low, high) = pose.bounds(sheet);
    let shrink = SHRINK as f64;
    let reach = 0.09 * (high.0 - low.0).max(high.1 - low.1);
    let (width, height) = (f64::from(sheet.width), f64::from(sheet.height));
    let softness = 0.05 * width.max(height);
    let shift = (reach * 0.25, reach * 0.36);
    let corner = |place: (f64, f64), sign: f64| ((place.0 + sign * reach) / shrink, (place.1 + sign * reach) / shrink);
    canvas.each_in(corner(low, -1.0), corner(high, 1.0), |x, y, dot| {
        let (u, v) = map(&inverse, (x * shrink - shift.0, y * shrink - shift.1));
        let outside = (-u).max(u - width).max(-v).max(v - height);
        let shade = 1.0 - 0.45 * (0.5 - outside / (2.0 * softness)).clamp(0.0, 1.0);
        dot.iter_mut().for_each(|part| *part *= shade as f32);
    });
}

/// Lays `sheet` into `picture`.
pub(super) fn paste(picture: &mut Planes, sheet: &Sheet, pose: &Pose) {
    let matrix = pose.matrix(sheet);
    let inverse = invert(&matrix);
    let ((_, low_y), (_, high_y)) = pose.bounds(sheet);
    let flat = Flat { sheet, size: (sheet.width as f32, sheet.height as f32), edge: 1.0 / pose.scale as f32 };
    let rows = |step: f64, most: usize| {
        (low_y / step).floor().max(0.0) as usize..((high_y / step).ceil().max(0.0) as usize).min(most)
    };
    let (width, height) = (picture.width, picture.height);
    let [luma, blue, red] = &mut picture.samples;
    for y in rows(1.0, height) {
        let row = luma.get_mut(y * width..(y + 1) * width).unwrap_or_default();
        flat.lay(&inverse, y, 1.0, width, |x, corners, cover| {
            if let Some(out) = row.get_mut(x) {
                corners.put::<0>(out, cover);
            }
        });
    }
    // Colour stands for two by two pixels.
    let width = width / 2;
    for y in rows(2.0, height / 2) {
        let row = y * width..(y + 1) * width;
        let blue = blue.get_mut(row.clone()).unwrap_or_default();
        let red = red.get_mut(row).unwrap_or_default();
        flat.lay(&inverse, y, 2.0, width, |x, corners, cover| {
            if let (Some(blue), Some(red)) = (blue.get_mut(x), red.get_mut(x)) {
                corners.put::<1>(blue, cover);
                corners.put::<2>(red, cover);
            }
        });
    }
}

struct Flat<'a> {
    sheet: &'a Sheet,
    size: (f32, f32),
    /// Samples a pixel, for the edge.
    edge: f32,
}

/// Four samples around a point, and where between them it is.
struct Corners<'a> {
    samples: [&'a [u8; 3]; 4],
    along: u32,
    down: u32,
}

impl Corners<'_> {
    /// Puts what is between the samples over a pixel.
    #[inline(always)]
    fn put<const PLANE: usize>(&self, out: &mut u8, cover: f32) {
        let [one, two, three, four] = self.samples.map(|sample| u32::from(sample[PLANE]));
        let upper = one * (256 - self.along) + two * self.along;
        let lower = three * (256 - self.along) + four * self.along;
        let value = (upper * (256 - self.down) + lower * self.down + 32_768) >> 16;
        *out = if cover >= 1.0 { value as u8 } else { (f32::from(*out) * (1.0 - cover) + value as f32 * cover) as u8 };
    }
}

impl Flat<'_> {
    /// Goes along one row of pixels, each `step` wide, and tells where the sheet is what and how much it covers.
    #[inline(always)]
    fn lay(&self, inverse: &Matrix, y: usize, step: f64, across: usize, mut put: impl FnMut(usize, &Corners<'_>, f32)) {
        let [a, b, c, d, e, f, g, h, i] = *inverse;
        let at = (y as f64 + 0.5) * step;
        let first = 0.5 * step;
        // The three are linear in x: start at column 0, then so much a column.
        let line =
            [(a, b * at + c), (d, e * at + f), (g, h * at + i)].map(|(by, start)| (start + by * first, by * step));
        let sign = if line[2].0 > 0.0 { 1.0 } else { -1.0 };
        let [(u0, du), (v0, dv), (w0, dw)] = line.map(|(start, by)| (start * sign, by * sign));
        let (width, height) = (f64::from(self.size.0), f64::from(self.size.1));
        // Inside the sheet is where four lines are not negative: u, width w - u, v, height w - v.
        let edges = [(u0, du), (width * w0 - u0, width * dw - du), (v0, dv), (height * w0 - v0, height * dw - dv)];
        let (mut from, mut to) = (0.0f64, across as f64);
        for (start, by) in edges {
            if by > 0.0 {
                from = from.max((-start / by).ceil());
            } else if by < 0.0 {
                to = to.min((-start / by).floor() + 1.0);
            } else if start < 0.0 {
                return;
            }
        }
        let [u0, du, v0, dv, w0, dw] = [u0, du, v0, dv, w0, dw].map(|number| number as f32);
        let (stride, samples) = (self.sheet.stride(), self.sheet.samples.as_slice());
        let near = (self.sheet.corner as f32).max(self.edge * step as f32);
        for column in from.max(0.0) as usize..to.max(0.0) as usize {
            let x = column as f32;
            let inverse_w = 1.0 / (w0 + dw * x);
            let (u, v) = ((u0 + du * x) * inverse_w, (v0 + dv * x) * inverse_w);
            // The border is one sample wide, a sample's middle half a sample from its edge.
            let (right, below) = ((u * 256.0) as i32 + 128, (v * 256.0) as i32 + 128);
            let start = (below >> 8) as usize * stride + (right >> 8) as usize;
            let upper = samples.get(start..start + 2);
            let (Some([one, two]), Some([three, four])) = (upper, samples.get(start + stride..start + stride + 2))
            else {
                continue;
            };
            let (along, down) = ((right & 255) as u32, (below & 255) as u32);
            let (beside, below) = (u.min(self.size.0 - u), v.min(self.size.1 - v));
            let is_inside = beside > near && below > near;
            let cover = if is_inside { 1.0 } else { self.cover(beside, below, step as f32) };
            put(column, &Corners { samples: [one, two, three, four], along, down }, cover);
        }
    }

    /// How much of a pixel the sheet covers, by the distances to its two nearest edges.
    fn cover(&self, beside: f32, below: f32, step: f32) -> f32 {
        let radius = self.sheet.corner;
        let round = length((radius - f64::from(beside)).max(0.0), (radius - f64::from(below)).max(0.0)) - radius;
        let outside = if beside < radius as f32 && below < radius as f32 { round as f32 } else { -beside.min(below) };
        (-outside / (self.edge * step)).clamp(0.0, 1.0)
    }
}

fn map(matrix: &Matrix, (x, y): (f64, f64)) -> (f64, f64) {
    let [a, b, c, d, e, f, g, h, i] = *matrix;
    let w = g * x + h * y + i;
    ((a * x + b * y + c) / w, (d * x + e * y + f) / w)
}

/// The inverse up to a factor, which homogeneous coordinates do not notice.
fn invert(matrix: &Matrix) -> Matrix {
    let [a, b, c, d, e, f, g, h, i] = *matrix;
    [
        e * i - f * h,
        c * h - b * i,
        b * f - c * e,
        f * g - d * i,
        a * i - c * g,
        c * d - a * f,
        d * h - e * g,
        b * g - a * h,
        a * e - b * d,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inverse_takes_every_point_back_and_a_fitted_sheet_is_in_view() {
        let sheet = Sheet {
            width: 300,
            height: 360,
            pixels_per_module: 5,
            code_side: 300,
            code_at: (150.0, 180.0),
            corner: 0.0,
            samples: Vec::new(),
        };
        for step in 0..24 {
            let angle = f64::from(step) * 0.27;
            let pose = Pose {
                centre: (f64::from(step) * 20.0, 300.0),
                scale: 1.0,
                turn: angle,
                pitch: 0.8 * angle.sin(),
                yaw: 0.8 * angle.cos(),
            }
            .fitted(&sheet, 640, 480, 420.0);
            let ((low_x, low_y), (high_x, high_y)) = pose.bounds(&sheet);
            assert!(low_x >= 0.0 && low_y >= 0.0 && high_x <= 640.0 && high_y <= 480.0, "step {step}");
            let matrix = pose.matrix(&sheet);
            let there = map(&matrix, (40.0, 250.0));
            let back = map(&invert(&matrix), there);
            assert!((back.0 - 40.0).abs() < 1e-6 && (back.1 - 250.0).abs() < 1e-6, "step {step}: {back:?}");
        }
    }
}
