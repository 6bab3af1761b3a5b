//! Modules to payload: format, mask, blocks, error correction with erasures, and how much proof there is.

use rxing::common::cpp_essentials::DecoderResult;
use rxing::qrcode::common::{ErrorCorrectionLevel, Version};
use rxing::qrcode::cpp_port::decoder::DecodeBitStream;

use super::reed_solomon;
use super::soft::Soft;

/// What a code says.
pub struct Payload {
    pub decoded: DecoderResult<bool>,
    pub mirrored: bool,
    pub version: u8,
    pub level: char,
}

/// Formats that are tried: the likeliest, and one more where the format bits are damaged.
const FORMATS: usize = 2;
/// Proof wanted of every block, in bits: how unlikely chance is to give one that can be mended with as few changes.
const LEAST_PROOF: f32 = 20.0;
/// The same where doubtful codewords were left out: each number of them is one more guess.
const LEAST_PROOF_ERASED: f32 = 28.0;

/// Reads a sampled code; `None` where it cannot be, or where chance could have made it.
pub(super) fn read(soft: &Soft) -> Option<Payload> {
    for sharpen in [0.0, 0.6] {
        let soft = if sharpen == 0.0 { soft.clone() } else { soft.sharpened(sharpen) };
        let mirrored = soft.mirrored();
        let mut formats: Vec<(f32, bool, u16)> = Vec::with_capacity(64);
        for (soft, is_mirrored) in [(&soft, false), (&mirrored, true)] {
            formats.extend((0..32).map(|format| (agreement(soft, format), is_mirrored, format)));
        }
        formats.sort_by(|a, b| b.0.total_cmp(&a.0));
        for &(agreement, is_mirrored, format) in formats.iter().take(FORMATS) {
            // Of 30 bits a chance format agrees in 15: a sum of 0. A right one with a quarter wrong has 0.5.
            if agreement < 0.3 {
                break;
            }
            let soft = if is_mirrored { &mirrored } else { &soft };
            if let Some(payload) = read_as(soft, format, is_mirrored) {
                return Some(payload);
            }
        }
    }
    None
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

/// How well both copies of the format bits agree, from -1 to 1.
fn agreement(soft: &Soft, format: u16) -> f32 {
    let bits = format_bits(format);
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

fn is_masked(mask: u16, column: usize, row: usize) -> bool {
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

fn read_as(soft: &Soft, format: u16, mirrored: bool) -> Option<Payload> {
    let number = u8::try_from((soft.side - 17) / 4).ok()?;
    let version = Version::getVersionForNumber(u32::from(number)).ok()?;
    let (level, letter) = match format >> 3 {
        0 => (ErrorCorrectionLevel::M, 'M'),
        1 => (ErrorCorrectionLevel::L, 'L'),
        2 => (ErrorCorrectionLevel::H, 'H'),
        _ => (ErrorCorrectionLevel::Q, 'Q'),
    };
    let reserved = version.buildFunctionPattern().ok()?;
    let codewords = codewords(soft, format & 7, |column, row| reserved.get(column as u32, row as u32));
    let ec_blocks = version.getECBlocksForLevel(level);
    let check = ec_blocks.getECCodewordsPerBlock() as usize;
    let sizes: Vec<usize> = ec_blocks
        .getECBlocks()
        .iter()
        .flat_map(|group| std::iter::repeat_n(group.getDataCodewords() as usize, group.getCount() as usize))
        .collect();
    let mut data = Vec::new();
    for block in deal(&codewords, &sizes, check) {
        data.extend(mend(&block, check)?);
    }
    let decoded = DecodeBitStream(&data, version, level).ok().filter(DecoderResult::isValid)?;
    Some(Payload { decoded, mirrored, version: number, level: letter })
}

/// A codeword and how sure its least sure module is.
type Codeword = (u8, f32);

/// Takes the modules off in the order they were laid: pairs of columns from the right, up and down in turn.
fn codewords(soft: &Soft, mask: u16, is_reserved: impl Fn(usize, usize) -> bool) -> Vec<Codeword> {
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

/// The data of a block, corrected: as it is, then with more and more of its least sure codewords left out.
fn mend(block: &[Codeword], check: usize) -> Option<Vec<u8>> {
    let mut doubtful: Vec<usize> = (0..block.len()).collect();
    let surety = |index: usize| block.get(index).map_or(0.0, |codeword| codeword.1);
    doubtful.sort_by(|&a, &b| surety(a).total_cmp(&surety(b)));
    for eighths in [0, 2, 3, 4, 5, 6] {
        let erased = check * eighths / 8;
        let mut bytes: Vec<u8> = block.iter().map(|codeword| codeword.0).collect();
        let Some(wrong) = reed_solomon::correct(&mut bytes, check, doubtful.get(..erased)?) else { continue };
        let proof = proof(block.len() - erased, check - erased, wrong);
        if proof < if erased == 0 { LEAST_PROOF } else { LEAST_PROOF_ERASED } {
            continue;
        }
        bytes.truncate(block.len() - check);
        return Some(bytes);
    }
    None
}

/// Minus the binary logarithm of the chance that random codewords can be mended by changing `wrong` of `length`.
fn proof(length: usize, check: usize, wrong: usize) -> f32 {
    let choices: f32 = (0..wrong).map(|index| ((length - index) as f32 / (index + 1) as f32).log2()).sum();
    8.0 * check as f32 - 8.0 * wrong as f32 - choices
}
