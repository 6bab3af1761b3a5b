//! PNG: a chunk of its own for EXIF since 2017; before that, and in ImageMagick until today, text chunks.

use std::borrow::Cow;
use std::io::Read;

use flate2::read::ZlibDecoder;

use super::super::date;
use super::chunks::Png;
use super::{Metadata, exif_start, push};

pub(super) const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
/// Most bytes that one text is unpacked to.
const MOST_UNPACKED: u64 = 2 << 20;
/// Most texts that are unpacked.
const MOST_TEXTS: usize = 8;
/// Keywords for when the photo was taken, the best first: EXIF's fields as ImageMagick writes them, the specification's own,
/// and one that editors write in its place. ImageMagick's `date:create`, `date:modify` and `date:timestamp` are those of a
/// file.
const TIMES: [&[u8]; 4] = [b"exif:DateTimeOriginal", b"exif:DateTimeDigitized", b"Creation Time", b"create-date"];
/// The offsets of the first two.
const OFFSETS: [&[u8]; 2] = [b"exif:OffsetTimeOriginal", b"exif:OffsetTimeDigitized"];
/// Most bytes of such a text.
const MOST_OF_TIME: usize = 64;

/// All chunks are looked at: EXIF may be behind the picture data.
pub(super) fn read<'a>(bytes: &'a [u8], found: &mut Metadata<'a>) {
    let mut texts = 0;
    let mut times: [Option<String>; TIMES.len()] = Default::default();
    let mut offsets: [Option<String>; OFFSETS.len()] = Default::default();
    let mut profiles = Metadata::default();
    for (name, data) in Png::new(bytes) {
        if name == b"eXIf" || name == b"zxIf" {
            // A draft of the chunk had it packed: a zero, the length, a zlib stream.
            match data.strip_prefix(b"\0").and_then(|packed| packed.get(4..)) {
                Some(packed) if exif_start(data).is_none() => found.add(unpack(packed)),
                _ => found.add(Cow::Borrowed(data)),
            }
            continue;
        }
        let Some((keyword, text)) = Text::of(name, data) else { continue };
        let is_xmp = keyword == b"XML:com.adobe.xmp";
        let is_profile = keyword.get(..17).is_some_and(|start| start.eq_ignore_ascii_case(b"Raw profile type "));
        let place = |keywords: &[&[u8]]| keywords.iter().position(|known| keyword.eq_ignore_ascii_case(known));
        let time = match place(&TIMES) {
            Some(index) => times.get_mut(index),
            None => place(&OFFSETS).and_then(|index| offsets.get_mut(index)),
        };
        let time = time.filter(|time| time.is_none());
        if texts == MOST_TEXTS || !(is_xmp || is_profile || time.is_some()) {
            continue;
        }
        texts += 1;
        let text = text.unpack();
        if let Some(time) = time {
            let text = text.get(..MOST_OF_TIME).unwrap_or(&text);
            *time = Some(String::from_utf8_lossy(text).into_owned());
        } else if is_xmp {
            push(&mut found.xmp, text);
        } else if let Some(profile) = profile(&text) {
            profiles.add(Cow::Owned(profile));
        }
    }
    for (time, offset) in times.iter_mut().zip(offsets) {
        if let (Some(time), Some(offset)) = (time, offset) {
            time.push_str(offset.trim());
        }
    }
    let is_time = |time: &String| date::read(time).is_some();
    found.png_created = times.iter().flatten().find(|time| is_time(time)).or(times.iter().flatten().next()).cloned();
    // The chunk made for it counts before the text made up for it.
    found.exif.append(&mut profiles.exif);
    found.xmp.append(&mut profiles.xmp);
    found.iptc.append(&mut profiles.iptc);
}

/// The text of a text chunk.
struct Text<'a> {
    data: &'a [u8],
    packed: bool,
}

impl<'a> Text<'a> {
    /// Keyword and text of a chunk; `None` of one that holds none.
    fn of(name: &[u8; 4], data: &'a [u8]) -> Option<(&'a [u8], Text<'a>)> {
        if !matches!(name, b"tEXt" | b"zTXt" | b"iTXt") {
            return None;
        }
        let (keyword, rest) = split_at_zero(data)?;
        let text = match name {
            b"tEXt" => Text { data: rest, packed: false },
            b"zTXt" => Text { data: rest.get(1..)?, packed: true },
            _ => {
                let (flags, rest) = rest.split_first_chunk::<2>()?;
                let (_language, rest) = split_at_zero(rest)?;
                let (_translated_keyword, rest) = split_at_zero(rest)?;
                Text { data: rest, packed: flags.first() == Some(&1) }
            }
        };
        Some((keyword, text))
    }

    fn unpack(self) -> Cow<'a, [u8]> {
        if self.packed { unpack(self.data) } else { Cow::Borrowed(self.data) }
    }
}

/// What was unpacked until an error counts.
fn unpack(packed: &[u8]) -> Cow<'static, [u8]> {
    let mut unpacked = Vec::new();
    let mut unpacker = ZlibDecoder::new(packed).take(MOST_UNPACKED);
    match unpacker.read_to_end(&mut unpacked) {
        Ok(_) | Err(_) => Cow::Owned(unpacked),
    }
}

fn split_at_zero(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = data.iter().position(|byte| *byte == 0)?;
    Some((data.get(..at)?, data.get(at + 1..)?))
}

/// The bytes of a raw profile: its name, its length, and hexadecimal digits, parted by white space.
fn profile(text: &[u8]) -> Option<Vec<u8>> {
    let mut words = text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let _name = words.next()?;
    // A name may have a second word.
    words.by_ref().take(2).find(|word| word.iter().all(u8::is_ascii_digit))?;
    let digits: Vec<u8> =
        words.flatten().map_while(|byte| (*byte as char).to_digit(16)).map(|digit| digit as u8).collect();
    Some(digits.as_chunks::<2>().0.iter().map(|[high, low]| high << 4 | low).collect())
}
