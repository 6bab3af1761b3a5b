//! Chunks of PNG and RIFF files.

/// Chunks of a PNG file: name and data, the last one cut where the file ends.
pub(super) struct Png<'a>(Chunks<'a>);

/// Chunks of a RIFF file.
pub(super) struct Riff<'a>(Chunks<'a>);

impl<'a> Png<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Png(Chunks { bytes, at: 8, length_first: true, pad: 1, trailer: 4 })
    }
}

impl<'a> Riff<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Riff(Chunks { bytes, at: 12, length_first: false, pad: 2, trailer: 0 })
    }
}

impl<'a> Iterator for Png<'a> {
    type Item = (&'a [u8; 4], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }
}

impl<'a> Iterator for Riff<'a> {
    type Item = (&'a [u8; 4], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }
}

struct Chunks<'a> {
    bytes: &'a [u8],
    at: usize,
    /// PNG: big-endian length, name, data, checksum. RIFF: name, little-endian length, data.
    length_first: bool,
    /// Data is padded to a multiple of this.
    pad: usize,
    /// Bytes behind the data.
    trailer: usize,
}

impl<'a> Chunks<'a> {
    fn next(&mut self) -> Option<(&'a [u8; 4], &'a [u8])> {
        let four = |at: usize| -> Option<&'a [u8; 4]> { self.bytes.get(at..at.checked_add(4)?)?.try_into().ok() };
        let (first, second) = (four(self.at)?, four(self.at + 4)?);
        let (name, length) =
            if self.length_first { (second, u32::from_be_bytes(*first)) } else { (first, u32::from_le_bytes(*second)) };
        let (start, length) = (self.at + 8, length as usize);
        let end = start.saturating_add(length).min(self.bytes.len());
        self.at = start.saturating_add(length.next_multiple_of(self.pad)).saturating_add(self.trailer);
        Some((name, self.bytes.get(start..end)?))
    }
}
