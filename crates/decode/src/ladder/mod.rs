//! The ladder: cheap readers on few pixels first, and up only while something is still unread.
//!
//! Each rung is a reader on the photo at one size. A rung reports the codes it read and the *unread_candidates*: groups of finder
//! patterns that look like a code it could not read. The climb ends when codes were read and the last rung left no
//! unread_candidate ("every finder pattern seen is accounted for by a read code"), at the first code where one is enough, at the
//! top, or when the photo's time is over.

mod again;
mod bits;
mod concentric;
mod detail;
mod finder;
mod geometry;
mod native;
mod payload;
mod photo_codes;
mod rest;
mod retouch;
mod rqrr;
mod steps;
mod threshold;
mod timing;
mod zxing;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use self::detail::Detail;
use self::geometry::Quad;
use self::photo_codes::PhotoCodes;
use self::rest::Rest;
use self::steps::{LadderStep, STEPS, StepKind, StepTurn, near};
use super::catch_panic::catch_panic;
use super::clock::Deadline;
use super::content::Message;
use super::pixels::{Area, Source};
use super::qr::{FailedAttempts, Proposals};
use super::room::Room;
use scanmill_core::cpu::thread_cpu;
use scanmill_core::domain::{Code, RungName, RungRun};
use scanmill_jpeg::{Aspect, Luma};

/// A code as a rung read it, in the pixels of the picture it was given.
pub(super) struct Detection {
    message: Message,
    quad: Quad,
    qr_version: Option<u8>,
    ecc_level: Option<char>,
    /// Share of the error correction that the worst block used, where the reader's modules tell.
    ecc_used: Option<f32>,
}

/// What a rung saw.
#[derive(Default)]
pub(super) struct RungOutput {
    codes: Vec<Detection>,
    /// Centres of finder pattern groups that may be codes and were not read.
    unread_candidates: Vec<[f32; 2]>,
    /// Those that show more of a code than their finder patterns, and patterns left over that are as large as those of the
    /// codes read.
    likely: Vec<[f32; 2]>,
    /// Finder patterns that those groups are made of.
    unread_patterns: usize,
    /// Light finder patterns on dark ground were among what zxing's search saw.
    saw_light: bool,
    /// A bound ended the search before the whole picture was gone over.
    cut_short: bool,
}

impl RungOutput {
    /// From the pixels of an enlarged or shrunk picture to those of the one it was made from.
    fn scale(&mut self, by: f32) {
        self.codes.iter_mut().for_each(|code| code.quad = code.quad.scaled(by));
        self.unread_candidates
            .iter_mut()
            .chain(&mut self.likely)
            .for_each(|unread_candidate| *unread_candidate = unread_candidate.map(|at| at * by));
    }

    /// From the pixels of a part of a picture that begins at `origin` to those of the picture.
    fn shift(&mut self, origin: [f32; 2]) {
        let corners = self.codes.iter_mut().flat_map(|code| &mut code.quad.0);
        corners.chain(&mut self.unread_candidates).chain(&mut self.likely).for_each(|point| {
            *point = [point[0] + origin[0], point[1] + origin[1]];
        });
    }

    /// Takes in what another part of the same picture shows.
    fn extend(&mut self, other: RungOutput) {
        self.codes.extend(other.codes);
        self.unread_candidates.extend(other.unread_candidates);
        self.likely.extend(other.likely);
        self.unread_patterns += other.unread_patterns;
        self.saw_light |= other.saw_light;
        self.cut_short |= other.cut_short;
    }
}

