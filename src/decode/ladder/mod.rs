//! The ladder: cheap readers on few pixels first, and up only while something is still unread.
//!
//! Each rung is a reader on the photo at one size. A rung reports the codes it read and the *strays*: groups of finder
//! patterns that look like a code it could not read. The climb ends when codes were read and the last rung left no
//! stray ("every finder pattern seen is accounted for by a read code"), at the first code where one is enough, at the
//! top, or when the photo's time is over.

mod bits;
mod finder;
mod found;
mod geometry;
mod own;
mod rqrr;
mod text;
mod zxing;

use std::time::Instant;

use self::found::Found;
use self::geometry::Quad;
use super::clock::Deadline;
use super::contain::contain;
use super::luma::Luma;
use super::scale::Sizes;
use crate::domain::{Code, RungRun};

/// A code as a rung read it, in the pixels of the picture it was given.
pub(super) struct Sighting {
    text: String,
    quad: Quad,
    qr_version: Option<u8>,
    ecc_level: Option<char>,
}

/// What a rung saw.
#[derive(Default)]
pub(super) struct View {
    codes: Vec<Sighting>,
    /// Centres of finder pattern groups that may be codes and were not read.
    strays: Vec<[f32; 2]>,
}

/// One attempt of the ladder.
trait Rung {
    /// The name in rows and metrics.
    fn name(&self) -> &'static str;
    /// Longest side of the picture it reads, in pixels; `usize::MAX` for full size.
    fn side(&self) -> usize;
    /// Reads what it can before the deadline.
    fn read(&self, luma: &Luma, deadline: Deadline, first_only: bool) -> View;
}

/// The rungs, in order.
const RUNGS: [&dyn Rung; 5] = [
    &zxing::Zxing { name: "zxing_500", side: 500 },
    &zxing::Zxing { name: "zxing_1200", side: 1_200 },
    &zxing::Zxing { name: "zxing_full", side: usize::MAX },
    &own::Own { name: "own_800", side: 800, threshold: own::Threshold::Hybrid },
    &rqrr::Rqrr,
];

/// The names of all rungs, in the order they run.
pub fn rung_names() -> impl Iterator<Item = &'static str> {
    RUNGS.iter().map(|rung| rung.name())
}

/// How a climb ended.
pub(super) struct Climb {
    /// Codes in reading order.
    pub codes: Vec<Code>,
    /// Every rung that ran.
    pub runs: Vec<RungRun>,
    /// The time was over before the top was reached.
    pub out_of_time: bool,
    /// The first panic of a rung, if one did.
    pub panic: Option<String>,
}

/// Climbs until every code seen is read.
pub(super) fn climb(luma: &Luma, deadline: Deadline, first_only: bool) -> Climb {
    let mut found = Found::default();
    let mut climb = Climb { codes: Vec::new(), runs: Vec::new(), out_of_time: false, panic: None };
    let mut last_zxing_side = None;
    let mut sizes = Sizes::new(luma);
    for rung in RUNGS {
        let side = rung.side().min(luma.long_side());
        if rung.name().starts_with("zx") && last_zxing_side.replace(side) == Some(side) {
            continue;
        }
        if deadline.is_over() {
            climb.out_of_time = true;
            break;
        }
        let started = Instant::now();
        let view = contain(|| rung.read(&sizes.at_most(side), deadline, first_only));
        let view = view.unwrap_or_else(|panic| {
            climb.panic.get_or_insert(format!("{} panicked: {panic}", rung.name()));
            View::default()
        });
        let scale = luma.long_side() as f32 / side as f32;
        let won = found.add(view.codes, rung.name(), scale);
        climb.runs.push(RungRun { name: rung.name(), ms: started.elapsed().as_secs_f64() * 1e3, won });
        let unread = found.uncovered(&view.strays, scale);
        if !found.is_empty() && (first_only || unread == 0) {
            break;
        }
    }
    climb.codes = found.into_codes(first_only);
    climb
}
