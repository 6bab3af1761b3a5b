//! Codes as artwork and in bad light: kinds that a plain threshold at full size does not show.

use crate::drawings::{Drawing, STYLES};
use crate::scene::limits;
use image::ImageFormat;
use jpeg_encoder::SamplingFactor;
use rayon::prelude::*;
use scanmill_decode::decode;

const TEXT: &str = "https://shop.example/p/4711";

/// Checks on all cores that all drawings are read; the names of those that are not are told together.
fn check(drawings: Vec<(String, Drawing)>) {
    let all = drawings.len();
    let unread: Vec<String> = drawings
        .into_par_iter()
        .enumerate()
        .filter_map(|(index, (name, drawing))| {
            let bytes = match index % 2 {
                0 => drawing.drawn().file(ImageFormat::Png),
                _ => drawing.drawn().jpeg(85, SamplingFactor::R_4_2_0, false),
            };
            let reading = decode(&bytes, &limits());
            let texts: Vec<&str> = reading.codes.iter().map(|code| code.text.as_str()).collect();
            assert!(texts.iter().all(|text| *text == drawing.text), "{name}: {texts:?}");
            texts.is_empty().then_some(name)
        })
        .collect();
    assert!(unread.is_empty(), "{} of {all} unread:\n{}", unread.len(), unread.join("\n"));
}

#[test]
fn artwork_whose_marks_do_not_touch() {
    let long = format!("{TEXT}?utm_source=poster&utm_medium=print&utm_campaign=spring");
    let mut drawings = Vec::new();
    for style in STYLES {
        for (index, module) in [10.0, 13.0, 16.0, 20.0, 26.0, 34.0].into_iter().enumerate() {
            for fill in [0.6, 0.75, 0.9] {
                let text = if index % 3 == 2 { &long } else { TEXT };
                let degrees = [0.0, 5.0, 0.0, -12.0][index % 4];
                let margin = [0.0, 12.0][index % 2];
                let ink = [[20, 20, 24, 255], [120, 20, 90, 255]][index % 2];
                let level = [qrcode::EcLevel::M, qrcode::EcLevel::H][index % 2];
                let drawing = Drawing { style, module, fill, degrees, margin, ink, level, ..Drawing::new(text) };
                drawings.push((format!("{style:?} {module} fill {fill}"), drawing));
            }
        }
    }
    check(drawings);
}

#[test]
fn small_codes_in_the_dark() {
    let mut drawings = Vec::new();
    for gain in [0.15, 0.08, 0.05, 0.03] {
        for module in [2.5, 3.0, 4.0, 6.0] {
            for noise in [0.7, 1.5] {
                let drawing = Drawing {
                    module,
                    gain,
                    noise,
                    degrees: module * 5.0,
                    margin: 40.0,
                    ground: [90, 80, 60, 255],
                    blur: 0.6,
                    ..Drawing::new(TEXT)
                };
                drawings.push((format!("dark {module} gain {gain} noise {noise}"), drawing));
            }
        }
    }
    check(drawings);
}

#[test]
fn bands_of_glare() {
    let mut drawings = Vec::new();
    // A band that is white takes as much of a code as it is wide: up to where error correction ends.
    for (strength, widths) in [(0.5, &[0.05, 0.1, 0.2][..]), (0.8, &[0.05, 0.2]), (1.5, &[0.02])] {
        for &width in widths {
            for (index, degrees) in [0.0, 30.0, 60.0, 90.0].into_iter().enumerate() {
                let band = Some([[0.5, 0.42, 0.6, 0.5][index], width, degrees, strength]);
                let level = [qrcode::EcLevel::M, qrcode::EcLevel::Q][index % 2];
                let drawing = Drawing {
                    module: 7.0,
                    gain: 0.6,
                    noise: 2.0,
                    margin: 8.0,
                    ground: [150, 140, 120, 255],
                    ink: [15, 15, 15, 255],
                    blur: 0.8,
                    band,
                    level,
                    degrees: 4.0,
                    ..Drawing::new(TEXT)
                };
                drawings.push((format!("glare {strength} width {width} at {degrees}"), drawing));
            }
        }
    }
    check(drawings);
}

#[test]
fn out_of_focus() {
    let mut drawings = Vec::new();
    let long = format!("{TEXT}?utm_source=poster&utm_medium=print");
    for share in [0.35, 0.42, 0.5] {
        for (index, module) in [4.0, 6.0, 8.0, 12.0].into_iter().enumerate() {
            for noise in [0.0, 2.0] {
                let text = [TEXT, &long][index % 2];
                let drawing = Drawing {
                    module,
                    noise,
                    blur: share * module,
                    margin: 6.0,
                    ink: [25, 25, 25, 255],
                    paper: [225, 225, 225, 255],
                    ground: [120, 130, 140, 255],
                    degrees: module * 3.0,
                    ..Drawing::new(text)
                };
                drawings.push((format!("defocus {share} module {module} noise {noise}"), drawing));
            }
        }
    }
    check(drawings);
}
