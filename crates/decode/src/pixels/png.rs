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

/// What transparent pixels are seen over.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Backdrop {
    White,
    Black,
}

/// Brightest less darkest pixel below which a picture shows nothing.
const FLAT: u8 = 8;

/// Decodes to brightness. What a file that ends early does not hold, or there was no time for, is grey. Transparent pixels
/// are seen over white, as paper is; a code that does not show there, being white itself, is seen over black.
pub(super) fn decode(bytes: &[u8], header: &Header, deadline: Deadline) -> Result<Source, Reject> {
    let (luma, has_alpha) = decode_over(Backdrop::White, bytes, header, deadline)?;
    let luma = match luma {
        Ok(luma) if has_alpha && is_flat(&luma) => {
            drop(luma);
            decode_over(Backdrop::Black, bytes, header, deadline)?.0
        }
        luma => luma,
    };
    match luma {
        Ok(luma) => Ok(Source::whole(luma, false)),
        Err((luma, rows, reject)) => as_far_as(luma, rows, reject),
    }
}

fn is_flat(luma: &Luma) -> bool {
    let pixels = luma.pixels();
    let (darkest, lightest) = (pixels.iter().min(), pixels.iter().max());
    darkest.zip(lightest).is_some_and(|(darkest, lightest)| lightest - darkest < FLAT)
}

/// A whole picture, or one that ends early: what there is of it, how many rows that is, and why it ends.
type Decoded = Result<Luma, (Luma, usize, Reject)>;

/// The picture over a backdrop, and whether it has transparent pixels at all.
fn decode_over(
    backdrop: Backdrop,
    bytes: &[u8],
    header: &Header,
    deadline: Deadline,
) -> Result<(Decoded, bool), Reject> {
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
    let kind = kind(&reader, backdrop);
    let has_alpha = match &kind {
        Kind::Samples(colour) => colour.has_alpha(),
        Kind::Numbers(..) => reader.info().trns.is_some(),
    };
    let look = Look { kind, backdrop };
    let rows = if reader.info().interlaced {
        read_passes(&mut reader, &look, &mut luma, deadline)
    } else {
        read_rows(&mut reader, &look, &mut luma, deadline)
    };
    Ok((
        match rows {
            Ok(()) => Ok(luma),
            Err((rows, error)) => Err((luma, rows, refuse(error))),
        },
        has_alpha,
    ))
}

fn kind<R: BufRead + Seek>(reader: &Reader<R>, backdrop: Backdrop) -> Kind {
    let info = reader.info();
    match reader.output_color_type() {
        (png::ColorType::Grayscale, BitDepth::Eight) => Kind::Samples(ColorType::L8),
        (png::ColorType::GrayscaleAlpha, _) => Kind::Samples(ColorType::La8),
        (png::ColorType::Rgb, _) => Kind::Samples(ColorType::Rgb8),
        (png::ColorType::Rgba, _) => Kind::Samples(ColorType::Rgba8),
        (png::ColorType::Indexed | png::ColorType::Grayscale, depth) => {
            let colours = info.palette.as_deref().unwrap_or(&[]).as_chunks::<3>().0;
            let alphas = info.trns.as_deref().unwrap_or(&[]).iter().copied().chain(std::iter::repeat(255));
            let over = |colour: u8| if backdrop == Backdrop::Black { 255 - colour } else { colour };
            let colours = colours
                .iter()
                .zip(alphas)
                .map(|(&[red, green, blue], alpha)| [over(red), over(green), over(blue), alpha]);
            Kind::Numbers(Palette::new(colours, 0), usize::from(depth as u8))
        }
    }
}

/// How rows become brightness, over what.
struct Look {
    kind: Kind,
    backdrop: Backdrop,
}

impl Look {
    /// Over black a picture is the negative of what its negative is over white.
    fn brighten(&self, row: &[u8], out: &mut [u8]) {
        let is_negative = self.backdrop == Backdrop::Black;
        match &self.kind {
            Kind::Samples(colour) if is_negative => {
                let mut row = row.to_vec();
                for pixel in row.chunks_exact_mut(usize::from(colour.channel_count())) {
                    if let Some((_alpha, colours)) = pixel.split_last_mut() {
                        colours.iter_mut().for_each(|sample| *sample = 255 - *sample);
                    }
                }
                brighten(*colour, &row, out);
            }
            Kind::Samples(colour) => {
                brighten(*colour, row, out);
            }
            Kind::Numbers(palette, bits) => palette.brighten(*bits, row, out),
        }
        if is_negative {
            out.iter_mut().for_each(|pixel| *pixel = 255 - *pixel);
        }
    }
}

/// On an error, how many rows there are.
type Rows = Result<(), (usize, DecodingError)>;

fn read_rows<R>(reader: &mut Reader<R>, look: &Look, luma: &mut Luma, deadline: Deadline) -> Rows
where
    R: BufRead + Seek,
{
    for (index, out) in luma.rows_mut().enumerate() {
        if deadline.is_over() {
            break;
        }
        if matches!(look.kind, Kind::Samples(ColorType::L8)) {
            reader.read_row(out).map_err(|error| (index, error))?;
        } else if let Some(row) = reader.next_row().map_err(|error| (index, error))? {
            look.brighten(row.data(), out);
        }
    }
    Ok(())
}

/// Adam7: seven passes, each over some of the pixels of some rows.
fn read_passes<R>(reader: &mut Reader<R>, look: &Look, luma: &mut Luma, deadline: Deadline) -> Rows
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
        look.brighten(row.data(), &mut some);
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
