//! Codes drawn in any two colours, in any style of modules, and what a camera makes of them: specimens of kinds that
//! readers fail on.
#![allow(dead_code, reason = "each test file that includes this uses its own part")]

use std::f32::consts::PI;

use image::{DynamicImage, ImageFormat, Rgba, RgbaImage};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use qrcode::{Color, EcLevel, QrCode};

/// How dark modules are drawn. All but `Whole` leave gaps between neighbours, in the finder patterns too.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Style {
    Whole,
    Dots,
    Squares,
    /// Joined with their neighbours above and below only.
    Columns,
    /// Joined with their neighbours beside them only.
    Rows,
    Diamonds,
}

pub const STYLES: [Style; 5] = [Style::Dots, Style::Squares, Style::Columns, Style::Rows, Style::Diamonds];

/// A drawn code.
#[derive(Clone, Debug)]
pub struct Drawing {
    pub text: String,
    pub level: EcLevel,
    pub style: Style,
    /// How much of a module's width a mark fills.
    pub fill: f32,
    pub ink: [u8; 4],
    pub paper: [u8; 4],
    /// What lies around the paper.
    pub ground: [u8; 4],
    /// Pixels a module.
    pub module: f32,
    /// Modules of paper around it, then modules of ground around that.
    pub quiet: f32,
    pub margin: f32,
    pub degrees: f32,
    /// Standard deviation of the blur, in pixels.
    pub blur: f32,
    /// Standard deviation of the noise of each channel.
    pub noise: f32,
    /// What is left of the light.
    pub gain: f32,
    /// A band of light across the picture: its middle and width as shares of the diagonal, its angle in degrees, and how
    /// much light it adds (1 is white).
    pub band: Option<[f32; 4]>,
}

impl Drawing {
    /// Black on white, eight pixels a module.
    pub fn new(text: &str) -> Drawing {
        Drawing {
            text: text.to_owned(),
            level: EcLevel::M,
            style: Style::Whole,
            fill: 0.8,
            ink: [0, 0, 0, 255],
            paper: [255; 4],
            ground: [255; 4],
            module: 8.0,
            quiet: 4.0,
            margin: 0.0,
            degrees: 0.0,
            blur: 0.0,
            noise: 0.0,
            gain: 1.0,
            band: None,
        }
    }

    pub fn colours(self, [ink, paper]: [[u8; 3]; 2]) -> Drawing {
        let opaque = |[red, green, blue]: [u8; 3]| [red, green, blue, 255];
        Drawing { ink: opaque(ink), paper: opaque(paper), ground: opaque(paper), ..self }
    }

    /// Draws it, as the camera sees it.
    pub fn drawn(&self) -> Picture {
        let code = QrCode::with_error_correction_level(&self.text, self.level).unwrap();
        let (colors, width) = (code.to_colors(), code.width() as i32);
        let is_dark = |column: i32, row: i32| {
            let inside = (0..width).contains(&column) && (0..width).contains(&row);
            inside && colors[(row * width + column) as usize] == Color::Dark
        };
        let side = ((width as f32 + 2.0 * (self.quiet + self.margin)) * self.module).round() as usize;
        let (sin, cos) = self.degrees.to_radians().sin_cos();
        let sample = |x: f32, y: f32| -> [u8; 4] {
            let [x, y] = [x, y].map(|at| (at - side as f32 / 2.0) / self.module);
            let [x, y] = [x * cos + y * sin, y * cos - x * sin].map(|at| at + width as f32 / 2.0);
            let far = [x, y].map(|at| (-at).max(at - width as f32)).into_iter().fold(f32::MIN, f32::max);
            if far > self.quiet {
                return self.ground;
            }
            let (column, row) = (x.floor() as i32, y.floor() as i32);
            let (across, down) = (x - x.floor() - 0.5, y - y.floor() - 0.5);
            let half = self.fill / 2.0;
            let joined = |next: bool| next || across.abs().max(down.abs()) <= half;
            let is_ink = is_dark(column, row)
                && match self.style {
                    Style::Whole => true,
                    Style::Dots => across.hypot(down) <= half,
                    Style::Squares => across.abs().max(down.abs()) <= half,
                    Style::Diamonds => across.abs() + down.abs() <= half * 1.3,
                    Style::Columns => across.abs() <= half && joined(is_dark(column, row + down.signum() as i32)),
                    Style::Rows => down.abs() <= half && joined(is_dark(column + across.signum() as i32, row)),
                };
            if is_ink { self.ink } else { self.paper }
        };
        let mut planes = vec![vec![0f32; side * side]; 4];
        for at in 0..side * side {
            let mut sums = [0f32; 4];
            for step in 0..9 {
                let [dx, dy] = [step % 3, step / 3].map(|step| (step as f32 + 0.5) / 3.0);
                let colour = sample((at % side) as f32 + dx, (at / side) as f32 + dy);
                sums.iter_mut().zip(colour).for_each(|(sum, channel)| *sum += f32::from(channel) / 9.0);
            }
            planes.iter_mut().zip(sums).for_each(|(plane, sum)| plane[at] = sum);
        }
        let mut random = Noise(0x9e37_79b9_7f4a_7c15 ^ self.text.len() as u64 ^ (side as u64) << 20);
        for plane in planes.iter_mut().take(3) {
            if self.blur > 0.0 {
                *plane = blurred(plane, side, self.blur);
            }
            for (at, value) in plane.iter_mut().enumerate() {
                let glare = self.band.map_or(0.0, |band| glare(band, side, at));
                let noise = if self.noise > 0.0 { random.normal() * self.noise } else { 0.0 };
                *value = *value * self.gain + glare * 255.0 + noise;
            }
        }
        let pixel = |x: u32, y: u32| {
            let at = y as usize * side + x as usize;
            // Half up, as `round` does above zero: that is a call of the C library, for each of millions.
            Rgba([0, 1, 2, 3].map(|channel| (planes[channel][at].max(0.0) + 0.5) as u8))
        };
        let has_alpha = [self.ink, self.paper, self.ground].iter().any(|colour| colour[3] < 255);
        Picture { pixels: RgbaImage::from_fn(side as u32, side as u32, pixel), has_alpha }
    }
}

