//! Input that lies, stops early, or is something else: one typed rejection each, never a panic, never a large
//! allocation.

use std::time::Duration;

use crate::scene::{Place, Scene, code, encode, limits};
use image::{DynamicImage, ImageFormat};
use proptest::prelude::*;
use scanmill_core::domain::{Reading, Reason};
use scanmill_decode::{DecodeLimits, decode, inspect};

fn reason(bytes: &[u8]) -> Option<Reason> {
    sound(decode(bytes, &limits())).reject.map(|reject| reject.reason)
}

fn sound(reading: Reading) -> Reading {
    assert_eq!(reading.codes.is_empty(), reading.reject.is_some());
    assert!(reading.reject.as_ref().is_none_or(|reject| !reject.detail.is_empty()));
    reading
}

fn scene() -> Scene {
    Scene::paper(240, 200).draw(&code("hostile"), Place::at(120.0, 100.0, 5.0))
}

fn jpeg(progressive: bool) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut out, 80);
    encoder.set_progressive(progressive);
    encoder.encode(&scene().rgb(), 240, 200, jpeg_encoder::ColorType::Rgb).unwrap();
    out
}

/// The scene in every format.
fn files() -> Vec<(&'static str, Vec<u8>)> {
    let rgb = DynamicImage::from(scene().grey()).to_rgb8();
    let encoded = |format| encode(&rgb.clone().into(), format);
    #[cfg_attr(not(feature = "heic"), allow(unused_mut))]
    let mut files = vec![
        ("jpeg", jpeg(false)),
        ("progressive jpeg", jpeg(true)),
        ("png", encoded(ImageFormat::Png)),
        ("webp", encoded(ImageFormat::WebP)),
        ("gif", encoded(ImageFormat::Gif)),
        ("bmp", encoded(ImageFormat::Bmp)),
        ("tiff", encoded(ImageFormat::Tiff)),
    ];
    #[cfg(feature = "heic")]
    files.push(("heic", crate::heic_files::heic(240, 200, &scene().pixels)));
    files
}

fn png_header(width: u32, height: u32) -> Vec<u8> {
    let mut out = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    out.extend(width.to_be_bytes());
    out.extend(height.to_be_bytes());
    out.extend([8, 6, 0, 0, 0, 0, 0, 0, 0]);
    out
}

#[test]
fn what_is_no_photo_has_its_own_reason() {
    assert_eq!(reason(b""), Some(Reason::Empty));
    assert_eq!(reason(b"PK\x03\x04 a zip renamed .jpg"), Some(Reason::Unsupported));
    assert_eq!(reason(b"\0\0\0\x18ftypavif\0\0\0\0"), Some(Reason::Truncated));
    assert_eq!(reason(b"\0\0\0\x18ftypheic\0\0\0\0"), Some(Reason::Truncated));
    assert_eq!(reason(b"just text"), Some(Reason::Unsupported));
    assert_eq!(reason(&[0]), Some(Reason::Unsupported));
    assert_eq!(reason(&[0xff, 0xd8, 0xff]), Some(Reason::Truncated));
    assert_eq!(reason(b"\x89PNG\r\n\x1a\n"), Some(Reason::Truncated));
    assert_eq!(reason(b"\xff\xd8\xff\xd9"), Some(Reason::Unreadable));
    // Lossless and arithmetic JPEG, 12-bit samples, JPEG-LS.
    for (marker, precision) in [(0xc3, 8), (0xc9, 8), (0xc1, 12), (0xf7, 8)] {
        let file = [0xff, 0xd8, 0xff, marker, 0, 11, precision, 0, 8, 0, 8, 1, 1, 0x11, 0];
        assert_eq!(reason(&file), Some(Reason::Unsupported), "{marker:x}");
    }
    assert!(decode(b"PK\x03\x04", &limits()).reject.unwrap().detail.contains("zip"));
}

