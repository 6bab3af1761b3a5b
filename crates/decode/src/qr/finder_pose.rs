//! A finder pattern as a piece of a surface: where it lies, and how it is turned and stretched there.

use super::plane::{Agreement, Plane};

/// A place in the code and what the code looks like around it.
#[derive(Clone, Copy, Debug)]
pub(super) struct FinderPose {
    /// In modules.
    pub module: [f32; 2],
    /// In pixels.
    pub at: [f32; 2],
    /// Pixels a module to the right, and one down.
    pub right: [f32; 2],
    pub down: [f32; 2],
}

impl FinderPose {
    /// The pixel of a point so many modules away.
    pub(super) fn away(&self, x: f32, y: f32) -> [f32; 2] {
        [self.at[0] + self.right[0] * x + self.down[0] * y, self.at[1] + self.right[1] * x + self.down[1] * y]
    }

    /// A point's place from here, in modules; `None` where the piece has no size.
    pub(super) fn modules_to(&self, point: [f32; 2]) -> Option<[f32; 2]> {
        let [[a, b], [c, d]] = [self.right, self.down];
        let [x, y] = [point[0] - self.at[0], point[1] - self.at[1]];
        let scale = a * d - b * c;
        (scale.abs() > 0.1).then(|| [(x * d - y * c) / scale, (y * a - x * b) / scale])
    }

    /// A quarter turn of its vectors.
    fn quarter(&self) -> FinderPose {
        FinderPose { right: self.down, down: self.right.map(|along| -along), ..*self }
    }

    /// Of the four ways it can be turned, the one whose right points to the point.
    pub(super) fn facing(self, point: [f32; 2]) -> Option<FinderPose> {
        let mut piece = self;
        for _ in 0..4 {
            let [x, y] = piece.modules_to(point)?;
            if x > 0.0 && y.abs() <= x {
                return Some(piece);
            }
            piece = piece.quarter();
        }
        None
    }

    /// Of the four ways it can be turned, the one most like another piece.
    pub(super) fn like(self, other: &FinderPose) -> Option<FinderPose> {
        let turns = [self, self.quarter(), self.quarter().quarter(), self.quarter().quarter().quarter()];
        let cosine =
            |a: [f32; 2], b: [f32; 2]| (a[0] * b[0] + a[1] * b[1]) / (a[0].hypot(a[1]) * b[0].hypot(b[1])).max(1e-6);
        let alike = |piece: &FinderPose| cosine(piece.right, other.right) + cosine(piece.down, other.down);
        turns.into_iter().max_by(|a, b| alike(a).total_cmp(&alike(b)))
    }

    /// One of eight small changes of shape: each vector longer, shorter, and to either side.
    fn turned(&self, part: usize, by: f32) -> FinderPose {
        let by = if part.is_multiple_of(2) { by } else { -by };
        let along = |to: [f32; 2], way: [f32; 2]| [to[0] + way[0] * by, to[1] + way[1] * by];
        match part / 2 {
            0 => FinderPose { right: along(self.right, self.right), ..*self },
            1 => FinderPose { right: along(self.right, self.down), ..*self },
            2 => FinderPose { down: along(self.down, self.down), ..*self },
            _ => FinderPose { down: along(self.down, self.right), ..*self },
        }
    }

    /// How well a finder pattern agrees that lies there, from -1 to 1.
    pub(super) fn agreement(&self, plane: Plane<'_>) -> f32 {
        let (mut xs, mut ys, mut values) = ([0.0; FINDER], [0.0; FINDER], [0.0; FINDER]);
        let Modules { columns, rows, signs } = const { &finder() };
        for (((x, y), column), row) in xs.iter_mut().zip(&mut ys).zip(columns).zip(rows) {
            [*x, *y] = self.away(*column, *row);
        }
        plane.at_all(&xs, &ys, [0.0; 2], &mut values);
        let mut agreement = Agreement::default();
        agreement.add(&values, signs);
        agreement.share(FINDER as f32, signs.iter().sum::<f32>() / FINDER as f32)
    }