/// One attempt of the ladder.
trait Rung {
    /// The name in rows and metrics.
    fn name(&self) -> RungName;
    /// Longest side of the picture it reads of a photo whose long side is `longest`; `None` where it is not for such a
    /// photo.
    fn side(&self, longest: usize) -> Option<usize>;
    /// Whether what was tried before on the photo, whose long side is `longest`, says that it will read nothing.
    fn should_skip(&self, _tried: &FailedAttempts, _longest: usize) -> bool {
        false
    }
    /// Whether it looks for codes too small for the rungs before, and thus only where the photo is detailed. `is_first`: no
    /// code was read yet.
    fn is_for_detail(&self, _is_first: bool) -> bool {
        false
    }
    /// Bytes that it takes beside a picture of so many pixels, and beside what it leaves to the rungs after it.
    fn bytes(&self, pixels: u64) -> u64;
    /// Reads what it can before the deadline.
    fn read(&self, luma: &Luma, task: &mut Task<'_>) -> RungOutput;
}

/// What a rung is asked for, and what those before it left.
struct Task<'a> {
    deadline: Deadline,
    /// One code is enough.
    first_only: bool,
    /// Pixels of the full-size photo a pixel.
    scale: f32,
    /// Where a part of a larger picture begins in that, in pixels; `None` for a whole one.
    origin: Option<[f32; 2]>,
    /// Outlines of the codes read so far, in pixels of the full-size photo: not to be read again.
    codes: Vec<Quad>,
    /// Whether any rung saw light finder patterns.
    saw_light: bool,
    /// What the native reader tried without success.
    tried: &'a mut FailedAttempts,
    /// Finder patterns that the native reader saw in this photo as it is, by the width of the picture and where it begins.
    proposals: &'a mut BTreeMap<(usize, [usize; 2]), Proposals>,
}

impl Task<'_> {
    /// Whether a point of the full-size photo lies in a code read before.
    fn is_read(&self, point: [f32; 2]) -> bool {
        self.codes.iter().any(|quad| quad.holds(point, 0.0))
    }
}

/// Long side of the picture that the first rung reads.
pub(super) fn first_side(longest: usize) -> usize {
    zxing::size(zxing::FIRST, longest)
}

/// Bytes that the first rung takes beside a picture of so many pixels.
pub(super) fn first_bytes(pixels: u64) -> u64 {
    STEPS.first().map_or(0, |step| step.rung.bytes(pixels))
}

/// The name that an aspect's readings have in rows and metrics, as one rung.
const fn name_of(aspect: Aspect) -> Option<RungName> {
    match aspect {
        Aspect::Brightness => None,
        Aspect::Opacity => Some(RungName::Opacity),
        Aspect::Redness => Some(RungName::Redness),
        Aspect::Blueness => Some(RungName::Blueness),
    }
}

/// The steps of a glance: at a small copy of a photo, and at an aspect other than brightness.
const GLANCE: [RungName; 3] = [RungName::Zxing500, RungName::Native800, RungName::Zxing1000];

/// The names of all rungs, in the order they run.
pub fn rung_names() -> impl Iterator<Item = &'static str> {
    let aspects = [Aspect::Opacity, Aspect::Redness, Aspect::Blueness];
    STEPS.iter().map(|step| step.rung.name()).chain(aspects.into_iter().filter_map(name_of)).map(RungName::as_str)
}

/// How a climb ended.
#[cfg_attr(not(feature = "heic"), allow(dead_code, reason = "only HEIC photos bring a small copy"))]
pub(super) struct Climb {
    /// Codes in reading order.
    pub codes: Vec<Code>,
    /// Every rung that ran.
    pub runs: Vec<RungRun>,
    /// The time was over before the top was reached.
    pub out_of_time: bool,
    /// Codes were read, and what was seen beside them looks like more that could not be.
    pub more_likely: bool,
    /// A code was read that says nothing.
    pub has_blank: bool,
    /// The first panic of a rung, if one did.
    pub panic: Option<String>,
    /// Codes were read, nothing seen is left, and it was looked closely enough to see smaller ones.
    is_complete: bool,
}

#[cfg_attr(not(feature = "heic"), allow(dead_code, reason = "only HEIC photos bring a small copy"))]
impl Climb {
    /// Takes in a later climb of a photo of which none read anything before.
    pub(crate) fn go_on(&mut self, later: Climb) {
        let mut runs = std::mem::take(&mut self.runs);
        runs.extend(later.runs);
        let has_blank = self.has_blank || later.has_blank;
        *self = Climb { runs, has_blank, panic: self.panic.take().or(later.panic), ..later };
    }

