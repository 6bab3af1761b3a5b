//! HEIC photos in two stages: the small copy that the file brings, and only where that does not do, the photo itself.
//! Pixels are nearly all that such a photo costs, and a code that fills a fair part of it is read in the small copy.

use super::catch_panic::catch_panic;
use super::clock::Deadline;
use super::ladder::{self, Climb};
use super::pixels;
use super::room::Room;
use super::{DecodeLimits, Header, PixelReading, aspects};
use scanmill_core::domain::{Code, Rejection};

/// Looks at a HEIC photo until every code seen is read.
pub(super) fn look(
    bytes: &[u8],
    header: &Header,
    deadline: Deadline,
    limits: &DecodeLimits,
    room: &Room<'_>,
) -> Result<PixelReading, Rejection> {
    let reading = || deadline.at_most(limits.time_budget);
    let mut seen = None;
    // A small copy that cannot be read costs no more than its time: the photo itself will tell what is wrong.
    if let Some(mut copy) = catch_panic(|| pixels::thumbnail(bytes, deadline)).ok().flatten() {
        let deadline = reading();
        let mut climb = ladder::glance(&mut copy, deadline, limits.first_only, room);
        climb.enlarge(header.width.max(header.height) as f32 / copy.long_side() as f32);
        if climb.is_complete() {
            return Ok(PixelReading { climb, cut: false, deadline });
        }
        seen = Some(climb);
    }
    let mut look = aspects::look(bytes, header, deadline, limits, room)?;
    look.climb = merged(seen, look.climb);
    Ok(look)
}

/// A later climb, with the codes of an earlier one that it does not have.
fn merged(earlier: Option<Climb>, mut later: Climb) -> Climb {
    let Some(earlier) = earlier else { return later };
    // A part of a message is for the later climb to join with the others.
    let is_whole = |code: &Code| code.sequence.as_ref().is_none_or(|sequence| sequence.index.is_none());
    let is_new = |code: &Code| is_whole(code) && !later.codes.iter().any(|known| overlap(known, code));
    let new: Vec<Code> = earlier.codes.into_iter().filter(is_new).collect();
    if !new.is_empty() {
        later.codes.extend(new);
        // Reading order, as the ladder has it.
        later.codes.sort_by_key(|code| {
            let [x, y] = middle(code);
            (y as i64, x as i64, code.text.clone())
        });
    }
    later.runs.splice(0..0, earlier.runs);
    later.has_blank |= earlier.has_blank;
    later.panic = earlier.panic.or(later.panic);
    later
}

fn middle(code: &Code) -> [f32; 2] {
    [0, 1].map(|axis| code.corners.iter().map(|corner| corner[axis]).sum::<f32>() / 4.0)
}

/// Whether the middle of one lies within the bounds of the other.
fn overlap(one: &Code, other: &Code) -> bool {
    let holds = |outer: &Code, point: [f32; 2]| {
        [0, 1].iter().all(|&axis| {
            let along = outer.corners.iter().map(|corner| corner[axis]);
            along.clone().fold(f32::MAX, f32::min) <= point[axis] && point[axis] <= along.fold(f32::MIN, f32::max)
        })
    };
    holds(one, middle(other)) || holds(other, middle(one))
}
