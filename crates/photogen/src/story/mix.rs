//! Which pictures are hard to read, large, or no JPEG.
//!
//! Drawing a picture is expensive, so a story has few of them: each unusual treatment (a look, a format, a size) goes to the
//! pictures of a few popular cells (a product at a placement), as often there as it takes for its share of *all*
//! photos to be the one the story asks for. No cell gives more than half of its photos away as long as that is enough.
//! Looks meet sizes along one line, the large ones first on good photos, so there are few pairs of them.

use super::InjectedFault;
use super::world::Mix;
use crate::scene::{Difficulty, PhotoSize};
use scanmill_core::domain::Format;

/// Rounding that is not a mistake.
const CLOSE: f64 = 1e-9;

/// What is done to a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Treatment {
    /// What makes it hard to read.
    pub look: Difficulty,
    /// Its format.
    pub format: Format,
    /// Its size.
    pub size: PhotoSize,
    /// Whether it is a usual one, of which there are several pictures of each cell.
    pub usual: bool,
}

/// All treatments, and how often each cell has them.
#[derive(Debug)]
pub struct Treatments {
    all: Vec<Treatment>,
    /// By cell: numbers of treatments with running sums of their chances.
    by_cell: Vec<Vec<(usize, f64)>>,
    /// By cell: its share, and the shares of all cells before it.
    places: Vec<(f64, f64)>,
    /// Sizes of pictures that may not be unusual, with running sums.
    other_sizes: Vec<(PhotoSize, f64)>,
}

/// Whether a photo with this fault may have an unusual picture. Those without one code to read are plain; a cut-off
/// file and one without EXIF as well, since only a JPEG can be told from its twins then.
pub fn may_be_unusual(fault: Option<InjectedFault>) -> bool {
    match fault {
        Some(
            InjectedFault::NoExif
            | InjectedFault::NoCode
            | InjectedFault::TwoCodes
            | InjectedFault::Truncated
            | InjectedFault::Bomb,
        ) => false,
        None
        | Some(
            InjectedFault::NoOffset
            | InjectedFault::NoGps
            | InjectedFault::NoOffsetNoGps
            | InjectedFault::DuplicateDelivery
            | InjectedFault::LateUpload,
        ) => true,
    }
}

/// Shares that add up to one.
pub fn shares<T: Copy>(weights: &[(T, f64)]) -> Vec<(T, f64)> {
    let whole: f64 = weights.iter().map(|(_, weight)| weight).sum();
    weights.iter().filter(|(_, weight)| *weight > 0.0).map(|(value, weight)| (*value, weight / whole)).collect()
}

/// Shares of all photos by treatment, for photos that may have an unusual picture.
fn treatments(mix: &Mix, faults: bool) -> Result<Vec<(Treatment, f64)>, String> {
    let plain: f64 =
        mix.fault.iter().filter(|(fault, _)| faults && !may_be_unusual(Some(*fault))).map(|(_, s)| s).sum();
    let treatment = |look, format, size| Treatment { look, format, size, usual: false };
    let formats = shares(&mix.format);
    let other_formats: f64 = formats.iter().filter(|(format, _)| *format != Format::Jpeg).map(|(_, share)| share).sum();
    let percent = |share: f64| format!("{:.4}", share * 100.0).trim_end_matches('0').trim_end_matches('.').to_owned();
    let mut all: Vec<(Treatment, f64)> = Vec::new();
    for (format, share) in formats {
        if format != Format::Jpeg {
            all.push((treatment(Difficulty::Easy, format, PhotoSize::Mixed), share));
        }
    }
    let mut looks = shares(&mix.look);
    looks.sort_by_key(|(look, _)| *look);
    match looks.first_mut() {
        Some((Difficulty::Easy, share)) if *share + CLOSE >= other_formats + plain => *share -= other_formats + plain,
        first => {
            let easy = first.filter(|(look, _)| *look == Difficulty::Easy).map_or(0.0, |(_, share)| *share);
            return Err(format!(
                "easy looks are {} % of the photos, but photos that are always easy are {} %: {} % that are not JPEG, \
                 {} % with a fault of the picture",
                percent(easy),
                percent(other_formats + plain),
                percent(other_formats),
                percent(plain),
            ));
        }
    }
    let jpegs = 1.0 - other_formats;
    let others = other_sizes(mix);
    let order = [PhotoSize::Large, PhotoSize::Small, PhotoSize::Medium, PhotoSize::Mixed];
    let mut sizes = shares(&mix.size);
    sizes.sort_by_key(|(size, _)| order.iter().position(|known| known == size));
    for (size, share) in &mut sizes {
        let taken = others.iter().find(|(other, _)| other == size).map_or(0.0, |(_, share)| share * plain);
        *share = *share * jpegs - taken;
        if *share < -CLOSE {
            return Err(format!(
                "{} is too small a share of the sizes: photos with a fault of the picture are never large and alone \
                 need {} % of all photos",
                size.as_str(),
                percent(taken)
            ));
        }
    }
    let mut looks = looks.into_iter().peekable();
    for (size, mut left) in sizes {
        while let Some((look, share)) = looks.peek_mut() {
            let both = left.min(*share);
            if both > CLOSE {
                all.push((treatment(*look, Format::Jpeg, size), both));
            }
            left -= both;
            *share -= both;
            if *share > CLOSE {
                break;
            }
            looks.next();
        }
    }
    Ok(all)
}

