//! Walks over the black-and-white picture in one direction.

use rxing::common::BitMatrix;

/// Pixels between two looks.
pub(super) const STRIDE: f32 = 0.5;
/// Parts of a pixel that a place is known to.
const PARTS: f64 = (1u64 << 32) as f64;

/// The pixels on a straight way, one every [`STRIDE`] pixels: dark or not. Beyond the picture all is light.
pub(super) fn walk(picture: &BitMatrix, from: [f32; 2], way: [f32; 2]) -> impl Iterator<Item = bool> + use<'_> {
    let (width, height) = (picture.width(), picture.height());
    // In parts of a pixel, as whole numbers: a step is an addition, a pixel the upper half.
    let parts = |pixels: f32| (f64::from(pixels) * PARTS) as i64;
    let ([mut x, mut y], [across, down]) = (from.map(parts), way.map(|along| parts(along * STRIDE)));
    std::iter::repeat_with(move || {
        x = x.saturating_add(across);
        y = y.saturating_add(down);
        // What lies left of the picture or above it becomes a large number.
        let (column, row) = ((x >> 32) as u64, (y >> 32) as u64);
        column < u64::from(width) && row < u64::from(height) && picture.get(column as u32, row as u32)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_meets_what_is_dark_and_finds_nothing_beyond_the_edge() {
        let mut picture = BitMatrix::new(8, 6).unwrap();
        picture.set(4, 2);
        picture.set(6, 4);
        let seen = |way, count| walk(&picture, [2.5, 0.5], way).take(count).collect::<Vec<_>>();
        assert_eq!(seen([2.0, 2.0], 7), [false, true, false, true, false, false, false]);
        assert_eq!(seen([1.0, 1.0], 5), [false, false, true, true, false]);
        assert_eq!(seen([-2.0, -2.0], 3), [false; 3]);
    }
}
