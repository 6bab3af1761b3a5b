//! The primary picture: one HEVC or AV1 picture, a grid of them, or some laid over one another; and what is beside it.

use super::super::guard::HeaderError;
use super::super::upright::Turn;
use super::boxes::Fields;
use super::overlay::Layer;
use super::{Heif, Item};

/// Tiles are as large as a codec likes, which may be more than a small picture needs.
pub(super) const TILE_STEP: u32 = 1_024;
/// What AV1's decoder takes beside its pictures, a thread's stack included.
const AV1_BYTES: u64 = 8 << 20;
/// Most parameter sets in an item's configuration. Three are usual.
const MOST_SETS: usize = 64;
/// Most pixels of a thumbnail that is read before its picture. Phones write 320 by 240.
const MOST_THUMBNAIL_PIXELS: u64 = 1 << 19;

/// Most steps that a picture is turned by; two properties take five at most.
const MOST_TURNS: usize = 16;
/// Most `iden` items on the way to a picture.
const MOST_STEPS: usize = 8;
/// What `auxC` calls alpha, in HEIF and in earlier HEIC files.
const ALPHA: [&[u8]; 2] = [b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha", b"urn:mpeg:hevc:2015:auxid:1"];

/// What pictures are coded by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Codec {
    Hevc,
    Av1,
}

impl Codec {
    fn of(kind: [u8; 4]) -> Option<Codec> {
        match &kind {
            b"hvc1" => Some(Codec::Hevc),
            b"av01" => Some(Codec::Av1),
            _ => None,
        }
    }
}

/// Brightness of what a file does not hold.
const MISSING: u8 = 128;

/// The picture to decode, before any rotation or mirror: where EXIF's orientation is not applied either.
pub(crate) struct Picture {
    pub codec: Codec,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Tiles in a row; of no meaning in an overlay.
    pub columns: u32,
    /// Width and height of a tile, or the largest of the layers' widths and heights.
    pub tile: [u32; 2],
    /// The tiles' items, row by row; the picture itself when it has none.
    pub items: Vec<u32>,
    /// HEVC's `chroma_format_idc`: 0 grey, 1 4:2:0, 2 4:2:2, 3 4:4:4; of AV1 the same.
    pub chroma: u8,
    /// Where each item lies, if it is not a tile of a grid.
    pub layers: Vec<Layer>,
    /// Brightness where nothing is drawn.
    pub fill: u8,
}

impl Picture {
    /// Where the top left pixel of an item lies.
    pub(crate) fn corner(&self, index: usize) -> [usize; 2] {
        if let Some(layer) = self.layers.get(index) {
            return layer.corner.map(|start| start as usize);
        }
        let at = [index as u32 % self.columns, index as u32 / self.columns];
        [0, 1].map(|axis| (at[axis] * self.tile[axis]) as usize)
    }

    /// Width and height that an item has at least.
    pub(crate) fn promised(&self, index: usize) -> [u32; 2] {
        self.layers.get(index).map_or(self.tile, |layer| layer.size)
    }

    /// Largest width and height at which a tile may be coded: whole coding blocks.
    pub(crate) fn coded(&self) -> [u64; 2] {
        self.tile.map(|side| u64::from(side).next_multiple_of(64) + 64)
    }

    /// The memory that decoding one tile takes: 16-bit planes, and tables of two bytes a pixel at most. AV1's decoder also
    /// has some of its own whatever the size, and one component is taken out of its picture.
    pub(crate) fn tile_bytes(&self) -> u64 {
        let chroma = [0, 1, 2, 4][usize::from(self.chroma & 3)];
        let [width, height] = self.coded();
        let bytes = width.saturating_mul(height).saturating_mul(2 + chroma + 2);
        match self.codec {
            Codec::Hevc => bytes,
            Codec::Av1 => bytes.saturating_add(width.saturating_mul(height)).saturating_add(AV1_BYTES),
        }
    }
}

