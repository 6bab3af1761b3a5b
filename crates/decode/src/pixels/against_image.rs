//! The brightness that our own readers make is that of the `image` crate's samples.

use std::io::{Cursor, Write};
use std::time::Duration;

use super::super::room::Room;
use super::super::{DecodeLimits, guard};
use super::{Deadline, Source, open};
use scanmill_core::domain::{Reason, Rejection};
use scanmill_jpeg::{Aspect, of_rgb, over_white};

fn opened(bytes: &[u8]) -> Result<Source, Rejection> {
    let limits = DecodeLimits {
        max_file_bytes: 1 << 24,
        max_pixels: 1 << 24,
        max_side: 16_384,
        max_pixels_per_byte: 10_000,
        time_budget: Duration::from_secs(60),
        heic_time_budget: None,
        first_only: false,
        place_zone: true,
    };
    let header = guard::inspect(bytes, &limits)?;
    open(bytes, &header, Aspect::Brightness, Deadline::after(limits.time_budget), &Room::boundless())
}

/// Our brightness of every pixel, and that of `image`'s samples.
fn both(name: &str, bytes: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let mut source = opened(bytes).unwrap_or_else(|reject| panic!("{name}: {reject:?}"));
    assert!(!source.is_cut(), "{name}");
    let reader = image::ImageReader::new(Cursor::new(bytes)).with_guessed_format().unwrap();
    let picture = reader.decode().unwrap_or_else(|error| panic!("{name}: {error}"));
    let picture = picture.into_rgba16();
    let grey = |pixel: &image::Rgba<u16>| {
        let [red, green, blue, alpha] = pixel.0.map(|sample| (sample >> 8) as u8);
        over_white(of_rgb(red, green, blue), alpha)
    };
    let theirs: Vec<u8> = picture.pixels().map(grey).collect();
    (source.at_most(0).pixels().to_vec(), theirs)
}

fn same(name: &str, bytes: &[u8], within: u8) {
    let (ours, theirs) = both(name, bytes);
    assert_eq!(ours.len(), theirs.len(), "{name}");
    let off = ours.iter().zip(&theirs).map(|(ours, theirs)| ours.abs_diff(*theirs)).max();
    assert!(off <= Some(within), "{name}: {off:?} off");
}

fn noise(seed: usize) -> impl FnMut() -> u8 {
    let mut state = seed as u64 | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    }
}

fn chunk(out: &mut Vec<u8>, kind: &[u8; 4], body: &[u8]) {
    out.extend((body.len() as u32).to_be_bytes());
    let from = out.len();
    out.extend([&kind[..], body].concat());
    let crc = out[from..].iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    });
    out.extend((!crc).to_be_bytes());
}

/// A PNG file of random samples, each row with another filter.
fn png([width, height]: [usize; 2], colour: u8, depth: u8, interlaced: bool, transparent: bool) -> Vec<u8> {
    let mut random = noise(width * 31 + height);
    let channels = [1, 0, 3, 1, 2, 0, 4][usize::from(colour)];
    let passes = [[0, 0, 8, 8], [4, 0, 8, 8], [0, 4, 4, 8], [2, 0, 4, 4], [0, 2, 2, 4], [1, 0, 2, 2], [0, 1, 1, 2]];
    let whole = [[0, 0, 1, 1]];
    let mut raw = Vec::new();
    for &[x, y, across, down] in if interlaced { &passes[..] } else { &whole[..] } {
        let [columns, rows] = [(width, x, across), (height, y, down)]
            .map(|(side, from, step): (usize, usize, usize)| side.saturating_sub(from).div_ceil(step));
        for row in 0..if columns == 0 { 0 } else { rows } {
            raw.push((row % 5) as u8);
            raw.extend((0..(columns * channels * usize::from(depth)).div_ceil(8)).map(|_| random()));
        }
    }
    let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut header = [(width as u32).to_be_bytes(), (height as u32).to_be_bytes()].concat();
    header.extend([depth, colour, 0, 0, u8::from(interlaced)]);
    chunk(&mut out, b"IHDR", &header);
    if colour == 3 {
        let colours: Vec<u8> = (0..3 << depth).map(|_| random()).collect();
        chunk(&mut out, b"PLTE", &colours);
    }
    if transparent {
        let alpha: Vec<u8> =
            if colour == 3 { (0..1 << (depth - 1)).map(|_| random()).collect() } else { vec![0; 2 * channels] };
        chunk(&mut out, b"tRNS", &alpha);
    }
    let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(&raw).unwrap();
    chunk(&mut out, b"IDAT", &packed.finish().unwrap());
    chunk(&mut out, b"IEND", b"");
    out
}

#[test]
fn png_of_every_layout() {
    let layouts = [(0, &[1, 2, 4, 8, 16][..]), (2, &[8, 16]), (3, &[1, 2, 4, 8]), (4, &[8, 16]), (6, &[8, 16])];
    for (colour, depths) in layouts {
        for &depth in depths {
            for size in [[37, 21], [1, 1], [3, 2], [8, 8], [16, 5]] {
                for (interlaced, transparent) in [(false, false), (true, false), (false, true), (true, true)] {
                    if transparent && colour >= 4 {
                        continue;
                    }
                    let name = format!("{size:?} colour {colour} depth {depth} {interlaced} {transparent}");
                    same(&name, &png(size, colour, depth, interlaced, transparent), 0);
                }
            }
        }
    }
}

