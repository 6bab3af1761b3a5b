//! JPEG: walks the segments up to the first scan.

use super::bytes::{be16, need, u8_at};
use super::{Facts, Flaw};

const SOI: u8 = 0xd8;
const EOI: u8 = 0xd9;
const SOS: u8 = 0xda;
/// Markers without a length: TEM and the restarts.
const BARE: [u8; 9] = [0x01, 0xd0, 0xd1, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7];

struct Frame {
    width: u32,
    height: u32,
    components: u8,
    progressive: bool,
}

/// Size and decode cost from the frame header and the first scan header.
pub(super) fn facts(bytes: &[u8]) -> Result<Facts, Flaw> {
    let mut frame = None;
    for segment in Segments::new(bytes) {
        let (marker, body) = segment?;
        match marker {
            0xc0..=0xc2 => frame = Some(read_frame(bytes, body, marker == 0xc2)?),
            0xc3 => return Err(Flaw::Foreign("lossless coding")),
            0xc5..=0xc7 => return Err(Flaw::Foreign("hierarchical coding")),
            0xc9..=0xcb | 0xcd..=0xcf => return Err(Flaw::Foreign("arithmetic coding")),
            SOS => {
                let frame = frame.ok_or(Flaw::Broken("a scan before the frame"))?;
                let scan_components = need(u8_at(bytes, body))?;
                return Ok(cost(&frame, scan_components));
            }
            _ => {}
        }
    }
    Err(Flaw::Cut)
}

fn read_frame(bytes: &[u8], body: usize, progressive: bool) -> Result<Frame, Flaw> {
    let precision = need(u8_at(bytes, body))?;
    let height = u32::from(need(be16(bytes, body + 1))?);
    let width = u32::from(need(be16(bytes, body + 3))?);
    let components = need(u8_at(bytes, body + 5))?;
    if precision != 8 {
        return Err(Flaw::Foreign("more than 8 bits a sample"));
    }
    if !(1..=4).contains(&components) {
        return Err(Flaw::Broken("an impossible number of components"));
    }
    Ok(Frame { width, height, components, progressive })
}

/// Progressive pictures, and those whose components come scan by scan, are held whole as 16-bit coefficients, each
/// component padded to the size of the largest; others pass through row by row. Four components go through RGB.
fn cost(frame: &Frame, scan_components: u8) -> Facts {
    let components = u64::from(frame.components);
    let luma = 1;
    let rgb = if frame.components == 4 { 3 } else { 0 };
    // Twice the coefficients: subsampling pads them, and one vertical layout is allocated double.
    let coefficients =
        if frame.progressive || u64::from(scan_components) < components { 2 * 2 * components } else { 0 };
    Facts { width: frame.width, height: frame.height, bytes_per_pixel: luma + rgb + coefficients }
}

/// Whether the picture data has its end marker. Inside entropy-coded data a 0xff is always followed by 0x00 or a
/// restart, so an end marker behind the first scan is the real one, never a thumbnail's.
pub(in crate::decode) fn has_end(bytes: &[u8]) -> bool {
    let scan = Segments::new(bytes).find_map(|segment| match segment {
        Ok((SOS, body)) => Some(body),
        _ => None,
    });
    let data = scan.and_then(|body| bytes.get(body..)).unwrap_or(&[]);
    // From the back: a whole file has it among its last bytes.
    data.windows(2).rev().any(|pair| pair == [0xff, EOI])
}

/// The segments of a JPEG file up to and with the first scan header: marker and where its body starts.
pub(in crate::decode) struct Segments<'a> {
    bytes: &'a [u8],
    at: usize,
    ended: bool,
}

impl<'a> Segments<'a> {
    pub(in crate::decode) fn new(bytes: &'a [u8]) -> Self {
        Segments { bytes, at: 2, ended: false }
    }

    fn advance(&mut self) -> Result<Option<(u8, usize)>, Flaw> {
        loop {
            // Junk and fill bytes between segments are skipped, as the codec does.
            let rest = self.bytes.get(self.at..).ok_or(Flaw::Cut)?;
            self.at += need(rest.iter().position(|&byte| byte == 0xff))?;
            let rest = self.bytes.get(self.at..).ok_or(Flaw::Cut)?;
            let fill = need(rest.iter().position(|&byte| byte != 0xff))?;
            let marker = need(u8_at(self.bytes, self.at + fill))?;
            self.at += fill + 1;
            if marker == EOI {
                return Err(Flaw::Broken("it ends before a picture"));
            }
            if marker == 0 || marker == SOI || BARE.contains(&marker) {
                continue;
            }
            let length = usize::from(need(be16(self.bytes, self.at))?);
            if length < 2 {
                return Err(Flaw::Broken("a segment shorter than its own length"));
            }
            let body = self.at + 2;
            self.at += length;
            return Ok(Some((marker, body)));
        }
    }
}

impl Iterator for Segments<'_> {
    type Item = Result<(u8, usize), Flaw>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let item = self.advance().transpose();
        self.ended = matches!(item, None | Some(Err(_)) | Some(Ok((SOS, _))));
        item
    }
}
