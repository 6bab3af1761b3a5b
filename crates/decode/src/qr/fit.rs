//! Lays a flat code over a group of finder patterns, so that what every code of its version shows (finder, timing and
//! alignment patterns) agrees best with the grey picture.

use std::sync::OnceLock;

use rxing::qrcode::common::Version;

use super::group::Group;
use super::plane::{Agreement, Places, Plane, View};

/// A module's expected colour: `+1` light, `-1` dark.
#[derive(Clone, Copy)]
pub(super) struct KnownModule {
    pub column: usize,
    pub row: usize,
    pub sign: f32,
}

/// One pattern that must correlate on its own, so that light falling off across the code does no harm.
#[derive(Clone)]
pub(super) struct Patch {
    pub modules: Vec<KnownModule>,
    weight: f32,
    /// The modules' middles in the square between the finder patterns' middles.
    places: Places,
    /// The modules' signs and their mean.
    signs: Vec<f32>,
    tilt: f32,
}

impl Patch {
    fn new(modules: Vec<KnownModule>, weight: f32, side: usize) -> Patch {
        let reach = (side - 7) as f32;
        let places =
            modules.iter().map(|known| [(known.column as f32 - 3.0) / reach, (known.row as f32 - 3.0) / reach]);
        let signs: Vec<f32> = modules.iter().map(|known| known.sign).collect();
        let tilt = signs.iter().sum::<f32>() / modules.len().max(1) as f32;
        Patch { places: Places::new(places), modules, weight, signs, tilt }
    }
}

/// A flat outline and how well it agrees.
pub(super) struct Fit {
    /// Modules on a side.
    pub side: usize,
    /// Correlation with the known patterns, at most 1.
    pub score: f32,
    /// What every code of this size shows.
    pub patches: &'static [Patch],
    /// Pixels a module, on average.
    pub module: f32,
    view: View,
}

impl Fit {
    /// The pixel of a point in modules.
    pub(super) fn pixel(&self, column: f32, row: f32) -> [f32; 2] {
        let reach = (self.side - 7) as f32;
        self.view.map((column - 3.5) / reach, (row - 3.5) / reach)
    }

    /// The middles of all modules, row after row.
    pub(super) fn flat(&self) -> Vec<[f32; 2]> {
        let middles = |row: usize| (0..self.side).map(move |column| (column as f32 + 0.5, row as f32 + 0.5));
        (0..self.side).flat_map(middles).map(|(column, row)| self.pixel(column, row)).collect()
    }

    /// The symbol's own corners.
    pub(super) fn corners(&self, mirrored: bool) -> [[f32; 2]; 4] {
        let side = self.side as f32;
        let [a, b, c, d] = [[0.0, 0.0], [side, 0.0], [side, side], [0.0, side]].map(|[x, y]| self.pixel(x, y));
        if mirrored { [a, d, c, b] } else { [a, b, c, d] }
    }
}

/// How well the three finder patterns agree with a code `side` modules wide that is seen straight from above, or in
/// perspective where the group tells. Less than [`LEAST_PROBE`] is not an exact figure: no more was looked at than told so.
pub(super) fn probe(plane: Plane<'_>, group: &Group, side: usize) -> f32 {
    let [top_left, top_right, bottom_left] = group.corners();
    let flat = [top_right[0] + bottom_left[0] - top_left[0], top_right[1] + bottom_left[1] - top_left[1]];
    let anchors = [top_left, top_right, group.aside.unwrap_or(flat), bottom_left];
    let Some(template) = template(side) else { return 0.0 };
    // Seen in perspective, but not known how, one pattern alone tells nothing.
    let least_first = if group.is_uneven() { f32::MIN } else { LEAST_CORNER };
    let look = OutlineView { plane, anchors, module: group.top_left.module };
    look.probe(template.finders(), LEAST_PROBE, least_first)
}

