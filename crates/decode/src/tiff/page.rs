//! What a directory says of its picture, checked: everything the pixels are read by.

use super::super::guard::HeaderError;
use super::directory::{Directory, File, Tag, Values};

/// How the pixels are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    None,
    /// CCITT modified Huffman: rows of runs, each from a byte on.
    FaxRows,
    /// CCITT group 3, its rows marked; `two_dimensional` where some are coded by the one above.
    FaxGroup3 {
        two_dimensional: bool,
    },
    FaxGroup4,
    Lzw,
    Jpeg,
    /// A whole JPEG file elsewhere in the file, as version 6 of the specification had it.
    OldJpeg,
    Deflate,
    PackBits,
}

/// What the samples are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Photometric {
    WhiteIsZero,
    /// Or the lightness of a CIE L*a*b* picture, which comes first.
    BlackIsZero,
    Rgb,
    Palette,
    Cmyk,
    Ycbcr,
}

/// How a sample is a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Numbers {
    Unsigned,
    Signed,
    Float,
}

/// A sample of opacity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Alpha {
    /// Which sample of a pixel it is.
    pub index: usize,
    /// The colours are multiplied with it already.
    pub associated: bool,
}

/// A page of the file.
#[derive(Clone, Copy)]
pub(crate) struct Page<'a> {
    pub(super) directory: Directory<'a>,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    pub(super) bits: usize,
    pub(super) samples: usize,
    pub(super) numbers: Numbers,
    pub(super) packing: Packing,
    pub(super) photometric: Photometric,
    pub(super) alpha: Option<Alpha>,
    /// The first pixel is in a byte's lowest bit.
    pub(super) reversed: bool,
    /// Each sample has a plane of its own.
    pub(super) planar: bool,
    pub(super) predictor: u64,
    /// Pixels of Y for each of chroma, across and down.
    pub(super) subsampling: [usize; 2],
    /// Width and height of a strip or tile.
    pub(super) chunk: [usize; 2],
    pub(super) offsets: Values<'a>,
    pub(super) counts: Option<Values<'a>>,
}

