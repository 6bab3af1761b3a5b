//! Whole words: a common one costs less than its letters one by one, which are as likely in any order.

use std::collections::HashMap;

/// Bits of the most common word of a list.
const FIRST: f32 = 6.0;
/// Bits of a word written with a capital, or in capitals.
const CAPITAL: f32 = 1.5;

/// A language's common words.
pub(super) struct Words {
    bits: HashMap<&'static str, f32>,
    /// Characters of the longest.
    longest: usize,
    /// Whether words stand by themselves, as they do where they are parted by blanks.
    are_parted: bool,
}

impl Words {
    /// Of a list with the most common word first: twice as far down is half as common.
    pub(super) fn new(list: &'static str, are_parted: bool) -> Words {
        let ranked = list.split(' ').zip(0u16..);
        let bits: HashMap<_, _> =
            ranked.map(|(word, place)| (word, FIRST + (1.0 + f32::from(place) / 25.0).log2())).collect();
        let longest = bits.keys().map(|word| word.chars().count()).max().unwrap_or(0);
        Words { bits, longest, are_parted }
    }

    /// The least that a text costs whose characters by themselves cost `each`, where words may stand for some of them.
    pub(super) fn cost(&self, letters: &[char], each: &[f32]) -> f32 {
        // What the text up to each place costs.
        let mut least = vec![0.0_f32; letters.len() + 1];
        let mut word = String::new();
        for end in 1..=letters.len() {
            let at = |costs: &[f32], place: usize| costs.get(place).copied().unwrap_or(0.0);
            let mut best = at(&least, end - 1) + at(each, end - 1);
            let starts = (end.saturating_sub(self.longest)..end).rev();
            // A word has no ASCII in it.
            for start in starts.take_while(|start| letters.get(*start).is_some_and(|letter| !letter.is_ascii())) {
                let Some(run) = letters.get(start..end).filter(|run| run.len() > 1) else { continue };
                if self.are_parted && !is_parted(letters, start, end) {
                    continue;
                }
                word.clear();
                word.extend(run.iter().flat_map(|letter| letter.to_lowercase()));
                if let Some(bits) = self.bits.get(word.as_str()) {
                    best = best.min(at(&least, start) + bits + capitals(run).unwrap_or(f32::INFINITY));
                }
            }
            if let Some(slot) = least.get_mut(end) {
                *slot = best;
            }
        }
        least.last().copied().unwrap_or(0.0)
    }
}

/// Whether no letter touches a run of letters.
fn is_parted(letters: &[char], start: usize, end: usize) -> bool {
    let is_letter =
        |place: Option<usize>| place.and_then(|place| letters.get(place)).is_some_and(|one| one.is_alphabetic());
    !is_letter(start.checked_sub(1)) && !is_letter(Some(end))
}

/// Bits of how a word is cased; `None` where no word is.
fn capitals(word: &[char]) -> Option<f32> {
    let (first, rest) = word.split_first()?;
    let are_small = rest.iter().all(|letter| !letter.is_uppercase());
    match first.is_uppercase() {
        false => are_small.then_some(0.0),
        true => (are_small || rest.iter().all(|letter| !letter.is_lowercase())).then_some(CAPITAL),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(words: &Words, text: &str) -> f32 {
        let letters: Vec<char> = text.chars().collect();
        words.cost(&letters, &vec![10.0; letters.len()])
    }

    #[test]
    fn a_word_stands_for_its_letters_where_it_stands_alone() {
        let words = Words::new("да нет", true);
        for (text, bits) in [
            ("да", FIRST),
            ("Да", FIRST + CAPITAL),
            ("ДА", FIRST + CAPITAL),
            ("да да", 2.0 * FIRST + 10.0),
            ("да-да", 2.0 * FIRST + 10.0),
        ] {
            assert!((cost(&words, text) - bits).abs() < 1e-3, "{text}: {}", cost(&words, text));
        }
        for text in ["дада", "дА", "xда", "дaа", "д"] {
            assert!((cost(&words, text) - 10.0 * text.chars().count() as f32).abs() < 1e-3, "{text}");
        }
        let parts = Words::new("谢谢 价格", false);
        assert!((cost(&parts, "谢谢价格") - 2.0 * FIRST).abs() < 0.1);
        assert!((cost(&parts, "一谢谢一") - FIRST - 20.0).abs() < 0.1);
    }
}
