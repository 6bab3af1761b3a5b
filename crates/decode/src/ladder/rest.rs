//! What tells that a photo holds more codes than were read.
//!
//! Two things do: what a rung saw and could not read, and that no rung has looked closely enough to see a code somewhat
//! smaller than those that were read. A sheet of labels of which one is read by luck, and a shelf of packs of which the
//! nearest is read first, show nothing at all of the others in a picture that is too small.

use super::photo_codes::PhotoCodes;
use super::{LadderStep, RungOutput, StepKind, StepTurn};
use crate::qr::FailedAttempts;

/// Pixels that the smallest code read must be wide in a picture, so that one half as large would have shown its finder
/// patterns there to zxing's rungs, and to the native reader, which reads smaller ones.
const CLOSE: f32 = 90.0;
const CLOSE_NATIVE: f32 = 60.0;
/// Codes from which on there may well be others that only the native reader reads: it looks as well.
const SEVERAL: usize = 2;
/// Codes from which on it is a sheet or a shelf: twice as close a look, and one for codes that show but two of their
/// finder patterns, are worth their time.
const MANY: usize = 4;

/// What may be left of a photo's codes.
pub(super) struct Rest {
    /// What the last zxing rung saw and did not read, in pixels of the full-size photo.
    unread_candidates: Vec<[f32; 2]>,
    /// Those of them that are codes by all that they show.
    likely: Vec<[f32; 2]>,
    /// Whether a bound ended the last zxing rung's search.
    cut_short: bool,
    /// Full-size pixels a pixel of the largest pictures that zxing's rungs and the native reader looked at.
    finest: f32,
    finest_native: f32,
    /// How many of all that was seen are outside the codes read.
    left: usize,
    left_likely: usize,
}

impl Default for Rest {
    fn default() -> Rest {
        Rest {
            unread_candidates: Vec::new(),
            likely: Vec::new(),
            cut_short: false,
            finest: f32::MAX,
            finest_native: f32::MAX,
            left: 0,
            left_likely: 0,
        }
    }
}

impl Rest {
    /// Takes in what a rung saw at `scale` full-size pixels a pixel.
    pub(super) fn note(
        &mut self,
        kind: StepKind,
        view: RungOutput,
        scale: f32,
        found: &PhotoCodes,
        tried: &FailedAttempts,
    ) {
        match kind {
            // The native reader proposes more groups than there are: what may be left is for zxing to say.
            StepKind::Zxing => {
                let full = |points: Vec<[f32; 2]>| points.into_iter().map(|point| point.map(|at| at * scale)).collect();
                (self.unread_candidates, self.likely) = (full(view.unread_candidates), full(view.likely));
                self.cut_short = view.cut_short;
                self.finest = self.finest.min(scale);
            }
            StepKind::Native => self.finest_native = self.finest_native.min(scale),
            _ => {}
        }
        self.count(found, tried);
    }

    /// Takes in what a second look at some places left unread: of these it says what is likely. In pixels of the full-size
    /// photo.
    pub(super) fn note_again(
        &mut self,
        is_settled: impl Fn([f32; 2]) -> bool,
        likely: Vec<[f32; 2]>,
        found: &PhotoCodes,
        tried: &FailedAttempts,
    ) {
        self.likely.retain(|&at| !is_settled(at));
        self.likely.extend(likely);
        self.count(found, tried);
    }

    fn count(&mut self, found: &PhotoCodes, tried: &FailedAttempts) {
        // What fits all that every code shows is one.
        let sure = tried.codes_for_sure();
        let unread = |points: &[[f32; 2]]| points.iter().filter(|&&point| !found.covers(point)).count();
        self.left_likely = unread(&self.likely) + unread(&sure) + found.doubtful();
        self.left = unread(&self.unread_candidates) + self.left_likely;
    }

    /// Takes in that a step would see nothing new at `scale` full-size pixels a pixel.
    pub(super) fn note_nothing(&mut self, kind: StepKind, scale: f32) {
        if kind == StepKind::Zxing {
            self.finest = self.finest.min(scale);
        }
    }

    /// What the last zxing rung saw outside the codes read, in pixels of the full-size photo.
    pub(super) fn strays_left(&self, found: &PhotoCodes) -> Vec<[f32; 2]> {
        self.unread_candidates
            .iter()
            .chain(&self.likely)
            .copied()
            .filter(|&unread_candidate| !found.covers(unread_candidate))
            .collect()
    }

    /// The same with what the native reader saw for sure.
    pub(super) fn all_left(&self, found: &PhotoCodes, tried: &FailedAttempts) -> Vec<[f32; 2]> {
        let sure = tried.codes_for_sure();
        self.strays_left(found).into_iter().chain(sure).filter(|&place| !found.covers(place)).collect()
    }

    /// Whether so many codes were read that each place that may hold another is worth a look of its own.
    pub(super) fn is_crowd(&self, found: &PhotoCodes) -> bool {
        found.len() >= MANY
    }

    /// Whether a step that sees `scale` full-size pixels a pixel is worth its time, by what was read so far.
    pub(super) fn wants(&self, step: &LadderStep, scale: f32, found: &PhotoCodes) -> bool {
        if found.is_empty() {
            return step.turn != StepTurn::Rest;
        }
        let in_turn = match step.turn {
            StepTurn::First => false,
            StepTurn::Always | StepTurn::Rest => true,
            StepTurn::FirstOrMany => found.len() >= MANY,
        };
        in_turn && (self.left > 0 || self.looks_closer(step.kind, scale, found))
    }

    /// Whether a step shows smaller codes than were looked for up to now.
    fn looks_closer(&self, kind: StepKind, scale: f32, found: &PhotoCodes) -> bool {
        match kind {
            StepKind::Zxing => scale < self.finest && self.is_too_coarse(self.finest, CLOSE, found),
            StepKind::Native => {
                found.len() >= SEVERAL
                    && scale < self.finest_native
                    && self.is_too_coarse(self.finest_native, CLOSE_NATIVE, found)
            }
            _ => false,
        }
    }

    /// Whether nothing is left to look for in a small copy: codes were read, all that was seen is in them, and one somewhat
    /// smaller would have been seen by whichever reader looked.
    pub(super) fn is_complete(&self, found: &PhotoCodes) -> bool {
        !found.is_empty()
            && self.left == 0
            && !self.cut_short
            && !self.is_too_coarse(self.finest.min(self.finest_native), CLOSE_NATIVE, found)
    }

    /// Whether codes half as large as the smallest read would not have shown at `finest` full-size pixels a pixel.
    fn is_too_coarse(&self, finest: f32, close: f32, found: &PhotoCodes) -> bool {
        let side = found.smallest_side() / if found.len() >= MANY { 2.0 } else { 1.0 };
        side / finest < close
    }

    /// Whether there are more codes, by all that was seen.
    pub(super) fn is_likely(&self) -> bool {
        self.left_likely > 0 || self.cut_short
    }
}
