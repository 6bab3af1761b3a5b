//! `iovl`: a picture of several laid over one another, each somewhere on one canvas (ISO/IEC 23008-12, 6.6.2.3.2).

use super::super::guard::HeaderError;
use super::Heif;
use super::boxes::Fields;
use super::picture::{TILE_STEP, short};

/// Most layers that are drawn.
const MOST_LAYERS: usize = 16;
/// How many times its canvas the layers together may be: this bounds the work by the pixels.
const MOST_COVER: u64 = 4;

/// Where a layer lies on its canvas.
#[derive(Clone, Copy)]
pub(crate) struct Layer {
    /// Its top left pixel.
    pub corner: [u32; 2],
    /// Width and height.
    pub size: [u32; 2],
}

/// A canvas and what lies on it.
pub(super) struct Overlay {
    pub size: [u32; 2],
    /// Brightness where no layer lies.
    pub fill: u8,
    /// From the lowest.
    pub layers: Vec<Layer>,
    pub items: Vec<u32>,
}

impl Heif<'_> {
    /// Reads an overlay. Its layers are coded pictures; one that begins left of its canvas or above it is refused.
    pub(super) fn overlay(&self, id: u32) -> Result<Overlay, HeaderError> {
        let (data, cut) = self.data(id)?;
        let short = |flaw| if cut { flaw } else { short(flaw) };
        let mut fields = Fields(&data);
        let (version, flags) = (fields.u8().map_err(short)?, fields.u8().map_err(short)?);
        if version != 0 {
            return Err(HeaderError::Foreign("an overlay of an unknown version"));
        }
        let mut colour = [0_u32; 4];
        for component in &mut colour {
            *component = u32::from(fields.u16().map_err(short)?);
        }
        let [red, green, blue, _alpha] = colour;
        let fill = ((red * 299 + green * 587 + blue * 114) / 1_000) >> 8;
        let wide = flags & 1 == 1;
        let mut number = || fields.id(wide).map_err(short);
        let size = [number()?, number()?];
        let items = self.parts.get(&id).cloned().unwrap_or_default();
        if items.is_empty() || items.len() > MOST_LAYERS {
            return Err(HeaderError::Foreign("an overlay of none or too many pictures"));
        }
        let most = if wide { i32::MAX.unsigned_abs() } else { i16::MAX.unsigned_abs().into() };
        let mut layers = Vec::with_capacity(items.len());
        for &item in &items {
            let corner = [number()?, number()?];
            let layer = Layer { corner, size: self.size(self.item(item)?)? };
            // Negative numbers are those whose top bit is set.
            if corner.into_iter().any(|start| start > most) {
                return Err(HeaderError::Foreign("a picture laid over the edge of its canvas"));
            }
            if layer.size.into_iter().zip(size).any(|(side, most)| side > most.saturating_add(TILE_STEP)) {
                return Err(HeaderError::Broken("an overlay of pictures larger than their canvas"));
            }
            layers.push(layer);
        }
        let area = |[width, height]: [u32; 2]| u64::from(width) * u64::from(height);
        let covered = layers.iter().fold(0_u64, |sum, layer| sum.saturating_add(area(layer.size)));
        if covered > area(size).max(u64::from(TILE_STEP)).saturating_mul(MOST_COVER) {
            return Err(HeaderError::Broken("an overlay of pictures larger than their canvas"));
        }
        Ok(Overlay { size, fill: u8::try_from(fill).unwrap_or(u8::MAX), layers, items })
    }
}
