//! Modules to payload: format, mask, blocks, error correction with erasures, and how much proof there is.

use super::super::content::{Message, Symbol};
use super::layout::{self, CodeBlock, FormatInfo};
use super::reed_solomon;
use super::soft_modules::{Greys, Soft};

/// What a code says.
pub(crate) struct SymbolPayload {
    pub message: Message,
    pub mirrored: bool,
    pub version: u8,
    pub level: char,
    /// Share of the error correction that the worst block used: 0 for none, 1 for all.
    pub ecc_used: f32,
}

/// Formats that are tried: the likeliest, and one more where the format bits are damaged.
const FORMATS: usize = 2;
/// Proof wanted of every block, in bits: how unlikely chance is to give one that can be corrected with as few changes.
const LEAST_PROOF: f32 = 20.0;
/// The same where doubtful codewords were left out: each number of them is one more guess.
const LEAST_PROOF_ERASED: f32 = 28.0;

/// Agreement of the format bits of a code that is seen well, but for its light.
const CLEAR_FORMAT: f32 = 0.7;

/// Reads a sampled code; `None` where it cannot be, or where chance could have made it.
pub(super) fn read(greys: &Greys) -> Option<SymbolPayload> {
    let mut known = Vec::new();
    let plain = read_soft(&greys.soft(), &mut known).or_else(|| read_soft(&greys.soft_in_patches(), &mut known));
    // Where not even the format is clear, it is not for the light that the rest is not.
    if plain.is_some() || !known.iter().any(|known| known.agreement >= CLEAR_FORMAT) {
        return plain;
    }
    read_soft(&greys.in_shadow().soft(), &mut known).or_else(|| read_soft(&greys.in_glare().soft(), &mut known))
}

/// A block's data, corrected, and the share of its error correction that this used.
type CorrectedBlock = (Vec<u8>, f32);

/// The blocks of one code as they were corrected best so far, if it has that format and is mirrored or not: each way to see
/// its modules may correct others.
struct KnownBlocks {
    format: FormatInfo,
    mirrored: bool,
    /// How well the format bits agreed when they were seen first.
    agreement: f32,
    blocks: Vec<Option<CorrectedBlock>>,
}

fn read_soft(soft: &Soft, known: &mut Vec<KnownBlocks>) -> Option<SymbolPayload> {
    for sharpen in [0.0, 0.6] {
        let soft = if sharpen == 0.0 { soft.clone() } else { soft.sharpened(sharpen) };
        let mirrored = soft.mirrored();
        let mut formats: Vec<(f32, bool, FormatInfo)> = Vec::with_capacity(64);
        for (soft, is_mirrored) in [(&soft, false), (&mirrored, true)] {
            formats.extend(FormatInfo::all().map(|format| (layout::agreement(soft, format), is_mirrored, format)));
        }
        formats.sort_by(|a, b| b.0.total_cmp(&a.0));
        for &(agreement, is_mirrored, format) in formats.iter().take(FORMATS) {
            // Of 30 bits a chance format agrees in 15: a sum of 0. A right one with a quarter wrong has 0.5.
            if agreement < 0.3 {
                break;
            }
            let soft = if is_mirrored { &mirrored } else { &soft };
            let is_known = |known: &KnownBlocks| known.format == format && known.mirrored == is_mirrored;
            let at = known.iter().position(is_known).unwrap_or(known.len());
            if at == known.len() {
                known.push(KnownBlocks { format, mirrored: is_mirrored, agreement, blocks: Vec::new() });
            }
            if let Some(payload) = known.get_mut(at).and_then(|known| read_as(soft, known)) {
                return Some(payload);
            }
        }
    }
    None
}

