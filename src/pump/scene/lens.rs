//! What light, lens and sensor do to a picture: blur, uneven light, glare, colour cast, noise.

use image::RgbImage;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// One camera in one light.
#[derive(Clone, Debug)]
pub struct Lens {
    /// Passes of a 1-2-1 filter along rows and along columns: unequal ones are a shaken hand.
    blur: (u32, u32),
    /// How much brighter one side is than the other, by direction.
    slope: (f64, f64),
    /// Loss of light in the corners, 0 to 1.
    vignette: f64,
    /// Glare: place as shares of the picture, and strength.
    glare: (f64, f64, f64),
    /// Gain per channel.
    gain: [f64; 3],
    /// Standard deviation of the sensor's noise, in steps of 255.
    noise: f64,
}

impl Lens {
    /// Some camera. The smallest module in the picture bounds the blur: a third of a module can still be read.
    pub fn draw(draw: &mut ChaCha8Rng, module_pixels: f64) -> Self {
        // One pass has a standard deviation of 0.71 pixels; variances add up.
        let most = ((module_pixels * 0.3).powi(2) / 0.5).floor().min(4.0) as u32;
        let exposure = draw.random_range(0.72..1.06);
        let warmth: f64 = draw.random_range(-0.09..0.12);
        let direction: f64 = draw.random_range(0.0..std::f64::consts::TAU);
        let strength = draw.random_range(0.05..0.3);
        Self {
            blur: (draw.random_range(0..=most), draw.random_range(0..=most)),
            slope: (direction.cos() * strength, direction.sin() * strength),
            vignette: draw.random_range(0.0..0.35),
            glare: (
                draw.random(),
                draw.random(),
                if draw.random_bool(0.3) { draw.random_range(20.0..60.0) } else { 0.0 },
            ),
            gain: [exposure * (1.0 + warmth), exposure, exposure * (1.0 - warmth)],
            noise: draw.random_range(1.5..7.0),
        }
    }

    /// Takes the picture.
    pub fn apply(&self, picture: &mut RgbImage, draw: &mut ChaCha8Rng) {
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        blur_rows(picture, self.blur.0);
        blur_columns(picture, self.blur.1);
        let across = self.profile(width, self.slope.0, self.glare.0);
        let down = self.profile(height, self.slope.1, self.glare.1);
        let mut state: u64 = draw.random::<u64>() | 1;
        // Four bytes summed are close to a normal number with deviation 147.8.
        let spread = self.noise / 147.8;
        for (row, of_row) in picture.chunks_exact_mut(width * 3).zip(&down) {
            for (pixel, of_column) in row.chunks_exact_mut(3).zip(&across) {
                let light = (1.0 + of_column.slope + of_row.slope) * of_column.vignette * of_row.vignette;
                let glare = self.glare.2 * of_column.glare * of_row.glare;
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                let bytes = state.to_le_bytes().map(f64::from);
                let luma = (bytes[0] + bytes[1] + bytes[2] + bytes[3] - 510.0) * spread;
                let chroma = [(bytes[4] - 127.5) * spread * 0.7, 0.0, (bytes[5] - 127.5) * spread * 0.7];
                for ((channel, gain), tint) in pixel.iter_mut().zip(self.gain).zip(chroma) {
                    *channel = (f64::from(*channel) * light * gain + glare + luma + tint).clamp(0.0, 255.0) as u8;
                }
            }
        }
    }

    fn profile(&self, size: usize, slope: f64, glare: f64) -> Vec<Profile> {
        (0..size)
            .map(|place| {
                let share = (place as f64 + 0.5) / size as f64;
                let from_middle = 2.0 * share - 1.0;
                Profile {
                    slope: slope * from_middle,
                    vignette: 1.0 - self.vignette * 0.5 * from_middle.powi(4),
                    glare: (-((share - glare) / 0.18).powi(2)).exp(),
                }
            })
            .collect()
    }
}

/// What one row or one column adds; the light at a pixel is made of both.
#[derive(Clone, Copy, Debug)]
struct Profile {
    slope: f64,
    vignette: f64,
    glare: f64,
}

fn soften(before: u8, here: u8, after: u8) -> u8 {
    ((u16::from(before) + 2 * u16::from(here) + u16::from(after) + 2) / 4) as u8
}

fn blur_rows(picture: &mut RgbImage, passes: u32) {
    let stride = picture.width() as usize * 3;
    let mut copy = vec![0; stride];
    for row in picture.chunks_exact_mut(stride) {
        for _ in 0..passes {
            copy.copy_from_slice(row);
            let around = copy.iter().zip(copy.iter().skip(3)).zip(copy.iter().skip(6));
            for (target, ((&before, &here), &after)) in row.iter_mut().skip(3).zip(around) {
                *target = soften(before, here, after);
            }
        }
    }
}

fn blur_columns(picture: &mut RgbImage, passes: u32) {
    let stride = picture.width() as usize * 3;
    for _ in 0..passes {
        let mut above: Vec<u8> = picture.iter().take(stride).copied().collect();
        let mut rows = picture.chunks_exact_mut(stride).skip(1).peekable();
        while let Some(row) = rows.next() {
            let Some(below) = rows.peek() else { break };
            for ((above, here), &below) in above.iter_mut().zip(row.iter_mut()).zip(below.iter()) {
                let softened = soften(*above, *here, below);
                *above = *here;
                *here = softened;
            }
        }
    }
}
