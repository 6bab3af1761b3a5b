//! Hostile files, with what they may cost: the memory that `inspect` promised, and a time that ends.
//!
//! An allocator counts the bytes that each thread holds, so tests may run side by side. Time is CPU time, and its bound
//! is far above what the slowest machine needs: it tells work that ends from work that does not.

#[path = "decode_memory/allocator.rs"]
mod allocator;
#[path = "decode_memory/forge.rs"]
mod forge;
#[cfg(feature = "heic")]
#[path = "support/heic.rs"]
mod heic;
#[path = "support/decode_scene.rs"]
mod scene;
#[path = "support/tiff.rs"]
mod tiff;

use std::cell::Cell;
use std::time::Duration;

use image::{DynamicImage, ImageFormat};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use proptest::prelude::*;
use scanmill_core::cpu::thread_cpu;
use scanmill_core::domain::{Reading, Reason};
use scanmill_decode::{DecodeLimits, Header, Room, decode, inspect, read_within};
use scene::{Place, Scene, code, encode};

/// What a reading may hold beyond the promise: texts, EXIF, and the rejection. The promise is what the engine's memory
/// budget counts; this is what it does not.
const BEYOND: usize = 1 << 20;

/// The default settings: what the engine runs with.
fn limits() -> DecodeLimits {
    DecodeLimits { time_budget: Duration::from_secs(5), ..scene::limits() }
}

/// What a reading of a file cost.
struct Held {
    header: Option<Header>,
    reading: Reading,
    /// The most that was reserved for it at any time, and the most that it held.
    reserved: usize,
    peak: usize,
}

/// Reads a file in the memory that it asks for.
fn measured(bytes: &[u8]) -> Held {
    let header = inspect(bytes, &limits());
    let Ok(header) = header else {
        let (reading, peak) = allocator::peak(|| decode(bytes, &limits()));
        return Held { header: None, reading, reserved: 0, peak };
    };
    let reserved = Cell::new(header.first_bytes);
    let grow = |bytes| {
        assert!(bytes > reserved.replace(bytes), "it asked for less than it has");
        true
    };
    let room = Room::new(header.first_bytes, header.decode_bytes, &grow);
    let (reading, peak) = allocator::peak(|| read_within(bytes, &header, &limits(), &room));
    let reading = reading.expect("it was granted all that it asked for");
    Held { header: Some(header), reading, reserved: reserved.get() as usize, peak }
}

/// Decodes with the memory that it reserves, or of [`BEYOND`] alone where the header is refused, and in bounded time.
fn held(name: &str, bytes: &[u8]) -> (Option<Header>, Reading) {
    let before = thread_cpu();
    let Held { header, reading, reserved, peak } = measured(bytes);
    let cpu = thread_cpu().saturating_sub(before);
    assert!(peak <= reserved + BEYOND, "{name}: {peak} bytes held, {reserved} reserved: {:?}", reading.reject);
    let promised = header.as_ref().map_or(0, |header| header.decode_bytes as usize);
    assert!(reserved <= promised, "{name}: {reserved} bytes reserved, {promised} promised");
    // The budget is wall time, which is never shorter, and what cannot be interrupted takes a fraction of this.
    assert!(cpu < Duration::from_secs(60), "{name}: {cpu:?}");
    assert_eq!(reading.codes.is_empty(), reading.reject.is_some(), "{name}");
    (header, reading)
}

fn refused(name: &str, bytes: &[u8]) -> Reason {
    let (_, reading) = held(name, bytes);
    reading.reject.unwrap_or_else(|| panic!("{name}: read as {:?}", reading.codes)).reason
}

fn photo(width: usize, height: usize) -> Scene {
    let module = (width.min(height) / 40).max(1) as f32;
    Scene::paper(width, height).draw(&code("held"), Place::at(width as f32 / 2.0, height as f32 / 2.0, module))
}

fn jpeg(photo: &Scene, color: ColorType, adjust: impl Fn(&mut Encoder<&mut Vec<u8>>)) -> Vec<u8> {
    let pixels = match color {
        ColorType::Luma => photo.pixels.clone(),
        ColorType::Rgb => photo.rgb(),
        _ => photo.pixels.iter().flat_map(|&grey| [0, 0, 0, 255 - grey]).collect(),
    };
    let mut out = Vec::new();
    let mut encoder = Encoder::new(&mut out, 85);
    adjust(&mut encoder);
    encoder.encode(&pixels, photo.width as u16, photo.height as u16, color).unwrap();
    out
}