fn read_as(soft: &Soft, known: &mut KnownBlocks) -> Option<SymbolPayload> {
    let (number, version) = layout::version(soft.side)?;
    let (_, letter) = known.format.level();
    let blocks = layout::blocks(soft, version, known.format)?;
    known.blocks.resize(blocks.len(), None);
    let mut failed = 0;
    for (index, (block, best)) in blocks.iter().zip(&mut known.blocks).enumerate() {
        let now = correct_soft(block);
        // The way that needs least of the error correction is the one that saw it best.
        let share = |fixed: &Option<CorrectedBlock>| fixed.as_ref().map_or(f32::INFINITY, |fixed| fixed.1);
        if share(&now) < share(best) {
            *best = now;
        }
        failed += usize::from(best.is_none());
        // Where most blocks fail it is not a code, or not seen well enough.
        if failed > index / 2 + 1 {
            return None;
        }
    }
    let mut data = Vec::new();
    let mut used = 0f32;
    for fixed in &known.blocks {
        let (bytes, share) = fixed.as_ref()?;
        data.extend_from_slice(bytes);
        used = used.max(*share);
    }
    let message = Message::parse(&data, Symbol { version: number, is_model_1: false })?;
    Some(SymbolPayload { message, mirrored: known.mirrored, version: number, level: letter, ecc_used: used })
}

/// Corrects a block (data, then `check` check codewords) that another reader saw, whose modules are dark or light and no
/// more; the share of its error correction that this used, or `None` where it cannot be corrected.
pub(crate) fn correct_hard(block: &mut [u8], check: usize) -> Option<f32> {
    reed_solomon::correct(block, check, &[]).map(|wrong| share_used(check, wrong, 0))
}

/// The share of a block's error correction that a correction used: a codeword found wrong costs two check codewords, one
/// left out costs one.
fn share_used(check: usize, wrong: usize, erased: usize) -> f32 {
    let most = (check & !1).max(1);
    ((2 * wrong + erased) as f32 / most as f32).min(1.0)
}

/// Corrects a block: as it is, then with more and more of its least sure codewords left out.
fn correct_soft(block: &CodeBlock) -> Option<CorrectedBlock> {
    let CodeBlock { codewords, check } = block;
    let read: Vec<u8> = codewords.iter().map(|codeword| codeword.0).collect();
    let syndromes = reed_solomon::syndromes(&read, *check);
    let mut doubtful: Vec<usize> = (0..codewords.len()).collect();
    let surety = |index: usize| codewords.get(index).map_or(0.0, |codeword| codeword.1);
    for eighths in [0, 2, 3, 4, 5, 6] {
        if eighths == 2 {
            doubtful.sort_by(|&a, &b| surety(a).total_cmp(&surety(b)));
        }
        let erased = check * eighths / 8;
        let mut bytes = read.clone();
        let Some(wrong) = reed_solomon::correct_by(&syndromes, &mut bytes, doubtful.get(..erased)?) else { continue };
        let proof = proof(codewords.len() - erased, check - erased, wrong);
        if proof < if erased == 0 { LEAST_PROOF } else { LEAST_PROOF_ERASED } {
            continue;
        }
        bytes.truncate(codewords.len() - check);
        return Some((bytes, share_used(*check, wrong, erased)));
    }
    None
}

/// Minus the binary logarithm of the chance that random codewords can be corrected by changing `wrong` of `length`.
fn proof(length: usize, check: usize, wrong: usize) -> f32 {
    let choices: f32 = (0..wrong).map(|index| ((length - index) as f32 / (index + 1) as f32).log2()).sum();
    8.0 * check as f32 - 8.0 * wrong as f32 - choices
}

#[cfg(test)]
mod tests {
    use super::*;
    use qrcode::{Color, EcLevel, QrCode};
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    const TEXT: &str = "https://example.com/x";

    fn code(version: i16, level: EcLevel) -> QrCode {
        QrCode::with_version(TEXT, qrcode::Version::Normal(version), level).unwrap()
    }

    fn soft(code: &QrCode) -> Soft {
        let value = |color: &Color| if *color == Color::Dark { -1.0 } else { 1.0 };
        Soft { side: code.width(), values: code.to_colors().iter().map(value).collect() }
    }

