//! JPEG through `zune-jpeg`, which gives the Y component without ever making RGB.

use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;

use super::super::guard::{JpegComponent as Component, JpegLayout, JpegSegments, jpeg_has_end, jpeg_layout};
use super::super::luma::of_rgb;
use super::{Header, Source, whole};
use scanmill_core::domain::{Reason, Reject};

/// Progressive files in the wild have 10 to 20 scans. Each costs a pass over the whole picture that no time budget can
/// interrupt.
const MAX_SCANS: usize = 64;

/// Decodes to brightness. What a file that ends early does not hold is grey.
pub(super) fn decode(bytes: &[u8], header: &Header) -> Result<Source, Reject> {
    let layout = jpeg_layout(bytes).map_err(|_| Reject::new(Reason::Unreadable, "the jpeg header changed"))?;
    let options = DecoderOptions::new_fast()
        .set_max_width(header.width as usize)
        .set_max_height(header.height as usize)
        .set_strict_mode(false)
        .jpeg_set_max_scans(MAX_SCANS)
        .jpeg_set_out_colorspace(ColorSpace::Luma);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(|error| refuse(bytes, &error))?;

    let plain_rgb = adobe_rgb(bytes, &layout);
    let has_y = plain_rgb.is_none() && matches!(decoder.input_colorspace(), Some(ColorSpace::YCbCr | ColorSpace::Luma));
    let pixels = if let Some(grey) = only_y_scan(bytes, &layout).filter(|_| has_y) {
        JpegDecoder::new_with_options(ZCursor::new(grey), options).decode()
    } else if let Some(patched) = plain_rgb {
        let raw = options.jpeg_set_out_colorspace(ColorSpace::YCbCr);
        JpegDecoder::new_with_options(ZCursor::new(patched), raw).decode().map(|rgb| from_rgb(&rgb))
    } else if has_y && !(layout.progressive && is_tall(&layout)) {
        decoder.decode()
    } else {
        // RGB, CMYK and YCCK have no Y: their brightness comes from RGB. And zune-jpeg 0.5 scrambles the Y of progressive
        // pictures whose chroma is halved in height only; as RGB they come out right.
        decoder.set_options(options.jpeg_set_out_colorspace(ColorSpace::RGB));
        decoder.decode().map(|rgb| from_rgb(&rgb))
    };
    whole(header, pixels.map_err(|error| refuse(bytes, &error))?, !jpeg_has_end(bytes))
}

fn from_rgb(rgb: &[u8]) -> Vec<u8> {
    rgb.as_chunks().0.iter().map(|&[red, green, blue]| of_rgb(red, green, blue)).collect()
}

/// Three components that Adobe's marker calls untransformed are RGB. zune-jpeg 0.5 takes them for CMYK and gives black;
/// told that they are YCbCr, and asked for YCbCr, it gives them as they are.
fn adobe_rgb(bytes: &[u8], layout: &JpegLayout) -> Option<Vec<u8>> {
    const APP14: u8 = 0xee;
    let segments = JpegSegments::new(bytes).map_while(Result::ok);
    let adobe = segments.filter(|(marker, _)| *marker == APP14).map(|(_, body)| body);
    let body = adobe.last().filter(|&body| bytes.get(body..body + 5) == Some(b"Adobe"))?;
    let transform = body + 11;
    if layout.components.len() != 3 || *bytes.get(transform)? != 0 {
        return None;
    }
    let mut patched = bytes.to_vec();
    *patched.get_mut(transform)? = 1;
    Some(patched)
}

/// Chroma subsampled in height but not in width.
fn is_tall(layout: &JpegLayout) -> bool {
    let most = |factor: fn(&Component) -> u8| layout.components.iter().map(factor).max();
    most(|component| component.across) < most(|component| component.down)
}

