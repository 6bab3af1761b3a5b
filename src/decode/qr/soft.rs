//! Modules as grey values against their neighbourhood: how dark or light, and how surely.

use super::plane::Plane;

/// A sampled code: one value a module, row after row, negative for dark, about 1 away from zero where it is sure.
#[derive(Clone)]
pub(super) struct Soft {
    pub side: usize,
    pub values: Vec<f32>,
}

/// Modules around each that its threshold comes from, each way.
const REACH: usize = 4;

/// Samples the picture at the middles of all modules (row after row).
pub(super) fn sample(plane: Plane<'_>, places: &[[f32; 2]]) -> Soft {
    let side = places.len().isqrt();
    let place = |column: usize, row: usize| places.get(row * side + column).copied().unwrap_or([0.0; 2]);
    let mut values = Vec::with_capacity(places.len());
    for row in 0..side {
        for column in 0..side {
            let middle = place(column, row);
            let (left, right) = (place(column.saturating_sub(1), row), place((column + 1).min(side - 1), row));
            let (above, below) = (place(column, row.saturating_sub(1)), place(column, (row + 1).min(side - 1)));
            // Four points around the middle, a quarter of a module away.
            let quarter = |a: [f32; 2], b: [f32; 2]| [(b[0] - a[0]) / 8.0, (b[1] - a[1]) / 8.0];
            let (across, down) = (quarter(left, right), quarter(above, below));
            let sum: f32 = [across, down]
                .iter()
                .map(|[dx, dy]| plane.at([middle[0] + dx, middle[1] + dy]) + plane.at([middle[0] - dx, middle[1] - dy]))
                .sum();
            values.push((sum + 2.0 * plane.at(middle)) / 6.0);
        }
    }
    Soft { side, values: against_neighbours(&values, side) }
}

/// Grey values to signed ones: the threshold lies halfway between the mean of the darker and of the lighter modules of
/// the neighbourhood.
fn against_neighbours(grey: &[f32], side: usize) -> Vec<f32> {
    let mut signed = Vec::with_capacity(grey.len());
    for row in 0..side {
        for column in 0..side {
            let rows = row.saturating_sub(REACH)..(row + REACH + 1).min(side);
            let columns = column.saturating_sub(REACH)..(column + REACH + 1).min(side);
            let around = || {
                let columns = columns.clone();
                rows.clone()
                    .filter_map(move |y| grey.get(y * side + columns.start..y * side + columns.end))
                    .flatten()
                    .copied()
            };
            let count = (rows.len() * columns.len()) as f32;
            let mean = around().sum::<f32>() / count;
            let (mut dark, mut darks, mut light, mut lights) = (0.0, 0.0, 0.0, 0.0);
            for value in around() {
                if value < mean {
                    (dark, darks) = (dark + value, darks + 1.0);
                } else {
                    (light, lights) = (light + value, lights + 1.0);
                }
            }
            let (dark, light) =
                (if darks > 0.0 { dark / darks } else { mean }, if lights > 0.0 { light / lights } else { mean });
            let value = grey.get(row * side + column).copied().unwrap_or(mean);
            signed.push((value - (dark + light) / 2.0) / ((light - dark) / 2.0).max(2.0));
        }
    }
    signed
}

impl Soft {
    /// The value of a module.
    pub(super) fn at(&self, column: usize, row: usize) -> f32 {
        self.values.get(row * self.side + column).copied().unwrap_or(0.0)
    }

    /// Undoes the light that a blurred picture spills from each module into the four beside it.
    pub(super) fn sharpened(&self, amount: f32) -> Soft {
        let side = self.side;
        let values = (0..side * side).map(|index| {
            let (column, row) = (index % side, index / side);
            let around = self.at(column.saturating_sub(1), row)
                + self.at((column + 1).min(side - 1), row)
                + self.at(column, row.saturating_sub(1))
                + self.at(column, (row + 1).min(side - 1));
            self.at(column, row) * (1.0 + amount) - around * amount / 4.0
        });
        Soft { side, values: values.collect() }
    }

    /// As seen in a mirror: rows become columns.
    pub(super) fn mirrored(&self) -> Soft {
        let side = self.side;
        Soft { side, values: (0..side * side).map(|index| self.at(index / side, index % side)).collect() }
    }
}