/// TIFF files of each compression and arrangement.
fn tiffs() -> Vec<tiff::Kind> {
    use tiff::{Colours, PLAIN, Packing};
    let plain = |packing| tiff::Kind { packing, colours: Colours::Rgb, rows_per_strip: 100_000, ..PLAIN };
    let fax = |packing| tiff::Kind { bits: 1, colours: Colours::WhiteIsZero, lowest_first: true, ..plain(packing) };
    vec![
        plain(Packing::PackBits),
        tiff::Kind { lowest_first: true, planar: true, ..plain(Packing::None) },
        tiff::Kind { planar: true, tile: Some([512, 512]), ..plain(Packing::Lzw) },
        tiff::Kind { big: true, tile: Some([256, 256]), predictor: true, ..plain(Packing::Deflate) },
        tiff::Kind { colours: Colours::Ycbcr(2, 2), ..plain(Packing::Lzw) },
        fax(Packing::FaxRows),
        fax(Packing::Group3 { two_dimensional: true }),
        tiff::Kind { tile: Some([256, 256]), ..fax(Packing::Group4) },
    ]
}

/// One photo in every format, layout and depth.
fn every_file(photo: &Scene) -> Vec<(String, Vec<u8>)> {
    use SamplingFactor as S;
    let mut files = Vec::new();
    for sampling in [S::F_1_1, S::F_1_2, S::F_2_2] {
        for progressive in [false, true] {
            for optimized in [false, true] {
                let file = jpeg(photo, ColorType::Rgb, |encoder| {
                    encoder.set_sampling_factor(sampling);
                    encoder.set_progressive(progressive);
                    encoder.set_optimized_huffman_tables(optimized);
                });
                files.push((format!("jpeg {sampling:?} progressive {progressive} optimized {optimized}"), file));
            }
        }
    }
    for (name, color) in [("grey", ColorType::Luma), ("cmyk", ColorType::Cmyk), ("ycck", ColorType::CmykAsYcck)] {
        for (progressive, sampling) in [(false, S::F_1_1), (true, S::F_1_1), (false, S::F_2_2), (true, S::F_2_2)] {
            let file = jpeg(photo, color, |encoder| {
                encoder.set_sampling_factor(sampling);
                encoder.set_progressive(progressive);
            });
            files.push((format!("jpeg {name} {sampling:?} progressive {progressive}"), file));
        }
    }
    let grey = DynamicImage::from(photo.grey());
    let rgb = grey.to_rgb8();
    let pictures: [(&str, DynamicImage); 6] = [
        ("grey", grey.clone()),
        ("rgb", rgb.into()),
        ("rgba", grey.to_rgba8().into()),
        ("grey 16", grey.to_luma16().into()),
        ("rgb 16", grey.to_rgb16().into()),
        ("rgba 16", grey.to_rgba16().into()),
    ];
    for (name, picture) in &pictures {
        files.push((format!("png {name}"), encode(picture, ImageFormat::Png)));
    }
    for (name, picture) in &pictures[1..3] {
        files.push((format!("webp {name}"), encode(picture, ImageFormat::WebP)));
        files.push((format!("gif {name}"), encode(picture, ImageFormat::Gif)));
        files.push((format!("bmp {name}"), encode(picture, ImageFormat::Bmp)));
    }
    for (name, picture) in [&pictures[0], &pictures[1], &pictures[3], &pictures[4], &pictures[5]] {
        files.push((format!("tiff {name}"), encode(picture, ImageFormat::Tiff)));
    }
    for kind in tiffs() {
        let file = tiff::tiff(&kind, photo.width, photo.height, &photo.pixels, 0);
        files.push((format!("tiff {:?} {:?} planar {}", kind.packing, kind.colours, kind.planar), file));
    }
    #[cfg(feature = "heic")]
    {
        files.push(("heic".into(), heic::heic(photo.width, photo.height, &photo.pixels)));
        // Its small copy is no longer told of as one.
        let mut alone = heic::heic(photo.width, photo.height, &photo.pixels);
        if let Some(at) = alone.windows(4).position(|four| four == b"thmb") {
            alone[at..at + 4].copy_from_slice(b"cdsc");
        }
        files.push(("heic at its full size".into(), alone));
    }
    files.push(("tiff float".into(), encode(&DynamicImage::from(grey.to_rgb32f()), ImageFormat::Tiff)));
    files
}

