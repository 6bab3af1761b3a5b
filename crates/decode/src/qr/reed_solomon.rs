//! Reed–Solomon over GF(256) as QR codes use it, with erasures: codewords known to be doubtful count half.

/// x^8 + x^4 + x^3 + x^2 + 1.
const POLYNOMIAL: u16 = 0x11d;

const TABLES: ([u8; 512], [u8; 256]) = tables();

const fn tables() -> ([u8; 512], [u8; 256]) {
    let (mut exp, mut log) = ([0u8; 512], [0u8; 256]);
    let (mut value, mut power) = (1u16, 0);
    while power < 255 {
        exp[power] = value as u8;
        exp[power + 255] = value as u8;
        log[value as usize] = power as u8;
        value <<= 1;
        if value > 255 {
            value ^= POLYNOMIAL;
        }
        power += 1;
    }
    (exp, log)
}

/// 2 to the power of `power`, which may be up to 509.
const fn power_of_2(power: usize) -> u8 {
    TABLES.0[power]
}

const fn log(value: u8) -> usize {
    TABLES.1[value as usize] as usize
}

/// The product in GF(256).
pub(crate) const fn multiply(a: u8, b: u8) -> u8 {
    if a == 0 || b == 0 { 0 } else { power_of_2(log(a) + log(b)) }
}

fn inverse(value: u8) -> u8 {
    power_of_2(255 - log(value))
}

/// The value at `x` of the polynomial whose lowest coefficient comes first.
fn value_at(polynomial: &[u8], x: u8) -> u8 {
    polynomial.iter().rev().fold(0, |sum, &coefficient| multiply(sum, x) ^ coefficient)
}

/// Corrects `block` (data, then `check` check codewords) in place and returns how many codewords outside `erased` were
/// wrong; `None`, with the block as it was, where that cannot be done. `erased` are places in the block, each once.
pub(super) fn correct(block: &mut [u8], check: usize, erased: &[usize]) -> Option<usize> {
    if check > block.len() || block.len() > 255 {
        return None;
    }
    correct_by(&syndromes(block, check), block, erased)
}

/// The same with the block's [`syndromes`], one for each check codeword.
pub(super) fn correct_by(syndromes: &[u8], block: &mut [u8], erased: &[usize]) -> Option<usize> {
    let (length, check) = (block.len(), syndromes.len());
    if check > length || length > 255 || erased.len() > check || erased.iter().any(|&at| at >= length) {
        return None;
    }
    if syndromes.iter().all(|&syndrome| syndrome == 0) {
        return Some(0);
    }
    // A codeword at index i stands for the power length - 1 - i.
    let mut locator = vec![1u8];
    for &at in erased {
        let root = power_of_2(length - 1 - at);
        locator.push(0);
        for index in (1..locator.len()).rev() {
            locator[index] ^= multiply(locator[index - 1], root);
        }
    }
    let mut locator = berlekamp_massey(syndromes, locator, erased.len())?;
    let degree = locator.iter().rposition(|&coefficient| coefficient != 0)?;
    let wrong = degree.checked_sub(erased.len())?;
    if 2 * wrong + erased.len() > check {
        return None;
    }
    locator.truncate(degree + 1);
    let places = roots(&locator, length);
    if places.len() != degree {
        return None;
    }
    let evaluator: Vec<u8> = (0..check)
        .map(|power| {
            let terms = locator.iter().take(power + 1).enumerate();
            terms.fold(0, |sum, (index, &coefficient)| sum ^ multiply(coefficient, syndromes[power - index]))
        })
        .collect();
    // The formal derivative keeps the odd powers only.
    let odd: Vec<u8> = locator.iter().enumerate().map(|(at, &c)| if at % 2 == 1 { c } else { 0 }).collect();
    let before = block.to_vec();
    for place in places {
        let x = power_of_2(255 - place);
        let slope = multiply(value_at(&odd, x), inverse(x));
        if slope == 0 {
            block.copy_from_slice(&before);
            return None;
        }
        block[length - 1 - place] ^= multiply(multiply(value_at(&evaluator, x), inverse(slope)), power_of_2(place));
    }
    if self::syndromes(block, check).iter().any(|&syndrome| syndrome != 0) {
        block.copy_from_slice(&before);
        return None;
    }
    Some(wrong)
}

