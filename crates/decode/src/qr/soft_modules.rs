//! Modules as grey values against their neighbourhood: how dark or light, and how surely.

use super::local_classes::{self, LocalClasses};
use super::plane::Plane;

/// A sampled code: one value a module, row after row, negative for dark, about 1 away from zero where it is sure.
#[derive(Clone)]
pub(super) struct Soft {
    pub side: usize,
    pub values: Vec<f32>,
}

/// Modules around each that its threshold comes from, each way.
const REACH: usize = 4;

/// The grey values of a code's modules.
pub(super) struct Greys {
    side: usize,
    values: Vec<f32>,
}

impl Greys {
    /// Every module against the square of modules around it.
    pub(super) fn soft(&self) -> Soft {
        Soft { side: self.side, values: against_neighbours(&self.values, self.side) }
    }

    /// With the differences between dark greys drawn out: there, the edge of a shadow takes as much from dark modules as
    /// from light ones, and makes no light module darker than a dark one beyond it.
    pub(super) fn in_shadow(&self) -> Greys {
        Greys { side: self.side, values: self.values.iter().map(|&grey| drawn_out(grey)).collect() }
    }

    /// With the differences between light greys drawn out: at the rim of glare dark modules are almost as light as those
    /// that can get no lighter.
    pub(super) fn in_glare(&self) -> Greys {
        Greys { side: self.side, values: self.values.iter().map(|&grey| 255.0 - drawn_out(255.0 - grey)).collect() }
    }

    /// Every module against whichever small square of modules around or beside it parts best in dark and light: an edge
    /// of a shadow, or the rim of a bright spot, runs through some of these squares and not through others. A module in
    /// the middle of a square of one grey is not sure, whatever it looks like: a stain or glare lies there.
    pub(super) fn soft_in_patches(&self) -> Soft {
        let side = self.side;
        let patches: Vec<Patch> = local_classes::around(&self.values, side, PATCH).iter().map(Patch::of).collect();
        let patch = |column: usize, row: usize| patches.get(row * side + column).copied().unwrap_or_default();
        let aside = |at: usize| [at, at.saturating_sub(PATCH), (at + PATCH).min(side - 1)];
        let value = |at: usize| {
            let (column, row) = (at % side, at / side);
            let own = patch(column, row);
            let all = aside(row).into_iter().flat_map(|y| aside(column).map(|x| patch(x, y)));
            let best = all.fold(own, |best, patch| if patch.clearness > best.clearness { patch } else { best });
            let grey = self.values.get(at).copied().unwrap_or(best.threshold);
            let value = ((grey - best.threshold) / best.contrast.max(2.0)).clamp(-1.5, 1.5);
            value * (own.contrast / best.contrast.max(2.0)).min(1.0)
        };
        Soft { side, values: (0..side * side).map(value).collect() }
    }
}

/// A grey level (0 to 255) on a scale on which the same step is the same ratio of light, down to where ratios are noise.
pub(in super::super) fn drawn_out(grey: f32) -> f32 {
    const DARKEST: f32 = 5.0;
    (grey.max(0.0) / DARKEST).ln_1p() * 255.0 / (255.0f32 / DARKEST).ln_1p()
}

/// Modules of a patch around its middle, each way.
const PATCH: usize = 2;

/// A small square of modules.
#[derive(Clone, Copy, Default)]
struct Patch {
    /// Halfway between its dark and its light modules, and how far those are from there.
    threshold: f32,
    contrast: f32,
    /// Contrast against how much dark modules and light ones differ among themselves.
    clearness: f32,
}

impl Patch {
    fn of(halves: &LocalClasses) -> Patch {
        let LocalClasses { mean, dark, light } = halves;
        let (darkness, lightness) = (dark.mean().unwrap_or(*mean), light.mean().unwrap_or(*mean));
        let apart = (dark.spread() + light.spread()) / (dark.count + light.count);
        let contrast = (lightness - darkness) / 2.0;
        let clearness = (contrast / (apart + NOISE * NOISE).sqrt()).min(CLEAR);
        Patch { threshold: (darkness + lightness) / 2.0, contrast, clearness }
    }
}

/// From here a patch is as clear as any: its own is the one that counts for a module then.
const CLEAR: f32 = 5.0;
/// Grey levels that modules of one colour differ in any picture.
const NOISE: f32 = 2.0;

/// Samples the picture at the middles of all modules (row after row).
pub(super) fn sample(plane: Plane<'_>, places: &[[f32; 2]]) -> Greys {
    let side = places.len().isqrt();
    let place = |column: usize, row: usize| places.get(row * side + column).copied().unwrap_or([0.0; 2]);
    // The middle, and four points around it a quarter of a module away.
    let (mut xs, mut ys) = (Vec::with_capacity(POINTS * places.len()), Vec::with_capacity(POINTS * places.len()));
    for (row, column) in (0..side).flat_map(|row| (0..side).map(move |column| (row, column))) {
        let [x, y] = place(column, row);
        let (left, right) = (place(column.saturating_sub(1), row), place((column + 1).min(side - 1), row));
        let (above, below) = (place(column, row.saturating_sub(1)), place(column, (row + 1).min(side - 1)));
        let quarter = |a: [f32; 2], b: [f32; 2]| [(b[0] - a[0]) / 8.0, (b[1] - a[1]) / 8.0];
        let (across, down) = (quarter(left, right), quarter(above, below));
        xs.extend_from_slice(&[x, x + across[0], x - across[0], x + down[0], x - down[0]]);
        ys.extend_from_slice(&[y, y + across[1], y - across[1], y + down[1], y - down[1]]);
    }
    let mut greys = vec![0.0; xs.len()];
    plane.at_all(&xs, &ys, [0.0; 2], &mut greys);
    let (points, _) = greys.as_chunks::<POINTS>();
    let values = points.iter().map(|[middle, a, b, c, d]| (a + b + c + d + 2.0 * middle) / 6.0).collect();
    Greys { side, values }
}

/// Points of the picture that a module's grey value is made of.
const POINTS: usize = 5;

/// Grey values to signed ones: the threshold lies halfway between the mean of the darker and of the lighter modules of
/// the neighbourhood.
fn against_neighbours(grey: &[f32], side: usize) -> Vec<f32> {
    let halves = local_classes::around(grey, side, REACH);
    let signed = halves.iter().zip(grey).map(|(halves, value)| {
        let (dark, light) = (halves.dark.mean().unwrap_or(halves.mean), halves.light.mean().unwrap_or(halves.mean));
        (value - (dark + light) / 2.0) / ((light - dark) / 2.0).max(2.0)
    });
    signed.collect()
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