#[test]
fn the_allocator_counts_what_a_thread_holds_at_most() {
    let (_, peak) = allocator::peak(|| {
        drop(std::hint::black_box(vec![1u8; 5 << 20]));
        drop(std::hint::black_box(vec![1u8; 3 << 20]));
    });
    assert!((5 << 20..6 << 20).contains(&peak), "{peak}");
}

#[test]
fn honest_photos_stay_within_the_promise() {
    for photo in [photo(640, 480), photo(1_500, 1_100)] {
        for (name, file) in every_file(&photo) {
            let (header, reading) = held(&name, &file);
            assert_eq!(reading.codes.first().map(|code| code.text.as_str()), Some("held"), "{name}: {reading:?}");
            let header = header.unwrap();
            // A promise that is far too high would keep photos waiting for memory that none of them takes.
            let pixels = u64::from(header.width) * u64::from(header.height);
            let most = match name.split(' ').next() {
                Some("png" | "gif") => 2,
                // Of some the file is copied.
                Some("tiff") => 5,
                _ => 26,
            };
            assert!(header.decode_bytes < pixels * most + (8 << 20), "{name}: {header:?}");
        }
    }
}

/// What is reserved keeps other photos waiting, so it is no more than half as much again as what is held, and no less than
/// that.
#[test]
fn no_more_is_reserved_than_half_as_much_again_as_is_held() {
    let mut table = String::new();
    for (photo, kinds) in [(photo(640, 480), ALL), (photo(1_500, 1_100), ALL), (photo(4_000, 3_000), SOME)] {
        for (name, file) in every_file(&photo) {
            if !kinds.is_empty() && !kinds.contains(&name.as_str()) {
                continue;
            }
            let Held { header, reading, reserved, peak } = measured(&file);
            assert!(!reading.codes.is_empty(), "{name}: {:?}", reading.reject);
            let most = header.unwrap().decode_bytes as usize;
            let by = |bytes: usize| bytes as f64 / peak as f64;
            let (width, height) = (photo.width, photo.height);
            table += &format!("{width} x {height} | {name} | {peak} | {most}, {:.2} | {:.2}\n", by(most), by(reserved));
            assert!((1.0..1.5).contains(&by(reserved)), "held, promised, reserved:\n{table}");
        }
    }
    // Seen with `--nocapture`.
    eprintln!("size | kind | held | at the most, by that | reserved by that\n{table}");
}

const ALL: &[&str] = &[];
/// Of twelve megapixels, as each takes a second or more.
const SOME: &[&str] = &[
    "jpeg F_2_2 progressive false optimized false",
    "jpeg F_1_1 progressive false optimized true",
    "jpeg F_2_2 progressive true optimized true",
    "png rgb",
    "gif rgb",
];

/// A photo that is opened again as its redness, or as its opacity.
#[test]
fn a_second_look_stays_within_the_promise() {
    use SamplingFactor as S;
    let photo = photo(1_500, 1_100);
    let red = |grey: u8| if grey < 128 { [200, 0, 0] } else { [0, 102, 0] };
    let rgb: Vec<u8> = photo.pixels.iter().flat_map(|&grey| red(grey)).collect();
    let mut files = Vec::new();
    for (sampling, progressive) in [(S::F_1_1, false), (S::F_2_1, false), (S::F_2_2, false), (S::F_2_2, true)] {
        let mut out = Vec::new();
        let mut encoder = Encoder::new(&mut out, 85);
        encoder.set_sampling_factor(sampling);
        encoder.set_progressive(progressive);
        encoder.encode(&rgb, photo.width as u16, photo.height as u16, ColorType::Rgb).unwrap();
        files.push((format!("jpeg {sampling:?} progressive {progressive}"), out));
    }
    let size = (photo.width as u32, photo.height as u32);
    let tinted = DynamicImage::from(image::RgbImage::from_raw(size.0, size.1, rgb).unwrap());
    // Not too even: what packs to next to nothing is refused.
    let alpha = |(at, grey): (usize, &u8)| if *grey < 128 { 0 } else { 255 - (((at * 2_654_435_761) >> 13) & 3) as u8 };
    let clear: Vec<u8> = photo.pixels.iter().enumerate().flat_map(|pixel| [255, 255, 255, alpha(pixel)]).collect();
    let clear = DynamicImage::from(image::RgbaImage::from_raw(size.0, size.1, clear).unwrap());
    for format in [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Gif, ImageFormat::Tiff] {
        files.push((format!("{format:?} tinted"), encode(&tinted, format)));
        files.push((format!("{format:?} clear"), encode(&clear, format)));
    }
    #[cfg(feature = "heic")]
    files.push(("heic".into(), heic::of_rgba(photo.width, photo.height, tinted.to_rgba8().as_raw())));
    for (name, file) in files {
        let (_, reading) = held(&name, &file);
        let code = reading.codes.first().unwrap_or_else(|| panic!("{name}: {:?}", reading.reject));
        assert_eq!((code.text.as_str(), ["redness", "opacity"].contains(&code.rung)), ("held", true), "{name}");
    }
}

