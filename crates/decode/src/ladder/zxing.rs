//! The zxing-cpp reader, through rxing's port: its parts rather than its `QrReader`, which would hide the finder
//! patterns left over, the version and level, and give no chance to look at the clock.

use std::collections::BTreeSet;

use rxing::common::cpp_essentials::ConcentricPattern;
use rxing::common::{BitMatrix, DetectorRXingResult};
use rxing::qrcode::cpp_port::detector::{FinderPatternSet, GenerateFinderPatternSets, SampleQR};
use scanmill_core::domain::RungName;

use super::super::catch_panic::catch_panic;
use super::bits::{self, Rule};
use super::geometry::Quad;
use super::retouch::{self, SMALL};
use super::{Detection, Rung, RungOutput, Task, finder, near, payload, timing};
use scanmill_jpeg::Luma;

/// The reader on the photo shrunk to `side` pixels on its long side.
pub(super) struct Zxing {
    pub name: RungName,
    pub side: usize,
    /// Made larger first; pictures up to [`SMALL`] only.
    pub is_enlarged: bool,
}

impl Zxing {
    /// How many times as large as the picture it is given is the one that it searches.
    fn times(&self) -> usize {
        if self.is_enlarged { retouch::LARGER } else { 1 }
    }
}

impl Rung for Zxing {
    fn name(&self) -> RungName {
        self.name
    }

    fn side(&self, longest: usize) -> Option<usize> {
        let side = size(self.side, longest);
        if self.is_enlarged {
            return (longest <= SMALL).then_some(side);
        }
        (self.side >= FIRST || side < longest).then_some(side)
    }

    fn is_for_detail(&self, is_first: bool) -> bool {
        self.side >= if is_first { DETAIL } else { DETAIL_BESIDE }
    }

    fn bytes(&self, pixels: u64) -> u64 {
        let large = pixels * (self.times() * self.times()) as u64;
        (if self.is_enlarged { large } else { 0 }) + bits::bytes(large) + PATTERN_BYTES
    }

    fn read(&self, luma: &Luma, task: &mut Task<'_>) -> RungOutput {
        let mut view = RungOutput::default();
        let large = if self.is_enlarged { retouch::enlarge(luma) } else { None };
        let picture = large.as_ref().unwrap_or(luma);
        let drawn = task.origin.is_none() && picture.width().max(picture.height()) <= bits::LARGEST_DRAWN;
        if let Some(mut picture) = bits::binarize(picture, Rule::Middles { drawn }) {
            let scale = task.scale / self.times() as f32;
            search(&picture, task, scale, &mut view);
            if !task.first_only || view.codes.is_empty() {
                picture.flip_self();
                view.saw_light = !search(&picture, task, scale, &mut view).is_empty();
            }
        }
        view.scale(1.0 / self.times() as f32);
        view
    }
}

/// Long side of the pictures from which on a rung looks only where the photo is detailed.
const DETAIL: usize = 2_000;
/// The same beside codes that were read.
const DETAIL_BESIDE: usize = 1_000;

/// Long side of the picture that a rung for about `side` pixels reads. A photo of up to five thirds of that stays as it is:
/// to bring it to any other size than half costs more than to read it.
pub(super) fn size(side: usize, longest: usize) -> usize {
    if longest <= side.saturating_add(side / 3 * 2) { longest } else { near(side, longest) }
}

/// The first rung's size: pictures smaller than that are only worth their time where they are shrunk ones.
pub(super) const FIRST: usize = 500;

/// What the finder patterns of a picture, their groups and their readings take.
const PATTERN_BYTES: u64 = 64 << 10;

/// Groups of three patterns that may fail one after the other before the rest is left: they come most plausible first,
/// and a picture full of patterns has a hundred groups for each of them. Before a code that was read never more than 40
/// failed, in photos of up to 160 codes.
const MOST_FAILURES: usize = 200;

/// Reads every code whose three finder patterns stand dark on light, but those read before. `scale`: pixels of the
/// full-size photo a pixel. Returns the finder patterns in none of these.
pub(super) fn search(
    picture: &BitMatrix,
    task: &Task<'_>,
    scale: f32,
    view: &mut RungOutput,
) -> Vec<ConcentricPattern> {
    let [left, top] = task.origin.unwrap_or([0.0; 2]).map(|at| at * task.scale);
    let is_read = |[x, y]: [f32; 2]| {
        task.is_read([x * scale + left, y * scale + top]) || view.codes.iter().any(|code| code.quad.holds([x, y], 0.0))
    };
    let mut patterns = finder::find(picture, task.deadline, &is_read);
    patterns.retain(|pattern| !is_read([pattern.p.x, pattern.p.y]));
    view.cut_short |= patterns.len() >= finder::MOST_PATTERNS;
    let sets = GenerateFinderPatternSets(&mut patterns);
    let mut reading = ZxingReading { picture, task, used: Vec::new(), unread: Vec::new(), view };
    if sets.len() > MOST_FAILURES {
        // In a crowd the patterns of neighbours stand nearer to each other than those of one code, and so come first:
        // those between which there are timing patterns go before all others.
        let rest = reading.try_all(sets, |set| timing::is_between(picture, set));
        reading.try_all(rest, |_| true);
    } else {
        reading.try_all(sets, |_| true);
    }
    reading.note_what_is_left(&patterns);
    patterns.retain(|pattern| !view.codes.iter().any(|code| code.quad.holds([pattern.p.x, pattern.p.y], 0.0)));
    patterns
}

