//! Sampled modules to payload: format, codewords, error correction.
//!
//! rxing does this too. Here the modules are taken off two columns at a time, a block without a wrong codeword costs one
//! division, and how much of the error correction was used is known without doing it all again.

use rxing::common::BitMatrix;
use rxing::qrcode::common::{ErrorCorrectionLevel, FormatInformation, Version};
use rxing::qrcode::cpp_port::Type;

use super::super::content::{Message, Symbol};
use super::super::qr;

/// What sampled modules say.
pub(super) struct ModulePayload {
    pub message: Message,
    pub mirrored: bool,
    pub version: u8,
    pub ecc_level: Option<char>,
    /// Share of the error correction that the worst block used.
    pub ecc_used: f32,
}

/// Reads sampled modules; `None` where they are not a code.
pub(super) fn read(bits: &BitMatrix) -> Option<ModulePayload> {
    let side = bits.height();
    if bits.width() != side || side < 21 || side % 4 != 1 {
        return None;
    }
    let format = format(bits);
    let level = format.error_correction_level;
    let rows = unmasked(bits, &format);
    let is_model_1 = format.qr_type() == Type::Model1;
    let number = (side - 17) / 4;
    let (version, codewords) = if is_model_1 {
        let version = Version::Model1(number).ok()?;
        (version, model_1_codewords(&rows)?)
    } else {
        let version = Version::Model2(number).ok()?;
        (version, codewords(&rows, version)?)
    };
    let (data, ecc_used) = correct_codewords(&codewords, version, level, !is_model_1)?;
    let number = u8::try_from(number).ok()?;
    let message = Message::parse(&data, Symbol { version: number, is_model_1 })?;
    Some(ModulePayload {
        message,
        mirrored: format.isMirrored,
        version: number,
        ecc_level: level.to_string().chars().next(),
        ecc_used,
    })
}

/// The format that both copies of its bits are nearest to, as the code stands or mirrored.
fn format(bits: &BitMatrix) -> FormatInformation {
    let last = bits.height() - 1;
    let pack = |places: &mut dyn Iterator<Item = (u32, u32)>| {
        places.fold(0u32, |packed, (x, y)| packed << 1 | u32::from(bits.get(x, y)))
    };
    // Around the corner of the top left pattern, but for the timing patterns.
    let along = (0..6).chain([7, 8]).map(|x| (x, 8));
    let up = [7].into_iter().chain((0..6).rev()).map(|y| (8, y));
    let near = pack(&mut along.chain(up));
    // Up from the bottom left, the module that is always dark among them, then to the right end.
    let far = pack(&mut (0..8).map(|step| (8, last - step)).chain((0..8).map(|step| (last - 7 + step, 8))));
    FormatInformation::DecodeQR(near, far)
}

/// The rows of a code, a bit a module from the lowest on.
type ModuleRows = Vec<[u64; 4]>;

fn set(row: &mut [u64; 4], x: usize) {
    if let Some(word) = row.get_mut(x / 64) {
        *word |= 1 << (x % 64);
    }
}

/// The modules with the data mask taken off, turned over where the code is mirrored.
fn unmasked(bits: &BitMatrix, format: &FormatInformation) -> ModuleRows {
    let side = bits.height();
    let mut rows: ModuleRows = vec![[0; 4]; side as usize];
    for (y, row) in rows.iter_mut().enumerate() {
        if format.isMirrored {
            (0..side).filter(|&x| bits.get(y as u32, x)).for_each(|x| set(row, x as usize));
        } else {
            let line = bits.getRow(y as u32);
            row.iter_mut().zip(line.getBitArray()).for_each(|(word, &bits)| *word = bits as u64);
        }
    }
    // Every mask repeats after twelve rows.
    let mut masks = [[0u64; 4]; 12];
    for (y, mask) in masks.iter_mut().enumerate() {
        (0..side as usize).filter(|&x| qr::is_masked(format.data_mask, x, y)).for_each(|x| set(mask, x));
    }
    for (row, mask) in rows.iter_mut().zip(masks.iter().cycle()) {
        row.iter_mut().zip(mask).for_each(|(word, mask)| *word ^= mask);
    }
    rows
}

