//! One component of a picture after its entropy coding is undone, kept small.

/// Coefficients of one block, first in the order of the bits ("zigzag").
pub(super) type Block = [i16; 64];

/// Ends a block's tokens before its 64th coefficient.
pub(super) const END: u16 = 0;

/// A coefficient other than the first in 16 bits: its value (12 bits, the uppermost, two's complement), then how many zeros come
/// before it (4 bits). A run of 15 with the value 0 is 16 zeros. Values of pictures of 8 bits need 11.
#[inline(always)]
pub(super) fn token(run: u32, value: i32) -> u16 {
    (value.clamp(-2047, 2047) as u16) << 4 | (run & 15) as u16
}

/// The zeros before a token's value, and the value.
#[inline(always)]
pub(super) fn open(token: u16) -> (usize, i32) {
    (usize::from(token & 15), i32::from(token as i16 >> 4))
}

/// One component of a JPEG picture as quantized coefficients: two bytes for each that is not zero.
pub struct Coefficients {
    /// Samples of the component.
    pub(super) width: usize,
    pub(super) height: usize,
    /// Blocks in a row of blocks, with those that only fill up the last unit.
    pub(super) across: usize,
    /// What each coefficient is to be multiplied with, in the order of the bits.
    pub(super) steps: [u16; 64],
    /// How many cells of 16 by 16 pixels have more edges of blueness and of redness than of brightness, where that is known.
    pub(super) tinted: Option<[u32; 2]>,
    /// The first coefficient of every block, row after row.
    pub(super) first: Vec<i16>,
    /// The tokens of each row of blocks; blocks missing at a row's end are zero.
    pub(super) rows: Vec<BlockRow>,
}

/// The tokens of a row of blocks.
pub(super) struct BlockRow {
    pub(super) tokens: Box<[u16]>,
    /// Where those of every [`MARKED`]th block begin, so that a part of a picture is made without a walk over all that is to its
    /// left.
    pub(super) marks: Box<[u32]>,
}

/// One block in so many has a mark.
pub(super) const MARKED: usize = 16;

impl BlockRow {
    /// The tokens from a block on.
    pub(super) fn after(&self, blocks: usize) -> &[u16] {
        let mark = blocks / MARKED;
        let Some(&start) = self.marks.get(mark) else { return &[] };
        let mut rest = self.tokens.get(start as usize..).unwrap_or(&[]).iter();
        for _ in mark * MARKED..blocks {
            let mut at = 1;
            while at < 64 {
                let Some(&token) = rest.next().filter(|token| **token != END) else { break };
                at += open(token).0 + 1;
            }
        }
        rest.as_slice()
    }

    pub(super) fn bytes(&self) -> usize {
        size_of::<BlockRow>() + size_of_val::<[u16]>(&self.tokens) + size_of_val::<[u32]>(&self.marks)
    }
}

impl Coefficients {
    /// Pixels in a row at full size.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows at full size.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Bytes that they take.
    pub fn bytes(&self) -> u64 {
        let tokens: usize = self.rows.iter().map(BlockRow::bytes).sum();
        (tokens + size_of_val(self.first.as_slice())) as u64
    }
}

/// Writes the tokens of a block behind its first coefficient.
pub(super) fn tokens_of(block: &Block, out: &mut Vec<u16>) {
    let mut run = 0;
    for (index, eight) in block.as_chunks::<8>().0.iter().enumerate() {
        if eight.iter().fold(0, |any, &value| any | value) == 0 {
            run += if index == 0 { 7 } else { 8 };
            continue;
        }
        for (at, &value) in eight.iter().enumerate() {
            if index == 0 && at == 0 {
                continue;
            }
            if value == 0 {
                run += 1;
                continue;
            }
            for _ in 0..run / 16 {
                out.push(token(15, 0));
            }
            out.push(token(run % 16, i32::from(value)));
            run = 0;
        }
    }
    if run > 0 {
        out.push(END);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_row_goes_on_from_any_block(counts in prop::collection::vec(0usize..5, 1..70)) {
            let (mut tokens, mut marks, mut starts) = (Vec::new(), Vec::new(), Vec::new());
            for (index, &count) in counts.iter().enumerate() {
                starts.push(tokens.len());
                if index % MARKED == 0 {
                    marks.push(tokens.len() as u32);
                }
                tokens.extend((0..count).map(|value| token(1, value as i32 + 1)));
                tokens.push(END);
            }
            let row = BlockRow { tokens: tokens.clone().into(), marks: marks.into() };
            for (block, &start) in starts.iter().enumerate() {
                prop_assert_eq!(row.after(block), &tokens[start..]);
            }
            prop_assert!(row.after(counts.len() + MARKED).is_empty());
        }

        #[test]
        fn tokens_hold_the_block(places in prop::collection::vec((1usize..64, -2047i16..=2047), 0..64), first in any::<i16>()) {
            let mut block = [0; 64];
            for (at, value) in places {
                block[at] = value;
            }
            block[0] = first;
            let mut tokens = Vec::new();
            tokens_of(&block, &mut tokens);
            let (mut read, mut at) = ([0i16; 64], 1);
            let mut rest = tokens.iter();
            while at < 64 {
                let token = *rest.next().unwrap();
                if token == END {
                    break;
                }
                let (zeros, value) = open(token);
                at += zeros;
                read[at] = value as i16;
                at += 1;
            }
            prop_assert!(rest.next().is_none());
            prop_assert_eq!(&read[1..], &block[1..]);
        }
    }
}
