//! A photo is looked at as light and dark; where that shows no code, at what else its pixels are, if anything hints that a
//! code is there: its alpha, and its colours whatever their brightness.

use super::clock::Deadline;
use super::room::Room;
use super::{DecodeLimits, Header, PixelReading, ladder, pixels};
use scanmill_core::domain::Rejection;
use scanmill_jpeg::Aspect;

/// Opens a photo's pixels and climbs.
pub(super) fn look(
    bytes: &[u8],
    header: &Header,
    deadline: Deadline,
    limits: &DecodeLimits,
    room: &Room<'_>,
) -> Result<PixelReading, Rejection> {
    let mut source = pixels::open(bytes, header, Aspect::Brightness, deadline, room)?;
    let whole = deadline;
    let deadline = deadline.at_most(limits.time_budget);
    let mut climb = ladder::climb(&mut source, deadline, limits.first_only, room);
    let (cut, hints) = (source.is_cut(), source.hints());
    // What is promised is the memory of one picture.
    drop(source);
    for aspect in hints.aspects() {
        if !climb.codes.is_empty() || climb.out_of_time || room.is_refused() {
            break;
        }
        // The photo was read once: what fails now says nothing about it.
        let Ok(mut source) = pixels::open(bytes, header, aspect, whole, room) else { continue };
        climb.go_on(ladder::climb_aspect(aspect, &mut source, deadline, limits.first_only, room));
    }
    Ok(PixelReading { climb, cut, deadline })
}
