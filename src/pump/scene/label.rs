//! Labels as flat sheets: paper, a coloured band with the product's name, the code, its address in small print.

use qrcode::{Color, EcLevel, QrCode};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::{Label, font};
use crate::error::{Error, Result};

/// Modules of empty paper around a code.
pub const QUIET: u32 = 4;
/// Modules of the band above and the print below a code.
const BAND: u32 = 8;
const PRINT: u32 = 5;

/// How a label is printed.
#[derive(Clone, Copy, Debug)]
pub struct SheetStyle {
    paper: [u8; 3],
    ink: [u8; 3],
    band: [u8; 3],
    /// Whether band and print are there.
    pub strips: bool,
    /// Radius of the corners in modules.
    corner: f64,
}

impl SheetStyle {
    /// A card on a screen.
    pub const SCREEN: SheetStyle =
        SheetStyle { paper: [255; 3], ink: [0; 3], band: [52, 110, 235], strips: true, corner: 2.0 };

    /// Some style of a printing house.
    pub fn draw(draw: &mut ChaCha8Rng) -> Self {
        const PAPERS: [[u8; 3]; 5] =
            [[250, 250, 248], [244, 240, 228], [232, 240, 246], [248, 232, 208], [226, 226, 224]];
        const INKS: [[u8; 3]; 4] = [[18, 18, 20], [16, 28, 66], [14, 52, 36], [66, 20, 26]];
        const BANDS: [[u8; 3]; 6] =
            [[190, 38, 44], [24, 92, 160], [34, 120, 70], [226, 140, 20], [84, 50, 120], [40, 44, 52]];
        Self {
            paper: PAPERS[draw.random_range(0..PAPERS.len() as u32) as usize],
            ink: INKS[draw.random_range(0..INKS.len() as u32) as usize],
            band: BANDS[draw.random_range(0..BANDS.len() as u32) as usize],
            strips: draw.random_bool(0.75),
            corner: draw.random_range(0.0..3.0),
        }
    }
}

/// A label before the camera sees it: RGB and cover, row by row.
#[derive(Debug)]
pub struct Sheet {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// Its resolution.
    pub pixels_per_module: u32,
    /// Pixels across the code with its quiet zone.
    pub code_side: u32,
    /// Red, green, blue, cover.
    pub pixels: Vec<[u8; 4]>,
}

impl Sheet {
    /// Modules across the code for this text.
    pub fn modules(payload: &str) -> Result<u32> {
        Ok(code(payload)?.width() as u32)
    }

    /// Prints a label.
    pub fn with_code(label: &Label, pixels_per_module: u32, style: SheetStyle) -> Result<Self> {
        let code = code(&label.payload)?;
        let modules = code.width() as u32;
        let across = modules + 2 * QUIET;
        let (band, print) = if style.strips { (BAND, PRINT) } else { (0, 0) };
        let mut sheet = Self::blank(across, across + band + print, pixels_per_module, across, style);
        let colors = code.to_colors();
        for (place, color) in colors.iter().enumerate() {
            if *color == Color::Dark {
                let (x, y) = (place as u32 % modules, place as u32 / modules);
                sheet.fill(QUIET + x, band + QUIET + y, 1, 1, style.ink);
            }
        }
        if style.strips {
            sheet.fill(0, 0, across, BAND, style.band);
            sheet.print(&label.title, 1.5, f64::from(BAND) - 1.5, [250; 3]);
            let address = label.payload.split('/').nth(2).unwrap_or("");
            let top = f64::from(band + across);
            sheet.print(address, top, top + 3.5, style.ink);
        }
        sheet.round_corners(style.corner);
        Ok(sheet)
    }

    /// Prints a price tag with a bar code and text, and no QR code.
    pub fn without_code(pixels_per_module: u32, style: SheetStyle) -> Self {
        let (across, down) = (44, 30);
        let mut sheet = Self::blank(across, down, pixels_per_module, across, style);
        sheet.fill(0, 0, across, BAND, style.band);
        sheet.print("SPRING SALE", 1.5, 6.5, [250; 3]);
        sheet.print("2 FOR 9.90", 9.5, 14.5, style.ink);
        // Bars of fixed widths; no symbology that any reader knows.
        let mut x = 5;
        for (place, width) in [2, 1, 1, 2, 3, 1, 2, 1, 1, 3, 2, 1, 2, 2, 1, 3, 1, 1, 2].into_iter().enumerate() {
            if place % 2 == 0 {
                sheet.fill(x, 17, width, 9, style.ink);
            }
            x += width;
        }
        sheet.round_corners(style.corner);
        sheet
    }

    fn blank(across: u32, down: u32, pixels_per_module: u32, code_across: u32, style: SheetStyle) -> Self {
        let (width, height) = (across * pixels_per_module, down * pixels_per_module);
        let [red, green, blue] = style.paper;
        let pixels = vec![[red, green, blue, 255]; (width * height) as usize];
        Self { width, height, pixels_per_module, code_side: code_across * pixels_per_module, pixels }
    }

    /// Fills a rectangle given in modules.
    fn fill(&mut self, x: u32, y: u32, across: u32, down: u32, [red, green, blue]: [u8; 3]) {
        let scale = self.pixels_per_module;
        for row in
            self.pixels.chunks_exact_mut(self.width as usize).skip((y * scale) as usize).take((down * scale) as usize)
        {
            for pixel in row.iter_mut().skip((x * scale) as usize).take((across * scale) as usize) {
                *pixel = [red, green, blue, 255];
            }
        }
    }

    /// Prints a line of text between two heights given in modules, as large as they and the width allow.
    fn print(&mut self, text: &str, top: f64, bottom: f64, [red, green, blue]: [u8; 3]) {
        let scale = f64::from(self.pixels_per_module);
        let columns = (text.chars().count() * (font::WIDTH + 1)) as f64;
        let dot = ((bottom - top) * scale / font::HEIGHT as f64).min((f64::from(self.width) - 4.0 * scale) / columns);
        let left = (f64::from(self.width) - columns * dot) / 2.0;
        let characters: Vec<char> = text.chars().collect();
        for (y, row) in self.pixels.chunks_exact_mut(self.width as usize).enumerate() {
            let line = (y as f64 - top * scale) / dot;
            if !(0.0..font::HEIGHT as f64).contains(&line) {
                continue;
            }
            for (x, pixel) in row.iter_mut().enumerate() {
                let column = (x as f64 - left) / dot;
                if column < 0.0 {
                    continue;
                }
                let column = column as usize;
                let Some(&character) = characters.get(column / (font::WIDTH + 1)) else { break };
                if font::dot(character, column % (font::WIDTH + 1), line as usize) {
                    *pixel = [red, green, blue, 255];
                }
            }
        }
    }

    fn round_corners(&mut self, modules: f64) {
        let radius = modules * f64::from(self.pixels_per_module);
        let (width, height) = (f64::from(self.width), f64::from(self.height));
        for (y, row) in self.pixels.chunks_exact_mut(self.width as usize).enumerate() {
            for (x, pixel) in row.iter_mut().enumerate() {
                let beyond = |place: usize, size: f64| {
                    let place = place as f64 + 0.5;
                    (radius - place).max(place - (size - radius)).max(0.0)
                };
                let over = beyond(x, width).hypot(beyond(y, height)) - radius;
                pixel[3] = ((0.5 - over).clamp(0.0, 1.0) * 255.0) as u8;
            }
        }
    }
}

fn code(payload: &str) -> Result<QrCode> {
    QrCode::with_error_correction_level(payload, EcLevel::M)
        .map_err(|error| Error::bug(format!("no QR code holds `{payload}`")).source(error))
}