/// How an item's HEVC data is to be read: its `hvcC` property.
pub(crate) struct Config<'a> {
    /// HEVC's `chroma_format_idc`.
    chroma: u8,
    /// Bytes of the length in front of each unit of the data.
    pub length_size: u8,
    /// Parameter sets.
    pub sets: Vec<&'a [u8]>,
}

impl<'a> Heif<'a> {
    /// The primary picture.
    pub(crate) fn picture(&self) -> Result<Picture, HeaderError> {
        let shown = self.shown()?;
        let mut picture = self.picture_of(shown)?;
        if shown != self.primary {
            let [width, height] = self.clean(self.item(self.primary)?, [picture.width, picture.height]);
            (picture.width, picture.height) = (width, height);
        }
        Ok(picture)
    }

    /// The primary item, or the one that it shows in another way: `iden` has properties of its own, turned or cropped, and
    /// the pixels of another item.
    pub(super) fn shown(&self) -> Result<u32, HeaderError> {
        let mut id = self.primary;
        for _ in 0..MOST_STEPS {
            if self.item(id)?.kind != *b"iden" {
                return Ok(id);
            }
            let Some(&[of]) = self.parts.get(&id).map(Vec::as_slice) else { break };
            id = of;
        }
        Err(foreign(b"iden"))
    }

    /// How the primary picture is turned to be seen: `irot`, quarters to the left, and `imir`, in the order in which the item
    /// has them.
    pub(crate) fn turns(&self) -> Vec<Turn> {
        let item = self.item(self.primary).ok();
        let indexes = item.into_iter().flat_map(|item| &item.properties);
        let properties = indexes.filter_map(|&index| self.properties.get(usize::from(index).checked_sub(1)?));
        let steps = properties.flat_map(|part| {
            let number = part.body.first().copied().unwrap_or(0);
            match (&part.kind, number & 3) {
                (b"irot", quarters) => vec![Turn::Right; usize::from((4 - quarters) % 4)],
                // Top and bottom change places.
                (b"imir", 0 | 2) => vec![Turn::Right, Turn::Right, Turn::Mirror],
                (b"imir", _) => vec![Turn::Mirror],
                _ => Vec::new(),
            }
        });
        steps.take(MOST_TURNS).collect()
    }

    /// The alpha of the primary picture: a grey picture of its own, no larger, coded alike.
    pub(crate) fn alpha(&self, primary: &Picture) -> Option<Picture> {
        let is_alpha = |id: &&u32| {
            let property = self.item(**id).ok().and_then(|item| self.property(item, b"auxC"));
            let name = property.and_then(|bytes| bytes.get(4..)?.split(|&byte| byte == 0).next());
            name.is_some_and(|name| ALPHA.contains(&name))
        };
        let alpha = self.picture_of(*self.auxiliary.iter().find(is_alpha)?).ok()?;
        let fits = alpha.width <= primary.width && alpha.height <= primary.height;
        (alpha.codec == primary.codec && fits).then_some(alpha)
    }

    fn picture_of(&self, id: u32) -> Result<Picture, HeaderError> {
        let whole = self.item(id)?;
        let (mut layers, mut fill) = (Vec::new(), MISSING);
        let (width, height, columns, tile, items) = match &whole.kind {
            b"hvc1" | b"av01" => {
                let [width, height] = self.size(whole)?;
                (width, height, 1, [width, height], vec![id])
            }
            b"grid" => {
                let (columns, rows, [width, height]) = self.grid(id)?;
                let tiles = self.parts.get(&id).cloned().unwrap_or_default();
                let first = tiles.first().filter(|_| tiles.len() == (columns * rows) as usize);
                let first = first.ok_or(HeaderError::Broken("a grid with another number of tiles than it says"))?;
                let tile = self.size(self.item(*first)?)?;
                check_grid([width, height], [columns, rows], tile)?;
                (width, height, columns, tile, tiles)
            }
            b"iovl" => {
                let overlay = self.overlay(id)?;
                (layers, fill) = (overlay.layers, overlay.fill);
                let most = |axis: usize| layers.iter().map(|layer| layer.size[axis]).max().unwrap_or(0);
                let [width, height] = overlay.size;
                (width, height, 1, [most(0), most(1)], overlay.items)
            }
            kind => return Err(foreign(kind)),
        };
        let first = self.item(*items.first().ok_or(HeaderError::Broken("no tiles"))?)?;
        let codec = Codec::of(first.kind).ok_or(foreign(&first.kind))?;
        for &id in &items {
            let item = self.item(id)?;
            if item.kind != first.kind {
                return Err(foreign(&item.kind));
            }
        }
        let chroma = match codec {
            Codec::Hevc => self.config(items[0])?.chroma,
            Codec::Av1 => self.av1_chroma(first)?,
        };
        let [width, height] = self.clean(whole, [width, height]);
        Ok(Picture { codec, width, height, columns, tile, items, chroma, layers, fill })
    }