#[test]
fn sizes_are_refused_by_the_header() {
    assert_eq!(reason(&png_header(60_000, 60_000)), Some(Reason::TooManyPixels));
    assert_eq!(reason(&png_header(u32::MAX, u32::MAX)), Some(Reason::TooManyPixels));
    assert_eq!(reason(&png_header(16_000, 16_000)), Some(Reason::TooManyPixels));
    assert_eq!(reason(&png_header(20_000, 2)), Some(Reason::TooManyPixels));
    // Within every size, but 40 bytes cannot hold two megapixels.
    assert_eq!(reason(&png_header(2_000, 1_000)), Some(Reason::TooManyPixels));
    assert_eq!(reason(&png_header(0, 10)), Some(Reason::Unreadable));
    let small = DecodeLimits { max_file_bytes: 100, ..limits() };
    assert_eq!(decode(&jpeg(false), &small).reject.unwrap().reason, Reason::TooLarge);

    let lie = |mut file: Vec<u8>, at: usize, bytes: &[u8]| {
        file[at..at + bytes.len()].copy_from_slice(bytes);
        inspect(&file, &limits()).map(|header| (header.width, header.height)).map_err(|reject| reject.reason)
    };
    let files: std::collections::HashMap<_, _> = files().into_iter().collect();
    assert_eq!(lie(files["gif"].clone(), 6, &[0xff; 4]), Err(Reason::TooManyPixels));
    // A screen smaller than its frame grows with it.
    assert_eq!(lie(files["gif"].clone(), 6, &[8, 0, 8, 0]), Ok((240, 200)));
    assert_eq!(lie(files["bmp"].clone(), 18, &[0xff, 0xff, 0xff, 0x7f]), Err(Reason::TooManyPixels));
    // From the top instead of the bottom.
    assert_eq!(lie(files["bmp"].clone(), 22, &(-200i32).to_le_bytes()), Ok((240, 200)));
    assert_eq!(lie(files["bmp"].clone(), 22, &i32::MIN.to_le_bytes()), Err(Reason::TooManyPixels));
}

#[test]
fn a_header_that_promises_less_than_the_file_holds_gives_no_more_memory() {
    // The codec sees 240 x 200 as well, so it must notice that the data does not fit, or read what fits.
    let mut bmp = files().into_iter().find(|(name, _)| *name == "bmp").unwrap().1;
    bmp[18..22].copy_from_slice(&24i32.to_le_bytes());
    assert!(matches!(reason(&bmp), Some(Reason::NoCode | Reason::Unreadable)));
}

#[test]
fn every_format_cut_at_many_lengths_is_truncated_or_read() {
    for (name, file) in files() {
        assert_eq!(reason(&file), None, "{name}");
        for step in 1..40 {
            let length = file.len() * step / 40;
            let reading = sound(decode(&file[..length], &limits()));
            let reason = reading.reject.as_ref().map(|reject| reject.reason);
            // A code in the part that is there may be read; a file of a few bytes may be no known format yet.
            let fine = match reason {
                None => reading.codes[0].text == "hostile",
                Some(Reason::Truncated) => true,
                Some(Reason::Unsupported) => length < 18,
                // So few bytes that the picture cannot be in them.
                Some(Reason::TooManyPixels) => 240 * 200 > length * 1000,
                Some(_) => false,
            };
            assert!(fine, "{name} cut to {length} of {}: {:?}", file.len(), reading.reject);
        }
    }
}

#[test]
fn a_jpeg_that_lacks_its_last_bytes_is_still_read() {
    for progressive in [false, true] {
        let file = jpeg(progressive);
        assert_eq!(reason(&file[..file.len() - 40]), None);
    }
}

#[test]
fn the_time_budget_ends_a_photo() {
    let none = DecodeLimits { time_budget: Duration::ZERO, ..limits() };
    let reading = sound(decode(&scene().png(), &none));
    assert_eq!(reading.reject.unwrap().reason, Reason::TimedOut);
    assert!(reading.rungs.is_empty());
}

#[test]
fn a_photo_of_nothing_but_finder_patterns_ends_in_its_time() {
    // 7 x 7 modules of a finder pattern, over and over: every search runs into its bounds.
    let dark = |x: usize, y: usize| {
        let (x, y) = (x / 2 % 9, y / 2 % 9);
        let ring = x.min(6usize.wrapping_sub(x)).min(y.min(6usize.wrapping_sub(y)));
        x < 7 && y < 7 && ring != 1
    };
    let side = 1_500;
    let pixels = (0..side * side).map(|at| if dark(at % side, at / side) { 20 } else { 220 }).collect();
    let photo = Scene { width: side, height: side, pixels };
    let budget = DecodeLimits { time_budget: Duration::from_secs(3), max_pixels_per_byte: u32::MAX, ..limits() };
    let reading = sound(decode(&photo.png(), &budget));
    assert!(matches!(reading.reject.unwrap().reason, Reason::NoCode | Reason::TimedOut));
    // Far above the budget, far below what an unbounded search takes.
    assert!(reading.rungs.iter().map(|run| run.ms).sum::<f64>() < 60_000.0);
}

