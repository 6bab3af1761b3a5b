//! JPEG: segments before the picture. A segment holds 64 KiB at most, so longer blocks go on in the next one of their
//! kind.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::{Metadata, PHOTOSHOP_MARK, exif_mark, exif_start, push};
use scanmill_jpeg::Segments;

const APP1: u8 = 0xe1;
const APP13: u8 = 0xed;
const EXTENDED_XMP_MARK: &[u8] = b"http://ns.adobe.com/xmp/extension/\0";
/// A digest in hexadecimal that tells which packet a piece belongs to.
const GUID: usize = 32;
/// Most bytes of extended XMP that are put together.
const MOST_EXTENDED: usize = 2 << 20;

pub(super) fn read<'a>(bytes: &'a [u8], found: &mut Metadata<'a>) {
    let mut photoshop: Vec<&[u8]> = Vec::new();
    let mut extended: BTreeMap<&[u8], BTreeMap<u32, &[u8]>> = BTreeMap::new();
    for (marker, body) in Segments::new(bytes).map_while(Result::ok) {
        let segment = segment(bytes, body);
        if marker == APP13 {
            photoshop.extend(segment.strip_prefix(PHOTOSHOP_MARK));
        } else if marker != APP1 {
            continue;
        } else if let Some(piece) = segment.strip_prefix(EXTENDED_XMP_MARK) {
            if let Some((guid, offset, data)) = extension(piece) {
                extended.entry(guid).or_default().insert(offset, data);
            }
        } else if let Some(rest) = exif_mark(segment).and_then(|at| segment.get(at..)).filter(|rest| goes_on(rest))
            && let Some(last) = found.exif.last_mut()
        {
            last.to_mut().extend_from_slice(rest);
        } else {
            found.add(Cow::Borrowed(segment));
        }
    }
    match photoshop.as_slice() {
        [] => {}
        [one] => found.add_resources(Cow::Borrowed(one)),
        // A resource may begin in one segment and end in the next.
        several => found.add_resources(Cow::Owned(several.concat())),
    }
    let main_packets = found.xmp.len();
    for (guid, pieces) in extended {
        if !is_named(guid, found.xmp.get(..main_packets).unwrap_or_default()) {
            continue;
        }
        let mut packet = Vec::new();
        for piece in pieces.into_values().take_while(|piece| piece.len() <= MOST_EXTENDED) {
            if packet.len() + piece.len() > MOST_EXTENDED {
                break;
            }
            packet.extend_from_slice(piece);
        }
        push(&mut found.xmp, Cow::Owned(packet));
    }
}

/// Whether a main packet names an extended one, or does not say that there is any: one that belongs to another packet is
/// left over from an editor's work (XMP part 3, 1.1.3.1).
fn is_named(guid: &[u8], packets: &[Cow<'_, [u8]>]) -> bool {
    let holds =
        |what: &[u8]| packets.iter().any(|packet| packet.windows(what.len()).any(|at| at.eq_ignore_ascii_case(what)));
    holds(guid) || !holds(b"HasExtendedXMP")
}

/// Whether the data behind an EXIF mark is not a structure of its own.
fn goes_on(data: &[u8]) -> bool {
    exif_start(data).is_none() && !data.starts_with(b"II") && !data.starts_with(b"MM")
}

/// The data of a segment, as far as the file goes.
fn segment(bytes: &[u8], body: usize) -> &[u8] {
    let length = body.checked_sub(2).and_then(|at| bytes.get(at..body)?.try_into().ok()).map_or(0, u16::from_be_bytes);
    let end = (body + usize::from(length).saturating_sub(2)).min(bytes.len());
    bytes.get(body..end).unwrap_or(&[])
}

/// A piece of extended XMP: whose it is, where it belongs, and what it is.
fn extension(piece: &[u8]) -> Option<(&[u8], u32, &[u8])> {
    let (guid, rest) = piece.split_at_checked(GUID)?;
    let (_whole_length, rest) = rest.split_first_chunk::<4>()?;
    let (offset, data) = rest.split_first_chunk::<4>()?;
    Some((guid, u32::from_be_bytes(*offset), data))
}
