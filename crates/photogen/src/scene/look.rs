//! What makes a picture hard to read, in numbers.

use std::ops::Range;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::exact;
use super::lens::{Glare, Lens};

/// What makes a picture hard to read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Difficulty {
    /// A good photo.
    #[default]
    Easy,
    /// Taken from the side.
    Tilted,
    /// Out of focus, or the hand shook.
    Blurred,
    /// A lamp or flash shines back from part of the label.
    Glare,
    /// Dark and noisy.
    LowLight,
    /// The code is small in the frame.
    SmallCode,
    /// Compressed hard.
    LowQuality,
}

impl Difficulty {
    /// All looks.
    pub const ALL: [Difficulty; 7] = [
        Difficulty::Easy,
        Difficulty::Tilted,
        Difficulty::Blurred,
        Difficulty::Glare,
        Difficulty::LowLight,
        Difficulty::SmallCode,
        Difficulty::LowQuality,
    ];

    /// The look as captions and reports name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Difficulty::Easy => "easy",
            Difficulty::Tilted => "tilted",
            Difficulty::Blurred => "blurred",
            Difficulty::Glare => "glare",
            Difficulty::LowLight => "low_light",
            Difficulty::SmallCode => "small_code",
            Difficulty::LowQuality => "low_quality",
        }
    }
}

/// The ranges that a look draws from.
pub(super) struct Traits {
    /// Side of the code with its quiet zone, as a share of the short side.
    pub share: Range<f64>,
    /// Fewest pixels a module.
    pub module: f64,
    /// Tilt in degrees, away or to the side.
    pub tilt: Range<f64>,
    /// Standard deviation of the blur in modules, where the hand was still.
    blur: Range<f64>,
    /// Of the blur in one direction where it shook; empty where it never does.
    shake: Range<f64>,
    gain: Range<f64>,
    noise: Range<f64>,
    /// Quality of a JPEG.
    pub quality: Range<u8>,
}

impl Difficulty {
    /// Its numbers.
    pub(super) fn traits(self) -> Traits {
        let easy = Traits {
            share: 0.42..0.66,
            module: 4.2,
            tilt: 0.0..18.0,
            blur: 0.0..0.22,
            shake: 0.0..0.0,
            gain: 0.74..1.05,
            noise: 1.5..5.0,
            quality: 70..95,
        };
        match self {
            Difficulty::Easy => easy,
            Difficulty::Tilted => Traits { share: 0.54..0.7, module: 4.6, tilt: 46.0..57.0, ..easy },
            Difficulty::Blurred => {
                Traits { share: 0.42..0.6, blur: 0.3..0.4, shake: 0.4..0.5, noise: 1.0..2.5, ..easy }
            }
            Difficulty::Glare => Traits { gain: 0.85..1.05, ..easy },
            Difficulty::LowLight => Traits { gain: 0.14..0.24, noise: 7.0..11.0, blur: 0.1..0.2, ..easy },
            Difficulty::SmallCode => {
                Traits { share: 0.15..0.24, module: 2.3, blur: 0.0..0.1, noise: 1.0..3.0, quality: 80..95, ..easy }
            }
            Difficulty::LowQuality => {
                Traits { share: 0.32..0.46, module: 3.6, quality: 5..10, noise: 1.5..4.0, ..easy }
            }
        }
    }
}

/// What a label is to the camera.
pub(super) struct LabelView {
    /// Pixels of the smallest module.
    pub module: f64,
    /// The middle of the code as shares of the picture.
    pub at: (f64, f64),
    /// Side of the code as shares of the picture.
    pub side: (f64, f64),
    /// How much of blur and noise there is: two codes must both come out.
    pub harm: f64,
}

impl Lens {
    /// Some camera that gives a picture this look.
    pub(super) fn draw(draw: &mut ChaCha8Rng, look: Difficulty, seen: &LabelView) -> Self {
        let traits = look.traits();
        let shaken = !traits.shake.is_empty() && draw.random_bool(0.4);
        let (one, other) = if shaken {
            (draw.random_range(traits.shake), draw.random_range(0.05..0.2))
        } else {
            let blur = draw.random_range(traits.blur);
            (blur, blur)
        };
        let blur = if draw.random_bool(0.5) { (one, other) } else { (other, one) };
        let (sin, cos) = exact::sin_cos(draw.random_range(0.0..std::f64::consts::TAU));
        let strength = draw.random_range(0.05..0.28);
        let dark = look == Difficulty::LowLight;
        let warmth: f64 = if dark { draw.random_range(0.1..0.3) } else { draw.random_range(-0.09..0.12) };
        let mut glare = Vec::new();
        if look == Difficulty::Glare {
            // Off the middle of the code: one corner drowns, and a veil lies over the rest.
            let (sin, cos) = exact::sin_cos(draw.random_range(0.0..std::f64::consts::TAU));
            let off = draw.random_range(0.1..0.34);
            let at = (seen.at.0 + off * cos * seen.side.0, seen.at.1 + off * sin * seen.side.1);
            let radius: f64 = draw.random_range(0.07..0.11) * seen.harm;
            let long: f64 = draw.random_range(0.8..1.4);
            let spot = |radius: f64| (seen.side.0 * radius * long, seen.side.1 * radius / long);
            glare.push(Glare { at, radius: spot(radius), strength: draw.random_range(260.0..380.0) });
            glare.push(Glare { at, radius: spot(radius * 4.0), strength: draw.random_range(40.0..80.0) });
        } else if !dark && draw.random_bool(0.3) {
            let at = (draw.random(), draw.random());
            glare.push(Glare { at, radius: (0.18, 0.18), strength: draw.random_range(20.0..60.0) });
        }
        Self {
            blur: (blur.0 * seen.module * seen.harm, blur.1 * seen.module * seen.harm),
            slope: (cos * strength, sin * strength),
            vignette: draw.random_range(0.0..0.35),
            glare,
            gain: draw.random_range(traits.gain),
            warmth,
            noise: draw.random_range(traits.noise) * seen.harm,
            seed: draw.random(),
        }
    }
}