/// Sizes of pictures that may not be unusual: the story's, none of them large if it has any other.
fn other_sizes(mix: &Mix) -> Vec<(PhotoSize, f64)> {
    let small: Vec<(PhotoSize, f64)> =
        mix.size.iter().copied().filter(|(size, weight)| *size != PhotoSize::Large && *weight > 0.0).collect();
    shares(if small.is_empty() { &mix.size } else { &small })
}

/// What of a mix cannot be had together, if anything.
///
/// # Errors
/// The reason in words.
pub fn check(mix: &Mix) -> Result<(), String> {
    treatments(mix, true).map(|_| ())
}

impl Treatments {
    /// Spreads the treatments of a mix over cells with these shares of all photos. A look goes to `spread` cells where
    /// they have room.
    ///
    /// # Errors
    /// Shares that cannot be had together.
    pub fn new(mix: &Mix, faults: bool, cells: &[f64], spread: u32) -> Result<Self, String> {
        let mut all = treatments(mix, faults)?;
        all.sort_by(|(_, left), (_, right)| left.total_cmp(right));
        let is_costly = |treatment: &Treatment| treatment.format != Format::Jpeg || treatment.size == PhotoSize::Large;
        for (treatment, _) in &mut all {
            treatment.usual = treatment.look == Difficulty::Easy && !is_costly(treatment);
        }
        let whole: f64 = all.iter().map(|(_, share)| share).sum();
        let unusual: f64 = all.iter().filter(|(treatment, _)| !treatment.usual).map(|(_, share)| share).sum();
        let most = if unusual <= 0.5 * whole { 0.5 } else { 1.0 };
        // Expensive ones first, to as few cells as there may be; the usual ones take what is left of each cell.
        let mut numbers: Vec<usize> = (0..all.len()).collect();
        numbers.sort_by_key(|&number| (all[number].0.usual, !is_costly(&all[number].0)));
        let mut order: Vec<usize> = (0..cells.len()).collect();
        order.sort_by(|&left, &right| cells[right].total_cmp(&cells[left]).then(left.cmp(&right)));
        let mut taken = vec![0.0; cells.len()];
        let mut by_cell: Vec<Vec<(usize, f64)>> = vec![Vec::new(); cells.len()];
        for number in numbers {
            let (treatment, mut left) = all[number];
            let one_each = is_costly(&treatment) || treatment.usual;
            let a_cell = if one_each { left } else { left / f64::from(spread.max(1)) };
            // The second time without the limit: the cells may be too small for an even spread.
            for limit in [a_cell, left] {
                for &cell in &order {
                    let room = cells[cell] * whole * if treatment.usual { 1.0 } else { most } - taken[cell];
                    let share = left.min(limit).min(room);
                    if share > CLOSE {
                        taken[cell] += share;
                        left -= share;
                        by_cell[cell].push((number, share / (cells[cell] * whole)));
                    }
                }
            }
        }
        // The largest share comes last; a cell that is never expected has that.
        let largest = all.len() - 1;
        for chances in &mut by_cell {
            let mut sum = 0.0;
            for (_, chance) in chances.iter_mut() {
                sum += *chance;
                *chance = sum;
            }
            match chances.last_mut() {
                Some((_, until)) => *until = 1.0,
                None => chances.push((largest, 1.0)),
            }
        }
        let mut places = vec![(0.0, 0.0); cells.len()];
        let mut before = 0.0;
        for cell in order {
            places[cell] = (cells[cell], before);
            before += cells[cell];
        }
        // The largest share last here as well, so that these pictures are of the same sizes as the cell's usual ones.
        let mut other_sizes = other_sizes(mix);
        other_sizes.sort_by_key(|(size, _)| *size == all[largest].0.size);
        let mut sum = 0.0;
        for (_, share) in &mut other_sizes {
            sum += *share;
            *share = sum;
        }
        Ok(Self { all: all.into_iter().map(|(treatment, _)| treatment).collect(), by_cell, places, other_sizes })
    }

