//! Photos that the project draws itself, for benches without any other corpus.
#![allow(dead_code, reason = "each bench uses its own part")]

use image::{DynamicImage, ImageFormat, RgbImage};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use scanmill::decode::{DecodeLimits, inspect};
use scanmill::domain::Format;
use scanmill::pump::scene::{Difficulty, Label, PhotoSize, SceneSpec};

/// Long and short side of a photo of 0.3, 1.2 and 12 megapixels.
pub const SIZES: [(&str, u32, u32); 3] = [("0.3", 640, 480), ("1.2", 1_280, 960), ("12", 4_032, 3_024)];

/// Limits that let every photo of a bench pass, with the time a photo has by default.
pub fn limits() -> DecodeLimits {
    DecodeLimits {
        max_file_bytes: 256 << 20,
        max_pixels: 64_000_000,
        max_side: 16_384,
        max_pixels_per_byte: 10_000,
        time_budget: std::time::Duration::from_secs(5),
        heic_time_budget: Some(std::time::Duration::from_secs(60)),
        first_only: false,
        place_zone: true,
    }
}

/// A drawn photo before it becomes a file.
pub struct Made {
    /// What its codes say.
    pub texts: Vec<String>,
    picture: RgbImage,
}

/// Draws the photo `variant` with one code, or with two where `two`.
pub fn draw(variant: u32, width: u32, height: u32, two: bool) -> Made {
    let text = |place: u32| format!("https://www.nordpfad.example/p/trail-{variant}?utm_source=label-{place}");
    let texts: Vec<String> = (0..if two { 2 } else { 1 }).map(text).collect();
    let label = |payload: &String| Label { title: "TRAIL 28".into(), payload: payload.clone() };
    let labels = texts.iter().map(label).collect();
    let mut spec = SceneSpec::new(7, labels, variant, PhotoSize::Mixed, Format::Jpeg, Difficulty::Easy);
    (spec.width, spec.height) = (width, height);
    let drawn = spec.encode().unwrap_or_else(|error| panic!("cannot draw a photo: {error}"));
    // Through the project's own guard first, as the lint on unlimited loading asks.
    inspect(&drawn, &limits()).unwrap_or_else(|reject| panic!("{reject:?}"));
    let reader = image::ImageReader::with_format(std::io::Cursor::new(drawn), ImageFormat::Jpeg);
    Made { texts, picture: reader.decode().unwrap().into_rgb8() }
}

impl Made {
    /// As a phone writes it: quality 88, chroma halved both ways.
    pub fn jpeg(&self, progressive: bool) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes, 88);
        encoder.set_sampling_factor(SamplingFactor::F_2_2);
        encoder.set_progressive(progressive);
        let (width, height) = (self.picture.width() as u16, self.picture.height() as u16);
        encoder.encode(self.picture.as_raw(), width, height, ColorType::Rgb).unwrap();
        bytes
    }

    /// In any other format.
    pub fn file(&self, format: ImageFormat) -> Vec<u8> {
        let mut out = std::io::Cursor::new(Vec::new());
        DynamicImage::from(self.picture.clone()).write_to(&mut out, format).unwrap();
        out.into_inner()
    }

    /// In every format: name and bytes.
    pub fn files(&self) -> Vec<(&'static str, Vec<u8>)> {
        vec![
            ("jpeg", self.jpeg(false)),
            ("jpeg progressive", self.jpeg(true)),
            ("png", self.file(ImageFormat::Png)),
            ("webp lossless", self.file(ImageFormat::WebP)),
            ("gif", self.file(ImageFormat::Gif)),
            ("bmp", self.file(ImageFormat::Bmp)),
            ("tiff", self.file(ImageFormat::Tiff)),
        ]
    }
}

/// A corpus of small and large photos: name, texts and bytes.
pub fn corpus() -> impl Iterator<Item = (String, Vec<String>, Vec<u8>)> {
    let small = (0..40).map(|variant| {
        let (_, width, height) = SIZES[usize::from(variant % 4 == 3)];
        let made = draw(variant, width, height, variant % 5 == 4);
        let (ending, bytes) = match variant % 8 {
            5 => ("png", made.file(ImageFormat::Png)),
            6 => ("webp", made.file(ImageFormat::WebP)),
            7 => ("jpg", made.jpeg(true)),
            _ => ("jpg", made.jpeg(false)),
        };
        (format!("small/{variant:03}.{ending}"), made.texts, bytes)
    });
    let large = (0..4).map(|variant| {
        let (_, width, height) = SIZES[2];
        let made = draw(100 + variant, width, height, false);
        (format!("large/{variant:03}.jpg"), made.texts.clone(), made.jpeg(false))
    });
    small.chain(large)
}
