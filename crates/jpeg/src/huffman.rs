//! Huffman codes through look-up tables.

use super::bits::{Bits, extend};
use super::coefficients::token;

/// Bits that the first look sees. Longer codes are rare by their nature.
const LOOK: u32 = 10;
/// Bits that a look for whole tokens sees.
const PAIR_LOOK: u32 = 11;
/// Bits that a skipping look sees: several short codes at once.
const SKIP_LOOK: u32 = 11;
/// Looks of either kind that the bits of one refill are enough for.
pub(super) const LOOKS: u32 = 56 / 11;

/// What a code says, with all that the loop over a block's coefficients needs. Zero is not a symbol.
#[derive(Clone, Copy, Default)]
pub(super) struct HuffmanSymbol(u32);

impl HuffmanSymbol {
    /// `symbol` is a run of zeros in its upper half and the size of a value in its lower half.
    fn new(symbol: u8, code_bits: u32) -> HuffmanSymbol {
        let (run, size) = (u32::from(symbol >> 4), u32::from(symbol & 15));
        // Without a value only a run of 16 zeros goes on; all others end the block.
        let (zeros, advance) = if size > 0 || run == 15 { (run, run + 1) } else { (0, 64) };
        HuffmanSymbol((code_bits + size) | size << 8 | zeros << 12 | advance << 16 | code_bits << 23 | run << 28)
    }

    /// Bits of code and value.
    #[inline(always)]
    pub(super) fn bits(self) -> u32 {
        self.0 & 0xff
    }

    /// Bits of the value behind the code.
    #[inline(always)]
    pub(super) fn size(self) -> u32 {
        self.0 >> 8 & 15
    }

    /// Zeros before the value in a sequential scan; 0 when this ends the block.
    #[inline(always)]
    pub(super) fn zeros(self) -> u32 {
        self.0 >> 12 & 15
    }

    /// Coefficients to go on by in a sequential scan: to behind the block when this ends it.
    #[inline(always)]
    pub(super) fn advance(self) -> usize {
        (self.0 >> 16 & 0x7f) as usize
    }

    /// Bits of the code alone.
    #[inline(always)]
    pub(super) fn code_bits(self) -> u32 {
        self.0 >> 23 & 31
    }

    /// The upper half: zeros before the value, or in a progressive scan the exponent of a run of ended blocks.
    #[inline(always)]
    pub(super) fn run(self) -> u32 {
        self.0 >> 28
    }
}

/// One Huffman table.
pub(super) struct HuffmanTable {
    fast: Box<[HuffmanSymbol; 1 << LOOK]>,
    /// For each code length the first code too large for it, from the top of 16 bits, and what to add to a code's
    /// number for its place in `symbols`.
    ends: [(u32, i32); 17],
    symbols: Vec<u8>,
}

impl HuffmanTable {
    /// From the body of a table segment behind its class and number: how many codes of each length, then their symbols.
    /// `None` when there are more codes than a length allows.
    pub(super) fn new(counts: &[u8; 16], symbols: &[u8]) -> Option<HuffmanTable> {
        let mut table = HuffmanTable {
            fast: Box::new([HuffmanSymbol::default(); 1 << LOOK]),
            ends: [(0, 0); 17],
            symbols: symbols.to_vec(),
        };
        let (mut code, mut place) = (0u32, 0usize);
        for (bits, &count) in (1u32..).zip(counts) {
            let first = code;
            for &symbol in symbols.get(place..place + usize::from(count))? {
                if bits <= LOOK {
                    let from = (code << (LOOK - bits)) as usize;
                    let entries = table.fast.get_mut(from..from + (1 << (LOOK - bits)))?;
                    entries.fill(HuffmanSymbol::new(symbol, bits));
                }
                code += 1;
            }
            if code > 1 << bits {
                return None;
            }
            *table.ends.get_mut(bits as usize)? = (code << (16 - bits), place as i32 - first as i32);
            place += usize::from(count);
            code <<= 1;
        }
        Some(table)
    }

    /// Whether every symbol is a size of 0 to 15 bits without a run, as those of a first coefficient must be.
    pub(super) fn is_of_sizes(&self) -> bool {
        self.symbols.iter().all(|&symbol| symbol < 16)
    }

    /// The symbol at the top of `peeked`. Bits that are not a code end the block, and 16 of them are taken.
    #[inline(always)]
    pub(super) fn symbol(&self, peeked: u64) -> HuffmanSymbol {
        let symbol = self.fast[(peeked >> (64 - LOOK)) as usize];
        if symbol.0 == 0 { self.long(peeked) } else { symbol }
    }

    #[cold]
    #[inline(never)]
    fn long(&self, peeked: u64) -> HuffmanSymbol {
        let code = (peeked >> 48) as u32;
        for (bits, &(end, offset)) in (0u32..).zip(&self.ends).skip(LOOK as usize + 1) {
            if code < end {
                let place = (code >> (16 - bits)) as i32 + offset;
                let symbol = usize::try_from(place).ok().and_then(|place| self.symbols.get(place));
                return symbol.map_or(HuffmanSymbol::new(0, 16), |&symbol| HuffmanSymbol::new(symbol, bits));
            }
        }
        HuffmanSymbol::new(0, 16)
    }
}

