//! Walks over the black-and-white picture in one direction.

use rxing::common::BitMatrix;

/// Pixels between two looks.
pub(super) const STRIDE: f32 = 0.5;

/// The pixels on a straight way, one every [`STRIDE`] pixels: dark or not. Beyond the picture all is light.
pub(super) fn walk(picture: &BitMatrix, from: [f32; 2], way: [f32; 2]) -> impl Iterator<Item = bool> + use<'_> {
    let (width, height) = (picture.width() as f32, picture.height() as f32);
    (1i32..).map(move |step| {
        let far = step as f32 * STRIDE;
        let (x, y) = (from[0] + way[0] * far, from[1] + way[1] * far);
        let inside = x >= 0.0 && y >= 0.0 && x < width && y < height;
        inside && picture.get(x as u32, y as u32)
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
