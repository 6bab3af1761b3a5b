//! Shrinking: every output pixel is the mean of the area it covers, so that modules keep their grey and none is skipped.

use super::luma::Luma;

/// Every four pixels become one; an odd last row or column is left out, unless it is the only one.
pub(super) fn halve(luma: &Luma) -> Luma {
    let (width, height) = (luma.width() / 2, luma.height() / 2);
    if width == 0 || height == 0 {
        let sides = [luma.width(), luma.height()];
        return resample(luma, sides, 1, [width.max(1), height.max(1)]);
    }
    let mut small = Luma::blank(width, height);
    let pairs = luma.pixels().chunks_exact(luma.width() * 2);
    for (row, pair) in small.rows_mut().zip(pairs) {
        let (above, below) = pair.split_at(luma.width());
        let squares = above.as_chunks::<2>().0.iter().zip(below.as_chunks::<2>().0);
        for (pixel, (&above, &below)) in row.iter_mut().zip(squares) {
            // Both pixels of a row as one 16-bit number: this form vectorises.
            let (above, below) = (u16::from_le_bytes(above), u16::from_le_bytes(below));
            *pixel = (((above & 0xff) + (above >> 8) + (below & 0xff) + (below >> 8) + 2) >> 2) as u8;
        }
    }
    small
}

/// Where a photo of `full` pixels ends in its copy of `copy` pixels that was made `scale` times smaller, in 256ths of the
/// copy's pixels: a last pixel may stand for less than a whole one. Not before `wanted`, so that none is split.
fn reach(full: usize, scale: usize, copy: usize, wanted: usize) -> usize {
    (full * 256 / scale).clamp(wanted * 256, copy * 256)
}

/// A copy of a photo of `full` (width and height), made `scale` times smaller, brought to a size that is not larger on
/// either side.
pub(super) fn resample(luma: &Luma, full: [usize; 2], scale: usize, wanted: [usize; 2]) -> Luma {
    let [width, height] = [wanted[0].clamp(1, luma.width()), wanted[1].clamp(1, luma.height())];
    let columns = Columns::new(reach(full[0], scale, luma.width(), width), width);
    let mut small = Luma::blank(width, height);
    let mut column_sums = vec![0u32; luma.width()];
    let mut whole_rows = vec![0u16; luma.width()];
    let mut padded = vec![0f32; luma.width() + columns.taps];
    for (out, rows) in small.rows_mut().zip(spans(reach(full[1], scale, luma.height(), height), height)) {
        sum_rows(luma, &rows, &mut whole_rows, &mut column_sums);
        for (float, &sum) in padded.iter_mut().zip(&column_sums) {
            *float = sum as f32;
        }
        columns.apply(&padded, rows.weight() as f32 / 256.0, out);
    }
    small
}

/// The pixels one output pixel covers along one axis, in 256ths of a pixel: part of the first, the whole ones between,
/// part of the last.
struct Span {
    first: usize,
    first_weight: u32,
    last: usize,
    last_weight: u32,
}

impl Span {
    /// How much it covers, in 256ths of a pixel.
    fn weight(&self) -> u32 {
        let whole = self.last.saturating_sub(self.first + 1) as u32;
        self.first_weight + whole * 256 + self.last_weight
    }
}

/// Cuts `from` 256ths of a pixel into `to` spans of equal length of a pixel or more, so that none lies within a pixel.
fn spans(from: usize, to: usize) -> impl Iterator<Item = Span> {
    let cut = move |index: usize| index * from / to;
    (0..to).map(move |index| {
        let (start, end) = (cut(index), cut(index + 1));
        let (first, last) = (start / 256, end / 256);
        Span { first, first_weight: 256 - (start % 256) as u32, last, last_weight: (end % 256) as u32 }
    })
}

/// Rows that may be added in 16 bits before they must be moved on: 257 * 255 = 65,535.
const ROWS_IN_16_BITS: usize = 257;

/// Adds the rows of `span` into `sums`, in 256ths. The whole rows between first and last are added unweighted in 16
/// bits first: that is where the time of a large photo goes, and it vectorises.
fn sum_rows(luma: &Luma, span: &Span, whole: &mut [u16], sums: &mut [u32]) {
    for (sum, &pixel) in sums.iter_mut().zip(luma.row(span.first)) {
        *sum = u32::from(pixel) * span.first_weight;
    }
    let between: Vec<usize> = (span.first + 1..span.last).collect();
    for chunk in between.chunks(ROWS_IN_16_BITS) {
        whole.fill(0);
        for &y in chunk {
            for (sum, &pixel) in whole.iter_mut().zip(luma.row(y)) {
                *sum += u16::from(pixel);
            }
        }
        for (sum, &whole) in sums.iter_mut().zip(whole.iter()) {
            *sum += u32::from(whole) << 8;
        }
    }
    if span.last_weight > 0 {
        for (sum, &pixel) in sums.iter_mut().zip(luma.row(span.last)) {
            *sum += u32::from(pixel) * span.last_weight;
        }
    }
}

/// How the columns of a row of sums become output pixels: each is the sum of `taps` neighbours by their weights, which
/// add up to one 256th. All have as many taps as the widest needs, so that the loop over them has no branch.
struct Columns {
    taps: usize,
    first: Vec<usize>,
    weights: Vec<f32>,
}

impl Columns {
    /// `from` is in 256ths of a pixel.
    fn new(from: usize, to: usize) -> Columns {
        let spans: Vec<Span> = spans(from, to).collect();
        let taps = spans.iter().map(|span| span.last - span.first + 1).max().unwrap_or(1).max(3);
        let mut weights = Vec::with_capacity(taps * to);
        for span in &spans {
            let scale = 1.0 / (256.0 * span.weight() as f32);
            let whole = span.last.saturating_sub(span.first + 1);
            let end = if span.last > span.first { span.last_weight } else { 0 };
            weights.push(span.first_weight as f32 * scale);
            weights.extend(std::iter::repeat_n(256.0 * scale, whole));
            weights.push(end as f32 * scale);
            weights.resize(weights.len().next_multiple_of(taps), 0.0);
        }
        Columns { taps, first: spans.iter().map(|span| span.first).collect(), weights }
    }

    /// Makes one output row of `sums`, which is padded by `taps` at its end and holds `rows` pixels a column.
    fn apply(&self, sums: &[f32], rows: f32, out: &mut [u8]) {
        let grey = |sum: f32| (sum / rows + 0.5) as u8;
        if self.taps == 3 {
            let columns = self.first.iter().zip(self.weights.as_chunks::<3>().0);
            for (pixel, (&first, weights)) in out.iter_mut().zip(columns) {
                if let Some(sums) = sums.get(first..).and_then(<[f32]>::first_chunk::<3>) {
                    *pixel = grey(sums[0] * weights[0] + sums[1] * weights[1] + sums[2] * weights[2]);
                }
            }
        } else {
            let columns = self.first.iter().zip(self.weights.chunks_exact(self.taps));
            for (pixel, (&first, weights)) in out.iter_mut().zip(columns) {
                let sums = sums.get(first..first + self.taps).unwrap_or(&[]);
                *pixel = grey(sums.iter().zip(weights).map(|(sum, weight)| sum * weight).sum());
            }
        }
    }
}
