//! A second look, where many codes were read, at each place that seems to hold one more.
//!
//! What a threshold makes of a code depends on where its blocks fall and on what lies around: of 300 codes in a shadow a
//! few are lost to that which are read when they are cut out. So they are cut out here: what was seen and not read, and
//! holes in rows of codes that were read.

use super::super::catch_panic::catch_panic;
use super::super::pixels::{Area, Source};
use super::bits::{self, Rule};
use super::geometry::Quad;
use super::native::{Colours, Native, Patterns, Retouch, Threshold};
use super::photo_codes::{self, PhotoCodes};
use super::rest::Rest;
use super::{Detection, Rung, RungOutput, Task, near, retouch, threshold, zxing};
use rxing::common::BitMatrix;
use scanmill_core::domain::RungName;
use scanmill_jpeg::Luma;

/// Places looked at in one photo.
const MOST_PLACES: usize = 96;
/// Pixels looked at for them.
const MOST_PIXELS: usize = 8_000_000;
/// Width in pixels of the smallest code read, in the picture that is looked at: more of them show nothing new.
const WIDE_ENOUGH: f32 = 240.0;
/// How far around a place is looked, in widths of the code next to it. What was seen may be one corner of a code.
const AROUND_STRAY: f32 = 1.3;
const AROUND_HOLE: f32 = 0.9;
/// How near two codes stand that say where a third is, in widths of the one.
const NEIGHBOURS: f32 = 2.5;
/// Neighbours of a code that are gone by.
const MOST_NEIGHBOURS: usize = 4;
/// What a place that is cut out takes, enlarged and in black and white.
pub(super) const PART_BYTES: u64 = 3 << 20;
/// Pixels that are cut off, so that blocks of eight fall elsewhere than in the whole.
const SHIFT: usize = 4;
/// The middle of a part, in percent of its sides, and the share of its pixels that are left out as its darkest and its
/// lightest: on paper the others differ by no more than noise does, so many levels and an eighth of the lightest.
const MIDDLE: usize = 50;
const OUTER: usize = 10;
const NOISE: usize = 6;
/// How far the size of a finder pattern may be from those of the codes read.
const ALIKE: f32 = 1.4;
/// Width in pixels of the smallest finder pattern read, from which on no part is enlarged: those of codes that are lost to
/// thresholds have less than three pixels a module.
const LARGE_ENOUGH: f32 = 3.0 * 7.0 * ALIKE;

/// Where a code may be, in pixels of the full-size photo.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Candidate {
    centre: [f32; 2],
    /// How far from the centre is looked.
    reach: f32,
    /// Codes on both sides say so.
    is_hole: bool,
}

impl Candidate {
    fn holds(&self, point: [f32; 2]) -> bool {
        [0, 1].iter().all(|&axis| (self.centre[axis] - point[axis]).abs() < self.reach)
    }

    fn area(&self) -> Area {
        Area {
            from: self.centre.map(|at| (at - self.reach).max(0.0) as usize),
            to: self.centre.map(|at| (at + self.reach).max(0.0) as usize),
        }
    }
}

/// The places worth a second look, the surest first: what was seen and not read, then holes among the codes read.
/// `size`: the photo's width and height.
fn places(codes: &[Quad], unread_candidates: &[[f32; 2]], size: [usize; 2]) -> Vec<Candidate> {
    let mut places: Vec<Candidate> = Vec::new();
    for &unread_candidate in unread_candidates {
        let nearest = codes
            .iter()
            .min_by(|a, b| apart(a.centre(), unread_candidate).total_cmp(&apart(b.centre(), unread_candidate)));
        let Some(width) = nearest.map(Quad::size) else { continue };
        if !places.iter().any(|known| apart(known.centre, unread_candidate) < width * 0.5) {
            places.push(Candidate { centre: unread_candidate, reach: width * AROUND_STRAY, is_hole: false });
        }
    }
    places.extend(holes(codes, size));
    places.truncate(MOST_PLACES);
    places
}

