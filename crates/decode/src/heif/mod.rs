//! The container of HEIC and AVIF photos, HEIF (ISO/IEC 23008-12): which item is the picture, its tiles, its EXIF, and where their
//! bytes are. Nothing of the pixels.
//!
//! Read by our own walk: what is kept is bounded by [`MOST_ITEMS`] whatever the file says, and nothing is looked up by
//! going through a list for each entry of another. The crates for it do both, at a cost that grows with the square of
//! the file.
#![cfg_attr(not(feature = "heic"), allow(dead_code, unused_imports, reason = "only the pixel decoder takes all of it"))]

mod boxes;
mod overlay;
mod picture;

use std::borrow::Cow;
use std::collections::BTreeMap;

use self::boxes::{Boxes, Fields, IsoBox};
use super::guard::HeaderError;
pub(super) use picture::{Codec, Config, Picture};

/// Most items a file may have: tiles, mostly. 200 megapixels in tiles of 512 pixels are 800.
const MOST_ITEMS: usize = 4_096;
/// Most items that derived ones may be made of: the tiles of the picture, and of its alpha or another picture as large.
const MOST_PARTS: usize = 2 * MOST_ITEMS;
/// Most pieces that the data of all items may lie in.
const MOST_PIECES: usize = 8_192;
/// Most bytes of a table that is walked entry by entry; a photo of 4,096 tiles needs a tenth of it.
const MOST_TABLE_BYTES: usize = 1 << 20;

/// One item.
#[derive(Default)]
struct Item<'a> {
    kind: [u8; 4],
    /// `application/rdf+xml` for XMP; empty for all but `mime` items.
    content_type: &'a [u8],
    /// Numbers of its properties, from 1.
    properties: Vec<u16>,
    pieces: Vec<Piece>,
    source: ItemStorage,
}

/// A stretch of an item's data; a length of zero is to the end.
struct Piece {
    start: u64,
    length: u64,
}

/// What an item's pieces lie in.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum ItemStorage {
    /// The file.
    #[default]
    File,
    /// The `idat` box.
    Idat,
    /// Other items, or another file.
    Elsewhere,
}

/// A HEIF file's tables.
pub(super) struct Heif<'a> {
    bytes: &'a [u8],
    idat: &'a [u8],
    primary: u32,
    items: BTreeMap<u32, Item<'a>>,
    properties: Vec<IsoBox<'a>>,
    /// What derived items are made of, in order.
    parts: BTreeMap<u32, Vec<u32>>,
    /// Items that describe the primary item.
    about: Vec<u32>,
    /// Items that are smaller copies of the primary item.
    thumbnails: Vec<u32>,
    /// Items that say more about the primary item's pixels: alpha, depth.
    auxiliary: Vec<u32>,
}

/// Brands of HEIF whose picture may be HEVC: the picture itself tells.
const BRANDS: [&[u8; 4]; 10] =
    [b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"];
/// Brands of AVIF.
const AV1_BRANDS: [&[u8; 4]; 2] = [b"avif", b"avis"];
/// Brands of HEIF that any codec may have.
const GENERAL: [&[u8; 4]; 2] = [b"mif1", b"msf1"];
/// Brands that name the picture's codec, which is another one.
const OTHER_CODECS: [&[u8; 4]; 3] = [b"avci", b"avcs", b"vvic"];
/// Most compatible brands that are looked at.
const MOST_BRANDS: usize = 64;

/// The codec of the primary picture of a file that may be HEIC or AVIF: as its tables say, or else its brands.
pub(super) fn codec(bytes: &[u8]) -> Option<Codec> {
    let by_brand = codec_by_brand(bytes)?;
    let picture = Heif::new(bytes).and_then(|file| file.picture());
    Some(picture.map_or(by_brand, |picture| picture.codec))
}

/// The major brand tells, or else any that the file says it is compatible with, as a general one (`isom`, `mp42`) says
/// nothing about pictures, and `mif1` nothing about their codec.
fn codec_by_brand(bytes: &[u8]) -> Option<Codec> {
    let (major, compatible) = brands(bytes)?;
    let of = |brand: &[u8; 4]| {
        if is(&AV1_BRANDS, brand) {
            return Some(Codec::Av1);
        }
        (is(&BRANDS, brand) && !is(&GENERAL, brand)).then_some(Codec::Hevc)
    };
    if is(&OTHER_CODECS, major) {
        return None;
    }
    let named = of(major).or_else(|| compatible.iter().find_map(of));
    let is_general = is(&GENERAL, major)
        || (compatible.iter().any(|brand| is(&GENERAL, brand))
            && !compatible.iter().any(|brand| is(&OTHER_CODECS, brand)));
    named.or(is_general.then_some(Codec::Hevc))
}

/// The JPEG file that a HEIF container has for its picture, with the tables that may be apart from it.
pub(super) fn jpeg(bytes: &[u8]) -> Option<Cow<'_, [u8]>> {
    brands(bytes)?;
    let file = Heif::new(bytes).ok()?;
    let id = file.shown().ok()?;
    let item = file.item(id).ok().filter(|item| item.kind == *b"jpeg")?;
    let (data, _) = file.data(id).ok()?;
    let data = match file.property(item, b"jpgC") {
        Some(tables) => Cow::Owned([tables, &data].concat()),
        None => data,
    };
    data.starts_with(&[0xff, 0xd8, 0xff]).then_some(data)
}