#[test]
fn a_png_cut_short_shows_the_rows_it_has() {
    for interlaced in [false, true] {
        let file = png([64, 400], 2, 8, interlaced, false);
        let (whole, _) = both("whole", &file);
        let mut cut = opened(&file[..file.len() / 2]).unwrap();
        assert!(cut.is_cut());
        let pixels = cut.at_most(0).pixels().to_vec();
        let alike = pixels.iter().zip(&whole).filter(|(ours, whole)| ours == whole).count();
        assert!((pixels.len() / 3..pixels.len() * 2 / 3).contains(&alike), "{alike}");
        if !interlaced {
            assert_eq!(pixels[..64 * 180], whole[..64 * 180]);
            assert!(pixels[64 * 220..].iter().all(|&grey| grey == super::MISSING));
        }
        let reason = |bytes: &[u8]| opened(bytes).err().map(|reject| reject.reason);
        assert_eq!(reason(&file[..60]), Some(Reason::Truncated));
        // Broken is not cut; a wrong value among the samples is a wrong pixel.
        let changed = |at: usize| [&file[..at], &[file[at] ^ 0x55], &file[at + 1..]].concat();
        assert_eq!(reason(&changed(41)), Some(Reason::Unreadable));
        assert_eq!(reason(&changed(file.len() / 2)), None);
    }
}

#[test]
fn lossy_webp() {
    let file = |name: &str| {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/webp");
        std::fs::read(folder.join(format!("{name}.webp"))).unwrap()
    };
    // Only rounding is between the Y of a grey picture and the Y of its RGB; chroma made to RGB is rounded once more.
    same("grey", &file("lossy_grey"), 1);
    same("colour", &file("lossy_colour"), 2);
    same("alpha", &file("lossy_alpha"), 0);
    let mut other_size = file("lossy_colour");
    other_size[26] += 16;
    assert!(
        opened(&other_size).is_ok_and(|mut source| source.at_most(0).width() == 91) || opened(&other_size).is_err()
    );
}

/// A GIF file: a screen with a palette of 16, and a frame of numbers up to 15, of which 3 is transparent.
fn gif_file(screen: [u16; 2], frame: [u16; 4], interlaced: bool) -> Vec<u8> {
    let mut random = noise(7);
    let palette: Vec<u8> = (0..16 * 3).map(|_| random()).collect();
    let mut out = Vec::new();
    let mut encoder = gif::Encoder::new(&mut out, screen[0], screen[1], &palette).unwrap();
    let [left, top, width, height] = frame;
    let numbers: Vec<u8> = (0..usize::from(width) * usize::from(height)).map(|_| random() & 15).collect();
    let mut frame = gif::Frame::from_indexed_pixels(width, height, numbers, Some(3));
    (frame.left, frame.top, frame.interlaced) = (left, top, interlaced);
    encoder.write_frame(&frame).unwrap();
    drop(encoder);
    out
}

#[test]
fn gif_frames_anywhere() {
    for interlaced in [false, true] {
        same("whole", &gif_file([37, 29], [0, 0, 37, 29], interlaced), 0);
        same("inner", &gif_file([37, 29], [5, 3, 17, 11], interlaced), 0);
        let file = gif_file([100, 200], [0, 0, 100, 200], interlaced);
        let (whole, _) = both("whole", &file);
        let mut cut = opened(&file[..file.len() / 2]).unwrap();
        assert!(cut.is_cut());
        let alike = cut.at_most(0).pixels().iter().zip(&whole).filter(|(ours, whole)| ours == whole).count();
        assert!((whole.len() / 3..whole.len() * 2 / 3).contains(&alike), "{alike} of {}", whole.len());
    }
}

/// A BMP file of random samples.
fn bmp_file(width: i32, height: i32, bits: u16, colours: u32) -> Vec<u8> {
    let mut random = noise(bits.into());
    let palette = if bits > 8 {
        0
    } else if colours == 0 {
        1 << bits
    } else {
        colours as usize
    };
    let stride = (width.unsigned_abs() as usize * usize::from(bits)).div_ceil(32) * 4;
    let size = stride * height.unsigned_abs() as usize;
    let mut out = b"BM".to_vec();
    out.extend(((54 + palette * 4 + size) as u32).to_le_bytes());
    out.extend([0; 4]);
    out.extend(((54 + palette * 4) as u32).to_le_bytes());
    out.extend([40u32.to_le_bytes(), width.to_le_bytes(), height.to_le_bytes()].concat());
    out.extend([[1, 0], bits.to_le_bytes()].concat());
    out.extend([0, size as u32, 0, 0, colours, 0].iter().flat_map(|number| number.to_le_bytes()));
    out.extend((0..palette * 4 + size).map(|_| random()));
    out
}

#[test]
fn bmp_of_every_depth() {
    for bits in [1, 4, 8, 16, 24, 32] {
        for (width, height) in [(37, 21), (37, -21), (1, 1), (32, 8), (5, -3)] {
            same(&format!("{width}x{height} of {bits}"), &bmp_file(width, height, bits, 0), 0);
        }
    }
    same("few colours", &bmp_file(19, 7, 8, 200), 0);
    let file = bmp_file(64, 100, 24, 0);
    let (whole, _) = both("whole", &file);
    let mut cut = opened(&file[..54 + 64 * 3 * 50 + 7]).unwrap();
    assert!(cut.is_cut());
    let pixels = cut.at_most(0).pixels().to_vec();
    // The last row comes first.
    assert_eq!(pixels[64 * 50..], whole[64 * 50..]);
    assert!(pixels[..64 * 50].iter().all(|&grey| grey == super::MISSING));
}