/// The codewords in the order they were laid: pairs of columns from the right, up and down in turn.
fn codewords(rows: &ModuleRows, version: &Version) -> Option<Vec<u8>> {
    let pattern = version.buildFunctionPattern().ok()?;
    let mut reserved: ModuleRows = vec![[0; 4]; rows.len()];
    for (y, row) in reserved.iter_mut().enumerate() {
        let line = pattern.getRow(y as u32);
        row.iter_mut().zip(line.getBitArray()).for_each(|(word, &bits)| *word = bits as u64);
    }
    let mut codewords = Vec::with_capacity(version.getTotalCodewords() as usize);
    let (mut bits, mut count) = (0u32, 0);
    let mut upward = true;
    let rights = (1..rows.len()).rev().step_by(2).map(|right| if right <= 6 { right - 1 } else { right });
    for left in rights.filter_map(|right| right.checked_sub(1)) {
        let mut take = |(row, reserved): (&[u64; 4], &[u64; 4])| {
            let (pair, taken) = (pair_at(row, left), pair_at(reserved, left));
            // The right column comes first; it is the higher bit of the pair.
            for place in [2, 1] {
                if taken & place == 0 {
                    bits = bits << 1 | u32::from(pair & place != 0);
                    count += 1;
                }
            }
            if count >= 8 {
                count -= 8;
                codewords.push((bits >> count) as u8);
            }
        };
        let both = rows.iter().zip(&reserved);
        if upward {
            both.rev().for_each(&mut take);
        } else {
            both.for_each(&mut take);
        }
        upward = !upward;
    }
    (codewords.len() == version.getTotalCodewords() as usize).then_some(codewords)
}

/// The bits at `left` and right of it.
fn pair_at(row: &[u64; 4], left: usize) -> u64 {
    let word = |index: usize| row.get(index).copied().unwrap_or(0);
    let (index, shift) = (left / 64, left % 64);
    if shift == 63 { (word(index) >> 63 | word(index + 1) << 1) & 3 } else { word(index) >> shift & 3 }
}

/// The codewords of a code of the first model (ISO/IEC 18004:2000, annex M): two modules wide along the right and the left,
/// four wide between. As zxing-cpp lays them out; larger versions have one or a few more than their blocks take.
fn model_1_codewords(rows: &ModuleRows) -> Option<Vec<u8>> {
    let side = rows.len();
    let bit =
        |x: usize, y: usize| rows.get(y).and_then(|row| row.get(x / 64)).is_some_and(|word| word >> (x % 64) & 1 == 1);
    let codeword = |x: usize, y: usize, wide: usize| {
        (0..8).fold(0u8, |byte, step| byte << 1 | u8::from(bit(x - step % wide, y - step / wide)))
    };
    let columns = side / 4 + 3;
    let mut codewords = Vec::with_capacity(side * side / 8);
    for column in 0..columns {
        let left = columns - 1 - column;
        if column <= 1 {
            let count = (side - 8) / 4;
            // Every other one at the right edge is an extension pattern.
            let places = (0..count).filter(|&at| column == 1 || at % 2 == 1 || at == 0 || at == count - 1);
            codewords.extend(places.map(|at| codeword(side - 1 - column * 2, side - 1 - at * 4, 2)));
        } else if left <= 3 {
            let x = left * 2 + 1 + usize::from(left == 3);
            codewords.extend((0..(side - 16) / 4).map(|at| codeword(x, side - 9 - at * 4, 2)));
        } else {
            let count = side / 2;
            let is_finder = |at: usize| column == 2 && at + 4 >= count;
            let is_extension = |at: usize| at == 0 && column % 2 == 1 && left != 4;
            let places = (0..count).filter(|&at| !is_finder(at) && !is_extension(at));
            let y = |at: usize| side - 1 - at * 2 - usize::from(at + 3 >= count);
            codewords.extend(places.map(|at| codeword(side + 3 - column * 4, y(at), 4)));
        }
    }
    // The corner belongs to the pattern there.
    *codewords.first_mut()? &= 0xf;
    Some(codewords)
}

/// The data of all blocks, corrected, and the share of the error correction that the worst of them used.
/// `interleaved`: each block's first codeword comes before any second one; else block after block, then all check codewords.
fn correct_codewords(
    codewords: &[u8],
    version: &Version,
    level: ErrorCorrectionLevel,
    interleaved: bool,
) -> Option<(Vec<u8>, f32)> {
    let (sizes, check) = qr::block_sizes(version, level);
    let divisor = Divisor::new(check);
    let shortest = sizes.iter().copied().min()?;
    let total: usize = sizes.iter().sum();
    let mut data = Vec::with_capacity(total);
    let mut used = 0f32;
    let mut block = Vec::new();
    // Blocks with a codeword more come last, and those codewords are after all others.
    let short = sizes.iter().filter(|&&size| size == shortest).count();
    for (index, &size) in sizes.iter().enumerate() {
        block.clear();
        if interleaved {
            block.extend(codewords.iter().skip(index).step_by(sizes.len()).take(shortest));
            if size > shortest {
                block.push(*codewords.get(shortest * sizes.len() + index - short)?);
            }
            block.extend(codewords.iter().skip(total + index).step_by(sizes.len()).take(check));
        } else {
            block.extend(codewords.get(data.len()..data.len() + size)?);
            block.extend(codewords.get(total + index * check..total + (index + 1) * check)?);
        }
        if !divisor.as_ref().is_some_and(|divisor| divisor.divides(&block)) {
            used = used.max(qr::correct_block(&mut block, check)?);
        }
        data.extend(block.get(..size)?);
    }
    Some((data, used))
}