/// The best fit of a code `side` modules wide; `None` where no outline fits at all.
pub(super) fn fit(plane: Plane<'_>, group: &Group, side: usize) -> Option<Fit> {
    let CodeTemplate { patches, signposts } = template(side)?;
    let [top_left, top_right, bottom_left] = group.corners();
    let reach = (side - 7) as f32;
    let step = |to: [f32; 2]| [(to[0] - top_left[0]) / reach, (to[1] - top_left[1]) / reach];
    let (right, down) = (step(top_right), step(bottom_left));
    let module = group.module(side);
    if module < 0.8 {
        return None;
    }
    let search = Search { plane, patches, signposts, side, module, right, down };
    let square = [top_right[0] + bottom_left[0] - top_left[0], top_right[1] + bottom_left[1] - top_left[1]];
    let flat = [top_left, top_right, square, bottom_left];
    let mut best = (search.score(flat)?, flat);
    if best.0 >= PROMISING {
        best = search.climb(best, &[0.5, 0.25]);
    }
    if let Some(aside) = group.aside.filter(|_| best.0 < GOOD) {
        let from_side = search.better((f32::MIN, flat), [top_left, top_right, aside, bottom_left]);
        if from_side.0 >= HOPELESS {
            best = most(best, search.climb(from_side, &[1.0, 0.5, 0.25]));
        }
    }
    let guides = patches.get(FINDERS..).unwrap_or(&[]);
    if best.0 < GOOD || (OutlineView { plane, anchors: best.1, module }).score(guides)? < GOOD {
        let likely = search.fourth_corner(flat, group.aside);
        if likely.0 >= LEAST_FOURTH {
            best = most(best, search.climb(likely, &[0.5, 0.25]));
        }
    }
    if best.0 > LEAST {
        best = search.climb(best, &[0.12]);
    }
    let (score, anchors) = best;
    Some(Fit { side, score, patches, module, view: View::of_square(anchors)? })
}

/// Middles of the finder patterns and where a fourth would be (top left, top right, bottom right, bottom left), and how
/// well that outline agrees.
type Scored = (f32, [[f32; 2]; 4]);

fn most(a: Scored, b: Scored) -> Scored {
    if b.0 > a.0 { b } else { a }
}

/// The search for the outline of one code.
struct Search<'a> {
    plane: Plane<'a>,
    patches: &'a [Patch],
    signposts: &'a [Patch],
    side: usize,
    /// Pixels a module.
    module: f32,
    /// A module to the right and one down, in pixels.
    right: [f32; 2],
    down: [f32; 2],
}