/// The powers, below `length`, of the codewords that an error locator says are wrong.
fn roots(locator: &[u8], length: usize) -> Vec<usize> {
    // Its value at all of them at once, term after term: the logarithm goes down by the term's degree from one to the next.
    let mut values = [0u8; 255];
    for (degree, &coefficient) in locator.iter().enumerate().filter(|(_, coefficient)| **coefficient != 0) {
        let mut power = log(coefficient);
        for value in values.iter_mut().take(length) {
            *value ^= power_of_2(power);
            power = if power < degree { power + 255 - degree } else { power - degree };
        }
    }
    values.iter().take(length).enumerate().filter(|(_, value)| **value == 0).map(|(place, _)| place).collect()
}

/// The values of a block at the first `check` powers of 2: all are 0 where nothing is wrong.
pub(super) fn syndromes(block: &[u8], check: usize) -> Vec<u8> {
    let mut syndromes = vec![0u8; check];
    let places = block.iter().rev().enumerate().filter(|(_, codeword)| **codeword != 0);
    for (place, &codeword) in places {
        let mut power = log(codeword);
        for syndrome in &mut syndromes {
            *syndrome ^= power_of_2(power);
            power += place;
            power = if power < 255 { power } else { power - 255 };
        }
    }
    syndromes
}

/// The shortest error locator that explains the syndromes, starting from the one of the `erased` erasures.
fn berlekamp_massey(syndromes: &[u8], erasures: Vec<u8>, erased: usize) -> Option<Vec<u8>> {
    let size = syndromes.len() + 1;
    let mut current = erasures;
    current.resize(size, 0);
    let (mut previous, mut next) = (current.clone(), current.clone());
    let mut length = erased;
    for step in erased..syndromes.len() {
        previous.rotate_right(1);
        previous[0] = 0;
        let terms = current.iter().zip(syndromes[..=step].iter().rev());
        let discrepancy = terms.fold(0, |sum, (&coefficient, &syndrome)| sum ^ multiply(coefficient, syndrome));
        if discrepancy == 0 {
            continue;
        }
        for ((next, &current), &previous) in next.iter_mut().zip(&current).zip(&previous) {
            *next = current ^ multiply(discrepancy, previous);
        }
        if 2 * length <= step + erased {
            length = step + 1 + erased - length;
            let scale = inverse(discrepancy);
            for (previous, &current) in previous.iter_mut().zip(&current) {
                *previous = multiply(current, scale);
            }
        }
        std::mem::swap(&mut current, &mut next);
    }
    (length <= syndromes.len()).then_some(current)
}

/// The block of the data: its check codewords are what is left when it is divided by the generator.
#[cfg(test)]
pub(crate) fn encode(data: &[u8], check: usize) -> Vec<u8> {
    let mut generator = vec![1u8];
    for power in 0..check {
        generator.push(0);
        for index in (1..generator.len()).rev() {
            generator[index] ^= multiply(generator[index - 1], power_of_2(power));
        }
    }
    let mut rest = data.to_vec();
    rest.resize(data.len() + check, 0);
    for index in 0..data.len() {
        let lead = rest[index];
        for (offset, &coefficient) in generator.iter().enumerate() {
            rest[index + offset] ^= multiply(coefficient, lead);
        }
    }
    let mut block = data.to_vec();
    block.extend_from_slice(&rest[data.len()..]);
    block
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn corrects_what_the_budget_allows(
            data in prop::collection::vec(any::<u8>(), 1..120),
            check in 7usize..31,
            damage in prop::collection::vec((any::<prop::sample::Index>(), 1u8..), 0..31),
            share in 0usize..31,
        ) {
            let block = encode(&data, check);
            let mut places: Vec<(usize, u8)> = damage.iter().map(|(at, by)| (at.index(block.len()), *by)).collect();
            places.sort();
            places.dedup_by_key(|(at, _)| *at);
            // The first `share` places are known to be doubtful.
            let erased: Vec<usize> = places.iter().take(share).map(|(at, _)| *at).collect();
            let unknown = places.len() - erased.len();
            let mut read = block.clone();
            places.iter().for_each(|(at, by)| read[*at] ^= by);
            let damaged = read.clone();
            let wrong = correct(&mut read, check, &erased);
            if erased.len() + 2 * unknown <= check {
                prop_assert_eq!(wrong, Some(unknown));
                prop_assert_eq!(read, block);
            } else if wrong.is_none() {
                prop_assert_eq!(read, damaged);
            } else {
                prop_assert!(syndromes(&read, check).iter().all(|&syndrome| syndrome == 0));
            }
        }
    }

    #[test]
    fn refuses_what_makes_no_sense() {
        assert_eq!(correct(&mut [1, 2, 3], 4, &[]), None);
        assert_eq!(correct(&mut [0; 300], 4, &[]), None);
        assert_eq!(correct(&mut [1, 2, 3], 2, &[3]), None);
        assert_eq!(correct(&mut [0; 10], 4, &[1]), Some(0));
    }
}
