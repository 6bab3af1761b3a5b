//! Two tables made once: smooth noise for surfaces, and the grain of a sensor.

use std::sync::LazyLock;

/// Dots a side of the smooth noise, and of one cell of it.
const SIDE: usize = 512;
const CELL: usize = 16;
/// Longest row of grain that can be asked for.
const LONGEST_ROW: usize = 4096;
const GRAIN_STARTS: usize = 1 << 16;
/// Standard deviation of the grain.
pub(super) const GRAIN_DEVIATION: i32 = 32;

static SMOOTH: LazyLock<Vec<u8>> = LazyLock::new(smooth_tile);
static GRAIN: LazyLock<Vec<i8>> = LazyLock::new(grain_tile);

/// A well mixed number for any number.
pub(super) fn mixed(seed: u64) -> u64 {
    let mut mixed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

fn smooth_tile() -> Vec<u8> {
    const CELLS: usize = SIDE / CELL;
    let lattice = |x: usize, y: usize| (mixed((y % CELLS * CELLS + x % CELLS) as u64) >> 40) as f32 / 65_793.0;
    let eased: [f32; CELL] = std::array::from_fn(|step| {
        let share = step as f32 / CELL as f32;
        share * share * (3.0 - 2.0 * share)
    });
    let mut tile = Vec::with_capacity(SIDE * SIDE);
    for y in 0..SIDE {
        let (top, down) = (y / CELL, eased[y % CELL]);
        for cell in 0..CELLS {
            let side = |x: usize| lattice(x, top) * (1.0 - down) + lattice(x, top + 1) * down;
            let (left, right) = (side(cell), side(cell + 1));
            tile.extend(eased.iter().map(|along| (left * (1.0 - along) + right * along) as u8));
        }
    }
    tile
}

fn grain_tile() -> Vec<i8> {
    // Six bytes summed are close to a normal number with deviation 181.
    let normal = |place: usize| {
        let sum: i32 = mixed(place as u64 ^ 0x5eed).to_le_bytes().iter().take(6).map(|&byte| i32::from(byte)).sum();
        ((sum - 765) * GRAIN_DEVIATION / 181).clamp(-127, 127) as i8
    };
    (0..GRAIN_STARTS + LONGEST_ROW).map(normal).collect()
}

/// Smooth noise.
#[derive(Clone, Copy, Debug)]
pub(super) struct Smooth(&'static [u8]);

impl Smooth {
    /// The table.
    pub(super) fn new() -> Self {
        Self(&SMOOTH)
    }

    fn at(self, x: f32, y: f32, seed: u32) -> f32 {
        let (x, y) = ((x * CELL as f32) as i32, (y * CELL as f32) as i32);
        let x = (x as u32).wrapping_add(seed) as usize % SIDE;
        let y = (y as u32).wrapping_add(seed >> 12) as usize % SIDE;
        f32::from(self.0.get(y * SIDE + x).copied().unwrap_or(0))
    }

    /// Three octaves around 0, from -0.5 to 0.5; a hill is about one wide.
    pub(super) fn layered(self, x: f32, y: f32, seed: u32) -> f32 {
        let sum = self.at(x, y, seed) * 4.0
            + self.at(x * 2.1, y * 2.1, seed ^ 0x5bd1_a511) * 2.0
            + self.at(x * 4.3, y * 4.3, seed ^ 0xa511_5bd1);
        sum / (7.0 * 255.0) - 0.5
    }
}

/// A row of grain of deviation [`GRAIN_DEVIATION`]; other seeds, other rows.
pub(super) fn grain(seed: u64, length: usize) -> &'static [i8] {
    let start = mixed(seed) as usize % GRAIN_STARTS;
    GRAIN.get(start..start + length.min(LONGEST_ROW)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grain_has_its_deviation_and_the_noise_its_range() {
        let row = grain(7, 4096);
        let squares: f64 = row.iter().map(|&value| f64::from(value).powi(2)).sum();
        let deviation = (squares / 4096.0).sqrt();
        assert!((deviation - f64::from(GRAIN_DEVIATION)).abs() < 1.5, "{deviation}");
        let noise = Smooth::new();
        let values: Vec<f32> = (0..1_000).map(|x| noise.layered(x as f32 * 0.37, 3.0, 9)).collect();
        assert!(values.iter().all(|value| (-0.5..=0.5).contains(value)));
        assert!(values.iter().any(|value| *value > 0.2) && values.iter().any(|value| *value < -0.2));
    }
}