/// A drawing, drawn.
pub struct Picture {
    pub pixels: RgbaImage,
    has_alpha: bool,
}

impl Picture {
    /// The picture as a file; alpha where the format has it.
    pub fn file(&self, format: ImageFormat) -> Vec<u8> {
        let picture = DynamicImage::from(self.pixels.clone());
        let picture = if self.has_alpha { picture } else { picture.to_rgb8().into() };
        let mut out = std::io::Cursor::new(Vec::new());
        picture.write_to(&mut out, format).unwrap();
        out.into_inner()
    }

    pub fn jpeg(&self, quality: u8, sampling: SamplingFactor, progressive: bool) -> Vec<u8> {
        let picture = DynamicImage::from(self.pixels.clone()).to_rgb8();
        let mut out = Vec::new();
        let mut encoder = Encoder::new(&mut out, quality);
        encoder.set_sampling_factor(sampling);
        encoder.set_progressive(progressive);
        encoder.encode(&picture, picture.width() as u16, picture.height() as u16, ColorType::Rgb).unwrap();
        out
    }
}

/// The light that a band of glare adds at a pixel.
fn glare([middle, width, degrees, strength]: [f32; 4], side: usize, at: usize) -> f32 {
    let (sin, cos) = degrees.to_radians().sin_cos();
    let [x, y] = [at % side, at / side].map(|at| at as f32 / side as f32 - 0.5);
    let off = (x * cos + y * sin) / std::f32::consts::SQRT_2 + 0.5 - middle;
    strength * (-(off / width * 2.0).powi(4)).exp()
}

fn blurred(plane: &[f32], side: usize, sigma: f32) -> Vec<f32> {
    let reach = (sigma * 3.0).ceil() as isize;
    let weights: Vec<f32> = (-reach..=reach).map(|off| (-(off * off) as f32 / (2.0 * sigma * sigma)).exp()).collect();
    let total: f32 = weights.iter().sum();
    let pass = |from: &[f32], place: &dyn Fn(usize, isize) -> usize| -> Vec<f32> {
        let mean = |at: usize| {
            let taps = weights.iter().zip(-reach..);
            taps.map(|(weight, off)| from[place(at, off)] * weight).sum::<f32>() / total
        };
        (0..from.len()).map(mean).collect()
    };
    let last = side as isize - 1;
    let across = pass(plane, &|at, off| at / side * side + ((at % side) as isize + off).clamp(0, last) as usize);
    pass(&across, &|at, off| ((at / side) as isize + off).clamp(0, last) as usize * side + at % side)
}

struct Noise(u64);

impl Noise {
    fn uniform(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 40) as f32 + 0.5) / (1 << 24) as f32
    }

    fn normal(&mut self) -> f32 {
        (-2.0 * self.uniform().ln()).sqrt() * (2.0 * PI * self.uniform()).cos()
    }
}

/// Two colours of like brightness (BT.601, as in JPEG), each in both roles.
pub const EQUAL_LUMA: [[[u8; 3]; 2]; 10] = [
    [[200, 0, 0], [0, 102, 0]],
    [[0, 102, 0], [200, 0, 0]],
    [[255, 60, 60], [30, 185, 20]],
    [[60, 60, 255], [82, 82, 82]],
    [[120, 120, 120], [105, 105, 240]],
    [[255, 140, 0], [0, 225, 225]],
    [[0, 225, 225], [255, 140, 0]],
    [[220, 0, 220], [0, 155, 0]],
    [[230, 60, 120], [118, 118, 118]],
    [[190, 190, 40], [150, 170, 250]],
];
