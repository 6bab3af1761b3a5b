//! Laying a flat sheet into a picture, in perspective and with a soft shadow.

use image::RgbImage;

use super::label::Sheet;

/// How a sheet lies before the camera.
#[derive(Clone, Copy, Debug)]
pub struct Pose {
    /// Its middle, in pixels of the picture.
    pub centre: (f64, f64),
    /// Pixels of the picture per pixel of the sheet, at the middle.
    pub scale: f64,
    /// Turn in the picture's plane, radians.
    pub turn: f64,
    /// Tilt away from the camera, radians.
    pub pitch: f64,
    /// Tilt to the side, radians.
    pub yaw: f64,
}

/// A 3 x 3 matrix over homogeneous coordinates, row by row.
type Matrix = [f64; 9];

impl Pose {
    /// This pose with the scale that makes the code `side` pixels wide, smaller where the sheet would not fit into the
    /// picture, and moved so far that all of it is in view.
    pub fn fitted(mut self, sheet: &Sheet, width: u32, height: u32, side: f64) -> Self {
        self.scale = side / f64::from(sheet.code_side);
        let (width, height) = (f64::from(width), f64::from(height));
        let (low, high) = self.bounds(sheet);
        let fit = (width * 0.97 / (high.0 - low.0)).min(height * 0.97 / (high.1 - low.1)).min(1.0);
        self.scale *= fit;
        let (low, high) = self.bounds(sheet);
        let shift = |low: f64, high: f64, size: f64| {
            let margin = size * 0.012;
            (margin - low).max(0.0) - (high - (size - margin)).max(0.0)
        };
        self.centre.0 += shift(low.0, high.0, width);
        self.centre.1 += shift(low.1, high.1, height);
        self
    }

    /// From pixels of the sheet to pixels of the picture.
    fn matrix(&self, sheet: &Sheet) -> Matrix {
        let (half_width, half_height) = (f64::from(sheet.width) / 2.0, f64::from(sheet.height) / 2.0);
        // The camera is three sheet sizes away.
        let distance = 3.0 * half_width.max(half_height) * 2.0;
        let (turn_sin, turn_cos) = self.turn.sin_cos();
        let (pitch_sin, pitch_cos) = self.pitch.sin_cos();
        let (yaw_sin, yaw_cos) = self.yaw.sin_cos();
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

/// Lays `sheet` into `picture`.
pub fn paste(picture: &mut RgbImage, sheet: &Sheet, pose: &Pose) {
    let inverse = invert(&pose.matrix(sheet));
    let ((low_x, low_y), (high_x, high_y)) = pose.bounds(sheet);
    let reach = 0.06 * (high_x - low_x).max(high_y - low_y);
    let columns = span(low_x - reach, high_x + reach, picture.width());
    let rows = span(low_y - reach, high_y + reach, picture.height());
    let (width, height) = (f64::from(sheet.width), f64::from(sheet.height));
    let softness = 0.05 * width.max(height);
    let shift = (reach * 0.35, reach * 0.5);
    for y in rows {
        for x in columns.clone() {
            let at = (f64::from(x) + 0.5, f64::from(y) + 0.5);
            let (u, v) = map(&inverse, at);
            let pixel = &mut picture.get_pixel_mut(x, y).0;
            let inside = u > 0.0 && v > 0.0 && u < width && v < height;
            let cover = if inside {
                let [red, green, blue, cover] = sample(sheet, u - 0.5, v - 0.5);
                let cover = cover / 255.0;
                for (channel, value) in pixel.iter_mut().zip([red, green, blue]) {
                    *channel = (f64::from(*channel) * (1.0 - cover) + value * cover) as u8;
                }
                cover
            } else {
                0.0
            };
            if cover < 1.0 {
                let (u, v) = map(&inverse, (at.0 - shift.0, at.1 - shift.1));
                let outside = (-u).max(u - width).max(-v).max(v - height);
                let shade = 1.0 - 0.45 * (1.0 - cover) * (0.5 - outside / (2.0 * softness)).clamp(0.0, 1.0);
                pixel.iter_mut().for_each(|channel| *channel = (f64::from(*channel) * shade) as u8);
            }
        }
    }
}

fn span(low: f64, high: f64, size: u32) -> std::ops::Range<u32> {
    low.floor().clamp(0.0, f64::from(size)) as u32..high.ceil().clamp(0.0, f64::from(size)) as u32
}

/// The sheet's colour between four pixels.
fn sample(sheet: &Sheet, u: f64, v: f64) -> [f64; 4] {
    let (left, top) = (u.max(0.0) as usize, v.max(0.0) as usize);
    let (along, down) = ((u - left as f64).clamp(0.0, 1.0), (v - top as f64).clamp(0.0, 1.0));
    let (width, height) = (sheet.width as usize, sheet.height as usize);
    let (right, bottom) = ((left + 1).min(width - 1), (top + 1).min(height - 1));
    let at = |x: usize, y: usize| sheet.pixels.get(y * width + x).copied().unwrap_or([0; 4]);
    let (a, b, c, d) = (at(left, top), at(right, top), at(left, bottom), at(right, bottom));
    std::array::from_fn(|channel| {
        let upper = f64::from(a[channel]) * (1.0 - along) + f64::from(b[channel]) * along;
        let lower = f64::from(c[channel]) * (1.0 - along) + f64::from(d[channel]) * along;
        upper * (1.0 - down) + lower * down
    })
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
        let sheet = Sheet { width: 300, height: 360, pixels_per_module: 5, code_side: 300, pixels: Vec::new() };
        for step in 0..24 {
            let angle = f64::from(step) * 0.27;
            let pose = Pose {
                centre: (f64::from(step) * 20.0, 300.0),
                scale: 1.0,
                turn: angle,
                pitch: 0.3 * angle.sin(),
                yaw: 0.3 * angle.cos(),
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
