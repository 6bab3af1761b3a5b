//! A small grey copy of a photo that gave no code, for people who wonder why.

use std::time::Duration;

use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;
use scanmill_core::domain::Format;

use crate::catch_panic::catch_panic;
use crate::clock::Deadline;
use crate::luma::{Aspect, Luma};
use crate::{DecodeLimits, Header, Room, pixels, read_luma};

/// Longest side in pixels.
const SIDE: usize = 256;
/// What the copy may cost: opening the pixels once more, and a look for codes in the copy.
const OPENING: Duration = Duration::from_millis(500);
const LOOKING: Duration = Duration::from_millis(100);
const QUALITY: u8 = 60;

/// The copy as JPEG, in the memory that `room` grants. `None` where there are no pixels, where they take too long (AVIF, and
/// HEIC without a small copy of its own), and where a code can be read in the copy: a payload must be seen by whoever
/// redacts it before it is shown to anybody, and what the photo itself did not give was never redacted.
pub fn thumbnail(bytes: &[u8], header: &Header, limits: &DecodeLimits, room: &Room<'_>) -> Option<Vec<u8>> {
    // The photo has its answer: a codec's panic here says nothing more about it.
    catch_panic(|| made(bytes, header, limits, room)).ok().flatten()
}

fn made(bytes: &[u8], header: &Header, limits: &DecodeLimits, room: &Room<'_>) -> Option<Vec<u8>> {
    let deadline = Deadline::after(OPENING);
    let mut source = match header.format {
        #[cfg(feature = "heic")]
        Format::Heic => pixels::thumbnail(bytes, deadline)?,
        #[cfg(not(feature = "heic"))]
        Format::Heic => return None,
        Format::Avif => return None,
        _ => pixels::open(bytes, header, Aspect::Brightness, deadline, room).ok()?,
    };
    if !room.has(source.bytes_to_make(SIDE, None)) {
        return None;
    }
    let small = source.at_most(SIDE).into_owned();
    let jpeg = encode(&small)?;
    let reading = read_luma(small, &DecodeLimits { time_budget: LOOKING, first_only: true, ..*limits });
    reading.codes.is_empty().then_some(jpeg)
}

fn encode(luma: &Luma) -> Option<Vec<u8>> {
    let (width, height) = (u32::try_from(luma.width()).ok()?, u32::try_from(luma.height()).ok()?);
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, QUALITY)
        .encode(luma.pixels(), width, height, ExtendedColorType::L8)
        .ok()?;
    Some(jpeg)
}
