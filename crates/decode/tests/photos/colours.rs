//! Codes that brightness does not show: in two colours of one brightness, or drawn by alpha alone.

use crate::drawings::{Drawing, EQUAL_LUMA, Picture};
use crate::scene::limits;
use image::ImageFormat;
use jpeg_encoder::SamplingFactor as S;
use rayon::prelude::*;
use scanmill_decode::decode;

const TEXT: &str = "https://shop.example/p/4711";

/// A way to make a file of a picture.
type Encode = fn(&Picture) -> Vec<u8>;

/// Draws them, makes the files and reads them, on all cores. What is not read is told all at once, so that a failure shows the
/// whole kind.
fn all_are_read(drawings: Vec<(String, Drawing)>, files: &[(&str, Encode)]) {
    let count = drawings.len() * files.len();
    let of_one = |(name, drawing): (String, Drawing)| {
        let picture = drawing.drawn();
        let read = |(form, encode): &(&str, Encode)| {
            let reading = decode(&encode(&picture), &limits());
            let texts: Vec<&str> = reading.codes.iter().map(|code| code.text.as_str()).collect();
            (texts != [TEXT]).then(|| format!("{name} {form}: {texts:?}"))
        };
        files.iter().filter_map(read).collect::<Vec<_>>()
    };
    let unread: Vec<String> = drawings.into_par_iter().flat_map_iter(of_one).collect();
    assert!(unread.is_empty(), "{} of {count} unread:\n{}", unread.len(), unread.join("\n"));
}

#[cfg(feature = "heic")]
const HEIC: (&str, Encode) = ("HEIC", |picture| {
    let pixels = &picture.pixels;
    crate::heic_files::of_rgba(pixels.width() as usize, pixels.height() as usize, pixels.as_raw())
});

const PNG: (&str, Encode) = ("PNG", |picture| picture.file(ImageFormat::Png));
const WEBP: (&str, Encode) = ("WebP", |picture| picture.file(ImageFormat::WebP));
const TIFF: (&str, Encode) = ("TIFF", |picture| picture.file(ImageFormat::Tiff));
const BMP: (&str, Encode) = ("BMP", |picture| picture.file(ImageFormat::Bmp));
const GIF: (&str, Encode) = ("GIF", |picture| picture.file(ImageFormat::Gif));

fn drawings() -> impl Iterator<Item = (String, Drawing)> {
    EQUAL_LUMA.into_iter().flat_map(|colours| {
        [(8.0, 0.0, 0.0), (12.0, 0.0, 0.0), (10.0, 7.0, 2.0), (24.0, 3.0, 4.0)].map(|(module, degrees, noise)| {
            let drawing = Drawing { module, degrees, noise, margin: 3.0, blur: noise / 3.0, ..Drawing::new(TEXT) };
            (format!("{colours:?} {module} pixels noise {noise}"), drawing.colours(colours))
        })
    })
}

#[test]
fn jpeg_of_every_sampling_and_quality() {
    let files: [(&str, Encode); 5] = [
        ("4:2:0 q90", |picture| picture.jpeg(90, S::R_4_2_0, false)),
        ("4:2:0 q70", |picture| picture.jpeg(70, S::R_4_2_0, false)),
        ("4:4:4 q50", |picture| picture.jpeg(50, S::R_4_4_4, false)),
        ("4:2:2 q80", |picture| picture.jpeg(80, S::R_4_2_2, false)),
        ("4:2:0 q80 progressive", |picture| picture.jpeg(80, S::R_4_2_0, true)),
    ];
    all_are_read(drawings().collect(), &files);
}

#[test]
fn the_other_formats() {
    all_are_read(drawings().collect(), &[PNG, WEBP, TIFF, BMP, GIF]);
}

#[cfg(feature = "heic")]
#[test]
fn heic() {
    let drawings = drawings().filter(|(name, _)| name.contains(" 12 ") || name.contains(" 10 "));
    all_are_read(drawings.collect(), &[HEIC]);
}

/// Ink, paper and what lies around it.
const BY_ALPHA: [[[u8; 4]; 3]; 6] = [
    [[0, 0, 0, 0], [255; 4], [255; 4]],
    [[255; 4], [255, 255, 255, 0], [255, 255, 255, 0]],
    [[255; 4], [0, 0, 0, 0], [0, 0, 0, 255]],
    [[255, 255, 255, 0], [255; 4], [30, 90, 30, 255]],
    [[128, 128, 128, 255], [255, 255, 255, 0], [0, 0, 0, 0]],
    [[240, 240, 250, 255], [0, 0, 0, 0], [255, 255, 255, 255]],
];

#[test]
fn alpha_of_every_format() {
    let drawings = BY_ALPHA.into_iter().flat_map(|[ink, paper, ground]| {
        [(4.0, 0.0), (9.0, 6.0), (21.0, 2.0)].map(|(module, degrees)| {
            let drawing =
                Drawing { ink, paper, ground, module, degrees, quiet: 3.0, margin: 3.0, ..Drawing::new(TEXT) };
            (format!("{ink:?} on {paper:?} in {ground:?} {module}"), drawing)
        })
    });
    let mut files = vec![PNG, WEBP, GIF, TIFF];
    #[cfg(feature = "heic")]
    files.push(HEIC);
    all_are_read(drawings.collect(), &files);
}
