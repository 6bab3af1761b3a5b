//! What was tried on a photo and failed, over all rungs: the same thing is not tried twice, and all of it together is
//! bounded, however busy the photo is.

use super::group::Group;

/// Failures over all pictures made of one photo, in pixels of the photo at its full size.
#[derive(Default)]
pub struct Tried {
    failures: Vec<Failure>,
    work: u64,
}

/// One outline that was laid over a group of finder patterns and gave no code.
struct Failure {
    corners: [[f32; 2]; 3],
    side: usize,
    retouched: bool,
    /// Pixels a module of the picture it was tried on.
    sharpness: f32,
}

/// Modules looked at in vain, over all pictures of a photo: about a tenth of a second.
const MOST_WORK: u64 = 20_000_000;
/// Pixels a module from which more of them show nothing new.
const SHARP: f32 = 4.0;
/// How much sharper a picture must be to be worth another try.
const SHARPER: f32 = 1.3;

/// How one picture was made of the photo.
#[derive(Clone, Copy, Debug)]
pub struct Made {
    /// Pixels of the full-size photo a pixel.
    pub scale: f32,
    /// Blurred, or its greys changed otherwise.
    pub retouched: bool,
}

impl Tried {
    /// Whether the same outline failed before, on a picture that showed as much.
    pub(super) fn has(&self, group: &Group, side: usize, made: Made) -> bool {
        let corners = group.corners().map(|corner| corner.map(|at| at * made.scale));
        let module = group.module(side);
        let near = module * made.scale;
        self.failures.iter().any(|failure| {
            let same_place = failure.corners.iter().zip(&corners).all(|(a, b)| {
                let [dx, dy] = [a[0] - b[0], a[1] - b[1]];
                dx * dx + dy * dy < near * near
            });
            let as_sharp = failure.sharpness >= SHARP || module < failure.sharpness * SHARPER;
            failure.side == side && failure.retouched == made.retouched && same_place && as_sharp
        })
    }

    /// Notes a failure and the number of modules it looked at.
    pub(super) fn note(&mut self, group: &Group, side: usize, made: Made, modules: u64) {
        let corners = group.corners().map(|corner| corner.map(|at| at * made.scale));
        self.failures.push(Failure { corners, side, retouched: made.retouched, sharpness: group.module(side) });
        self.work += modules;
    }

    /// Whether enough was tried.
    pub fn is_enough(&self) -> bool {
        self.work >= MOST_WORK
    }
}
