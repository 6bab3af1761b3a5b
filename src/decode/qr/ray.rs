//! Walks over the black-and-white picture in one direction.

use rxing::common::BitMatrix;

/// Fraction bits of a place on the way.
const ONE: f32 = 65_536.0;

/// Pixels between two looks.
pub(super) const STRIDE: f32 = 0.5;

/// The pixels on a straight way, one every [`STRIDE`] pixels: dark or not. Beyond the picture all is light.
pub(super) fn walk(picture: &BitMatrix, from: [f32; 2], way: [f32; 2]) -> impl Iterator<Item = bool> + use<'_> {
    // In whole numbers: a picture is at most 16,384 pixels wide, so a place fits in 31 bits, and a way that leaves the
    // picture is cut there.
    let fixed = |value: f32| i64::from((value * ONE) as i32);
    let ([mut x, mut y], [dx, dy]) = (from.map(fixed), way.map(|along| fixed(along * STRIDE)));
    let (width, height) = (i64::from(picture.width()), i64::from(picture.height()));
    std::iter::from_fn(move || {
        (x, y) = (x + dx, y + dy);
        let (column, row) = (x >> 16, y >> 16);
        let inside = (0..width).contains(&column) && (0..height).contains(&row);
        Some(inside && picture.get(column as u32, row as u32))
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
