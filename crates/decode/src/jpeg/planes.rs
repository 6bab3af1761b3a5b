//! Pictures whose brightness is not one component with every pixel: RGB, CMYK, YCCK, and Y with fewer samples than
//! chroma. Each component is read alone, and brightness is made of their planes.

use super::super::luma::{Luma, of_rgb};
use super::frame::{Colour, Frame};
use super::{Fault, Picture, Scale, scans};

/// Reads a picture of at most a width and height. `colour` says what the components are where the file around it knows;
/// else its own markers do.
pub(super) fn open(
    bytes: &[u8],
    colour: Option<Colour>,
    most: [usize; 2],
    keep_on: &dyn Fn() -> bool,
) -> Result<Picture, Fault> {
    let tables = scans::tables(bytes)?;
    let colour = colour.map_or_else(|| tables.colour(), Ok)?;
    let frame = tables.frame()?;
    if frame.width > most[0] || frame.height > most[1] {
        return Err(Fault::Broken("a picture larger than its place"));
    }
    if colour == Colour::Luma && frame.factors(0) == frame.most() {
        return scans::read(bytes, 0, keep_on).map(Picture::Scalable);
    }
    let plane = |component: usize| -> Result<Luma, Fault> {
        Ok(spread(scans::read(bytes, component, keep_on)?.luma(Scale::Full), frame, component))
    };
    let luma = match colour {
        Colour::Luma => plane(0)?,
        Colour::Rgb => {
            let (mut red, green, blue) = (plane(0)?, plane(1)?, plane(2)?);
            let others = green.pixels().iter().zip(blue.pixels());
            for (red, (&green, &blue)) in red.pixels_mut().iter_mut().zip(others) {
                *red = of_rgb(*red, green, blue);
            }
            red
        }
        Colour::Cmyk | Colour::Inks => {
            let turn = if colour == Colour::Inks { 255 } else { 0 };
            let (mut cyan, magenta, yellow, black) = (plane(0)?, plane(1)?, plane(2)?, plane(3)?);
            let others = magenta.pixels().iter().zip(yellow.pixels()).zip(black.pixels());
            for (cyan, ((&magenta, &yellow), &black)) in cyan.pixels_mut().iter_mut().zip(others) {
                *cyan = under(of_rgb(*cyan, magenta, yellow) ^ turn, black ^ turn);
            }
            cyan
        }
        Colour::Ycck => {
            let (mut y, black) = (plane(0)?, plane(3)?);
            for (y, &black) in y.pixels_mut().iter_mut().zip(black.pixels()) {
                *y = under(255 - *y, black);
            }
            y
        }
    };
    Ok(Picture::Whole(luma))
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
