//! Codes that are there for sure and were too small to be read where they were seen: looked at again, each on its own
//! piece of the photo at its full size. In the whole photo at that size they would be lost among things that look alike.

use super::super::luma::Luma;
use super::super::qr::Tried;
use super::geometry::Quad;
use super::own::{Own, Patterns, Retouch, Threshold};
use super::{Rung, Task, View};

/// Our own reader on pieces of the full-size photo, in three ways each.
pub(super) struct Close;

/// Long side of a photo up to which the other rungs see all there is.
const LARGE: usize = 1_600;
/// Pieces looked at, the first found first.
const MOST_PIECES: usize = 12;

const WAYS: [Own; 3] = [
    way(Retouch::Plain, Threshold::Hybrid),
    way(Retouch::Blur(1), Threshold::Mean(40)),
    way(Retouch::Plain, Threshold::Mean(40)),
];

const fn way(retouch: Retouch, threshold: Threshold) -> Own {
    Own { name: NAME, side: usize::MAX, retouch, threshold, patterns: Patterns::Three }
}

const NAME: &str = "own_close";

impl Rung for Close {
    fn name(&self) -> &'static str {
        NAME
    }

    fn side(&self, longest: usize) -> Option<usize> {
        (longest > LARGE).then_some(longest)
    }

    fn read(&self, luma: &Luma, task: &mut Task<'_>) -> View {
        let mut view = View::default();
        for quad in task.unread.iter().take(MOST_PIECES) {
            if task.deadline.is_over() || view.codes.iter().any(|code| code.quad.is_same_place(quad)) {
                continue;
            }
            let Some((piece, corner)) = piece(luma, quad) else { continue };
            for way in &WAYS {
                let mut tried = Tried::default();
                let mut part = Task {
                    deadline: task.deadline,
                    first_only: true,
                    scale: 1.0,
                    codes: Vec::new(),
                    unread: Vec::new(),
                    tried: &mut tried,
                };
                let read = way.read(&piece, &mut part);
                if !read.codes.is_empty() {
                    view.codes.extend(read.codes.into_iter().map(|mut code| {
                        code.quad = code.quad.moved(corner);
                        code
                    }));
                    break;
                }
            }
            if task.first_only && !view.codes.is_empty() {
                break;
            }
        }
        view
    }
}

/// The part of the photo around a code, with a fifth of its size on each side, and where it begins.
fn piece(luma: &Luma, quad: &Quad) -> Option<(Luma, [f32; 2])> {
    let margin = quad.size() * 0.2;
    let span = |axis: usize, most: usize| {
        let places = quad.0.map(|corner| corner.get(axis).copied().unwrap_or(0.0));
        let (low, high) = places.into_iter().fold((f32::MAX, f32::MIN), |(low, high), at| (low.min(at), high.max(at)));
        ((low - margin).max(0.0) as usize).min(most)..((high + margin).max(0.0) as usize).min(most)
    };
    let (columns, rows) = (span(0, luma.width()), span(1, luma.height()));
    let corner = [columns.start as f32, rows.start as f32];
    let mut pixels = Vec::with_capacity(columns.len() * rows.len());
    for row in rows.clone() {
        pixels.extend_from_slice(luma.row(row).get(columns.clone())?);
    }
    Some((Luma::new(columns.len(), rows.len(), pixels)?, corner))
}
