//! What lies behind the labels: wood, concrete, cloth, cardboard, a wall; things that stand about; shadows.
//!
//! Painted at a quarter of the size and enlarged: a background out of focus, at a sixteenth of the cost.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::exact;
use super::noise::Smooth;
use super::planes::{Colour, Planes};

/// Pixels of the picture a dot of the canvas.
pub(super) const SHRINK: usize = 4;

/// A small picture: brightness and colour differences of every dot.
pub(super) struct Canvas {
    /// Dots across.
    pub width: usize,
    /// Dots down.
    pub height: usize,
    dots: Vec<[f32; 3]>,
}

#[derive(Clone, Copy)]
enum Material {
    Wood,
    Concrete,
    Cloth,
    Cardboard,
    Wall,
    Marble,
}

struct Surface {
    kind: Material,
    base: Colour,
    seed: u32,
    turned: bool,
}

impl Surface {
    fn draw(draw: &mut ChaCha8Rng) -> Self {
        let (kind, [red, green, blue]) = match draw.random_range(0..7u32) {
            0 => (Material::Wood, [152, 106, 66]),
            1 => (Material::Wood, [206, 176, 136]),
            2 => (Material::Concrete, [150, 148, 142]),
            3 => (Material::Cloth, [72, 96, 140]),
            4 => (Material::Cardboard, [184, 146, 100]),
            5 => (Material::Marble, [214, 212, 208]),
            _ => (Material::Wall, [196, 190, 176]),
        };
        let shift: i32 = draw.random_range(-26..26);
        let [red, green, blue] =
            [red, green, blue].map(|channel: i32| (channel + shift + draw.random_range(-10..10)).clamp(20, 235) as u8);
        let turned = !matches!(kind, Material::Wall) && draw.random_bool(0.5);
        Self { kind, base: Colour::rgb(red, green, blue), seed: draw.random(), turned }
    }

    /// How much lighter than its colour the surface is at a place given in short sides of the picture.
    #[inline]
    fn shade(&self, x: f32, y: f32, noise: Smooth) -> f32 {
        let (x, y) = if self.turned { (y, x) } else { (x, y) };
        match self.kind {
            Material::Wood => {
                let plank = (y * 3.3).floor();
                // Every plank was cut from another place, and its rings bend a little.
                let bend = noise.layered(x * 1.3 + plank * 7.0, y * 2.0, self.seed ^ 3);
                let grain = noise.layered(x * 2.0 + plank * 17.0, y * 30.0 + bend * 9.0, self.seed);
                let tone = noise.layered(plank * 3.7, plank, self.seed ^ 1);
                let gap = if (y * 3.3).fract() < 0.022 { -0.45 } else { 0.0 };
                0.4 * grain + 0.3 * tone + 0.16 * bend + gap
            }
            Material::Concrete => {
                0.34 * noise.layered(x * 5.0, y * 5.0, self.seed)
                    + 0.3 * noise.layered(x * 46.0, y * 46.0, self.seed ^ 2)
            }
            Material::Cloth => {
                let check = |v: f32| if (v * 5.0).fract() < 0.42 { -0.17 } else { 0.12 };
                check(x) + check(y) + 0.22 * noise.layered(x * 60.0, y * 60.0, self.seed)
            }
            Material::Cardboard => {
                let flute = (y * 19.0).fract() - 0.5;
                0.3 * flute * flute + 0.16 * noise.layered(x * 4.0, y * 30.0, self.seed)
            }
            Material::Wall => {
                let floor = if y > 0.78 { -0.36 } else { 0.0 };
                floor + 0.12 * noise.layered(x * 3.0, y * 3.0, self.seed) + 0.1 * (0.5 - y)
            }
            Material::Marble => {
                let swirl = noise.layered(x * 1.5, y * 1.5, self.seed) * 3.0;
                let vein = noise.layered(x * 2.2 + swirl, y * 2.2 - swirl, self.seed ^ 5);
                -0.5 * (0.1 - vein * vein * 4.0).max(0.0) * 4.0 + 0.08 * noise.layered(x * 9.0, y * 9.0, self.seed ^ 2)
            }
        }
    }
}

impl Canvas {
    /// The background for a picture of that size, with a few things on it, or more of them where there is nothing else
    /// to see.
    pub(super) fn draw(width: usize, height: usize, crowded: bool, draw: &mut ChaCha8Rng) -> Self {
        let (across, down) = (width.div_ceil(SHRINK) + 2, height.div_ceil(SHRINK) + 2);
        let surface = Surface::draw(draw);
        let noise = Smooth::new();
        let per_dot = 1.0 / across.min(down) as f32;
        let mut dots = Vec::with_capacity(across * down);
        for y in 0..down {
            let y = y as f32 * per_dot;
            dots.extend((0..across).map(|x| surface.base.lit(1.0 + surface.shade(x as f32 * per_dot, y, noise)).0));
        }
        let mut canvas = Self { width: across, height: down, dots };
        let things = if crowded { draw.random_range(4..8) } else { draw.random_range(0..4) };
        for _ in 0..things {
            canvas.put_thing(draw);
        }
        canvas
    }

