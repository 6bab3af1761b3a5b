//! Photos without codes that are like photos with codes: the same, with paper pasted over what was read.
#![allow(clippy::disallowed_methods, reason = "a tool for one's own photos, which need no limits")]

use jpeg_encoder::{ColorType, Encoder};
use scanmill::decode::{DecodeLimits, decode};

/// The photo in grey as JPEG, with every code in it covered; `None` where it holds no code that is read, or is not a photo.
pub fn cover(bytes: &[u8], limits: &DecodeLimits) -> Option<Vec<u8>> {
    let mut jpeg = grey(bytes)?;
    let mut covered = 0;
    // A code may show only when another is covered.
    for _round in 0..4 {
        let codes = decode(&jpeg, limits).codes;
        if codes.is_empty() {
            break;
        }
        covered += codes.len();
        let mut picture = image::load_from_memory(&jpeg).ok()?.into_luma8();
        for code in codes {
            paste(&mut picture, code.corners);
        }
        jpeg = encode(&picture)?;
    }
    (covered > 0).then_some(jpeg)
}

fn grey(bytes: &[u8]) -> Option<Vec<u8>> {
    encode(&image::load_from_memory(bytes).ok()?.into_luma8())
}

fn encode(picture: &image::GrayImage) -> Option<Vec<u8>> {
    let [width, height] = [picture.width(), picture.height()].map(|side| u16::try_from(side).ok());
    let mut jpeg = Vec::new();
    Encoder::new(&mut jpeg, 85).encode(picture.as_raw(), width?, height?, ColorType::Luma).ok()?;
    Some(jpeg)
}

/// Fills the outline, a sixth larger, with the brightness of its middle between dark and light.
fn paste(picture: &mut image::GrayImage, corners: [[f32; 2]; 4]) {
    let [x, y] = corners.iter().fold([0.0, 0.0], |[x, y], at| [x + at[0] / 4.0, y + at[1] / 4.0]);
    let corners = corners.map(|at| [x + (at[0] - x) * 1.17, y + (at[1] - y) * 1.17]);
    let bound = |pick: fn(f32, f32) -> f32, axis: usize, most: u32| {
        corners.iter().map(|at| at[axis]).reduce(pick).unwrap_or(0.0).clamp(0.0, most as f32) as u32
    };
    let columns = bound(f32::min, 0, picture.width())..bound(f32::max, 0, picture.width());
    let rows = bound(f32::min, 1, picture.height())..bound(f32::max, 1, picture.height());
    let turn = |a: [f32; 2], b: [f32; 2], p: [f32; 2]| (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0]);
    let within = |p: [f32; 2]| {
        let turns = [0, 1, 2, 3].map(|at| turn(corners[at], corners[(at + 1) % 4], p));
        turns.iter().all(|turn| *turn >= 0.0) || turns.iter().all(|turn| *turn <= 0.0)
    };
    let places: Vec<(u32, u32)> = rows
        .flat_map(|y| columns.clone().map(move |x| (x, y)))
        .filter(|&(x, y)| within([x as f32, y as f32]))
        .collect();
    let sum: u64 = places.iter().map(|&(x, y)| u64::from(picture.get_pixel(x, y).0[0])).sum();
    let mean = (sum / places.len().max(1) as u64) as u8;
    for (x, y) in places {
        picture.put_pixel(x, y, image::Luma([mean]));
    }
}
