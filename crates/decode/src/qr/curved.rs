//! Codes that no flat outline fits: around a bottle, on a crumpled bag, large ones on a page that is not quite flat. Their
//! finder patterns are where they are; what lies between is followed from there.

use rxing::common::BitMatrix;

use super::finder::Pattern;
use super::finder_pose::FinderPose;
use super::frame::CodeFrame;
use super::plane::Plane;
use super::{Grey, PictureSymbols, Proposals, Symbol, Task, fit, layout, soft_modules, surface_tracking, symbol};

/// Corners that are followed in one picture, and modules that this may look at: two of the largest codes there are.
const MOST_FOLLOWED: usize = 6;
const MOST_WORK: u64 = 32_000_000;
/// Agreement of a proposed finder pattern as it was seen, and moved, turned and stretched as far as that makes it better.
const LEAST_SEEN: f32 = 0.2;
const LEAST_SETTLED: f32 = 0.75;
/// The same of the version's bits, to be believed.
const LEAST_VERSION: f32 = 0.75;
/// Share of the modules that every code of the size has, less of those that are wrong, which is worth reading.
const LEAST_KNOWN: f32 = 0.5;
/// Modules on a side of the largest code that does not tell its version.
const MOST_UNTOLD: usize = 41;

/// Reads the dark codes of the picture by following them from their finder patterns.
pub(in super::super) fn read(grey: Grey<'_>, proposals: &Proposals, task: &mut Task<'_>) -> PictureSymbols {
    let mut seen = PictureSymbols::default();
    let (picture, patterns) = (&proposals.picture, proposals.unread(task));
    let Some(luma) = patterns.get(2).and_then(|_| grey()) else { return seen };
    let plane = Plane(&luma);
    let mut roots: Vec<FinderPose> = Vec::new();
    for pattern in &patterns {
        if task.is_over() {
            break;
        }
        roots.extend(root(plane, picture, pattern));
    }
    let (mut used, mut work): (Vec<[f32; 2]>, u64) = (Vec::new(), 0);
    for corner in Corner::all(&roots).into_iter().take(MOST_FOLLOWED) {
        if task.is_over() {
            break;
        }
        if corner.roots.iter().any(|root| used.contains(&root.at)) {
            continue;
        }
        if let Some(symbol) = follow(plane, &corner, task, &mut work) {
            used.extend(corner.roots.iter().map(|root| root.at));
            seen.symbols.push(symbol);
            if task.first_only {
                break;
            }
        }
    }
    seen
}

/// A finder pattern as a piece of the surface; which of its sides is the upper one is not known yet.
fn root(plane: Plane<'_>, picture: &BitMatrix, pattern: &Pattern) -> Option<FinderPose> {
    let frame = CodeFrame::of(picture, pattern)?;
    // The ring tells how it is stretched; how it is turned is tried out.
    let turns = (0..6).filter_map(|step| {
        let (sin, cos) = (step as f32 * std::f32::consts::FRAC_PI_2 / 6.0).sin_cos();
        let axes = frame.turned([1.0, 0.0], [cos, sin])?;
        let piece = FinderPose { module: [0.0; 2], at: pattern.centre, right: axes.right, down: axes.down };
        Some((piece.agreement(plane), piece))
    });
    let (agreement, piece) = turns.max_by(|a, b| a.0.total_cmp(&b.0))?;
    if agreement < LEAST_SEEN {
        return None;
    }
    let (settled, agreement) = piece.settled_on_finder(plane);
    (agreement >= LEAST_SETTLED).then_some(settled)
}

/// Three finder patterns that may be the corners of one code.
struct Corner {
    /// Top left, top right, bottom left, all the same way up.
    roots: [FinderPose; 3],
    /// Modules from the first to the others, by their sizes.
    apart: [f32; 2],
    /// How far from what a flat code looks like.
    flaw: f32,
}

impl Corner {
    /// Every corner that could be, the most plausible first.
    fn all(roots: &[FinderPose]) -> Vec<Corner> {
        let mut corners = Vec::new();
        for (index, top_left) in roots.iter().enumerate() {
            for (to_right, top_right) in roots.iter().enumerate() {
                for (below, bottom_left) in roots.iter().enumerate() {
                    if index != to_right && index != below && to_right != below {
                        corners.extend(Corner::of([top_left, top_right, bottom_left]));
                    }
                }
            }
        }
        corners.sort_by(|a, b| a.flaw.total_cmp(&b.flaw));
        corners
    }

    fn of([top_left, top_right, bottom_left]: [&FinderPose; 3]) -> Option<Corner> {
        // The four ways it can be turned: the one whose right points to the next pattern.
        let top_left = top_left.facing(top_right.at)?;
        let [x, y] = top_left.modules_to(top_right.at)?;
        let [below_x, below_y] = top_left.modules_to(bottom_left.at)?;
        let slant = y.abs() / x + below_x.abs() / below_y;
        if below_y <= 0.0 || y.abs() > x * STEEPEST || below_x.abs() > below_y * STEEPEST {
            return None;
        }
        let top_right = top_right.like(&top_left)?;
        let bottom_left = bottom_left.like(&top_left)?;
        // Each sees the way between them in its own modules.
        let between = |to: &FinderPose, there: f32| {
            let [x, y] = to.modules_to(top_left.at)?;
            Some((x.hypot(y) * there).sqrt())
        };
        let apart = [between(&top_right, x.hypot(y))?, between(&bottom_left, below_x.hypot(below_y))?];
        let (low, high) = (apart[0].min(apart[1]), apart[0].max(apart[1]));
        let flaw = slant + (high / low - 1.0) * 2.0 + high / 177.0;
        let fits = low >= 11.0 && high <= 230.0 && high < low * 1.7;
        fits.then_some(Corner { roots: [top_left, top_right, bottom_left], apart, flaw })
    }

