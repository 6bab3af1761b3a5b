//! Our own QR reader, for the codes that the crates cannot read: crumpled, curved, seen from the side, blurred, glared,
//! tiny, without a quiet zone, drawn in odd styles.
//!
//! The black-and-white picture only proposes finder patterns ([`finder`], [`group`]). Everything after works on grey:
//! the outline is fitted to the patterns every code has ([`fit`]), a mesh follows bent surfaces ([`mesh`]), modules are
//! compared with their neighbourhood ([`soft`]), and doubtful ones count half in the error correction ([`symbol`]).

mod bent;
mod finder;
mod fit;
mod frame;
mod group;
mod grow;
mod layout;
mod mesh;
mod pair;
mod piece;
mod plane;
mod reed_solomon;
mod soft;
mod surface;
mod symbol;
mod tried;

pub(super) use self::bent::read as read_bent;
pub(super) use self::symbol::{Payload, ecc_used};

use std::collections::BTreeMap;

use rxing::common::BitMatrix;

use self::group::Group;
use self::plane::Plane;
pub(super) use self::tried::{Made, Tried};
use super::clock::Deadline;
use super::luma::Luma;

/// A code that was read.
pub(super) struct Symbol {
    /// The payload's bytes as rxing's parser gives them.
    pub payload: Payload,
    /// Top left, top right, bottom right, bottom left of the symbol, in pixels.
    pub corners: [[f32; 2]; 4],
}

impl Symbol {
    /// Whether the point lies within the circle around its corners.
    fn holds(&self, point: [f32; 2]) -> bool {
        let [a, _, c, _] = self.corners;
        let middle = [(a[0] + c[0]) / 2.0, (a[1] + c[1]) / 2.0];
        (point[0] - middle[0]).hypot(point[1] - middle[1]) < (a[0] - c[0]).hypot(a[1] - c[1]) / 2.0
    }
}

/// What one picture showed.
#[derive(Default)]
pub(super) struct Seen {
    /// Codes, the most plausible first.
    pub symbols: Vec<Symbol>,
}

/// Groups of finder patterns that are looked at in one picture.
const MOST_GROUPS: usize = 150;
/// Groups that may look like a code and not be one before the rest is left.
const MOST_FAILURES: usize = 5;

/// What is asked of one picture.
pub(super) struct Task<'a> {
    pub deadline: Deadline,
    /// One code is enough.
    pub first_only: bool,
    pub made: Made,
    /// Whether a point lies in a code that was read before.
    pub is_read: &'a dyn Fn([f32; 2]) -> bool,
    pub tried: &'a mut Tried,
}

impl Task<'_> {
    fn is_over(&self) -> bool {
        self.deadline.is_over() || self.tried.is_enough()
    }
}

/// Reads the dark codes of `luma`, whose finder patterns are looked for in `picture` (the same size, dark set).
pub(super) fn read(luma: &Luma, picture: &BitMatrix, task: &mut Task<'_>) -> Seen {
    let mut seen = Seen::default();
    let plane = Plane(luma);
    let mut patterns = finder::find(picture, task.deadline);
    patterns.retain(|pattern| !(task.is_read)(pattern.centre));
    let mut failures = 0;
    let mut used: Vec<[f32; 2]> = Vec::new();
    let mut candidates = Vec::new();
    let mut finders = BTreeMap::new();
    for group in group::plausible(picture, &patterns, MOST_GROUPS) {
        if task.is_over() {
            break;
        }
        candidates.extend(candidate(plane, picture, group, &mut finders));
    }
    candidates.sort_by(|a, b| b.1.agreement.total_cmp(&a.1.agreement));
    for (group, sides) in candidates {
        if task.is_over() {
            break;
        }
        if group.corners().iter().any(|corner| used.contains(corner)) {
            continue;
        }
        match read_group(plane, &group.seen_aside(picture), &sides.sides, task) {
            Outcome::Read(symbol) => {
                used.extend(group.corners());
                seen.symbols.push(*symbol);
                if task.first_only {
                    break;
                }
                continue;
            }
            // Its patterns belong to this code and no other.
            Outcome::Unreadable => used.extend(group.corners()),
            Outcome::NoCode => {}
            Outcome::TriedBefore => continue,
        }
        failures += 1;
        if failures == MOST_FAILURES {
            break;
        }
    }
    seen
}

