//! How a photo is turned to be seen as it was taken: EXIF's orientation, or HEIF's own properties, before which EXIF's does
//! not count. Codes are read whichever way up, so only pictures for people are turned.

use scanmill_core::domain::Format;

use crate::exif;
use crate::heif::Heif;
use scanmill_jpeg::Luma;

/// One step of turning a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// A quarter to the right.
    Right,
    /// Left and right change places.
    Mirror,
}

use Turn::{Mirror, Right};

/// The steps for this photo, in order.
pub(crate) fn turns(bytes: &[u8], format: Format) -> Vec<Turn> {
    match format {
        Format::Heic | Format::Avif => Heif::new(bytes).map(|file| file.turns()).unwrap_or_default(),
        _ => of_exif(exif::orientation(bytes)).to_vec(),
    }
}

/// The steps that EXIF's number stands for: where the first row and the first column of the file are to be seen.
fn of_exif(orientation: u8) -> &'static [Turn] {
    match orientation {
        2 => &[Mirror],
        3 => &[Right, Right],
        4 => &[Right, Right, Mirror],
        5 => &[Right, Mirror],
        6 => &[Right],
        7 => &[Right, Right, Right, Mirror],
        8 => &[Right, Right, Right],
        _ => &[],
    }
}

/// The picture, turned.
pub(crate) fn turned(mut picture: Luma, turns: &[Turn]) -> Luma {
    for turn in turns {
        match turn {
            Mirror => picture.rows_mut().for_each(<[u8]>::reverse),
            Right => {
                let (width, height) = (picture.width(), picture.height());
                let mut next = Luma::blank(height, width);
                for (x, column) in next.rows_mut().enumerate() {
                    // What was at the bottom of a column comes first in its row.
                    column
                        .iter_mut()
                        .zip(picture.rows().rev())
                        .for_each(|(to, row)| *to = row.get(x).copied().unwrap_or(0));
                }
                picture = next;
            }
        }
    }
    picture
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_orientation_of_exif_shows_the_picture_upright() {
        // Upright: 1 2 3 over 4 5 6. The file has it the way that its number says.
        let upright = Luma::new(3, 2, vec![1, 2, 3, 4, 5, 6]).unwrap();
        for (orientation, width, pixels) in [
            (1, 3, [1, 2, 3, 4, 5, 6]),
            (2, 3, [3, 2, 1, 6, 5, 4]),
            (3, 3, [6, 5, 4, 3, 2, 1]),
            (4, 3, [4, 5, 6, 1, 2, 3]),
            (5, 2, [1, 4, 2, 5, 3, 6]),
            // Row 0 is the right side, column 0 the top.
            (6, 2, [3, 6, 2, 5, 1, 4]),
            (7, 2, [6, 3, 5, 2, 4, 1]),
            (8, 2, [4, 1, 5, 2, 6, 3]),
        ] {
            let file = Luma::new(width, 6 / width, pixels.to_vec()).unwrap();
            assert_eq!(turned(file, of_exif(orientation)), upright, "{orientation}");
        }
        assert_eq!(of_exif(0), []);
        assert_eq!(of_exif(9), []);
    }
}
