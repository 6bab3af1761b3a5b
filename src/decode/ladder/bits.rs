//! Grey to black and white for the zxing reader.

use std::borrow::Cow;

use rxing::common::{BitMatrix, HybridBinarizer};
use rxing::{Binarizer, LuminanceSource};

use super::super::luma::Luma;

/// The picture as rxing takes it, without a copy.
struct Source<'a>(&'a Luma);

impl LuminanceSource for Source<'_> {
    fn get_row(&self, y: usize) -> Option<Cow<'_, [u8]>> {
        (y < self.0.height()).then(|| Cow::Borrowed(self.0.row(y)))
    }

    fn get_column(&self, x: usize) -> Cow<'_, [u8]> {
        Cow::Owned(self.0.rows().filter_map(|row| row.get(x).copied()).collect())
    }

    fn get_matrix(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(self.0.pixels())
    }

    fn get_width(&self) -> usize {
        self.0.width()
    }

    fn get_height(&self) -> usize {
        self.0.height()
    }

    fn get_luma8_point(&self, x: usize, y: usize) -> u8 {
        self.0.row(y).get(x).copied().unwrap_or(255)
    }

    /// Never asked for: inverted codes are read by flipping the black-and-white picture.
    fn invert(&mut self) {}
}

/// Black where a pixel is darker than its neighbourhood.
pub(super) fn binarize(luma: &Luma) -> Option<BitMatrix> {
    HybridBinarizer::new(Source(luma)).get_black_matrix().cloned().ok()
}
