//! What was tried on a photo and failed, over all rungs: the same thing is not tried twice, and all of it together is
//! bounded, however busy the photo is.

use super::group::Group;

/// Failures over all pictures made of one photo, in pixels of the photo at its full size.
#[derive(Default)]
pub(crate) struct FailedAttempts {
    failures: Vec<Failure>,
    /// Those of them that were not a code for sure.
    chances: usize,
    work: u64,
}

/// One outline that was laid over a group of finder patterns and gave no code.
struct Failure {
    corners: [[f32; 2]; 3],
    side: usize,
    retouched: bool,
    /// A code for sure: where its corners are found a little aside, it may still be read.
    sure: bool,
    /// One of its finder patterns was guessed, not seen.
    guessed: bool,
    /// Pixels a module of the picture it was tried on, and of the photo at its full size.
    sharpness: f32,
    module: f32,
}

impl Failure {
    /// Whether a picture shows no more of it than the one it was tried on.
    fn was_as_sharp(&self, made: Made) -> bool {
        self.sharpness >= SHARP || self.module / made.scale < self.sharpness * SHARPER
    }
}

/// Tries of a code that is there for sure.
const MOST_TRIES: usize = 3;

/// Modules looked at without success, over all pictures of a photo: about an eighth of a second.
const MOST_WORK: u64 = 30_000_000;
/// Outlines that failed and were not a code for sure, over all pictures of a photo: of 300 flat codes that were read none
/// came after more than ten.
const MOST_CHANCES: usize = 16;
/// Pixels a module from which more of them show nothing new.
const SHARP: f32 = 4.0;
/// How much sharper a picture must be to be worth another try.
const SHARPER: f32 = 1.3;

/// How one picture was made of the photo.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Made {
    /// Pixels of the full-size photo a pixel.
    pub scale: f32,
    /// Where it begins, in its own pixels: a part of the photo does further on.
    pub origin: [f32; 2],
    /// Blurred, or its greys changed otherwise.
    pub retouched: bool,
}

impl Made {
    /// The pixel of the full-size photo at a point of the picture.
    fn full(self, [x, y]: [f32; 2]) -> [f32; 2] {
        [(x + self.origin[0]) * self.scale, (y + self.origin[1]) * self.scale]
    }
}

impl FailedAttempts {
    /// Whether the same outline failed before, on a picture that showed as much.
    pub(super) fn has(&self, group: &Group, side: usize, made: Made) -> bool {
        let corners = group.corners().map(|corner| made.full(corner));
        let near = group.module(side) * made.scale;
        let mut tries = 0;
        self.failures.iter().any(|failure| {
            let same_place = failure.corners.iter().zip(&corners).all(|(a, b)| {
                let [dx, dy] = [a[0] - b[0], a[1] - b[1]];
                dx * dx + dy * dy < near * near
            });
            let same = failure.side == side && failure.retouched == made.retouched && same_place;
            let same = same && failure.was_as_sharp(made);
            tries += usize::from(same);
            same && (!failure.sure || tries == MOST_TRIES)
        })
    }

    /// Whether a code for sure was seen around that point, with all its finder patterns, but could not be read from a picture that showed as much.
    pub(super) fn has_code_at(&self, point: [f32; 2], made: Made) -> bool {
        let [x, y] = made.full(point);
        let seen = |failure: &&Failure| failure.sure && !failure.guessed && failure.was_as_sharp(made);
        self.failures.iter().filter(seen).any(|failure| {
            let [_, [ax, ay], [bx, by]] = failure.corners;
            ((ax + bx) / 2.0 - x).hypot((ay + by) / 2.0 - y) < (ax - bx).hypot(ay - by) / 2.0
        })
    }

    /// The middles of what were codes for sure and could not be read, in pixels of the full-size photo.
    pub(crate) fn codes_for_sure(&self) -> Vec<[f32; 2]> {
        let sure = self.failures.iter().filter(|failure| failure.sure && !failure.guessed);
        sure.map(|failure| {
            let [_, [ax, ay], [bx, by]] = failure.corners;
            [(ax + bx) / 2.0, (ay + by) / 2.0]
        })
        .collect()
    }

