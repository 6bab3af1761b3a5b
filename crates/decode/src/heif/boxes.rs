//! Boxes of an ISO base media file (ISO/IEC 14496-12 §4.2), and the numbers in them.

use super::super::guard::HeaderError;

/// Most boxes looked at in one list. A photo has about ten in its file and a few hundred items.
const MOST: usize = 8_192;

/// One box.
pub(super) struct IsoBox<'a> {
    /// Its four letters.
    pub kind: [u8; 4],
    /// What it holds, as far as the list around it goes.
    pub body: &'a [u8],
    /// It says that it is longer than the list around it.
    pub cut: bool,
}

/// The boxes of a list, which is a whole file or the body of a box.
pub(super) struct Boxes<'a> {
    rest: &'a [u8],
    left: usize,
}

impl<'a> Boxes<'a> {
    pub(super) fn new(list: &'a [u8]) -> Boxes<'a> {
        Boxes { rest: list, left: MOST }
    }
}

impl<'a> Iterator for Boxes<'a> {
    type Item = Result<IsoBox<'a>, HeaderError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let list = std::mem::take(&mut self.rest);
        if self.left == 0 {
            return Some(Err(HeaderError::Broken("more boxes than any photo has")));
        }
        self.left -= 1;
        let mut head = Fields(list);
        let (Ok(size), Ok(kind)) = (head.u32(), head.four()) else { return Some(Err(HeaderError::Cut)) };
        let size = match size {
            // To the end of the file.
            0 => list.len() as u64,
            1 => match head.u64() {
                Ok(size) => size,
                Err(flaw) => return Some(Err(flaw)),
            },
            size => u64::from(size),
        };
        let start = list.len() - head.0.len();
        if size < start as u64 {
            return Some(Err(HeaderError::Broken("a box smaller than its own head")));
        }
        let cut = size > list.len() as u64;
        let end = if cut { list.len() } else { size as usize };
        self.rest = list.get(end..).unwrap_or(&[]);
        Some(Ok(IsoBox { kind, body: list.get(start..end).unwrap_or(&[]), cut }))
    }
}

/// Big-endian numbers, read one after the other. What runs over the end is [`HeaderError::Cut`].
pub(super) struct Fields<'a>(pub &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], HeaderError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(HeaderError::Cut)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], HeaderError> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or(HeaderError::Cut)?;
        self.0 = rest;
        Ok(*taken)
    }

    pub(super) fn four(&mut self) -> Result<[u8; 4], HeaderError> {
        self.array()
    }

    pub(super) fn u8(&mut self) -> Result<u8, HeaderError> {
        self.array().map(u8::from_be_bytes)
    }

    pub(super) fn u16(&mut self) -> Result<u16, HeaderError> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, HeaderError> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, HeaderError> {
        self.array().map(u64::from_be_bytes)
    }

    /// A number of `size` bytes, as boxes that choose their own widths have them.
    pub(super) fn sized(&mut self, size: u8) -> Result<u64, HeaderError> {
        if size > 8 {
            return Err(HeaderError::Broken("a number of more than eight bytes"));
        }
        let bytes = self.take(usize::from(size))?;
        Ok(bytes.iter().fold(0, |number, &byte| (number << 8) | u64::from(byte)))
    }

    /// The version that a full box begins with; its flags.
    pub(super) fn version(&mut self) -> Result<(u8, u32), HeaderError> {
        let word = self.u32()?;
        Ok(((word >> 24) as u8, word & 0xff_ffff))
    }

    /// An item's id, which is wide from some version of its box on.
    pub(super) fn id(&mut self, wide: bool) -> Result<u32, HeaderError> {
        if wide { self.u32() } else { self.u16().map(u32::from) }
    }
}
