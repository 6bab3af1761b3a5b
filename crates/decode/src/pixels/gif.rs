//! GIF: the palette's numbers of the first frame that shows something, straight into the picture, where they become brightness.

use std::io::Cursor;

use gif::{ColorOutput, DecodeOptions, Decoder, DecodingError};

use super::super::clock::Deadline;
use super::refuse::{CodecError, as_far_as, refuse};
use super::samples::{Lens, Palette};
use super::{Header, MISSING, Source};
use scanmill_core::domain::{Reason, Rejection};
use scanmill_jpeg::{Aspect, Luma};

/// What the first frame leaves open of the screen, and numbers without a colour, are transparent: white.
const OPEN: [u8; 4] = [255, 255, 255, 0];

/// Decodes the first frame that shows something. What a file that ends early does not hold, or there was no
/// time for, is grey.
pub(super) fn decode(bytes: &[u8], header: &Header, aspect: Aspect, deadline: Deadline) -> Result<Source, Rejection> {
    let refuse = |error| refuse_gif(bytes, header, &error);
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::Indexed);
    let mut decoder = options.read_info(Cursor::new(bytes)).map_err(refuse)?;
    let mut luma = Luma::blank(header.width as usize, header.height as usize);
    luma.pixels_mut().fill(aspect.of(OPEN));
    let mut lens = Lens::new(aspect);
    let mut has_frame = false;
    loop {
        let frame = match decoder.next_frame_info() {
            Ok(Some(frame)) => frame,
            Ok(None) if !has_frame => return Err(Rejection::new(Reason::Unreadable, "gif: it ends before a picture")),
            Ok(None) => break,
            Err(error) if !has_frame => return Err(refuse(error)),
            Err(_) => break,
        };
        if frame.width == 0 || frame.height == 0 {
            continue;
        }
        // The guard made room for the first frame; one that reaches further ends the search.
        let reach = [[frame.left, frame.width], [frame.top, frame.height]]
            .map(|[from, size]| u32::from(from) + u32::from(size));
        if has_frame && (reach[0] > header.width || reach[1] > header.height) {
            break;
        }
        has_frame = true;
        if let Err((rows, error)) = read_frame(&mut decoder, &mut luma, &mut lens, deadline) {
            return as_far_as(luma, rows, refuse(error));
        }
        // Animations may fade in from an empty frame.
        let first = luma.pixels().first().copied();
        if deadline.is_over() || luma.pixels().iter().any(|&pixel| Some(pixel) != first) {
            break;
        }
    }
    Ok(Source::whole(luma, false).hinting(lens.hints()))
}

/// On an error, how many rows there are.
fn read_frame(
    decoder: &mut Decoder<Cursor<&[u8]>>,
    luma: &mut Luma,
    lens: &mut Lens,
    deadline: Deadline,
) -> Result<(), (usize, DecodingError)> {
    let colours = decoder.palette().map_err(|error| (0, error))?.as_chunks::<3>().0;
    let frame = decoder.current_frame_info().ok_or((0, DecodingError::UnexpectedEof))?;
    let transparent = frame.transparent.map(usize::from);
    let alpha = |number| if Some(number) == transparent { 0 } else { 255 };
    let colours = colours.iter().enumerate().map(|(number, &[r, g, b])| [r, g, b, alpha(number)]);
    let palette = Palette::new(lens.aspect(), colours, OPEN);
    let [left, top, width, height] = [frame.left, frame.top, frame.width, frame.height].map(usize::from);
    let passes: &[(usize, usize)] = if frame.interlaced { &[(0, 8), (4, 8), (2, 4), (1, 2)] } else { &[(0, 1)] };

    let mut rows: Vec<&mut [u8]> = luma.rows_mut().skip(top).take(height).collect();
    let mut pixels = rows.iter_mut().filter_map(|row| row.get_mut(left..left + width));
    pixels.by_ref().for_each(|row| row.fill(MISSING));
    let mut read = 0;
    for y in passes.iter().flat_map(|&(from, step)| (from..height).step_by(step)) {
        let Some(row) = rows.get_mut(y).and_then(|row| row.get_mut(left..left + width)) else { continue };
        if deadline.is_over() {
            break;
        }
        let filled = decoder.fill_buffer(row);
        if !matches!(filled, Ok(true)) {
            row.fill(MISSING);
            return Err((read, filled.err().unwrap_or(DecodingError::UnexpectedEof)));
        }
        lens.numbers_in_place(&palette, y, row);
        read += 1;
    }
    Ok(())
}

fn refuse_gif(bytes: &[u8], header: &Header, error: &DecodingError) -> Rejection {
    let fault = match error {
        DecodingError::Io(error) => CodecError::Read(error),
        DecodingError::OutOfMemory | DecodingError::MemoryLimit => CodecError::Limit,
        _ => CodecError::Broken,
    };
    refuse(bytes, header, fault, error)
}
