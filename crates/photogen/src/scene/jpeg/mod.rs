//! A JPEG encoder for drawn pictures: baseline, colour halved both ways, the usual tables.
//!
//! It does two things that others do not. It enlarges while it encodes: of a picture drawn at half size every block of
//! 4 x 4 samples becomes the low quarter of a block of 8 x 8, which is a smooth enlargement and a quarter of the work.
//! And it uses only arithmetic whose results are the same on every machine, with no other path for other processors.

use super::planes::Planes;

mod huffman;
mod transform;

use huffman::{BitWriter, Code};
use transform::Kernel;

/// Order in which a block's coefficients are written.
const ZIGZAG: [u8; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21,
    28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54,
    47, 55, 62, 63,
];

/// Steps of brightness and of colour at quality 50, row by row (ITU-T T.81, Annex K).
const STEPS: [[u8; 64]; 2] = [
    [
        16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29,
        51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121,
        120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
    ],
    [
        17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99,
        99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
        99, 99, 99, 99, 99, 99, 99, 99,
    ],
];

/// Whether the picture is written as large as it was drawn, or twice as large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Enlarge {
    /// As large as it was drawn.
    Not,
    /// Twice as wide and twice as high.
    Twice,
}

/// Where metadata goes in an encoded file: behind the start marker.
pub(crate) const METADATA_AT: usize = 2;

/// Encodes a picture at a quality of 1 to 100, without any application segment.
pub(super) fn encode(picture: &Planes, quality: u8, enlarge: Enlarge) -> Vec<u8> {
    let steps = STEPS.map(|table| scaled(table, quality));
    let factor = if enlarge == Enlarge::Twice { 2 } else { 1 };
    let (width, height) = (picture.width * factor, picture.height * factor);
    let mut out = Vec::with_capacity(width * height / 6 + 1024);
    header(&mut out, &steps, (width as u16, height as u16));
    let out = match enlarge {
        Enlarge::Not => scan::<8>(picture, &steps, out),
        Enlarge::Twice => scan::<4>(picture, &steps, out),
    };
    finish(out)
}

/// A picture as it looks after having been compressed at that quality.
pub(super) fn degrade(picture: &mut Planes, quality: u8) {
    let steps = STEPS.map(|table| scaled(table, quality));
    for plane in 0..3 {
        let size = picture.size(plane);
        transform::requantise(&mut picture.samples[plane], size, &steps[plane.min(1)]);
    }
}

/// The steps at a quality, as everybody scales them.
fn scaled(table: [u8; 64], quality: u8) -> [u8; 64] {
    let quality = u32::from(quality.clamp(1, 100));
    let percent = if quality < 50 { 5_000 / quality } else { 200 - 2 * quality };
    table.map(|step| ((u32::from(step) * percent + 50) / 100).clamp(1, 255) as u8)
}

fn segment(out: &mut Vec<u8>, marker: u8, body: &[u8]) {
    out.extend_from_slice(&[0xff, marker]);
    out.extend_from_slice(&(body.len() as u16 + 2).to_be_bytes());
    out.extend_from_slice(body);
}

fn header(out: &mut Vec<u8>, steps: &[[u8; 64]; 2], (width, height): (u16, u16)) {
    out.extend_from_slice(&[0xff, 0xd8]);
    for (id, table) in (0u8..).zip(steps) {
        let mut body = vec![id];
        body.extend(ZIGZAG.iter().map(|&place| table[usize::from(place)]));
        segment(out, 0xdb, &body);
    }
    let [[high, low], [wide, narrow]] = [height.to_be_bytes(), width.to_be_bytes()];
    // Three components; brightness with twice the samples each way.
    segment(out, 0xc0, &[8, high, low, wide, narrow, 3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1]);
    for table in huffman::TABLES {
        let mut body = vec![table.class_and_id];
        body.extend_from_slice(&table.counts);
        body.extend_from_slice(table.values);
        segment(out, 0xc4, &body);
    }
    segment(out, 0xda, &[3, 1, 0x00, 2, 0x11, 3, 0x11, 0, 63, 0]);
}

fn finish(mut out: Vec<u8>) -> Vec<u8> {
    out.extend_from_slice(&[0xff, 0xd9]);
    out
}

/// Writes all blocks, each made of `N` x `N` samples.
fn scan<const N: usize>(picture: &Planes, steps: &[[u8; 64]; 2], out: Vec<u8>) -> Vec<u8>
where
    Kernel<N>: transform::Transform<N>,
{
    let kernels = [Kernel::<N>::new(&steps[0]), Kernel::<N>::new(&steps[1])];
    let codes = [Code::luma(), Code::chroma()];
    let mut writer = BitWriter::new(out);
    let mut before = [0i32; 3];
    // Two by two blocks of brightness and one of each colour.
    for row in 0..picture.height.div_ceil(2 * N) {
        for column in 0..picture.width.div_ceil(2 * N) {
            let luma = [(0, 0), (1, 0), (0, 1), (1, 1)].map(|(x, y)| (0, column * 2 + x, row * 2 + y));
            for (plane, x, y) in luma.into_iter().chain([(1, column, row), (2, column, row)]) {
                let (width, height) = picture.size(plane);
                let samples = samples::<N>(&picture.samples[plane], width, height, x * N, y * N);
                let table = plane.min(1);
                let block = transform::Transform::coefficients(&kernels[table], &samples);
                writer.block(&block, &mut before[plane], &codes[table]);
            }
        }
    }
    writer.finish()
}

/// One block's samples around 0; beyond the edge the last ones go on.
fn samples<const N: usize>(plane: &[u8], width: usize, height: usize, left: usize, top: usize) -> [[f32; N]; N] {
    let mut block = [[0.0; N]; N];
    for (y, line) in block.iter_mut().enumerate() {
        let start = (top + y).min(height - 1) * width;
        let row = plane.get(start..start + width).unwrap_or_default();
        match row.get(left..left + N) {
            Some(part) => {
                for (sample, &value) in line.iter_mut().zip(part) {
                    *sample = f32::from(value) - 128.0;
                }
            }
            None => {
                for (x, sample) in line.iter_mut().enumerate() {
                    *sample = f32::from(row.get((left + x).min(width - 1)).copied().unwrap_or(128)) - 128.0;
                }
            }
        }
    }
    block
}
