//! The modules around a node of a net over a code: how clearly they are dark or light, at a place and a little aside.

use super::plane::Plane;

/// Modules around a node that it is judged by, each way.
const PATCH: i32 = 3;
/// Modules around a node, at most.
const MOST: usize = 49;
/// Places in a row of a grid that a node is looked for on.
const ACROSS: usize = 8;
/// How clear a module can be: what is darker or lighter than that shines or lies in a deep shadow.
const CLEAREST: f32 = 1.2;
/// Modules that are put in order to find the one that counts as dark, or as light: a tenth lies beyond it.
const ORDERED: usize = MOST.div_ceil(10);

/// The modules around a node, laid out to be looked at together.
pub(super) struct NodeWindow {
    count: usize,
    xs: [f32; MOST],
    ys: [f32; MOST],
    /// Weight of a module whose colour the code decides: it only has to be clear.
    free: [f32; MOST],
    /// Weight of one whose colour is known, with the sign of the colour.
    known: [f32; MOST],
    weights: f32,
}

/// Places around one where a node is looked for: a square grid of so many steps each way, `step` pixels apart.
pub(super) struct Steps {
    pub each_way: usize,
    pub step: f32,
}

impl NodeWindow {
    /// The modules around the one at `column` and `row`, of a code whose `known` colours are those of
    /// [`super::fit::known`]. `place`: the pixel of the middle of the module at a column and row.
    pub(super) fn of(
        [column, row]: [i32; 2],
        known: &[f32],
        side: usize,
        place: impl Fn(usize, usize) -> [f32; 2],
    ) -> NodeWindow {
        let last = side as i32 - 1;
        let none = [0.0; MOST];
        let mut around = NodeWindow { count: 0, xs: none, ys: none, free: none, known: none, weights: 0.0 };
        for y in (row - PATCH).max(0)..=(row + PATCH).min(last) {
            for x in (column - PATCH).max(0)..=(column + PATCH).min(last) {
                let sign = known.get(y as usize * side + x as usize).copied().unwrap_or(0.0);
                let weight = if (x - column).abs().max((y - row).abs()) <= 1 { 1.5 } else { 1.0 };
                around.push(place(x as usize, y as usize), sign, weight);
            }
        }
        around
    }

    fn push(&mut self, [x, y]: [f32; 2], sign: f32, weight: f32) {
        let (free, known) = if sign == 0.0 { (weight, 0.0) } else { (0.0, 1.5 * weight * sign) };
        for (all, value) in [(&mut self.xs, x), (&mut self.ys, y), (&mut self.free, free), (&mut self.known, known)] {
            if let Some(place) = all.get_mut(self.count) {
                *place = value;
            }
        }
        self.weights += weight;
        self.count += 1;
    }

    /// Brightness of all modules, moved by so many pixels.
    fn values<'v>(&self, plane: Plane<'_>, moved: [f32; 2], values: &'v mut [f32; MOST]) -> &'v mut [f32] {
        let count = self.count.min(MOST);
        let values = &mut values[..count];
        plane.at_all(&self.xs, &self.ys, moved, values);
        values
    }

    /// Halfway between dark and light, and how far those are from there, of the modules moved by so many pixels.
    pub(super) fn levels(&self, plane: Plane<'_>, moved: [f32; 2]) -> (f32, f32) {
        let mut values = [0.0; MOST];
        let values = self.values(plane, moved, &mut values);
        // The darkest first, and the lightest first.
        let (mut darkest, mut lightest) = ([f32::MAX; ORDERED], [f32::MAX; ORDERED]);
        for &mut value in values {
            sort_in(&mut darkest, value);
            sort_in(&mut lightest, -value);
        }
        let rank = |sorted: &[f32; ORDERED], at: usize| sorted.get(at).copied().unwrap_or(0.0);
        let dark = rank(&darkest, self.count / 10);
        let light = -rank(&lightest, self.count.saturating_sub(1 + self.count * 9 / 10));
        ((dark + light) / 2.0, (light - dark).max(8.0) / 2.0)
    }

    /// How clearly the modules are dark or light, moved by so many pixels, and how well those known agree.
    pub(super) fn clearness(&self, plane: Plane<'_>, moved: [f32; 2], (threshold, contrast): (f32, f32)) -> f32 {
        let mut values = [0.0; MOST];
        let values = self.values(plane, moved, &mut values);
        let most = CLEAREST * contrast;
        for ((value, free), known) in values.iter_mut().zip(&self.free).zip(&self.known) {
            let clear = (*value - threshold).clamp(-most, most);
            *value = free * clear.abs() + known * clear;
        }
        // In four sums, as one waits for every addition before it.
        let (fours, left) = values.as_chunks::<4>();
        let sums = fours.iter().fold([0.0; 4], |sums, four| std::array::from_fn(|at| sums[at] + four[at]));
        (sums.iter().sum::<f32>() + left.iter().sum::<f32>()) / (self.weights * contrast)
    }

