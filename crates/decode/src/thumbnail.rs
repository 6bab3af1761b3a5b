//! A small grey copy of a photo that gave no code, for people who wonder why.

use std::time::Duration;

use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;
use scanmill_core::domain::{Format, Reason};

use crate::catch_panic::catch_panic;
use crate::clock::Deadline;
use crate::pixels::Source;
use crate::{DecodeLimits, Header, Room, pixels, read_luma, upright};
use scanmill_jpeg::{Aspect, Luma};

/// Longest side in pixels.
const SIDE: usize = 256;
/// What the copy may cost: opening the pixels once more, and a look for codes in the copy.
const OPENING: Duration = Duration::from_millis(500);
const LOOKING: Duration = Duration::from_millis(100);
/// The same of AVIF, and of HEIC without a small copy of its own, whose pixels take so much longer.
const SLOW_OPENING: Duration = Duration::from_secs(3);
const QUALITY: u8 = 60;

/// Whether a photo of this format may take as long for its copy as for its reading.
pub fn is_slow(format: Format) -> bool {
    matches!(format, Format::Heic | Format::Avif)
}

/// The copy as JPEG, upright, in the memory that `room` grants. `None` where there are no pixels, where they take too long,
/// and where a code can be read in the copy, or time did not last to say that none can: a payload must be seen by whoever
/// redacts it before it is shown to anybody, and what the photo itself did not give was never redacted.
pub fn thumbnail(bytes: &[u8], header: &Header, limits: &DecodeLimits, room: &Room<'_>) -> Option<Vec<u8>> {
    // The photo has its answer: a codec's panic here says nothing more about it.
    catch_panic(|| made(bytes, header, limits, room)).ok().flatten()
}

fn made(bytes: &[u8], header: &Header, limits: &DecodeLimits, room: &Room<'_>) -> Option<Vec<u8>> {
    let mut source = opened(bytes, header, limits, room)?;
    if !room.has(source.bytes_to_make(SIDE, None)) {
        return None;
    }
    let small = upright::turned(source.at_most(SIDE).into_owned(), &upright::turns(bytes, header.format));
    let jpeg = encode(&small)?;
    let reading = read_luma(small, &DecodeLimits { time_budget: LOOKING, first_only: true, ..*limits });
    let has_none = reading.codes.is_empty() && reading.reject.is_some_and(|why| why.reason == Reason::NoCode);
    has_none.then_some(jpeg)
}

fn opened(bytes: &[u8], header: &Header, limits: &DecodeLimits, room: &Room<'_>) -> Option<Source> {
    let open = |within: Duration| pixels::open(bytes, header, Aspect::Brightness, Deadline::after(within), room).ok();
    if !is_slow(header.format) {
        return open(OPENING);
    }
    // `None`: turned off, so not looked at for a picture either.
    let within = limits.heic_time_budget?.min(SLOW_OPENING);
    #[cfg(feature = "heic")]
    if header.format == Format::Heic
        && let Some(own) = pixels::thumbnail(bytes, Deadline::after(OPENING))
    {
        return Some(own);
    }
    open(within)
}

fn encode(luma: &Luma) -> Option<Vec<u8>> {
    let (width, height) = (u32::try_from(luma.width()).ok()?, u32::try_from(luma.height()).ok()?);
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, QUALITY)
        .encode(luma.pixels(), width, height, ExtendedColorType::L8)
        .ok()?;
    Some(jpeg)
}
