//! Reading bits from the data codewords.

/// A cursor over the data codewords, most significant bit first.
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    /// Bits read so far.
    at: usize,
}

impl<'a> Bits<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Bits { bytes, at: 0 }
    }

    /// Bits left.
    pub(super) fn left(&self) -> usize {
        (self.bytes.len() * 8).saturating_sub(self.at)
    }

    /// The next `count` bits (24 at most) as a number; `None` where fewer are left.
    pub(super) fn take(&mut self, count: usize) -> Option<u32> {
        let value = self.peek(count)?;
        self.at += count;
        Some(value)
    }

    /// [`Bits::take`] without moving on.
    pub(super) fn peek(&self, count: usize) -> Option<u32> {
        if count > self.left() {
            return None;
        }
        let bit = |at: usize| self.bytes.get(at / 8).map_or(0, |byte| u32::from(byte >> (7 - at % 8) & 1));
        Some((self.at..self.at + count).fold(0, |value, at| value << 1 | bit(at)))
    }
}
