//! What lies behind the labels: wood, concrete, cloth, cardboard, a wall; and things that stand about.
//!
//! Painted at a quarter of the size and enlarged: a background out of focus, at a sixteenth of the cost.

use image::RgbImage;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

const SHRINK: u32 = 4;

/// Colours from 0 to 255, before any light.
type Colour = [f64; 3];

struct Canvas {
    width: usize,
    height: usize,
    pixels: Vec<Colour>,
}

/// A background with a few things on it, and with more of them where there is nothing else to see.
pub fn background(width: u32, height: u32, crowded: bool, draw: &mut ChaCha8Rng) -> RgbImage {
    let (across, down) = (width.div_ceil(SHRINK) as usize + 2, height.div_ceil(SHRINK) as usize + 2);
    let mut canvas = Canvas { width: across, height: down, pixels: Vec::with_capacity(across * down) };
    let surface = Surface::draw(draw);
    let short = across.min(down) as f64;
    for y in 0..down {
        for x in 0..across {
            canvas.pixels.push(surface.colour(x as f64 / short, y as f64 / short));
        }
    }
    let things = if crowded { draw.random_range(4..8) } else { draw.random_range(0..4) };
    for _ in 0..things {
        canvas.put_thing(draw);
    }
    canvas.enlarge(width, height)
}

#[derive(Clone, Copy)]
enum Kind {
    Wood,
    Concrete,
    Cloth,
    Cardboard,
    Wall,
}

struct Surface {
    kind: Kind,
    base: Colour,
    seed: u32,
    turned: bool,
}

impl Surface {
    fn draw(draw: &mut ChaCha8Rng) -> Self {
        let (kind, base) = match draw.random_range(0..5u32) {
            0 => (Kind::Wood, [158.0, 112.0, 70.0]),
            1 => (Kind::Concrete, [150.0, 148.0, 142.0]),
            2 => (Kind::Cloth, [72.0, 96.0, 140.0]),
            3 => (Kind::Cardboard, [184.0, 146.0, 100.0]),
            _ => (Kind::Wall, [196.0, 190.0, 176.0]),
        };
        let shift: f64 = draw.random_range(-28.0..28.0);
        let base = base.map(|channel| channel + shift + draw.random_range(-12.0..12.0));
        Self { kind, base, seed: draw.random(), turned: draw.random_bool(0.5) }
    }

    /// The colour at a place given in short sides of the picture.
    fn colour(&self, x: f64, y: f64) -> Colour {
        let (x, y) = if self.turned { (y, x) } else { (x, y) };
        let shade = match self.kind {
            Kind::Wood => {
                let plank = (y * 3.3).floor();
                let grain = layered(x * 2.5 + plank * 17.0, y * 34.0, self.seed) - 0.5;
                let knots = layered(x * 3.0 + plank * 5.0, y * 5.0, self.seed ^ 1) - 0.5;
                let gap = if (y * 3.3).fract() < 0.022 { -0.5 } else { 0.0 };
                0.42 * grain + 0.3 * knots + gap
            }
            Kind::Concrete => {
                0.34 * (layered(x * 5.0, y * 5.0, self.seed) - 0.5)
                    + 0.3 * (layered(x * 46.0, y * 46.0, self.seed ^ 2) - 0.5)
            }
            Kind::Cloth => {
                let check = |v: f64| if (v * 5.0).rem_euclid(1.0) < 0.42 { -0.17 } else { 0.12 };
                check(x) + check(y) + 0.2 * (layered(x * 60.0, y * 60.0, self.seed) - 0.5)
            }
            Kind::Cardboard => {
                let flutes = 0.05 * (y * 120.0).sin();
                flutes + 0.16 * (layered(x * 4.0, y * 30.0, self.seed) - 0.5)
            }
            Kind::Wall => {
                let edge = if y > 0.74 { -0.38 } else { 0.0 };
                edge + 0.12 * (layered(x * 3.0, y * 3.0, self.seed) - 0.5) + 0.1 * (0.5 - y)
            }
        };
        self.base.map(|channel| channel * (1.0 + shade))
    }
}