/// One or two whole tokens of a block, value and all, found at one look, from the lowest bit on: bits taken (8 bits),
/// coefficients gone over by all but the last (8 bits; as many as a block has where one look is not enough), by all (8 bits),
/// tokens (8 bits), the first and the second of them (16 bits each).
#[derive(Clone, Copy)]
pub(super) struct Pair(u64);

impl Pair {
    /// One look is not enough.
    const NONE: Pair = Pair(64 << 8);

    /// The tokens; the second means nothing when there is but one.
    #[inline(always)]
    pub(super) fn tokens(self) -> [u16; 2] {
        [(self.0 >> 32) as u16, (self.0 >> 48) as u16]
    }

    /// Bits of all tokens.
    #[inline(always)]
    pub(super) fn bits(self) -> u32 {
        // What the next look waits for.
        self.0 as u32 & 0xff
    }

    /// The part of it that comes before the last token.
    #[inline(always)]
    pub(super) fn lead(self) -> usize {
        (self.0 >> 8) as usize & 0xff
    }

    /// Coefficients to go on by.
    #[inline(always)]
    pub(super) fn advance(self) -> usize {
        (self.0 >> 16) as usize & 0xff
    }

    /// How many tokens.
    #[inline(always)]
    pub(super) fn count(self) -> usize {
        (self.0 >> 24) as usize & 0xff
    }
}

/// The coefficients of Y but the first, as tokens.
pub(super) struct Tokens<'a> {
    pairs: Box<[Pair; 1 << PAIR_LOOK]>,
    pub table: &'a HuffmanTable,
}

impl<'a> Tokens<'a> {
    /// Coded by `table`.
    pub(super) fn new(table: &'a HuffmanTable) -> Tokens<'a> {
        let mut pairs = Box::new([Pair::NONE; 1 << PAIR_LOOK]);
        for (index, pair) in (0u64..).zip(pairs.iter_mut()) {
            let (mut seen, mut bits) = (index << (64 - PAIR_LOOK), 0);
            let mut all = 0;
            for count in 0..2 {
                let symbol = table.symbol(seen);
                bits += symbol.bits();
                if bits > PAIR_LOOK || all >= 64 {
                    break;
                }
                let token = token(symbol.zeros(), extend(seen << symbol.code_bits(), symbol.size()));
                let lead = all;
                all += symbol.advance() as u64;
                pair.0 = (pair.0 & 0xffff << 32) | u64::from(token) << (32 + 16 * count);
                pair.0 |= u64::from(bits) | lead << 8 | all << 16 | (count + 1) << 24;
                seen <<= symbol.bits();
            }
        }
        Tokens { pairs, table }
    }

    /// What is at the top of `peeked`.
    #[inline(always)]
    pub(super) fn pair(&self, peeked: u64) -> Pair {
        self.pairs[(peeked >> (64 - PAIR_LOOK)) as usize]
    }
}

/// Several symbols of a block whose coefficients nobody wants: bits, coefficients that they go over (as many as a block has
/// where one look is not enough), and the same with what is left of the block where the last one ends it.
#[derive(Clone, Copy)]
struct Jump {
    bits: u8,
    over: u8,
    advance: u8,
}

/// Goes over blocks, several symbols at a look.
pub(super) struct Skipper<'a> {
    jumps: Box<[Jump; 1 << SKIP_LOOK]>,
    table: &'a HuffmanTable,
}

impl<'a> Skipper<'a> {
    /// For blocks whose coefficients but the first are coded by `table`.
    pub(super) fn new(table: &'a HuffmanTable) -> Skipper<'a> {
        let mut jumps = Box::new([Jump { bits: 0, over: 64, advance: 64 }; 1 << SKIP_LOOK]);
        for (index, jump) in (0u64..).zip(jumps.iter_mut()) {
            let seen = index << (64 - SKIP_LOOK);
            let (mut bits, mut over, mut ends) = (0, 0, false);
            while !ends {
                let symbol = table.symbol(seen << bits);
                if bits + symbol.bits() > SKIP_LOOK {
                    break;
                }
                bits += symbol.bits();
                ends = symbol.advance() == 64;
                over += if ends { 0 } else { symbol.advance() };
            }
            if bits > 0 {
                *jump = Jump { bits: bits as u8, over: over as u8, advance: if ends { 64 } else { over as u8 } };
            }
        }
        Skipper { jumps, table }
    }

    /// Goes to the end of the block; the first coefficient is behind.
    #[inline(always)]
    pub(super) fn skip(&self, bits: &mut Bits) {
        let mut at = 1usize;
        loop {
            bits.refill();
            for _ in 0..LOOKS {
                let jump = self.jumps[(bits.peek() >> (64 - SKIP_LOOK)) as usize];
                if at + usize::from(jump.over) >= 64 {
                    // A long code, or the block may end within the jump.
                    bits.refill();
                    let symbol = self.table.symbol(bits.peek());
                    bits.skip(symbol.bits());
                    at += symbol.advance();
                    if at >= 64 {
                        return;
                    }
                    break;
                }
                bits.skip(u32::from(jump.bits));
                at += usize::from(jump.advance);
                if at >= 64 {
                    return;
                }
            }
        }
    }
}