impl<'a> Page<'a> {
    /// The first page that is not a smaller copy of another.
    pub(crate) fn first(bytes: &'a [u8]) -> Result<Page<'a>, HeaderError> {
        let mut fallback = None;
        for directory in File::new(bytes).directories() {
            let directory = match directory {
                Ok(directory) => directory,
                Err(_) if fallback.is_some() => break,
                Err(flaw) => return Err(flaw),
            };
            // Bits: a smaller copy, a page of several, a mask.
            if directory.value(Tag::NewSubfileType)?.unwrap_or(0) & 0b101 == 0 {
                return Page::new(directory);
            }
            fallback.get_or_insert(directory);
        }
        Page::new(fallback.ok_or(HeaderError::Broken("no directory"))?)
    }

    fn new(directory: Directory<'a>) -> Result<Page<'a>, HeaderError> {
        let number = |tag, default| -> Result<u64, HeaderError> { Ok(directory.value(tag)?.unwrap_or(default)) };
        let side = |tag| -> Result<u32, HeaderError> {
            let side = directory.value(tag)?.ok_or(HeaderError::Broken("no picture size in its directory"))?;
            u32::try_from(side).map_err(|_| HeaderError::Broken("an impossible picture size"))
        };
        let (width, height) = (side(Tag::Width)?, side(Tag::Height)?);
        let samples = number(Tag::SamplesPerPixel, 1)? as usize;
        let bits = bits(&directory, samples)?;
        let packing = packing(&directory)?;
        let is_fax = matches!(packing, Packing::FaxRows | Packing::FaxGroup3 { .. } | Packing::FaxGroup4);
        let default_photometric = if is_fax { 0 } else { 1 };
        let photometric = photometric(number(Tag::Photometric, default_photometric)?)?;
        let numbers = match number(Tag::SampleFormat, 1)? {
            1 | 4 => Numbers::Unsigned,
            2 => Numbers::Signed,
            3 => Numbers::Float,
            _ => return Err(HeaderError::Foreign("complex numbers")),
        };
        if numbers == Numbers::Float && !matches!(bits, 16 | 32 | 64) {
            return Err(HeaderError::Foreign("floating-point numbers of an unusual size"));
        }
        let colours = match photometric {
            Photometric::Rgb | Photometric::Ycbcr => 3,
            Photometric::Cmyk => 4,
            _ => 1,
        };
        if samples < colours {
            return Err(HeaderError::Broken("fewer samples than its colours need"));
        }
        if photometric == Photometric::Palette && (bits > 8 || samples > 1) {
            return Err(HeaderError::Foreign("a palette of more than 256 colours"));
        }
        if is_fax && (bits != 1 || samples != 1) {
            return Err(HeaderError::Broken("fax rows of more than one bit a pixel"));
        }
        let subsampling = subsampling(&directory, photometric)?;
        let planar = samples > 1 && number(Tag::PlanarConfiguration, 1)? == 2;
        if subsampling != [1, 1] && !planar && bits != 8 && packing != Packing::Jpeg && packing != Packing::OldJpeg {
            return Err(HeaderError::Foreign("subsampled chroma of other than 8 bits"));
        }
        let predictor = number(Tag::Predictor, 1)?;
        let is_predicted = matches!(packing, Packing::Lzw | Packing::Deflate) && predictor != 1;
        if is_predicted && (predictor > 3 || !matches!(bits, 8 | 16 | 32 | 64)) {
            return Err(HeaderError::Foreign("an unknown predictor"));
        }
        let (chunk, offsets, counts) = chunks(&directory, [width, height], packing)?;
        let page = Page {
            directory,
            width,
            height,
            bits,
            samples,
            numbers,
            packing,
            photometric,
            alpha: alpha(&directory, colours, samples)?,
            reversed: number(Tag::FillOrder, 1)? == 2 && packing != Packing::Jpeg,
            planar,
            predictor: if is_predicted { predictor } else { 1 },
            subsampling,
            chunk,
            offsets,
            counts,
        };
        if (page.chunk_count() as u64) > offsets.len() && packing != Packing::OldJpeg {
            return Err(HeaderError::Broken("fewer strips or tiles than the picture needs"));
        }
        Ok(page)
    }

    /// Strips or tiles beside and below each other.
    pub(super) fn grid(&self) -> [usize; 2] {
        let [across, down] = self.chunk;
        [(self.width as usize).div_ceil(across), (self.height as usize).div_ceil(down)]
    }

    /// Strips or tiles of all planes that are read.
    fn chunk_count(&self) -> usize {
        let [across, down] = self.grid();
        across.saturating_mul(down).saturating_mul(if self.planar { self.samples } else { 1 })
    }

    /// Bytes of a row of a strip or tile; of subsampled chroma those of all rows that share it.
    pub(super) fn row_bytes(&self) -> usize {
        let [across, down] = self.subsampling;
        if self.is_subsampled() {
            return self.chunk[0].div_ceil(across) * (across * down + 2);
        }
        (self.chunk[0] * self.samples_in_row() * self.bits).div_ceil(8)
    }

    /// Samples of a pixel that come together.
    pub(super) fn samples_in_row(&self) -> usize {
        if self.planar { 1 } else { self.samples }
    }

    /// Rows hold groups of several pixels of Y with one of chroma.
    pub(super) fn is_subsampled(&self) -> bool {
        self.photometric == Photometric::Ycbcr && !self.planar && self.subsampling != [1, 1]
    }

    /// The memory that reading it takes beside the picture: some rows, a copy of data whose bits are turned or that gets
    /// JPEG tables in front, and what the JPEG reader takes for a strip or tile.
    pub(crate) fn other_bytes(&self) -> u64 {
        const TABLES: u64 = 160 << 10;
        self.open_bytes() + TABLES
    }

    /// The same as far as it is usual.
    pub(crate) fn open_bytes(&self) -> u64 {
        const TABLES: u64 = 96 << 10;
        const JPEG_BYTES_PER_PIXEL: u64 = 10;
        let rows = (self.row_bytes() as u64 + 32 * self.chunk[0] as u64).saturating_mul(self.samples.min(5) as u64);
        let jpeg = match self.packing {
            Packing::Jpeg => JPEG_BYTES_PER_PIXEL * self.chunk[0] as u64 * self.chunk[1] as u64,
            Packing::OldJpeg => JPEG_BYTES_PER_PIXEL * u64::from(self.width) * u64::from(self.height),
            _ => 0,
        };
        let copies = match self.packing {
            // The reader of JPEG takes a copy without its stuffing.
            Packing::Jpeg | Packing::OldJpeg => 2,
            _ => u64::from(self.reversed),
        };
        let copies = copies * self.directory.file.bytes.len() as u64;
        rows + copies + jpeg * if self.planar { self.samples.min(5) as u64 } else { 1 } + TABLES
    }
}

fn bits(directory: &Directory<'_>, samples: usize) -> Result<usize, HeaderError> {
    if !(1..=16).contains(&samples) {
        return Err(HeaderError::Broken("an impossible number of samples"));
    }
    let Some(values) = directory.values(Tag::BitsPerSample)? else { return Ok(1) };
    let first = values.get(0)?;
    for index in 1..samples.min(values.len() as usize) {
        if values.get(index)? != first {
            return Err(HeaderError::Foreign("samples of different sizes"));
        }
    }
    if (1..=64).contains(&first) {
        Ok(first as usize)
    } else {
        Err(HeaderError::Broken("samples of an impossible size"))
    }
}

fn packing(directory: &Directory<'_>) -> Result<Packing, HeaderError> {
    Ok(match directory.value(Tag::Compression)?.unwrap_or(1) {
        1 => Packing::None,
        2 => Packing::FaxRows,
        3 => Packing::FaxGroup3 { two_dimensional: directory.value(Tag::T4Options)?.unwrap_or(0) & 1 == 1 },
        4 => Packing::FaxGroup4,
        5 => Packing::Lzw,
        6 => Packing::OldJpeg,
        7 => Packing::Jpeg,
        8 | 32_946 => Packing::Deflate,
        32_773 => Packing::PackBits,
        32_771 => return Err(HeaderError::Foreign("CCITT compression aligned to words")),
        32_809 => return Err(HeaderError::Foreign("ThunderScan compression")),
        32_766 => return Err(HeaderError::Foreign("NeXT compression")),
        34_661 => return Err(HeaderError::Foreign("JBIG compression")),
        34_676 | 34_677 => return Err(HeaderError::Foreign("SGI Log compression")),
        34_712 | 33_003 | 33_005 => return Err(HeaderError::Foreign("JPEG 2000 compression")),
        34_887 => return Err(HeaderError::Foreign("LERC compression")),
        34_925 => return Err(HeaderError::Foreign("LZMA compression")),
        50_000 => return Err(HeaderError::Foreign("Zstandard compression")),
        50_001 => return Err(HeaderError::Foreign("WebP compression")),
        50_002 | 52_546 => return Err(HeaderError::Foreign("JPEG XL compression")),
        _ => return Err(HeaderError::Foreign("an unknown compression")),
    })
}

fn photometric(number: u64) -> Result<Photometric, HeaderError> {
    Ok(match number {
        0 => Photometric::WhiteIsZero,
        1 | 4 | 8 | 9 | 10 => Photometric::BlackIsZero,
        2 => Photometric::Rgb,
        3 => Photometric::Palette,
        5 => Photometric::Cmyk,
        6 => Photometric::Ycbcr,
        32_803 => return Err(HeaderError::Foreign("the raw data of a camera's sensor")),
        34_892 => return Err(HeaderError::Foreign("linear raw data of a camera")),
        32_844 | 32_845 => return Err(HeaderError::Foreign("logarithmic brightness")),
        _ => return Err(HeaderError::Foreign("an unknown kind of colours")),
    })
}

fn subsampling(directory: &Directory<'_>, photometric: Photometric) -> Result<[usize; 2], HeaderError> {
    if photometric != Photometric::Ycbcr {
        return Ok([1, 1]);
    }
    let Some(values) = directory.values(Tag::YcbcrSubsampling)? else { return Ok([2, 2]) };
    let factors = [values.get(0)? as usize, values.get(1)? as usize];
    if factors.iter().all(|factor| matches!(factor, 1 | 2 | 4)) {
        Ok(factors)
    } else {
        Err(HeaderError::Broken("impossible chroma subsampling"))
    }
}

fn alpha(directory: &Directory<'_>, colours: usize, samples: usize) -> Result<Option<Alpha>, HeaderError> {
    let Some(values) = directory.values(Tag::ExtraSamples)? else { return Ok(None) };
    for index in 0..samples.saturating_sub(colours).min(values.len() as usize) {
        match values.get(index)? {
            1 => return Ok(Some(Alpha { index: colours + index, associated: true })),
            2 => return Ok(Some(Alpha { index: colours + index, associated: false })),
            _ => {}
        }
    }
    Ok(None)
}

type Chunks<'a> = ([usize; 2], Values<'a>, Option<Values<'a>>);

/// Pixels that a tile may always have, however small the picture is.
const SMALL_TILE: u64 = 1 << 20;

/// The size of strips or tiles, where they are and how long.
fn chunks<'a>(directory: &Directory<'a>, size: [u32; 2], packing: Packing) -> Result<Chunks<'a>, HeaderError> {
    let no_place = HeaderError::Broken("neither strips nor tiles");
    let [width, height] = size.map(u64::from);
    let (chunk, offsets, counts) = match directory.value(Tag::TileWidth)? {
        Some(across) => {
            let down = directory.value(Tag::TileLength)?.ok_or(HeaderError::Broken("tiles without a height"))?;
            // Some writers put the places of tiles where those of strips belong.
            let place = directory.values(Tag::TileOffsets)?;
            let offsets = place.map_or_else(|| directory.values(Tag::StripOffsets), |place| Ok(Some(place)))?;
            let count = directory.values(Tag::TileByteCounts)?;
            let counts = count.map_or_else(|| directory.values(Tag::StripByteCounts), |count| Ok(Some(count)))?;
            ([across, down], offsets, counts)
        }
        None => {
            let rows = directory.value(Tag::RowsPerStrip)?.unwrap_or(height);
            let strip = [width, rows.min(height)];
            (strip, directory.values(Tag::StripOffsets)?, directory.values(Tag::StripByteCounts)?)
        }
    };
    // A whole JPEG file elsewhere needs neither.
    let elsewhere = if packing == Packing::OldJpeg { directory.values(Tag::JpegInterchangeFormat)? } else { None };
    let offsets = offsets.or(elsewhere).ok_or(no_place)?;
    if size.contains(&0) {
        return Err(HeaderError::Broken("a picture without pixels"));
    }
    if chunk.contains(&0) {
        return Err(HeaderError::Broken("strips or tiles without pixels"));
    }
    let pixels = chunk[0].saturating_mul(chunk[1]);
    if chunk.iter().any(|&side| side > 1 << 16) && pixels > width * height
        || pixels > (4 * width * height).max(SMALL_TILE)
    {
        return Err(HeaderError::Broken("tiles much larger than the picture"));
    }
    Ok((chunk.map(|side| side as usize), offsets, counts))
}
