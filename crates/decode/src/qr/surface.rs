//! A smooth surface: pixels as polynomials of the third degree in modules, which holds what a camera makes of paper
//! around a bottle or of a page that is not flat.

use super::finder_pose::FinderPose;

/// Terms of a polynomial of the third degree in two variables.
const TERMS: usize = 10;

/// The map from modules to pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Surface {
    /// Half the modules on a side.
    half: f64,
    /// For column and row of a pixel.
    factors: [[f64; TERMS]; 2],
}

/// How far along its vectors a piece says where the surface is, in modules.
const LEVER: f64 = 3.0;
/// How strongly a piece holds, against a node of full clearness.
const HOLD: f64 = 20.0;
/// How strongly terms of each degree are kept small: what nobody tells of stays flat.
const STIFFNESS: [f64; 4] = [1e-6, 1e-6, 1e-3, 0.05];
/// Degrees of the terms.
const DEGREES: [usize; TERMS] = [0, 1, 1, 2, 2, 2, 3, 3, 3, 3];

fn terms(u: f64, v: f64) -> [f64; TERMS] {
    [1.0, u, v, u * u, u * v, v * v, u * u * u, u * u * v, u * v * v, v * v * v]
}

fn slopes(u: f64, v: f64) -> [[f64; TERMS]; 2] {
    [
        [0.0, 1.0, 0.0, 2.0 * u, v, 0.0, 3.0 * u * u, 2.0 * u * v, v * v, 0.0],
        [0.0, 0.0, 1.0, 0.0, u, 2.0 * v, 0.0, u * u, 2.0 * u * v, 3.0 * v * v],
    ]
}

/// Equations for the factors, as least squares: each row holds the factors' weights and both right sides.
struct Equations([[f64; TERMS + 2]; TERMS]);

impl Equations {
    fn add(&mut self, terms: [f64; TERMS], pixel: [f64; 2], weight: f64) {
        for (row, &term) in self.0.iter_mut().zip(&terms) {
            for (sum, other) in row.iter_mut().zip(terms.iter().chain(&pixel)) {
                *sum += term * other * weight;
            }
        }
    }

    /// By elimination: the sums are symmetric and positive, so that no rows need be exchanged.
    fn solve(mut self) -> Option<[[f64; TERMS]; 2]> {
        for index in 0..TERMS {
            let pivot = *self.0.get(index)?;
            let scale = *pivot.get(index)?;
            if scale.is_nan() || scale.abs() < 1e-12 {
                return None;
            }
            for (at, row) in self.0.iter_mut().enumerate() {
                let by = row.get(index)? / scale;
                for (value, from) in row.iter_mut().zip(&pivot) {
                    *value = if at == index { *from / scale } else { *value - from * by };
                }
            }
        }
        let [xs, ys] = [TERMS, TERMS + 1].map(|at| self.0.map(|row| row.get(at).copied().unwrap_or(f64::NAN)));
        xs.iter().chain(&ys).all(|factor| factor.is_finite()).then_some([xs, ys])
    }
}

impl Surface {
    /// The smoothest through the pieces and, by their weights, nodes (modules, pixels, weight).
    pub(super) fn through(
        side: usize,
        pieces: &[FinderPose],
        nodes: impl IntoIterator<Item = ([f32; 2], [f32; 2], f32)>,
    ) -> Option<Surface> {
        let half = side as f64 / 2.0;
        let place = |module: [f32; 2]| module.map(|at| f64::from(at) / half - 1.0);
        let mut equations = Equations([[0.0; TERMS + 2]; TERMS]);
        for (index, (row, degree)) in equations.0.iter_mut().zip(DEGREES).enumerate() {
            if let (Some(sum), Some(stiffness)) = (row.get_mut(index), STIFFNESS.get(degree)) {
                *sum = *stiffness;
            }
        }
        for piece in pieces {
            let [u, v] = place(piece.module);
            equations.add(terms(u, v), piece.at.map(f64::from), HOLD);
            for (slope, vector) in slopes(u, v).into_iter().zip([piece.right, piece.down]) {
                let lever = slope.map(|slope| slope * LEVER / half);
                equations.add(lever, vector.map(|along| f64::from(along) * LEVER), HOLD);
            }
        }
        for (module, pixel, weight) in nodes {
            let [u, v] = place(module);
            equations.add(terms(u, v), pixel.map(f64::from), f64::from(weight));
        }
        Some(Surface { half, factors: equations.solve()? })
    }