    /// From the pixels of a small copy to those of the photo.
    pub(crate) fn enlarge(&mut self, by: f32) {
        let corners = self.codes.iter_mut().flat_map(|code| &mut code.corners);
        corners.for_each(|corner| *corner = corner.map(|at| at * by));
    }

    /// Codes were read, none of which says that others belong to it, and nothing seen is left.
    pub(crate) fn is_complete(&self) -> bool {
        let is_whole = |code: &Code| code.sequence.as_ref().is_none_or(|sequence| sequence.index.is_none());
        self.is_complete && self.codes.iter().all(is_whole)
    }
}

/// Climbs until every code seen is read.
pub(super) fn climb(source: &mut Source, deadline: Deadline, first_only: bool, room: &Room<'_>) -> Climb {
    climb_by(STEPS.iter(), Beyond::Always, source, deadline, first_only, room)
}

/// Looks at an aspect other than brightness: a glance, and up the ladder if that sees anything like a code.
pub(super) fn climb_aspect(
    aspect: Aspect,
    source: &mut Source,
    deadline: Deadline,
    first_only: bool,
    room: &Room<'_>,
) -> Climb {
    let mut climb = climb_by(STEPS.iter(), Beyond::IfAnySeen, source, deadline, first_only, room);
    climb.enlarge(source.scale());
    if let Some(name) = name_of(aspect) {
        let ms = climb.runs.iter().map(|run| run.ms).sum();
        climb.codes.iter_mut().for_each(|code| code.rung = name.as_str());
        climb.runs = vec![RungRun { name, ms, won: climb.codes.len() }];
    }
    climb
}

/// Runs the first few steps only: for a small copy of a photo, whose codes save reading the photo itself.
#[cfg_attr(not(feature = "heic"), allow(dead_code, reason = "only HEIC photos bring a small copy"))]
pub(super) fn glance(source: &mut Source, deadline: Deadline, first_only: bool, room: &Room<'_>) -> Climb {
    climb_by(STEPS.iter(), Beyond::Never, source, deadline, first_only, room)
}

/// Every rung on its own, in order, each with the whole of `budget`: name and climb.
pub(super) fn alone(source: &mut Source, budget: Duration) -> Vec<(&'static str, Climb, f64)> {
    let mut each = |step: &LadderStep| {
        let before = thread_cpu();
        let deadline = Deadline::after(budget);
        let climb = climb_by(std::iter::once(step), Beyond::Always, source, deadline, false, &Room::boundless());
        (step.rung.name().as_str(), climb, thread_cpu().saturating_sub(before).as_secs_f64() * 1e3)
    };
    STEPS.iter().map(&mut each).collect()
}

/// Whether a climb goes on beyond a glance.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Beyond {
    Always,
    /// Where the glance read nothing and saw something that may be a code.
    IfAnySeen,
    #[cfg_attr(not(feature = "heic"), allow(dead_code, reason = "only HEIC photos bring a small copy"))]
    Never,
}

