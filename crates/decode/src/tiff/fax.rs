//! Rows of CCITT compression: modified Huffman, group 3 in one and two dimensions, group 4. The code tables are those of
//! the crate `fax`, whose own decoders know neither rows without marks nor group 3 in two dimensions.

use fax::BitReader;
use fax::maps::{Mode, black, mode, white};

use super::page::Packing;

/// The bits of a strip. Behind its end all are zero, which is not a code.
struct FaxBits<'a> {
    bytes: &'a [u8],
    /// Bits consumed.
    at: usize,
}

impl BitReader for FaxBits<'_> {
    type Error = ();

    fn peek(&self, bits: u8) -> Option<u16> {
        let byte = |index: usize| u32::from(self.bytes.get(index).copied().unwrap_or(0));
        let from = self.at / 8;
        let three = byte(from) << 16 | byte(from + 1) << 8 | byte(from + 2);
        let bits = u32::from(bits).min(16);
        Some((three << (8 + self.at % 8) >> 16 >> (16 - bits)) as u16)
    }

    fn consume(&mut self, bits: u8) -> Result<(), ()> {
        self.at += usize::from(bits);
        Ok(())
    }

    fn bits_to_byte_boundary(&self) -> u8 {
        ((8 - self.at % 8) % 8) as u8
    }
}

impl FaxBits<'_> {
    fn is_over(&self) -> bool {
        self.at >= self.bytes.len() * 8
    }

    /// Passes over a mark between rows, with the zeros that may be before it. `false` where there is none.
    fn take_mark(&mut self) -> bool {
        let mut at = self.at;
        let mut zeros = 0;
        while let Some(byte) = self.bytes.get(at / 8) {
            let bit = byte >> (7 - at % 8) & 1;
            at += 1;
            if bit == 0 {
                zeros += 1;
            } else if zeros >= 11 {
                self.at = at;
                return true;
            } else {
                return false;
            }
        }
        false
    }

    /// Goes to the next mark and over it; `false` where there is none.
    fn find_mark(&mut self) -> bool {
        while !self.is_over() {
            if self.peek(11) == Some(0) {
                return self.take_mark();
            }
            self.at += 1;
        }
        false
    }

    /// The length of a run: of any number of parts, the last below 64. `None` for what is not a code.
    fn run(&mut self, is_black: bool, most: usize) -> Option<usize> {
        let mut sum = 0;
        loop {
            let part = usize::from(if is_black { black::decode(self) } else { white::decode(self) }?);
            sum += part;
            if part < 64 {
                return Some(sum);
            }
            if sum > most {
                return None;
            }
        }
    }
}

/// Where in a strip or tile the next row starts, and what is known of the one before.
pub(super) struct FaxState {
    /// Bits passed.
    at: usize,
    packing: Packing,
    width: usize,
    /// Where the row before changes its colour, and this one, first to black.
    above: Vec<usize>,
    row: Vec<usize>,
    has_ended: bool,
}

impl FaxState {
    pub(super) fn new(packing: Packing, width: usize) -> FaxState {
        FaxState { at: 0, packing, width, above: Vec::new(), row: Vec::new(), has_ended: false }
    }

    /// Writes the next row, a bit a pixel, black as 1. Behind the last row all is white. A row that is broken ends where
    /// it is, and the next begins at the next mark; `false` where none can be found.
    pub(super) fn next(&mut self, bytes: &[u8], out: &mut [u8]) -> bool {
        out.fill(0);
        if self.has_ended {
            return true;
        }
        self.row.clear();
        let mut bits = FaxBits { bytes, at: self.at };
        let is_whole = match self.packing {
            Packing::FaxRows => {
                bits.at = bits.at.next_multiple_of(8);
                self.read_runs(&mut bits)
            }
            Packing::FaxGroup3 { two_dimensional } => self.read_group3(&mut bits, two_dimensional),
            _ => self.read_by_above(&mut bits),
        };
        let Some(is_whole) = is_whole else {
            self.has_ended = true;
            return true;
        };
        for change in self.row.as_chunks::<2>().0 {
            fill(out, change[0], change[1].min(self.width));
        }
        if let Some(&from) = self.row.last().filter(|_| self.row.len() % 2 == 1) {
            fill(out, from, self.width);
        }
        std::mem::swap(&mut self.row, &mut self.above);
        self.at = bits.at;
        if is_whole {
            return true;
        }
        // Only group 3 has marks to go on at; the mark is left for the next row.
        let can_go_on = matches!(self.packing, Packing::FaxGroup3 { .. }) && bits.find_mark();
        // Its twelve bits; zeros before them are passed over again.
        self.at = bits.at.saturating_sub(12);
        self.has_ended = !can_go_on;
        can_go_on
    }

