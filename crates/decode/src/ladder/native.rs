//! The native reader ([`super::super::qr`]) as rungs.

use std::borrow::Cow;

use rxing::common::BitMatrix;
use scanmill_core::domain::RungName;

use super::super::qr::{self, FailedAttempts};
use super::geometry::Quad;
use super::{Detection, Rung, RungOutput, Task, bits, near, retouch, threshold};
use scanmill_jpeg::Luma;

/// How grey becomes black and white for finding finder patterns.
#[derive(Clone, Copy)]
pub(super) enum Threshold {
    /// ZXing's hybrid.
    Hybrid,
    /// The mean of a square of so many pixels.
    Mean(usize),
}

/// What is done to the picture first.
#[derive(Clone, Copy)]
pub(super) enum Retouch {
    /// Nothing.
    Plain,
    /// The mean of so many pixels on each side.
    Blur(usize),
    /// The differences between dark greys drawn out, after a blur of so many pixels on each side against their noise:
    /// for codes that edges of shadows run through.
    Shadow(usize),
}

/// Which finder patterns a code must show.
#[derive(Clone, Copy)]
pub(super) enum Patterns {
    /// All three.
    Three,
    /// Two: for codes that [`Patterns::Three`] did not find.
    Two,
    /// All three, on a surface that is not flat.
    Curved,
}

/// Which codes are looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Colours {
    /// Dark ones, or else light ones.
    Both,
    /// Light ones too only where zxing's search saw light finder patterns. Of 900 hard photos turned over, in which
    /// all 3,217 codes are light, four codes are lost with it and what came with it.
    Seen,
}

/// The reader on the photo shrunk to `side` pixels on its long side.
pub(super) struct Native {
    pub name: RungName,
    pub side: usize,
    pub retouch: Retouch,
    pub threshold: Threshold,
    pub patterns: Patterns,
    pub colours: Colours,
}

/// What the finder patterns of a picture, their groups and their readings take.
const PATTERN_BYTES: u64 = 128 << 10;

/// Long side of the pictures from which on the reader looks only where the photo is detailed.
const DETAIL: usize = 1_600;

impl Rung for Native {
    fn name(&self) -> RungName {
        self.name
    }

    fn side(&self, longest: usize) -> Option<usize> {
        Some(near(self.side, longest))
    }

    fn should_skip(&self, tried: &FailedAttempts, _longest: usize) -> bool {
        let is_flat = matches!(self.patterns, Patterns::Three | Patterns::Two);
        tried.is_enough() || (is_flat && tried.is_hopeless())
    }

    fn is_for_detail(&self, is_first: bool) -> bool {
        // Beside codes that were read are often others as pale as those, and as large.
        is_first && self.side >= DETAIL
    }

    fn bytes(&self, pixels: u64) -> u64 {
        // Retouched copies, and the negative of the last.
        let copies = match self.retouch {
            Retouch::Plain => 1,
            Retouch::Blur(_) => 2,
            Retouch::Shadow(_) => 3,
        };
        pixels * copies + bits::bytes(pixels) + PATTERN_BYTES
    }

    fn read(&self, luma: &Luma, task: &mut Task<'_>) -> RungOutput {
        match self.retouch {
            Retouch::Plain => self.look(luma, task),
            Retouch::Blur(reach) => {
                retouch::blur(luma, reach).map_or_else(RungOutput::default, |calm| self.look(&calm, task))
            }
            Retouch::Shadow(reach) => {
                let light = retouch::blur(luma, reach).and_then(|calm| retouch::draw_out_shadows(&calm));
                light.map_or_else(RungOutput::default, |light| self.look(&light, task))
            }
        }
    }
}

impl Native {
    /// Dark codes, or else light ones: no photo was seen to hold both of which the native reader had to read some.
    fn look(&self, luma: &Luma, task: &mut Task<'_>) -> RungOutput {
        let read = match self.patterns {
            Patterns::Three => qr::read,
            Patterns::Two => qr::read_pairs,
            Patterns::Curved => qr::read_curved,
        };
        let mut view = RungOutput::default();
        let Some(mut proposals) = self.proposals(luma, task) else { return view };
        let (deadline, saw_light) = (task.deadline, task.saw_light);
        let kept = &mut *task.proposals;
        let (codes, scale, origin) = (&task.codes, task.scale, task.origin.unwrap_or_default());
        let is_read = |[x, y]: [f32; 2]| {
            let at = [(x + origin[0]) * scale, (y + origin[1]) * scale];
            codes.iter().any(|quad| quad.holds(at, 0.0))
        };
        let place = (luma.width(), origin.map(|at| at as usize));
        let mut task = qr::Task {
            deadline: task.deadline,
            first_only: task.first_only,
            made: qr::Made { scale, origin, retouched: !self.is_plain() },
            is_read: &is_read,
            tried: &mut *task.tried,
        };
        add(&mut view, read(&|| Some(Cow::Borrowed(luma)), &proposals, &mut task));
        if view.codes.is_empty() && (self.colours == Colours::Both || saw_light) {
            proposals.turn_over(deadline);
            let negative = || {
                let pixels = luma.pixels().iter().map(|pixel| 255 - pixel).collect();
                Luma::new(luma.width(), luma.height(), pixels).map(Cow::Owned)
            };
            add(&mut view, read(&negative, &proposals, &mut task));
            proposals.turn_over(deadline);
        }
        if self.is_plain() {
            kept.insert(place, proposals);
        }
        view
    }

    /// Whether the rungs of other patterns look at the very same picture.
    fn is_plain(&self) -> bool {
        matches!((self.retouch, self.threshold), (Retouch::Plain, Threshold::Hybrid))
    }

    /// The finder patterns of the picture, from an earlier rung where one looked at the same.
    fn proposals(&self, luma: &Luma, task: &mut Task<'_>) -> Option<qr::Proposals> {
        let place = (luma.width(), task.origin.unwrap_or_default().map(|at| at as usize));
        let kept = if self.is_plain() { task.proposals.remove(&place) } else { None };
        kept.or_else(|| Some(qr::Proposals::of(self.threshold.of(luma)?, task.deadline)))
    }
}

fn add(view: &mut RungOutput, seen: qr::PictureSymbols) {
    for symbol in seen.symbols {
        view.codes.push(Detection {
            message: symbol.payload.message,
            quad: Quad(symbol.corners),
            qr_version: Some(symbol.payload.version),
            ecc_level: Some(symbol.payload.level),
            ecc_used: Some(symbol.payload.ecc_used),
        });
    }
}

impl Threshold {
    fn of(self, luma: &Luma) -> Option<BitMatrix> {
        match self {
            Threshold::Hybrid => bits::binarize(luma, bits::Rule::Means),
            Threshold::Mean(window) => threshold::local_mean(luma, window),
        }
    }
}
