//! Labels as flat sheets: paper, a coloured band with the product's name, the code, its address in small print; or the
//! front of a pack with the code in a corner.

use qrcode::{Color, EcLevel, QrCode};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::Label;
use super::font::{Cut, TextLine};
use super::planes::Colour;
use scanmill_core::error::{Error, Result};

/// Modules of empty paper around a code.
pub(super) const QUIET: u32 = 4;
/// Modules of the band above and the print below a code.
const BAND: u32 = 8;
const PRINT: u32 = 5;
/// What stands outside a sheet in its samples, so that sampling never leaves them.
const BORDER: usize = 1;

/// What is on a label beside its code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// Nothing.
    Bare,
    /// A band above and the address below.
    Strips,
    /// The front of a pack: the code is in its lower part.
    Pack,
}

/// How a label is printed.
#[derive(Clone, Copy, Debug)]
pub(super) struct SheetStyle {
    paper: Colour,
    ink: Colour,
    band: Colour,
    /// What else is on it.
    pub layout: Layout,
    /// Radius of the corners in modules.
    corner: f64,
}

impl SheetStyle {
    /// A card on a screen.
    pub(super) const SCREEN: SheetStyle = SheetStyle {
        paper: Colour::rgb(255, 255, 255),
        ink: Colour::rgb(0, 0, 0),
        band: Colour::rgb(52, 110, 235),
        layout: Layout::Strips,
        corner: 2.0,
    };

    /// Some style of a printing house.
    pub(super) fn draw(draw: &mut ChaCha8Rng) -> Self {
        const PAPERS: [Colour; 5] = [
            Colour::rgb(250, 250, 248),
            Colour::rgb(244, 240, 228),
            Colour::rgb(232, 240, 246),
            Colour::rgb(248, 232, 208),
            Colour::rgb(226, 226, 224),
        ];
        const INKS: [Colour; 4] =
            [Colour::rgb(18, 18, 20), Colour::rgb(16, 28, 66), Colour::rgb(14, 52, 36), Colour::rgb(66, 20, 26)];
        const BANDS: [Colour; 8] = [
            Colour::rgb(190, 38, 44),
            Colour::rgb(24, 92, 160),
            Colour::rgb(34, 120, 70),
            Colour::rgb(226, 140, 20),
            Colour::rgb(84, 50, 120),
            Colour::rgb(40, 44, 52),
            Colour::rgb(18, 128, 136),
            Colour::rgb(206, 84, 112),
        ];
        fn one<T: Copy>(of: &[T], draw: &mut ChaCha8Rng) -> T {
            of[draw.random_range(0..of.len() as u32) as usize]
        }
        let layout = match draw.random_range(0..100u32) {
            0..45 => Layout::Strips,
            45..80 => Layout::Pack,
            _ => Layout::Bare,
        };
        Self {
            paper: one(&PAPERS, draw),
            ink: one(&INKS, draw),
            band: one(&BANDS, draw),
            layout,
            corner: draw.random_range(0.0..3.0),
        }
    }
}

/// A label before the camera sees it.
#[derive(Debug)]
pub(super) struct Sheet {
    /// Samples across, borders not counted.
    pub width: u32,
    /// Samples down, borders not counted.
    pub height: u32,
    /// Its resolution.
    pub pixels_per_module: u32,
    /// Samples across the code with its quiet zone.
    pub code_side: u32,
    /// The middle of the code.
    pub code_at: (f64, f64),
    /// Radius of the corners in samples.
    pub corner: f64,
    /// Brightness and the colour differences plus 128, row by row, with a border of one sample.
    pub samples: Vec<[u8; 3]>,
}

impl Sheet {
    /// Modules across the code for this text.
    pub(super) fn modules(payload: &str) -> Result<u32> {
        Ok(code(payload)?.width() as u32)
    }

    /// Prints a label.
    pub(super) fn with_code(label: &Label, pixels_per_module: u32, style: SheetStyle) -> Result<Self> {
        let code = code(&label.payload)?;
        let modules = code.width() as u32;
        let side = modules + 2 * QUIET;
        // Where the code's quiet zone begins, and the whole.
        let (left, top, across, down) = match style.layout {
            Layout::Bare => (0, 0, side, side),
            Layout::Strips => (0, BAND, side, BAND + side + PRINT),
            Layout::Pack => (side / 8, side / 3, side + side / 4, side + side / 3 + side / 8),
        };
        let paper = if style.layout == Layout::Pack { style.band } else { style.paper };
        let mut sheet = Self::blank((across, down), pixels_per_module, side, paper, style.corner);
        let middle = f64::from(side) / 2.0;
        let scale = f64::from(pixels_per_module);
        sheet.code_at = ((f64::from(left) + middle) * scale, (f64::from(top) + middle) * scale);
        if style.layout == Layout::Pack {
            sheet.fill((left, top), (side, side), style.paper);
        }
        for (place, color) in code.to_colors().iter().enumerate() {
            if *color == Color::Dark {
                let (x, y) = (place as u32 % modules, place as u32 / modules);
                sheet.fill((left + QUIET + x, top + QUIET + y), (1, 1), style.ink);
            }
        }
        let white = Colour::rgb(250, 250, 250);
        let address = label.payload.split('/').nth(2).unwrap_or("");
        let (band, wide, high) = (f64::from(BAND), f64::from(across), f64::from(down));
        match style.layout {
            Layout::Bare => {}
            Layout::Strips => {
                sheet.fill((0, 0), (across, BAND), style.band);
                sheet.print(&label.title, (2.0, 1.0), (wide - 4.0, band - 2.0), white);
                sheet.print(address, (2.0, high - 4.5), (wide - 4.0, 4.0), style.ink);
            }
            Layout::Pack => {
                let top = f64::from(top);
                sheet.print(&label.title, (3.0, top * 0.12), (wide - 6.0, top * 0.52), white);
                sheet.print(address, (3.0, top * 0.66), (wide - 6.0, top * 0.24), style.paper);
                let below = high - f64::from(side / 8);
                sheet.print("SCAN ME", (3.0, below + 0.8), (wide - 6.0, high - below - 1.6), white);
            }
        }
        Ok(sheet)
    }