    /// A row between marks, several of which end the page. `None` at the end.
    fn read_group3(&mut self, bits: &mut FaxBits<'_>, two_dimensional: bool) -> Option<bool> {
        let mut marks = 0;
        let mut by_above = false;
        while bits.take_mark() {
            marks += 1;
            if two_dimensional {
                by_above = bits.peek(1) == Some(0);
                bits.at += 1;
            }
        }
        if marks >= 6 || bits.is_over() {
            return None;
        }
        if by_above { self.read_by_above(bits) } else { self.read_runs(bits) }
    }

    /// A row of runs; whether it is whole. `None` at the end.
    fn read_runs(&mut self, bits: &mut FaxBits<'_>) -> Option<bool> {
        if bits.is_over() {
            return None;
        }
        let (mut at, mut is_black) = (0, false);
        while at < self.width {
            let Some(run) = bits.run(is_black, self.width) else { return Some(false) };
            at += run;
            if at < self.width {
                self.row.push(at);
            }
            is_black = !is_black;
        }
        Some(at == self.width)
    }

    /// A row by the changes of the one above; whether it is whole. `None` at the end.
    fn read_by_above(&mut self, bits: &mut FaxBits<'_>) -> Option<bool> {
        if bits.is_over() {
            return None;
        }
        let (mut at, mut is_black, mut is_first) = (0usize, false, true);
        while at < self.width {
            // The first change above that is right of here and to the other colour, and the one behind it.
            let mut next = self.above.partition_point(|&change| change < at || (change == at && !is_first));
            if (next % 2 == 1) != is_black {
                next += 1;
            }
            let change = |index: usize| self.above.get(index).copied().unwrap_or(self.width);
            let (b1, b2) = (change(next), change(next + 1));
            match mode::decode(bits) {
                Some(Mode::Pass) => at = b2,
                Some(Mode::Vertical(by)) => {
                    let to = b1.checked_add_signed(isize::from(by)).filter(|&to| to >= at && to <= self.width);
                    let Some(to) = to else { return Some(false) };
                    at = to;
                    self.row.push(at);
                    is_black = !is_black;
                }
                Some(Mode::Horizontal) => {
                    for is_black in [is_black, !is_black] {
                        let Some(run) = bits.run(is_black, self.width) else { return Some(false) };
                        at += run;
                        self.row.push(at.min(self.width));
                    }
                }
                Some(Mode::EOF) if is_first => return None,
                Some(Mode::Extension | Mode::EOF) | None => return Some(false),
            }
            is_first = false;
        }
        Some(at == self.width)
    }
}

/// Sets the bits from one to before another.
fn fill(out: &mut [u8], from: usize, to: usize) {
    if from >= to {
        return;
    }
    let (first, last) = (from / 8, to / 8);
    let (head, tail) = (0xffu8 >> (from % 8), !(0xffu8 >> (to % 8)));
    if first == last {
        if let Some(byte) = out.get_mut(first) {
            *byte |= head & tail;
        }
        return;
    }
    if let Some(byte) = out.get_mut(first) {
        *byte |= head;
    }
    if let Some(bytes) = out.get_mut(first + 1..last) {
        bytes.fill(0xff);
    }
    if let Some(byte) = out.get_mut(last) {
        *byte |= tail;
    }
}