fn is(brands: &[&[u8; 4]], brand: &[u8; 4]) -> bool {
    brands.contains(&brand)
}

/// The major brand and the compatible ones.
fn brands(bytes: &[u8]) -> Option<(&[u8; 4], &[[u8; 4]])> {
    if bytes.get(4..8) != Some(b"ftyp") {
        return None;
    }
    let size = u32::from_be_bytes(*bytes.first_chunk()?) as usize;
    let [major, _version, compatible @ ..] = bytes.get(8..size.min(bytes.len()))?.as_chunks::<4>().0 else {
        return None;
    };
    Some((major, compatible.get(..MOST_BRANDS).unwrap_or(compatible)))
}

/// Whether a file consists of boxes: HEIF of any codec, JPEG XL, moving pictures.
pub(super) fn is_iso_media(bytes: &[u8]) -> bool {
    bytes.get(4..8) == Some(b"ftyp") || bytes.get(4..8) == Some(b"JXL ")
}

/// Metadata that is in boxes of its own, as in JPEG XL.
pub(super) fn bare_items<'a>(bytes: &'a [u8], mut found: impl FnMut(&'a [u8])) {
    for part in Boxes::new(bytes).map_while(Result::ok) {
        match &part.kind {
            b"Exif" => found(exif_data(part.body)),
            b"xml " => found(part.body),
            _ => {}
        }
    }
}

impl<'a> Heif<'a> {
    /// Reads the tables.
    pub(super) fn new(bytes: &'a [u8]) -> Result<Heif<'a>, HeaderError> {
        let mut moves = false;
        let mut meta = None;
        for part in Boxes::new(bytes) {
            let part = part?;
            match &part.kind {
                b"meta" if part.cut => return Err(HeaderError::Cut),
                b"meta" => meta = meta.or(Some(part.body)),
                b"moov" => moves = true,
                _ if part.cut && meta.is_none() => return Err(HeaderError::Cut),
                _ => {}
            }
        }
        let Some(meta) = meta else {
            return Err(if moves {
                HeaderError::Foreign("moving pictures only")
            } else {
                HeaderError::Broken("no meta box")
            });
        };
        // What ends too early within a box that is all there is broken, not cut.
        Heif::tables(bytes, meta).map_err(|flaw| match flaw {
            HeaderError::Cut => HeaderError::Broken("a table that ends too early"),
            flaw => flaw,
        })
    }

    fn tables(bytes: &'a [u8], meta: &'a [u8]) -> Result<Heif<'a>, HeaderError> {
        let mut fields = Fields(meta);
        fields.version()?;
        let mut tables: BTreeMap<[u8; 4], &'a [u8]> = BTreeMap::new();
        for part in Boxes::new(fields.0) {
            let part = part?;
            if part.cut {
                return Err(HeaderError::Broken("a box larger than the one around it"));
            }
            tables.entry(part.kind).or_insert(part.body);
        }
        let table = |kind: &[u8; 4]| tables.get(kind).copied();
        let mut primary = Fields(table(b"pitm").ok_or(HeaderError::Broken("no primary item"))?);
        let (version, _) = primary.version()?;
        let mut heif = Heif {
            bytes,
            idat: table(b"idat").unwrap_or(&[]),
            primary: primary.id(version > 0)?,
            items: BTreeMap::new(),
            properties: Vec::new(),
            parts: BTreeMap::new(),
            about: Vec::new(),
            thumbnails: Vec::new(),
            auxiliary: Vec::new(),
        };
        heif.read_kinds(table(b"iinf").ok_or(HeaderError::Broken("no items"))?)?;
        heif.read_places(table(b"iloc").ok_or(HeaderError::Broken("no item has a place"))?)?;
        if let Some(references) = table(b"iref") {
            heif.read_references(references)?;
        }
        if let Some(properties) = table(b"iprp") {
            heif.read_properties(properties)?;
        }
        Ok(heif)
    }