impl Search<'_> {
    fn score(&self, anchors: [[f32; 2]; 4]) -> Option<f32> {
        OutlineView { plane: self.plane, anchors, module: self.module }.score(self.patches)
    }

    fn shifted(&self, at: [f32; 2], columns: f32, rows: f32) -> [f32; 2] {
        let (right, down) = (self.right, self.down);
        [at[0] + right[0] * columns + down[0] * rows, at[1] + right[1] * columns + down[1] * rows]
    }

    fn better(&self, best: Scored, anchors: [[f32; 2]; 4]) -> Scored {
        self.score(anchors).map_or(best, |score| most(best, (score, anchors)))
    }

    /// [`Search::better`] after one corner was moved: what lies next to it is looked at first, as it tells soonest that
    /// the move was none for the better.
    fn better_by(&self, corner: usize, best: Scored, anchors: [[f32; 2]; 4]) -> Scored {
        let look = OutlineView { plane: self.plane, anchors, module: self.module };
        // Corners run clockwise; the finder patterns' order is top left, top right, bottom left.
        let score = match [Some(0), Some(1), None, Some(2)].get(corner).copied().flatten() {
            Some(finder) => {
                let others = self.patches.iter().enumerate().filter(|(index, _)| *index != finder);
                let nearest_first = self.patches.get(finder).into_iter().chain(others.map(|(_, patch)| patch));
                look.score_above(nearest_first, best.0)
            }
            None => look.score_above(self.patches.iter().rev(), best.0),
        };
        score.map_or(best, |score| most(best, (score, anchors)))
    }

    /// Moves the anchors by steps of those sizes, in modules, as long as it makes the score better.
    fn climb(&self, mut best: Scored, sizes: &[f32]) -> Scored {
        for &size in sizes {
            for _round in 0..4 {
                let before = best.0;
                for corner in [2, 0, 1, 3] {
                    for (columns, rows) in [(size, 0.0), (-size, 0.0), (0.0, size), (0.0, -size)] {
                        let mut anchors = best.1;
                        if let Some(anchor) = anchors.get_mut(corner) {
                            *anchor = self.shifted(*anchor, columns, rows);
                        }
                        best = self.better_by(corner, best, anchors);
                    }
                }
                if best.0 < before + 0.002 {
                    break;
                }
            }
        }
        best
    }

    /// Seen from the side the fourth corner lies off: the best place where timing and alignment patterns agree, around
    /// where it lies in a flat view and, where the patterns tell of perspective, around where they say it lies too.
    fn fourth_corner(&self, flat: [[f32; 2]; 4], aside: Option<[f32; 2]>) -> Scored {
        let modules: usize = self.signposts.iter().map(|patch| patch.modules.len()).sum();
        let affordable = (MOST_SAMPLES / modules as f32).sqrt() / 2.0;
        let far = ((self.side - 7) as f32 * 0.22).clamp(3.0, 14.0).min(affordable) as i32;
        let [top_left, top_right, square, bottom_left] = flat;
        let middles = [Some(square), aside.filter(|aside| is_far(*aside, square, self.module * far as f32))];
        let steps = || (-far..=far).flat_map(|rows| (-far..=far).map(move |columns| (columns as f32, rows as f32)));
        let mut likely = [(f32::MIN, flat); LIKELY];
        for (middle, (columns, rows)) in
            middles.into_iter().flatten().flat_map(|at| steps().map(move |step| (at, step)))
        {
            let anchors = [top_left, top_right, self.shifted(middle, columns, rows), bottom_left];
            let worst = likely.last().map_or(f32::MIN, |worst| worst.0);
            let look = OutlineView { plane: self.plane, anchors, module: self.module };
            let Some(score) = look.score_above(self.signposts, worst) else { continue };
            if score > worst {
                let place = likely.partition_point(|better| better.0 >= score);
                if let Some(rest) = likely.get_mut(place..) {
                    rest.rotate_right(1);
                    rest[0] = (score, anchors);
                }
            }
        }
        likely.iter().fold((f32::MIN, flat), |best, &(_, anchors)| self.better(best, anchors))
    }
}

/// Modules that a fit looks at, about.
pub(super) fn cost(side: usize) -> u64 {
    // Three climbs of a hundred outlines, of patterns that make up a tenth of the code.
    let known = 192 + 2 * side + side * side / 28;
    300 * known as u64 + MOST_SAMPLES as u64
}

/// What tells most about the fourth corner: timing patterns, and the alignment patterns nearest to it. A code without
/// alignment patterns has only itself.
fn signposts(patches: &[Patch], side: usize) -> Vec<Patch> {
    let guides = patches.get(FINDERS..).unwrap_or(&[]);
    let Some(alignments) = guides.get(TIMINGS..).filter(|alignments| !alignments.is_empty()) else {
        return patches.to_vec();
    };
    let from_corner = |patch: &Patch| patch.modules.first().map_or(0, |known| 2 * side - known.column - known.row);
    let mut near: Vec<&Patch> = alignments.iter().collect();
    near.sort_by_key(|patch| from_corner(patch));
    let timings = guides.iter().take(TIMINGS);
    // Long timing patterns say as much by their ends nearest to the fourth corner.
    let ends = timings.map(|patch| {
        let from = patch.modules.len().saturating_sub(TIMING_END);
        Patch::new(patch.modules.get(from..).unwrap_or(&[]).to_vec(), patch.weight, side)
    });
    let weight = 1.5 / (near.len().min(MOST_NEAR) as f32).sqrt();
    ends.chain(near.into_iter().take(MOST_NEAR).map(|patch| Patch { weight, ..patch.clone() })).collect()
}