fn climb_by<'a>(
    steps: impl Iterator<Item = &'a LadderStep>,
    beyond: Beyond,
    source: &mut Source,
    deadline: Deadline,
    first_only: bool,
    room: &Room<'_>,
) -> Climb {
    let mut found = PhotoCodes::default();
    let mut climb = Climb {
        codes: Vec::new(),
        runs: Vec::new(),
        out_of_time: false,
        more_likely: false,
        has_blank: false,
        panic: None,
        is_complete: false,
    };
    let (mut saw_patterns, mut saw_light) = (false, false);
    let mut rest = Rest::default();
    let mut taken: Vec<(StepKind, usize)> = Vec::new();
    let mut tried = FailedAttempts::default();
    let mut proposals = BTreeMap::new();
    let mut details = BTreeMap::new();
    let long_side = source.long_side();
    let mut waiting: VecDeque<&LadderStep> = steps.collect();
    // A system call: what lies between two rungs is counted with the second.
    let mut cpu_before = thread_cpu();
    while let Some(step @ LadderStep { rung, kind, .. }) = waiting.pop_front() {
        let is_wanted = match beyond {
            Beyond::Always => true,
            Beyond::IfAnySeen => found.is_empty() && (saw_patterns || tried.has_seen_any()),
            Beyond::Never => false,
        };
        if !is_wanted && !GLANCE.contains(&rung.name()) {
            continue;
        }
        let Some(side) = rung.side(long_side) else { continue };
        let scale = long_side as f32 / side as f32;
        if taken.contains(&(*kind, side)) || rung.should_skip(&tried, long_side) || !rest.wants(step, scale, &found) {
            continue;
        }
        taken.push((*kind, side));
        if deadline.is_over() {
            climb.out_of_time = true;
            break;
        }
        let kept = proposals.values().map(Proposals::bytes).sum::<u64>();
        let is_for_detail = rung.is_for_detail(found.is_empty()) && !rest.is_likely();
        let detail_side = detail_side(side, long_side).filter(|_| is_for_detail);
        if let Some(detail_side) = detail_side
            && !details.contains_key(&detail_side)
            && !room.has(kept + source.bytes_to_make(detail_side, None))
        {
            break;
        }
        let areas = detail_side.and_then(|detail_side| detailed(source, detail_side, &mut details, &rest, &found));
        if areas.as_ref().is_some_and(Vec::is_empty) {
            rest.note_nothing(*kind, scale);
            continue;
        }
        let largest = source.largest_of(side, areas.as_deref());
        if !room.has(kept + source.bytes_to_make(side, areas.as_deref()) + rung.bytes(largest)) {
            break;
        }
        let mut task = Task {
            deadline,
            first_only,
            scale,
            origin: None,
            codes: found.outlines(),
            saw_light,
            tried: &mut tried,
            proposals: &mut proposals,
        };
        let reading = catch_panic(|| match areas.map(|areas| source.parts(side, areas)) {
            Some(parts) => read_parts(*rung, parts, &mut task),
            None => rung.read(&source.at_most(side), &mut task),
        });
        let mut view = reading.unwrap_or_else(|panic| {
            climb.panic.get_or_insert(format!("{} panicked: {panic}", rung.name().as_str()));
            RungOutput::default()
        });
        let won = found.add(std::mem::take(&mut view.codes), rung.name().as_str(), scale);
        let cpu = thread_cpu();
        let ms = cpu.saturating_sub(cpu_before).as_secs_f64() * 1e3;
        cpu_before = cpu;
        climb.runs.push(RungRun { name: rung.name(), ms, won });
        if *kind == StepKind::Zxing && view.unread_patterns >= CROWD {
            waiting.make_contiguous().sort_by_key(|step| step.kind != StepKind::Zxing);
        }
        saw_patterns |= view.unread_patterns > 0;
        saw_light |= view.saw_light;
        rest.note(*kind, view, scale, &found, &tried);
        if first_only && !found.is_empty() {
            break;
        }
    }
    let looks_again = beyond == Beyond::Always && !first_only && rest.is_crowd(&found);
    let kept = || proposals.values().map(Proposals::bytes).sum::<u64>();
    if looks_again && room.has(kept() + source.bytes_to_make(long_side, None) + again::PART_BYTES) {
        let mut task = Task {
            deadline,
            first_only,
            scale: 1.0,
            origin: None,
            codes: Vec::new(),
            saw_light,
            tried: &mut tried,
            proposals: &mut proposals,
        };
        if let Some(won) = again::look_again(source, &mut found, &mut rest, &mut task) {
            let ms = thread_cpu().saturating_sub(cpu_before).as_secs_f64() * 1e3;
            climb.runs.push(RungRun { name: again::NAME, ms, won });
        }
    }
    climb.more_likely = !first_only && !found.is_empty() && (climb.out_of_time || rest.is_likely());
    climb.is_complete = (first_only && !found.is_empty()) || rest.is_complete(&found);
    climb.has_blank = found.has_blank();
    climb.codes = found.into_codes(first_only);
    climb
}

