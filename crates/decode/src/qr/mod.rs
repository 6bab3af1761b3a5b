//! The native QR reader, for the codes that the crates cannot read: crumpled, curved, seen from the side, blurred, glared,
//! tiny, without a quiet zone, drawn in odd styles.
//!
//! The black-and-white picture only proposes finder patterns ([`finder`], [`group`]). Everything after works on grey:
//! the outline is fitted to the patterns every code has ([`fit`]), a mesh follows bent surfaces ([`mesh`]), modules are
//! compared with their neighbourhood ([`soft_modules`]), and doubtful ones count half in the error correction ([`symbol`]).

mod curved;
mod failed_attempts;
mod finder;
mod finder_pose;
mod fit;
mod frame;
mod group;
mod layout;
mod local_classes;
mod mesh;
mod node_window;
mod plane;
mod proposals;
mod ray;
mod reed_solomon;
mod soft_modules;
mod surface;
mod surface_tracking;
mod symbol;
mod two_finders;

pub(super) use self::curved::read as read_curved;
pub(super) use self::layout::{block_sizes, is_masked};
pub(super) use self::proposals::Proposals;
#[cfg(test)]
pub(super) use self::reed_solomon::encode;
pub(super) use self::reed_solomon::multiply;
pub(super) use self::soft_modules::drawn_out;
pub(super) use self::symbol::{SymbolPayload, correct_hard as correct_block};

use std::borrow::Cow;

pub(super) use self::failed_attempts::{FailedAttempts, Made};
use self::frame::Frames;
use self::group::Group;
use self::plane::Plane;
use super::clock::Deadline;
use scanmill_jpeg::Luma;

/// A code that was read.
pub(super) struct Symbol {
    /// The payload's bytes as rxing's parser gives them.
    pub payload: SymbolPayload,
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
pub(super) struct PictureSymbols {
    /// Codes, the most plausible first.
    pub symbols: Vec<Symbol>,
}

/// Groups of finder patterns that are looked at in one picture.
const MOST_GROUPS: usize = 150;
/// Groups that may look like a code and not be one before the rest of a picture is left: of 300 codes that were
/// read all but six were the first that was tried, and none came after more.
const MOST_FAILURES: usize = 3;

/// What is asked of one picture.
pub(super) struct Task<'a> {
    pub deadline: Deadline,
    /// One code is enough.
    pub first_only: bool,
    pub made: Made,
    /// Whether a point lies in a code that was read before.
    pub is_read: &'a dyn Fn([f32; 2]) -> bool,
    pub tried: &'a mut FailedAttempts,
}

impl Task<'_> {
    fn is_over(&self) -> bool {
        self.deadline.is_over() || self.tried.is_enough()
    }
}

/// Groups that are looked at together, the most plausible first. Nine of ten codes are the most plausible group of
/// their picture, and what was read spares the looks at every other group of its patterns.
const BATCHES: [usize; 3] = [6, 24, MOST_GROUPS];

/// Makes the grey picture, once something in the black-and-white one is worth a look.
pub(super) type Grey<'a> = &'a dyn Fn() -> Option<Cow<'a, Luma>>;

/// Reads the dark codes of `grey`, whose finder patterns a picture of the same size proposes.
pub(super) fn read(grey: Grey<'_>, proposals: &Proposals, task: &mut Task<'_>) -> PictureSymbols {
    let (picture, patterns) = (&proposals.picture, proposals.unread(task));
    let groups = group::plausible(picture, &patterns, MOST_GROUPS);
    let Some(luma) = groups.first().and_then(|_| grey()) else { return PictureSymbols::default() };
    let mut reading = SymbolReading {
        plane: Plane(&luma),
        frames: Frames::new(picture),
        used: Vec::new(),
        failures: 0,
        seen: PictureSymbols::default(),
        task,
    };
    let mut waiting = Vec::new();
    let mut start = 0;
    for end in BATCHES {
        let end = end.min(groups.len());
        for group in groups.get(start..end).unwrap_or(&[]) {
            if reading.is_over() {
                return reading.seen;
            }
            waiting.extend(reading.candidate(*group));
        }
        start = end;
        waiting.sort_by(|a: &GroupCandidate, b: &GroupCandidate| b.agreement.total_cmp(&a.agreement));
        // Those that may not be the best wait for the others.
        let least = if end < groups.len() { SURE_PROBE } else { 0.0 };
        let ready = waiting.partition_point(|candidate| candidate.agreement >= least);
        for candidate in waiting.drain(..ready) {
            if reading.is_over() {
                return reading.seen;
            }
            reading.try_it(&candidate);
        }
    }
    reading.seen
}