    /// The same at all places of a grid around `middle`, row after row; only the first 2 × `each_way` + 1 rows and
    /// columns are of the grid. Places of a grid share their pixels: this is several times faster than place by place.
    pub(super) fn clearness_on_grid(
        &self,
        plane: Plane<'_>,
        middle: [f32; 2],
        steps: &Steps,
        (threshold, contrast): (f32, f32),
    ) -> [[f32; ACROSS]; ACROSS] {
        // Places beyond the grid are its last.
        let away = |from: f32| {
            std::array::from_fn(|at| from + (at.min(2 * steps.each_way) as f32 - steps.each_way as f32) * steps.step)
        };
        let [right, down]: [[f32; ACROSS]; 2] = middle.map(away);
        let rows_of_grid = 2 * steps.each_way + 1;
        let most = CLEAREST * contrast;
        let mut sums = [[0.0; ACROSS]; ACROSS];
        let modules = self.xs.iter().zip(&self.ys);
        let weights = self.free.iter().zip(&self.known);
        for ((&x, &y), (free, known)) in modules.zip(weights).take(self.count) {
            let rows = down.map(|by| y + by);
            let rows = rows.get(..rows_of_grid).unwrap_or(&rows);
            plane.on_grid(right.map(|by| x + by), rows, |row, values| {
                let Some(sums) = sums.get_mut(row) else { return };
                for (sum, value) in sums.iter_mut().zip(values) {
                    let clear = (value - threshold).clamp(-most, most);
                    *sum += free * clear.abs() + known * clear;
                }
            });
        }
        sums.map(|row| row.map(|sum| sum / (self.weights * contrast)))
    }
}

/// Keeps the lowest values, sorted.
#[inline]
fn sort_in(lowest: &mut [f32; ORDERED], mut value: f32) {
    for low in lowest {
        let (lower, higher) = if value < *low { (value, *low) } else { (*low, value) };
        (*low, value) = (lower, higher);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scanmill_jpeg::Luma;

    #[test]
    fn a_grid_tells_of_each_place_what_a_look_there_does() {
        let luma = Luma::new(60, 50, (0..3_000).map(|at| (at * at / 7 % 251) as u8).collect()).unwrap();
        let plane = Plane(&luma);
        let known: Vec<f32> = (0..21 * 21).map(|at| [0.0, 0.0, 1.0, -1.0][at % 4]).collect();
        // In the middle, and beyond an edge of the code and of the picture.
        for middle in [[9, 8], [0, 20]] {
            let around = NodeWindow::of(middle, &known, 21, |x, y| [x as f32 * 2.3 + 1.5, y as f32 * 2.4 - 3.0]);
            let levels = around.levels(plane, [0.4, -0.3]);
            let steps = Steps { each_way: 3, step: 0.6 };
            let grid = around.clearness_on_grid(plane, [0.4, -0.3], &steps, levels);
            for (row, column) in (0..7).flat_map(|row| (0..7).map(move |column| (row, column))) {
                let moved = [0.4 + (column as f32 - 3.0) * 0.6, -0.3 + (row as f32 - 3.0) * 0.6];
                let there = around.clearness(plane, moved, levels);
                assert!((grid[row][column] - there).abs() < 1e-3, "{middle:?} {row} {column}: {there}");
            }
        }
    }

    #[test]
    fn dark_and_light_are_those_that_a_tenth_of_the_modules_goes_beyond() {
        let luma = Luma::new(30, 30, (0..900).map(|at| (at * 53 % 256) as u8).collect()).unwrap();
        for middle in [[3, 3], [0, 0], [0, 3]] {
            let around = NodeWindow::of(middle, &[], 30, |x, y| [x as f32 + 0.5, y as f32 + 0.5]);
            let (columns, rows) = (middle[0].min(3) + 4, middle[1].min(3) + 4);
            let mut values: Vec<f32> = (0..rows as usize)
                .flat_map(|y| (0..columns as usize).map(move |x| (x, y)))
                .map(|(x, y)| f32::from(luma.row(y)[x]))
                .collect();
            values.sort_by(f32::total_cmp);
            let (dark, light) = (values[values.len() / 10], values[values.len() * 9 / 10]);
            let (middle, contrast) = around.levels(Plane(&luma), [0.0; 2]);
            assert!((middle - (dark + light) / 2.0).abs() < 0.01 && (contrast - (light - dark) / 2.0).abs() < 0.01);
        }
    }
}
