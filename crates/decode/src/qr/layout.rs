//! Where a code keeps what: format bits, mask, the order of its modules, and how codewords are dealt out to blocks.

use rxing::qrcode::common::{ErrorCorrectionLevel, Version};

use super::soft_modules::Soft;

/// Level and mask of a code: five bits, as its format bits carry them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct FormatInfo(pub u16);

impl FormatInfo {
    /// Every format there is.
    pub(super) fn all() -> impl Iterator<Item = FormatInfo> {
        (0..32).map(FormatInfo)
    }

    /// The level as rxing names it, and its letter.
    pub(super) fn level(self) -> (ErrorCorrectionLevel, char) {
        match self.0 >> 3 {
            0 => (ErrorCorrectionLevel::M, 'M'),
            1 => (ErrorCorrectionLevel::L, 'L'),
            2 => (ErrorCorrectionLevel::H, 'H'),
            _ => (ErrorCorrectionLevel::Q, 'Q'),
        }
    }
}

/// A block of a code as it was read.
pub(super) struct CodeBlock {
    /// Data codewords, then check codewords.
    pub codewords: Vec<Codeword>,
    /// How many of them are check codewords.
    pub check: usize,
}

/// The blocks of a sampled code of that format; `None` where no code has its size.
pub(super) fn blocks(soft: &Soft, version: &Version, format: FormatInfo) -> Option<Vec<CodeBlock>> {
    let reserved = version.buildFunctionPattern().ok()?;
    let codewords = codewords(soft, (format.0 & 7) as u8, |column, row| reserved.get(column as u32, row as u32));
    let (sizes, check) = block_sizes(version, format.level().0);
    Some(deal(&codewords, &sizes, check).into_iter().map(|codewords| CodeBlock { codewords, check }).collect())
}

/// Data codewords of each block, the shorter blocks first, and check codewords of any.
pub(crate) fn block_sizes(version: &Version, level: ErrorCorrectionLevel) -> (Vec<usize>, usize) {
    let ec_blocks = version.getECBlocksForLevel(level);
    let groups = ec_blocks.getECBlocks().iter();
    let sizes =
        groups.flat_map(|group| std::iter::repeat_n(group.getDataCodewords() as usize, group.getCount() as usize));
    (sizes.collect(), ec_blocks.getECCodewordsPerBlock() as usize)
}

/// The version of a code so many modules wide.
pub(super) fn version(side: usize) -> Option<(u8, &'static Version)> {
    let number = u8::try_from(side.checked_sub(17)? / 4).ok()?;
    let version = Version::getVersionForNumber(u32::from(number)).ok()?;
    (usize::from(number) * 4 + 17 == side).then_some((number, version))
}

/// The 15 format bits of a level and mask (5 bits), the highest first as they lie in the code.
fn format_bits(format: u16) -> u16 {
    let mut rest = format << 10;
    for bit in (10..15).rev() {
        if rest >> bit & 1 == 1 {
            rest ^= 0x537 << (bit - 10);
        }
    }
    (format << 10 | rest) ^ 0x5412
}

/// The 18 bits that tell a version from 7 on.
pub(super) fn version_bits(version: usize) -> u32 {
    let version = version as u32;
    let mut rest = version << 12;
    for bit in (12..18).rev() {
        if rest >> bit & 1 == 1 {
            rest ^= 0x1f25 << (bit - 12);
        }
    }
    version << 12 | rest
}

/// How well both copies of the format bits agree, from -1 to 1.
pub(super) fn agreement(soft: &Soft, format: FormatInfo) -> f32 {
    let bits = format_bits(format.0);
    let last = soft.side - 1;
    const NEAR: [(usize, usize); 15] = [
        (0, 8),
        (1, 8),
        (2, 8),
        (3, 8),
        (4, 8),
        (5, 8),
        (7, 8),
        (8, 8),
        (8, 7),
        (8, 5),
        (8, 4),
        (8, 3),
        (8, 2),
        (8, 1),
        (8, 0),
    ];
    let mut sum = 0.0;
    for (index, (column, row)) in NEAR.into_iter().enumerate() {
        let sign = if bits >> (14 - index) & 1 == 1 { -1.0 } else { 1.0 };
        let far = if index < 7 { soft.at(8, last - index) } else { soft.at(last - 14 + index, 8) };
        sum += sign * (soft.at(column, row).clamp(-1.0, 1.0) + far.clamp(-1.0, 1.0));
    }
    sum / 30.0
}

/// Whether the data mask turns a module over.
pub(crate) fn is_masked(mask: u8, column: usize, row: usize) -> bool {
    match mask {
        0 => (row + column).is_multiple_of(2),
        1 => row.is_multiple_of(2),
        2 => column.is_multiple_of(3),
        3 => (row + column).is_multiple_of(3),
        4 => (row / 2 + column / 3).is_multiple_of(2),
        5 => (row * column) % 2 + (row * column) % 3 == 0,
        6 => ((row * column) % 2 + (row * column) % 3).is_multiple_of(2),
        _ => ((row + column) % 2 + (row * column) % 3).is_multiple_of(2),
    }
}

/// A codeword and how sure its least sure module is.
pub(super) type Codeword = (u8, f32);

/// Takes the modules off in the order they were laid: pairs of columns from the right, up and down in turn.
fn codewords(soft: &Soft, mask: u8, is_reserved: impl Fn(usize, usize) -> bool) -> Vec<Codeword> {
    let side = soft.side;
    let mut codewords = Vec::with_capacity(side * side / 8);
    let (mut byte, mut surety, mut bits) = (0u8, f32::MAX, 0);
    let mut upward = true;
    let rights = (1..side).rev().step_by(2).map(|right| if right <= 6 { right - 1 } else { right });
    for right in rights {
        for step in 0..side {
            let row = if upward { side - 1 - step } else { step };
            for column in [right, right.wrapping_sub(1)] {
                if column >= side || is_reserved(column, row) {
                    continue;
                }
                let value = soft.at(column, row);
                let dark = (value < 0.0) != is_masked(mask, column, row);
                byte = byte << 1 | u8::from(dark);
                surety = surety.min(value.abs());
                bits += 1;
                if bits == 8 {
                    codewords.push((byte, surety));
                    (byte, surety, bits) = (0, f32::MAX, 0);
                }
            }
        }
        upward = !upward;
    }
    codewords
}

/// Deals interleaved codewords out to blocks of the given data sizes, each followed by its check codewords.
fn deal(codewords: &[Codeword], sizes: &[usize], check: usize) -> Vec<Vec<Codeword>> {
    let mut blocks: Vec<Vec<Codeword>> = sizes.iter().map(|size| Vec::with_capacity(size + check)).collect();
    let mut next = codewords.iter().copied();
    for index in 0..sizes.iter().copied().max().unwrap_or(0) {
        for (block, &size) in blocks.iter_mut().zip(sizes) {
            if index < size {
                block.extend(next.next());
            }
        }
    }
    for _ in 0..check {
        for block in &mut blocks {
            block.extend(next.next());
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    #[test]
    fn version_bits_are_those_of_the_standard() {
        assert_eq!([7, 8, 21, 40].map(super::version_bits), [0x07c94, 0x085bc, 0x15683, 0x28c69]);
    }
}