    /// `clap`: the part of a picture that is meant to be seen. Encoders need even sides, so an odd picture has a row or a
    /// column too many, and says so here. A part that begins elsewhere than at the left upper corner is a crop by hand,
    /// which hides nothing: then the whole is read.
    fn clean(&self, item: &Item<'a>, size: [u32; 2]) -> [u32; 2] {
        self.property(item, b"clap").and_then(|bytes| clean_size(bytes, size)).unwrap_or(size)
    }

    /// The smaller copy of the primary picture that the file brings, if it is one to be read first: one HEVC picture of the
    /// same shape, of a quarter of the size at most.
    pub(crate) fn thumbnail(&self, primary: &Picture) -> Option<Picture> {
        let copy = |&id: &u32| {
            let item = self.item(id).ok().filter(|item| item.kind == *b"hvc1")?;
            let [width, height] = self.size(item).ok()?;
            let chroma = self.config(id).ok()?.chroma;
            Some(Picture {
                codec: Codec::Hevc,
                width,
                height,
                columns: 1,
                tile: [width, height],
                items: vec![id],
                chroma,
                layers: Vec::new(),
                fill: MISSING,
            })
        };
        let is_worth_it = |copy: &Picture| {
            let [across, down] = [u64::from(copy.width), u64::from(copy.height)];
            let [full_across, full_down] = [u64::from(primary.width), u64::from(primary.height)];
            // Two pixels aside, as sides are rounded to even numbers.
            let skew = (across * full_down).abs_diff(down * full_across);
            across * down <= MOST_THUMBNAIL_PIXELS.min(full_across * full_down / 4)
                && skew <= 2 * full_across.max(full_down)
        };
        self.thumbnails.iter().filter_map(copy).find(is_worth_it)
    }

    /// `ispe`: width and height.
    pub(super) fn size(&self, item: &Item<'a>) -> Result<[u32; 2], HeaderError> {
        let mut fields = Fields(self.property(item, b"ispe").ok_or(HeaderError::Broken("no picture size"))?);
        fields.version().map_err(short)?;
        let size = [fields.u32().map_err(short)?, fields.u32().map_err(short)?];
        if size.contains(&0) { Err(HeaderError::Broken("a picture without pixels")) } else { Ok(size) }
    }

    /// A grid: columns, rows, and the size of the whole.
    fn grid(&self, id: u32) -> Result<(u32, u32, [u32; 2]), HeaderError> {
        let (data, cut) = self.data(id)?;
        let short = |flaw| if cut { flaw } else { short(flaw) };
        let mut fields = Fields(&data);
        let (version, flags) = (fields.u8().map_err(short)?, fields.u8().map_err(short)?);
        if version != 0 {
            return Err(HeaderError::Foreign("a grid of an unknown version"));
        }
        let rows = u32::from(fields.u8().map_err(short)?) + 1;
        let columns = u32::from(fields.u8().map_err(short)?) + 1;
        let wide = flags & 1 == 1;
        Ok((columns, rows, [fields.id(wide).map_err(short)?, fields.id(wide).map_err(short)?]))
    }