impl Canvas {
    /// A cup, a box or a sheet of paper, somewhere, with its shadow.
    fn put_thing(&mut self, draw: &mut ChaCha8Rng) {
        let short = self.width.min(self.height) as f64;
        let (half_width, half_height) = (short * draw.random_range(0.06..0.24), short * draw.random_range(0.05..0.2));
        let (centre_x, centre_y) =
            (self.width as f64 * draw.random_range(0.0..1.0), self.height as f64 * draw.random_range(0.0..1.0));
        let (sin, cos) = draw.random_range(-0.7f64..0.7).sin_cos();
        let round = draw.random_bool(0.5);
        let grey: f64 = draw.random_range(50.0..225.0);
        let colour: Colour = std::array::from_fn(|_| grey + draw.random_range(-45.0..45.0));
        let reach = half_width.hypot(half_height) * 1.3;
        let columns = (centre_x - reach).max(0.0) as usize..(centre_x + reach).clamp(0.0, self.width as f64) as usize;
        let rows = (centre_y - reach).max(0.0) as usize..(centre_y + reach).clamp(0.0, self.height as f64) as usize;
        let outside = |x: f64, y: f64| {
            let (x, y) = (x - centre_x, y - centre_y);
            let (x, y) = ((x * cos + y * sin) / half_width, (y * cos - x * sin) / half_height);
            if round { x.hypot(y) - 1.0 } else { x.abs().max(y.abs()) - 1.0 }
        };
        for y in rows {
            for x in columns.clone() {
                let Some(pixel) = self.pixels.get_mut(y * self.width + x) else { continue };
                let (x, y) = (x as f64, y as f64);
                let shadow = (0.5 - outside(x - short * 0.02, y - short * 0.03) * 4.0).clamp(0.0, 1.0);
                let cover = (0.5 - outside(x, y) * 14.0).clamp(0.0, 1.0);
                let round_off = 1.0 + 0.22 * (centre_x - x + centre_y - y) / reach;
                for (channel, own) in pixel.iter_mut().zip(colour) {
                    let shaded = *channel * (1.0 - 0.4 * shadow);
                    *channel = shaded * (1.0 - cover) + own * round_off * cover;
                }
            }
        }
    }

    fn enlarge(&self, width: u32, height: u32) -> RgbImage {
        let mut picture = RgbImage::new(width, height);
        let scale = f64::from(SHRINK);
        let mut line = vec![[0.0f64; 3]; self.width];
        for (y, row) in picture.chunks_exact_mut(width as usize * 3).enumerate() {
            let place = y as f64 / scale;
            let (top, down) = (place as usize, place.fract());
            let upper = self.pixels.iter().skip(top * self.width);
            let lower = self.pixels.iter().skip((top + 1) * self.width);
            for ((mixed, upper), lower) in line.iter_mut().zip(upper).zip(lower) {
                *mixed = std::array::from_fn(|channel| upper[channel] * (1.0 - down) + lower[channel] * down);
            }
            for (x, pixel) in row.chunks_exact_mut(3).enumerate() {
                let place = x as f64 / scale;
                let (left, along) = (place as usize, place.fract());
                let (Some(left), Some(right)) = (line.get(left), line.get(left + 1)) else { continue };
                for ((channel, left), right) in pixel.iter_mut().zip(left).zip(right) {
                    *channel = (left * (1.0 - along) + right * along).clamp(0.0, 255.0) as u8;
                }
            }
        }
        picture
    }
}

/// Three octaves of smooth noise, 0 to 1.
fn layered(x: f64, y: f64, seed: u32) -> f64 {
    (smooth(x, y, seed) * 4.0 + smooth(x * 2.1, y * 2.1, seed ^ 0x5bd1) * 2.0 + smooth(x * 4.3, y * 4.3, seed ^ 0xa511))
        / 7.0
}

fn smooth(x: f64, y: f64, seed: u32) -> f64 {
    let (left, top) = (x.floor(), y.floor());
    let ease = |share: f64| share * share * (3.0 - 2.0 * share);
    let (along, down) = (ease(x - left), ease(y - top));
    let (left, top) = (left as i32, top as i32);
    let upper = lattice(left, top, seed) * (1.0 - along) + lattice(left.wrapping_add(1), top, seed) * along;
    let below = top.wrapping_add(1);
    let lower = lattice(left, below, seed) * (1.0 - along) + lattice(left.wrapping_add(1), below, seed) * along;
    upper * (1.0 - down) + lower * down
}

/// A number from 0 to 1 for a grid point.
fn lattice(x: i32, y: i32, seed: u32) -> f64 {
    let mut mixed = (x as u32).wrapping_mul(0x9e37_79b1) ^ (y as u32).wrapping_mul(0x85eb_ca77) ^ seed;
    mixed ^= mixed >> 15;
    mixed = mixed.wrapping_mul(0x2c1b_3c6d);
    mixed ^= mixed >> 12;
    mixed = mixed.wrapping_mul(0x297a_2d39);
    mixed ^= mixed >> 15;
    f64::from(mixed) / f64::from(u32::MAX)
}