/// Every rung looks at it, in every size it has.
#[test]
fn a_large_photo_of_codes_that_nobody_reads_stays_within_the_promise() {
    let mut photo = Scene::paper(3_600, 2_700);
    let mut noise = 1u32;
    for index in 0..48 {
        let (x, y) = ((index % 8 * 440 + 260) as f32, (index / 8 * 440 + 250) as f32);
        let degrees = (index * 37 % 90) as f32;
        photo = photo.draw(&code("held"), Place { degrees, ..Place::at(x, y, 10.0) });
        // What lies between the finder patterns is noise.
        for (dx, dy) in (0..130).flat_map(|dy| (0..130).map(move |dx| (dx, dy))) {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            photo.pixels[(y as usize - 30 + dy) * photo.width + x as usize - 30 + dx] = (noise >> 24) as u8;
        }
    }
    let grey = DynamicImage::from(photo.grey());
    for (name, file) in [("png", photo.png()), ("gif", encode(&grey.to_rgb8().into(), ImageFormat::Gif))] {
        let (header, reading) = held(name, &file);
        assert!(reading.rungs.len() > 8, "{name}: {:?}", reading.rungs);
        // Refused more than its first look, it is given up before it takes more.
        let header = header.unwrap();
        let room = Room::new(header.first_bytes, header.decode_bytes, &|_| false);
        let (reading, peak) = allocator::peak(|| read_within(&file, &header, &limits(), &room));
        assert!(reading.is_none() && peak <= header.first_bytes as usize + BEYOND, "{name}: {peak}, {header:?}");
    }
}

#[test]
fn every_file_cut_at_every_byte() {
    let small = Scene::paper(31, 31).draw(&code("held"), Place::at(15.5, 15.5, 1.0));
    let mut seen = std::collections::HashSet::new();
    for (name, file) in every_file(&small) {
        // One file of each format and each JPEG process; the layouts are in `decode_jpeg.rs` and the fuzz targets.
        let progressive =
            if name.ends_with("optimized false") && name.contains("progressive true") { " p" } else { "" };
        if !seen.insert(format!("{}{progressive}", name.split(' ').next().unwrap_or(""))) {
            continue;
        }
        for length in 0..file.len() {
            let (_, reading) = held(&format!("{name} cut to {length}"), &file[..length]);
            assert!(reading.codes.iter().all(|code| code.text == "held"), "{name} cut to {length}");
        }
    }
    assert_eq!(seen.len(), 7 + usize::from(cfg!(feature = "heic")), "{seen:?}");
}

#[test]
fn pictures_of_nothing_are_refused_by_their_header() {
    // 49 megapixels in what a run of zeros compresses to.
    let side = 7_000;
    let black = DynamicImage::from(image::GrayImage::new(side, side));
    for format in [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Gif] {
        let picture = if format == ImageFormat::Png { black.clone() } else { black.to_rgb8().into() };
        let file = encode(&picture, format);
        let name = format!("{format:?} of {} bytes", file.len());
        let pixels_per_byte = u64::from(side) * u64::from(side) / file.len() as u64;
        // What is below the ratio is decoded within its promise; such files are not small.
        let (_, reading) = held(&name, &file);
        let expected = if pixels_per_byte > 1_000 { Reason::TooManyPixels } else { Reason::NoCode };
        let reason = reading.reject.map(|reject| reject.reason);
        assert!(reason == Some(expected) || reason == Some(Reason::TimedOut), "{name}: {reason:?}");
    }
}

