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

    /// Bytes that it takes.
    #[inline]
    pub fn bytes(&self) -> u64 {
        self.pixels.len() as u64
    }

    /// Pixels in a row.
    #[inline]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    #[inline]
    pub fn height(&self) -> usize {
        self.height
    }

    /// All pixels, row after row.
    #[inline]
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// The rows, from the top.
    #[inline]
    pub fn rows(&self) -> std::slice::ChunksExact<'_, u8> {
        self.pixels.chunks_exact(self.width)
    }

    /// The rows to be written, from the top.
    #[inline]
    pub fn rows_mut(&mut self) -> std::slice::ChunksExactMut<'_, u8> {
        self.pixels.chunks_exact_mut(self.width)
    }

    /// All pixels to be written, row after row.
    #[inline]
    pub fn pixels_mut(&mut self) -> &mut [u8] {
        &mut self.pixels
    }

    /// The pixels from one point to the other; black beyond the edges.
    pub fn part(&self, from: [usize; 2], to: [usize; 2]) -> Luma {
        let mut part = Luma::blank(to[0].saturating_sub(from[0]), to[1].saturating_sub(from[1]));
        for (y, row) in part.rows_mut().enumerate() {
            row.iter_mut().zip(self.row(from[1] + y).iter().skip(from[0])).for_each(|(to, &from)| *to = from);
        }
        part
    }

    /// One row; empty below the picture.
    #[inline]
    pub fn row(&self, y: usize) -> &[u8] {
        self.pixels.get(y * self.width..(y + 1) * self.width).unwrap_or(&[])
    }
}

/// Brightness of a red, green and blue value, ITU-R BT.601 as in JPEG's Y, rounded.
#[inline]
pub fn of_rgb(red: u8, green: u8, blue: u8) -> u8 {
    let sum = 19_595 * u32::from(red) + 38_470 * u32::from(green) + 7_471 * u32::from(blue) + 32_768;
    (sum >> 16) as u8
}

/// `value` seen through `alpha` over white paper: a transparent background of a drawn code is its quiet zone.
#[inline]
pub fn over_white(value: u8, alpha: u8) -> u8 {
    let (value, alpha) = (u32::from(value), u32::from(alpha));
    ((value * alpha + 255 * (255 - alpha) + 127) / 255) as u8
}

/// What a photo's pixels are looked at as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aspect {
    /// Light and dark; transparent pixels are seen over white.
    Brightness,
    /// Opaque and clear: for what alpha alone draws.
    Opacity,
    /// How much redder than grey, which is 128, whatever the brightness: JPEG's Cr.
    Redness,
    /// How much bluer than grey: JPEG's Cb.
    Blueness,
}

impl Aspect {
    /// A pixel as this.
    #[inline]
    pub fn of(self, [red, green, blue, alpha]: [u8; 4]) -> u8 {
        let grey = of_rgb(red, green, blue);
        // Fully transparent pixels have no colour.
        let tint = |channel: u8, factor: i32| {
            let off = (i32::from(channel) - i32::from(grey)) * factor * i32::from(alpha) / 255;
            (128 + (off + 500).div_euclid(1_000)).clamp(0, 255) as u8
        };
        match self {
            Aspect::Brightness => over_white(grey, alpha),
            Aspect::Opacity => alpha,
            Aspect::Redness => tint(red, 713),
            Aspect::Blueness => tint(blue, 564),
        }
    }

    /// Which component of YCbCr it is; brightness where it is none.
    pub fn component(self) -> usize {
        match self {
            Aspect::Brightness | Aspect::Opacity => 0,
            Aspect::Blueness => 1,
            Aspect::Redness => 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_of_one_brightness_differ_in_redness_or_blueness() {
        let seen = |colour| [Aspect::Brightness, Aspect::Redness, Aspect::Blueness].map(|aspect| aspect.of(colour));
        assert_eq!(seen([200, 0, 0, 255]), [60, 228, 94]);
        assert_eq!(seen([0, 102, 0, 255]), [60, 85, 94]);
        assert_eq!(seen([77, 77, 77, 255]), [77, 128, 128]);
        assert_eq!((seen([200, 0, 0, 0]), Aspect::Opacity.of([9, 9, 9, 40])), ([255, 128, 128], 40));
    }

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