    /// `iinf`: each item's kind.
    fn read_kinds(&mut self, table: &'a [u8]) -> Result<(), HeaderError> {
        let mut fields = walked(table)?;
        let (version, _) = fields.version()?;
        fields.id(version > 0)?;
        for part in Boxes::new(fields.0) {
            let part = part?;
            let mut fields = Fields(part.body);
            let (version, _) = fields.version()?;
            if part.kind != *b"infe" || !(2..=3).contains(&version) {
                continue;
            }
            let id = fields.id(version == 3)?;
            fields.u16()?;
            let kind = fields.four()?;
            let mut texts = fields.0.split(|&byte| byte == 0);
            let content_type = if kind == *b"mime" { texts.nth(1).unwrap_or(&[]) } else { &[] };
            self.items.insert(id, Item { kind, content_type, ..Item::default() });
            if self.items.len() > MOST_ITEMS {
                return Err(HeaderError::Broken("more items than any photo has"));
            }
        }
        Ok(())
    }

    /// `iloc`: where each item's data is.
    fn read_places(&mut self, table: &'a [u8]) -> Result<(), HeaderError> {
        let mut fields = walked(table)?;
        let (version, _) = fields.version()?;
        let (sizes, more_sizes) = (fields.u8()?, fields.u8()?);
        let index_size = if version > 0 { more_sizes & 0xf } else { 0 };
        let count = fields.id(version > 1)?;
        let mut pieces_left = MOST_PIECES;
        for _ in 0..count {
            let id = fields.id(version > 1)?;
            let method = if version > 0 { fields.u16()? & 0xf } else { 0 };
            let other_file = fields.u16()? != 0;
            let base = fields.sized(more_sizes >> 4)?;
            let pieces = usize::from(fields.u16()?);
            pieces_left = pieces_left.checked_sub(pieces).ok_or(HeaderError::Broken("data in too many pieces"))?;
            let mut item = self.items.get_mut(&id);
            if let Some(item) = &mut item {
                item.source = match method {
                    0 if !other_file => ItemStorage::File,
                    1 if !other_file => ItemStorage::Idat,
                    _ => ItemStorage::Elsewhere,
                };
                item.pieces.clear();
            }
            for _ in 0..pieces {
                fields.sized(index_size)?;
                let start = base.saturating_add(fields.sized(sizes >> 4)?);
                let length = fields.sized(sizes & 0xf)?;
                if let Some(item) = &mut item {
                    item.pieces.push(Piece { start, length });
                }
            }
        }
        Ok(())
    }