/// Alignment patterns, and modules of each timing pattern, that the fourth corner is searched by.
const MOST_NEAR: usize = 4;
const TIMING_END: usize = 32;
/// Places for the fourth corner that are looked at with all patterns.
const LIKELY: usize = 8;
/// Agreement of the three finder patterns alone that is worth a fit: of 5,000 that were read none had less than 0.53, as
/// half of the chance groups have.
pub(super) const LEAST_PROBE: f32 = 0.5;
/// The same of the pattern at the top left alone: of 5,000 that were read one had less.
const LEAST_CORNER: f32 = 0.2;
/// Not worth moving: no right outline was seen to start below.
const HOPELESS: f32 = 0.2;
/// The same where the fourth corner was searched: of 390 that were read after it none began below 0.46.
const LEAST_FOURTH: f32 = 0.4;
/// Worth moving before the fourth corner is searched.
const PROMISING: f32 = 0.3;
/// Pixels a module from which the nearest pixel says as much as the four around.
const LARGE: f32 = 3.5;
/// A fit this good, with its finder patterns and without, needs no search for its fourth corner.
const GOOD: f32 = 0.8;
/// A fit worth polishing and sampling: of 3,200 that were read none had less than 0.75, a wrong size or a chance group
/// has 0.4 mostly.
pub(super) const LEAST: f32 = 0.55;
/// A fit that a bent surface may hide behind: of those that needed the mesh none had less than 0.8.
pub(super) const BENT: f32 = 0.65;
/// A fit that is a code for sure, read or not.
pub(super) const SURE: f32 = 0.75;
/// Modules looked at in one search for a fourth corner.
const MOST_SAMPLES: f32 = 40_000.0;
/// The first patches are the finder patterns, the next the timing patterns.
const FINDERS: usize = 3;
const TIMINGS: usize = 2;

fn is_far(a: [f32; 2], b: [f32; 2], than: f32) -> bool {
    (a[0] - b[0]).hypot(a[1] - b[1]) > than / 2.0
}

/// A look at the picture through an outline: the finder patterns' middles and the fourth corner, clockwise from the top
/// left.
pub(super) struct OutlineView<'a> {
    pub plane: Plane<'a>,
    pub anchors: [[f32; 2]; 4],
    /// Pixels a module.
    pub module: f32,
}

impl OutlineView<'_> {
    /// How well the patterns agree; `None` where it is not an outline.
    pub(super) fn score<'p>(&self, patches: impl IntoIterator<Item = &'p Patch, IntoIter: Clone>) -> Option<f32> {
        self.score_above(patches, f32::MIN)
    }

    /// The same; `None` too as soon as it is clear that it will not be more than `least`.
    pub(super) fn score_above<'p>(
        &self,
        patches: impl IntoIterator<Item = &'p Patch, IntoIter: Clone>,
        least: f32,
    ) -> Option<f32> {
        let (sum, weights, whole) = self.sum(patches, least, |_| true)?;
        whole.then_some(sum / weights)
    }

    /// How well finder patterns, and what may come after them, agree. Less than `least` is not an exact figure, and no more
    /// is looked at where the first agrees by less than `least_first`.
    pub(super) fn probe<'p>(
        &self,
        patches: impl IntoIterator<Item = &'p Patch, IntoIter: Clone>,
        least: f32,
        least_first: f32,
    ) -> f32 {
        let look = self.sum(patches, least, |first| first >= least_first);
        look.map_or(0.0, |(sum, weights, _)| sum / weights)
    }

    /// Agreement by weight, the sum of the weights, and whether all was looked at: not where `least` is out of reach, or
    /// where the first patch is not good enough.
    fn sum<'p>(
        &self,
        patches: impl IntoIterator<Item = &'p Patch, IntoIter: Clone>,
        least: f32,
        is_good: impl Fn(f32) -> bool,
    ) -> Option<(f32, f32, bool)> {
        let view = View::of_square(self.anchors)?;
        // Between large modules' middles and their pixels' there is no difference worth its time.
        let exact = self.module < LARGE;
        let patches = patches.into_iter();
        let weights: f32 = patches.clone().map(|patch| patch.weight).sum();
        let (mut sum, mut rest) = (0.0, weights);
        for (index, patch) in patches.enumerate() {
            let agreement = patch.agreement(self.plane, &view, exact);
            sum += patch.weight * agreement;
            rest -= patch.weight;
            if sum + rest < least * weights || (index == 0 && !is_good(agreement)) {
                return Some((sum, weights, false));
            }
        }
        Some((sum, weights, true))
    }
}