    /// `av1C`: how many samples of chroma there are, as HEVC numbers it.
    fn av1_chroma(&self, item: &Item<'a>) -> Result<u8, HeaderError> {
        let property = self.property(item, b"av1C").ok_or(HeaderError::Broken("no AV1 configuration"))?;
        let &[mark, _profile, flags, _delay, ..] = property else { return Err(short(HeaderError::Cut)) };
        if mark != 0x81 {
            return Err(HeaderError::Foreign("an AV1 configuration of an unknown version"));
        }
        let [is_grey, halves_width, halves_height] = [0x10, 0x08, 0x04].map(|flag| flags & flag != 0);
        Ok(match (is_grey, halves_width, halves_height) {
            (true, ..) => 0,
            (_, true, true) => 1,
            (_, true, false) => 2,
            _ => 3,
        })
    }

    /// How an item's data is to be read.
    pub(crate) fn config(&self, id: u32) -> Result<Config<'a>, HeaderError> {
        let property = self.property(self.item(id)?, b"hvcC").ok_or(HeaderError::Broken("no HEVC configuration"))?;
        config(property).map_err(short)
    }
}

fn config(property: &[u8]) -> Result<Config<'_>, HeaderError> {
    let mut fields = Fields(property);
    if fields.u8()? != 1 {
        return Err(HeaderError::Foreign("an HEVC configuration of an unknown version"));
    }
    // Profile, level and segmentation, up to the chroma format; then depths and frame rate.
    fields.take(15)?;
    let chroma = fields.u8()? & 3;
    fields.take(4)?;
    let length_size = (fields.u8()? & 3) + 1;
    let mut sets = Vec::new();
    for _ in 0..fields.u8()? {
        fields.u8()?;
        for _ in 0..fields.u16()? {
            let length = usize::from(fields.u16()?);
            sets.push(fields.take(length)?);
            if sets.len() > MOST_SETS {
                return Err(HeaderError::Broken("more HEVC parameter sets than any picture has"));
            }
        }
    }
    Ok(Config { chroma, length_size, sets })
}

/// Width and height of a `clap` property: each a fraction, and then how far its middle lies from that of the picture, in
/// fractions as well. `None` unless they are whole and begin within the first pixel.
fn clean_size(bytes: &[u8], size: [u32; 2]) -> Option<[u32; 2]> {
    let mut fields = Fields(bytes);
    let mut fraction = || Some((fields.u32().ok()?, fields.u32().ok()?));
    let sides = [fraction()?, fraction()?];
    let offsets = [fraction()?, fraction()?];
    let mut clean = size;
    for ((clean, (side, parts)), (offset, offset_parts)) in clean.iter_mut().zip(sides).zip(offsets) {
        let whole = side.checked_div(parts).filter(|whole| whole * parts == side && (1..=*clean).contains(whole))?;
        // Signed, as the file writes them.
        let (offset, offset_parts) = (i64::from(offset as i32), i64::from(offset_parts as i32));
        let twice_start = i64::from(*clean - whole) + (2 * offset).checked_div(offset_parts)?;
        if !(0..2).contains(&twice_start) {
            return None;
        }
        *clean = whole;
    }
    Some(clean)
}

/// Every tile must show something, and none may be much larger than the picture: this bounds the work by the pixels.
fn check_grid(size: [u32; 2], counts: [u32; 2], tile: [u32; 2]) -> Result<(), HeaderError> {
    for ((size, count), tile) in size.into_iter().zip(counts).zip(tile) {
        if u64::from(tile) * u64::from(count) < u64::from(size) {
            return Err(HeaderError::Broken("a grid whose tiles do not cover it"));
        }
        if u64::from(tile) * u64::from(count - 1) >= u64::from(size).max(1) {
            return Err(HeaderError::Broken("a grid with tiles outside its picture"));
        }
        if u64::from(tile) > u64::from(size).next_multiple_of(u64::from(TILE_STEP)) {
            return Err(HeaderError::Broken("a grid with tiles larger than its picture"));
        }
    }
    Ok(())
}