/// Where rows of codes have a gap or go on: each code as far beyond another as a third lies on the other side, said by two
/// codes or more.
fn holes(codes: &[Quad], size: [usize; 2]) -> Vec<Candidate> {
    let centres: Vec<[f32; 2]> = codes.iter().map(Quad::centre).collect();
    let mut holes: Vec<(Candidate, usize)> = Vec::new();
    for (code, &centre) in codes.iter().zip(&centres) {
        let width = code.size();
        let mut near: Vec<(f32, [f32; 2])> = centres
            .iter()
            .map(|&other| (apart(centre, other), other))
            .filter(|&(apart, _)| apart > 0.0 && apart < width * NEIGHBOURS)
            .collect();
        near.sort_by(|a, b| a.0.total_cmp(&b.0));
        for (_, other) in near.into_iter().take(MOST_NEIGHBOURS) {
            let at = [2.0 * centre[0] - other[0], 2.0 * centre[1] - other[1]];
            let inside = at.iter().zip(size).all(|(&at, side)| at > 0.0 && at < side as f32);
            if !inside || centres.iter().any(|&centre| apart(centre, at) < width * 0.6) {
                continue;
            }
            match holes.iter_mut().find(|(known, _)| apart(known.centre, at) < width * 0.4) {
                Some((_, votes)) => *votes += 1,
                None => holes.push((Candidate { centre: at, reach: width * AROUND_HOLE, is_hole: true }, 1)),
            }
        }
    }
    holes.retain(|&(_, votes)| votes >= 2);
    holes.sort_by_key(|&(_, votes)| std::cmp::Reverse(votes));
    holes.into_iter().map(|(place, _)| place).collect()
}

fn apart(a: [f32; 2], b: [f32; 2]) -> f32 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

/// The name of a second look in rows and metrics: it is by the readers of full-size pictures.
pub(super) const NAME: RungName = RungName::ZxingFull;
/// Looks in turn: what one reads shows where others are missing.
const MOST_LOOKS: usize = 3;

/// Looks again until nothing more is read; returns how many codes that added, `None` where there was no place to look at.
pub(super) fn look_again(
    source: &mut Source,
    found: &mut PhotoCodes,
    rest: &mut Rest,
    task: &mut Task<'_>,
) -> Option<usize> {
    let mut looked_at: Vec<Candidate> = Vec::new();
    let mut unread: Vec<Unread> = Vec::new();
    let (mut won, longest) = (0, source.long_side());
    for _ in 0..MOST_LOOKS {
        task.codes = found.outlines();
        let mut places = places(&task.codes, &rest.all_left(found, task.tried), source.full_size());
        places.retain(|place| !looked_at.contains(place));
        if places.is_empty() || task.deadline.is_over() {
            break;
        }
        let side = side(longest, found.smallest_side());
        task.scale = longest as f32 / side as f32;
        let patterns = found.pattern_widths().map(|width| width / task.scale);
        // A panic costs the rest of this look only.
        let mut look = catch_panic(|| look(source, side, &places, patterns, task)).unwrap_or_default();
        let new = found.add(look.codes, NAME.as_str(), task.scale);
        unread.append(&mut look.unread);
        places.truncate(look.places);
        looked_at.append(&mut places);
        won += new;
        if new == 0 {
            break;
        }
    }
    let likely = unread.iter().filter_map(|unread| unread.likely(found)).collect();
    let is_settled = |at| looked_at.iter().any(|place| place.holds(at));
    rest.note_again(is_settled, likely, found, task.tried);
    (!looked_at.is_empty()).then_some(won)
}

/// Long side of the picture that places are looked at in.
fn side(longest: usize, smallest_code: f32) -> usize {
    let shrunk = (smallest_code / WIDE_ENOUGH).max(1.0);
    near((longest as f32 / shrunk) as usize, longest)
}

