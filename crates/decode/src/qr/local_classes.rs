//! The darker and the lighter half of the square of modules around every module of a code.

/// Modules darker or lighter than the mean of their square.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Half {
    pub count: f32,
    sum: f32,
    /// Of the greys' squares.
    squares: f32,
}

impl Half {
    /// `None` where the half is empty.
    pub(super) fn mean(&self) -> Option<f32> {
        (self.count > 0.0).then(|| self.sum / self.count)
    }

    /// How far the modules lie from their mean: the sum of the squares.
    pub(super) fn spread(&self) -> f32 {
        self.mean().map_or(0.0, |mean| (self.squares - mean * self.sum).max(0.0))
    }
}

/// Both halves of a square of modules.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LocalClasses {
    pub mean: f32,
    pub dark: Half,
    pub light: Half,
}

/// Modules that are done together.
const LANES: usize = 16;
/// What lies beyond the code's edge is in no half.
const OUTSIDE: f32 = f32::MAX;

/// Sums of the modules in the squares around [`LANES`] modules of a row.
#[derive(Default)]
struct Sums {
    count: [f32; LANES],
    sum: [f32; LANES],
    squares: [f32; LANES],
}

impl Sums {
    #[inline]
    fn add(&mut self, greys: &[f32; LANES], below: &[f32; LANES]) {
        for lane in 0..LANES {
            let (grey, is_in) = (greys[lane], greys[lane] < below[lane]);
            let grey = if is_in { grey } else { 0.0 };
            self.count[lane] += if is_in { 1.0 } else { 0.0 };
            self.sum[lane] += grey;
            self.squares[lane] += grey * grey;
        }
    }

    fn half(&self, lane: usize) -> Half {
        Half { count: self.count[lane], sum: self.sum[lane], squares: self.squares[lane] }
    }
}

/// The halves of the square `reach` modules each way around every module of a code `side` modules wide, row after row;
/// at the edge, of what is left of the square.
pub(super) fn around(greys: &[f32], side: usize, reach: usize) -> Vec<LocalClasses> {
    // Room for the last lanes' squares too.
    let width = side.next_multiple_of(LANES) + 2 * reach;
    let mut wide = vec![OUTSIDE; width * (side + 2 * reach)];
    for (to, from) in wide.chunks_mut(width).skip(reach).zip(greys.chunks(side)) {
        if let Some(to) = to.get_mut(reach..reach + from.len()) {
            to.copy_from_slice(from);
        }
    }
    let mut all = Vec::with_capacity(side * side);
    for row in 0..side {
        for column in (0..side).step_by(LANES) {
            let sums = |below: &[f32; LANES]| {
                let mut sums = Sums::default();
                for line in wide.chunks(width).skip(row).take(2 * reach + 1) {
                    let squares = line.get(column..).unwrap_or(&[]).windows(LANES).take(2 * reach + 1);
                    squares.filter_map(<[f32]>::first_chunk).for_each(|greys| sums.add(greys, below));
                }
                sums
            };
            let whole = sums(&[OUTSIDE; LANES]);
            let means: [f32; LANES] = std::array::from_fn(|lane| whole.sum[lane] / whole.count[lane].max(1.0));
            let darks = sums(&means);
            for (lane, &mean) in means.iter().enumerate().take(LANES.min(side - column)) {
                let (whole, dark) = (whole.half(lane), darks.half(lane));
                let light = Half {
                    count: whole.count - dark.count,
                    sum: whole.sum - dark.sum,
                    squares: whole.squares - dark.squares,
                };
                all.push(LocalClasses { mean, dark, light });
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_those_of_the_square_or_of_what_is_left_of_it() {
        let side = 21;
        let greys: Vec<f32> = (0..side * side).map(|at| (at * at % 199) as f32).collect();
        let all = around(&greys, side, 2);
        assert_eq!(all.len(), greys.len());
        for (at, halves) in all.iter().enumerate() {
            let near =
                |other: usize| (other % side).abs_diff(at % side) <= 2 && (other / side).abs_diff(at / side) <= 2;
            let square: Vec<f32> = (0..greys.len()).filter(|&other| near(other)).map(|other| greys[other]).collect();
            let mean = square.iter().sum::<f32>() / square.len() as f32;
            assert!((halves.mean - mean).abs() < 0.01, "{at}");
            for (half, is_dark) in [(halves.dark, true), (halves.light, false)] {
                let greys: Vec<f32> = square.iter().copied().filter(|grey| (*grey < mean) == is_dark).collect();
                let mean = greys.iter().sum::<f32>() / greys.len() as f32;
                let spread: f32 = greys.iter().map(|grey| (grey - mean).powi(2)).sum();
                assert_eq!(half.count, greys.len() as f32, "{at}");
                assert!((half.mean().unwrap() - mean).abs() < 0.01 && (half.spread() - spread).abs() < 1.0, "{at}");
            }
        }
    }

    #[test]
    fn a_square_of_one_grey_has_no_darker_half() {
        let all = around(&[77.0; 21 * 21], 21, 4);
        assert!(all.iter().all(|halves| halves.mean == 77.0 && halves.dark.mean().is_none()));
        assert!(all.iter().all(|halves| halves.light.mean() == Some(77.0) && halves.light.spread() < 1.0));
    }
}