/// A table that is all there ends too early.
pub(super) fn short(flaw: HeaderError) -> HeaderError {
    if flaw == HeaderError::Cut { HeaderError::Broken("a table that ends too early") } else { flaw }
}

fn foreign(kind: &[u8; 4]) -> HeaderError {
    HeaderError::Foreign(match kind {
        b"av01" | b"hvc1" => "tiles of several codecs",
        b"avc1" => "an H.264 picture",
        b"jpeg" => "a JPEG picture",
        b"iovl" => "overlays in overlays",
        b"iden" => "a picture derived from another",
        b"tmap" => "a tone-mapped picture",
        b"unci" => "an uncompressed picture",
        b"grid" => "grids in grids",
        _ => "a picture of another kind",
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::boxes::IsoBox;
    use super::*;

    fn clap(fields: [i32; 8]) -> Vec<u8> {
        fields.into_iter().flat_map(i32::to_be_bytes).collect()
    }

    /// A file that has nothing but a primary item with these properties.
    fn with_properties<'a>(properties: &[(&[u8; 4], &'a [u8])]) -> Heif<'a> {
        let item = Item { properties: (1..=properties.len() as u16).collect(), ..Item::default() };
        Heif {
            bytes: &[],
            idat: &[],
            primary: 1,
            items: BTreeMap::from([(1, item)]),
            properties: properties.iter().map(|&(kind, body)| IsoBox { kind: *kind, body, cut: false }).collect(),
            parts: BTreeMap::new(),
            about: Vec::new(),
            thumbnails: Vec::new(),
            auxiliary: Vec::new(),
        }
    }

    #[test]
    fn properties_turn_a_picture_in_their_order() {
        use Turn::{Mirror, Right};
        let turns = |properties: &[(&[u8; 4], &[u8])]| with_properties(properties).turns();
        assert_eq!(turns(&[(b"ispe", &[9]), (b"irot", &[0])]), []);
        // A quarter to the left is three to the right.
        assert_eq!(turns(&[(b"irot", &[1])]), [Right, Right, Right]);
        assert_eq!(turns(&[(b"irot", &[3])]), [Right]);
        assert_eq!(turns(&[(b"imir", &[1]), (b"irot", &[3])]), [Mirror, Right]);
        assert_eq!(turns(&[(b"imir", &[0])]), [Right, Right, Mirror]);
        assert_eq!(turns(&[(b"irot", &[])]), [], "an empty box");
        assert_eq!(turns(&[(b"irot", &[1][..]); 40]).len(), MOST_TURNS);
    }

    #[test]
    fn a_clean_aperture_at_the_corner_is_the_picture() {
        for (name, fields, expected) in [
            ("a row and a column too many", [177, 1, 65, 1, -1, 2, -1, 2], Some([177, 65])),
            ("by other fractions", [354, 2, 65, 1, -2, 4, 1, -2], Some([177, 65])),
            ("all of it", [178, 1, 66, 1, 0, 1, 0, 1], Some([178, 66])),
            ("in the middle, and half a pixel cannot be kept", [177, 1, 66, 1, 0, 1, 0, 1], Some([177, 66])),
            ("a crop by hand", [100, 1, 66, 1, 0, 1, 0, 1], None),
            ("at the other side", [170, 1, 66, 1, 4, 1, 0, 1], None),
            ("beyond the left edge", [177, 1, 66, 1, -5, 1, 0, 1], None),
            ("larger than the picture", [179, 1, 66, 1, 0, 1, 0, 1], None),
            ("nothing", [0, 1, 66, 1, 0, 1, 0, 1], None),
            ("broken pixels", [177, 2, 66, 1, 0, 1, 0, 1], None),
            ("divided by nothing", [177, 0, 66, 1, 0, 0, 0, 1], None),
        ] {
            assert_eq!(clean_size(&clap(fields), [178, 66]), expected, "{name}");
        }
        assert_eq!(clean_size(&clap([177, 1, 65, 1, -1, 2, -1, 2])[..31], [178, 66]), None, "cut");
    }
}
