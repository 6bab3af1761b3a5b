//! AVIF: the AV1 pictures of its tiles, one component of each.
//!
//! The decoder knows no deadline, so what bounds a tile is the size that its container promised, and the clock is looked
//! at between tiles. Of each tile's data it is given one frame: hidden ones before it would each take memory of their own.

use std::time::Duration;

use super::super::catch_panic::aside;
use super::super::clock::Deadline;
use super::super::heif::Heif;
use super::av1::{self, Av1Error, Av1Frame};
use super::tiles::{blank, changed, no_alpha, paint};
use super::{Header, Source};
use scanmill_core::domain::{Reason, Rejection};
use scanmill_jpeg::Aspect;
use scanmill_jpeg::Hints;

/// How long one tile may take on the wall clock. The largest that default settings let in takes some five seconds of CPU time.
const PATIENCE: Duration = Duration::from_secs(300);
/// Most zeros put in place of what a file that ends early does not hold.
const MOST_MISSING: usize = 16 << 20;

/// Decodes tile after tile. What a file that ends early does not hold is grey, or whatever the decoder makes of nothing.
pub(super) fn decode(bytes: &[u8], header: &Header, aspect: Aspect, deadline: Deadline) -> Result<Source, Rejection> {
    let changed = |flaw| changed(header.format, flaw);
    let file = Heif::new(bytes).map_err(changed)?;
    let photo = file.picture().map_err(changed)?;
    let alpha = file.alpha(&photo);
    let mut hints = Hints { alpha: alpha.is_some(), ..Hints::default() };
    let picture = if aspect == Aspect::Opacity { alpha.ok_or_else(no_alpha)? } else { photo };
    let mut luma =
        blank(&picture).ok_or_else(|| Rejection::new(Reason::Unreadable, "an avif picture without pixels"))?;
    let (mut is_cut, mut decoded) = (false, 0);
    for (index, &item) in picture.items.iter().enumerate() {
        let place = format!("avif, part {} of {}", index + 1, picture.items.len());
        if deadline.is_over() {
            return Err(Rejection::new(Reason::TimedOut, format!("{place}: no time left for its pixels")));
        }
        let (data, cut) = file.data(item).map_err(changed)?;
        is_cut |= cut;
        let frame = match first_frame(&data, cut) {
            Ok(data) => one(data, picture.promised(index), aspect.component()),
            Err(what) => Err(Rejection::new(Reason::Unreadable, what)),
        };
        match frame {
            Ok(frame) => {
                decoded += 1;
                hints.red += frame.hints.red;
                hints.blue += frame.hints.blue;
                let corner = picture.corner(index);
                for (y, row) in frame.samples.chunks_exact(frame.width.max(1)).enumerate() {
                    paint(&mut luma, &picture, corner, y, row);
                }
            }
            // A tile that is not all there.
            Err(reject) if cut && reject.reason == Reason::Unreadable => {}
            Err(reject) => return Err(Rejection::new(reject.reason, format!("{place}: {}", reject.detail))),
        }
    }
    if decoded == 0 {
        return Err(Rejection::new(Reason::Truncated, "the avif file ends before its picture"));
    }
    Ok(Source::whole(luma, is_cut).hinting(hints).shrunk(header.width as f32 / picture.width as f32))
}

/// Decodes one tile.
fn one(data: Vec<u8>, [wide, high]: [u32; 2], component: usize) -> Result<Av1Frame, Rejection> {
    let most = wide.saturating_mul(high);
    let decoded = aside("av1", PATIENCE, move || av1::decode(&data, most, component))
        .map_err(|fault| Rejection::new(Reason::DecoderFault, format!("the decoder failed: {fault}")))?;
    let frame = decoded.map_err(|fault| match fault {
        Av1Error::Large => {
            Rejection::new(Reason::Unreadable, format!("an AV1 picture larger than {wide} x {high} pixels"))
        }
        Av1Error::Foreign => Rejection::new(Reason::Unsupported, "an AV1 picture of an unknown kind"),
        Av1Error::Broken => Rejection::new(Reason::Unreadable, "broken AV1 data"),
    })?;
    let [width, height] = [frame.width, frame.height];
    if width < wide as usize || height < high as usize {
        let detail = format!("{width} x {height} pixels where {wide} x {high} were promised");
        return Err(Rejection::new(Reason::Unreadable, detail));
    }
    Ok(frame)
}

/// The units of an item's data up to the end of its first frame (AV1 §5.3), without those that say nothing about pixels.
/// `cut`: the file ends before the data does; what is missing of the last unit becomes zeros, which the decoder
/// may or may not make a picture of.
fn first_frame(mut data: &[u8], cut: bool) -> Result<Vec<u8>, &'static str> {
    const SEQUENCE: u8 = 1;
    const FRAME_HEADER: u8 = 3;
    const TILES: u8 = 4;
    const FRAME: u8 = 6;
    let mut kept = Vec::with_capacity(data.len());
    let mut has_frame = false;
    while let Some(&head) = data.first() {
        let kind = (head >> 3) & 0xf;
        let mut start = if head & 4 == 0 { 1 } else { 2 };
        let body = if head & 2 == 0 {
            data.len().saturating_sub(start)
        } else {
            let (body, taken) = leb128(data.get(start..).unwrap_or_default()).ok_or("a unit without its size")?;
            start += taken;
            body
        };
        let (unit, rest) = data.split_at(data.len().min(start.saturating_add(body)));
        let missing = start.saturating_add(body) - unit.len();
        if missing > 0 && (!cut || missing > MOST_MISSING) {
            return Err("a unit larger than its data");
        }
        if has_frame && matches!(kind, FRAME_HEADER | FRAME) {
            break;
        }
        has_frame |= matches!(kind, FRAME_HEADER | FRAME);
        if matches!(kind, SEQUENCE | FRAME_HEADER | TILES | FRAME) {
            kept.extend_from_slice(unit);
            kept.resize(kept.len() + missing, 0);
        }
        data = rest;
    }
    if has_frame { Ok(kept) } else { Err("no frame") }
}

/// A number and how many bytes it takes.
fn leb128(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut number = 0usize;
    for (index, &byte) in bytes.iter().take(8).enumerate() {
        number |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return (number <= u32::MAX as usize).then_some((number, index + 1));
        }
    }
    None
}
