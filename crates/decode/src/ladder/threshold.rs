//! Another way from grey to black and white than [`super::bits`], for the native reader, which wants finder patterns only.

use rxing::common::{BitArray, BitMatrix};

use super::super::wide::wide;
use super::bits;
use scanmill_jpeg::Luma;

wide! {
    /// Dark where a pixel lies below the mean of the square of `window` pixels around it, by more than noise does.
    pub(super) fn local_mean(luma: &Luma, window: usize) -> Option<BitMatrix> {
        /// Grey levels.
        const NOISE: u32 = 2;
        let (width, height) = (luma.width(), luma.height());
        let reach = window / 2;
        // Sums of the columns over the rows of the window, moved down row by row.
        let mut columns = vec![0u32; width];
        for row in luma.rows().take(reach) {
            add(&mut columns, row);
        }
        let mut rows_in = reach.min(height);
        // The sums of all columns left of each place; beyond the edges there are none.
        let mut sums = vec![0u32; width + 2 * reach + 1];
        let widths: Vec<u32> = (0..width).map(|x| ((x + reach + 1).min(width) - x.saturating_sub(reach)) as u32).collect();
        let mut dark = vec![0u8; width];
        let mut matrix = BitMatrix::new(width as u32, height as u32).ok()?;
        let mut line = BitArray::with_size(width);
        for y in 0..height {
            if y + reach < height {
                add(&mut columns, luma.row(y + reach));
                rows_in += 1;
            }
            if let Some(gone) = y.checked_sub(reach + 1) {
                for (sum, &pixel) in columns.iter_mut().zip(luma.row(gone)) {
                    *sum -= u32::from(pixel);
                }
                rows_in -= 1;
            }
            let mut total = 0;
            for (next, &sum) in sums.iter_mut().skip(reach + 1).zip(&columns) {
                total += sum;
                *next = total;
            }
            for beyond in sums.iter_mut().skip(reach + 1 + width) {
                *beyond = total;
            }
            let rows = rows_in as u32;
            let ends = sums.iter().zip(sums.get(2 * reach + 1..).unwrap_or(&[]));
            for (((dark, &pixel), (&left, &right)), &across) in dark.iter_mut().zip(luma.row(y)).zip(ends).zip(&widths) {
                *dark = u8::from((u32::from(pixel) + NOISE) * (across * rows) < right - left);
            }
            bits::pack(&dark, &mut line);
            matrix.setRow(y as u32, &line);
        }
        Some(matrix)
    }
}

#[inline(always)]
fn add(columns: &mut [u32], row: &[u8]) {
    for (sum, &pixel) in columns.iter_mut().zip(row) {
        *sum += u32::from(pixel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_dark_squares_on_light_paper() {
        let dark = |x: usize, y: usize| (20..30).contains(&x) && (15..25).contains(&y);
        let pixels = (0..70 * 50).map(|at| if dark(at % 70, at / 70) { 60 } else { 200 }).collect();
        let luma = Luma::new(70, 50, pixels).unwrap();
        let picture = local_mean(&luma, 40).unwrap();
        for (x, y) in (0..50).flat_map(|y| (0..70).map(move |x| (x, y))) {
            assert_eq!(picture.get(x, y), dark(x as usize, y as usize), "{x} {y}");
        }
    }

    #[test]
    fn a_picture_of_one_grey_or_smaller_than_the_window_is_fine() {
        let luma = Luma::new(5, 3, vec![9; 15]).unwrap();
        assert!(!local_mean(&luma, 40).unwrap().get(2, 1));
    }
}