/// Looks at each place in the photo's picture of that side. `patterns`: the smallest and the largest width of the codes'
/// finder patterns in it.
fn look(source: &mut Source, side: usize, places: &[Candidate], patterns: [f32; 2], task: &mut Task<'_>) -> SecondLook {
    let mut look = SecondLook::default();
    let mut left = MOST_PIXELS;
    for place in places {
        let area = place.area();
        left = left.saturating_sub((area.pixels() as f32 / (task.scale * task.scale)) as usize);
        if left == 0 || task.deadline.is_over() {
            break;
        }
        look.places += 1;
        for (part, origin) in source.parts(side, vec![area]) {
            let [width, height] = [part.width(), part.height()];
            let part = part.part([SHIFT.min(width - 1), SHIFT.min(height - 1)], [width, height]);
            let origin = origin.map(|at| at + SHIFT as f32);
            task.origin = Some(origin);
            let (mut view, unread) = look_at(&part, patterns, place.is_hole, task);
            view.shift(origin);
            let full = |[x, y]: [f32; 2]| [(x + origin[0]) * task.scale, (y + origin[1]) * task.scale];
            look.unread.push(Unread { patterns: unread.into_iter().map(full).collect(), is_hole: place.is_hole });
            // What is beside it is not to take its patterns for another's.
            let sure = view.codes.iter().filter(|code| !photo_codes::is_exhausted(code.ecc_used));
            task.codes.extend(sure.map(|code| code.quad.scaled(task.scale)));
            look.codes.append(&mut view.codes);
        }
    }
    look
}

/// What a look at some places shows.
#[derive(Default)]
struct SecondLook {
    codes: Vec<Detection>,
    unread: Vec<Unread>,
    /// How many of the places were looked at.
    places: usize,
}

type Points = Vec<[f32; 2]>;

/// Finder patterns that were left at a place, in pixels of the full-size photo.
struct Unread {
    patterns: Points,
    is_hole: bool,
}

impl Unread {
    /// Where there is a code, by what no code read since holds.
    fn likely(&self, found: &PhotoCodes) -> Option<[f32; 2]> {
        let least = if self.is_hole { 1 } else { 2 };
        let mut left = self.patterns.iter().copied().filter(|&pattern| !found.covers(pattern));
        let first = left.next()?;
        (1 + left.count() >= least).then_some(first)
    }
}

/// Whether the middle of a part shows nothing but paper.
fn is_blank(part: &Luma) -> bool {
    let inner = |side: usize| side * (100 - MIDDLE) / 200..side - side * (100 - MIDDLE) / 200;
    let (rows, columns) = (inner(part.height()), inner(part.width()));
    let mut counts = [0usize; 256];
    for &pixel in rows.clone().flat_map(|y| part.row(y).get(columns.clone()).unwrap_or(&[])) {
        if let Some(count) = counts.get_mut(usize::from(pixel)) {
            *count += 1;
        }
    }
    let outer = rows.len() * columns.len() * OUTER / 100;
    let reached = |counts: &mut dyn Iterator<Item = &usize>| {
        let mut sum = 0;
        counts
            .take_while(|&&count| {
                sum += count;
                sum <= outer
            })
            .count()
    };
    let (darkest, lightest) = (reached(&mut counts.iter()), 255 - reached(&mut counts.iter().rev()).min(255));
    lightest.saturating_sub(darkest) <= NOISE + lightest / 8
}

/// What a part shows by one threshold or another, and the most finder patterns as large as those of the codes read that it
/// was seen to hold beside what was read.
fn look_at(part: &Luma, patterns: [f32; 2], is_hole: bool, task: &mut Task<'_>) -> (RungOutput, Points) {
    if is_hole && is_blank(part) {
        return (RungOutput::default(), Points::new());
    }
    let thresholds: [fn(&Luma) -> Option<BitMatrix>; 3] = [
        |part| bits::binarize(part, Rule::Middles { drawn: true }),
        |part| bits::binarize(part, Rule::Means),
        |part| threshold::local_mean(part, 40),
    ];
    let mut unread = Points::new();
    for threshold in thresholds {
        let (view, left) = search(threshold(part), 1, patterns, task);
        if !view.codes.is_empty() {
            return (view, Points::new());
        }
        unread = longer(unread, left);
    }
    if unread.is_empty() && !is_hole {
        return (RungOutput::default(), unread);
    }
    if patterns[0] < LARGE_ENOUGH && part.width().max(part.height()) <= retouch::SMALL {
        let large = retouch::enlarge(part);
        let picture = large.and_then(|large| bits::binarize(&large, Rule::Middles { drawn: true }));
        let (view, left) = search(picture, retouch::LARGER, patterns, task);
        if !view.codes.is_empty() {
            return (view, Points::new());
        }
        unread = longer(unread, left);
    }
    if unread.len() >= 2 {
        for native in NATIVE {
            let view = if native.should_skip(task.tried, part.width()) {
                RungOutput::default()
            } else {
                native.read(part, task)
            };
            if !view.codes.is_empty() {
                return (view, Points::new());
            }
        }
    }
    (RungOutput::default(), unread)
}