    /// `iref`: what items are made of, and what is said about the primary item.
    fn read_references(&mut self, table: &'a [u8]) -> Result<(), HeaderError> {
        let mut fields = walked(table)?;
        let (version, _) = fields.version()?;
        let references = || Boxes::new(fields.0);
        let ends = |part: &IsoBox<'a>| -> Result<_, HeaderError> {
            let mut fields = Fields(part.body);
            let from = fields.id(version > 0)?;
            let count = usize::from(fields.u16()?);
            Ok((from, count, (0..count).map(move |_| fields.id(version > 0))))
        };
        let mut parts_left = MOST_PARTS;
        for part in references() {
            let part = part?;
            let (from, count, to) = ends(&part)?;
            if part.kind == *b"dimg" {
                let too_many = HeaderError::Broken("more tiles than any photo has");
                parts_left = parts_left.checked_sub(count).ok_or(too_many)?;
                self.parts.insert(from, to.collect::<Result<_, _>>()?);
            }
        }
        // What is said of the picture that the primary item only stands for is said of the primary item.
        let shown = self.shown().unwrap_or(self.primary);
        for part in references() {
            let part = part?;
            let (from, _, to) = ends(&part)?;
            let items = match &part.kind {
                b"cdsc" => &mut self.about,
                b"thmb" => &mut self.thumbnails,
                b"auxl" => &mut self.auxiliary,
                _ => continue,
            };
            if to.map_while(Result::ok).any(|id| id == self.primary || id == shown) {
                items.push(from);
            }
        }
        Ok(())
    }

    /// `iprp`: properties, and which item has which.
    fn read_properties(&mut self, table: &'a [u8]) -> Result<(), HeaderError> {
        for part in Boxes::new(table) {
            let part = part?;
            if part.kind == *b"ipco" {
                self.properties = Boxes::new(part.body).collect::<Result<_, _>>()?;
            }
            if part.kind != *b"ipma" {
                continue;
            }
            let mut fields = walked(part.body)?;
            let (version, flags) = fields.version()?;
            for _ in 0..fields.u32()? {
                let id = fields.id(version > 0)?;
                let mut item = self.items.get_mut(&id);
                if let Some(item) = &mut item {
                    item.properties.clear();
                }
                for _ in 0..fields.u8()? {
                    // The top bit says that it must be understood.
                    let index = if flags & 1 == 1 { fields.u16()? & 0x7fff } else { u16::from(fields.u8()? & 0x7f) };
                    if let Some(item) = &mut item {
                        item.properties.push(index);
                    }
                }
            }
        }
        Ok(())
    }

    fn item(&self, id: u32) -> Result<&Item<'a>, HeaderError> {
        self.items.get(&id).ok_or(HeaderError::Broken("an item that is not there"))
    }

    /// The first property of this kind.
    fn property(&self, item: &Item<'a>, kind: &[u8; 4]) -> Option<&'a [u8]> {
        let indexes = item.properties.iter().filter_map(|&index| usize::from(index).checked_sub(1));
        let mut properties = indexes.filter_map(|index| self.properties.get(index));
        properties.find(|part| part.kind == *kind).map(|part| part.body)
    }

    /// An item's data, and whether the file ends before it does. A copy when it lies in pieces, no larger than the file.
    pub(super) fn data(&self, id: u32) -> Result<(Cow<'a, [u8]>, bool), HeaderError> {
        let item = self.item(id)?;
        let source = match item.source {
            ItemStorage::File => self.bytes,
            ItemStorage::Idat => self.idat,
            ItemStorage::Elsewhere => return Err(HeaderError::Foreign("data that is made of other items")),
        };
        let mut cut = false;
        let mut stretch = |piece: &Piece| {
            let end = if piece.length == 0 { source.len() as u64 } else { piece.start.saturating_add(piece.length) };
            cut |= end > source.len() as u64 || piece.start > source.len() as u64;
            let within = |at: u64| at.min(source.len() as u64) as usize;
            source.get(within(piece.start)..within(end)).unwrap_or(&[])
        };
        let data = match item.pieces.as_slice() {
            [piece] => Cow::Borrowed(stretch(piece)),
            pieces => {
                let mut whole = Vec::new();
                for stretch in pieces.iter().map(&mut stretch) {
                    if whole.len() + stretch.len() > source.len() {
                        return Err(HeaderError::Broken("an item larger than the file"));
                    }
                    whole.extend_from_slice(stretch);
                }
                Cow::Owned(whole)
            }
        };
        Ok((data, cut))
    }

    /// Hands over the EXIF and the XMP of the file, those first that say they describe the primary item.
    pub(super) fn metadata(&self, mut found: impl FnMut(Cow<'a, [u8]>)) {
        let said = self.about.iter().filter_map(|id| self.items.get_key_value(id));
        let others = self.items.iter().filter(|(id, _)| !self.about.contains(id));
        for (id, item) in said.chain(others).take(MOST_ITEMS) {
            let is_exif = item.kind == *b"Exif";
            if !is_exif && (item.kind != *b"mime" || item.content_type != b"application/rdf+xml") {
                continue;
            }
            match self.data(*id) {
                Ok((Cow::Borrowed(data), _)) if is_exif => found(Cow::Borrowed(exif_data(data))),
                Ok((Cow::Owned(data), _)) if is_exif => found(Cow::Owned(exif_data(&data).to_vec())),
                Ok((data, _)) => found(data),
                Err(_) => {}
            }
        }
    }
}

/// An item's EXIF without what is before the TIFF structure: a number that says where it begins, and often JPEG's
/// mark. Some writers leave the number out or get it wrong, so the structure is looked for.
fn exif_data(item: &[u8]) -> &[u8] {
    const FARTHEST: usize = 64;
    let is_tiff = |bytes: &[u8]| bytes.starts_with(b"II*\0") || bytes.starts_with(b"MM\0*");
    let said = || {
        let start = Fields(item).u32().ok()? as usize;
        item.get(4..)?.get(start..).filter(|bytes| is_tiff(bytes))
    };
    let sought = || (0..FARTHEST).find_map(|at| item.get(at..).filter(|bytes| is_tiff(bytes)));
    said().or_else(sought).unwrap_or(&[])
}

/// The fields of a table whose entries are walked one by one.
fn walked(table: &[u8]) -> Result<Fields<'_>, HeaderError> {
    if table.len() > MOST_TABLE_BYTES {
        return Err(HeaderError::Broken("a table larger than any photo needs"));
    }
    Ok(Fields(table))
}
