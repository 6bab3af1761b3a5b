//! Sheets in space, light, lens and sensor: a shot to JPEG bytes.

use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use scanmill::domain::Format;
use scanmill::pump::scene::{Difficulty, PhotoSize, SceneSpec};

use super::print::Print;

/// How a sheet is bent.
#[derive(Clone, Copy)]
pub enum Bend {
    Flat,
    /// Around a cylinder of so many modules' radius whose axis lies at the angle.
    Cylinder {
        radius: f32,
        angle: f32,
    },
    /// In waves: their length and height in modules, along the angle.
    Waves {
        length: f32,
        height: f32,
        angle: f32,
    },
}

/// A sheet before the camera.
pub struct Sheet {
    pub print: Print,
    /// Its middle in the picture, as shares of width and height.
    pub at: [f32; 2],
    /// Pixels a module in its middle.
    pub module: f32,
    /// Turn in the picture's plane and tilts away from the camera, radians.
    pub turn: f32,
    pub pitch: f32,
    pub yaw: f32,
    pub mirrored: bool,
    pub bend: Bend,
}

/// Light added or taken.
#[derive(Clone, Copy)]
pub enum Light {
    /// A hard shadow beyond a line through the point (shares of the picture): what is left of the light.
    Shadow { at: [f32; 2], angle: f32, left: f32 },
    /// A bright spot: place and radius as shares of the short side, and strength (1 is white).
    Spot { at: [f32; 2], radius: f32, strength: f32 },
}

/// A photo about to be taken.
pub struct Shot {
    pub width: usize,
    pub height: usize,
    pub sheets: Vec<Sheet>,
    pub lights: Vec<Light>,
    /// Defocus: radius in pixels. Motion: pixels and direction.
    pub defocus: f32,
    pub motion: (f32, f32),
    /// A screen's pixel grid: its period in pixels, its turn and strength.
    pub grid: Option<(f32, f32, f32)>,
    /// Exposure: 1 keeps white paper white.
    pub gain: f32,
    /// Standard deviation of the sensor's noise, of 255.
    pub noise: f32,
    /// A background full of patterns like those of codes.
    pub decoys: usize,
}

/// Samples a pixel, each way.
const SAMPLES: usize = 2;

impl Shot {
    /// Takes it.
    pub fn take(&self, draw: &mut ChaCha8Rng) -> Vec<u8> {
        let mut picture = self.background(draw);
        for sheet in &self.sheets {
            sheet.paint(&mut picture, self.width, self.height);
        }
        self.light(&mut picture);
        let radius = (self.defocus / 1.7).max(0.0);
        for _ in 0..3 {
            blur(&mut picture, self.width, self.height, radius);
        }
        picture = self.shaken(picture);
        self.develop(&picture, draw)
    }

    fn background(&self, draw: &mut ChaCha8Rng) -> Vec<f32> {
        // A quarter of the size: the sheets are in focus, the background is not.
        let (width, height) = ((self.width / 4).max(8), (self.height / 4).max(8));
        let mut spec = SceneSpec::new(draw.random(), Vec::new(), 0, PhotoSize::Small, Format::Jpeg, Difficulty::Easy);
        (spec.width, spec.height) = (width as u32, height as u32);
        let scene = spec.encode().expect("a scene can be drawn");
        #[allow(clippy::disallowed_methods, reason = "a picture made a line above, of a known size")]
        let small = image::load_from_memory(&scene).expect("a scene is a picture").to_luma8();
        let mut picture: Vec<f32> = (0..self.width * self.height)
            .map(|at| {
                let (x, y) = (at % self.width / 4, at / self.width / 4);
                f32::from(small.get_pixel(x.min(width - 1) as u32, y.min(height - 1) as u32).0[0]) / 255.0
            })
            .collect();
        for _ in 0..self.decoys {
            let (x, y) = (draw.random_range(0..self.width), draw.random_range(0..self.height));
            let (unit, shape) = (draw.random_range(3..12usize), draw.random_range(0..3u32));
            for (dx, dy) in (0..7 * unit).flat_map(|dy| (0..7 * unit).map(move |dx| (dx, dy))) {
                let (column, row) = ((dx / unit) as i32 - 3, (dy / unit) as i32 - 3);
                let ring = match shape {
                    0 => column.abs().max(row.abs()),
                    1 => ((column * column + row * row) as f32).sqrt() as i32,
                    _ => column.abs(),
                };
                if x + dx < self.width && y + dy < self.height {
                    picture[(y + dy) * self.width + x + dx] = if ring == 2 { 0.8 } else { 0.1 };
                }
            }
        }
        picture
    }