    /// Sizes the code may have, the likeliest first: what its version bits say, or what its patterns' sizes do.
    fn sides(&self, plane: Plane<'_>) -> Vec<usize> {
        let [_, top_right, bottom_left] = &self.roots;
        // Both copies, as columns and rows from the middle of the finder pattern beside them; the lowest bit first.
        let across = |bit: i32| top_right.away((bit % 3) as f32 - 7.0, (bit / 3) as f32 - 3.0);
        let down = |bit: i32| bottom_left.away((bit / 3) as f32 - 3.0, (bit % 3) as f32 - 7.0);
        let bits = |place: &dyn Fn(i32) -> [f32; 2]| {
            let greys: Vec<f32> = (0..18).map(|bit| plane.at(place(bit))).collect();
            let low = greys.iter().copied().fold(f32::MAX, f32::min);
            let high = greys.iter().copied().fold(f32::MIN, f32::max);
            let (middle, contrast) = ((low + high) / 2.0, ((high - low) / 2.0).max(4.0));
            greys.into_iter().map(|grey| (grey - middle) / contrast).collect::<Vec<f32>>()
        };
        let copies = [bits(&across), bits(&down)];
        let agreement = |version: usize| {
            let bits = layout::version_bits(version);
            let sign = |bit: usize| if bits >> bit & 1 == 1 { -1.0 } else { 1.0 };
            let of =
                |copy: &Vec<f32>| copy.iter().enumerate().map(|(bit, value)| sign(bit) * value).sum::<f32>() / 18.0;
            copies.iter().map(of).fold(f32::MIN, f32::max)
        };
        let told = (7..=40).map(|version| (agreement(version), version)).max_by(|a, b| a.0.total_cmp(&b.0));
        let guess = (self.apart[0] + self.apart[1]) / 2.0 + 7.0;
        if let Some((agreement, version)) = told
            && agreement >= LEAST_VERSION
            && (version * 4 + 17) as f32 > guess * 0.6
        {
            return vec![version * 4 + 17];
        }
        let mut sides: Vec<usize> = (21..=MOST_UNTOLD).step_by(4).collect();
        let off = |side: usize| ((side as f32 - guess).abs() * 16.0) as usize;
        sides.sort_by_key(|&side| off(side));
        sides.retain(|&side| off(side) < 7 * 16);
        sides
    }
}

/// How far a pattern may lie off the way that the first one points, against how far along it.
const STEEPEST: f32 = 0.8;

/// Lays a net from the corner and reads what it holds.
fn follow(plane: Plane<'_>, corner: &Corner, task: &Task<'_>, work: &mut u64) -> Option<Symbol> {
    for side in corner.sides(plane) {
        *work += surface_tracking::cost(side);
        if task.is_over() || *work > MOST_WORK {
            return None;
        }
        let far = side as f32 - 3.5;
        let mut roots = corner.roots;
        for (root, module) in roots.iter_mut().zip([[3.5, 3.5], [far, 3.5], [3.5, far]]) {
            root.module = module;
        }
        let patches = &fit::template(side)?.patches;
        let modules = || patches.iter().flat_map(|patch| &patch.modules);
        let known = fit::known(patches, side);
        let places = surface_tracking::over(plane, side, &roots, &known, task.deadline)?;
        let greys = soft_modules::sample(plane, &places);
        let soft = greys.soft();
        let agreement: f32 = modules().map(|known| (soft.at(known.column, known.row) * known.sign).signum()).sum();
        if agreement < LEAST_KNOWN * modules().count() as f32 {
            continue;
        }
        if let Some(payload) = symbol::read(&greys) {
            let corners = corners(&places, side, payload.mirrored);
            return Some(Symbol { payload, corners });
        }
    }
    None
}

/// The symbol's own corners: half a module beyond the middles of the last modules.
fn corners(places: &[[f32; 2]], side: usize, mirrored: bool) -> [[f32; 2]; 4] {
    let place = |column: usize, row: usize| places.get(row * side + column).copied().unwrap_or_default();
    let last = side - 1;
    let beyond = |[x, y]: [f32; 2], [inner_x, inner_y]: [f32; 2]| [x * 1.5 - inner_x / 2.0, y * 1.5 - inner_y / 2.0];
    let [a, b, c, d] = [
        beyond(place(0, 0), place(1, 1)),
        beyond(place(last, 0), place(last - 1, 1)),
        beyond(place(last, last), place(last - 1, last - 1)),
        beyond(place(0, last), place(1, last - 1)),
    ];
    if mirrored { [a, d, c, b] } else { [a, b, c, d] }
}
