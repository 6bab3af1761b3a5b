//! The directories of a TIFF or BigTIFF file, read in place.

use super::super::guard::HeaderError;

/// Most directories that are looked at; scanners write one for each page.
const MOST_DIRECTORIES: usize = 64;
/// Most entries of a directory that are looked at; there are some hundred tags.
const MOST_ENTRIES: u64 = 1_024;

/// What is asked for of a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub(super) enum Tag {
    NewSubfileType = 254,
    Width = 256,
    Height = 257,
    BitsPerSample = 258,
    Compression = 259,
    Photometric = 262,
    FillOrder = 266,
    StripOffsets = 273,
    SamplesPerPixel = 277,
    RowsPerStrip = 278,
    StripByteCounts = 279,
    PlanarConfiguration = 284,
    T4Options = 292,
    Predictor = 317,
    ColorMap = 320,
    TileWidth = 322,
    TileLength = 323,
    TileOffsets = 324,
    TileByteCounts = 325,
    ExtraSamples = 338,
    SampleFormat = 339,
    JpegTables = 347,
    JpegInterchangeFormat = 513,
    YcbcrSubsampling = 530,
}

/// A file's numbers in its own order, and how wide its offsets are.
#[derive(Clone, Copy)]
pub(super) struct File<'a> {
    pub bytes: &'a [u8],
    pub little: bool,
    big: bool,
}

/// The values of an entry, numbers of one width.
#[derive(Clone, Copy)]
pub(super) struct Values<'a> {
    file: File<'a>,
    at: usize,
    width: usize,
    signed: bool,
    count: u64,
}

/// Whether a file is one of the two kinds.
pub(crate) fn is_tiff(bytes: &[u8]) -> bool {
    matches!(bytes.get(..4), Some(b"II*\0" | b"MM\0*" | b"II+\0" | b"MM\0+"))
}

impl<'a> File<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> File<'a> {
        let little = bytes.starts_with(b"II");
        File { bytes, little, big: bytes.get(if little { 2 } else { 3 }) == Some(&b'+') }
    }

    /// The number of `width` bytes at `at`.
    fn number(&self, at: usize, width: usize) -> Result<u64, HeaderError> {
        let bytes = at.checked_add(width).and_then(|end| self.bytes.get(at..end)).ok_or(HeaderError::Cut)?;
        let push = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        Ok(if self.little { bytes.iter().rev().fold(0, push) } else { bytes.iter().fold(0, push) })
    }

    /// An offset at `at`, as wide as this kind has them.
    fn offset(&self, at: usize) -> Result<usize, HeaderError> {
        let offset = self.number(at, if self.big { 8 } else { 4 })?;
        usize::try_from(offset).map_err(|_| HeaderError::Cut)
    }

    /// The directories, in order.
    pub(super) fn directories(self) -> impl Iterator<Item = Result<Directory<'a>, HeaderError>> {
        let mut next = self.offset(if self.big { 8 } else { 4 });
        let mut left = MOST_DIRECTORIES;
        std::iter::from_fn(move || {
            let at = match next {
                Ok(0) => return None,
                Ok(at) => at,
                Err(flaw) => {
                    next = Ok(0);
                    return Some(Err(flaw));
                }
            };
            left -= 1;
            let directory = Directory::new(self, at);
            next = match &directory {
                Ok(directory) if left > 0 => Ok(self.offset(directory.end()).unwrap_or(0)),
                _ => Ok(0),
            };
            Some(directory)
        })
    }
}

/// One directory: a page, or a smaller copy of one.
#[derive(Clone, Copy)]
pub(super) struct Directory<'a> {
    pub file: File<'a>,
    first: usize,
    entries: u64,
}

impl<'a> Directory<'a> {
    fn new(file: File<'a>, at: usize) -> Result<Directory<'a>, HeaderError> {
        let width = if file.big { 8 } else { 2 };
        let entries = file.number(at, width)?;
        let first = at.checked_add(width).ok_or(HeaderError::Cut)?;
        Ok(Directory { file, first, entries: entries.min(MOST_ENTRIES) })
    }

    fn entry_bytes(&self) -> usize {
        if self.file.big { 20 } else { 12 }
    }

    fn end(&self) -> usize {
        self.first.saturating_add(self.entry_bytes().saturating_mul(self.entries as usize))
    }

    /// The values of a tag; `None` where the directory does not have it.
    pub(super) fn values(&self, tag: Tag) -> Result<Option<Values<'a>>, HeaderError> {
        let file = self.file;
        for index in 0..self.entries as usize {
            let at = self.first.saturating_add(index * self.entry_bytes());
            if file.number(at, 2)? != tag as u64 {
                continue;
            }
            let (width, signed) = match file.number(at + 2, 2)? {
                1 | 2 | 7 => (1, false),
                6 => (1, true),
                3 => (2, false),
                8 => (2, true),
                4 | 13 => (4, false),
                9 => (4, true),
                16 | 18 => (8, false),
                17 => (8, true),
                _ => return Err(HeaderError::Broken("a number of an unknown type")),
            };
            let offset_bytes = if file.big { 8 } else { 4 };
            let count = file.number(at + 4, offset_bytes)?;
            let place = at + 4 + offset_bytes;
            let is_inline = count.saturating_mul(width as u64) <= offset_bytes as u64;
            let at = if is_inline { place } else { file.offset(place)? };
            return Ok(Some(Values { file, at, width, signed, count }));
        }
        Ok(None)
    }

    /// The first value of a tag.
    pub(super) fn value(&self, tag: Tag) -> Result<Option<u64>, HeaderError> {
        self.values(tag)?.map(|values| values.get(0)).transpose()
    }
}

impl<'a> Values<'a> {
    pub(super) fn len(&self) -> u64 {
        self.count
    }

    /// The value with this number.
    pub(super) fn get(&self, index: usize) -> Result<u64, HeaderError> {
        if index as u64 >= self.count {
            return Err(HeaderError::Broken("fewer values than a tag must have"));
        }
        let at = index.checked_mul(self.width).and_then(|from| self.at.checked_add(from)).ok_or(HeaderError::Cut)?;
        let number = self.file.number(at, self.width)?;
        if self.signed && number >> (8 * self.width - 1) == 1 {
            return Err(HeaderError::Broken("a negative size"));
        }
        Ok(number)
    }

    /// Its bytes, as far as the file goes.
    pub(super) fn bytes(&self) -> &'a [u8] {
        let length = usize::try_from(self.count).unwrap_or(usize::MAX).saturating_mul(self.width);
        let from = self.file.bytes.get(self.at..).unwrap_or(&[]);
        from.get(..length).unwrap_or(from)
    }
}