/// The reading of one picture.
struct SymbolReading<'a, 'b> {
    plane: Plane<'a>,
    frames: Frames<'a>,
    /// Middles of finder patterns whose code is known.
    used: Vec<[f32; 2]>,
    failures: usize,
    seen: PictureSymbols,
    task: &'a mut Task<'b>,
}

impl SymbolReading<'_, '_> {
    fn is_over(&self) -> bool {
        let is_enough = self.task.first_only && !self.seen.symbols.is_empty();
        is_enough || self.failures == MOST_FAILURES || self.task.is_over()
    }

    fn is_used(&self, group: &Group) -> bool {
        group.corners().iter().any(|corner| self.used.contains(corner))
    }

    /// The group with the sizes it may have, as seen straight from above, or else in perspective.
    fn candidate(&mut self, group: Group) -> Option<GroupCandidate> {
        if self.is_used(&group) {
            return None;
        }
        let flat = GroupCandidate::of(self.plane, group);
        if flat.as_ref().is_some_and(|flat| flat.agreement >= GOOD_PROBE) || !group.is_uneven() {
            return flat;
        }
        let aside = group.seen_aside(&mut self.frames);
        let turned = aside.aside.and_then(|_| GroupCandidate::of(self.plane, aside));
        let is_better = |turned: &GroupCandidate| {
            flat.as_ref().is_none_or(|flat: &GroupCandidate| turned.agreement > flat.agreement)
        };
        turned.filter(is_better).or(flat)
    }

    fn try_it(&mut self, candidate: &GroupCandidate) {
        let GroupCandidate { group, sides, .. } = candidate;
        if self.is_used(group) {
            return;
        }
        let aside = group.seen_aside(&mut self.frames);
        match read_group(self.plane, &aside, sides, self.task) {
            GroupOutcome::Read(symbol) => {
                self.used.extend(group.corners());
                self.seen.symbols.push(*symbol);
                return;
            }
            // Its patterns belong to this code and no other.
            GroupOutcome::Unreadable => self.used.extend(group.corners()),
            GroupOutcome::NoCode => {}
            GroupOutcome::TriedBefore => return,
        }
        self.failures += 1;
    }
}

/// Reads the dark codes of `grey` that show only two finder patterns.
pub(super) fn read_pairs(grey: Grey<'_>, proposals: &Proposals, task: &mut Task<'_>) -> PictureSymbols {
    let mut seen = PictureSymbols::default();
    let (picture, patterns) = (&proposals.picture, proposals.unread(task));
    let Some(luma) = patterns.get(1).and_then(|_| grey()) else { return seen };
    let (plane, mut failures) = (Plane(&luma), 0);
    for (group, side) in two_finders::groups(plane, picture, &patterns, task.deadline) {
        let known = |symbol: &Symbol| symbol.holds(group.middle());
        // Where all three patterns were seen, two of them tell nothing new.
        if task.is_over() || seen.symbols.iter().any(known) || task.tried.has_code_at(group.middle(), task.made) {
            continue;
        }
        match read_group(plane, &group, &[side], task) {
            GroupOutcome::Read(symbol) => seen.symbols.push(*symbol),
            GroupOutcome::TriedBefore => continue,
            GroupOutcome::Unreadable | GroupOutcome::NoCode => failures += 1,
        }
        if failures == MOST_FAILURES || (task.first_only && !seen.symbols.is_empty()) {
            break;
        }
    }
    seen
}