#[test]
fn what_a_png_file_holds_beside_its_picture() {
    let zip_of_zeros = forge::deflated_zeros(200 << 20);
    assert!(zip_of_zeros.len() < 1 << 20);
    let reads = |name: &str, file: &[u8]| {
        let (_, reading) = held(name, file);
        assert_eq!(reading.codes.first().map(|code| code.text.as_str()), Some("held"), "{name}: {:?}", reading.reject);
    };
    for photo in [photo(120, 120), photo(1_500, 1_500)] {
        for chunk in ["iCCP", "zTXt", "iTXt"] {
            reads(&format!("200 MB in {chunk}"), &forge::png_with_text(&photo.png(), chunk, &zip_of_zeros));
        }
        let exif = forge::png_chunk(b"eXIf", &vec![0; 2 << 20]);
        reads("a thumbnail of 2 MB in its EXIF", &forge::png_with_chunks(&photo.png(), &exif));
    }
}

#[test]
fn headers_that_promise_more_than_there_is() {
    let filler = vec![0x55; 16_000];
    let four_thousand = 4_000u32;
    let files = [
        ("png", forge::png_header(four_thousand, four_thousand, 16, 6)),
        ("webp lossless", forge::webp_header(four_thousand, four_thousand)),
        ("webp lossy", forge::webp_lossy_header(4_000, 4_000)),
        ("gif", forge::gif_header(4_000, 4_000)),
        ("bmp", forge::bmp_header(four_thousand as i32, four_thousand as i32, 24, 0)),
        ("bmp run lengths", forge::bmp_header(four_thousand as i32, -(four_thousand as i32), 8, 1)),
        ("jpeg", forge::jpeg_header(4_000, 4_000, false, 3)),
        ("jpeg progressive", forge::jpeg_header(4_000, 4_000, true, 3)),
        ("jpeg cmyk progressive", forge::jpeg_header(4_000, 4_000, true, 4)),
    ];
    for (name, header) in files {
        let file = [header.as_slice(), &filler].concat();
        assert!(inspect(&file, &limits()).is_ok(), "{name} must get past its header: {:?}", inspect(&file, &limits()));
        refused(name, &file);
    }
}

#[test]
fn tiff_files_that_lie_about_their_strips_and_tiles() {
    const WIDTH: u16 = 256;
    const HEIGHT: u16 = 257;
    const BITS: u16 = 258;
    const COMPRESSION: u16 = 259;
    const PHOTOMETRIC: u16 = 262;
    const STRIP_OFFSETS: u16 = 273;
    const SAMPLES: u16 = 277;
    const ROWS_PER_STRIP: u16 = 278;
    const STRIP_BYTES: u16 = 279;
    const COLOURS: u16 = 320;
    const TILE_WIDTH: u16 = 322;
    const TILE_HEIGHT: u16 = 323;
    const TILE_OFFSETS: u16 = 324;
    const TILE_BYTES: u16 = 325;
    let base = [(WIDTH, 64), (HEIGHT, 64), (BITS, 8), (PHOTOMETRIC, 1), (SAMPLES, 1)];
    let with = |more: &[(u16, u32)]| forge::tiff(&[&base[..], more].concat(), &forge::deflated_zeros(64 << 20));
    let data = forge::tiff_data_at(base.len());
    let at = |more: usize| data + 12 * more as u32;
    let files = [
        (
            "a strip that inflates to 64 MB",
            with(&[(COMPRESSION, 8), (STRIP_OFFSETS, at(4)), (ROWS_PER_STRIP, 64), (STRIP_BYTES, 60_000)]),
        ),
        (
            "a strip of 4 GB",
            with(&[(COMPRESSION, 1), (STRIP_OFFSETS, at(4)), (ROWS_PER_STRIP, 64), (STRIP_BYTES, u32::MAX)]),
        ),
        (
            "a strip of 4 G rows",
            with(&[(COMPRESSION, 5), (STRIP_OFFSETS, at(4)), (ROWS_PER_STRIP, u32::MAX), (STRIP_BYTES, 60_000)]),
        ),
        (
            "a strip behind the end",
            with(&[(COMPRESSION, 1), (STRIP_OFFSETS, u32::MAX), (ROWS_PER_STRIP, 64), (STRIP_BYTES, 4_096)]),
        ),
        (
            "fax rows without end",
            with(&[(COMPRESSION, 4), (STRIP_OFFSETS, at(4)), (ROWS_PER_STRIP, 64), (STRIP_BYTES, 60_000)]),
        ),
        (
            "tiles of 1 GB",
            with(&[
                (COMPRESSION, 8),
                (TILE_WIDTH, 32_768),
                (TILE_HEIGHT, 32_768),
                (TILE_OFFSETS, at(5)),
                (TILE_BYTES, 60_000),
            ]),
        ),
        (
            "tiles of no width",
            with(&[(COMPRESSION, 1), (TILE_WIDTH, 0), (TILE_HEIGHT, 0), (TILE_OFFSETS, at(5)), (TILE_BYTES, 60_000)]),
        ),
        ("no strips", with(&[(COMPRESSION, 1), (COLOURS, 7)])),
    ];
    for (name, file) in files {
        refused(name, &file);
    }
}