    fn value(&self, terms: [f64; TERMS]) -> [f32; 2] {
        self.factors.map(|factors| factors.iter().zip(terms).map(|(factor, term)| factor * term).sum::<f64>() as f32)
    }

    /// The pixel of a point in modules.
    pub(super) fn at(&self, module: [f32; 2]) -> [f32; 2] {
        let [u, v] = module.map(|at| f64::from(at) / self.half - 1.0);
        self.value(terms(u, v))
    }

    /// The surface around a point in modules.
    pub(super) fn piece(&self, module: [f32; 2]) -> FinderPose {
        let [u, v] = module.map(|at| f64::from(at) / self.half - 1.0);
        let [right, down] = slopes(u, v).map(|slopes| self.value(slopes.map(|slope| slope / self.half)));
        FinderPose { module, at: self.at(module), right, down }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A page bent in one direction and seen from a corner: no flat outline holds it.
    fn bent([x, y]: [f32; 2]) -> [f32; 2] {
        let (u, v) = (x / 33.0, y / 33.0);
        [40.0 + 150.0 * u + 12.0 * v - 20.0 * u * u, 30.0 + 160.0 * v + 45.0 * u * (1.0 - u) + 9.0 * u * v]
    }

    fn piece(module: [f32; 2]) -> FinderPose {
        let [x, y] = module;
        let slope = |there: [f32; 2]| {
            let [a, b] = [bent(there), bent(module)];
            [(a[0] - b[0]) * 100.0, (a[1] - b[1]) * 100.0]
        };
        FinderPose { module, at: bent(module), right: slope([x + 0.01, y]), down: slope([x, y + 0.01]) }
    }

    #[test]
    fn three_finder_patterns_tell_how_the_page_between_them_is_bent() {
        let corners = [[3.5, 3.5], [29.5, 3.5], [3.5, 29.5]].map(piece);
        let surface = Surface::through(33, &corners, []).unwrap();
        for (column, row) in (0..33).flat_map(|row| (0..33).map(move |column| (column, row))) {
            let module = [column as f32 + 0.5, row as f32 + 0.5];
            let (seen, there) = (surface.at(module), bent(module));
            // A module is about five pixels wide.
            assert!((seen[0] - there[0]).hypot(seen[1] - there[1]) < 1.0, "{module:?}: {seen:?}, not {there:?}");
        }
        let there = piece([16.5, 16.5]);
        let seen = surface.piece([16.5, 16.5]);
        assert!((seen.right[1] - there.right[1]).abs() < 0.2 && (seen.down[0] - there.down[0]).abs() < 0.2);
    }

    #[test]
    fn nodes_bend_it_further_and_nothing_gives_no_surface() {
        let corners = [[3.5, 3.5], [29.5, 3.5], [3.5, 29.5]].map(piece);
        let raised = |[x, y]: [f32; 2]| [x + 6.0, y];
        let node = ([29.5, 29.5], raised(bent([29.5, 29.5])), 20.0);
        let surface = Surface::through(33, &corners, [node]).unwrap();
        assert!((surface.at(node.0)[0] - node.1[0]).abs() < 0.5);
        assert!((surface.at([3.5, 3.5])[0] - corners[0].at[0]).abs() < 0.5);
        let lost = FinderPose { at: [f32::NAN; 2], ..corners[0] };
        assert!(Surface::through(33, &[lost], []).is_none());
    }
}
