//! What a text costs in bits by its letters and their neighbours.

use std::collections::HashMap;

/// The letters of a language, and which are beside which.
///
/// All of it was counted in the messages of a web framework, the names of places, languages and months, and everyday names
/// and addresses (Django, CLDR, Faker).
pub(super) struct Language {
    /// Letters beyond ASCII by frequency, small ones.
    pub letters: &'static str,
    /// Pairs of letters without anything between, a blank for the edge of a word: those whose second letter follows the
    /// first very often, often, now and then, and seldom ([`AFTER`]). Those of ASCII alone are left out.
    pub pairs: [&'static str; 4],
}

/// How a language's letters are cased and mixed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Casing {
    /// ASCII and some letters more.
    Latin,
    /// An alphabet of its own, which touches ASCII letters seldom.
    Alphabet,
    /// Katakana of half the width: an alphabet that often stands alone.
    HalfWidth,
}

/// Bits of a letter after one that it follows so often: a quarter of the times, a tenth, a twentieth, a fiftieth.
const AFTER: [f32; 4] = [1.5, 2.8, 4.0, 5.4];
/// Bits of a letter beyond ASCII after one of ASCII that it follows: 12, 4, 1.2, 0.3 of a hundred times.
const AFTER_ASCII: [f32; 4] = [2.5, 4.3, 5.8, 7.6];
/// Bits that the end of a word costs where it is neither likely nor unlikely.
const USUAL_END: f32 = 2.5;

/// A language made ready to be asked.
pub(super) struct Model {
    kind: Casing,
    /// Place of a letter in the list as a share of its length.
    ranks: HashMap<char, f32>,
    pairs: HashMap<(char, char), f32>,
    marks: &'static str,
}

impl Model {
    pub(super) fn new(language: &Language, kind: Casing, marks: &'static str) -> Model {
        let count = language.letters.chars().count() as f32;
        let ranks = language.letters.chars().zip(0u16..).map(|(letter, place)| (letter, f32::from(place) / count));
        let mut pairs = HashMap::new();
        for (tier, list) in language.pairs.iter().enumerate() {
            let mut letters = list.chars();
            while let (Some(first), Some(second)) = (letters.next(), letters.next()) {
                let after = if kind == Casing::Latin && first.is_ascii() { AFTER_ASCII } else { AFTER };
                pairs.insert((first, second), after.get(tier).copied().unwrap_or_default());
            }
        }
        Model { kind, ranks: ranks.collect(), pairs, marks }
    }

    pub(super) fn has(&self, letter: char) -> bool {
        self.ranks.contains_key(&small(letter))
    }

    /// Bits of a letter after another, or of the end of a word after its last letter.
    fn after(&self, before: char, letter: char) -> f32 {
        if let Some(bits) = self.pairs.get(&(before, letter)) {
            return *bits;
        }
        let rank = self.ranks.get(&letter).copied().unwrap_or(0.5);
        match self.kind {
            Casing::Latin if letter.is_ascii() => 7.5,
            Casing::Latin => 9.5 + 3.0 * rank,
            Casing::Alphabet => 7.0 + 4.0 * rank,
            Casing::HalfWidth => 5.9 + 1.6 * rank,
        }
    }

    /// Bits of one character. `before` and `after` are its neighbours.
    pub(super) fn bits(&self, letter: char, before: Option<char>, after: Option<char>) -> f32 {
        let is_word = |other: char| self.has(other) || self.kind == Casing::Latin && other.is_ascii_alphabetic();
        let left = before.filter(|before| is_word(*before));
        if letter.is_ascii() {
            // Behind a letter of its own an ASCII letter is a neighbour too, and anything else ends the word.
            return match left.filter(|left| !left.is_ascii()) {
                Some(left) if is_word(letter) => self.after(small(left), small(letter)) + case(letter, Some(left)),
                Some(left) => super::ASCII + self.end(left) + self.touching(letter),
                None => super::ASCII,
            };
        }
        if !self.has(letter) {
            return self.foreign(letter, before, after);
        }
        let mut bits = self.after(left.map_or(' ', small), small(letter)) + case(letter, left);
        if letter.is_lowercase() && left.is_some_and(char::is_uppercase) && after.is_some_and(char::is_uppercase) {
            bits += 4.0;
        }
        bits += before.map_or(0.0, |before| self.touching(before));
        let is_alone = left.is_none() && !after.is_some_and(is_word);
        bits += match (self.kind, is_alone) {
            (Casing::HalfWidth, true) => 12.0,
            (Casing::Alphabet, true) => 6.0,
            (Casing::Latin, true) => 3.0,
            (_, false) => 0.0,
        };
        if after.is_none_or(|after| !after.is_ascii() && !self.has(after)) {
            bits += self.end(letter);
        }
        bits
    }

    fn end(&self, letter: char) -> f32 {
        self.after(small(letter), ' ') - USUAL_END
    }

    /// An alphabet's letter beside an ASCII letter.
    fn touching(&self, other: char) -> f32 {
        match self.kind {
            Casing::Alphabet if other.is_ascii_alphabetic() => 8.0,
            Casing::HalfWidth if other.is_ascii_alphabetic() => 3.0,
            _ => 0.0,
        }
    }

    /// A character beyond ASCII that is not a letter of the language.
    fn foreign(&self, letter: char, before: Option<char>, after: Option<char>) -> f32 {
        let is_letter = |other: Option<char>| other.is_some_and(char::is_alphabetic);
        let is_inside = is_letter(before) && is_letter(after);
        let bits = match letter {
            '‘' | '’' | '“' | '”' | '–' | '…' if self.kind == Casing::Latin => return 7.5,
            _ if self.marks.contains(letter) => 9.0,
            '\u{a0}' => 10.0,
            _ if self.kind == Casing::Latin && letter.is_alphabetic() && !matches!(letter, 'º' | 'ª') => 13.0,
            // Kanji are the business of another script of the same set.
            _ if self.kind == Casing::HalfWidth => 40.0,
            _ => 15.0,
        };
        // Catalan has `l·l`; no other sign is within a word.
        bits + if is_inside
            && self.kind == Casing::Latin
            && (!letter.is_alphabetic() || matches!(letter, 'º' | 'ª'))
            && letter != '·'
        {
            8.0
        } else {
            0.0
        }
    }
}

/// Bits of a letter's case behind another letter, or at the beginning of a word.
fn case(letter: char, left: Option<char>) -> f32 {
    match left {
        _ if !letter.is_uppercase() => 0.0,
        None => 1.5,
        Some(left) if left.is_lowercase() => 8.0,
        Some(_) => 0.5,
    }
}

/// The small form of a letter, but not one of ASCII: Turkish `İ` is a letter of its own.
fn small(letter: char) -> char {
    letter.to_lowercase().next().filter(|small| small.is_ascii() == letter.is_ascii()).unwrap_or(letter)
}