#[test]
fn thousands_of_scans_end() {
    let photo = photo(1_200, 900);
    for (name, color) in [("ycbcr", ColorType::Rgb), ("cmyk", ColorType::Cmyk)] {
        let file = jpeg(&photo, color, |encoder| {
            encoder.set_sampling_factor(SamplingFactor::F_1_1);
            encoder.set_progressive(true);
        });
        let many = forge::repeat_last_scan(&file, 5_000);
        let (_, reading) = held(&format!("{name} with thousands of scans"), &many);
        // The scans say the same again, so what is read of them shows the photo; the codec of the second kind refuses.
        assert!(reading.codes.iter().all(|code| code.text == "held"), "{name}: {:?}", reading.codes);
    }
}

#[test]
fn files_of_millions_of_parts_end() {
    let parts = 400_000;
    let small = photo(64, 64);
    let jpeg = jpeg(&small, ColorType::Rgb, |_| ());
    let many_segments = [&jpeg[..2], &b"\xff\xfe\0\x02".repeat(parts), &jpeg[2..]].concat();
    let fill_bytes = [&jpeg[..2], &vec![0xff; 4 * parts], &jpeg[2..]].concat();
    let png = small.png();
    let many_chunks = forge::png_with_chunks(&png, &forge::png_chunk(b"teSt", b"").repeat(parts));
    let gif = encode(&DynamicImage::from(small.grey()).to_rgb8().into(), ImageFormat::Gif);
    let extensions = [&gif[..13], &b"\x21\xfe\x01x\0".repeat(parts), &gif[13..]].concat();
    let xmp = [&b"<x exif:DateTimeOriginal "[..], &b"exif:DateTimeOriginal=\"".repeat(parts)].concat();
    let packet = [&b"XML:com.adobe.xmp\0\0\0\0\0"[..], &xmp].concat();
    let many_dates = forge::png_with_chunks(&png, &forge::png_chunk(b"iTXt", &packet));
    let webp = [&b"RIFF\xff\xff\xff\0WEBP"[..], &b"JUNK\0\0\0\0".repeat(parts)].concat();
    for (name, file) in [
        ("jpeg of comments", many_segments),
        ("jpeg of fill bytes", fill_bytes),
        ("png of chunks", many_chunks),
        ("gif of comments", extensions),
        ("png with dates without an end", many_dates),
        ("webp of empty chunks", webp),
    ] {
        held(name, &file);
    }
}

#[test]
fn exif_that_points_at_itself_or_at_everything() {
    // Each pointer of a directory of 60,000 entries leads back to it.
    let loops: Vec<(u16, u32)> = (0..60_000).map(|index| (if index % 2 == 0 { 0x8769 } else { 0x8825 }, 8)).collect();
    let loops = forge::tiff(&loops, b"");
    // Every entry is the whole file as one text.
    let texts: Vec<(u16, u16, u32, u32)> = (0..60_000).map(|index| (0x010f + index % 3, 2, 1 << 20, 8)).collect();
    let texts = forge::tiff_entries(&texts, &vec![b'x'; 1 << 20]);
    let png = photo(64, 64).png();
    for (name, blob) in [("loops", loops), ("texts", texts)] {
        let file = forge::png_with_chunks(&png, &forge::png_chunk(b"eXIf", &blob));
        let (_, reading) = held(name, &file);
        assert!(reading.capture.captured_at.is_none() && reading.capture.latitude.is_none());
        refused(name, &blob);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(80))]

    #[test]
    fn lies_take_no_more_than_they_promise(
        file in 0..40usize,
        lies in prop::collection::vec((0..120usize, prop::sample::select(vec![0u32, 1, 0xff, 0x800, 0xffff, 1 << 24, u32::MAX]), any::<bool>()), 1..4),
    ) {
        let files = every_file(&photo(150, 120));
        let (name, mut bytes) = files[file % files.len()].clone();
        for &(at, value, big) in &lies {
            let four = if big { value.to_be_bytes() } else { value.to_le_bytes() };
            bytes.iter_mut().skip(at).zip(four).for_each(|(byte, new)| *byte = new);
        }
        held(&format!("{name} {lies:?}"), &bytes);
    }
}