/// Reads the dark codes of `luma` that show only two finder patterns.
pub(super) fn read_pairs(luma: &Luma, picture: &BitMatrix, task: &mut Task<'_>) -> Seen {
    let mut seen = Seen::default();
    let plane = Plane(luma);
    let mut patterns = finder::find(picture, task.deadline);
    patterns.retain(|pattern| !(task.is_read)(pattern.centre));
    for (group, side) in pair::groups(plane, picture, &patterns, task.deadline) {
        let known = |symbol: &Symbol| symbol.holds(group.middle());
        // Where all three patterns were seen, two of them tell nothing new.
        if task.is_over() || seen.symbols.iter().any(known) || task.tried.has_code_at(group.middle(), task.made) {
            continue;
        }
        if let Outcome::Read(symbol) = read_group(plane, &group, &[side], task) {
            seen.symbols.push(*symbol);
            if task.first_only {
                break;
            }
        }
    }
    seen
}

/// Agreement of the three finder patterns alone that is worth a fit.
const LEAST_PROBE: f32 = 0.35;
/// Agreement that needs no other view of the patterns.
const GOOD_PROBE: f32 = 0.6;
/// Sizes that a group is fitted with.
const MOST_SIDES: usize = 3;

/// Sizes the group may have by its three finder patterns alone.
struct Sides {
    /// How well the patterns agree at the likeliest size.
    agreement: f32,
    /// Modules on a side, the likeliest first.
    sides: Vec<usize>,
}

/// The group with the sizes it may have, as seen straight from above, or else in perspective.
fn candidate(
    plane: Plane<'_>,
    picture: &BitMatrix,
    group: Group,
    finders: &mut BTreeMap<usize, Vec<fit::Patch>>,
) -> Option<(Group, Sides)> {
    let flat = sides(plane, &group, finders);
    if flat.as_ref().is_some_and(|flat| flat.agreement >= GOOD_PROBE) || !group.is_uneven() {
        return flat.map(|flat| (group, flat));
    }
    let aside = group.seen_aside(picture);
    let turned = aside.aside.and_then(|_| sides(plane, &aside, finders));
    let better = |turned: &Sides| flat.as_ref().is_none_or(|flat| turned.agreement > flat.agreement);
    match turned.filter(better) {
        Some(turned) => Some((aside, turned)),
        None => flat.map(|flat| (group, flat)),
    }
}

fn sides(plane: Plane<'_>, group: &Group, finders: &mut BTreeMap<usize, Vec<fit::Patch>>) -> Option<Sides> {
    let mut probe = |side| fit::probe(plane, group, side, finders.entry(side).or_insert_with(|| fit::finders(side)));
    let mut probes: Vec<(f32, usize)> = group.dimensions().into_iter().map(|side| (probe(side), side)).collect();
    probes.sort_by(|a, b| b.0.total_cmp(&a.0));
    let agreement = probes.first().map_or(0.0, |probe| probe.0);
    probes.retain(|(score, _)| *score >= agreement - 0.15);
    let sides = probes.into_iter().take(MOST_SIDES).map(|(_, side)| side).collect();
    (agreement >= LEAST_PROBE).then_some(Sides { agreement, sides })
}

/// What became of a group.
enum Outcome {
    Read(Box<Symbol>),
    /// A code for sure, but it cannot be read from this picture.
    Unreadable,
    NoCode,
    /// Every size of it failed before.
    TriedBefore,
}

fn read_group(plane: Plane<'_>, group: &Group, sides: &[usize], task: &mut Task<'_>) -> Outcome {
    let mut outcome = Outcome::TriedBefore;
    for &side in sides {
        if task.is_over() {
            break;
        }
        if task.tried.has(group, side, task.made) {
            continue;
        }
        let fit = fit::fit(plane, group, side).filter(|fit| fit.score >= fit::LEAST);
        let mut work = fit::cost(side);
        if let Some(fit) = &fit {
            let mut payload = symbol::read(&soft::sample(plane, &fit.flat()));
            if payload.is_none() && fit.score >= fit::BENT {
                payload = symbol::read(&soft::sample(plane, &mesh::follow(plane, fit, task.deadline)));
                work += mesh::cost(side);
            }
            if let Some(payload) = payload {
                let corners = fit.corners(payload.mirrored);
                return Outcome::Read(Box::new(Symbol { payload, corners }));
            }
        }
        let sure = fit.as_ref().is_some_and(|fit| fit.score >= fit::SURE);
        task.tried.note(group, side, task.made, sure, work);
        if sure {
            return Outcome::Unreadable;
        }
        outcome = Outcome::NoCode;
    }
    outcome
}