fn any_photo() -> impl Strategy<Value = (&'static str, Vec<u8>)> {
    prop::sample::select(files())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn changed_bytes_never_panic(
        (name, mut file) in any_photo(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
        in_header in any::<bool>(),
    ) {
        for (index, byte) in changes {
            let at = index.index(if in_header { 100.min(file.len()) } else { file.len() });
            file[at] = byte;
        }
        let reading = sound(decode(&file, &limits()));
        prop_assert!(reading.codes.iter().all(|code| code.text == "hostile"), "{}: a wrong text {:?}", name, reading.codes);
    }

    #[test]
    fn any_bytes_never_panic(
        prefix in prop::sample::select(vec![
            &b"\xff\xd8\xff"[..], b"\xff\xd8\xff\xc0\x00\x11\x08\x00\x40\x00\x40\x03", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x20\0\0\0\x20",
            b"RIFF\xff\xff\0\0WEBPVP8 ", b"RIFF\xff\xff\0\0WEBPVP8L", b"RIFF\xff\xff\0\0WEBPVP8X\x0a\0\0\0", b"GIF89a\x20\0\x20\0",
            b"BM\0\0\0\0\0\0\0\0\0\0\0\0\x28\0\0\0\x20\0\0\0\x20\0\0\0", b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08", b"",
            b"\0\0\0\x10ftypheic\0\0\0\0\0\0\x02\0meta\0\0\0\0\0\0\0\x0epitm\0\0\0\0\0\x01",
        ]),
        rest in prop::collection::vec(any::<u8>(), 0..600),
    ) {
        let file = [prefix, &rest].concat();
        let reading = sound(decode(&file, &limits()));
        prop_assert!(reading.codes.is_empty());
        if let Ok(header) = inspect(&file, &limits()) {
            prop_assert!(header.width <= 16_384 && header.height <= 16_384);
            prop_assert!(u64::from(header.width) * u64::from(header.height) <= file.len() as u64 * 1_000);
        }
    }
}

/// A picture of a photo that gave no code, and none in which there is one to be read: nobody redacted that.
#[test]
fn a_small_copy_is_made_of_what_has_no_code_and_shows_none() {
    let copy = |bytes: &[u8]| {
        let header = inspect(bytes, &limits()).ok()?;
        scanmill_decode::thumbnail(bytes, &header, &limits(), &scanmill_decode::Room::boundless())
    };
    let mut blank = Scene::paper(1_200, 400);
    // What compresses too well is refused.
    blank.pixels.iter_mut().enumerate().for_each(|(index, pixel)| *pixel = (index * 7_919 % 251) as u8);
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP] {
        let made = copy(&encode(&DynamicImage::from(blank.grey()).to_rgb8().into(), format)).expect("a copy");
        let size = image::ImageReader::with_format(std::io::Cursor::new(made), ImageFormat::Jpeg).into_dimensions();
        assert_eq!(size.unwrap(), (256, 85), "{format:?}");
    }
    // A password, as a photo of a router shows it: large, and as small as the copy can still hold.
    let secret = code("WIFI:T:WPA;S:home;P:correct horse;;");
    for (width, module) in [(240, 4.0), (1_200, 12.0), (2_400, 20.0)] {
        let scene = Scene::paper(width, width).draw(&secret, Place::at(width as f32 / 2.0, width as f32 / 2.0, module));
        let bytes = encode(&DynamicImage::from(scene.grey()).to_rgb8().into(), ImageFormat::Png);
        assert!(inspect(&bytes, &limits()).is_ok() && copy(&bytes).is_none(), "{width}: {module} pixels a module");
    }
    assert_eq!(copy(b"no photo"), None);
    let (_, broken) = files().swap_remove(2);
    assert!(copy(&broken[..broken.len() / 2]).is_none_or(|made| made.len() < 24 << 10));
}
