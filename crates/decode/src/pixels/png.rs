//! PNG row by row through the `png` crate: what is held is one byte a pixel and two rows.

use std::io::{BufRead, Cursor, Seek};

use image::ColorType;
use png::{BitDepth, Decoder, DecodingError, InterlaceInfo, Limits, Reader, Transformations, expand_interlaced_row};

use super::super::clock::Deadline;
use super::refuse::{CodecError, as_far_as, refuse};
use super::samples::{Lens, Palette};
use super::{Header, MISSING, Source};
use scanmill_core::domain::{Reason, Rejection};
use scanmill_jpeg::Hints;
use scanmill_jpeg::{Aspect, Luma};

/// What the chunks of a PNG file beside its picture may take: EXIF with its thumbnail, a colour profile, which may
/// inflate without end. A limit of its own, as the codec holds them, and a copy of one, beside the picture; twice this is
/// what any photo may take.
const CHUNK_BYTES: usize = 3 << 20;

/// What a row holds.
enum RowKind {
    Samples(ColorType),
    Numbers(Palette, usize),
}

/// Decodes to an aspect. What a file that ends early does not hold, or there was no time for, is grey.
pub(super) fn decode(bytes: &[u8], header: &Header, aspect: Aspect, deadline: Deadline) -> Result<Source, Rejection> {
    let refuse = |error| refuse_png(bytes, header, &error);
    let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), Limits { bytes: CHUNK_BYTES });
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    // A wrong byte may be a wrong pixel, which a code's own error correction corrects.
    decoder.ignore_checksums(true);
    let is_indexed = decoder.read_header_info().map_err(refuse)?.color_type == png::ColorType::Indexed;
    if !is_indexed {
        decoder.set_transformations(Transformations::EXPAND | Transformations::STRIP_16);
    }
    let mut reader = decoder.read_info().map_err(refuse)?;
    if reader.info().size() != (header.width, header.height) {
        return Err(Rejection::new(Reason::Unreadable, "the png header changed"));
    }
    if is_indexed && reader.info().palette.is_none() {
        return Err(Rejection::new(Reason::Unreadable, "png: numbers without a palette"));
    }

    let mut luma = Luma::blank(header.width as usize, header.height as usize);
    luma.pixels_mut().fill(MISSING);
    let has_alpha = reader.info().trns.is_some()
        || matches!(reader.info().color_type, png::ColorType::Rgba | png::ColorType::GrayscaleAlpha);
    let mut look = RowReader { kind: kind(&reader, aspect), lens: Lens::new(aspect) };
    let rows = if reader.info().interlaced {
        read_passes(&mut reader, &mut look, &mut luma, deadline)
    } else {
        read_rows(&mut reader, &mut look, &mut luma, deadline)
    };
    let hints = if reader.info().interlaced { Hints::unknown(has_alpha) } else { look.lens.hints() };
    match rows {
        Ok(()) => Ok(Source::whole(luma, false).hinting(hints)),
        Err((rows, error)) => as_far_as(luma, rows, refuse(error)).map(|source| source.hinting(hints)),
    }
}

fn kind<R: BufRead + Seek>(reader: &Reader<R>, aspect: Aspect) -> RowKind {
    let info = reader.info();
    match reader.output_color_type() {
        (png::ColorType::Grayscale, BitDepth::Eight) => RowKind::Samples(ColorType::L8),
        (png::ColorType::GrayscaleAlpha, _) => RowKind::Samples(ColorType::La8),
        (png::ColorType::Rgb, _) => RowKind::Samples(ColorType::Rgb8),
        (png::ColorType::Rgba, _) => RowKind::Samples(ColorType::Rgba8),
        (png::ColorType::Indexed | png::ColorType::Grayscale, depth) => {
            let colours = info.palette.as_deref().unwrap_or(&[]).as_chunks::<3>().0;
            let alphas = info.trns.as_deref().unwrap_or(&[]).iter().copied().chain(std::iter::repeat(255));
            let colours = colours.iter().zip(alphas).map(|(&[red, green, blue], alpha)| [red, green, blue, alpha]);
            RowKind::Numbers(Palette::new(aspect, colours, [0, 0, 0, 255]), usize::from(depth as u8))
        }
    }
}

/// How rows are looked at.
struct RowReader {
    kind: RowKind,
    lens: Lens,
}

impl RowReader {
    fn row(&mut self, y: usize, row: &[u8], out: &mut [u8]) {
        match &self.kind {
            RowKind::Samples(colour) => {
                self.lens.samples(*colour, y, row, out);
            }
            RowKind::Numbers(palette, bits) => self.lens.numbers(palette, *bits, y, row, out),
        }
    }

    /// Whether rows are what is wanted as they stand.
    fn is_plain(&self) -> bool {
        matches!(self.kind, RowKind::Samples(ColorType::L8)) && self.lens.aspect() == Aspect::Brightness
    }
}

/// On an error, how many rows there are.
type RowsRead = Result<(), (usize, DecodingError)>;

fn read_rows<R>(reader: &mut Reader<R>, look: &mut RowReader, luma: &mut Luma, deadline: Deadline) -> RowsRead
where
    R: BufRead + Seek,
{
    for (index, out) in luma.rows_mut().enumerate() {
        if deadline.is_over() {
            break;
        }
        if look.is_plain() {
            reader.read_row(out).map_err(|error| (index, error))?;
        } else if let Some(row) = reader.next_row().map_err(|error| (index, error))? {
            look.row(index, row.data(), out);
        }
    }
    Ok(())
}

/// A row that no survey looks at: those of a pass lie too far apart.
const NOT_SURVEYED: usize = 1;

/// Adam7: seven passes, each over some of the pixels of some rows.
fn read_passes<R>(reader: &mut Reader<R>, look: &mut RowReader, luma: &mut Luma, deadline: Deadline) -> RowsRead
where
    R: BufRead + Seek,
{
    let width = luma.width();
    let mut some = vec![0; width];
    let mut rows = 0;
    while let Some(row) = reader.next_interlaced_row().map_err(|error| (rows, error))? {
        if deadline.is_over() {
            break;
        }
        rows += 1;
        look.row(NOT_SURVEYED, row.data(), &mut some);
        if let InterlaceInfo::Adam7(place) = row.interlace() {
            expand_interlaced_row(luma.pixels_mut(), width, &some, place, 8);
        }
    }
    Ok(())
}

fn refuse_png(bytes: &[u8], header: &Header, error: &DecodingError) -> Rejection {
    let fault = match error {
        DecodingError::IoError(error) => CodecError::Read(error),
        DecodingError::LimitsExceeded => CodecError::Limit,
        DecodingError::Format(_) | DecodingError::Parameter(_) => CodecError::Broken,
    };
    refuse(bytes, header, fault, error)
}
