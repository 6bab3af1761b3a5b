//! The segments of a JPEG file: where each begins, whatever is in it.

const SOI: u8 = 0xd8;
const EOI: u8 = 0xd9;
const SOS: u8 = 0xda;
/// Markers without a length: TEM and the restarts.
const BARE: [u8; 9] = [0x01, 0xd0, 0xd1, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7];

/// Why there is no further segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SegmentError {
    /// The file ends before a scan.
    Cut,
    /// The file contradicts the format; the text says how.
    Broken(&'static str),
}

/// The segments of a JPEG file up to and with the first scan header: marker and where its body starts.
pub struct Segments<'a> {
    bytes: &'a [u8],
    at: usize,
    ended: bool,
}

impl<'a> Segments<'a> {
    /// Those of a file, behind its first marker.
    pub fn new(bytes: &'a [u8]) -> Self {
        Segments::from(bytes, 2)
    }

    /// From a place behind the start: the end of a scan's data.
    pub fn from(bytes: &'a [u8], at: usize) -> Self {
        Segments { bytes, at, ended: false }
    }

    fn advance(&mut self) -> Result<Option<(u8, usize)>, SegmentError> {
        loop {
            // Junk and fill bytes between segments are skipped, as the codec does.
            let rest = self.bytes.get(self.at..).ok_or(SegmentError::Cut)?;
            self.at += rest.iter().position(|&byte| byte == 0xff).ok_or(SegmentError::Cut)?;
            let rest = self.bytes.get(self.at..).ok_or(SegmentError::Cut)?;
            let fill = rest.iter().position(|&byte| byte != 0xff).ok_or(SegmentError::Cut)?;
            let marker = *rest.get(fill).ok_or(SegmentError::Cut)?;
            self.at += fill + 1;
            if marker == EOI {
                return Err(SegmentError::Broken("it ends before a picture"));
            }
            if marker == 0 || marker == SOI || BARE.contains(&marker) {
                continue;
            }
            let length = usize::from(be16(self.bytes, self.at).ok_or(SegmentError::Cut)?);
            let body = self.at + 2;
            // A segment shorter than its own length is passed over, as libjpeg does: the next marker is looked for.
            self.at += length.max(2);
            return Ok(Some((marker, body)));
        }
    }
}

impl Iterator for Segments<'_> {
    type Item = Result<(u8, usize), SegmentError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let item = self.advance().transpose();
        self.ended = matches!(item, None | Some(Err(_)) | Some(Ok((SOS, _))));
        item
    }
}

/// Whether the picture data has its end marker. Inside entropy-coded data a 0xff is always followed by 0x00 or a
/// restart, so an end marker behind the first scan is the real one, never a thumbnail's.
pub fn has_end(bytes: &[u8]) -> bool {
    let scan = Segments::new(bytes).find_map(|segment| match segment {
        Ok((SOS, body)) => Some(body),
        _ => None,
    });
    let data = scan.and_then(|body| bytes.get(body..)).unwrap_or(&[]);
    // From the back: a whole file has it among its last bytes.
    data.windows(2).rev().any(|pair| pair == [0xff, EOI])
}

/// The height that a frame header leaves open with zero: DNL, the marker behind the first scan, tells it (ITU-T T.81 B.2.5).
/// Zero where another marker is there.
pub fn lines(bytes: &[u8]) -> Result<u32, SegmentError> {
    const DNL: [u8; 4] = [0xff, 0xdc, 0, 4];
    let scan = Segments::new(bytes).find_map(|segment| match segment {
        Ok((SOS, body)) => Some(Ok(body)),
        Ok(_) => None,
        Err(flaw) => Some(Err(flaw)),
    });
    // A scan's header cannot be told from its data here; it holds no 0xff.
    let data = bytes.get(scan.ok_or(SegmentError::Cut)??..).ok_or(SegmentError::Cut)?;
    let is_marker = |pair: &[u8]| matches!(pair, [0xff, second] if !matches!(second, 0x00 | 0xd0..=0xd7 | 0xff));
    let marker = data.windows(2).position(is_marker).and_then(|at| data.get(at..)).ok_or(SegmentError::Cut)?;
    if !marker.starts_with(&DNL) {
        return if DNL.starts_with(marker) { Err(SegmentError::Cut) } else { Ok(0) };
    }
    be16(marker, 4).map(u32::from).ok_or(SegmentError::Cut)
}

fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|&two| u16::from_be_bytes(two))
}
