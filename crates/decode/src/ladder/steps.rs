//! The ladder itself: which rungs there are, in which order, and when each is worth its time.

use scanmill_core::domain::RungName;

use super::native::Colours::{Both, Seen};
use super::native::Patterns::{Curved, Three, Two};
use super::native::Retouch::{self, Blur, Plain, Shadow};
use super::native::Threshold::{self, Hybrid, Mean};
use super::{Rung, native, retouch, rqrr, zxing};

/// A rung's place in the ladder.
pub(super) struct LadderStep {
    pub(super) rung: &'static dyn Rung,
    pub(super) kind: StepKind,
    pub(super) turn: StepTurn,
}

/// Steps of one kind differ in size only: none is taken twice at the same size.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum StepKind {
    Zxing,
    /// Marks that do not touch are one there: what is seen in it says nothing about what is left.
    ZxingSmall,
    ZxingLarge,
    Native,
    NativeArt,
    NativeBlur,
    NativeTwoFinders,
    NativeCurved,
    NativeShadow,
    Rqrr,
}

/// When a step is worth its time.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum StepTurn {
    /// Until a code was read.
    First,
    /// Then too, while others may be left.
    Always,
    /// Only once a code was read.
    Rest,
    /// Until a code was read, and again where many were and some are left.
    FirstOrMany,
}

/// Long side of the picture that a rung for about `side` pixels reads of a photo: `side`, or what halving the photo
/// gives where that is near, as it costs least.
pub(super) fn near(side: usize, longest: usize) -> usize {
    if longest <= side {
        return longest;
    }
    let halved = (1..8).map(|times| longest.div_ceil(1 << times)).find(|&halved| halved <= side + side / 8);
    halved.filter(|&halved| halved >= side - side / 6).unwrap_or(side)
}

const fn zxing(name: RungName, side: usize) -> zxing::Zxing {
    zxing::Zxing { name, side, is_enlarged: false }
}

const fn zxing_large(name: RungName) -> zxing::Zxing {
    zxing::Zxing { name, side: retouch::SMALL, is_enlarged: true }
}

const fn native(name: RungName, side: usize, retouch: Retouch, threshold: Threshold) -> native::Native {
    native::Native { name, side, retouch, threshold, patterns: Three, colours: Both }
}

const fn native_two_finders(name: RungName, side: usize) -> native::Native {
    native::Native { name, side, retouch: Plain, threshold: Hybrid, patterns: Two, colours: Seen }
}

const fn native_shadow(name: RungName, side: usize) -> native::Native {
    native::Native { name, side, retouch: Shadow(1), threshold: Mean(40), patterns: Three, colours: Seen }
}

const fn native_curved(name: RungName, side: usize) -> native::Native {
    native::Native { name, side, retouch: Plain, threshold: Hybrid, patterns: Curved, colours: Seen }
}

pub(super) const fn step(rung: &'static dyn Rung, kind: StepKind, turn: StepTurn) -> LadderStep {
    LadderStep { rung, kind, turn }
}

/// The steps, in order: by photos won per millisecond, as `cargo bench --bench ladder` measures it.
pub(super) const STEPS: [LadderStep; 16] = [
    step(&zxing(RungName::Zxing500, 500), StepKind::Zxing, StepTurn::Always),
    step(&native(RungName::Native800, 800, Plain, Hybrid), StepKind::Native, StepTurn::Always),
    step(&zxing(RungName::Zxing1000, 1_000), StepKind::Zxing, StepTurn::Always),
    step(&zxing_large(RungName::ZxingLarge), StepKind::ZxingLarge, StepTurn::First),
    step(&native(RungName::NativeBlur800, 800, Blur(2), Hybrid), StepKind::NativeBlur, StepTurn::First),
    // After it, which reads all codes of a dark photo where those below would read one and end the climb.
    step(&native(RungName::NativeArt250, 250, Blur(2), Mean(40)), StepKind::NativeArt, StepTurn::First),
    step(&zxing(RungName::Zxing125, 125), StepKind::ZxingSmall, StepTurn::First),
    step(&native(RungName::NativeArt400, 400, Blur(2), Mean(40)), StepKind::NativeArt, StepTurn::First),
    step(&native_two_finders(RungName::NativeTwoFinders800, 800), StepKind::NativeTwoFinders, StepTurn::FirstOrMany),
    step(&native(RungName::Native1600, 1_600, Plain, Hybrid), StepKind::Native, StepTurn::Rest),
    step(&native_two_finders(RungName::NativeTwoFinders1600, 1_600), StepKind::NativeTwoFinders, StepTurn::FirstOrMany),
    step(&zxing(RungName::Zxing2000, 2_000), StepKind::Zxing, StepTurn::Rest),
    step(&native_curved(RungName::NativeCurved1600, 1_600), StepKind::NativeCurved, StepTurn::First),
    step(&native_shadow(RungName::NativeShadow800, 800), StepKind::NativeShadow, StepTurn::First),
    step(&zxing(RungName::ZxingFull, usize::MAX), StepKind::Zxing, StepTurn::Always),
    step(&rqrr::Rqrr, StepKind::Rqrr, StepTurn::First),
];
