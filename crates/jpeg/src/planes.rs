//! Pictures whose brightness is not one component with every pixel: RGB, CMYK, YCCK, and Y with fewer samples than
//! chroma. Each component is read alone, and brightness is made of their planes.

use std::cell::Cell;

use super::frame::{Colour, Frame};
use super::hints::{Hints, Survey};
use super::luma::{Aspect, Luma};
use super::{JpegError, Picture, Scale, Watch, scans};

/// Reads an aspect of a picture of at most a width and height. `colour` says what the components are where the file around
/// it knows; else its own markers do.
pub(super) fn open(
    bytes: &[u8],
    aspect: Aspect,
    colour: Option<Colour>,
    most: [usize; 2],
    watch: Watch<'_>,
) -> Result<(Picture, Hints), JpegError> {
    let tables = scans::tables(bytes)?;
    let colour = colour.map_or_else(|| tables.colour(), Ok)?;
    let frame = tables.frame()?;
    if frame.width > most[0] || frame.height > most[1] {
        return Err(JpegError::Broken("a picture larger than its place"));
    }
    let component = aspect.component();
    if component > 0 && frame.components.len() < 3 {
        return Err(JpegError::Unsupported("no colours"));
    }
    let (factors, full) = (frame.factors(component), frame.most());
    if colour == Colour::Luma && (factors == full || (component > 0 && factors[0] * full[1] == factors[1] * full[0])) {
        let picture = scans::read(bytes, component, watch)?;
        let hints = match picture.tinted {
            Some([blue, red]) => Hints { red, blue, alpha: false },
            None if frame.components.len() == 3 => Hints::unknown(false),
            None => Hints::default(),
        };
        return Ok((Picture::Scalable(picture, full[0] as f32 / factors[0] as f32), hints));
    }
    let pixels = (frame.width * frame.height) as u64;
    let held = Cell::new(0);
    let plane = |component: usize| -> Result<Luma, JpegError> {
        let has_room = |bytes| (watch.has_room)(held.get() + bytes);
        let read = scans::read(bytes, component, Watch { has_room: &has_room, ..watch })?;
        let [across, down] = frame.samples(component);
        let samples = (across * down) as u64;
        watch.needs(held.get() + samples + read.bytes())?;
        let samples_alone = read.luma(Scale::Full);
        drop(read);
        if samples != pixels {
            watch.needs(held.get() + samples + pixels)?;
        }
        held.set(held.get() + pixels);
        Ok(spread(samples_alone, frame, component))
    };
    let mut hints = Hints::unknown(false);
    let luma = match (colour, aspect) {
        (Colour::Luma, _) | (Colour::Ycck, Aspect::Redness | Aspect::Blueness) => plane(component)?,
        (Colour::Rgb, _) => {
            let mut inks = [plane(0)?, plane(1)?, plane(2)?];
            hints = join(&mut inks, aspect, |[red, green, blue]| [red, green, blue, 255]);
            let [red, ..] = inks;
            red
        }
        (Colour::Cmyk | Colour::Inks, _) => {
            let turn = if colour == Colour::Inks { 255 } else { 0 };
            let mut inks = [plane(0)?, plane(1)?, plane(2)?, plane(3)?];
            hints = join(&mut inks, aspect, |[cyan, magenta, yellow, black]| {
                let [red, green, blue] = [cyan, magenta, yellow].map(|ink| under(ink ^ turn, black ^ turn));
                [red, green, blue, 255]
            });
            let [cyan, ..] = inks;
            cyan
        }
        (Colour::Ycck, _) => {
            let (mut y, black) = (plane(0)?, plane(3)?);
            for (y, &black) in y.pixels_mut().iter_mut().zip(black.pixels()) {
                *y = under(255 - *y, black);
            }
            y
        }
    };
    Ok((Picture::Whole(luma), hints))
}

/// Makes the first of the planes what the pixels are seen as, whose red, green, blue and alpha `rgba` tells.
fn join<const N: usize>(planes: &mut [Luma; N], aspect: Aspect, rgba: impl Fn([u8; N]) -> [u8; 4]) -> Hints {
    let mut survey = Survey::default();
    let (width, height) = (planes[0].width(), planes[0].height());
    let mut seen = vec![0; width];
    for y in 0..height {
        let rows = planes.each_ref().map(|plane| plane.row(y));
        let pixel = |x: usize| rgba(rows.map(|row| row.get(x).copied().unwrap_or(128)));
        if aspect == Aspect::Brightness {
            survey.row(y, width, pixel);
        }
        seen.iter_mut().enumerate().for_each(|(x, seen)| *seen = aspect.of(pixel(x)));
        if let Some(row) = planes[0].pixels_mut().get_mut(y * width..(y + 1) * width) {
            row.copy_from_slice(&seen);
        }
    }
    survey.hints()
}

/// Paper of a brightness below black ink: 255 is none.
fn under(paper: u8, black: u8) -> u8 {
    ((u32::from(paper) * u32::from(black) + 127) / 255) as u8
}

/// A component at the size of the picture: every sample as often as it stands for a pixel.
fn spread(samples: Luma, frame: &Frame, component: usize) -> Luma {
    let (factors, most) = (frame.factors(component), frame.most());
    if factors == most {
        return samples;
    }
    let mut full = Luma::blank(frame.width, frame.height);
    for (y, out) in full.rows_mut().enumerate() {
        let row = samples.row(y * factors[1] / most[1]);
        for (x, pixel) in out.iter_mut().enumerate() {
            *pixel = row.get(x * factors[0] / most[0]).copied().unwrap_or(128);
        }
    }
    full
}