/// A baseline picture whose components come in scans of their own, as a grey one: the frame header says one component,
/// and all behind the first scan is left out. zune-jpeg 0.5 scrambles such pictures when they are subsampled, and
/// panics on some; and no chroma is read for nothing. `None` when the picture is of another kind.
fn only_y_scan(bytes: &[u8], layout: &JpegLayout) -> Option<Vec<u8>> {
    let &[y, ..] = layout.components.as_slice() else { return None };
    let is_largest = layout.components.iter().all(|other| other.across <= y.across && other.down <= y.down);
    let scan_id = *bytes.get(layout.scan_body + 1)?;
    let comes_alone = layout.scan_components == 1 && layout.components.len() == 3 && scan_id == y.id;
    if layout.progressive || !comes_alone || !is_largest {
        return None;
    }
    let frame = layout.frame_body;
    let quantization_table = *bytes.get(frame + 8)?;
    let mut grey = Vec::with_capacity(bytes.len());
    // Up to the length of the frame header, which becomes that of one component: id, no subsampling, table.
    grey.extend_from_slice(bytes.get(..frame - 2)?);
    grey.extend_from_slice(&11u16.to_be_bytes());
    grey.extend_from_slice(bytes.get(frame..frame + 5)?);
    grey.extend_from_slice(&[1, y.id, 0x11, quantization_table]);

    let after_frame = frame + 6 + layout.components.len() * 3;
    let data = bytes.get(layout.scan_body..)?;
    let is_marker = |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0x00 | 0xd0..=0xd7 | 0xff);
    let scan_end = data.windows(2).position(is_marker).unwrap_or(data.len());
    grey.extend_from_slice(bytes.get(after_frame..layout.scan_body + scan_end)?);
    grey.extend_from_slice(&[0xff, 0xd9]);
    Some(grey)
}

fn refuse(bytes: &[u8], error: &DecodeErrors) -> Reject {
    match error {
        DecodeErrors::Unsupported(_) => Reject::new(Reason::Unsupported, format!("jpeg: {error}")),
        _ if !jpeg_has_end(bytes) => {
            Reject::new(Reason::Truncated, format!("the jpeg file ends before its picture: {error}"))
        }
        _ => Reject::new(Reason::Unreadable, format!("jpeg: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jpeg_encoder::{ColorType, Encoder, SamplingFactor as S};
    use scanmill_core::domain::Format;

    /// Off by more than compression explains, in more pixels than edges explain.
    fn is_scrambled(decoded: &[u8], original: &[u8]) -> bool {
        let off = decoded.iter().zip(original).filter(|(is, was)| is.abs_diff(**was) > 40).count();
        off * 50 > original.len()
    }

    #[test]
    fn every_layout_gives_the_picture() {
        let samplings = [S::F_1_1, S::F_2_1, S::F_1_2, S::F_2_2, S::F_4_1, S::F_4_2, S::F_1_4, S::F_2_4];
        for (width, height) in [(331u16, 277u16), (64, 48), (17, 90), (8, 8), (40, 33)] {
            let (columns, rows) = (usize::from(width), usize::from(height));
            let grey = |at: usize| (((at % columns) * 3 + (at / columns) * 2) % 200 + 20) as u8;
            let original: Vec<u8> = (0..columns * rows).map(grey).collect();
            let rgb: Vec<u8> = original.iter().flat_map(|&grey| [grey; 3]).collect();
            for (sampling, progressive) in samplings.iter().flat_map(|&sampling| [(sampling, false), (sampling, true)])
            {
                // Optimised tables make this encoder write one scan for each component.
                for (restart, optimized) in [(0, false), (3, false), (0, true)] {
                    let mut bytes = Vec::new();
                    let mut encoder = Encoder::new(&mut bytes, 95);
                    encoder.set_sampling_factor(sampling);
                    encoder.set_progressive(progressive);
                    encoder.set_restart_interval(restart);
                    encoder.set_optimized_huffman_tables(optimized);
                    encoder.encode(&rgb, width, height, ColorType::Rgb).unwrap();
                    let (width, height) = (u32::from(width), u32::from(height));
                    let header = Header { format: Format::Jpeg, width, height, decode_bytes: 0 };
                    let name = format!("{width}x{height} {sampling:?} {progressive} {restart} {optimized}");
                    let mut decoded = decode(&bytes, &header).unwrap_or_else(|reject| panic!("{name}: {reject:?}"));
                    assert!(!is_scrambled(decoded.at_most(0).pixels(), &original), "{name}");
                    assert!(!decoded.is_cut(), "{name}");
                }
            }
        }
    }

    #[test]
    fn adobes_untransformed_rgb_is_no_cmyk() {
        let original: Vec<u8> = (0..64 * 48).map(|at| (at % 64 * 3) as u8).collect();
        let rgb: Vec<u8> = original.iter().flat_map(|&grey| [grey; 3]).collect();
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes, 95);
        encoder.set_sampling_factor(S::F_1_1);
        encoder.add_app_segment(14, b"Adobe\0d\0\0\0\0\0".to_vec()).unwrap();
        encoder.encode(&rgb, 64, 48, ColorType::Ycbcr).unwrap();
        let header = Header { format: Format::Jpeg, width: 64, height: 48, decode_bytes: 0 };
        let mut decoded = decode(&bytes, &header).unwrap_or_else(|reject| panic!("{reject:?}"));
        assert!(!is_scrambled(decoded.at_most(0).pixels(), &original));
    }
}
