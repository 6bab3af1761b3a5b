//! Entropy-coded bytes as bits.

/// Takes the entropy-coded bytes from `at` on, up to the next marker, into `out`, without the zero that follows each
/// 0xff. Returns where the marker starts (its 0xff), or the end of the file.
pub(super) fn unstuff(bytes: &[u8], mut at: usize, out: &mut Vec<u8>) -> usize {
    out.clear();
    loop {
        let rest = bytes.get(at..).unwrap_or(&[]);
        let plain = find_ff(rest);
        out.extend_from_slice(rest.get(..plain).unwrap_or(rest));
        at += plain;
        match rest.get(plain + 1) {
            Some(0) => out.push(0xff),
            _ => return at.min(bytes.len()),
        }
        at += 2;
    }
}

/// Where the first 0xff is; the length when there is none.
fn find_ff(bytes: &[u8]) -> usize {
    let (chunks, _) = bytes.as_chunks::<32>();
    // No early end inside a chunk, so that 32 bytes are compared at once.
    let has_ff = |chunk: &[u8; 32]| chunk.iter().fold(false, |seen, &byte| seen | (byte == 0xff));
    let from = chunks.iter().position(has_ff).unwrap_or(chunks.len()) * 32;
    let tail = bytes.get(from..).unwrap_or(&[]);
    from + tail.iter().position(|&byte| byte == 0xff).unwrap_or(tail.len())
}

/// Reads bits, first bit of a byte first. Behind the end there are zeros without limit; [`Bits::is_over`] tells.
#[derive(Clone)]
pub(super) struct Bits<'a> {
    /// From the first byte that is not in `buffer` as a whole.
    rest: &'a [u8],
    /// How many bytes there are in all, and how many were taken behind them.
    bytes: usize,
    beyond: usize,
    /// The next `count` bits from the top; below them may stand some of those that follow.
    buffer: u64,
    count: u32,
}

impl<'a> Bits<'a> {
    /// From the first bit of `bytes`.
    pub(super) fn new(bytes: &'a [u8]) -> Bits<'a> {
        Bits { rest: bytes, bytes: bytes.len(), beyond: 0, buffer: 0, count: 0 }
    }

    /// Bits taken so far.
    #[inline(always)]
    pub(super) fn place(&self) -> usize {
        (self.bytes - self.rest.len() + self.beyond) * 8 - self.count as usize
    }

    /// Whether more bits were taken than there are, or there never were any.
    pub(super) fn is_over(&self) -> bool {
        self.bytes == 0 || self.place() > self.bytes * 8
    }

    /// Makes at least 56 bits ready to be seen and taken: enough for the longest code with its value.
    #[inline(always)]
    pub(super) fn refill(&mut self) {
        // Never more than the eight bytes that are looked at.
        let whole = ((63 - self.count) >> 3) as usize & 7;
        let word = match self.rest.first_chunk() {
            Some(eight) => {
                self.rest = self.rest.get(whole..).unwrap_or(&[]);
                u64::from_be_bytes(*eight)
            }
            None => self.last_bytes(whole),
        };
        // Bits loaded twice are the same bits at the same place.
        self.buffer |= word >> self.count;
        self.count |= 56;
    }

    #[cold]
    fn last_bytes(&mut self, whole: usize) -> u64 {
        let mut eight = [0; 8];
        for (to, from) in eight.iter_mut().zip(self.rest) {
            *to = *from;
        }
        self.beyond += whole.saturating_sub(self.rest.len());
        self.rest = self.rest.get(whole..).unwrap_or(&[]);
        u64::from_be_bytes(eight)
    }

    /// The next bits, from the top.
    #[inline(always)]
    pub(super) fn peek(&self) -> u64 {
        self.buffer
    }

    /// Goes on by `count` bits that are ready.
    #[inline(always)]
    pub(super) fn skip(&mut self, count: u32) {
        self.buffer <<= count;
        self.count -= count;
    }

    /// Takes 0 to 16 bits as a number.
    #[inline(always)]
    pub(super) fn take(&mut self, count: u32) -> u32 {
        self.refill();
        let bits = ((self.buffer >> 1) >> (63 - count)) as u32;
        self.skip(count);
        bits
    }
}

/// The value that is in the top `size` bits (0 to 15): those that start with a zero are negative.
#[inline(always)]
pub(super) fn extend(top: u64, size: u32) -> i32 {
    let negative = !((top as i64) >> 63) as u64;
    let bits = (((top ^ negative) >> 1) >> (63 - size)) as i32;
    let negative = negative as i32;
    (bits ^ negative) - negative
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_are_those_of_the_standard() {
        let value = |bits: u64, size: u32| extend(bits << (64 - size), size);
        assert_eq!([value(0, 1), value(1, 1)], [-1, 1]);
        assert_eq!([value(0, 2), value(1, 2), value(2, 2), value(3, 2)], [-3, -2, 2, 3]);
        assert_eq!([value(0, 10), value(1023, 10)], [-1023, 1023]);
        assert_eq!([extend(0, 0), extend(u64::MAX, 0)], [0, 0]);
    }

    #[test]
    fn stuffing_goes_and_markers_end() {
        let mut out = Vec::new();
        let mut file = vec![7; 100];
        file.extend([0xff, 0x00, 1, 0xff, 0xd0, 9]);
        assert_eq!(unstuff(&file, 0, &mut out), 103);
        assert_eq!((out.len(), &out[99..]), (102, &[7, 0xff, 1][..]));
        assert_eq!(unstuff(&file, 105, &mut out), 106);
        assert_eq!(out, [9]);
        assert_eq!(unstuff(&[1, 0xff], 0, &mut out), 1);
        assert_eq!(unstuff(&[], 5, &mut out), 0);
    }

    proptest! {
        #[test]
        fn bits_come_in_order_and_zeros_behind_them(
            bytes in prop::collection::vec(any::<u8>(), 0..40), takes in prop::collection::vec(0u32..=16, 0..60),
        ) {
            let mut bits = Bits::new(&bytes);
            let mut at = 0;
            for count in takes {
                let expected = (at..at + count as usize).fold(0, |sum, bit| {
                    let byte = bytes.get(bit / 8).copied().unwrap_or(0);
                    sum * 2 + u32::from(byte >> (7 - bit % 8) & 1)
                });
                prop_assert_eq!(bits.take(count), expected);
                at += count as usize;
                prop_assert_eq!(bits.is_over(), bytes.is_empty() || at > bytes.len() * 8);
            }
        }
    }
}
