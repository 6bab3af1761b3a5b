//! JPEG: what its segments up to the first scan say.

use scanmill_jpeg::{SegmentError, Segments, lines};

use super::bytes::{be16, need, u8_at};
use super::{HeaderError, HeaderInfo};

const SOS: u8 = 0xda;

impl From<SegmentError> for HeaderError {
    fn from(error: SegmentError) -> HeaderError {
        match error {
            SegmentError::Cut => HeaderError::Cut,
            SegmentError::Broken(what) => HeaderError::Broken(what),
        }
    }
}

/// A frame header.
struct Frame {
    width: u32,
    height: u32,
    /// Coefficients come in several passes.
    progressive: bool,
    components: Vec<FrameComponent>,
}

/// A colour component of a frame: identifier and sampling factors.
#[derive(Clone, Copy)]
struct FrameComponent {
    id: u8,
    across: u8,
    down: u8,
}

fn read_frame(bytes: &[u8], body: usize, progressive: bool) -> Result<Frame, HeaderError> {
    let precision = need(u8_at(bytes, body))?;
    let height = u32::from(need(be16(bytes, body + 1))?);
    let width = u32::from(need(be16(bytes, body + 3))?);
    let count = usize::from(need(u8_at(bytes, body + 5))?);
    if precision != 8 {
        return Err(HeaderError::Foreign("more than 8 bits a sample"));
    }
    if !(1..=4).contains(&count) {
        return Err(HeaderError::Broken("an impossible number of components"));
    }
    let entries = need(bytes.get(body + 6..body + 6 + count * 3))?;
    let component = |entry: &[u8; 3]| FrameComponent { id: entry[0], across: entry[1] >> 4, down: entry[1] & 15 };
    Ok(Frame { width, height, progressive, components: entries.as_chunks().0.iter().map(component).collect() })
}

/// Size and decode cost. Our reader keeps the Y component as tokens of at most 16 bits a coefficient, and progressive
/// pictures first as 16-bit coefficients. What has no Y with every pixel is made of planes, one after the other.
pub(super) fn facts(bytes: &[u8]) -> Result<HeaderInfo, HeaderError> {
    let mut frame = None;
    let mut colours = Colours::default();
    for segment in Segments::new(bytes) {
        let (marker, body) = segment?;
        match marker {
            0xe0 if segment_body(bytes, body).starts_with(b"JFIF\0") => colours.is_jfif = true,
            0xee => {
                let marker = segment_body(bytes, body);
                if marker.starts_with(b"Adobe") {
                    colours.adobe_transform = marker.get(11).copied();
                }
            }
            0xc0..=0xc2 => {
                let mut header = read_frame(bytes, body, marker == 0xc2)?;
                if header.height == 0 {
                    header.height = lines(bytes)?;
                }
                frame = Some(header);
            }
            0xc3 => return Err(HeaderError::Foreign("lossless coding")),
            0xc5..=0xc7 => return Err(HeaderError::Foreign("hierarchical coding")),
            0xc9..=0xcb | 0xcd..=0xcf => return Err(HeaderError::Foreign("arithmetic coding")),
            0xf7 => return Err(HeaderError::Foreign("JPEG-LS")),
            SOS => {
                return Ok(frame
                    .ok_or(HeaderError::Broken("a scan before the frame"))?
                    .facts(colours, bytes.len() as u64));
            }
            _ => {}
        }
    }
    Err(HeaderError::Cut)
}

impl Frame {
    fn facts(&self, colours: Colours, file: u64) -> HeaderInfo {
        let components = self.components.as_slice();
        let is_largest = |y: &FrameComponent| components.iter().all(|it| it.across <= y.across && it.down <= y.down);
        let ids: Vec<u8> = components.iter().map(|component| component.id).collect();
        let has_y = colours.has_brightness(&ids) && components.first().is_some_and(is_largest);
        // The picture, or a plane for each component and one in its own size.
        let planes = if has_y { 1 } else { components.len() as u64 + 1 };
        let tokens = if self.progressive { 4 } else { 2 };

        let pixels = (u64::from(self.width) + 16) * (u64::from(self.height) + 16);
        let (firsts, ends) = (pixels / 64 * 2, pixels / 64 * 2);
        // Where the tokens of every sixteenth block begin, and what each row of blocks has beside.
        let marks = pixels / 128;
        let kept = (2 * pixels).min(ends + self.detail(file) * TOKEN_BYTES / 100) + firsts + marks;
        let read =
            if self.progressive { 2 * pixels + kept.max(file) } else { file + kept + u64::from(self.width) * 32 };
        // Of four components with brightness among them two are read.
        let planes_read = if colours.is_ycck(&ids) { 2 } else { planes - 1 };
        HeaderInfo {
            width: self.width,
            height: self.height,
            bytes_per_pixel: planes + tokens,
            other_bytes: 0,
            // The coefficients of a progressive picture are gone before its last plane is made of what is kept.
            open_bytes: TABLES + read + if has_y { 0 } else { pixels * (planes_read - u64::from(self.progressive)) },
            kept_bytes: if has_y { kept } else { pixels },
            small_bytes: None,
        }
    }

    /// Bytes of a file that are not taken up by what every block has, be it of one grey: its first coefficient and its end.
    fn detail(&self, file: u64) -> u64 {
        let most = |factor: fn(&FrameComponent) -> u8| self.components.iter().map(factor).max().unwrap_or(1).max(1);
        let unit = u64::from(most(|it| it.across)) * u64::from(most(|it| it.down));
        let blocks: u64 = self.components.iter().map(|it| u64::from(it.across) * u64::from(it.down)).sum();
        let all = u64::from(self.width) * u64::from(self.height) / 64 * blocks / unit;
        file.saturating_sub(all * 5 / 8)
    }
}

/// Huffman tables in their fast form.
const TABLES: u64 = 96 << 10;
/// Bytes of tokens that a hundred bytes of a file's detail make, of photos as cameras and phones write them. The reader asks
/// for more where there are more.
const TOKEN_BYTES: u64 = 330;

/// What the markers say of the components.
#[derive(Clone, Copy, Default)]
struct Colours {
    is_jfif: bool,
    adobe_transform: Option<u8>,
}

impl Colours {
    /// Whether these are brightness, two of chroma, and black.
    fn is_ycck(self, ids: &[u8]) -> bool {
        ids.len() == 4 && self.adobe_transform.is_some_and(|transform| transform != 0)
    }

    /// Whether the first of these components is brightness, by the rules of libjpeg.
    fn has_brightness(self, ids: &[u8]) -> bool {
        match (ids, self.adobe_transform) {
            ([_], _) => true,
            ([_, _, _], _) if self.is_jfif => true,
            ([_, _, _], Some(transform)) => transform != 0,
            ([_, _, _], None) => ids != b"RGB",
            _ => false,
        }
    }
}

/// A segment's body as far as it goes.
fn segment_body(bytes: &[u8], body: usize) -> &[u8] {
    let length = be16(bytes, body.saturating_sub(2)).map_or(0, usize::from);
    bytes.get(body..(body + length).saturating_sub(2)).unwrap_or(&[])
}