    fn light(&self, picture: &mut [f32]) {
        let short = self.width.min(self.height) as f32;
        for light in &self.lights {
            for (index, pixel) in picture.iter_mut().enumerate() {
                let (x, y) = ((index % self.width) as f32, (index / self.width) as f32);
                let off = |at: [f32; 2]| [x - at[0] * self.width as f32, y - at[1] * self.height as f32];
                match *light {
                    Light::Shadow { at, angle, left } => {
                        let [dx, dy] = off(at);
                        // The edge is three pixels soft.
                        let share = ((dx * angle.cos() + dy * angle.sin()) / 3.0 + 0.5).clamp(0.0, 1.0);
                        *pixel *= 1.0 - share * (1.0 - left);
                    }
                    Light::Spot { at, radius, strength } => {
                        let [dx, dy] = off(at);
                        let far = (dx * dx + dy * dy) / (radius * short).powi(2);
                        if far < 8.0 {
                            *pixel += strength * (-far).exp();
                        }
                    }
                }
            }
        }
        if let Some((period, turn, strength)) = self.grid {
            let (sin, cos) = turn.sin_cos();
            let wave = std::f32::consts::TAU / period;
            for (index, pixel) in picture.iter_mut().enumerate() {
                let (x, y) = ((index % self.width) as f32, (index / self.width) as f32);
                let (u, v) = ((x * cos + y * sin) * wave, (y * cos - x * sin) * wave);
                *pixel *= 1.0 - strength * (0.5 + 0.25 * u.sin() + 0.25 * v.sin());
            }
        }
    }

    fn shaken(&self, picture: Vec<f32>) -> Vec<f32> {
        let (length, angle) = self.motion;
        let steps = length.ceil() as i32;
        if steps < 1 {
            return picture;
        }
        let at = |x: f32, y: f32| {
            let (x, y) = (x.clamp(0.0, (self.width - 1) as f32), y.clamp(0.0, (self.height - 1) as f32));
            picture[y as usize * self.width + x as usize]
        };
        (0..picture.len())
            .map(|index| {
                let (x, y) = ((index % self.width) as f32 + 0.5, (index / self.width) as f32 + 0.5);
                let sum: f32 = (0..=steps)
                    .map(|step| {
                        let off = (step as f32 / steps as f32 - 0.5) * length;
                        at(x + off * angle.cos(), y + off * angle.sin())
                    })
                    .sum();
                sum / (steps + 1) as f32
            })
            .collect()
    }

    fn develop(&self, picture: &[f32], draw: &mut ChaCha8Rng) -> Vec<u8> {
        let mut state: u64 = draw.random::<u64>() | 1;
        let pixels: Vec<u8> = picture
            .iter()
            .map(|&light| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                // Four bytes summed are close to a normal number with deviation 147.8.
                let noise: f32 = state.to_le_bytes()[..4].iter().map(|&byte| f32::from(byte)).sum::<f32>() - 510.0;
                (light * self.gain * 255.0 + noise / 147.8 * self.noise).clamp(0.0, 255.0) as u8
            })
            .collect();
        let mut bytes = Vec::new();
        JpegEncoder::new_with_quality(&mut bytes, draw.random_range(60..=90))
            .write_image(&pixels, self.width as u32, self.height as u32, ExtendedColorType::L8)
            .expect("a grey picture can be encoded");
        bytes
    }
}

impl Sheet {
    /// Where a point of the sheet (modules from its middle) lies in the picture, and how much light falls on it.
    fn project(&self, [x, y]: [f32; 2], width: usize, height: usize) -> [f32; 3] {
        let x = if self.mirrored { -x } else { x };
        let bent = |along: f32| match self.bend {
            Bend::Flat => (along, 0.0, 0.0f32),
            Bend::Cylinder { radius, .. } => {
                let turn = (along / radius).clamp(-1.5, 1.5);
                (radius * turn.sin(), radius * (1.0 - turn.cos()), turn.sin())
            }
            Bend::Waves { length, height, .. } => {
                let phase = along * std::f32::consts::TAU / length;
                (along, height * phase.sin(), height * std::f32::consts::TAU / length * phase.cos())
            }
        };
        let (x, y, z, slope) = match self.bend {
            Bend::Flat => (x, y, 0.0, 0.0),
            Bend::Cylinder { angle, .. } | Bend::Waves { angle, .. } => {
                let (sin, cos) = angle.sin_cos();
                let (along, across) = (x * cos + y * sin, y * cos - x * sin);
                let (along, depth, slope) = bent(along);
                (along * cos - across * sin, along * sin + across * cos, depth, slope)
            }
        };
        let (sin, cos) = self.turn.sin_cos();
        let (x, y) = (x * cos - y * sin, x * sin + y * cos);
        let (sin, cos) = self.pitch.sin_cos();
        let (y, z) = (y * cos - z * sin, y * sin + z * cos);
        let (sin, cos) = self.yaw.sin_cos();
        let (x, z) = (x * cos + z * sin, z * cos - x * sin);
        // A phone's lens: as far away as it is long, so that `module` holds in the middle.
        let distance = width.max(height) as f32 * 0.85 / self.module;
        let scale = self.module / (1.0 + z / distance).max(0.1);
        let light = 1.0 - 0.3 * slope.clamp(-1.0, 1.0);
        [self.at[0] * width as f32 + x * scale, self.at[1] * height as f32 + y * scale, light]
    }

