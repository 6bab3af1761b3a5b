//! Coefficients to bits, with the tables of ITU-T T.81, Annex K.3.

use super::transform::QuantizedBlock;

/// A table as the file has it.
pub(super) struct HuffmanTable {
    /// 0 for the mean of a block and 16 for the rest, plus 0 for brightness and 1 for colour.
    pub class_and_id: u8,
    /// Codes of each length from 1 to 16 bits.
    pub counts: [u8; 16],
    /// What they stand for, shortest first.
    pub values: &'static [u8],
}

const MEANS: [u8; 12] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];

/// All four.
pub(super) const TABLES: [HuffmanTable; 4] = [
    HuffmanTable { class_and_id: 0x00, counts: [0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0], values: &MEANS },
    HuffmanTable {
        class_and_id: 0x10,
        counts: [0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 0x7d],
        values: &[
            0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06, 0x13, 0x51, 0x61, 0x07, 0x22, 0x71,
            0x14, 0x32, 0x81, 0x91, 0xa1, 0x08, 0x23, 0x42, 0xb1, 0xc1, 0x15, 0x52, 0xd1, 0xf0, 0x24, 0x33, 0x62, 0x72,
            0x82, 0x09, 0x0a, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2a, 0x34, 0x35, 0x36, 0x37,
            0x38, 0x39, 0x3a, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4a, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59,
            0x5a, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x83,
            0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9a, 0xa2, 0xa3,
            0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6, 0xb7, 0xb8, 0xb9, 0xba, 0xc2, 0xc3,
            0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda, 0xe1, 0xe2,
            0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8, 0xe9, 0xea, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa,
        ],
    },
    HuffmanTable { class_and_id: 0x01, counts: [0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0], values: &MEANS },
    HuffmanTable {
        class_and_id: 0x11,
        counts: [0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 0x77],
        values: &[
            0x00, 0x01, 0x02, 0x03, 0x11, 0x04, 0x05, 0x21, 0x31, 0x06, 0x12, 0x41, 0x51, 0x07, 0x61, 0x71, 0x13, 0x22,
            0x32, 0x81, 0x08, 0x14, 0x42, 0x91, 0xa1, 0xb1, 0xc1, 0x09, 0x23, 0x33, 0x52, 0xf0, 0x15, 0x62, 0x72, 0xd1,
            0x0a, 0x16, 0x24, 0x34, 0xe1, 0x25, 0xf1, 0x17, 0x18, 0x19, 0x1a, 0x26, 0x27, 0x28, 0x29, 0x2a, 0x35, 0x36,
            0x37, 0x38, 0x39, 0x3a, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4a, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58,
            0x59, 0x5a, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a,
            0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9a,
            0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6, 0xb7, 0xb8, 0xb9, 0xba,
            0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda,
            0xe2, 0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8, 0xe9, 0xea, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa,
        ],
    },
];

/// The codes of one kind of block: bits and how many.
pub(super) struct Code {
    means: [(u16, u8); 256],
    rest: [(u16, u8); 256],
}

impl Code {
    /// For brightness.
    pub(super) fn luma() -> Self {
        Self { means: codes(&TABLES[0]), rest: codes(&TABLES[1]) }
    }

    /// For colour.
    pub(super) fn chroma() -> Self {
        Self { means: codes(&TABLES[2]), rest: codes(&TABLES[3]) }
    }
}

/// Codes of one length count up; each further bit doubles.
fn codes(table: &HuffmanTable) -> [(u16, u8); 256] {
    let mut codes = [(0, 0); 256];
    let (mut next, mut values) = (0u32, table.values.iter());
    for (length, &count) in (1u8..).zip(&table.counts) {
        for &value in values.by_ref().take(usize::from(count)) {
            codes[usize::from(value)] = (next as u16, length);
            next += 1;
        }
        next <<= 1;
    }
    codes
}

/// Bits into bytes.
pub(super) struct BitWriter {
    out: Vec<u8>,
    /// The lowest `count` bits are not written yet.
    bits: u64,
    count: u32,
}

impl BitWriter {
    /// Writes behind what is there.
    pub(super) fn new(out: Vec<u8>) -> Self {
        Self { out, bits: 0, count: 0 }
    }

    /// Writes a block; `before` is the mean of the one before it of the same component.
    #[inline]
    pub(super) fn block(&mut self, block: &QuantizedBlock, before: &mut i32, code: &Code) {
        let mean = i32::from(block.levels[0]);
        self.number(mean - *before, 0, &code.means);
        *before = mean;
        let mut zeros = 0;
        for &level in block.levels.iter().take(block.reach).skip(1) {
            if level == 0 {
                zeros += 1;
                continue;
            }
            while zeros > 15 {
                let (bits, length) = code.rest[0xf0];
                self.put(bits.into(), length.into());
                zeros -= 16;
            }
            self.number(level.into(), zeros, &code.rest);
            zeros = 0;
        }
        if zeros > 0 || block.reach < 64 {
            let (bits, length) = code.rest[0];
            self.put(bits.into(), length.into());
        }
    }

    /// A number behind so many zeros: the code of both, then the number's own bits.
    #[inline(always)]
    fn number(&mut self, number: i32, zeros: u32, codes: &[(u16, u8); 256]) {
        let size = 32 - number.unsigned_abs().leading_zeros();
        let (bits, length) = codes[((zeros << 4) | size) as usize & 255];
        // Negative numbers are written one lower.
        let own = (number + (number >> 31)) as u32 & ((1 << size) - 1);
        self.put((u32::from(bits) << size) | own, u32::from(length) + size);
    }

    #[inline(always)]
    fn put(&mut self, bits: u32, length: u32) {
        self.bits = (self.bits << length) | u64::from(bits);
        self.count += length;
        if self.count >= 32 {
            self.count -= 32;
            let word = (self.bits >> self.count) as u32;
            if has_ones(word) {
                word.to_be_bytes().into_iter().for_each(|byte| self.byte(byte));
            } else {
                self.out.extend_from_slice(&word.to_be_bytes());
            }
        }
    }

    /// A byte of ones is followed by a zero.
    fn byte(&mut self, byte: u8) {
        self.out.push(byte);
        if byte == 0xff {
            self.out.push(0);
        }
    }

    /// Fills the last byte with ones.
    pub(super) fn finish(mut self) -> Vec<u8> {
        let free = (8 - self.count % 8) % 8;
        self.bits = (self.bits << free) | ((1 << free) - 1);
        self.count += free;
        while self.count > 0 {
            self.count -= 8;
            self.byte((self.bits >> self.count) as u8);
        }
        self.out
    }
}

/// Whether one of the four bytes is 0xff: whether one of its complement is 0.
fn has_ones(word: u32) -> bool {
    let inverse = !word;
    inverse.wrapping_sub(0x0101_0101) & word & 0x8080_8080 != 0
}