    #[test]
    fn of_several_ways_to_see_a_block_the_one_that_needs_least_correction_counts() {
        // Version 7 at level Q has six blocks.
        let clean = soft(&code(7, EcLevel::Q));
        let mut random = ChaCha8Rng::seed_from_u64(7);
        let mut seen = 0;
        for _ in 0..200 {
            let mut values = clean.values.clone();
            values.iter_mut().filter(|_| random.random_bool(0.05)).for_each(|value| *value *= -1.0);
            let mut known = Vec::new();
            let damaged = read_soft(&Soft { side: clean.side, values }, &mut known);
            let is_fixed = |known: &KnownBlocks| known.blocks.iter().flatten().any(|fixed| fixed.1 > 0.5);
            if damaged.is_none() && known.iter().any(is_fixed) {
                assert_eq!(read_soft(&clean, &mut known).unwrap().ecc_used, 0.0);
                seen += 1;
            }
        }
        assert!(seen > 5, "{seen}");
    }

    #[test]
    fn tells_how_much_of_the_error_correction_was_used() {
        // Version 2 at level M: 16 check codewords correct 8. The two columns on the right hold a codeword in four rows.
        let clean = soft(&code(2, EcLevel::M));
        assert_eq!(read_soft(&clean, &mut Vec::new()).unwrap().ecc_used, 0.0);
        let mut values = clean.values.clone();
        for wrong in 1..=4usize {
            values[(28 - 4 * wrong) * 25 + 24] *= -1.0;
            let soft = Soft { side: 25, values: values.clone() };
            assert_eq!(read_soft(&soft, &mut Vec::new()).unwrap().ecc_used, wrong as f32 / 8.0);
        }
    }

    /// Damage from a little to far beyond what can be corrected, hard and soft: the right text or none.
    #[test]
    fn damage_beyond_capacity_gives_no_text() {
        let mut random = ChaCha8Rng::seed_from_u64(21);
        let (mut right, mut none) = (0, 0);
        for round in 0..600i32 {
            let level = [EcLevel::L, EcLevel::M, EcLevel::Q, EcLevel::H][round as usize % 4];
            let clean = soft(&code(3 + (round / 4 % 5) as i16, level));
            let share = f64::from(round % 60) / 100.0;
            let in_stripe = random.random_bool(0.3);
            let mut values = clean.values.clone();
            let count = values.len();
            for (index, value) in values.iter_mut().enumerate() {
                let hit = if in_stripe { index < (count as f64 * share) as usize } else { true };
                if hit && random.random_bool(if in_stripe { 0.5 } else { share }) {
                    *value = -*value;
                }
                // Some readers know how sure they are, and some are sure and wrong.
                *value *= random.random_range(0.05f32..1.2);
            }
            match read_soft(&Soft { side: clean.side, values }, &mut Vec::new()) {
                Some(payload) => {
                    assert_eq!(payload.message.content().unwrap().text, TEXT, "round {round}");
                    right += 1;
                }
                None => none += 1,
            }
        }
        assert!(right > 50 && none > 200, "{right} {none}");
    }

    #[test]
    fn shuffled_codewords_and_noise_give_no_text() {
        let mut random = ChaCha8Rng::seed_from_u64(22);
        for round in 0..600usize {
            let clean = soft(&code(1 + (round % 7) as i16 + 1, EcLevel::L));
            let side = clean.side;
            let mut values = clean.values.clone();
            // Right format and patterns around noise, or around modules that belong elsewhere.
            let swaps = side * side * (round % 3 + 1);
            for _ in 0..swaps {
                let mut place = || random.random_range(0..side) * side + random.random_range(0..side);
                let (a, b) = (place(), place());
                let is_data = |at: usize| at / side > 8 && at % side > 8;
                if is_data(a) && is_data(b) {
                    values.swap(a, b);
                }
            }
            if round % 2 == 0 {
                for (_, value) in values.iter_mut().enumerate().filter(|(at, _)| at / side > 8 || at % side > 8) {
                    *value = random.random_range(-1.0f32..1.0);
                }
            }
            assert!(read_soft(&Soft { side, values }, &mut Vec::new()).is_none(), "round {round}");
        }
    }
}
