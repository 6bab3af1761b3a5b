//! What light, lens and sensor do to a picture: blur, uneven light, glare, colour cast, noise.

use super::exact::bell;
use super::noise::{GRAIN_DEVIATION, grain};
use super::planes::Planes;

/// One camera in one light.
#[derive(Clone, Debug)]
pub(super) struct Lens {
    /// Standard deviation of the blur along rows and along columns in pixels: unequal ones are a shaken hand.
    pub blur: (f64, f64),
    /// How much brighter one side is than the other, along rows and along columns.
    pub slope: (f64, f64),
    /// Loss of light in the corners, 0 to 1.
    pub vignette: f64,
    /// Light that shines back.
    pub glare: Vec<Glare>,
    /// How bright.
    pub gain: f64,
    /// How much yellower than white light is, and below 0 bluer.
    pub warmth: f64,
    /// Standard deviation of the sensor's noise, in steps of 255.
    pub noise: f64,
    /// Of the noise.
    pub seed: u64,
}

/// A bright spot.
#[derive(Clone, Copy, Debug)]
pub(super) struct Glare {
    /// Its middle as shares of the picture.
    pub at: (f64, f64),
    /// Its radii as shares of the picture.
    pub radius: (f64, f64),
    /// What it adds in its middle, in steps of 255.
    pub strength: f64,
}

impl Lens {
    /// Takes the picture.
    pub(super) fn apply(&self, picture: &mut Planes) {
        for plane in 0..3 {
            let (width, _) = picture.size(plane);
            let share = if plane == 0 { 1.0 } else { 0.5 };
            blur_rows(&mut picture.samples[plane], width, self.blur.0 * share);
            blur_columns(&mut picture.samples[plane], width, self.blur.1 * share);
            self.light(picture, plane);
        }
    }

    fn light(&self, picture: &mut Planes, plane: usize) {
        let (width, height) = picture.size(plane);
        // Light as 14 bits behind the point; the product of two has 12.
        let fixed = |light: f64| (light.clamp(0.0, 3.9) * 16_384.0) as u16;
        let across: Vec<u16> = self.profile(width, self.slope.0).map(fixed).collect();
        let down: Vec<f64> = self.profile(height, self.slope.1).map(|light| light * self.gain).collect();
        let glare: Vec<(Vec<i16>, &Glare)> = self
            .glare
            .iter()
            .map(|glare| {
                let part = |place| bell((share(place, width) - glare.at.0) / glare.radius.0);
                ((0..width).map(|place| (part(place) * glare.strength.min(1_500.0) * 16.0) as i16).collect(), glare)
            })
            .collect();
        // Colour has less noise, in larger blots: its pixels are twice as large.
        let strength = (if plane == 0 { self.noise } else { self.noise * 0.45 } * 16.0 * 32.0
            / f64::from(GRAIN_DEVIATION))
        .min(255.0) as i16;
        let cast = match plane {
            1 => -60.0 * self.warmth,
            2 => 36.0 * self.warmth,
            _ => 0.0,
        };
        let mut added = vec![0i16; width];
        let rows = picture.samples[plane].chunks_exact_mut(width).zip(&down).enumerate();
        for (y, (row, &light)) in rows {
            added.fill(0);
            for (line, glare) in &glare {
                let part = (bell((share(y, height) - glare.at.1) / glare.radius.1) * 256.0) as i32;
                if part > 0 {
                    added
                        .iter_mut()
                        .zip(line)
                        .for_each(|(sum, &own)| *sum = sum.saturating_add(((i32::from(own) * part) >> 8) as i16));
                }
            }
            let grain = grain(self.seed ^ ((y as u64) << 8) ^ plane as u64, width);
            // Sixteenths of a step, as all that follows.
            let cast = (cast * light.min(2.0) * 16.0) as i32;
            let light = fixed(light);
            let pixels = row.iter_mut().zip(&across).zip(grain).zip(&added);
            if plane == 0 {
                for (((pixel, &column), &grain), &glare) in pixels {
                    let lit = times(u16::from(*pixel) << 8, times(column, light));
                    let noise = (i16::from(grain) * strength) >> 5;
                    *pixel = ((lit as i16).saturating_add(noise).saturating_add(glare) >> 4).clamp(0, 255) as u8;
                }
            } else {
                // Glare is white: colour fades in it.
                for (((pixel, &column), &grain), &glare) in pixels {
                    let fade = 256 - (glare >> 4).clamp(0, 256);
                    let colour = (i32::from((i16::from(*pixel) - 128) * 16) * i32::from(times(column, light))) >> 12;
                    let colour = ((colour + cast) * i32::from(fade)) >> 8;
                    let noise = (i16::from(grain) * strength) >> 5;
                    *pixel = (((colour as i16).saturating_add(noise).saturating_add(8) >> 4) + 128).clamp(0, 255) as u8;
                }
            }
        }
    }

    /// The light of each row or column.
    fn profile(&self, size: usize, slope: f64) -> impl Iterator<Item = f64> {
        let vignette = self.vignette;
        (0..size).map(move |place| {
            let from_middle = 2.0 * share(place, size) - 1.0;
            let square = from_middle * from_middle;
            (1.0 + slope * from_middle) * (1.0 - vignette * 0.5 * square * square)
        })
    }
}