/// The reading of one picture in one polarity.
struct ZxingReading<'a, 'b> {
    picture: &'a BitMatrix,
    task: &'a Task<'b>,
    /// The patterns of the codes read.
    used: Vec<ConcentricPattern>,
    unread: Vec<FinderPatternSet>,
    view: &'a mut RungOutput,
}

impl ZxingReading<'_, '_> {
    fn is_used(&self, set: &FinderPatternSet) -> bool {
        [set.bl, set.tl, set.tr].iter().any(|pattern| self.used.contains(pattern))
    }

    /// Tries the sets that are in turn, in order; returns the others.
    fn try_all(
        &mut self,
        sets: Vec<FinderPatternSet>,
        is_in_turn: impl Fn(&FinderPatternSet) -> bool,
    ) -> Vec<FinderPatternSet> {
        let mut others = Vec::new();
        let mut failures = 0;
        for set in sets {
            if self.is_used(&set) {
                continue;
            }
            if self.task.deadline.is_over() || failures == MOST_FAILURES {
                break;
            }
            if self.task.first_only && !self.view.codes.is_empty() {
                break;
            }
            if !is_in_turn(&set) {
                others.push(set);
                continue;
            }
            // A panic costs this set of patterns only.
            match catch_panic(|| read_set(self.picture, &set)).ok().flatten() {
                Some(detection) => {
                    failures = 0;
                    self.used.extend([set.bl, set.tl, set.tr]);
                    self.view.codes.push(detection);
                }
                None => {
                    failures += 1;
                    self.unread.push(set);
                }
            }
        }
        others
    }

    /// Tells what was seen and not read.
    fn note_what_is_left(mut self, patterns: &[ConcentricPattern]) {
        let mut unread = std::mem::take(&mut self.unread);
        unread.retain(|set| !self.is_used(set));
        let view = self.view;
        let of_sets = unread.iter().flat_map(|set| [set.bl.p, set.tl.p, set.tr.p]);
        view.unread_patterns += of_sets.map(|at| (at.x.to_bits(), at.y.to_bits())).collect::<BTreeSet<_>>().len();
        for set in &unread {
            let middle = [(set.bl.p.x + set.tr.p.x) / 2.0, (set.bl.p.y + set.tr.p.y) / 2.0];
            let is_likely = timing::is_between(self.picture, set);
            if is_likely { &mut view.likely } else { &mut view.unread_candidates }.push(middle);
        }
        let codes = &view.codes;
        let is_left = |pattern: &&ConcentricPattern| {
            let at = [pattern.p.x, pattern.p.y];
            let is_as_large = |code: &Detection| {
                let side = code.qr_version.map_or(21.0, |version| f32::from(version) * 4.0 + 17.0);
                let own = code.quad.size() / side * 7.0;
                (own / ALIKE..own * ALIKE).contains(&(pattern.size as f32))
            };
            codes.iter().any(is_as_large) && !codes.iter().any(|code| code.quad.holds(at, code.quad.size() * 0.05))
        };
        let lone: Vec<[f32; 2]> = patterns.iter().filter(is_left).map(|pattern| [pattern.p.x, pattern.p.y]).collect();
        view.unread_candidates.extend(lone);
    }
}

/// How far the size of a finder pattern may be from that of a code's own to hint at another code.
const ALIKE: f32 = 1.5;

fn read_set(picture: &BitMatrix, set: &FinderPatternSet) -> Option<Detection> {
    let sampled = SampleQR(picture, set).ok()?;
    let payload = payload::read(sampled.getBits())?;
    let &[top_left, top_right, bottom_left, bottom_right] = sampled.getPoints().first_chunk::<4>()?;
    // The sampler lays a mirrored symbol out as it is seen.
    let (top_right, bottom_left) = if payload.mirrored { (bottom_left, top_right) } else { (top_right, bottom_left) };
    Some(Detection {
        message: payload.message,
        quad: Quad([top_left, top_right, bottom_right, bottom_left].map(|point| [point.x, point.y])),
        qr_version: Some(payload.version),
        ecc_level: payload.ecc_level,
        ecc_used: Some(payload.ecc_used),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::super::super::clock::Deadline;
    use super::super::super::qr::FailedAttempts;
    use super::*;

    #[test]
    fn patterns_left_of_dark_codes_are_still_told_when_light_ones_were_looked_for() {
        // Sixty-four finder patterns, four pixels a module, of no code.
        let is_dark = |x: usize, y: usize| {
            let from_middle = [x % 48, y % 48].map(|at| (at / 4).abs_diff(5));
            matches!(from_middle.into_iter().max(), Some(0 | 1 | 3))
        };
        let pixels = (0..384 * 384).map(|at| if is_dark(at % 384, at / 384) { 20 } else { 230 }).collect();
        let luma = Luma::new(384, 384, pixels).unwrap();
        let mut task = Task {
            deadline: Deadline::after(Duration::from_secs(60)),
            first_only: false,
            scale: 1.0,
            origin: None,
            codes: Vec::new(),
            saw_light: false,
            tried: &mut FailedAttempts::default(),
            proposals: &mut BTreeMap::new(),
        };
        let view = Zxing { name: RungName::Zxing500, side: 384, is_enlarged: false }.read(&luma, &mut task);
        assert!(view.codes.is_empty() && view.unread_patterns >= 40, "{}", view.unread_patterns);
    }
}