/// Agreement that needs no other view of the patterns.
const GOOD_PROBE: f32 = 0.6;
/// Agreement of a group that is read before less plausible groups are looked at.
const SURE_PROBE: f32 = 0.8;
/// Agreement at the likeliest size below which the sizes next to it are not looked at.
const LEAST_NEAREST: f32 = 0.2;
/// Sizes that a group is fitted with: of 4,000 codes read the first was right for 99 %, the third for one.
const MOST_SIDES: usize = 2;

/// A group that may be a code by its three finder patterns alone.
struct GroupCandidate {
    group: Group,
    /// How well the patterns agree at the likeliest size.
    agreement: f32,
    /// Modules on a side, the likeliest first.
    sides: Vec<usize>,
}

impl GroupCandidate {
    fn of(plane: Plane<'_>, group: Group) -> Option<GroupCandidate> {
        let sides = group.dimensions();
        // Where more than the next sizes are possible, or the view is not known yet, the first says little.
        let tells = sides.len() <= 3 && (group.aside.is_some() || !group.is_uneven());
        let mut probes: Vec<(f32, usize)> = Vec::with_capacity(sides.len());
        for side in sides {
            probes.push((fit::probe(plane, &group, side), side));
            if tells && probes.first().is_some_and(|nearest| nearest.0 < LEAST_NEAREST) {
                return None;
            }
        }
        probes.sort_by(|a, b| b.0.total_cmp(&a.0));
        let agreement = probes.first().map_or(0.0, |probe| probe.0);
        probes.retain(|(score, _)| *score >= agreement - 0.15);
        let sides = probes.into_iter().take(MOST_SIDES).map(|(_, side)| side).collect();
        (agreement >= fit::LEAST_PROBE).then_some(GroupCandidate { group, agreement, sides })
    }
}

/// Fit of a code `side` modules wide that is worth sampling. What that costs, and a mesh all the more, grows with the
/// square of the side: a large code must be one for sure.
fn least(side: usize) -> f32 {
    if side > LARGE { fit::SURE } else { fit::LEAST }
}

/// Modules on a side from which sampling costs more than all else in a picture.
const LARGE: usize = 61;

/// What became of a group.
enum GroupOutcome {
    Read(Box<Symbol>),
    /// A code for sure, but it cannot be read from this picture.
    Unreadable,
    NoCode,
    /// Every size of it failed before.
    TriedBefore,
}

/// Lays outlines of those sizes over a group and reads the first that is a code.
fn read_group(plane: Plane<'_>, group: &Group, sides: &[usize], task: &mut Task<'_>) -> GroupOutcome {
    let mut outcome = GroupOutcome::TriedBefore;
    for &side in sides {
        if task.is_over() {
            break;
        }
        if task.tried.has(group, side, task.made) {
            continue;
        }
        let fit = fit::fit(plane, group, side).filter(|fit| fit.score >= least(side));
        let mut work = fit::cost(side);
        if let Some(fit) = &fit {
            let mut payload = symbol::read(&soft_modules::sample(plane, &fit.flat()));
            if payload.is_none() && fit.score >= fit::BENT {
                payload = symbol::read(&soft_modules::sample(plane, &mesh::follow(plane, fit, task.deadline)));
                work += mesh::cost(side);
            }
            if let Some(payload) = payload {
                let corners = fit.corners(payload.mirrored);
                return GroupOutcome::Read(Box::new(Symbol { payload, corners }));
            }
        }
        let sure = fit.as_ref().is_some_and(|fit| fit.score >= fit::SURE);
        task.tried.note(group, side, task.made, sure, work);
        if sure {
            return GroupOutcome::Unreadable;
        }
        outcome = GroupOutcome::NoCode;
    }
    outcome
}