    /// Notes a failure and the number of modules it looked at.
    pub(super) fn note(&mut self, group: &Group, side: usize, made: Made, sure: bool, modules: u64) {
        let corners = group.corners().map(|corner| made.full(corner));
        let (sharpness, guessed) = (group.module(side), group.is_guessed());
        let module = sharpness * made.scale;
        self.failures.push(Failure { corners, side, retouched: made.retouched, sure, guessed, sharpness, module });
        self.chances += usize::from(!sure);
        self.work += modules;
    }

    /// Whether so many outlines of flat codes failed that another picture of the photo will not show one.
    pub(crate) fn is_hopeless(&self) -> bool {
        self.chances >= MOST_CHANCES
    }

    /// Whether any outline was tried.
    pub(crate) fn has_seen_any(&self) -> bool {
        !self.failures.is_empty()
    }

    /// How wide the largest outline was that was tried, in pixels of the full-size photo.
    pub(crate) fn largest(&self) -> f32 {
        self.failures.iter().map(|failure| failure.module * failure.side as f32).fold(0.0, f32::max)
    }

    /// Whether enough was tried.
    pub(crate) fn is_enough(&self) -> bool {
        self.work >= MOST_WORK
    }
}

#[cfg(test)]
mod tests {
    use super::super::finder::Pattern;
    use super::*;

    fn group(x: f32, y: f32, apart: f32) -> Group {
        let pattern = |x, y| Pattern { centre: [x, y], module: 3.0, hits: 9 };
        Group::seen(pattern(x, y), pattern(x + apart, y), pattern(x, y + apart))
    }

    const PLAIN: Made = Made { scale: 2.0, origin: [0.0; 2], retouched: false };

    #[test]
    fn what_failed_is_tried_again_only_where_a_picture_shows_more() {
        // 14 modules of 3 pixels apart, in a picture at half size.
        let (one, mut tried) = (group(10.0, 10.0, 42.0), FailedAttempts::default());
        assert!(!tried.has(&one, 21, PLAIN));
        tried.note(&one, 21, PLAIN, false, 1);
        assert!(tried.has(&one, 21, PLAIN), "the same again");
        assert!(tried.has(&group(11.0, 9.5, 42.5), 21, PLAIN), "found a little aside");
        assert!(!tried.has(&one, 25, PLAIN), "another size");
        assert!(!tried.has(&group(40.0, 10.0, 42.0), 21, PLAIN), "another place");
        assert!(!tried.has(&one, 21, Made { retouched: true, ..PLAIN }), "its greys are others now");
        assert!(
            !tried.has(&group(20.0, 20.0, 84.0), 21, Made { scale: 1.0, ..PLAIN }),
            "twice as many pixels a module"
        );
        assert!(tried.has(&group(5.0, 5.0, 21.0), 21, Made { scale: 4.0, ..PLAIN }), "half as many");
        assert!(
            tried.has(&group(2.0, 6.0, 42.0), 21, Made { origin: [8.0, 4.0], ..PLAIN }),
            "in a part of the picture"
        );
    }

    #[test]
    fn a_code_that_is_there_for_sure_gets_three_tries() {
        let (one, mut tried) = (group(10.0, 10.0, 42.0), FailedAttempts::default());
        for _ in 0..MOST_TRIES {
            assert!(!tried.has(&one, 21, PLAIN));
            tried.note(&one, 21, PLAIN, true, 1);
        }
        assert!(tried.has(&one, 21, PLAIN));
        assert!(tried.has_code_at([31.0, 31.0], PLAIN) && !tried.has_code_at([90.0, 31.0], PLAIN));
    }

    #[test]
    fn all_failures_together_are_bounded() {
        let mut tried = FailedAttempts::default();
        let tries = (0..).take_while(|round| {
            tried.note(&group(*round as f32 * 50.0, 0.0, 42.0), 21, PLAIN, false, MOST_WORK / 10);
            !tried.is_enough()
        });
        assert_eq!(tries.count(), 9);
    }

    #[test]
    fn chance_groups_end_the_search_and_codes_that_are_there_do_not() {
        let after = |sure: bool, count: usize| {
            let mut tried = FailedAttempts::default();
            (0..count).for_each(|round| tried.note(&group(round as f32 * 50.0, 0.0, 42.0), 21, PLAIN, sure, 1));
            tried.is_hopeless()
        };
        assert!(!after(false, MOST_CHANCES - 1) && after(false, MOST_CHANCES));
        assert!(!after(true, MOST_CHANCES));
    }
}