/// Searches both polarities of a picture `times` as large as the part, and returns what it saw in pixels of the part.
fn search(picture: Option<BitMatrix>, times: usize, patterns: [f32; 2], task: &Task<'_>) -> (RungOutput, Points) {
    let mut unread = Points::new();
    let Some(mut picture) = picture else { return (RungOutput::default(), unread) };
    let shrunk = 1.0 / times as f32;
    for _polarity in 0..2 {
        let mut view = RungOutput::default();
        let mut left = zxing::search(&picture, task, task.scale * shrunk, &mut view);
        if !view.codes.is_empty() {
            view.scale(shrunk);
            return (view, Points::new());
        }
        let alike = patterns[0] / ALIKE..patterns[1] * ALIKE;
        left.retain(|pattern| alike.contains(&(pattern.size as f32 * shrunk)));
        unread = longer(unread, left.iter().map(|pattern| [pattern.p.x * shrunk, pattern.p.y * shrunk]).collect());
        picture.flip_self();
    }
    (RungOutput::default(), unread)
}

fn longer(one: Points, other: Points) -> Points {
    if other.len() > one.len() { other } else { one }
}

/// The native reader, for what zxing's shows two finder patterns of.
const NATIVE: [Native; 2] = [native(Patterns::Three), native(Patterns::Two)];

const fn native(patterns: Patterns) -> Native {
    let (retouch, threshold, colours) = (Retouch::Plain, Threshold::Hybrid, Colours::Both);
    Native { name: NAME, side: 0, retouch, threshold, patterns, colours }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(x: usize, y: usize) -> Quad {
        let [x, y] = [x, y].map(|at| at as f32 * 30.0 + 20.0);
        Quad([[x, y], [x + 20.0, y], [x + 20.0, y + 20.0], [x, y + 20.0]])
    }

    #[test]
    fn the_hole_in_a_grid_comes_first_and_nothing_lies_beyond_the_photo() {
        let all = (0..5).flat_map(|y| (0..5).map(move |x| (x, y)));
        let codes: Vec<Quad> = all.filter(|&place| place != (2, 1)).map(|(x, y)| code(x, y)).collect();
        let found = places(&codes, &[], [175, 175]);
        assert_eq!((found.first().map(|place| place.centre), found.len()), (Some([90.0, 60.0]), 1));
        assert!(found[0].is_hole && found[0].holds([97.0, 50.0]) && !found[0].holds([120.0, 60.0]));
    }

    #[test]
    fn strays_of_one_place_are_one() {
        let codes = [code(0, 0), code(3, 0)];
        let found = places(&codes, &[[60.0, 60.0], [64.0, 61.0], [160.0, 90.0]], [400, 400]);
        assert_eq!(found.iter().map(|place| place.centre).collect::<Vec<_>>(), [[60.0, 60.0], [160.0, 90.0]]);
    }

    #[test]
    fn noisy_paper_is_blank_and_what_has_modules_is_not() {
        let noise = |at: usize| (at * 7_919 % 9) as u8;
        let paper = Luma::new(60, 60, (0..3_600).map(|at| 180 + noise(at)).collect()).unwrap();
        let dark = |at: usize| at % 60 / 4 % 2 == at / 240 % 2;
        let pixels = (0..3_600).map(|at| if dark(at) { 20 + noise(at) } else { 40 + noise(at) });
        assert!(is_blank(&paper) && !is_blank(&Luma::new(60, 60, pixels.collect()).unwrap()));
    }
}