    /// Moved, turned and stretched to where a finder pattern agrees best, and how well it does.
    pub(super) fn settled_on_finder(mut self, plane: Plane<'_>) -> (FinderPose, f32) {
        let mut best = self.agreement(plane);
        for step in [0.3f32, 0.15, 0.07] {
            for _round in 0..6 {
                let before = best;
                for part in 0..12usize {
                    let by = if part.is_multiple_of(2) { step } else { -step };
                    let along = |way: [f32; 2]| [self.at[0] + way[0] * by, self.at[1] + way[1] * by];
                    let moved = match part / 2 {
                        0 => FinderPose { at: along(self.right), ..self },
                        1 => FinderPose { at: along(self.down), ..self },
                        // A vector changes by less: its end is what a pattern four modules wide feels.
                        _ => self.turned(part - 4, step / 3.0),
                    };
                    let agreement = moved.agreement(plane);
                    if agreement > best {
                        (self, best) = (moved, agreement);
                    }
                }
                if best < before + 0.002 {
                    break;
                }
            }
        }
        (self, best)
    }
}

/// Modules of a finder pattern with its separator all around.
const FINDER: usize = 81;

/// Modules by their way from the middle, and their colours: 1 for light, -1 for dark.
struct Modules {
    columns: [f32; FINDER],
    rows: [f32; FINDER],
    signs: [f32; FINDER],
}

const fn finder() -> Modules {
    let mut modules = Modules { columns: [0.0; FINDER], rows: [0.0; FINDER], signs: [-1.0; FINDER] };
    let mut at = 0;
    while at < FINDER {
        let (x, y) = ((at % 9).abs_diff(4), (at / 9).abs_diff(4));
        modules.columns[at] = (at % 9) as f32 - 4.0;
        modules.rows[at] = (at / 9) as f32 - 4.0;
        // Rings from the middle: dark, dark, light, dark, and the light separator.
        if matches!(if x > y { x } else { y }, 2 | 4) {
            modules.signs[at] = 1.0;
        }
        at += 1;
    }
    modules
}

#[cfg(test)]
mod tests {
    use super::*;
    use scanmill_jpeg::Luma;

    const PIECE: FinderPose = FinderPose { module: [0.0; 2], at: [50.0, 60.0], right: [4.0, 1.5], down: [-1.0, 5.0] };

    #[test]
    fn it_settles_on_a_finder_pattern_that_lies_askew() {
        let pixel = |index: usize| {
            let point = [(index % 120) as f32 + 0.5, (index / 120) as f32 + 0.5];
            let [x, y] = PIECE.modules_to(point).unwrap().map(|at| at.abs().round());
            if matches!(x.max(y) as u32, 0 | 1 | 3) { 30 } else { 210 }
        };
        let luma = Luma::new(120, 120, (0..120 * 120).map(pixel).collect()).unwrap();
        let plane = Plane(&luma);
        let guess = FinderPose { at: [51.0, 59.0], right: [4.6, 0.4], down: [0.0, 4.6], ..PIECE };
        let before = guess.agreement(plane);
        let (settled, agreement) = guess.settled_on_finder(plane);
        assert!(before < 0.8 && agreement > 0.9, "{before} {agreement}");
        let near = |a: [f32; 2], b: [f32; 2]| (a[0] - b[0]).hypot(a[1] - b[1]) < 0.8;
        let all = near(settled.at, PIECE.at) && near(settled.right, PIECE.right) && near(settled.down, PIECE.down);
        assert!(all, "{settled:?}");
    }

    #[test]
    fn it_faces_a_point_and_turns_to_be_like_another() {
        let [x, y] = PIECE.modules_to(PIECE.away(12.0, -3.0)).unwrap();
        assert!((x - 12.0).abs() < 1e-3 && (y + 3.0).abs() < 1e-3);
        let turned = PIECE.quarter();
        assert_eq!(turned.facing(PIECE.away(20.0, 2.0)).unwrap().right, PIECE.right);
        assert_eq!(turned.like(&PIECE).unwrap().down, PIECE.down);
        assert!(FinderPose { right: [0.0; 2], ..PIECE }.modules_to([1.0, 2.0]).is_none());
    }
}