/// The polynomial that every intact block is a multiple of, for its number of check codewords: what one step of dividing
/// by it takes away, for the low and the high half of the codeword in front.
struct Divisor {
    low: [[u128; 2]; 16],
    high: [[u128; 2]; 16],
}

/// Check codewords of the blocks that have most of them, but for codes of the first model.
const MOST_CHECK: usize = 30;

impl Divisor {
    fn new(check: usize) -> Option<Divisor> {
        let mut row = *GENERATORS.get(check)?;
        let mut halves = [[[0; 2]; 16]; 2];
        for half in &mut halves {
            for bit in [1, 2, 4, 8] {
                for index in (0..16).filter(|index| index & bit != 0) {
                    if let Some(sum) = half.get_mut(index) {
                        *sum = [sum[0] ^ row[0], sum[1] ^ row[1]];
                    }
                }
                row = row.map(doubled);
            }
        }
        let [low, high] = halves;
        Some(Divisor { low, high })
    }

    /// Whether no codeword of the block is wrong.
    fn divides(&self, block: &[u8]) -> bool {
        let [mut front, mut back] = [0u128; 2];
        for codeword in block {
            let first = codeword ^ (front >> 120) as u8;
            // Sixteen rows for four bits: the default is never taken.
            let low = self.low.get(usize::from(first & 15)).unwrap_or(&[0; 2]);
            let high = self.high.get(usize::from(first >> 4)).unwrap_or(&[0; 2]);
            front = ((front << 8) | (back >> 120)) ^ low[0] ^ high[0];
            back = (back << 8) ^ low[1] ^ high[1];
        }
        front | back == 0
    }
}

/// Sixteen codewords, each times two in GF(256).
const fn doubled(codewords: u128) -> u128 {
    const ONES: u128 = u128::MAX / 255;
    let carries = (codewords >> 7) & ONES;
    ((codewords & (ONES * 0x7f)) << 1) ^ (carries * 0x1d)
}

/// For each number of check codewords the polynomial (x - 1)(x - 2)(x - 4)... without its leading 1, the highest power
/// in the highest byte of the first half.
const GENERATORS: [[u128; 2]; MOST_CHECK + 1] = generators();

