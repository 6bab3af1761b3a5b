//! Brightness only: one byte a pixel, which is all that a QR code needs.

/// A grey picture, row after row without gaps: `pixels.len() == width * height`, neither side is zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Luma {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

impl Luma {
    /// A picture from its bytes; `None` when they are not exactly `width * height`, or there are none.
    pub fn new(width: usize, height: usize, pixels: Vec<u8>) -> Option<Luma> {
        let wanted = width.checked_mul(height)?;
        (wanted > 0 && pixels.len() == wanted).then_some(Luma { width, height, pixels })
    }

    /// A black picture; a side of zero becomes one pixel.
    pub fn blank(width: usize, height: usize) -> Luma {
        let (width, height) = (width.max(1), height.max(1));
        Luma { width, height, pixels: vec![0; width * height] }
    }

    /// Pixels in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// All pixels, row after row.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// The rows, from the top.
    pub fn rows(&self) -> std::slice::ChunksExact<'_, u8> {
        self.pixels.chunks_exact(self.width)
    }

    /// The rows to be written, from the top.
    pub fn rows_mut(&mut self) -> std::slice::ChunksExactMut<'_, u8> {
        self.pixels.chunks_exact_mut(self.width)
    }

    /// All pixels to be written, row after row.
    pub fn pixels_mut(&mut self) -> &mut [u8] {
        &mut self.pixels
    }

    /// The pixels from one point to the other; black beyond the edges.
    pub(crate) fn part(&self, from: [usize; 2], to: [usize; 2]) -> Luma {
        let mut part = Luma::blank(to[0].saturating_sub(from[0]), to[1].saturating_sub(from[1]));
        for (y, row) in part.rows_mut().enumerate() {
            row.iter_mut().zip(self.row(from[1] + y).iter().skip(from[0])).for_each(|(to, &from)| *to = from);
        }
        part
    }

    /// One row; empty below the picture.
    pub fn row(&self, y: usize) -> &[u8] {
        self.pixels.get(y * self.width..(y + 1) * self.width).unwrap_or(&[])
    }
}

/// Brightness of a red, green and blue value, ITU-R BT.601 as in JPEG's Y, rounded.
pub fn of_rgb(red: u8, green: u8, blue: u8) -> u8 {
    let sum = 19_595 * u32::from(red) + 38_470 * u32::from(green) + 7_471 * u32::from(blue) + 32_768;
    (sum >> 16) as u8
}

/// `value` seen through `alpha` over white paper: a transparent background of a drawn code is its quiet zone.
pub fn over_white(value: u8, alpha: u8) -> u8 {
    let (value, alpha) = (u32::from(value), u32::from(alpha));
    ((value * alpha + 255 * (255 - alpha) + 127) / 255) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brightness_keeps_black_and_white_and_grey() {
        assert_eq!([of_rgb(0, 0, 0), of_rgb(255, 255, 255), of_rgb(90, 90, 90)], [0, 255, 90]);
        assert_eq!([over_white(0, 255), over_white(0, 0), over_white(200, 255)], [0, 255, 200]);
    }

    #[test]
    fn a_picture_holds_exactly_its_pixels() {
        assert!(Luma::new(2, 2, vec![0; 3]).is_none());
        assert!(Luma::new(0, 2, vec![]).is_none());
        assert!(Luma::new(usize::MAX, 2, vec![0]).is_none());
        let luma = Luma::new(2, 1, vec![1, 2]).unwrap();
        assert_eq!((luma.row(0), luma.row(1)), (&[1, 2][..], &[][..]));
    }
}