impl Patch {
    /// How well the picture follows the signs, from -1 to 1.
    fn agreement(&self, plane: Plane<'_>, view: &View, exact: bool) -> f32 {
        let mut agreement = Agreement::default();
        let mut signs = self.signs.as_slice();
        plane.visit(view, &self.places, exact, |values| {
            let (now, later) = signs.split_at(values.len().min(signs.len()));
            agreement.add(values, now);
            signs = later;
        });
        agreement.share(self.modules.len().max(1) as f32, self.tilt)
    }
}

/// What every code of one size shows.
pub(super) struct CodeTemplate {
    /// Finder patterns (top left, top right, bottom left), timing (row, column), alignment.
    pub patches: Vec<Patch>,
    /// What the fourth corner is searched by.
    signposts: Vec<Patch>,
}

impl CodeTemplate {
    fn finders(&self) -> &[Patch] {
        self.patches.get(..FINDERS).unwrap_or(&[])
    }
}

/// The template of a code `side` modules wide. Each is laid out once: that takes longer than most looks at a picture.
pub(super) fn template(side: usize) -> Option<&'static CodeTemplate> {
    static TEMPLATES: [OnceLock<Option<CodeTemplate>>; 41] = [const { OnceLock::new() }; 41];
    let version = side.checked_sub(17)? / 4;
    let laid_out = || {
        let patches = patches(side, version)?;
        let signposts = signposts(&patches, side);
        Some(CodeTemplate { patches, signposts })
    };
    TEMPLATES.get(version).filter(|_| version * 4 + 17 == side)?.get_or_init(laid_out).as_ref()
}

/// The colours that the patches give to a code's modules, row after row: 1 for light, -1 for dark, 0 where the code decides.
pub(super) fn known(patches: &[Patch], side: usize) -> Vec<f32> {
    let mut known = vec![0.0; side * side];
    for module in patches.iter().flat_map(|patch| &patch.modules) {
        if let Some(sign) = known.get_mut(module.row * side + module.column) {
            *sign = module.sign;
        }
    }
    known
}

fn patches(side: usize, version: usize) -> Option<Vec<Patch>> {
    let version = Version::getVersionForNumber(version as u32).ok()?;
    let known =
        |column: usize, row: usize, light: bool| KnownModule { column, row, sign: if light { 1.0 } else { -1.0 } };
    let mut patches = finders(side);
    patches.extend([
        Patch::new((8..side - 8).map(|at| known(at, 6, at % 2 == 1)).collect(), 1.5, side),
        Patch::new((8..side - 8).map(|at| known(6, at, at % 2 == 1)).collect(), 1.5, side),
    ]);
    let centres = version.getAlignmentPatternCenters();
    let middles = centres.iter().flat_map(|&row| centres.iter().map(move |&column| (column as usize, row as usize)));
    let alignments: Vec<(usize, usize)> = middles
        .filter(|&(column, row)| !(column.min(row) == 6 && (column.max(row) == 6 || column.max(row) == side - 7)))
        .collect();
    let weight = 1.5 / (alignments.len().max(1) as f32).sqrt();
    for (column, row) in alignments {
        let five = (0..5).flat_map(|y: usize| (0..5).map(move |x: usize| (x, y)));
        let modules =
            five.map(|(x, y)| known(column + x - 2, row + y - 2, x.abs_diff(2).max(y.abs_diff(2)) == 1)).collect();
        patches.push(Patch::new(modules, weight, side));
    }
    Some(patches)
}

/// The three finder patterns with their separators.
fn finders(side: usize) -> Vec<Patch> {
    let last = side - 1;
    let eight = || (0..8usize).flat_map(|y| (0..8usize).map(move |x| (x, y)));
    // Rings from the middle: dark, dark, light, dark, and the light separator.
    let is_light = |x: usize, y: usize| matches!(x.abs_diff(3).max(y.abs_diff(3)), 2 | 4);
    let patch = |place: &dyn Fn(usize, usize) -> (usize, usize)| {
        let modules = eight().map(|(x, y)| {
            let (column, row) = place(x, y);
            KnownModule { column, row, sign: if is_light(x, y) { 1.0 } else { -1.0 } }
        });
        Patch::new(modules.collect(), 1.0, side)
    };
    vec![patch(&|x, y| (x, y)), patch(&|x, y| (last - x, y)), patch(&|x, y| (x, last - y))]
}