    /// Changes the dots of a rectangle given in dots, where it is on the canvas.
    pub(super) fn each_in(
        &mut self,
        (left, top): (f64, f64),
        (right, bottom): (f64, f64),
        mut change: impl FnMut(f64, f64, &mut [f32; 3]),
    ) {
        let within = |place: f64, most: usize| place.clamp(0.0, most as f64) as usize;
        let (left, right) = (within(left.floor(), self.width), within(right.ceil(), self.width));
        for y in within(top.floor(), self.height)..within(bottom.ceil(), self.height) {
            let row = self.dots.get_mut(y * self.width + left..y * self.width + right).unwrap_or_default();
            for (x, dot) in (left..).zip(row) {
                change(x as f64 + 0.5, y as f64 + 0.5, dot);
            }
        }
    }

    /// A cup, a box or a sheet of paper, somewhere, with its shadow.
    fn put_thing(&mut self, draw: &mut ChaCha8Rng) {
        let short = self.width.min(self.height) as f64;
        let (half_width, half_height) = (short * draw.random_range(0.07..0.24), short * draw.random_range(0.06..0.2));
        let centre =
            (self.width as f64 * draw.random_range(0.0..1.0), self.height as f64 * draw.random_range(0.0..1.0));
        let kind = draw.random_range(0..3u32);
        let half_height = if kind == 0 { half_width } else { half_height };
        let (sin, cos) = exact::sin_cos(draw.random_range(-0.7..0.7));
        let grey: i32 = draw.random_range(60..215);
        let mut channel = || (grey + draw.random_range(-45..45)).clamp(10, 240) as u8;
        let colour = if kind == 2 { Colour::rgb(236, 234, 228) } else { Colour::rgb(channel(), channel(), channel()) };
        let soft = 1.6;
        let reach = exact::length(half_width, half_height) * 1.3;
        let outside = |x: f64, y: f64| {
            let (x, y) = (x - centre.0, y - centre.1);
            let (x, y) = (x * cos + y * sin, y * cos - x * sin);
            if kind == 0 { exact::length(x, y) - half_width } else { (x.abs() - half_width).max(y.abs() - half_height) }
        };
        let corner = |sign: f64| (centre.0 + sign * reach, centre.1 + sign * reach);
        self.each_in(corner(-1.0), corner(1.0), |x, y, dot| {
            let shadow = (0.5 - outside(x - short * 0.02, y - short * 0.03) / (short * 0.05)).clamp(0.0, 1.0);
            let out = outside(x, y);
            let cover = (0.5 - out / soft).clamp(0.0, 1.0) as f32;
            let round_off = 1.0 + 0.22 * ((centre.0 - x + centre.1 - y) / reach);
            // A cup is seen from above: the rim, and what is in it. Paper has lines.
            let pattern = match kind {
                0 if out < -0.3 * half_width => 0.35,
                0 if out < -0.14 * half_width => 0.8,
                2 if ((x * sin - y * cos) / (short * 0.022)).rem_euclid(1.0) < 0.3 && out < -short * 0.02 => 0.78,
                _ => 1.0,
            };
            let own = colour.lit((round_off * pattern) as f32).0;
            for (part, own) in dot.iter_mut().zip(own) {
                *part = *part * (1.0 - 0.4 * shadow as f32) * (1.0 - cover) + own * cover;
            }
        });
    }

    /// The canvas as a picture of that size.
    pub(super) fn enlarge(&self, width: usize, height: usize) -> Planes {
        let mut picture = Planes::new(width, height, Colour([0.0; 3]));
        for (plane, offset) in [0.0, 128.0, 128.0].into_iter().enumerate() {
            // Sixteenths, so that both interpolations fit into 16 bits.
            let low: Vec<u16> =
                self.dots.iter().map(|dot| ((dot[plane] + offset).clamp(0.0, 255.0) * 16.0) as u16).collect();
            let (width, _) = picture.size(plane);
            let out = &mut picture.samples[plane];
            if plane == 0 {
                spread::<4>(&low, self.width, out, width);
            } else {
                spread::<2>(&low, self.width, out, width);
            }
        }
        picture
    }
}

/// Enlarges `TIMES`-fold, with everything between.
fn spread<const TIMES: usize>(low: &[u16], across: usize, out: &mut [u8], width: usize) {
    let weights: [u16; TIMES] = std::array::from_fn(|step| (8 / TIMES * step + 4 / TIMES) as u16);
    let mut line = vec![0u16; across];
    for (y, row) in out.chunks_exact_mut(width).enumerate() {
        let (top, down) = (y / TIMES * across, weights[y % TIMES]);
        let (upper, lower) = (low.get(top..top + across), low.get(top + across..top + 2 * across));
        let (Some(upper), Some(lower)) = (upper, lower) else { continue };
        for ((mixed, &upper), &lower) in line.iter_mut().zip(upper).zip(lower) {
            *mixed = (upper * (8 - down) + lower * down) >> 3;
        }
        let (groups, rest) = row.as_chunks_mut::<TIMES>();
        for (group, pair) in groups.iter_mut().zip(line.windows(2)) {
            for (value, along) in group.iter_mut().zip(weights) {
                *value = ((pair[0] * (8 - along) + pair[1] * along) >> 7) as u8;
            }
        }
        let last = line.get(width / TIMES).copied().unwrap_or_default();
        rest.fill((last >> 4) as u8);
    }
}