/// About the long side of the picture that tells where a photo is detailed; to rungs on pictures of less than about twice as
/// much, one of half theirs does.
const DETAIL: usize = 1_000;

/// Long side of the picture that tells where a photo is detailed to a rung that reads `side`; `None` where the photo is too
/// small to be told.
fn detail_side(side: usize, longest: usize) -> Option<usize> {
    let of = if side > DETAIL / 3 * 5 { DETAIL } else { side.div_ceil(2) };
    (longest >= 2 * of).then(|| near(of, longest))
}

/// Where a photo is detailed, outside the codes read; `None` where all of it is to be looked at.
fn detailed(
    source: &mut Source,
    side: usize,
    details: &mut BTreeMap<usize, Detail>,
    rest: &Rest,
    found: &PhotoCodes,
) -> Option<Vec<Area>> {
    let longest = source.long_side();
    let detail = details.entry(side).or_insert_with(|| Detail::of(&source.at_most(side), side < DETAIL / 6 * 5));
    detail.areas(longest as f32 / side as f32, |point| found.covers(point), &rest.strays_left(found))
}

/// What a rung sees in parts of a picture.
fn read_parts(rung: &dyn Rung, parts: &[(Luma, [f32; 2])], task: &mut Task<'_>) -> RungOutput {
    let mut seen = RungOutput::default();
    for (part, origin) in parts {
        task.origin = Some(*origin);
        let mut view = rung.read(part, task);
        view.shift(*origin);
        seen.extend(view);
        if task.first_only && !seen.codes.is_empty() {
            break;
        }
    }
    seen
}

/// Unread finder patterns of one picture from which on there are more codes than the native reader looks for, as it goes by 40
/// patterns at once: zxing's rungs go first then.
const CROWD: usize = 40;

#[cfg(test)]
mod tests {
    use super::steps::step;
    use super::*;
    use scanmill_core::domain::RungName::{Native800, Zxing500, Zxing1000};

    /// Reads nothing and leaves so many finder patterns unread.
    struct Blind(RungName, usize);

    impl Rung for Blind {
        fn name(&self) -> RungName {
            self.0
        }

        fn side(&self, longest: usize) -> Option<usize> {
            Some(longest - self.0 as usize)
        }

        fn bytes(&self, _pixels: u64) -> u64 {
            0
        }

        fn read(&self, _luma: &Luma, _task: &mut Task<'_>) -> RungOutput {
            RungOutput { unread_patterns: self.1, ..RungOutput::default() }
        }
    }

    fn order(patterns: usize) -> Vec<RungName> {
        let rungs = [Blind(Zxing500, patterns), Blind(Native800, 0), Blind(Zxing1000, 0)];
        let leaked: &'static [Blind; 3] = Box::leak(Box::new(rungs));
        let steps = [
            step(&leaked[0], StepKind::Zxing, StepTurn::Always),
            step(&leaked[1], StepKind::Native, StepTurn::Always),
            step(&leaked[2], StepKind::Zxing, StepTurn::Always),
        ];
        let mut source = Source::whole(Luma::new(40, 40, vec![200; 1_600]).unwrap(), false);
        let deadline = Deadline::after(Duration::from_secs(60));
        let climb = climb_by(steps.iter(), Beyond::Always, &mut source, deadline, false, &Room::boundless());
        climb.runs.iter().map(|run| run.name).collect()
    }

    #[test]
    fn a_glance_is_made_of_steps_that_there_are() {
        assert!(GLANCE.iter().all(|name| rung_names().any(|rung| rung == name.as_str())));
    }

    #[test]
    fn in_a_crowd_of_patterns_the_reader_that_saw_them_goes_first() {
        assert_eq!(order(CROWD - 1), [Zxing500, Native800, Zxing1000]);
        assert_eq!(order(CROWD), [Zxing500, Zxing1000, Native800]);
    }
}
