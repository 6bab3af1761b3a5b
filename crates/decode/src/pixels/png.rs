//! PNG row by row through the `png` crate: what is held is the brightness and two rows.

use std::io::{BufRead, Cursor, Seek};

use image::ColorType;
use png::{BitDepth, Decoder, DecodingError, InterlaceInfo, Limits, Reader, Transformations, expand_interlaced_row};

use super::super::clock::Deadline;
use super::super::luma::Luma;
use super::refuse::{Fault, as_far_as, refuse};
use super::samples::{Palette, brighten};
use super::{Header, MISSING, Source};
use scanmill_core::domain::{Reason, Reject};

/// What the chunks of a PNG file beside its picture may take: EXIF with its thumbnail, a colour profile, which may
/// inflate without end. A limit of its own, as the codec holds them, and a copy of one, beside the picture; twice this is
/// what any photo may take.
const CHUNK_BYTES: usize = 3 << 20;

/// How brightness comes of a row.
enum Kind {
    Samples(ColorType),
    Numbers(Palette, usize),
}

/// Decodes to brightness. What a file that ends early does not hold, or there was no time for, is grey.
pub(super) fn decode(bytes: &[u8], header: &Header, deadline: Deadline) -> Result<Source, Reject> {
    let refuse = |error| refuse_png(bytes, header, &error);
    let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), Limits { bytes: CHUNK_BYTES });
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    // A wrong byte may be a wrong pixel, which a code's own error correction mends.
    decoder.ignore_checksums(true);
    let is_indexed = decoder.read_header_info().map_err(refuse)?.color_type == png::ColorType::Indexed;
    if !is_indexed {
        decoder.set_transformations(Transformations::EXPAND | Transformations::STRIP_16);
    }
    let mut reader = decoder.read_info().map_err(refuse)?;
    if reader.info().size() != (header.width, header.height) {
        return Err(Reject::new(Reason::Unreadable, "the png header changed"));
    }
    if is_indexed && reader.info().palette.is_none() {
        return Err(Reject::new(Reason::Unreadable, "png: numbers without a palette"));
    }

    let mut luma = Luma::blank(header.width as usize, header.height as usize);
    luma.pixels_mut().fill(MISSING);
    let kind = kind(&reader);
    let rows = if reader.info().interlaced {
        read_passes(&mut reader, &kind, &mut luma, deadline)
    } else {
        read_rows(&mut reader, &kind, &mut luma, deadline)
    };
    match rows {
        Ok(()) => Ok(Source::whole(luma, false)),
        Err((rows, error)) => as_far_as(luma, rows, refuse(error)),
    }
}

fn kind<R: BufRead + Seek>(reader: &Reader<R>) -> Kind {
    let info = reader.info();
    match reader.output_color_type() {
        (png::ColorType::Grayscale, BitDepth::Eight) => Kind::Samples(ColorType::L8),
        (png::ColorType::GrayscaleAlpha, _) => Kind::Samples(ColorType::La8),
        (png::ColorType::Rgb, _) => Kind::Samples(ColorType::Rgb8),
        (png::ColorType::Rgba, _) => Kind::Samples(ColorType::Rgba8),
        (png::ColorType::Indexed | png::ColorType::Grayscale, depth) => {
            let colours = info.palette.as_deref().unwrap_or(&[]).as_chunks::<3>().0;
            let alphas = info.trns.as_deref().unwrap_or(&[]).iter().copied().chain(std::iter::repeat(255));
            let colours = colours.iter().zip(alphas).map(|(&[red, green, blue], alpha)| [red, green, blue, alpha]);
            Kind::Numbers(Palette::new(colours, 0), usize::from(depth as u8))
        }
    }
}

impl Kind {
    fn brighten(&self, row: &[u8], out: &mut [u8]) {
        match self {
            Kind::Samples(colour) => {
                brighten(*colour, row, out);
            }
            Kind::Numbers(palette, bits) => palette.brighten(*bits, row, out),
        }
    }
}

/// On an error, how many rows there are.
type Rows = Result<(), (usize, DecodingError)>;

fn read_rows<R>(reader: &mut Reader<R>, kind: &Kind, luma: &mut Luma, deadline: Deadline) -> Rows
where
    R: BufRead + Seek,
{
    for (index, out) in luma.rows_mut().enumerate() {
        if deadline.is_over() {
            break;
        }
        if matches!(kind, Kind::Samples(ColorType::L8)) {
            reader.read_row(out).map_err(|error| (index, error))?;
        } else if let Some(row) = reader.next_row().map_err(|error| (index, error))? {
            kind.brighten(row.data(), out);
        }
    }
    Ok(())
}

/// Adam7: seven passes, each over some of the pixels of some rows.
fn read_passes<R>(reader: &mut Reader<R>, kind: &Kind, luma: &mut Luma, deadline: Deadline) -> Rows
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
        kind.brighten(row.data(), &mut some);
        if let InterlaceInfo::Adam7(place) = row.interlace() {
            expand_interlaced_row(luma.pixels_mut(), width, &some, place, 8);
        }
    }
    Ok(())
}

fn refuse_png(bytes: &[u8], header: &Header, error: &DecodingError) -> Reject {
    let fault = match error {
        DecodingError::IoError(error) => Fault::Read(error),
        DecodingError::LimitsExceeded => Fault::Limit,
        DecodingError::Format(_) | DecodingError::Parameter(_) => Fault::Broken,
    };
    refuse(bytes, header, fault, error)
}