    /// Prints a price tag with a bar code and text, and no QR code.
    pub(super) fn without_code(pixels_per_module: u32, style: SheetStyle) -> Self {
        let (across, down) = (44, 30);
        let mut sheet = Self::blank((across, down), pixels_per_module, across, style.paper, style.corner);
        sheet.fill((0, 0), (across, BAND), style.band);
        sheet.print("SPRING SALE", (2.0, 1.0), (40.0, 6.0), Colour::rgb(250, 250, 250));
        sheet.print("2 for 9.90", (2.0, 9.0), (40.0, 6.5), style.ink);
        // Bars of fixed widths; no symbology that any reader knows.
        let mut x = 5;
        for (place, width) in [2, 1, 1, 2, 3, 1, 2, 1, 1, 3, 2, 1, 2, 2, 1, 3, 1, 1, 2].into_iter().enumerate() {
            if place % 2 == 0 {
                sheet.fill((x, 17), (width, 9), style.ink);
            }
            x += width;
        }
        sheet
    }

    fn blank((across, down): (u32, u32), scale: u32, code_across: u32, paper: Colour, corner: f64) -> Self {
        let (width, height) = (across * scale, down * scale);
        let samples = vec![paper.samples(); (width as usize + 2 * BORDER) * (height as usize + 2 * BORDER)];
        Self {
            width,
            height,
            pixels_per_module: scale,
            code_side: code_across * scale,
            code_at: (f64::from(width) / 2.0, f64::from(height) / 2.0),
            corner: corner * f64::from(scale),
            samples,
        }
    }

    /// Samples a row, borders included.
    pub(super) fn stride(&self) -> usize {
        self.width as usize + 2 * BORDER
    }

    /// Fills a rectangle given in modules; what touches the edge goes on in the border.
    fn fill(&mut self, (x, y): (u32, u32), (across, down): (u32, u32), colour: Colour) {
        let (scale, stride) = (self.pixels_per_module, self.stride());
        let range = |from: u32, count: u32, size: u32| {
            let (start, end) = (from * scale, (from + count) * scale);
            let start = if start == 0 { 0 } else { start as usize + BORDER };
            start..if end >= size { size as usize + 2 * BORDER } else { end as usize + BORDER }
        };
        let (columns, rows) = (range(x, across, self.width), range(y, down, self.height));
        let samples = colour.samples();
        for row in self.samples.chunks_exact_mut(stride).skip(rows.start).take(rows.len()) {
            row.get_mut(columns.clone()).unwrap_or_default().fill(samples);
        }
    }

    /// Prints a line of text in the middle of a rectangle given in modules, as large as it allows.
    fn print(&mut self, text: &str, (x, y): (f64, f64), (across, down): (f64, f64), colour: Colour) {
        let line = TextLine::new(text, Cut::Large);
        let (scale, stride) = (f64::from(self.pixels_per_module), self.stride());
        if line.width == 0 {
            return;
        }
        // Capitals fill the middle two thirds of a line's height.
        let dot = (down * scale * 1.4 / line.height as f64).min(across * scale / line.width as f64);
        let left = (x + across / 2.0) * scale - line.width as f64 * dot / 2.0;
        let top = (y + down / 2.0) * scale - line.height as f64 * dot / 2.0;
        // Three by three looks a sample: letters are finer than samples in a small picture.
        let looks = |count: u32, start: f64, dots: usize| -> Vec<[Option<usize>; 3]> {
            let dot_at = |place: f64| Some((place - start) / dot).filter(|at| *at >= 0.0 && *at < dots as f64);
            let three =
                |place: u32| [1.0, 3.0, 5.0].map(|sixth| dot_at(f64::from(place) + sixth / 6.0).map(|at| at as usize));
            (0..count).map(three).collect()
        };
        let (columns, rows) = (looks(self.width, left, line.width), looks(self.height, top, line.height));
        let printed = &|x, y| line.dot(x, y);
        for (row, ys) in self.samples.chunks_exact_mut(stride).skip(BORDER).zip(&rows) {
            if ys.iter().all(Option::is_none) {
                continue;
            }
            for (sample, xs) in row.iter_mut().skip(BORDER).zip(&columns) {
                let dots = xs.iter().flatten().flat_map(|&x| ys.iter().flatten().filter(move |&&y| printed(x, y)));
                let cover = dots.count() as f32 / 9.0;
                if cover == 0.0 {
                    continue;
                }
                for ((value, ink), zero) in sample.iter_mut().zip(colour.0).zip([0.0, 128.0, 128.0]) {
                    *value = (f32::from(*value) * (1.0 - cover) + (ink + zero) * cover + 0.5) as u8;
                }
            }
        }
    }
}

fn code(payload: &str) -> Result<QrCode> {
    QrCode::with_error_correction_level(payload, EcLevel::M)
        .map_err(|error| Error::bug(format!("no QR code holds `{payload}`")).with_source(error))
}
