//! What a text costs in bits by how common its East Asian characters are.

use std::collections::HashMap;
use std::sync::LazyLock;

use encoding_rs::Encoding;

use super::ASCII;
use super::common::{HANGUL, KANJI, SIMPLIFIED, TRADITIONAL};

/// What is written with characters of full width.
#[derive(Clone, Copy)]
pub(super) enum Wide {
    /// Kana and kanji.
    Japanese,
    /// Chinese characters as on the mainland.
    Simplified,
    /// Chinese characters as on Taiwan.
    Traditional,
    /// Korean syllables.
    Korean,
}

/// Bits of a character that no text of the language has.
const STRANGE: f32 = 17.0;

type Ranks = HashMap<char, f32>;

static KANJI_RANKS: LazyLock<Ranks> = LazyLock::new(|| ranks(KANJI));
static SIMPLIFIED_RANKS: LazyLock<Ranks> = LazyLock::new(|| ranks(SIMPLIFIED));
static TRADITIONAL_RANKS: LazyLock<Ranks> = LazyLock::new(|| ranks(TRADITIONAL));
static HANGUL_RANKS: LazyLock<Ranks> = LazyLock::new(|| ranks(HANGUL));

fn ranks(list: &str) -> Ranks {
    list.chars().zip(0u16..).map(|(letter, place)| (letter, f32::from(place))).collect()
}

/// Bits of the character at a place in its list: twice as far down is half as common.
fn by_rank(first: f32, ranks: &Ranks, letter: char) -> Option<f32> {
    ranks.get(&letter).map(|place| first + (1.0 + place / 25.0).log2())
}

impl Wide {
    /// Bits of one character. `before` and `after` are its neighbours.
    pub(super) fn bits(self, table: &'static Encoding, letter: char, before: Option<char>, after: Option<char>) -> f32 {
        if letter.is_ascii() {
            return ASCII;
        }
        let code = || code(table, letter);
        let bits = match self {
            _ if is_wide_mark(letter) => 9.0,
            Wide::Japanese => japanese(letter, table, code),
            Wide::Simplified => by_rank(6.5, &SIMPLIFIED_RANKS, letter).unwrap_or_else(|| simplified(letter, code())),
            Wide::Traditional => {
                by_rank(6.5, &TRADITIONAL_RANKS, letter).unwrap_or_else(|| traditional(letter, code()))
            }
            Wide::Korean => by_rank(5.5, &HANGUL_RANKS, letter).unwrap_or_else(|| korean(letter, code())),
        };
        bits + company(before, after)
    }
}

/// The two bytes of a character in its set, which say how common it is.
fn code(table: &'static Encoding, letter: char) -> [u8; 2] {
    table.encode(letter.encode_utf8(&mut [0; 4])).0.first_chunk().copied().unwrap_or_default()
}

fn japanese(letter: char, table: &'static Encoding, code: impl Fn() -> [u8; 2]) -> f32 {
    let is_shift_jis = table == encoding_rs::SHIFT_JIS;
    match letter {
        'ぁ'..='ゖ' => 6.0,
        'ァ'..='ー' => 7.0,
        // One line of type holds wide or narrow ones, not both.
        '\u{ff61}'..='\u{ff9f}' => 11.0,
        _ if let Some(bits) = by_rank(7.0, &KANJI_RANKS, letter) => bits,
        // Level 1 ends within the row of 0x98; before it are symbols and foreign letters.
        _ if is_shift_jis => match code()[0] {
            0x88..=0x97 => 13.0,
            0x81..=0x87 | 0x98 => 14.0,
            _ => STRANGE,
        },
        _ => match code()[0] {
            0xb0..=0xcf => 13.0,
            0xa1..=0xa8 => 14.0,
            _ => STRANGE,
        },
    }
}

/// Level 1, level 2, what GBK added.
fn simplified(letter: char, code: [u8; 2]) -> f32 {
    match code {
        _ if !is_han(letter) => STRANGE,
        [0xb0..=0xd7, 0xa1..=0xff] => 13.5,
        [0xd8..=0xf7, 0xa1..=0xff] => 15.0,
        _ => STRANGE + 2.0,
    }
}

/// Level 1 by strokes, then level 2.
fn traditional(letter: char, code: [u8; 2]) -> f32 {
    match code[0] {
        _ if !is_han(letter) => STRANGE,
        0xa4..=0xc6 => 13.5,
        _ => STRANGE,
    }
}

/// The syllables of KS X 1001, then those that code page 949 added.
fn korean(letter: char, code: [u8; 2]) -> f32 {
    match (letter, code) {
        ('\u{ac00}'..='\u{d7a3}', [0xb0..=0xc8, 0xa1..=0xff]) => 12.0,
        ('\u{ac00}'..='\u{d7a3}', _) => STRANGE + 2.0,
        ('·', _) => 10.0,
        _ => STRANGE,
    }
}

fn is_han(letter: char) -> bool {
    ('\u{4e00}'..='\u{9fff}').contains(&letter)
}

/// Punctuation and letters of the width of a kanji.
fn is_wide_mark(letter: char) -> bool {
    matches!(letter, '\u{3000}'..='\u{303f}' | '\u{ff01}'..='\u{ff5e}')
}

/// Scripts of wide characters touch Latin words seldom, are within one never, and are rarely alone.
fn company(before: Option<char>, after: Option<char>) -> f32 {
    let is_latin = |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_alphabetic());
    let touches = match (is_latin(before), is_latin(after)) {
        (true, true) => 10.0,
        (false, false) => 0.0,
        _ => 3.0,
    };
    let is_alone = ![before, after].into_iter().flatten().any(|letter| !letter.is_ascii());
    touches + if is_alone { 4.0 } else { 0.0 }
}