fn share(place: usize, size: usize) -> f64 {
    (place as f64 + 0.5) / size as f64
}

/// The upper half of a product.
#[inline(always)]
fn times(one: u16, other: u16) -> u16 {
    ((u32::from(one) * u32::from(other)) >> 16) as u16
}

/// Radius of two equal averages in a row, and how often a 1-2-1 filter comes on top, for that deviation.
fn passes(deviation: f64) -> (usize, usize) {
    let variance = deviation * deviation;
    // An average of 2r + 1 pixels has variance r (r + 1) / 3, a 1-2-1 filter one half.
    let radius = if variance < 2.5 { 0 } else { (((1.0 + 6.0 * variance).sqrt() - 1.0) / 2.0) as usize };
    let left = variance - 2.0 * (radius * (radius + 1)) as f64 / 3.0;
    (radius, (left / 0.5).round().clamp(0.0, 8.0) as usize)
}

fn soften(before: u8, here: u8, after: u8) -> u8 {
    ((u16::from(before) + 2 * u16::from(here) + u16::from(after) + 2) / 4) as u8
}

fn blur_rows(plane: &mut [u8], width: usize, deviation: f64) {
    let (radius, soft) = passes(deviation);
    if (radius, soft) == (0, 0) {
        return;
    }
    let (mut copy, mut padded) = (vec![0; width], Vec::new());
    for row in plane.chunks_exact_mut(width) {
        if radius > 0 {
            average(row, &mut copy, radius, &mut padded);
            average(&copy, row, radius, &mut padded);
        }
        for _ in 0..soft {
            copy.copy_from_slice(row);
            let around = copy.iter().zip(copy.iter().skip(1)).zip(copy.iter().skip(2));
            for (target, ((&before, &here), &after)) in row.iter_mut().skip(1).zip(around) {
                *target = soften(before, here, after);
            }
        }
    }
}

/// Every value of `to` is the mean of those around it in `from`; beyond the ends the last ones go on.
fn average(from: &[u8], to: &mut [u8], radius: usize, padded: &mut Vec<u8>) {
    let (Some(&first), Some(&last)) = (from.first(), from.last()) else { return };
    padded.clear();
    padded.resize(radius + 1, first);
    padded.extend_from_slice(from);
    padded.resize(padded.len() + radius, last);
    let inverse = inverse(radius);
    let wide = 2 * radius + 1;
    let mut sum: u32 = padded.iter().take(wide).copied().map(u32::from).sum();
    for ((target, &enters), &leaves) in to.iter_mut().zip(padded.iter().skip(wide)).zip(padded.iter()) {
        sum = sum + u32::from(enters) - u32::from(leaves);
        *target = ((sum * inverse) >> 16).min(255) as u8;
    }
}

/// One through the width of an average, times 65,536 and a little more, so that a constant stays as it is.
fn inverse(radius: usize) -> u32 {
    (65_536 / (2 * radius + 1)) as u32 + 1
}

fn blur_columns(plane: &mut [u8], width: usize, deviation: f64) {
    let (radius, soft) = passes(deviation);
    if radius > 0 {
        let copy = average_columns(plane, width, radius);
        plane.copy_from_slice(&average_columns(&copy, width, radius));
    }
    for _ in 0..soft {
        let mut above: Vec<u8> = plane.iter().take(width).copied().collect();
        let mut rows = plane.chunks_exact_mut(width).skip(1).peekable();
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

fn average_columns(plane: &[u8], width: usize, radius: usize) -> Vec<u8> {
    let height = plane.len() / width;
    let row = |y: isize| {
        let y = y.clamp(0, height as isize - 1) as usize;
        plane.get(y * width..(y + 1) * width).unwrap_or_default()
    };
    let mut sums = vec![0u32; width];
    let reach = radius as isize;
    for y in -reach - 1..reach {
        sums.iter_mut().zip(row(y)).for_each(|(sum, &value)| *sum += u32::from(value));
    }
    let inverse = inverse(radius);
    let mut out = Vec::with_capacity(plane.len());
    for y in 0..height as isize {
        for ((sum, &enters), &leaves) in sums.iter_mut().zip(row(y + reach)).zip(row(y - reach - 1)) {
            *sum = *sum + u32::from(enters) - u32::from(leaves);
        }
        out.extend(sums.iter().map(|&sum| ((sum * inverse) >> 16).min(255) as u8));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blur_has_the_deviation_asked_for_both_ways() {
        for deviation in [0.8, 1.5, 2.0, 4.0, 9.0] {
            let mut row = vec![0u8; 201];
            // A bar instead of a dot, so that rounding down does not eat the tails; its own variance is taken off.
            row[90..111].fill(255);
            let mut column = row.clone();
            blur_rows(&mut row, 201, deviation);
            blur_columns(&mut column, 1, deviation);
            for line in [row, column] {
                let mass: f64 = line.iter().map(|&v| f64::from(v)).sum();
                let variance: f64 =
                    line.iter().enumerate().map(|(x, &v)| f64::from(v) * (x as f64 - 100.0).powi(2)).sum::<f64>()
                        / mass;
                let found = (variance - 36.67).max(0.0).sqrt();
                assert!((found - deviation).abs() < 0.25 + 0.1 * deviation, "{deviation}: {found}");
            }
        }
    }
}