const fn generators() -> [[u128; 2]; MOST_CHECK + 1] {
    let mut all = [[0; 2]; MOST_CHECK + 1];
    // Lowest power first, one coefficient more than check codewords.
    let mut polynomial = [0u8; MOST_CHECK + 1];
    polynomial[0] = 1;
    let (mut check, mut root) = (0, 1);
    while check < MOST_CHECK {
        let mut power = check + 1;
        while power > 0 {
            polynomial[power] = polynomial[power - 1] ^ qr::multiply(polynomial[power], root);
            power -= 1;
        }
        polynomial[0] = qr::multiply(polynomial[0], root);
        check += 1;
        root = qr::multiply(root, 2);
        let (mut packed, mut index) = ([0u128; 2], 0);
        while index < check {
            packed[index / 16] |= (polynomial[check - 1 - index] as u128) << (120 - index % 16 * 8);
            index += 1;
        }
        all[check] = packed;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use qrcode::{Color, EcLevel, QrCode};
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;
    use rxing::qrcode::cpp_port::decoder::Decode;

    fn text_of(payload: &ModulePayload) -> String {
        payload.message.content().unwrap().text
    }

    const LEVELS: [EcLevel; 4] = [EcLevel::L, EcLevel::M, EcLevel::Q, EcLevel::H];

    fn matrix(code: &QrCode, turned_over: bool) -> BitMatrix {
        let side = code.width();
        let mut bits = BitMatrix::new(side as u32, side as u32).unwrap();
        for (at, _) in code.to_colors().iter().enumerate().filter(|(_, color)| **color == Color::Dark) {
            let (x, y) = ((at % side) as u32, (at / side) as u32);
            if turned_over { bits.set(y, x) } else { bits.set(x, y) }
        }
        bits
    }

    /// Every version and level: long and short blocks, one word a row and three.
    #[test]
    fn reads_what_rxing_reads_of_every_version_and_level() {
        for (index, (version, level)) in (1..=40).flat_map(|version| LEVELS.map(|level| (version, level))).enumerate() {
            let text: String =
                (0..version as usize * 3 + 4).map(|at| char::from(b'a' + (at * at % 26) as u8)).collect();
            let code = QrCode::with_version(&text, qrcode::Version::Normal(version), level).unwrap();
            let bits = matrix(&code, index % 3 == 2);
            let payload = read(&bits).unwrap();
            assert_eq!(text_of(&payload), text);
            assert_eq!(Decode(&bits).unwrap().text(), text);
            assert_eq!((payload.version, payload.ecc_used), (version as u8, 0.0));
            assert_eq!(payload.ecc_level, Some(['L', 'M', 'Q', 'H'][index % 4]));
            assert_eq!(payload.mirrored, index % 3 == 2);
        }
    }

    #[test]
    fn a_wrong_codeword_is_seen_wherever_it_is() {
        let mut random = ChaCha8Rng::seed_from_u64(31);
        let mut seen = 0;
        for round in 0..200 {
            let version = 1 + (round % 40) as i16;
            let code = QrCode::with_version("1", qrcode::Version::Normal(version), LEVELS[round % 4]).unwrap();
            let mut bits = matrix(&code, false);
            let side = bits.height();
            // Not the patterns on three sides, nor the format: the lower right half of any code is data mostly.
            let (x, y) = (random.random_range(9..side - 9), random.random_range(9..side - 9));
            bits.flip_coords(x, y);
            let (payload, other) = (read(&bits).unwrap(), Decode(&bits).unwrap());
            assert_eq!((text_of(&payload), other.text()), ("1".to_owned(), "1".to_owned()));
            let used = payload.ecc_used;
            assert!(used <= 0.5, "round {round}: {used}");
            seen += usize::from(used > 0.0);
        }
        // Alignment patterns, and the few modules left over at the end, are not part of any codeword.
        assert!(seen >= 150, "{seen}");
    }

    #[test]
    fn blocks_of_the_first_model_stand_one_after_the_other() {
        let version = Version::Model1(5).unwrap();
        let data: Vec<u8> = (0..46).map(|at| (at * 37 + 11) as u8).collect();
        let mut codewords = data.clone();
        data.chunks(23).for_each(|block| codewords.extend(&qr::encode(block, 44)[23..]));
        let read = |codewords: &[u8]| correct_codewords(codewords, version, ErrorCorrectionLevel::H, false);
        assert_eq!(read(&codewords), Some((data.clone(), 0.0)));
        for wrong in [3, 30, 31, 60, 100] {
            codewords[wrong] ^= 0x5a;
        }
        // Three in the second block, of 22 that can be corrected.
        assert_eq!(read(&codewords), Some((data, 3.0 / 22.0)));
        assert_eq!(correct_codewords(&codewords, version, ErrorCorrectionLevel::H, true), None);
    }

    #[test]
    fn every_version_of_the_first_model_has_its_codewords() {
        let counts = [26, 46, 72, 100, 134, 170, 212, 256, 306, 358, 416, 476, 542, 610];
        for (index, count) in counts.into_iter().enumerate() {
            let codewords = model_1_codewords(&vec![[u64::MAX; 4]; index * 4 + 21]).unwrap();
            assert_eq!((codewords.len(), codewords[0]), (count, 0x0f));
            assert!(codewords[1..].iter().all(|&codeword| codeword == 0xff));
        }
    }

    #[test]
    fn noise_is_no_code() {
        let mut random = ChaCha8Rng::seed_from_u64(32);
        for round in 0..200u32 {
            let side = 21 + round % 40 * 4;
            let mut bits = BitMatrix::new(side, side).unwrap();
            for at in 0..side * side {
                if random.random_bool(0.5) {
                    bits.set(at % side, at / side);
                }
            }
            assert!(read(&bits).is_none());
        }
        assert!(read(&BitMatrix::new(21, 25).unwrap()).is_none());
        assert!(read(&BitMatrix::new(22, 22).unwrap()).is_none());
        assert!(read(&BitMatrix::new(9, 9).unwrap()).is_none());
    }
}