    /// The treatment of a photo of a cell, by a number drawn evenly from 0 to 1.
    pub fn of(&self, cell: usize, draw: f64) -> Treatment {
        let chances = &self.by_cell[cell];
        let chosen = chances.partition_point(|(_, until)| *until <= draw).min(chances.len() - 1);
        self.all[chances[chosen].0]
    }

    /// The size of a picture of a cell that may not be unusual. Cells and sizes lie along the same line, so that most
    /// cells have one such size.
    pub fn other_size(&self, cell: usize, draw: f64) -> PhotoSize {
        let (share, before) = self.places[cell];
        let place = before + draw * share;
        let chosen = self.other_sizes.partition_point(|(_, until)| *until <= place);
        self.other_sizes.get(chosen).or(self.other_sizes.last()).map_or(PhotoSize::Mixed, |(size, _)| *size)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn mix() -> Mix {
        Mix {
            look: vec![(Difficulty::Easy, 0.6), (Difficulty::Glare, 0.2), (Difficulty::Tilted, 0.2)],
            format: vec![(Format::Jpeg, 0.9), (Format::Png, 0.07), (Format::Heic, 0.03)],
            size: vec![(PhotoSize::Small, 0.5), (PhotoSize::Medium, 0.4), (PhotoSize::Large, 0.1)],
            fault: vec![(InjectedFault::NoCode, 0.1), (InjectedFault::NoGps, 0.3)],
        }
    }

    #[test]
    fn the_shares_over_all_photos_are_those_asked_for() {
        let cells = [0.3, 0.25, 0.2, 0.1, 0.1, 0.05];
        let treatments = Treatments::new(&mix(), true, &cells, 2).unwrap();
        let (mut looks, mut formats, mut sizes) = (HashMap::new(), HashMap::new(), HashMap::new());
        let steps = 20_000;
        for (cell, share) in cells.iter().enumerate() {
            for step in 0..steps {
                let one = treatments.of(cell, (f64::from(step) + 0.5) / f64::from(steps));
                let mass = 0.9 * share / f64::from(steps);
                *looks.entry(one.look).or_insert(0.0) += mass;
                *formats.entry(one.format).or_insert(0.0) += mass;
                if one.format == Format::Jpeg {
                    *sizes.entry(one.size).or_insert(0.0) += mass;
                }
            }
        }
        // The tenth without a code is easy, JPEG, and small or medium as 5 : 4.
        *looks.get_mut(&Difficulty::Easy).unwrap() += 0.1;
        *formats.get_mut(&Format::Jpeg).unwrap() += 0.1;
        *sizes.get_mut(&PhotoSize::Small).unwrap() += 0.1 * 5.0 / 9.0;
        *sizes.get_mut(&PhotoSize::Medium).unwrap() += 0.1 * 4.0 / 9.0;
        for (look, share) in mix().look {
            assert!((looks[&look] - share).abs() < 1e-3, "{look:?}: {}", looks[&look]);
        }
        for (format, share) in mix().format {
            assert!((formats[&format] - share).abs() < 1e-3, "{format:?}: {}", formats[&format]);
        }
        for (size, share) in mix().size {
            assert!((sizes[&size] - 0.9 * share).abs() < 1e-3, "{size:?}: {}", sizes[&size]);
        }
    }

    #[test]
    fn pictures_stay_few() {
        let cells = [0.05; 20];
        let treatments = Treatments::new(&mix(), true, &cells, 2).unwrap();
        let pairs: usize = treatments.by_cell.iter().map(Vec::len).sum();
        assert!(pairs <= 20 + 40, "{pairs}");
        let large = |number: usize| treatments.all[number].size == PhotoSize::Large;
        let cells_with_large = treatments.by_cell.iter().filter(|cell| cell.iter().any(|(number, _)| large(*number)));
        assert!(cells_with_large.count() <= 5);
    }

    #[test]
    fn shares_that_cannot_be_had_together_are_named() {
        let hard = Mix { look: vec![(Difficulty::Easy, 0.1), (Difficulty::Glare, 0.9)], ..mix() };
        assert!(check(&hard).unwrap_err().starts_with("easy looks are 10 %"), "{:?}", check(&hard));
        let none = Mix { look: vec![(Difficulty::Glare, 1.0)], ..mix() };
        assert!(check(&none).unwrap_err().starts_with("easy looks are 0 %"));
        let large = Mix { size: vec![(PhotoSize::Small, 0.001), (PhotoSize::Large, 0.999)], ..mix() };
        assert!(check(&large).unwrap_err().starts_with("small is too small a share"), "{:?}", check(&large));
    }
}