    fn paint(&self, picture: &mut [f32], width: usize, height: usize) {
        let half = self.print.side as f32 / 2.0;
        let reach = half + self.print.quiet;
        let cells = ((reach * 2.0) / 1.5).ceil() as usize;
        let step = reach * 2.0 / cells as f32;
        let corner = |column: usize, row: usize| [column as f32 * step - reach, row as f32 * step - reach];
        let mut sums = vec![0f32; width * height];
        let mut covers = vec![0u8; width * height];
        for (column, row) in (0..cells).flat_map(|row| (0..cells).map(move |column| (column, row))) {
            let corners = [(0, 0), (1, 0), (1, 1), (0, 1)].map(|(dx, dy)| corner(column + dx, row + dy));
            let places = corners.map(|corner| self.project(corner, width, height));
            for [a, b, c] in [[0, 1, 2], [0, 2, 3]] {
                let to = |index: usize| (places[index], corners[index]);
                self.triangle([to(a), to(b), to(c)], width, height, &mut sums, &mut covers);
            }
        }
        let all = (SAMPLES * SAMPLES) as f32;
        for ((pixel, sum), cover) in picture.iter_mut().zip(sums).zip(covers) {
            if cover > 0 {
                let share = (f32::from(cover) / all).min(1.0);
                *pixel = *pixel * (1.0 - share) + sum / f32::from(cover) * share;
            }
        }
    }

    fn triangle(
        &self,
        corners: [([f32; 3], [f32; 2]); 3],
        width: usize,
        height: usize,
        sums: &mut [f32],
        covers: &mut [u8],
    ) {
        let [(a, at), (b, bt), (c, ct)] = corners;
        let area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
        if area.abs() < 1e-6 {
            return;
        }
        let span = |index: usize, most: usize| {
            let values = [a[index], b[index], c[index]];
            let low = values.into_iter().fold(f32::MAX, f32::min).clamp(0.0, most as f32);
            let high = values.into_iter().fold(f32::MIN, f32::max).clamp(0.0, most as f32);
            (low as usize * SAMPLES)..(high.ceil() as usize * SAMPLES)
        };
        let half = self.print.side as f32 / 2.0;
        let pixel = |sample: usize| (sample as f32 + 0.5) / SAMPLES as f32;
        for row in span(1, height) {
            for column in span(0, width) {
                let (x, y) = (pixel(column), pixel(row));
                let q = ((x - a[0]) * (c[1] - a[1]) - (y - a[1]) * (c[0] - a[0])) / area;
                let r = ((b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0])) / area;
                let p = 1.0 - q - r;
                if p < 0.0 || q < 0.0 || r < 0.0 {
                    continue;
                }
                let place = |index: usize| at[index] * p + bt[index] * q + ct[index] * r + half;
                if let Some(grey) = self.print.grey(place(0), place(1)) {
                    let index = row / SAMPLES * width + column / SAMPLES;
                    sums[index] += grey * (a[2] * p + b[2] * q + c[2] * r);
                    covers[index] += 1;
                }
            }
        }
    }
}

/// One pass of a box of that radius along rows and columns.
fn blur(picture: &mut [f32], width: usize, height: usize, radius: f32) {
    if radius < 0.3 {
        return;
    }
    let mut line = Vec::new();
    let mut pass = |picture: &mut [f32], start: usize, stride: usize, count: usize| {
        line.clear();
        line.extend((0..count).map(|at| picture[start + at * stride]));
        let whole = radius as usize;
        let part = radius - whole as f32;
        let get = |at: isize| line[at.clamp(0, count as isize - 1) as usize];
        let mut sum: f32 = (-(whole as isize)..=whole as isize).map(get).sum();
        for at in 0..count {
            let here = at as isize;
            let reach = whole as isize;
            let ends = part * (get(here - reach - 1) + get(here + reach + 1));
            picture[start + at * stride] = (sum + ends) / (2.0 * radius + 1.0);
            sum += get(here + reach + 1) - get(here - reach);
        }
    };
    for row in 0..height {
        pass(picture, row * width, 1, width);
    }
    for column in 0..width {
        pass(picture, column, width, height);
    }
}
