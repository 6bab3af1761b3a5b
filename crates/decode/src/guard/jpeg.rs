//! JPEG: walks the segments up to the first scan.

use super::bytes::{be16, need, u8_at};
use super::{Facts, Flaw};

const SOI: u8 = 0xd8;
const EOI: u8 = 0xd9;
const SOS: u8 = 0xda;
/// Markers without a length: TEM and the restarts.
const BARE: [u8; 9] = [0x01, 0xd0, 0xd1, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7];

/// What stands before the first scan of a JPEG picture.
#[derive(Debug)]
pub(crate) struct Layout {
    width: u32,
    height: u32,
    /// Coefficients come in several passes.
    pub progressive: bool,
    /// Identifier and sampling factors of each component.
    pub components: Vec<Component>,
    /// Where the body of the frame header starts.
    pub frame_body: usize,
    /// Where the body of the first scan header starts.
    pub scan_body: usize,
    /// Adobe's marker stands there; it may say that the components are not YCbCr.
    adobe: bool,
    /// Components of the first scan.
    pub scan_components: usize,
}

/// A colour component of a frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Component {
    pub id: u8,
    pub across: u8,
    pub down: u8,
}

/// Reads the layout.
pub(crate) fn layout(bytes: &[u8]) -> Result<Layout, Flaw> {
    let mut frame = None;
    let mut adobe = false;
    for segment in Segments::new(bytes) {
        let (marker, body) = segment?;
        match marker {
            0xee => adobe = true,
            0xc0..=0xc2 => frame = Some(read_frame(bytes, body, marker == 0xc2)?),
            0xc3 => return Err(Flaw::Foreign("lossless coding")),
            0xc5..=0xc7 => return Err(Flaw::Foreign("hierarchical coding")),
            0xc9..=0xcb | 0xcd..=0xcf => return Err(Flaw::Foreign("arithmetic coding")),
            SOS => {
                let frame = frame.ok_or(Flaw::Broken("a scan before the frame"))?;
                let scan_components = usize::from(need(u8_at(bytes, body))?);
                return Ok(Layout { adobe, scan_body: body, scan_components, ..frame });
            }
            _ => {}
        }
    }
    Err(Flaw::Cut)
}

fn read_frame(bytes: &[u8], body: usize, progressive: bool) -> Result<Layout, Flaw> {
    let precision = need(u8_at(bytes, body))?;
    let height = u32::from(need(be16(bytes, body + 1))?);
    let width = u32::from(need(be16(bytes, body + 3))?);
    let count = usize::from(need(u8_at(bytes, body + 5))?);
    if precision != 8 {
        return Err(Flaw::Foreign("more than 8 bits a sample"));
    }
    if !(1..=4).contains(&count) {
        return Err(Flaw::Broken("an impossible number of components"));
    }
    let entries = need(bytes.get(body + 6..body + 6 + count * 3))?;
    let component = |entry: &[u8; 3]| Component { id: entry[0], across: entry[1] >> 4, down: entry[1] & 15 };
    let components = entries.as_chunks().0.iter().map(component).collect();
    Ok(Layout {
        width,
        height,
        progressive,
        components,
        frame_body: body,
        adobe: false,
        scan_body: 0,
        scan_components: 0,
    })
}

/// Size and decode cost. Our own reader keeps the Y component as tokens of at most 16 bits a coefficient, and progressive
/// pictures first as 16-bit coefficients; pictures that it leaves to the other codec may be held whole there.
/// What has no Y, or may have none, goes through RGB.
pub(super) fn facts(bytes: &[u8]) -> Result<Facts, Flaw> {
    let layout = layout(bytes)?;
    let components = layout.components.as_slice();
    let most =
        |factor: fn(&Component) -> u8| components.iter().map(factor).max().map_or(1, |most| u64::from(most.max(1)));
    let (across, down) = (most(|component| component.across), most(|component| component.down));
    let samples: u64 = components.iter().map(|component| u64::from(component.across) * u64::from(component.down)).sum();
    let ids: Vec<u8> = components.iter().map(|component| component.id).collect();

    let luma = 1;
    let through_rgb = components.len() == 4 || layout.adobe || ids == *b"RGB" || (layout.progressive && across < down);
    let rgb = if through_rgb { 3 } else { 0 };
    let is_held_whole = layout.progressive || layout.scan_components < components.len();
    let coefficients = if is_held_whole { (2 * samples).div_ceil(across * down) } else { 0 };
    let tokens = if layout.progressive { 4 } else { 2 };
    let bytes_per_pixel = luma + (rgb + coefficients).max(tokens);
    Ok(Facts { width: layout.width, height: layout.height, bytes_per_pixel, other_bytes: 0 })
}

/// Whether the picture data has its end marker. Inside entropy-coded data a 0xff is always followed by 0x00 or a
/// restart, so an end marker behind the first scan is the real one, never a thumbnail's.
pub(crate) fn has_end(bytes: &[u8]) -> bool {
    let scan = Segments::new(bytes).find_map(|segment| match segment {
        Ok((SOS, body)) => Some(body),
        _ => None,
    });
    let data = scan.and_then(|body| bytes.get(body..)).unwrap_or(&[]);
    // From the back: a whole file has it among its last bytes.
    data.windows(2).rev().any(|pair| pair == [0xff, EOI])
}

/// The segments of a JPEG file up to and with the first scan header: marker and where its body starts.
pub(crate) struct Segments<'a> {
    bytes: &'a [u8],
    at: usize,
    ended: bool,
}

impl<'a> Segments<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Segments::from(bytes, 2)
    }

    /// From a place behind the start: the end of a scan's data.
    pub(crate) fn from(bytes: &'a [u8], at: usize) -> Self {
        Segments { bytes, at, ended: false }
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
