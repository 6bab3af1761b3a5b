//! Walks over the black-and-white picture in one direction.

use rxing::common::BitMatrix;

/// Fraction bits of a place on the way.
const ONE: f32 = 65_536.0;

/// The pixels on a straight way, one every `stride` pixels: dark or not. Beyond the picture all is light.
pub(super) fn walk(
    picture: &BitMatrix,
    from: [f32; 2],
    way: [f32; 2],
    stride: f32,
) -> impl Iterator<Item = bool> + use<'_> {
    // In whole numbers: a picture is at most 16,384 pixels wide, so a place fits in 31 bits, and a way that leaves the
    // picture is cut there.
    let fixed = |value: f32| i64::from((value * ONE) as i32);
    let ([mut x, mut y], [dx, dy]) = (from.map(fixed), way.map(|along| fixed(along * stride)));
    let (width, height) = (i64::from(picture.width()), i64::from(picture.height()));
    std::iter::from_fn(move || {
        (x, y) = (x + dx, y + dy);
        let (column, row) = (x >> 16, y >> 16);
        let inside = (0..width).contains(&column) && (0..height).contains(&row);
        Some(inside && picture.get(column as u32, row as u32))
    })
}

/// Pixels between two looks at a pattern with modules so large: finer where they are small.
pub(super) fn stride(module: f32) -> f32 {
    if module < 3.0 { 0.5 } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_meets_what_is_dark_and_finds_nothing_beyond_the_edge() {
        let mut picture = BitMatrix::new(8, 6).unwrap();
        picture.set(4, 2);
        picture.set(6, 4);
        let seen = |way, stride, count| walk(&picture, [2.5, 0.5], way, stride).take(count).collect::<Vec<_>>();
        assert_eq!(seen([1.0, 1.0], 1.0, 7), [false, true, false, true, false, false, false]);
        assert_eq!(seen([1.0, 1.0], 0.5, 5), [false, false, false, true, true]);
        assert_eq!(seen([-1.0, -1.0], 1.0, 3), [false; 3]);
    }
}
