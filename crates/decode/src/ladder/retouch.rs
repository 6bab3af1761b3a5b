//! Pictures made easier to read: larger, or calmer.

use super::super::qr;
use super::super::scale;
use super::super::wide::wide;
use scanmill_jpeg::Luma;

/// Long side of a picture small enough to be enlarged.
pub(super) const SMALL: usize = 400;

/// How many times as large small pictures are looked at: a code of less than three pixels a module is lost to thresholds.
pub(super) const LARGER: usize = 3;

wide! {
    /// [`LARGER`] times as large, with values between the pixels.
    pub(super) fn enlarge(luma: &Luma) -> Option<Luma> {
        let (width, height) = (luma.width(), luma.height());
        let mut pixels = vec![0u8; width * LARGER * height * LARGER];
        // Three times a row of the result before it is made wider, with its ends once more.
        let mut mixed = vec![0u16; width + 2];
        for (y, out) in pixels.chunks_exact_mut(width * LARGER).enumerate() {
            // An output pixel lies a third of a pixel before the middle of its input pixel, on it, or a third behind it.
            let at = y / LARGER;
            let other = (at + y % LARGER).saturating_sub(1).min(height - 1);
            let middle = mixed.get_mut(1..=width)?;
            for ((mix, &near), &far) in middle.iter_mut().zip(luma.row(at)).zip(luma.row(other)) {
                *mix = 2 * u16::from(near) + u16::from(far);
            }
            let [first, last] = [*middle.first()?, *middle.last()?];
            *mixed.first_mut()? = first;
            *mixed.last_mut()? = last;
            let (out, _) = out.as_chunks_mut::<LARGER>();
            for (out, window) in out.iter_mut().zip(mixed.windows(3)) {
                let &[left, at, right] = window else { continue };
                *out = [2 * at + left, 3 * at, 2 * at + right].map(|nine_times| ((nine_times + 4) / 9) as u8);
            }
        }
        Luma::new(width * LARGER, height * LARGER, pixels)
    }
}

/// Greys on a scale on which a shadow takes as much from dark pixels as from light ones.
pub(super) fn draw_out_shadows(luma: &Luma) -> Option<Luma> {
    let scale: [u8; 256] = std::array::from_fn(|grey| (qr::drawn_out(grey as f32) + 0.5) as u8);
    let pixels = luma.pixels().iter().map(|&pixel| scale.get(usize::from(pixel)).copied().unwrap_or(pixel));
    Luma::new(luma.width(), luma.height(), pixels.collect())
}

wide! {
    /// Every pixel the mean of the square of `2 * reach + 1` pixels around it, or of what of that lies in the picture.
    pub(super) fn blur(luma: &Luma, reach: usize) -> Option<Luma> {
        let (width, height) = (luma.width(), luma.height());
        let span = |at: usize, count: usize| at.saturating_sub(reach)..(at + reach + 1).min(count);
        let across: Vec<f32> = (0..width).map(|x| 1.0 / span(x, width).len() as f32).collect();
        let mut pixels = vec![0u8; width * height];
        // Sums of the columns over the rows of the window, with places beyond the ends that count nothing.
        let mut columns = vec![0u16; width + 2 * reach];
        let mut sums = vec![0u16; width];
        for (y, out) in pixels.chunks_exact_mut(width).enumerate() {
            let window = span(y, height);
            let down = 1.0 / window.len() as f32;
            let middle = columns.get_mut(reach..reach + width)?;
            middle.fill(0);
            for row in window.map(|y| luma.row(y)) {
                for (sum, &pixel) in middle.iter_mut().zip(row) {
                    *sum += u16::from(pixel);
                }
            }
            sums.fill(0);
            for shifted in columns.windows(width) {
                for (sum, &column) in sums.iter_mut().zip(shifted) {
                    *sum += column;
                }
            }
            // Half a grey level of one pixel more, so that a mean that is whole stays so.
            for ((pixel, &sum), across) in out.iter_mut().zip(&sums).zip(&across) {
                *pixel = scale::grey((f32::from(sum) + 0.5) * across * down);
            }
        }
        Luma::new(width, height, pixels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn larger_pictures_keep_corners_and_middles() {
        let luma = Luma::new(2, 2, vec![0, 90, 90, 180]).unwrap();
        let large = enlarge(&luma).unwrap();
        assert_eq!((large.width(), large.height()), (6, 6));
        assert_eq!((large.row(0)[0], large.row(5)[5], large.row(0)[5]), (0, 180, 90));
        assert!(large.rows().all(<[u8]>::is_sorted));
    }

    #[test]
    fn larger_pictures_are_interpolated_and_rounded() {
        let [width, height] = [7, 5];
        let luma = Luma::new(width, height, (0..35).map(|at| (at * 7_919 % 256) as u8).collect()).unwrap();
        // The input pixel before an output pixel, the one behind it, and how far it lies from the one to the other.
        let between = |at: usize, count: usize| {
            let place = ((at as f32 + 0.5) / LARGER as f32 - 0.5).clamp(0.0, (count - 1) as f32);
            (place as usize, (place as usize + 1).min(count - 1), place.fract())
        };
        let large = enlarge(&luma).unwrap();
        for (x, y) in (0..height * LARGER).flat_map(|y| (0..width * LARGER).map(move |x| (x, y))) {
            let ((left, right, across), (top, bottom, down)) = (between(x, width), between(y, height));
            let row = |y: usize| {
                let [a, b] = [left, right].map(|x| f32::from(luma.row(y)[x]));
                a + (b - a) * across
            };
            let grey = (row(top) + (row(bottom) - row(top)) * down + 0.5) as u8;
            assert_eq!(large.row(y)[x], grey, "{x} {y}");
        }
    }

    #[test]
    fn in_a_shadow_dark_and_light_are_as_far_apart_as_in_the_light() {
        let luma = Luma::new(4, 1, vec![0, 255, 30, 90]).unwrap();
        let shaded = Luma::new(2, 1, vec![10, 30]).unwrap();
        let (light, shaded) = (draw_out_shadows(&luma).unwrap(), draw_out_shadows(&shaded).unwrap());
        assert_eq!((light.row(0)[0], light.row(0)[1]), (0, 255));
        let (there, here) = (light.row(0)[3] - light.row(0)[2], shaded.row(0)[1] - shaded.row(0)[0]);
        assert!(there.abs_diff(here) < 12, "{there} {here}");
    }

    #[test]
    fn a_blurred_picture_spreads_a_dot_and_keeps_flat_paper() {
        let flat = Luma::new(9, 7, vec![77; 63]).unwrap();
        assert_eq!(blur(&flat, 2).unwrap(), flat);
        let mut pixels = vec![0; 63];
        pixels[3 * 9 + 4] = 90;
        let blurred = blur(&Luma::new(9, 7, pixels).unwrap(), 1).unwrap();
        assert_eq!((blurred.row(3)[4], blurred.row(2)[3], blurred.row(3)[6]), (10, 10, 0));
    }
}
