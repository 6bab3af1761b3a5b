//! Files that no honest writer writes.

use std::io::Write;

use flate2::{Compression, write::ZlibEncoder};

/// So many zero bytes, compressed.
pub fn deflated_zeros(bytes: usize) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    let block = vec![0; 1 << 20];
    for _ in 0..bytes >> 20 {
        encoder.write_all(&block).unwrap();
    }
    encoder.finish().unwrap()
}

/// A PNG chunk with its checksum.
pub fn png_chunk(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut sum = flate2::Crc::new();
    sum.update(name);
    sum.update(body);
    [&(body.len() as u32).to_be_bytes()[..], name, body, &sum.sum().to_be_bytes()].concat()
}

/// A PNG file with more chunks behind its header.
pub fn png_with_chunks(png: &[u8], chunks: &[u8]) -> Vec<u8> {
    const BEHIND_HEADER: usize = 33;
    [&png[..BEHIND_HEADER], chunks, &png[BEHIND_HEADER..]].concat()
}

/// A PNG file with compressed text, or a colour profile.
pub fn png_with_text(png: &[u8], chunk: &str, compressed: &[u8]) -> Vec<u8> {
    let (name, before): (&[u8; 4], &[u8]) = match chunk {
        "iCCP" => (b"iCCP", b"profile\0\0"),
        "zTXt" => (b"zTXt", b"Comment\0\0"),
        _ => (b"iTXt", b"XML:com.adobe.xmp\0\x01\0\0\0"),
    };
    png_with_chunks(png, &png_chunk(name, &[before, compressed].concat()))
}

pub fn png_header(width: u32, height: u32, depth: u8, colour: u8) -> Vec<u8> {
    let body = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[depth, colour, 0, 0, 0]].concat();
    let data = png_chunk(b"IDAT", &deflated_zeros(1 << 20));
    [&b"\x89PNG\r\n\x1a\n"[..], &png_chunk(b"IHDR", &body), &data].concat()
}

/// A lossless WebP file.
pub fn webp_header(width: u32, height: u32) -> Vec<u8> {
    let bits = (width - 1) | (height - 1) << 14;
    [&b"RIFF\0\x40\0\0WEBPVP8L\xf0\x3f\0\0\x2f"[..], &bits.to_le_bytes()].concat()
}

/// A lossy WebP file.
pub fn webp_lossy_header(width: u16, height: u16) -> Vec<u8> {
    let frame = [&b"\x10\x3f\0\x9d\x01\x2a"[..], &width.to_le_bytes(), &height.to_le_bytes()].concat();
    [&b"RIFF\0\x40\0\0WEBPVP8 \xf0\x3f\0\0"[..], &frame].concat()
}

pub fn gif_header(width: u16, height: u16) -> Vec<u8> {
    let sides = [width.to_le_bytes(), height.to_le_bytes()].concat();
    let screen = [&b"GIF89a"[..], &sides, &[0x80, 0, 0, 0, 0, 0, 255, 255, 255]].concat();
    [&screen[..], &[0x2c, 0, 0, 0, 0], &sides, &[0, 8, 255]].concat()
}

pub fn bmp_header(width: i32, height: i32, bits: u16, compression: u32) -> Vec<u8> {
    let mut out = b"BM\0\0\0\0\0\0\0\0\x36\x04\0\0\x28\0\0\0".to_vec();
    out.extend(width.to_le_bytes());
    out.extend(height.to_le_bytes());
    out.extend(1u16.to_le_bytes());
    out.extend(bits.to_le_bytes());
    out.extend(compression.to_le_bytes());
    out.extend([0; 20]);
    // A palette of 256 colours.
    out.extend([90; 1_024]);
    out
}

/// A JPEG file up to its first scan's data, with tables in which every code is one symbol of eight bits.
pub fn jpeg_header(width: u16, height: u16, progressive: bool, components: u8) -> Vec<u8> {
    let segment = |marker: u8, body: &[u8]| {
        let length = (body.len() as u16 + 2).to_be_bytes();
        [&[0xff, marker][..], &length, body].concat()
    };
    let mut out = vec![0xff, 0xd8];
    out.extend(segment(0xdb, &[&[0][..], &[9; 64]].concat()));
    let mut frame = [&[8][..], &height.to_be_bytes(), &width.to_be_bytes(), &[components]].concat();
    for id in 1..=components {
        frame.extend([id, 0x11, 0]);
    }
    out.extend(segment(if progressive { 0xc2 } else { 0xc0 }, &frame));
    for class in [0x00, 0x10] {
        let counts = [0, 0, 0, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0, 0, 0, 0];
        out.extend(segment(0xc4, &[&[class][..], &counts, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]].concat()));
    }
    let mut scan = vec![components];
    for id in 1..=components {
        scan.extend([id, 0]);
    }
    scan.extend(if progressive { [0, 0, 0] } else { [0, 63, 0] });
    out.extend(segment(0xda, &scan));
    out
}

/// The file's last scan again and again.
pub fn repeat_last_scan(jpeg: &[u8], times: usize) -> Vec<u8> {
    let end = jpeg.len() - 2;
    let scan = jpeg.windows(2).rposition(|pair| pair == [0xff, 0xda]).unwrap();
    [&jpeg[..end], &jpeg[scan..end].repeat(times), &jpeg[end..]].concat()
}

/// Where the data of a little-endian TIFF file of so many entries begins.
pub fn tiff_data_at(entries: usize) -> u32 {
    8 + 2 + 12 * entries as u32 + 4
}

/// A TIFF file of one directory, whose values are all one 32-bit number, and data.
pub fn tiff(entries: &[(u16, u32)], data: &[u8]) -> Vec<u8> {
    const LONG: u16 = 4;
    let mut entries: Vec<_> = entries.iter().map(|&(tag, value)| (tag, LONG, 1, value)).collect();
    entries.sort_unstable();
    tiff_entries(&entries, data)
}

/// A TIFF file of one directory, whose next directory is itself. Entries: tag, type, count, value or place.
pub fn tiff_entries(entries: &[(u16, u16, u32, u32)], data: &[u8]) -> Vec<u8> {
    let mut out = b"II*\0\x08\0\0\0".to_vec();
    out.extend((entries.len() as u16).to_le_bytes());
    for &(tag, kind, count, value) in entries {
        out.extend(tag.to_le_bytes());
        out.extend(kind.to_le_bytes());
        out.extend(count.to_le_bytes());
        out.extend(value.to_le_bytes());
    }
    out.extend(8u32.to_le_bytes());
    out.extend(data);
    out
}
