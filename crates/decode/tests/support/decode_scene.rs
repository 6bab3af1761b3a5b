//! Pictures with codes at known places, drawn pixel by pixel.
#![allow(dead_code, reason = "each test file that includes this uses its own part")]

use std::time::Duration;

use qrcode::{Color, EcLevel, QrCode};
use scanmill_decode::DecodeLimits;

/// The limits of the default settings.
pub fn limits() -> DecodeLimits {
    DecodeLimits {
        max_file_bytes: 32 << 20,
        max_pixels: 64_000_000,
        max_side: 16_384,
        max_pixels_per_byte: 1_000,
        // No test may depend on how busy the machine is.
        time_budget: Duration::from_secs(120),
        heic_time_budget: Some(Duration::from_secs(120)),
        first_only: false,
        place_zone: true,
    }
}

/// A code of `text` with level M.
pub fn code(text: &str) -> QrCode {
    QrCode::with_error_correction_level(text, EcLevel::M).unwrap()
}

/// The modules of a symbol that holds `codewords`, which are padded, at level M.
pub fn symbol(mut codewords: Vec<u8>, version: i16) -> Vec<Color> {
    let version = qrcode::Version::Normal(version);
    let capacity = qrcode::bits::Bits::new(version).max_len(EcLevel::M).unwrap() / 8;
    assert!(codewords.len() <= capacity);
    codewords.extend([0xec, 0x11].into_iter().cycle().take(capacity - codewords.len()));
    let (data, check) = qrcode::ec::construct_codewords(&codewords, version, EcLevel::M).unwrap();
    let mut canvas = qrcode::canvas::Canvas::new(version, EcLevel::M);
    canvas.draw_all_functional_patterns();
    canvas.draw_data(&data, &check);
    canvas.apply_best_mask().into_colors()
}

/// A grey picture.
#[derive(Clone)]
pub struct Scene {
    pub width: usize,
    pub height: usize,
    pub pixels: Vec<u8>,
}

/// How a code lies in the scene.
#[derive(Clone, Copy)]
pub struct Place {
    /// Middle of the symbol in pixels.
    pub centre: [f32; 2],
    /// Pixels a module.
    pub module: f32,
    /// Clockwise, in degrees.
    pub degrees: f32,
    /// Seen in a mirror.
    pub mirrored: bool,
    /// Light on dark.
    pub inverted: bool,
}

impl Place {
    pub fn at(x: f32, y: f32, module: f32) -> Place {
        Place { centre: [x, y], module, degrees: 0.0, mirrored: false, inverted: false }
    }
}

impl Scene {
    /// Light paper with a soft shade.
    pub fn paper(width: usize, height: usize) -> Scene {
        let shade = |index: usize| 225 - ((index % width) * 30 / width) as u8;
        Scene { width, height, pixels: (0..width * height).map(shade).collect() }
    }

    /// Draws the code with a quiet zone of four modules.
    pub fn draw(self, code: &QrCode, place: Place) -> Scene {
        self.draw_modules(&code.to_colors(), place)
    }

    /// Draws a square of modules with a quiet zone of four; edges are smoothed by sampling each pixel 16 times.
    pub fn draw_modules(mut self, colors: &[Color], place: Place) -> Scene {
        let width = colors.len().isqrt();
        let side = width as f32;
        let (sin, cos) = place.degrees.to_radians().sin_cos();
        let reach = ((side + 8.0) * place.module * 0.75) as i64;
        let [centre_x, centre_y] = place.centre;
        let modules = |x: f32, y: f32| {
            let (x, y) = (x - centre_x, y - centre_y);
            let (right, down) = ((x * cos + y * sin) / place.module, (y * cos - x * sin) / place.module);
            (if place.mirrored { -right } else { right } + side / 2.0, down + side / 2.0)
        };
        let ink = |x: f32, y: f32| -> Option<f32> {
            let (column, row) = modules(x, y);
            let within = |at: f32, margin: f32| at >= -margin && at < side + margin;
            if !within(column, 4.0) || !within(row, 4.0) {
                return None;
            }
            let dark = within(column, 0.0)
                && within(row, 0.0)
                && colors[row as usize * width + column as usize] == Color::Dark;
            Some(if dark != place.inverted { 30.0 } else { 220.0 })
        };
        let clamp = |at: i64, most: usize| at.clamp(0, most as i64) as usize;
        for y in clamp(centre_y as i64 - reach, self.height)..clamp(centre_y as i64 + reach, self.height) {
            for x in clamp(centre_x as i64 - reach, self.width)..clamp(centre_x as i64 + reach, self.width) {
                let paper = f32::from(self.pixels[y * self.width + x]);
                let samples = (0..16).map(|sample| {
                    let (dx, dy) = ((sample % 4) as f32 / 4.0 + 0.125, (sample / 4) as f32 / 4.0 + 0.125);
                    ink(x as f32 + dx, y as f32 + dy).unwrap_or(paper)
                });
                self.pixels[y * self.width + x] = (samples.sum::<f32>() / 16.0) as u8;
            }
        }
        self
    }

    /// As PNG.
    pub fn png(&self) -> Vec<u8> {
        encode(&self.grey().into(), image::ImageFormat::Png)
    }

    pub fn grey(&self) -> image::GrayImage {
        image::GrayImage::from_raw(self.width as u32, self.height as u32, self.pixels.clone()).unwrap()
    }

    /// Grey as three equal channels.
    pub fn rgb(&self) -> Vec<u8> {
        self.pixels.iter().flat_map(|&grey| [grey; 3]).collect()
    }
}

/// A picture in one of `image`'s formats.
pub fn encode(picture: &image::DynamicImage, format: image::ImageFormat) -> Vec<u8> {
    let mut out = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut out, format).unwrap();
    out.into_inner()
}
